/*
 * config.c - a configuration: what tn_tls_new() makes and others set.
 *
 * All of it lives in a context of OpenSSL's. tn_tls_reload() makes another one
 * from what is kept here and puts it in place of the first, which connections
 * hold as long as they need it.
 */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* TLS 1.2 with keys that a later theft does not open, and ciphers that detect
   changes; TLS 1.3 has no others. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* ---- the context ---- */

static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *len,
            const unsigned char *theirs, unsigned n, void *arg)
{
    const tn_tls *tls = arg;
    unsigned char *chosen;

    (void)ssl;
    /* RFC 7301 section 3.2: nothing in common ends the handshake. */
    if (SSL_select_next_proto(&chosen, len, tls->alpn, tls->alpn_len, theirs,
                              n) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* There is one certificate for whatever name; the name is told to who asks. */
static int
take_any_name(SSL *ssl, int *alert, void *arg)
{
    (void)ssl, (void)alert, (void)arg;
    return SSL_TLSEXT_ERR_OK;
}

static int
set_alpn(SSL_CTX *ctx, tn_tls *tls)
{
    if (tls->alpn_len == 0) {
        return 0;
    }
    if (tls->role == TN_TLS_SERVER) {
        SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, tls);
        return 0;
    }
    return SSL_CTX_set_alpn_protos(ctx, tls->alpn, tls->alpn_len) == 0
               ? 0
               : -ENOMEM;
}

static int
make_ctx(SSL_CTX **out, tn_tls *tls)
{
    static const unsigned char session_id[] = "tenon";
    bool client = tls->role == TN_TLS_CLIENT;
    SSL_CTX *ctx =
        SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());

    *out = NULL;
    if (!ctx) {
        return -ENOMEM;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 (tls->ktls ? SSL_OP_ENABLE_KTLS : 0));
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(ctx, CIPHERS) ||
        !SSL_CTX_set_session_id_context(ctx, session_id, sizeof(session_id)) ||
        set_alpn(ctx, tls) < 0) {
        SSL_CTX_free(ctx);
        return -ENOMEM;
    }
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
                                X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_tlsext_servername_callback(ctx, take_any_name);
    tls_verify_setup(ctx, tls);
    tls_session_setup(ctx, tls);
    *out = ctx;
    return 0;
}

int
tn_tls_new(tn_tls **out, enum tn_tls_role role)
{
    tn_tls *tls = calloc(1, sizeof(*tls));
    int r;

    *out = NULL;
    if (!tls) {
        return tn_fail(-ENOMEM, "tls", NULL);
    }
    ERR_clear_error();
    atomic_init(&tls->refs, 1);
    pthread_mutex_init(&tls->lock, NULL);
    tls->role = role;
    tls->system_trust = role == TN_TLS_CLIENT;
    r = make_ctx(&tls->ctx, tls);
    if (r < 0) {
        tn_tls_free(tls);
        return tn_fail(r, "tls", NULL);
    }
    *out = tls;
    return 0;
}

tn_tls *
tls_ref(tn_tls *tls)
{
    atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
    return tls;
}

void
tn_tls_free(tn_tls *tls)
{
    if (!tls || atomic_fetch_sub(&tls->refs, 1) > 1) {
        return;
    }
    tls_session_free_all(tls);
    SSL_CTX_free(tls->ctx);
    pthread_mutex_destroy(&tls->lock);
    free(tls->cert);
    free(tls->key);
    OPENSSL_cleanse(tls->psk, sizeof(tls->psk));
    free(tls);
}

SSL_CTX *
tls_ctx(tn_tls *tls)
{
    bool needed = !tls->pinned && !tls->no_verify && !tls->has_psk;
    SSL_CTX *ctx;

    pthread_mutex_lock(&tls->lock);
    ctx = tls->ctx;
    /* It takes ten milliseconds, and not everybody wants it. */
    if (needed && tls->system_trust) {
        tls->system_trust = !SSL_CTX_set_default_verify_paths(ctx);
    }
    if (needed && tls->system_trust) {
        ctx = NULL;
    } else {
        SSL_CTX_up_ref(ctx);
    }
    pthread_mutex_unlock(&tls->lock);
    return ctx;
}

