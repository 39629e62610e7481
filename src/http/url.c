/*
 * url.c - URLs taken apart and put together (RFC 3986).
 */
#include "http/http_int.h"

#include <string.h>

/* ---- apart ---- */

/* A reference: like a URL, but all of it may be absent except the path. */
struct reference {
    tn_str scheme, authority, path, query, fragment;
};

/* Cut `text` at the first byte of `stops`; returns what is before it. */
static tn_str
cut(tn_str *text, const char *stops)
{
    size_t len = 0;
    while (len < text->len && strchr(stops, text->at[len]) == NULL) {
        len++;
    }
    tn_str before = {text->at, len};
    text->at += len;
    text->len -= len;
    return before;
}

static tn_str
skip(tn_str text, size_t n)
{
    return (tn_str){text.at + n, text.len - n};
}

/* What a request's target takes as well: browsers leave more as it is than RFC
   3986 allows, and all the more behind the "?". */
static bool
is_written_well(tn_str text, bool query)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            if (text.len - i < 3 || !tn__http_is(TN__HEX, text.at[i + 1]) ||
                !tn__http_is(TN__HEX, text.at[i + 2])) {
                return false;
            }
        } else if (!tn__http_is(TN__TARGET, c) &&
                   !(query && (c == '?' || c == '\\'))) {
            return false;
        }
    }
    return true;
}

/* RFC 3986 section 3.1. */
static bool
is_scheme(tn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool alnum = tn__http_is(TN__ALNUM, c);
        bool letter = alnum && !tn__http_is_digit(c);
        bool other = alnum || c == '+' || c == '-' || c == '.';
        if (!(i == 0 ? letter : other)) {
            return false;
        }
    }
    return text.len > 0;
}

/* Take what begins with `mark` off `text`, up to one of `stops`. */
static tn_str
cut_part(tn_str *text, char mark, const char *stops)
{
    if (text->len == 0 || text->at[0] != mark) {
        return (tn_str){NULL, 0};
    }
    *text = skip(*text, 1);
    return cut(text, stops);
}

/* RFC 3986 appendix B, and every part looked at. */
static int
split(struct reference *r, tn_str text)
{
    memset(r, 0, sizeof(*r));
    if (text.len > TN_URL_MAX) {
        return -ENAMETOOLONG;
    }
    if (text.len > 0 && memchr(text.at, '\0', text.len) != NULL) {
        return -EINVAL; /* strchr() would find it */
    }
    tn_str rest = text;
    tn_str scheme = cut(&rest, ":/?#");
    if (rest.len > 0 && rest.at[0] == ':') {
        if (!is_scheme(scheme)) {
            return -EINVAL;
        }
        r->scheme = scheme;
        text = skip(rest, 1);
    }
    if (text.len >= 2 && memcmp(text.at, "//", 2) == 0) {
        text = skip(text, 2);
        r->authority = cut(&text, "/?#");
    }
    r->path = cut(&text, "?#");
    r->query = cut_part(&text, '?', "#");
    r->fragment = cut_part(&text, '#', "");
    bool good = is_written_well(r->path, false) &&
                is_written_well(r->query, true) &&
                is_written_well(r->fragment, true);
    return good ? 0 : -EINVAL;
}

/* "user:word@host:port"; all or nothing. */
static int
split_authority(tn_url *url, tn_str text)
{
    struct tn__http_authority a;
    tn_str rest = text;
    tn_str user = cut(&rest, "@");
    if (rest.len > 0) {
        url->userinfo = user;
        text = skip(rest, 1);
        for (size_t i = 0; i < user.len; i++) {
            if (!tn__http_is(TN__HOST, user.at[i]) && user.at[i] != '%' &&
                user.at[i] != ':' && user.at[i] != ',') {
                return -EINVAL;
            }
        }
    }
    if (!is_written_well(user, false) ||
        tn__http_authority(&a, text.at, text) < 0 || a.port == 0) {
        return -EINVAL;
    }
    bool literal = a.host.at[0] == '[';
    url->host = (tn_str){a.host.at + literal, a.host.len - 2 * (size_t)literal};
    url->port = a.port;
    return 0;
}

int
tn_url_parse(tn_url *url, tn_str text)
{
    struct reference r;
    memset(url, 0, sizeof(*url));
    url->port = -1;
    int rc = split(&r, text);
    if (rc == 0 && r.scheme.at == NULL) {
        rc = -EINVAL;
    }
    if (rc == 0 && r.authority.at != NULL) {
        rc = split_authority(url, r.authority);
    }
    if (rc < 0) {
        return tn_fail(rc, "read URL", NULL);
    }
    url->scheme = r.scheme;
    url->path = r.path;
    url->query = r.query;
    url->fragment = r.fragment;
    return 0;
}

/* ---- together ---- */

struct out {
    char *dst;
    size_t cap, len; /* cap becomes 0 when there is no room left */
};

