/*
 * waiter.h - a backend: who is ready, and the sockets it can wait for.
 *
 * A struct tn__waiter belongs to one loop. Its backend starts and cancels ops
 * on descriptors (op.h), and wait() completes those whose time has come. An
 * engine that completes (io_uring) and one that tells readiness (epoll, poll)
 * look the same from above.
 */
#ifndef TENON_WAIT_WAITER_H
#define TENON_WAIT_WAITER_H

#include <tenon/task.h>

#include "wait/op.h"

/* What sockets do without waiting. The kernel's are in net_kernel.c; the
   simulator brings its own. All return 0 or a negative code. */
struct tn__net {
    /* Fill fd for a new socket. The simulator keeps its address, here and in
       pair() and accepted(). */
    int (*socket)(struct tn__waiter *w, struct tn__fd *fd, int family, int type,
                  int proto);
    int (*pair)(struct tn__waiter *w, struct tn__fd *a, struct tn__fd *b,
                int family, int type, int proto);
    /* Fill fd from a finished ACCEPT op. */
    int (*accepted)(struct tn__fd *fd, const struct tn__op *op);
    int (*bind)(struct tn__fd *fd, const tn_addr *addr);
    int (*listen)(struct tn__fd *fd, int backlog);
    int (*name)(const struct tn__fd *fd, bool peer, tn_addr *addr);
    int (*shutdown)(struct tn__fd *fd, int how);
    int (*close)(struct tn__fd *fd, bool reset);
    int (*setopt)(struct tn__fd *fd, int level, int name, const void *value,
                  size_t len);
    int (*getopt)(struct tn__fd *fd, int level, int name, void *value,
                  size_t *len);
    int (*pending)(struct tn__fd *fd, size_t *unread, size_t *unsent);
};

extern const struct tn__net tn__net_kernel;

struct tn__backend {
    const char *name;
    const struct tn__op_class *ops; /* for ops on descriptors */
    const struct tn__net *net;
    /* Make a waiter whose completed ops go to `queue`; *out is untouched on
       failure. `sim` is NULL but for the simulator. */
    int (*open)(struct tn__waiter **out, const struct tn_sim_opts *sim);
    void (*close)(struct tn__waiter *w);
    /* Complete what is ready; if nothing is, wait until `until` (ns of now();
       TN_NEVER; in the past: do not wait). May return early. 1: the time may
       have come; 0: it has not, nobody needs to look at the clock. -EINTR;
       -EDEADLK: nothing is pending and nothing will ever happen (simulator). */
    int (*wait)(struct tn__waiter *w, int64_t until);
    int64_t (*now)(struct tn__waiter *w);
    /* Readiness engines: see to it that ready() is called for that side. The
       answer 1 means "is always ready" (regular files). */
    int (*arm)(struct tn__waiter *w, struct tn__fd *fd, enum tn__side side);
    /* Drop what is known of fd; no op may be pending on it. */
    void (*forget)(struct tn__waiter *w, struct tn__fd *fd);
};

extern const struct tn__backend tn__backend_epoll;
extern const struct tn__backend tn__backend_poll;
extern const struct tn__backend tn__backend_sim;

/* The head of every backend's own struct. */
struct tn__waiter {
    const struct tn__backend *backend;
    struct tn__fd *fds; /* all that belong to this waiter */
};

/* Bind fd to w, or tell that it is bound elsewhere. 0 or TN_EWRONGLOOP. */
int tn__waiter_adopt(struct tn__waiter *w, struct tn__fd *fd);

/* Take fd away from its waiter, if it has one. No op may be pending. */
void tn__waiter_release(struct tn__fd *fd);

/* Release every descriptor of a waiter that is about to close. */
void tn__waiter_release_all(struct tn__waiter *w);

/* ---- what epoll and poll share: ready.c ---- */

extern const struct tn__op_class tn__ready_ops;

/* A call on a socket of w may be tried without an op: this is such a backend,
   the hint is set, and nobody waits on that side. */
static inline bool
tn__ready_hint(const struct tn__waiter *w, const struct tn__fd *fd,
               enum tn__side side)
{
    return fd->waiter == w && fd->is_socket && fd->ready[side] &&
           !fd->op[side] && w->backend->ops == &tn__ready_ops;
}

/* The kernel says that fd is ready for `revents` (POLLIN, ...): note it, retry
   and complete who waits. */
void tn__ready(struct tn__fd *fd, int revents);

#endif
