/*
 * why.c - what went wrong, in words for people.
 *
 * A reason is one half of a sentence, behind the name of the peer. What comes
 * out of a certificate is a stranger's: only plain characters of it are shown.
 */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    NAME_TEXT = 80,  /* of one name or address that is shown */
    NAMES_TEXT = 90, /* of those that a certificate is for */
    NAMES_SHOWN = 3,
    DATE_TEXT = 16,
};

static void TN_PRINTF(2, 3)
    set_reason(struct tls_conn *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(c->reason, sizeof(c->reason), format, args);
    va_end(args);
}

/* ---- certificates ---- */

static void
add_plain(char *buf, size_t cap, const unsigned char *text, size_t n)
{
    size_t have = strlen(buf);

    for (size_t i = 0; i < n && have + 1 < cap; i++) {
        bool plain = text[i] > ' ' && text[i] < 127;

        buf[have++] = plain || text[i] == ' ' ? (char)text[i] : '?';
    }
    buf[have] = '\0';
}

static void
common_name(const X509_NAME *name, char *buf, size_t cap)
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    const ASN1_STRING *text;

    buf[0] = '\0';
    if (at < 0) {
        at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    }
    if (at >= 0) {
        text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
        add_plain(buf, cap, ASN1_STRING_get0_data(text),
                  (size_t)ASN1_STRING_length(text));
    }
}

static void
add_address(char *buf, size_t cap, const ASN1_OCTET_STRING *ip)
{
    const unsigned char *data = ASN1_STRING_get0_data(ip);
    int n = ASN1_STRING_length(ip);
    char text[TN_ADDR_TEXT];
    tn_addr addr = {.len = 0};

    if (n == 4) {
        addr.len = sizeof(addr.u.in);
        addr.u.in.sin_family = AF_INET;
        memcpy(&addr.u.in.sin_addr, data, 4);
    } else if (n == 16) {
        addr.len = sizeof(addr.u.in6);
        addr.u.in6.sin6_family = AF_INET6;
        memcpy(&addr.u.in6.sin6_addr, data, 16);
    } else {
        return;
    }
    tn_addr_host(&addr, text, sizeof(text));
    add_plain(buf, cap, (const unsigned char *)text, strlen(text));
}

/* Whom a certificate is for: its first names and addresses. */
static void
names_of(const X509 *cert, char *buf, size_t cap)
{
    GENERAL_NAMES *all =
        X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int count = sk_GENERAL_NAME_num(all);
    int shown = 0;

    buf[0] = '\0';
    for (int i = 0; i < count && shown < NAMES_SHOWN; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

        if (name->type != GEN_DNS && name->type != GEN_IPADD) {
            continue;
        }
        if (shown++ > 0) {
            add_plain(buf, cap, (const unsigned char *)", ", 2);
        }
        if (name->type == GEN_DNS) {
            add_plain(buf, cap, ASN1_STRING_get0_data(name->d.dNSName),
                      (size_t)ASN1_STRING_length(name->d.dNSName));
        } else {
            add_address(buf, cap, name->d.iPAddress);
        }
    }
    if (shown == 0) {
        common_name(X509_get_subject_name(cert), buf, cap);
    }
    GENERAL_NAMES_free(all);
}

static const char *
date(const ASN1_TIME *time, char *buf, size_t cap)
{
    struct tm tm;

    if (!ASN1_TIME_to_tm(time, &tm) || !strftime(buf, cap, "%Y-%m-%d", &tm)) {
        return "an unknown day";
    }
    return buf;
}

static void
refuse_name(struct tls_conn *c, const X509 *cert)
{
    char names[NAMES_TEXT];

    names_of(cert, names, sizeof(names));
    set_reason(c, "the certificate is for %s, not for %.*s",
               names[0] ? names : "nobody", NAME_TEXT - 1,
               c->host ? c->host : "this peer");
}

static void
refuse_pin(struct tls_conn *c, const X509 *cert)
{
    unsigned char sha256[TN_TLS_FINGERPRINT];
    char hex[2 * TN_TLS_FINGERPRINT + 1] = "";

    if (cert && tls_digest(cert, sha256) == 0) {
        for (size_t i = 0; i < sizeof(sha256); i++) {
            (void)snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
        }
    }
    set_reason(c, "the certificate is not the pinned one; its SHA-256 is %s",
               hex);
}

void
tls_why_refused(struct tls_conn *c, X509_STORE_CTX *store)
{
    const X509 *cert = X509_STORE_CTX_get_current_cert(store);
    const char *which =
        X509_STORE_CTX_get_error_depth(store) > 0 ? "its issuer's " : "the ";
    int err = X509_STORE_CTX_get_error(store);
    char text[NAME_TEXT];

    cert = cert ? cert : X509_STORE_CTX_get0_cert(store);
    switch (err) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        set_reason(c, "%scertificate expired on %s", which,
                   date(X509_get0_notAfter(cert), text, DATE_TEXT));
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        set_reason(c, "%scertificate is not valid before %s", which,
                   date(X509_get0_notBefore(cert), text, DATE_TEXT));
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        refuse_name(c, cert);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        set_reason(c, "the certificate is self-signed: nobody we trust "
                      "vouches for it");
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        common_name(X509_get_issuer_name(cert), text, sizeof(text));
        set_reason(c,
                   "the certificate is vouched for by \"%s\", whom we do "
                   "not trust",
                   text);
        break;
    case X509_V_ERR_APPLICATION_VERIFICATION:
        refuse_pin(c, cert);
        break;
    default:
        set_reason(c, "%scertificate is not good: %s", which,
                   X509_verify_cert_error_string(err));
        break;
    }
}

