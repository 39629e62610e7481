/*
 * codec_cut.c - where the first message in a buffer ends.
 *
 * No state but the bytes themselves: results point into the caller's buffer,
 * the work per byte is bounded, and no number from the wire is added to
 * another before it is known to be small.
 */
#include <tenon/codec.h>

#include "frame/frame_int.h"

#include <endian.h>
#include <string.h>

/* Sizes of the three parts of a message. */
struct parts {
    size_t head, body, tail;
};

size_t
tn__delimiter_end(const tn_codec *c, const uint8_t *p, size_t n, size_t seen)
{
    size_t last = (size_t)c->delim_len - 1;
    size_t at = seen > last ? seen : last;
    /* Search the last byte: of "\r\n" it is the rarer one in text. */
    while (at < n) {
        const uint8_t *hit = memchr(p + at, c->delim[last], n - at);
        if (hit == NULL) {
            return 0;
        }
        at = (size_t)(hit - p) + 1;
        if (memcmp(hit - last, c->delim, last) == 0) {
            return at;
        }
    }
    return 0;
}

static int
cut_delimiter(const tn_codec *c, const uint8_t *p, size_t n, size_t *seen,
              struct parts *parts)
{
    size_t most = c->max + c->delim_len;
    size_t here = n < most ? n : most;
    size_t end = tn__delimiter_end(c, p, here, *seen);
    if (end == 0) {
        *seen = here;
        parts->tail = n + 1;
        return n < most ? 0 : TN_ETOOBIG;
    }
    parts->body = end - c->delim_len;
    parts->tail = c->delim_len;
    return 1;
}

static uint64_t
load(const uint8_t *p, const tn_codec *c)
{
    union {
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } v;

    bool swap = c->order == (BYTE_ORDER == LITTLE_ENDIAN ? TN_BIG : TN_LITTLE);
    switch (c->width) {
    case 1:
        return *p;
    case 2:
        memcpy(&v.u16, p, 2);
        return swap ? __builtin_bswap16(v.u16) : v.u16;
    case 4:
        memcpy(&v.u32, p, 4);
        return swap ? __builtin_bswap32(v.u32) : v.u32;
    default:
        memcpy(&v.u64, p, 8);
        return swap ? __builtin_bswap64(v.u64) : v.u64;
    }
}

static int
cut_length(const tn_codec *c, const uint8_t *p, size_t n, struct parts *parts)
{
    parts->head = (size_t)c->offset + c->width;
    if (n < parts->head) {
        return 0;
    }
    uint64_t value = load(p + c->offset, c);
    if (c->is_signed && value >> (8 * c->width - 1) != 0) {
        return -EBADMSG;
    }
    int64_t adjust = tn__length_adjust(c);
    if (adjust < 0) {
        uint64_t less = 0 - (uint64_t)adjust;
        if (value < less) {
            return -EBADMSG;
        }
        value -= less;
    } else if (__builtin_add_overflow(value, (uint64_t)adjust, &value)) {
        return TN_ETOOBIG;
    }
    parts->body = (size_t)value;
    return value > c->max ? TN_ETOOBIG : 1;
}

static int
cut_varint(const tn_codec *c, const uint8_t *p, size_t n, struct parts *parts)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        /* The tenth byte has room for one bit: 9 * 7 + 1 = 64. */
        if (i == 9 && p[i] > 1) {
            return -EBADMSG;
        }
        value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80) {
            parts->head = i + 1;
            parts->body = (size_t)value;
            return value > c->max ? TN_ETOOBIG : 1;
        }
    }
    parts->head = n + 1;
    return 0;
}

/* Digits are judged as they come: who claims too much is told at once, and no
   number of leading zeros can make us wait. */
static int
cut_netstring(const tn_codec *c, const uint8_t *p, size_t n,
              struct parts *parts)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < n && p[i] != ':'; i++) {
        uint8_t digit = (uint8_t)(p[i] - '0');
        if (digit > 9 || (i > 0 && p[0] == '0')) {
            return -EBADMSG;
        }
        if (digit > c->max || value > (c->max - digit) / 10) {
            return TN_ETOOBIG;
        }
        value = 10 * value + digit;
    }
    if (i == 0) {
        parts->head = 3; /* "0:," is the shortest */
        return n == 0 ? 0 : -EBADMSG;
    }
    parts->head = i + 1;
    parts->body = (size_t)value;
    parts->tail = 1;
    if (i == n) {
        return 0;
    }
    size_t comma = parts->head + parts->body;
    return n > comma && p[comma] != ',' ? -EBADMSG : 1;
}

