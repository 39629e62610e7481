/*
 * sockopt.c - options, and what a socket knows about itself.
 */
#include <tenon/sockopt.h>

#include "sock/sock.h"

#include <linux/tcp.h>
#include <net/if.h>
#include <string.h>

int
tn_setsockopt(tn_sock *sock, int level, int name, const void *value, size_t len)
{
    int r = sock->net->setopt(&sock->fd, level, name, value, len);

    return r < 0 ? tn__sock_fail(sock, r, "setsockopt") : 0;
}

int
tn_getsockopt(tn_sock *sock, int level, int name, void *value, size_t *len)
{
    int r = sock->net->getopt(&sock->fd, level, name, value, len);

    return r < 0 ? tn__sock_fail(sock, r, "getsockopt") : 0;
}

int
tn_setsockopt_int(tn_sock *sock, int level, int name, int value)
{
    return tn_setsockopt(sock, level, name, &value, sizeof(value));
}

int
tn_getsockopt_int(tn_sock *sock, int level, int name, int *value)
{
    size_t len = sizeof(*value);
    int v = 0;
    int r = tn_getsockopt(sock, level, name, &v, &len);

    if (r == 0) {
        *value = v;
    }
    return r;
}

/* ---- by name ---- */

struct option {
    int level4, name4; /* for IPv4 and everything that is not IPv6 */
    int level6, name6; /* for IPv6; 0: the same */
    bool read_only;
};

static const struct option options[] = {
    [TN_REUSEADDR] = {SOL_SOCKET, SO_REUSEADDR, 0, 0, false},
    [TN_REUSEPORT] = {SOL_SOCKET, SO_REUSEPORT, 0, 0, false},
    [TN_BROADCAST] = {SOL_SOCKET, SO_BROADCAST, 0, 0, false},
    [TN_KEEPALIVE] = {SOL_SOCKET, SO_KEEPALIVE, 0, 0, false},
    [TN_KEEPIDLE] = {IPPROTO_TCP, TCP_KEEPIDLE, 0, 0, false},
    [TN_KEEPINTVL] = {IPPROTO_TCP, TCP_KEEPINTVL, 0, 0, false},
    [TN_KEEPCNT] = {IPPROTO_TCP, TCP_KEEPCNT, 0, 0, false},
    [TN_NODELAY] = {IPPROTO_TCP, TCP_NODELAY, 0, 0, false},
    [TN_CORK] = {IPPROTO_TCP, TCP_CORK, 0, 0, false},
    [TN_USER_TIMEOUT] = {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 0, false},
    [TN_SNDBUF] = {SOL_SOCKET, SO_SNDBUF, 0, 0, false},
    [TN_RCVBUF] = {SOL_SOCKET, SO_RCVBUF, 0, 0, false},
    [TN_V6ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY, 0, 0, false},
    [TN_TTL] = {IPPROTO_IP, IP_TTL, IPPROTO_IPV6, IPV6_UNICAST_HOPS, false},
    [TN_MULTICAST_TTL] = {IPPROTO_IP, IP_MULTICAST_TTL, IPPROTO_IPV6,
                          IPV6_MULTICAST_HOPS, false},
    [TN_MULTICAST_LOOP] = {IPPROTO_IP, IP_MULTICAST_LOOP, IPPROTO_IPV6,
                           IPV6_MULTICAST_LOOP, false},
    [TN_RECVERR] = {IPPROTO_IP, IP_RECVERR, IPPROTO_IPV6, IPV6_RECVERR, false},
    [TN_PKTINFO] = {IPPROTO_IP, IP_PKTINFO, IPPROTO_IPV6, IPV6_RECVPKTINFO,
                    false},
    [TN_LINGER] = {SOL_SOCKET, SO_LINGER, 0, 0, false},
    [TN_ERROR] = {SOL_SOCKET, SO_ERROR, 0, 0, true},
    [TN_ACCEPTCONN] = {SOL_SOCKET, SO_ACCEPTCONN, 0, 0, true},
};

static const struct option *
find(tn_option option)
{
    size_t n = sizeof(options) / sizeof(options[0]);

    return (size_t)option < n ? &options[option] : NULL;
}

static void
locate(const tn_sock *s, const struct option *o, int *level, int *name)
{
    bool v6 = s->family == AF_INET6 && o->name6 != 0;

    *level = v6 ? o->level6 : o->level4;
    *name = v6 ? o->name6 : o->name4;
}

