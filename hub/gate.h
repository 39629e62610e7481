/*
 * hub/gate.h - whom the hub lets in, judged by the address alone.
 *
 * Attached networks only (lan.h), and so many joins at a time from one host:
 * who comes and goes in a loop would fill everybody's screen.
 */
#ifndef HUB_GATE_H
#define HUB_GATE_H

#include "bucket.h"
#include "lan.h"

enum gate_limit {
    /* Hosts whose joins are remembered. The one that has been calm for the
       longest time makes room for a new one. */
    GATE_SOURCES = 256,
    /* Joins a host may make at once: a class behind one address. */
    GATE_BURST = 20,
};

/* After that a host may join once in two seconds. */
#define GATE_INTERVAL (2 * TN_SEC)

/* An address that is not attached has the interfaces looked at again, but not
   more often than this: one may have come up meanwhile. */
#define GATE_RESCAN (5 * TN_SEC)

struct gate_source {
    struct in6_addr ip;
    int port; /* 0, but on loopback, where all users share an address */
    struct bucket joins;
};

struct gate {
    struct lan lan;
    int64_t scanned;
    struct gate_source source[GATE_SOURCES];
};

/**
 * Tell whether an address is on an attached network.
 *
 * @param g     changed; zeroed at first.
 * @param from  borrowed.
 * @param now   ns.
 * @return true if so.
 */
bool gate_is_attached(struct gate *g, const tn_addr *from, int64_t now);

/**
 * Count a join.
 *
 * @param g     changed.
 * @param from  borrowed; attached.
 * @param now   ns.
 * @return false if there have been too many.
 */
bool gate_join(struct gate *g, const tn_addr *from, int64_t now);

/**
 * Tell whether two addresses are one host, ports aside.
 *
 * @param a  borrowed.
 * @param b  borrowed.
 * @return false on loopback as well: there it says nothing.
 */
bool gate_same_host(const tn_addr *a, const tn_addr *b);

#endif
