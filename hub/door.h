/*
 * hub/door.h - the hub's UDP port, which two dialects share.
 *
 * Datagrams that begin with FF 'T' go to who speaks the native dialect, all
 * others to who speaks plain text; where nobody does, they are dropped.
 */
#ifndef HUB_DOOR_H
#define HUB_DOOR_H

#include "udp.h"

/* Who gets what comes; see udp.h for both functions. */
struct door_side {
    udp_datagram *datagram;
    udp_gone *gone;
    void *arg; /* borrowed until door_close() */
};

typedef struct door door;

/**
 * Bind the port.
 *
 * @param out  given (end with door_close()); NULL on failure.
 * @param at   borrowed; where.
 * @return 0; -ENOMEM; as udp_open().
 */
TN_USE int door_open(door **out, const tn_endpoint *at);

/** Read the address that was bound; as tn_getsockname(). */
TN_USE int door_addr(const door *d, tn_addr *addr);

/** Have text handed to a side; copied. */
void door_plain(door *d, const struct door_side *side);

/** Have frames of the native dialect handed to a side; copied. */
void door_native(door *d, const struct door_side *side);

/** Send a datagram, when it is the caller's turn; as udp_send(); -ECANCELED,
    -ETIME. Suspends. */
int door_send(door *d, const void *buf, size_t n, const struct udp_peer *to);

/**
 * Receive until cancelled: a task, arg is the door.
 *
 * @return -ECANCELED, -ETIME; the error that broke the socket.
 */
int door_serve(void *arg);

/** Close the port; NULL is harmless. */
void door_close(door *d);

#endif
