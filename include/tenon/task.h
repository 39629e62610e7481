/*
 * tenon/task.h - straight-line code that waits: tasks, groups, deadlines.
 *
 * tn_run() makes a loop on the calling thread and runs one function as its
 * root task. A task that calls tn_recv() parks and others run; the same call in
 * a plain thread blocks. A group owns tasks and always waits for them; a scope
 * puts a deadline on, or cancels, everything called inside it.
 *
 *     tn_group g;
 *     tn_group_init(&g, 0);
 *     tn_go(&g, client, arg);
 *     int err = tn_group_wait(&g);
 *
 * Cancellation is level-triggered: in a cancelled scope each call that could
 * wait fails at once, until the scope ends. A call that got data returns them
 * nevertheless, and no call returns while its buffer may still be written.
 *
 * Errors:  negative codes of err.h.
 * Threads: tasks never leave the thread they started on. What another thread
 *          may call says so.
 * Next:    chan.h to pass values between tasks, loop.h for threads and signals.
 */
#ifndef TENON_TASK_H
#define TENON_TASK_H

#include <tenon/api.h>
#include <tenon/run.h>

typedef struct tn__task tn_task;

/* A region of one task's code. Storage is the caller's; fields are private. */
typedef struct tn_scope {
    struct tn_scope *parent;
    tn_task *task;
    int64_t deadline;
    bool shield, cancelled, fired;
} tn_scope;

enum {
    TN_KEEP_GOING = 1 << 0, /* a child's error does not cancel its siblings */
};

/* Tasks that end before their owner goes on. Fields are private. */
typedef struct tn_group {
    tn_scope scope;
    tn_task *owner;
    struct tn_group *outer;
    tn_task *children;
    struct tn__op *waiter;
    uint32_t live;
    unsigned flags;
    int error;
} tn_group;

TN_BEGIN_DECLS

/**
 * Prepare a group in the caller's frame.
 *
 * The group lives inside the scopes that are open now. tn_group_wait() must be
 * called before the frame ends.
 *
 * @param g      storage of the caller; borrowed until tn_group_wait().
 * @param flags  0 or TN_KEEP_GOING.
 * @suspends   no.
 * @thread     a task; debug builds abort elsewhere.
 * @see        Python asyncio.TaskGroup; Trio's nursery.
 */
TN_API void tn_group_init(tn_group *g, unsigned flags);

/**
 * Start a task in a group.
 *
 * It runs after the caller parks or ends, in the order of starting.
 *
 * @param g    borrowed until the task ended; an initialised group.
 * @param fn   the task.
 * @param arg  borrowed until the task ended: data in the group's own frame is
 *             safe, because the group is waited for.
 * @return 0; or, nothing having started,
 *   -ENOMEM     no stack,
 *   -EAGAIN     max_tasks are alive,
 *   -ECANCELED  the group is cancelled already (-ETIME: by a deadline).
 * @suspends   no.
 * @thread     a task of the group's loop: its owner or any other.
 * @see        Python TaskGroup.create_task; Go's go statement.
 */
TN_API TN_USE int tn_go(tn_group *g, tn_task_fn *fn, void *arg);

/**
 * Give the calling task a name for messages about it.
 *
 * @param name  borrowed until the task ends; a string literal is usual.
 * @suspends   no.
 * @thread     a task; no effect elsewhere.
 * @see        pthread_setname_np(3); Python Task.set_name.
 */
TN_API void tn_task_name(const char *name);

/**
 * Cancel all tasks of a group.
 *
 * Asynchronous and idempotent: the tasks see -ECANCELED at their next or
 * present wait. New ones are refused.
 *
 * @param g  borrowed; an initialised group.
 * @suspends   no.
 * @thread     any task of the group's loop.
 * @see        Trio's cancel_scope.cancel.
 */
TN_API void tn_group_cancel(tn_group *g);

/**
 * Wait until every task of the group has ended.
 *
 * Waiting cannot be given up: if the caller is cancelled or its deadline
 * passes, the group is cancelled and waited for nevertheless.
 *
 * @param g  borrowed; afterwards it may be initialised again.
 * @return 0; or the first negative result of a child; or
 *   -ECANCELED or -ETIME if the caller is cancelled, even if no child was
 *   left to wait for.
 *   -ECANCELED of children that the group cancelled does not count.
 * @suspends   yes, if a child is alive.
 * @thread     the task that initialised the group.
 * @see        Python TaskGroup.__aexit__.
 */
TN_API int tn_group_wait(tn_group *g);

/**
 * Open a scope that ends every call within it at a deadline.
 *
 * Calls then fail with -ETIME. Inner scopes can only shorten. Children that
 * the task waits for in it are cancelled: theirs fail with -ECANCELED.
 *
 * @param s        storage of the caller; borrowed until tn_scope_end().
 * @param timeout  ns from now, >= 0; TN_FOREVER for a scope that is only
 *                 there to be cancelled.
 * @suspends   no.
 * @thread     a task; debug builds abort elsewhere.
 * @see        Python asyncio.timeout; Trio's move_on_after.
 */
TN_API void tn_deadline(tn_scope *s, int64_t timeout);

/**
 * Open a scope that outer cancellation and deadlines do not reach.
 *
 * For cleanup that has to wait: say good-bye, flush.
 *
 * @param s        storage of the caller; borrowed until tn_scope_end().
 * @param timeout  ns, 0 to TN_SHIELD_MAX (60 s); anything else counts as that.
 * @suspends   no.
 * @thread     a task; debug builds abort elsewhere.
 * @see        Trio's CancelScope(shield=True).
 */
TN_API void tn_shield(tn_scope *s, int64_t timeout);

/**
 * Cancel a scope: each call within it fails with -ECANCELED.
 *
 * @param s  borrowed; an open scope.
 * @suspends   no.
 * @thread     any task of the scope's loop.
 * @see        Trio's cancel_scope.cancel.
 */
TN_API void tn_scope_cancel(tn_scope *s);

/**
 * Close a scope.
 *
 * @param s  the innermost open scope of the calling task.
 * @return true if this scope's own deadline made a call fail.
 * @suspends   no.
 * @thread     the task that opened it.
 * @see        Trio's cancelled_caught.
 */
TN_API bool tn_scope_end(tn_scope *s);

/**
 * Let other tasks run, and see whether the caller is cancelled.
 *
 * @return 0, or -ECANCELED or -ETIME. In a plain thread 0.
 * @suspends   yes.
 * @thread     any.
 * @see        sched_yield(2); Trio's checkpoint.
 */
TN_API int tn_checkpoint(void);

/**
 * Sleep.
 *
 * @param duration  ns; 0 or less is tn_checkpoint(); TN_FOREVER sleeps until
 *                  cancelled.
 * @return 0 after the time; -ECANCELED or -ETIME if cut short; in a plain
 *   thread -EINTR if the hook of tn_on_interrupt() asks for it.
 * @suspends   yes.
 * @thread     any; a plain thread blocks.
 * @see        nanosleep(2); Python time.sleep.
 */
TN_API int tn_sleep(int64_t duration);

/**
 * Read the monotonic clock.
 *
 * @return ns since an arbitrary start; virtual in the simulator, where equal
 *   moments are equal.
 * @suspends   no.
 * @thread     any.
 * @see        clock_gettime(2) CLOCK_MONOTONIC; Python time.monotonic_ns.
 */
TN_API int64_t tn_now(void);

TN_END_DECLS

#endif
