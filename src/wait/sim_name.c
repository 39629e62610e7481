/*
 * sim_name.c - addresses of the one simulated host, and who is bound to them.
 *
 * 127.0.0.0/8, ::1, 0.0.0.0 and :: are the host; 255.255.255.255 reaches
 * everybody on it; all else is unreachable. IPv4 is kept mapped into IPv6, so
 * that a socket on :: gets both without a special case.
 */
#include "wait/sim_int.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PORTS (TN_SIM_PORT_LAST - TN_SIM_PORT_FIRST + 1)

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t zero[16];
static const uint8_t loopback4[4] = {127, 0, 0, 1};
static const uint8_t broadcast4[4] = {255, 255, 255, 255};
static const uint8_t loopback6[16] = {[15] = 1};

static bool
is_ip4(const struct sim_name *n)
{
    return n->kind == SIM_IP && memcmp(n->bytes, mapped, 12) == 0;
}

static int
read_unix(struct sim_name *n, const struct sockaddr *sa, socklen_t len)
{
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    const uint8_t *path = (const uint8_t *)sa + head;
    size_t size = len - head;

    if (len < head || size > sizeof(n->bytes)) {
        return -EINVAL;
    }
    if (size > 0 && path[0] != '\0') {
        size = strnlen((const char *)path, size);
    }
    if (size > 0) {
        n->kind = SIM_UNIX;
        n->len = (uint8_t)size;
        memcpy(n->bytes, path, size);
    }
    return 0;
}

static int
read_ip4(struct sim_name *n, const struct sockaddr *sa, socklen_t len)
{
    struct sockaddr_in in;

    if (len < sizeof(in)) {
        return -EINVAL;
    }
    memcpy(&in, sa, sizeof(in));
    n->kind = SIM_IP;
    n->len = 16;
    n->port = ntohs(in.sin_port);
    memcpy(n->bytes, mapped, 12);
    memcpy(n->bytes + 12, &in.sin_addr, 4);
    return 0;
}

static int
read_ip6(struct sim_name *n, const struct sockaddr *sa, socklen_t len)
{
    struct sockaddr_in6 in6;

    if (len < sizeof(in6)) {
        return -EINVAL;
    }
    memcpy(&in6, sa, sizeof(in6));
    n->kind = SIM_IP;
    n->len = 16;
    n->port = ntohs(in6.sin6_port);
    memcpy(n->bytes, &in6.sin6_addr, 16);
    return 0;
}

int
sim_name_read(struct sim_name *n, int family, const struct sockaddr *sa,
              socklen_t len)
{
    *n = (struct sim_name){.kind = SIM_NONE};
    if (len < sizeof(sa->sa_family)) {
        return -EINVAL;
    }
    if (sa->sa_family != family) {
        return family == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
    }
    switch (family) {
    case AF_UNIX:
        return read_unix(n, sa, len);
    case AF_INET:
        return read_ip4(n, sa, len);
    default:
        return read_ip6(n, sa, len);
    }
}

static socklen_t
write_unix(const struct sim_name *n, tn_addr *addr)
{
    size_t len = offsetof(struct sockaddr_un, sun_path) + n->len;

    memcpy((uint8_t *)&addr->u + offsetof(struct sockaddr_un, sun_path),
           n->bytes, n->len);
    /* A path counts its NUL, an abstract name has none. */
    return (socklen_t)(n->len > 0 && n->bytes[0] != '\0' ? len + 1 : len);
}

void
sim_name_write(const struct sim_name *n, int family, tn_addr *addr)
{
    *addr = (tn_addr){.len = 0};
    addr->u.sa.sa_family = (sa_family_t)family;
    switch (family) {
    case AF_UNIX:
        addr->len = write_unix(n, addr);
        break;
    case AF_INET:
        addr->u.in.sin_port = htons(n->port);
        memcpy(&addr->u.in.sin_addr, n->bytes + 12, 4);
        addr->len = sizeof(addr->u.in);
        break;
    default:
        addr->u.in6.sin6_port = htons(n->port);
        memcpy(&addr->u.in6.sin6_addr, n->bytes, 16);
        addr->len = sizeof(addr->u.in6);
        break;
    }
}

bool
sim_name_equal(const struct sim_name *a, const struct sim_name *b)
{
    return a->kind == b->kind && a->len == b->len && a->port == b->port &&
           memcmp(a->bytes, b->bytes, a->len) == 0;
}

bool
sim_name_is_any(const struct sim_name *n)
{
    return n->kind == SIM_IP && (is_ip4(n) ? memcmp(n->bytes + 12, zero, 4) == 0
                                           : memcmp(n->bytes, zero, 16) == 0);
}

bool
sim_name_is_broadcast(const struct sim_name *n)
{
    return is_ip4(n) && memcmp(n->bytes + 12, broadcast4, 4) == 0;
}

bool
sim_name_is_local(const struct sim_name *n)
{
    return sim_name_is_any(n) || (is_ip4(n) && n->bytes[12] == 127) ||
           (n->kind == SIM_IP && memcmp(n->bytes, loopback6, 16) == 0);
}

void
sim_name_seen(struct sim_name *out, const struct sim_name *name,
              const struct sim_name *to)
{
    *out = *name;
    if (!sim_name_is_any(name)) {
        return;
    }
    if (is_ip4(to)) {
        memcpy(out->bytes, mapped, 12);
        memcpy(out->bytes + 12, loopback4, 4);
    } else {
        memcpy(out->bytes, loopback6, 16);
    }
}

/* ---- who is bound ---- */

