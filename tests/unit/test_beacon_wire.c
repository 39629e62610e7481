/*
 * test_beacon_wire.c - the datagrams of docs/wire/beacon.md: its examples, cut
 * and bent, at the end of memory; and how each network is spoken to.
 */
#include <tenon/text.h>

#include "hub/beacon_link.h"
#include "hub/beacon_wire.h"
#include "test.h"

#include <net/if.h>
#include <stdio.h>

struct vector {
    unsigned char at[BEACON_DATAGRAM];
    size_t n;
};

/* The example of that name in the document. */
static void
load(struct vector *v, const char *name)
{
    char path[512], line[512], fence[64];
    const char *root = getenv("TENON_SOURCE");
    bool inside = false;

    snprintf(path, sizeof(path), "%s/docs/wire/beacon.md", root ? root : ".");
    snprintf(fence, sizeof(fence), "```hex %s\n", name);
    FILE *f = fopen(path, "r");
    CHECK(f != NULL);
    memset(v, 0, sizeof(*v));
    while (fgets(line, sizeof(line), f) != NULL) {
        unsigned byte;
        int used;
        if (inside && line[0] == '`') {
            break;
        }
        for (char *p = line; inside && sscanf(p, "%2x %n", &byte, &used) == 1;
             p += used) {
            v->at[v->n++] = (unsigned char)byte;
        }
        inside = inside || strcmp(line, fence) == 0;
    }
    fclose(f);
    CHECK(v->n > 0);
}

static bool
read_guarded(struct beacon_msg *m, const void *data, size_t n)
{
    uint8_t *copy = guard_copy(data, n);
    bool ok = beacon_read(m, copy, n);

    guard_free(copy, n);
    return ok;
}

/* --- the examples ----------------------------------------------------------*/

static struct beacon_card
hub_card(void)
{
    static const unsigned char id[] = {0x9f, 0x3c, 0x21, 0xd0,
                                       0x0b, 0x57, 0xe1, 0xaa};
    struct beacon_card c = {.kind = BEACON_HUB,
                            .flags = BEACON_FILES,
                            .port = 8000,
                            .members = 3,
                            .name = "教室",
                            .text = "laptop"};

    memcpy(c.id, id, sizeof(id));
    return c;
}

static void
same_card(const struct beacon_card *a, const struct beacon_card *b)
{
    MEMEQ(a->id, b->id, BEACON_ID);
    EQ(a->kind, b->kind);
    EQ(a->flags, b->flags);
    EQ(a->port, b->port);
    EQ(a->members, b->members);
    STREQ(a->name, b->name);
    STREQ(a->text, b->text);
}

/* What is read is meant, and what is meant is written so. */
static void
both_ways(const char *name, const struct beacon_msg *meant)
{
    static unsigned char buf[BEACON_DATAGRAM];
    static struct beacon_msg m;
    static struct vector v;

    load(&v, name);
    size_t n = meant->type == BEACON_ASK ? (size_t)BEACON_QUESTION : v.n;
    CHECK(read_guarded(&m, v.at, n));
    EQ(m.type, meant->type);
    EQ(m.nonce, meant->nonce);
    EQ(m.number, meant->number);
    EQ(m.held, meant->held);
    EQ(m.kinds, meant->kinds);
    EQ(m.spread, meant->spread);
    EQ(m.count, meant->count);
    MEMEQ(m.mark, meant->mark, sizeof(m.mark));
    same_card(&m.card, &meant->card);
    EQ(beacon_write(buf, meant), n);
    MEMEQ(buf, v.at, n);
}

TEST(the_announcement_of_the_document)
{
    const struct beacon_msg m = {.type = BEACON_ANNOUNCE, .card = hub_card()};

    both_ways("announce", &m);
}

TEST(the_question_of_the_document)
{
    static const unsigned char other[] = {0, 0xc0, 0xff, 0xee, 1, 1, 1, 1};
    struct beacon_card c = hub_card();
    struct beacon_msg m = {.type = BEACON_ASK,
                           .nonce = 0x5ca1ab1e,
                           .number = 2,
                           .kinds = 1u << BEACON_HUB | 1u << BEACON_RECV,
                           .spread = 120,
                           .count = 2};

    memcpy(m.mark[0], c.id, BEACON_MARK);
    memcpy(m.mark[1], other, BEACON_MARK);
    both_ways("question", &m);
    CHECK(beacon_knows(&m, c.id));
    CHECK(beacon_knows(&m, other));
    c.id[3] ^= 1;
    CHECK(!beacon_knows(&m, c.id));
}

TEST(the_answer_of_the_document)
{
    const struct beacon_msg m = {.type = BEACON_ANSWER,
                                 .nonce = 0x5ca1ab1e,
                                 .number = 1,
                                 .held = 41250,
                                 .card = hub_card()};

    both_ways("answer", &m);
}

