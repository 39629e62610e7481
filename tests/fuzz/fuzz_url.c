/*
 * fuzz_url.c - any bytes as a URL, a reference, a path, a query: what comes out
 * is inside of what went in, is read back as the same, and leads nowhere else.
 */
#include <tenon/url.h>

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 4096, ROOM = 3 * MOST + 1 };

#define MUST(cond) ((cond) ? (void)0 : abort())

static char room[ROOM], again[ROOM];

static bool
is_inside(tn_str part, tn_str all)
{
    return part.at == NULL ||
           (part.at >= all.at && part.at + part.len <= all.at + all.len);
}

static void
check_parse(tn_str text)
{
    tn_url u;
    if (tn_url_parse(&u, text) < 0) {
        return;
    }
    MUST(u.scheme.len > 0 && is_inside(u.scheme, text));
    MUST(is_inside(u.userinfo, text) && is_inside(u.host, text));
    MUST(is_inside(u.path, text) && is_inside(u.query, text));
    MUST(is_inside(u.fragment, text));
    MUST(u.host.at == NULL || u.host.len > 0);
    MUST(u.port == -1 || (u.port > 0 && u.port <= 65535));
    /* A URL on itself is itself, but for its dots. */
    ssize_t n = tn_url_join(room, sizeof(room), text, text);
    MUST(n > 0 || u.host.at == NULL);
}

/* What a join yields is a URL, and has no dots to remove. */
static void
check_join(tn_str base, tn_str ref)
{
    tn_url u;
    ssize_t n = tn_url_join(room, sizeof(room), base, ref);
    MUST(n != -ENAMETOOLONG || base.len + ref.len > MOST);
    if (n < 0 || n > TN_URL_MAX) {
        return;
    }
    MUST(room[n] == '\0' && n <= (ssize_t)(base.len + ref.len + 1));
    MUST(tn_url_parse(&u, (tn_str){room, (size_t)n}) == 0);
    ssize_t m = tn_url_join(again, sizeof(again), (tn_str){"x://y/z", 7},
                            (tn_str){room, (size_t)n});
    MUST(ref.len == 0 || m <= n);
}

/* No empty name, no dots, no slash at either end. */
static void
check_path(tn_str text)
{
    ssize_t n = tn_url_path(room, sizeof(room), text);
    MUST(n != -ENAMETOOLONG && n < (ssize_t)text.len + 1);
    MUST(n < 0 || strlen(room) == (size_t)n);
    size_t start = 0;
    for (size_t i = 0; n > 0 && i <= (size_t)n; i++) {
        if (room[i] == '/' || room[i] == '\0') {
            size_t len = i - start;
            MUST(len > 0 && !(len == 1 && room[start] == '.'));
            MUST(!(len == 2 && memcmp(room + start, "..", 2) == 0));
            start = i + 1;
        }
    }
}

static void
check_coding(tn_str text)
{
    ssize_t n = tn_url_encode(room, sizeof(room), text, "/");
    MUST(n >= (ssize_t)text.len);
    ssize_t m =
        tn_url_decode(again, sizeof(again), (tn_str){room, (size_t)n}, true);
    MUST(m == (ssize_t)text.len && memcmp(again, text.at, text.len) == 0);
    for (int plus = 0; plus < 2; plus++) {
        n = tn_url_decode(room, text.len + 1, text, plus == 1);
        MUST(n == -EINVAL || (n >= 0 && n <= (ssize_t)text.len));
    }
    n = tn_url_query(room, text.len + 1, text, "a");
    MUST(n == -EINVAL || n == -ENOENT || (n >= 0 && n < (ssize_t)text.len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MOST || size == 0) {
        return 0;
    }
    char *buf = malloc(size);
    if (buf == NULL) {
        return 0;
    }
    memcpy(buf, data, size);
    tn_str all = {buf, size};
    const char *cut = memchr(buf, '\n', size);
    size_t len = cut == NULL ? size : (size_t)(cut - buf);
    tn_str base = {buf, len};
    tn_str ref = {buf + len + (cut != NULL), size - len - (cut != NULL)};
    check_parse(base);
    check_join(base, ref);
    check_join((tn_str){"http://a/b/c/d;p?q", 18}, base);
    check_path(all);
    check_coding(all);
    free(buf);
    return 0;
}
