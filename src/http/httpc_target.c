/*
 * httpc_target.c - from a URL to where a request goes.
 */
#include "http/httpc_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PORT_HTTP = 80,
    PORT_HTTPS = 443,
};

/* RFC 3986 section 3.2.2, without what a resolver would take in another
   sense, or another line of the head: letters, digits, "-._~", an IPv6
   address. A name beyond ASCII comes as "xn--...". */
static bool
is_host(tn_str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || (c && strchr("-._~:", c)))) {
            return false;
        }
    }
    return host.len > 0 && host.len < TN__HOST_TEXT;
}

static int
take_scheme(struct tn__target *t)
{
    tn_str scheme = t->parts.scheme;

    t->secure = tn__same_word(scheme, "https") || tn__same_word(scheme, "wss");
    return t->secure || tn__same_word(scheme, "http") ||
                   tn__same_word(scheme, "ws")
               ? 0
               : -EINVAL;
}

static int
take_parts(struct tn__target *t)
{
    tn_str host = t->parts.host;
    int usual, r;
    bool six;

    r = tn_url_parse(&t->parts, (tn_str){t->url, strlen(t->url)});
    host = t->parts.host;
    if (r == 0) {
        r = take_scheme(t);
    }
    if (r == 0 && !is_host(host)) {
        r = -EINVAL;
    }
    if (r < 0) {
        return r;
    }
    usual = t->secure ? PORT_HTTPS : PORT_HTTP;
    t->port = t->parts.port > 0 ? t->parts.port : usual;
    memcpy(t->host, host.at, host.len);
    t->host[host.len] = '\0';
    six = memchr(host.at, ':', host.len) != NULL;
    snprintf(t->place, sizeof(t->place), six ? "[%s]:%d" : "%s:%d", t->host,
             t->port);
    snprintf(t->authority, sizeof(t->authority), "%s", t->place);
    if (t->port == usual) {
        *strrchr(t->authority, ':') = '\0';
    }
    return 0;
}

int
tn__target_init(struct tn__target *t, tn_httpc *c, tn_str url)
{
    int r;

    memset(t, 0, sizeof(*t));
    if (url.len > TN_URL_MAX || memchr(url.at, '\0', url.len)) {
        return tn_fail(url.len > TN_URL_MAX ? -ENAMETOOLONG : -EINVAL, "URL",
                       NULL);
    }
    t->url = malloc(url.len + 1);
    if (!t->url) {
        return tn_fail(-ENOMEM, "URL", NULL);
    }
    memcpy(t->url, url.at, url.len);
    t->url[url.len] = '\0';
    r = take_parts(t);
    if (r < 0) {
        /* Passwords do not belong into messages. */
        tn_fail(r, "URL", strchr(t->url, '@') ? NULL : t->url);
        tn__target_fini(t);
        return r;
    }
    t->proxy = t->secure ? c->tls_proxy : c->proxy;
    if (t->proxy && tn__no_proxy(c->no_proxy, t->host)) {
        t->proxy = NULL;
    }
    return 0;
}

void
tn__target_fini(struct tn__target *t)
{
    free(t->url);
    memset(t, 0, sizeof(*t));
}

bool
tn__target_same_origin(const struct tn__target *a, const struct tn__target *b)
{
    return a->secure == b->secure && a->port == b->port &&
           tn__same_word((tn_str){a->host, strlen(a->host)}, b->host);
}

/* Servers write spaces and UTF-8 into Location, which a URL has coded. */
static int
mend(struct tn__text *t, tn_str location)
{
    char code[4];

    for (size_t i = 0; i < location.len; i++) {
        unsigned char c = (unsigned char)location.at[i];

        if (c == ' ' || c >= 0x80) {
            snprintf(code, sizeof(code), "%%%02X", c);
            tn__text_put(t, code, 3);
        } else {
            tn__text_put(t, location.at + i, 1);
        }
    }
    return t->error;
}

int
tn__target_follow(struct tn__target *next, tn_httpc *c,
                  const struct tn__target *from, tn_str location)
{
    struct tn__text ref = {0};
    tn_str base = {from->url, strlen(from->url)};
    char *url = malloc(TN_URL_MAX + 1);
    ssize_t n = url ? mend(&ref, location) : -ENOMEM;

    memset(next, 0, sizeof(*next));
    if (n == 0) {
        n = tn_url_join(url, TN_URL_MAX + 1, base,
                        (tn_str){ref.at ? ref.at : "", ref.len});
    }
    if (n >= 0) {
        n = tn__target_init(next, c, (tn_str){url, (size_t)n});
    } else {
        tn_fail((int)n, "follow the redirect of", from->place);
    }
    free(url);
    tn__text_fini(&ref);
    return (int)n;
}