TEST(the_good_bye_of_the_document)
{
    struct beacon_msg m = {.type = BEACON_BYE, .card = hub_card()};

    m.card.kind = BEACON_RECV;
    m.card.flags = BEACON_CODE | BEACON_ONCE;
    m.card.port = 41234;
    m.card.members = 0;
    memcpy(m.card.name, "ann", 4);
    memcpy(m.card.text, "desk", 5);
    memset(m.card.name + 4, 0, sizeof(m.card.name) - 4);
    memset(m.card.text + 5, 0, sizeof(m.card.text) - 5);
    both_ways("bye", &m);
}

/* --- what is dropped -------------------------------------------------------*/

static const struct test_param names[] = {
    {.name = "announce"},
    {.name = "question", .value = {BEACON_QUESTION}},
    {.name = "answer"},
    {.name = "bye"},
};

TEST_EACH(what_is_cut_short_is_dropped, names)
{
    static struct beacon_msg m;
    static struct vector v;

    load(&v, p->name);
    size_t whole = p->value[0] > 0 ? (size_t)p->value[0] : v.n;
    for (size_t n = 0; n < whole; n++) {
        CHECK(!read_guarded(&m, v.at, n));
    }
    CHECK(read_guarded(&m, v.at, whole));
}

TEST_EACH(what_comes_behind_is_ignored, names)
{
    static struct beacon_msg m;
    static struct vector v;

    load(&v, p->name);
    memset(v.at + v.n, p->value[0] > 0 ? 0 : 0xee, sizeof(v.at) - v.n);
    CHECK(read_guarded(&m, v.at, BEACON_DATAGRAM));
    static char long_one[BEACON_DATAGRAM + 1];
    memcpy(long_one, v.at, BEACON_DATAGRAM);
    CHECK(!read_guarded(&m, long_one, sizeof(long_one)));
}

TEST_EACH(another_magic_version_or_type_is_dropped, names)
{
    static const struct {
        int at, value;
    } bent[] = {{0, 0xfe}, {1, 'T'}, {2, 0}, {2, 2}, {3, 0}, {3, 5}, {3, 255}};
    struct beacon_msg m;

    for (size_t i = 0; i < sizeof(bent) / sizeof(bent[0]); i++) {
        struct vector v;
        load(&v, p->name);
        v.at[bent[i].at] = (unsigned char)bent[i].value;
        CHECK(!read_guarded(&m, v.at, v.n + 200));
    }
}

TEST(a_card_without_sense_is_dropped)
{
    static const struct {
        int at, n, value;
    } bent[] = {
        {4, 8, 0},   {12, 1, 0},   {12, 1, 16}, {16, 2, 0},
        {28, 1, 65}, {29, 1, 129}, {28, 1, 13},
    };
    struct beacon_msg m;

    for (size_t i = 0; i < sizeof(bent) / sizeof(bent[0]); i++) {
        struct vector v;
        load(&v, "announce");
        memset(v.at + bent[i].at, bent[i].value, (size_t)bent[i].n);
        CHECK(!read_guarded(&m, v.at, v.n));
    }
}

TEST(a_question_without_sense_is_dropped)
{
    static struct beacon_msg m;
    static struct vector v;

    load(&v, "question");
    v.at[10] = 0;
    CHECK(!read_guarded(&m, v.at, BEACON_QUESTION));
    load(&v, "question");
    v.at[15] = 53; /* marks for which there is no room */
    CHECK(!read_guarded(&m, v.at, BEACON_QUESTION));
    v.at[15] = 52;
    CHECK(read_guarded(&m, v.at, BEACON_QUESTION));
    v.at[14] = 1;
    v.at[15] = 41; /* 297 */
    CHECK(!read_guarded(&m, v.at, BEACON_DATAGRAM));
    v.at[15] = 40;
    CHECK(read_guarded(&m, v.at, BEACON_DATAGRAM));
    EQ(m.count, BEACON_MARKS);
    v.at[12] = 0xff; /* nobody waits for a minute */
    CHECK(read_guarded(&m, v.at, BEACON_DATAGRAM));
    EQ(m.spread, BEACON_SPREAD);
}

TEST(texts_are_cleaned)
{
    static struct beacon_msg m;
    static struct vector v;

    load(&v, "announce");
    memcpy(v.at + 30, "\x1b[31m\xff", 6);
    memcpy(v.at + 36, "ab\xe2\x80\xae\x01", 6);
    CHECK(read_guarded(&m, v.at, v.n));
    STREQ(m.card.name, "[31m\xef\xbf\xbd");
    STREQ(m.card.text, "ab");
}

TEST(the_longest_card_is_no_longer_than_a_question)
{
    static struct beacon_msg m = {.type = BEACON_ANSWER, .number = 1}, back;
    static unsigned char buf[BEACON_DATAGRAM];

    m.card = hub_card();
    memset(m.card.name, 'n', BEACON_NAME);
    memset(m.card.text, 't', BEACON_TEXT);
    m.card.members = 70000;
    size_t n = beacon_write(buf, &m);
    EQ(n, BEACON_CARD);
    LE(n, BEACON_QUESTION);
    CHECK(read_guarded(&back, buf, n));
    EQ(back.card.members, 65535);
    STREQ(back.card.name, m.card.name);
    STREQ(back.card.text, m.card.text);
}

