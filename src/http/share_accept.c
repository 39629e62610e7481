/*
 * share_accept.c - what a client would like to get: lists with weights.
 */
#include "http/share_pure.h"

#include <string.h>
#include <strings.h>

bool
tn__str_is(tn_str s, const char *text)
{
    return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static tn_str
trim(tn_str s)
{
    while (s.len > 0 && is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* Split off what stands before `mark`, outside of quoted strings. */
static tn_str
take_until(tn_str *s, char mark)
{
    bool quoted = false;
    size_t at = 0;
    for (; at < s->len && (quoted || s->at[at] != mark); at++) {
        if (s->at[at] == '"') {
            quoted = !quoted;
        } else if (quoted && s->at[at] == '\\' && at + 1 < s->len) {
            at++;
        }
    }
    tn_str head = {s->at, at};
    size_t used = at < s->len ? at + 1 : at;
    s->at += used;
    s->len -= used;
    return trim(head);
}

bool
tn__list_next(tn_str *list, tn_str *item)
{
    while (list->len > 0) {
        *item = take_until(list, ',');
        if (item->len > 0) {
            return true;
        }
    }
    return false;
}

/* "0", "0.5", "1.000" in thousandths; -1: no weight at all. */
static int
read_weight(tn_str s)
{
    static const int place[] = {100, 10, 1};
    if (s.len == 0 || s.len > 5 || (s.at[0] != '0' && s.at[0] != '1') ||
        (s.len > 1 && s.at[1] != '.')) {
        return -1;
    }
    int q = (s.at[0] - '0') * 1000;
    for (size_t i = 2; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return -1;
        }
        q += (s.at[i] - '0') * place[i - 2];
    }
    return q <= 1000 ? q : -1;
}

/* The q among an element's parameters. One that cannot be read counts as 0:
   better not to send what may not be wanted. */
static int
weight_of(tn_str params)
{
    while (params.len > 0) {
        tn_str param = take_until(&params, ';');
        tn_str name = take_until(&param, '=');
        if (tn__str_is(name, "q")) {
            int q = read_weight(trim(param));
            return q < 0 ? 0 : q;
        }
    }
    return 1000;
}

/* ---- codings ---- */

static int
coding_of(tn_str name)
{
    static const struct {
        const char *name;
        int coding;
    } table[] = {
        {"zstd", TN__ZSTD},         {"br", TN__BR},
        {"gzip", TN__GZIP},         {"x-gzip", TN__GZIP},
        {"identity", TN__IDENTITY},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (tn__str_is(name, table[i].name)) {
            return table[i].coding;
        }
    }
    return -1;
}

void
tn__accept_codings(struct tn__accept *a, const tn_http_field *fields, int count)
{
    int others = -1; /* what "*" says */
    for (int c = 0; c <= TN__IDENTITY; c++) {
        a->q[c] = -1;
    }
    for (int i = -1;
         (i = tn_http_find(fields, count, "Accept-Encoding", i + 1)) >= 0;) {
        tn_str list = fields[i].value;
        tn_str item;
        while (tn__list_next(&list, &item)) {
            tn_str name = take_until(&item, ';');
            int q = weight_of(item);
            int c = coding_of(name);
            if (c >= 0) {
                a->q[c] = q;
            } else if (tn__str_is(name, "*")) {
                others = q;
            }
        }
    }
    for (int c = 0; c < TN__CODINGS; c++) {
        a->q[c] = a->q[c] >= 0 ? a->q[c] : others > 0 ? others : 0;
    }
    if (a->q[TN__IDENTITY] < 0) { /* acceptable unless excluded */
        a->q[TN__IDENTITY] = others == 0 ? 0 : 1;
    }
}

/* ---- media types ---- */

/* How closely a range names a type: 3 exactly, 2 "text/ *", 1 all, 0 not. */
static int
closeness(tn_str range, const char *type)
{
    size_t major = strcspn(type, "/") + 1;
    if (tn__str_is(range, type)) {
        return 3;
    }
    if (tn__str_is(range, "*/*")) {
        return 1;
    }
    return range.len == major + 1 && range.at[major] == '*' &&
                   strncasecmp(range.at, type, major) == 0
               ? 2
               : 0;
}

int
tn__accept_type(const tn_http_field *fields, int count, const char *type)
{
    int best = 0;
    int q = 0;
    bool present = false;
    for (int i = -1; (i = tn_http_find(fields, count, "Accept", i + 1)) >= 0;) {
        tn_str list = fields[i].value;
        tn_str item;
        present = true;
        while (tn__list_next(&list, &item)) {
            int close = closeness(take_until(&item, ';'), type);
            if (close > best) {
                best = close;
                q = weight_of(item);
            }
        }
    }
    return present ? q : 1000;
}
