/*
 * hub/beacon_reply.h - whether, when and how often a question is answered.
 *
 * No socket and no clock: the caller hands in what came and what time it is,
 * and asks what is due. An answer waits a random while, so that many do not
 * come at once; a question that names us is none of ours; who asks too often,
 * or from too many addresses, is not answered.
 */
#ifndef HUB_BEACON_REPLY_H
#define HUB_BEACON_REPLY_H

#include <tenon/netif.h>

#include "beacon_wire.h"
#include "bucket.h"

enum beacon_reply_limit {
    /* Answers that wait: a class that opens its chat at once. What is more is
       not answered; the question comes again. */
    BEACON_WAITING = 128,
    /* Askers whose rate is remembered; the calmest makes room. */
    BEACON_ASKERS = 128,
    /* Answers to one address at once: somebody at a prompt, several programs.
       After that BEACON_ASKER_INTERVAL. */
    BEACON_ASKER_BURST = 24,
    /* Answers to all at once; after that BEACON_ALL_INTERVAL. */
    BEACON_ALL_BURST = 400,
};

#define BEACON_ASKER_INTERVAL (250 * TN_MS)
#define BEACON_ALL_INTERVAL   (5 * TN_MS)

/* Where an answer goes, and by which way: the one the question came. */
struct beacon_way {
    tn_addr to;
    tn_path path;
};

/* An answer that waits. */
struct beacon_due {
    int64_t at, asked;
    uint32_t nonce;
    int number;
    struct beacon_way way;
};

struct beacon_asker {
    struct in6_addr ip;
    struct bucket bucket;
};

/* Zeroed, but for id and kind, to begin. */
struct beacon_reply {
    unsigned char id[BEACON_ID];
    enum beacon_kind kind;
    int count; /* of those that wait, in no order */
    struct beacon_due due[BEACON_WAITING];
    struct bucket all;
    struct beacon_asker asker[BEACON_ASKERS];
};

enum beacon_verdict {
    BEACON_TAKEN,   /* an answer waits now */
    BEACON_KNOWN,   /* the question names us */
    BEACON_OTHERS,  /* it is about other kinds */
    BEACON_TWICE,   /* an answer to this asker waits already */
    BEACON_TOO_OFT, /* too many questions */
};

/**
 * Hear a question.
 *
 * @param r    changed.
 * @param m    borrowed; a question.
 * @param way  borrowed; where its answer goes: an attached network.
 * @param now  ns.
 * @param dice any number: what is random about the delay.
 * @return what became of it.
 */
enum beacon_verdict beacon_hear(struct beacon_reply *r,
                                const struct beacon_msg *m,
                                const struct beacon_way *way, int64_t now,
                                uint32_t dice);

/**
 * Take an answer that is due.
 *
 * @param r    changed.
 * @param now  ns.
 * @param out  filled.
 * @return false if none is.
 */
bool beacon_take_due(struct beacon_reply *r, int64_t now,
                     struct beacon_due *out);

/** When the next is due, ns; INT64_MAX if none waits. */
int64_t beacon_next_due(const struct beacon_reply *r);

/* When to announce: three times, with growing gaps, and anew when a network
   came. Zeroed to begin. */
struct beacon_cry {
    int done;     /* of BEACON_CRIES */
    int64_t next; /* ns */
    int64_t begun;
};

enum {
    BEACON_CRIES = 3,
};

/* Networks may come and go by the second; that is no reason to cry. */
#define BEACON_CRY_AGAIN (10 * TN_SEC)

/** Begin; `dice` delays the first by up to 50 ms. False: not so soon after the
    last time. */
bool beacon_cry_begin(struct beacon_cry *c, int64_t now, uint32_t dice);

/** Whether to announce now; if so the next time is settled: after 1 s, then
    3 s, each by up to a fifth more. */
bool beacon_cry_due(struct beacon_cry *c, int64_t now, uint32_t dice);

/** When, ns; INT64_MAX: all is said. */
int64_t beacon_cry_next(const struct beacon_cry *c);

#endif
