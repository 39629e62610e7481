/*
 * op.c - the system calls behind the ops, each made once and never waiting.
 */
#include "wait/op.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* A result or -errno, at the one place where errno is read. */
static ssize_t
sys(ssize_t r)
{
    return r < 0 ? -errno : r;
}

static int
poll_now(int fd, int events)
{
    struct pollfd p = {.fd = fd, .events = (short)events};
    ssize_t r;

    do {
        r = sys(poll(&p, 1, 0));
    } while (r == -EINTR);
    if (r > 0 && (p.revents & POLLNVAL)) {
        return -EBADF;
    }
    return r < 0 ? (int)r : p.revents;
}

/* A description shared with other programs may be in blocking mode: ask before
   each call, and write no more than a ready pipe takes. */
static ssize_t
try_plain(struct tn__op *op)
{
    struct tn__fd *fd = op->fd;
    size_t len = op->u.io.len;
    int ready;

    if (!fd->nonblock) {
        ready = poll_now(fd->fd, op->kind == TN__RECV ? POLLIN : POLLOUT);
        if (ready <= 0) {
            return ready < 0 ? ready : -EAGAIN;
        }
        if (op->kind == TN__SEND && len > TN_SHARED_WRITE) {
            len = TN_SHARED_WRITE;
        }
    }
    if (op->kind == TN__RECV) {
        return sys(read(fd->fd, op->u.io.buf, len));
    }
    return sys(write(fd->fd, op->u.io.buf, len));
}

/* accept(2) and sendfile(2) know no MSG_DONTWAIT: where the mode is not ours
   to change, ask before. */
static int
ask_first(const struct tn__op *op, int events, int dontwait)
{
    const struct tn__fd *fd = op->fd;
    int ready;

    if (!dontwait || fd->nonblock || !fd->shared_flags) {
        return 0;
    }
    ready = poll_now(fd->fd, events);
    return ready > 0 ? 0 : ready < 0 ? ready : -EAGAIN;
}

/* Errors of a connection that died in the queue, or of the network it came
   from (accept(2)): not the listener's trouble. */
static bool
is_of_connection(ssize_t r)
{
    return r == -ECONNABORTED || r == -EPROTO || r == -ENETDOWN ||
           r == -ENETUNREACH || r == -EHOSTDOWN || r == -EHOSTUNREACH ||
           r == -ENONET || r == -ENOPROTOOPT;
}

static ssize_t
try_accept(struct tn__op *op, int dontwait)
{
    tn_addr scratch;
    tn_addr *addr = op->u.a.addr ? op->u.a.addr : &scratch;
    ssize_t r = ask_first(op, POLLIN, dontwait);

    if (r < 0) {
        return r;
    }
    do {
        addr->len = sizeof(addr->u);
        r = sys(accept4(op->fd->fd, &addr->u.sa, &addr->len,
                        op->u.a.flags | SOCK_CLOEXEC));
    } while (is_of_connection(r));
    return r;
}

static ssize_t
try_connect(struct tn__op *op)
{
    const tn_addr *addr = op->u.a.addr;
    int err = 0;
    socklen_t len = sizeof(err);
    ssize_t r;

    if (!op->tried) {
        r = sys(connect(op->fd->fd, &addr->u.sa, addr->len));
        /* After EINTR a connection goes on by itself, but a Unix one, which
           only waited for room in the backlog. */
        op->tried = r == -EINPROGRESS ||
                    (r == -EINTR && addr->u.sa.sa_family != AF_UNIX);
        return r == -EINPROGRESS ? -EAGAIN : r;
    }
    if ((poll_now(op->fd->fd, POLLOUT) & (POLLOUT | POLLERR | POLLHUP)) == 0) {
        return -EAGAIN;
    }
    r = sys(getsockopt(op->fd->fd, SOL_SOCKET, SO_ERROR, &err, &len));
    return r < 0 ? r : -err;
}

/* SIGPIPE is blocked already, and one was raised before. */
static bool
is_pipe_pending(const sigset_t *blocked)
{
    sigset_t pending;

    return sigismember(blocked, SIGPIPE) == 1 && sigpending(&pending) == 0 &&
           sigismember(&pending, SIGPIPE) == 1;
}

