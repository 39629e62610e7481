/*
 * half.c - IEEE 754 binary16, the type 'e'.
 *
 * Rounded once, from the double: by way of float it would be rounded twice.
 */
#include "frame/pack_int.h"

#include <math.h>
#include <string.h>

enum {
    HALF_INF = 0x7c00,
    HALF_NAN = 0x7e00,
    HALF_BIAS = 15,
    HALF_BITS = 10, /* of the fraction */
};

/* value / 2^shift to the nearest, ties to even; shift is 1 to 63. */
static uint64_t
round_shift(uint64_t value, int shift)
{
    uint64_t rest = value & ((UINT64_C(1) << shift) - 1);
    uint64_t tie = UINT64_C(1) << (shift - 1);
    uint64_t q = value >> shift;
    return q + (rest > tie || (rest == tie && (q & 1) != 0));
}

/* Of a finite double without its sign. A carry out of the fraction lands in
   the exponent, where it belongs. */
static uint64_t
round_to_half(uint64_t bits)
{
    int exponent = (int)(bits >> 52) - 1023;
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent > HALF_BIAS) {
        return HALF_INF;
    }
    if (exponent >= 1 - HALF_BIAS) {
        uint64_t biased = (uint64_t)(exponent + HALF_BIAS) << HALF_BITS;
        return biased + round_shift(fraction, 52 - HALF_BITS);
    }
    /* Subnormal: units of 2^-24. Below 2^-25 there is only zero. */
    if (exponent < -25) {
        return 0;
    }
    return round_shift(fraction | UINT64_C(1) << 52, 28 - exponent);
}

int
tn__half_from(double x, uint16_t *half)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    uint16_t sign = (uint16_t)(bits >> 63 << 15);
    if (isnan(x)) {
        *half = sign | HALF_NAN;
        return 0;
    }
    if (isinf(x)) {
        *half = sign | HALF_INF;
        return 0;
    }
    uint64_t rounded = round_to_half(bits & ~(UINT64_C(1) << 63));
    *half = (uint16_t)(sign | rounded);
    return rounded < HALF_INF ? 0 : TN_ERANGE;
}

double
tn__half_to(uint16_t half)
{
    int exponent = half >> HALF_BITS & 0x1f;
    int fraction = half & ((1 << HALF_BITS) - 1);
    double x;
    if (exponent == 0x1f) {
        x = fraction != 0 ? (double)NAN : HUGE_VAL;
    } else if (exponent == 0) {
        x = ldexp(fraction, 1 - HALF_BIAS - HALF_BITS);
    } else {
        x = ldexp(fraction + (1 << HALF_BITS),
                  exponent - HALF_BIAS - HALF_BITS);
    }
    return half >> 15 != 0 ? -x : x;
}
