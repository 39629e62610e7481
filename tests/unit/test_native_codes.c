/*
 * test_native_codes.c - what a code keeps out: guesses of whoever plays the
 * hub, a key that seals two packets of one number, packets of somebody else
 * before the first one.
 */
#include <tenon/pake.h>
#include <tenon/seal.h>

#include "hub/link.h"
#include "native_people.h"

#define CODE "482 913"

static struct person ann;

/* --- numbers ---------------------------------------------------------------*/

enum { SESSIONS = 64 };

/* Sessions that were given to somebody; with a key of its own each. */
static uint64_t given[SESSIONS];
static int given_count;
static uint64_t last_number[SESSIONS];

/* A number that came before, or a session that nobody was given, would have
   something sealed with a key and a number that were used. */
static void
note_numbers(const void *buf, size_t n)
{
    struct wire_frame f;
    int i = 0;

    OK(wire_parse(&f, buf, n));
    if (f.type != WIRE_ANSWER_FRAME && f.type != WIRE_PACKET_FRAME) {
        return;
    }
    while (i < given_count && given[i] != f.session) {
        i++;
    }
    if (f.type == WIRE_ANSWER_FRAME && i == given_count) {
        CHECK(given_count < SESSIONS);
        last_number[given_count] = 0;
        given[given_count++] = f.session;
    }
    if (f.type == WIRE_PACKET_FRAME) {
        CHECK(i < given_count);
        GE(f.number, last_number[i] + 1);
        last_number[i] = f.number;
    }
}

SIM_TEST(no_number_is_used_twice_with_a_key, CODE, false)
{
    struct guest_opts how = opts_of(&ann, "ann");

    given_count = 0;
    kit_reader = note_numbers;
    memset(&ann, 0, sizeof(ann));
    how.code = CODE;
    go(&ann, &how, PORT);
    await_in(&ann);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3 * NATIVE_RING; i++) {
            OK(room_file(hub.room, 0, "file", 1));
        }
        OK(tn_sleep(5 * TN_SEC));
    }
    EQ(ann.losts, 3); /* it was overtaken, and came back each time */
    EQ(given_count, 4);
    EQ(room_count(hub.room), 1);
    kit_reader = NULL;
    end(&ann);
}

/* --- a guest by hand -------------------------------------------------------*/

struct hand {
    tn_sock *sock, *other;
    tn_addr hub;
    unsigned char nonce[WIRE_NONCE], cookie[WIRE_COOKIE];
    uint64_t session;
    struct wire_keys keys;
};

static void
post(tn_sock *sock, const struct hand *h, const struct wire_frame *f)
{
    unsigned char buf[WIRE_DATAGRAM];
    size_t n = wire_write(buf, f);

    EQ(tn_sendto(sock, buf, n, 0, &h->hub), (ssize_t)n);
}

/* What comes within a second; 0: nothing. */
static size_t
await_frame(tn_sock *sock, struct wire_frame *f, unsigned char *buf)
{
    ssize_t n;

    OK(tn_settimeout(sock, TN_SEC));
    n = tn_recvfrom(sock, buf, WIRE_DATAGRAM, 0, NULL, NULL);
    if (n == -ETIME) {
        return 0;
    }
    OK(wire_parse(f, buf, (size_t)n));
    return (size_t)n;
}

/* Up to ANSWER, with this code. */
static void
shake_hands(struct hand *h, const char *code)
{
    unsigned char buf[WIRE_DATAGRAM], both[TN_PAKE_SHARE], key[TN_PAKE_KEY];
    struct wire_frame f = {.type = WIRE_HELLO_FRAME, .nonce = h->nonce};
    tn_pake *pake;

    memset(h, 0, sizeof(*h));
    h->hub = kit_addr(PORT);
    tn_secret(h->nonce, sizeof(h->nonce));
    OK(tn_socket(&h->sock, AF_INET, SOCK_DGRAM, 0));
    OK(tn_socket(&h->other, AF_INET, SOCK_DGRAM, 0));
    post(h->sock, h, &f);
    CHECK(await_frame(h->sock, &f, buf) > 0);
    EQ((int)f.type, (int)WIRE_COOKIE_FRAME);
    memcpy(h->cookie, f.cookie, WIRE_COOKIE);
    memcpy(both, h->nonce, WIRE_NONCE);
    memcpy(both + WIRE_NONCE, h->cookie + WIRE_COOKIE - WIRE_NONCE, WIRE_NONCE);
    OK(tn_pake_new(&pake, TN_PAKE_FIRST, code, strlen(code), "tenon chat 1",
                   both));
    f = (struct wire_frame){.type = WIRE_ENTER_FRAME,
                            .nonce = h->nonce,
                            .cookie = h->cookie,
                            .share = tn_pake_share(pake)};
    post(h->sock, h, &f);
    CHECK(await_frame(h->sock, &f, buf) > 0);
    EQ((int)f.type, (int)WIRE_ANSWER_FRAME);
    h->session = f.session;
    OK(tn_pake_finish(pake, f.share, key));
    wire_keys_init(&h->keys, key, false);
    tn_pake_free(pake);
}

