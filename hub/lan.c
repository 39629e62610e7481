#include "lan.h"

#include <tenon/err.h>
#include <tenon/netif.h>

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

static void
map_ipv4(struct in6_addr *out, struct in_addr ip)
{
    memset(out, 0, sizeof(*out));
    out->s6_addr[10] = 0xff;
    out->s6_addr[11] = 0xff;
    memcpy(out->s6_addr + 12, &ip, sizeof(ip));
}

bool
lan_ip(struct in6_addr *out, const struct sockaddr *addr)
{
    /* Copied, because a sockaddr says nothing about its alignment. */
    if (addr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof(in));
        map_ipv4(out, in.sin_addr);
        return true;
    }
    if (addr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, addr, sizeof(in6));
        *out = in6.sin6_addr;
        return true;
    }
    return false;
}

/* The mask as 16 bytes; false if it lets the whole internet in. */
static bool
read_mask(struct in6_addr *out, const struct sockaddr *ip,
          const struct sockaddr *mask)
{
    size_t skip = ip->sa_family == AF_INET ? 12 : 0;
    bool empty = true;

    memset(out, 0xff, sizeof(*out));
    if (mask == NULL) {
        return true;
    }
    if (mask->sa_family != ip->sa_family || !lan_ip(out, mask)) {
        return false;
    }
    memset(out, 0xff, skip);
    for (size_t i = skip; i < sizeof(out->s6_addr); i++) {
        empty = empty && out->s6_addr[i] == 0;
    }
    return !empty;
}

struct lan_net *
lan_add(struct lan *l, const struct sockaddr *ip, const struct sockaddr *mask)
{
    struct lan_net *net = &l->net[l->count];

    if (l->count == LAN_NETS || !lan_ip(&net->ip, ip) ||
        !read_mask(&net->mask, ip, mask)) {
        return NULL;
    }
    net->shows = false;
    l->count++;
    return net;
}

/* An interface's network; on a point-to-point link the other end. */
static void
add_interface(struct lan *l, const tn_interface *i)
{
    struct lan_net *net;

    if (i->addr.len == 0 || (i->flags & IFF_UP) == 0) {
        return;
    }
    net =
        lan_add(l, &i->addr.u.sa, i->netmask.len > 0 ? &i->netmask.u.sa : NULL);
    if (net != NULL) {
        net->shows = (i->flags & IFF_LOOPBACK) == 0;
    }
    if (i->peer.len > 0) {
        (void)lan_add(l, &i->peer.u.sa, NULL);
    }
}

int
lan_scan(struct lan *l)
{
    tn_interface *all = calloc(LAN_ADDRS, sizeof(*all));
    int count = all != NULL ? tn_interfaces(all, LAN_ADDRS) : -ENOMEM;

    if (count >= 0) {
        l->count = 0;
    }
    for (int i = 0; i < count; i++) {
        add_interface(l, &all[i]);
    }
    free(all);
    return count < 0 ? count : 0;
}

bool
lan_is_loopback(const struct in6_addr *ip)
{
    return IN6_IS_ADDR_LOOPBACK(ip) ||
           (IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr[12] == 127);
}

static bool
is_inside(const struct lan_net *net, const struct in6_addr *ip)
{
    for (size_t i = 0; i < sizeof(ip->s6_addr); i++) {
        if (((net->ip.s6_addr[i] ^ ip->s6_addr[i]) & net->mask.s6_addr[i]) !=
            0) {
            return false;
        }
    }
    return true;
}

bool
lan_has(const struct lan *l, const tn_addr *addr)
{
    struct in6_addr ip;

    if (addr->len == 0 || !lan_ip(&ip, &addr->u.sa)) {
        return false;
    }
    if (lan_is_loopback(&ip) || IN6_IS_ADDR_LINKLOCAL(&ip)) {
        return true;
    }
    for (int i = 0; i < l->count; i++) {
        if (is_inside(&l->net[i], &ip)) {
            return true;
        }
    }
    return false;
}

static void
make_addr(tn_addr *out, const struct in6_addr *ip, int port)
{
    memset(out, 0, sizeof(*out));
    if (IN6_IS_ADDR_V4MAPPED(ip)) {
        out->len = sizeof(out->u.in);
        out->u.in.sin_family = AF_INET;
        out->u.in.sin_port = htons((uint16_t)port);
        memcpy(&out->u.in.sin_addr, ip->s6_addr + 12, 4);
    } else {
        out->len = sizeof(out->u.in6);
        out->u.in6.sin6_family = AF_INET6;
        out->u.in6.sin6_port = htons((uint16_t)port);
        out->u.in6.sin6_addr = *ip;
    }
}

int
lan_hosts(const struct lan *l, int port, tn_addr *out, int cap)
{
    int count = 0;

    for (int want_ipv4 = 1; want_ipv4 >= 0; want_ipv4--) {
        for (int i = 0; i < l->count && count < cap; i++) {
            const struct lan_net *net = &l->net[i];
            int is_ipv4 = IN6_IS_ADDR_V4MAPPED(&net->ip) ? 1 : 0;

            if (net->shows && is_ipv4 == want_ipv4 &&
                !IN6_IS_ADDR_LINKLOCAL(&net->ip)) {
                make_addr(&out[count++], &net->ip, port);
            }
        }
    }
    return count;
}

static bool
is_wildcard(const struct in6_addr *ip)
{
    return IN6_IS_ADDR_UNSPECIFIED(ip) ||
           (IN6_IS_ADDR_V4MAPPED(ip) &&
            memcmp(ip->s6_addr + 12, "\0\0\0\0", 4) == 0);
}

int
lan_reach(const tn_addr *bound, tn_addr *out, int cap)
{
    struct in6_addr ip;
    struct lan l;

    if (!lan_ip(&ip, &bound->u.sa) || cap < 1) {
        return 0;
    }
    if (!is_wildcard(&ip)) {
        out[0] = *bound;
        return 1;
    }
    if (lan_scan(&l) < 0) {
        return 0;
    }
    return lan_hosts(&l, tn_addr_port(bound), out, cap);
}