static void
put(struct out *out, const char *text, size_t n)
{
    if (n == 0) {
        return;
    }
    if (out->len < out->cap && n < out->cap - out->len) {
        memcpy(out->dst + out->len, text, n);
        out->len += n;
    } else {
        out->cap = 0; /* too long, whatever is taken off again */
    }
}

static void
put_part(struct out *out, const char *before, tn_str part)
{
    if (part.at != NULL) {
        put(out, before, strlen(before));
        put(out, part.at, part.len);
    }
}

/* Text in two pieces. */
struct pair {
    tn_str a, b;
};

static char
byte_at(const struct pair *p, size_t i)
{
    return i < p->a.len              ? p->a.at[i]
           : i - p->a.len < p->b.len ? p->b.at[i - p->a.len]
                                     : '\0';
}

/* Bytes of "." or ".." that are a whole name at i; 0 if there is another. */
static size_t
dots_at(const struct pair *p, size_t i)
{
    size_t n = 0;
    while (n < 2 && byte_at(p, i + n) == '.') {
        n++;
    }
    char behind = byte_at(p, i + n);
    return behind == '/' || behind == '\0' ? n : 0;
}

/* Take the last name off what was put since `start`. */
static void
step_back(struct out *out, size_t start)
{
    while (out->cap > 0 && out->len > start && out->dst[--out->len] != '/') {
    }
}

/* RFC 3986 section 5.2.4. */
static void
put_path(struct out *out, const struct pair *path)
{
    size_t start = out->len;
    size_t all = path->a.len + path->b.len;
    size_t i = 0;
    size_t dots;
    while (i < all && (dots = dots_at(path, i)) > 0) {
        i += dots + (i + dots < all);
    }
    while (i < all) {
        bool slash = byte_at(path, i) == '/';
        dots = slash ? dots_at(path, i + 1) : 0;
        if (dots == 2) {
            step_back(out, start);
        }
        if (dots > 0) {
            i += 1 + dots;
            if (i == all) {
                put(out, "/", 1);
            }
            continue;
        }
        do {
            char c = byte_at(path, i++);
            put(out, &c, 1);
        } while (i < all && byte_at(path, i) != '/');
    }
}

/* RFC 3986 section 5.2.3: the base's folder. */
static tn_str
folder_of(const struct reference *base)
{
    if (base->authority.at != NULL && base->path.len == 0) {
        return (tn_str){"/", 1};
    }
    size_t len = base->path.len;
    while (len > 0 && base->path.at[len - 1] != '/') {
        len--;
    }
    return (tn_str){base->path.at, len};
}

/* RFC 3986 section 5.2.2; the path of *r may be two pieces. */
static struct pair
resolve(struct reference *r, const struct reference *base)
{
    struct pair path = {r->path, {NULL, 0}};
    if (r->scheme.at != NULL) {
        return path;
    }
    r->scheme = base->scheme;
    if (r->authority.at != NULL) {
        return path;
    }
    r->authority = base->authority;
    if (r->path.len == 0) {
        path.a = base->path;
        r->query = r->query.at != NULL ? r->query : base->query;
    } else if (r->path.at[0] != '/') {
        path = (struct pair){folder_of(base), r->path};
    }
    return path;
}

static int
check_authority(const struct reference *r)
{
    tn_url url;
    return r->authority.at == NULL ? 0 : split_authority(&url, r->authority);
}

/* Both are written well, and the base is a URL. */
static int
split_both(struct reference *base, tn_str base_text, struct reference *ref,
           tn_str ref_text)
{
    int rc = split(base, base_text);
    rc = rc < 0 ? rc : split(ref, ref_text);
    rc = rc < 0 ? rc : check_authority(base);
    rc = rc < 0 ? rc : check_authority(ref);
    return rc < 0 || base->scheme.at != NULL ? rc : -EINVAL;
}

ssize_t
tn_url_join(char *dst, size_t cap, tn_str base, tn_str ref)
{
    struct reference b, r;
    struct out out = {dst, cap, 0};
    int rc = split_both(&b, base, &r, ref);
    if (rc < 0) {
        return tn_fail(rc, "join URL", NULL);
    }
    bool same = r.scheme.at == NULL && r.authority.at == NULL &&
                r.path.len == 0; /* the base's path as it is */
    struct pair path = resolve(&r, &b);
    put_part(&out, "", r.scheme);
    put_part(&out, ":", (tn_str){"", 0});
    put_part(&out, "//", r.authority);
    size_t start = out.len;
    if (same) {
        put(&out, path.a.at, path.a.len);
    } else {
        put_path(&out, &path);
    }
    size_t len = out.len - start;
    put_part(&out, "?", r.query);
    put_part(&out, "#", r.fragment);
    if (out.cap == 0) {
        return tn_fail(-ENAMETOOLONG, "join URL", NULL);
    }
    if (r.authority.at == NULL && len >= 2 &&
        memcmp(dst + start, "//", 2) == 0) {
        return tn_fail(-EINVAL, "join URL", "a path becomes a host");
    }
    dst[out.len] = '\0';
    return (ssize_t)out.len;
}
