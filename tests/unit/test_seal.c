/*
 * test_seal.c - sealing, keys of keys, passwords, secrets.
 *
 * The system's sources of random bytes are refused by the linker where a test
 * says so. Values that others computed: RFC 8439; Python's hashlib.blake2b; the
 * reference implementation of Argon2.
 */
#include <tenon/seal.h>

#include "core.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

static int refused_calls, refused_opens; /* so many from now on fail */
static bool give_little;
static int calls, opens;

ssize_t __real_getrandom(void *buf, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t n, unsigned flags);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

ssize_t
__wrap_getrandom(void *buf, size_t n, unsigned flags)
{
    calls++;
    if (refused_calls > 0) {
        errno = --refused_calls % 2 ? EINTR : ENOSYS;
        return -1;
    }
    return __real_getrandom(buf, give_little && n > 3 ? 3 : n, flags);
}

int
__wrap_open64(const char *path, int flags, ...)
{
    opens++;
    if (refused_opens > 0) {
        refused_opens--;
        errno = ENOENT;
        return -1;
    }
    return __real_open64(path, flags, 0600);
}

/* Bytes of hexadecimal text; returns how many. */
static size_t
from_hex(unsigned char *out, const char *hex)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned byte;

        EQ(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (unsigned char)byte;
    }
    return n;
}

static void
count_up(unsigned char *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (unsigned char)i;
    }
}

/* ---- sealing ---- */

/* RFC 8439 appendix A.5, whose nonce has the shape of ours. */
static const char rfc_key[] =
    "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0";
static const char rfc_ad[] = "f33388860000000000004e91";
static const uint64_t rfc_number = 0x0102030405060708;
static const char rfc_text[] =
    "Internet-Drafts are draft documents valid for a maximum of six months and "
    "may be updated, replaced, or obsoleted by other documents at any time. It "
    "is inappropriate to use Internet-Drafts as reference material or to cite "
    "them other than as /\xe2\x80\x9cwork in progress./\xe2\x80\x9d";
static const char rfc_start[] = "64a0861575861af460f062c79be643bd";
static const char rfc_end[] =
    "7b714d6c6f2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38";

TEST(rfc8439_appendix_a_5)
{
    unsigned char key[TN_SEAL_KEY], ad[12], want[32];
    unsigned char sealed[sizeof(rfc_text) + TN_SEAL_TAG], again[300];
    size_t n = sizeof(rfc_text) - 1;

    EQ(n, 265);
    EQ(from_hex(key, rfc_key), sizeof(key));
    EQ(from_hex(ad, rfc_ad), sizeof(ad));
    EQ(tn_seal(sealed, key, rfc_number, ad, sizeof(ad), rfc_text, n), 281);
    EQ(from_hex(want, rfc_start), 16);
    MEMEQ(sealed, want, 16);
    EQ(from_hex(want, rfc_end), 32);
    MEMEQ(sealed + 281 - 32, want, 32);
    EQ(tn_unseal(again, key, rfc_number, ad, sizeof(ad), sealed, 281), 265);
    MEMEQ(again, rfc_text, 265);
}

TEST(in_place_and_within_its_bounds)
{
    static const size_t sizes[] = {0, 1, 15, 16, 63, 64, 65, 1200, 65536};
    unsigned char key[TN_SEAL_KEY];

    tn_secret(key, sizeof(key));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t n = sizes[i], all = n + TN_SEAL_TAG;
        uint8_t *buf = guard_alloc(all);
        uint8_t *plain = guard_alloc(n + 1);

        tn_secret(plain, n);
        memcpy(buf, plain, n);
        EQ(tn_seal(buf, key, i, NULL, 0, buf, n), all);
        if (n >= 15) {
            CHECK(memcmp(buf, plain, n) != 0);
        }
        EQ(tn_unseal(buf, key, i, NULL, 0, buf, all), n);
        MEMEQ(buf, plain, n);
        guard_free(buf, all);
        guard_free(plain, n + 1);
    }
}