static tn_tls *default_client;
static pthread_mutex_t default_lock = PTHREAD_MUTEX_INITIALIZER;

tn_tls *
tls_default_client(void)
{
    tn_tls *tls;

    pthread_mutex_lock(&default_lock);
    if (!default_client && tn_tls_new(&tls, TN_TLS_CLIENT) == 0) {
        default_client = tls;
    }
    tls = default_client;
    pthread_mutex_unlock(&default_lock);
    return tls;
}

/* ---- certificates of ours ---- */

int
tn_tls_certificate(tn_tls *tls, const char *cert, const char *key)
{
    char *own_cert = strdup(cert);
    char *own_key = strdup(key ? key : cert);
    int r = tls_psk_refuses(tls, "certificate");

    if (r == 0) {
        r = own_cert && own_key ? tls_cert_files(tls->ctx, own_cert, own_key)
                                : tn_fail(-ENOMEM, "certificate", cert);
    }
    if (r < 0) {
        free(own_cert);
        free(own_key);
        return r;
    }
    free(tls->cert);
    free(tls->key);
    tls->cert = own_cert;
    tls->key = own_key;
    return 0;
}

/* Who was given a ticket by the old context can use it with the new one. */
static void
hand_tickets_on(SSL_CTX *from, SSL_CTX *to)
{
    unsigned char keys[80];

    if (SSL_CTX_get_tlsext_ticket_keys(from, keys, sizeof(keys)) == 1) {
        (void)SSL_CTX_set_tlsext_ticket_keys(to, keys, sizeof(keys));
    }
    OPENSSL_cleanse(keys, sizeof(keys));
}

int
tn_tls_reload(tn_tls *tls)
{
    SSL_CTX *ctx, *old;
    int r;

    if (!tls->cert) {
        return tn_fail(-EINVAL, "reload certificate", "none was read");
    }
    ERR_clear_error();
    r = make_ctx(&ctx, tls);
    if (r < 0) {
        return tn_fail(r, "reload certificate", tls->cert);
    }
    r = tls_cert_files(ctx, tls->cert, tls->key);
    if (r < 0) {
        SSL_CTX_free(ctx);
        return r;
    }
    pthread_mutex_lock(&tls->lock);
    old = tls->ctx;
    SSL_CTX_set1_cert_store(ctx, SSL_CTX_get_cert_store(old));
    if (tls->role == TN_TLS_SERVER) {
        hand_tickets_on(old, ctx);
    }
    tls->ctx = ctx;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old);
    return 0;
}

int
tn_tls_fingerprint(const tn_tls *tls, unsigned char *sha256)
{
    tn_tls *own = (tn_tls *)(uintptr_t)tls; /* to lock it, as it may reload */
    const X509 *cert;
    int r = 0;

    pthread_mutex_lock(&own->lock);
    cert = SSL_CTX_get0_certificate(own->ctx);
    if (cert) {
        r = tls_digest(cert, sha256);
    }
    pthread_mutex_unlock(&own->lock);
    return cert ? r : tn_fail(-ENOENT, "fingerprint", "no certificate");
}

/* ---- whom to believe ---- */

/* All certificates and revocations of a text, as OpenSSL's own reader of files
   does it. How many; -1. */
