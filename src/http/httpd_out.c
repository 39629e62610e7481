/*
 * httpd_out.c - the body of an answer, and how it leaves.
 *
 * Small pieces are gathered in the connection's output, behind what answers
 * earlier requests; large ones go out with it, not copied. An answer of unsaid
 * length is held back until it ends or grows.
 */
#include "http/httpd_int.h"

#include <string.h>
#include <unistd.h>

/* ---- sending ---- */

static void
advance(struct iovec **iov, int *count, size_t n)
{
    while (*count > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        ++*iov;
        --*count;
    }
    if (*count > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

/* Slow is not dead: as long as TN_HTTPD_PACE bytes go out within write_time. */
static bool
goes_on(struct tn__hconn *c, ssize_t r, size_t sent)
{
    if (r != -ETIME || sent < TN_HTTPD_PACE) {
        return false;
    }
    tn_send_resume(c->sock);
    return true;
}

/* Send all of a vector, which is used up. */
static int
send_vector(struct tn__hconn *c, struct iovec *iov, int count)
{
    size_t sent;
    ssize_t r;

    tn__httpd_early_end(c);
    if (c->broken < 0) {
        return c->broken;
    }
    tn_settimeout(c->sock, c->server->o.write_time);
    if (TN_LIKELY(count == 1)) {
        r = tn_sendall(c->sock, iov->iov_base, iov->iov_len, &sent);
    } else {
        r = tn_sendvall(c->sock, iov, count, &sent);
    }
    while (TN_UNLIKELY(r < 0) && goes_on(c, r, sent)) {
        advance(&iov, &count, sent);
        r = tn_sendvall(c->sock, iov, count, &sent);
    }
    if (TN_UNLIKELY(r < 0)) {
        c->broken = (int)r;
        return (int)r;
    }
    return 0;
}

int
tn__httpd_push(struct tn__hconn *c, size_t end)
{
    struct iovec iov;
    int r;

    if (end == c->out_start) {
        return 0; /* there may be no buffer */
    }
    iov = (struct iovec){c->out + c->out_start, end - c->out_start};
    r = send_vector(c, &iov, 1);
    c->out_start = end;
    if (c->out_start == c->out_end) {
        c->out_start = c->out_end = 0;
    }
    return r;
}

int
tn__httpd_send(struct tn__hconn *c)
{
    return tn__httpd_push(c, c->out_end);
}

int
tn__httpd_room(struct tn__hconn *c, size_t n)
{
    int r = 0;

    if (TN_UNLIKELY(TN_HTTPD_OUT - c->out_end < n)) {
        r = tn__httpd_send(c);
    }
    return r;
}

/* ---- chunks ---- */

enum {
    CHUNK_LINE = 6, /* "1fa0\r\n": a gathered chunk is below 64 KiB */
};

/* The line of a chunk of `n` bytes. */
static void
put_chunk_line(struct tn__hconn *c, uint64_t n)
{
    static const char digits[] = "0123456789abcdef";
    char *p = c->out + c->out_end;
    int shift = 60;

    while (shift > 0 && n >> shift == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        *p++ = digits[n >> shift & 15];
    }
    p = tn__httpd_copy(p, "\r\n", 2);
    c->out_end = (size_t)(p - c->out);
}

/* Write the open chunk's size in front of it, and move it there. */
static void
close_chunk(tn_exchange *x)
{
    struct tn__hconn *c = x->c;
    size_t from, n;

    if (x->mark == TN__NO_CHUNK) {
        return;
    }
    from = x->mark + CHUNK_LINE;
    n = c->out_end - from;
    c->out_end = x->mark;
    x->mark = TN__NO_CHUNK;
    if (n == 0) { /* what should have filled it failed */
        return;
    }
    put_chunk_line(c, n);
    if (c->out_end < from) {
        memmove(c->out + c->out_end, c->out + from, n);
    }
    c->out_end += n;
    memcpy(c->out + c->out_end, "\r\n", 2);
    c->out_end += 2;
}

/* ---- the body ---- */

/* Room for `n` bytes of the body with what goes around them. */
static int
make_way(tn_exchange *x, size_t n)
{
    size_t need = n + CHUNK_LINE + 2;

    if (TN_HTTPD_OUT - x->c->out_end >= need) {
        return 0;
    }
    close_chunk(x);
    x->gone = true;
    return tn__httpd_send(x->c);
}

/* Where a small piece goes; the room is there. */
static char *
piece(tn_exchange *x)
{
    if (x->stage == TN__CHUNKED && x->mark == TN__NO_CHUNK) {
        x->mark = x->c->out_end;
        x->c->out_end += CHUNK_LINE;
    }
    return x->c->out + x->c->out_end;
}

/* Everything that was gathered, and `n` bytes from elsewhere. */
static int
send_direct(tn_exchange *x, const void *buf, size_t n)
{
    struct tn__hconn *c = x->c;
    bool chunked = x->stage == TN__CHUNKED;
    struct iovec iov[3];
    int r = make_way(x, 32);

    if (r < 0) {
        return r;
    }
    if (chunked) {
        close_chunk(x);
        put_chunk_line(c, n);
    }
    iov[0] = (struct iovec){c->out + c->out_start, c->out_end - c->out_start};
    iov[1] = (struct iovec){(void *)(uintptr_t)buf, n};
    iov[2] = (struct iovec){(void *)(uintptr_t) "\r\n", 2};
    x->gone = true;
    r = send_vector(c, iov, chunked ? 3 : 2);
    c->out_start = c->out_end = 0;
    return r;
}

/* May `n` bytes more be written, and has the head been? 1: they are dropped,
   because the answer has no body; 0; or a code. */
static int
before_body(tn_exchange *x, uint64_t n)
{
    int r;

    if (x->c->broken < 0) {
        return x->c->broken;
    }
    if (x->stage == TN__OVER || n > INT64_MAX - (uint64_t)x->written ||
        (x->promised >= 0 && (int64_t)n > x->promised - x->written)) {
        return tn_fail(-EINVAL, "write answer", "more than was promised");
    }
    if (x->stage == TN__FRESH) {
        r = tn__httpd_head(x, x->promised >= 0 ? 0 : TN_HTTPD_HELD);
        if (r < 0) {
            return r;
        }
        if (x->promised >= 0) {
            tn__httpd_seal(x, x->promised);
        }
    }
    if (x->no_body) {
        x->written += (int64_t)n;
        return 1;
    }
    if (x->stage == TN__HELD && (uint64_t)x->written + n > TN_HTTPD_HELD) {
        tn__httpd_seal(x, -1);
    }
    return 0;
}

int
tn_httpd_write(tn_exchange *x, const void *buf, size_t n)
{
    int r = n > 0 ? before_body(x, n) : 1;

    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (n >= TN_HTTPD_DIRECT) {
        r = send_direct(x, buf, n);
    } else {
        r = x->stage == TN__HELD ? 0 : make_way(x, n);
        if (r == 0) {
            memcpy(piece(x), buf, n);
            x->c->out_end += n;
        }
    }
    x->written += r < 0 ? 0 : (int64_t)n;
    return r;
}

int
tn_httpd_flush(tn_exchange *x)
{
    int r = x->c->broken;

    if (r == 0 && x->stage == TN__FRESH) {
        r = tn__httpd_head(x, 0);
    }
    if (r < 0 || x->stage == TN__OVER) {
        return r;
    }
    if (x->stage == TN__HELD) {
        tn__httpd_seal(x, x->promised);
    }
    close_chunk(x);
    x->gone = true;
    return tn__httpd_send(x->c);
}

/* ---- files ---- */

/* A small piece is read to where it will be sent from. */
static int
copy_file(tn_exchange *x, int fd, int64_t offset, size_t n)
{
    size_t got = 0;
    char *to;
    int r = x->stage == TN__HELD ? 0 : make_way(x, n);

    if (r < 0) {
        return r;
    }
    to = piece(x);
    while (got < n) {
        ssize_t k = pread(fd, to + got, n - got, offset + (int64_t)got);

        if (k < 0 && errno != EINTR) {
            return tn_fail(-errno, "read file", NULL);
        }
        if (k == 0) {
            return tn_fail(TN_ETRUNCATED, "send file", NULL);
        }
        got += k > 0 ? (size_t)k : 0;
    }
    x->c->out_end += n;
    return 0;
}

/* What was gathered, held by the kernel until the file follows. */
static int
push_corked(struct tn__hconn *c)
{
    tn__httpd_early_end(c);
    tn_settimeout(c->sock, c->server->o.write_time);
    while (c->out_start < c->out_end) {
        ssize_t n = tn_send(c->sock, c->out + c->out_start,
                            c->out_end - c->out_start, MSG_MORE);

        if (n < 0) {
            c->broken = (int)n;
            return (int)n;
        }
        c->out_start += (size_t)n;
    }
    c->out_start = c->out_end = 0;
    return 0;
}

static int
send_file(tn_exchange *x, int fd, int64_t offset, int64_t n)
{
    struct tn__hconn *c = x->c;
    int r = make_way(x, 32);

    if (r == 0 && x->stage == TN__CHUNKED) {
        close_chunk(x);
        put_chunk_line(c, (uint64_t)n);
    }
    x->gone = true;
    r = r < 0 ? r : push_corked(c);
    while (r == 0 && n > 0) {
        size_t sent = 0;
        ssize_t k = tn_sendfile(c->sock, fd, offset, (size_t)n, &sent);

        offset += (int64_t)sent;
        n -= (int64_t)sent;
        x->written += (int64_t)sent; /* the log tells of a cut answer, too */
        if (k < 0 && !goes_on(c, k, sent)) {
            r = (int)k;
        } else if (k >= 0 && n > 0) {
            r = tn_fail(TN_ETRUNCATED, "send file", NULL);
        }
    }
    if (r < 0) {
        c->broken = r;
    } else if (x->stage == TN__CHUNKED) {
        memcpy(c->out, "\r\n", 2);
        c->out_end = 2;
    }
    return r;
}

int
tn_httpd_sendfile(tn_exchange *x, int fd, int64_t offset, int64_t n)
{
    int r;

    if (n < 0 || offset < 0) {
        return tn_fail(-EINVAL, "send file", NULL);
    }
    r = n > 0 ? before_body(x, (uint64_t)n) : 1;
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (n >= TN_HTTPD_DIRECT) {
        return send_file(x, fd, offset, n);
    }
    r = copy_file(x, fd, offset, (size_t)n);
    x->written += r < 0 ? 0 : n;
    return r;
}

/* ---- whole answers ---- */

int
tn_httpd_reply(tn_exchange *x, int status, const char *type, const void *body,
               size_t n)
{
    int r = tn_httpd_status(x, status);

    if (r == 0 && type) {
        r = tn_httpd_field(x, "Content-Type", type);
    }
    if (r == 0) {
        r = tn_httpd_length(x, (int64_t)n);
    }
    /* Nobody will read the rest of the request now. */
    x->close = x->close || tn__httpd_body_is_long(x);
    if (r == 0) {
        r = tn__httpd_head(x, n < TN_HTTPD_DIRECT ? n + CHUNK_LINE + 2 : 0);
    }
    if (r < 0) {
        return r;
    }
    tn__httpd_seal(x, (int64_t)n);
    return tn_httpd_write(x, body, n);
}

int
tn_httpd_error(tn_exchange *x, int status, const char *why)
{
    char text[512];
    size_t n;
    char *p;

    if (status < 300 || status > 599) {
        return tn_fail(-EINVAL, "answer", "status");
    }
    if (!why) {
        why = tn_http_reason(status);
    }
    p = tn__httpd_number(text, (uint64_t)status);
    *p++ = ' ';
    n = strlen(why);
    n = tn_text_cut(why, n, sizeof(text) - 8);
    p = tn__httpd_copy(p, why, n);
    *p++ = '\n';
    return tn_httpd_reply(x, status, "text/plain; charset=utf-8", text,
                          (size_t)(p - text));
}

/* The last chunk, and the trailers. */
static int
end_chunks(tn_exchange *x)
{
    int r = make_way(x, x->trailers_len + 8);
    char *p;

    if (r < 0) {
        return r;
    }
    close_chunk(x);
    p = tn__httpd_copy(x->c->out + x->c->out_end, "0\r\n", 3);
    p = tn__httpd_copy(p, x->text, x->trailers_len);
    p = tn__httpd_copy(p, "\r\n", 2);
    x->c->out_end = (size_t)(p - x->c->out);
    return 0;
}

int
tn__httpd_end(tn_exchange *x)
{
    bool trailers = x->trailers_len > 0 && x->req.minor > 0;
    int r = x->c->broken;

    if (r == 0 && x->stage == TN__FRESH) {
        r = tn__httpd_head(x, 0);
    }
    if (r < 0) {
        return r;
    }
    /* Nobody will read the rest of the request now. */
    x->close = x->close || tn__httpd_body_is_long(x);
    if (x->stage == TN__HELD) {
        if (x->promised < 0 && !trailers && x->written <= TN_HTTPD_HELD) {
            x->promised = x->written;
        }
        tn__httpd_seal(x, x->promised);
    }
    if (x->stage == TN__LENGTH && x->written != x->promised) {
        return tn_fail(TN_EBROKEN, "answer", "less than was promised");
    }
    if (x->stage == TN__CHUNKED) {
        r = end_chunks(x);
    }
    if (r == 0) {
        x->stage = TN__OVER;
    }
    return r;
}

/* ---- something else than HTTP ---- */

int
tn_httpd_upgrade(tn_exchange *x, int status, tn_sock **sock, tn_str *early)
{
    struct tn__hconn *c = x->c;
    bool tunnel = status == 200 && x->req.method == TN_HTTP_CONNECT;
    int r;

    if ((status != 101 && !tunnel) || x->body != TN__BODY_END) {
        return tn_fail(-EINVAL, "upgrade", NULL);
    }
    if (x->stage != TN__FRESH) {
        return -EALREADY;
    }
    x->status = status;
    r = tn__httpd_head(x, 0);
    if (r < 0) {
        return r;
    }
    if (!tunnel) {
        memcpy(c->out + c->out_end, "Connection: Upgrade\r\n", 21);
        c->out_end += 21;
    }
    memcpy(c->out + c->out_end, "\r\n", 2);
    c->out_end += 2;
    x->stage = TN__OVER;
    x->gone = x->close = true;
    c->server->busy--; /* it may stay so for hours */
    r = tn__httpd_send(c);
    if (r < 0) {
        return r;
    }
    tn__spare_put(&c->server->outs, c->out);
    c->out = NULL;
    tn_settimeout(c->sock, c->server->o.idle_time);
    *sock = c->sock;
    *early = (tn_str){c->in + c->in_start, c->in_end - c->in_start};
    c->in_start = c->in_end;
    c->idle = true;
    if (c->server->draining) {
        tn_scope_cancel(&c->scope);
    }
    return 0;
}