/* By what two names that can match have in common. */
static struct sim_sock **
bucket(struct sim *s, const struct sim_name *n)
{
    uint32_t h = n->port;

    for (size_t i = 0; n->kind == SIM_UNIX && i < n->len; i++) {
        h = h * 31 + n->bytes[i];
    }
    return &s->bound[h % TN_SIM_BUCKETS];
}

/* Does a socket bound to k->name get what is sent to `to`? */
static bool
takes(const struct sim_sock *k, const struct sim_name *to)
{
    if (sim_name_equal(&k->name, to)) {
        return true;
    }
    if (k->name.port != to->port || !sim_name_is_any(&k->name)) {
        return false;
    }
    return is_ip4(&k->name) ? is_ip4(to)
                            : !is_ip4(to) || !k->option[SIM_V6ONLY];
}

struct sim_sock *
sim_find(struct sim *s, const struct sim_sock *from, const struct sim_name *to,
         struct sim_sock *after)
{
    struct sim_sock *k = after ? after->bound_next : *bucket(s, to);

    while (k && (k->type != from->type || k->name.kind != to->kind ||
                 !takes(k, to))) {
        k = k->bound_next;
    }
    return k;
}

static bool
both(const struct sim_sock *a, const struct sim_sock *b, enum sim_option opt)
{
    return a->option[opt] && b->option[opt];
}

static bool
overlap(const struct sim_sock *a, const struct sim_sock *b)
{
    return a != b && a->type == b->type && a->name.kind == b->name.kind &&
           (takes(a, &b->name) || takes(b, &a->name));
}

/* May the two not have these names at once? Listening is what hurts streams,
   SO_REUSEADDR is enough for the others. */
static bool
collide(const struct sim_sock *a, const struct sim_sock *b)
{
    if (!overlap(a, b)) {
        return false;
    }
    if (a->name.kind == SIM_UNIX) {
        return true;
    }
    if (both(a, b, SIM_REUSEPORT)) {
        return false;
    }
    return !both(a, b, SIM_REUSEADDR) || a->state == SIM_LISTENING ||
           b->state == SIM_LISTENING;
}

static bool
is_taken(const struct sim_sock *k)
{
    const struct sim_sock *o = *bucket(k->sim, &k->name);

    while (o && !collide(k, o)) {
        o = o->bound_next;
    }
    return o != NULL;
}

/* A port that is chosen for somebody is his alone. */
static bool
is_free(const struct sim_sock *k)
{
    const struct sim_sock *o = *bucket(k->sim, &k->name);

    while (o && !overlap(k, o)) {
        o = o->bound_next;
    }
    return o == NULL;
}

int
sim_may_listen(const struct sim_sock *k)
{
    const struct sim_sock *o = *bucket(k->sim, &k->name);

    while (o && !(o->state == SIM_LISTENING && collide(k, o))) {
        o = o->bound_next;
    }
    return o ? -EADDRINUSE : 0;
}

static bool
choose_port(struct sim_sock *k)
{
    struct sim *s = k->sim;

    for (uint32_t i = 0; i < PORTS; i++) {
        k->name.port = (uint16_t)s->next_port++;
        if (s->next_port > TN_SIM_PORT_LAST) {
            s->next_port = TN_SIM_PORT_FIRST;
        }
        if (is_free(k)) {
            return true;
        }
    }
    return false;
}

/* As Linux: an abstract name of five digits. */
static bool
choose_abstract(struct sim_sock *k)
{
    char text[7] = "";

    for (uint32_t i = 0; i <= TN_SIM_SOCKETS; i++) {
        snprintf(text + 1, sizeof(text) - 1, "%05x",
                 k->sim->next_abstract++ & 0xfffffu);
        k->name.kind = SIM_UNIX;
        k->name.len = 6;
        memcpy(k->name.bytes, text, 6);
        if (is_free(k)) {
            return true;
        }
    }
    return false;
}

static bool
choose(struct sim_sock *k)
{
    if (k->name.kind == SIM_NONE) {
        return choose_abstract(k);
    }
    if (k->name.kind == SIM_IP && k->name.port == 0) {
        return choose_port(k);
    }
    return !is_taken(k);
}

int
sim_bind(struct sim_sock *k, const struct sim_name *name)
{
    struct sim_sock **head;

    if (k->bound || k->state != SIM_FRESH) {
        return -EINVAL;
    }
    if (name->kind == SIM_IP && !sim_name_is_local(name) &&
        !(sim_name_is_broadcast(name) && k->type == SOCK_DGRAM)) {
        return -EADDRNOTAVAIL;
    }
    k->name = *name;
    if (!choose(k)) {
        k->name = (struct sim_name){.kind = SIM_NONE};
        return -EADDRINUSE;
    }
    head = bucket(k->sim, &k->name);
    k->bound_next = *head;
    *head = k;
    k->bound = true;
    return 0;
}

int
sim_autobind(struct sim_sock *k)
{
    struct sim_name any = {.kind = SIM_IP, .len = 16};

    if (k->bound || k->family == AF_UNIX) {
        return 0;
    }
    if (k->family == AF_INET) {
        memcpy(any.bytes, mapped, 12);
    }
    return sim_bind(k, &any) < 0 ? -EADDRNOTAVAIL : 0;
}

void
sim_unbind(struct sim_sock *k)
{
    struct sim_sock **at = bucket(k->sim, &k->name);

    if (!k->bound) {
        return;
    }
    while (*at != k) {
        at = &(*at)->bound_next;
    }
    *at = k->bound_next;
    k->bound = false;
}
