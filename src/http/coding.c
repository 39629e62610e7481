/*
 * coding.c - percent coding: whole, for a folder's names, in queries.
 */
#include "http/http_int.h"

#include <string.h>

/* Take one byte off coded text; -EINVAL if its percent sign is broken. */
static int
next_byte(tn_str *src, bool plus)
{
    const char *p = src->at;
    size_t n = 1;
    int byte = (uint8_t)*p;
    if (*p == '%') {
        if (src->len < 3 || !tn__http_is(TN__HEX, p[1]) ||
            !tn__http_is(TN__HEX, p[2])) {
            return -EINVAL;
        }
        byte = (int)(tn__http_hex(p[1]) << 4 | tn__http_hex(p[2]));
        n = 3;
    } else if (*p == '+' && plus) {
        byte = ' ';
    }
    src->at += n;
    src->len -= n;
    return byte;
}

static ssize_t
decode(char *dst, size_t cap, tn_str src, bool plus)
{
    size_t len = 0;
    while (src.len > 0) {
        int byte = next_byte(&src, plus);
        if (byte < 0) {
            return byte;
        }
        if (len + 1 >= cap) {
            return -ENAMETOOLONG;
        }
        dst[len++] = (char)byte;
    }
    if (len >= cap) {
        return -ENAMETOOLONG;
    }
    dst[len] = '\0';
    return (ssize_t)len;
}

ssize_t
tn_url_decode(char *dst, size_t cap, tn_str src, bool plus)
{
    ssize_t len = decode(dst, cap, src, plus);
    return len < 0 ? tn_fail((int)len, "decode", NULL) : len;
}

ssize_t
tn_url_encode(char *dst, size_t cap, tn_str src, const char *keep)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i < src.len; i++) {
        char c = src.at[i];
        bool plain =
            tn__http_is(TN__PLAIN, c) || (c != '\0' && strchr(keep, c) != NULL);
        if (cap - len <= (plain ? 1u : 3u) || len >= cap) {
            return tn_fail(-ENAMETOOLONG, "encode", NULL);
        }
        if (plain) {
            dst[len++] = c;
            continue;
        }
        dst[len++] = '%';
        dst[len++] = digits[(uint8_t)c >> 4];
        dst[len++] = digits[(uint8_t)c & 15];
    }
    if (len >= cap) {
        return tn_fail(-ENAMETOOLONG, "encode", NULL);
    }
    dst[len] = '\0';
    return (ssize_t)len;
}

/* ---- names below a folder ---- */

/* Where the last name of dst[0..len) begins, with the slash before it. */
static size_t
parent_of(const char *dst, size_t len)
{
    while (len > 0 && dst[--len] != '/') {
    }
    return len;
}

/* Put one name behind dst[0..len); returns the new length. */
static ssize_t
put_name(char *dst, size_t cap, size_t len, tn_str name)
{
    size_t start = len + (len > 0); /* behind a slash */
    if (start >= cap) {
        return name.len > 0 ? -ENAMETOOLONG : (ssize_t)len;
    }
    ssize_t n = decode(dst + start, cap - start, name, false);
    if (n < 0) {
        return n;
    }
    const char *text = dst + start;
    if (memchr(text, '/', (size_t)n) != NULL ||
        memchr(text, '\0', (size_t)n) != NULL) {
        return -EINVAL;
    }
    if (n == 0 || (n == 1 && text[0] == '.')) {
        return (ssize_t)len;
    }
    if (n == 2 && text[0] == '.' && text[1] == '.') {
        return len > 0 ? (ssize_t)parent_of(dst, len) : -EINVAL;
    }
    if (len > 0) {
        dst[len] = '/';
    }
    return (ssize_t)start + n;
}

ssize_t
tn_url_path(char *dst, size_t cap, tn_str path)
{
    ssize_t len = path.len > 0 && path.at[0] == '/' ? 0 : -EINVAL;
    if (cap == 0 && len == 0) {
        len = -ENAMETOOLONG;
    }
    for (size_t i = 1; len >= 0 && i <= path.len;) {
        size_t end = i;
        while (end < path.len && path.at[end] != '/') {
            end++;
        }
        len = put_name(dst, cap, (size_t)len, (tn_str){path.at + i, end - i});
        i = end + 1;
    }
    if (len < 0) {
        return tn_fail((int)len, "read path", NULL);
    }
    dst[len] = '\0';
    return len;
}

/* ---- queries ---- */

static bool
is_coded(tn_str text, const char *name)
{
    while (text.len > 0) {
        int byte = next_byte(&text, true);
        if (byte <= 0 || byte != (uint8_t)*name++) {
            return false;
        }
    }
    return *name == '\0';
}

ssize_t
tn_url_query(char *dst, size_t cap, tn_str query, const char *name)
{
    while (query.at != NULL && query.len > 0) {
        size_t len = 0;
        size_t key = 0;
        while (len < query.len && query.at[len] != '&') {
            len++;
        }
        while (key < len && query.at[key] != '=') {
            key++;
        }
        if (len > 0 && is_coded((tn_str){query.at, key}, name)) {
            size_t at = key + (key < len);
            ssize_t n =
                decode(dst, cap, (tn_str){query.at + at, len - at}, true);
            return n < 0 ? tn_fail((int)n, "read query", name) : n;
        }
        len += len < query.len;
        query.at += len;
        query.len -= len;
    }
    return tn_fail(-ENOENT, "read query", name);
}
