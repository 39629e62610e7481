#include "secure.h"

#include <tenon/err.h>
#include <tenon/tls.h>

#include "say.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the order of enum tn_tls_ask. */
const char *const secure_asks[] = {"no", "ask", "require", "any", NULL};

/* The first option that only TLS has; NULL: none was given. */
static const char *
first_given(const struct secure_opts *o)
{
    const struct {
        bool given;
        const char *name;
    } all[] = {
        {o->cert != NULL, "--cert"},       {o->key != NULL, "--key"},
        {o->ca != NULL, "--ca"},           {o->pin != NULL, "--pin"},
        {o->clients > 0, "--client-cert"}, {o->insecure, "--insecure"},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].given) {
            return all[i].name;
        }
    }
    return NULL;
}

static const char *
misfit_client(const struct secure_opts *o)
{
    if (o->clients) {
        return "--client-cert is for who listens; a client shows --cert";
    }
    if (o->insecure && (o->ca || o->pin)) {
        return "--insecure does not go with --ca or --pin";
    }
    return o->ca && o->pin ? "--ca does not go with --pin" : NULL;
}

static const char *
misfit_server(const struct secure_opts *o)
{
    bool verified = o->clients == TN_TLS_ASK || o->clients == TN_TLS_REQUIRE;
    if (o->insecure || o->pin) {
        return "--insecure and --pin are for a client; see --client-cert";
    }
    if (o->ca && !verified) {
        return "--ca needs --client-cert ask or require";
    }
    return verified && !o->ca
               ? "--client-cert ask and require need --ca: whom to believe"
               : NULL;
}

int
secure_check(const struct secure_opts *o, bool secure, bool listen)
{
    const char *given = first_given(o);
    if (!secure && given) {
        return say_usage("%s is for TLS (tls://..., or --tls of serve and hub)",
                         given);
    }
    const char *wrong = listen ? misfit_server(o) : misfit_client(o);
    if (o->key && !o->cert) {
        wrong = "--key needs --cert";
    }
    return wrong ? say_usage("%s", wrong) : EXIT_DONE;
}

enum {
    NAMES_MAX = 32, /* names and addresses in a certificate of ours */
    NAME_TEXT = 256,
    DAYS = 365,
    HEX = 2 * TN_TLS_FINGERPRINT,
};

static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* 64 hexadecimal digits; openssl and browsers write colons between. */
static bool
read_pin(const char *text, unsigned char *sha256)
{
    int n = 0;
    for (; *text; text++) {
        int digit = *text == ':' ? 0 : hex_digit(*text);
        if (digit < 0 || n == HEX) {
            return false;
        }
        if (*text == ':') {
            continue;
        }
        sha256[n / 2] =
            (unsigned char)(n % 2 ? sha256[n / 2] << 4 | digit : digit);
        n++;
    }
    return n == HEX;
}

static const char *
write_pin(const unsigned char *sha256, char *hex)
{
    for (int i = 0; i < TN_TLS_FINGERPRINT; i++) {
        (void)snprintf(hex + (size_t)2 * i, 3, "%02x", sha256[i]);
    }
    return hex;
}

/* What both sides may have. */
static int
apply(tn_tls *tls, const struct secure_opts *o)
{
    int err = o->cert ? tn_tls_certificate(tls, o->cert, o->key) : 0;
    if (err == 0 && o->ca) {
        err = tn_tls_trust(tls, o->ca);
    }
    return err;
}

int
secure_client(tn_tls **out, const struct secure_opts *o)
{
    unsigned char sha256[TN_TLS_FINGERPRINT];
    *out = NULL;
    if (o->pin && !read_pin(o->pin, sha256)) {
        return say_usage("--pin %s: not the %d hexadecimal digits of a SHA-256",
                         o->pin, HEX);
    }
    int err = tn_tls_new(out, TN_TLS_CLIENT);
    if (err == 0) {
        err = apply(*out, o);
    }
    if (err < 0) {
        tn_tls_free(*out);
        *out = NULL;
        return say_failed(err, NULL);
    }
    if (o->pin) {
        tn_tls_pin(*out, sha256);
    }
    if (o->insecure) {
        tn_tls_insecure_no_verify(*out);
    }
    return EXIT_DONE;
}

/* --- a certificate of our own --------------------------------------------- */

struct names {
    char text[NAMES_MAX][NAME_TEXT];
    const char *at[NAMES_MAX];
    int count;
};

