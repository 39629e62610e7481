/*
 * net_kernel.c - what sockets do without waiting, by system call.
 */
#include "wait/waiter.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int
ok(int r)
{
    return r < 0 ? -errno : 0;
}

static void
fill(struct tn__fd *fd, int number, int type, bool nonblock)
{
    *fd = (struct tn__fd){
        .fd = number,
        .is_socket = true,
        .is_stream = type == SOCK_STREAM,
        .nonblock = nonblock,
        .ready = {true, true},
    };
}

/* In a loop the descriptor never blocks; in a plain thread it starts as
   Python's do, blocking. */
static int
net_socket(struct tn__waiter *w, struct tn__fd *fd, int family, int type,
           int proto)
{
    int flags = SOCK_CLOEXEC | (w ? SOCK_NONBLOCK : 0);
    int number = socket(family, type | flags, proto);

    if (number < 0) {
        return -errno;
    }
    fill(fd, number, type, w != NULL);
    fd->is_tcp =
        type == SOCK_STREAM && (family == AF_INET || family == AF_INET6);
    return 0;
}

static int
net_pair(struct tn__waiter *w, struct tn__fd *a, struct tn__fd *b, int family,
         int type, int proto)
{
    int flags = SOCK_CLOEXEC | (w ? SOCK_NONBLOCK : 0);
    int number[2];

    if (socketpair(family, type | flags, proto, number) < 0) {
        return -errno;
    }
    fill(a, number[0], type, w != NULL);
    fill(b, number[1], type, w != NULL);
    return 0;
}

static int
net_accepted(struct tn__fd *fd, const struct tn__op *op)
{
    fill(fd, (int)op->result, op->fd->is_stream ? SOCK_STREAM : SOCK_SEQPACKET,
         (op->u.a.flags & SOCK_NONBLOCK) != 0);
    fd->is_tcp = op->fd->is_tcp;
    return 0;
}

static int
net_bind(struct tn__fd *fd, const tn_addr *addr)
{
    return ok(bind(fd->fd, &addr->u.sa, addr->len));
}

static int
net_listen(struct tn__fd *fd, int backlog)
{
    int r = ok(listen(fd->fd, backlog < 0 ? SOMAXCONN : backlog));

    if (r == 0) {
        fd->is_listener = true;
    }
    return r;
}

static int
net_name(const struct tn__fd *fd, bool peer, tn_addr *addr)
{
    addr->len = sizeof(addr->u);
    return ok(peer ? getpeername(fd->fd, &addr->u.sa, &addr->len)
                   : getsockname(fd->fd, &addr->u.sa, &addr->len));
}

static int
net_shutdown(struct tn__fd *fd, int how)
{
    return ok(shutdown(fd->fd, how));
}

static int
net_close(struct tn__fd *fd, bool reset)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    int number = fd->fd;
    int r;

    if (reset && fd->is_socket && !fd->shared_flags) {
        setsockopt(number, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
    fd->fd = -1;
    /* After EINTR the descriptor is gone on Linux: never close it twice. */
    r = ok(close(number));
    return r == -EINTR ? 0 : r;
}

static int
net_setopt(struct tn__fd *fd, int level, int name, const void *value,
           size_t len)
{
    return ok(setsockopt(fd->fd, level, name, value, (socklen_t)len));
}

static int
net_getopt(struct tn__fd *fd, int level, int name, void *value, size_t *len)
{
    socklen_t n = (socklen_t)*len;
    int r = ok(getsockopt(fd->fd, level, name, value, &n));

    if (r == 0) {
        *len = n;
    }
    return r;
}

static int
net_pending(struct tn__fd *fd, size_t *unread, size_t *unsent)
{
    int n = 0;
    int r = 0;

    if (unread) {
        r = ok(ioctl(fd->fd, SIOCINQ, &n));
        *unread = r == 0 ? (size_t)n : 0;
    }
    if (r == 0 && unsent) {
        r = ok(ioctl(fd->fd, SIOCOUTQ, &n));
        *unsent = r == 0 ? (size_t)n : 0;
    }
    return r == -ENOTTY ? -EOPNOTSUPP : r;
}

const struct tn__net tn__net_kernel = {
    .socket = net_socket,
    .pair = net_pair,
    .accepted = net_accepted,
    .bind = net_bind,
    .listen = net_listen,
    .name = net_name,
    .shutdown = net_shutdown,
    .close = net_close,
    .setopt = net_setopt,
    .getopt = net_getopt,
    .pending = net_pending,
};
