/*
 * test_native.c - the native dialect, hub and guest, where the network is good:
 * who is let in, what each hears, and who is away.
 */
#include "native_people.h"

static struct person ann, bob, eve;

/* --- talk ------------------------------------------------------------------*/

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
    GE(guest_rtt(ann.guest), 1);
    LE(guest_rtt(ann.guest), 100 * TN_MS);
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

SIM_TEST(pasted_lines_are_paced_and_all_arrive, NULL, false)
{
    static const struct guest_words line = {.text = "line", .len = 4};
    int64_t start = tn_now();
    uint64_t mark;

    enter(&ann, "ann");
    for (int i = 0; i < 100; i++) {
        OK(guest_say(ann.guest, &line, &mark));
    }
    OK(guest_drain(ann.guest));
    EQ(ann.fates[GUEST_DELIVERED], 100);
    GE(tn_now() - start, (100 - ROOM_BURST) * ROOM_INTERVAL);
    end(&ann);
}

SIM_TEST(words_that_nobody_hears_are_given_up, NULL, false)
{
    static const struct guest_words words = {.text = "hello?", .len = 6};
    uint64_t mark;

    enter(&ann, "ann");
    hub_kill();
    OK(guest_say(ann.guest, &words, &mark));
    OK(tn_sleep(GUEST_SILENCE + TN_SEC));
    EQ(ann.losts, 1);
    EQ(ann.fates[GUEST_UNKNOWN], 0);
    OK(tn_sleep(TN_MIN));
    EQ(ann.fates[GUEST_UNKNOWN], 1);
    OK(guest_say(ann.guest, &words, &mark));
    end(&ann); /* at the end nothing is left open */
    EQ(ann.fates[GUEST_UNKNOWN], 2);
    hub_open();
}

SIM_TEST(what_cannot_be_said, NULL, false)
{
    static char text[ROOM_TEXT_MAX + 2];
    struct guest_words words = {.text = text};
    uint64_t mark;

    enter(&ann, "ann");
    ERR(guest_say(ann.guest, &words, &mark), -EINVAL);
    words.len = ROOM_TEXT_MAX + 1;
    ERR(guest_say(ann.guest, &words, &mark), -EINVAL);
    words.len = 1;
    words.how = GUEST_MSG;
    ERR(guest_say(ann.guest, &words, &mark), -EINVAL);
    words.how = GUEST_SAY;
    words.to = "bob";
    ERR(guest_say(ann.guest, &words, &mark), -EINVAL);
    guest_leave(ann.guest);
    words.to = NULL;
    ERR(guest_say(ann.guest, &words, &mark), -ESHUTDOWN);
    ERR(guest_nick(ann.guest, "anna"), -ESHUTDOWN);
    end(&ann);
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
