#include <tenon/err.h>

#include "hub/dialect.h"
#include "hub/room.h"
#include "test.h"

#include <stdio.h>

/* What an outlet was handed, as lines in English: "1 ann: joined the chat". */
struct log {
    uint64_t latest;
    size_t len;
    char text[64 * 1024];
};

static void
record(void *arg, const struct room_event *ev)
{
    struct log *log = arg;
    char line[DIALECT_DATAGRAM + 1];
    size_t n = dialect_write(line, DIALECT_DATAGRAM, ev, DIALECT_EN);

    EQ(ev->number, log->latest + 1);
    EQ(strlen(ev->name), ev->name_len);
    EQ(strlen(ev->text), ev->text_len);
    log->latest = ev->number;
    line[n] = '\0';
    log->len +=
        (size_t)snprintf(log->text + log->len, sizeof(log->text) - log->len,
                         "%s%s\n", ev->to != 0 ? ev->name : "", line);
}

static struct log seen;

static room *
make(void)
{
    room *r;

    memset(&seen, 0, sizeof(seen));
    OK(room_new(&r));
    OK(room_attach(r, record, &seen));
    return r;
}

static int
join(room *r, const char *name, room_id *id)
{
    return room_join(r, ROOM_PLAIN, name, strlen(name), 0, id);
}

static int
say(room *r, room_id id, const char *text, int64_t now)
{
    return room_say(r, id, text, strlen(text), now);
}

TEST(join_say_leave_are_told)
{
    room *r = make();
    room_id ann, bob;

    OK(join(r, "ann", &ann));
    OK(join(r, "bob", &bob));
    EQ(room_count(r), 2);
    STREQ(room_name(r, bob), "bob");
    OK(say(r, ann, "hi", 0));
    room_leave(r, ann);
    EQ(room_count(r), 1);
    STREQ(seen.text, "ann: joined the chat\n"
                     "bob: joined the chat\n"
                     "ann:hi\n"
                     "ann: left the chat\n");
    EQ(room_latest(r), 4);
    room_free(r);
}

TEST(who_left_is_nobody)
{
    room *r = make();
    room_id ann, again;

    OK(join(r, "ann", &ann));
    room_leave(r, ann);
    room_leave(r, ann);
    CHECK(!room_has(r, ann));
    CHECK(room_name(r, ann) == NULL);
    ERR(say(r, ann, "boo", 0), -ENOENT);
    OK(join(r, "ann", &again));
    NE(again, ann);
    CHECK(!room_has(r, ann));
    ERR(say(r, ann, "boo", 0), -ENOENT);
    EQ(room_latest(r), 3);
    room_free(r);
}

TEST(nobody_is_in_an_empty_room)
{
    room *r = make();

    CHECK(!room_has(r, 0));
    CHECK(!room_has(r, 12345));
    CHECK(room_name(r, 0) == NULL);
    room_leave(r, 0);
    EQ(seen.len, 0);
    room_free(r);
    room_free(NULL);
}

TEST(a_name_is_given_once)
{
    room *r = make();
    room_id ann, other;

    OK(join(r, "ann", &ann));
    ERR(join(r, "ann", &other), -EEXIST);
    EQ(other, 0);
    ERR(join(r, "ANN", &other), -EEXIST);
    OK(join(r, "anna", &other));
    EQ(room_count(r), 2);
    room_leave(r, ann);
    OK(join(r, "Ann", &ann));
    room_free(r);
}

TEST(the_owner_hears_of_it_now_and_then)
{
    room *r = make();
    room_id ann, other;

    OK(join(r, "ann", &ann));
    for (int i = 0; i < 25; i++) {
        ERR(room_join(r, ROOM_PLAIN, "ann", 3, i * TN_SEC, &other), -EEXIST);
    }
    /* At 0, 10 and 20 seconds. */
    EQ(room_latest(r), 4);
    CHECK(strstr(seen.text, "ann* somebody asked for your name") != NULL);
    room_free(r);
}

TEST(names_have_a_length)
{
    char name[ROOM_NAME_MAX + 1];
    room *r = make();
    room_id id;

    memset(name, 'x', sizeof(name));
    ERR(room_join(r, ROOM_PLAIN, name, 0, 0, &id), -EINVAL);
    ERR(room_join(r, ROOM_PLAIN, name, sizeof(name), 0, &id), -EINVAL);
    OK(room_join(r, ROOM_PLAIN, name, sizeof(name) - 1, 0, &id));
    room_free(r);
}

