/*
 * hub/keeper.h - the room's journal: what happens is kept, then told.
 *
 * Events wait in a short queue; a task appends what is there to the history,
 * all of it at once, and hands it on to the room's outlets. Where the history
 * cannot be written the room goes on without: that is told once, and again
 * when it works.
 */
#ifndef HUB_KEEPER_H
#define HUB_KEEPER_H

#include "room.h"
#include "store.h"

enum keeper_limit {
    /* Events that wait to be kept; who makes one more waits too. */
    KEEPER_QUEUE = 64,
    /* Events of one commit. */
    KEEPER_BATCH = 32,
};

/* How long a task that is cancelled waits for room in the queue. */
#define KEEPER_PATIENCE (2 * TN_SEC)

/* The history cannot be written (err < 0), or can be again (0), `lost` events
   being missing in it. Must not suspend. */
typedef void keeper_trouble(void *arg, int err, unsigned long lost);

typedef struct keeper keeper;

/**
 * Become the journal of a room.
 *
 * @param out      given (end with keeper_free()); NULL on failure.
 * @param r        borrowed until keeper_free().
 * @param s        borrowed until keeper_free().
 * @param trouble  may be NULL.
 * @param arg      for it; borrowed.
 * @return 0; -ENOMEM.
 */
TN_USE int keeper_new(keeper **out, room *r, store *s, keeper_trouble *trouble,
                      void *arg);

/**
 * Keep and hand on what happens, until cancelled: a task.
 *
 * @param arg  the keeper.
 * @return -ECANCELED, -ETIME.
 */
int keeper_run(void *arg);

/**
 * Keep and hand on one event; for the time after keeper_run().
 *
 * @param k  borrowed.
 * @return false if none waited.
 */
bool keeper_flush(keeper *k);

/**
 * Leave the room without a journal.
 *
 * @param k  taken; NULL is harmless.
 */
void keeper_free(keeper *k);

#endif
