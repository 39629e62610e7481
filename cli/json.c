#include "json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* One byte as JSON writes it; bytes of UTF-8 stay. */
static size_t
escape(char out[JSON_GROWTH + 1], unsigned char c)
{
    if (c == '"' || c == '\\') {
        return (size_t)snprintf(out, JSON_GROWTH + 1, "\\%c", c);
    }
    if (c < 0x20 || c == 0x7f) {
        return (size_t)snprintf(out, JSON_GROWTH + 1, "\\u%04x", c);
    }
    out[0] = (char)c;
    return 1;
}

/* Characters of several bytes that could mislead a reader, or move a
   terminal's cursor: C1, separators of lines, what turns the direction. Their
   length, and their number; 0: it is none of these. */
static size_t
misleading(const char *s, size_t n, unsigned *number)
{
    const unsigned char *u = (const unsigned char *)s;
    if (n >= 2 && (u[0] == 0xC2 || u[0] == 0xD8)) {
        *number = (u[0] & 0x1FU) << 6 | (u[1] & 0x3FU);
        return (u[0] == 0xC2 && u[1] < 0xA0) || *number == 0x061C ? 2 : 0;
    }
    if (n < 3 || u[0] != 0xE2) {
        return 0;
    }
    *number = 0x2000 | (u[1] & 0x3FU) << 6 | (u[2] & 0x3FU);
    bool mark = *number == 0x200E || *number == 0x200F;
    bool turn = *number >= 0x2028 && *number <= 0x202E;
    bool isolate = *number >= 0x2066 && *number <= 0x2069;
    return mark || turn || isolate ? 3 : 0;
}

const char *
json_quote(char *dst, size_t cap, const char *s, size_t n)
{
    size_t at = 0;
    if (cap < 3) {
        return cap > 0 ? memset(dst, 0, cap) : dst;
    }
    dst[at++] = '"';
    for (size_t i = 0, used; i < n; i += used) {
        char one[JSON_GROWTH + 1];
        unsigned number = 0;
        used = misleading(s + i, n - i, &number);
        size_t len = used > 0 ? (size_t)snprintf(one, sizeof(one), "\\u%04x",
                                                 number & 0xFFFFU)
                              : escape(one, (unsigned char)s[i]);
        used = used > 0 ? used : 1;
        if (at + len + 2 > cap) {
            break;
        }
        memcpy(dst + at, one, len);
        at += len;
    }
    dst[at++] = '"';
    dst[at] = '\0';
    return dst;
}
