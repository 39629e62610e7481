/*
 * share_form.c - multipart/form-data, cut into its parts while it comes.
 *
 * The delimiter is CR LF "--" boundary; what cannot be told from its beginning
 * yet is left for the next call, and nothing is copied. What stands before the
 * first delimiter and behind the last one is dropped, RFC 2046 section 5.1.1.
 */
#include "http/share_pure.h"

#include <string.h>
#include <strings.h>

enum state {
    AT_START, /* at the first byte: the delimiter may have no CR LF there */
    BEFORE,   /* in the preamble */
    BEHIND,   /* right behind a delimiter */
    IN_HEAD,
    IN_DATA,
    AT_END,
};

static bool
is_boundary_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || (c && strchr("'()+_,-./:=? ", c));
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The character at *at, which moves on by one more if it is coded. In quotes a
   backslash stands for itself unless it is before a quote or another one:
   browsers send the paths of Windows so. */
static char
next_char(const tn_str *s, size_t *at, bool quoted)
{
    char c = s->at[*at];
    bool coded = quoted && c == '\\' && *at + 1 < s->len &&
                 (s->at[*at + 1] == '"' || s->at[*at + 1] == '\\');
    return coded ? s->at[++*at] : c;
}

/* A parameter's value, plain or quoted, at the head of `s`, which moves behind
   it. Bytes of `dst`, or -1. */
static int
take_value(tn_str *s, char *dst, size_t cap)
{
    bool quoted = s->len > 0 && s->at[0] == '"';
    size_t at = quoted ? 1 : 0;
    size_t n = 0;
    for (; at < s->len; at++) {
        char c = s->at[at];
        if (quoted ? c == '"' : c == ';' || is_blank(c)) {
            break;
        }
        c = next_char(s, &at, quoted);
        if (n + 1 >= cap || c == '\0') {
            return -1;
        }
        dst[n++] = c;
    }
    if (quoted && at++ >= s->len) {
        return -1; /* the quote never ends */
    }
    dst[n] = '\0';
    s->at += at;
    s->len -= at;
    return (int)n;
}

static void
skip_blanks(tn_str *s)
{
    while (s->len > 0 && is_blank(s->at[0])) {
        s->at++;
        s->len--;
    }
}

/* The next "; name=value" of a field's value. 1; 0: no more; -1: broken. */
static int
next_param(tn_str *s, tn_str *name, char *value, size_t cap)
{
    skip_blanks(s);
    if (s->len == 0) {
        return 0;
    }
    if (s->at[0] != ';') {
        return -1;
    }
    s->at++;
    s->len--;
    skip_blanks(s);
    size_t n = 0;
    while (n < s->len && s->at[n] != '=' && s->at[n] != ';') {
        n++;
    }
    *name = (tn_str){s->at, n};
    s->at += n;
    s->len -= n;
    value[0] = '\0';
    if (s->len == 0 || s->at[0] != '=') {
        return 1;
    }
    s->at++;
    s->len--;
    return take_value(s, value, cap) < 0 ? -1 : 1;
}

/* Drop the value's first word, "form-data", and compare it. */
static bool
begins_with(tn_str *s, const char *word)
{
    size_t n = 0;
    while (n < s->len && s->at[n] != ';' && !is_blank(s->at[n])) {
        n++;
    }
    bool same = tn__str_is((tn_str){s->at, n}, word);
    s->at += n;
    s->len -= n;
    return same;
}

int
tn__form_init(struct tn__form *f, tn_str content_type)
{
    char value[TN_SHARE_BOUNDARY + 2];
    tn_str name;
    memset(f, 0, sizeof(*f));
    if (!content_type.at ||
        !begins_with(&content_type, "multipart/form-data")) {
        return -EINVAL;
    }
    int r;
    while ((r = next_param(&content_type, &name, value, sizeof(value))) > 0 &&
           !tn__str_is(name, "boundary")) {
    }
    size_t n = r > 0 ? strlen(value) : 0;
    if (n == 0 || n > TN_SHARE_BOUNDARY || value[n - 1] == ' ') {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_boundary_char(value[i])) {
            return -EINVAL;
        }
    }
    memcpy(f->mark, "\r\n--", 4);
    memcpy(f->mark + 4, value, n + 1);
    f->mark_len = n + 4;
    return 0;
}

