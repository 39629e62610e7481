/*
 * test_pake.c - CPace: the draft's vectors, and what holds for any exchange.
 *
 * The values are those of draft-irtf-cfrg-cpace, appendix "Test vector for
 * CPace using group ristretto255 and hash SHA-512".
 */
#include <tenon/err.h>
#include <tenon/pake.h>
#include <tenon/seal.h>

#include "test.h"
#include "tls/pake_int.h"

#include <sodium.h>
#include <stdio.h>

static void
from_hex(unsigned char *out, const char *hex)
{
    for (size_t i = 0; i < strlen(hex) / 2; i++) {
        unsigned byte;

        EQ(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (unsigned char)byte;
    }
}

/* ---- the draft's values ---- */

static const char ci[] = "\x0b"
                         "A_initiator"
                         "\x0b"
                         "B_responder";
static const char sid_hex[] = "7e4b4791d6a8ef019b936c79fb7f2c57";
static const char g_hex[] =
    "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56";
static const char ya_hex[] =
    "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08";
static const char share_a_hex[] =
    "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157";
static const char yb_hex[] =
    "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d";
static const char share_b_hex[] =
    "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258";
static const char k_hex[] =
    "80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f";
static const char isk_hex[] =
    "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd"
    "2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447";

/* The draft's session has 16 bytes; those of ours 32 or none. */
static struct pake_terms
draft_terms(unsigned char *sid)
{
    from_hex(sid, sid_hex);
    return (struct pake_terms){
        .code = {"Password", 8},
        .purpose = {ci, sizeof(ci) - 1},
        .session = {sid, 16},
    };
}

TEST(draft_generator)
{
    unsigned char sid[16], got[TN_PAKE_SHARE], want[TN_PAKE_SHARE];
    struct pake_terms terms = draft_terms(sid);

    pake_generator(got, &terms);
    from_hex(want, g_hex);
    MEMEQ(got, want, sizeof(want));
}

TEST(draft_shares)
{
    static const char *const scalars[] = {ya_hex, yb_hex};
    static const char *const shares[] = {share_a_hex, share_b_hex};
    unsigned char sid[16], scalar[PAKE_SCALAR], want[TN_PAKE_SHARE];
    struct pake_terms terms = draft_terms(sid);
    tn_pake *p;

    for (int i = 0; i < 2; i++) {
        from_hex(scalar, scalars[i]);
        from_hex(want, shares[i]);
        OK(pake_new_with(&p, TN_PAKE_FIRST, &terms, scalar));
        MEMEQ(tn_pake_share(p), want, sizeof(want));
        tn_pake_free(p);
    }
}

TEST(draft_isk)
{
    unsigned char sid[16], k[32], a[32], b[32], got[PAKE_ISK], want[PAKE_ISK];
    unsigned char scalar[PAKE_SCALAR], point[32];
    struct pake_terms terms = draft_terms(sid);
    const struct pake_message said[] = {
        {.share = {a, sizeof(a)}, .ad = {"ADa", 3}},
        {.share = {b, sizeof(b)}, .ad = {"ADb", 3}},
    };

    from_hex(a, share_a_hex);
    from_hex(b, share_b_hex);
    from_hex(k, k_hex);
    from_hex(scalar, ya_hex);
    EQ(crypto_scalarmult_ristretto255(point, scalar, b), 0);
    MEMEQ(point, k, sizeof(k));
    pake_isk(got, k, terms.session, said);
    from_hex(want, isk_hex);
    MEMEQ(got, want, sizeof(want));
}

/* Y_i1 is no encoding, Y_i2 the neutral element. */
TEST(draft_invalid_shares)
{
    static const char *const bad[] = {
        "2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c",
        "0000000000000000000000000000000000000000000000000000000000000000",
    };
    static const char good[] =
        "2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c";
    unsigned char share[TN_PAKE_SHARE], key[TN_PAKE_KEY];
    unsigned char zeros[TN_PAKE_KEY] = {0};
    tn_pake *p;

    for (int i = 0; i < 4; i++) {
        from_hex(share, bad[i % 2]);
        memset(key, 0xaa, sizeof(key));
        OK(tn_pake_new(&p, i < 2 ? TN_PAKE_FIRST : TN_PAKE_SECOND, "c", 1, "p",
                       NULL));
        ERR(tn_pake_finish(p, share, key), -EBADMSG);
        MEMEQ(key, zeros, sizeof(key));
        tn_pake_free(p);
    }
    from_hex(share, good);
    OK(tn_pake_new(&p, TN_PAKE_FIRST, "c", 1, "p", NULL));
    OK(tn_pake_finish(p, share, key));
    tn_pake_free(p);
}

/* A scalar of zero would send the neutral element. */
TEST(no_scalar_of_zero)
{
    unsigned char zero[PAKE_SCALAR] = {0}, sid[16];
    struct pake_terms terms = draft_terms(sid);
    tn_pake *p;

    EQ(pake_new_with(&p, TN_PAKE_FIRST, &terms, zero), -EDOM);
    CHECK(!p);
}

/* ---- exchanges ---- */

/* What one side has. */
struct terms {
    const char *code;
    size_t n;
    const char *purpose;
    const unsigned char *session;
    enum tn_pake_side side;
};

/* Do both arrive at the same key? */
static bool
agree(const struct terms *a, const struct terms *b)
{
    unsigned char key[2][TN_PAKE_KEY];
    tn_pake *p[2];

    OK(tn_pake_new(&p[0], a->side, a->code, a->n, a->purpose, a->session));
    OK(tn_pake_new(&p[1], b->side, b->code, b->n, b->purpose, b->session));
    CHECK(memcmp(tn_pake_share(p[0]), tn_pake_share(p[1]), TN_PAKE_SHARE) != 0);
    OK(tn_pake_finish(p[0], tn_pake_share(p[1]), key[0]));
    OK(tn_pake_finish(p[1], tn_pake_share(p[0]), key[1]));
    tn_pake_free(p[0]);
    tn_pake_free(p[1]);
    return memcmp(key[0], key[1], TN_PAKE_KEY) == 0;
}

TEST(the_same_terms_make_the_same_key)
{
    unsigned char session[TN_PAKE_SHARE];
    struct terms a = {"123456", 6, "test", NULL, TN_PAKE_FIRST};
    struct terms b = {"123456", 6, "test", NULL, TN_PAKE_SECOND};
    char code[TN_PAKE_CODE], purpose[TN_PAKE_PURPOSE + 1] = "";

    for (int i = 0; i < 20; i++) {
        CHECK(agree(&a, &b));
    }
    tn_secret(session, sizeof(session));
    a.session = b.session = session;
    CHECK(agree(&a, &b));
    memset(code, 'c', sizeof(code));
    memset(purpose, 'p', sizeof(purpose) - 1);
    a.code = b.code = code;
    a.purpose = b.purpose = purpose;
    for (size_t n = 1; n <= sizeof(code); n++) { /* past the hash's block */
        a.n = b.n = n;
        CHECK(agree(&a, &b));
    }
    a.purpose = b.purpose = "";
    CHECK(agree(&a, &b));
}

TEST(other_terms_make_other_keys)
{
    unsigned char session[TN_PAKE_SHARE] = {0}, other[TN_PAKE_SHARE] = {1};
    const struct terms a = {"123456", 6, "test", session, TN_PAKE_FIRST};
    const struct terms b[] = {
        {"123457", 6, "test", session, TN_PAKE_SECOND},
        {"123456", 5, "test", session, TN_PAKE_SECOND},
        {"123456", 7, "test", session, TN_PAKE_SECOND},
        {"123456", 6, "tesT", session, TN_PAKE_SECOND},
        {"123456", 6, "", session, TN_PAKE_SECOND},
        {"123456", 6, "test", other, TN_PAKE_SECOND},
        {"123456", 6, "test", NULL, TN_PAKE_SECOND},
        {"123456", 6, "test", session, TN_PAKE_FIRST},
    };

    for (size_t i = 0; i < sizeof(b) / sizeof(b[0]); i++) {
        if (agree(&a, &b[i])) {
            FAIL("row %zu agrees", i);
        }
    }
}

TEST(an_exchange_serves_once)
{
    unsigned char key[TN_PAKE_KEY], zeros[TN_PAKE_KEY] = {0};
    tn_pake *a, *b;

    OK(tn_pake_new(&a, TN_PAKE_FIRST, "code", 4, "p", NULL));
    OK(tn_pake_new(&b, TN_PAKE_SECOND, "code", 4, "p", NULL));
    OK(tn_pake_finish(a, tn_pake_share(b), key));
    ERR(tn_pake_finish(a, tn_pake_share(b), key), -EINVAL);
    MEMEQ(key, zeros, sizeof(key));
    ERR(tn_pake_finish(b, tn_pake_share(b), key), -EBADMSG); /* its own */
    ERR(tn_pake_finish(b, tn_pake_share(a), key), -EINVAL);
    MEMEQ(key, zeros, sizeof(key));
    tn_pake_free(a);
    tn_pake_free(b);
    tn_pake_free(NULL);
}

TEST(what_cannot_begin)
{
    char purpose[TN_PAKE_PURPOSE + 2] = "";
    char code[TN_PAKE_CODE + 1] = "";
    tn_pake *p;

    memset(purpose, 'p', sizeof(purpose) - 1);
    ERR(tn_pake_new(&p, TN_PAKE_FIRST, "", 0, "p", NULL), -EINVAL);
    CHECK(!p);
    ERR(tn_pake_new(&p, TN_PAKE_FIRST, code, sizeof(code), "p", NULL), -EINVAL);
    ERR(tn_pake_new(&p, TN_PAKE_FIRST, "c", 1, purpose, NULL), -EINVAL);
    ERR(tn_pake_new(&p, TN_PAKE_FIRST, "c", 1, NULL, NULL), -EINVAL);
    ERR(tn_pake_new(&p, (enum tn_pake_side)2, "c", 1, "p", NULL), -EINVAL);
    CHECK(!p);
    purpose[TN_PAKE_PURPOSE] = '\0';
    OK(tn_pake_new(&p, TN_PAKE_FIRST, code, sizeof(code) - 1, purpose, NULL));
    tn_pake_free(p);
}

/* ---- what strangers send ---- */

/* Any 32 bytes are a key that nobody else has, or refused with zeros. */
static void
finish_with(const unsigned char *theirs, int *taken)
{
    static const unsigned char zeros[TN_PAKE_KEY];
    uint8_t *share = guard_copy(theirs, TN_PAKE_SHARE);
    uint8_t *key = guard_alloc(TN_PAKE_KEY);
    tn_pake *p;
    int r;

    OK(tn_pake_new(&p, TN_PAKE_SECOND, "123456", 6, "test", NULL));
    r = tn_pake_finish(p, share, key);
    if (r == 0) {
        CHECK(crypto_core_ristretto255_is_valid_point(theirs));
        CHECK(theirs[TN_PAKE_SHARE - 1] < 0x80);
        CHECK(memcmp(key, zeros, sizeof(zeros)) != 0);
        *taken += 1;
    } else {
        EQ(r, -EBADMSG);
        CHECK(memcmp(key, zeros, sizeof(zeros)) == 0);
    }
    tn_pake_free(p);
    guard_free(share, TN_PAKE_SHARE);
    guard_free(key, TN_PAKE_KEY);
}

TEST_TIMEOUT(any_bytes_may_come, 30)
{
    int rounds = test_slow() ? 20000 : 1000;
    unsigned char share[TN_PAKE_SHARE];
    int taken = 0;

    for (int i = 0; i < rounds; i++) {
        tn_secret(share, sizeof(share));
        finish_with(share, &taken);
    }
    /* One in sixteen encodes an element: below 2^255, even, and of the curve's
       squares. */
    GE(taken, rounds / 64);
    LE(taken, rounds / 8);
}

/* RFC 9496: each element has one encoding, so no bit of a share can change
   unseen. */
TEST(no_bit_is_spare)
{
    unsigned char share[TN_PAKE_SHARE], key[TN_PAKE_KEY], first[TN_PAKE_KEY];
    unsigned char scalar[PAKE_SCALAR], sid[16];
    struct pake_terms terms = draft_terms(sid);
    int taken = 0;
    tn_pake *p;

    from_hex(scalar, ya_hex);
    from_hex(share, share_b_hex);
    OK(pake_new_with(&p, TN_PAKE_FIRST, &terms, scalar));
    OK(tn_pake_finish(p, share, first));
    tn_pake_free(p);
    for (int bit = 0; bit < 8 * TN_PAKE_SHARE; bit++) {
        share[bit / 8] ^= (unsigned char)(1u << bit % 8);
        OK(pake_new_with(&p, TN_PAKE_FIRST, &terms, scalar));
        if (tn_pake_finish(p, share, key) == 0) {
            CHECK(memcmp(key, first, sizeof(key)) != 0);
            taken++;
        }
        tn_pake_free(p);
        share[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    GE(taken, 1);
}

/* Every element once more, with the bit that the field has no use for. */
TEST(the_highest_bit_is_no_exception)
{
    unsigned char share[TN_PAKE_SHARE], key[TN_PAKE_KEY];
    tn_pake *p;

    from_hex(share, share_b_hex);
    share[TN_PAKE_SHARE - 1] |= 0x80;
    OK(tn_pake_new(&p, TN_PAKE_FIRST, "c", 1, "p", NULL));
    ERR(tn_pake_finish(p, share, key), -EBADMSG);
    tn_pake_free(p);
}
