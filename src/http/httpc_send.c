/*
 * httpc_send.c - a request on its way: its head, its body, and an eye on the
 * answer, which may come before the body's end.
 */
#include <tenon/task.h>

#include "http/httpc_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the caller gave ---- */

/* The library frames the message; two who do it disagree one day. */
static const char *const framing[] = {
    "Content-Length", "Transfer-Encoding", "Trailer", "Expect", NULL,
};

static int
bad(const char *what, tn_str name)
{
    char text[64];

    tn_text_clean(text, sizeof(text), name.at ? name.at : "", name.len);
    return tn_fail(-EINVAL, what, text);
}

static int
check_field(const tn_http_field *field)
{
    if (!tn__is_token(field->name.at, field->name.len)) {
        return bad("the name of a field:", field->name);
    }
    if (!tn__is_value(field->value)) {
        return bad("the value of the field", field->name);
    }
    for (int i = 0; framing[i]; i++) {
        if (field->value.at && tn__same_word(field->name, framing[i])) {
            return bad("the library's own field", field->name);
        }
    }
    return 0;
}

int
tn__send_check(const tn_httpc_request *req)
{
    const char *method = req->method;
    int r = 0;

    if (method && (!tn__is_token(method, strlen(method)) ||
                   strcmp(method, "CONNECT") == 0)) {
        return bad("the method", (tn_str){method, strlen(method)});
    }
    if (req->length < (req->source ? -1 : 0)) {
        return tn_fail(-EINVAL, "the body's length", NULL);
    }
    for (int i = 0; i < req->field_count && r == 0; i++) {
        r = check_field(&req->fields[i]);
    }
    return r;
}

/* ---- the head ---- */

static bool
is_given(const tn_httpc_request *req, const char *name)
{
    return tn_http_find(req->fields, req->field_count, name, 0) >= 0;
}

static void
put(struct tn__text *head, const char *name, const char *value)
{
    tn__text_puts(head, name);
    tn__text_puts(head, ": ");
    tn__text_puts(head, value);
    tn__text_puts(head, "\r\n");
}

static void
put_basic(struct tn__text *head, const char *name, const char *basic)
{
    tn__text_puts(head, name);
    tn__text_puts(head, ": Basic ");
    tn__text_puts(head, basic);
    tn__text_puts(head, "\r\n");
}

/* One of the usual, unless the caller has his own idea of it. */
static void
put_usual(struct tn__try *t, const char *name, const char *value)
{
    if (!is_given(t->req, name)) {
        put(&t->head, name, value);
    }
}

/* RFC 9112 section 3.2: the path, or all of it where a proxy reads it. Bytes
   beyond ASCII go coded, as no server is bound to take them. */
static void
put_target(tn_fetch *f, struct tn__try *t)
{
    const tn_url *u = &f->to.parts;
    struct tn__text *head = &t->head;
    char code[4];

    if (!f->to.secure && f->to.proxy && f->to.proxy->kind == TN__PROXY_HTTP) {
        tn__text_puts(head, "http://");
        tn__text_puts(head, f->to.authority);
    }
    if (u->path.len == 0) {
        tn__text_puts(head, "/");
    }
    for (int part = 0; part < 2; part++) {
        tn_str s = part == 0 ? u->path : u->query;

        if (part == 1 && s.at) {
            tn__text_puts(head, "?");
        }
        for (size_t i = 0; s.at && i < s.len; i++) {
            unsigned char c = (unsigned char)s.at[i];

            if (c > 0x20 && c < 0x7f) {
                tn__text_put(head, s.at + i, 1);
            } else {
                snprintf(code, sizeof(code), "%%%02X", c);
                tn__text_put(head, code, 3);
            }
        }
    }
}

/* What says who we are stays with the origin it was given for. */
static bool
is_secret(tn_str name)
{
    return tn__same_word(name, "Authorization") ||
           tn__same_word(name, "Cookie") ||
           tn__same_word(name, "Proxy-Authorization");
}

/* Without the body its description goes as well. */
static bool
is_of_body(tn_str name)
{
    return name.len > 8 && tn__same_word((tn_str){name.at, 8}, "Content-");
}

