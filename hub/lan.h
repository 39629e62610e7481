/*
 * hub/lan.h - which addresses are on a network this machine is attached to.
 *
 * A plain member proves nothing but that a datagram came; so the hub admits
 * only those whose address a router would not have let in. Loopback and IPv6
 * link-local count as attached, whatever the interfaces are.
 */
#ifndef HUB_LAN_H
#define HUB_LAN_H

#include <tenon/addr.h>

enum lan_limit {
    /* Networks kept; a machine with more interface addresses than that is a
       container host, whose last ones are left out. */
    LAN_NETS = 64,
    /* Addresses of interfaces that are looked at: some are down, or of no use
       for this. */
    LAN_ADDRS = 128,
};

/* One network; IPv4 is kept as ::ffff:a.b.c.d, its mask likewise. */
struct lan_net {
    struct in6_addr ip, mask;
    bool shows; /* `ip` is our own, and not loopback: good to tell others */
};

struct lan {
    int count;
    struct lan_net net[LAN_NETS];
};

/**
 * Ask the kernel for the networks of this machine, forgetting the old ones.
 *
 * @param l  filled; unchanged on failure.
 * @return 0; -ENOMEM; as tn_interfaces().
 */
TN_USE int lan_scan(struct lan *l);

/**
 * Add a network.
 *
 * @param l     changed.
 * @param ip    borrowed; IPv4 or IPv6, an address within it.
 * @param mask  borrowed; of the same family; NULL for that one address.
 * @return the network; NULL if it was left out: another family, an empty
 *   mask (the whole internet), or LAN_NETS.
 */
struct lan_net *lan_add(struct lan *l, const struct sockaddr *ip,
                        const struct sockaddr *mask);

/**
 * Tell whether an address is directly attached.
 *
 * @param l     borrowed.
 * @param addr  borrowed; IPv4, IPv6, or IPv4 within IPv6.
 * @return true if so.
 */
bool lan_has(const struct lan *l, const tn_addr *addr);

/**
 * Write the address of an IPv4 or IPv6 socket address as 16 bytes.
 *
 * @param out   filled; ::ffff:a.b.c.d for IPv4.
 * @param addr  borrowed.
 * @return false for other families.
 */
bool lan_ip(struct in6_addr *out, const struct sockaddr *addr);

/**
 * Tell whether an address, as lan_ip() writes it, is this machine's loopback.
 *
 * @param ip  borrowed.
 * @return true for ::1 and 127.0.0.0/8.
 */
bool lan_is_loopback(const struct in6_addr *ip);

/**
 * List this machine's own addresses, as others may call them.
 *
 * @param l     borrowed.
 * @param port  for each of them.
 * @param out   room for `cap`.
 * @param cap   how many at most.
 * @return how many: IPv4 first, without loopback and link-local.
 */
int lan_hosts(const struct lan *l, int port, tn_addr *out, int cap);

/**
 * List what to call this machine from elsewhere.
 *
 * @param bound  borrowed; where a socket is bound.
 * @param out    room for `cap`.
 * @param cap    how many at most.
 * @return how many; 0 if it is bound to all and there is no network.
 */
int lan_reach(const tn_addr *bound, tn_addr *out, int cap);

#endif
