/*
 * hub/beacon_link.h - the networks of this machine as places to speak to, and
 * the two sockets that do it.
 */
#ifndef HUB_BEACON_LINK_H
#define HUB_BEACON_LINK_H

#include <tenon/netif.h>
#include <tenon/sock.h>

#include "beacon_reply.h"
#include "beacon_wire.h"

/* docs/wire/beacon.md section 1: one group of RFC 2365's local scope, and one
   of the transient groups of a link that RFC 3307 leaves to programs. */
#define BEACON_GROUP4 "239.255.84.78"
#define BEACON_GROUP6 "ff12::8001:544e"

enum beacon_link_limit {
    BEACON_IFS = 128,  /* addresses of interfaces that are looked at */
    BEACON_LINKS = 64, /* of them to speak on; a container host has the rest */
    /* Bytes of answers that wait to be read: those of hundreds at once. */
    BEACON_RCVBUF = 1 << 20,
    /* Receives that may fail in a row before the socket counts as broken. */
    BEACON_FAILURES = 64,
};

enum beacon_how {
    BEACON_BROADCAST, /* to all of the network */
    BEACON_GROUP,     /* to the group, where there is no broadcast; IPv6 */
    BEACON_PEER,      /* to the other end, where there is neither */
};

struct beacon_link {
    enum beacon_how how;
    char name[TN_IF_NAME];
    bool loopback;
    struct beacon_way way;
};

struct beacon_links {
    int count;
    struct beacon_link link[BEACON_LINKS];
};

struct beacon_socks {
    tn_sock *four, *six; /* NULL: this machine has no such protocol */
};

/** The UDP port to use: as given; if 0, TENON_BEACON_PORT of the environment,
    by which tests keep to themselves; else BEACON_PORT. */
int beacon_port(int given);

/** Tell whether an address stands for all of this machine's, or for none. */
bool beacon_is_wildcard(const tn_addr *a);

/** Tell whether who listens at `only` hears nothing of an address's family:
    0.0.0.0 is for IPv4 alone, :: for both. */
bool beacon_is_other_family(const tn_addr *only, const tn_addr *a);

/**
 * Say how to speak to each network.
 *
 * @param l     filled.
 * @param ifs   borrowed; `count` of them.
 * @param count of ifs.
 * @param port  to speak to.
 * @param only  borrowed; leave out networks on which this is not our address;
 *              len 0 or a wildcard: none.
 */
void beacon_links(struct beacon_links *l, const tn_interface *ifs, int count,
                  int port, const tn_addr *only);

/** Ask the kernel which networks there are, then the same; 0 or a code. */
int beacon_links_scan(struct beacon_links *l, int port, const tn_addr *only);

/** Tell whether `now` has a network that `then` had not. */
bool beacon_links_grew(const struct beacon_links *then,
                       const struct beacon_links *now);

/**
 * Open the sockets.
 *
 * @param s     filled; end with beacon_socks_close().
 * @param port  one to share with others of this machine; 0: one of our own.
 * @return 0; as tn_socket(), tn_bind(): neither IPv4 nor IPv6 went.
 */
int beacon_socks_open(struct beacon_socks *s, int port);

/** Close them; zeroed ones are harmless. */
void beacon_socks_close(struct beacon_socks *s);

/** Enter the groups of all links that have one; again is harmless. */
void beacon_socks_join(const struct beacon_socks *s,
                       const struct beacon_links *l);

/** Send one datagram; 0 or a code. Never suspends. */
int beacon_socks_send(const struct beacon_socks *s,
                      const struct beacon_way *way, const void *buf, size_t n);

/** Send one datagram to every network; to how many it went. */
int beacon_socks_spread(const struct beacon_socks *s,
                        const struct beacon_links *l, const void *buf,
                        size_t n);

/**
 * Wait for the next datagram of the protocol; others are dropped.
 *
 * @param sock  borrowed; one of the two.
 * @param m     filled.
 * @param from  filled: its sender, and by which way it came.
 * @return 0; -ECANCELED; -ETIME; -EIO. Suspends.
 */
int beacon_socks_recv(tn_sock *sock, struct beacon_msg *m,
                      struct beacon_way *from);

/* Who hears what comes to one of the sockets. */
struct beacon_ear {
    tn_sock *sock; /* borrowed; NULL: nothing ever comes */
    /* Must not keep either of them; must not suspend. */
    void (*heard)(void *arg, const struct beacon_msg *m,
                  const struct beacon_way *from);
    void *arg; /* borrowed */
};

/**
 * Hear until cancelled: a task, arg is a struct beacon_ear.
 *
 * @return -ECANCELED; -ETIME; -EIO; 0 at once without a socket.
 */
int beacon_listen(void *arg);

/** A number that nobody guesses. */
uint32_t beacon_dice(void);

#endif
