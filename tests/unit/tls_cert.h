/*
 * tls_cert.h - certificates that are wrong in just one way, for tests.
 */
#ifndef TENON_TESTS_TLS_CERT_H
#define TENON_TESTS_TLS_CERT_H

#include "test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* A key and its certificate. */
struct cert {
    EVP_PKEY *key;
    X509 *x;
};

/* What a certificate says; days count from now. */
struct cert_plan {
    const char *name; /* of the subject */
    const char *alt;  /* "DNS:a,IP:127.0.0.1"; NULL: none */
    int from, until;  /* days */
    bool is_ca;
};

static inline void
cert_extend(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    CHECK(ext && X509_add_ext(x, ext, -1));
    X509_EXTENSION_free(ext);
}

/* Signed by `ca`, or by itself. */
static inline struct cert
cert_make(const struct cert_plan *plan, const struct cert *ca)
{
    static long serial;
    struct cert c = {EVP_EC_gen("P-256"), X509_new()};
    X509_NAME *name = X509_get_subject_name(c.x);

    X509_set_version(c.x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c.x), ++serial);
    X509_time_adj_ex(X509_getm_notBefore(c.x), plan->from, 0, NULL);
    X509_time_adj_ex(X509_getm_notAfter(c.x), plan->until, 0, NULL);
    X509_set_pubkey(c.x, c.key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const unsigned char *)plan->name, -1, -1, 0);
    X509_set_issuer_name(c.x, ca ? X509_get_subject_name(ca->x) : name);
    cert_extend(c.x, NID_basic_constraints,
                plan->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (plan->alt) {
        cert_extend(c.x, NID_subject_alt_name, plan->alt);
    }
    CHECK(X509_sign(c.x, ca ? ca->key : c.key, EVP_sha256()) > 0);
    return c;
}

static inline void
cert_free(struct cert *c)
{
    EVP_PKEY_free(c->key);
    X509_free(c->x);
}

/* Certificate and key into one file; returns its path, in `path`. */
static inline const char *
cert_write(const struct cert *c, const char *name, char *path, size_t cap)
{
    FILE *f;

    (void)snprintf(path, cap, "%s/%s.pem", test_dir(), name);
    f = fopen(path, "we");
    CHECK(f && PEM_write_X509(f, c->x) &&
          PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL));
    EQ(fclose(f), 0);
    return path;
}

#endif
