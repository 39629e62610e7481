/*
 * codec.c - codecs are made, checked, and put messages into their envelope.
 */
#include <tenon/codec.h>

#include "frame/frame_int.h"

#include <endian.h>
#include <string.h>

int
tn_codec_delimiter(tn_codec *c, const void *delim, size_t len, size_t max)
{
    *c = (tn_codec){.kind = TN_CODEC_NONE, .max = max};
    if (len < 1 || len > TN_DELIM_MAX) {
        return -EINVAL;
    }
    c->kind = TN_CODEC_DELIMITER;
    c->delim_len = (uint8_t)len;
    memcpy(c->delim, delim, len);
    return tn__codec_check(c);
}

int
tn_codec_fixed(tn_codec *c, size_t size)
{
    *c = (tn_codec){.kind = TN_CODEC_FIXED, .max = size, .size = size};
    return tn__codec_check(c);
}

int
tn_codec_length(tn_codec *c, int bytes, tn_order order, size_t max)
{
    *c = (tn_codec){.kind = TN_CODEC_NONE, .order = order, .max = max};
    if (bytes < 1 || bytes > 8) {
        return -EINVAL;
    }
    c->kind = TN_CODEC_LENGTH;
    c->width = (uint8_t)bytes;
    return tn__codec_check(c);
}

int
tn_codec_varint(tn_codec *c, size_t max)
{
    *c = (tn_codec){.kind = TN_CODEC_VARINT, .max = max};
    return tn__codec_check(c);
}

int
tn_codec_netstring(tn_codec *c, size_t max)
{
    *c = (tn_codec){.kind = TN_CODEC_NETSTRING, .max = max};
    return tn__codec_check(c);
}

int
tn_codec_custom(tn_codec *c, tn_decode_fn *decode, tn_envelope_fn *envelope,
                size_t max)
{
    *c = (tn_codec){.kind = TN_CODEC_CUSTOM,
                    .max = max,
                    .decode = decode,
                    .envelope = envelope};
    return tn__codec_check(c);
}

/* ---- envelopes ---- */

static void
store(uint8_t *p, uint64_t value, const tn_codec *c)
{
    bool little = c->order == TN_LITTLE ||
                  (c->order == TN_NATIVE && BYTE_ORDER == LITTLE_ENDIAN);
    for (int i = 0; i < c->width; i++) {
        int shift = 8 * (little ? i : c->width - 1 - i);
        p[i] = (uint8_t)(value >> shift);
    }
}

static int
envelope_length(const tn_codec *c, size_t len, tn_envelope *out)
{
    int64_t adjust = tn__length_adjust(c);
    uint64_t value = len;
    if (adjust > 0 && value < (uint64_t)adjust) {
        return -EINVAL;
    }
    value -= (uint64_t)adjust; /* both below 2^63, so this cannot wrap */
    uint64_t most = UINT64_MAX >> (64 - 8 * c->width);
    if (value > (c->is_signed ? most >> 1 : most)) {
        return TN_ETOOBIG;
    }
    out->head_len = (size_t)c->offset + c->width;
    store(out->head + c->offset, value, c);
    return 0;
}

/* The delimiter must not be in the data, nor arise where data and delimiter
   meet ("a" before "aa"), or the reader would cut too early. */
static int
envelope_delimiter(const tn_codec *c, const uint8_t *data, size_t len,
                   tn_envelope *out)
{
    uint8_t seam[2 * TN_DELIM_MAX];
    size_t before = len < c->delim_len ? len : (size_t)c->delim_len - 1;
    if (before > 0) {
        memcpy(seam, data + len - before, before);
    }
    memcpy(seam + before, c->delim, c->delim_len);
    size_t all = before + c->delim_len;
    if (tn__delimiter_end(c, data, len, 0) > 0 ||
        tn__delimiter_end(c, seam, all, 0) != all) {
        return -EINVAL;
    }
    out->tail_len = c->delim_len;
    memcpy(out->tail, c->delim, c->delim_len);
    return 0;
}

static int
envelope_varint(size_t len, tn_envelope *out)
{
    uint64_t value = len;
    do {
        uint8_t more = value > 0x7f ? 0x80 : 0;
        out->head[out->head_len++] = (uint8_t)((value & 0x7f) | more);
        value >>= 7;
    } while (value > 0);
    return 0;
}

static int
envelope_netstring(size_t len, tn_envelope *out)
{
    uint8_t digits[20];
    size_t n = 0;
    do {
        digits[n++] = (uint8_t)('0' + len % 10);
        len /= 10;
    } while (len > 0);
    while (n > 0) {
        out->head[out->head_len++] = digits[--n];
    }
    out->head[out->head_len++] = ':';
    out->tail[out->tail_len++] = ',';
    return 0;
}

static int
envelope_custom(const tn_codec *c, const void *data, size_t len,
                tn_envelope *out)
{
    int r = c->envelope != NULL ? c->envelope(c, data, len, out) : -EINVAL;
    if (r < 0) {
        return r;
    }
    bool fits = out->head_len <= TN_HEAD_MAX && out->tail_len <= TN_DELIM_MAX;
    return fits ? 0 : -EINVAL;
}

/* With `keep` the data is what tn_codec_decode() gave, so let it judge. */
static int
envelope_kept(const tn_codec *c, const void *data, size_t len)
{
    tn_view msg;
    size_t used;
    int r = tn_codec_decode(c, data, len, &msg, &used);
    if (r == 1 && used == len) {
        return 0;
    }
    return r == TN_ETOOBIG ? r : -EINVAL;
}

int
tn_codec_envelope(const tn_codec *c, const void *data, size_t len,
                  tn_envelope *out)
{
    *out = (tn_envelope){.head_len = 0};
    if (tn__codec_check(c) < 0) {
        return -EINVAL;
    }
    if (c->keep && c->kind != TN_CODEC_CUSTOM) {
        return envelope_kept(c, data, len);
    }
    if (c->kind == TN_CODEC_FIXED) {
        return len == c->size ? 0 : -EINVAL;
    }
    if (len > c->max) {
        return TN_ETOOBIG;
    }
    switch (c->kind) {
    case TN_CODEC_DELIMITER:
        return envelope_delimiter(c, data, len, out);
    case TN_CODEC_LENGTH:
        return envelope_length(c, len, out);
    case TN_CODEC_VARINT:
        return envelope_varint(len, out);
    case TN_CODEC_NETSTRING:
        return envelope_netstring(len, out);
    case TN_CODEC_CUSTOM:
        return envelope_custom(c, data, len, out);
    case TN_CODEC_FIXED:
    case TN_CODEC_NONE:
    default:
        return -EINVAL;
    }
}

ssize_t
tn_codec_encode(const tn_codec *c, void *buf, size_t cap, const void *data,
                size_t len)
{
    tn_envelope env;
    int err = tn_codec_envelope(c, data, len, &env);
    if (err < 0) {
        return err;
    }
    size_t around = env.head_len + env.tail_len;
    if (cap < around || cap - around < len) {
        return -ENOBUFS;
    }
    uint8_t *p = buf;
    memcpy(p, env.head, env.head_len);
    p += env.head_len;
    if (len > 0) {
        memcpy(p, data, len);
        p += len;
    }
    memcpy(p, env.tail, env.tail_len);
    return (ssize_t)(around + len);
}
