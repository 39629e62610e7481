/*
 * frame_int.h - what the sources of this folder share.
 */
#ifndef TENON_FRAME_FRAME_INT_H
#define TENON_FRAME_FRAME_INT_H

#include <tenon/codec.h>

#include "base/base.h"

/* 1, 2, 4 or 8 bytes of length, and an adjustment that cannot overflow. */
static inline bool
tn__length_is_good(const tn_codec *c)
{
    bool width =
        c->width == 1 || c->width == 2 || c->width == 4 || c->width == 8;
    bool order =
        c->order == TN_NATIVE || c->order == TN_LITTLE || c->order == TN_BIG;
    return width && order && c->offset <= TN_HEAD_MAX - 8 &&
           c->adjust >= INT64_MIN + TN_HEAD_MAX;
}

/* 0, or -EINVAL if the fields of `c` do not go together. Inline because the
   fields may change between any two calls, so each looks again. */
static inline int
tn__codec_check(const tn_codec *c)
{
    bool good = false;
    if (TN_LIKELY(c->kind == TN_CODEC_LENGTH)) {
        good = tn__length_is_good(c);
        return good && c->max <= TN_MESSAGE_MAX ? 0 : -EINVAL;
    }
    switch (c->kind) {
    case TN_CODEC_DELIMITER:
        good = c->delim_len >= 1 && c->delim_len <= TN_DELIM_MAX;
        break;
    case TN_CODEC_FIXED:
        good = c->size >= 1 && c->size <= c->max;
        break;
    case TN_CODEC_LENGTH:
        good = tn__length_is_good(c);
        break;
    case TN_CODEC_VARINT:
    case TN_CODEC_NETSTRING:
        good = true;
        break;
    case TN_CODEC_CUSTOM:
        good = c->decode != NULL;
        break;
    case TN_CODEC_NONE:
    default:
        break;
    }
    return good && c->max <= TN_MESSAGE_MAX ? 0 : -EINVAL;
}

/* tn_codec_decode() of a checked codec. `seen` counts the bytes that an earlier
   call with a 0 has searched for the delimiter; set for the next call. */
int tn__codec_cut(const tn_codec *c, uint8_t *buf, size_t n, size_t *seen,
                  tn_view *msg, size_t *used);

/* Where the first delimiter ends in p[0..n), or 0 if there is none. Delimiters
   that end at `seen` or before are known not to exist. */
size_t tn__delimiter_end(const tn_codec *c, const uint8_t *p, size_t n,
                         size_t seen);

/* What has to be added to a length on the wire to get that of the payload. */
static inline int64_t
tn__length_adjust(const tn_codec *c)
{
    return c->includes_itself ? c->adjust - c->offset - c->width : c->adjust;
}

#endif
