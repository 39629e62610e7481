#include "beacon_link.h"

#include <tenon/err.h>
#include <tenon/sockopt.h>
#include <tenon/task.h>

#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

int
beacon_port(int given)
{
    const char *text = getenv("TENON_BEACON_PORT");

    if (given == 0 && text != NULL) {
        char *end;
        long port = strtol(text, &end, 10);
        if (*end == '\0' && port >= 1 && port <= 65535) {
            return (int)port;
        }
    }
    return given != 0 ? given : BEACON_PORT;
}

uint32_t
beacon_dice(void)
{
    uint32_t dice = 0;

    /* Small ones are never cut short once the kernel has its seed. */
    if (getrandom(&dice, sizeof(dice), 0) != sizeof(dice)) {
        dice = (uint32_t)tn_now();
    }
    return dice;
}

/* --- the networks ----------------------------------------------------------*/

static void
numeric(tn_addr *a, const char *ip, int port)
{
    /* A parsed constant cannot fail. */
    (void)!tn_addr_ip(a, ip, port);
}

bool
beacon_is_wildcard(const tn_addr *a)
{
    return a->len == 0 || (a->u.sa.sa_family == AF_INET
                               ? a->u.in.sin_addr.s_addr == htonl(INADDR_ANY)
                               : IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr));
}

bool
beacon_is_other_family(const tn_addr *only, const tn_addr *a)
{
    return only->len > 0 && only->u.sa.sa_family == AF_INET &&
           a->u.sa.sa_family != AF_INET;
}

static bool
same_ip(const tn_addr *a, const tn_addr *b)
{
    if (a->u.sa.sa_family != b->u.sa.sa_family) {
        return false;
    }
    return a->u.sa.sa_family == AF_INET
               ? a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr
               : IN6_ARE_ADDR_EQUAL(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr);
}

/* How to speak IPv4 there; false: it cannot be done. */
static bool
make_four(struct beacon_link *link, const tn_interface *i)
{
    link->way.path.index = i->index;
    link->way.path.local = i->addr;
    if (i->broadcast.len > 0) {
        link->how = BEACON_BROADCAST;
        link->way.to = i->broadcast;
    } else if ((i->flags & IFF_BROADCAST) != 0) {
        /* A network of one address, or two: the wire may have others. */
        link->how = BEACON_BROADCAST;
        numeric(&link->way.to, "<broadcast>", 0);
    } else if ((i->flags & IFF_MULTICAST) != 0) {
        link->how = BEACON_GROUP;
        numeric(&link->way.to, BEACON_GROUP4, 0);
    } else if (i->peer.len > 0) {
        link->how = BEACON_PEER;
        link->way.to = i->peer;
    } else {
        return false;
    }
    return true;
}

/* From the link's own address, which the kernel takes if none is named, and
   from another one: what answers has one that browsers can be sent to. */
static bool
make_six(struct beacon_link *link, const tn_interface *i, bool chosen)
{
    if ((i->flags & IFF_MULTICAST) == 0 || (i->flags & IFF_LOOPBACK) != 0) {
        return false;
    }
    link->how = BEACON_GROUP;
    numeric(&link->way.to, BEACON_GROUP6, 0);
    link->way.to.u.in6.sin6_scope_id = i->index;
    link->way.path.index = i->index;
    if (chosen || !IN6_IS_ADDR_LINKLOCAL(&i->addr.u.in6.sin6_addr)) {
        link->way.path.local = i->addr;
    }
    return true;
}

/* IPv6 has many addresses on an interface; two of them are enough. */
static bool
is_double(const struct beacon_links *l, const struct beacon_link *link)
{
    for (int i = 0; i < l->count; i++) {
        const struct beacon_way *way = &l->link[i].way;
        if (tn_addr_equal(&way->to, &link->way.to) &&
            way->path.index == link->way.path.index &&
            (way->path.local.len == 0) == (link->way.path.local.len == 0)) {
            return true;
        }
    }
    return false;
}

