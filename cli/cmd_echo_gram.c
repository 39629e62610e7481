/*
 * tenon echo over datagrams: one loop, each answered in turn.
 *
 * Two rules keep it from harming others. Datagrams from ports below 1024, and
 * from the server's own port, get no answer: behind them are servers of the
 * same kind, or this one itself, and the two would talk for ever. And chargen
 * never answers with more bytes than it was sent: the sender's address may be a
 * lie, and then the answer hits somebody else.
 */
#include <tenon/err.h>

#include "cmd_echo_int.h"
#include "say.h"
#include "where.h"

#include <stdlib.h>
#include <string.h>

enum { PER_CENT = 100 };

/* splitmix64: a good spread from any seed. */
static uint64_t
next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool
may_answer(const tn_addr *from, const tn_addr *own)
{
    if (from->len == 0 || tn_addr_equal(from, own)) {
        return false;
    }
    if (from->u.sa.sa_family == AF_UNIX) {
        return true;
    }
    /* Bound to all addresses, we do not know our own; the port tells. */
    int port = tn_addr_port(from);
    return port >= ECHO_SAFE_PORT && port != tn_addr_port(own);
}

/* Turn what came into the answer; returns its length. */
static size_t
compose(const struct echo *e, uint8_t *data, size_t n)
{
    switch ((enum echo_mode)e->o->mode) {
    case ECHO_UPPER:
        echo_upper(data, n);
        return n;
    case ECHO_ECHO:
        return n;
    case ECHO_CHARGEN:
        echo_chargen(data, n, 0);
        return n;
    case ECHO_DAYTIME:
        return echo_daytime((char *)data, ECHO_GRAM_MAX);
    case ECHO_DISCARD:
        break;
    }
    return 0;
}

static int
show(struct echo *e, const uint8_t *data, size_t n, const tn_addr *from)
{
    char text[TN_ADDR_TEXT];
    struct echo_seen seen = {.data = data, .n = n};
    if (!e->o->show) {
        return 0;
    }
    seen.from = where_peer(from, text, sizeof(text));
    return echo_show(e, &seen);
}

static void
answer(struct echo *e, uint8_t *data, size_t n, const tn_addr *from,
       const tn_addr *own)
{
    char text[TN_ADDR_TEXT];
    if (!may_answer(from, own)) {
        if (e->o->verbose) {
            say("%s: not answered, see tenon-echo(1)",
                where_peer(from, text, sizeof(text)));
        }
        return;
    }
    if (e->o->drop &&
        next_random(&e->random) % PER_CENT < (uint64_t)e->o->drop) {
        return;
    }
    if (e->o->mode == ECHO_DISCARD) {
        return;
    }
    size_t len = compose(e, data, n);
    int err = echo_send(e, e->sock, data, len, from);
    if (err < 0 && e->o->verbose) {
        say("%s", tn_why()); /* one sender's trouble is not the server's */
    }
}

static int
loop(struct echo *e, uint8_t *data, const tn_addr *own)
{
    for (;;) {
        tn_addr from;
        size_t full;
        ssize_t n = tn_recvfrom(e->sock, data, ECHO_GRAM_MAX, 0, &from, &full);
        if (n < 0) {
            return say_failed((int)n, &e->ep);
        }
        if (show(e, data, (size_t)n, &from) < 0) {
            return EXIT_FAILED;
        }
        answer(e, data, (size_t)n, &from, own);
    }
}

int
echo_grams(struct echo *e)
{
    tn_addr own;
    uint8_t *data = malloc(ECHO_GRAM_MAX);
    int code;
    if (!data) {
        say("out of memory");
        return EXIT_FAILED;
    }
    int err = tn_getsockname(e->sock, &own);
    code = err < 0 ? say_failed(err, &e->ep) : loop(e, data, &own);
    free(data);
    return code;
}