static int
add_trust(X509_STORE *store, BIO *text)
{
    STACK_OF(X509_INFO) *all = PEM_X509_INFO_read_bio(text, NULL, NULL, NULL);
    int count = 0;

    for (int i = 0; i < sk_X509_INFO_num(all) && count >= 0; i++) {
        const X509_INFO *one = sk_X509_INFO_value(all, i);

        count += one->x509 != NULL;
        if ((one->x509 && !X509_STORE_add_cert(store, one->x509)) ||
            (one->crl && !X509_STORE_add_crl(store, one->crl))) {
            count = -1;
        }
    }
    sk_X509_INFO_pop_free(all, X509_INFO_free);
    return count;
}

/* A folder is read as it is needed, a file at once. */
static int
load_trust(X509_STORE *store, const char *path)
{
    struct stat st;
    BIO *text;
    int r, ok;

    ERR_clear_error();
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        ok = X509_STORE_load_path(store, path);
    } else {
        r = tls_read_file(&text, path, TN_TLS_TRUST_FILE);
        if (r < 0) {
            return r;
        }
        ok = add_trust(store, text) > 0;
        BIO_free(text);
    }
    return ok ? 0 : tls_fail_file(TN_ECERT, "trust", path);
}

int
tn_tls_trust(tn_tls *tls, const char *path)
{
    X509_STORE *store = X509_STORE_new();
    int r = tls_psk_refuses(tls, "trust");

    if (r == 0) {
        r = store ? load_trust(store, path) : tn_fail(-ENOMEM, "trust", path);
    }
    if (r < 0) {
        X509_STORE_free(store);
        return r;
    }
    SSL_CTX_set_cert_store(tls->ctx, store);
    tls->system_trust = false;
    tls_session_free_all(tls);
    return 0;
}

void
tn_tls_pin(tn_tls *tls, const unsigned char *sha256)
{
    memcpy(tls->pin, sha256, sizeof(tls->pin));
    tls->pinned = true;
    tls_verify_setup(tls->ctx, tls);
    tls_session_free_all(tls);
}

void
tn_tls_insecure_no_verify(tn_tls *tls)
{
    tls->no_verify = true;
    tls_verify_setup(tls->ctx, tls);
}

void
tn_tls_ktls(tn_tls *tls)
{
    tls->ktls = true;
    SSL_CTX_set_options(tls->ctx, SSL_OP_ENABLE_KTLS);
}

int
tn_tls_ask(tn_tls *tls, enum tn_tls_ask ask)
{
    int r = tls_psk_refuses(tls, "ask for a certificate");

    if (r < 0) {
        return r;
    }
    if (tls->role != TN_TLS_SERVER || ask < TN_TLS_ASK_NOTHING ||
        ask > TN_TLS_ASK_ANY) {
        return tn_fail(-EINVAL, "tls", "ask");
    }
    tls->ask = ask;
    tls_verify_setup(tls->ctx, tls);
    return 0;
}

/* ---- protocols ---- */

/* "h2,http/1.1" with each comma, and the beginning, become the length of what
   follows. Returns the length; 0: not such a list. */
static unsigned
pack_alpn(const char *text, unsigned char *out, size_t cap)
{
    size_t n = strlen(text);
    size_t start = 0;

    if (n == 0 || n + 1 > cap) {
        return 0;
    }
    memcpy(out + 1, text, n);
    for (size_t i = 1; i <= n + 1; i++) {
        if (i <= n && out[i] != ',') {
            continue;
        }
        if (i - start == 1) {
            return 0; /* an empty name */
        }
        out[start] = (unsigned char)(i - start - 1);
        start = i;
    }
    return (unsigned)n + 1;
}

int
tn_tls_alpn(tn_tls *tls, const char *protocols)
{
    unsigned char packed[sizeof(tls->alpn)];
    unsigned n = pack_alpn(protocols, packed, sizeof(packed));

    if (n == 0) {
        return tn_fail(-EINVAL, "tls", "protocols");
    }
    memcpy(tls->alpn, packed, n);
    tls->alpn_len = n;
    return set_alpn(tls->ctx, tls) < 0 ? tn_fail(-ENOMEM, "tls", "protocols")
                                       : 0;
}