/* sendfile(2) takes no MSG_NOSIGNAL: block SIGPIPE, and eat the one that the
   call raised, unless one was pending before. It may come with a part that was
   sent: the peer went away in the middle. */
static ssize_t
try_sendfile(struct tn__op *op, int dontwait)
{
    sigset_t pipe_set, old;
    struct timespec zero = {0, 0};
    off_t offset = op->u.f.offset;
    size_t most = TN_SENDFILE_CHUNK;
    bool had;
    size_t n;
    ssize_t r = ask_first(op, POLLOUT, dontwait);

    if (r < 0) {
        return r;
    }
    if (dontwait && !op->fd->nonblock && op->fd->shared_flags) {
        most = TN_SHARED_WRITE;
    }
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
    had = is_pipe_pending(&old);
    n = op->u.f.len < most ? op->u.f.len : most;
    r = sys(sendfile(op->fd->fd, op->u.f.file, &offset, n));
    if (!had && (r == -EPIPE || (r >= 0 && (size_t)r < n))) {
        while (sigtimedwait(&pipe_set, NULL, &zero) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r > 0) {
        op->u.f.offset += r;
    }
    return r;
}

ssize_t
tn__op_once(struct tn__op *op, int dontwait)
{
    int fd = op->fd->fd;

    switch ((enum tn__op_kind)op->kind) {
    case TN__RECV:
        if (!op->fd->is_socket) {
            return try_plain(op);
        }
        return sys(
            recv(fd, op->u.io.buf, op->u.io.len, op->u.io.flags | dontwait));
    case TN__SEND:
        if (!op->fd->is_socket) {
            return try_plain(op);
        }
        return sys(send(fd, op->u.io.buf, op->u.io.len,
                        op->u.io.flags | MSG_NOSIGNAL | dontwait));
    case TN__RECVMSG:
        return sys(recvmsg(fd, op->u.m.msg,
                           op->u.m.flags | MSG_CMSG_CLOEXEC | dontwait));
    case TN__SENDMSG:
        return sys(
            sendmsg(fd, op->u.m.msg, op->u.m.flags | MSG_NOSIGNAL | dontwait));
    case TN__ACCEPT:
        return try_accept(op, dontwait);
    case TN__CONNECT:
        return try_connect(op);
    case TN__SENDFILE:
        return try_sendfile(op, dontwait);
    case TN__POLL:
        return poll_now(fd, op->u.events);
    case TN__OTHER:
        break;
    }
    TN_ASSERT(!"a kernel op");
    return -EINVAL;
}

ssize_t
tn__op_end(struct tn__op *op, ssize_t r)
{
    if (TN_LIKELY(r != -EAGAIN) || !op->fd->shut || op->nowait) {
        return r;
    }
    if (op->kind == TN__RECVMSG && !(op->u.m.flags & MSG_ERRQUEUE)) {
        op->u.m.msg->msg_namelen = 0;
        op->u.m.msg->msg_controllen = 0;
        op->u.m.msg->msg_flags = 0;
        return 0;
    }
    return op->kind == TN__RECV ? 0 : r;
}

ssize_t
tn__op_try(struct tn__op *op)
{
    ssize_t r;

    do {
        r = tn__op_once(op, MSG_DONTWAIT);
    } while (r == -EINTR);
    if (op->kind == TN__POLL && r == 0) {
        return -EAGAIN;
    }
    return tn__op_end(op, r);
}

ssize_t
tn__fd_send(const struct tn__fd *fd, const void *buf, size_t n)
{
    ssize_t r;

    do {
        r = sys(send(fd->fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT));
    } while (r == -EINTR);
    return r;
}

int
tn__fd_set_nonblock(struct tn__fd *fd, bool on)
{
    int flags;

    if (fd->fd < 0 || fd->shared_flags ||
        (fd->nonblock == on && !fd->duplicated)) {
        return 0;
    }
    flags = fcntl(fd->fd, F_GETFL);
    if (flags < 0) {
        return -errno;
    }
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (fcntl(fd->fd, F_SETFL, flags) < 0) {
        return -errno;
    }
    fd->nonblock = on;
    return 0;
}