int
tn_set(tn_sock *sock, tn_option option, int value)
{
    const struct option *o = find(option);
    struct linger linger = {.l_onoff = value >= 0, .l_linger = value};
    int level, name;

    if (!o || o->read_only) {
        return tn__sock_fail(sock, -EINVAL, "setsockopt");
    }
    locate(sock, o, &level, &name);
    if (option == TN_LINGER) {
        return tn_setsockopt(sock, level, name, &linger, sizeof(linger));
    }
    return tn_setsockopt_int(sock, level, name, value);
}

int
tn_get(tn_sock *sock, tn_option option, int *value)
{
    const struct option *o = find(option);
    struct linger linger = {0, 0};
    size_t len = sizeof(linger);
    int level, name, r;

    if (!o) {
        return tn__sock_fail(sock, -EINVAL, "getsockopt");
    }
    locate(sock, o, &level, &name);
    if (option != TN_LINGER) {
        return tn_getsockopt_int(sock, level, name, value);
    }
    r = tn_getsockopt(sock, level, name, &linger, &len);
    if (r == 0) {
        *value = linger.l_onoff ? linger.l_linger : -1;
    }
    return r;
}

static int
multicast4(tn_sock *sock, const tn_addr *group, unsigned index, bool join)
{
    struct ip_mreqn m = {
        .imr_multiaddr = group->u.in.sin_addr,
        .imr_ifindex = (int)index,
    };

    return tn_setsockopt(sock, IPPROTO_IP,
                         join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &m,
                         sizeof(m));
}

static int
multicast6(tn_sock *sock, const tn_addr *group, unsigned index, bool join)
{
    struct ipv6_mreq m = {
        .ipv6mr_multiaddr = group->u.in6.sin6_addr,
        .ipv6mr_interface = index,
    };

    return tn_setsockopt(sock, IPPROTO_IPV6,
                         join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP, &m,
                         sizeof(m));
}

int
tn_multicast(tn_sock *sock, const tn_addr *group, const char *ifname, bool join)
{
    unsigned index = ifname ? if_nametoindex(ifname) : 0;

    if (ifname && index == 0) {
        return tn_fail(-ENODEV, "multicast on", ifname);
    }
    if (group->u.sa.sa_family == AF_INET6) {
        return multicast6(sock, group, index, join);
    }
    return multicast4(sock, group, index, join);
}

int
tn_pending(tn_sock *sock, size_t *unread, size_t *unsent)
{
    int r = sock->net->pending(&sock->fd, unread, unsent);

    if (r == 0 && unread && sock->layer) {
        r = sock->layer->unread(sock, unread);
    }
    return r < 0 ? tn__sock_fail(sock, r, "pending") : 0;
}

int
tn_tcp_info(tn_sock *sock, tn_tcpinfo *info)
{
    struct tcp_info t;
    size_t len = sizeof(t);
    int r;

    memset(&t, 0, sizeof(t));
    if (sock->proto != 0 && sock->proto != IPPROTO_TCP) {
        return tn__sock_fail(sock, -EOPNOTSUPP, "tcp_info");
    }
    r = tn_getsockopt(sock, IPPROTO_TCP, TCP_INFO, &t, &len);
    if (r < 0) {
        return r == -ENOPROTOOPT ? -EOPNOTSUPP : r;
    }
    *info = (tn_tcpinfo){
        .state = t.tcpi_state,
        .retransmits = t.tcpi_retransmits,
        .rtt = t.tcpi_rtt * TN_US,
        .rtt_var = t.tcpi_rttvar * TN_US,
        .min_rtt = t.tcpi_min_rtt == UINT32_MAX ? 0 : t.tcpi_min_rtt * TN_US,
        .rto = t.tcpi_rto * TN_US,
        .snd_mss = t.tcpi_snd_mss,
        .rcv_mss = t.tcpi_rcv_mss,
        .pmtu = t.tcpi_pmtu,
        .cwnd = t.tcpi_snd_cwnd,
        .unacked = t.tcpi_unacked,
        .lost = t.tcpi_lost,
        .total_retrans = t.tcpi_total_retrans,
        .bytes_acked = t.tcpi_bytes_acked,
        .bytes_received = t.tcpi_bytes_received,
        .bytes_sent = t.tcpi_bytes_sent,
        .bytes_retrans = t.tcpi_bytes_retrans,
        .delivery_rate = t.tcpi_delivery_rate,
    };
    return 0;
}
