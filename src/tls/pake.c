/*
 * pake.c - CPace, draft-irtf-cfrg-cpace: CPACE-RISTR255-SHA512, in the setting
 * with an initiator and a responder.
 *
 * Of the code a point of the group is made; each side sends a random multiple
 * of it, and the product of both is the secret. Without the code nobody knows
 * what was multiplied. The group has prime order and one encoding for each
 * element, so that there are no points to watch out for but the neutral one.
 */
#include <tenon/err.h>
#include <tenon/seal.h>

#include "tls/pake_int.h"
#include "tls/seal_int.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define DSI     "CPaceRistretto255"
#define DSI_ISK "CPaceRistretto255_ISK"

/* What the key is for, as the draft asks not to use its ISK itself. */
#define KEY_LABEL "tenon pake key"

enum {
    SHA512_BLOCK = 128, /* the draft's H.s_in_bytes */
};

_Static_assert(TN_PAKE_SHARE == crypto_core_ristretto255_BYTES &&
                   PAKE_SCALAR == crypto_core_ristretto255_SCALARBYTES &&
                   PAKE_ISK == crypto_hash_sha512_BYTES &&
                   PAKE_ISK == crypto_core_ristretto255_HASHBYTES &&
                   PAKE_ISK <= crypto_generichash_KEYBYTES_MAX,
               "the parts fit");

struct tn_pake {
    enum tn_pake_side side;
    bool done, has_session;
    unsigned char session[TN_PAKE_SHARE];
    unsigned char scalar[PAKE_SCALAR];
    unsigned char share[TN_PAKE_SHARE];
};

/* ---- strings of the draft ---- */

