/*
 * sim_opt.c - socket options: those that mean something here act, the usual
 * others are remembered, and the rest do not exist.
 */
#include "wait/sim_int.h"

#include <netinet/tcp.h>
#include <string.h>

#define TN_SIM_SNDBUF_MIN 4608 /* as Linux on x86-64 */
#define TN_SIM_RCVBUF_MIN 2304
#define TN_SIM_BUF_MAX    (2 * 212992)

enum {
    ANY_TYPE = 0,
};

static const struct row {
    int level, name;
    int type;   /* SOCK_STREAM, SOCK_DGRAM, ANY_TYPE */
    int family; /* AF_INET means both of IP; AF_UNSPEC any */
    int initial;
} rows[] = {
    [SIM_REUSEADDR] = {SOL_SOCKET, SO_REUSEADDR, ANY_TYPE, AF_UNSPEC, 0},
    [SIM_REUSEPORT] = {SOL_SOCKET, SO_REUSEPORT, ANY_TYPE, AF_UNSPEC, 0},
    [SIM_BROADCAST] = {SOL_SOCKET, SO_BROADCAST, ANY_TYPE, AF_UNSPEC, 0},
    [SIM_SNDBUF] = {SOL_SOCKET, SO_SNDBUF, ANY_TYPE, AF_UNSPEC,
                    (int)TN_SIM_PIPE},
    [SIM_RCVBUF] = {SOL_SOCKET, SO_RCVBUF, ANY_TYPE, AF_UNSPEC,
                    (int)TN_SIM_PIPE},
    [SIM_V6ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY, ANY_TYPE, AF_INET6, 0},
    [SIM_LINGER_ON] = {SOL_SOCKET, SO_LINGER, ANY_TYPE, AF_UNSPEC, 0},
    /* The second half of the same option: never found by name. */
    [SIM_LINGER] = {-1, -1, ANY_TYPE, AF_UNSPEC, 0},
    [SIM_REMEMBERED] = {SOL_SOCKET, SO_KEEPALIVE, ANY_TYPE, AF_UNSPEC, 0},
    {SOL_SOCKET, SO_PRIORITY, ANY_TYPE, AF_UNSPEC, 0},
    {SOL_SOCKET, SO_RCVLOWAT, ANY_TYPE, AF_UNSPEC, 1},
    {SOL_SOCKET, SO_OOBINLINE, ANY_TYPE, AF_UNSPEC, 0},
    {IPPROTO_TCP, TCP_NODELAY, SOCK_STREAM, AF_INET, 0},
    {IPPROTO_TCP, TCP_CORK, SOCK_STREAM, AF_INET, 0},
    {IPPROTO_TCP, TCP_KEEPIDLE, SOCK_STREAM, AF_INET, 7200},
    {IPPROTO_TCP, TCP_KEEPINTVL, SOCK_STREAM, AF_INET, 75},
    {IPPROTO_TCP, TCP_KEEPCNT, SOCK_STREAM, AF_INET, 9},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, SOCK_STREAM, AF_INET, 0},
    {IPPROTO_TCP, TCP_QUICKACK, SOCK_STREAM, AF_INET, 1},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, SOCK_STREAM, AF_INET, 0},
    {IPPROTO_IP, IP_TTL, ANY_TYPE, AF_INET, 64},
    {IPPROTO_IP, IP_TOS, ANY_TYPE, AF_INET, 0},
    {IPPROTO_IP, IP_MULTICAST_TTL, ANY_TYPE, AF_INET, 1},
    {IPPROTO_IP, IP_MULTICAST_LOOP, ANY_TYPE, AF_INET, 1},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, ANY_TYPE, AF_INET6, 64},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ANY_TYPE, AF_INET6, 1},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, ANY_TYPE, AF_INET6, 1},
};

enum {
    ROWS = sizeof(rows) / sizeof(rows[0]),
};

_Static_assert((int)ROWS <= (int)SIM_OPTIONS, "no room in sim_sock");

void
sim_option_init(struct sim_sock *k)
{
    for (int i = 0; i < ROWS; i++) {
        k->option[i] = rows[i].initial;
    }
}

static bool
applies(const struct row *row, const struct sim_sock *k)
{
    bool family = row->family == AF_UNSPEC || row->family == k->family ||
                  (row->family == AF_INET && k->family == AF_INET6);

    return family && (row->type == ANY_TYPE || row->type == k->type);
}

