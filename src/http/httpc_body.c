/*
 * httpc_body.c - reading the answer's body to its end, and not a byte beyond.
 */
#include <tenon/task.h>

#include "http/httpc_int.h"

#include <stdlib.h>
#include <string.h>

/* The body has ended well. */
static void
finish(tn_fetch *f)
{
    f->done = true;
    f->timing.total = tn_now() - f->start;
    if (f->res.status != 101) {
        tn__conn_put(f);
    }
}

static int
failed(tn_fetch *f, int err)
{
    f->error = err;
    tn__conn_drop(f);
    return err;
}

/* What a receive that brought nothing means inside the body. */
static int
cut(tn_fetch *f, int r)
{
    if (r == 0 || (r == TN_ECUT && f->body != TN_HTTP_UNTIL_CLOSE)) {
        r = tn_fail(TN_ETRUNCATED, "the body of", f->to.place);
    } else if (r == -ETIME) {
        tn_fail(r, "read the body of", f->to.place);
    }
    return failed(f, r);
}

/* At most cap bytes: of the buffer, or straight from the socket. */
static ssize_t
take(tn_fetch *f, void *buf, size_t cap)
{
    struct tn__conn *conn = f->conn;
    size_t have = conn->end - conn->at;
    int r;

    if (have > 0) {
        have = have < cap ? have : cap;
        memcpy(buf, conn->buf + conn->at, have);
        conn->at += have;
        return (ssize_t)have;
    }
    if (conn->ended) {
        return conn->error;
    }
    r = tn__conn_until(f, tn__deadline(tn_now(), f->c->idle_time));
    return r < 0 ? r : tn_recv(conn->sock, buf, cap, 0);
}

static ssize_t
read_length(tn_fetch *f, void *buf, size_t cap)
{
    ssize_t n;

    cap = (uint64_t)f->left < cap ? (size_t)f->left : cap;
    n = take(f, buf, cap);
    if (n <= 0) {
        return cut(f, (int)n);
    }
    f->left -= n;
    if (f->left == 0) {
        finish(f);
    }
    return n;
}

static ssize_t
read_until_close(tn_fetch *f, void *buf, size_t cap)
{
    ssize_t n = take(f, buf, cap);

    if (n == 0) {
        finish(f);
        return 0;
    }
    return n < 0 ? cut(f, (int)n) : n;
}

/* ---- chunks ---- */

static int
keep_trailers(tn_fetch *f, size_t n)
{
    struct tn__conn *conn = f->conn;

    f->trailer_text = malloc(n);
    f->trailers = calloc(TN_HTTPC_TRAILER_FIELDS, sizeof(*f->trailers));
    if (!f->trailer_text || !f->trailers) {
        return tn_fail(-ENOMEM, "read the body of", f->to.place);
    }
    memcpy(f->trailer_text, conn->buf + conn->at, n);
    conn->at += n;
    return tn_http_parse_trailers(f->trailers, TN_HTTPC_TRAILER_FIELDS,
                                  &f->trailer_count, f->trailer_text, n) > 0
               ? 0
               : TN_EHTTP;
}

/* Behind the last chunk. 0 once all of it was read; a code. */
static int
read_trailers(tn_fetch *f)
{
    struct tn__conn *conn = f->conn;
    int64_t until = tn__deadline(tn_now(), f->c->idle_time);
    tn_http_field fields[TN_HTTPC_TRAILER_FIELDS];
    int count;

    for (;;) {
        size_t n = conn->end - conn->at;
        ssize_t r =
            n > 0 ? tn_http_parse_trailers(fields, TN_HTTPC_TRAILER_FIELDS,
                                           &count, conn->buf + conn->at, n)
                  : 0;

        if (r > 0) {
            r = keep_trailers(f, (size_t)r);
            if (r == 0) {
                finish(f);
            }
            return r < 0 ? cut(f, (int)r) : 0;
        }
        if (r == 0 && n > TN_HTTPC_TRAILER_MAX) {
            r = tn_fail(TN_EHTTP, "too large a trailer of", f->to.place);
        }
        if (r == 0) {
            r = tn__conn_fill(f, until);
            r = r == 0 ? TN_ETRUNCATED : r;
        }
        if (r < 0) {
            return cut(f, r == TN_ETRUNCATED ? 0 : (int)r);
        }
    }
}

