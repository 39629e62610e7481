/*
 * io.c - the verbs of a socket, through TLS.
 */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- receiving ---- */

static int
read_call(struct tls_conn *c, struct tls_call *call)
{
    return SSL_read_ex(c->ssl, call->buf, call->len, &call->done);
}

static int
peek_call(struct tls_conn *c, struct tls_call *call)
{
    return SSL_peek_ex(c->ssl, call->buf, call->len, &call->done);
}

/* One record, and as many more as are here already. */
static ssize_t
receive(struct tls_conn *c, void *buf, size_t cap, int flags,
        struct tn__limit *lim)
{
    bool peek = (flags & MSG_PEEK) != 0;
    struct tls_call call = {peek ? peek_call : read_call, buf, cap, 0};
    size_t have;
    int r = tls_drive(c, &call, lim);

    if (r <= 0) {
        return r;
    }
    have = call.done;
    while (!peek && have < cap) {
        call.buf = (char *)buf + have;
        call.len = cap - have;
        tls_lock(c);
        r = SSL_has_pending(c->ssl) ? tls_once(c, &call) : 0;
        tls_unlock(c);
        if (r <= 0) {
            break; /* the end, or a failure, comes again */
        }
        have += call.done;
    }
    return (ssize_t)have;
}

/* The first vector that has room; the others only while it is filled. */
static ssize_t
receive_message(struct tls_conn *c, struct msghdr *m, int flags,
                struct tn__limit *lim)
{
    struct tn__limit now = {.timeout = 0};
    size_t have = 0;
    ssize_t r = 0;

    m->msg_namelen = 0;
    m->msg_controllen = 0;
    m->msg_flags = 0;
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        const struct iovec *v = &m->msg_iov[i];

        if (v->iov_len == 0) {
            continue;
        }
        r = receive(c, v->iov_base, v->iov_len, flags, have > 0 ? &now : lim);
        have += r > 0 ? (size_t)r : 0;
        if (r < (ssize_t)v->iov_len || (flags & MSG_PEEK)) {
            break;
        }
    }
    return have > 0 ? (ssize_t)have : r;
}

/* Threads keep their own order. */
static void
set_reading(struct tls_conn *c, bool on)
{
    if (tn__self) {
        c->reading = on;
    }
}

static ssize_t
run_receive(struct tls_conn *c, struct tn__op *op, struct tn__limit *lim)
{
    int flags = op->kind == TN__RECV ? op->u.io.flags : op->u.m.flags;
    ssize_t r;

    if (flags & ~(MSG_PEEK | MSG_WAITALL | MSG_NOSIGNAL)) {
        return -EOPNOTSUPP; /* what TCP has below: urgent bytes, its errors */
    }
    if (tn__self && c->reading) {
        return -EBUSY;
    }
    set_reading(c, true);
    r = tls_handshake(c, lim);
    if (r == 0) {
        r = op->kind == TN__RECV
                ? receive(c, op->u.io.buf, op->u.io.len, flags, lim)
                : receive_message(c, op->u.m.msg, flags, lim);
    }
    set_reading(c, false);
    return r;
}

/* ---- sending ---- */

static int
write_call(struct tls_conn *c, struct tls_call *call)
{
    return SSL_write_ex(c->ssl, call->buf, call->len, &call->done);
}

/* May bytes be sent: the handshake done, nothing left of what was sent
   before, no end announced. */
static int
ready_to_send(struct tls_conn *c, struct tn__limit *lim)
{
    int r = tls_handshake(c, lim);
    bool ended;

    if (r == 0) {
        r = tls_flush(c, lim);
    }
    tls_lock(c);
    ended = c->ended;
    tls_unlock(c);
    return r == 0 && ended ? -EPIPE : r;
}

/* Whether records follow at once: then the kernel may put them together. */
static void
set_more(struct tls_conn *c, bool more)
{
    tls_lock(c);
    c->more = more;
    tls_unlock(c);
}

/* One record. Once it is made it counts as sent, like bytes in the kernel's
   buffer: what a time-out leaves of it goes out with the next call. */
static ssize_t
send_record(struct tls_conn *c, const char *buf, size_t n,
            struct tn__limit *lim)
{
    struct tls_call call = {
        .fn = write_call,
        .buf = (void *)(uintptr_t)buf,
        .len = n < TN_TLS_RECORD ? n : TN_TLS_RECORD,
    };
    int r = tls_drive(c, &call, lim);

    if (r <= 0) {
        return r == 0 || r == TN_ECUT ? -EPIPE : r;
    }
    r = tls_flush(c, lim);
    return r == 0 || tls_is_passing(r) ? (ssize_t)call.done : r;
}

/* Bytes: fewer than n if a wait for room ended, and then a code if none. With
   `more` the caller has others to follow. */
static ssize_t
send_bytes(struct tls_conn *c, const char *buf, size_t n, bool more,
           struct tn__limit *lim)
{
    size_t sent = 0;
    ssize_t r = ready_to_send(c, lim);

    while (r >= 0 && sent < n) {
        r = tls_flush(c, lim);
        if (r == 0) {
            set_more(c, more || n - sent > TN_TLS_RECORD);
            r = send_record(c, buf + sent, n - sent, lim);
        }
        sent += r > 0 ? (size_t)r : 0;
    }
    set_more(c, false);
    return sent > 0 && (r >= 0 || tls_is_passing(r)) ? (ssize_t)sent : r;
}

