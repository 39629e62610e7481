/*
 * test_pack.c - pack and unpack by their own rules; tests/conform compares them
 * with Python.
 */
#include <tenon/err.h>
#include <tenon/pack.h>

#include "test.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

TEST(the_course_s_header)
{
    uint8_t buf[4];
    int n = 0;
    EQ(tn_pack(buf, sizeof(buf), "i", 199), 4);
    EQ(tn_unpack(buf, sizeof(buf), "i", &n), 4);
    EQ(n, 199);
}

TEST(sizes_are_those_of_python)
{
    EQ(tn_calcsize(""), 0);
    EQ(tn_calcsize("@"), 0);
    EQ(tn_calcsize("bi"), 8);
    EQ(tn_calcsize("=bi"), 5);
    EQ(tn_calcsize("i0q"), 8);
    EQ(tn_calcsize("<i0q"), 4);
    EQ(tn_calcsize("b3xh 2s\n5p"), 13);
    EQ(tn_calcsize("l"), sizeof(long));
    EQ(tn_calcsize("!l"), 4);
    EQ(tn_calcsize("nNP"), 3 * sizeof(void *));
    EQ(tn_calcsize("0s"), 0);
    EQ(tn_calcvalues("3i2x4s0b0sP"), 6);
}

static const struct test_param bad_formats[] = {
    {.name = "3"},
    {.name = "x3"},
    {.name = "2 i"},
    {.name = " <i"},
    {.name = "i<"},
    {.name = "<n"},
    {.name = "=N"},
    {.name = ">P"},
    {.name = "y"},
    {.name = "\xc3\xa9"},
    {.name = "-1i"},
    {.name = "<<i"},
    {.name = "9223372036854775807i"},
    {.name = "x9223372036854775807x"},
    {.name = "99999999999999999999b"},
};

TEST_EACH(bad_formats_are_told, bad_formats)
{
    uint8_t buf[8];
    ERR(tn_calcsize(p->name), TN_EFORMAT);
    ERR(tn_calcvalues(p->name), TN_EFORMAT);
    ERR(tn_pack(buf, sizeof(buf), p->name, 1), TN_EFORMAT);
    ERR(tn_unpack(buf, sizeof(buf), p->name, NULL), TN_EFORMAT);
}

TEST(every_type_as_argument)
{
    uint8_t buf[128];
    const char *fmt = ">cbB?hHiIlLqQefd4s5p";
    ssize_t n = tn_pack(buf, sizeof(buf), fmt, 'c', -1, 255, true, -2, 65535,
                        -3, UINT_MAX, -4L, 0xffffffffUL, LLONG_MIN, ULLONG_MAX,
                        1.5, 2.5, 3.5, "abcdef", "xyz");
    EQ(n, tn_calcsize(fmt));

    char c;
    int8_t b;
    uint8_t ub;
    bool yes;
    short h;
    unsigned short uh;
    int i;
    unsigned ui;
    long l;
    unsigned long ul;
    long long q;
    unsigned long long uq;
    float e, f;
    double d;
    tn_view s, t;
    EQ(tn_unpack(buf, (size_t)n, fmt, &c, &b, &ub, &yes, &h, &uh, &i, &ui, &l,
                 &ul, &q, &uq, &e, &f, &d, &s, &t),
       n);
    EQ(c, 'c');
    EQ(b, -1);
    EQ(ub, 255);
    CHECK(yes);
    EQ(h, -2);
    EQ(uh, 65535);
    EQ(i, -3);
    EQ(ui, UINT_MAX);
    EQ(l, -4);
    EQ(ul, 0xffffffffUL);
    EQ(q, LLONG_MIN);
    CHECK(uq == ULLONG_MAX);
    CHECK(e == 1.5f && f == 2.5f && d == 3.5);
    EQ(s.len, 4);
    MEMEQ(s.data, "abcd", 4);
    EQ(t.len, 3);
    MEMEQ(t.data, "xyz", 3);
}

TEST(native_types_as_arguments)
{
    uint8_t buf[64];
    int here, *there;
    ssize_t n = tn_pack(buf, sizeof(buf), "nNP", (ssize_t)-7, SIZE_MAX, &here);
    EQ(n, 3 * sizeof(void *));
    ssize_t a;
    size_t b;
    EQ(tn_unpack(buf, (size_t)n, "nNP", &a, &b, &there), n);
    EQ(a, -7);
    CHECK(b == SIZE_MAX);
    CHECK(there == &here);
}

