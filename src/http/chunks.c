/*
 * chunks.c - bodies in chunks, and the fields behind them (RFC 9112 section
 * 7.1).
 */
#include "http/http_int.h"

#include <string.h>

enum state {
    SIZE, /* before the first digit; a zeroed tn_http_chunks */
    DIGITS,
    EXT_NAME, /* behind ";" */
    EXT_NAME_MORE,
    EXT_VALUE, /* behind "=" */
    EXT_VALUE_MORE,
    QUOTED,
    QUOTED_PAIR,
    QUOTED_END,
    LINE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    LAST_LF,
    LAST,
    BROKEN,
};

/* What may follow a complete size or extension; BROKEN if `b` does not. */
static enum state
after_item(const tn_http_chunks *c, char b)
{
    if (b == ';') {
        return EXT_NAME;
    }
    if (b != '\r') {
        return BROKEN;
    }
    return c->left == 0 ? LAST_LF : LINE_LF;
}

static enum state
take_digit(tn_http_chunks *c, char b)
{
    if (!tn__http_is(TN__HEX, b)) {
        return c->state == SIZE ? BROKEN : after_item(c, b);
    }
    if (c->left > (uint64_t)INT64_MAX >> 4) {
        return BROKEN;
    }
    c->left = c->left << 4 | tn__http_hex(b);
    return DIGITS;
}

static enum state
take_quoted(const tn_http_chunks *c, char b)
{
    if (c->state == QUOTED_PAIR) {
        return tn__http_is(TN__TEXT, b) ? QUOTED : BROKEN;
    }
    if (c->state == QUOTED_END) {
        return after_item(c, b);
    }
    if (tn__http_is(TN__QTEXT, b)) {
        return QUOTED;
    }
    return b == '"' ? QUOTED_END : b == '\\' ? QUOTED_PAIR : BROKEN;
}

/* Extensions mean nothing to us; they are checked so that nothing can hide in
   them. The white space that RFC 9112 section 7.1.1 calls bad is refused. */
static enum state
take_extension(const tn_http_chunks *c, char b)
{
    bool token = tn__http_is(TN__TOKEN, b);
    switch (c->state) {
    case EXT_NAME:
        return token ? EXT_NAME_MORE : BROKEN;
    case EXT_NAME_MORE:
        return token ? EXT_NAME_MORE : b == '=' ? EXT_VALUE : after_item(c, b);
    case EXT_VALUE:
        return token ? EXT_VALUE_MORE : b == '"' ? QUOTED : BROKEN;
    case EXT_VALUE_MORE:
        return token ? EXT_VALUE_MORE : after_item(c, b);
    default:
        return take_quoted(c, b);
    }
}

/* One byte that is not data. */
static enum state
step(tn_http_chunks *c, char b)
{
    switch (c->state) {
    case SIZE:
    case DIGITS:
        return take_digit(c, b);
    case LINE_LF:
        c->line = 0;
        return b == '\n' ? DATA : BROKEN;
    case LAST_LF:
        c->line = 0;
        return b == '\n' ? LAST : BROKEN;
    case DATA_CR:
        return b == '\r' ? DATA_LF : BROKEN;
    case DATA_LF:
        c->line = 0;
        return b == '\n' ? SIZE : BROKEN;
    default:
        return take_extension(c, b);
    }
}

int
tn_http_dechunk(tn_http_chunks *c, const char *buf, size_t n, size_t *used,
                tn_str *data)
{
    size_t i = 0;
    *data = (tn_str){buf, 0};
    while (i < n && c->state != DATA && c->state < LAST) {
        bool line = c->state < LINE_LF;
        c->state = step(c, buf[i++]);
        if (line && ++c->line > TN_HTTP_CHUNK_LINE) {
            c->state = BROKEN;
        }
    }
    *used = i;
    if (c->state == BROKEN) {
        return tn_fail(TN_EHTTP, "read body:", "a chunk is broken");
    }
    if (c->state == DATA && i < n) {
        size_t len = n - i < c->left ? n - i : (size_t)c->left;
        *data = (tn_str){buf + i, len};
        *used = i + len;
        c->left -= len;
        c->state = c->left > 0 ? DATA : DATA_CR;
    }
    return c->state == LAST;
}

/* ---- trailers ---- */

/* RFC 9110 section 6.5.1: what frames, routes, authenticates, modifies the
   request or says how to read the content cannot come after it. In order of
   length. */
static bool
is_forbidden(tn_str name)
{
    static const char *const names[] = {
        "te",
        "age",
        "date",
        "host",
        "vary",
        "range",
        "cookie",
        "expect",
        "pragma",
        "expires",
        "trailer",
        "upgrade",
        "warning",
        "if-match",
        "if-range",
        "location",
        "connection",
        "keep-alive",
        "set-cookie",
        "retry-after",
        "content-type",
        "max-forwards",
        "authorization",
        "cache-control",
        "content-range",
        "if-none-match",
        "content-length",
        "www-authenticate",
        "content-encoding",
        "proxy-connection",
        "if-modified-since",
        "transfer-encoding",
        "proxy-authenticate",
        "authentication-info",
        "if-unmodified-since",
        "proxy-authorization",
        "proxy-authentication-info",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (tn__http_same(name, names[i], strlen(names[i]))) {
            return true;
        }
    }
    return false;
}

ssize_t
tn_http_parse_trailers(tn_http_field *fields, int cap, int *count,
                       const char *buf, size_t n)
{
    struct tn__http_head h = {buf, buf + n, 0, NULL};
    const char *at = tn__http_fields(&h, buf, fields, cap, count, NULL);
    if (h.status == TN__HTTP_MORE) {
        return 0;
    }
    for (int i = 0; at != NULL && i < *count; i++) {
        if (is_forbidden(fields[i].name)) {
            at = tn__http_stop(&h, TN__HTTP_BAD, "a trailer that is none");
        }
    }
    return at != NULL ? at - buf : tn_fail(TN_EHTTP, "read trailers:", h.why);
}
