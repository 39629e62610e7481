/*
 * test_beacon_reply.c - whether and when a question is answered, in a time that
 * the test makes.
 */
#include <tenon/addr.h>

#include "hub/beacon_reply.h"
#include "test.h"

#include <stdio.h>

static const unsigned char own[BEACON_ID] = {1, 2, 3, 4, 5, 6, 7, 8};

static struct beacon_reply *
fresh(void)
{
    static struct beacon_reply r;

    memset(&r, 0, sizeof(r));
    memcpy(r.id, own, BEACON_ID);
    r.kind = BEACON_HUB;
    return &r;
}

static struct beacon_msg
question(uint32_t nonce)
{
    return (struct beacon_msg){
        .type = BEACON_ASK, .nonce = nonce, .number = 1, .spread = 100};
}

static struct beacon_way
from(int host, int port)
{
    struct beacon_way way = {.path = {.index = 2}};
    char ip[32];

    snprintf(ip, sizeof(ip), "10.0.%d.%d", host / 250, host % 250 + 1);
    OK(tn_addr_ip(&way.to, ip, port));
    return way;
}

/* --- one question ----------------------------------------------------------*/

TEST(an_answer_waits_as_the_dice_say)
{
    struct beacon_reply *r = fresh();
    struct beacon_msg m = question(7);
    struct beacon_way way = from(1, 9);
    struct beacon_due due;
    int64_t now = 5 * TN_SEC;

    EQ(beacon_next_due(r), INT64_MAX);
    EQ(beacon_hear(r, &m, &way, now, 30 * TN_MS), BEACON_TAKEN);
    EQ(beacon_next_due(r), now + 30 * TN_MS);
    CHECK(!beacon_take_due(r, now + 30 * TN_MS - 1, &due));
    CHECK(beacon_take_due(r, now + 30 * TN_MS, &due));
    EQ(due.asked, now);
    EQ(due.nonce, 7);
    EQ(due.number, 1);
    EQ(due.way.path.index, 2);
    CHECK(tn_addr_equal(&due.way.to, &way.to));
    CHECK(!beacon_take_due(r, INT64_MAX, &due));
}

TEST(no_wait_is_as_long_as_the_spread)
{
    struct beacon_reply *r = fresh();
    struct beacon_due due;

    for (uint32_t i = 0; i < 1000; i++) {
        struct beacon_msg m = question(i);
        struct beacon_way way = from((int)i, 9);
        int64_t now = (i + 1) * TN_SEC;
        m.spread = i % 2 == 0 ? 50 : 0;
        EQ(beacon_hear(r, &m, &way, now, i * 4294967u), BEACON_TAKEN);
        GE(beacon_next_due(r), now);
        LE(beacon_next_due(r), now + (m.spread > 0 ? m.spread * TN_MS - 1 : 0));
        CHECK(beacon_take_due(r, INT64_MAX, &due));
    }
}

TEST(the_earliest_goes_first)
{
    struct beacon_reply *r = fresh();
    static const int wait[] = {40, 10, 90, 20};
    struct beacon_due due;
    int64_t last = 0;

    for (int i = 0; i < 4; i++) {
        struct beacon_msg m = question(1);
        struct beacon_way way = from(i, 9);
        EQ(beacon_hear(r, &m, &way, 0, (uint32_t)(wait[i] * TN_MS)),
           BEACON_TAKEN);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(beacon_take_due(r, TN_SEC, &due));
        GE(due.at, last);
        last = due.at;
    }
}

/* --- who stays silent ------------------------------------------------------*/

TEST(who_is_named_stays_silent)
{
    struct beacon_reply *r = fresh();
    struct beacon_msg m = question(7);
    struct beacon_way way = from(1, 9);

    m.count = 2;
    memcpy(m.mark[1], own, BEACON_MARK);
    EQ(beacon_hear(r, &m, &way, 0, 0), BEACON_KNOWN);
    EQ(beacon_next_due(r), INT64_MAX);
}

TEST(who_is_named_while_the_answer_waits_drops_it)
{
    struct beacon_reply *r = fresh();
    struct beacon_msg m = question(7);
    struct beacon_way way = from(1, 9), other = from(2, 9);

    EQ(beacon_hear(r, &m, &way, 0, 50), BEACON_TAKEN);
    EQ(beacon_hear(r, &m, &other, 0, 60), BEACON_TAKEN);
    m.count = 1;
    memcpy(m.mark[0], own, BEACON_MARK);
    EQ(beacon_hear(r, &m, &way, 10, 0), BEACON_KNOWN);
    EQ(r->count, 1);
    EQ(beacon_next_due(r), 60);
}

TEST(the_same_question_is_answered_once)
{
    struct beacon_reply *r = fresh();
    struct beacon_msg m = question(7);
    struct beacon_way way = from(1, 9), port = from(1, 10);
    struct beacon_due due;

    EQ(beacon_hear(r, &m, &way, 0, 50), BEACON_TAKEN);
    EQ(beacon_hear(r, &m, &way, 1, 0), BEACON_TWICE);
    EQ(beacon_hear(r, &m, &port, 2, 0), BEACON_TAKEN);
    CHECK(beacon_take_due(r, TN_SEC, &due));
    CHECK(beacon_take_due(r, TN_SEC, &due));
    /* Asked again, not naming us: the answer was lost. */
    EQ(beacon_hear(r, &m, &way, TN_SEC, 0), BEACON_TAKEN);
}

