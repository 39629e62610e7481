/*
 * poll.c - the portable backend: poll(2) over those who wait right now.
 *
 * For tens of descriptors, or where there is nothing better: each wait costs
 * as much as there are waiters.
 */
#include "wait/waiter.h"

#include <poll.h>
#include <stdlib.h>

struct poll_waiter {
    struct tn__waiter base;
    size_t count, cap;   /* waiters of both sides count once */
    struct pollfd *set;  /* rebuilt for each wait */
    struct tn__fd **who; /* parallel to set */
    bool some_quiet;     /* the set lacks one that is to be asked again soon */
};

static struct poll_waiter *
self(struct tn__waiter *w)
{
    return (struct poll_waiter *)w;
}

static int
poll_open(struct tn__waiter **out, const struct tn_sim_opts *sim)
{
    struct poll_waiter *w = calloc(1, sizeof(*w));

    (void)sim;
    if (!w) {
        return -ENOMEM;
    }
    w->base.backend = &tn__backend_poll;
    *out = &w->base;
    return 0;
}

static void
poll_close(struct tn__waiter *base)
{
    struct poll_waiter *w = self(base);

    tn__waiter_release_all(base);
    free(w->set);
    free(w->who);
    free(w);
}

static int
grow(struct poll_waiter *w)
{
    size_t cap = w->cap ? w->cap * 2 : 64;
    struct pollfd *set = realloc(w->set, cap * sizeof(*set));
    struct tn__fd **who;

    if (!set) {
        return -ENOMEM;
    }
    w->set = set;
    who = realloc(w->who, cap * sizeof(struct tn__fd *));
    if (!who) {
        return -ENOMEM;
    }
    w->who = who;
    w->cap = cap;
    return 0;
}

/* Registered means here: counted, so that room for it in the set is sure. */
static int
poll_arm(struct tn__waiter *base, struct tn__fd *fd, enum tn__side side)
{
    struct poll_waiter *w = self(base);
    int r;

    (void)side;
    if (fd->registered) {
        return 0;
    }
    if (w->count == w->cap) {
        r = grow(w);
        if (r < 0) {
            return r;
        }
    }
    w->count++;
    fd->registered = true;
    return 0;
}

static void
poll_forget(struct tn__waiter *base, struct tn__fd *fd)
{
    if (fd->registered) {
        self(base)->count--;
        fd->registered = false;
    }
    fd->ready[TN__READER] = fd->ready[TN__WRITER] = true;
    fd->hup = false;
}

static short
wanted(const struct tn__fd *fd)
{
    const struct tn__op *reader = fd->op[TN__READER];
    int events = 0;

    if (reader) {
        events = reader->kind == TN__POLL ? reader->u.events
                                          : POLLIN | POLLRDHUP | POLLPRI;
    }
    return (short)(fd->op[TN__WRITER] ? events | POLLOUT : events);
}

static nfds_t
build(struct poll_waiter *w)
{
    nfds_t n = 0;

    w->some_quiet = false;
    for (struct tn__fd *fd = w->base.fds; fd; fd = fd->next) {
        if (!fd->op[TN__READER] && !fd->op[TN__WRITER]) {
            continue;
        }
        if (fd->quiet) {
            fd->quiet = false;
            w->some_quiet = true;
            continue;
        }
        w->set[n].fd = fd->fd;
        w->set[n].events = wanted(fd);
        w->set[n].revents = 0;
        w->who[n] = fd;
        n++;
    }
    return n;
}

/* An error queue that nobody reads is an event all the time. Who got nothing
   by it is left out once, for a moment. */
static void
note_error_only(struct tn__fd *fd, int revents)
{
    fd->quiet =
        revents == POLLERR && (fd->op[TN__READER] || fd->op[TN__WRITER]);
}

static int
poll_wait(struct tn__waiter *base, int64_t until)
{
    struct poll_waiter *w = self(base);
    struct timespec ts = {0, 0};
    nfds_t n = build(w);
    int r;

    if (w->some_quiet && until > 0) {
        int64_t soon = tn__clock_now() + TN_UNIX_RETRY;

        until = until < soon ? until : soon;
    }
    if (until > 0 && until != TN_NEVER) {
        int64_t left = until - tn__clock_now();

        left = left > 0 ? left : 0;
        ts.tv_sec = left / TN_SEC;
        ts.tv_nsec = left % TN_SEC;
    }
    r = ppoll(w->set, n, until == TN_NEVER ? NULL : &ts, NULL);
    if (r < 0) {
        return -errno;
    }
    /* Completing tells nobody yet, so no descriptor goes away meanwhile. */
    for (nfds_t i = 0; i < n && r > 0; i++) {
        if (w->set[i].revents) {
            tn__ready(w->who[i], w->set[i].revents);
            note_error_only(w->who[i], w->set[i].revents);
            r--;
        }
    }
    return 1;
}

static int64_t
kernel_now(struct tn__waiter *base)
{
    (void)base;
    return tn__clock_now();
}

const struct tn__backend tn__backend_poll = {
    .name = "poll",
    .ops = &tn__ready_ops,
    .net = &tn__net_kernel,
    .open = poll_open,
    .close = poll_close,
    .wait = poll_wait,
    .now = kernel_now,
    .arm = poll_arm,
    .forget = poll_forget,
};
