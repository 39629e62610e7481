#include "json.h"

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

const char *
json_quote(char *dst, size_t cap, const char *s, size_t n)
{
    size_t at = 0;
    if (cap < 3) {
        return cap > 0 ? memset(dst, 0, cap) : dst;
    }
    dst[at++] = '"';
    for (size_t i = 0; i < n; i++) {
        char one[JSON_GROWTH + 1];
        size_t len = escape(one, (unsigned char)s[i]);
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