TEST(the_room_is_full_at_its_limit)
{
    room *r = make();
    room_id id, first = 0;
    char name[16];

    for (int i = 0; i < ROOM_MEMBERS; i++) {
        seen.len = 0;
        snprintf(name, sizeof(name), "m%d", i);
        OK(join(r, name, &id));
        first = i == 0 ? id : first;
    }
    ERR(join(r, "late", &id), -EUSERS);
    room_leave(r, first);
    OK(join(r, "late", &id));
    EQ(room_count(r), ROOM_MEMBERS);
    room_free(r);
}

TEST(a_flood_is_dropped_and_told_once)
{
    room *r = make();
    room_id ann;
    int heard = 0;

    OK(join(r, "ann", &ann));
    for (int i = 0; i < 500; i++) {
        heard += say(r, ann, "x", 0) == 0 ? 1 : 0;
    }
    EQ(heard, ROOM_BURST);
    EQ(room_latest(r), 1 + ROOM_BURST + 1);
    /* Five a second, and not told again as long as it does not calm down. */
    for (int i = 0; i < 1000; i++) {
        heard += say(r, ann, "x", i * 10 * TN_MS) == 0 ? 1 : 0;
    }
    EQ(heard, ROOM_BURST + 49);
    EQ(room_latest(r), 1 + ROOM_BURST + 1 + 49);
    /* A calm while, then it is told again. */
    for (int i = 0; i < ROOM_BURST + 2; i++) {
        (void)say(r, ann, "x", 60 * TN_SEC);
    }
    EQ(room_latest(r), 1 + ROOM_BURST + 1 + 49 + ROOM_BURST + 1);
    room_free(r);
}

TEST(one_flood_is_no_other_s)
{
    room *r = make();
    room_id ann, bob;

    OK(join(r, "ann", &ann));
    OK(join(r, "bob", &bob));
    for (int i = 0; i < 100; i++) {
        (void)say(r, ann, "x", 0);
    }
    OK(say(r, bob, "calm", 0));
    room_free(r);
}

TEST(silence_ends_membership)
{
    room *r = make();
    room_id ann, bob;

    OK(join(r, "ann", &ann));
    OK(join(r, "bob", &bob));
    OK(say(r, bob, "still here", ROOM_IDLE / 2));
    EQ(room_sweep(r, ROOM_IDLE - 1), 0);
    EQ(room_sweep(r, ROOM_IDLE), 1);
    CHECK(!room_has(r, ann));
    CHECK(room_has(r, bob));
    CHECK(strstr(seen.text, "ann* you were silent for long") != NULL);
    CHECK(strstr(seen.text, "ann: left the chat\n") != NULL);
    room_free(r);
}

TEST(a_closed_room_is_quiet)
{
    room *r = make();
    room_id ann, late;

    OK(join(r, "ann", &ann));
    room_close(r);
    room_close(r);
    ERR(say(r, ann, "hello?", 0), -ENOENT);
    ERR(join(r, "late", &late), -ESHUTDOWN);
    room_leave(r, ann);
    STREQ(seen.text, "ann: joined the chat\n* the room closes, good-bye\n");
    room_free(r);
}

TEST(a_long_text_is_cut)
{
    static char text[3 * ROOM_TEXT_MAX];
    room *r = make();
    room_id ann;

    memset(text, 'x', sizeof(text));
    OK(join(r, "ann", &ann));
    OK(room_say(r, ann, text, ROOM_TEXT_MAX, 0));
    OK(room_say(r, ann, text, sizeof(text), 0));
    OK(room_say(r, ann, text, 0, 0));
    room_free(r);
}

TEST(outlets_have_a_limit_and_one_order)
{
    static struct log logs[ROOM_OUTLETS];
    room *r;
    room_id ann;

    OK(room_new(&r));
    for (int i = 0; i < ROOM_OUTLETS; i++) {
        OK(room_attach(r, record, &logs[i]));
    }
    ERR(room_attach(r, record, &logs[0]), -ENOBUFS);
    OK(join(r, "ann", &ann));
    OK(say(r, ann, "one", 0));
    for (int i = 1; i < ROOM_OUTLETS; i++) {
        STREQ(logs[i].text, logs[0].text);
    }
    room_free(r);
}

/* --- a journal, files, marks -----------------------------------------------*/

static struct room_event held[8];
static int held_count;

static void
hold(void *arg, const struct room_event *ev)
{
    CHECK(arg == &held_count);
    held[held_count++] = *ev;
}

