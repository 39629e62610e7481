/*
 * tenon/sockopt.h - options of a socket, raw and by name, and what it knows.
 *
 * tn_setsockopt() takes any option of the system; the named ones spare looking
 * up its level and type. A listener that tn_create_server() makes has
 * SO_REUSEADDR already.
 *
 * Errors:  -ENOPROTOOPT no such option, -EINVAL a wrong length or value,
 *          -EDOM out of range, -EPERM not allowed, -EBADF.
 * Threads: as sock.h. No function here suspends.
 * Next:    socket(7), ip(7), ipv6(7), tcp(7), udp(7).
 */
#ifndef TENON_SOCKOPT_H
#define TENON_SOCKOPT_H

#include <tenon/sock.h>

/* What TCP knows about a connection; see tn_tcp_info(). */
typedef struct tn_tcpinfo {
    int state;              /* TCP_ESTABLISHED, ... of netinet/tcp.h */
    int retransmits;        /* unanswered ones in a row */
    int64_t rtt;            /* ns, smoothed */
    int64_t rtt_var;        /* ns */
    int64_t min_rtt;        /* ns; 0 if not known */
    int64_t rto;            /* ns until a segment is sent again */
    uint32_t snd_mss;       /* bytes */
    uint32_t rcv_mss;       /* bytes */
    uint32_t pmtu;          /* bytes */
    uint32_t cwnd;          /* segments that may be in flight */
    uint32_t unacked;       /* segments in flight */
    uint32_t lost;          /* segments thought lost */
    uint32_t total_retrans; /* segments sent again since the beginning */
    uint64_t bytes_acked;
    uint64_t bytes_received;
    uint64_t bytes_sent;
    uint64_t bytes_retrans;
    uint64_t delivery_rate; /* bytes per second */
} tn_tcpinfo;

TN_BEGIN_DECLS

/**
 * Set any option.
 *
 * @param sock   borrowed.
 * @param level  SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, ...
 * @param name   the option's number.
 * @param value  borrowed; `len` bytes.
 * @param len    bytes.
 * @return 0; -ENOPROTOOPT, -EINVAL, -EDOM, -EPERM, -EBADF.
 * @suspends   no.
 * @thread     the socket's.
 * @see        setsockopt(2); Python socket.setsockopt.
 */
TN_API TN_USE int tn_setsockopt(tn_sock *sock, int level, int name,
                                const void *value, size_t len);

/**
 * Read any option.
 *
 * @param sock   borrowed.
 * @param level  SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, ...
 * @param name   the option's number.
 * @param value  room for *len bytes.
 * @param len    in: bytes of room; out: bytes of the value.
 * @return 0; -ENOPROTOOPT, -EINVAL, -EBADF.
 * @suspends   no.
 * @thread     the socket's.
 * @see        getsockopt(2); Python socket.getsockopt.
 */
TN_API TN_USE int tn_getsockopt(tn_sock *sock, int level, int name, void *value,
                                size_t *len);

/**
 * Set an option whose value is an int, as most are.
 *
 * @param sock   borrowed.
 * @param level  as tn_setsockopt().
 * @param name   the option's number.
 * @param value  the value.
 * @return as tn_setsockopt().
 * @suspends   no.
 * @thread     the socket's.
 * @see        setsockopt(2); Python socket.setsockopt(level, name, int).
 */
TN_API TN_USE int tn_setsockopt_int(tn_sock *sock, int level, int name,
                                    int value);

/**
 * Read an option whose value is an int.
 *
 * @param sock   borrowed.
 * @param level  as tn_getsockopt().
 * @param name   the option's number.
 * @param value  filled on success.
 * @return as tn_getsockopt().
 * @suspends   no.
 * @thread     the socket's.
 * @see        getsockopt(2); Python socket.getsockopt(level, name).
 */
TN_API TN_USE int tn_getsockopt_int(tn_sock *sock, int level, int name,
                                    int *value);

