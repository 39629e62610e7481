/*
 * fuzz_text.c - any bytes, cleaned and cut: the result is well-formed, safe,
 * and clean already.
 */
#include <tenon/text.h>

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

#define MUST(cond) ((cond) ? (void)0 : abort())

/* Every room for the result: it is a beginning of the whole. */
static void
check_room(const char *s, size_t n, const char *whole, size_t all)
{
    char *some = malloc(all + 1);
    for (size_t cap = 1; some != NULL && cap <= all + 1 && cap < 100; cap++) {
        size_t k = tn_text_clean(some, cap, s, n);
        MUST(k < cap && some[k] == '\0' && k <= all);
        MUST(memcmp(some, whole, k) == 0 && tn_text_valid(some, k));
    }
    free(some);
}

static void
check_cut(const char *s, size_t n)
{
    bool valid = tn_text_valid(s, n);
    for (size_t max = 0; max <= n && max < 100; max++) {
        size_t k = tn_text_cut(s, n, max);
        MUST(k <= max && max - k < 4);
        MUST(!valid || tn_text_valid(s, k));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char whole[3 * MOST + 1], twice[3 * MOST + 1];
    if (size > MOST) {
        return 0;
    }
    char *s = malloc(size > 0 ? size : 1);
    if (s == NULL) {
        return 0;
    }
    memcpy(s, data, size);
    size_t all = tn_text_clean(whole, sizeof(whole), s, size);
    MUST(all <= 3 * size && tn_text_valid(whole, all));
    for (size_t i = 0; i < all; i++) {
        MUST((uint8_t)whole[i] >= ' ' && whole[i] != 0x7f);
    }
    MUST(tn_text_clean(twice, sizeof(twice), whole, all) == all || all > MOST);
    check_room(s, size, whole, all);
    check_cut(s, size);
    free(s);
    return 0;
}
