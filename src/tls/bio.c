/*
 * bio.c - what OpenSSL reads from and writes to.
 *
 * Reading: first what a parked receive has brought into `in`, then straight
 * from the kernel into OpenSSL's buffer as long as that does not wait.
 *
 * Writing: straight to the kernel; what it has no room for stays in `out`, and
 * to OpenSSL it is written. So a record that was made is never made again, and
 * no call that sends has to be repeated with the same bytes: who sends waits
 * until `out` is empty, who gives up leaves it to the next call. An error of
 * the kernel is kept for who sends: who reads may still find a reason.
 *
 * kTLS: the kernel may encrypt what is sent (Linux, tls(4) in its
 * Documentation/networking). Then bytes that are written are data, and records
 * of other types go out by themselves with their type beside them. Receiving
 * stays here: OpenSSL 3.0 cannot leave TLS 1.3 to the kernel there.
 */
#include "tls/tls_int.h"

#include <linux/tls.h>
#include <stdlib.h>
#include <string.h>

/* What OpenSSL asks of a BIO about kTLS (openssl/bio.h lists the numbers in a
   comment only, because nobody but libssl is to use them). */
enum {
    CTRL_SET_KTLS = 72,
    CTRL_KTLS_MSG = 74,
    CTRL_KTLS_MSG_DONE = 75,
};

/* ---- reading ---- */

static size_t
take_in(struct tls_conn *c, char *buf, size_t n)
{
    size_t have = c->in_end - c->in_start;

    have = have < n ? have : n;
    if (have > 0) {
        memcpy(buf, c->in + c->in_start, have);
        c->in_start += have;
    }
    return have;
}

/* While somebody is receiving into `in`, his bytes come first. What OpenSSL
   makes no data of, as new keys or refused handshakes, it reads past by
   itself: so that no peer can keep it at that, each call has its limit. */
static ssize_t
receive_now(struct tls_conn *c, char *buf, size_t n)
{
    struct tn__op op = {.kind = TN__RECV, .u.io = {buf, n, 0}};

    if ((c->taken & TLS_IN) || c->reads == 0) {
        return -EAGAIN;
    }
    c->reads--;
    return c->eof ? 0 : tn__sock_try_below(c->sock, &op, true);
}

static int
bio_read(BIO *bio, char *buf, int n)
{
    struct tls_conn *c = BIO_get_data(bio);
    size_t have = take_in(c, buf, (size_t)n);
    ssize_t r;

    BIO_clear_retry_flags(bio);
    if (have == (size_t)n) {
        return n;
    }
    r = receive_now(c, buf + have, (size_t)n - have);
    if (r == 0) {
        c->eof = true;
    }
    if (r > 0 || have > 0) {
        /* An error comes again, or is the end: the bytes go first. */
        return (int)(have + (r > 0 ? (size_t)r : 0));
    }
    if (r == -EAGAIN) {
        BIO_set_retry_read(bio);
    } else if (r < 0) {
        c->failed = (int)r;
    }
    return r < 0 ? -1 : 0;
}

/* ---- writing ---- */

static bool
has_out(const struct tls_conn *c)
{
    return c->out_start < c->out_end;
}

static ssize_t
send_now(struct tls_conn *c, const void *buf, size_t n, bool hinted)
{
    struct tn__op op = {
        .kind = TN__SEND,
        .u.io = {(void *)(uintptr_t)buf, n, c->more ? MSG_MORE : 0},
    };

    return tn__sock_try_below(c->sock, &op, hinted);
}

static void
drop_out(struct tls_conn *c)
{
    free(c->out);
    c->out = NULL;
    c->out_start = c->out_end = 0;
    if (c->fin) {
        c->fin = false;
        (void)tn__sock_shutdown_below(c->sock, SHUT_WR);
    }
}

/* Give up sending: nobody can know any more where the stream is. */
static void
sending_failed(struct tls_conn *c, int err)
{
    c->send_error = c->send_error ? c->send_error : err;
    c->fin = false;
    if (!(c->taken & TLS_OUT)) {
        drop_out(c);
    }
}

/* Keep what the kernel did not take. Bytes are only put behind others, since
   somebody may be sending from the front. */
