/*
 * text.c - UTF-8 from strangers: is it well-formed, where may it be cut, and
 * what of it may a terminal see.
 */
#include <tenon/text.h>

#include "base/utf8.h"

#include <string.h>

/* One character, or one run of bytes that begins none. */
struct unit {
    uint32_t code; /* U+FFFD if it is no character */
    size_t len;    /* bytes, 1 to 4 */
    bool good;
};

/* Take the next unit off s[0..n), n > 0. Of what is not well-formed as many
   bytes go together as could have begun a character: Unicode 15 section 3.9,
   "maximal subparts", as Python and browsers do it. */
static struct unit
next_unit(const char *s, size_t n)
{
    uint8_t first = (uint8_t)s[0];
    size_t want = tn__utf8_length(first);
    struct unit bad = {0xfffd, 1, false};
    if (want <= 1) {
        struct unit ascii = {first, 1, true};
        return want == 1 ? ascii : bad;
    }
    if (n < 2 || !tn__utf8_second(first, (uint8_t)s[1])) {
        return bad;
    }
    uint32_t code = first & (0x7fu >> want);
    code = code << 6 | ((uint8_t)s[1] & 0x3f);
    for (size_t i = 2; i < want; i++) {
        if (i == n || !tn__utf8_follows(s[i])) {
            bad.len = i;
            return bad;
        }
        code = code << 6 | ((uint8_t)s[i] & 0x3f);
    }
    return (struct unit){code, want, true};
}

/* Controls, and what changes the direction or the lines of text around it. */
static bool
is_harmful(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) ||
           (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

size_t
tn_text_clean(char *dst, size_t cap, const char *src, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n;) {
        struct unit u = next_unit(src + i, n - i);
        const char *from = u.good ? src + i : "\xef\xbf\xbd";
        size_t len = u.good ? u.len : 3;
        i += u.len;
        if (u.code == '\t') {
            from = " ";
        } else if (is_harmful(u.code)) {
            continue;
        }
        if (cap == 0 || len > cap - 1 - out) {
            break;
        }
        memcpy(dst + out, from, len);
        out += len;
    }
    if (cap > 0) {
        dst[out] = '\0';
    }
    return out;
}

size_t
tn_text_cut(const char *s, size_t n, size_t max)
{
    if (n <= max) {
        return n;
    }
    size_t start = max;
    while (start > 0 && max - start < 3 && tn__utf8_follows(s[start])) {
        start--;
    }
    /* Cut before a character only if it is one: bytes that are no UTF-8 have
       no boundaries to keep. */
    return start + tn__utf8_length((uint8_t)s[start]) > max ? start : max;
}

bool
tn_text_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        struct unit u = next_unit(s + i, n - i);
        if (!u.good) {
            return false;
        }
        i += u.len;
    }
    return true;
}
