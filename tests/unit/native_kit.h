/*
 * native_kit.h - a hub and guests on the simulated network.
 *
 * The room, the keeper, the native side and the guests are the real ones. What
 * they stand on is not: these functions take the place of udp.c, whose options
 * the simulator does not have, and of store.c, whose file would cost the time
 * of a disk; the linker prefers what the test has.
 */
#ifndef TENON_TESTS_NATIVE_KIT_H
#define TENON_TESTS_NATIVE_KIT_H

#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/loop.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include "hub/guard.h"
#include "hub/guest.h"
#include "hub/keeper.h"
#include "hub/native.h"
#include "hub/native_wire.h"
#include "hub/refs.h"
#include "test.h"

#include <stdio.h>

/* --- chance ----------------------------------------------------------------*/

static uint64_t kit_seed;

/* SplitMix64. */
static inline uint64_t
kit_random(void)
{
    uint64_t z = kit_seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline int64_t
kit_below(int64_t bound)
{
    return (int64_t)(kit_random() % (uint64_t)bound);
}

/* --- addresses -------------------------------------------------------------*/

static inline tn_addr
kit_addr(int port)
{
    tn_addr a;

    OK(tn_addr_ip(&a, "127.0.0.1", port));
    return a;
}

/* --- in the place of udp.c -------------------------------------------------*/

/* What went over the hub's socket; see test_native_sim.c. */
typedef void kit_tap(const tn_addr *peer, bool in, size_t n);

/* What the hub sends, byte by byte. */
typedef void kit_look(const void *buf, size_t n);

static kit_tap *kit_listener;
static kit_look *kit_reader;
static const struct udp *kit_cut; /* this one is unplugged */
static int kit_hub_port;

static bool
kit_is_hub(const struct udp *u)
{
    tn_addr at;

    return tn_getsockname(u->sock, &at) == 0 &&
           tn_addr_port(&at) == kit_hub_port;
}

int
udp_open(struct udp *u, const tn_endpoint *at)
{
    tn_addr addr;

    OK(tn_socket(&u->sock, AF_INET, SOCK_DGRAM, 0));
    OK(tn_addr_ip(&addr, "127.0.0.1", at->port));
    return tn_bind(u->sock, &addr);
}

/* The socket is looked at now and then: see kit_move(). */
static ssize_t
kit_receive(struct udp *u, struct udp_peer *from)
{
    tn_scope limit;
    ssize_t n;

    tn_deadline(&limit, 50 * TN_MS);
    n = tn_recvfrom(u->sock, u->buf, sizeof(u->buf), 0, &from->addr, NULL);
    return tn_scope_end(&limit) && n < 0 ? -EAGAIN : n;
}

int
udp_serve(struct udp *u)
{
    for (;;) {
        struct udp_peer from = {.local = {.len = 0}};
        ssize_t n = kit_receive(u, &from);

        if (n == -ECANCELED || n == -ETIME) {
            return (int)n;
        }
        if (n >= 0 && u != kit_cut) {
            if (kit_listener != NULL && kit_is_hub(u)) {
                kit_listener(&from.addr, true, (size_t)n);
            }
            u->datagram(u->arg, &from, u->buf, (size_t)n);
        }
    }
}

/* Have another address, as a machine that changes its network. */
static inline void
kit_move(struct udp *u)
{
    tn_sock *old = u->sock;
    tn_addr at = kit_addr(0);

    OK(tn_socket(&u->sock, AF_INET, SOCK_DGRAM, 0));
    OK(tn_bind(u->sock, &at));
    OK(tn_sleep(200 * TN_MS));
    OK(tn_close(old));
}

int
udp_send(struct udp *u, const void *buf, size_t n, const struct udp_peer *to)
{
    int flags;

    LE(n, WIRE_DATAGRAM);
    if (u == kit_cut) {
        return 0;
    }
    if (kit_listener != NULL && kit_is_hub(u)) {
        kit_listener(&to->addr, false, n);
    }
    if (kit_reader != NULL && kit_is_hub(u)) {
        kit_reader(buf, n);
    }
    /* UDP does not wait, but for a moment now and then. */
    flags = kit_below(100) == 0 ? 0 : MSG_DONTWAIT;
    return tn_sendto(u->sock, buf, n, flags, &to->addr) < 0 ? -EIO : 0;
}

void
udp_close(struct udp *u)
{
    if (u->sock != NULL) {
        OK(tn_close(u->sock));
    }
    u->sock = NULL;
}

/* --- in the place of store.c -----------------------------------------------*/

struct store {
    char epoch[STORE_EPOCH + 1];
    uint64_t latest;
    int count, cap, reads;
    struct room_event *ev;
};

bool
store_keeps(enum room_what what)
{
    return what != ROOM_NOTE && what != ROOM_BYE && what != ROOM_MSG;
}

const char *
store_epoch(const store *s)
{
    return s->epoch;
}

uint64_t
store_latest(const store *s)
{
    return s->latest;
}

/* A disk takes a moment, in which the hub may be killed. */
int
store_append(store *s, const struct room_event *evs, int n, int64_t patience)
{
    int err = tn_sleep(kit_below(3 * TN_MS));

    (void)patience;

    if (err < 0) {
        return err;
    }
    for (int i = 0; i < n; i++) {
        s->latest = evs[i].number;
        if (!store_keeps(evs[i].what)) {
            continue;
        }
        if (s->count == s->cap) {
            s->cap = 2 * s->cap + 64;
            s->ev = realloc(s->ev, (size_t)s->cap * sizeof(*s->ev));
            CHECK(s->ev != NULL);
        }
        s->ev[s->count++] = evs[i];
    }
    return 0;
}

bool
store_hangs(store *s, int *late)
{
    (void)s;
    *late = 0;
    return false;
}

/* Hand over what a span has, from one end. */
static void
kit_read(const store *s, struct store_span *span)
{
    int found = 0;

    span->more = false;
    for (int i = 0; i < s->count; i++) {
        const struct room_event *ev =
            &s->ev[span->first ? i : s->count - 1 - i];

        if (ev->number <= span->after || ev->number >= span->before) {
            continue;
        }
        if (found == span->limit || span->row(span->arg, ev) != 0) {
            span->more = true;
            break;
        }
        found++;
    }
}

/* Now and then the disk hangs: before it is asked, or while it reads. */
int
store_read(store *s, struct store_span *span)
{
    if (span->first) {
        (void)!tn_sleep(kit_below(3 * TN_MS));
        s->reads++;
        if (s->reads % 16 == 5) {
            return -EAGAIN;
        }
        if (s->reads % 16 == 11) {
            kit_read(s, span);
            span->drop(span->arg);
            return -EINPROGRESS;
        }
    }
    kit_read(s, span);
    return 0;
}

/* --- a hub -----------------------------------------------------------------*/

struct kit_hub {
    store *store;
    const char *code;
    int port;
    struct guard guard;
    room *room;
    keeper *keeper;
    struct refs *refs;
    door *door;
    native *native;
};

static inline void
kit_hub_open(struct kit_hub *h)
{
    struct native_opts how = {.code = h->code,
                              .folder = "http://127.0.0.1:8000/files/"};
    tn_endpoint at = {.transport = TN_UDP, .port = h->port};

    OK(room_new(&h->room));
    if (h->store != NULL) {
        /* As after an end that was not in order. */
        room_resume(h->room, h->store->latest + STORE_LEAP);
        const struct keeper_disk disk = keeper_disk_of(h->store);

        OK(keeper_new(&h->keeper, h->room, &disk, NULL, NULL));
    }
    OK(refs_open(&h->refs, h->room, h->store));
    OK(door_open(&h->door, &at));
    how.guard = &h->guard;
    how.refs = h->refs;
    OK(native_open(&h->native, h->room, h->store, h->door, &how));
}

static inline void
kit_hub_close(struct kit_hub *h)
{
    native_close(h->native);
    door_close(h->door);
    refs_close(h->refs);
    keeper_free(h->keeper);
    room_free(h->room);
    h->native = NULL;
    h->room = NULL;
}

static inline int
kit_serve_native(void *arg)
{
    return native_serve(arg);
}

/* Have it run in a group; cancelled, it ends like a program that was killed. */
static inline void
kit_hub_go(struct kit_hub *h, tn_group *g)
{
    if (h->keeper != NULL) {
        OK(tn_go(g, keeper_run, h->keeper));
    }
    OK(tn_go(g, door_serve, h->door));
    OK(tn_go(g, kit_serve_native, h->native));
}

#endif
