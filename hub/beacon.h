/*
 * hub/beacon.h - who is here: hubs and receivers found by broadcast
 * (docs/wire/beacon.md).
 *
 * Whoever can be found says so three times when it starts, answers when asked,
 * and says good-bye; between that it is silent. A question goes out on every
 * interface: directed broadcast, multicast where there is none, IPv6. Nothing
 * of it is authentic: what is found is a hint where to knock, and texts are
 * cleaned before anybody sees them.
 */
#ifndef HUB_BEACON_H
#define HUB_BEACON_H

#include <tenon/addr.h>
#include <tenon/api.h>

#include <stdbool.h>
#include <stdint.h>

enum beacon_limit {
    /* The UDP port of questions and announcements. */
    BEACON_PORT = 8001,
    /* Bytes of a datagram: below every network's limit. */
    BEACON_DATAGRAM = 1200,
    BEACON_ID = 8,      /* bytes that tell one from all others */
    BEACON_NAME = 64,   /* bytes of a name */
    BEACON_TEXT = 128,  /* bytes of what is said of it */
    BEACON_ADDRS = 8,   /* addresses of one that are kept */
    BEACON_FOUND = 512, /* found by one question; more are left out */
};

enum beacon_kind {
    BEACON_HUB = 1,  /* a room: UDP for members, TCP for browsers */
    BEACON_RECV = 2, /* takes files: TCP */
};

enum beacon_flag {
    BEACON_CODE = 1,    /* it wants a code */
    BEACON_TLS = 2,     /* a hub whose page is https */
    BEACON_ONCE = 4,    /* it takes one parcel and ends */
    BEACON_FILES = 8,   /* a hub that takes files */
    BEACON_NO_WEB = 16, /* a hub without a page */
};

/* What is told of oneself. */
struct beacon_card {
    enum beacon_kind kind;
    unsigned flags;              /* of enum beacon_flag */
    unsigned char id[BEACON_ID]; /* one for a program's run; 0: is drawn */
    int port;                    /* 1 to 65,535 */
    int members;                 /* of a hub */
    char name[BEACON_NAME + 1];  /* of a hub: the room's; else who, or where */
    char text[BEACON_TEXT + 1];  /* host name */
};

struct beacon_opts {
    /* 0: what TENON_BEACON_PORT says, by which tests keep to themselves, else
       BEACON_PORT. */
    int port;
    /* Refresh what changes (members) before an answer; may be NULL; must not
       suspend. */
    void (*refresh)(void *arg, struct beacon_card *card);
    void *arg;
    /* Where the program listens; it is announced on that network only. len 0,
       or a wildcard: on all; 0.0.0.0 by IPv4 only. */
    tn_addr bound;
};

typedef struct beacon beacon;

/**
 * Prepare to be found.
 *
 * @param out   given (end with beacon_close()); NULL on failure.
 * @param card  copied.
 * @param opts  copied.
 * @return 0; -ENOMEM; -EINVAL; as tn_bind(). Several programs of a machine
 *   share the port.
 */
TN_USE int beacon_open(beacon **out, const struct beacon_card *card,
                       const struct beacon_opts *opts);

/**
 * Announce, then answer until cancelled: a task, arg is the beacon.
 *
 * @return -ECANCELED, -ETIME; what broke the socket. Suspends.
 */
int beacon_run(void *arg);

/** Say good-bye; in a task, but it does not wait for anything. */
void beacon_bye(beacon *b);

/** End; beacon_run() has returned; NULL is harmless. */
void beacon_close(beacon *b);

/* Somebody who was found. */
struct beacon_found {
    struct beacon_card card;    /* texts cleaned */
    int count;                  /* of addresses; the one that answered first */
    tn_addr addr[BEACON_ADDRS]; /* with card.port */
    int64_t rtt;                /* ns of the first answer */
    char interface[16];         /* by which it was heard */
};

struct beacon_ask {
    unsigned kinds; /* 1 << BEACON_HUB | ...; 0: all */
    int port;       /* as in beacon_opts */
    int64_t wait;   /* ns, until the answers are taken for complete */
    bool first;     /* end soon after the first answer: when its other addresses
                       had the time to come */
    /* With `first`: whether it is the one that is looked for; NULL: anyone is.
       Must not suspend. */
    bool (*is_it)(void *arg, const struct beacon_found *f);
    /* One was found, or another address of it; may be NULL; must not
       suspend. */
    void (*found)(void *arg, const struct beacon_found *f);
    void *arg;
};

/**
 * Ask who is here. It is asked several times within the wait, those who have
 * answered being named, so that they need not answer again. Called in a task.
 *
 * @param ask   borrowed until return.
 * @param out   room for `cap`.
 * @param cap   how many at most; 1 to BEACON_FOUND.
 * @return how many; -ENETDOWN: there is no network to ask on; -ENOMEM;
 *   -ECANCELED. Suspends.
 */
TN_USE int beacon_find(const struct beacon_ask *ask, struct beacon_found *out,
                       int cap);

#endif
