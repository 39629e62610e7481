/*
 * tenon/netif.h - the networks of this machine: its interfaces, and by which
 * of them a datagram came or shall leave.
 *
 * For programs that speak to everybody near: one that asks on every interface
 * lists them, sends to each broadcast address or group by its own interface,
 * and answers where the question came from, without a default route.
 *
 * Errors:  negative codes of err.h.
 * Threads: plain values; every function may be called from any thread.
 * Next:    sockopt.h: TN_BROADCAST, TN_PKTINFO, tn_multicast().
 */
#ifndef TENON_NETIF_H
#define TENON_NETIF_H

#include <tenon/addr.h>
#include <tenon/msg.h>

enum {
    TN_IF_NAME = 16, /* bytes of an interface's name, with its NUL */
    /* Bytes of control data that tn_msg_leave() may need, and that have room
       for what tn_msg_arrived() reads. Align them as cmsg(3) wants it. */
    TN_PATH_CONTROL = 64,
};

/* One address of an interface; an interface with none has one entry, too. */
typedef struct tn_interface {
    char name[TN_IF_NAME]; /* "eth0" */
    unsigned index;        /* as in the scope of an IPv6 address */
    unsigned flags;        /* IFF_UP, IFF_BROADCAST, ... of net/if.h */
    tn_addr addr;          /* port 0; len 0: it has no address of IP */
    tn_addr netmask;       /* len 0: none is known */
    tn_addr broadcast;     /* of IPv4, the loopback's too; computed if none was
                              set; len 0: none */
    tn_addr peer;          /* other end of a point-to-point link; len 0 */
} tn_interface;

/* The way of a datagram into this machine, or out of it. */
typedef struct tn_path {
    unsigned index; /* of the interface; 0: unknown, or whichever */
    tn_addr local;  /* which of our addresses, port 0; len 0: likewise */
} tn_path;

TN_BEGIN_DECLS

/**
 * List the interfaces of this machine with their addresses.
 *
 * @param out  room for `cap`.
 * @param cap  how many at most, >= 1; more are left out.
 * @return how many were written; the code of getifaddrs(3).
 * @suspends   no.
 * @thread     any.
 * @see        getifaddrs(3), netdevice(7); Python socket.if_nameindex.
 */
TN_API TN_USE int tn_interfaces(tn_interface *out, int cap);

/**
 * Tell by which way a datagram came.
 *
 * The socket needs TN_PKTINFO, and tn_recvmsg() room for control data. For a
 * broadcast `local` is the interface's own address; a multicast of IPv6 has
 * none.
 *
 * @param msg   borrowed; as tn_recvmsg() left it.
 * @param path  filled; empty where nothing is known.
 * @return true if something is known.
 * @suspends   no.
 * @thread     any.
 * @see        ip(7) IP_PKTINFO; RFC 3542 section 6.1; Python socket.recvmsg.
 */
TN_API bool tn_msg_arrived(const tn_msg *msg, tn_path *path);

/**
 * Choose by which way a datagram leaves, whatever the routes say.
 *
 * @param msg   borrowed; `addr` says where it shall go; `control` is room for
 *              `control_len` bytes, which is set to what is used of it.
 * @param path  borrowed; what it leaves open the system chooses.
 * @return 0; -EAFNOSUPPORT if it is not IP; -ENOBUFS without room.
 * @suspends   no.
 * @thread     any.
 * @see        ip(7) IP_PKTINFO; RFC 3542 section 6.1; Python socket.sendmsg.
 */
TN_API TN_USE int tn_msg_leave(tn_msg *msg, const tn_path *path);

TN_END_DECLS

#endif
