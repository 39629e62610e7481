/*
 * ready.c - ops on top of readiness, shared by epoll and poll.
 *
 * Each side of a descriptor has a hint: "a try may succeed". It is cleared when
 * the kernel says EAGAIN and set by an event, so a busy connection costs no
 * try that must fail. A short read of TCP clears it too: the buffer was empty
 * then, and new bytes bring a new event. Not so once the peer's end was
 * announced: data and FIN that came together are one event, and nothing
 * follows it; nor after an urgent byte, before which reads stop. Others say
 * nothing by being short: a Unix stream stops where descriptors begin.
 */
#include "wait/waiter.h"

#include <poll.h>

/* Where a parked task keeps what it goes on with, seen from its op: the frames
   from the op's down to the switch, and the rest of the op's own. */
enum { LINES_BELOW = 7, LINES_ABOVE = 3 };

/* The error queue lies beside what readers wait for: that it is empty says
   nothing about data. */
static bool
is_aside(const struct tn__op *op)
{
    return op->kind == TN__RECVMSG && (op->u.m.flags & MSG_ERRQUEUE) != 0;
}

static void
note_result(struct tn__op *op, ssize_t r)
{
    struct tn__fd *fd = op->fd;

    if (is_aside(op)) {
        return;
    }
    if (r == -EAGAIN) {
        fd->ready[tn__op_side(op)] = false;
    } else if (op->kind == TN__RECV && fd->is_tcp && !fd->hup && r > 0 &&
               (size_t)r < op->u.io.len && op->u.io.flags == 0) {
        fd->ready[TN__READER] = false;
    } else if (op->kind == TN__SEND && fd->is_stream && r >= 0 &&
               (size_t)r < op->u.io.len && fd->is_socket) {
        /* A short write leaves the buffer full, but whether an event follows
           depends on the kernel having said EAGAIN: try once more. */
        fd->ready[TN__WRITER] = true;
    }
}

/* A try may succeed? Descriptors in a mode that is not ours have no hints. */
static bool
worth_trying(const struct tn__op *op)
{
    const struct tn__fd *fd = op->fd;

    if (op->nowait || fd->ready[tn__op_side(op)] || op->kind == TN__POLL) {
        return true;
    }
    /* Out-of-band data and an error queue are not what the hint is about. */
    return op->kind == TN__CONNECT ||
           (op->kind == TN__RECV && op->u.io.flags != 0) ||
           (op->kind == TN__RECVMSG && (op->u.m.flags & ~MSG_TRUNC) != 0);
}

/* Take the op: it stays in its slot until ready() or cancel. */
static bool
take(struct tn__op *op)
{
    struct tn__fd *fd = op->fd;
    enum tn__side side = tn__op_side(op);
    struct tn__waiter *w = fd->waiter;
    int r;

    op->state = TN__PENDING;
    fd->op[side] = op;
    r = w->backend->arm(w, fd, side);
    if (r == 0) {
        return false;
    }
    fd->op[side] = NULL;
    /* Regular files have no readiness; a call on them does not wait. */
    return tn__op_finish(op, r > 0 ? tn__op_once(op, 0) : r);
}

static bool
start(struct tn__op *op)
{
    struct tn__fd *fd = op->fd;
    ssize_t r;

    if (op->nowait && is_aside(op)) {
        /* It takes nobody's place, so a sender may ask while a reader waits:
           its send failed because of what lies there. */
        return tn__op_finish(op, tn__op_try(op));
    }
    if (fd->op[tn__op_side(op)]) {
        return tn__op_finish(op, -EBUSY);
    }
    if (worth_trying(op)) {
        r = tn__op_try(op);
        note_result(op, r);
        if (r != -EAGAIN || op->nowait) {
            return tn__op_finish(op, r);
        }
    }
    return take(op);
}

static void
cancel(struct tn__op *op)
{
    /* The kernel is in no buffer of ours between two tries. */
    op->fd->op[tn__op_side(op)] = NULL;
    tn__op_complete(op, -ECANCELED);
}

const struct tn__op_class tn__ready_ops = {
    .start = start,
    .cancel = cancel,
};

static void
finish(struct tn__fd *fd, enum tn__side side, ssize_t r)
{
    struct tn__op *op = fd->op[side];

    fd->op[side] = NULL;
    tn__op_complete(op, r);
}

/* While the kernel copies, the cache can fetch what the task will touch when
   it goes on: its record, and its frames around the op, which is in one. */
static TN_INLINE void
warm_up(const struct tn__op *op)
{
    TN_PREFETCH(op->task, 0);
    for (int i = -LINES_BELOW; i <= LINES_ABOVE; i++) {
        TN_PREFETCH(op, i * TN_LINE);
    }
}

static void
retry(struct tn__fd *fd, enum tn__side side)
{
    struct tn__op *op = fd->op[side];
    ssize_t r;

    if (op) {
        warm_up(op);
        r = tn__op_try(op);
        note_result(op, r);
        if (r != -EAGAIN) {
            finish(fd, side, r);
        }
    }
}

/* The event disarmed what is armed for each wait: who still waits, on either
   side, wants it armed again. */
static void
arm_again(struct tn__fd *fd)
{
    for (int side = TN__READER; side <= TN__WRITER; side++) {
        int armed;

        if (!fd->op[side]) {
            continue;
        }
        armed = fd->waiter->backend->arm(fd->waiter, fd, (enum tn__side)side);
        if (armed != 0) {
            finish(fd, (enum tn__side)side, armed > 0 ? -EINVAL : armed);
        }
    }
}

void
tn__ready(struct tn__fd *fd, int revents)
{
    const struct tn__op *reader = fd->op[TN__READER];

    if (revents & (POLLRDHUP | POLLHUP | POLLERR | POLLPRI)) {
        fd->hup = true;
    }
    if (reader && reader->kind == TN__POLL) {
        retry(fd, TN__READER);
    } else if (revents & (POLLIN | POLLPRI | POLLRDHUP | POLLHUP | POLLERR)) {
        fd->ready[TN__READER] = true;
        retry(fd, TN__READER);
    }
    if (revents & (POLLOUT | POLLHUP | POLLERR)) {
        fd->ready[TN__WRITER] = true;
        retry(fd, TN__WRITER);
    }
    if (!fd->is_socket) {
        arm_again(fd);
    }
}