/* ---- heads ---- */

/* What a file was called there, without the folders it was in. */
static void
last_component(char *dst, size_t cap, const char *name)
{
    const char *from = name;
    for (const char *p = name; *p; p++) {
        if (*p == '/' || *p == '\\') {
            from = p + 1;
        }
    }
    size_t n = strlen(from);
    n = n < cap ? n : cap - 1;
    memcpy(dst, from, n);
    dst[n] = '\0';
}

/* Browsers percent-code these three in names, and no others: HTML, "multipart
   form data encoding". */
static void
undo_browser(char *s)
{
    char *to = s;
    for (; *s; s++) {
        static const char *const codes[] = {"%22", "%0D", "%0A"};
        char c = *s;
        for (int i = 0; i < 3; i++) {
            if (strncasecmp(s, codes[i], 3) == 0) {
                c = "\"\r\n"[i];
                s += 2;
                break;
            }
        }
        *to++ = c;
    }
    *to = '\0';
}

static int
read_disposition(struct tn__form *f, tn_str value)
{
    char text[2 * TN_SHARE_FIELD];
    tn_str name;
    int r;
    if (!begins_with(&value, "form-data")) {
        return TN_EHTTP;
    }
    while ((r = next_param(&value, &name, text, sizeof(text))) > 0) {
        undo_browser(text);
        if (tn__str_is(name, "name")) {
            if (strlen(text) >= sizeof(f->name)) {
                return TN_ETOOBIG;
            }
            memcpy(f->name, text, strlen(text) + 1);
        } else if (tn__str_is(name, "filename")) {
            f->is_file = true;
            last_component(f->file, sizeof(f->file), text);
        }
    }
    return r < 0 ? TN_EHTTP : 0;
}

/* One line of a part's head, without its CR LF. */
static int
read_field(struct tn__form *f, tn_str line)
{
    const char *colon = memchr(line.at, ':', line.len);
    if (!colon || colon == line.at) {
        return TN_EHTTP;
    }
    tn_str name = {line.at, (size_t)(colon - line.at)};
    tn_str value = {colon + 1, line.len - name.len - 1};
    skip_blanks(&value);
    if (tn__str_is(name, "Content-Disposition")) {
        return read_disposition(f, value);
    }
    /* RFC 7578 section 4.7: senders must not; decoding it is not our job. */
    return tn__str_is(name, "Content-Transfer-Encoding") &&
                   !tn__str_is(value, "binary") && !tn__str_is(value, "8bit") &&
                   !tn__str_is(value, "7bit")
               ? TN_EHTTP
               : 0;
}

/* The head ends with an empty line; it may be that line alone. */
static int
read_head(struct tn__form *f, const char *buf, size_t n, size_t *used)
{
    size_t look = n < TN_SHARE_PART_HEAD ? n : TN_SHARE_PART_HEAD;
    const char *end = look >= 2 && memcmp(buf, "\r\n", 2) == 0
                          ? buf
                          : memmem(buf, look, "\r\n\r\n", 4);
    if (!end) {
        return look < TN_SHARE_PART_HEAD ? TN__FORM_MORE : TN_ETOOBIG;
    }
    if (++f->parts > TN_SHARE_PARTS) {
        return TN_ETOOBIG;
    }
    f->is_file = false;
    f->name[0] = f->file[0] = '\0';
    const char *at = buf;
    while (at < end) {
        size_t rest = (size_t)(end + 2 - at);
        const char *stop = memmem(at, rest, "\r\n", 2);
        size_t len = stop ? (size_t)(stop - at) : rest;
        int r = read_field(f, (tn_str){at, len});
        if (r < 0) {
            return r;
        }
        at += len + 2;
    }
    *used = (size_t)(end - buf) + (end == buf ? 2 : 4);
    f->state = IN_DATA;
    return TN__FORM_PART;
}

