/*
 * phone_wire.h - LocalSend's JSON: what devices say of themselves, what they
 * offer, what they answer. Bytes in, plain values out; nothing is waited for.
 */
#ifndef PARCEL_PHONE_WIRE_H
#define PARCEL_PHONE_WIRE_H

#include <tenon/text.h>

#include "phone.h"

enum phone_wire_limit {
    PHONE_DEPTH = 8,       /* objects within objects; the protocol has four */
    PHONE_SAID = 16 << 10, /* bytes of the JSON of a device's own */
    PHONE_ID = 200,        /* bytes of a file's id, and of a session's */
    PHONE_TOKEN = 256,     /* bytes of a token that we are given */
    PHONE_NAME = 4 * PARCEL_PATH, /* bytes of a name as it is written */
    PHONE_SHA = 32,               /* bytes of SHA-256 */
};

/* What a device says of itself. */
struct phone_info {
    char alias[PHONE_ALIAS + 1]; /* cleaned; "" if it says none */
    char kind[16];               /* letters; "desktop" if it says none */
    char fingerprint[PHONE_FINGERPRINT + 1]; /* letters and digits; or "" */
    int port;                                /* PHONE_PORT if it says none */
    bool says_tls, tls;                      /* it says which; and that */
    bool announce;                           /* it would like to be answered */
    bool tenon;                              /* it is one of our own kind */
};

/* What of it is said. */
enum phone_say {
    PHONE_SAY_WHERE = 1,    /* port and protocol */
    PHONE_SAY_ANNOUNCE = 2, /* "announce" and the older "announcement" */
};

/** Read it. 0; -EINVAL: no JSON of this kind; -ENOMEM. */
TN_USE int phone_info_read(struct phone_info *info, tn_str json);

/** Write it: a text to be given to free(); NULL: no memory. */
TN_USE char *phone_info_write(const struct phone_info *info, unsigned say);

/* A file that a device offers. */
struct phone_offered {
    const char *id;
    const char *path; /* NULL: it is none that can be taken */
    const char *name; /* cleaned, for people */
    int64_t size, mtime;
    bool has_mtime, has_sha;
    unsigned char sha[PHONE_SHA];
};

struct phone_offer {
    struct phone_info from;
    uint32_t count;
    struct phone_offered *files;
    char *texts; /* what their pointers lead to */
};

/** Read an offer. 0; -EINVAL; -E2BIG: more than PHONE_FILES, or more bytes than
    can be counted; -ENOMEM. Takes its time if it is long. */
TN_USE int phone_offer_read(struct phone_offer *offer, tn_str json);

/** Release it; zeroed ones are harmless. */
void phone_offer_fini(struct phone_offer *offer);

/* A file that we offer. */
struct phone_bid {
    uint32_t item;    /* of the parcel; in decimal it is the id */
    const char *path; /* borrowed */
    const char *type; /* borrowed; its media type */
    int64_t size, mtime;
    bool has_sha;
    unsigned char sha[PHONE_SHA];
    char token[PHONE_TOKEN + 1]; /* of the answer; "": it is not wanted */
};

/** Write an offer: as phone_info_write(). */
TN_USE char *phone_bid_write(const struct phone_info *info,
                             const struct phone_bid *bids, uint32_t count);

/** Read its answer: tokens go to the bids. 0; -EPROTO; -ENOMEM. */
TN_USE int phone_bid_answer(char session[PHONE_ID + 1], struct phone_bid *bids,
                            uint32_t count, tn_str json);

/** Read "2021-01-01T12:34:56.789Z", or with "+01:00"; without a zone it is
    UTC. True and `*ns` since 1970 if it is such a time. */
bool phone_time_read(int64_t *ns, const char *text);

/** Write one; `dst` has 32 bytes. False: no year of four digits. */
bool phone_time_write(char dst[32], int64_t ns);

/** Write bytes in upper-case hex; `dst` has 2 * n + 1 bytes. */
void phone_hex(char *dst, const unsigned char *bytes, size_t n);

/** Read 2 * n letters of hex, any case; false if they are none. */
bool phone_unhex(unsigned char *dst, size_t n, const char *text);

/** Whether a fingerprint is that of a certificate; any case. */
bool phone_is_same(const char *a, const char *b);

#endif
