/*
 * fuzz_pack.c - a format up to a NUL, then bytes to read with it. What was
 * unpacked packs to the same bytes, but for padding, NaN and true.
 */
#include <tenon/err.h>
#include <tenon/pack.h>

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES = 4096, BYTES = 65536 };

#define MUST(cond) ((cond) ? (void)0 : abort())

/* Types of which not every pattern of bits is written again as it was. */
static bool
is_exact(const char *fmt)
{
    return strpbrk(fmt, "x?efp") == NULL;
}

static void
check(const char *fmt, const uint8_t *p, size_t n)
{
    static tn_value values[VALUES];
    static uint8_t again[BYTES];
    ssize_t size = tn_calcsize(fmt), count = tn_calcvalues(fmt);
    MUST((size < 0) == (count < 0));
    if (size < 0 || count > VALUES) {
        MUST(size >= 0 || size == TN_EFORMAT);
        return;
    }
    ssize_t used = tn_unpackv(p, n, fmt, values, (size_t)count);
    MUST(used == ((size_t)size <= n ? size : -ENOBUFS));
    if (used < 0 || used > BYTES) {
        return;
    }
    ssize_t made = tn_packv(again, BYTES, fmt, values, (size_t)count);
    MUST(made == used);
    bool aligned = strchr("=<>!", fmt[0]) != NULL && fmt[0] != '\0';
    if (aligned && is_exact(fmt) && used > 0) {
        MUST(memcmp(again, p, (size_t)used) == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    if (end == NULL) {
        return 0;
    }
    size_t length = (size_t)(end - data);
    size_t n = size - length - 1;
    char *fmt = malloc(length + 1);
    uint8_t *bytes = malloc(n > 0 ? n : 1);
    if (fmt != NULL && bytes != NULL) {
        memcpy(fmt, data, length + 1);
        memcpy(bytes, end + 1, n);
        check(fmt, bytes, n);
    }
    free(fmt);
    free(bytes);
    return 0;
}
