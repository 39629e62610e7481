/*
 * pack_args.c - tn_pack() and tn_unpack() for people: values as arguments.
 */
#include "frame/pack_int.h"

#include <stdarg.h>
#include <string.h>

/* The analyzer does not see that tn_pack() and tn_unpack() have begun the list
   that comes here as `ctx`. NOLINTBEGIN(clang-analyzer-valist.Uninitialized) */

static tn_value
an_int(long long value)
{
    return (tn_value){.kind = TN_INT, .u.i = value};
}

static tn_value
a_uint(unsigned long long value)
{
    return (tn_value){.kind = TN_UINT, .u.u = value};
}

/* A string ends at its NUL, and is not looked at behind the item's size. */
static tn_value
a_string(const char *s, size_t size)
{
    tn_view bytes = {(uint8_t *)(uintptr_t)s, s != NULL ? strnlen(s, size) : 0};
    return (tn_value){.kind = TN_BYTES, .u.bytes = bytes};
}

/* The C type goes with the letter; small ones arrive as int or double. */
static int
source_args(void *ctx, const struct tn__item *item, tn_value *v)
{
    va_list *list = ctx;
    switch (item->type) {
    case 'I':
        *v = a_uint(va_arg(*list, unsigned));
        break;
    case 'l':
        *v = an_int(va_arg(*list, long));
        break;
    case 'L':
        *v = a_uint(va_arg(*list, unsigned long));
        break;
    case 'q':
        *v = an_int(va_arg(*list, long long));
        break;
    case 'Q':
        *v = a_uint(va_arg(*list, unsigned long long));
        break;
    case 'n':
        *v = an_int(va_arg(*list, ssize_t));
        break;
    case 'N':
        *v = a_uint(va_arg(*list, size_t));
        break;
    case 'e':
    case 'f':
    case 'd':
        *v = (tn_value){.kind = TN_FLOAT, .u.f = va_arg(*list, double)};
        break;
    case 's':
    case 'p':
        *v = a_string(va_arg(*list, const char *), item->size);
        break;
    case 'P':
        *v = a_uint((uintptr_t)va_arg(*list, void *));
        break;
    default: /* c b B ? h H i: promoted */
        *v = an_int(va_arg(*list, int));
        break;
    }
    return 0;
}

/* Fetch a pointer of the item's type and store there, unless it is NULL. */
#define STORE(type, value)                                                     \
    do {                                                                       \
        type *to = va_arg(*list, type *);                                      \
        if (to != NULL) {                                                      \
            *to = (type)(value);                                               \
        }                                                                      \
    } while (0)

/* Integers of a few letters each, to keep the two switches short. */
static bool
sink_integer(va_list *list, char type, const tn_value *v)
{
    switch (type) {
    case 'b':
        STORE(int8_t, v->u.i);
        return true;
    case 'B':
        STORE(uint8_t, v->u.u);
        return true;
    case 'h':
        STORE(short, v->u.i);
        return true;
    case 'H':
        STORE(unsigned short, v->u.u);
        return true;
    case 'i':
        STORE(int, v->u.i);
        return true;
    case 'I':
        STORE(unsigned, v->u.u);
        return true;
    case 'l':
        STORE(long, v->u.i);
        return true;
    case 'L':
        STORE(unsigned long, v->u.u);
        return true;
    case 'q':
        STORE(long long, v->u.i);
        return true;
    case 'Q':
        STORE(unsigned long long, v->u.u);
        return true;
    case 'n':
        STORE(ssize_t, v->u.i);
        return true;
    case 'N':
        STORE(size_t, v->u.u);
        return true;
    default:
        return false;
    }
}

static void
sink_args(void *ctx, char type, const tn_value *v)
{
    va_list *list = ctx;
    if (sink_integer(list, type, v)) {
        return;
    }
    switch (type) {
    case 'c':
        STORE(char, v->u.u);
        break;
    case '?':
        STORE(bool, v->u.u);
        break;
    case 'e':
    case 'f':
        STORE(float, v->u.f);
        break;
    case 'd':
        STORE(double, v->u.f);
        break;
    case 'P': {
        void **to = va_arg(*list, void **);
        if (to != NULL) {
            *to = (void *)(uintptr_t)v->u.u;
        }
        break;
    }
    default: { /* s p */
        tn_view *to = va_arg(*list, tn_view *);
        if (to != NULL) {
            *to = v->u.bytes;
        }
        break;
    }
    }
}

/* NOLINTEND(clang-analyzer-valist.Uninitialized) */

ssize_t
tn_pack(void *buf, size_t cap, const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    ssize_t n = tn__pack(buf, cap, fmt, source_args, &list);
    va_end(list);
    return n;
}

ssize_t
tn_unpack(const void *buf, size_t n, const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    ssize_t used = tn__unpack(buf, n, fmt, sink_args, &list);
    va_end(list);
    return used;
}