/* LEB128: seven bits in a byte, the least first. How many bytes. */
static size_t
write_length(unsigned char *out, size_t n)
{
    size_t len = 0;

    do {
        out[len] = (unsigned char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        len++;
        n >>= 7;
    } while (n > 0);
    return len;
}

/* Hash bytes behind their length: the draft's prepend_len(), and lv_cat() when
   done for one string after the other. Returns how many bytes were hashed. */
static size_t
add(crypto_hash_sha512_state *hash, const void *at, size_t n)
{
    unsigned char length[sizeof(size_t) * 8 / 7 + 1];
    size_t len = write_length(length, n);

    (void)crypto_hash_sha512_update(hash, length, len);
    (void)crypto_hash_sha512_update(hash, at, n);
    return len + n;
}

void
pake_generator(unsigned char *out, const struct pake_terms *terms)
{
    static const unsigned char zeros[SHA512_BLOCK];
    unsigned char digest[PAKE_ISK];
    crypto_hash_sha512_state hash;
    size_t used;

    (void)crypto_hash_sha512_init(&hash);
    used = add(&hash, DSI, sizeof(DSI) - 1);
    used += add(&hash, terms->code.at, terms->code.n);
    /* Up to the end of the first block, so that no clock tells how long a code
       is. */
    used += 1;
    add(&hash, zeros, used < SHA512_BLOCK ? SHA512_BLOCK - used : 0);
    add(&hash, terms->purpose.at, terms->purpose.n);
    add(&hash, terms->session.at, terms->session.n);
    (void)crypto_hash_sha512_final(&hash, digest);
    (void)crypto_core_ristretto255_from_hash(out, digest);
    tn_wipe(digest, sizeof(digest));
    tn_wipe(&hash, sizeof(hash));
}

void
pake_isk(unsigned char *out, const unsigned char *secret,
         struct pake_bytes session, const struct pake_message said[2])
{
    crypto_hash_sha512_state hash;

    (void)crypto_hash_sha512_init(&hash);
    add(&hash, DSI_ISK, sizeof(DSI_ISK) - 1);
    add(&hash, session.at, session.n);
    add(&hash, secret, TN_PAKE_SHARE);
    for (int i = 0; i < 2; i++) {
        add(&hash, said[i].share.at, said[i].share.n);
        add(&hash, said[i].ad.at, said[i].ad.n);
    }
    (void)crypto_hash_sha512_final(&hash, out);
    tn_wipe(&hash, sizeof(hash));
}

/* ---- an exchange ---- */

int
pake_new_with(tn_pake **out, enum tn_pake_side side,
              const struct pake_terms *terms, const unsigned char *scalar)
{
    unsigned char generator[TN_PAKE_SHARE];
    tn_pake *p = calloc(1, sizeof(*p));
    int r;

    *out = NULL;
    if (!p) {
        return -ENOMEM;
    }
    tls_seal_ready();
    p->side = side;
    p->has_session = terms->session.n == sizeof(p->session);
    if (p->has_session) {
        memcpy(p->session, terms->session.at, sizeof(p->session));
    }
    memcpy(p->scalar, scalar, sizeof(p->scalar));
    pake_generator(generator, terms);
    r = crypto_scalarmult_ristretto255(p->share, scalar, generator);
    tn_wipe(generator, sizeof(generator));
    if (r != 0) { /* the scalar is 0 */
        tn_pake_free(p);
        return -EDOM;
    }
    *out = p;
    return 0;
}

/* Any scalar, each as likely: so many bits are too many that taking them modulo
   the order of the group favours none. */
static void
draw_scalar(unsigned char *scalar)
{
    unsigned char bits[crypto_core_ristretto255_NONREDUCEDSCALARBYTES];

    tn_secret(bits, sizeof(bits));
    crypto_core_ristretto255_scalar_reduce(scalar, bits);
    tn_wipe(bits, sizeof(bits));
}

int
tn_pake_new(tn_pake **out, enum tn_pake_side side, const char *code, size_t n,
            const char *purpose, const unsigned char *session)
{
    struct pake_terms terms = {
        .code = {code, n},
        .purpose = {purpose, purpose ? strlen(purpose) : 0},
        .session = {session, session ? TN_PAKE_SHARE : 0},
    };
    unsigned char scalar[PAKE_SCALAR];
    int r;

    *out = NULL;
    if ((side != TN_PAKE_FIRST && side != TN_PAKE_SECOND) || n < 1 ||
        n > TN_PAKE_CODE || !purpose || terms.purpose.n > TN_PAKE_PURPOSE) {
        return tn_fail(-EINVAL, "pake", "side, code or purpose");
    }
    do {
        draw_scalar(scalar);
        r = pake_new_with(out, side, &terms, scalar);
    } while (r == -EDOM); /* once in the life of the universe */
    tn_wipe(scalar, sizeof(scalar));
    return r < 0 ? tn_fail(r, "pake", NULL) : 0;
}

const unsigned char *
tn_pake_share(const tn_pake *p)
{
    return p->share;
}

/* RFC 9496 section 4.3.1 refuses what is not below 2^255; libsodium 1.0.18
   overlooks the highest bit. */
static bool
has_spare_bit(const unsigned char *share)
{
    return (share[TN_PAKE_SHARE - 1] & 0x80) != 0;
}

/* The secret point into a key, with all that was said. */
static void
make_key(const tn_pake *p, const unsigned char *theirs,
         const unsigned char *secret, unsigned char *key)
{
    struct pake_message ours = {.share = {p->share, sizeof(p->share)}};
    struct pake_message other = {.share = {theirs, TN_PAKE_SHARE}};
    struct pake_message said[2] = {ours, other};
    struct pake_bytes session = {p->session,
                                 p->has_session ? sizeof(p->session) : 0};
    unsigned char isk[PAKE_ISK];

    if (p->side == TN_PAKE_SECOND) {
        said[0] = other;
        said[1] = ours;
    }
    pake_isk(isk, secret, session, said);
    (void)crypto_generichash(key, TN_PAKE_KEY, (const unsigned char *)KEY_LABEL,
                             sizeof(KEY_LABEL) - 1, isk, sizeof(isk));
    tn_wipe(isk, sizeof(isk));
}

int
tn_pake_finish(tn_pake *p, const unsigned char *theirs, unsigned char *key)
{
    unsigned char secret[TN_PAKE_SHARE];
    int r = 0;

    memset(key, 0, TN_PAKE_KEY);
    if (p->done) {
        return tn_fail(-EINVAL, "pake", "it is done");
    }
    p->done = true;
    /* Refused: what encodes no element, the neutral one, and our own share that
       somebody sends back. */
    if (memcmp(theirs, p->share, sizeof(p->share)) == 0 ||
        has_spare_bit(theirs) ||
        crypto_scalarmult_ristretto255(secret, p->scalar, theirs) != 0) {
        r = tn_fail(-EBADMSG, "pake", "not an honest share");
    } else {
        make_key(p, theirs, secret, key);
    }
    tn_wipe(secret, sizeof(secret));
    tn_wipe(p->scalar, sizeof(p->scalar));
    return r;
}

void
tn_pake_free(tn_pake *p)
{
    if (p) {
        tn_wipe(p, sizeof(*p));
        free(p);
    }
}