TEST(null_skips_a_value)
{
    uint8_t buf[] = {1, 2, 3};
    uint8_t last = 0;
    EQ(tn_unpack(buf, 3, "BcB", NULL, NULL, &last), 3);
    EQ(last, 3);
}

TEST(buffers_one_short_exact_one_long)
{
    uint8_t *exact = guard_alloc(6);
    unsigned a = 0, b = 0;
    EQ(tn_pack(exact, 6, ">HI", 1, 2u), 6);
    MEMEQ(exact, "\0\1\0\0\0\2", 6);
    ERR(tn_pack(exact, 5, ">HI", 1, 2u), -ENOBUFS);
    EQ(tn_unpack(exact, 6, ">2xI", &a), 6);
    EQ(a, 2);
    ERR(tn_unpack(exact, 5, ">2xI", &b), -ENOBUFS);
    EQ(b, 0);
    guard_free(exact, 6);
    uint8_t longer[7] = {0, 0, 0, 0, 0, 0, 77};
    EQ(tn_pack(longer, 7, ">HI", 1, 2u), 6);
    EQ(longer[6], 77);
}

TEST(padding_is_zero)
{
    uint8_t buf[16];
    memset(buf, 0xff, sizeof(buf));
    EQ(tn_pack(buf, sizeof(buf), "bxi0q", 1, 2), 8);
    EQ(buf[1] | buf[2] | buf[3], 0);
    EQ(tn_pack(buf, sizeof(buf), "3x"), 3);
}

/* Pack one value; the size of the format or the error. */
static ssize_t
packs(const char *fmt, tn_value v)
{
    uint8_t buf[16];
    return tn_packv(buf, sizeof(buf), fmt, &v, 1);
}

static tn_value
i(int64_t value)
{
    return (tn_value){.kind = TN_INT, .u.i = value};
}

static tn_value
u(uint64_t value)
{
    return (tn_value){.kind = TN_UINT, .u.u = value};
}

static tn_value
f(double value)
{
    return (tn_value){.kind = TN_FLOAT, .u.f = value};
}

TEST(integers_have_exact_ranges)
{
    EQ(packs("b", i(127)), 1);
    ERR(packs("b", i(128)), TN_ERANGE);
    EQ(packs("b", i(-128)), 1);
    ERR(packs("b", i(-129)), TN_ERANGE);
    ERR(packs("b", u(128)), TN_ERANGE);
    EQ(packs("B", i(255)), 1);
    ERR(packs("B", i(256)), TN_ERANGE);
    ERR(packs("B", i(-1)), TN_ERANGE);
    EQ(packs("<l", i(INT32_MAX)), 4);
    ERR(packs("<l", i(INT32_MAX + INT64_C(1))), TN_ERANGE);
    EQ(packs("<L", u(UINT32_MAX)), 4);
    ERR(packs("<L", u(UINT32_MAX + UINT64_C(1))), TN_ERANGE);
    EQ(packs("q", i(INT64_MIN)), 8);
    EQ(packs("q", u(INT64_MAX)), 8);
    ERR(packs("q", u(INT64_MAX + UINT64_C(1))), TN_ERANGE);
    EQ(packs("Q", u(UINT64_MAX)), 8);
    ERR(packs("Q", i(-1)), TN_ERANGE);
    EQ(packs("c", i(-128)), 1);
    EQ(packs("c", i(255)), 1);
    ERR(packs("c", i(256)), TN_ERANGE);
    ERR(packs("c", i(-129)), TN_ERANGE);
}

TEST(kinds_go_with_their_types)
{
    tn_value bytes = {.kind = TN_BYTES,
                      .u.bytes = {(uint8_t *)(uintptr_t) "ab", 2}};
    ERR(packs("i", f(1)), -EINVAL);
    ERR(packs("I", bytes), -EINVAL);
    ERR(packs("d", bytes), -EINVAL);
    ERR(packs("?", bytes), -EINVAL);
    ERR(packs("c", bytes), -EINVAL);
    ERR(packs("3s", i(1)), -EINVAL);
    EQ(packs("d", i(-1)), 8);
    EQ(packs("d", u(1)), 8);
    EQ(packs("?", f(0.5)), 1);
    EQ(packs("3s", bytes), 3);
    bytes.u.bytes.len = 1;
    EQ(packs("c", bytes), 1);
}

