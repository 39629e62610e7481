/*
 * cert.c - certificates and keys: read from PEM, and made.
 */
#include "tls/tls_int.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading ---- */

/* A key that wants a pass phrase must not ask the terminal. */
static int
no_phrase(char *buf, int cap, int writing, void *arg)
{
    (void)buf, (void)cap, (void)writing, (void)arg;
    return -1;
}

/* All of a chain behind the first: until the text has no more. */
static int
read_chain(SSL_CTX *ctx, BIO *bio)
{
    X509 *cert;

    SSL_CTX_clear_chain_certs(ctx);
    while ((cert = PEM_read_bio_X509(bio, NULL, no_phrase, NULL)) != NULL) {
        if (!SSL_CTX_add0_chain_cert(ctx, cert)) {
            X509_free(cert);
            return -1;
        }
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return -1;
    }
    ERR_clear_error();
    return 0;
}

static int
use_pem(SSL_CTX *ctx, BIO *certs, BIO *keys)
{
    X509 *cert = PEM_read_bio_X509_AUX(certs, NULL, no_phrase, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(keys, NULL, no_phrase, NULL);
    int ok = cert && key && X509_check_private_key(cert, key) &&
             SSL_CTX_use_certificate(ctx, cert) &&
             SSL_CTX_use_PrivateKey(ctx, key) && read_chain(ctx, certs) == 0;

    X509_free(cert);
    EVP_PKEY_free(key);
    return ok ? 0 : TN_ECERT;
}

/* It may be a pipe, or grow while it is read. */
static int
copy_file(BIO *bio, int fd, size_t most)
{
    char buf[2048];
    size_t have = 0;
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        have += (size_t)n;
        if (have > most) {
            return -EFBIG;
        }
        if (BIO_write(bio, buf, (int)n) != n) {
            return -ENOMEM;
        }
    }
    n = n < 0 ? -errno : 0;
    OPENSSL_cleanse(buf, sizeof(buf)); /* it may have been a key */
    return (int)n;
}

int
tls_read_file(BIO **out, const char *path, size_t most)
{
    BIO *bio = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r;

    *out = NULL;
    if (fd < 0) {
        return tn_fail(-errno, "open", path);
    }
    bio = BIO_new(BIO_s_mem());
    r = bio ? copy_file(bio, fd, most) : -ENOMEM;
    close(fd);
    if (r < 0) {
        BIO_free(bio);
        return tn_fail(r, "read", path);
    }
    *out = bio;
    return 0;
}

int
tls_cert_files(SSL_CTX *ctx, const char *cert, const char *key)
{
    BIO *certs = NULL, *keys = NULL;
    int r = tls_read_file(&certs, cert, TN_TLS_CERT_FILE);

    if (r == 0) {
        r = tls_read_file(&keys, key, TN_TLS_CERT_FILE);
    }
    if (r == 0) {
        ERR_clear_error();
        r = use_pem(ctx, certs, keys);
        if (r < 0) {
            r = tls_fail_file(r, "certificate", cert);
        }
    }
    BIO_free(certs);
    BIO_free(keys);
    return r;
}

int
tn_tls_certificate_pem(tn_tls *tls, const char *pem, size_t n)
{
    BIO *certs, *keys;
    int r = tls_psk_refuses(tls, "certificate");

    if (r < 0) {
        return r;
    }
    if (n > INT_MAX) {
        return tn_fail(TN_ECERT, "certificate", "too long");
    }
    ERR_clear_error();
    certs = BIO_new_mem_buf(pem, (int)n);
    keys = BIO_new_mem_buf(pem, (int)n);
    r = certs && keys ? use_pem(tls->ctx, certs, keys) : -ENOMEM;
    if (r < 0) {
        r = tls_fail_file(r, "certificate", NULL);
    }
    BIO_free(certs);
    BIO_free(keys);
    return r;
}

/* ---- making ---- */

enum {
    NAMES_MAX = 64,
    DAYS_MAX = 3650,
    SERIAL_BITS = 159, /* RFC 5280 section 4.1.2.2: at most 20 bytes */
};

