/*
 * httpc_conn.c - connections: the pool, making one, its buffer.
 */
#include <tenon/dial.h>
#include <tenon/task.h>
#include <tenon/tls.h>

#include "http/httpc_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the buffer ---- */

int
tn__conn_room(struct tn__conn *conn, size_t most)
{
    size_t n = conn->end - conn->at, cap;
    char *more;

    if (conn->at > 0) {
        memmove(conn->buf, conn->buf + conn->at, n);
        conn->at = 0;
        conn->end = n;
    }
    if (n < conn->cap) {
        return 0;
    }
    if (n >= most) {
        return TN_EHTTP;
    }
    cap = conn->cap ? 2 * conn->cap : TN_HTTPC_BUF;
    cap = cap < most ? cap : most;
    more = realloc(conn->buf, cap);
    if (!more) {
        return tn_fail(-ENOMEM, "receive", NULL);
    }
    conn->buf = more;
    conn->cap = cap;
    return 0;
}

int
tn__conn_until(tn_fetch *f, int64_t until)
{
    int64_t now = tn_now();

    until = until < f->deadline ? until : f->deadline;
    if (until <= now) {
        return -ETIME;
    }
    return tn_settimeout(f->conn->sock,
                         until == TN_NEVER ? TN_FOREVER : until - now);
}

/* Remember an end, so that nobody waits for more. */
static ssize_t
note(struct tn__conn *conn, ssize_t r)
{
    if (r > 0) {
        conn->end += (size_t)r;
    } else if (r != -EAGAIN && r != -ETIME && r != -ECANCELED) {
        conn->ended = true;
        conn->error = (int)r;
    }
    return r;
}

ssize_t
tn__conn_fill(tn_fetch *f, int64_t until)
{
    struct tn__conn *conn = f->conn;
    int r = tn__conn_room(conn, f->c->max_head);

    if (r < 0) {
        return r;
    }
    if (conn->ended) {
        return conn->error;
    }
    r = tn__conn_until(f, until);
    if (r < 0) {
        return r;
    }
    return note(conn, tn_recv(conn->sock, conn->buf + conn->end,
                              conn->cap - conn->end, 0));
}

ssize_t
tn__conn_poll(tn_fetch *f)
{
    struct tn__conn *conn = f->conn;
    int r = tn__conn_room(conn, f->c->max_head);

    if (r < 0) {
        return r;
    }
    if (conn->ended) {
        return conn->error;
    }
    tn_settimeout(conn->sock, 0);
    return note(conn, tn_recv(conn->sock, conn->buf + conn->end,
                              conn->cap - conn->end, 0));
}

int
tn__conn_send(tn_fetch *f, const void *buf, size_t n, int64_t until)
{
    int r = tn__conn_until(f, until);
    ssize_t sent = r < 0 ? r : tn_sendall(f->conn->sock, buf, n, NULL);

    return sent < 0 ? (int)sent : 0;
}

/* ---- the pool ---- */

void
tn__conn_free(struct tn__conn *conn, bool abort)
{
    if (!conn) {
        return;
    }
    if (abort) {
        tn_abort(conn->sock);
    } else {
        tn_close(conn->sock);
    }
    free(conn->buf);
    free(conn);
}

void
tn__conn_drop(tn_fetch *f)
{
    struct tn__conn *conn = f->conn;

    f->conn = NULL;
    tn__conn_free(conn, true);
}

static struct tn__conn *
pool_take(tn_httpc *c, int i)
{
    struct tn__conn *conn = c->idle[i];

    c->idle_count--;
    memmove(&c->idle[i], &c->idle[i + 1],
            (size_t)(c->idle_count - i) * sizeof(c->idle[0]));
    return conn;
}

/* The oldest are in front: drop those whose time is over. */
static void
pool_age(tn_httpc *c)
{
    while (c->idle_count > 0 && tn_now() - c->idle[0]->since >= c->pool_time) {
        tn__conn_free(pool_take(c, 0), false);
    }
}

/* On an idle connection there is nothing to read: what is, is its end, an
   error, or an answer that nobody asked for, which must not become the answer
   to the next request. */
static bool
is_quiet(struct tn__conn *conn)
{
    char one;

    tn_settimeout(conn->sock, 0);
    return tn_recv(conn->sock, &one, 1, 0) == -EAGAIN;
}

/* The newest of that key: it is the least likely to be stale. */
static struct tn__conn *
pool_find(tn_httpc *c, const char *key)
{
    pool_age(c);
    for (int i = c->idle_count - 1; i >= 0; i--) {
        struct tn__conn *conn;

        if (strcmp(c->idle[i]->key, key) != 0) {
            continue;
        }
        conn = pool_take(c, i);
        if (is_quiet(conn)) {
            return conn;
        }
        tn__conn_free(conn, true);
        /* That may have suspended, and the pool have become shorter. */
        i = i < c->idle_count ? i : c->idle_count;
    }
    return NULL;
}

