/*
 * block.c - waiting in a thread that runs no loop: try, poll, try again.
 */
#include <tenon/loop.h>

#include "wait/op.h"

#include <poll.h>

static _Thread_local bool (*hook)(void *);
static _Thread_local void *hook_arg;

void
tn_on_interrupt(bool (*fn)(void *), void *arg)
{
    hook = fn;
    hook_arg = arg;
}

bool
tn__interrupted(void)
{
    return hook && hook(hook_arg);
}

int
tn__block_poll(int fd, int events, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = (short)events};

    for (;;) {
        struct timespec ts;
        const struct timespec *wait = NULL;

        if (deadline != TN_NEVER) {
            int64_t left = deadline - tn__clock_now();

            left = left > 0 ? left : 0;
            ts.tv_sec = left / TN_SEC;
            ts.tv_nsec = left % TN_SEC;
            wait = &ts;
        }
        int n = ppoll(&p, 1, wait, NULL);
        if (n >= 0) {
            return n > 0 ? p.revents : 0;
        }
        if (errno != EINTR) {
            return -errno;
        }
        if (tn__interrupted()) {
            return -EINTR;
        }
    }
}

static int
op_events(const struct tn__op *op)
{
    if (op->kind == TN__POLL) {
        return op->u.events;
    }
    if (op->kind == TN__RECV && (op->u.io.flags & MSG_OOB)) {
        return POLLPRI;
    }
    return tn__op_side(op) == TN__WRITER ? POLLOUT : POLLIN;
}

static bool
is_full_backlog(const struct tn__op *op)
{
    return op->kind == TN__CONNECT && !op->tried;
}

/* One system call, again after each signal that the hook lets pass. */
static ssize_t
call_kernel(struct tn__op *op, int dontwait)
{
    ssize_t r;

    do {
        r = tn__op_once(op, dontwait);
    } while (r == -EINTR && !tn__interrupted());
    if (op->kind == TN__POLL && r == 0) {
        r = -EAGAIN;
    }
    return tn__op_end(op, r);
}

/* No limit and a descriptor in blocking mode: the kernel waits, as in C. The
   mode of a duplicate, or of what others share, may change under us. */
static bool
can_block_in_kernel(const struct tn__op *op, const struct tn__limit *lim)
{
    return lim->timeout < 0 && lim->deadline == 0 && !op->fd->nonblock &&
           !op->fd->duplicated && !op->fd->shared_flags && op->fd->is_socket &&
           op->kind != TN__CONNECT && op->kind != TN__POLL;
}

/* `nap`: no event will tell, so look again after a while. */
static int
wait_ready(const struct tn__op *op, bool nap, int64_t now, int64_t deadline)
{
    int64_t retry = now + TN_UNIX_RETRY;

    if (nap || is_full_backlog(op)) {
        return tn__block_poll(-1, 0, retry < deadline ? retry : deadline);
    }
    return tn__block_poll(op->fd->fd, op_events(op), deadline);
}

ssize_t
tn__op_block(struct tn__op *op, struct tn__limit *lim)
{
    int64_t now, deadline;
    bool only_error = false;
    ssize_t r;

    if (can_block_in_kernel(op, lim)) {
        return call_kernel(op, 0);
    }
    for (;;) {
        /* Only a connect without limit waits in there. */
        r = call_kernel(op, MSG_DONTWAIT);
        if (r != -EAGAIN || lim->timeout == 0) {
            return r;
        }
        /* The clock is asked after each try, whatever poll(2) said. */
        now = tn__clock_now();
        deadline = tn__limit_deadline(lim, now);
        if (now >= deadline) {
            return -ETIME;
        }
        /* An error queue that nobody reads is an event all the time: neither
           may the deadline be missed nor the processor be kept busy. */
        r = wait_ready(op, only_error, now, deadline);
        if (r < 0) {
            return r;
        }
        only_error = r == POLLERR;
    }
}
