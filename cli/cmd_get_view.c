/*
 * A body on a terminal: text without what could harm it, JSON set out and in
 * colour; what is no text is not shown.
 */
#include <tenon/err.h>
#include <tenon/sock.h>
#include <tenon/text.h>

#include "cmd_get_int.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    VIEW_JSON_MAX = 4 << 20, /* longer ones are shown as they come */
    VIEW_LINE = 8192,        /* a longer line comes in parts */
    VIEW_INDENT = 4,
    VIEW_DEEP = 32, /* deeper is not further to the right */
};

struct view {
    tn_sock *out;
    bool json, colour;
    bool empty;  /* the bracket that was opened is closed at once */
    bool looked; /* its first bytes have shown that it is text */
    char *all;   /* JSON, until all of it is here */
    size_t all_len;
    char line[VIEW_LINE];
    size_t n;
    char clean[3 * VIEW_LINE + 2];
};

struct view *
view_new(tn_sock *out, bool json, bool colour)
{
    struct view *v = calloc(1, sizeof(*v));
    if (v) {
        v->out = out;
        v->json = json;
        v->colour = colour;
    }
    return v;
}

/* ---- text ---- */

static int
put(struct view *v, const char *at, size_t n)
{
    ssize_t r = n > 0 ? tn_sendall(v->out, at, n, NULL) : 0;
    return r < 0 ? (int)r : 0;
}

/* Tabs are kept, between them it is cleaned. */
static int
show_line(struct view *v, const char *at, size_t n, bool ended)
{
    size_t len = 0;
    while (n > 0) {
        size_t part = 0;
        while (part < n && at[part] != '\t') {
            part++;
        }
        len +=
            tn_text_clean(v->clean + len, sizeof(v->clean) - 1 - len, at, part);
        if (part < n) {
            v->clean[len++] = '\t';
            part++;
        }
        at += part;
        n -= part;
    }
    if (ended) {
        v->clean[len++] = '\n';
    }
    return put(v, v->clean, len);
}

/* A character that is not all here yet waits for its rest. */
static int
show_part(struct view *v)
{
    size_t keep = 0;
    while (keep < 4 && keep < v->n &&
           ((unsigned char)v->line[v->n - 1 - keep] & 0xc0) == 0x80) {
        keep++;
    }
    keep += keep < v->n && (unsigned char)v->line[v->n - 1 - keep] >= 0xc0;
    keep = keep > 4 ? 0 : keep;
    int err = show_line(v, v->line, v->n - keep, false);
    memmove(v->line, v->line + v->n - keep, keep);
    v->n = keep;
    return err;
}

static int
show_text(struct view *v, const char *buf, size_t n)
{
    int err = 0;
    for (size_t i = 0; i < n && err == 0; i++) {
        if (buf[i] == '\n') {
            size_t len = v->n;
            v->n = 0;
            err = show_line(v, v->line, len, true);
            continue;
        }
        v->line[v->n++] = buf[i];
        if (v->n == VIEW_LINE) {
            err = show_part(v);
        }
    }
    /* Whoever sends slowly, or without line ends, is seen at once. */
    return err < 0 || v->n == 0 ? err : show_part(v);
}

static int
keep(struct view *v, const char *buf, size_t n)
{
    char *more = realloc(v->all, v->all_len + n);
    if (!more) {
        return tn_fail(-ENOMEM, "show", NULL);
    }
    v->all = more;
    memcpy(v->all + v->all_len, buf, n);
    v->all_len += n;
    return 0;
}

/* ---- JSON ---- */

struct paint {
    const char *key, *text, *number, *word, *off;
};

static const struct paint colours = {"\x1b[34;1m", "\x1b[32m", "\x1b[36m",
                                     "\x1b[35m", "\x1b[0m"};
static const struct paint plain = {"", "", "", "", ""};

static int
show_string(struct view *v, const char *colour, const struct paint *p,
            const char *at, size_t n)
{
    int err = put(v, colour, strlen(colour));
    if (err == 0) {
        err = show_line(v, at, n, false);
    }
    return err < 0 ? err : put(v, p->off, strlen(p->off));
}

