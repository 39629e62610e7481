/*
 * hub/beacon_wire.h - the datagrams of docs/wire/beacon.md, read and written.
 */
#ifndef HUB_BEACON_WIRE_H
#define HUB_BEACON_WIRE_H

#include "beacon.h"

#include <stddef.h>

enum beacon_wire {
    BEACON_VERSION = 1,
    /* A card's fields before its two texts. */
    BEACON_CARD_HEAD = 30,
    /* The longest announcement, answer or good-bye. */
    BEACON_CARD = BEACON_CARD_HEAD + BEACON_NAME + BEACON_TEXT,
    /* A question's fields before the marks, and its least length: no answer is
       longer than the question. */
    BEACON_QUESTION_HEAD = 16,
    BEACON_QUESTION = 224,
    /* Bytes of an id by which a question names who has answered. Of 256 who
       have, one of sixteen million others shares a mark with one of them. */
    BEACON_MARK = 4,
    /* Marks that a datagram holds. */
    BEACON_MARKS = (BEACON_DATAGRAM - BEACON_QUESTION_HEAD) / BEACON_MARK,
    /* ms over which answers may be spread; more is asked for in vain. */
    BEACON_SPREAD = 500,
};

_Static_assert((int)BEACON_CARD <= (int)BEACON_QUESTION,
               "an answer never exceeds its question");

enum beacon_type {
    BEACON_ANNOUNCE = 1,
    BEACON_ASK = 2,
    BEACON_ANSWER = 3,
    BEACON_BYE = 4,
};

/* One datagram. `card` is of all types but BEACON_ASK, the marks of that. */
struct beacon_msg {
    enum beacon_type type;
    uint32_t nonce; /* of a question, and of its answers; else 0 */
    int number;     /* 1 to 255: which of the asker's questions; else 0 */
    struct beacon_card card;
    uint32_t held;  /* us that the answer waited before it was sent */
    unsigned kinds; /* 1 << kind; 0: all */
    int spread;     /* ms over which answers shall be spread */
    int count;      /* of marks */
    unsigned char mark[BEACON_MARKS][BEACON_MARK];
};

/**
 * Read a datagram.
 *
 * @param m     filled on success; texts cleaned.
 * @param data  borrowed; `n` bytes.
 * @param n     bytes.
 * @return true; false: not of this protocol, another version, damaged.
 */
bool beacon_read(struct beacon_msg *m, const void *data, size_t n);

/**
 * Write a datagram.
 *
 * @param buf  BEACON_DATAGRAM bytes.
 * @param m    borrowed; of a sort that beacon_read() takes. Texts are cut.
 * @return bytes.
 */
size_t beacon_write(void *buf, const struct beacon_msg *m);

/** Tell whether a question names an id among those who have answered. */
bool beacon_knows(const struct beacon_msg *m,
                  const unsigned char id[BEACON_ID]);

#endif
