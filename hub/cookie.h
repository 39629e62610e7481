/*
 * hub/cookie.h - proof that who asks gets what is sent to where it asks from,
 * without keeping anything about him.
 *
 * A cookie is a code of authentication over address, time slot and nonce, with
 * a secret that nobody but this hub has. Secrets live for two slots; then
 * nothing that was made with them is good any more.
 */
#ifndef HUB_COOKIE_H
#define HUB_COOKIE_H

#include <tenon/addr.h>
#include <tenon/seal.h>

#include "native_wire.h"

/* How long a slot is; a cookie is good for one to two of them. */
#define COOKIE_SLOT (10 * TN_SEC)

struct cookie_jar {
    uint32_t slot; /* of secret[slot % 2]; the other is of the one before */
    unsigned char secret[2][TN_SEAL_KEY];
};

/** Begin with fresh secrets. */
void cookie_init(struct cookie_jar *jar);

/**
 * Make a cookie.
 *
 * @param jar    changed.
 * @param out    WIRE_COOKIE bytes.
 * @param from   borrowed; who asked.
 * @param nonce  borrowed; WIRE_NONCE bytes: its own.
 * @param now    ns.
 * @return false if the address is of no family that we know.
 */
TN_USE bool cookie_make(struct cookie_jar *jar, unsigned char *out,
                        const tn_addr *from, const unsigned char *nonce,
                        int64_t now);

/** Tell whether a cookie is one that cookie_make() gave to this address. */
TN_USE bool cookie_is_good(struct cookie_jar *jar, const unsigned char *cookie,
                           const tn_addr *from, const unsigned char *nonce,
                           int64_t now);

#endif
