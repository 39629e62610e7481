/*
 * conn.c - a socket becomes a TLS socket, and its handshake.
 */
#include "tls/tls_int.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making and ending ---- */

static void
conn_free(struct tls_conn *c)
{
    if (c->ssl && c->up) {
        /* A connection that was cut does not spoil its session. */
        SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(c->ssl);
    tn_tls_free(c->config);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
    free(c->host);
    free(c->out);
    free(c);
}

static struct tls_conn *
conn_new(tn_sock *s, tn_tls *tls)
{
    struct tls_conn *c = malloc(sizeof(*c));
    pthread_condattr_t attr;

    if (!c) {
        return NULL;
    }
    memset(c, 0, offsetof(struct tls_conn, in));
    c->sock = s;
    c->config = tls_ref(tls);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    return c;
}

static int
make_ssl(struct tls_conn *c)
{
    SSL_CTX *ctx;
    int r;

    ERR_clear_error();
    ctx = tls_ctx(c->config);
    c->ssl = ctx ? SSL_new(ctx) : NULL;
    SSL_CTX_free(ctx);
    if (!c->ssl || SSL_set_app_data(c->ssl, c) != 1) {
        return -ENOMEM;
    }
    r = tls_bio_attach(c);
    if (c->config->role == TN_TLS_CLIENT) {
        SSL_set_connect_state(c->ssl);
    } else {
        SSL_set_accept_state(c->ssl);
    }
    return r;
}

/* ---- the name that is wanted ---- */

/* "example.org." and "fe80::1%eth0" are how people and systems write them; in
   certificates there is neither the dot nor the interface. */
static char *
plain_name(const char *host)
{
    size_t n = strcspn(host, "%");

    if (host[n] == '\0' && n > 1 && host[n - 1] == '.') {
        n--;
    }
    return strndup(host, n);
}

static int
set_host(struct tls_conn *c, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(c->ssl);
    tn_addr addr;

    c->host = plain_name(*host ? host : "localhost");
    if (!c->host) {
        return -ENOMEM;
    }
    if (tn_addr_ip(&addr, c->host, 0) == 0) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, c->host) ? 0 : -ENOMEM;
    }
    if (strlen(c->host) > TLSEXT_MAXLEN_host_name) {
        return -EINVAL;
    }
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(c->ssl, c->host) &&
                   SSL_set_tlsext_host_name(c->ssl, c->host)
               ? 0
               : -ENOMEM;
}

/* TLS sends small records of its own, tickets for one. By Nagle's algorithm
   data behind them would wait for the peer's delayed acknowledgement. */
