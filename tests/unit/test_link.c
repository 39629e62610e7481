/*
 * test_link.c - one link to the other, the test being the network and the time.
 */
#include <tenon/err.h>

#include "hub/link.h"
#include "hub/native_wire.h"
#include "test.h"

#include <stdio.h>

static struct link a, b;
static int64_t now;

static void
open_links(void)
{
    now = TN_SEC;
    link_init(&a, now, LINK_OF_HUB);
    link_init(&b, now, LINK_OF_GUEST);
}

static void
close_links(void)
{
    link_fini(&a);
    link_fini(&b);
}

static void
queue(struct link *l, const void *bytes, size_t n)
{
    struct blob *m = blob_new(bytes, n);

    CHECK(m != NULL);
    OK(link_queue(l, m));
    blob_drop(m);
}

struct packet {
    uint64_t number;
    size_t len;
    unsigned char bytes[WIRE_PAYLOAD];
};

static bool
next_packet(struct link *l, struct packet *p)
{
    p->len = link_write(l, p->bytes, sizeof(p->bytes), now, &p->number);
    return p->len > 0;
}

static void
receive(struct link *l, const struct packet *p)
{
    uint8_t *copy = guard_copy(p->bytes, p->len);

    OK(link_read(l, p->number, copy, p->len, now));
    guard_free(copy, p->len);
}

/* All that one has goes to the other; how many packets. */
static int
carry(struct link *from, struct link *to)
{
    struct packet p;
    int count = 0;

    while (next_packet(from, &p)) {
        receive(to, &p);
        count++;
    }
    return count;
}

static int
lose_all(struct link *from)
{
    struct packet p;
    int count = 0;

    while (next_packet(from, &p)) {
        count++;
    }
    return count;
}

static void
takes(struct link *l, const char *text)
{
    char buf[LINK_MESSAGE + 1];
    ssize_t n = link_take(l, buf, LINK_MESSAGE);

    GE(n, 0);
    buf[n] = '\0';
    STREQ(buf, text);
}

TEST(a_message_arrives)
{
    open_links();
    EQ(link_wake(&a), INT64_MAX);
    queue(&a, "hello", 5);
    LE(link_wake(&a), now);
    EQ(carry(&a, &b), 1);
    CHECK(link_has_message(&b));
    takes(&b, "hello");
    takes(&b, "");
    CHECK(!link_is_idle(&a));
    EQ(link_wake(&b), now + LINK_ACK_DELAY);
    now += LINK_ACK_DELAY;
    EQ(carry(&b, &a), 1);
    CHECK(link_is_idle(&a));
    EQ(link_wake(&a), INT64_MAX);
    EQ(link_wake(&b), INT64_MAX);
    close_links();
}

TEST(small_messages_travel_together)
{
    open_links();
    for (int i = 0; i < 10; i++) {
        queue(&a, "some words", 10);
    }
    EQ(carry(&a, &b), 1);
    for (int i = 0; i < 10; i++) {
        takes(&b, "some words");
    }
    LE(link_wake(&b), now); /* more than one: told at once */
    close_links();
}

TEST(a_long_message_is_cut_and_whole_again)
{
    static char text[LINK_MESSAGE + 1];

    open_links();
    for (size_t i = 0; i < LINK_MESSAGE; i++) {
        text[i] = (char)('a' + i % 26);
    }
    queue(&a, text, LINK_MESSAGE);
    EQ(carry(&a, &b), LINK_PARTS);
    takes(&b, text);
    close_links();
}

TEST(what_is_lost_is_sent_again_and_less_often)
{
    int64_t wait = LINK_RTO_FIRST;

    open_links();
    queue(&a, "hello", 5);
    EQ(lose_all(&a), 1);
    for (int i = 0; i < 6; i++) {
        EQ(link_wake(&a), now + wait);
        EQ(lose_all(&a), 0);
        now += wait;
        EQ(lose_all(&a), 1);
        wait = i == 0 ? wait : 2 * wait;
        wait = wait < LINK_RTO_MAX ? wait : LINK_RTO_MAX;
    }
    now += wait;
    EQ(carry(&a, &b), 1);
    takes(&b, "hello");
    close_links();
}

TEST(a_gap_is_told_at_once_and_filled)
{
    static struct packet lost, p;

    open_links();
    queue(&a, "one", 3);
    CHECK(next_packet(&a, &lost));
    queue(&a, "two", 3);
    CHECK(next_packet(&a, &p));
    now += 10 * TN_MS;
    receive(&b, &p);
    takes(&b, ""); /* not before the first */
    LE(link_wake(&b), now);
    EQ(carry(&b, &a), 1);
    /* What came after it has arrived: a quarter more than a round trip. */
    LE(link_wake(&a), now + 20 * TN_MS);
    EQ(lost.number, 1);
    now = link_wake(&a);
    EQ(carry(&a, &b), 1);
    takes(&b, "one");
    takes(&b, "two");
    close_links();
}

