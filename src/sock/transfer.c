/*
 * transfer.c - receiving and sending bytes.
 */
#include "sock/sock.h"

#include <stdio.h>
#include <string.h>

/* ---- receiving ---- */

/* On anything but a stream MSG_TRUNC makes the kernel tell the true size. */
static int
ask_size(const tn_sock *s, int flags)
{
    return s->fd.is_stream || !s->fd.is_socket ? flags : flags | MSG_TRUNC;
}

/* ICMP datagram sockets take no notice of it: there only the message's own flag
   tells that a tail was lost. */
static bool
hides_size(const tn_sock *s)
{
    return s->type == SOCK_DGRAM &&
           (s->proto == IPPROTO_ICMP || s->proto == IPPROTO_ICMPV6);
}

/* Say how large the message was that did not fit. */
static TN_APART int
too_large(size_t full, size_t cap)
{
    char text[96];

    snprintf(text, sizeof(text), "a message of %zu bytes into %zu", full, cap);
    return tn_fail(-EMSGSIZE, "receive", text);
}

/* MSG_WAITALL, where the kernel may not wait itself: all of it, or what came
   before the end or the time-out. */
static ssize_t
recv_whole(tn_sock *sock, void *buf, size_t cap)
{
    size_t got;
    ssize_t r = tn_recvall(sock, buf, cap, &got);
    bool cut =
        r == TN_ETRUNCATED || r == -ETIME || r == -ECANCELED || r == -EINTR;

    return cut && got > 0 ? (ssize_t)got : r;
}

ssize_t
tn_recv(tn_sock *sock, void *buf, size_t cap, int flags)
{
    struct tn__op op = {
        .kind = TN__RECV,
        .u.io = {buf, cap, ask_size(sock, flags & ~MSG_DONTWAIT)},
    };
    ssize_t r;

    if (cap == 0 && sock->fd.is_stream) {
        return 0;
    }
    if (TN_UNLIKELY(hides_size(sock))) {
        return tn_recvfrom(sock, buf, cap, flags, NULL, NULL);
    }
    if (flags == MSG_WAITALL && sock->fd.is_stream && sock->timeout != 0) {
        return recv_whole(sock, buf, cap);
    }
    r = tn__sock_run(sock, &op, flags, "recv");
    if (r > 0 && (size_t)r > cap && !(flags & MSG_TRUNC)) {
        return too_large((size_t)r, cap);
    }
    return r;
}

ssize_t
tn_recvall(tn_sock *sock, void *buf, size_t n, size_t *got)
{
    struct tn__limit lim = tn__sock_limit(sock, 0);
    size_t have = 0;
    ssize_t r = tn__sock_enter(sock);

    if (got) {
        *got = 0;
    }
    if (r < 0) {
        return tn__sock_fail(sock, (int)r, "recv");
    }
    while (have < n) {
        struct tn__op op = {.kind = TN__RECV,
                            .u.io = {(char *)buf + have, n - have, 0}};

        r = tn__sock_await(sock, &op, &lim);
        if (r <= 0) {
            break;
        }
        have += (size_t)r;
    }
    if (got) {
        *got = have;
    }
    if (r == 0 && have > 0 && have < n) {
        r = TN_ETRUNCATED;
    }
    if (r < 0) {
        tn__sock_fail(sock, (int)r, "recv");
    }
    tn__sock_leave(sock);
    return r < 0 ? r : (ssize_t)have;
}

ssize_t
tn_recvmsg(tn_sock *sock, tn_msg *msg, int flags)
{
    struct msghdr m = {
        .msg_name = &msg->addr.u,
        .msg_namelen = sizeof(msg->addr.u),
        .msg_iov = msg->iov,
        .msg_iovlen = msg->iov_count,
        .msg_control = msg->control,
        .msg_controllen = msg->control_len,
    };
    struct tn__op op = {
        .kind = TN__RECVMSG,
        .u.m = {&m, ask_size(sock, flags & ~MSG_DONTWAIT)},
    };
    size_t room = 0;
    ssize_t r = tn__sock_run(sock, &op, flags, "recvmsg");

    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < msg->iov_count; i++) {
        room += msg->iov[i].iov_len;
    }
    msg->addr.len = m.msg_namelen;
    msg->control_len = m.msg_controllen;
    msg->flags = m.msg_flags & ~MSG_CMSG_CLOEXEC; /* ours, no news */
    msg->full = (size_t)r;
    if ((m.msg_flags & MSG_TRUNC) && msg->full <= room) {
        msg->full = room + 1; /* cut, and the kernel does not say by how much */
    }
    return (size_t)r > room && !(flags & MSG_TRUNC) ? (ssize_t)room : r;
}

ssize_t
tn_recvfrom(tn_sock *sock, void *buf, size_t cap, int flags, tn_addr *from,
            size_t *full)
{
    struct iovec iov = {buf, cap};
    tn_msg msg = {.iov = &iov, .iov_count = 1};
    ssize_t r = tn_recvmsg(sock, &msg, flags);

    if (r < 0) {
        return r;
    }
    if (from) {
        *from = msg.addr;
    }
    if (full) {
        *full = msg.full;
    } else if (msg.full > cap && !(flags & MSG_TRUNC)) {
        return too_large(msg.full, cap);
    }
    return r;
}

