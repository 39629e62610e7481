/*
 * httpd_body.c - the body of a request, read as the handler asks for it.
 */
#include "http/httpd_int.h"

#include <stdlib.h>
#include <string.h>

void
tn__httpd_body_init(tn_exchange *x)
{
    bool none = x->req.body == TN_HTTP_NO_BODY ||
                (x->req.body == TN_HTTP_LENGTH && x->req.length == 0);

    x->body = none ? TN__BODY_END : TN__BODY_DATA;
    x->body_error = 0;
    if (!none) {
        x->body_left = x->req.length;
        x->body_got = 0;
        x->pace_left = x->c->server->o.body_time;
        x->pace_got = 0;
        x->base = x->c->in_start;
        x->chunks = (tn_http_chunks){0};
    }
}

/* No more can be had of this body. */
static int
fail(tn_exchange *x, int err)
{
    x->body_error = err;
    x->close = true;
    return err;
}

/* ---- waiting for more ---- */

/* Earlier answers first, and this one if it is whole: the peer may be waiting
   for it. So may it for the sign, unless it has begun to send. */
static int
before_wait(tn_exchange *x)
{
    static const char sign[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct tn__hconn *c = x->c;
    int r = 0;

    if (x->may_expect) {
        x->may_expect = false;
        r = tn__httpd_room(c, sizeof(sign) - 1);
        if (r < 0) {
            return r;
        }
        tn__httpd_copy(c->out + c->out_end, sign, sizeof(sign) - 1);
        c->out_end += sizeof(sign) - 1;
    }
    if (x->stage == TN__FRESH || x->stage == TN__OVER) {
        r = tn__httpd_send(c);
    } else if (!x->gone && x->begin > c->out_start) {
        r = tn__httpd_push(c, x->begin);
    }
    return r;
}

/* The time for the next bytes: what is left for this part of the body. */
static int64_t
pace(tn_exchange *x)
{
    if (x->pace_got >= TN_HTTPD_PACE) {
        x->pace_got = 0;
        x->pace_left = x->c->server->o.body_time;
    }
    return x->pace_left;
}

/* Bytes came after a wait that began at `start`. Only waiting counts: a slow
   handler is not the peer's fault. */
static void
paced(tn_exchange *x, int64_t start, size_t n)
{
    x->pace_got += n;
    if (x->pace_left >= 0) {
        x->pace_left -= tn_now() - start;
        x->pace_left = x->pace_left > 0 ? x->pace_left : 0;
    }
}

/* What a wait for more came to: bytes, or why there are none. */
static ssize_t
arrived(tn_exchange *x, int64_t start, ssize_t n)
{
    if (n > 0) {
        paced(x, start, (size_t)n);
        return n;
    }
    if (n == 0) {
        return fail(x, tn_fail(TN_ETRUNCATED, "read request", NULL));
    }
    return n == -ETIME || n == -ECANCELED ? n : fail(x, (int)n);
}

/* Into the input buffer, behind what it holds. The head stays where it is: the
   handler looks at it. */
static ssize_t
fill(tn_exchange *x)
{
    struct tn__hconn *c = x->c;
    int64_t start;
    size_t have;
    ssize_t n;
    int r = before_wait(x);

    if (r < 0) {
        return fail(x, r);
    }
    if (c->in_start == c->in_end) {
        c->in_start = c->in_end = x->base;
    }
    have = c->in_end - c->in_start;
    if (c->in_cap - c->in_end < TN_HTTP_CHUNK_LINE && x->base > 0 &&
        have < TN_HTTPD_IN) {
        r = tn__httpd_move(c, TN_HTTPD_IN, true);
        if (r < 0) {
            return fail(x, r);
        }
        x->base = 0;
    }
    if (c->in_end == c->in_cap) { /* a trailer section larger than all that */
        return fail(x, tn_fail(TN_EHTTP, "read trailers", NULL));
    }
    start = tn_now();
    n = tn__httpd_fill(c, pace(x));
    return arrived(x, start, n);
}

/* ---- bodies with a length ---- */

static ssize_t
read_length(tn_exchange *x, void *buf, size_t cap)
{
    struct tn__hconn *c = x->c;
    size_t have = c->in_end - c->in_start;
    int64_t start;
    ssize_t n;
    int r;

    cap = (uint64_t)x->body_left < cap ? (size_t)x->body_left : cap;
    if (have > 0) {
        x->may_expect = false;
        cap = have < cap ? have : cap;
        memcpy(buf, c->in + c->in_start, cap);
        c->in_start += cap;
        n = (ssize_t)cap;
    } else {
        r = before_wait(x);
        if (r < 0) {
            return fail(x, r);
        }
        start = tn_now();
        tn_settimeout(c->sock, pace(x));
        n = arrived(x, start, tn_recv(c->sock, buf, cap, 0));
    }
    if (n > 0) {
        x->body_left -= n;
        x->body = x->body_left == 0 ? TN__BODY_END : TN__BODY_DATA;
    }
    return n;
}

/* ---- chunks ---- */

static int
read_trailers(tn_exchange *x)
{
    struct tn__hconn *c = x->c;
    ssize_t n;

    if (!x->trailers) {
        x->trailers = malloc(TN_HTTP_FIELDS * sizeof(tn_http_field));
        if (!x->trailers) {
            return fail(x, tn_fail(-ENOMEM, "read trailers", NULL));
        }
    }
    for (;;) {
        n = tn_http_parse_trailers(x->trailers, TN_HTTP_FIELDS,
                                   &x->trailer_count, c->in + c->in_start,
                                   c->in_end - c->in_start);
        if (n != 0) {
            break;
        }
        n = fill(x);
        if (n < 0) {
            x->trailer_count = 0;
            return (int)n;
        }
    }
    if (n < 0) {
        x->trailer_count = 0;
        return fail(x, tn_fail(TN_EHTTP, "read trailers", NULL));
    }
    c->in_start += (size_t)n;
    x->body = TN__BODY_END;
    return 0;
}

/* More has come, or been announced, than is allowed. A size of which only the
   first digits are here is none yet. */
static bool
is_too_big(const tn_exchange *x)
{
    int64_t max = x->c->server->o.max_body;
    uint64_t next = x->chunks.line == 0 ? x->chunks.left : 0;

    return max >= 0 &&
           (x->body_got > max || next > (uint64_t)(max - x->body_got));
}

static ssize_t
read_chunk(tn_exchange *x, void *buf, size_t cap)
{
    struct tn__hconn *c = x->c;
    ssize_t n;

    while (x->body == TN__BODY_DATA) {
        size_t have = c->in_end - c->in_start, used;
        tn_str data;
        int r;

        if (have == 0) {
            n = fill(x);
            if (n < 0) {
                return n;
            }
            continue;
        }
        x->may_expect = false;
        r = tn_http_dechunk(&x->chunks, c->in + c->in_start,
                            have < cap ? have : cap, &used, &data);
        if (r < 0) {
            return fail(x, tn_fail(TN_EHTTP, "read request", NULL));
        }
        c->in_start += used;
        x->body = r > 0 ? TN__BODY_TRAILERS : TN__BODY_DATA;
        x->body_got += (int64_t)data.len;
        if (is_too_big(x)) {
            return fail(x, tn_fail(TN_ETOOBIG, "read request", NULL));
        }
        if (data.len > 0) {
            memcpy(buf, data.at, data.len);
            return (ssize_t)data.len;
        }
    }
    return read_trailers(x);
}

/* ---- what a handler calls ---- */

ssize_t
tn_httpd_read(tn_exchange *x, void *buf, size_t cap)
{
    if (x->body == TN__BODY_END) {
        return 0;
    }
    if (x->body_error < 0) {
        return x->body_error;
    }
    if (cap == 0) {
        return tn_fail(-EINVAL, "read request", "no room");
    }
    return x->req.body == TN_HTTP_LENGTH ? read_length(x, buf, cap)
                                         : read_chunk(x, buf, cap);
}

/* Room for a body that is `have` bytes so far: what it says, but in steps, as
   memory follows what has come. */
static size_t
next_cap(const tn_exchange *x, size_t have, size_t max)
{
    size_t cap = have < TN_HTTPD_PACE ? TN_HTTPD_PACE : 2 * have;

    if (x->req.body == TN_HTTP_LENGTH && (uint64_t)x->req.length < cap) {
        cap = (size_t)x->req.length;
    }
    cap = cap < max ? cap : max;
    return cap > have ? cap : have + 1; /* one byte more is one too many */
}

ssize_t
tn_httpd_read_all(tn_exchange *x, char **out, size_t max)
{
    size_t have = 0, cap = 0;
    char *all = NULL, *more;
    ssize_t n = 1;

    *out = NULL;
    if (x->req.body == TN_HTTP_LENGTH && (uint64_t)x->req.length > max) {
        return tn_fail(TN_ETOOBIG, "read request", NULL);
    }
    while (n > 0) {
        if (have == cap) {
            cap = next_cap(x, have, max);
            more = realloc(all, cap + 1);
            if (!more) {
                n = tn_fail(-ENOMEM, "read request", NULL);
                break;
            }
            all = more;
        }
        n = tn_httpd_read(x, all + have, cap - have);
        have += n > 0 ? (size_t)n : 0;
        if (have > max) {
            n = tn_fail(TN_ETOOBIG, "read request", NULL);
        }
    }
    if (n < 0) {
        free(all);
        return n;
    }
    all[have] = '\0';
    *out = all;
    return (ssize_t)have;
}

const tn_http_field *
tn_httpd_trailers(const tn_exchange *x, int *count)
{
    *count = x->trailer_count;
    return x->trailer_count > 0 ? x->trailers : NULL;
}

/* ---- what nobody read ---- */

bool
tn__httpd_body_is_long(const tn_exchange *x)
{
    return x->body != TN__BODY_END && x->req.body == TN_HTTP_LENGTH &&
           x->body_left > TN_HTTPD_DROP;
}

int
tn__httpd_body_drop(tn_exchange *x)
{
    char sink[1024];
    size_t dropped = 0;
    ssize_t n;

    if (tn__httpd_body_is_long(x)) {
        return 1;
    }
    while (x->body != TN__BODY_END && dropped < TN_HTTPD_DROP) {
        n = tn_httpd_read(x, sink, sizeof(sink));
        if (n < 0) {
            return 1;
        }
        dropped += (size_t)n;
    }
    return x->body == TN__BODY_END ? 0 : 1;
}
