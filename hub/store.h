/*
 * hub/store.h - the room's history, in one SQLite file.
 *
 * Each call that looks at the file runs on a worker thread, one at a time. A
 * disk may hang, and a call under way on it cannot be stopped: it is left, with
 * all that it needs, and what comes after it waits or is told -EAGAIN. The
 * journal is a write-ahead log and is not synced at each commit: what was
 * appended survives the program's sudden end, and all but the last moments the
 * machine's. So numbers leap by STORE_LEAP after an end that was not in order:
 * none that anybody may have seen is given twice.
 *
 * The file is for its owner alone (0600), and one program at a time has it.
 */
#ifndef HUB_STORE_H
#define HUB_STORE_H

#include <tenon/api.h>

#include "room.h"

enum store_limit {
    /* What the tables may hold; a file with a higher one is refused. 2: acts
       and new names among the events. */
    STORE_VERSION = 2,
    /* Events kept: a year of a busy class. */
    STORE_EVENTS = 100000,
    /* Appended events after which the limits are looked at. */
    STORE_PRUNE = 256,
    /* See above: more than what a disk loses that is not synced for the 30 s
       of a kernel's patience, and than what is said while it does not answer:
       five lines a second for two days. */
    STORE_LEAP = 1000000,
    /* Letters of an epoch: 64 bits in hexadecimal. */
    STORE_EPOCH = 16,
    /* Bytes of the secret that goes with the history. */
    STORE_SECRET = 32,
    /* How long another program may take to leave the file, in ms: a hub that
       ends says good-bye first. */
    STORE_PATIENCE = 3000,
};

/* Bytes of the file, about: what fits into memory to be copied. */
#define STORE_BYTES ((int64_t)64 << 20)

/* How long who came in waits for what was said before: without it, rather
   than later. */
#define STORE_READ (3 * TN_SEC)

/* How long the end waits for a disk that does not answer. */
#define STORE_FAREWELL (1 * TN_SEC)

/* Where and how much; 0 is the limit above. */
struct store_opts {
    const char *path;  /* borrowed until return; its folder exists */
    int64_t max_bytes; /* older events make room for newer ones */
    int max_events;
    int max_pages; /* of the file, beyond which the disk counts as full; 0:
                      no such limit */
};

typedef struct store store;

/* Called for each event that was found, on a worker thread, so it may touch
   nothing but `arg`. Returns 0 to go on, 1 to stop before this one. */
typedef int store_row(void *arg, const struct room_event *ev);

/* Which events to read: after < number < before. */
struct store_span {
    uint64_t after, before;
    int limit;      /* the latest so many of them */
    bool first;     /* or, if set, the first so many */
    store_row *row; /* gets them from the latest to the first, or if `first`
                       is set from the first to the latest */
    void *arg;
    void (*drop)(void *arg); /* for one that was left: releases it, on any
                                thread */
    bool more;               /* set: there are older ones in the span, or
                                later ones */
};

/**
 * Open the history, making it if there is none.
 *
 * @param out   given (end with store_close()); NULL on failure.
 * @param opts  borrowed until return.
 * @return 0; -EBUSY another program has it; -EBADMSG it is damaged, or no
 *   history; -EPROTO it is of a later version; -EACCES, -EROFS, -ENOENT, ...;
 *   -ENOSPC; -ENOMEM; -ECANCELED.
 * @suspends   yes, a task only.
 */
TN_USE int store_open(store **out, const struct store_opts *opts);

/**
 * Return the random name of this history.
 *
 * @param s  borrowed.
 * @return borrowed until store_close(); STORE_EPOCH letters.
 */
const char *store_epoch(const store *s);

/**
 * Return the number to go on behind.
 *
 * @param s  borrowed.
 * @return 0 or more.
 */
uint64_t store_latest(const store *s);

/**
 * Return the secret that was made with the history.
 *
 * @param s  borrowed.
 * @return borrowed until store_close(); STORE_SECRET bytes.
 */
const unsigned char *store_secret(const store *s);

/**
 * Tell whether events of a kind are kept.
 *
 * @param what  any.
 * @return true if so.
 */
bool store_keeps(enum room_what what);

/**
 * Append events, all or none. Good-byes, and what is for one member's eyes,
 * are left out.
 *
 * @param s         borrowed.
 * @param evs       borrowed until return; `n` of them; their numbers rise.
 * @param n         how many.
 * @param patience  ns that the disk has, also if the caller is cancelled.
 * @return 0; -ENOSPC; -EIO; -EBADMSG; -ENOMEM; -EAGAIN the disk hangs, and this
 *   was not tried; -EINPROGRESS it was begun: store_hangs() tells its end.
 * @suspends   yes.
 */
TN_USE int store_append(store *s, const struct room_event *evs, int n,
                        int64_t patience);

/**
 * Tell whether a call that was left is still under way.
 *
 * @param s     borrowed.
 * @param late  set: what an append came to that was left, if it failed; else 0.
 *              It is told once.
 * @return true if so.
 */
bool store_hangs(store *s, int *late);

/**
 * Read a span of events.
 *
 * @param s     borrowed.
 * @param span  borrowed until return; `more` is set.
 * @return 0; -EIO; -EBADMSG; -ENOMEM; -EAGAIN the disk hangs; -EINPROGRESS it
 *   was begun, and `arg` is taken.
 * @suspends   yes, STORE_READ at most, whatever happens around it.
 */
TN_USE int store_read(store *s, struct store_span *span);

/**
 * Close the history.
 *
 * @param s       taken; NULL is harmless.
 * @param latest  the last number that was given.
 * @suspends   yes, STORE_FAREWELL at most, whatever happens around it.
 */
void store_close(store *s, uint64_t latest);

#endif