/* ---- delimiters ---- */

/* Behind a delimiter: "--" ends the form; white space and CR LF begin a part.
   Anything else: it was data that looked alike, which RFC 2046 forbids. */
static int
read_behind(struct tn__form *f, const char *buf, size_t n, size_t *used)
{
    size_t at = 0;
    if (n >= 2 && memcmp(buf, "--", 2) == 0) {
        *used = 2;
        f->state = AT_END;
        return TN__FORM_END;
    }
    while (at < n && is_blank(buf[at])) {
        at++;
    }
    if (at > TN_SHARE_PART_HEAD) {
        return TN_ETOOBIG;
    }
    if (n - at >= 2) {
        if (memcmp(buf + at, "\r\n", 2) != 0) {
            return TN_EHTTP;
        }
        *used = at + 2;
        f->state = IN_HEAD;
    } else if (n > at && buf[at] != '\r' && !(at == 0 && buf[0] == '-')) {
        return TN_EHTTP;
    }
    return TN__FORM_MORE;
}

/* Bytes of buf[0..n) that are not the beginning of a delimiter; `found`: one
   stands behind them, whole. */
static size_t
before_mark(const struct tn__form *f, const char *buf, size_t n, bool *found)
{
    const char *at = memmem(buf, n, f->mark, f->mark_len);
    *found = at != NULL;
    if (at) {
        return (size_t)(at - buf);
    }
    size_t from = n < f->mark_len ? 0 : n - f->mark_len + 1;
    for (; from < n; from++) {
        if (memcmp(buf + from, f->mark, n - from) == 0) {
            return from;
        }
    }
    return n;
}

static int
read_data(struct tn__form *f, const char *buf, size_t n, size_t *used,
          tn_str *data)
{
    bool found;
    size_t len = before_mark(f, buf, n, &found);
    if (len > 0) {
        *data = (tn_str){buf, len};
        *used = len;
        return f->state == IN_DATA ? TN__FORM_DATA : TN__FORM_MORE;
    }
    if (!found) {
        return TN__FORM_MORE;
    }
    *used = f->mark_len;
    bool part = f->state == IN_DATA;
    f->state = BEHIND;
    return part ? TN__FORM_DONE : TN__FORM_MORE;
}

/* The first delimiter has no CR LF before it if nothing else has. */
static int
read_start(struct tn__form *f, const char *buf, size_t n, size_t *used)
{
    size_t len = f->mark_len - 2;
    size_t look = n < len ? n : len;
    if (memcmp(buf, f->mark + 2, look) != 0) {
        f->state = BEFORE;
    } else if (look == len) {
        *used = len;
        f->state = BEHIND;
    }
    return TN__FORM_MORE;
}

static int
step(struct tn__form *f, const char *buf, size_t n, size_t *used, tn_str *data)
{
    switch ((enum state)f->state) {
    case AT_START:
        return read_start(f, buf, n, used);
    case BEHIND:
        return read_behind(f, buf, n, used);
    case IN_HEAD:
        return read_head(f, buf, n, used);
    case BEFORE:
    case IN_DATA:
        return read_data(f, buf, n, used, data);
    case AT_END:
        break;
    }
    return TN__FORM_END;
}

int
tn__form_step(struct tn__form *f, const char *buf, size_t n, size_t *used,
              tn_str *data)
{
    size_t total = 0;
    int event = TN__FORM_MORE;
    int before;
    *data = (tn_str){NULL, 0};
    /* Steps that only change the state, or drop bytes, are of no interest. */
    do {
        size_t now = 0;
        before = f->state;
        if (total == n) {
            break;
        }
        event = step(f, buf + total, n - total, &now, data);
        total += now;
        if (now == 0 && f->state == before) {
            break;
        }
    } while (event == TN__FORM_MORE);
    *used = total;
    return total == n && f->state == AT_END ? TN__FORM_END : event;
}
