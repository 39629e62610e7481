/*
 * pack_int.h - what the parts of pack share: a format is walked once, item by
 * item, and values come from, or go to, an array or an argument list.
 */
#ifndef TENON_FRAME_PACK_INT_H
#define TENON_FRAME_PACK_INT_H

#include <tenon/pack.h>

#include "base/base.h"

/* A format that is being read. */
struct tn__format {
    const char *next;
    bool native; /* sizes and alignment of this machine's C */
    bool little;
    size_t size; /* bytes of the items so far */
};

/* A type with its count. */
struct tn__item {
    char type;
    size_t at;     /* offset of its first byte */
    size_t size;   /* bytes of one value */
    size_t values; /* 0 for x, 1 for s and p */
};

void tn__format_start(struct tn__format *f, const char *fmt);

/* 1: an item; 0: the format ends, `size` is that of the whole; TN_EFORMAT. */
int tn__format_next(struct tn__format *f, struct tn__item *item);

/* Gives the next value for a type of `size` bytes; 0 or an error. */
typedef int tn__source(void *ctx, const struct tn__item *item, tn_value *v);

/* Takes the next value. */
typedef void tn__sink(void *ctx, char type, const tn_value *v);

ssize_t tn__pack(void *buf, size_t cap, const char *fmt, tn__source *source,
                 void *ctx);
ssize_t tn__unpack(const void *buf, size_t n, const char *fmt, tn__sink *sink,
                   void *ctx);

/* The 16-bit float nearest to x, ties to even; TN_ERANGE if there is none. */
int tn__half_from(double x, uint16_t *half);
double tn__half_to(uint16_t half);

#endif