TEST(the_count_of_values_is_exact)
{
    uint8_t buf[16] = {0};
    tn_value v[4] = {{.kind = TN_INT}};
    ERR(tn_packv(buf, 16, "3b", v, 2), -EINVAL);
    ERR(tn_packv(buf, 16, "3b", v, 4), -EINVAL);
    EQ(tn_packv(buf, 16, "", NULL, 0), 0);
    ERR(tn_unpackv(buf, 16, "3b", v, 2), -EINVAL);
    EQ(tn_unpackv(buf, 16, "3b", v, 3), 3);
    ERR(tn_packv(buf, 16, "3y", v, 3), TN_EFORMAT);
}

/* The half float of a double, as a number. */
static int
half(double x)
{
    uint8_t buf[2];
    ssize_t n = tn_pack(buf, 2, ">e", x);
    return n < 0 ? (int)n : buf[0] << 8 | buf[1];
}

TEST(half_floats_round_once_to_even)
{
    EQ(half(1.0), 0x3c00);
    EQ(half(-2.0), 0xc000);
    EQ(half(65504.0), 0x7bff);
    EQ(half(65519.99), 0x7bff);
    EQ(half(65520.0), TN_ERANGE);
    EQ(half(-1e300), TN_ERANGE);
    EQ(half(HUGE_VAL), 0x7c00);
    EQ(half(-HUGE_VAL), 0xfc00);
    EQ(half((double)NAN) & 0x7fff, 0x7e00);
    EQ(half(-0.0), 0x8000);
    EQ(half(1 + ldexp(1, -11)), 0x3c00);
    EQ(half(1 + ldexp(3, -11)), 0x3c02);
    EQ(half(1 + ldexp(1, -11) + ldexp(1, -40)), 0x3c01);
    EQ(half(ldexp(1, -24)), 0x0001);
    EQ(half(ldexp(1, -25)), 0x0000);
    EQ(half(ldexp(1, -25) * 1.0000001), 0x0001);
    EQ(half(ldexp(3, -25)), 0x0002);
    EQ(half(ldexp(1, -26)), 0x0000);
    EQ(half(DBL_TRUE_MIN), 0x0000);
    EQ(half(ldexp(1, -14) - ldexp(1, -25)), 0x0400);
    EQ(half(ldexp(1, -14) - ldexp(1, -24)), 0x03ff);
}

TEST(all_half_floats_go_there_and_back)
{
    for (int bits = 0; bits < 0x10000; bits++) {
        uint8_t buf[2] = {(uint8_t)(bits >> 8), (uint8_t)bits};
        float x;
        EQ(tn_unpack(buf, 2, ">e", &x), 2);
        if (!isnan(x)) {
            EQ(half((double)x), bits);
        }
    }
}

TEST(a_float_that_is_too_large)
{
    EQ(packs("f", f(1e39)), 4);
    ERR(packs("<f", f(1e39)), TN_ERANGE);
    ERR(packs("=f", f(-1e39)), TN_ERANGE);
    EQ(packs("<f", f(HUGE_VAL)), 4);
    EQ(packs("<f", f(3.4028234e38)), 4);
}

TEST(strings_are_cut_and_filled)
{
    uint8_t buf[8];
    EQ(tn_pack(buf, 8, "3s2s", "abcdef", "x"), 5);
    MEMEQ(buf, "abcx\0", 5);
    EQ(tn_pack(buf, 8, "4p", "abcdef"), 4);
    MEMEQ(buf, "\3abc", 4);
    EQ(tn_pack(buf, 8, "1p0s0p", "abcdef", "x", "y"), 1);
    EQ(buf[0], 0);
    tn_view v;
    EQ(tn_unpack("\xff"
                 "abc",
                 4, "4p", &v),
       4);
    EQ(v.len, 3);
    EQ(tn_unpack("a\0b\0", 4, "4s", &v), 4);
    EQ(v.len, 4);
}

TEST(a_string_is_read_up_to_its_size_only)
{
    uint8_t buf[4];
    uint8_t *unterminated = guard_copy("abcd", 4);
    EQ(tn_pack(buf, 4, "4s", (char *)unterminated), 4);
    MEMEQ(buf, "abcd", 4);
    guard_free(unterminated, 4);
}
