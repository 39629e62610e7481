/*
 * tenon/pake.h - a short code that two people share becomes a strong key.
 *
 * A password-authenticated key exchange (CPace): each side sends one share of
 * 32 bytes, and both arrive at the same key if, and only if, they know the
 * same code. Who listens learns nothing to try codes on at home; who takes
 * part can try one code each time. So count the failures, and six digits are
 * enough.
 *
 *     tn_pake_new(&p, TN_PAKE_FIRST, code, strlen(code), "my protocol", NULL);
 *     send tn_pake_share(p); receive theirs; tn_pake_finish(p, theirs, key);
 *
 * That the keys are the same is not proven by this: use them, with
 * tn_tls_psk() or tn_seal(), and see.
 *
 * Errors:  negative codes of err.h.
 * Threads: any, one at a time for one exchange.
 * Next:    seal.h and tls.h, which take the key.
 */
#ifndef TENON_PAKE_H
#define TENON_PAKE_H

#include <tenon/api.h>

#include <stddef.h>

enum {
    TN_PAKE_SHARE = 32,    /* bytes that each side sends */
    TN_PAKE_KEY = 32,      /* bytes of the key */
    TN_PAKE_CODE = 256,    /* bytes of a code at most */
    TN_PAKE_PURPOSE = 255, /* bytes of a purpose at most */
};

enum tn_pake_side {
    TN_PAKE_FIRST,  /* who sends its share first */
    TN_PAKE_SECOND, /* who answers */
};

/* One exchange; of no use for a second one. */
typedef struct tn_pake tn_pake;

TN_BEGIN_DECLS

/**
 * Begin an exchange.
 *
 * @param out      given (end with tn_pake_free()); NULL on failure.
 * @param side     which one this is.
 * @param code     borrowed until return; `n` bytes.
 * @param n        bytes; 1 to TN_PAKE_CODE.
 * @param purpose  borrowed until return; what the key is for, the same text on
 *                 both sides (the draft's CI); at most TN_PAKE_PURPOSE bytes.
 * @param session  borrowed until return; TN_PAKE_SHARE bytes that both sides
 *                 have and that are new each time (the draft's sid); or NULL.
 * @return 0; -EINVAL; -ENOMEM.
 * @suspends   no; takes a tenth of a millisecond.
 * @thread     any.
 * @see        draft-irtf-cfrg-cpace, CPACE-RISTR255-SHA512.
 */
TN_API TN_USE int tn_pake_new(tn_pake **out, enum tn_pake_side side,
                              const char *code, size_t n, const char *purpose,
                              const unsigned char *session);

/**
 * Return what the other side needs.
 *
 * @param p  borrowed.
 * @return borrowed until tn_pake_free(); TN_PAKE_SHARE bytes.
 * @suspends   no.
 * @thread     any.
 * @see        tn_pake_new().
 */
TN_API const unsigned char *tn_pake_share(const tn_pake *p);

/**
 * Make the key of the other side's share.
 *
 * It is BLAKE2b-256 of "tenon pake key", keyed with the 64 bytes of the draft's
 * ISK in its order for initiator and responder, no associated data.
 *
 * @param p       borrowed; only good for tn_pake_free() afterwards.
 * @param theirs  borrowed; TN_PAKE_SHARE bytes.
 * @param key     filled; TN_PAKE_KEY bytes; zeroed on failure.
 * @return 0; -EBADMSG: no honest peer sends such a share, our own among them;
 *   -EINVAL: done before.
 * @suspends   no.
 * @thread     any.
 * @see        tn_pake_new().
 */
TN_API TN_USE int tn_pake_finish(tn_pake *p, const unsigned char *theirs,
                                 unsigned char *key);

/**
 * Forget an exchange and its secrets.
 *
 * @param p  taken; NULL is harmless.
 * @suspends   no.
 * @thread     any.
 * @see        tn_pake_new().
 */
TN_API void tn_pake_free(tn_pake *p);

TN_END_DECLS

#endif
