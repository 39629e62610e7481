/*
 * pack.c - values to bytes and back, whatever order and size.
 */
#include "frame/pack_int.h"

#include <math.h>
#include <string.h>

/* ---- bytes of a number ---- */

static void
store(uint8_t *p, uint64_t value, size_t size, bool little)
{
    for (size_t i = 0; i < size; i++) {
        size_t shift = 8 * (little ? i : size - 1 - i);
        p[i] = (uint8_t)(value >> shift);
    }
}

static uint64_t
load(const uint8_t *p, size_t size, bool little)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | p[little ? size - 1 - i : i];
    }
    return value;
}

/* ---- one value to bytes ---- */

static int
put_signed(uint8_t *p, const tn_value *v, size_t size, bool little)
{
    TN_ASSERT(size >= 1 && size <= 8);
    int64_t most = INT64_MAX >> (64 - 8 * size);
    if (v->kind != TN_INT && v->kind != TN_UINT) {
        return -EINVAL;
    }
    if (v->kind == TN_UINT && v->u.u > (uint64_t)most) {
        return TN_ERANGE;
    }
    int64_t value = v->kind == TN_INT ? v->u.i : (int64_t)v->u.u;
    if (value > most || value < -most - 1) {
        return TN_ERANGE;
    }
    store(p, (uint64_t)value, size, little);
    return 0;
}

static int
put_unsigned(uint8_t *p, const tn_value *v, size_t size, bool little)
{
    TN_ASSERT(size >= 1 && size <= 8);
    uint64_t most = UINT64_MAX >> (64 - 8 * size);
    if (v->kind != TN_INT && v->kind != TN_UINT) {
        return -EINVAL;
    }
    if (v->kind == TN_INT && v->u.i < 0) {
        return TN_ERANGE;
    }
    uint64_t value = v->kind == TN_INT ? (uint64_t)v->u.i : v->u.u;
    if (value > most) {
        return TN_ERANGE;
    }
    store(p, value, size, little);
    return 0;
}

/* A char may be thought of as signed or not, or be a string of one byte. */
static int
put_char(uint8_t *p, const tn_value *v)
{
    if (v->kind == TN_BYTES) {
        if (v->u.bytes.len != 1) {
            return -EINVAL;
        }
        *p = v->u.bytes.data[0];
        return 0;
    }
    bool negative = v->kind == TN_INT && v->u.i < 0;
    return negative ? put_signed(p, v, 1, true) : put_unsigned(p, v, 1, true);
}

static int
put_bool(uint8_t *p, const tn_value *v)
{
    switch (v->kind) {
    case TN_INT:
        *p = v->u.i != 0;
        return 0;
    case TN_UINT:
        *p = v->u.u != 0;
        return 0;
    case TN_FLOAT:
        *p = v->u.f != 0;
        return 0;
    case TN_BYTES:
    default:
        return -EINVAL;
    }
}

static int
put_pointer(uint8_t *p, const tn_value *v, size_t size, bool little)
{
    if (v->kind == TN_INT) {
        store(p, (uint64_t)v->u.i, size, little);
        return 0;
    }
    return put_unsigned(p, v, size, little);
}

static int
put_float(uint8_t *p, double x, const struct tn__format *f)
{
    float value = (float)x;
    uint32_t bits;
    /* Python refuses what becomes infinity, except in native mode. */
    if (isinf(value) && !isinf(x) && !f->native) {
        return TN_ERANGE;
    }
    memcpy(&bits, &value, sizeof(bits));
    store(p, bits, 4, f->little);
    return 0;
}

static int
put_double(uint8_t *p, double x, const struct tn__format *f)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    store(p, bits, 8, f->little);
    return 0;
}

static int
put_half(uint8_t *p, double x, const struct tn__format *f)
{
    uint16_t bits;
    int err = tn__half_from(x, &bits);
    store(p, bits, 2, f->little);
    return err;
}

static int
put_real(uint8_t *p, const tn_value *v, char type, const struct tn__format *f)
{
    if (v->kind == TN_BYTES) {
        return -EINVAL;
    }
    double x = v->kind == TN_FLOAT  ? v->u.f
               : v->kind == TN_UINT ? (double)v->u.u
                                    : (double)v->u.i;
    switch (type) {
    case 'e':
        return put_half(p, x, f);
    case 'f':
        return put_float(p, x, f);
    default:
        return put_double(p, x, f);
    }
}

/* s and p: cut to the size, or filled with zeros. */
static int
put_text(uint8_t *p, const tn_value *v, char type, size_t size)
{
    if (v->kind != TN_BYTES) {
        return -EINVAL;
    }
    if (size == 0) {
        return 0;
    }
    size_t before = type == 'p';
    size_t room = size - before;
    size_t n = v->u.bytes.len < room ? v->u.bytes.len : room;
    if (n > 0) {
        memcpy(p + before, v->u.bytes.data, n);
    }
    memset(p + before + n, 0, room - n);
    if (type == 'p') {
        p[0] = n < 255 ? (uint8_t)n : 255;
    }
    return 0;
}

