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
};

struct view {
    tn_sock *out;
    bool json, colour;
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

/* jansson has set it out; colours go between. No recursion: depth is theirs
   to bound (2048). */
static int
show_painted(struct view *v, const char *text, const struct paint *p)
{
    int err = 0;
    while (*text && err == 0) {
        size_t n;
        if (*text == '"') {
            n = string_end(text);
            err = show_string(v, text[n] == ':' ? p->key : p->text, p, text, n);
        } else if (strchr("-0123456789", *text)) {
            n = strspn(text, "-+.eE0123456789");
            err = show_string(v, p->number, p, text, n);
        } else if (strchr("tfn", *text)) {
            n = strspn(text, "truefalsn");
            err = show_string(v, p->word, p, text, n);
        } else {
            n = strcspn(text, "\"-0123456789tfn");
            err = put(v, text, n);
        }
        text += n;
    }
    return err < 0 ? err : put(v, "\n", 1);
}

static int
show_json(struct view *v)
{
    json_error_t error;
    json_t *root = json_loadb(v->all, v->all_len,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    char *text =
        root ? json_dumps(root, JSON_INDENT(VIEW_INDENT) | JSON_ENCODE_ANY |
                                    JSON_REAL_PRECISION(17))
             : NULL;
    int err = text ? show_painted(v, text, v->colour ? &colours : &plain)
                   : show_text(v, v->all, v->all_len);
    free(text);
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

int
view_write(struct view *v, const char *buf, size_t n)
{
    if (!v->looked && n > 0 && !is_text(buf, n)) {
        return tn_fail(-EILSEQ, "show on a terminal what is no text",
                       "(use -o FILE)");
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