TEST(whatever_is_changed_does_not_open)
{
    unsigned char key[TN_SEAL_KEY], sealed[40 + TN_SEAL_TAG], out[64];
    unsigned char ad[3] = "ad";

    count_up(key, sizeof(key));
    EQ(tn_seal(sealed, key, 7, ad, 3, rfc_text, 40), sizeof(sealed));
    for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
        sealed[bit / 8] ^= (unsigned char)(1u << bit % 8);
        ERR(tn_unseal(out, key, 7, ad, 3, sealed, sizeof(sealed)), -EBADMSG);
        sealed[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof(key); bit++) {
        key[bit / 8] ^= (unsigned char)(1u << bit % 8);
        ERR(tn_unseal(out, key, 7, ad, 3, sealed, sizeof(sealed)), -EBADMSG);
        key[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        ERR(tn_unseal(out, key, 7 ^ UINT64_C(1) << bit, ad, 3, sealed,
                      sizeof(sealed)),
            -EBADMSG);
    }
    ERR(tn_unseal(out, key, 7, ad, 2, sealed, sizeof(sealed)), -EBADMSG);
    ERR(tn_unseal(out, key, 7, NULL, 0, sealed, sizeof(sealed)), -EBADMSG);
    ERR(tn_unseal(out, key, 7, "aD", 3, sealed, sizeof(sealed)), -EBADMSG);
    for (size_t n = 0; n < sizeof(sealed); n++) {
        uint8_t *cut = guard_copy(sealed, n);

        ERR(tn_unseal(out, key, 7, ad, 3, cut, n), -EBADMSG);
        guard_free(cut, n);
    }
    EQ(tn_unseal(out, key, 7, ad, 3, sealed, sizeof(sealed)), 40);
}

TEST(what_is_too_long_is_refused)
{
    static unsigned char buf[TN_SEAL_MOST + TN_SEAL_TAG + 1];
    unsigned char key[TN_SEAL_KEY] = "";

    ERR(tn_seal(buf, key, 0, NULL, 0, buf, TN_SEAL_MOST + 1), -EINVAL);
    ERR(tn_unseal(buf, key, 0, NULL, 0, buf, sizeof(buf)), -EINVAL);
    ERR(tn_seal(buf, key, 0, NULL, 0, buf, SIZE_MAX), -EINVAL);
}

/* ---- keys of keys ---- */

TEST(derive_and_mac_are_blake2b)
{
    unsigned char key[TN_SEAL_KEY], out[TN_SEAL_KEY], want[TN_SEAL_KEY];

    count_up(key, sizeof(key));
    tn_derive(out, key, "up");
    from_hex(want, "e456f593abf0eb0682e026762be0496050f845f90d92164119e08e25c40"
                   "1a18a");
    MEMEQ(out, want, sizeof(out));
    tn_derive(out, key, "");
    from_hex(want, "4e51e7a913fc80137da52880fecca175bf81e117d5c68126dc277403351"
                   "7ea0d");
    MEMEQ(out, want, sizeof(out));
    tn_mac(out, key, "hello", 5);
    from_hex(want, "b6cd31b2100d036e7bfa834e88e5b054");
    MEMEQ(out, want, TN_SEAL_MAC);
    tn_mac(out, key, NULL, 0);
    from_hex(want, "3daf97bce7888fd59773c66bf647459c");
    MEMEQ(out, want, TN_SEAL_MAC);
    key[0] ^= 1;
    tn_mac(out, key, NULL, 0);
    CHECK(!tn_same(out, want, TN_SEAL_MAC));
}

TEST(same_and_wipe)
{
    char a[] = "secret", b[] = "secret";

    CHECK(tn_same(a, b, sizeof(a)));
    CHECK(tn_same(a, "another", 0));
    b[5] = 'T';
    CHECK(!tn_same(a, b, sizeof(a)));
    CHECK(tn_same(a, b, 5));
    tn_wipe(a, 4);
    MEMEQ(a, "\0\0\0\0et", 7);
    tn_wipe(NULL, 0);
}

/* ---- passwords ---- */

static const unsigned char salt[] = "0123456789abcdef";

static int
stretch(void *arg)
{
    static const char text[] = "correct horse";
    unsigned char key[TN_SEAL_KEY], want[TN_SEAL_KEY];

    (void)arg;
    OK(tn_stretch(key, text, 13, salt));
    from_hex(want, "5e5200462044d270c5ecfb1fb9b9c497bfa48f661c229469141c9d2c3bb"
                   "10e02");
    MEMEQ(key, want, sizeof(key));
    OK(tn_stretch(key, text, 12, salt));
    CHECK(!tn_same(key, want, sizeof(key)));
    ERR(tn_stretch(key, text, 0, salt), -EINVAL);
    ERR(tn_stretch(key, text, TN_STRETCH_TEXT + 1, salt), -EINVAL);
    return 0;
}

TEST_EACH_TIMEOUT(a_password_becomes_the_same_key, callers, 30)
{
    OK(run_as(p, stretch, NULL));
}

TEST_TIMEOUT(the_longest_password, 30)
{
    uint8_t *text = guard_alloc(TN_STRETCH_TEXT);
    unsigned char key[TN_SEAL_KEY], other[TN_SEAL_KEY];

    OK(tn_stretch(key, (char *)text, TN_STRETCH_TEXT, salt));
    text[TN_STRETCH_TEXT - 1] = 1;
    OK(tn_stretch(other, (char *)text, TN_STRETCH_TEXT, salt));
    CHECK(!tn_same(key, other, sizeof(key)));
    guard_free(text, TN_STRETCH_TEXT);
}

static int
stretch_and_leave(void *arg)
{
    unsigned char key[TN_SEAL_KEY] = "untouched";
    tn_scope scope;

    (void)arg;
    tn_deadline(&scope, TN_MS);
    ERR(tn_stretch(key, "password", 8, salt), -ETIME);
    MEMEQ(key, "untouched", 10);
    CHECK(tn_scope_end(&scope));
    return 0;
}

/* The worker goes on alone, with what is its own. */
TEST_EACH(a_task_may_leave_its_password, kernels)
{
    OK(run_on(p, stretch_and_leave, NULL));
    usleep(200000 * test_scale()); /* for the leak check */
}

/* ---- secrets ---- */

static void
fill_and_look(size_t n)
{
    uint8_t *buf = guard_alloc(n);
    size_t zeros = 0;

    tn_secret(buf, n);
    for (size_t i = 0; i < n; i++) {
        zeros += buf[i] == 0;
    }
    LE(zeros, n / 8);
    guard_free(buf, n);
}

TEST(secrets_are_filled_to_the_end)
{
    fill_and_look(0);
    fill_and_look(64);
    fill_and_look(100000);
    give_little = true;
    calls = 0;
    fill_and_look(1000);
    EQ(calls, 334);
}

TEST(without_its_call_the_device_serves)
{
    unsigned char key[TN_SEAL_KEY] = "", out[TN_SEAL_KEY];

    refused_calls = 1000;
    opens = 0;
    fill_and_look(64);
    EQ(opens, 1);
    EQ(refused_calls, 998); /* one was an interruption */
    tn_derive(out, key, "x");
    CHECK(!tn_same(out, key, sizeof(key)));
}

TEST(without_either_it_waits)
{
    refused_calls = 7;
    refused_opens = 2;
    fill_and_look(64);
    EQ(refused_opens, 0);
}

/* libsodium would end the process. */
TEST(without_either_nothing_else_is_refused)
{
    unsigned char key[TN_SEAL_KEY] = "", buf[32];

    refused_calls = refused_opens = 1000;
    EQ(tn_seal(buf, key, 1, NULL, 0, "text", 4), 20);
    EQ(tn_unseal(buf, key, 1, NULL, 0, buf, 20), 4);
    MEMEQ(buf, "text", 4);
}

TEST(each_number_is_as_likely)
{
    enum { BELOW = 10, DRAWS = 20000 };

    unsigned count[BELOW] = {0};
    uint32_t large = 0;

    EQ(tn_secret_below(0), 0);
    EQ(tn_secret_below(1), 0);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t n = tn_secret_below(BELOW);

        CHECK(n < BELOW);
        count[n]++;
    }
    for (int i = 0; i < BELOW; i++) { /* seven standard deviations */
        GE(count[i], DRAWS / BELOW - 300);
        LE(count[i], DRAWS / BELOW + 300);
    }
    /* Taken modulo 3 * 2^30, small numbers would come twice as often: 1/2
       below 2^30 and not 1/3. */
    for (int i = 0; i < DRAWS; i++) {
        large += tn_secret_below(3u << 30) < 1u << 30;
    }
    GE(large, DRAWS / 3 - 470);
    LE(large, DRAWS / 3 + 470);
}

/* ---- all at once, from the first call on ---- */

static void
seal_much(void *arg)
{
    unsigned char *out = arg;
    unsigned char key[TN_SEAL_KEY] = "the same key", buf[64];

    for (uint64_t i = 0; i < 1000; i++) {
        EQ(tn_seal(buf, key, i, "a", 1, "text", 4), 20);
        EQ(tn_unseal(buf, key, i, "a", 1, buf, 20), 4);
    }
    tn_derive(out, key, "thread");
}

TEST(threads_begin_together)
{
    enum { THREADS = 8 };

    unsigned char out[THREADS][TN_SEAL_KEY];
    struct test_thread *t[THREADS];

    for (int i = 0; i < THREADS; i++) {
        t[i] = test_thread_start(seal_much, out[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        test_thread_join(t[i]);
        MEMEQ(out[i], out[0], TN_SEAL_KEY);
    }
}
