/*
 * hub/keeper.h - the room's journal: what happens is kept, then told.
 *
 * Events wait in a short queue; a task appends what is there to the history,
 * all of it at once, and hands it on to the room's outlets. Where the history
 * cannot be written the room goes on without: that is told once, and again
 * when it works. A disk that does not answer holds nobody up for long: events
 * are then handed on at once, and written in their order when it does.
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
    /* Events that were handed on and are yet to be written: as many as the
       web's ring has (WEB_RING), so that who comes in misses none of them. A
       megabyte, which is touched only when a disk hangs. */
    KEEPER_UNWRITTEN = 512,
};

/* How long an event waits for the disk before it is handed on. */
#define KEEPER_PATIENCE (3 * TN_SEC)

/* While the disk hangs: how often it is looked at, and how long it has for
   what is left to be written, so that nobody waits who talks. */
#define KEEPER_LOOK (50 * TN_MS)

/* A disk that hung is trusted again when it did not for so long: one line for
   a disk that comes and goes, not twenty. */
#define KEEPER_CALM (5 * TN_SEC)

/* How long the hub's end waits for a disk that hangs. */
#define KEEPER_FAREWELL (1 * TN_SEC)

/* How long a task that is cancelled waits for room in the queue. */
#define KEEPER_SHIELD (2 * TN_SEC)

/* What a journal has to tell. */
enum keeper_news {
    KEEPER_FAILS,   /* it cannot be written: `err` */
    KEEPER_WORKS,   /* it can be again; `lost` events are missing */
    KEEPER_HANGS,   /* the disk does not answer; the room goes on without */
    KEEPER_DROPS,   /* too much is unwritten: the oldest of it is missing */
    KEEPER_ANSWERS, /* all is written; `lost` events are missing */
    KEEPER_ENDS,    /* the disk hangs at the end; the last `lost` are missing */
};

struct keeper_trouble {
    enum keeper_news news;
    int err;
    unsigned long lost;
};

/* Told of trouble. Must not suspend. */
typedef void keeper_tell(void *arg, const struct keeper_trouble *trouble);

/* What events are kept on: store_append() and store_hangs(), whose words say
   what is meant. */
struct keeper_disk {
    int (*append)(void *arg, const struct room_event *evs, int n,
                  int64_t patience);
    bool (*hangs)(void *arg, int *late);
    void *arg; /* borrowed */
};

typedef struct keeper keeper;

/**
 * Make a history what events are kept on.
 *
 * @param s  borrowed as long as the result is used.
 * @return the functions.
 */
struct keeper_disk keeper_disk_of(store *s);

/**
 * Become the journal of a room.
 *
 * @param out   given (end with keeper_free()); NULL on failure.
 * @param r     borrowed until keeper_free().
 * @param disk  borrowed until return.
 * @param tell  may be NULL.
 * @param arg   for it; borrowed.
 * @return 0; -ENOMEM.
 */
TN_USE int keeper_new(keeper **out, room *r, const struct keeper_disk *disk,
                      keeper_tell *tell, void *arg);

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
 * Write what was handed on and is not written, if the disk lets us.
 *
 * After the last keeper_flush(); what is lost is told.
 *
 * @param k  borrowed.
 * @suspends   yes, KEEPER_FAREWELL at most, whatever happens around it.
 */
void keeper_end(keeper *k);

/**
 * Leave the room without a journal.
 *
 * @param k  taken; NULL is harmless.
 */
void keeper_free(keeper *k);

#endif
