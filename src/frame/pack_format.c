/*
 * pack_format.c - the format strings of Python's struct, item by item.
 */
#include "frame/pack_int.h"

#include <endian.h>
#include <string.h>

struct type {
    char type;
    uint8_t standard, native, align; /* bytes; standard 0: only with '@' */
};

#define NATIVE(ctype) sizeof(ctype), _Alignof(ctype)

static const struct type types[] = {
    {'x', 1, NATIVE(char)},      {'c', 1, NATIVE(char)},
    {'b', 1, NATIVE(int8_t)},    {'B', 1, NATIVE(uint8_t)},
    {'?', 1, NATIVE(bool)},      {'h', 2, NATIVE(short)},
    {'H', 2, NATIVE(short)},     {'i', 4, NATIVE(int)},
    {'I', 4, NATIVE(int)},       {'l', 4, NATIVE(long)},
    {'L', 4, NATIVE(long)},      {'q', 8, NATIVE(long long)},
    {'Q', 8, NATIVE(long long)}, {'n', 0, NATIVE(ssize_t)},
    {'N', 0, NATIVE(size_t)},    {'e', 2, NATIVE(uint16_t)},
    {'f', 4, NATIVE(float)},     {'d', 8, NATIVE(double)},
    {'s', 1, NATIVE(char)},      {'p', 1, NATIVE(char)},
    {'P', 0, NATIVE(void *)},
};

void
tn__format_start(struct tn__format *f, const char *fmt)
{
    char order = *fmt;
    bool given = order != '\0' && strchr("@=<>!", order) != NULL;
    bool big = order == '>' || order == '!';
    *f = (struct tn__format){
        .next = fmt + given,
        .native = !given || order == '@',
        .little = order == '<' || (!big && BYTE_ORDER == LITTLE_ENDIAN),
    };
}

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read a count; there is one. False if it is too large to be a size. */
static bool
read_count(struct tn__format *f, size_t *count)
{
    size_t value = 0;
    for (; is_digit(*f->next); f->next++) {
        size_t digit = (size_t)(*f->next - '0');
        if (value > (PTRDIFF_MAX - digit) / 10) {
            return false;
        }
        value = 10 * value + digit;
    }
    *count = value;
    return true;
}

static const struct type *
find_type(const struct tn__format *f)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == *f->next) {
            bool there = f->native || types[i].standard > 0;
            return there ? &types[i] : NULL;
        }
    }
    return NULL;
}

/* Put the item behind what there is. False if the whole becomes too large. */
static bool
place(struct tn__format *f, const struct type *type, size_t count,
      struct tn__item *item)
{
    bool text = type->type == 's' || type->type == 'p';
    size_t unit = f->native ? type->native : type->standard;
    size_t align = f->native ? type->align : 1;
    size_t bytes;
    /* Not more than PTRDIFF_MAX so far, so rounding up cannot wrap. */
    item->at = (f->size + align - 1) / align * align;
    item->type = type->type;
    item->size = text ? count : unit;
    item->values = text ? 1 : type->type == 'x' ? 0 : count;
    return !__builtin_mul_overflow(unit, count, &bytes) &&
           !__builtin_add_overflow(item->at, bytes, &f->size) &&
           f->size <= PTRDIFF_MAX;
}

int
tn__format_next(struct tn__format *f, struct tn__item *item)
{
    while (is_space(*f->next)) {
        f->next++;
    }
    if (*f->next == '\0') {
        return 0;
    }
    size_t count = 1;
    if (is_digit(*f->next) && !read_count(f, &count)) {
        return TN_EFORMAT;
    }
    const struct type *type = find_type(f);
    if (type == NULL || !place(f, type, count, item)) {
        return TN_EFORMAT;
    }
    f->next++;
    return 1;
}

/* Walk the whole format. */
static ssize_t
measure(const char *fmt, size_t *size, size_t *values)
{
    struct tn__format f;
    struct tn__item item;
    int r;
    *values = 0;
    tn__format_start(&f, fmt);
    while ((r = tn__format_next(&f, &item)) > 0) {
        if (__builtin_add_overflow(*values, item.values, values)) {
            return tn_fail(TN_EFORMAT, "format", fmt);
        }
    }
    *size = f.size;
    return r < 0 ? tn_fail(r, "format", fmt) : 0;
}

ssize_t
tn_calcsize(const char *fmt)
{
    size_t size, values;
    ssize_t err = measure(fmt, &size, &values);
    return err < 0 ? err : (ssize_t)size;
}

ssize_t
tn_calcvalues(const char *fmt)
{
    size_t size, values;
    ssize_t err = measure(fmt, &size, &values);
    return err < 0 ? err : (ssize_t)values;
}
