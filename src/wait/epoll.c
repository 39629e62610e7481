/*
 * epoll.c - the default backend: edge-triggered, registered once.
 *
 * A socket is added on its first wait, for everything, and never changed: the
 * hints of ready.c make the edges enough. Other descriptors (terminals, pipes
 * whose flags are shared) are armed anew for each wait, because what wakes
 * them is not always an edge.
 *
 * The time to wait until goes into a timerfd, and only when it is earlier than
 * what is in there: a server's idle limits move back all the time, and a wait
 * with a time-out costs the kernel a timer each.
 */
#include "wait/waiter.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct epoll_waiter {
    struct tn__waiter base;
    int ep;
    int cap;               /* of by_fd */
    struct tn__fd **by_fd; /* index: descriptor */
    uint32_t gen;
    int timer;     /* timerfd; -1: none yet, or none to be had */
    int64_t alarm; /* when it goes off; TN_NEVER */
    bool no_timer; /* time-outs go with the wait instead */
    int next;      /* of events; those before were acted on */
    int count;
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
    w->timer = -1;
    w->alarm = TN_NEVER;
    *out = &w->base;
    return 0;
}

static void
epoll_close(struct tn__waiter *base)
{
    struct epoll_waiter *w = self(base);

    tn__waiter_release_all(base);
    if (w->timer >= 0) {
        close(w->timer);
    }
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

/* An event's data: the descriptor and its generation; or the timer. */
static const uint64_t timer_data = UINT64_MAX;

static bool
open_timer(struct epoll_waiter *w)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET,
                             .data.u64 = timer_data};

    if (w->timer >= 0 || w->no_timer) {
        return !w->no_timer;
    }
    w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->timer >= 0 && epoll_ctl(w->ep, EPOLL_CTL_ADD, w->timer, &ev) < 0) {
        close(w->timer);
        w->timer = -1;
    }
    w->no_timer = w->timer < 0;
    return !w->no_timer;
}

/* The alarm rings at `until` or before. */
static bool
set_alarm(struct epoll_waiter *w, int64_t until)
{
    struct itimerspec spec = {
        .it_value = {until / TN_SEC, until % TN_SEC},
    };

    if (w->alarm <= until) {
        return true;
    }
    if (!open_timer(w) ||
        timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &spec, NULL) < 0) {
        return false;
    }
    w->alarm = until;
    return true;
}

/* Rounded up: rounding down would spin through the last millisecond. */
static int
timeout_ms(int64_t until)
{
    int64_t left = until - tn__clock_now();
    int64_t ms = left > 0 ? left / TN_MS + (left % TN_MS != 0) : 0;

    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static struct tn__fd *
fd_of(const struct epoll_waiter *w, const struct epoll_event *ev)
{
    /* Nothing is known any more of a descriptor that was closed meanwhile. */
    return ev->data.u64 == timer_data ? NULL : w->by_fd[(uint32_t)ev->data.u64];
}

/* A connection that was silent for a while has left the cache: fetch what its
   event will touch while others are acted on. */
static TN_INLINE void
look_ahead(const struct epoll_waiter *w, int i)
{
    struct tn__fd *fd = i < w->count ? fd_of(w, &w->events[i]) : NULL;

    if (fd) {
        TN_PREFETCH(fd, 0);
        TN_PREFETCH(fd, TN_LINE);
    }
}

static TN_INLINE void
look_closer(const struct epoll_waiter *w, int i)
{
    struct tn__fd *fd = i < w->count ? fd_of(w, &w->events[i]) : NULL;

    if (fd && fd->op[TN__READER]) {
        TN_PREFETCH(fd->op[TN__READER], 0);
        TN_PREFETCH(fd->op[TN__READER], TN_LINE);
    }
}

/* True if it was the alarm. */
static bool
dispatch(struct epoll_waiter *w, const struct epoll_event *ev)
{
    struct tn__fd *fd = fd_of(w, ev);

    if (ev->data.u64 == timer_data) {
        w->alarm = TN_NEVER;
        return true;
    }
    if (fd && fd->gen == ev->data.u64 >> 32) {
        /* The EPOLL and POLL bits are the same numbers on Linux. */
        tn__ready(fd, (int)ev->events);
    }
    return false;
}

/* True if the alarm is among the next `most` events. */
static bool
act(struct epoll_waiter *w, int most)
{
    int end = w->count - w->next > most ? w->next + most : w->count;
    bool rang = false;

    for (; w->next < end; w->next++) {
        look_ahead(w, w->next + TN_EVENTS_AT_ONCE);
        look_closer(w, w->next + 1);
        rang = dispatch(w, &w->events[w->next]) || rang;
    }
    return rang;
}

/* Take new events. 1 if the time may have come, 0, or an error. */
static int
take(struct epoll_waiter *w, int64_t until)
{
    bool rang = until <= 0;
    int ms = -1;
    int n;

    if (until <= 0) {
        ms = 0;
    } else if (until != TN_NEVER && !set_alarm(w, until)) {
        ms = timeout_ms(until);
        rang = true;
    }
    n = epoll_wait(w->ep, w->events, TN_EVENTS, ms);
    if (n < 0) {
        return -errno;
    }
    w->next = 0;
    w->count = n;
    for (int i = 0; i < TN_EVENTS_AT_ONCE; i++) {
        look_ahead(w, i);
    }
    return rang;
}

static int
epoll_wait_until(struct tn__waiter *base, int64_t until)
{
    struct epoll_waiter *w = self(base);
    int rang = 0;

    if (w->next == w->count) {
        rang = take(w, until);
        if (rang < 0) {
            return rang;
        }
    }
    /* Where others are ready, all at once: they must not hold the rest up. */
    return act(w, until > 0 ? TN_EVENTS_AT_ONCE : TN_EVENTS) || rang;
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
