/*
 * httpc_text.c - text that grows, and what may stand in a request.
 */
#include "http/httpc_int.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
grow(struct tn__text *t, size_t n)
{
    size_t cap = t->cap ? t->cap : 512;
    char *more;

    while (cap < t->len + n) {
        cap *= 2;
    }
    if (cap > 2 * (size_t)TN_HTTPC_REQUEST_MAX) {
        t->error = -ENAMETOOLONG;
        return false;
    }
    if (cap == t->cap) {
        return true;
    }
    more = realloc(t->at, cap);
    if (!more) {
        t->error = -ENOMEM;
        return false;
    }
    t->at = more;
    t->cap = cap;
    return true;
}

void
tn__text_put(struct tn__text *t, const char *at, size_t n)
{
    if (n == 0 || t->error < 0) {
        return;
    }
    if (t->len + n > TN_HTTPC_REQUEST_MAX) {
        t->error = -ENAMETOOLONG;
    } else if (grow(t, n)) {
        memcpy(t->at + t->len, at, n);
        t->len += n;
    }
}

void
tn__text_puts(struct tn__text *t, const char *s)
{
    tn__text_put(t, s, strlen(s));
}

void
tn__text_fini(struct tn__text *t)
{
    free(t->at);
    memset(t, 0, sizeof(*t));
}

int
tn__basic(char dst[TN__BASIC_TEXT], tn_str userinfo)
{
    char plain[2 * TN_HTTPC_SECRET_MAX + 3];
    const char *colon = memchr(userinfo.at, ':', userinfo.len);
    size_t n = colon ? (size_t)(colon - userinfo.at) : userinfo.len;
    tn_str user = {userinfo.at, n};
    tn_str word = {colon ? colon + 1 : "", colon ? userinfo.len - n - 1 : 0};
    ssize_t a = tn_url_decode(plain, TN_HTTPC_SECRET_MAX + 1, user, false);
    ssize_t b;

    if (a < 0) {
        return (int)a;
    }
    /* RFC 7617 section 2: a colon would move into the password. */
    if (memchr(plain, ':', (size_t)a)) {
        return -EINVAL;
    }
    plain[a] = ':';
    b = tn_url_decode(plain + a + 1, TN_HTTPC_SECRET_MAX + 1, word, false);
    if (b < 0) {
        return (int)b;
    }
    EVP_EncodeBlock((unsigned char *)dst, (unsigned char *)plain,
                    (int)(a + 1 + b));
    return 0;
}

bool
tn__is_token(const char *s, size_t n)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < n; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') ||
                      (s[i] >= 'A' && s[i] <= 'Z') ||
                      (s[i] >= '0' && s[i] <= '9');

        if (!letter && (s[i] == '\0' || !strchr(others, s[i]))) {
            return false;
        }
    }
    return n > 0;
}

bool
tn__is_value(tn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool
tn__same_word(tn_str s, const char *word)
{
    return s.at && strlen(word) == s.len && strncasecmp(s.at, word, s.len) == 0;
}
