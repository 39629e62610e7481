/*
 * scan.h - how far do bytes go on being of one class.
 *
 * Sixteen bytes in one step where there are vectors, which every x86-64 and
 * AArch64 has; no byte outside [begin, end) is read. TN_SCAN_PORTABLE leaves
 * the vectors away, for tests.
 */
#ifndef TENON_HTTP_SCAN_H
#define TENON_HTTP_SCAN_H

#include "http/http_int.h"

#include <string.h>

#if defined(__SSE2__) && !defined(TN_SCAN_PORTABLE)

#include <emmintrin.h>

enum { TN__SCAN_STEP = 16 };

/* Bytes from `low` on, `span` + 1 of them. */
static TN_INLINE __m128i
tn__scan_range(__m128i v, char low, char span)
{
    __m128i x = _mm_sub_epi8(v, _mm_set1_epi8(low));
    return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(span)), x);
}

static TN_INLINE __m128i
tn__scan_one(__m128i v, char c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

/* One bit for each byte of p[0..16) that is of another class. */
static TN_INLINE uint32_t
tn__scan_others(enum tn__http_class what, const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i odd;
    if (what == TN__TEXT) {
        odd =
            _mm_andnot_si128(tn__scan_one(v, '\t'), tn__scan_range(v, 0, 0x1f));
        odd = _mm_or_si128(odd, tn__scan_one(v, 0x7f));
        return (uint32_t)_mm_movemask_epi8(odd);
    }
    if (what == TN__NAME) {
        __m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
        __m128i good = tn__scan_range(lower, 'a', 25);
        good = _mm_or_si128(good, tn__scan_range(v, '0', 9));
        good = _mm_or_si128(good, tn__scan_one(v, '-'));
        return (uint32_t)_mm_movemask_epi8(good) ^ 0xffff;
    }
    odd = tn__scan_one(_mm_and_si128(v, _mm_set1_epi8(~1)), '"'); /* and # */
    odd = _mm_or_si128(odd, tn__scan_one(v, '%'));
    odd = _mm_or_si128(odd, tn__scan_one(_mm_and_si128(v, _mm_set1_epi8(~2)),
                                         '<')); /* and > */
    odd = _mm_or_si128(odd, tn__scan_one(v, '?'));
    odd = _mm_or_si128(odd, tn__scan_one(v, '\\'));
    odd = _mm_andnot_si128(odd, tn__scan_range(v, 0x21, 0x7e - 0x21));
    return (uint32_t)_mm_movemask_epi8(odd) ^ 0xffff;
}

#else

enum { TN__SCAN_STEP = 8 };

/* Not 0 if p[0..8) holds bytes of another class; at the worst for nothing, as
   the bytes are then looked at one by one. Seven of ten bytes of a head are in
   field values: the rest is not worth arithmetic. */
static TN_INLINE uint32_t
tn__scan_others(enum tn__http_class what, const char *p)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t v;
    if (what != TN__TEXT) {
        return 1;
    }
    memcpy(&v, p, sizeof(v));
    uint64_t del = v ^ (ones * 0x7f);
    uint64_t low = (v - ones * 0x20) & ~v;
    return ((low | ((del - ones) & ~del)) & (ones * 0x80)) != 0;
}

#endif

/* The first byte from p on that is of another class; end if there is none.
   For TN__TEXT, TN__NAME and TN__TARGET. */
static TN_INLINE const char *
tn__scan(enum tn__http_class what, const char *begin, const char *p,
         const char *end)
{
#if defined(__SSE2__) && !defined(TN_SCAN_PORTABLE)
    for (; end - p >= TN__SCAN_STEP; p += TN__SCAN_STEP) {
        uint32_t others = tn__scan_others(what, p);
        if (others != 0) {
            return p + __builtin_ctz(others);
        }
    }
    if (end - begin >= TN__SCAN_STEP) {
        /* The rest is looked at together with bytes before it. */
        uint32_t others = tn__scan_others(what, end - TN__SCAN_STEP);
        others >>= TN__SCAN_STEP - (end - p);
        return others != 0 ? p + __builtin_ctz(others) : end;
    }
#else
    (void)begin;
    for (; end - p >= TN__SCAN_STEP; p += TN__SCAN_STEP) {
        if (tn__scan_others(what, p) == 0) {
            continue;
        }
        for (int i = 0; i < TN__SCAN_STEP; i++) {
            if (!tn__http_is(what, p[i])) {
                return p + i;
            }
        }
    }
#endif
    while (p < end && tn__http_is(what, *p)) {
        p++;
    }
    return p;
}

#endif