static void
add(struct names *names, const char *name)
{
    size_t n = strlen(name);
    if (names->count == NAMES_MAX || n == 0 || n >= NAME_TEXT) {
        return;
    }
    for (int i = 0; i < names->count; i++) {
        if (strcmp(names->at[i], name) == 0) {
            return;
        }
    }
    memcpy(names->text[names->count], name, n + 1);
    names->at[names->count] = names->text[names->count];
    names->count++;
}

/* Addresses of this machine, but those that only mean something on one link. */
static void
add_addresses(struct names *names)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0) {
        return;
    }
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        char text[TN_ADDR_TEXT];
        tn_addr addr = {.len = 0};
        int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
        if (family == AF_INET) {
            addr.len = sizeof(addr.u.in);
        } else if (family == AF_INET6) {
            addr.len = sizeof(addr.u.in6);
        }
        if (addr.len == 0) {
            continue;
        }
        memcpy(&addr.u, i->ifa_addr, addr.len);
        bool on_link =
            family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&addr.u.in6.sin6_addr);
        if (!on_link) {
            add(names, tn_addr_host(&addr, text, sizeof(text)));
        }
    }
    freeifaddrs(all);
}

static bool
is_everywhere(const char *host)
{
    return host[0] == '\0' || strcmp(host, "*") == 0 ||
           strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static void
collect(struct names *names, const tn_endpoint *ep)
{
    char host[NAME_TEXT];
    char local[NAME_TEXT + sizeof(".local")];
    names->count = 0;
    if (!is_everywhere(ep->host)) {
        add(names, ep->host);
    }
    if (gethostname(host, sizeof(host)) == 0) {
        host[sizeof(host) - 1] = '\0';
        add(names, host);
        (void)snprintf(local, sizeof(local), "%s.local", host);
        add(names, local);
    }
    add(names, "localhost");
    add(names, "127.0.0.1");
    add(names, "::1");
    add_addresses(names);
}

static int
make_own(tn_tls *tls, const tn_endpoint *ep)
{
    unsigned char sha256[TN_TLS_FINGERPRINT];
    char hex[HEX + 1];
    struct names *names = malloc(sizeof(*names));
    char *pem = NULL;
    int err = names ? 0 : tn_fail(-ENOMEM, "make certificate", NULL);
    if (err == 0) {
        collect(names, ep);
        err = tn_tls_self_signed(&pem, names->at, names->count, DAYS);
    }
    if (err == 0) {
        err = tn_tls_certificate_pem(tls, pem, strlen(pem));
    }
    if (err == 0) {
        err = tn_tls_fingerprint(tls, sha256);
    }
    if (err == 0) {
        say("made a certificate; for the client: --pin %s",
            write_pin(sha256, hex));
    }
    free(pem);
    free(names);
    return err;
}

int
secure_server(tn_tls **out, const struct secure_opts *o, const tn_endpoint *ep)
{
    int err = tn_tls_new(out, TN_TLS_SERVER);
    if (err == 0) {
        err = apply(*out, o);
    }
    if (err == 0 && !o->cert) {
        err = make_own(*out, ep);
    }
    if (err == 0) {
        err = tn_tls_ask(*out, (enum tn_tls_ask)o->clients);
    }
    if (err < 0) {
        tn_tls_free(*out);
        *out = NULL;
        return say_failed(err, NULL);
    }
    return EXIT_DONE;
}

int
secure_web_server(tn_tls **out, const struct secure_opts *o,
                  const tn_endpoint *ep)
{
    int code = secure_server(out, o, ep);
    int err = code == EXIT_DONE ? tn_tls_alpn(*out, "http/1.1") : 0;
    if (err < 0) {
        secure_free(*out);
        *out = NULL;
        return say_failed(err, NULL);
    }
    return code;
}

void
secure_tell(const tn_sock *sock)
{
    tn_tls_info info;
    char hex[HEX + 1];
    if (tn_tls_info_of(sock, &info) < 0) {
        return;
    }
    say("%s, %s%s%s%s%s%s", info.version, info.cipher,
        info.resumed ? ", resumed" : "", info.alpn[0] ? ", " : "", info.alpn,
        info.has_peer ? ", peer " : "",
        info.has_peer ? write_pin(info.fingerprint, hex) : "");
}

void
secure_free(tn_tls *tls)
{
    tn_tls_free(tls);
}
