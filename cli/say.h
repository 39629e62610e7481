/*
 * cli/say.h - words for people: one line on stderr, and the exit code.
 *
 * Every line begins with "tenon COMMAND: ".
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <tenon/addr.h>
#include <tenon/api.h>

/* What the program's end tells, the same for every command. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,   /* the remote side or the system failed */
    EXIT_USAGE = 2,    /* nothing was tried */
    EXIT_TIMEOUT = 3,  /* a time limit passed */
    EXIT_REFUSED = 6,  /* the peer said no */
    EXIT_SIGNAL = 128, /* plus the signal's number */
};

/** Set the command's name for the lines to come; NULL before one is known. */
void say_as(const char *command);

/** Print one line. */
void say(const char *format, ...) TN_PRINTF(1, 2);

/**
 * Write to stdout what a program reads. A reader that is slow holds us up; one
 * that has stopped does not keep a signal from ending us.
 *
 * @param text  borrowed; `n` bytes. Not seen by who has left.
 * @param n     bytes.
 */
void say_data(const char *text, size_t n);

/** Print one line about a wrong use; returns EXIT_USAGE. */
int say_usage(const char *format, ...) TN_PRINTF(1, 2);

/** Tell whether a line would have to wait, because nobody takes what stderr
    holds: a server has better things to do. */
bool say_waits(void);

/** Tell whether who reads stdout is behind: what is worth less than what may
    follow is better left out. */
bool say_data_waits(void);

/**
 * Print tn_why() and a hint where one exists; call it in the task that failed.
 *
 * Nothing is printed for -ECANCELED: who cancelled knows why.
 *
 * @param err  negative.
 * @param ep   where it happened, for the hints; may be NULL.
 * @return EXIT_TIMEOUT for -ETIME and -ETIMEDOUT, else EXIT_FAILED.
 */
int say_failed(int err, const tn_endpoint *ep);

#endif
