/*
 * scan.h - how far do bytes go on being of one class.
 *
 * Sixteen bytes in one step where there is SSE2, which every x86-64 has, eight
 * elsewhere; no byte outside [begin, end) is read. A step need not know every
 * byte of its class: it stops at rare ones, and the table has the last word.
 * TN_SCAN_PORTABLE leaves the vectors away, for tests.
 */
#ifndef TENON_HTTP_SCAN_H
#define TENON_HTTP_SCAN_H

#include "http/http_int.h"

#include <string.h>

#if defined(__SSE2__) && !defined(TN_SCAN_PORTABLE)

#include <emmintrin.h>

enum { TN__SCAN_STEP = 16 };

/* Bytes from `low` to `high`, both below 0x80: moved up so that the range ends
   where signed bytes do. */
static TN_INLINE __m128i
tn__scan_range(__m128i v, int low, int high)
{
    __m128i up = _mm_add_epi8(v, _mm_set1_epi8((char)(127 - high)));
    return _mm_cmpgt_epi8(up, _mm_set1_epi8((char)(126 - high + low)));
}

static TN_INLINE __m128i
tn__scan_one(__m128i v, char c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

/* What targets are made of, but "%", "?" and what no target has. */
static TN_INLINE __m128i
tn__scan_target(__m128i v)
{
    __m128i quote = tn__scan_range(v, '"', '#');
    __m128i angle = tn__scan_one(_mm_or_si128(v, _mm_set1_epi8(2)), '>');
    __m128i odd = _mm_or_si128(quote, angle);
    odd = _mm_or_si128(odd, tn__scan_one(v, '%'));
    odd = _mm_or_si128(odd, tn__scan_one(v, '?'));
    odd = _mm_or_si128(odd, tn__scan_one(v, '\\'));
    return _mm_andnot_si128(odd, tn__scan_range(v, 0x21, 0x7e));
}

/* Letters, digits, "-" and ".": what most tokens and hosts are made of. */
static TN_INLINE __m128i
tn__scan_word(__m128i v)
{
    __m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
    __m128i letter = tn__scan_range(lower, 'a', 'z');
    __m128i digit = tn__scan_range(v, '0', '9');
    return _mm_or_si128(_mm_or_si128(letter, digit),
                        tn__scan_range(v, '-', '.'));
}

static TN_INLINE __m128i
tn__scan_load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* One bit for each byte of p[0..16) that may be of another class. */
static TN_INLINE uint32_t
tn__scan_others(enum tn__http_class what, const char *p)
{
    __m128i v = tn__scan_load(p);
    __m128i good = what == TN__TEXT     ? tn__scan_range(v, 0x20, 0x7e)
                   : what == TN__TARGET ? tn__scan_target(v)
                                        : tn__scan_word(v);
    return (uint32_t)_mm_movemask_epi8(good) ^ 0xffff;
}

/* The first byte of [p, end) that may be of another class; end if none. */
static TN_INLINE const char *
tn__scan_steps(enum tn__http_class what, const char *begin, const char *p,
               const char *end)
{
    for (; TN_LIKELY(end - p >= TN__SCAN_STEP); p += TN__SCAN_STEP) {
        uint32_t others = tn__scan_others(what, p);
        if (others != 0) {
            return p + __builtin_ctz(others);
        }
    }
    if (end - begin >= TN__SCAN_STEP && p < end) {
        /* The rest is looked at together with bytes before it. */
        uint32_t others = tn__scan_others(what, end - TN__SCAN_STEP);
        others >>= TN__SCAN_STEP - (end - p);
        return others != 0 ? p + __builtin_ctz(others) : end;
    }
    return p;
}

/* Where lines may end. The masks of a block do not wait for what is found in
   the one before it, nor lines for each other: that is what makes it fast. */
struct tn__stops {
    const char *begin, *end;
    const char *block; /* 64 bytes, or the last ones */
    uint64_t mask;     /* of them: stops that were not returned yet */
};

/* The mask of the last bytes, fewer than 64. */
static inline uint64_t
tn__stops_rest(const struct tn__stops *s)
{
    uint64_t mask = 0;
    const char *p = s->block;
    if (s->end - s->begin < TN__SCAN_STEP) {
        for (; p < s->end; p++) {
            uint64_t other = !tn__http_is(TN__TEXT, *p);
            mask |= other << (p - s->block);
        }
        return mask;
    }
    for (; s->end - p >= TN__SCAN_STEP; p += TN__SCAN_STEP) {
        mask |= (uint64_t)tn__scan_others(TN__TEXT, p) << (p - s->block);
    }
    if (p < s->end) {
        uint64_t last = tn__scan_others(TN__TEXT, s->end - TN__SCAN_STEP);
        mask |= last >> (TN__SCAN_STEP - (s->end - p)) << (p - s->block);
    }
    return mask;
}

static TN_INLINE uint64_t
tn__stops_mask(const struct tn__stops *s)
{
    const char *p = s->block;
    if (TN_UNLIKELY(s->end - p < 64)) {
        return tn__stops_rest(s);
    }
    uint64_t a = tn__scan_others(TN__TEXT, p);
    uint64_t b = tn__scan_others(TN__TEXT, p + 16);
    uint64_t c = tn__scan_others(TN__TEXT, p + 32);
    uint64_t d = tn__scan_others(TN__TEXT, p + 48);
    return a | b << 16 | c << 32 | d << 48;
}

static TN_INLINE void
tn__stops_init(struct tn__stops *s, const char *begin, const char *at,
               const char *end)
{
    *s = (struct tn__stops){begin, end, at, 0};
    s->mask = tn__stops_mask(s);
}

/* The next byte that may not be text; end if there is none. */
static TN_INLINE const char *
tn__stops_next(struct tn__stops *s)
{
    while (s->mask == 0) {
        if (s->end - s->block <= 64) {
            return s->end;
        }
        s->block += 64;
        s->mask = tn__stops_mask(s);
    }
    return s->block + __builtin_ctzll(s->mask);
}

/* Pass the stop that was returned last, and one right behind it if it is in
   the same block. */
static TN_INLINE void
tn__stops_pass(struct tn__stops *s, int count)
{
    s->mask &= s->mask - 1;
    if (count > 1) {
        s->mask &= s->mask - 1;
    }
}

#else

enum { TN__SCAN_STEP = 8 };

/* Eight bytes of a field's value at once. Seven of ten bytes of a head are in
   values: the others are not worth arithmetic. */
static TN_INLINE const char *
tn__scan_steps(enum tn__http_class what, const char *begin, const char *p,
               const char *end)
{
    const uint64_t ones = UINT64_MAX / 255;
    (void)begin;
    for (; what == TN__TEXT && end - p >= TN__SCAN_STEP; p += TN__SCAN_STEP) {
        uint64_t v;
        memcpy(&v, p, sizeof(v));
        uint64_t del = v ^ (ones * 0x7f);
        uint64_t odd = ((v - ones * 0x20) & ~v) | ((del - ones) & ~del);
        if ((odd & (ones * 0x80)) != 0) {
            break; /* one of them, or the one behind it; the table tells */
        }
    }
    return p;
}

struct tn__stops {
    const char *at, *end;
};

static TN_INLINE void
tn__stops_init(struct tn__stops *s, const char *begin, const char *at,
               const char *end)
{
    (void)begin;
    *s = (struct tn__stops){at, end};
}

static TN_INLINE const char *
tn__stops_next(struct tn__stops *s)
{
    const char *p = s->at;
    while ((p = tn__scan_steps(TN__TEXT, p, p, s->end)) < s->end) {
        const char *stop =
            s->end - p < TN__SCAN_STEP ? s->end : p + TN__SCAN_STEP;
        while (p < stop && tn__http_is(TN__TEXT, *p)) {
            p++;
        }
        if (p < stop) {
            break;
        }
    }
    s->at = p;
    return p;
}

static TN_INLINE void
tn__stops_pass(struct tn__stops *s, int count)
{
    s->at += s->end - s->at < count ? s->end - s->at : count;
}

#endif

/* The first byte of [p, end) that is of another class; end if there is none.
   For TN__TEXT, TN__TARGET, TN__TOKEN and TN__HOST. */
static TN_INLINE const char *
tn__scan(enum tn__http_class what, const char *begin, const char *p,
         const char *end)
{
    for (;;) {
        p = tn__scan_steps(what, begin, p, end);
        for (int i = 0; i < TN__SCAN_STEP; i++, p++) {
            if (p == end || TN_LIKELY(!tn__http_is(what, *p))) {
                return p;
            }
        }
    }
}

#endif
