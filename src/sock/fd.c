/*
 * fd.c - a socket and its descriptor: what it is called, making one from the
 * other, time-outs.
 */
#include "sock/sock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int
tn_getsockname(const tn_sock *sock, tn_addr *addr)
{
    int r = sock->net->name(&sock->fd, false, addr);

    return r < 0 ? tn__sock_fail(sock, r, "getsockname") : 0;
}

int
tn_getpeername(const tn_sock *sock, tn_addr *addr)
{
    int r = sock->net->name(&sock->fd, true, addr);

    return r < 0 ? tn__sock_fail(sock, r, "getpeername") : 0;
}

int
tn_settimeout(tn_sock *sock, int64_t timeout)
{
    sock->timeout = timeout < 0 ? TN_FOREVER : timeout;
    /* As in Python: only a socket without limit is in blocking mode. Inside a
       loop no descriptor ever is. */
    return tn__loop ? 0 : tn__fd_set_nonblock(&sock->fd, timeout >= 0);
}

int64_t
tn_gettimeout(const tn_sock *sock)
{
    return sock->timeout;
}

int
tn_setblocking(tn_sock *sock, bool on)
{
    return tn_settimeout(sock, on ? TN_FOREVER : 0);
}

bool
tn_getblocking(const tn_sock *sock)
{
    return sock->timeout != 0;
}

int
tn_fileno(const tn_sock *sock)
{
    /* A note for tn_close(), no change that anybody could see. */
    ((tn_sock *)(uintptr_t)sock)->exposed = true;
    return sock->fd.fd >= 0 ? sock->fd.fd : -EBADF;
}

int
tn_family(const tn_sock *sock)
{
    return sock->family;
}

int
tn_type(const tn_sock *sock)
{
    return sock->type;
}

int
tn_proto(const tn_sock *sock)
{
    return sock->proto;
}

/* ---- making one from the other ---- */

static int
ask(int fd, int name, int *value)
{
    socklen_t len = sizeof(*value);

    return getsockopt(fd, SOL_SOCKET, name, value, &len) < 0 ? -errno : 0;
}

/* A socket object around fd, which stays the caller's on failure. */
static int
adopt(tn_sock **out, int fd)
{
    int family = 0, type = 0, proto = 0, listening = 0;
    int flags = fcntl(fd, F_GETFL);
    int r = flags < 0 ? -errno : ask(fd, SO_DOMAIN, &family);
    tn_sock *s;

    if (r == 0) {
        r = ask(fd, SO_TYPE, &type);
    }
    if (r == 0 && ask(fd, SO_PROTOCOL, &proto) < 0) {
        proto = 0; /* not every family has one */
    }
    if (r < 0) {
        return r;
    }
    s = tn__sock_new(family, type, proto);
    if (!s) {
        return -ENOMEM;
    }
    if (ask(fd, SO_ACCEPTCONN, &listening) < 0) {
        listening = 0;
    }
    s->net = &tn__net_kernel;
    s->exposed = true; /* who had it before may have it still */
    s->fd = (struct tn__fd){
        .fd = fd,
        .is_socket = true,
        .is_stream = type == SOCK_STREAM,
        .is_tcp =
            type == SOCK_STREAM && (family == AF_INET || family == AF_INET6),
        .is_listener = listening != 0,
        .nonblock = (flags & O_NONBLOCK) != 0,
        .ready = {true, true},
    };
    *out = s;
    return 0;
}

int
tn_fromfd(tn_sock **out, int fd)
{
    int r;

    *out = NULL;
    r = adopt(out, fd);
    if (r == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        r = -errno;
        free(*out);
        *out = NULL;
    }
    return r < 0 ? tn__fail(r, "fromfd", 0, NULL) : 0;
}

int
tn_dup(tn_sock *sock, tn_sock **out)
{
    int fd, r;

    *out = NULL;
    if (sock->fd.fd < 0 || sock->layer) {
        return tn__sock_fail(sock, -EOPNOTSUPP, "dup");
    }
    fd = fcntl(sock->fd.fd, F_DUPFD_CLOEXEC, 0);
    r = fd < 0 ? -errno : adopt(out, fd);
    if (r < 0) {
        if (fd >= 0) {
            close(fd);
        }
        return tn__sock_fail(sock, r, "dup");
    }
    sock->fd.duplicated = (*out)->fd.duplicated = true;
    (*out)->fd.shared_flags = sock->fd.shared_flags;
    (*out)->timeout = sock->timeout;
    (*out)->peer = sock->peer;
    return 0;
}

int
tn_detach(tn_sock *sock)
{
    int fd = sock->fd.fd;

    if (sock->users > 0) {
        return tn__sock_fail(sock, -EBUSY, "detach");
    }
    if (sock->layer) { /* its state would be lost */
        return tn__sock_fail(sock, -EOPNOTSUPP, "detach");
    }
    if (fd < 0) {
        return tn__sock_fail(sock, -EBADF, "detach");
    }
    tn__waiter_release(&sock->fd);
    free(sock);
    return fd;
}

/* A pipe or terminal opened anew has a description of its own, whose flags we
   may set; others get a dup, and are asked before each call. */
static int
own_descriptor(int fd, bool *ours)
{
    char path[40];
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    int number;

    if (flags < 0 || fstat(fd, &st) < 0) {
        return -errno;
    }
    *ours = false;
    if (S_ISFIFO(st.st_mode)) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        number = open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC);
        if (number >= 0) {
            *ours = true;
            return number;
        }
    }
    number = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return number < 0 ? -errno : number;
}

int
tn_wrap(tn_sock **out, int fd)
{
    tn_sock *s;
    bool ours;
    int number, value;

    *out = NULL;
    number = own_descriptor(fd, &ours);
    if (number < 0) {
        return tn__fail(number, "wrap", 0, NULL);
    }
    s = tn__sock_new(0, 0, 0);
    if (!s) {
        close(number);
        return tn__fail(-ENOMEM, "wrap", 0, NULL);
    }
    s->net = &tn__net_kernel;
    s->fd = (struct tn__fd){
        .fd = number,
        .nonblock = ours,
        .shared_flags = true,
        .ready = {true, true},
    };
    /* A socket as standard input keeps its manners: MSG_DONTWAIT. */
    if (ask(number, SO_TYPE, &value) == 0) {
        s->fd.is_socket = true;
        s->fd.is_stream = value == SOCK_STREAM;
        s->type = value;
    }
    *out = s;
    return 0;
}