TEST(a_journal_hands_events_on_itself)
{
    room *r = make();
    room_id ann;

    room_journal(r, hold, &held_count);
    OK(join(r, "ann", &ann));
    OK(say(r, ann, "hi", 0));
    EQ(held_count, 2);
    EQ(seen.len, 0);
    EQ(room_latest(r), 2);
    CHECK(room_has(r, ann));
    room_release(r, &held[0]);
    STREQ(seen.text, "ann: joined the chat\n");
    room_release(r, &held[1]);
    room_journal(r, NULL, NULL);
    OK(say(r, ann, "you", 0));
    STREQ(seen.text, "ann: joined the chat\nann:hi\nann:you\n");
    room_free(r);
}

static struct room_event last;

static void
remember(void *arg, const struct room_event *ev)
{
    (void)arg;
    last = *ev;
}

static int64_t
noon(void)
{
    return 43200000;
}

TEST(numbers_go_on_and_events_bear_time_author_and_mark)
{
    struct room_guest guest = {
        .kind = ROOM_WEB, .author = 77, .name = "ann", .len = 3};
    struct room_words words = {
        .text = "hi", .len = 2, .ref = "0123456789012345678901234567890123"};
    room *r;
    room_id ann;

    OK(room_new(&r));
    OK(room_attach(r, remember, NULL));
    room_resume(r, 1000);
    room_clock(r, noon);
    OK(room_admit(r, &guest, 0, &ann));
    EQ(last.number, 1001);
    EQ(last.time, 43200000);
    EQ(last.author, 77);
    EQ(last.kind, ROOM_WEB);
    OK(room_utter(r, ann, &words, 0));
    EQ(last.number, 1002);
    EQ(last.author, 77);
    STREQ(last.ref, "01234567890123456789012345678901");
    OK(say(r, ann, "plain", 0));
    STREQ(last.ref, "");
    room_leave(r, ann);
    EQ(last.author, 77);
    room_free(r);
}

TEST(files_come_and_go)
{
    room *r = make();
    room_id ann;

    OK(join(r, "ann", &ann));
    OK(room_file(r, ann, "a.txt", 3));
    room_folder(r, "http://h:1/files/");
    OK(room_file(r, 0, "b c.txt", 2048));
    OK(room_file(r, ann, "a.txt", -1));
    OK(room_file(r, 12345, "d", 0)); /* its member has left */
    room_close(r);
    ERR(room_file(r, ann, "e", 0), -ESHUTDOWN);
    STREQ(seen.text, "ann: joined the chat\n"
                     "* ann shared a.txt (3 B)\n"
                     "* somebody shared b c.txt (2.0 KiB)"
                     " http://h:1/files/b%20c.txt\n"
                     "* this file is gone: a.txt\n"
                     "* somebody shared d (0 B) http://h:1/files/d\n"
                     "* the room closes, good-bye\n");
    room_free(r);
}

TEST(idle_web_members_stay)
{
    struct room_guest guest = {.kind = ROOM_WEB, .name = "ann", .len = 3};
    room *r = make();
    room_id ann;

    OK(room_admit(r, &guest, 0, &ann));
    EQ(room_sweep(r, 2 * ROOM_IDLE), 0);
    CHECK(room_has(r, ann));
    room_free(r);
}

/* --- acts, names, what is for one alone ------------------------------------*/

static int
act(room *r, room_id id, const char *text)
{
    const struct room_words words = {
        .text = text, .len = strlen(text), .act = true};

    return room_utter(r, id, &words, 0);
}

static int
whisper(room *r, room_id id, room_id to, const char *text, int64_t now)
{
    const struct room_words words = {
        .text = text, .len = strlen(text), .ref = "r1", .to = to};

    return room_utter(r, id, &words, now);
}

static int
rename_to(room *r, room_id id, const char *name, int64_t now)
{
    return room_rename(r, id, name, strlen(name), now);
}

TEST(an_act_is_told_as_one)
{
    room *r = make();
    room_id ann;

    OK(join(r, "ann", &ann));
    OK(act(r, ann, "waves"));
    STREQ(seen.text, "ann: joined the chat\nann:* waves\n");
    for (int i = 1; i < ROOM_BURST; i++) {
        OK(act(r, ann, "waves"));
    }
    ERR(act(r, ann, "waves"), -EAGAIN);
    ERR(act(r, 12345, "waves"), -ENOENT);
    room_free(r);
}

TEST(a_message_is_for_one_and_bears_both_names)
{
    room *r = make();
    room_id ann, bob;

    OK(join(r, "ann", &ann));
    OK(join(r, "Bob", &bob));
    OK(room_attach(r, remember, NULL));
    OK(whisper(r, ann, room_find(r, "bOB", 3), "psst", 0));
    EQ(last.what, ROOM_MSG);
    EQ(last.who, ann);
    EQ(last.to, bob);
    STREQ(last.name, "ann");
    STREQ(last.whom, "Bob");
    STREQ(last.text, "psst");
    STREQ(last.ref, "r1");
    CHECK(!room_is_public(last.what));
    OK(say(r, ann, "aloud", 0));
    EQ(last.to, 0);
    STREQ(last.whom, "");
    CHECK(room_is_public(last.what));
    room_free(r);
}

