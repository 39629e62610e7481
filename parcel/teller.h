/*
 * teller.h - what happens, told to who wants to hear it.
 *
 * How far an item is would be told too often: a move that comes too soon after
 * the last one waits, and is told when its time has come, so that what is shown
 * while nothing moves is how far it got.
 */
#ifndef PARCEL_TELLER_H
#define PARCEL_TELLER_H

#include <tenon/chan.h>

#include "parcel.h"

struct teller {
    parcel_told *told; /* NULL: nobody wants to hear it */
    void *arg;
    int64_t at;               /* when a move was last told */
    struct parcel_event late; /* a move that waits; its item NULL: none does */
    tn_chan *wake;            /* one waits */
};

/** Prepare. 0; -ENOMEM. */
int teller_init(struct teller *t, parcel_told *told, void *arg);

/** Release; harmless for what is zero. */
void teller_fini(struct teller *t);

/** Tell, or have a move wait. */
void teller_tell(struct teller *t, const struct parcel_event *ev);

/** Tell the move that waits now. */
void teller_flush(struct teller *t);

/** A task: tell what waits, until cancelled; `arg` is a struct teller. */
int teller_run(void *arg);

#endif
