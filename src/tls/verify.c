/*
 * verify.c - whether the peer is the one that is wanted.
 */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

int
tls_digest(const X509 *cert, unsigned char *sha256)
{
    unsigned n = 0;

    return X509_digest(cert, EVP_sha256(), sha256, &n) == 1 &&
                   n == TN_TLS_FINGERPRINT
               ? 0
               : TN_ETLS;
}

struct tls_conn *
tls_conn_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

static bool
is_pinned_one(const tn_tls *tls, X509_STORE_CTX *store)
{
    unsigned char sha256[TN_TLS_FINGERPRINT];
    const X509 *cert = X509_STORE_CTX_get0_cert(store);

    return cert && tls_digest(cert, sha256) == 0 &&
           memcmp(sha256, tls->pin, sizeof(sha256)) == 0;
}

/* OpenSSL asks in place of its own verification, which is called from here. 1:
   go on. */
static int
verify(X509_STORE_CTX *store, void *arg)
{
    const tn_tls *tls = arg;
    const SSL *ssl =
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    bool good;

    if (tls->has_psk) {
        /* With a key on both sides there are no certificates. */
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        tls_why_no_key(tls_conn_of(ssl));
        return 0;
    }
    if (tls->pinned) {
        good = is_pinned_one(tls, store);
        X509_STORE_CTX_set_error(
            store, good ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    } else if (tls->ask == TN_TLS_ASK_ANY) {
        /* Its owner has the key: the handshake proves that. */
        X509_STORE_CTX_set_error(store, X509_V_OK);
        good = true;
    } else {
        good = X509_verify_cert(store) > 0;
    }
    if (!good) {
        tls_why_refused(tls_conn_of(ssl), store);
    }
    return good;
}

static int
mode_of(const tn_tls *tls)
{
    if (tls->role == TN_TLS_CLIENT) {
        return tls->no_verify && !tls->pinned && !tls->has_psk
                   ? SSL_VERIFY_NONE
                   : SSL_VERIFY_PEER;
    }
    switch (tls->ask) {
    case TN_TLS_REQUIRE:
        return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    case TN_TLS_ASK:
    case TN_TLS_ASK_ANY:
        return SSL_VERIFY_PEER;
    case TN_TLS_ASK_NOTHING:
        break;
    }
    return SSL_VERIFY_NONE;
}

void
tls_verify_setup(SSL_CTX *ctx, tn_tls *tls)
{
    SSL_CTX_set_verify(ctx, mode_of(tls), NULL);
    SSL_CTX_set_cert_verify_callback(ctx, verify, tls);
}
