/*
 * cli/run.h - the frame around a command: start, signals, end.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <tenon/sock.h>

#include <stdbool.h>

/* The work of a command; runs in a task. Returns an exit code (say.h), having
   said why if that is not 0. */
typedef int command_fn(void *arg);

enum run_kind {
    RUN_ONCE,   /* Ctrl-C means "not done": 130 */
    RUN_SERVER, /* Ctrl-C is how it ends: 0; a second one ends it at once */
};

/**
 * Prepare the process: SIGPIPE ignored, descriptors 0 to 2 never a socket, a
 * stack overflow reported.
 *
 * @return 0, or a negative code, the complaint printed.
 */
int program_start(void);

/** Flush stdout; its failure turns success into EXIT_FAILED. */
int program_end(int code);

/**
 * Run a command's work in a loop until it ends or a signal comes.
 *
 * On SIGINT, SIGTERM or SIGHUP the work is cancelled and awaited; every call
 * in it that waits then fails with -ECANCELED.
 *
 * @return what `fn` returned, or 128 + signal, or 0 as `kind` says.
 */
int run_task(command_fn *fn, void *arg, enum run_kind kind);

/**
 * Have SIGHUP mean something else than the end, for the next run_task().
 *
 * @param fn   called in a task of the loop for each; must not wait.
 * @param arg  handed to it; borrowed until run_task() returns.
 */
void run_on_hangup(void (*fn)(void *arg), void *arg);

/**
 * Have the first signal that ends the work begin an end in order, for the next
 * run_task().
 *
 * @param fn   called in a task of the loop; must not wait. True: the work ends
 *             by itself now, and a second signal cancels it; false: cancel it.
 * @param arg  handed to it; borrowed until run_task() returns.
 */
void run_on_stop(bool (*fn)(void *arg), void *arg);

/**
 * Tell a waiting script where we listen.
 *
 * @param fd    where to write; -1 for nowhere.
 * @param text  the bound address.
 * @return EXIT_DONE or EXIT_FAILED, the complaint printed.
 */
int run_ready(int fd, const char *text);

/**
 * Wrap stdin, stdout or stderr; a failure names it.
 *
 * @param out  given (end with tn_close()); NULL on failure.
 * @param fd   0 to 2.
 * @return 0, or a negative code, after tn_fail().
 */
int run_wrap(tn_sock **out, int fd);

#endif
