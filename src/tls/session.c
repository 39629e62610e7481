/*
 * session.c - sessions of a client, so that the next handshake with the same
 * peer is a short one.
 *
 * OpenSSL's own cache is for servers; ours is a small ring in the
 * configuration. A ticket of TLS 1.3 is used once, so that nobody on the way
 * can tell two connections to be the same client's (RFC 8446 appendix C.4).
 */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whom a session is with: name and port. NULL: nobody in particular, or no
   memory. */
static char *
key_of(const struct tls_conn *c)
{
    char *key;

    if (!c->host) {
        return NULL;
    }
    return asprintf(&key, "%s:%d", c->host, tn_addr_port(&c->sock->peer)) < 0
               ? NULL
               : key;
}

static void
clear(struct tls_session *slot)
{
    free(slot->key);
    SSL_SESSION_free(slot->session);
    *slot = (struct tls_session){NULL, NULL};
}

static struct tls_session *
find(tn_tls *tls, const char *key)
{
    for (unsigned i = 0; i < TN_TLS_SESSIONS; i++) {
        struct tls_session *slot = &tls->sessions[i];

        if (slot->key && strcmp(slot->key, key) == 0) {
            return slot;
        }
    }
    return NULL;
}

/* Takes the key and the session. Locked. */
static void
put(tn_tls *tls, char *key, SSL_SESSION *session)
{
    struct tls_session *slot = find(tls, key);

    if (!slot) {
        slot = &tls->sessions[tls->next_session];
        tls->next_session = (tls->next_session + 1) % TN_TLS_SESSIONS;
    }
    clear(slot);
    slot->key = key;
    slot->session = session;
}

/* OpenSSL has a new one; 1: we keep it. */
static int
keep(SSL *ssl, SSL_SESSION *session)
{
    const struct tls_conn *c = tls_conn_of(ssl);
    char *key = c ? key_of(c) : NULL;

    if (!key) {
        return 0;
    }
    pthread_mutex_lock(&c->config->lock);
    put(c->config, key, session);
    pthread_mutex_unlock(&c->config->lock);
    return 1;
}

void
tls_session_setup(SSL_CTX *ctx, tn_tls *tls)
{
    if (tls->role == TN_TLS_CLIENT) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
                                                SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, keep);
    } else {
        /* Tickets hold it all: nothing of a connection stays behind here. */
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    }
}

void
tls_session_offer(struct tls_conn *c)
{
    char *key = c->config->role == TN_TLS_CLIENT ? key_of(c) : NULL;
    struct tls_session *slot;

    if (!key) {
        return;
    }
    pthread_mutex_lock(&c->config->lock);
    slot = find(c->config, key);
    if (slot && SSL_SESSION_is_resumable(slot->session)) {
        ERR_clear_error();
        (void)SSL_set_session(c->ssl, slot->session);
    }
    if (slot &&
        SSL_SESSION_get_protocol_version(slot->session) > TLS1_2_VERSION) {
        clear(slot);
    }
    pthread_mutex_unlock(&c->config->lock);
    free(key);
}

void
tls_session_free_all(tn_tls *tls)
{
    for (unsigned i = 0; i < TN_TLS_SESSIONS; i++) {
        clear(&tls->sessions[i]);
    }
}
