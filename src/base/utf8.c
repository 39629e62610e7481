/*
 * utf8.c - is text well-formed, told at the first byte that makes it not so.
 */
#include "base/utf8.h"

#include <string.h>

/* How many bytes of s[0..n) are ASCII from the front, counted by words: the
   rest of the last word is left to the caller. */
static size_t
ascii_words(const uint8_t *s, size_t n)
{
    size_t i = 0;

    while (n - i >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s + i, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        i += sizeof(word);
    }
    return i;
}

static bool
take(struct tn__utf8 *u, uint8_t c)
{
    if (u->left == 0) {
        size_t len = tn__utf8_length(c);
        u->left = (uint8_t)(len > 0 ? len - 1 : 0);
        u->first = u->left > 0 ? c : 0;
        return len > 0;
    }
    if (!tn__utf8_second(u->first, c)) {
        return false;
    }
    u->first = 0; /* the ones behind have the full range */
    u->left--;
    return true;
}

bool
tn__utf8_feed(struct tn__utf8 *u, const uint8_t *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (u->left == 0) {
            i += ascii_words(s + i, n - i);
        }
        if (i < n && !take(u, s[i])) {
            return false;
        }
    }
    return true;
}
