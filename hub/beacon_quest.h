/*
 * hub/beacon_quest.h - asking, and the list of who has answered: what
 * beacon_find(), beacon_watch() and the doctor have in common.
 */
#ifndef HUB_BEACON_QUEST_H
#define HUB_BEACON_QUEST_H

#include "beacon_link.h"
#include "gate.h"

enum {
    /* Questions of one search: their number has a byte, and 30 minutes of
       watching shall not come to its end with others' answers under way. */
    BEACON_NUMBERS = 64,
};

/* Who was found, in the order of being found. */
struct beacon_roster {
    struct beacon_found *at; /* borrowed; room for `cap` */
    int count, cap;
};

enum beacon_news {
    BEACON_NEW,     /* somebody */
    BEACON_ADDRESS, /* another address of somebody */
    BEACON_CHANGED, /* name, members or flags are others now */
    BEACON_SAME,    /* nothing */
    BEACON_FULL,    /* somebody for whom there is no room */
};

/**
 * Note a card.
 *
 * @param r    changed.
 * @param card borrowed.
 * @param way  borrowed; from where it came.
 * @param rtt  ns, kept if this is the first; -1: it was an announcement.
 * @param who  set to the place in the list, or NULL; may be NULL.
 * @return what is new about it.
 */
enum beacon_news beacon_roster_add(struct beacon_roster *r,
                                   const struct beacon_card *card,
                                   const struct beacon_way *way, int64_t rtt,
                                   struct beacon_found **who);

/** Find one by its id, NULL if it is not there. */
struct beacon_found *beacon_roster_find(const struct beacon_roster *r,
                                        const unsigned char id[BEACON_ID]);

/** Take one out, the others staying in order. */
void beacon_roster_drop(struct beacon_roster *r, struct beacon_found *f);

/* A search. */
struct beacon_quest {
    int port;
    unsigned kinds;
    struct beacon_socks socks;
    struct beacon_links links;
    struct gate gate;
    uint32_t nonce;
    int number;                   /* of the latest question; 0: none yet */
    int64_t sent[BEACON_NUMBERS]; /* by number modulo that */
    unsigned long strangers;      /* answers from networks that are not ours */
};

/** Open the sockets; port and kinds are set. 0 or a code. */
int beacon_quest_open(struct beacon_quest *q);

/** End; a zeroed one is harmless. */
void beacon_quest_close(struct beacon_quest *q);

/**
 * Write the next question, to be sent at once.
 *
 * @param q      changed: its number counts, and when it was sent.
 * @param r      borrowed; who need not answer; NULL: all shall.
 * @param spread ms over which the answers shall come.
 * @param buf    filled.
 * @return bytes.
 */
size_t beacon_quest_write(struct beacon_quest *q, const struct beacon_roster *r,
                          int spread, unsigned char buf[BEACON_DATAGRAM]);

/**
 * Ask on every network there is now.
 *
 * @param q      changed.
 * @param r      as beacon_quest_write().
 * @param spread likewise.
 * @return on how many networks; a code if they cannot be listed.
 */
int beacon_quest_ask(struct beacon_quest *q, const struct beacon_roster *r,
                     int spread);

/**
 * Judge an answer.
 *
 * @param q    changed.
 * @param m    borrowed.
 * @param from borrowed.
 * @return its round trip, ns; negative: it answers no question of ours.
 */
int64_t beacon_quest_judge(struct beacon_quest *q, const struct beacon_msg *m,
                           const struct beacon_way *from);

#endif