/* ---- the protocol ---- */

struct words {
    int reason;
    const char *text;
};

/* Errors of the handshake that people meet. */
static const struct words words[] = {
    {SSL_R_HTTP_REQUEST, "the peer speaks plain HTTP"},
    {SSL_R_WRONG_VERSION_NUMBER, "the peer does not speak TLS"},
    {SSL_R_UNKNOWN_PROTOCOL, "the peer does not speak TLS"},
    {SSL_R_RECORD_LENGTH_MISMATCH, "the peer does not speak TLS"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, "the peer does not speak TLS"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "the peer speaks nothing newer than TLS 1.1"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
     "the peer does not speak TLS 1.2 or 1.3"},
    {SSL_R_NO_SHARED_CIPHER, "no cipher in common with the peer"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
     "no way to sign in common with the peer"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
     "the peer refused: nothing in common, or it wants a certificate"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "the peer has no certificate"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
     "the peer wants a certificate of ours"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "the peer does not trust who vouches for our certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
     "the peer does not accept our certificate"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
     "the peer does not accept our certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
     "the peer says that our certificate has expired"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "no application protocol in common"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
     "no application protocol in common"},
};

/* The words of OpenSSL for what we have none. */
static const char *
reason_text(unsigned long err)
{
    const char *text = ERR_reason_error_string(err);

    if (ERR_GET_LIB(err) == ERR_LIB_SSL) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (words[i].reason == ERR_GET_REASON(err)) {
                return words[i].text;
            }
        }
    }
    return text ? text : "for an unknown reason";
}

/* What a handshake ends with when the keys are not the same: the server's check
   of the client's proof, or the alert that it sends; and the ways to say that
   there is no key at all. */
static bool
is_of_key(int reason)
{
    switch (reason) {
    case SSL_R_BINDER_DOES_NOT_VERIFY:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:     /* RFC 8446 section 6.2 */
    case SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER: /* OpenSSL's servers */
    case SSL_R_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY:
        return true;
    default:
        return false;
    }
}

static bool
is_of_no_key(int reason)
{
    switch (reason) {
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV13_ALERT_MISSING_EXTENSION:
    case SSL_R_UNSUPPORTED_PROTOCOL: /* TLS 1.2 has nothing of the kind */
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return true;
    default:
        return false;
    }
}

void
tls_why_no_key(struct tls_conn *c)
{
    set_reason(c, "the other side does not know us by a key");
}

/* In a handshake by a key: TN_ECERT, or 0 if it failed for another reason. */
static int
why_key(struct tls_conn *c, int reason)
{
    if (is_of_key(reason)) {
        set_reason(c, "the other side has another key");
        return TN_ECERT;
    }
    if (is_of_no_key(reason)) {
        tls_why_no_key(c);
        return TN_ECERT;
    }
    return 0;
}

int
tls_why_failed(struct tls_conn *c)
{
    unsigned long err = ERR_peek_error();
    int reason = ERR_GET_REASON(err);

    if (ERR_GET_LIB(err) == ERR_LIB_SSL) {
        if (c->config->has_psk && !c->up && why_key(c, reason) < 0) {
            return TN_ECERT;
        }
        if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
            return TN_ECUT;
        }
        if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
            return TN_ECERT; /* the verdict is in c already */
        }
        if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
            set_reason(c, "%s", reason_text(err));
            return TN_ECERT;
        }
    }
    if (reason == ERR_R_MALLOC_FAILURE) {
        return -ENOMEM;
    }
    set_reason(c, "%s", reason_text(err));
    return TN_ETLS;
}

/* "example.org:443", or the peer's address. */
static void
name_peer(const tn_sock *s, const char *host, char *buf, size_t cap)
{
    if (s->peer.len == 0) {
        (void)snprintf(buf, cap, "%s", host ? host : "?");
    } else if (host && !strchr(host, ':')) {
        (void)snprintf(buf, cap, "%.*s:%d", NAME_TEXT, host,
                       tn_addr_port(&s->peer));
    } else {
        tn_addr_format(&s->peer, buf, cap);
    }
}

bool
tls_fail(const tn_sock *s, int err)
{
    const struct tls_conn *c = tls_of(s);
    char peer[TN_ADDR_TEXT];
    char text[sizeof(peer) + sizeof(c->reason) + sizeof("tls : ")];

    if ((err != TN_ETLS && err != TN_ECERT) || c->reason[0] == '\0') {
        return false;
    }
    name_peer(s, c->host, peer, sizeof(peer));
    (void)snprintf(text, sizeof(text), "tls %s: %s", peer, c->reason);
    tn__fail_text(err, text);
    return true;
}

int
tls_fail_file(int err, const char *what, const char *with)
{
    unsigned long first = ERR_peek_error();
    char text[TN_WHY_TEXT];

    if (err == -ENOMEM || ERR_GET_REASON(first) == ERR_R_MALLOC_FAILURE) {
        return tn_fail(-ENOMEM, what, with);
    }
    (void)snprintf(text, sizeof(text), "%s %.*s: %s", what, NAME_TEXT,
                   with ? with : "", reason_text(first));
    tn__fail_text(err, text);
    return err;
}