/* ---- the sending side ---- */

static bool
lock_start(struct tn__op *op)
{
    tn_sock *s = op->u.other[0];

    if (!s->sending) {
        s->sending = true;
        return tn__op_finish(op, 0);
    }
    op->state = TN__PENDING;
    tn__opq_push(&s->senders, op);
    return false;
}

static void
lock_cancel(struct tn__op *op)
{
    tn_sock *s = op->u.other[0];

    tn__opq_remove(&s->senders, op);
    tn__op_complete(op, -ECANCELED);
}

static const struct tn__op_class lock_ops = {lock_start, lock_cancel};

int
tn__send_lock(tn_sock *s, struct tn__limit *lim)
{
    struct tn__op op = {.cls = &lock_ops, .kind = TN__OTHER};
    int r;

    if (!tn__self) {
        return 0; /* threads keep their own order */
    }
    if (TN_LIKELY(!s->sending)) {
        s->sending = true;
        return 0;
    }
    if (lim->timeout == 0) {
        return -EAGAIN;
    }
    op.u.other[0] = s;
    r = (int)tn__await(&op, lim);
    return r == -ECANCELED && s->closing ? -EBADF : r;
}

/* Hand the side to the oldest that waits for it. */
void
tn__send_unlock(tn_sock *s)
{
    struct tn__op *next;

    if (!tn__self) {
        return;
    }
    next = tn__opq_pop(&s->senders);
    if (next) {
        tn__op_complete(next, 0);
    } else {
        s->sending = false;
    }
}

/* A datagram by address into a full Unix queue: the kernel reports room all
   the time, and has none. */
static bool
is_unix_datagram(const tn_sock *s, const struct tn__op *op)
{
    return s->family == AF_UNIX && s->type == SOCK_DGRAM &&
           op->kind == TN__SENDMSG && op->u.m.msg->msg_name;
}

ssize_t
tn__send_op(tn_sock *s, struct tn__op *op, struct tn__limit *lim)
{
    ssize_t r = tn__send_lock(s, lim);

    if (r < 0) {
        return r;
    }
    if (s->broken) {
        r = TN_EBROKEN;
    } else if (is_unix_datagram(s, op)) {
        r = tn__sock_await_unix(s, op, lim);
    } else {
        r = tn__sock_await(s, op, lim);
    }
    tn__send_unlock(s);
    return r;
}

/* Enter, send one op, leave, record. */
static ssize_t
send_run(tn_sock *s, struct tn__op *op, int flags, const tn_addr *to)
{
    struct tn__limit lim = tn__sock_limit(s, flags);
    ssize_t r = tn__sock_enter(s);

    if (r < 0) {
        return tn__sock_fail(s, (int)r, "send");
    }
    r = tn__send_op(s, op, &lim);
    if (TN_UNLIKELY(r < 0 && to && to->len)) {
        tn__fail((int)r, "send", s->type, to);
    } else if (TN_UNLIKELY(r < 0)) {
        tn__sock_fail(s, (int)r, "send");
    }
    tn__sock_leave(s);
    return r;
}

ssize_t
tn_send(tn_sock *sock, const void *buf, size_t n, int flags)
{
    struct tn__op op = {
        .kind = TN__SEND,
        .u.io = {(void *)(uintptr_t)buf, n, flags & ~MSG_DONTWAIT},
    };

    return send_run(sock, &op, flags, NULL);
}

ssize_t
tn_sendmsg(tn_sock *sock, const tn_msg *msg, int flags)
{
    struct msghdr m = {
        .msg_name = msg->addr.len ? (void *)(uintptr_t)&msg->addr.u : NULL,
        .msg_namelen = msg->addr.len,
        .msg_iov = msg->iov,
        .msg_iovlen = msg->iov_count,
        .msg_control = msg->control_len ? msg->control : NULL,
        .msg_controllen = msg->control_len,
    };
    struct tn__op op = {
        .kind = TN__SENDMSG,
        .u.m = {&m, flags & ~MSG_DONTWAIT},
    };

    return send_run(sock, &op, flags, &msg->addr);
}

ssize_t
tn_sendto(tn_sock *sock, const void *buf, size_t n, int flags,
          const tn_addr *to)
{
    struct iovec iov = {(void *)(uintptr_t)buf, n};
    tn_msg msg = {.iov = &iov, .iov_count = 1, .addr = *to};

    return tn_sendmsg(sock, &msg, flags);
}

void
tn_send_resume(tn_sock *sock)
{
    sock->broken = false;
}

/* ---- sending all ---- */

/* Drop the first n bytes of what is left. */
static void
advance(struct msghdr *m, size_t n)
{
    while (n > 0 || (m->msg_iovlen > 0 && m->msg_iov->iov_len == 0)) {
        size_t step = m->msg_iov->iov_len < n ? m->msg_iov->iov_len : n;

        m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + step;
        m->msg_iov->iov_len -= step;
        n -= step;
        if (m->msg_iov->iov_len == 0) {
            m->msg_iov++;
            m->msg_iovlen--;
        }
    }
}