TEST(three_later_packets_are_proof_of_a_loss)
{
    static struct packet lost, p;

    open_links();
    queue(&a, "0", 1);
    CHECK(next_packet(&a, &lost));
    for (int i = 1; i <= 3; i++) {
        char text[2] = {(char)('0' + i), '\0'};

        queue(&a, text, 1);
        CHECK(next_packet(&a, &p));
        receive(&b, &p);
    }
    EQ(carry(&b, &a), 1);
    LE(link_wake(&a), now);
    EQ(carry(&a, &b), 1);
    takes(&b, "0");
    takes(&b, "1");
    close_links();
}

TEST(what_comes_twice_counts_once)
{
    struct packet p;

    open_links();
    queue(&a, "hello", 5);
    CHECK(next_packet(&a, &p));
    receive(&b, &p);
    ERR(link_read(&b, p.number, p.bytes, p.len, now), -EALREADY);
    LE(link_wake(&b), now); /* our answer may have been lost */
    takes(&b, "hello");
    now += LINK_RTO_FIRST; /* the same part in another packet */
    CHECK(next_packet(&a, &p));
    receive(&b, &p);
    takes(&b, "");
    EQ(carry(&b, &a), 1);
    CHECK(link_is_idle(&a));
    close_links();
}

TEST(packets_out_of_order_are_known_apart)
{
    static struct packet p[100];

    open_links();
    for (int i = 0; i < 100; i++) {
        link_ping(&a);
        CHECK(next_packet(&a, &p[i]));
    }
    for (int i = 99; i >= 36; i--) {
        receive(&b, &p[i]);
        ERR(link_read(&b, p[i].number, p[i].bytes, p[i].len, now), -EALREADY);
    }
    /* Too old to tell. */
    ERR(link_read(&b, p[0].number, p[0].bytes, p[0].len, now), -EALREADY);
    ERR(link_read(&b, 0, p[0].bytes, p[0].len, now), -EALREADY);
    close_links();
}

TEST(the_round_trip_is_measured_without_the_delay_of_the_answer)
{
    open_links();
    EQ(link_rto(&a), LINK_RTO_FIRST);
    for (int i = 0; i < 50; i++) {
        struct packet p;

        queue(&a, "x", 1);
        CHECK(next_packet(&a, &p));
        now += 40 * TN_MS;
        receive(&b, &p);
        now = link_wake(&b); /* after LINK_ACK_DELAY */
        CHECK(next_packet(&b, &p));
        now += 40 * TN_MS;
        receive(&a, &p);
    }
    GE(a.srtt, 79 * TN_MS);
    LE(a.srtt, 81 * TN_MS);
    LE(link_rto(&a), 90 * TN_MS);
    GE(link_rto(&a), LINK_RTO_MIN);
    close_links();
}

/* Queue as many as the window takes. */
static int
queue_all(struct link *l, struct blob *m)
{
    int count = 0;

    while (link_queue(l, m) == 0) {
        count++;
    }
    return count;
}

TEST(the_windows_are_bounded)
{
    struct blob *m = blob_new("x", 1);

    open_links();
    EQ(link_room(&b), LINK_WINDOW_UP / LINK_PARTS);
    EQ(link_room(&a), LINK_BYTES / LINK_MESSAGE);
    EQ(queue_all(&a, m), LINK_WINDOW);
    EQ(queue_all(&b, m), LINK_WINDOW_UP);
    EQ(link_room(&a), 0);
    EQ(link_room(&b), 0);
    /* The other side does not take them: what has no place is not told as
       being there. */
    carry(&a, &b);
    carry(&b, &a);
    CHECK(link_is_idle(&a));
    OK(link_queue(&a, m));
    carry(&a, &b);
    now += LINK_ACK_DELAY;
    carry(&b, &a);
    CHECK(!link_is_idle(&a));
    takes(&b, "x");
    now += LINK_RTO_MAX;
    carry(&a, &b);
    now += LINK_ACK_DELAY;
    carry(&b, &a);
    CHECK(link_is_idle(&a));
    close_links();
    EQ(m->refs, 1);
    blob_drop(m);
}

TEST(long_messages_are_bounded_in_bytes)
{
    static char text[LINK_MESSAGE];
    struct blob *m = blob_new(text, sizeof(text));

    open_links();
    EQ(queue_all(&a, m), LINK_BYTES / LINK_MESSAGE);
    EQ(link_room(&a), 0);
    close_links();
    EQ(m->refs, 1);
    blob_drop(m);
}