/* The function is the caller's: believe nothing that would make us read
   outside, stand still or wait for ever. */
static int
cut_custom(const tn_codec *c, uint8_t *p, size_t n, tn_view *msg, size_t *used)
{
    tn_view m = {p, 0};
    *used = 0;
    int r = c->decode(c, p, n, &m, used);
    if (r == 0) {
        *used = *used > n ? *used : n + 1;
        return n < c->max + TN_HEAD_MAX ? 0 : TN_ETOOBIG;
    }
    if (r < 0) {
        return r;
    }
    m.data = m.len > 0 ? m.data : p;
    size_t at = (size_t)((uintptr_t)m.data - (uintptr_t)p);
    if (r > 1 || *used < 1 || *used > n || at > *used || m.len > *used - at) {
        return -EINVAL;
    }
    if (m.len > c->max) {
        return TN_ETOOBIG;
    }
    *msg = m;
    return 1;
}

/* The message of which the parts are known, if all its bytes are there. */
static inline int
take(const tn_codec *c, uint8_t *buf, size_t n, const struct parts *parts,
     tn_view *msg, size_t *used)
{
    size_t all = parts->head + parts->body + parts->tail;
    *used = all;
    if (n < all) {
        return 0;
    }
    msg->data = c->keep ? buf : buf + parts->head;
    msg->len = c->keep ? all : parts->body;
    return 1;
}

/* The two steps of every kind: 1 if the sizes are known, whether or not the
   bytes are there; 0 if they are not, and their sum is the least that can be
   said. */
static inline int
take_length(const tn_codec *c, uint8_t *buf, size_t n, tn_view *msg,
            size_t *used)
{
    struct parts parts = {0, 0, 0};
    int r = cut_length(c, buf, n, &parts);
    if (TN_LIKELY(r == 1)) {
        return take(c, buf, n, &parts, msg, used);
    }
    *used = parts.head;
    return r;
}

/* Not inline, so that the way of most messages, a length in a full buffer,
   saves no registers for calls that it does not make. */
static __attribute__((noinline)) int
take_other(const tn_codec *c, uint8_t *buf, size_t n, size_t *seen,
           tn_view *msg, size_t *used)
{
    struct parts parts = {0, 0, 0};
    int r = -EINVAL;
    switch (c->kind) {
    case TN_CODEC_DELIMITER:
        r = cut_delimiter(c, buf, n, seen, &parts);
        break;
    case TN_CODEC_FIXED:
        parts.body = c->size;
        r = 1;
        break;
    case TN_CODEC_VARINT:
        r = cut_varint(c, buf, n, &parts);
        break;
    case TN_CODEC_NETSTRING:
        r = cut_netstring(c, buf, n, &parts);
        break;
    case TN_CODEC_CUSTOM:
        return cut_custom(c, buf, n, msg, used);
    case TN_CODEC_LENGTH:
    case TN_CODEC_NONE:
    default:
        break;
    }
    if (r == 1) {
        return take(c, buf, n, &parts, msg, used);
    }
    *used = parts.head + parts.body + parts.tail;
    return r;
}

int
tn__codec_cut(const tn_codec *c, uint8_t *buf, size_t n, size_t *seen,
              tn_view *msg, size_t *used)
{
    if (TN_LIKELY(c->kind == TN_CODEC_LENGTH)) {
        return take_length(c, buf, n, msg, used);
    }
    return take_other(c, buf, n, seen, msg, used);
}

int
tn_codec_decode(const tn_codec *c, const void *buf, size_t n, tn_view *msg,
                size_t *used)
{
    /* Views are as writable as their buffer, which only the caller knows. */
    uint8_t *p = (uint8_t *)(uintptr_t)buf;
    if (tn__codec_check(c) < 0) {
        return -EINVAL;
    }
    if (TN_LIKELY(c->kind == TN_CODEC_LENGTH)) {
        return take_length(c, p, n, msg, used);
    }
    size_t seen = 0;
    return take_other(c, p, n, &seen, msg, used);
}
