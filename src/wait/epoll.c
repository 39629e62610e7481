/*
 * epoll.c - the default backend: edge-triggered, registered once.
 *
 * A socket is added on its first wait, for everything, and never changed: the
 * hints of ready.c make the edges enough. Other descriptors (terminals, pipes
 * whose flags are shared) are armed anew for each wait, because what wakes
 * them is not always an edge.
 */
#include "wait/waiter.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct epoll_waiter {
    struct tn__waiter base;
    int ep;
    int cap;               /* of by_fd */
    struct tn__fd **by_fd; /* index: descriptor */
    uint32_t gen;
    bool no_pwait2; /* the kernel is older than 5.11 */
    struct epoll_event events[TN_EVENTS];
};

static struct epoll_waiter *
self(struct tn__waiter *w)
{
    return (struct epoll_waiter *)w;
}

static int
epoll_open(struct tn__waiter **out, const struct tn_sim_opts *sim)
{
    struct epoll_waiter *w = calloc(1, sizeof(*w));
    int err;

    (void)sim;
    if (!w) {
        return -ENOMEM;
    }
    w->base.backend = &tn__backend_epoll;
    w->ep = epoll_create1(EPOLL_CLOEXEC);
    if (w->ep < 0) {
        err = -errno;
        free(w);
        return err;
    }
    *out = &w->base;
    return 0;
}

static void
epoll_close(struct tn__waiter *base)
{
    struct epoll_waiter *w = self(base);

    tn__waiter_release_all(base);
    close(w->ep);
    free(w->by_fd);
    free(w);
}

static int
reserve(struct epoll_waiter *w, int fd)
{
    int cap = w->cap ? w->cap : 64;
    struct tn__fd **bigger;

    if (fd < w->cap) {
        return 0;
    }
    while (cap <= fd) {
        if (cap > INT_MAX / 2) {
            return -ENOMEM;
        }
        cap *= 2;
    }
    bigger = realloc(w->by_fd, (size_t)cap * sizeof(struct tn__fd *));
    if (!bigger) {
        return -ENOMEM;
    }
    for (int i = w->cap; i < cap; i++) {
        bigger[i] = NULL;
    }
    w->by_fd = bigger;
    w->cap = cap;
    return 0;
}

/* What a descriptor that is armed for each wait has to tell. */
static uint32_t
wanted(const struct tn__fd *fd)
{
    const struct tn__op *reader = fd->op[TN__READER];
    uint32_t events = EPOLLONESHOT;

    if (reader) {
        events |=
            reader->kind == TN__POLL ? (uint32_t)reader->u.events : EPOLLIN;
    }
    return fd->op[TN__WRITER] ? events | EPOLLOUT : events;
}

static int
epoll_arm(struct tn__waiter *base, struct tn__fd *fd, enum tn__side side)
{
    struct epoll_waiter *w = self(base);
    int how = fd->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    struct epoll_event ev;
    int r;

    (void)side;
    if (fd->registered && fd->is_socket) {
        return 0;
    }
    r = reserve(w, fd->fd);
    if (r < 0) {
        return r;
    }
    if (!fd->registered) {
        fd->gen = ++w->gen;
    }
    ev.events =
        fd->is_socket
            ? (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | (uint32_t)EPOLLET)
            : wanted(fd);
    ev.data.u64 = (uint64_t)fd->gen << 32 | (uint32_t)fd->fd;
    if (epoll_ctl(w->ep, how, fd->fd, &ev) < 0) {
        return errno == EPERM ? 1 : -errno;
    }
    fd->registered = true;
    w->by_fd[fd->fd] = fd;
    return 0;
}

/* Deleted before it is closed: a dup would keep the registration alive. */
static void
epoll_forget(struct tn__waiter *base, struct tn__fd *fd)
{
    struct epoll_waiter *w = self(base);
    struct epoll_event ev = {0};

    if (fd->registered) {
        epoll_ctl(w->ep, EPOLL_CTL_DEL, fd->fd, &ev);
        w->by_fd[fd->fd] = NULL;
        fd->registered = false;
    }
    fd->ready[TN__READER] = fd->ready[TN__WRITER] = true;
    fd->hup = false;
}

static int
timeout_ms(int64_t left)
{
    int64_t ms;

    if (left < 0) {
        return -1;
    }
    /* Rounded up: rounding down would spin through the last millisecond. */
    ms = left / TN_MS + (left % TN_MS != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int
wait_events(struct epoll_waiter *w, int64_t left)
{
    struct timespec ts = {left / TN_SEC, left % TN_SEC};
    int n;

    if (left > 0 && !w->no_pwait2) {
        n = epoll_pwait2(w->ep, w->events, TN_EVENTS, &ts, NULL);
        if (n >= 0 || errno != ENOSYS) {
            return n < 0 ? -errno : n;
        }
        w->no_pwait2 = true;
    }
    n = epoll_wait(w->ep, w->events, TN_EVENTS, timeout_ms(left));
    return n < 0 ? -errno : n;
}

static int
epoll_wait_until(struct tn__waiter *base, int64_t until)
{
    struct epoll_waiter *w = self(base);
    int64_t left = -1;
    int n;

    if (until <= 0) {
        left = 0;
    } else if (until != TN_NEVER) {
        left = until - tn__clock_now();
        left = left > 0 ? left : 0;
    }
    n = wait_events(w, left);
    for (int i = 0; i < n; i++) {
        uint32_t number = (uint32_t)w->events[i].data.u64;
        uint32_t gen = (uint32_t)(w->events[i].data.u64 >> 32);
        struct tn__fd *fd = w->by_fd[number];

        if (fd && fd->gen == gen) {
            /* The EPOLL and POLL bits are the same numbers on Linux. */
            tn__ready(fd, (int)w->events[i].events);
        }
    }
    return n < 0 ? n : 0;
}

static int64_t
kernel_now(struct tn__waiter *base)
{
    (void)base;
    return tn__clock_now();
}

const struct tn__backend tn__backend_epoll = {
    .name = "epoll",
    .ops = &tn__ready_ops,
    .net = &tn__net_kernel,
    .open = epoll_open,
    .close = epoll_close,
    .wait = epoll_wait_until,
    .now = kernel_now,
    .arm = epoll_arm,
    .forget = epoll_forget,
};
