/*
 * hub/native.h - the members who speak the native dialect (docs/wire/chat.md,
 * part 2): in order, each event once, over a network that loses datagrams.
 *
 * An outlet of the room (room.h). What happens is written once, into a ring;
 * each member has a place in the ring and a link (link.h) that has a few of
 * the ring's messages on their way. So a slow one costs a place and no more;
 * one that the ring has overtaken is told from the history, page by page, till
 * it is back at the ring. Without a history it begins anew, and is told that
 * something is missing. At the start the ring is filled from the history.
 *
 * Nothing is kept of an address that has not proven that it gets what it is
 * sent, and it is never sent more than it sent.
 *
 * A member is who has a key and a name, not who has an address: one that is
 * back within NATIVE_GONE was never away.
 */
#ifndef HUB_NATIVE_H
#define HUB_NATIVE_H

#include "door.h"
#include "guard.h"
#include "refs.h"
#include "room.h"
#include "store.h"

enum native_limit {
    /* Messages kept for who is behind, or comes back: some 150 KiB of talk as
       it is, 2.3 MiB of the longest kind. */
    NATIVE_RING = 1024,
    /* Of what was said, for who comes for the first time. */
    NATIVE_RECENT = 50,
    /* Sessions: members, and some that come or go. A seat has about 3 KiB, and
       more (LINK_BYTES, and their places) only while something is on its way
       to or from it. */
    NATIVE_SEATS = ROOM_MEMBERS + 64,
    /* Sessions of one host that is not this one. */
    NATIVE_PER_HOST = 128,
};

/* Who has not said who it is by then may not stay. */
#define NATIVE_HELLO (10 * TN_SEC)
/* Silent for so long: the others see that it is away. */
#define NATIVE_AWAY (10 * TN_SEC)
/* Silent for so long: it has left. */
#define NATIVE_GONE (60 * TN_SEC)
/* The same where its port is closed: it may come again at once. */
#define NATIVE_VANISHED (10 * TN_SEC)
/* A seat that is given up answers for so long. */
#define NATIVE_LINGER (3 * TN_SEC)
/* How often all that is looked at. */
#define NATIVE_SWEEP (1 * TN_SEC)
/* How long the good-bye is sent again at the end. */
#define NATIVE_FAREWELL (500 * TN_MS)

struct native_opts {
    const char *code;    /* of the room; borrowed until native_close(); NULL */
    const char *folder;  /* where files are, "" nowhere; borrowed likewise */
    struct guard *guard; /* counts wrong codes; borrowed; NULL without code */
    struct refs *refs;   /* borrowed until native_close() */
    /* Called for each datagram that was not heeded; must not suspend; may be
       NULL. */
    void (*dropped)(void *arg, const tn_addr *from, const char *why);
    void *arg; /* for it; borrowed */
};

typedef struct native native;

/**
 * Take what is native at a port, and become an outlet of the room.
 *
 * @param out   given (end with native_close()); NULL on failure.
 * @param r     borrowed until native_close().
 * @param s     borrowed until native_close(); NULL: no history.
 * @param d     borrowed until native_close(); served by who opened it.
 * @param opts  copied; see there.
 * @return 0; -ENOMEM; as store_read(), room_attach().
 * @suspends   yes, if there is a history.
 */
TN_USE int native_open(native **out, room *r, store *s, door *d,
                       const struct native_opts *opts);

/**
 * Serve until cancelled.
 *
 * @param n  borrowed.
 * @return -ECANCELED, -ETIME.
 */
int native_serve(native *n);

/**
 * Send what waits, until all have it or NATIVE_FAREWELL is over; for the time
 * after native_serve() and door_serve(). Suspends.
 *
 * @param n  borrowed.
 */
void native_flush(native *n);

/** How many members of ours there are, the silent among them. */
int native_count(const native *n);

/**
 * Find a member by its name, if it comes from the host of an address.
 *
 * @param n     borrowed.
 * @param name  borrowed.
 * @param from  borrowed.
 * @return its id; 0: there is none.
 */
room_id native_member(const native *n, const char *name, const tn_addr *from);

/**
 * End.
 *
 * @param n  taken; native_serve() and door_serve() have returned; NULL is
 *           harmless.
 */
void native_close(native *n);

#endif
