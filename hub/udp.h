/*
 * hub/udp.h - the hub's UDP socket: datagrams in, datagrams out, and the news
 * that nobody listens at some address any more.
 *
 * A datagram to a port that was closed comes back as an ICMP message. The
 * kernel keeps it in the socket's error queue with the address it is about
 * (IP_RECVERR, ip(7)), and fails the next call on the socket, whatever that
 * was for. Both are dealt with here.
 *
 * A machine may have several addresses, and a peer that is connected to one
 * hears no other; so what goes to a peer goes out from the address that it
 * wrote to (IP_PKTINFO).
 */
#ifndef HUB_UDP_H
#define HUB_UDP_H

#include <tenon/sock.h>

enum udp_limit {
    /* The largest datagram there is: a line may be cut, never lost unseen. */
    UDP_BUF = 65536,
    /* Bytes asked of the kernel to hold what comes while we send to all. */
    UDP_RCVBUF = 1 << 20,
    /* How often a send is tried again that failed for another's sake: each
       try takes one old error away. */
    UDP_TRIES = 16,
    /* Errors in a row, with nothing received, before the socket counts as
       broken. */
    UDP_FAILURES = 1000,
};

/* Who is at the other end, and as whom it knows us. */
struct udp_peer {
    tn_addr addr;
    tn_addr local; /* len 0: not known; its port does not matter */
};

/* A datagram came; borrowed until return; may suspend. */
typedef void udp_datagram(void *arg, const struct udp_peer *from,
                          const char *buf, size_t n);

/* Nobody listens at `addr` any more. Must not suspend. */
typedef void udp_gone(void *arg, const tn_addr *addr);

struct udp {
    tn_sock *sock;
    udp_datagram *datagram;
    udp_gone *gone;
    void *arg; /* for both; borrowed */
    char buf[UDP_BUF];
};

/**
 * Bind the socket.
 *
 * @param u   datagram, gone and arg are set; end with udp_close().
 * @param at  borrowed; where.
 * @return 0; as tn_listen_endpoint().
 */
TN_USE int udp_open(struct udp *u, const tn_endpoint *at);

/**
 * Receive until cancelled.
 *
 * @param u  borrowed.
 * @return -ECANCELED, -ETIME; the error that broke the socket.
 */
int udp_serve(struct udp *u);

/**
 * Send a datagram; errors that are left over from others are passed on first.
 *
 * @param u    borrowed.
 * @param buf  borrowed until return; `n` bytes.
 * @param n    bytes.
 * @param to   borrowed until return.
 * @return 0; as tn_sendto().
 */
int udp_send(struct udp *u, const void *buf, size_t n,
             const struct udp_peer *to);

/**
 * Close the socket.
 *
 * @param u  a zeroed struct is harmless.
 */
void udp_close(struct udp *u);

#endif
