/*
 * waiter.c - which descriptors belong to which waiter.
 */
#include "wait/waiter.h"

int
tn__waiter_adopt(struct tn__waiter *w, struct tn__fd *fd)
{
    if (TN_LIKELY(fd->waiter == w)) {
        return 0;
    }
    if (fd->waiter) {
        return TN_EWRONGLOOP;
    }
    fd->waiter = w;
    fd->prev = NULL;
    fd->next = w->fds;
    if (w->fds) {
        w->fds->prev = fd;
    }
    w->fds = fd;
    return 0;
}

void
tn__waiter_release(struct tn__fd *fd)
{
    struct tn__waiter *w = fd->waiter;

    if (!w) {
        return;
    }
    TN_ASSERT(!fd->op[TN__READER] && !fd->op[TN__WRITER]);
    w->backend->forget(w, fd);
    if (fd->prev) {
        fd->prev->next = fd->next;
    } else {
        w->fds = fd->next;
    }
    if (fd->next) {
        fd->next->prev = fd->prev;
    }
    fd->prev = fd->next = NULL;
    fd->waiter = NULL;
}

void
tn__waiter_release_all(struct tn__waiter *w)
{
    while (w->fds) {
        tn__waiter_release(w->fds);
    }
}
