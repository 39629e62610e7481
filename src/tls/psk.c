/*
 * psk.c - peers that know each other by a key: TLS 1.3, RFC 8446 section 2.2.
 *
 * OpenSSL wants the key as a session of a connection that never was. Its cipher
 * stands for the hash that the key goes with, SHA-256; AES with 128 bits is a
 * seventh faster than with 256, and no weaker than the Diffie-Hellman exchange
 * beside it. ChaCha20 is for who has no AES in the processor.
 */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <string.h>

#define SUITES "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"

/* It goes over the wire as it is, so it says nothing. RFC 9257 section 5.1. */
static const unsigned char identity[] = {'t', 'e', 'n', 'o', 'n'};

/* A new one for each handshake, which writes into it. NULL: no memory. */
static SSL_SESSION *
make_session(SSL *ssl, const tn_tls *tls)
{
    static const unsigned char suite[] = {0x13, 0x01}; /* RFC 8446, B.4 */
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
    SSL_SESSION *session = SSL_SESSION_new();

    if (session && cipher &&
        SSL_SESSION_set1_master_key(session, tls->psk, sizeof(tls->psk)) &&
        SSL_SESSION_set_cipher(session, cipher) &&
        SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION)) {
        return session;
    }
    SSL_SESSION_free(session);
    return NULL;
}

/* A client asks what to offer. 1: go on. */
static int
offer(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len,
      SSL_SESSION **session)
{
    (void)md; /* all our suites are of the same hash */
    *id = identity;
    *len = sizeof(identity);
    *session = make_session(ssl, tls_conn_of(ssl)->config);
    return *session != NULL;
}

/* A server asks what an identity stands for. 1: go on, with *session NULL
   without it. */
static int
look_up(SSL *ssl, const unsigned char *id, size_t len, SSL_SESSION **session)
{
    *session = NULL;
    if (len != sizeof(identity) || memcmp(id, identity, len) != 0) {
        return 1;
    }
    *session = make_session(ssl, tls_conn_of(ssl)->config);
    return *session != NULL;
}

bool
tls_psk_is_good(struct tls_conn *c)
{
    if (!c->config->has_psk || SSL_session_reused(c->ssl) == 1) {
        return true;
    }
    tls_why_no_key(c);
    return false;
}

int
tls_psk_refuses(const tn_tls *tls, const char *what)
{
    return tls->has_psk ? tn_fail(-EINVAL, what, "peers are known by a key")
                        : 0;
}

int
tn_tls_psk(tn_tls *tls, const unsigned char *key)
{
    bool client = tls->role == TN_TLS_CLIENT;
    SSL_CTX *ctx = tls->ctx;

    /* A client that trusts nobody in particular trusts the system. */
    if (SSL_CTX_get0_certificate(ctx) || tls->pinned || tls->no_verify ||
        tls->ask != TN_TLS_ASK_NOTHING || tls->system_trust != client) {
        return tn_fail(-EINVAL, "tls by a key", "there are certificates");
    }
    ERR_clear_error();
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(ctx, SUITES) ||
        !SSL_CTX_set_num_tickets(ctx, 0) ||
        /* OpenSSL compares it with that of our session, which has none. */
        !SSL_CTX_set_session_id_context(ctx, identity, 0)) {
        return tn_fail(-ENOMEM, "tls by a key", NULL);
    }
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (client) {
        SSL_CTX_set_psk_use_session_callback(ctx, offer);
    } else {
        SSL_CTX_set_psk_find_session_callback(ctx, look_up);
    }
    memcpy(tls->psk, key, sizeof(tls->psk));
    tls->has_psk = true;
    tls_verify_setup(ctx, tls);
    tls_session_free_all(tls);
    return 0;
}