void
tn__conn_put(tn_fetch *f)
{
    struct tn__conn *conn = f->conn;
    tn_httpc *c = f->c;

    f->conn = NULL;
    if (!conn) {
        return;
    }
    if (!f->keep || conn->ended || conn->at < conn->end || c->pool_size == 0) {
        tn__conn_free(conn, conn->at < conn->end);
        return;
    }
    pool_age(c);
    if (c->idle_count == c->pool_size) {
        tn__conn_free(pool_take(c, 0), false);
    }
    if (c->idle_count == c->pool_size) { /* filled up while we waited */
        tn__conn_free(conn, false);
        return;
    }
    free(conn->buf); /* an idle one costs no more than its socket */
    conn->buf = NULL;
    conn->at = conn->end = conn->cap = 0;
    conn->since = tn_now();
    c->idle[c->idle_count++] = conn;
}

/* ---- making one ---- */

static int
secure(tn_fetch *f)
{
    tn_httpc *c = f->c;
    int r = 0;

    if (!c->tls) {
        r = tn_tls_new(&c->tls, TN_TLS_CLIENT);
        c->own_tls = r == 0;
        if (r == 0) {
            r = tn_tls_alpn(c->tls, "http/1.1");
        }
    }
    if (r == 0) {
        r = tn_tls_start(f->conn->sock, c->tls, f->to.host);
    }
    if (r == 0) {
        r = tn__conn_until(f, tn__deadline(tn_now(), c->tls_time));
    }
    if (r == 0) {
        r = tn_tls_handshake(f->conn->sock);
    }
    if (r == -ETIME) {
        tn_fail(r, "TLS handshake with", f->to.place);
    }
    return r;
}

static int
dial(tn_fetch *f, int64_t until)
{
    const struct tn__proxy *proxy = f->to.proxy;
    int64_t resolved = 0;
    tn_dial_opts how = {.family = f->c->family, .resolved = &resolved};
    int r;

    until = until < f->deadline ? until : f->deadline;
    how.timeout = until - tn_now();
    if (how.timeout <= 0) {
        return tn_fail(-ETIME, "connect", f->to.place);
    }
    r = tn_create_connection(&f->conn->sock, proxy ? proxy->host : f->to.host,
                             proxy ? proxy->port : f->to.port, &how);
    f->timing.resolved = resolved > 0 ? resolved - f->start : -1;
    if (r < 0 || !proxy) {
        return r;
    }
    if (proxy->kind != TN__PROXY_HTTP) {
        r = tn__socks_connect(f, until);
    } else if (f->to.secure) {
        r = tn__proxy_connect(f, until);
    }
    if (r == -ETIME) {
        tn_fail(r, "connect by proxy", proxy->place);
    }
    return r;
}

static void
make_key(const struct tn__target *to, char *key, size_t cap)
{
    const struct tn__proxy *p = to->proxy;

    /* An HTTP proxy takes requests for every http host on one connection. */
    bool any = p && p->kind == TN__PROXY_HTTP && !to->secure;

    snprintf(key, cap, "%s %s %s", to->secure ? "https" : "http",
             any ? "*" : to->place, p ? p->place : "-");
}

static int
make(tn_fetch *f, const char *key)
{
    int64_t until = tn__deadline(tn_now(), f->c->connect_time);
    int r;

    f->conn = calloc(1, sizeof(*f->conn));
    if (!f->conn) {
        return tn_fail(-ENOMEM, "connect", f->to.place);
    }
    snprintf(f->conn->key, sizeof(f->conn->key), "%s", key);
    r = dial(f, until);
    if (r == 0) {
        f->timing.connected = tn_now() - f->start;
        r = f->to.secure ? secure(f) : 0;
    }
    if (r < 0) {
        tn__conn_drop(f);
        return r;
    }
    if (f->to.secure) {
        f->timing.secured = tn_now() - f->start;
    }
    tn__trace(f->c, TN_HTTPC_CONNECTED, f->to.place, strlen(f->to.place),
              f->conn->sock);
    return 0;
}

int
tn__conn_get(tn_fetch *f, bool fresh)
{
    char key[sizeof(f->conn->key)];
    int64_t none = -1;

    make_key(&f->to, key, sizeof(key));
    f->timing.resolved = f->timing.connected = f->timing.secured = none;
    f->timing.reused = false;
    f->conn = fresh ? NULL : pool_find(f->c, key);
    if (!f->conn) {
        return make(f, key);
    }
    f->conn->reused = f->timing.reused = true;
    tn__trace(f->c, TN_HTTPC_REUSED, f->to.place, strlen(f->to.place),
              f->conn->sock);
    return 0;
}
