/*
 * loop.c - the turn: run who is ready, wait, fire deadlines.
 */
#include "task/switch.h"
#include "task/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
bury(tn_loop *loop)
{
    tn_task *t = loop->ended;

    loop->ended = NULL;
    loop->live--;
    tn__heap_remove(&loop->heap, t);
    tn__track_fini(&t->track);
    tn__stacks_put(&loop->stacks, t->stack);
}

static void
run_task(tn_loop *loop, tn_task *t)
{
    tn__self = t;
    tn__why_here = &t->why;
    tn__track_leave(&loop->track, &t->track, false);
    tn__switch(&loop->sp, t->sp);
    tn__track_enter(&loop->track, NULL);
    tn__self = NULL;
    tn__why_here = NULL;
    if (loop->ended) {
        bury(loop);
    }
}

static void
run_ready(tn_loop *loop)
{
    struct tn__op *op;

    for (int n = 0; n < TN_TURN_TASKS; n++) {
        op = tn__opq_pop(&loop->ready);
        if (!op) {
            return;
        }
        run_task(loop, op->task);
    }
}

static void
fire_deadlines(tn_loop *loop)
{
    tn_task *t;

    while ((t = tn__heap_due(&loop->heap, loop->now)) != NULL) {
        tn__interrupt_task(t, -ETIME);
    }
}

/* Nobody can run and nothing can happen: in the simulator that is a mistake
   of the program under test, to be seen at once. */
static void
report_deadlock(const tn_loop *loop)
{
    fprintf(stderr,
            "tenon: deadlock: %u tasks are parked and no event is left "
            "(seed %llu)\n",
            loop->live, (unsigned long long)loop->seed);
    abort();
}

/* A signal's hook wants out, or the kernel refuses to wait at all: every task
   is told, and the loop ends when they have. */
static void
give_up(tn_loop *loop, int code)
{
    loop->cancel_code = code;
    tn__cancel_task(loop->root);
}

static bool
may_go_on(const tn_loop *loop, int err)
{
    if (loop->done) {
        return true; /* there is nobody left to tell */
    }
    return err == -EINTR && !(loop->catch_interrupt && tn__interrupted());
}

static void
wait_turn(tn_loop *loop)
{
    const struct tn__backend *be = loop->waiter->backend;
    int64_t until = TN_NEVER;
    int r;

    if (loop->ready.head || loop->inbox.full) {
        until = 0;
    } else if (loop->heap.count > 0) {
        until = loop->heap.at[0]->timer;
    }
    r = be->wait(loop->waiter, until);
    if (r == -EDEADLK) {
        report_deadlock(loop);
    }
    if (r < 0 && !may_go_on(loop, r)) {
        give_up(loop, r);
    }
    if (r != 0) {
        loop->now = be->now(loop->waiter);
        fire_deadlines(loop);
    }
}

static void
turn(tn_loop *loop)
{
    run_ready(loop);
    if (loop->done && loop->inbox.waker) {
        tn_task *waker = loop->inbox.waker;

        loop->inbox.waker = NULL;
        tn__cancel_task(waker);
    }
    if (loop->live == 0) {
        return;
    }
    tn__inbox_drain(loop);
    wait_turn(loop);
}

/* ---- making a loop ---- */

static const struct tn__backend *
by_name(const char *name)
{
    static const struct tn__backend *const all[] = {
        &tn__backend_epoll,
        &tn__backend_poll,
        &tn__backend_sim,
    };

    if (strcmp(name, "auto") == 0) {
        return &tn__backend_epoll;
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        /* The simulator's symbol is weak: a build may lack it. */
        if (all[i] && strcmp(name, all[i]->name) == 0) {
            return all[i];
        }
    }
    return NULL;
}

/* The environment rules, so that one variable tries a program on each backend;
   but a simulation stays one. */
static const struct tn__backend *
choose(tn_loop *loop, const char *wanted)
{
    const struct tn__backend *be = by_name(wanted ? wanted : "auto");
    const char *forced = getenv("TN_BACKEND");
    const struct tn__backend *other;

    if (!be || be == &tn__backend_sim || !forced || !forced[0]) {
        return be;
    }
    other = by_name(forced);
    if (!other || other == &tn__backend_sim) {
        loop->why = "TN_BACKEND names no backend of this build";
        return be;
    }
    return other;
}