/* What is left to send, in one piece or in several. */
struct rest {
    const char *buf; /* used if m is NULL */
    size_t len;
    struct msghdr *m;
};

/* One send of what is left; with the sending side held. */
static ssize_t
send_part(tn_sock *s, struct rest *rest, struct tn__limit *lim)
{
    struct tn__op op;
    ssize_t r;

    if (s->broken) {
        return TN_EBROKEN;
    }
    if (!rest->m) {
        op = (struct tn__op){
            .kind = TN__SEND,
            .u.io = {(void *)(uintptr_t)rest->buf, rest->len, 0},
        };
        r = tn__sock_await(s, &op, lim);
        rest->buf += r > 0 ? r : 0;
        rest->len -= r > 0 ? (size_t)r : 0;
        return r;
    }
    op = (struct tn__op){.kind = TN__SENDMSG, .u.m = {rest->m, 0}};
    if (!s->fd.is_socket) { /* a pipe takes one part after the other */
        op.kind = TN__SEND;
        op.u.io.buf = rest->m->msg_iov->iov_base;
        op.u.io.len = rest->m->msg_iov->iov_len;
        op.u.io.flags = 0;
    }
    r = tn__sock_await(s, &op, lim);
    if (r > 0) {
        advance(rest->m, (size_t)r);
    }
    return r;
}

static bool
is_empty(const struct rest *rest)
{
    return rest->m ? rest->m->msg_iovlen == 0 : rest->len == 0;
}

/* A descriptor in blocking mode takes everything unless a signal comes: then
   it tells what went out and no EINTR, so that the hook is asked here. */
static int
cut_short(const tn_sock *s, const struct rest *rest)
{
    bool cut = !tn__self && !s->fd.nonblock && !is_empty(rest);

    return cut && tn__interrupted() ? -EINTR : 0;
}

/* Most sends neither wait nor share, and need no op. -EAGAIN: this one does. */
static ssize_t
send_at_once(tn_sock *s, const struct rest *rest)
{
    tn_task *t = tn__self;

    if (!t || rest->len == 0 || s->sending || s->broken || s->closing ||
        s->layer || !tn__ready_hint(t->loop->waiter, &s->fd, TN__WRITER) ||
        !tn__at_once(t)) {
        return -EAGAIN;
    }
    return tn__fd_send(&s->fd, rest->buf, rest->len);
}

/* `total` bytes went out before. */
static ssize_t
send_everything(tn_sock *s, struct rest *rest, size_t total, size_t *sent)
{
    struct tn__limit lim = tn__sock_limit(s, 0);
    ssize_t r = tn__sock_enter(s);
    bool more;

    if (r < 0) {
        return tn__sock_fail(s, (int)r, "send");
    }
    r = tn__send_lock(s, &lim);
    if (r == 0) {
        /* As in Python nothing is sent too: it may be a message, and a stream
           that is over says so. */
        more = s->fd.is_socket || !is_empty(rest);
        while (more) {
            r = send_part(s, rest, &lim);
            if (r >= 0) {
                total += (size_t)r;
                r = cut_short(s, rest);
            }
            more = r >= 0 && !is_empty(rest);
        }
        s->broken = s->broken || (r < 0 && total > 0);
        tn__send_unlock(s);
    }
    if (TN_UNLIKELY(r < 0)) {
        tn__sock_fail(s, (int)r, "send");
    }
    if (sent) {
        *sent = total;
    }
    tn__sock_leave(s);
    return r < 0 ? r : (ssize_t)total;
}

ssize_t
tn_sendall(tn_sock *sock, const void *buf, size_t n, size_t *sent)
{
    struct rest rest = {.buf = buf, .len = n};
    ssize_t r = send_at_once(sock, &rest);
    size_t begun = r > 0 ? (size_t)r : 0;

    if (sent) {
        *sent = begun;
    }
    if (TN_LIKELY(begun == n && n > 0)) {
        return r;
    }
    if (r < 0 && r != -EAGAIN) {
        return tn__sock_fail(sock, (int)r, "send");
    }
    rest.buf += begun;
    rest.len -= begun;
    return send_everything(sock, &rest, begun, sent);
}

ssize_t
tn_sendvall(tn_sock *sock, const struct iovec *iov, int count, size_t *sent)
{
    struct iovec copy[TN_IOV_MAX];
    struct msghdr m = {.msg_iov = copy, .msg_iovlen = (size_t)count};
    struct rest rest = {.m = &m};

    if (sent) {
        *sent = 0;
    }
    if (count < 0 || count > TN_IOV_MAX) {
        return tn__sock_fail(sock, -EINVAL, "send");
    }
    for (int i = 0; i < count; i++) { /* iov may be NULL if there are none */
        copy[i] = iov[i];
    }
    advance(&m, 0);
    return send_everything(sock, &rest, 0, sent);
}