/* What is far behind a gap is known to be there, and only the rest is sent
   again. */
TEST(a_mask_tells_of_the_whole_window)
{
    struct blob *m = blob_new("what is said by somebody in a room", 34);
    static struct packet first, p;
    int packets = 0;

    open_links();
    a.flight = LINK_FLIGHT;
    EQ(queue_all(&a, m), LINK_WINDOW);
    CHECK(next_packet(&a, &first));
    while (next_packet(&a, &p)) {
        receive(&b, &p);
        packets++;
    }
    EQ(carry(&b, &a), 1);
    LE(packets, LINK_WINDOW * 42 / LINK_PART + 2);
    GE(packets, LINK_WINDOW * 42 / (WIRE_PAYLOAD + 1));
    takes(&b, "");
    for (uint32_t seq = a.first; seq != a.next; seq++) {
        struct link_out *o = &a.out[seq & (a.places - 1)];

        CHECK((o->blob != NULL) == (seq * 42 < WIRE_PAYLOAD));
    }
    EQ(carry(&a, &b), 1);
    for (int i = 0; i < LINK_WINDOW; i++) {
        takes(&b, "what is said by somebody in a room");
    }
    close_links();
    EQ(m->refs, 1);
    blob_drop(m);
}

TEST(what_does_not_fill_a_packet_waits_for_more)
{
    struct packet p;

    open_links();
    a.srtt = 100 * TN_MS;
    queue(&a, "one", 3);
    CHECK(next_packet(&a, &p)); /* nothing is in the air */
    queue(&a, "two", 3);
    CHECK(!next_packet(&a, &p));
    EQ(link_wake(&a), now + 25 * TN_MS);
    now += 10 * TN_MS;
    queue(&a, "three", 5);
    EQ(lose_all(&a), 0);
    now += 15 * TN_MS;
    CHECK(next_packet(&a, &p));
    GE(p.len, (size_t)(8 + 3 + 8 + 5));
    close_links();
}

/* Nothing comes back: fewer packets each time, and then one in two seconds. */
TEST(who_does_not_answer_gets_less)
{
    static char text[LINK_PART];
    struct blob *m = blob_new(text, sizeof(text));
    int64_t end;
    int count;

    open_links();
    while (link_queue(&a, m) == 0) {
    }
    EQ(lose_all(&a), LINK_FLIGHT_FIRST);
    now = link_wake(&a);
    EQ(lose_all(&a), LINK_FLIGHT_FIRST);
    for (count = LINK_FLIGHT_FIRST / 2; count >= 1; count /= 2) {
        CHECK(link_wake(&a) > now);
        now = link_wake(&a);
        EQ(lose_all(&a), count);
    }
    end = now + TN_MIN;
    for (count = 0; now < end; count++) {
        now = link_wake(&a);
        EQ(lose_all(&a), 1);
    }
    LE(count, 32);
    for (int i = 0; !link_is_idle(&a); i++) { /* and all at the first answer */
        LE(i, 60);
        now = link_wake(&a) > now ? link_wake(&a) : now;
        carry(&a, &b);
        carry(&b, &a);
        while (link_take(&b, text, sizeof(text)) > 0) {
        }
    }
    GE(a.flight, LINK_FLIGHT / 2);
    close_links();
    blob_drop(m);
}

/* Half of what one sends in a while is lost; all answers come. */
static void
carry_half(int64_t time, unsigned *dice)
{
    int64_t end = now + time;

    while (now < end) {
        struct packet p;

        if (!next_packet(&a, &p)) {
            carry(&b, &a);
            now += 5 * TN_MS;
            continue;
        }
        *dice = *dice * 1103515245 + 12345;
        if ((*dice >> 16 & 1) == 0) {
            receive(&b, &p);
        }
    }
}

/* Half of all is lost, but answers come: the pace stays. */
TEST(a_loss_alone_does_not_slow_down)
{
    unsigned dice = 1;

    open_links();
    a.srtt = 40 * TN_MS;
    for (int i = 0; i < 200; i++) {
        queue(&a, "x", 1);
        carry_half(50 * TN_MS, &dice);
        while (link_has_message(&b)) {
            takes(&b, "x");
        }
        LE(a.next - a.first, 30);
    }
    close_links();
}

TEST(pings_and_challenges_are_answered)
{
    unsigned char item[9] = {LINK_CHALLENGE, 1, 2, 3, 4, 5, 6, 7, 8};

    open_links();
    link_ping(&a);
    CHECK(link_asks(&a));
    EQ(carry(&a, &b), 1);
    EQ(carry(&b, &a), 1);
    CHECK(!link_asks(&a));
    OK(link_read(&a, link_number(&b), item, sizeof(item), now));
    EQ(carry(&a, &b), 1);
    CHECK(b.proven);
    CHECK(b.proof == 0x0102030405060708);
    close_links();
}

