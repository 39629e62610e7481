/*
 * drive.c - a call of OpenSSL, again and again until it is done.
 */
#include <tenon/task.h>

#include "tls/tls_int.h"

#include <openssl/err.h>

enum { NEED_IN = 2, NEED_OUT = 3 };

/* What a call that returned `ret` means: 1 done, 0 the end, NEED_*, a code. */
static int
judge(struct tls_conn *c, int ret)
{
    int err;

    if (ret > 0) {
        return 1;
    }
    switch (SSL_get_error(c->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
        return NEED_IN;
    case SSL_ERROR_WANT_WRITE:
        return NEED_OUT;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        err = c->failed ? c->failed : TN_ECUT;
        break;
    default:
        err = tls_why_failed(c);
        break;
    }
    if (err == -ENOMEM) {
        return err;
    }
    /* We ended the reading side ourselves: that is an end, and no cut. */
    if (err == TN_ECUT && c->sock->fd.shut && c->up) {
        return 0;
    }
    c->failed = err;
    tls_push(c); /* OpenSSL may have told the peer why */
    return err;
}

static int
call_once(struct tls_conn *c, struct tls_call *call)
{
    if (c->failed) {
        return c->failed;
    }
    if (ERR_peek_error() != 0) { /* which is much cheaper */
        ERR_clear_error();
    }
    c->reads = TN_TLS_READS;
    return judge(c, call->fn(c, call));
}

int
tls_once(struct tls_conn *c, struct tls_call *call)
{
    int r = call_once(c, call);

    return r == NEED_IN || r == NEED_OUT ? -EAGAIN : r;
}

/* What the ops do before they start: a cancelled task gets no further, and
   others get their turn though there always is something to read. */
static int
check_in(struct tls_conn *c)
{
    if (!tn__self) {
        return 0;
    }
    if (!tn__at_once(tn__self)) {
        int r = tn_checkpoint();

        if (r < 0) {
            return r;
        }
    }
    return c->sock->fd.closing ? -EBADF : 0;
}

/* Bytes came, again and again, and were no data. A wait that there was no need
   to begin never ends by its limit: look at that here, and let others run. */
static int
check_round(const struct tls_conn *c, struct tn__limit *lim, int round)
{
    int64_t now;

    if (c->reads > 0 && round % TN_TLS_ROUNDS != 0) {
        return 0;
    }
    if (lim->timeout == 0) {
        return -EAGAIN;
    }
    now = tn_now();
    if (now >= tn__limit_deadline(lim, now)) {
        return -ETIME;
    }
    return tn__self ? tn_checkpoint() : 0;
}

int
tls_drive(struct tls_conn *c, struct tls_call *call, struct tn__limit *lim)
{
    int r = 0;

    for (int round = 0;; round++) {
        if (round > 0) {
            r = check_round(c, lim, round);
        }
        r = r < 0 ? r : check_in(c);
        if (r < 0) {
            return r;
        }
        tls_lock(c);
        r = call_once(c, call);
        tls_unlock(c);
        if (r == NEED_IN) {
            r = tls_pull(c, lim);
        } else if (r == NEED_OUT) {
            r = tls_flush(c, lim);
        } else {
            return r;
        }
        if (r < 0) {
            return r;
        }
    }
}
