/*
 * pake_int.h - the steps of CPace one by one, for tests with known scalars.
 */
#ifndef TENON_TLS_PAKE_INT_H
#define TENON_TLS_PAKE_INT_H

#include <tenon/pake.h>

enum {
    PAKE_SCALAR = 32,
    PAKE_ISK = 64, /* the draft's intermediate session key */
};

/* Bytes with their length. */
struct pake_bytes {
    const void *at;
    size_t n;
};

/* What both sides know; the draft's PRS, CI and sid. */
struct pake_terms {
    struct pake_bytes code, purpose, session;
};

/* What one side sends; `ad` are the draft's ADa and ADb, empty in ours. */
struct pake_message {
    struct pake_bytes share, ad;
};

/* The generator that a code stands for, encoded: TN_PAKE_SHARE bytes. */
void pake_generator(unsigned char *out, const struct pake_terms *terms);

/* PAKE_ISK bytes of the secret point: both messages, the first one first. */
void pake_isk(unsigned char *out, const unsigned char *secret,
              struct pake_bytes session, const struct pake_message said[2]);

/* tn_pake_new() with a scalar that is not drawn. 0 or a code. */
int pake_new_with(tn_pake **out, enum tn_pake_side side,
                  const struct pake_terms *terms, const unsigned char *scalar);

#endif