/* The end of a string that begins at text[0]. */
static size_t
string_end(const char *text)
{
    size_t n = 1;
    while (text[n] && text[n] != '"') {
        n += text[n] == '\\' && text[n + 1] ? 2 : 1;
    }
    return n + (text[n] == '"');
}

/* A line of its own, so far to the right. */
static int
put_gap(struct view *v, int depth)
{
    char gap[1 + VIEW_INDENT * VIEW_DEEP];
    int deep = depth < VIEW_DEEP ? depth : VIEW_DEEP;
    memset(gap, ' ', sizeof(gap));
    gap[0] = '\n';
    return put(v, gap, 1 + (size_t)(deep * VIEW_INDENT));
}

static int
show_closing(struct view *v, const char *text, int *depth)
{
    bool empty = v->empty;
    v->empty = false;
    *depth -= !empty;
    int err = empty ? 0 : put_gap(v, *depth);
    return err < 0 ? err : put(v, text, 1);
}

/* What comes between two words: each member on a line of its own. */
static int
show_mark(struct view *v, const char *text, int *depth)
{
    const char *next = text + 1 + strspn(text + 1, " \t\r\n");
    if (*text == '}' || *text == ']') {
        return show_closing(v, text, depth);
    }
    if (*text == ':') {
        return put(v, ": ", 2);
    }
    if (*text != ',') {
        v->empty = *next == '}' || *next == ']';
        *depth += !v->empty;
    }
    int err = put(v, text, 1);
    return err < 0 || v->empty ? err : put_gap(v, *depth);
}

/* Words stay as they were written: a number keeps its digits. Known to be
   JSON; without recursion, as strangers choose the depth. */
static int
show_painted(struct view *v, const char *text, const struct paint *p)
{
    int depth = 0;
    int err = 0;
    while (*text && err == 0) {
        size_t n = strspn(text, " \t\r\n");
        text += n;
        n = 1;
        if (*text == '"') {
            n = string_end(text);
            const char *next = text + n + strspn(text + n, " \t\r\n");
            err = show_string(v, *next == ':' ? p->key : p->text, p, text, n);
        } else if (*text && strchr("-0123456789", *text)) {
            n = strspn(text, "-+.eE0123456789");
            err = show_string(v, p->number, p, text, n);
        } else if (*text && strchr("tfn", *text)) {
            n = strspn(text, "truefalsn");
            err = show_string(v, p->word, p, text, n);
        } else if (*text) {
            err = show_mark(v, text, &depth);
        } else {
            n = 0;
        }
        text += n;
    }
    return err < 0 ? err : put(v, "\n", 1);
}

static int
show_json(struct view *v)
{
    json_error_t error;
    json_t *root = json_loadb(v->all, v->all_len, JSON_DECODE_ANY, &error);
    int err = keep(v, "", 1);
    if (err == 0 && root) {
        err = show_painted(v, v->all, v->colour ? &colours : &plain);
    } else if (err == 0) {
        err = show_text(v, v->all, v->all_len - 1);
    }
    json_decref(root);
    return err;
}

/* ---- both ---- */

/* A NUL is in no text; nor are many bytes that begin no character. */
static bool
is_text(const char *buf, size_t n)
{
    return memchr(buf, '\0', n) == NULL;
}

int
view_write(struct view *v, const char *buf, size_t n)
{
    if (!v->looked && n > 0 && !is_text(buf, n)) {
        return tn_fail(-ENOTSUP, "what is no text, on a terminal",
                       "(-o FILE keeps it)");
    }
    v->looked = true;
    if (v->json && v->all_len + n <= VIEW_JSON_MAX) {
        return keep(v, buf, n);
    }
    if (v->json) {
        v->json = false;
        int err = show_text(v, v->all, v->all_len);
        if (err < 0) {
            return err;
        }
    }
    return show_text(v, buf, n);
}

int
view_end(struct view *v)
{
    int err = 0;
    if (v->json && v->all_len > 0) {
        err = show_json(v);
    }
    if (err == 0 && v->n > 0) {
        err = show_line(v, v->line, v->n, false);
    }
    free(v->all);
    free(v);
    return err;
}
