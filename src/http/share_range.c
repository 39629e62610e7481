/*
 * share_range.c - which bytes of a file a client wants.
 *
 * What RFC 9110 section 14.2 lets a server do about a request that costs more
 * than the whole file is done: ranges that overlap, or lie nearer than the
 * head of a part is long, become one, and of too many none is followed.
 */
#include "http/share_pure.h"

#include <string.h>

enum {
    GAP = 80 /* bytes: the boundary and head of a part are longer */
};

/* Digits at the head of `s`; -1: there are none. More than fit count as
   INT64_MAX, which is behind the end of every file. */
static int64_t
take_number(tn_str *s)
{
    int64_t value = 0;
    size_t at = 0;
    for (; at < s->len && s->at[at] >= '0' && s->at[at] <= '9'; at++) {
        int digit = s->at[at] - '0';
        if (value > (INT64_MAX - digit) / 10) {
            value = INT64_MAX;
        } else {
            value = value * 10 + digit;
        }
    }
    s->at += at;
    s->len -= at;
    return at > 0 ? value : -1;
}

/* 1: a range within the file; 0: one outside of it; -1: none at all. */
static int
read_one(tn_str item, int64_t size, struct tn__span *span)
{
    int64_t first = take_number(&item);
    if (item.len == 0 || item.at[0] != '-') {
        return -1;
    }
    item.at++;
    item.len--;
    int64_t last = take_number(&item);
    if (item.len > 0 || (first < 0 && last < 0)) {
        return -1;
    }
    if (first < 0) { /* the last bytes */
        span->from = last < size ? size - last : 0;
        span->to = size;
        return last > 0;
    }
    if (last >= 0 && last < first) {
        return -1;
    }
    span->from = first;
    span->to = last < 0 || last >= size ? size : last + 1;
    return first < size;
}

static bool
is_near(const struct tn__span *a, const struct tn__span *b)
{
    return a->from <= b->to + GAP && b->from <= a->to + GAP;
}

/* Put a range into the list. It may glue others together, and stands then where
   the first of them stood. */
static int
merge(struct tn__span *spans, int n, struct tn__span add)
{
    int home = n;
    int i = 0;
    while (i < n) {
        if (!is_near(&spans[i], &add)) {
            i++;
            continue;
        }
        add.from = add.from < spans[i].from ? add.from : spans[i].from;
        add.to = add.to > spans[i].to ? add.to : spans[i].to;
        home = i < home ? i : home;
        n--;
        memmove(&spans[i], &spans[i + 1], (size_t)(n - i) * sizeof(spans[0]));
        i = 0; /* what grew may touch earlier ones now */
    }
    home = home < n ? home : n;
    memmove(&spans[home + 1], &spans[home],
            (size_t)(n - home) * sizeof(spans[0]));
    spans[home] = add;
    return n + 1;
}

int
tn__range_read(tn_str value, int64_t size,
               struct tn__span spans[TN_SHARE_RANGES])
{
    static const char unit[] = "bytes=";
    size_t len = sizeof(unit) - 1;
    if (value.len < len || !tn__str_is((tn_str){value.at, len}, unit)) {
        return TN__RANGES_NONE;
    }
    tn_str list = {value.at + len, value.len - len};
    tn_str item;
    int n = 0;
    int seen = 0;
    while (tn__list_next(&list, &item)) {
        struct tn__span span;
        int r = read_one(item, size, &span);
        if (r < 0 || ++seen > TN_SHARE_RANGES) {
            return TN__RANGES_NONE;
        }
        if (r > 0) {
            n = merge(spans, n, span);
        }
    }
    if (seen > 0 && n == 0) {
        return TN__RANGES_BAD;
    }
    /* The end of an empty file is all of it: no Content-Range can say so. */
    return n == 1 && spans[0].from == spans[0].to ? TN__RANGES_NONE : n;
}
