/*
 * share_cond.c - may this request go on, given what the client has already?
 *
 * The order is that of RFC 9110 section 13.2.2: If-Match, else
 * If-Unmodified-Since, then If-None-Match, else If-Modified-Since; If-Range is
 * asked by itself.
 */
#include "http/share_pure.h"

#include <string.h>

/* One entity tag at the head of `s`: its length with W/ and quotes; 0: none. */
static size_t
tag_length(tn_str s)
{
    size_t at = s.len >= 2 && memcmp(s.at, "W/", 2) == 0 ? 2 : 0;
    if (at >= s.len || s.at[at] != '"') {
        return 0;
    }
    for (at++; at < s.len; at++) {
        unsigned char c = (unsigned char)s.at[at];
        if (c == '"') {
            return at + 1;
        }
        if (c < 0x21 || c == 0x7f) {
            return 0;
        }
    }
    return 0;
}

static tn_str
opaque(tn_str tag)
{
    if (tag.len >= 2 && memcmp(tag.at, "W/", 2) == 0) {
        return (tn_str){tag.at + 2, tag.len - 2};
    }
    return tag;
}

/* RFC 9110 section 8.8.3.2. */
static bool
same_tag(tn_str a, tn_str b, bool weakly)
{
    tn_str x = opaque(a);
    tn_str y = opaque(b);
    bool strong = x.len == a.len && y.len == b.len;
    return (weakly || strong) && x.len == y.len &&
           memcmp(x.at, y.at, x.len) == 0;
}

static void
skip(tn_str *s, const char *what)
{
    while (s->len > 0 && strchr(what, s->at[0]) && s->at[0] != '\0') {
        s->at++;
        s->len--;
    }
}

bool
tn__cond_names(tn_str list, const char *etag, bool weakly)
{
    tn_str mine = {etag, etag ? strlen(etag) : 0};
    bool found = false;
    if (list.len == 1 && list.at[0] == '*') {
        return etag != NULL;
    }
    skip(&list, " \t,");
    while (list.len > 0) {
        size_t n = tag_length(list);
        if (n == 0) {
            return false;
        }
        tn_str tag = {list.at, n};
        found = found || (etag && same_tag(tag, mine, weakly));
        list.at += n;
        list.len -= n;
        skip(&list, " \t");
        if (list.len > 0 && list.at[0] != ',') {
            return false;
        }
        skip(&list, " \t,");
    }
    return found;
}

/* In any of the fields of that name; false in `present` if there is none. */
static bool
any_names(const tn_http_field *fields, int count, const char *name,
          const char *etag, bool weakly, bool *present)
{
    bool found = false;
    int i = -1;
    *present = false;
    while ((i = tn_http_find(fields, count, name, i + 1)) >= 0) {
        *present = true;
        found = found || tn__cond_names(fields[i].value, etag, weakly);
    }
    return found;
}

/* 1: changed after the date that a field gives; 0: not; -1: no such field, or
   no date that one could compare. */
static int
changed_since(const tn_http_field *fields, int count, const char *name,
              const struct tn__version *v)
{
    int64_t when;
    int i = tn_http_find(fields, count, name, 0);
    if (i < 0 || !v->etag || tn_http_find(fields, count, name, i + 1) >= 0 ||
        tn_http_parse_date(fields[i].value, &when) < 0) {
        return -1;
    }
    return v->modified > when;
}

int
tn__cond_check(const tn_http_field *fields, int count, bool reads,
               const struct tn__version *v)
{
    bool present;
    bool named = any_names(fields, count, "If-Match", v->etag, false, &present);
    if (present ? !named
                : changed_since(fields, count, "If-Unmodified-Since", v) > 0) {
        return 412;
    }
    named = any_names(fields, count, "If-None-Match", v->etag, true, &present);
    if (present) {
        return !named ? 0 : reads ? 304 : 412;
    }
    if (reads && changed_since(fields, count, "If-Modified-Since", v) == 0) {
        return 304;
    }
    return 0;
}

bool
tn__cond_range(tn_str value, const struct tn__version *v)
{
    int64_t when;
    if (!value.at) {
        return true;
    }
    if (tag_length(value) == value.len && value.len > 0) {
        tn_str mine = {v->etag, v->etag ? strlen(v->etag) : 0};
        return v->etag && same_tag(value, mine, false);
    }
    /* A date is a strong validator only once its second is over: RFC 9110
       section 8.8.2.2. */
    return v->etag && tn_http_parse_date(value, &when) == 0 &&
           when == v->modified && v->now > when + 1;
}
