/*
 * httpd_head.c - the head of an answer.
 *
 * Status and fields are collected in the exchange and written to the output
 * with the first byte of the body. The framing follows when it is known: what
 * ends below TN_HTTPD_HELD bytes gets a Content-Length.
 */
#include "http/http_int.h"
#include "http/httpd_int.h"

#include <string.h>

/* Bytes of a name; 0 if it is none. */
static size_t
name_len(const char *name)
{
    size_t n = 0;

    while (tn__http_is(TN__TOKEN, name[n])) {
        n++;
    }
    return name[n] ? 0 : n;
}

/* What could end the field, or the head, has no place in a value. */
static bool
is_value(const char *value)
{
    while (tn__http_is(TN__TEXT, *value)) {
        value++;
    }
    return *value == '\0';
}

/* The server's own affair. */
static bool
is_ours(const char *name, size_t n)
{
    static const tn_str names[] = {
        {"Date", 4},
        {"Connection", 10},
        {"Keep-Alive", 10},
        {"Content-Length", 14},
        {"Transfer-Encoding", 17},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (n == names[i].len && strcasecmp(name, names[i].at) == 0) {
            return true;
        }
    }
    return false;
}

/* Append "name: value\r\n" at `at` of x->text, moving what lies behind. */
static int
add(tn_exchange *x, size_t at, const char *name, const char *value)
{
    size_t n = strlen(name), v = strlen(value);
    size_t all = x->fields_len + x->trailers_len;
    char *p = x->text + at;

    if (n + v + 4 > sizeof(x->text) - all || v > sizeof(x->text)) {
        return tn_fail(-ENOBUFS, "add field", name);
    }
    memmove(p + n + v + 4, p, all - at);
    p = tn__httpd_copy(p, name, n);
    p = tn__httpd_copy(p, ": ", 2);
    p = tn__httpd_copy(p, value, v);
    tn__httpd_copy(p, "\r\n", 2);
    return (int)(n + v + 4);
}

int
tn__httpd_put(tn_exchange *x, const char *name, const char *value)
{
    int n = add(x, x->fields_len, name, value);

    if (n < 0) {
        return n;
    }
    x->fields_len += (size_t)n;
    return 0;
}

int
tn_httpd_field(tn_exchange *x, const char *name, const char *value)
{
    size_t n = name_len(name);

    if (n == 0 || is_ours(name, n) || !is_value(value)) {
        return tn_fail(-EINVAL, "add field", name);
    }
    if (x->stage != TN__FRESH) {
        return -EALREADY;
    }
    if (n == 7 && strcasecmp(name, "Upgrade") == 0) {
        x->has_upgrade = true;
    }
    return tn__httpd_put(x, name, value);
}

int
tn_httpd_trailer(tn_exchange *x, const char *name, const char *value)
{
    size_t len = name_len(name);
    int n;

    if (len == 0 || is_ours(name, len) || !is_value(value) ||
        x->promised >= 0 || x->stage == TN__LENGTH || x->stage == TN__OVER) {
        return tn_fail(-EINVAL, "add trailer", name);
    }
    n = add(x, x->fields_len + x->trailers_len, name, value);
    if (n < 0) {
        return n;
    }
    x->trailers_len += (size_t)n;
    return 0;
}

int
tn_httpd_status(tn_exchange *x, int status)
{
    if (status < 200 || status > 599) {
        return tn_fail(-EINVAL, "answer", "status");
    }
    if (x->stage != TN__FRESH) {
        return -EALREADY;
    }
    x->status = status;
    return 0;
}

int
tn_httpd_length(tn_exchange *x, int64_t n)
{
    if (n < 0) {
        return tn_fail(-EINVAL, "answer", "length");
    }
    if (x->stage != TN__FRESH) {
        return -EALREADY;
    }
    x->promised = n;
    return 0;
}

/* ---- writing it ---- */

static char *
put_text(char *p, const char *text)
{
    return tn__httpd_copy(p, text, strlen(text));
}

static char *
put_status(char *p, int status)
{
    if (TN_LIKELY(status == 200)) {
        return tn__httpd_copy(p, "HTTP/1.1 200 OK\r\n", 17);
    }
    p = tn__httpd_copy(p, "HTTP/1.1 ", 9);
    p = tn__httpd_number(p, (uint64_t)status);
    *p++ = ' ';
    p = put_text(p, tn_http_reason(status));
    return tn__httpd_copy(p, "\r\n", 2);
}

