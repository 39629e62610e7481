#include "cookie.h"

#include "lan.h"

#include <string.h>

void
cookie_init(struct cookie_jar *jar)
{
    jar->slot = 1;
    tn_secret(jar->secret, sizeof(jar->secret));
}

/* New slots have new secrets. */
static void
turn(struct cookie_jar *jar, int64_t now)
{
    uint32_t slot = (uint32_t)(now / COOKIE_SLOT) + 1;
    uint32_t ahead = slot - jar->slot;

    if (ahead == 0) {
        return;
    }
    jar->slot = slot;
    tn_secret(jar->secret[slot % 2], TN_SEAL_KEY);
    if (ahead > 1) {
        tn_secret(jar->secret[(slot - 1) % 2], TN_SEAL_KEY);
    }
}

/* Write a cookie of a slot. */
static bool
bake(const struct cookie_jar *jar, unsigned char *out, uint32_t slot,
     const tn_addr *from, const unsigned char *nonce)
{
    unsigned char data[16 + 2 + 4 + 4 + WIRE_NONCE];
    struct in6_addr ip;
    struct wire_out o;

    if (!lan_ip(&ip, &from->u.sa)) {
        return false;
    }
    wire_out_init(&o, data, sizeof(data));
    wire_put_bytes(&o, &ip, 16);
    wire_put(&o, (uint64_t)tn_addr_port(from), 2);
    wire_put(&o,
             from->u.sa.sa_family == AF_INET6 ? from->u.in6.sin6_scope_id : 0,
             4);
    wire_put(&o, slot, 4);
    wire_put_bytes(&o, nonce, WIRE_NONCE);
    wire_out_init(&o, out, WIRE_COOKIE);
    wire_put(&o, slot, 4);
    tn_mac(o.at, jar->secret[slot % 2], data, sizeof(data));
    return true;
}

bool
cookie_make(struct cookie_jar *jar, unsigned char *out, const tn_addr *from,
            const unsigned char *nonce, int64_t now)
{
    turn(jar, now);
    return bake(jar, out, jar->slot, from, nonce);
}

bool
cookie_is_good(struct cookie_jar *jar, const unsigned char *cookie,
               const tn_addr *from, const unsigned char *nonce, int64_t now)
{
    unsigned char good[WIRE_COOKIE];
    struct wire_in i;
    uint32_t slot;

    turn(jar, now);
    wire_in_init(&i, cookie, WIRE_COOKIE);
    slot = (uint32_t)wire_get(&i, 4);
    return jar->slot - slot < 2 && bake(jar, good, slot, from, nonce) &&
           tn_same(good, cookie, WIRE_COOKIE);
}
