/*
 * frame_int.h - what the sources of this folder share.
 */
#ifndef TENON_FRAME_FRAME_INT_H
#define TENON_FRAME_FRAME_INT_H

#include <tenon/codec.h>

#include "base/base.h"

/* 0, or -EINVAL if the fields of `c` do not go together. */
int tn__codec_check(const tn_codec *c);

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
