/*
 * Nobody said where the room is: hubs are asked for on the network.
 */
#include <tenon/err.h>
#include <tenon/netif.h>

#include "cmd_chat_room.h"
#include "hub/beacon.h"
#include "hub/lan.h"
#include "say.h"
#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FIND_HUBS = 16, /* more than anybody wants to choose from */
    FIND_IFS = 128, /* addresses of this machine that are looked at */
};

/* A hub of this network answers in a few milliseconds. */
#define FIND_WAIT (300 * TN_MS)

static bool
is_usable(const struct chat_opts *o, const tn_addr *a)
{
    int family = where_family(o->only4, o->only6);
    return family == AF_UNSPEC || a->u.sa.sa_family == family;
}

/* IPv4 first, then by their bytes. */
static bool
is_before(const tn_addr *a, const tn_addr *b)
{
    bool four = a->u.sa.sa_family == AF_INET;
    if (four != (b->u.sa.sa_family == AF_INET)) {
        return four;
    }
    return four ? memcmp(&a->u.in.sin_addr, &b->u.in.sin_addr, 4) < 0
                : memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, 16) < 0;
}

/* Its addresses in an order of their own: whichever answered sooner, it is the
   same hub, and what we keep of it bears its first address. */
static void
take_addrs(struct chat_place *p, const struct beacon_found *f,
           const struct chat_opts *o)
{
    p->count = 0;
    for (int i = 0; i < f->count && p->count < GUEST_ADDRS; i++) {
        int at = p->count;
        if (!is_usable(o, &f->addr[i])) {
            continue;
        }
        for (; at > 0 && is_before(&f->addr[i], &p->addr[at - 1]); at--) {
            p->addr[at] = p->addr[at - 1];
        }
        p->addr[at] = f->addr[i];
        p->count++;
    }
}

/* Leave those out that have no address for us. */
static int
drop_others(struct beacon_found *found, int n, const struct chat_opts *o)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        struct chat_place p;
        take_addrs(&p, &found[i], o);
        if (p.count > 0) {
            found[count++] = found[i];
        }
    }
    return count;
}

static void
list(const struct beacon_found *found, int n, const struct chat_opts *o)
{
    char text[TN_ADDR_TEXT];
    for (int i = 0; i < n; i++) {
        const struct beacon_card *c = &found[i].card;
        struct chat_place p;
        take_addrs(&p, &found[i], o);
        where_peer(&p.addr[0], text, sizeof(text));
        if (c->kind != BEACON_HUB) {
            say("%2d  %-21s for this machine only", i + 1, text);
            continue;
        }
        say("%2d  %-21s %s%s%s%s, %d here", i + 1, text, c->name,
            c->text[0] ? " on " : "", c->text,
            c->flags & BEACON_CODE ? ", with a code" : "", c->members);
    }
}

/* --- this machine ----------------------------------------------------------*/

/* Whether an address is one of this machine's that others know, or the
   loopback. */
static bool
is_own(const tn_interface *ifs, int count, const tn_addr *a)
{
    struct in6_addr ip, own;
    if (!lan_ip(&ip, &a->u.sa)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (ifs[i].addr.len > 0 && lan_ip(&own, &ifs[i].addr.u.sa) &&
            memcmp(&ip, &own, sizeof(ip)) == 0) {
            return true;
        }
    }
    return false;
}

bool
chat_is_own(const struct chat_place *p)
{
    tn_interface *ifs = calloc(FIND_IFS, sizeof(*ifs));
    int count = ifs ? tn_interfaces(ifs, FIND_IFS) : 0;
    bool own = false;
    for (int i = 0; i < p->count && !own; i++) {
        own = is_own(ifs, count, &p->addr[i]);
    }
    free(ifs);
    return own;
}

/* A room for this machine only answers no question; but its port is taken. */
static bool
has_private_room(tn_addr *at)
{
    tn_sock *s;
    if (tn_addr_ip(at, "127.0.0.1", CHAT_PORT) < 0 ||
        tn_socket(&s, AF_INET, SOCK_DGRAM, 0) < 0) {
        return false;
    }
    int err = tn_bind(s, at);
    (void)tn_close(s);
    return err == -EADDRINUSE;
}

/* Add it to those that were found, unless one of them is it. */
static int
add_private_room(struct beacon_found *found, int n, const struct chat_opts *o)
{
    tn_addr at;
    for (int i = 0; i < n; i++) {
        struct chat_place p;
        take_addrs(&p, &found[i], o);
        if (found[i].card.port == CHAT_PORT && chat_is_own(&p)) {
            return n;
        }
    }
    if (n == FIND_HUBS || !has_private_room(&at) || !is_usable(o, &at)) {
        return n;
    }
    found[n] = (struct beacon_found){.count = 1, .addr = {at}};
    return n + 1;
}

/* Have one of several chosen: its index, or -ECANCELED; the terminal's own
   error. Suspends. */
static int
choose(int n)
{
    editor *e;
    const char *line;
    size_t len = 0;
    int err = editor_open(&e, "which? ");
    while (err == 0) {
        err = editor_read(e, &line, &len);
        long number = err == 1 ? strtol(line, NULL, 10) : 0;
        if (number >= 1 && number <= n) {
            editor_close(e);
            return (int)number - 1;
        }
        err = err == 1 ? 0 : err < 0 ? err : -ECANCELED;
    }
    editor_close(e);
    return err;
}

static int
take_one(const struct chat_start *s, struct chat_place *p,
         const struct beacon_found *found, int n)
{
    bool person = !s->pipe && !s->o->json && isatty(STDIN_FILENO) &&
                  isatty(STDOUT_FILENO);
    int which = 0;
    if (n > 1) {
        say("%d hubs are here:", n);
        list(found, n, s->o);
        which = person ? choose(n) : -ENOTTY;
    }
    if (which == -ECANCELED) {
        return EXIT_FAILED;
    }
    if (which < 0) {
        return say_usage("which of them? (tenon chat ADDR)");
    }
    take_addrs(p, &found[which], s->o);
    return EXIT_DONE;
}

int
chat_find(const struct chat_start *s, struct chat_place *p)
{
    const struct beacon_ask ask = {.kinds = 1u << BEACON_HUB,
                                   .wait = FIND_WAIT};
    struct beacon_found *found = calloc(FIND_HUBS, sizeof(*found));
    int code = EXIT_DONE;
    p->count = 0;
    if (!found) {
        say("out of memory");
        return EXIT_FAILED;
    }
    int n = beacon_find(&ask, found, FIND_HUBS);
    if (n == -ECANCELED) {
        code = EXIT_FAILED;
    } else if (n > 0) { /* else the hub of this machine, if there is one */
        n = drop_others(found, n, s->o);
        n = n > 0 ? add_private_room(found, n, s->o) : n;
        code = n > 0 ? take_one(s, p, found, n) : EXIT_DONE;
    }
    free(found);
    return code;
}
