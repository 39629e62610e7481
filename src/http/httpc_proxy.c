/*
 * httpc_proxy.c - which proxy, if any, and how it is asked to connect: HTTP's
 * CONNECT (RFC 9110 section 9.3.6) and SOCKS 5 (RFC 1928, 1929).
 */
#include <tenon/loop.h>
#include <tenon/task.h>

#include "http/httpc_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    PORT_PROXY = 1080, /* what SOCKS has, and curl takes for all of them */
    SOCKS_VERSION = 5,
    SOCKS_NO_AUTH = 0,
    SOCKS_PASSWORD = 2,
    SOCKS_IP4 = 1,
    SOCKS_NAME = 3,
    SOCKS_IP6 = 4,
};

/* ---- settings ---- */

static int
take_kind(struct tn__proxy *p, tn_str scheme)
{
    if (tn__same_word(scheme, "http")) {
        p->kind = TN__PROXY_HTTP;
    } else if (tn__same_word(scheme, "socks5")) {
        p->kind = TN__PROXY_SOCKS5;
    } else if (tn__same_word(scheme, "socks5h")) {
        p->kind = TN__PROXY_SOCKS5H;
    } else {
        return -EINVAL;
    }
    return 0;
}

static int
take_secret(struct tn__proxy *p, tn_str userinfo)
{
    const char *colon;
    size_t n;
    ssize_t r;

    if (!userinfo.at || userinfo.len == 0) {
        return 0;
    }
    colon = memchr(userinfo.at, ':', userinfo.len);
    n = colon ? (size_t)(colon - userinfo.at) : userinfo.len;
    r = tn_url_decode(p->user, sizeof(p->user), (tn_str){userinfo.at, n},
                      false);
    if (r >= 0 && colon) {
        r = tn_url_decode(p->word, sizeof(p->word),
                          (tn_str){colon + 1, userinfo.len - n - 1}, false);
    }
    return r < 0 ? (int)r : tn__basic(p->basic, userinfo);
}

static int
take_url(struct tn__proxy *p, const char *text)
{
    tn_url url;
    int r = tn_url_parse(&url, (tn_str){text, strlen(text)});

    if (r == 0) {
        r = take_kind(p, url.scheme);
    }
    if (r == 0 && (url.host.len == 0 || url.host.len >= sizeof(p->host))) {
        r = -EINVAL;
    }
    if (r < 0) {
        return r;
    }
    memcpy(p->host, url.host.at, url.host.len);
    p->port = url.port > 0 ? url.port : PORT_PROXY;
    snprintf(p->place, sizeof(p->place),
             strchr(p->host, ':') ? "[%s]:%d" : "%s:%d", p->host, p->port);
    return take_secret(p, url.userinfo);
}

int
tn__proxy_new(struct tn__proxy **out, const char *url)
{
    struct tn__text text = {0};
    struct tn__proxy *p;
    int r;

    *out = NULL;
    if (!url || !*url) {
        return 0;
    }
    if (!strstr(url, "://")) {
        tn__text_puts(&text, "http://");
    }
    tn__text_put(&text, url, strlen(url) + 1);
    p = calloc(1, sizeof(*p));
    r = p ? text.error : -ENOMEM;
    if (r == 0) {
        r = take_url(p, text.at);
    }
    tn__text_fini(&text);
    if (r < 0) {
        free(p);
        /* The URL may hold a password. */
        return tn_fail(r, "the proxy's URL", NULL);
    }
    *out = p;
    return 0;
}

/* Are the first `bits` of both the same? */
static bool
same_bits(const uint8_t *a, const uint8_t *b, int bits)
{
    int whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, (size_t)whole) != 0) {
        return false;
    }
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

/* An entry that is a number, "10.0.0.0/8" or "::1", against a host that is. */
static bool
same_net(const char *entry, const char *host)
{
    char text[64];
    const char *slash = strchr(entry, '/');
    size_t n = slash ? (size_t)(slash - entry) : strlen(entry);
    tn_addr net, addr;
    char *end = text;
    int most;
    long bits;

    if (n >= sizeof(text)) {
        return false;
    }
    memcpy(text, entry, n);
    text[n] = '\0';
    if (tn_addr_ip(&net, text, 0) < 0 || tn_addr_ip(&addr, host, 0) < 0 ||
        net.u.sa.sa_family != addr.u.sa.sa_family) {
        return false;
    }
    most = net.u.sa.sa_family == AF_INET ? 32 : 128;
    bits = slash ? strtol(slash + 1, &end, 10) : most;
    /* "10.0.0.0/" is no way to say everything. */
    if (bits < 0 || bits > most ||
        (slash && (end == slash + 1 || *end != '\0'))) {
        return false;
    }
    return most == 32 ? same_bits((uint8_t *)&net.u.in.sin_addr,
                                  (uint8_t *)&addr.u.in.sin_addr, (int)bits)
                      : same_bits((uint8_t *)&net.u.in6.sin6_addr,
                                  (uint8_t *)&addr.u.in6.sin6_addr, (int)bits);
}

