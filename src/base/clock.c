/*
 * clock.c - monotonic time, assertions and a small random generator.
 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char *
tn_version(void)
{
    return TN_VERSION;
}

void
tn__assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "tenon: %s:%d: assertion failed: %s\n", file, line, cond);
    abort();
}

int64_t
tn__clock_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * TN_SEC + ts.tv_nsec;
}

/* splitmix64: tiny, and every seed, 0 included, gives a good sequence. */
uint64_t
tn__rng_next(struct tn__rng *rng)
{
    uint64_t z;

    rng->state += UINT64_C(0x9e3779b97f4a7c15);
    z = rng->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint32_t
tn__rng_below(struct tn__rng *rng, uint32_t bound)
{
    TN_ASSERT(bound > 0);
    return (uint32_t)(((tn__rng_next(rng) >> 32) * bound) >> 32);
}

bool
tn__rng_chance(struct tn__rng *rng, int permille)
{
    return permille > 0 && tn__rng_below(rng, 1000) < (uint32_t)permille;
}
