/*
 * test_beacon.c - hubs found for real, over the loopback and whatever networks
 * this machine has, on a port of the test's own.
 */
#include <tenon/err.h>
#include <tenon/netif.h>
#include <tenon/sock.h>
#include <tenon/sockopt.h>
#include <tenon/task.h>

#include "hub/beacon.h"
#include "hub/beacon_link.h"
#include "hub/beacon_quest.h"
#include "test.h"

#include <stdio.h>

enum {
    /* Each hears the announcements of all; three hundred programs, and one that
       asks, are in tests/integ/test_find.py. */
    MANY = 60,
};

/* The port is held by a socket that shares it, so that nobody else gets it. */
struct place {
    tn_sock *holder;
    int port;
};

static void
hold(struct place *p)
{
    tn_addr at;

    OK(tn_socket(&p->holder, AF_INET, SOCK_DGRAM, 0));
    OK(tn_set(p->holder, TN_REUSEADDR, 1));
    OK(tn_addr_ip(&at, "0.0.0.0", 0));
    OK(tn_bind(p->holder, &at));
    OK(tn_getsockname(p->holder, &at));
    p->port = tn_addr_port(&at);
}

static struct beacon_card
card(const char *name, enum beacon_kind kind, int port)
{
    struct beacon_card c = {.kind = kind, .port = port, .members = 3};

    snprintf(c.name, sizeof(c.name), "%s", name);
    snprintf(c.text, sizeof(c.text), "somewhere");
    return c;
}

static void
start(tn_group *g, beacon **out, int port, const struct beacon_card *c)
{
    const struct beacon_opts opts = {.port = port};

    OK(beacon_open(out, c, &opts));
    OK(tn_go(g, beacon_run, *out));
}

static const struct beacon_found *
named(const struct beacon_found *f, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(f[i].card.name, name) == 0) {
            return &f[i];
        }
    }
    return NULL;
}

/* --- two kinds -------------------------------------------------------------*/

static int
find_two(void *arg)
{
    struct beacon_card hub = card("room", BEACON_HUB, 8000);
    struct beacon_card recv = card("ann", BEACON_RECV, 4711);
    struct beacon_found *f = calloc(8, sizeof(*f));
    const struct beacon_found *one;
    struct beacon_ask ask = {.wait = 600 * TN_MS};
    struct place place;
    beacon *b[2];
    tn_group g;

    (void)arg;
    hold(&place);
    ask.port = place.port;
    tn_group_init(&g, 0);
    start(&g, &b[0], place.port, &hub);
    start(&g, &b[1], place.port, &recv);
    EQ(OK(beacon_find(&ask, f, 8)), 2);
    one = named(f, 2, "room");
    CHECK(one != NULL);
    EQ(one->card.kind, BEACON_HUB);
    EQ(one->card.members, 3);
    STREQ(one->card.text, "somewhere");
    EQ(tn_addr_port(&one->addr[0]), 8000);
    CHECK(one->interface[0] != '\0');
    CHECK(one->rtt < 500 * TN_MS);
    ask.kinds = 1u << BEACON_RECV;
    EQ(OK(beacon_find(&ask, f, 8)), 1);
    STREQ(f[0].card.name, "ann");
    ask.kinds = 0;
    ask.first = true;
    ask.wait = 30 * TN_SEC;
    EQ(OK(beacon_find(&ask, f, 8)), 1);
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    beacon_close(b[0]);
    beacon_close(b[1]);
    free(f);
    tn_close(place.holder);
    return 0;
}

TEST(two_programs_of_a_machine_share_the_port_and_are_both_found)
{
    OK(tn_run(NULL, find_two, NULL));
}

static int
find_nobody(void *arg)
{
    struct beacon_ask ask = {.wait = 200 * TN_MS};
    struct beacon_found f;
    struct place place;

    (void)arg;
    hold(&place);
    ask.port = place.port;
    EQ(OK(beacon_find(&ask, &f, 1)), 0);
    tn_close(place.holder);
    return 0;
}

TEST(nobody_is_found_in_time)
{
    OK(tn_run(NULL, find_nobody, NULL));
}

/* --- many ------------------------------------------------------------------*/

static int
find_many(void *arg)
{
    static beacon *b[MANY];
    struct beacon_found *f = calloc(BEACON_FOUND, sizeof(*f));
    struct beacon_ask ask = {.wait = 2 * TN_SEC * test_scale()};
    struct place place;
    tn_group g;

    (void)arg;
    hold(&place);
    ask.port = place.port;
    tn_group_init(&g, 0);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof(name), "hub %d", i);
        struct beacon_card c = card(name, BEACON_HUB, 1000 + i);
        start(&g, &b[i], place.port, &c);
    }
    int count = (int)OK(beacon_find(&ask, f, BEACON_FOUND));
    EQ(count, MANY);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof(name), "hub %d", i);
        CHECK(named(f, count, name) != NULL);
    }
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    for (int i = 0; i < MANY; i++) {
        beacon_close(b[i]);
    }
    free(f);
    tn_close(place.holder);
    return 0;
}

TEST_TIMEOUT(many_are_found_by_one_search, 60)
{
    OK(tn_run(NULL, find_many, NULL));
}