static void
put_fields(struct tn__try *t)
{
    for (int i = 0; i < t->req->field_count; i++) {
        const tn_http_field *field = &t->req->fields[i];
        bool had_body = t->req->body || t->req->source;

        if (!field->value.at || (t->stranger && is_secret(field->name)) ||
            (t->elsewhere && tn__same_word(field->name, "Host")) ||
            (had_body && !t->body && is_of_body(field->name))) {
            continue;
        }
        tn__text_put(&t->head, field->name.at, field->name.len);
        tn__text_puts(&t->head, ": ");
        tn__text_put(&t->head, field->value.at, field->value.len);
        tn__text_puts(&t->head, "\r\n");
    }
}

static void
put_length(struct tn__try *t)
{
    char text[24];
    bool wants = strcmp(t->method, "POST") == 0 ||
                 strcmp(t->method, "PUT") == 0 ||
                 strcmp(t->method, "PATCH") == 0;

    if (t->body && t->req->length < 0) {
        put(&t->head, "Transfer-Encoding", "chunked");
    } else if (t->body || wants) {
        snprintf(text, sizeof(text), "%" PRId64, t->body ? t->req->length : 0);
        put(&t->head, "Content-Length", text);
    }
    if (t->body && t->expect) {
        put(&t->head, "Expect", "100-continue");
    }
}

static int
make_head(tn_fetch *f, struct tn__try *t)
{
    const struct tn__proxy *p = f->to.proxy;
    struct tn__text *head = &t->head;

    head->len = 0;
    tn__text_puts(head, t->method);
    tn__text_puts(head, " ");
    put_target(f, t);
    tn__text_puts(head, " HTTP/1.1\r\n");
    if (t->elsewhere) { /* the caller's Host was the first one's */
        put(head, "Host", f->to.authority);
    } else {
        put_usual(t, "Host", f->to.authority);
    }
    if (p && p->kind == TN__PROXY_HTTP && p->basic[0] && !f->to.secure) {
        put_basic(head, "Proxy-Authorization", p->basic);
    }
    if (t->basic[0] && !t->stranger && !is_given(t->req, "Authorization")) {
        put_basic(head, "Authorization", t->basic);
    }
    if (f->c->agent[0]) {
        put_usual(t, "User-Agent", f->c->agent);
    }
    put_usual(t, "Accept", "*/*");
    put_length(t);
    put_fields(t);
    tn__text_puts(head, "\r\n");
    return head->error < 0 ? tn_fail(head->error, "the request to", f->to.place)
                           : 0;
}

/* ---- sending, with an eye on the answer ---- */

/* Has the final answer come, or the end of the stream? 1 if so: then there is
   no use in going on. */
static int
answered(tn_fetch *f, struct tn__try *t)
{
    bool proceed = false;
    ssize_t n = tn__conn_poll(f);
    int r;

    if (n == -EAGAIN) {
        return 0;
    }
    if (n <= 0) {
        return 1; /* the reader of the head will tell */
    }
    r = tn__head_look(f, t, &proceed);
    t->known = r > 0;
    return r;
}

/* 0 all of it went; 1 the answer was first; a code. */
static int
push(tn_fetch *f, struct tn__try *t, const char *at, size_t n)
{
    int64_t until = tn__deadline(tn_now(), f->c->idle_time);
    int r = 0;

    while (n > 0 && r == 0) {
        int64_t look = tn_now() + TN_HTTPC_LOOK;
        ssize_t sent;

        r = tn__conn_until(f, look < until ? look : until);
        sent = r < 0 ? r : tn_send(f->conn->sock, at, n, 0);
        if (sent > 0) {
            at += sent;
            n -= (size_t)sent;
            until = tn__deadline(tn_now(), f->c->idle_time);
            r = 0;
        } else if (sent == -ETIME && tn_now() < until &&
                   tn_now() < f->deadline) {
            r = answered(f, t);
        } else {
            r = (int)sent;
        }
    }
    return r == -ETIME ? tn_fail(r, "send the request to", f->to.place) : r;
}

/* Wait a while for "100 Continue"; RFC 9110 section 10.1.1 lets nobody wait
   for ever. 1: the final answer is here, or the end. */
static int
ask(tn_fetch *f, struct tn__try *t)
{
    int64_t until = tn_now() + TN_HTTPC_EXPECT;
    bool proceed = false;
    int r = 0;

    while (r == 0 && !proceed) {
        ssize_t n = tn__conn_fill(f, until);

        if (n == -ETIME) {
            return tn_now() < f->deadline ? 0 : (int)n;
        }
        if (n <= 0) {
            return 1;
        }
        r = tn__head_look(f, t, &proceed);
        t->known = r > 0;
    }
    return r;
}

