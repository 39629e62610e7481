/*
 * task.h - what a task and a loop are, for the layers that park in them.
 *
 * A loop runs on one thread: a queue of completed ops whose tasks may go on, a
 * heap of deadlines, a backend. One turn runs the ready tasks, takes what other
 * threads posted, waits for the backend, and fires deadlines.
 */
#ifndef TENON_TASK_TASK_H
#define TENON_TASK_TASK_H

#include <tenon/loop.h>
#include <tenon/task.h>

#include "task/sanitizer.h"
#include "task/stack.h"
#include "wait/waiter.h"

#include <pthread.h>
#include <stdatomic.h>

struct tn__task {
    /* One cache line: what every park and resume touches. */
    void *sp; /* saved while parked */
    tn_loop *loop;
    struct tn__op *op;    /* what it is parked on; NULL while it runs */
    int64_t deadline;     /* the nearest of the scopes we are in */
    int64_t due;          /* when to cancel op; TN_NEVER */
    int64_t timer;        /* its key in the heap: due, or an earlier one */
    uint32_t timer_index; /* in the loop's heap; TN__NO_TIMER */
    int stop;             /* why op is being cancelled, or 0 */
    int cancelled;        /* explicit cancel of a scope we are in: a code */
    int budget;           /* ops until we go to the tail */

    uint64_t id; /* from 1, in the order of starting */
    const char *name;
    tn_task_fn *fn;
    void *arg;
    void *stack;          /* its top */
    struct tn__op resume; /* of start and yield */
    tn_scope root;
    tn_scope *scope; /* innermost */
    tn_group *group; /* whose child we are; NULL for the root task */
    tn_task *prev, *next;
    tn_group *groups; /* ours that have children, innermost first */
    tn_task *visit;   /* worklist of a cancellation */
    struct tn__why why;
    struct tn__track track;
};

#define TN__NO_TIMER UINT32_MAX

/* The deadlines of tasks: a 4-ary heap, ties by task id. An entry outlives the
   wait it was made for: the next one most often has a later deadline, and then
   nothing is to be done (see heap.c). */
struct tn__heap {
    tn_task **at;
    uint32_t count, cap;
};

/* What another thread wants run here. */
struct tn__post {
    struct tn__post *next;
    void (*fn)(void *arg);
    void *arg;
    bool embedded; /* in a job: not ours to free */
};

/* The door for other threads. */
struct tn__inbox {
    pthread_mutex_t lock;
    struct tn__post *head, *tail;
    size_t count;
    bool closed;
    struct tn__post stop; /* tn_loop_stop() */
    atomic_bool stopping;
    atomic_bool full;    /* there is something: a look without the lock */
    struct tn__fd event; /* eventfd; fd -1 until somebody may come */
    tn_task *waker;      /* reads it */
};

struct tn_loop {
    struct tn__waiter *waiter;
    struct tn__opq ready;
    int64_t now; /* when the clock was last read: good enough for a check */
    tn_task *root;
    uint32_t live; /* tasks alive, the waker included */
    uint32_t max_tasks;
    uint64_t last_id;
    int result;      /* of the root task */
    int cancel_code; /* what an explicit cancel returns: -ECANCELED */
    bool catch_interrupt;
    bool done; /* the root task has ended */
    bool is_sim;
    tn_task *ended; /* its stack is still to be recycled */
    struct tn__heap heap;
    struct tn__stacks stacks;
    struct tn__inbox inbox;
    struct tn__rng rng;
    uint64_t seed;
    int pool_threads;
    const char *why; /* the backend is not the one asked for */
    void *sp;        /* the thread's own stack, while a task runs */
    struct tn__track track;
};

/* The running task and its loop. */
extern _Thread_local tn_task *tn__self;
extern _Thread_local tn_loop *tn__loop;

/* ---- await.c: the one place where a task parks ---- */

/* Run an op to its end: in a task park, in a thread block. Counts against the
   scopes' deadlines and cancellation, and `lim`. Returns its result, or
   -ECANCELED, -ETIME, or -EAGAIN if lim->timeout is 0. */
ssize_t tn__await(struct tn__op *op, struct tn__limit *lim); /* suspends */

/* The same without looking at cancellation first (group wait). */
ssize_t tn__await_always(struct tn__op *op, struct tn__limit *lim);

/* 0, or the code that each call in the present scope must return. */
int tn__check(tn_task *t);

/* May t make a call that does not wait without going through tn__await()? It
   counts like one. */
bool tn__at_once(tn_task *t);

/* End what t is parked on, for the reason `stop`. */
void tn__interrupt_task(tn_task *t, int stop);

/* ---- loop.c ---- */

/* Make a task and put it into the queue. 0, -ENOMEM, -EAGAIN. */
int tn__spawn(tn_loop *loop, tn_group *group, tn_task_fn *fn, void *arg,
              tn_task **out);

/* Leave the running task; returns when its op is done. */
void tn__park(void);

/* Give back the pages that the running task's stack once grew to and that
   nothing is on now: before a wait that may last. */
void tn__trim_stack(void);

/* Put t, which is not parked on an op, at the queue's tail. */
void tn__make_ready(tn_task *t);

/* ---- heap.c ---- */

int tn__heap_reserve(struct tn__heap *h, uint32_t tasks);

/* See to it that t comes up at t->due, or before. */
void tn__heap_arm(struct tn__heap *h, tn_task *t);

/* Take t out, if it is in. */
void tn__heap_remove(struct tn__heap *h, tn_task *t);

/* The next task that is due at `now`, taken out; or NULL. */
tn_task *tn__heap_due(struct tn__heap *h, int64_t now);

/* ---- scope.c ---- */

/* Recompute what the scopes around t mean for it. */
void tn__scope_refresh(tn_task *t);

/* Record that a deadline of t's scopes ended a call. */
void tn__scope_fired(tn_task *t);

/* Refresh and interrupt every task below the group, or below t. */
void tn__cancel_group(tn_group *g);
void tn__cancel_task(tn_task *t);

/* A child of g has ended with `result`. */
void tn__group_child_ended(tn_group *g, tn_task *t, int result);

/* ---- inbox.c ---- */

void tn__inbox_init(struct tn__inbox *in);
void tn__inbox_fini(tn_loop *loop);

/* Be ready for other threads: eventfd and the task that reads it. */
int tn__inbox_open(tn_loop *loop);

/* Hand p in. 0, -EAGAIN, -ESHUTDOWN. Any thread. */
int tn__inbox_push(tn_loop *loop, struct tn__post *p);

/* Run what was handed in. */
void tn__inbox_drain(tn_loop *loop);

/* ---- overflow.c ---- */

/* This thread has, or has no longer, a loop. */
void tn__overflow_enter(void);
void tn__overflow_leave(void);

#endif
