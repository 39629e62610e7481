/*
 * tenon/run.h - start a loop: tn_run(), its options, its backends.
 *
 * Comes with task.h, which says what runs inside.
 *
 * Errors:  negative codes of err.h.
 * Threads: one loop per thread; see loop.h for several.
 * Next:    task.h.
 */
#ifndef TENON_RUN_H
#define TENON_RUN_H

#include <tenon/api.h>

/* What the task function returns: >= 0, or a negative code. */
typedef int tn_task_fn(void *arg);

/* What tn_sim does to the traffic; each chance is in 1/1000. */
typedef struct tn_sim_opts {
    uint64_t seed;     /* every choice comes from it */
    int64_t max_delay; /* ns; bytes and datagrams take 0 to this; 0 = 1 ms */
    int loss, dup;     /* datagrams lost, doubled */
    int reset;         /* a send finds the stream reset */
    int refuse;        /* a connect is refused */
    int emfile;        /* socket or accept finds no descriptor */
} tn_sim_opts;

/* Choices for tn_run(); a zeroed struct holds the defaults. */
typedef struct tn_opts {
    const char *backend;    /* "auto" (NULL), "epoll", "poll", "sim"; the
                               environment's TN_BACKEND rules over the first
                               three; borrowed during the call */
    size_t stack_size;      /* bytes a task's stack may grow to; 32 KiB to
                               64 MiB; 0 = TN_STACK_DEFAULT (256 KiB) */
    size_t max_tasks;       /* tn_go() gives -EAGAIN above; 0 = 4,000,000 */
    int pool_threads;       /* 1 to 64 for tn_offload(); 0 = 4 */
    const tn_sim_opts *sim; /* for "sim"; borrowed during the call */
    bool catch_interrupt;   /* ask tn_on_interrupt()'s hook on EINTR */
} tn_opts;

TN_BEGIN_DECLS

/**
 * Run a function as the root task of a new loop on this thread.
 *
 * Returns when the root task ended; its groups ended before it. In an
 * environment where the wanted backend cannot work, the next one is taken and
 * tn_backend_why() says so. A child that a task forks may only exec or _exit.
 *
 * @param opts  borrowed; NULL for the defaults.
 * @param fn    the root task; its stack is stack_size bytes.
 * @param arg   handed to `fn`; borrowed until return.
 * @return what `fn` returned; or, `fn` never having run,
 *   -EDEADLK  the caller is itself a task,
 *   -EINVAL   an option is out of range or names no backend,
 *   -ENOMEM -EMFILE -ENFILE  the loop could not be made.
 * @suspends   no; it blocks the thread, which becomes the loop's.
 * @thread     any thread that runs no loop yet.
 * @see        epoll(7); Python asyncio.run.
 */
TN_API TN_USE int tn_run(const tn_opts *opts, tn_task_fn *fn, void *arg);

/**
 * Name the backend that waits for the caller.
 *
 * @return "epoll", "poll", "sim"; "thread" outside a loop.
 * @suspends   no.
 * @thread     any.
 * @see        select.epoll and select.poll of Python.
 */
TN_API const char *tn_backend_name(void);

/**
 * Say why the backend in use is not the one that was asked for.
 *
 * @return a static sentence, or "" when the choice was granted.
 * @suspends   no.
 * @thread     any.
 * @see        tn_run().
 */
TN_API const char *tn_backend_why(void);

TN_END_DECLS

#endif
