/*
 * await.c - where a task waits, and how waiting is cut short.
 *
 * The rules: a call returns only when its op is complete, so its buffer is the
 * caller's again; a result that came wins over a cancel that was asked for;
 * and in a cancelled scope each further call fails at once.
 */
#include "task/task.h"

int
tn__check(tn_task *t)
{
    if (TN_UNLIKELY(t->cancelled != 0)) {
        return t->cancelled;
    }
    if (TN_UNLIKELY(t->deadline != TN_NEVER)) {
        /* Deadlines are met lazily: nothing has to mark the task. */
        if (t->loop->now >= t->deadline) {
            tn__scope_fired(t);
            return -ETIME;
        }
    }
    return 0;
}

void
tn__interrupt_task(tn_task *t, int stop)
{
    struct tn__op *op = t->op;

    if (!op || op->state != TN__PENDING) {
        return;
    }
    if (t->stop == 0) {
        t->stop = stop;
    }
    op->state = TN__CANCELLING;
    op->cls->cancel(op);
}

static void
arm_timer(tn_task *t, struct tn__limit *lim)
{
    t->due = t->deadline;
    if (lim->timeout >= 0) {
        int64_t own = lim->deadline;

        if (own == 0) {
            own = tn__limit_deadline(lim, tn_now());
        }
        t->due = own < t->due ? own : t->due;
    }
    if (t->due != TN_NEVER) {
        tn__heap_arm(&t->loop->heap, t);
    }
}

/* The op was cut short: by whom? */
static ssize_t
cut_short(tn_task *t, int stop)
{
    if (stop == -ETIME && t->deadline <= t->due) {
        tn__scope_fired(t);
    }
    return stop;
}

ssize_t
tn__await_always(struct tn__op *op, struct tn__limit *lim)
{
    tn_task *t = tn__self;
    ssize_t r;
    int stop;

    op->nowait = lim->timeout == 0;
    op->queue = &t->loop->ready;
    op->task = t;
    if (op->cls->start(op)) {
        return op->result;
    }
    t->op = op;
    t->stop = 0;
    arm_timer(t, lim);
    tn__park();
    stop = t->stop;
    r = op->result;
    return r == -ECANCELED && stop != 0 ? cut_short(t, stop) : r;
}

/* Others first, after so many calls that did not have to wait. */
static int
spend(tn_task *t)
{
    if (TN_LIKELY(--t->budget > 0)) {
        return 0;
    }
    return tn_checkpoint();
}

bool
tn__at_once(tn_task *t)
{
    if (t->budget <= 1 || tn__check(t) != 0) {
        return false;
    }
    t->budget--;
    return true;
}

ssize_t
tn__await(struct tn__op *op, struct tn__limit *lim)
{
    tn_task *t = tn__self;
    int r;

    if (!t) {
        op->nowait = lim->timeout == 0;
        op->result = tn__op_block(op, lim);
        return op->result;
    }
    r = tn__check(t);
    if (TN_LIKELY(r == 0)) {
        r = spend(t);
    }
    if (TN_LIKELY(r == 0) && TN_UNLIKELY(op->fd && op->fd->closing)) {
        r = -EBADF;
    }
    return TN_LIKELY(r == 0) ? tn__await_always(op, lim) : r;
}

/* ---- ops that wait for nothing but time ---- */

static bool
yield_start(struct tn__op *op)
{
    op->state = TN__PENDING;
    tn__op_complete(op, 0);
    return false;
}

static bool
sleep_start(struct tn__op *op)
{
    op->state = TN__PENDING;
    return false;
}

static void
sleep_cancel(struct tn__op *op)
{
    tn__op_complete(op, -ECANCELED);
}

static const struct tn__op_class yield_ops = {yield_start, sleep_cancel};
static const struct tn__op_class sleep_ops = {sleep_start, sleep_cancel};

int
tn_checkpoint(void)
{
    struct tn__op op = {.cls = &yield_ops, .kind = TN__OTHER};
    struct tn__limit lim = {.timeout = TN_FOREVER};
    int r;

    if (!tn__self) {
        return 0;
    }
    r = tn__check(tn__self);
    if (r == 0) {
        tn__await_always(&op, &lim);
        r = tn__check(tn__self);
    }
    return r < 0 ? tn__fail(r, "go on", 0, NULL) : 0;
}

static int
sleep_thread(int64_t duration)
{
    int64_t until = tn__deadline(tn__clock_now(), duration);

    return tn__block_poll(-1, 0, until);
}

int
tn_sleep(int64_t duration)
{
    struct tn__op op = {.cls = &sleep_ops, .kind = TN__OTHER};
    struct tn__limit lim = {.timeout = duration};
    ssize_t r;

    if (duration <= 0 && duration != TN_FOREVER) {
        return tn_checkpoint();
    }
    if (!tn__self) {
        return sleep_thread(duration);
    }
    r = tn__await(&op, &lim);
    /* Our own time is up, or that of a scope around us? */
    if (r == -ETIME && lim.deadline != 0 && lim.deadline < tn__self->deadline) {
        r = 0;
    }
    return r < 0 ? tn__fail((int)r, "sleep", 0, NULL) : 0;
}
