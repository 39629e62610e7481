/*
 * test_native_strangers.c - what a native hub sends to whom it does not know,
 * and what a guest makes of whoever answers.
 */
#include "hub/cookie.h"
#include "native_people.h"

static struct person ann;

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

/* --- cookies ---------------------------------------------------------------*/

static struct cookie_jar jar;
static unsigned char cookie[WIRE_COOKIE];
static unsigned char nonce[WIRE_NONCE] = "a question of 16";

static bool
is_good(const char *ip, int port, int64_t now)
{
    tn_addr from;

    OK(tn_addr_ip(&from, ip, port));
    return cookie_is_good(&jar, cookie, &from, nonce, now);
}

TEST(a_cookie_is_good_for_its_address_question_and_time)
{
    const int64_t now = 1000 * TN_SEC;
    tn_addr from;

    OK(tn_addr_ip(&from, "10.0.0.7", 4000));
    cookie_init(&jar);
    CHECK(cookie_make(&jar, cookie, &from, nonce, now));
    CHECK(is_good("10.0.0.7", 4000, now));
    CHECK(!is_good("10.0.0.7", 4001, now));
    CHECK(!is_good("10.0.0.8", 4000, now));
    CHECK(is_good("::ffff:10.0.0.7", 4000, now)); /* the same by another name */
    nonce[3] ^= 1;
    CHECK(!is_good("10.0.0.7", 4000, now));
    nonce[3] ^= 1;
    for (int i = 0; i < WIRE_COOKIE; i++) {
        cookie[i] ^= 0x40;
        CHECK(!is_good("10.0.0.7", 4000, now));
        cookie[i] ^= 0x40;
    }
    CHECK(is_good("10.0.0.7", 4000, now + COOKIE_SLOT));
    CHECK(!is_good("10.0.0.7", 4000, now + 2 * COOKIE_SLOT));
    CHECK(!is_good("10.0.0.7", 4000, now + 3 * COOKIE_SLOT));
}

TEST(a_cookie_is_good_in_its_own_jar)
{
    tn_addr from;

    OK(tn_addr_ip(&from, "10.0.0.7", 4000));
    cookie_init(&jar);
    CHECK(cookie_make(&jar, cookie, &from, nonce, 0));
    cookie_init(&jar);
    CHECK(!is_good("10.0.0.7", 4000, 0));
    from.u.sa.sa_family = AF_UNIX;
    CHECK(!cookie_make(&jar, cookie, &from, nonce, 0));
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