TEST(other_kinds_are_not_ours)
{
    struct beacon_reply *r = fresh();
    struct beacon_way way = from(1, 9);
    struct beacon_msg m = question(7);

    m.kinds = 1u << BEACON_RECV;
    EQ(beacon_hear(r, &m, &way, 0, 0), BEACON_OTHERS);
    m.kinds = 1u << BEACON_RECV | 1u << BEACON_HUB;
    EQ(beacon_hear(r, &m, &way, 0, 0), BEACON_TAKEN);
}

/* --- rates -----------------------------------------------------------------*/

/* How many of so many questions, one each interval, are answered. */
static int
flood(struct beacon_reply *r, int hosts, int questions, int64_t interval)
{
    struct beacon_due due;
    int answered = 0;

    for (int i = 0; i < questions; i++) {
        struct beacon_msg m = question((uint32_t)i);
        struct beacon_way way = from(i % hosts, 9);
        int64_t now = TN_MIN + i * interval;
        if (beacon_hear(r, &m, &way, now, 0) == BEACON_TAKEN) {
            answered++;
        }
        while (beacon_take_due(r, now, &due)) {
        }
    }
    return answered;
}

TEST(one_asker_gets_a_burst_and_then_four_a_second)
{
    EQ(flood(fresh(), 1, 1000, 0), BEACON_ASKER_BURST);
    int answered = flood(fresh(), 1, 10000, TN_MS);
    GE(answered, BEACON_ASKER_BURST + 39);
    LE(answered, BEACON_ASKER_BURST + 41);
}

TEST(all_askers_together_get_a_burst_and_then_two_hundred_a_second)
{
    EQ(flood(fresh(), 100, 5000, 0), BEACON_ALL_BURST);
    int answered = flood(fresh(), 100, 20000, TN_MS / 10);
    GE(answered, BEACON_ALL_BURST + 399);
    LE(answered, BEACON_ALL_BURST + 401);
}

/* Who comes from ever new addresses makes those forget that were counted; the
   sum is bounded all the same. */
TEST(ever_new_addresses_do_not_help)
{
    EQ(flood(fresh(), 5000, 20000, 0), BEACON_ALL_BURST);
}

TEST(a_flood_of_one_does_not_silence_us_for_others)
{
    struct beacon_reply *r = fresh();
    struct beacon_msg m = question(99);
    struct beacon_way way = from(200, 9);

    (void)flood(r, 1, 10000, 0);
    EQ(beacon_hear(r, &m, &way, TN_MIN, 0), BEACON_TAKEN);
}

TEST(answers_that_wait_are_bounded)
{
    struct beacon_reply *r = fresh();
    int taken = 0;

    for (int i = 0; i < 2 * BEACON_WAITING; i++) {
        struct beacon_msg m = question(1);
        struct beacon_way way = from(i, 9);
        taken += beacon_hear(r, &m, &way, 0, 1) == BEACON_TAKEN ? 1 : 0;
    }
    EQ(taken, BEACON_WAITING);
}

/* --- announcements ---------------------------------------------------------*/

TEST(three_announcements_with_growing_gaps)
{
    static const uint32_t dice[] = {0, 1, 12345, 0x7fffffff, 0xffffffff};

    for (size_t k = 0; k < sizeof(dice) / sizeof(dice[0]); k++) {
        struct beacon_cry c = {0};
        int64_t at[BEACON_CRIES], start = 7 * TN_SEC;
        int count = 0;
        CHECK(beacon_cry_begin(&c, start, dice[k]));
        for (int64_t now = start; now < start + TN_MIN; now += TN_MS) {
            if (beacon_cry_due(&c, now, dice[k])) {
                LE(count, BEACON_CRIES - 1);
                at[count++] = now;
            }
        }
        EQ(count, BEACON_CRIES);
        EQ(beacon_cry_next(&c), INT64_MAX);
        LE(at[0] - start, 50 * TN_MS);
        GE(at[1] - at[0], TN_SEC);
        LE(at[1] - at[0], TN_SEC + 201 * TN_MS);
        GE(at[2] - at[1], 3 * TN_SEC);
        LE(at[2] - at[1], 3 * TN_SEC + 601 * TN_MS);
    }
}

TEST(a_network_by_the_second_is_no_reason_to_cry)
{
    struct beacon_cry c = {0};
    int count = 0, begun = 0;

    for (int64_t now = TN_SEC; now <= 61 * TN_SEC; now += 100 * TN_MS) {
        begun += beacon_cry_begin(&c, now, 0) ? 1 : 0;
        count += beacon_cry_due(&c, now, 0) ? 1 : 0;
    }
    EQ(begun, 7);
    LE(count, begun * BEACON_CRIES);
}
