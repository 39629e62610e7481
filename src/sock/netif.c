/*
 * netif.c - interfaces, and the control messages that name them.
 */
#include <tenon/err.h>
#include <tenon/netif.h>

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

/* ---- the list ---- */

static void
take_addr(tn_addr *out, const struct sockaddr *sa)
{
    if (sa && sa->sa_family == AF_INET) {
        out->len = sizeof(out->u.in);
    } else if (sa && sa->sa_family == AF_INET6) {
        out->len = sizeof(out->u.in6);
    } else {
        return;
    }
    memcpy(&out->u, sa, out->len);
}

/* "eth0:1", as old tools label a second address, is eth0. */
static void
take_name(char out[TN_IF_NAME], const char *name)
{
    size_t n = strcspn(name, ":");

    n = n < TN_IF_NAME ? n : TN_IF_NAME - 1;
    memcpy(out, name, n);
    out[n] = '\0';
}

/* Many tools set no broadcast address, and the kernel then takes the last one
   of the network all the same; getifaddrs() has the interface's own address in
   its place. Networks of one or two have none. */
static void
find_broadcast(tn_interface *i, const struct sockaddr *given)
{
    uint32_t mask = ntohl(i->netmask.u.in.sin_addr.s_addr);
    uint32_t own = ntohl(i->addr.u.in.sin_addr.s_addr);
    uint32_t all;

    if ((i->flags & IFF_BROADCAST) != 0) {
        take_addr(&i->broadcast, given);
    }
    all = ntohl(i->broadcast.u.in.sin_addr.s_addr);
    if (all != 0 && all != own) {
        return;
    }
    i->broadcast.len = 0;
    if ((i->flags & (IFF_BROADCAST | IFF_LOOPBACK)) != 0 && ~mask >= 3) {
        i->broadcast = i->addr;
        i->broadcast.u.in.sin_addr.s_addr = htonl(own | ~mask);
    }
}

static void
fill(tn_interface *out, const struct ifaddrs *i)
{
    memset(out, 0, sizeof(*out));
    take_name(out->name, i->ifa_name);
    out->index = if_nametoindex(out->name);
    out->flags = i->ifa_flags;
    take_addr(&out->addr, i->ifa_addr);
    if (out->addr.len == 0) {
        return;
    }
    take_addr(&out->netmask, i->ifa_netmask);
    if (out->addr.u.sa.sa_family == AF_INET && out->netmask.len > 0) {
        find_broadcast(out, i->ifa_broadaddr);
    }
    if ((out->flags & IFF_POINTOPOINT) != 0) {
        take_addr(&out->peer, i->ifa_dstaddr);
    }
    if (tn_addr_equal(&out->peer, &out->addr)) {
        out->peer.len = 0;
    }
}

static bool
is_listed(const tn_interface *out, int count, const char *name)
{
    char wanted[TN_IF_NAME];

    take_name(wanted, name);
    for (int i = 0; i < count; i++) {
        if (strcmp(out[i].name, wanted) == 0) {
            return true;
        }
    }
    return false;
}

static bool
has_ip(const struct ifaddrs *i)
{
    return i->ifa_addr && (i->ifa_addr->sa_family == AF_INET ||
                           i->ifa_addr->sa_family == AF_INET6);
}

int
tn_interfaces(tn_interface *out, int cap)
{
    struct ifaddrs *all = NULL;
    int count = 0;

    if (getifaddrs(&all) != 0) {
        return tn_fail(-errno, "list network interfaces", NULL);
    }
    for (const struct ifaddrs *i = all; i && count < cap; i = i->ifa_next) {
        if (has_ip(i)) {
            fill(&out[count++], i);
        }
    }
    for (const struct ifaddrs *i = all; i && count < cap; i = i->ifa_next) {
        if (!has_ip(i) && !is_listed(out, count, i->ifa_name)) {
            fill(&out[count++], i);
        }
    }
    freeifaddrs(all);
    return count;
}

/* ---- the way of a datagram ---- */

static bool
is_part(const struct cmsghdr *c, int level, int type, size_t size)
{
    return c->cmsg_level == level && c->cmsg_type == type &&
           c->cmsg_len >= CMSG_LEN(size);
}

static void
read_four(tn_path *path, const struct cmsghdr *c)
{
    struct in_pktinfo info;

    memcpy(&info, CMSG_DATA(c), sizeof(info));
    path->index = (unsigned)info.ipi_ifindex;
    path->local.len = sizeof(path->local.u.in);
    path->local.u.in.sin_family = AF_INET;
    path->local.u.in.sin_addr = info.ipi_spec_dst;
}

static void
read_six(tn_path *path, const struct cmsghdr *c)
{
    struct in6_pktinfo info;

    memcpy(&info, CMSG_DATA(c), sizeof(info));
    path->index = info.ipi6_ifindex;
    if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) {
        return;
    }
    path->local.len = sizeof(path->local.u.in6);
    path->local.u.in6.sin6_family = AF_INET6;
    path->local.u.in6.sin6_addr = info.ipi6_addr;
    if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) {
        path->local.u.in6.sin6_scope_id = info.ipi6_ifindex;
    }
}

bool
tn_msg_arrived(const tn_msg *msg, tn_path *path)
{
    struct msghdr hdr = {.msg_control = msg->control,
                         .msg_controllen = msg->control_len};

    memset(path, 0, sizeof(*path));
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&hdr); c; c = CMSG_NXTHDR(&hdr, c)) {
        if (is_part(c, IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo))) {
            read_four(path, c);
            return true;
        }
        /* IPv4 on a socket of IPv6 may come with both: the other tells more. */
        if (is_part(c, IPPROTO_IPV6, IPV6_PKTINFO,
                    sizeof(struct in6_pktinfo))) {
            read_six(path, c);
        }
    }
    return path->index != 0 || path->local.len > 0;
}

/* Which family the datagram will have; 0: none of IP. */
static int
family_of(const tn_msg *msg, const tn_path *path)
{
    const tn_addr *a = path->local.len > 0 ? &path->local : &msg->addr;

    if (a->u.sa.sa_family == AF_INET6) {
        return IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr) && path->local.len == 0
                   ? AF_INET
                   : AF_INET6;
    }
    return a->u.sa.sa_family == AF_INET ? AF_INET : 0;
}

static void
write_four(struct cmsghdr *c, const tn_path *path)
{
    struct in_pktinfo info = {.ipi_ifindex = (int)path->index};

    if (path->local.len > 0) {
        info.ipi_spec_dst = path->local.u.in.sin_addr;
    }
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(c), &info, sizeof(info));
}

static void
write_six(struct cmsghdr *c, const tn_path *path)
{
    struct in6_pktinfo info = {.ipi6_ifindex = path->index};

    if (path->local.len > 0) {
        info.ipi6_addr = path->local.u.in6.sin6_addr;
    }
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(c), &info, sizeof(info));
}

int
tn_msg_leave(tn_msg *msg, const tn_path *path)
{
    int family = family_of(msg, path);
    size_t need = family == AF_INET ? CMSG_SPACE(sizeof(struct in_pktinfo))
                                    : CMSG_SPACE(sizeof(struct in6_pktinfo));

    if (family == 0) {
        return -EAFNOSUPPORT;
    }
    if (path->index == 0 && path->local.len == 0) {
        msg->control_len = 0;
        return 0;
    }
    if (!msg->control || msg->control_len < need) {
        return -ENOBUFS;
    }
    memset(msg->control, 0, need);
    if (family == AF_INET) {
        write_four(msg->control, path);
    } else {
        write_six(msg->control, path);
    }
    msg->control_len = need;
    return 0;
}