static size_t
keep_out(struct tls_conn *c, const char *buf, size_t n)
{
    size_t room;

    if (!c->out) {
        c->out = malloc(TN_TLS_OUT);
        if (!c->out) {
            sending_failed(c, -ENOMEM);
            return n;
        }
    }
    room = TN_TLS_OUT - c->out_end;
    n = n < room ? n : room;
    memcpy(c->out + c->out_end, buf, n);
    c->out_end += n;
    return n;
}

/* A record of the kernel's that is no data: whole, with its type beside it. */
static ssize_t
send_typed(struct tls_conn *c, const char *buf, size_t n)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(1)];
    } control;
    struct iovec iov = {(void *)(uintptr_t)buf, n};
    struct msghdr m = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.room,
        .msg_controllen = sizeof(control.room),
    };
    struct tn__op op = {.kind = TN__SENDMSG, .u.m = {&m, 0}};

    memset(&control, 0, sizeof(control));
    control.head.cmsg_level = SOL_TLS;
    control.head.cmsg_type = TLS_SET_RECORD_TYPE;
    control.head.cmsg_len = CMSG_LEN(1);
    memcpy(CMSG_DATA(&control.head), &c->ktls_type, 1);
    return has_out(c) ? -EAGAIN : tn__sock_try_below(c->sock, &op, true);
}

static int
write_typed(struct tls_conn *c, BIO *bio, const char *buf, int n)
{
    ssize_t r = send_typed(c, buf, (size_t)n);

    if (r == -EAGAIN) {
        BIO_set_retry_write(bio);
        return -1;
    }
    if (r < 0) {
        sending_failed(c, (int)r);
    }
    c->ktls_type = 0;
    return n;
}

static int
bio_write(BIO *bio, const char *buf, int n)
{
    struct tls_conn *c = BIO_get_data(bio);
    size_t done = 0;
    ssize_t r;

    BIO_clear_retry_flags(bio);
    if (c->send_error) {
        return n; /* nobody gets it, as with a peer that is gone */
    }
    if (c->ktls_type) {
        return write_typed(c, bio, buf, n);
    }
    if (!has_out(c)) {
        r = send_now(c, buf, (size_t)n, true);
        if (r < 0 && r != -EAGAIN) {
            sending_failed(c, (int)r);
            return n;
        }
        done = r > 0 ? (size_t)r : 0;
    }
    if (done < (size_t)n) {
        done += keep_out(c, buf + done, (size_t)n - done);
    }
    if (done == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    return (int)done;
}

/* ---- the rest of a BIO ---- */

/* Bytes that wait in `out` are encrypted already: then the kernel must not do
   it as well. OpenSSL's own BIO for sockets sets the upper protocol, and knows
   the layout of what it hands over. */
static long
start_ktls(struct tls_conn *c, long is_send, void *keys)
{
    BIO *plain;
    long r;

    if (!is_send || has_out(c) || c->send_error ||
        c->sock->net != &tn__net_kernel || !c->sock->fd.is_tcp) {
        return 0;
    }
    plain = BIO_new_socket(c->sock->fd.fd, BIO_NOCLOSE);
    if (!plain) {
        return 0;
    }
    r = BIO_ctrl(plain, CTRL_SET_KTLS, is_send, keys);
    BIO_free(plain);
    c->ktls_send = r > 0;
    return r;
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    struct tls_conn *c = BIO_get_data(bio);

    switch (cmd) {
    case BIO_CTRL_EOF:
        return c->eof;
    case BIO_CTRL_FLUSH:
        return 1; /* `out` is not its concern, but for start_ktls() */
    case BIO_CTRL_GET_KTLS_SEND:
        return c->ktls_send;
    case CTRL_SET_KTLS:
        return start_ktls(c, num, ptr);
    case CTRL_KTLS_MSG:
        c->ktls_type = (unsigned char)num;
        return 0;
    case CTRL_KTLS_MSG_DONE:
        c->ktls_type = 0;
        return 0;
    default:
        return 0;
    }
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void
make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                                 "tenon socket");

    if (m && BIO_meth_set_read(m, bio_read) &&
        BIO_meth_set_write(m, bio_write) && BIO_meth_set_ctrl(m, bio_ctrl)) {
        method = m;
    } else {
        BIO_meth_free(m);
    }
}

int
tls_bio_attach(struct tls_conn *c)
{
    BIO *bio;

    pthread_once(&method_once, make_method);
    bio = method ? BIO_new(method) : NULL;
    if (!bio) {
        return -ENOMEM;
    }
    BIO_set_data(bio, c);
    BIO_set_init(bio, 1);
    SSL_set_bio(c->ssl, bio, bio);
    return 0;
}

