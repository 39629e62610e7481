/*
 * msg.c - files, descriptors and foreign waits.
 */
#include "sock/sock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- sendfile ---- */

/* How much to send, or a negative code. */
static ssize_t
file_range(int fd, int64_t offset, size_t count)
{
    struct stat st;

    if (offset < 0) {
        return -EINVAL;
    }
    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return -EINVAL;
    }
    if (offset >= st.st_size) {
        return 0;
    }
    if (count == 0 || count > (size_t)(st.st_size - offset)) {
        count = (size_t)(st.st_size - offset);
    }
    return (ssize_t)count;
}

/* With the sending side held. Ends early if the file became shorter. */
static ssize_t
send_file_rest(tn_sock *s, struct tn__op *op, size_t count, size_t *sent,
               struct tn__limit *lim)
{
    ssize_t r = 0;

    while (*sent < count) {
        op->state = TN__IDLE;
        op->u.f.len = count - *sent;
        r = s->broken ? TN_EBROKEN : tn__sock_await(s, op, lim);
        if (r <= 0) {
            break;
        }
        *sent += (size_t)r;
    }
    if (r < 0 && *sent > 0) {
        s->broken = true;
    }
    return r;
}

ssize_t
tn_sendfile(tn_sock *sock, int fd, int64_t offset, size_t count, size_t *sent)
{
    struct tn__limit lim = tn__sock_limit(sock, 0);
    struct tn__op op = {.kind = TN__SENDFILE};
    ssize_t todo = file_range(fd, offset, count);
    size_t total = 0;
    ssize_t r = todo < 0 ? todo : tn__sock_enter(sock);

    if (sent) {
        *sent = 0;
    }
    if (r == 0 && !sock->fd.is_stream) {
        tn__sock_leave(sock);
        r = -EINVAL;
    }
    if (r < 0) {
        return tn__sock_fail(sock, (int)r, "sendfile");
    }
    op.u.f.file = fd;
    op.u.f.offset = offset;
    r = tn__send_lock(sock, &lim);
    if (r == 0) {
        r = send_file_rest(sock, &op, (size_t)todo, &total, &lim);
        tn__send_unlock(sock);
    }
    if (r < 0) {
        tn__sock_fail(sock, (int)r, "sendfile");
    }
    if (sent) {
        *sent = total;
    }
    tn__sock_leave(sock);
    return r < 0 ? r : (ssize_t)total;
}

/* ---- descriptors ---- */

union fd_control {
    struct cmsghdr head; /* for its alignment */
    char room[CMSG_SPACE(TN_FDS_MAX * sizeof(int))];
};

ssize_t
tn_send_fds(tn_sock *sock, const void *buf, size_t n, const int *fds, int count)
{
    union fd_control control;
    struct iovec iov = {(void *)(uintptr_t)buf, n};
    tn_msg msg = {.iov = &iov, .iov_count = 1, .control = control.room};
    struct cmsghdr *c = &control.head;
    size_t bytes;

    if (count < 1 || count > TN_FDS_MAX) {
        return tn__sock_fail(sock, -EINVAL, "send_fds");
    }
    bytes = (size_t)count * sizeof(int);
    memset(&control, 0, sizeof(control));
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(c), fds, bytes);
    msg.control_len = CMSG_SPACE(bytes);
    return tn_sendmsg(sock, &msg, 0);
}

/* Keep what there is room for, close the rest. */
static int
keep_fds(const struct cmsghdr *c, int *fds, int have, int room)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < n; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        if (have < room) {
            fds[have++] = fd;
        } else {
            close(fd);
        }
    }
    return have;
}

ssize_t
tn_recv_fds(tn_sock *sock, void *buf, size_t cap, int *fds, int *count)
{
    union fd_control control;
    struct iovec iov = {buf, cap};
    tn_msg msg = {.iov = &iov, .iov_count = 1, .control = control.room};
    struct msghdr m = {.msg_control = control.room};
    int room = *count;
    int have = 0;
    bool cut;
    ssize_t r;

    *count = 0;
    if (room < 1 || room > TN_FDS_MAX) {
        return tn__sock_fail(sock, -EINVAL, "recv_fds");
    }
    /* Not CMSG_SPACE: its padding would let one more in, unannounced. */
    msg.control_len = CMSG_LEN((size_t)room * sizeof(int));
    r = tn_recvmsg(sock, &msg, 0);
    if (r < 0) {
        return r;
    }
    m.msg_controllen = msg.control_len;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            have = keep_fds(c, fds, have, room);
        }
    }
    *count = have;
    cut = (msg.flags & MSG_CTRUNC) != 0;
    return cut ? tn__sock_fail(sock, -EMSGSIZE, "recv_fds") : r;
}

/* ---- a foreign descriptor ---- */

/* A dup of it is watched, so that it can be waited for twice, or be a socket
   that is watched already. */
static int
wait_in_task(int number, struct tn__op *op, struct tn__limit *lim)
{
    struct tn__fd fd = {.ready = {true, true}, .shared_flags = true};
    ssize_t r;

    fd.fd = fcntl(number, F_DUPFD_CLOEXEC, 0);
    if (fd.fd < 0) {
        return -errno;
    }
    op->fd = &fd;
    op->cls = tn__loop->waiter->backend->ops;
    r = tn__waiter_adopt(tn__loop->waiter, &fd);
    if (r == 0) {
        r = tn__await(op, lim);
        tn__waiter_release(&fd);
    }
    close(fd.fd);
    return (int)r;
}

int
tn_wait_fd(int fd, int events, int64_t timeout)
{
    struct tn__limit lim = {.timeout = timeout};
    struct tn__op op = {.kind = TN__POLL, .u.events = events};
    struct tn__fd plain = {.fd = fd, .shared_flags = true};
    int r;

    if (fd < 0) {
        return -EBADF; /* poll(2) would wait on nothing */
    }
    if (tn__self && tn__loop->is_sim) {
        return -EOPNOTSUPP;
    }
    if (tn__self) {
        r = wait_in_task(fd, &op, &lim);
        if (r == 0 && timeout != 0) {
            /* A regular file, of which nothing more will be heard. */
            r = tn_sleep(timeout);
            return r < 0 ? r : -ETIME;
        }
    } else {
        op.fd = &plain;
        r = (int)tn__await(&op, &lim);
    }
    return r == -EAGAIN ? 0 : r;
}
