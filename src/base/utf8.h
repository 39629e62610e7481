/*
 * utf8.h - the rules of UTF-8, RFC 3629 section 4, for whole text and for text
 * that comes in pieces.
 */
#ifndef TENON_BASE_UTF8_H
#define TENON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool
tn__utf8_follows(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

/* Bytes that a character takes by its first one; 0 if none begins so. */
static inline size_t
tn__utf8_length(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0; /* a follower, an overlong form, above U+10FFFF */
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* After some first bytes the second has a smaller range, which excludes
   overlong forms, surrogates and what is above U+10FFFF. */
static inline bool
tn__utf8_second(uint8_t first, uint8_t second)
{
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

/* Where text that comes in pieces stands; zero it first. It may end where
   `left` is 0. */
struct tn__utf8 {
    uint8_t first; /* of a character whose second byte is to come; or 0 */
    uint8_t left;  /* bytes that its character still needs */
};

/* Take the next piece. false: no text goes on like this, whatever follows. */
bool tn__utf8_feed(struct tn__utf8 *u, const uint8_t *s, size_t n);

#endif
