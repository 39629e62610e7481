/*
 * test_native.c - the native dialect, hub and guest, where the network is good:
 * who is let in, what each hears, who is away, and what strangers are sent.
 */
#include "native_kit.h"

#include <stdlib.h>
#include <sys/socket.h>

enum {
    PORT = 9000,
    LOG = 8192,
};

/* --- people ----------------------------------------------------------------*/

struct person {
    guest *guest;
    tn_group group;
    bool over;
    int result, ins, losts, past;
    uint64_t fates[4];
    char log[LOG]; /* what it was told: "ann+ ann:hi " */
};

static const char *const signs[] = {
    [ROOM_JOIN] = "+", [ROOM_SAY] = ":",   [ROOM_LEAVE] = "-",
    [ROOM_NOTE] = "!", [ROOM_BYE] = "bye", [ROOM_FILE] = "@",
    [ROOM_GONE] = "#", [ROOM_ACT] = "*",   [ROOM_NICK] = "=",
    [ROOM_MSG] = "~",
};

static void
on_event(void *arg, const struct room_event *ev, bool past)
{
    struct person *p = arg;
    size_t n = strlen(p->log);

    p->past += past;
    if (n < LOG - 100) {
        snprintf(p->log + n, LOG - n, "%s%s%s ", ev->name, signs[ev->what],
                 ev->text_len > 40 ? "long" : ev->text);
    }
}

static void
on_fate(void *arg, uint64_t mark, enum guest_fate fate, uint64_t number)
{
    struct person *p = arg;

    NE(mark, 0);
    EQ(fate == GUEST_DELIVERED, number != 0);
    p->fates[fate]++;
}

static void
on_state(void *arg, enum guest_state state)
{
    struct person *p = arg;

    p->ins += state == GUEST_IN;
    p->losts += state == GUEST_LOST;
}

static int
stay(void *arg)
{
    struct person *p = arg;

    p->result = guest_run(p->guest);
    p->over = true;
    return 0;
}

static struct guest_opts
opts_of(struct person *p, const char *name)
{
    struct guest_opts how = {.name = name,
                             .event = on_event,
                             .fate = on_fate,
                             .state = on_state,
                             .arg = p};

    snprintf((char *)how.key, sizeof(how.key), "%s", name);
    return how;
}

static void
go(struct person *p, const struct guest_opts *how, int port)
{
    tn_addr at = kit_addr(port);

    OK(guest_open(&p->guest, &at, 1, how));
    tn_group_init(&p->group, TN_KEEP_GOING);
    OK(tn_go(&p->group, stay, p));
}

static void
await_in(struct person *p)
{
    int ins = p->ins;

    for (int i = 0; i < 1000 && p->ins == ins && !p->over; i++) {
        OK(tn_sleep(20 * TN_MS));
    }
}

static void
enter(struct person *p, const char *name)
{
    struct guest_opts how = opts_of(p, name);

    memset(p, 0, sizeof(*p));
    go(p, &how, PORT);
    await_in(p);
    EQ(p->ins, 1);
}

static void
end(struct person *p)
{
    tn_group_cancel(&p->group);
    (void)tn_group_wait(&p->group);
    guest_free(p->guest);
    p->guest = NULL;
}

static uint64_t
say(struct person *p, enum guest_how how, const char *text, const char *to)
{
    const struct guest_words words = {
        .how = how, .text = text, .len = strlen(text), .to = to};
    uint64_t mark;

    OK(guest_say(p->guest, &words, &mark));
    OK(guest_drain(p->guest));
    return mark;
}

/* Long enough for all that was said to arrive. */
static void
settle(void)
{
    OK(tn_sleep(500 * TN_MS));
}

/* --- a hub of one's own ----------------------------------------------------*/

static struct kit_hub hub;
static struct store history;
static tn_group hub_group;

static void
hub_open(void)
{
    kit_hub_open(&hub);
    tn_group_init(&hub_group, 0);
    kit_hub_go(&hub, &hub_group);
}

