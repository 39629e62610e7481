/*
 * send_int.h - one session of the sender.
 *
 * The body says what there is to say, in the order of the items; the reader
 * takes what the receiver says; the pulse and the teller stand by. These tasks
 * share what is here.
 */
#ifndef PARCEL_SEND_INT_H
#define PARCEL_SEND_INT_H

#include <tenon/chan.h>
#include <tenon/task.h>

#include "lane.h"
#include "parcel_int.h"
#include "source.h"
#include "teller.h"

/* What was asked about blocks, oldest first. */
struct asked {
    uint32_t item, count; /* blocks asked for; after the answer: given */
    uint64_t first;
    bool is_here, zero;
    struct tree_hash *hashes; /* NULL: none, or all zero */
};

struct send {
    struct lane lane;
    struct teller teller;
    parcel *p;
    const struct parcel_send_opts *opts;
    struct parcel_result *result;
    tn_chan *news; /* the reader heard something */
    tn_group group;
    int err;                         /* the first that ended it */
    bool is_fin, is_final, is_stale; /* fin: all is said; final: and heard */
    uint64_t acked, window;
    struct asked asked[WIRE_ASKS];
    unsigned asked_at, asked_n, answered; /* ring; answered of asked_n */
    uint32_t asked_blocks, next_item;
    uint64_t next_block;
    int64_t all_done;
    int64_t done; /* of the item that is under way */
    char who[3 * PARCEL_WHO + 1];
    char text[PARCEL_PATH + 1];
};

/** Tell what happened. */
void send_tell(struct send *s, struct parcel_event *ev);

/** Wait until the reader heard something. 0; -ECANCELED, ... Suspends. */
int send_wait(struct send *s);

/** Send one item. 0; what lost the connection. Suspends. */
int send_item(struct send *s, uint32_t index);

/* --- send_heard.c ----------------------------------------------------------*/

/** A task: take what the receiver says until WIRE_FINAL. */
int send_reader(void *arg);

/* --- send_ask.c ------------------------------------------------------------*/

/** Ask for what the receiver has, as far ahead as allowed. Suspends. */
int send_ask(struct send *s);

/** Wait for what it has around a block of an item. 1 and `*out`, borrowed
    until the next call; 0: nothing. Suspends. */
int send_find(struct send *s, uint32_t item, uint64_t block,
              const struct asked **out);

/** The answer to the oldest question. False: it is none. */
bool send_answered(struct send *s, const struct wire_have *h);

/** Release what was heard. */
void send_forget(struct send *s);

#endif