static void
put_down(struct hand *h)
{
    OK(tn_close(h->sock));
    OK(tn_close(h->other));
}

/* A packet of nothing: 20 bytes, to which REFUSE with its 21 would be an
   answer that is longer. */
static void
post_nothing(tn_sock *sock, const struct hand *h)
{
    const struct wire_frame f = {.type = WIRE_PACKET_FRAME,
                                 .session = h->session,
                                 .number = 1,
                                 .body = h->nonce};

    post(sock, h, &f);
}

SIM_TEST(a_first_packet_from_elsewhere_means_nothing, CODE, false)
{
    unsigned char buf[WIRE_DATAGRAM];
    struct wire_frame f;
    struct hand h;
    size_t n;

    shake_hands(&h, CODE);
    post_nothing(h.other, &h);
    EQ(await_frame(h.other, &f, buf), 0);
    EQ(await_frame(h.sock, &f, buf), 0);
    /* The session is what it was. */
    buf[WIRE_HEAD] = LINK_PING;
    n = wire_seal(&h.keys, buf, 1, h.session, 1);
    EQ(tn_sendto(h.sock, buf, n, 0, &h.hub), (ssize_t)n);
    CHECK(await_frame(h.sock, &f, buf) > 0);
    EQ((int)f.type, (int)WIRE_PACKET_FRAME);
    put_down(&h);
}

SIM_TEST(a_guess_costs_a_try_whatever_it_looks_like, CODE, false)
{
    unsigned char buf[WIRE_DATAGRAM];
    struct wire_frame f;
    struct hand h;

    for (int i = 0; i < GUARD_TRIES; i++) {
        shake_hands(&h, "000 000");
        post_nothing(h.sock, &h);
        CHECK(await_frame(h.sock, &f, buf) > 0);
        EQ((int)f.type, (int)WIRE_REFUSE_FRAME);
        EQ((int)f.why, (int)WIRE_WRONG);
        put_down(&h);
    }
    CHECK(!guard_begin(&hub.guard, &h.hub, tn_now()));
}

/* --- whoever plays the hub -------------------------------------------------*/

enum { FALSE_PORT = 9500 };

/* One who does not know the code, and would like to: each answer is a guess
   that the guest's first packet proves, and RESET brings the next one. */
static struct liar {
    tn_sock *sock;
    bool honest_shares;
    int answers, guesses;
} liar;

static void
lie(const struct wire_frame *f, const tn_addr *to)
{
    unsigned char buf[WIRE_DATAGRAM], cookie[WIRE_COOKIE] = {1};
    unsigned char both[TN_PAKE_SHARE] = {0}, share[WIRE_SHARE] = {0};
    struct wire_frame back = {.nonce = f->nonce, .session = 7};
    tn_pake *pake = NULL;

    if (f->type == WIRE_HELLO_FRAME) {
        back.type = WIRE_COOKIE_FRAME;
        back.cookie = cookie;
        back.flags = WIRE_CODE;
    } else if (f->type == WIRE_ENTER_FRAME) {
        back.type = WIRE_ANSWER_FRAME;
        OK(tn_pake_new(&pake, TN_PAKE_SECOND, "guess", 5, "tenon chat 1",
                       both));
        back.share = liar.honest_shares ? tn_pake_share(pake) : share;
        liar.answers++;
    } else {
        back.type = WIRE_RESET_FRAME;
        liar.guesses++;
    }
    (void)!tn_sendto(liar.sock, buf, wire_write(buf, &back), 0, to);
    tn_pake_free(pake);
}

static int
play_hub(void *arg)
{
    unsigned char buf[WIRE_DATAGRAM];

    (void)arg;
    for (;;) {
        struct wire_frame f;
        tn_addr from;
        ssize_t n = tn_recvfrom(liar.sock, buf, sizeof(buf), 0, &from, NULL);

        if (n < 0) {
            return (int)n;
        }
        if (wire_parse(&f, buf, (size_t)n) == 0) {
            lie(&f, &from);
        }
    }
}

/* A visit to the liar, to its end. */
static int
visit_liar(bool honest_shares)
{
    struct guest_opts how = opts_of(&ann, "ann");
    tn_addr at = kit_addr(FALSE_PORT);
    tn_group g;

    memset(&ann, 0, sizeof(ann));
    memset(&liar, 0, sizeof(liar));
    liar.honest_shares = honest_shares;
    how.code = CODE;
    OK(tn_socket(&liar.sock, AF_INET, SOCK_DGRAM, 0));
    OK(tn_bind(liar.sock, &at));
    tn_group_init(&g, 0);
    OK(tn_go(&g, play_hub, NULL));
    go(&ann, &how, FALSE_PORT);
    (void)tn_group_wait(&ann.group);
    guest_free(ann.guest);
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    OK(tn_close(liar.sock));
    return ann.result;
}

SIM_TEST(a_guest_is_no_oracle, NULL, false)
{
    NE(visit_liar(true), 0);
    GE(liar.guesses, 1);
    LE(liar.answers, GUEST_DOUBTS);
    NE(visit_liar(false), 0);
    EQ(liar.guesses, 0);
    LE(liar.answers, GUEST_DOUBTS);
}