static void
hub_kill(void)
{
    tn_group_cancel(&hub_group);
    (void)tn_group_wait(&hub_group);
    kit_hub_close(&hub);
}

static void (*body)(void);

static int
root(void *arg)
{
    (void)arg;
    hub_open();
    body();
    hub_kill();
    free(history.ev);
    return 0;
}

static void
in_sim(void (*fn)(void), const char *code, bool keeps)
{
    const tn_sim_opts sim = {.seed = 7, .max_delay = TN_MS};
    const tn_opts o = {.backend = "sim", .sim = &sim};

    body = fn;
    kit_seed = 7;
    memset(&hub, 0, sizeof(hub));
    hub.port = kit_hub_port = PORT;
    hub.code = code;
    hub.store = keeps ? &history : NULL;
    memset(&history, 0, sizeof(history));
    snprintf(history.epoch, sizeof(history.epoch), "0123456789abcdef");
    EQ(tn_run(&o, root, NULL), 0);
}

#define SIM_TEST(id, code, keeps)                                              \
    static void in_##id(void);                                                 \
    TEST(id)                                                                   \
    {                                                                          \
        in_sim(in_##id, code, keeps);                                          \
    }                                                                          \
    static void in_##id(void)

/* --- talk ------------------------------------------------------------------*/

static struct person ann, bob, eve;

SIM_TEST(what_is_said_is_heard_by_all_in_one_order, NULL, false)
{
    enter(&ann, "ann");
    enter(&bob, "bob");
    say(&ann, GUEST_SAY, "hi", NULL);
    say(&bob, GUEST_ACT, "waves", NULL);
    settle();
    STREQ(ann.log, "ann+ bob+ ann:hi bob*waves ");
    STREQ(bob.log, "bob+ ann:hi bob*waves ");
    EQ(ann.fates[GUEST_DELIVERED], 1);
    EQ(guest_count(ann.guest), 2);
    STREQ(guest_at(bob.guest, 0)->name, "ann");
    EQ(guest_at(bob.guest, 0)->kind, ROOM_NATIVE);
    STREQ(guest_folder(bob.guest), "http://127.0.0.1:8000/files/");
    guest_leave(bob.guest);
    settle();
    EQ(bob.result, 0);
    STREQ(ann.log, "ann+ bob+ ann:hi bob*waves bob- ");
    EQ(guest_count(ann.guest), 1);
    end(&ann);
    end(&bob);
}

SIM_TEST(a_long_text_arrives_whole, NULL, false)
{
    static char text[ROOM_TEXT_MAX + 1];

    memset(text, 'x', ROOM_TEXT_MAX);
    enter(&ann, "ann");
    enter(&bob, "bob");
    say(&ann, GUEST_SAY, text, NULL);
    settle();
    STREQ(bob.log, "bob+ ann:long ");
    end(&ann);
    end(&bob);
}

SIM_TEST(what_is_for_one_is_for_one, NULL, false)
{
    enter(&ann, "ann");
    enter(&bob, "bob");
    enter(&eve, "eve");
    say(&ann, GUEST_MSG, "psst", "bob");
    say(&ann, GUEST_MSG, "you?", "nobody");
    settle();
    STREQ(ann.log, "ann+ bob+ eve+ ann~psst ");
    STREQ(bob.log, "bob+ eve+ ann~psst ");
    STREQ(eve.log, "eve+ ");
    EQ(ann.fates[GUEST_DELIVERED], 1);
    EQ(ann.fates[GUEST_NOBODY], 1);
    end(&ann);
    end(&bob);
    end(&eve);
}

SIM_TEST(names_are_changed_and_told, NULL, false)
{
    enter(&ann, "ann");
    enter(&bob, "bob");
    ERR(guest_nick(bob.guest, "ANN"), -EEXIST);
    ERR(guest_nick(bob.guest, "a:b"), -EINVAL);
    OK(guest_nick(bob.guest, "bert"));
    settle();
    STREQ(ann.log, "ann+ bob+ ann! bob=bert ");
    STREQ(guest_name(bob.guest), "bert");
    STREQ(guest_at(ann.guest, 1)->name, "bert");
    end(&ann);
    end(&bob);
}

/* --- who is let in ---------------------------------------------------------*/

/* The code that a visit ends with. */
static int
try_enter(const char *name, const char *code)
{
    static struct person p;
    struct guest_opts how = opts_of(&p, name);

    memset(&p, 0, sizeof(p));
    how.code = code;
    go(&p, &how, PORT);
    await_in(&p);
    if (p.ins > 0) {
        guest_leave(p.guest);
    }
    (void)tn_group_wait(&p.group);
    guest_free(p.guest);
    return p.result;
}

SIM_TEST(names_that_are_in_use_or_none, NULL, false)
{
    enter(&ann, "ann");
    EQ(try_enter("bob", NULL), 0);
    EQ(try_enter("Ann", NULL), -EEXIST);
    EQ(try_enter("a:b", NULL), -EINVAL);
    EQ(try_enter("!", NULL), -EINVAL);
    EQ(try_enter("123456789012345678901234567890123", NULL), -ENAMETOOLONG);
    end(&ann);
}

SIM_TEST(a_room_without_code_is_not_taken_for_one_with, NULL, false)
{
    EQ(try_enter("ann", "secret"), -EACCES);
}

SIM_TEST(only_the_right_code_lets_in, "482 913", false)
{
    struct guest_opts how = opts_of(&ann, "ann");

    EQ(try_enter("eve", NULL), -EACCES);
    EQ(try_enter("eve", "482 912"), -EACCES);
    how.code = "482 913";
    go(&ann, &how, PORT);
    await_in(&ann);
    EQ(ann.ins, 1);
    say(&ann, GUEST_SAY, "hi", NULL);
    settle();
    STREQ(ann.log, "ann+ ann:hi ");
    end(&ann);
}

SIM_TEST(wrong_codes_are_counted, "482 913", false)
{
    for (int i = 0; i < GUARD_TRIES; i++) {
        EQ(try_enter("eve", "000 000"), -EACCES);
    }
    EQ(try_enter("eve", "482 913"), -EAGAIN);
    OK(tn_sleep(GUARD_INTERVAL));
    EQ(try_enter("eve", "482 913"), 0);
    /* Right ones are not, however many there are. */
    for (int i = 0; i < 2 * GUARD_TRIES; i++) {
        EQ(try_enter("eve", "482 913"), 0);
    }
}

SIM_TEST(who_comes_twice_is_here_once, NULL, false)
{
    static struct person twin;

    enter(&ann, "ann");
    enter(&bob, "bob");
    enter(&twin, "bob");
    settle();
    EQ(bob.over, true);
    EQ(bob.result, -EEXIST);
    STREQ(ann.log, "ann+ bob+ ");
    EQ(guest_count(ann.guest), 2);
    say(&twin, GUEST_SAY, "me", NULL);
    settle();
    STREQ(ann.log, "ann+ bob+ bob:me ");
    end(&ann);
    end(&bob);
    end(&twin);
}

SIM_TEST(the_hub_says_good_bye, NULL, false)
{
    enter(&ann, "ann");
    tn_group_cancel(&hub_group);
    (void)tn_group_wait(&hub_group);
    room_close(hub.room);
    native_flush(hub.native);
    settle();
    EQ(ann.over, true);
    EQ(ann.result, 0);
    STREQ(ann.log, "ann+ bye ");
    end(&ann);
    tn_group_init(&hub_group, 0);
}

/* --- what was before -------------------------------------------------------*/

SIM_TEST(who_comes_hears_the_latest_few, NULL, true)
{
    enter(&ann, "ann");
    say(&ann, GUEST_SAY, "one", NULL);
    say(&ann, GUEST_SAY, "two", NULL);
    hub_kill();
    hub_open();
    await_in(&ann);
    enter(&bob, "bob");
    settle();
    STREQ(bob.log, "ann:one ann:two bob+ ");
    EQ(bob.past, 2);
    STREQ(ann.log, "ann+ ann:one ann:two ann+ bob+ ");
    EQ(ann.losts, 1);
    end(&ann);
    end(&bob);
}

/* A second visit of bob, from where the first one ended. */
static void
come_back(struct person *p, uint64_t since, const char *epoch)
{
    struct guest_opts how = opts_of(p, "bob");

    memset(p, 0, sizeof(*p));
    how.since = since;
    snprintf(how.epoch, sizeof(how.epoch), "%s", epoch);
    go(p, &how, PORT);
    await_in(p);
    settle();
}

SIM_TEST(who_comes_back_hears_what_he_missed, NULL, true)
{
    char epoch[GUEST_EPOCH + 1];
    uint64_t seen;

    enter(&ann, "ann");
    enter(&bob, "bob");
    say(&bob, GUEST_SAY, "brb", NULL);
    settle();
    guest_leave(bob.guest);
    seen = guest_seen(bob.guest, epoch);
    STREQ(epoch, history.epoch);
    end(&bob);
    say(&ann, GUEST_SAY, "gone?", NULL);
    come_back(&bob, seen, epoch);
    STREQ(bob.log, "bob- ann:gone? bob+ ");
    EQ(bob.past, 2);
    CHECK(!guest_gap(bob.guest));
    end(&bob);
    come_back(&bob, seen, "fedcba9876543210");
    CHECK(guest_gap(bob.guest));
    end(&bob);
    end(&ann);
}

/* A name that is still here is told of nothing: it never left. */
SIM_TEST(who_was_away_too_long_is_told_of_the_gap, NULL, false)
{
    char epoch[GUEST_EPOCH + 1];
    uint64_t seen;

    enter(&bob, "bob");
    seen = guest_seen(bob.guest, epoch);
    end(&bob);
    for (int i = 0; i < NATIVE_RING + 10; i++) {
        OK(room_file(hub.room, 0, "file", 1));
    }
    come_back(&bob, seen, epoch);
    CHECK(guest_gap(bob.guest));
    OK(tn_sleep(2 * TN_SEC));
    EQ(guest_seen(bob.guest, epoch), room_latest(hub.room));
    GE(bob.past, NATIVE_RING - 1);
    end(&bob);
}

/* Far more than its window, while it is there. */
SIM_TEST(a_flood_arrives_or_is_caught_up_with, NULL, false)
{
    char epoch[GUEST_EPOCH + 1];

    enter(&ann, "ann");
    for (int i = 0; i < 3 * NATIVE_RING; i++) {
        OK(room_file(hub.room, 0, "file", 1));
    }
    OK(tn_sleep(5 * TN_SEC));
    EQ(guest_seen(ann.guest, epoch), room_latest(hub.room));
    CHECK(guest_gap(ann.guest));
    EQ(ann.losts, 1);
    EQ(room_count(hub.room), 1);
    end(&ann);
}

SIM_TEST(who_falls_silent_is_away_and_then_gone, NULL, false)
{
    enter(&ann, "ann");
    enter(&bob, "bob");
    end(&bob);
    OK(tn_sleep(NATIVE_AWAY / 2));
    CHECK(!guest_at(ann.guest, 1)->away);
    OK(tn_sleep(NATIVE_AWAY));
    CHECK(guest_at(ann.guest, 1)->away);
    CHECK(!guest_at(ann.guest, 0)->away);
    enter(&bob, "bob"); /* he was never gone */
    settle();
    CHECK(!guest_at(ann.guest, 1)->away);
    STREQ(ann.log, "ann+ bob+ ");
    end(&bob);
    OK(tn_sleep(NATIVE_GONE + NATIVE_AWAY));
    STREQ(ann.log, "ann+ bob+ bob- ");
    EQ(guest_count(ann.guest), 1);
    end(&ann);
}

/* --- strangers -------------------------------------------------------------*/

/* Bytes from and to each port; ports that have proven themselves are not
   looked at. */
static int64_t balance[65536];
static uint64_t answered;

static void
weigh(const tn_addr *peer, bool in, size_t n)
{
    int port = tn_addr_port(peer);

    balance[port] += in ? (int64_t)n : -(int64_t)n;
    answered += !in;
    GE(balance[port], 0);
}

/* A frame as a stranger may make it: from nothing but noise to nearly right. */
static size_t
make_frame(unsigned char *buf)
{
    size_t n = (size_t)kit_below(WIRE_DATAGRAM) + 1;

    for (size_t i = 0; i < n; i++) {
        buf[i] = (unsigned char)kit_random();
    }
    if (kit_below(4) != 0) {
        static const size_t lens[] = {64, 12, 20, 21, 36, 41, 60, 72, 76, 1200};

        n = lens[kit_below(10)];
        memcpy(buf, "\xffT\x01", 3);
        buf[2] = (unsigned char)(kit_below(5) == 0 ? 2 : 1);
        buf[3] = (unsigned char)kit_below(9);
    }
    return n;
}

SIM_TEST(strangers_are_sent_no_more_than_they_sent, NULL, false)
{
    enum { SOCKS = 50 };

    tn_sock *sock[SOCKS];
    tn_addr at = kit_addr(PORT);

    memset(balance, 0, sizeof(balance));
    answered = 0;
    kit_listener = weigh;
    for (int i = 0; i < SOCKS; i++) {
        OK(tn_socket(&sock[i], AF_INET, SOCK_DGRAM, 0));
    }
    for (int i = 0; i < 20000; i++) {
        unsigned char buf[WIRE_DATAGRAM];
        size_t n = make_frame(buf);

        (void)!tn_sendto(sock[kit_below(SOCKS)], buf, n, MSG_DONTWAIT, &at);
        if (i % 100 == 99) {
            OK(tn_sleep(3 * TN_MS));
        }
    }
    settle();
    kit_listener = NULL;
    GE(answered, 100);
    EQ(native_count(hub.native), 0);
    EQ(room_latest(hub.room), 0);
    for (int i = 0; i < SOCKS; i++) {
        OK(tn_close(sock[i]));
    }
}

/* A man in the middle who repeats what he hears, from an address of his own:
   the room goes on to talk to whom it knows. */
static struct spy {
    tn_sock *inner, *outer, *other;
    tn_addr guest, hub;
    int repeated;
} spy;

static int
spy_out(void *arg)
{
    char buf[2048];

    (void)arg;
    for (;;) {
        ssize_t n =
            tn_recvfrom(spy.inner, buf, sizeof(buf), 0, &spy.guest, NULL);

        if (n < 0) {
            return (int)n;
        }
        /* His own copy comes first, so that it is the newest. */
        if (buf[3] == WIRE_PACKET_FRAME) {
            (void)!tn_sendto(spy.other, buf, (size_t)n, MSG_DONTWAIT, &spy.hub);
            OK(tn_sleep(5 * TN_MS));
            spy.repeated++;
        }
        (void)!tn_sendto(spy.outer, buf, (size_t)n, MSG_DONTWAIT, &spy.hub);
    }
}

static int
spy_in(void *arg)
{
    char buf[2048];

    (void)arg;
    for (;;) {
        ssize_t n = tn_recvfrom(spy.outer, buf, sizeof(buf), 0, NULL, NULL);

        if (n < 0) {
            return (int)n;
        }
        (void)!tn_sendto(spy.inner, buf, (size_t)n, MSG_DONTWAIT, &spy.guest);
    }
}

static int spied_port;

static void
weigh_other(const tn_addr *peer, bool in, size_t n)
{
    if (tn_addr_port(peer) == spied_port) {
        weigh(peer, in, n);
    }
}

SIM_TEST(an_address_is_not_taken_over_by_repeating, "482 913", false)
{
    tn_addr at = kit_addr(9200), other = kit_addr(9300);
    struct guest_opts how = opts_of(&ann, "ann");
    tn_group g;

    memset(&spy, 0, sizeof(spy));
    memset(&ann, 0, sizeof(ann));
    memset(balance, 0, sizeof(balance));
    spied_port = 9300;
    kit_listener = weigh_other;
    spy.hub = kit_addr(PORT);
    OK(tn_socket(&spy.inner, AF_INET, SOCK_DGRAM, 0));
    OK(tn_socket(&spy.outer, AF_INET, SOCK_DGRAM, 0));
    OK(tn_socket(&spy.other, AF_INET, SOCK_DGRAM, 0));
    OK(tn_bind(spy.inner, &at));
    OK(tn_bind(spy.other, &other));
    tn_group_init(&g, 0);
    OK(tn_go(&g, spy_out, NULL));
    at = kit_addr(9201);
    OK(tn_bind(spy.outer, &at));
    OK(tn_go(&g, spy_in, NULL));
    how.code = "482 913";
    go(&ann, &how, 9200);
    await_in(&ann);
    for (int i = 0; i < 10; i++) {
        say(&ann, GUEST_SAY, "hi", NULL);
    }
    OK(tn_sleep(30 * TN_SEC));
    EQ(ann.losts, 0);
    EQ(ann.fates[GUEST_DELIVERED], 10);
    GE(spy.repeated, 10);
    kit_listener = NULL;
    end(&ann);
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    OK(tn_close(spy.inner));
    OK(tn_close(spy.outer));
    OK(tn_close(spy.other));
}

/* --- nobody there, or somebody else ----------------------------------------*/

SIM_TEST(nobody_answers, NULL, false)
{
    struct guest_opts how = opts_of(&ann, "ann");

    memset(&ann, 0, sizeof(ann));
    go(&ann, &how, 9999);
    (void)tn_group_wait(&ann.group);
    EQ(ann.result, -ETIME);
    guest_free(ann.guest);
}

struct answer {
    tn_sock *sock;
    const char *bytes;
    size_t len;
    bool echo_nonce;
};

static int
answer(void *arg)
{
    const struct answer *a = arg;
    char buf[2048];

    for (;;) {
        tn_addr from;
        ssize_t n = tn_recvfrom(a->sock, buf, sizeof(buf), 0, &from, NULL);

        if (n < 0) {
            return (int)n;
        }
        memcpy(buf, a->bytes, a->len);
        OK(tn_sendto(a->sock, buf, a->echo_nonce ? a->len + 17 : a->len, 0,
                     &from));
    }
}

static int
ask_at(struct answer *a)
{
    struct guest_opts how = opts_of(&ann, "ann");
    tn_addr at = kit_addr(9400);
    tn_group g;

    memset(&ann, 0, sizeof(ann));
    OK(tn_socket(&a->sock, AF_INET, SOCK_DGRAM, 0));
    OK(tn_bind(a->sock, &at));
    tn_group_init(&g, 0);
    OK(tn_go(&g, answer, a));
    go(&ann, &how, 9400);
    (void)tn_group_wait(&ann.group);
    guest_free(ann.guest);
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    OK(tn_close(a->sock));
    return ann.result;
}

SIM_TEST(whoever_answers_is_no_hub, NULL, false)
{
    struct answer text = {.bytes = "hello", .len = 5};
    struct answer later = {
        .bytes = "\xffT\x02\x05", .len = 4, .echo_nonce = true};

    EQ(ask_at(&text), -EPROTO);
    EQ(ask_at(&later), -EPROTO);
}

TEST(what_is_no_fit_visit)
{
    tn_addr at = kit_addr(1);
    struct guest_opts how = opts_of(&ann, "ann");
    guest *g;

    ERR(guest_open(&g, &at, 0, &how), -EINVAL);
    how.code = "";
    ERR(guest_open(&g, &at, 1, &how), -EINVAL);
    how = opts_of(&ann, "");
    ERR(guest_open(&g, &at, 1, &how), -EINVAL);
    guest_free(NULL);
}
