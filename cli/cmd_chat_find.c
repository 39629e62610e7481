/*
 * Nobody said where the room is: hubs are asked for on the network.
 */
#include <tenon/err.h>
#include <tenon/text.h>

#include "cmd_chat_room.h"
#include "hub/beacon.h"
#include "say.h"
#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FIND_HUBS = 16, /* more than anybody wants to choose from */
};

/* A hub of this network answers in a few milliseconds. */
#define FIND_WAIT (300 * TN_MS)

static bool
is_usable(const struct chat_opts *o, const tn_addr *a)
{
    int family = where_family(o->only4, o->only6);
    return family == AF_UNSPEC || a->u.sa.sa_family == family;
}

/* Its addresses, IPv4 first: whichever answered sooner, it is the same hub, and
   what we keep of it bears its first address. */
static void
take_addrs(struct chat_place *p, const struct beacon_found *f,
           const struct chat_opts *o)
{
    p->count = 0;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < f->count && p->count < GUEST_ADDRS; i++) {
            bool v4 = f->addr[i].u.sa.sa_family == AF_INET;
            if (v4 == (round == 0) && is_usable(o, &f->addr[i])) {
                p->addr[p->count++] = f->addr[i];
            }
        }
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
list(const struct beacon_found *found, int n)
{
    char text[TN_ADDR_TEXT];
    for (int i = 0; i < n; i++) {
        const struct beacon_card *c = &found[i].card;
        say("%2d  %-21s %s%s%s%s, %d here", i + 1,
            where_peer(&found[i].addr[0], text, sizeof(text)), c->name,
            c->text[0] ? " on " : "", c->text,
            c->flags & BEACON_CODE ? ", with a code" : "", c->members);
    }
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
        list(found, n);
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
        code = n > 0 ? take_one(s, p, found, n) : EXIT_DONE;
    }
    free(found);
    return code;
}
