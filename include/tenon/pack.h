/*
 * tenon/pack.h - numbers to bytes and back, by Python's struct formats.
 *
 *     uint8_t buf[16];
 *     ssize_t n = tn_pack(buf, sizeof buf, ">HI4s", 7, 1u << 20, "abcd");
 *     unsigned short kind; unsigned size; tn_view tag;
 *     n = tn_unpack(buf, n, ">HI4s", &kind, &size, &tag);
 *
 * A format is an order, then types, each with a repeat count before it; white
 * space may stand between them.
 *
 *     @  native order, sizes and alignment (the default)
 *     =  native order, <  little endian, >  big endian, !  the same: standard
 *        sizes, no alignment
 *
 *     type  bytes  tn_pack takes    tn_unpack takes      tn_value
 *     x     1      nothing          nothing              none; written as 0
 *     c     1      int              char *               TN_UINT; or 1 byte
 *     b B   1      int              int8_t * uint8_t *   TN_INT, TN_UINT
 *     ?     1      int              bool *               TN_UINT, 0 or 1
 *     h H   2      int              short *, unsigned .. TN_INT, TN_UINT
 *     i I   4      int, unsigned    int *, unsigned *    TN_INT, TN_UINT
 *     l L   4, @8  long, unsigned . long *, unsigned ..  TN_INT, TN_UINT
 *     q Q   8      long long, un... long long *, un....  TN_INT, TN_UINT
 *     n N   @8     ssize_t, size_t  ssize_t *, size_t *  TN_INT, TN_UINT
 *     e     2      double           float *              TN_FLOAT
 *     f d   4, 8   double           float *, double *    TN_FLOAT
 *     s     count  const char *     tn_view *            TN_BYTES
 *     p     count  const char *     tn_view *            TN_BYTES
 *     P     @8     void *           void **              TN_UINT
 *
 * The argument's C type goes with the letter, whatever the order. n, N and P
 * exist with @ only. "3i" is three arguments, "10s" is one: ten bytes, cut or
 * filled with zeros; "10p" is a length byte and at most nine. tn_pack() reads a
 * string up to its NUL or the count; bytes that may hold a NUL go through
 * tn_packv(). What tn_unpack() finds for s and p is a part of `buf`.
 *
 * Errors:  negative codes of err.h: TN_EFORMAT for the format, TN_ERANGE for a
 *          number that does not fit (like Python, "@f" makes it infinity).
 * Threads: every function may be called from any thread.
 * Next:    codec.h, for a length before each message.
 */
#ifndef TENON_PACK_H
#define TENON_PACK_H

#include <tenon/codec.h>

typedef enum tn_value_kind {
    TN_INT,   /* u.i */
    TN_UINT,  /* u.u */
    TN_FLOAT, /* u.f */
    TN_BYTES, /* u.bytes */
} tn_value_kind;

/* One value of a format, for the vector forms. An integer type takes TN_INT and
   TN_UINT, a float all numbers, s and p TN_BYTES, '?' any of the three. */
typedef struct tn_value {
    tn_value_kind kind;

    union {
        int64_t i;
        uint64_t u;
        double f;
        tn_view bytes; /* borrowed; not written to */
    } u;
} tn_value;

TN_BEGIN_DECLS

/**
 * Compute how many bytes a format describes.
 *
 * @param fmt  borrowed.
 * @return bytes; TN_EFORMAT: unknown type, a count without one, or too large.
 * @suspends   no.
 * @thread     any.
 * @see        Python struct.calcsize.
 */
TN_API TN_USE ssize_t tn_calcsize(const char *fmt);

/**
 * Count the values that a format takes.
 *
 * @param fmt  borrowed.
 * @return values, arguments of tn_pack(); TN_EFORMAT.
 * @suspends   no.
 * @thread     any.
 * @see        tn_packv().
 */
TN_API TN_USE ssize_t tn_calcvalues(const char *fmt);

/**
 * Write values as bytes.
 *
 * @param buf  `cap` bytes; on failure its content is undefined.
 * @param cap  bytes.
 * @param fmt  borrowed; one argument follows for each value.
 * @return bytes written, as tn_calcsize() says; TN_EFORMAT; TN_ERANGE;
 *   -ENOBUFS: `cap` is too small.
 * @suspends   no.
 * @thread     any.
 * @see        Python struct.pack, struct.pack_into.
 */
TN_API TN_USE ssize_t tn_pack(void *buf, size_t cap, const char *fmt, ...);

/**
 * Write an array of values as bytes.
 *
 * @param buf    `cap` bytes; on failure its content is undefined.
 * @param cap    bytes.
 * @param fmt    borrowed.
 * @param v      borrowed; `count` values.
 * @param count  exactly as many as the format takes.
 * @return as tn_pack(); -EINVAL: a wrong count, or a kind that does not go with
 *   its type.
 * @suspends   no.
 * @thread     any.
 * @see        Python struct.pack(fmt, *v).
 */
TN_API TN_USE ssize_t tn_packv(void *buf, size_t cap, const char *fmt,
                               const tn_value *v, size_t count);

/**
 * Read values from bytes.
 *
 * @param buf  borrowed; `n` bytes, of which the first tn_calcsize() are read.
 * @param n    bytes.
 * @param fmt  borrowed; one pointer follows for each value; NULL skips it.
 * @return bytes read; TN_EFORMAT; -ENOBUFS: there are fewer, and nothing was
 *   stored.
 * @suspends   no.
 * @thread     any.
 * @see        Python struct.unpack_from.
 */
TN_API TN_USE ssize_t tn_unpack(const void *buf, size_t n, const char *fmt,
                                ...);

/**
 * Read values from bytes into an array.
 *
 * @param buf    borrowed; `n` bytes, of which the first tn_calcsize() are read.
 * @param n      bytes.
 * @param fmt    borrowed.
 * @param v      `count` values, filled on success.
 * @param count  exactly as many as the format has.
 * @return as tn_unpack(); -EINVAL: a wrong count.
 * @suspends   no.
 * @thread     any.
 * @see        Python struct.unpack_from.
 */
TN_API TN_USE ssize_t tn_unpackv(const void *buf, size_t n, const char *fmt,
                                 tn_value *v, size_t count);

TN_END_DECLS

#endif