/* "example.org" and ".example.org" are the domain and all below it. */
static bool
is_below(const char *entry, const char *host)
{
    size_t n, h = strlen(host);

    entry += *entry == '.';
    n = strlen(entry);
    if (n == 0 || n > h || strcasecmp(host + h - n, entry) != 0) {
        return false;
    }
    return n == h || host[h - n - 1] == '.';
}

bool
tn__no_proxy(const char *list, const char *host)
{
    char entry[TN__HOST_TEXT];

    while (list && *list) {
        size_t n = strcspn(list, ", \t");

        if (n > 0 && n < sizeof(entry)) {
            memcpy(entry, list, n);
            entry[n] = '\0';
            if (strcmp(entry, "*") == 0 || is_below(entry, host) ||
                same_net(entry, host)) {
                return true;
            }
        }
        list += n + (list[n] != '\0');
    }
    return false;
}

/* ---- CONNECT ---- */

static int
refused(tn_fetch *f, const char *why)
{
    char text[64];

    snprintf(text, sizeof(text), "proxy %.48s:", f->to.proxy->place);
    return tn_fail(TN_EPROXY, text, why);
}

static int
send_connect(tn_fetch *f, int64_t until)
{
    const struct tn__proxy *p = f->to.proxy;
    struct tn__text head = {0};
    int r;

    tn__text_puts(&head, "CONNECT ");
    tn__text_puts(&head, f->to.place);
    tn__text_puts(&head, " HTTP/1.1\r\nHost: ");
    tn__text_puts(&head, f->to.place);
    if (p->basic[0]) {
        tn__text_puts(&head, "\r\nProxy-Authorization: Basic ");
        tn__text_puts(&head, p->basic);
    }
    if (f->c->agent[0]) {
        tn__text_puts(&head, "\r\nUser-Agent: ");
        tn__text_puts(&head, f->c->agent);
    }
    tn__text_puts(&head, "\r\n\r\n");
    r = head.error;
    if (r == 0) {
        r = tn__conn_send(f, head.at, head.len, until);
    }
    if (r == 0) {
        tn__trace(f->c, TN_HTTPC_SENT, head.at, head.len, f->conn->sock);
    }
    tn__text_fini(&head);
    return r;
}

/* What the proxy answered, in f->res: 0, or what is wrong with it. */
static int
judge(tn_fetch *f, size_t head)
{
    struct tn__conn *conn = f->conn;
    char why[96];

    tn__trace(f->c, TN_HTTPC_GOT, conn->buf + conn->at, head, conn->sock);
    conn->at += head;
    if (f->res.status < 200 || f->res.status > 299) {
        snprintf(why, sizeof(why), "%d %s", f->res.status,
                 tn_http_reason(f->res.status));
        return refused(f, why);
    }
    /* The other end has nothing to say before our first byte. */
    return conn->at < conn->end ? refused(f, "bytes behind its answer") : 0;
}

int
tn__proxy_connect(tn_fetch *f, int64_t until)
{
    struct tn__conn *conn = f->conn;
    int r = send_connect(f, until);
    size_t seen = 0;
    int interim = 0;

    while (r == 0) {
        size_t n = conn->end - conn->at;
        ssize_t head =
            n > 0
                ? tn_http_parse_response(&f->res, conn->buf + conn->at, n, seen)
                : 0;

        if (head < 0) {
            return refused(f, "a broken answer");
        }
        if (head > 0 && f->res.status >= 200) {
            return judge(f, (size_t)head);
        }
        seen = head > 0 ? 0 : n;
        conn->at += (size_t)head;
        interim += head > 0;
        head =
            interim <= TN_HTTPC_INTERIM ? tn__conn_fill(f, until) : TN_EPROXY;
        if (head == 0) {
            return refused(f, "it closed the connection");
        }
        r = head < 0 ? (int)head : 0;
    }
    return r == TN_EPROXY ? refused(f, "too many interim answers") : r;
}

/* ---- SOCKS 5 ---- */

/* RFC 1928 section 6. */
static const char *
socks_reason(int code)
{
    static const char *const reasons[] = {
        "done",
        "a failure of its own",
        "not allowed by its rules",
        "network unreachable",
        "host unreachable",
        "connection refused",
        "its time to live ran out",
        "it does not know the command",
        "it does not know that kind of address",
    };
    size_t n = sizeof(reasons) / sizeof(reasons[0]);

    return code >= 0 && (size_t)code < n ? reasons[code] : "an unknown reply";
}

static int
socks_read(tn_fetch *f, uint8_t *buf, size_t n, int64_t until)
{
    int r = tn__conn_until(f, until);
    ssize_t got = r < 0 ? r : tn_recvall(f->conn->sock, buf, n, NULL);

    if (got == 0 || got == TN_ETRUNCATED) {
        return refused(f, "it closed the connection");
    }
    return got < 0 ? (int)got : 0;
}