static void
send_without_delay(tn_sock *s)
{
    int on = 1;

    if (s->fd.is_tcp) {
        (void)s->net->setopt(&s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
}

static int
put_layer(tn_sock *s, tn_tls *tls, const char *host)
{
    struct tls_conn *c = conn_new(s, tls);
    int r = c ? make_ssl(c) : -ENOMEM;

    if (r == 0 && host) {
        r = set_host(c, host);
    }
    if (r < 0) {
        if (c) {
            conn_free(c);
        }
        return r;
    }
    tls_session_offer(c);
    send_without_delay(s);
    s->layer_state = c;
    s->layer = &tls_layer;
    return 0;
}

int
tn_tls_start(tn_sock *sock, tn_tls *tls, const char *host)
{
    bool client = tls->role == TN_TLS_CLIENT;
    int r;

    if (sock->layer) {
        r = -EISCONN;
    } else if (!sock->fd.is_stream || sock->fd.is_listener ||
               (client && !host && !tls->no_verify && !tls->pinned &&
                !tls->has_psk)) {
        r = -EINVAL;
    } else {
        r = put_layer(sock, tls, client ? host : NULL);
    }
    return r < 0 ? tn__sock_fail(sock, r, "tls") : 0;
}

/* ---- the handshake ---- */

static int
handshake_call(struct tls_conn *c, struct tls_call *call)
{
    int r = SSL_do_handshake(c->ssl);

    (void)call;
    if (r > 0 && !tls_psk_is_good(c)) {
        c->failed = TN_ECERT;
        return -1;
    }
    return r;
}

/* Locked: whether the handshake is ours to do: 1; 0: it is done; or a code. */
static int
take_handshake(struct tls_conn *c, struct tn__limit *lim)
{
    int r = 0;

    while (r == 0 && !c->up && !c->failed && (c->taken & TLS_HANDSHAKE)) {
        r = tls_wait_change(c, lim);
    }
    if (r < 0 || c->up) {
        return r;
    }
    if (c->failed) {
        return c->failed;
    }
    c->taken |= TLS_HANDSHAKE;
    return 1;
}

static void
leave_handshake(struct tls_conn *c, int r)
{
    tls_lock(c);
    c->taken &= ~(unsigned)TLS_HANDSHAKE;
    c->up = r > 0;
    tls_changed(c);
    tls_unlock(c);
}

int
tls_handshake(struct tls_conn *c, struct tn__limit *lim)
{
    struct tls_call call = {.fn = handshake_call};
    int r;

    tls_lock(c);
    r = TN_LIKELY(c->up) ? 0 : take_handshake(c, lim);
    tls_unlock(c);
    if (TN_LIKELY(r <= 0)) {
        return r;
    }
    r = tls_drive(c, &call, lim);
    leave_handshake(c, r);
    if (r <= 0) {
        return r == 0 ? TN_ECUT : r;
    }
    /* Our last words go out before the handshake counts as done. That they
       cannot is for who sends: there may still be something to read. */
    r = tls_flush(c, lim);
    return tls_is_passing(r) ? r : 0;
}

/* ---- an accepted socket that nobody has used yet ---- */

static int
use_lazy(tn_sock *s)
{
    tn_tls *tls = s->layer_state;
    int r = put_layer(s, tls, NULL);

    if (r == 0) {
        tn_tls_free(tls);
    }
    return r;
}

static ssize_t
lazy_run(tn_sock *s, struct tn__op *op, struct tn__limit *lim)
{
    int r = use_lazy(s);

    return r < 0 ? r : tls_run(s, op, lim);
}

static int
no_unread(tn_sock *s, size_t *n)
{
    (void)s;
    *n = 0;
    return 0;
}

static void
nobody_waits(tn_sock *s)
{
    (void)s;
}

static bool
nothing_to_end(tn_sock *s)
{
    (void)s;
    return false;
}

static void
free_config(tn_sock *s)
{
    tn_tls_free(s->layer_state);
}

static const struct tn__layer lazy_layer = {
    .run = lazy_run,
    .shutdown = tn__sock_shutdown_below,
    .unread = no_unread,
    .drive_out = nobody_waits,
    .end = nothing_to_end,
    .free = free_config,
};

/* ---- a listener ---- */

static void
accepted(tn_sock *listener, tn_sock *s)
{
    s->layer = &lazy_layer;
    s->layer_state = tls_ref(listener->layer_state);
    if (!tn__self) {
        /* Threads may use it two at a time from the first call on. If there
           is no memory that call says so. */
        (void)use_lazy(s);
    }
}

static const struct tn__layer listener_layer = {
    .run = tn__sock_await_below,
    .shutdown = tn__sock_shutdown_below,
    .unread = no_unread,
    .accepted = accepted,
    .drive_out = nobody_waits,
    .end = nothing_to_end,
    .free = free_config,
};

int
tn__tls_listening(tn_sock *s, tn_tls *tls)
{
    unsigned char unused[TN_TLS_FINGERPRINT];

    if (tls->role != TN_TLS_SERVER ||
        (!tls->has_psk && tn_tls_fingerprint(tls, unused) < 0)) {
        return tn_fail(-EINVAL, "listen with tls", "without a certificate");
    }
    s->layer = &listener_layer;
    s->layer_state = tls_ref(tls);
    return 0;
}

int
tn__tls_dialed(tn_sock *s, tn_tls *tls, const char *host)
{
    int r;

    tls = tls ? tls : tls_default_client();
    if (!tls) {
        return tn_fail(-ENOMEM, "tls", host);
    }
    r = tn_tls_start(s, tls, host);
    return r < 0 ? r : tn_tls_handshake(s);
}

/* ---- the layer, and what may be asked of it ---- */

static void
drive_out(tn_sock *s)
{
    tls_drive_out(tls_of(s));
}

static void
flush(tn_sock *s, struct tn__limit *lim)
{
    (void)tls_flush(tls_of(s), lim);
}

static void
free_layer(tn_sock *s)
{
    conn_free(tls_of(s));
}

const struct tn__layer tls_layer = {
    .run = tls_run,
    .shutdown = tls_shutdown,
    .unread = tls_unread,
    .drive_out = drive_out,
    .end = tls_end,
    .flush = flush,
    .free = free_layer,
    .fail = tls_fail,
};

bool
tn_tls_is_on(const tn_sock *sock)
{
    return sock->layer == &tls_layer || sock->layer == &lazy_layer;
}

int
tn_tls_handshake(tn_sock *sock)
{
    struct tn__limit lim = tn__sock_limit(sock, 0);
    int r = tn_tls_is_on(sock) ? tn__sock_enter(sock) : -EINVAL;

    if (r < 0) {
        return tn__sock_fail(sock, r, "tls");
    }
    r = sock->layer == &lazy_layer ? use_lazy(sock) : 0;
    if (r == 0) {
        r = tls_handshake(tls_of(sock), &lim);
    }
    if (r < 0) {
        tn__sock_fail(sock, r, "tls");
    }
    tn__sock_leave(sock);
    return r;
}

static void
fill_peer(const SSL *ssl, tn_tls_info *info)
{
    const X509 *peer = SSL_get0_peer_certificate(ssl);

    if (!peer || tls_digest(peer, info->fingerprint) < 0) {
        return;
    }
    info->has_peer = true;
    X509_NAME_oneline(X509_get_subject_name(peer), info->subject,
                      sizeof(info->subject));
}

static void
fill_info(const struct tls_conn *c, tn_tls_info *info)
{
    const char *name = SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name);
    const unsigned char *alpn;
    unsigned n;

    memset(info, 0, sizeof(*info));
    info->version = SSL_get_version(c->ssl);
    info->cipher = SSL_get_cipher_name(c->ssl);
    info->by_key = c->config->has_psk;
    info->resumed = !info->by_key && SSL_session_reused(c->ssl) == 1;
    info->ktls_send = c->ktls_send;
    SSL_get0_alpn_selected(c->ssl, &alpn, &n);
    if (n < sizeof(info->alpn) && n > 0) {
        memcpy(info->alpn, alpn, n);
    }
    if (name) {
        (void)snprintf(info->name, sizeof(info->name), "%s", name);
    }
    fill_peer(c->ssl, info);
}

int
tn_tls_info_of(const tn_sock *sock, tn_tls_info *info)
{
    struct tls_conn *c;
    bool up;

    if (!tn_tls_is_on(sock)) {
        return tn__sock_fail(sock, -EINVAL, "tls");
    }
    if (sock->layer == &lazy_layer) {
        return tn__sock_fail(sock, -ENOTCONN, "tls");
    }
    c = tls_of(sock);
    tls_lock(c);
    up = c->up;
    if (up) {
        ERR_clear_error();
        fill_info(c, info);
    }
    tls_unlock(c);
    return up ? 0 : tn__sock_fail(sock, -ENOTCONN, "tls");
}
