/*
 * turn.c - calls on one connection wait for each other: in tasks parked, in
 * plain threads on a condition.
 */
#include <tenon/loop.h>

#include "tls/tls_int.h"

static bool
change_start(struct tn__op *op)
{
    struct tls_conn *c = op->u.other[0];

    if (op->nowait) {
        return tn__op_finish(op, -EAGAIN);
    }
    op->state = TN__PENDING;
    tn__opq_push(&c->waiting, op);
    return false;
}

static void
change_cancel(struct tn__op *op)
{
    struct tls_conn *c = op->u.other[0];

    tn__opq_remove(&c->waiting, op);
    tn__op_complete(op, -ECANCELED);
}

static const struct tn__op_class change_ops = {change_start, change_cancel};

static void
complete_all(struct tls_conn *c, int result)
{
    struct tn__op *op;

    while ((op = tn__opq_pop(&c->waiting)) != NULL) {
        tn__op_complete(op, result);
    }
}

/* No signal ends pthread_cond_timedwait(): the hook is asked now and then. */
static int
wait_in_thread(struct tls_conn *c, struct tn__limit *lim)
{
    int64_t now = tn__clock_now();
    int64_t deadline = tn__limit_deadline(lim, now);
    int64_t look = now + TN_TLS_LOOK;
    struct timespec until;

    if (lim->timeout == 0) {
        return -EAGAIN;
    }
    if (now >= deadline) {
        return -ETIME;
    }
    look = look < deadline ? look : deadline;
    until.tv_sec = look / TN_SEC;
    until.tv_nsec = look % TN_SEC;
    pthread_cond_timedwait(&c->changed, &c->lock, &until);
    return tn__interrupted() ? -EINTR : 0;
}

int
tls_wait_change(struct tls_conn *c, struct tn__limit *lim)
{
    struct tn__op op = {.cls = &change_ops, .kind = TN__OTHER};
    int r;

    if (!tn__self) {
        return wait_in_thread(c, lim);
    }
    op.u.other[0] = c;
    r = (int)tn__await(&op, lim);
    return r == -ECANCELED && c->sock->closing ? -EBADF : r;
}

void
tls_changed(struct tls_conn *c)
{
    if (tn__self) {
        complete_all(c, 0);
    } else {
        pthread_cond_broadcast(&c->changed);
    }
}

void
tls_drive_out(struct tls_conn *c)
{
    complete_all(c, -EBADF);
}
