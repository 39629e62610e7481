/*
 * hub/refs.h - what was said lately, so that nothing is said twice.
 *
 * A browser or a native member that got no answer says the same again, after a
 * reconnect or a restart of the hub; its own mark tells.
 */
#ifndef HUB_REFS_H
#define HUB_REFS_H

#include "room.h"
#include "store.h"

enum refs_limit {
    /* Marks remembered, the oldest going first: at one message a second, and
       that is a busy room, an hour. */
    REFS_KEPT = 4096,
};

struct refs_entry {
    uint64_t author; /* 0: free */
    uint64_t number; /* of the event; 0: it is on its way */
    char ref[ROOM_REF_MAX + 1];
};

struct refs {
    size_t next; /* the place that is filled next */
    size_t old;  /* places filled by refs_add_older(), from the end */
    struct refs_entry entry[REFS_KEPT];
};

/**
 * Remember what is said in a room, and what its history has of late.
 *
 * @param out  given (end with refs_close()); NULL on failure.
 * @param r    borrowed for its life; this becomes an outlet that never
 *             suspends: before those that look here.
 * @param s    borrowed until return; NULL: no history.
 * @return 0; -ENOMEM; as store_read(), room_attach().
 * @suspends   yes, if there is a history.
 */
TN_USE int refs_open(struct refs **out, room *r, store *s);

/** End; NULL is harmless. */
void refs_close(struct refs *r);

/**
 * Find what somebody said.
 *
 * @param r       borrowed; zeroed at first.
 * @param author  not 0.
 * @param ref     borrowed.
 * @return borrowed until the next refs_add(); NULL if it is not known.
 */
struct refs_entry *refs_find(struct refs *r, uint64_t author, const char *ref);

/**
 * Remember what somebody says.
 *
 * @param r       changed.
 * @param author  not 0.
 * @param ref     borrowed; ROOM_REF_MAX letters at most.
 * @param number  of the event; 0: not yet known.
 */
void refs_add(struct refs *r, uint64_t author, const char *ref,
              uint64_t number);

/**
 * Remember what was said before all that is known, for the start.
 *
 * @param r   changed; no refs_add() yet.
 * @param ev  borrowed; older than the one before; only what has a mark counts.
 * @return true if there is room for more.
 */
bool refs_add_older(struct refs *r, const struct room_event *ev);

#endif
