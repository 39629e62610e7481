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

#define TN__SCAN_VECTORS

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

/* What targets are made of, but "!", "$", "%", "?", "^" and what no target
   has. */
static TN_INLINE __m128i
tn__scan_target(__m128i v)
{
    __m128i odd = _mm_or_si128(v, _mm_set1_epi8(2)); /* "<" as ">" */
    odd = _mm_or_si128(tn__scan_one(odd, '>'), tn__scan_one(odd, '^'));
    odd = _mm_or_si128(odd, tn__scan_one(v, '?'));
    return _mm_andnot_si128(odd, tn__scan_range(v, '&', 0x7e));
}

/* Letters, digits and "-": what most tokens are made of; hosts with ".". */
static TN_INLINE __m128i
tn__scan_word(__m128i v, bool dot)
{
    __m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
    __m128i letter = tn__scan_range(lower, 'a', 'z');
    __m128i digit = tn__scan_range(v, '0', '9');
    __m128i dash = dot ? tn__scan_range(v, '-', '.') : tn__scan_one(v, '-');
    return _mm_or_si128(_mm_or_si128(letter, digit), dash);
}

static TN_INLINE __m128i
tn__scan_load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* One bit for each byte of p[0..16) that surely is of the class. */
static TN_INLINE uint32_t
tn__scan_good(enum tn__http_class what, const char *p)
{
    __m128i v = tn__scan_load(p);
    __m128i good = what == TN__TEXT     ? tn__scan_range(v, 0x20, 0x7e)
                   : what == TN__TARGET ? tn__scan_target(v)
                                        : tn__scan_word(v, what == TN__HOST);
    return (uint32_t)_mm_movemask_epi8(good);
}

/* The index of the lowest bit; there is one. */
static TN_INLINE size_t
tn__scan_lowest(uint64_t mask)
{
    return (unsigned)__builtin_ctzll(mask);
}

/* The first byte of [p, end) that may be of another class; end if none. */
static TN_INLINE const char *
tn__scan_steps(enum tn__http_class what, const char *begin, const char *p,
               const char *end)
{
    for (; TN_LIKELY(end - p >= TN__SCAN_STEP); p += TN__SCAN_STEP) {
        uint32_t good = tn__scan_good(what, p);
        if (good != 0xffff) {
            return p + tn__scan_lowest(~good);
        }
    }
    if (end - begin >= TN__SCAN_STEP && p < end) {
        /* The rest is looked at together with bytes before it. */
        uint32_t good = tn__scan_good(what, end - TN__SCAN_STEP);
        return p + tn__scan_lowest(~(good >> (TN__SCAN_STEP - (end - p))));
    }
    return p;
}

/* The same in head.c, for TN__TARGET, TN__TOKEN and TN__HOST. */
const char *tn__scan_far(enum tn__http_class what, const char *begin,
                         const char *p, const char *end);

/* The same again. The first step is enough for most names and hosts; it is on
   its own, as a loop begins with loading all that it compares with. */
static TN_INLINE const char *
tn__scan_near(enum tn__http_class what, const char *begin, const char *p,
              const char *end)
{
    if (TN_LIKELY(end - p >= TN__SCAN_STEP)) {
        uint32_t good = tn__scan_good(what, p);
        if (TN_LIKELY(good != 0xffff)) {
            return p + tn__scan_lowest(~good);
        }
        p += TN__SCAN_STEP;
    }
    return tn__scan_far(what, begin, p, end);
}

/* Where lines may end. The masks of a block do not wait for what is found in
   the one before it, nor lines for each other: that is what makes it fast. */
struct tn__stops {
    const char *begin, *end;
    const char *next; /* behind the block: 64 bytes, or the last ones */
    uint64_t mask;    /* stops in it that were not passed yet; the highest bit
                         is the byte before `next` */
};

/* The bits of 32 bytes, and of 64. */
static TN_INLINE uint64_t
tn__stops_half(const char *p)
{
    uint32_t a = tn__scan_good(TN__TEXT, p);
    uint32_t b = tn__scan_good(TN__TEXT, p + 16);
    return ~(a | b << 16);
}

static TN_INLINE uint64_t
tn__stops_mask(const char *p)
{
    uint64_t a = tn__scan_good(TN__TEXT, p);
    uint64_t b = tn__scan_good(TN__TEXT, p + 16);
    uint64_t c = tn__scan_good(TN__TEXT, p + 32);
    uint64_t d = tn__scan_good(TN__TEXT, p + 48);
    return ~(a | b << 16 | c << 32 | d << 48);
}

/* The mask of the last bytes, fewer than 64: together with bytes before them,
   if there are as many. */
static TN_INLINE uint64_t
tn__stops_rest(const char *begin, const char *p, const char *end)
{
    const unsigned unused = 64 - (unsigned)(end - p);
    uint64_t mask = 0;
    if (end - begin >= 64) {
        mask = tn__stops_mask(end - 64);
    } else if (end - begin >= 32) {
        mask = tn__stops_half(end - 32) << 32;
        if (unused < 32) {
            mask |= tn__stops_half(p) << unused;
        }
    } else {
        for (unsigned i = unused; i < 64; i++, p++) {
            uint64_t other = !tn__http_is(TN__TEXT, *p);
            mask |= other << i;
        }
    }
    return mask >> unused << unused;
}

static TN_INLINE void
tn__stops_init(struct tn__stops *s, const char *begin, const char *at,
               const char *end)
{
    *s = (struct tn__stops){begin, end, at, 0};
}

/* The next byte that may not be text; end if there is none. */
static TN_INLINE const char *
tn__stops_next(struct tn__stops *s)
{
    while (s->mask == 0) {
        if (s->next == s->end) {
            return s->end;
        }
        if (TN_LIKELY(s->end - s->next >= 64)) {
            s->mask = tn__stops_mask(s->next);
            s->next += 64;
        } else {
            s->mask = tn__stops_rest(s->begin, s->next, s->end);
            s->next = s->end;
        }
    }
    return s->next - (64 - tn__scan_lowest(s->mask));
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
   values: for the others there is the table. */
static TN_INLINE const char *
tn__scan_steps(enum tn__http_class what, const char *begin, const char *p,
               const char *end)
{
    const uint64_t ones = UINT64_MAX / 255;
    (void)begin;
    while (what != TN__TEXT && p < end && tn__http_is(what, *p)) {
        p++;
    }
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

static TN_INLINE const char *
tn__scan_near(enum tn__http_class what, const char *begin, const char *p,
              const char *end)
{
    return tn__scan_steps(what, begin, p, end);
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
