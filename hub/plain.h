/*
 * hub/plain.h - the members who speak plain text over UDP.
 *
 * An outlet of the room (room.h) with a table from address to member. What the
 * room publishes waits in a short queue and a task sends it, one event after
 * the other, so that all see the same order however slow a send is. While the
 * queue is full nothing is received: the kernel drops what is too much.
 *
 * Of an address that is not in the room nothing is kept, and it is sent no
 * more bytes than the datagram had that asked. Datagrams that begin with 0xFF
 * and are no frames of the native dialect (door.h) are dropped.
 */
#ifndef HUB_PLAIN_H
#define HUB_PLAIN_H

#include "dialect.h"
#include "door.h"
#include "room.h"

enum plain_limit {
    /* Events that wait to be sent. */
    PLAIN_QUEUE = 32,
    /* Places in the table: members, and some whose leaving still waits. */
    PLAIN_SLOTS = ROOM_MEMBERS + 2 * PLAIN_QUEUE,
    /* Lines of one datagram that are heeded. Beyond, nobody's burst would let
       them through, and each costs a look at the table. */
    PLAIN_LINES = 256,
    /* Members of one host that is not this one. */
    PLAIN_PER_HOST = 32,
};

/* Sending one event to all takes at most this long, even if the hub ends. */
#define PLAIN_FLUSH (2 * TN_SEC)

/* How often silent members are looked for. */
#define PLAIN_SWEEP TN_MIN

/* Called for each datagram that was not heeded; must not suspend. */
typedef void plain_dropped(void *arg, const tn_addr *from, const char *why);

struct plain_opts {
    enum dialect_lang lang;
    plain_dropped *dropped; /* may be NULL */
    void *arg;              /* for it; borrowed */
};

typedef struct plain plain;

/**
 * Take what is text at a port, and become an outlet of the room.
 *
 * @param out   given (end with plain_close()); NULL on failure.
 * @param r     borrowed until plain_close().
 * @param d     borrowed until plain_close(); it is served by who opened it.
 * @param opts  copied.
 * @return 0; -ENOMEM; as room_attach().
 */
TN_USE int plain_open(plain **out, room *r, door *d,
                      const struct plain_opts *opts);

/**
 * Serve until cancelled.
 *
 * @param p  borrowed.
 * @return -ECANCELED, -ETIME.
 */
int plain_serve(plain *p);

/**
 * Send what waits in the queue; for the time after plain_serve().
 *
 * @param p  borrowed.
 */
void plain_flush(plain *p);

/**
 * End; the door is closed after this.
 *
 * @param p  taken; plain_serve() and door_serve() have returned; NULL is
 *           harmless.
 */
void plain_close(plain *p);

#endif