static int
add_name(GENERAL_NAMES *all, const char *name)
{
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(name);
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_IA5STRING *dns = ip ? NULL : ASN1_IA5STRING_new();

    if (!one || (!ip && (!dns || !ASN1_STRING_set(dns, name, -1)))) {
        goto fail;
    }
    GENERAL_NAME_set0_value(one, ip ? GEN_IPADD : GEN_DNS,
                            ip ? (void *)ip : (void *)dns);
    if (!sk_GENERAL_NAME_push(all, one)) {
        GENERAL_NAME_free(one);
        return -1;
    }
    return 0;
fail:
    ASN1_OCTET_STRING_free(ip);
    ASN1_IA5STRING_free(dns);
    GENERAL_NAME_free(one);
    return -1;
}

static int
add_names(X509 *cert, const char *const *names, int count)
{
    GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
    int r = all ? 0 : -1;

    for (int i = 0; i < count && r == 0; i++) {
        r = add_name(all, names[i]);
    }
    if (r == 0 && X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0,
                                    X509V3_ADD_DEFAULT) != 1) {
        r = -1;
    }
    GENERAL_NAMES_free(all);
    return r;
}

static int
add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    int ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext && X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    return ok ? 0 : -1;
}

static int
set_serial(X509 *cert)
{
    BIGNUM *serial = BN_new();
    int ok =
        serial &&
        BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
        BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));

    BN_free(serial);
    return ok ? 0 : -1;
}

/* The subject is no place for names any more (RFC 6125); it is for people. */
static int
set_subject(X509 *cert, const char *first)
{
    X509_NAME *name = X509_get_subject_name(cert);
    unsigned char common[65];

    (void)snprintf((char *)common, sizeof(common), "%s", first);
    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      common, -1, -1, 0) &&
                   X509_set_issuer_name(cert, name)
               ? 0
               : -1;
}

static X509 *
make_cert(EVP_PKEY *key, const char *const *names, int count, int days)
{
    X509 *cert = X509_new();

    if (cert && X509_set_version(cert, X509_VERSION_3) &&
        set_serial(cert) == 0 &&
        X509_time_adj_ex(X509_getm_notBefore(cert), -1, 0, NULL) &&
        X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL) &&
        X509_set_pubkey(cert, key) && set_subject(cert, names[0]) == 0 &&
        add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") == 0 &&
        add_extension(cert, NID_key_usage, "critical,digitalSignature") == 0 &&
        add_extension(cert, NID_ext_key_usage, "serverAuth,clientAuth") == 0 &&
        add_extension(cert, NID_subject_key_identifier, "hash") == 0 &&
        add_names(cert, names, count) == 0 &&
        X509_sign(cert, key, EVP_sha256()) > 0) {
        return cert;
    }
    X509_free(cert);
    return NULL;
}

static char *
write_pem(EVP_PKEY *key, X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    char *data;
    long n;

    if (bio && PEM_write_bio_X509(bio, cert) &&
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
        n = BIO_get_mem_data(bio, &data);
        text = malloc((size_t)n + 1);
        if (text) { /* the data have no NUL at their end */
            memcpy(text, data, (size_t)n);
            text[n] = '\0';
        }
    }
    BIO_free(bio);
    return text;
}

static bool
are_names(const char *const *names, int count)
{
    if (count < 1 || count > NAMES_MAX) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        size_t n = strlen(names[i]);

        if (n == 0 || n > TLSEXT_MAXLEN_host_name) {
            return false;
        }
    }
    return true;
}

int
tn_tls_self_signed(char **pem, const char *const *names, int count, int days)
{
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;

    *pem = NULL;
    if (!are_names(names, count) || days < 1 || days > DAYS_MAX) {
        return tn_fail(-EINVAL, "make certificate", NULL);
    }
    ERR_clear_error();
    key = EVP_EC_gen("P-256");
    cert = key ? make_cert(key, names, count, days) : NULL;
    *pem = cert ? write_pem(key, cert) : NULL;
    X509_free(cert);
    EVP_PKEY_free(key);
    return *pem ? 0 : tls_fail_file(TN_ETLS, "make certificate", NULL);
}