/* Small pieces make one record: a head and its payload arrive together. */
static size_t
gather(const struct msghdr *m, char *to, size_t cap)
{
    size_t have = 0;

    for (size_t i = 0; i < m->msg_iovlen && have < cap; i++) {
        size_t n = m->msg_iov[i].iov_len;

        n = n < cap - have ? n : cap - have;
        if (n > 0) {
            memcpy(to + have, m->msg_iov[i].iov_base, n);
        }
        have += n;
    }
    return have;
}

static ssize_t
send_message(struct tls_conn *c, const struct msghdr *m, bool more,
             struct tn__limit *lim)
{
    const struct iovec *v = m->msg_iov;
    size_t count = m->msg_iovlen;
    char *whole;
    ssize_t r;

    if (m->msg_controllen > 0) {
        return -EOPNOTSUPP;
    }
    while (count > 1 && v->iov_len == 0) {
        v++;
        count--;
    }
    if (count == 0) {
        return send_bytes(c, NULL, 0, more, lim);
    }
    if (count == 1 || v->iov_len >= TN_TLS_RECORD) {
        return send_bytes(c, v->iov_base, v->iov_len, more || count > 1, lim);
    }
    whole = malloc(TN_TLS_RECORD);
    if (!whole) {
        return -ENOMEM;
    }
    r = send_bytes(c, whole, gather(m, whole, TN_TLS_RECORD), more, lim);
    free(whole);
    return r;
}

static ssize_t
run_send(struct tls_conn *c, struct tn__op *op, struct tn__limit *lim)
{
    int flags = op->kind == TN__SEND ? op->u.io.flags : op->u.m.flags;
    bool more = (flags & MSG_MORE) != 0;

    if (flags & ~(MSG_MORE | MSG_CONFIRM | MSG_NOSIGNAL)) {
        return -EOPNOTSUPP;
    }
    return op->kind == TN__SEND
               ? send_bytes(c, op->u.io.buf, op->u.io.len, more, lim)
               : send_message(c, op->u.m.msg, more, lim);
}

/* ---- files ---- */

static ssize_t
send_file(struct tls_conn *c, struct tn__op *op, struct tn__limit *lim)
{
    size_t n = op->u.f.len < TN_TLS_FILE ? op->u.f.len : TN_TLS_FILE;
    ssize_t r = ready_to_send(c, lim);
    char *buf;

    if (r < 0) {
        return r;
    }
    if (c->ktls_send) {
        return tn__sock_await_below(c->sock, op, lim);
    }
    buf = malloc(n);
    if (!buf) {
        return -ENOMEM;
    }
    r = pread(op->u.f.file, buf, n, op->u.f.offset);
    if (r < 0) {
        r = -errno;
    } else if (r > 0) {
        r = send_bytes(c, buf, (size_t)r, op->u.f.len > n, lim);
        op->u.f.offset += r > 0 ? r : 0;
    }
    free(buf);
    return r;
}

ssize_t
tls_run(tn_sock *s, struct tn__op *op, struct tn__limit *lim)
{
    struct tls_conn *c = tls_of(s);

    switch ((enum tn__op_kind)op->kind) {
    case TN__RECV:
    case TN__RECVMSG:
        return run_receive(c, op, lim);
    case TN__SEND:
    case TN__SENDMSG:
        return run_send(c, op, lim);
    case TN__SENDFILE:
        return send_file(c, op, lim);
    case TN__CONNECT:
        return -EISCONN;
    case TN__ACCEPT:
    case TN__POLL:
    case TN__OTHER:
        break;
    }
    return tn__sock_await_below(s, op, lim);
}

/* ---- the end ---- */

/* Write close_notify, once; locked. Not after a message that was cut: the peer
   shall see that. */
static void
announce_end(struct tls_conn *c)
{
    if (c->up && !c->ended && !c->failed && !c->sock->broken) {
        c->ended = true;
        ERR_clear_error();
        (void)SSL_shutdown(c->ssl);
        tls_push(c);
    }
}

static int
end_sending(struct tls_conn *c)
{
    announce_end(c);
    if (c->out && !c->send_error) {
        c->fin = true; /* whoever empties `out` does it */
        return 0;
    }
    return tn__sock_shutdown_below(c->sock, SHUT_WR);
}

int
tls_shutdown(tn_sock *s, int how)
{
    struct tls_conn *c = tls_of(s);
    int r = 0;

    if (how != SHUT_RD) {
        tls_lock(c);
        r = end_sending(c);
        tls_unlock(c);
    }
    if (r == 0 && how != SHUT_WR) {
        r = tn__sock_shutdown_below(s, SHUT_RD);
    }
    return r;
}

bool
tls_end(tn_sock *s)
{
    struct tls_conn *c = tls_of(s);

    tls_lock(c);
    announce_end(c);
    tls_unlock(c);
    return c->out && !c->send_error && !s->broken;
}

int
tls_unread(tn_sock *s, size_t *n)
{
    struct tls_conn *c = tls_of(s);
    char first;
    struct tls_call call = {peek_call, &first, 1, 0};

    *n = 0;
    tls_lock(c);
    if (c->up && !c->failed && !(c->taken & TLS_IN)) {
        (void)tls_once(c, &call); /* decrypt the next record */
        *n = (size_t)SSL_pending(c->ssl);
    }
    tls_unlock(c);
    return 0;
}