static int
open_waiter(tn_loop *loop, const tn_opts *o)
{
    static const tn_sim_opts sim_defaults;
    const tn_sim_opts *sim = o->sim ? o->sim : &sim_defaults;
    const struct tn__backend *be = choose(loop, o->backend);
    int r;

    if (!be) {
        return tn_fail(-EINVAL, "choose backend", o->backend);
    }
    loop->is_sim = be == &tn__backend_sim;
    loop->seed = loop->rng.state = sim->seed;
    r = be->open(&loop->waiter, sim);
    if (r < 0 && be == &tn__backend_epoll) {
        loop->why = "epoll could not be set up";
        r = tn__backend_poll.open(&loop->waiter, sim);
    }
    return r < 0 ? tn_fail(r, "start loop", be->name) : 0;
}

static int
check_opts(const tn_opts *o)
{
    size_t stack = o->stack_size;

    if (stack != 0 && (stack < TN_STACK_MIN || stack > TN_STACK_MAX)) {
        return tn_fail(-EINVAL, "start loop", "stack_size");
    }
    if (o->max_tasks > TN_TASKS_MAX) {
        return tn_fail(-EINVAL, "start loop", "max_tasks");
    }
    if (o->pool_threads < 0 || o->pool_threads > TN_POOL_THREADS_MAX) {
        return tn_fail(-EINVAL, "start loop", "pool_threads");
    }
    return 0;
}

static int
loop_init(tn_loop *loop, const tn_opts *o)
{
    int r = check_opts(o);

    *loop = (tn_loop){
        .cancel_code = -ECANCELED,
        .max_tasks = o->max_tasks ? (uint32_t)o->max_tasks : TN_TASKS_MAX,
        .catch_interrupt = o->catch_interrupt,
        .pool_threads = o->pool_threads ? o->pool_threads : TN_POOL_THREADS,
        .why = "",
    };
    if (r == 0) {
        r = open_waiter(loop, o);
    }
    if (r < 0) {
        return r;
    }
    loop->now = loop->waiter->backend->now(loop->waiter);
    tn__stacks_init(&loop->stacks,
                    o->stack_size ? o->stack_size : TN_STACK_DEFAULT);
    tn__inbox_init(&loop->inbox);
    tn__track_here(&loop->track);
    return 0;
}

static void
loop_fini(tn_loop *loop)
{
    tn__inbox_fini(loop);
    loop->waiter->backend->close(loop->waiter);
    tn__stacks_fini(&loop->stacks);
    free(loop->heap.at);
}

int
tn_run(const tn_opts *opts, tn_task_fn *fn, void *arg)
{
    static const tn_opts defaults;
    tn_loop loop;
    int r;

    if (tn__loop) {
        return tn_fail(-EDEADLK, "start loop", NULL);
    }
    r = loop_init(&loop, opts ? opts : &defaults);
    if (r < 0) {
        return r;
    }
    tn__loop = &loop;
    tn__overflow_enter();
    r = tn__spawn(&loop, NULL, fn, arg, &loop.root);
    if (r == 0) {
        while (loop.live > 0) {
            turn(&loop);
        }
        r = loop.result;
    }
    tn__overflow_leave();
    loop_fini(&loop);
    tn__loop = NULL;
    return r;
}

const char *
tn_backend_name(void)
{
    return tn__loop ? tn__loop->waiter->backend->name : "thread";
}

const char *
tn_backend_why(void)
{
    return tn__loop ? tn__loop->why : "";
}

tn_loop *
tn_loop_self(void)
{
    tn_loop *loop = tn__loop;

    if (!loop || tn__inbox_open(loop) < 0) {
        return NULL;
    }
    return loop;
}

int64_t
tn_now(void)
{
    tn_loop *loop = tn__loop;

    if (!loop) {
        return tn__clock_now();
    }
    loop->now = loop->waiter->backend->now(loop->waiter);
    return loop->now;
}
