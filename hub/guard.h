/*
 * hub/guard.h - whom the hub's web server answers: Host, Origin, room code.
 * `tenon serve` asks it for the first two.
 *
 * A page elsewhere may make a browser on this network send requests here. If
 * it has its own name point here (DNS rebinding), Host tells; if it calls us by
 * our address, Origin does. The code keeps out people, not pages: whoever knows
 * it gets a cookie that only this hub can make.
 *
 * Pure but for the secret's random bytes; the clock is the caller's.
 */
#ifndef HUB_GUARD_H
#define HUB_GUARD_H

#include <tenon/addr.h>
#include <tenon/text.h>

#include "bucket.h"

enum guard_limit {
    /* Bytes of a host's name, as DNS has it. */
    GUARD_HOST = 255,
    /* Names this hub goes by: its own twice, and those of --host. */
    GUARD_HOSTS = 16,
    /* Bytes of a code; nobody types more. */
    GUARD_CODE = 128,
    GUARD_SECRET = 32,
    /* Letters of a cookie: 16 random bytes and 16 that prove them. */
    GUARD_COOKIE = 64,
    /* Addresses whose wrong codes are counted; the calmest makes room. */
    GUARD_SOURCES = 256,
    /* Wrong codes that one address may send at once, and all together. */
    GUARD_TRIES = 5,
    GUARD_TRIES_ALL = 50,
};

/* After that one in so long. To try all codes of six digits takes one address
   115 days, and all addresses of a network together eleven. */
#define GUARD_INTERVAL     (10 * TN_SEC)
#define GUARD_INTERVAL_ALL (1 * TN_SEC)

/* The name of the cookie. */
#define GUARD_COOKIE_NAME "tenon_room"

struct guard_source {
    unsigned char ip[16];
    struct bucket wrong;
};

struct guard {
    bool has_code;
    bool tls; /* our own Origin begins with "https://" */
    unsigned char secret[GUARD_SECRET];
    unsigned char code[32]; /* its hash */
    struct bucket wrong;
    struct guard_source source[GUARD_SOURCES];
    int host_count;
    char host[GUARD_HOSTS][GUARD_HOST + 1];
};

/**
 * Have the hub go by a name; any case.
 *
 * @param g     changed; zeroed at first.
 * @param name  borrowed; without port.
 * @return 0; -EINVAL no name; -ENOBUFS GUARD_HOSTS are known.
 */
TN_USE int guard_add_host(struct guard *g, const char *name);

/**
 * Have the hub go by several names.
 *
 * @param g     changed; what stood before a bad name is added.
 * @param list  borrowed; "a.example,b.example"; NULL or "" for none.
 * @return 0; as guard_add_host().
 */
TN_USE int guard_add_hosts(struct guard *g, const char *list);

/**
 * Have it go by what this machine calls itself, alone and with ".local".
 *
 * @param g  changed.
 */
void guard_add_own_hosts(struct guard *g);

/**
 * Ask for a code from now on.
 *
 * @param g       changed.
 * @param code    borrowed; 1 to GUARD_CODE bytes; ends in NUL.
 * @param secret  borrowed; GUARD_SECRET bytes that nobody knows; cookies made
 *                with it and this code stay good. NULL: for this run only.
 * @return 0; -EINVAL; -EIO: no random bytes, or no hash.
 */
TN_USE int guard_set_code(struct guard *g, const char *code,
                          const unsigned char *secret);

/**
 * Tell whether a request names the hub as it may be named.
 *
 * @param g          borrowed.
 * @param authority  borrowed; "host:port" of the request; may be absent.
 * @return true for numeric addresses, localhost and the names it goes by.
 */
bool guard_host(const struct guard *g, tn_str authority);

/**
 * Tell whether a request comes from the hub's own page, or from no page.
 *
 * @param g          borrowed.
 * @param origin     borrowed; the field; may be absent.
 * @param authority  borrowed; as guard_host() let it pass.
 * @return true if so.
 */
bool guard_origin(const struct guard *g, tn_str origin, tn_str authority);

/**
 * Tell whether a request may see the room.
 *
 * @param g        borrowed.
 * @param cookies  borrowed; the field; may be absent.
 * @return true if it bears a good cookie, or no code is asked for.
 */
bool guard_may_enter(const struct guard *g, tn_str cookies);

/**
 * Try a code.
 *
 * @param g       changed.
 * @param from    borrowed; who tries.
 * @param code    borrowed.
 * @param now     ns.
 * @param cookie  GUARD_COOKIE + 1 bytes; on success a cookie's value.
 * @return 0; -EACCES it is wrong; -EAGAIN too many were wrong: it was not
 *   looked at; -EIO no random bytes.
 */
TN_USE int guard_try(struct guard *g, const tn_addr *from, tn_str code,
                     int64_t now, char *cookie);

/**
 * Begin a try of which only the other side's next words tell whether the code
 * was right (pake.h): it counts as wrong until guard_right().
 *
 * @param g     changed.
 * @param from  borrowed; who tries.
 * @param now   ns.
 * @return true; false: too many were wrong, and this one is not looked at.
 */
TN_USE bool guard_begin(struct guard *g, const tn_addr *from, int64_t now);

/**
 * The code was right: take back what guard_begin() counted.
 *
 * @param g     changed.
 * @param from  borrowed; who tried.
 */
void guard_right(struct guard *g, const tn_addr *from);

#endif
