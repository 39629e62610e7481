/*
 * httpd_tunnel.c - CONNECT: bytes to a host that is on the list, and back.
 */
#include <tenon/dial.h>

#include "http/httpd_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- who may be reached ---- */

/* "host:port" against a pattern whose host, or port, may be "*". */
static bool
matches(const char *pattern, tn_str host, tn_str port)
{
    const char *colon = strrchr(pattern, ':');
    size_t n = colon ? (size_t)(colon - pattern) : 0;

    if (!colon) {
        return false;
    }
    if (strcmp(colon + 1, "*") != 0 &&
        (strlen(colon + 1) != port.len ||
         memcmp(colon + 1, port.at, port.len) != 0)) {
        return false;
    }
    return (n == 1 && pattern[0] == '*') ||
           (n == host.len && strncasecmp(pattern, host.at, n) == 0);
}

static bool
is_allowed(const char *const *tunnels, tn_str host, tn_str port)
{
    for (; *tunnels; tunnels++) {
        if (matches(*tunnels, host, port)) {
            return true;
        }
    }
    return false;
}

/* Host and port of an authority; false if it is none. */
static bool
split(tn_str authority, tn_str *host, tn_str *port)
{
    size_t n = authority.len;

    while (n > 0 && authority.at[n - 1] != ':') {
        n--;
    }
    if (n < 2 || n == authority.len) {
        return false;
    }
    *host = (tn_str){authority.at, n - 1};
    *port = (tn_str){authority.at + n, authority.len - n};
    return true;
}

static int
dial(tn_sock **out, tn_str host, tn_str port)
{
    tn_dial_opts opts = {.timeout = TN_HTTPD_DIAL_TIME};
    char name[256];
    int number = 0;

    if (host.len > 2 && host.at[0] == '[') { /* an IPv6 address */
        host = (tn_str){host.at + 1, host.len - 2};
    }
    for (size_t i = 0; i < port.len; i++) {
        number = number * 10 + (port.at[i] - '0');
        if (port.at[i] < '0' || port.at[i] > '9' || number > 65535) {
            return tn_fail(-EINVAL, "connect", "port");
        }
    }
    if (number == 0 || host.len >= sizeof(name)) {
        return tn_fail(-EINVAL, "connect", NULL);
    }
    memcpy(name, host.at, host.len);
    name[host.len] = '\0';
    return tn_create_connection(out, name, number, &opts);
}

/* ---- copying ---- */

struct tunnel {
    tn_sock *end[2];
    int64_t idle;   /* ns that may pass without a byte in either direction */
    int64_t active; /* when the last one moved */
};

struct direction {
    struct tunnel *t;
    int from;
    tn_str early;
};

/* 1: the other direction is at work, so go on. */
static int
still_active(const struct tunnel *t)
{
    return t->idle >= 0 && tn_now() - t->active < t->idle;
}

static int
copy(struct direction *d, char *buf)
{
    struct tunnel *t = d->t;
    tn_sock *from = t->end[d->from], *to = t->end[!d->from];
    ssize_t n;

    if (d->early.len > 0) {
        n = tn_sendall(to, d->early.at, d->early.len, NULL);
        if (n < 0) {
            return (int)n;
        }
    }
    for (;;) {
        n = tn_recv(from, buf, TN_HTTPD_TUNNEL, 0);
        if (n == -ETIME && still_active(t)) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        t->active = tn_now();
        n = tn_sendall(to, buf, (size_t)n, NULL);
        if (n < 0) {
            break;
        }
    }
    if (n == 0) {
        tn_shutdown(to, SHUT_WR); /* the other direction goes on by itself */
    }
    return (int)n;
}

static int
run_direction(void *arg)
{
    char *buf = malloc(TN_HTTPD_TUNNEL);
    int r = buf ? copy(arg, buf) : tn_fail(-ENOMEM, "tunnel", NULL);

    free(buf);
    return r;
}

static int
run_tunnel(struct tunnel *t, tn_str early)
{
    struct direction d[2] = {{.t = t, .from = 0, .early = early},
                             {.t = t, .from = 1}};
    tn_group g;
    int r, other;

    t->active = tn_now();
    tn_settimeout(t->end[0], t->idle);
    tn_settimeout(t->end[1], t->idle);
    tn_group_init(&g, 0);
    r = tn_go(&g, run_direction, &d[1]);
    if (r == 0) {
        r = run_direction(&d[0]);
    }
    if (r < 0) {
        tn_group_cancel(&g);
    }
    other = tn_group_wait(&g);
    return r < 0 ? r : other;
}

int
tn__httpd_tunnel(tn_exchange *x)
{
    struct tn__httpd *server = x->c->server;
    struct tunnel t = {.idle = server->o.idle_time};
    tn_str host, port, early;
    int r;

    if (x->body != TN__BODY_END || !split(x->req.authority, &host, &port)) {
        return tn_httpd_error(x, 400, NULL);
    }
    if (!is_allowed(server->o.tunnels, host, port)) {
        return tn_httpd_error(x, 403, NULL);
    }
    r = dial(&t.end[1], host, port);
    if (r == -ECANCELED) {
        return r;
    }
    if (r < 0) {
        return tn_httpd_error(x,
                              r == -ETIME    ? 504
                              : r == -EINVAL ? 400
                                             : 502,
                              NULL);
    }
    r = tn_httpd_upgrade(x, 200, &t.end[0], &early);
    if (r == 0) {
        r = run_tunnel(&t, early);
    }
    tn_close(t.end[1]);
    return r;
}