/* Whether who listens at `only` is reached by an address of ours. */
static bool
is_reached(const tn_addr *only, const tn_addr *own)
{
    if (!beacon_is_wildcard(only)) {
        return same_ip(only, own);
    }
    return !beacon_is_other_family(only, own);
}

void
beacon_links(struct beacon_links *l, const tn_interface *ifs, int count,
             int port, const tn_addr *only)
{
    bool chosen = !beacon_is_wildcard(only);

    l->count = 0;
    for (int i = 0; i < count && l->count < BEACON_LINKS; i++) {
        struct beacon_link *link = &l->link[l->count];
        if ((ifs[i].flags & IFF_UP) == 0 || ifs[i].addr.len == 0 ||
            !is_reached(only, &ifs[i].addr)) {
            continue;
        }
        memset(link, 0, sizeof(*link));
        memcpy(link->name, ifs[i].name, sizeof(link->name));
        link->loopback = (ifs[i].flags & IFF_LOOPBACK) != 0;
        bool made = ifs[i].addr.u.sa.sa_family == AF_INET
                        ? make_four(link, &ifs[i])
                        : make_six(link, &ifs[i], chosen);
        if (made && tn_addr_set_port(&link->way.to, port) == 0 &&
            !is_double(l, link)) {
            l->count++;
        }
    }
}

int
beacon_links_scan(struct beacon_links *l, int port, const tn_addr *only)
{
    tn_interface *ifs = calloc(BEACON_IFS, sizeof(*ifs));
    int count = ifs != NULL ? tn_interfaces(ifs, BEACON_IFS) : -ENOMEM;

    if (count >= 0) {
        beacon_links(l, ifs, count, port, only);
    }
    free(ifs);
    return count < 0 ? count : 0;
}

static bool
has_link(const struct beacon_links *l, const struct beacon_link *link)
{
    for (int i = 0; i < l->count; i++) {
        if (tn_addr_equal(&l->link[i].way.to, &link->way.to) &&
            tn_addr_equal(&l->link[i].way.path.local, &link->way.path.local) &&
            l->link[i].way.path.index == link->way.path.index) {
            return true;
        }
    }
    return false;
}

bool
beacon_links_grew(const struct beacon_links *then,
                  const struct beacon_links *now)
{
    for (int i = 0; i < now->count; i++) {
        if (!has_link(then, &now->link[i])) {
            return true;
        }
    }
    return false;
}

/* --- the sockets -----------------------------------------------------------*/

/* What both need to share a port, and to know and choose the interface. */
static int
prepare(tn_sock *s, int port)
{
    int err = tn_set(s, TN_PKTINFO, 1);

    if (err == 0 && port != 0) {
        err = tn_set(s, TN_REUSEADDR, 1);
    }
    if (err == 0) {
        err = tn_set(s, TN_MULTICAST_TTL, 1);
    }
    /* As much as the system allows; less is no failure. */
    (void)!tn_set(s, TN_RCVBUF, BEACON_RCVBUF);
    return err;
}

static int
open_one(tn_sock **out, int family, int port)
{
    tn_addr at;
    int err = tn_socket(out, family, SOCK_DGRAM, 0);

    if (err < 0) {
        return err;
    }
    err = prepare(*out, port);
    if (err == 0) {
        err = family == AF_INET ? tn_set(*out, TN_BROADCAST, 1)
                                : tn_set(*out, TN_V6ONLY, 1);
    }
    numeric(&at, family == AF_INET ? "0.0.0.0" : "::", port);
    if (err == 0) {
        err = tn_bind(*out, &at);
    }
    if (err < 0) {
        (void)tn_close(*out);
        *out = NULL;
    }
    return err;
}

int
beacon_socks_open(struct beacon_socks *s, int port)
{
    int six, four;

    memset(s, 0, sizeof(*s));
    six = open_one(&s->six, AF_INET6, port);
    four = open_one(&s->four, AF_INET, port);
    if (six == -EADDRINUSE || (four < 0 && four != -EAFNOSUPPORT)) {
        /* Half of the answers would be worse than a word about it. */
        beacon_socks_close(s);
        return four < 0 ? four : six;
    }
    return s->four == NULL && s->six == NULL ? four : 0;
}