TEST(a_message_to_nobody_is_not_said)
{
    room *r = make();
    room_id ann, bob;

    OK(join(r, "ann", &ann));
    OK(join(r, "bob", &bob));
    EQ(room_find(r, "bo", 2), 0);
    EQ(room_find(r, "", 0), 0);
    room_leave(r, bob);
    EQ(room_find(r, "bob", 3), 0);
    ERR(whisper(r, ann, bob, "psst", 0), -ESRCH);
    EQ(room_latest(r), 3);
    room_free(r);
}

TEST(messages_are_talk_and_a_flood_of_them_is_dropped)
{
    room *r = make();
    room_id ann, bob;
    int heard = 0;

    OK(join(r, "ann", &ann));
    OK(join(r, "bob", &bob));
    for (int i = 0; i < 100; i++) {
        int err = whisper(r, ann, bob, "psst", 0);

        CHECK(err == 0 || err == -EAGAIN);
        heard += err == 0 ? 1 : 0;
    }
    EQ(heard, ROOM_BURST);
    ERR(say(r, ann, "aloud", 0), -EAGAIN);
    /* Nor does guessing names cost nothing. */
    for (int i = 0; i < ROOM_BURST; i++) {
        ERR(whisper(r, bob, 12345, "psst", 0), -ESRCH);
    }
    ERR(whisper(r, bob, 12345, "psst", 0), -EAGAIN);
    room_free(r);
}

TEST(a_new_name_is_told_with_the_old_one)
{
    room *r = make();
    room_id ann, bob, other;

    OK(join(r, "ann", &ann));
    OK(join(r, "bob", &bob));
    OK(room_attach(r, remember, NULL));
    OK(rename_to(r, ann, "anna", 0));
    EQ(last.what, ROOM_NICK);
    EQ(last.who, ann);
    STREQ(last.name, "ann");
    EQ(last.name_len, 3);
    STREQ(last.text, "anna");
    EQ(last.text_len, 4);
    CHECK(room_is_public(last.what));
    STREQ(room_name(r, ann), "anna");
    EQ(room_find(r, "anna", 4), ann);
    EQ(room_find(r, "ann", 3), 0);
    EQ(room_count(r), 2);
    OK(say(r, ann, "hi", 0));
    OK(join(r, "ann", &other)); /* it is free again */
    STREQ(seen.text, "ann: joined the chat\n"
                     "bob: joined the chat\n"
                     "ann: left the chat\n"
                     "anna: joined the chat\n"
                     "anna:hi\n"
                     "ann: joined the chat\n");
    room_free(r);
}

TEST(a_name_in_use_is_not_given_to_a_member_either)
{
    char name[ROOM_NAME_MAX + 1];
    room *r = make();
    room_id ann, bob;

    OK(join(r, "ann", &ann));
    OK(join(r, "bob", &bob));
    ERR(rename_to(r, bob, "ANN", 0), -EEXIST);
    STREQ(room_name(r, bob), "bob");
    CHECK(strstr(seen.text, "ann* somebody asked for your name") != NULL);
    EQ(room_latest(r), 3);
    OK(rename_to(r, ann, "ANN", 0)); /* its own in other letters */
    OK(rename_to(r, ann, "ANN", 0)); /* no change */
    EQ(room_latest(r), 4);
    ERR(rename_to(r, ann, "", 0), -EINVAL);
    memset(name, 'x', sizeof(name));
    ERR(room_rename(r, ann, name, sizeof(name), 0), -EINVAL);
    ERR(rename_to(r, 12345, "x", 0), -ENOENT);
    room_leave(r, bob);
    ERR(rename_to(r, bob, "x", 0), -ENOENT);
    room_close(r);
    ERR(rename_to(r, ann, "x", 0), -ENOENT);
    room_free(r);
}

TEST(new_names_have_a_pace)
{
    room *r = make();
    room_id ann;
    char name[16];

    OK(join(r, "ann", &ann));
    for (int i = 0; i < ROOM_NICKS; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        OK(rename_to(r, ann, name, 0));
    }
    ERR(rename_to(r, ann, "late", ROOM_NICK_INTERVAL - 1), -EAGAIN);
    OK(rename_to(r, ann, "late", ROOM_NICK_INTERVAL));
    ERR(rename_to(r, ann, "later", ROOM_NICK_INTERVAL), -EAGAIN);
    room_free(r);
}