/* Inside a chunk the bytes may come straight into the caller's buffer; only
   what frames them goes by way of ours. */
static ssize_t
dechunk(tn_fetch *f, char *buf, size_t cap, tn_str *data)
{
    struct tn__conn *conn = f->conn;
    size_t n = conn->end - conn->at, used;
    bool direct = n == 0 && f->inside;
    const char *from = conn->buf + conn->at;
    int r;

    if (direct) {
        ssize_t got;

        cap = f->chunks.left < cap ? (size_t)f->chunks.left : cap;
        got = take(f, buf, cap);

        if (got <= 0) {
            return got == 0 ? TN_ETRUNCATED : got;
        }
        n = (size_t)got;
        from = buf;
    }
    n = n < cap ? n : cap;
    r = tn_http_dechunk(&f->chunks, from, n, &used, data);
    conn->at += direct ? 0 : used;
    f->inside = data->len > 0 && f->chunks.left > 0;
    f->trailing = r > 0;
    return r < 0 ? r : 0;
}

static ssize_t
read_chunked(tn_fetch *f, char *buf, size_t cap)
{
    struct tn__conn *conn = f->conn;
    tn_str data = {NULL, 0};
    ssize_t r = 0;

    while (r == 0 && data.len == 0 && !f->trailing) {
        if (conn->at == conn->end && !f->inside) {
            r = tn__conn_fill(f, tn__deadline(tn_now(), f->c->idle_time));
            r = r == 0 ? TN_ETRUNCATED : r;
        }
        if (r >= 0) {
            r = dechunk(f, buf, cap, &data);
        }
    }
    if (r < 0) {
        return cut(f, r == TN_ETRUNCATED ? 0 : (int)r);
    }
    if (data.len > 0) {
        memmove(buf, data.at, data.len);
        return (ssize_t)data.len;
    }
    return read_trailers(f);
}

ssize_t
tn_httpc_read(tn_fetch *f, void *buf, size_t cap)
{
    if (f->error < 0 || f->done) {
        return f->error;
    }
    switch (f->body) {
    case TN_HTTP_LENGTH:
        return read_length(f, buf, cap);
    case TN_HTTP_CHUNKED:
        return f->trailing ? read_trailers(f) : read_chunked(f, buf, cap);
    case TN_HTTP_UNTIL_CLOSE:
        return read_until_close(f, buf, cap);
    case TN_HTTP_NO_BODY:
        break;
    }
    return 0;
}

void
tn__body_start(tn_fetch *f, bool bare)
{
    f->body = bare ? TN_HTTP_NO_BODY : f->res.body;
    f->left = f->res.length;
    memset(&f->chunks, 0, sizeof(f->chunks));
    f->trailing = f->inside = false;
    if (f->body == TN_HTTP_UNTIL_CLOSE) {
        f->keep = false;
    }
    if (f->body == TN_HTTP_NO_BODY ||
        (f->body == TN_HTTP_LENGTH && f->left == 0)) {
        finish(f);
    }
}

void
tn__body_skip(tn_fetch *f)
{
    char sink[1024];
    int64_t deadline = f->deadline;
    int64_t until = tn__deadline(tn_now(), TN_HTTPC_SKIP_TIME);
    size_t skipped = 0;
    ssize_t n = 1;

    f->deadline = until < deadline ? until : deadline;
    while (!f->done && f->keep && n > 0 && skipped < TN_HTTPC_SKIP &&
           f->left <= TN_HTTPC_SKIP) {
        n = tn_httpc_read(f, sink, sizeof(sink));
        skipped += n > 0 ? (size_t)n : 0;
    }
    f->deadline = deadline;
    if (f->conn) {
        tn__conn_drop(f);
    }
}