void
beacon_socks_close(struct beacon_socks *s)
{
    (void)tn_close(s->four);
    (void)tn_close(s->six);
    memset(s, 0, sizeof(*s));
}

void
beacon_socks_join(const struct beacon_socks *s, const struct beacon_links *l)
{
    for (int i = 0; i < l->count; i++) {
        const struct beacon_link *link = &l->link[i];
        tn_sock *sock =
            link->way.to.u.sa.sa_family == AF_INET ? s->four : s->six;
        if (link->how == BEACON_GROUP && sock != NULL) {
            /* In it already, gone meanwhile, too many: nothing to be done. */
            (void)!tn_multicast(sock, &link->way.to, link->name, true);
        }
    }
}

static int
send_once(tn_sock *sock, const tn_addr *to, const tn_path *path,
          struct iovec *iov)
{
    _Alignas(struct cmsghdr) char control[TN_PATH_CONTROL];
    tn_msg msg = {.iov = iov,
                  .iov_count = 1,
                  .addr = *to,
                  .control = control,
                  .control_len = sizeof(control)};
    int err = tn_msg_leave(&msg, path);

    if (err == 0) {
        ssize_t n = tn_sendmsg(sock, &msg, MSG_DONTWAIT);
        err = n < 0 ? (int)n : 0;
    }
    return err;
}

int
beacon_socks_send(const struct beacon_socks *s, const struct beacon_way *way,
                  const void *buf, size_t n)
{
    tn_sock *sock = way->to.u.sa.sa_family == AF_INET ? s->four : s->six;
    struct iovec iov = {(void *)(uintptr_t)buf, n};

    if (sock == NULL) {
        return -EAFNOSUPPORT;
    }
    int err = send_once(sock, &way->to, &way->path, &iov);
    if (err < 0 && err != -EAGAIN && err != -EPERM && way->path.local.len > 0) {
        /* The address went meanwhile; the interface may have another. */
        const tn_path path = {.index = way->path.index};
        err = send_once(sock, &way->to, &path, &iov);
    }
    return err;
}

int
beacon_socks_spread(const struct beacon_socks *s, const struct beacon_links *l,
                    const void *buf, size_t n)
{
    int count = 0;

    for (int i = 0; i < l->count; i++) {
        count += beacon_socks_send(s, &l->link[i].way, buf, n) == 0 ? 1 : 0;
    }
    return count;
}

/* Errors that end the work; all others are about some datagram sent before. */
static bool
is_final(ssize_t err)
{
    return err == -ECANCELED || err == -ETIME || err == -EBADF ||
           err == -EBUSY || err == -ENOTSOCK;
}

int
beacon_socks_recv(tn_sock *sock, struct beacon_msg *m, struct beacon_way *from)
{
    int failures = 0;

    while (failures < BEACON_FAILURES) {
        _Alignas(struct cmsghdr) char control[TN_PATH_CONTROL];
        unsigned char buf[BEACON_DATAGRAM + 1];
        struct iovec iov = {buf, sizeof(buf)};
        tn_msg msg = {.iov = &iov,
                      .iov_count = 1,
                      .control = control,
                      .control_len = sizeof(control)};
        ssize_t n = tn_recvmsg(sock, &msg, 0);

        if (is_final(n)) {
            return (int)n;
        }
        failures = n < 0 ? failures + 1 : 0;
        if (n > 0 && msg.addr.len > 0 && beacon_read(m, buf, (size_t)n)) {
            from->to = msg.addr;
            (void)tn_msg_arrived(&msg, &from->path);
            return 0;
        }
    }
    return -EIO;
}

int
beacon_listen(void *arg)
{
    const struct beacon_ear *e = arg;

    while (e->sock != NULL) {
        struct beacon_way from;
        struct beacon_msg m;
        int err = beacon_socks_recv(e->sock, &m, &from);
        if (err < 0) {
            return err;
        }
        e->heard(e->arg, &m, &from);
    }
    return 0;
}