/* --- networks --------------------------------------------------------------*/

static tn_interface ifs[10];

struct row {
    const char *name;
    unsigned index, flags;
    const char *ip;
};

static void
list(const struct row *rows, int count)
{
    memset(ifs, 0, sizeof(ifs));
    for (int i = 0; i < count; i++) {
        snprintf(ifs[i].name, sizeof(ifs[i].name), "%s", rows[i].name);
        ifs[i].index = rows[i].index;
        ifs[i].flags = rows[i].flags | IFF_UP;
        OK(tn_addr_ip(&ifs[i].addr, rows[i].ip, 0));
    }
}

static void
is_link(const struct beacon_link *l, const char *name, const char *to)
{
    char text[TN_ADDR_TEXT];

    STREQ(l->name, name);
    STREQ(tn_addr_format(&l->way.to, text, sizeof(text)), to);
}

enum { NORMAL = IFF_BROADCAST | IFF_MULTICAST };

TEST(each_network_is_spoken_to_in_its_own_way)
{
    static const tn_addr all;
    static struct beacon_links l;
    static const struct row rows[] = {
        {"lo", 1, IFF_LOOPBACK, "127.0.0.1"},
        {"lo", 1, IFF_LOOPBACK, "::1"},
        {"a", 2, NORMAL, "10.1.0.1"},
        {"a", 2, NORMAL, "2001:db8::1"},
        {"a", 2, NORMAL, "fe80::1"},
        {"b", 3, NORMAL, "10.2.0.1"},
        {"c", 4, IFF_POINTOPOINT | IFF_MULTICAST, "10.3.0.1"},
        {"d", 5, IFF_POINTOPOINT, "10.4.0.1"},
        {"e", 6, IFF_POINTOPOINT, "10.5.0.1"},
        {"f", 7, NORMAL, "10.6.0.1"},
    };

    list(rows, 10);
    OK(tn_addr_ip(&ifs[0].broadcast, "127.255.255.255", 0));
    OK(tn_addr_ip(&ifs[2].broadcast, "10.1.0.255", 0));
    OK(tn_addr_ip(&ifs[7].peer, "10.4.0.2", 0));
    ifs[9].flags &= ~(unsigned)IFF_UP;
    beacon_links(&l, ifs, 10, 9, &all);
    EQ(l.count, 7);
    is_link(&l.link[0], "lo", "127.255.255.255:9");
    CHECK(l.link[0].loopback);
    is_link(&l.link[1], "a", "10.1.0.255:9");
    EQ(l.link[1].way.path.index, 2);
    /* Once from an address that others know, once from the link's own. */
    EQ(l.link[2].how, BEACON_GROUP);
    EQ(l.link[2].way.to.u.in6.sin6_scope_id, 2);
    CHECK(tn_addr_equal(&l.link[2].way.path.local, &ifs[3].addr));
    EQ(l.link[3].way.to.u.in6.sin6_scope_id, 2);
    EQ(l.link[3].way.path.local.len, 0);
    is_link(&l.link[4], "b", "255.255.255.255:9");
    is_link(&l.link[5], "c", BEACON_GROUP4 ":9");
    is_link(&l.link[6], "d", "10.4.0.2:9");
    EQ(l.link[6].how, BEACON_PEER);
}

TEST(who_is_bound_to_one_address_speaks_there_only)
{
    static struct beacon_links l;
    static const struct row rows[] = {
        {"a", 2, NORMAL, "10.1.0.1"},
        {"b", 3, NORMAL, "10.2.0.1"},
        {"b", 3, NORMAL, "fe80::1"},
    };
    tn_addr only;

    list(rows, 3);
    OK(tn_addr_ip(&only, "10.2.0.1", 8000));
    beacon_links(&l, ifs, 3, 9, &only);
    EQ(l.count, 1);
    STREQ(l.link[0].name, "b");
    OK(tn_addr_ip(&only, "::", 8000));
    beacon_links(&l, ifs, 3, 9, &only);
    EQ(l.count, 3);
    OK(tn_addr_ip(&only, "0.0.0.0", 8000));
    beacon_links(&l, ifs, 3, 9, &only);
    EQ(l.count, 2);
}

TEST(a_network_that_came_is_noticed)
{
    static const tn_addr all;
    static struct beacon_links before, after;
    static const struct row rows[] = {
        {"a", 2, NORMAL, "10.1.0.1"},
        {"b", 3, NORMAL, "10.2.0.1"},
    };

    list(rows, 2);
    beacon_links(&before, ifs, 1, 9, &all);
    beacon_links(&after, ifs, 2, 9, &all);
    CHECK(beacon_links_grew(&before, &after));
    CHECK(!beacon_links_grew(&after, &before));
    CHECK(!beacon_links_grew(&after, &after));
}