/* ---- the body ---- */

enum {
    CHUNK_FRONT = 12, /* bytes of "7fffffff\r\n" and some */
    CHUNK_BACK = 2,
};

/* Put the chunk's size before and its end behind the `n` bytes at `data`, which
   has room on both sides; returns where it begins now. */
static char *
wrap_chunk(char *data, size_t *n)
{
    char line[CHUNK_FRONT + 1];
    size_t len = (size_t)snprintf(line, sizeof(line), "%zx\r\n", *n);

    memcpy(data - len, line, len);
    memcpy(data + *n, "\r\n", 2);
    *n += len + 2;
    return data - len;
}

/* Ask the source for at most what is still wanted. */
static ssize_t
pull(struct tn__try *t, char *data, int64_t left)
{
    size_t cap = TN_HTTPC_PIECE;

    if (left >= 0 && (uint64_t)left < cap) {
        cap = (size_t)left;
    }
    t->streamed = true;
    return t->req->source(t->req->source_arg, data, cap);
}

static int
stream_piece(tn_fetch *f, struct tn__try *t, char *data, int64_t *left)
{
    bool chunked = *left < 0;
    ssize_t n = pull(t, data, *left);
    size_t len = n > 0 ? (size_t)n : 0;
    int r;

    if (n < 0) {
        return (int)n;
    }
    if (n == 0 && !chunked) {
        return tn_fail(TN_ETRUNCATED, "the body to send to", f->to.place);
    }
    if (n == 0) {
        *left = 0;
        return push(f, t, "0\r\n\r\n", 5);
    }
    r = answered(f, t);
    if (r == 0) {
        char *at = chunked ? wrap_chunk(data, &len) : data;

        r = push(f, t, at, len);
    }
    *left -= chunked ? 0 : n;
    return r;
}

static int
send_stream(tn_fetch *f, struct tn__try *t)
{
    char *buf = malloc(CHUNK_FRONT + TN_HTTPC_PIECE + CHUNK_BACK);
    int64_t left = t->req->length;
    int r = buf ? 0 : tn_fail(-ENOMEM, "send to", f->to.place);

    while (r == 0 && left != 0) {
        r = stream_piece(f, t, buf + CHUNK_FRONT, &left);
    }
    free(buf);
    return r;
}

static int
send_body(tn_fetch *f, struct tn__try *t)
{
    const char *at = t->req->body;
    size_t left = (size_t)t->req->length;
    int r = 0;

    if (t->req->source) {
        return send_stream(f, t);
    }
    while (r == 0 && left > 0) {
        size_t n = left < TN_HTTPC_PIECE ? left : TN_HTTPC_PIECE;

        r = push(f, t, at, n);
        at += n;
        left -= n;
        if (r == 0 && left > 0) {
            r = answered(f, t);
        }
    }
    return r;
}

/* A short body goes with the head in one packet. */
static int
join_body(struct tn__try *t, bool *joined)
{
    size_t n = (size_t)t->req->length;

    *joined = t->body && !t->req->source && !t->expect && n <= TN_HTTPC_PIECE &&
              t->head.len + n <= TN_HTTPC_REQUEST_MAX;
    if (*joined) {
        tn__text_put(&t->head, t->req->body, n);
    }
    return t->head.error;
}

/* The peer took no more, but perhaps it has said why before it left: read
   that. Only if it said nothing, our own failure counts. */
static bool
was_refused(int r)
{
    return r == -EPIPE || r == -ECONNRESET || r == TN_ECUT;
}

int
tn__send(tn_fetch *f, struct tn__try *t)
{
    bool joined;
    size_t head;
    int r = make_head(f, t);

    t->known = t->unfinished = false;
    t->seen = 0;
    t->interim = 0;
    if (r < 0) {
        return r;
    }
    head = t->head.len;
    r = join_body(t, &joined);
    if (r == 0) {
        tn__trace(f->c, TN_HTTPC_SENT, t->head.at, head, f->conn->sock);
        r = push(f, t, t->head.at, t->head.len);
    }
    if (r == 0 && t->body && t->expect) {
        r = ask(f, t);
    }
    if (r == 0 && t->body && !joined) {
        r = send_body(f, t);
    }
    if (r > 0 || was_refused(r)) {
        t->unfinished = true;
        r = 0;
    }
    f->timing.sent = tn_now() - f->start;
    return r;
}
