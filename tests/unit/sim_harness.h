/*
 * sim_harness.h - a simulated network without tasks: ops on the stack, and
 * wait() called by hand.
 */
#ifndef TENON_TESTS_SIM_HARNESS_H
#define TENON_TESTS_SIM_HARNESS_H

#include "test.h"
#include "wait/sim_int.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

struct world {
    struct tn__waiter *w;
    const struct tn__net *net;
    struct tn__opq done;
};

static inline void
world_open(struct world *x, const tn_sim_opts *o)
{
    *x = (struct world){.net = tn__backend_sim.net};
    OK(tn__backend_sim.open(&x->w, o));
}

static inline void
world_seed(struct world *x, uint64_t seed)
{
    const tn_sim_opts o = {.seed = seed};

    world_open(x, &o);
}

static inline void
world_close(struct world *x)
{
    tn__backend_sim.close(x->w);
}

static inline int64_t
world_now(struct world *x)
{
    return tn__backend_sim.now(x->w);
}

static inline int
world_wait(struct world *x, int64_t until)
{
    return tn__backend_sim.wait(x->w, until);
}

/* Forget which ops completed: their state tells. */
static inline void
world_reap(struct world *x)
{
    while (tn__opq_pop(&x->done)) {
    }
}

/* Until nothing is left to happen. */
static inline void
world_settle(struct world *x)
{
    while (world_wait(x, TN_NEVER) == 1) {
        world_reap(x);
    }
}

/* ---- ops ---- */

/* true: it ended in start(). */
static inline bool
begin(struct world *x, struct tn__op *op, struct tn__fd *fd)
{
    op->cls = tn__backend_sim.ops;
    op->queue = &x->done;
    op->fd = fd;
    op->state = TN__IDLE;
    return op->cls->start(op);
}

static inline void
cancel(struct tn__op *op)
{
    op->state = TN__CANCELLING;
    op->cls->cancel(op);
}

static inline ssize_t
end(struct world *x, const struct tn__op *op)
{
    while (op->state != TN__DONE) {
        EQ(world_wait(x, TN_NEVER), 1);
    }
    world_reap(x);
    return op->result;
}

static inline ssize_t
run(struct world *x, struct tn__op *op, struct tn__fd *fd)
{
    begin(x, op, fd);
    return end(x, op);
}

/* A taken op that nothing will ever end. */
static inline void
end_by_cancel(struct world *x, struct tn__op *op)
{
    cancel(op);
    EQ(end(x, op), -ECANCELED);
}

static inline struct tn__op
op_recv(void *buf, size_t len, int flags)
{
    return (struct tn__op){.kind = TN__RECV,
                           .u.io = {.buf = buf, .len = len, .flags = flags}};
}

static inline struct tn__op
op_send(const void *buf, size_t len)
{
    struct tn__op op = {.kind = TN__SEND};

    op.u.io.len = len;
    memcpy(&op.u.io.buf, &buf, sizeof(buf));
    return op;
}

static inline struct tn__op
op_accept(tn_addr *addr)
{
    return (struct tn__op){.kind = TN__ACCEPT, .u.a.addr = addr};
}

static inline struct tn__op
op_connect(tn_addr *addr)
{
    return (struct tn__op){.kind = TN__CONNECT, .u.a.addr = addr};
}

static inline ssize_t
do_recv(struct world *x, struct tn__fd *fd, void *buf, size_t len)
{
    struct tn__op op = op_recv(buf, len, 0);

    return run(x, &op, fd);
}

static inline ssize_t
do_send(struct world *x, struct tn__fd *fd, const void *buf, size_t len)
{
    struct tn__op op = op_send(buf, len);

    return run(x, &op, fd);
}

static inline ssize_t
try_recv(struct world *x, struct tn__fd *fd, void *buf, size_t len)
{
    struct tn__op op = op_recv(buf, len, MSG_DONTWAIT);

    CHECK(begin(x, &op, fd));
    return op.result;
}

static inline ssize_t
do_connect(struct world *x, struct tn__fd *fd, tn_addr *addr)
{
    struct tn__op op = op_connect(addr);

    return run(x, &op, fd);
}

static inline ssize_t
do_accept(struct world *x, struct tn__fd *at, struct tn__fd *fd, tn_addr *addr)
{
    struct tn__op op = op_accept(addr);
    ssize_t r = run(x, &op, at);

    if (r == 0) {
        x->net->accepted(fd, &op);
    }
    return r;
}

static inline ssize_t
do_sendto(struct world *x, struct tn__fd *fd, const void *buf, size_t len,
          tn_addr *to)
{
    struct iovec iov = {.iov_len = len};
    struct msghdr msg = {.msg_name = &to->u,
                         .msg_namelen = to->len,
                         .msg_iov = &iov,
                         .msg_iovlen = 1};
    struct tn__op op = {.kind = TN__SENDMSG, .u.m.msg = &msg};

    memcpy(&iov.iov_base, &buf, sizeof(buf));
    return run(x, &op, fd);
}

/* ---- sockets ---- */

static inline tn_addr
addr4(uint32_t host, int port)
{
    tn_addr a = {.len = sizeof(a.u.in)};

    a.u.in.sin_family = AF_INET;
    a.u.in.sin_addr.s_addr = htonl(host);
    a.u.in.sin_port = htons((uint16_t)port);
    return a;
}

static inline tn_addr
addr6(const struct in6_addr *host, int port)
{
    tn_addr a = {.len = sizeof(a.u.in6)};

    a.u.in6.sin6_family = AF_INET6;
    a.u.in6.sin6_addr = *host;
    a.u.in6.sin6_port = htons((uint16_t)port);
    return a;
}

static inline tn_addr
addr_unix(const char *path)
{
    tn_addr a = {.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                    strlen(path) + 1)};

    a.u.un.sun_family = AF_UNIX;
    memcpy(a.u.un.sun_path, path, strlen(path) + 1);
    return a;
}

static inline void
open_sock(struct world *x, struct tn__fd *fd, int family, int type)
{
    OK(x->net->socket(x->w, fd, family, type, 0));
}

static inline void
open_pair(struct world *x, struct tn__fd fd[2], int type)
{
    OK(x->net->pair(x->w, &fd[0], &fd[1], AF_UNIX, type, 0));
}

/* A listener on 127.0.0.1, and where it is. */
static inline tn_addr
open_listener(struct world *x, struct tn__fd *fd, int backlog)
{
    tn_addr a = addr4(INADDR_LOOPBACK, 0);

    open_sock(x, fd, AF_INET, SOCK_STREAM);
    OK(x->net->bind(fd, &a));
    OK(x->net->listen(fd, backlog));
    OK(x->net->name(fd, false, &a));
    return a;
}

/* Two connected TCP sockets. */
static inline void
open_tcp(struct world *x, struct tn__fd fd[2])
{
    struct tn__fd listener;
    tn_addr a = open_listener(x, &listener, 8);

    open_sock(x, &fd[0], AF_INET, SOCK_STREAM);
    EQ(do_connect(x, &fd[0], &a), 0);
    EQ(do_accept(x, &listener, &fd[1], NULL), 0);
    x->net->close(&listener, false);
}

/* A datagram socket on 127.0.0.1, and where it is. */
static inline tn_addr
open_udp(struct world *x, struct tn__fd *fd)
{
    tn_addr a = addr4(INADDR_LOOPBACK, 0);

    open_sock(x, fd, AF_INET, SOCK_DGRAM);
    OK(x->net->bind(fd, &a));
    OK(x->net->name(fd, false, &a));
    return a;
}

#endif