static int
put(uint8_t *p, const tn_value *v, const struct tn__item *item,
    const struct tn__format *f)
{
    switch (item->type) {
    case 'c':
        return put_char(p, v);
    case '?':
        return put_bool(p, v);
    case 'e':
    case 'f':
    case 'd':
        return put_real(p, v, item->type, f);
    case 's':
    case 'p':
        return put_text(p, v, item->type, item->size);
    case 'P':
        return put_pointer(p, v, item->size, f->little);
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n':
        return put_signed(p, v, item->size, f->little);
    default:
        return put_unsigned(p, v, item->size, f->little);
    }
}

ssize_t
tn__pack(void *buf, size_t cap, const char *fmt, tn__source *source, void *ctx)
{
    struct tn__format f;
    struct tn__item item;
    uint8_t *p = buf;
    ssize_t size = tn_calcsize(fmt);
    if (size < 0) {
        return size;
    }
    if ((size_t)size > cap) {
        return tn_fail(-ENOBUFS, "pack", fmt);
    }
    if (size > 0) {
        memset(p, 0, (size_t)size); /* x, and what alignment leaves out */
    }
    tn__format_start(&f, fmt);
    while (tn__format_next(&f, &item) > 0) {
        for (size_t i = 0; i < item.values; i++) {
            tn_value v;
            int err = source(ctx, &item, &v);
            if (err == 0) {
                err = put(p + item.at + i * item.size, &v, &item, &f);
            }
            if (err < 0) {
                return tn_fail(err, "pack", fmt);
            }
        }
    }
    return size;
}

/* ---- bytes to one value ---- */

static tn_value
get_signed(const uint8_t *p, size_t size, bool little)
{
    TN_ASSERT(size >= 1 && size <= 8);
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    uint64_t value = (load(p, size, little) ^ sign) - sign;
    return (tn_value){.kind = TN_INT, .u.i = (int64_t)value};
}

static tn_value
get_unsigned(const uint8_t *p, size_t size, bool little)
{
    return (tn_value){.kind = TN_UINT, .u.u = load(p, size, little)};
}

static tn_value
get_real(const uint8_t *p, size_t size, bool little)
{
    tn_value v = {.kind = TN_FLOAT};
    uint64_t bits = load(p, size, little);
    if (size == 2) {
        v.u.f = tn__half_to((uint16_t)bits);
    } else if (size == 4) {
        uint32_t bits32 = (uint32_t)bits;
        float x;
        memcpy(&x, &bits32, sizeof(x));
        v.u.f = (double)x;
    } else {
        memcpy(&v.u.f, &bits, sizeof(v.u.f));
    }
    return v;
}

static tn_value
get_text(const uint8_t *p, char type, size_t size)
{
    tn_view bytes = {(uint8_t *)(uintptr_t)p, size};
    if (type == 'p' && size > 0) {
        bytes.data++;
        bytes.len = p[0] < size ? p[0] : size - 1;
    }
    return (tn_value){.kind = TN_BYTES, .u.bytes = bytes};
}

static tn_value
get(const uint8_t *p, const struct tn__item *item, bool little)
{
    switch (item->type) {
    case '?':
        return (tn_value){.kind = TN_UINT, .u.u = *p != 0};
    case 'e':
    case 'f':
    case 'd':
        return get_real(p, item->size, little);
    case 's':
    case 'p':
        return get_text(p, item->type, item->size);
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n':
        return get_signed(p, item->size, little);
    default:
        return get_unsigned(p, item->size, little);
    }
}

ssize_t
tn__unpack(const void *buf, size_t n, const char *fmt, tn__sink *sink,
           void *ctx)
{
    struct tn__format f;
    struct tn__item item;
    const uint8_t *p = buf;
    ssize_t size = tn_calcsize(fmt);
    if (size < 0) {
        return size;
    }
    if ((size_t)size > n) {
        return tn_fail(-ENOBUFS, "unpack", fmt);
    }
    tn__format_start(&f, fmt);
    while (tn__format_next(&f, &item) > 0) {
        for (size_t i = 0; i < item.values; i++) {
            tn_value v = get(p + item.at + i * item.size, &item, f.little);
            sink(ctx, item.type, &v);
        }
    }
    return size;
}

/* ---- arrays of values ---- */

static int
source_array(void *ctx, const struct tn__item *item, tn_value *v)
{
    (void)item;
    const tn_value **next = ctx;
    *v = *(*next)++;
    return 0;
}

static void
sink_array(void *ctx, char type, const tn_value *v)
{
    (void)type;
    tn_value **next = ctx;
    *(*next)++ = *v;
}

/* 0 if the format takes just so many values. */
static ssize_t
check_count(const char *fmt, size_t count, const char *what)
{
    ssize_t values = tn_calcvalues(fmt);
    if (values < 0) {
        return values;
    }
    return (size_t)values == count ? 0 : tn_fail(-EINVAL, what, fmt);
}

ssize_t
tn_packv(void *buf, size_t cap, const char *fmt, const tn_value *v,
         size_t count)
{
    ssize_t err = check_count(fmt, count, "pack");
    return err < 0 ? err : tn__pack(buf, cap, fmt, source_array, &v);
}

ssize_t
tn_unpackv(const void *buf, size_t n, const char *fmt, tn_value *v,
           size_t count)
{
    ssize_t err = check_count(fmt, count, "unpack");
    return err < 0 ? err : tn__unpack(buf, n, fmt, sink_array, &v);
}