static int
find(const struct sim_sock *k, int level, int name)
{
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].level == level && rows[i].name == name &&
            applies(&rows[i], k)) {
            return i;
        }
    }
    return -ENOPROTOOPT;
}

/* Linux doubles what is asked for, within bounds. */
static int
buffer_size(int value, int least)
{
    if (value < 0 || value > TN_SIM_BUF_MAX / 2) {
        value = TN_SIM_BUF_MAX / 2;
    }
    return value * 2 > least ? value * 2 : least;
}

static int
set_linger(struct sim_sock *k, const void *value, size_t len)
{
    struct linger linger;

    if (len < sizeof(linger)) {
        return -EINVAL;
    }
    memcpy(&linger, value, sizeof(linger));
    k->option[SIM_LINGER_ON] = linger.l_onoff != 0;
    k->option[SIM_LINGER] = linger.l_linger;
    return 0;
}

static int
set_int(struct sim_sock *k, int i, int value)
{
    switch (i) {
    case SIM_SNDBUF:
        k->option[i] = buffer_size(value, TN_SIM_SNDBUF_MIN);
        if (k->peer) {
            sim_wake(k, TN__WRITER, 0);
        }
        break;
    case SIM_RCVBUF:
        k->option[i] = buffer_size(value, TN_SIM_RCVBUF_MIN);
        if (k->peer) {
            sim_wake(k->peer, TN__WRITER, 0);
        }
        break;
    case SIM_V6ONLY:
        if (k->bound) {
            return -EINVAL;
        }
        k->option[i] = value != 0;
        break;
    case SIM_REUSEADDR:
    case SIM_REUSEPORT:
    case SIM_BROADCAST:
        k->option[i] = value != 0;
        break;
    default:
        k->option[i] = value;
        break;
    }
    return 0;
}

int
sim_setopt(struct tn__fd *fd, int level, int name, const void *value,
           size_t len)
{
    struct sim_sock *k = fd->sim;
    int i, number;

    if (!k) {
        return -EBADF;
    }
    i = find(k, level, name);
    if (i < 0) {
        return i;
    }
    if (i == SIM_LINGER_ON) {
        return set_linger(k, value, len);
    }
    if (len < sizeof(number)) {
        return -EINVAL;
    }
    memcpy(&number, value, sizeof(number));
    return set_int(k, i, number);
}

/* SO_ERROR: what waits on either side, and both are cleared. */
static int
pending_error(struct sim_sock *k)
{
    int reader = sim_take_error(k, TN__READER);
    int writer = sim_take_error(k, TN__WRITER);

    return reader < 0 ? -reader : -writer;
}

static int
get_int(struct sim_sock *k, int level, int name, int *value)
{
    int i;

    if (level == SOL_SOCKET) {
        switch (name) {
        case SO_TYPE:
            *value = k->type;
            return 0;
        case SO_DOMAIN:
            *value = k->family;
            return 0;
        case SO_PROTOCOL:
            *value = k->proto;
            return 0;
        case SO_ERROR:
            *value = pending_error(k);
            return 0;
        case SO_ACCEPTCONN:
            *value = k->state == SIM_LISTENING;
            return 0;
        default:
            break;
        }
    }
    i = find(k, level, name);
    if (i >= 0) {
        *value = k->option[i];
    }
    return i < 0 ? i : 0;
}

int
sim_getopt(struct tn__fd *fd, int level, int name, void *value, size_t *len)
{
    struct sim_sock *k = fd->sim;
    struct linger linger;
    const void *from = &linger;
    size_t size = sizeof(linger);
    int number = 0;
    int r;

    if (!k) {
        return -EBADF;
    }
    if (level == SOL_SOCKET && name == SO_LINGER) {
        linger.l_onoff = k->option[SIM_LINGER_ON];
        linger.l_linger = k->option[SIM_LINGER];
    } else {
        r = get_int(k, level, name, &number);
        if (r < 0) {
            return r;
        }
        from = &number;
        size = sizeof(number);
    }
    /* A short buffer gets the first bytes, as from the kernel. */
    if (*len > size) {
        *len = size;
    }
    memcpy(value, from, *len);
    return 0;
}