enum {
    /* More than the status line, the date and the framing take together. */
    HEAD_MARGIN = 384,
};

int
tn__httpd_head(tn_exchange *x, size_t room)
{
    struct tn__httpd *server = x->c->server;
    const char *name = server->o.server;
    size_t name_size = name ? strlen(name) + 10 : 0;
    char *p;
    int r;

    r = tn__httpd_room(x->c, HEAD_MARGIN + name_size + x->fields_len + room);
    if (r < 0) {
        return r;
    }
    /* Who answers unasked for a body that waits for a sign will never know
       whether it comes; and who has read nothing of a long body by now is not
       going to. */
    x->close = x->close || x->may_expect || !x->req.keep_alive ||
               server->draining ||
               (tn__httpd_body_is_long(x) && x->body_left == x->req.length);
    x->may_expect = false;
    x->no_body = x->no_body || x->status == 204 || x->status == 304;
    x->begin = x->c->out_end;
    tn__httpd_date(server);
    p = put_status(x->c->out + x->c->out_end, x->status);
    p = tn__httpd_copy(p, server->date, server->date_len);
    if (name) {
        p = put_text(p, "Server: ");
        p = tn__httpd_copy(p, name, name_size - 10);
        p = tn__httpd_copy(p, "\r\n", 2);
    }
    p = tn__httpd_copy(p, x->text, x->fields_len);
    x->c->out_end = (size_t)(p - x->c->out);
    x->mark = x->c->out_end;
    /* The trailers have the text for themselves now. */
    memmove(x->text, x->text + x->fields_len, x->trailers_len);
    x->fields_len = 0;
    x->stage = TN__HELD;
    return 0;
}

static char *
put_connection(char *p, const tn_exchange *x)
{
    if (x->has_upgrade) {
        return put_text(p, x->close ? "Connection: close, Upgrade\r\n"
                                    : "Connection: Upgrade\r\n");
    }
    if (x->close) {
        return tn__httpd_copy(p, "Connection: close\r\n", 19);
    }
    if (x->req.minor == 0) {
        return put_text(p, "Connection: keep-alive\r\n");
    }
    return p;
}

/* The fields that tell where the body ends, and the head's last line. */
static char *
put_framing(char *p, const tn_exchange *x, int64_t length)
{
    bool none = x->status == 204 || (x->status == 304 && x->promised <= 0);

    if (none || x->stage == TN__CLOSE) {
        return tn__httpd_copy(p, "\r\n", 2);
    }
    if (x->stage == TN__CHUNKED) {
        return put_text(p, "Transfer-Encoding: chunked\r\n\r\n");
    }
    p = tn__httpd_copy(p, "Content-Length: ", 16);
    p = tn__httpd_number(p, (uint64_t)length);
    return tn__httpd_copy(p, "\r\n\r\n", 4);
}

void
tn__httpd_seal(tn_exchange *x, int64_t length)
{
    struct tn__hconn *c = x->c;
    size_t body = c->out_end - x->mark;
    char text[128];
    char *p = text;

    x->stage = TN__LENGTH;
    if (length < 0) {
        x->stage = x->req.minor > 0 ? TN__CHUNKED : TN__CLOSE;
        x->close = x->close || (x->stage == TN__CLOSE && !x->no_body);
    }
    p = put_connection(p, x);
    p = put_framing(p, x, length);
    x->stage = x->no_body ? TN__NOTHING : x->stage;
    if (x->stage == TN__CHUNKED && body > 0) { /* its first chunk's line */
        p += 6;
    }
    if (body > 0) {
        memmove(c->out + x->mark + (p - text), c->out + x->mark, body);
    }
    memcpy(c->out + x->mark, text, (size_t)(p - text));
    c->out_end += (size_t)(p - text);
    x->mark = x->stage == TN__CHUNKED && body > 0 ? c->out_end - body - 6
                                                  : TN__NO_CHUNK;
}

void
tn__httpd_reset(tn_exchange *x)
{
    if (x->stage != TN__FRESH) {
        x->c->out_end = x->begin;
    }
    x->stage = TN__FRESH;
    x->status = 200;
    x->promised = -1;
    x->written = 0;
    x->mark = x->fields_len = x->trailers_len = 0;
    x->has_upgrade = false;
    x->no_body = x->req.method == TN_HTTP_HEAD;
}