/** Options with a name; see tn_set() and tn_get(). */
typedef enum tn_option {
    TN_REUSEADDR,      /* bool: bind although old connections linger */
    TN_REUSEPORT,      /* bool: several sockets share one port */
    TN_BROADCAST,      /* bool: a datagram may go to a broadcast address */
    TN_KEEPALIVE,      /* bool: probe a silent TCP peer */
    TN_KEEPIDLE,       /* seconds of silence before the first probe */
    TN_KEEPINTVL,      /* seconds between probes */
    TN_KEEPCNT,        /* probes before the connection counts as dead */
    TN_NODELAY,        /* bool: send small segments at once (Nagle off) */
    TN_CORK,           /* bool: hold partial segments back */
    TN_USER_TIMEOUT,   /* ms that sent data may stay unacknowledged */
    TN_SNDBUF,         /* bytes of the kernel's send buffer; Linux doubles it */
    TN_RCVBUF,         /* bytes of the kernel's receive buffer; likewise */
    TN_V6ONLY,         /* bool: an IPv6 socket does not take IPv4 */
    TN_TTL,            /* hops of unicast, 1 to 255 */
    TN_MULTICAST_TTL,  /* hops of multicast, 0 to 255 */
    TN_MULTICAST_LOOP, /* bool: own multicast comes back */
    TN_RECVERR,        /* bool: ICMP errors come with their address */
    TN_PKTINFO,        /* bool: received datagrams tell where they arrived */
    TN_LINGER,         /* seconds close waits; 0 resets; -1 off */
    TN_ERROR,          /* read only: the pending error, >= 0, and clears it */
    TN_ACCEPTCONN,     /* read only: bool: the socket listens */
} tn_option;

/**
 * Set an option by its name, for IPv4 and IPv6 alike.
 *
 * @param sock    borrowed.
 * @param option  one that is not read only.
 * @param value   as the list of tn_option says.
 * @return as tn_setsockopt(); -EINVAL for an unknown or read-only option.
 * @suspends   no.
 * @thread     the socket's.
 * @see        socket(7), ip(7), ipv6(7), tcp(7).
 */
TN_API TN_USE int tn_set(tn_sock *sock, tn_option option, int value);

/**
 * Read an option by its name.
 *
 * @param sock    borrowed.
 * @param option  any.
 * @param value   filled on success.
 * @return as tn_getsockopt(); -EINVAL for an unknown option.
 * @suspends   no.
 * @thread     the socket's.
 * @see        socket(7), ip(7), ipv6(7), tcp(7).
 */
TN_API TN_USE int tn_get(tn_sock *sock, tn_option option, int *value);

/**
 * Join or leave a multicast group.
 *
 * @param sock   borrowed; a datagram socket.
 * @param group  borrowed; IPv4 or IPv6 as the socket.
 * @param ifname interface, "eth0"; NULL lets the system choose; borrowed.
 * @param join   true to join, false to leave.
 * @return 0; -ENODEV; -EADDRINUSE; -EADDRNOTAVAIL; as tn_setsockopt().
 * @suspends   no.
 * @thread     the socket's.
 * @see        ip(7) IP_ADD_MEMBERSHIP.
 */
TN_API TN_USE int tn_multicast(tn_sock *sock, const tn_addr *group,
                               const char *ifname, bool join);

/**
 * Ask how many bytes wait in the kernel's two buffers.
 *
 * @param sock     borrowed.
 * @param unread   received and not read; for datagrams the next one's size; of
 *                 a TLS socket what is decrypted; may be NULL.
 * @param unsent   sent and not acknowledged (TCP) or not read (Unix); may be
 *                 NULL.
 * @return 0; -EINVAL for a listener; -EOPNOTSUPP where the kernel cannot say.
 * @suspends   no.
 * @thread     the socket's.
 * @see        tcp(7) SIOCINQ, SIOCOUTQ.
 */
TN_API TN_USE int tn_pending(tn_sock *sock, size_t *unread, size_t *unsent);

/**
 * Ask TCP what it knows about the connection.
 *
 * @param sock  borrowed; TCP.
 * @param info  filled on success; what the kernel does not tell is 0.
 * @return 0; -EOPNOTSUPP if it is not TCP; -EBADF.
 * @suspends   no.
 * @thread     the socket's.
 * @see        tcp(7) TCP_INFO.
 */
TN_API TN_USE int tn_tcp_info(tn_sock *sock, tn_tcpinfo *info);

TN_END_DECLS

#endif