/* Whoever gets a challenge is sent no more than it sent: a packet of nothing
   but a challenge is never longer than one with a ping. */
TEST(a_ping_is_as_long_as_a_challenge)
{
    struct packet p;

    open_links();
    link_ping(&a);
    CHECK(next_packet(&a, &p));
    GE(p.len, 1 + 8);
    close_links();
}

TEST(a_new_way_is_taken_at_once)
{
    open_links();
    queue(&a, "x", 1);
    for (int i = 0; i < 5; i++) {
        now += LINK_RTO_MAX;
        EQ(lose_all(&a), 1);
    }
    EQ(lose_all(&a), 0);
    link_hurry(&a);
    EQ(carry(&a, &b), 1);
    takes(&b, "x");
    close_links();
}

/* --- what is never sent ----------------------------------------------------*/

/* A packet of these bytes; what the link says. */
static int
feed(const void *bytes, size_t n)
{
    uint8_t *copy = guard_copy(bytes, n);
    int err;

    open_links();
    queue(&a, "x", 1);
    (void)lose_all(&a);
    err = link_read(&a, 1, copy, n, now);
    guard_free(copy, n);
    close_links();
    return err;
}

TEST(items_that_are_none)
{
    static const unsigned char long_mask[6 + LINK_MASK + 1 + 10] = {
        1, 0, 0, 0, 2, LINK_MASK + 1};

    EQ(feed("", 0), 0);
    EQ(feed("\x03", 1), 0);
    EQ(feed("\x00", 1), -EBADMSG);
    EQ(feed("\x06", 1), -EBADMSG);
    EQ(feed("\x04\x01", 2), -EBADMSG);
    /* A part without bytes, of an unknown flag, without a number. */
    EQ(feed("\x02\0\0\0\1\3\0\0", 8), -EBADMSG);
    EQ(feed("\x02\0\0\0\1\4\0\1x", 9), -EBADMSG);
    EQ(feed("\x02\0\0\0\0\3\0\1x", 9), -EBADMSG);
    EQ(feed("\x02\0\0\0\1\3\0\1x", 9), 0);
    /* Cut off. */
    for (size_t n = 1; n < 9; n++) {
        EQ(feed("\x02\0\0\0\1\3\0\1x", n), -EBADMSG);
    }
    /* Acknowledged what was never sent: part 2 and packet 9. */
    EQ(feed("\1\0\0\0\2\0\0\0\0\0\0\0\0\1\0\0", 16), 0);
    EQ(feed("\1\0\0\0\3\0\0\0\0\0\0\0\0\1\0\0", 16), -EBADMSG);
    EQ(feed("\1\0\0\0\2\0\0\0\0\0\0\0\0\11\0\0", 16), -EBADMSG);
    EQ(feed("\1\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0", 16), -EBADMSG);
    /* A mask that is cut off, or longer than the window. */
    EQ(feed("\1\0\0\0\2\1\0\0\0\0\0\0\0\0\1\0\0", 17), 0);
    EQ(feed("\1\0\0\0\2\2\0\0\0\0\0\0\0\0\1\0\0", 17), -EBADMSG);
    EQ(feed("\1\0\0\0\2\7\0", 7), -EBADMSG);
    EQ(feed(long_mask, sizeof(long_mask)), -EBADMSG);
}

TEST(parts_that_make_no_message)
{
    static const char *const bad[] = {
        "\x02\0\0\0\1\0\0\1x",                    /* no beginning */
        "\x02\0\0\0\1\1\0\1x\x02\0\0\0\2\1\0\1x", /* two beginnings */
        ("\x02\0\0\0\1\1\0\1x\x02\0\0\0\2\0\0\1x\x02\0\0\0\3\0\0\1x"
         "\x02\0\0\0\4\2\0\1x"), /* too many */
    };
    static const size_t lens[] = {9, 18, 36};

    for (int i = 0; i < 3; i++) {
        char buf[LINK_MESSAGE];

        open_links();
        OK(link_read(&a, 1, bad[i], lens[i], now));
        CHECK(link_has_message(&a));
        ERR(link_take(&a, buf, sizeof(buf)), -EBADMSG);
        close_links();
    }
}

TEST(messages_that_cannot_be_sent)
{
    static char long_text[LINK_MESSAGE + 1];
    struct blob *none = blob_new("", 0);
    struct blob *more = blob_new(long_text, sizeof(long_text));

    open_links();
    ERR(link_queue(&a, none), -EINVAL);
    ERR(link_queue(&a, more), -EINVAL);
    EQ(none->refs, 1);
    blob_drop(none);
    blob_drop(more);
    blob_drop(NULL);
    close_links();
}