static int
socks_password(tn_fetch *f, int64_t until)
{
    const struct tn__proxy *p = f->to.proxy;
    uint8_t buf[3 + 2 * TN_HTTPC_SECRET_MAX];
    size_t a = strlen(p->user), b = strlen(p->word);
    int r;

    buf[0] = 1; /* the version of RFC 1929 */
    buf[1] = (uint8_t)a;
    memcpy(buf + 2, p->user, a);
    buf[2 + a] = (uint8_t)b;
    memcpy(buf + 3 + a, p->word, b);
    r = tn__conn_send(f, buf, 3 + a + b, until);
    if (r == 0) {
        r = socks_read(f, buf, 2, until);
    }
    if (r == 0 && buf[1] != 0) {
        r = refused(f, "the name or the password is wrong");
    }
    return r;
}

static int
socks_greet(tn_fetch *f, int64_t until)
{
    bool secret = f->to.proxy->user[0] != '\0';
    uint8_t buf[4] = {SOCKS_VERSION, secret ? 2 : 1, SOCKS_NO_AUTH,
                      SOCKS_PASSWORD};
    int r = tn__conn_send(f, buf, secret ? 4 : 3, until);

    if (r == 0) {
        r = socks_read(f, buf, 2, until);
    }
    if (r < 0) {
        return r;
    }
    if (buf[0] != SOCKS_VERSION) {
        return refused(f, "this is not SOCKS 5");
    }
    if (buf[1] == SOCKS_PASSWORD && secret) {
        return socks_password(f, until);
    }
    return buf[1] == SOCKS_NO_AUTH ? 0 : refused(f, "it wants a password");
}

/* The first address that the target's name has here. */
static int
look_up(tn_fetch *f, tn_addr *a, int64_t until)
{
    bool task = tn_loop_self() != NULL;
    int64_t left = until == TN_NEVER ? TN_FOREVER : until - tn_now();
    tn_scope scope;
    int r;

    if (left <= 0 && left != TN_FOREVER) {
        return -ETIME;
    }
    if (task) {
        tn_deadline(&scope, left);
    }
    r = tn_resolve(f->to.host, f->to.port, f->c->family, 0, a, 1);
    if (task) {
        tn_scope_end(&scope);
    }
    return r;
}

/* The target's address as a request has it: bytes, or a code. */
static int
socks_address(tn_fetch *f, uint8_t *buf, int64_t until)
{
    size_t n = strlen(f->to.host);
    tn_addr a;
    int r = tn_addr_ip(&a, f->to.host, 0);

    if (r < 0 && f->to.proxy->kind == TN__PROXY_SOCKS5H) {
        buf[0] = SOCKS_NAME;
        buf[1] = (uint8_t)n;
        memcpy(buf + 2, f->to.host, n);
        return (int)n + 2;
    }
    if (r < 0) {
        r = look_up(f, &a, until);
    }
    if (r < 0) {
        return r;
    }
    if (a.u.sa.sa_family == AF_INET) {
        buf[0] = SOCKS_IP4;
        memcpy(buf + 1, &a.u.in.sin_addr, 4);
        return 5;
    }
    buf[0] = SOCKS_IP6;
    memcpy(buf + 1, &a.u.in6.sin6_addr, 16);
    return 17;
}

/* The reply's tail is an address that nobody needs; its kind says how long. */
static int
socks_reply(tn_fetch *f, int64_t until)
{
    uint8_t buf[256 + 2];
    size_t rest;
    int r = socks_read(f, buf, 5, until);

    if (r < 0) {
        return r;
    }
    if (buf[0] != SOCKS_VERSION) {
        return refused(f, "this is not SOCKS 5");
    }
    if (buf[1] != 0) {
        return refused(f, socks_reason(buf[1]));
    }
    switch (buf[3]) {
    case SOCKS_IP4:
        rest = 4 + 2 - 1;
        break;
    case SOCKS_IP6:
        rest = 16 + 2 - 1;
        break;
    case SOCKS_NAME:
        rest = (size_t)buf[4] + 2;
        break;
    default:
        return refused(f, "a broken reply");
    }
    return socks_read(f, buf, rest, until);
}

int
tn__socks_connect(tn_fetch *f, int64_t until)
{
    uint8_t buf[4 + TN__HOST_TEXT + 2] = {SOCKS_VERSION, 1, 0};
    int r = socks_greet(f, until);
    int n;

    if (r < 0) {
        return r;
    }
    n = socks_address(f, buf + 3, until);
    if (n < 0) {
        return n;
    }
    buf[3 + n] = (uint8_t)(f->to.port >> 8);
    buf[4 + n] = (uint8_t)f->to.port;
    r = tn__conn_send(f, buf, (size_t)n + 5, until);
    return r < 0 ? r : socks_reply(f, until);
}