/* ---- waiting ---- */

bool
tls_is_passing(ssize_t r)
{
    return r == -EAGAIN || r == -ETIME || r == -ECANCELED || r == -EINTR ||
           r == -EBADF || r == -EBUSY || r == TN_EWRONGLOOP;
}

static void
sent_from_out(struct tls_conn *c, ssize_t r)
{
    if (r > 0) {
        c->out_start += (size_t)r;
    }
    if (r < 0 && !tls_is_passing(r)) {
        sending_failed(c, (int)r);
    } else if (!has_out(c)) {
        drop_out(c);
    }
}

void
tls_push(struct tls_conn *c)
{
    ssize_t r = 1;

    while (r > 0 && has_out(c) && !(c->taken & TLS_OUT)) {
        /* Nobody waits for room, so that there may be no hint of it. */
        r = send_now(c, c->out + c->out_start, c->out_end - c->out_start,
                     false);
        sent_from_out(c, r);
    }
}

/* Locked, as it returns. */
static int
flush_part(struct tls_conn *c, struct tn__limit *lim)
{
    struct tn__op op = {.kind = TN__SEND};
    ssize_t r;

    if (c->taken & TLS_OUT) {
        return tls_wait_change(c, lim);
    }
    c->taken |= TLS_OUT;
    op.u.io.buf = c->out + c->out_start;
    op.u.io.len = c->out_end - c->out_start;
    op.u.io.flags = c->more ? MSG_MORE : 0;
    tls_unlock(c);
    r = tn__sock_await_below(c->sock, &op, lim);
    tls_lock(c);
    c->taken &= ~(unsigned)TLS_OUT;
    sent_from_out(c, r);
    tls_changed(c);
    return r < 0 ? (int)r : 0;
}

int
tls_flush(struct tls_conn *c, struct tn__limit *lim)
{
    int r = 0;

    tls_lock(c);
    while (r == 0 && has_out(c)) {
        r = flush_part(c, lim);
    }
    if (r == 0) {
        r = c->send_error;
    }
    tls_unlock(c);
    return r;
}

/* Somebody gave up sending, and nobody goes on meanwhile: what is left may be
   what the peer waits for. No event tells of both sides, so a receive looks
   again and again. */
static ssize_t
receive_part(struct tls_conn *c, struct tn__op *op, struct tn__limit *lim,
             bool left)
{
    struct tn__limit look = {.timeout = TN_TLS_LOOK};
    int64_t now = tn_now();
    int64_t deadline;
    ssize_t r;

    if (!left || lim->timeout == 0) {
        return tn__sock_await_below(c->sock, op, lim);
    }
    deadline = tn__limit_deadline(lim, now);
    if (now >= deadline) {
        return -ETIME;
    }
    look.deadline = tn__deadline(now, TN_TLS_LOOK);
    look.deadline = look.deadline < deadline ? look.deadline : deadline;
    r = tn__sock_await_below(c->sock, op, &look);
    if (r == -ETIME && tn_now() >= look.deadline) {
        r = -EAGAIN; /* our own look, unless a scope ended it */
    }
    return r;
}

int
tls_pull(struct tls_conn *c, struct tn__limit *lim)
{
    struct tn__op op = {.kind = TN__RECV, .u.io = {c->in, sizeof(c->in), 0}};
    ssize_t r = 0;
    bool left;

    tls_lock(c);
    if (c->in_start < c->in_end || c->eof) {
        tls_unlock(c);
        return 0;
    }
    if (c->taken & TLS_IN) {
        r = tls_wait_change(c, lim);
        tls_unlock(c);
        return (int)r;
    }
    tls_push(c);
    left = has_out(c) && !(c->taken & TLS_OUT);
    c->taken |= TLS_IN;
    tls_unlock(c);
    r = receive_part(c, &op, lim, left);
    tls_lock(c);
    c->taken &= ~(unsigned)TLS_IN;
    c->in_start = 0;
    c->in_end = r > 0 ? (size_t)r : 0;
    c->eof = c->eof || r == 0;
    if (r < 0 && !tls_is_passing(r)) {
        c->failed = c->failed ? c->failed : (int)r;
    }
    tls_changed(c);
    tls_unlock(c);
    if (r == -EAGAIN && lim->timeout != 0) {
        r = 0;
    }
    return r < 0 ? (int)r : 0;
}
