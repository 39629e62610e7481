#include <tenon/err.h>

#include "hub/web_int.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
parse(struct web_message *m, const char *text)
{
    return web_parse(m, (tn_str){text, strlen(text)});
}

TEST(a_message_is_read)
{
    struct web_message m;

    OK(parse(&m, "{\"do\":\"hello\",\"name\":\"安\",\"key\":\"k\","
                 "\"epoch\":\"e\",\"since\":41,\"more\":[{}]}"));
    STREQ(m.verb, "hello");
    STREQ(m.name, "安");
    EQ(m.name_len, 3);
    STREQ(m.key, "k");
    STREQ(m.epoch, "e");
    STREQ(m.text, "");
    STREQ(m.ref, "");
    EQ(m.since, 41);
    EQ(m.before, 0);
    json_decref(m.root);
    OK(parse(&m, "{\"do\":\"say\",\"how\":\"act\",\"to\":\"安\"}"));
    STREQ(m.how, "act");
    STREQ(m.to, "安");
    EQ(m.to_len, 3);
    json_decref(m.root);
    OK(parse(&m, "{\"do\":\"more\",\"before\":-7,\"name\":7,\"since\":\"x\"}"));
    EQ(m.before, 0);
    EQ(m.since, 0);
    STREQ(m.name, "");
    json_decref(m.root);
}

TEST(what_is_none_is_refused)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "[]",
                                      "7",
                                      "null",
                                      "{}",
                                      "{\"do\":7}",
                                      "{\"do\":1",
                                      "{\"do\":\"\"}",
                                      "\"do\"",
                                      "[\"do\"]",
                                      "{\"do\":\"a\\u0000b\"}",
                                      "{\"do\":\"\xff\"}",
                                      "{\"do\":\"say\"} {}",
                                      "{\"do\":\"\\ud800\"}",
                                      "{\"do\":\"a\",\"x\":1e999}"};
    struct web_message m;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse(&m, bad[i]) != -EINVAL) {
            FAIL("%s is taken", bad[i]);
        }
    }
}

TEST(depth_is_counted_outside_of_texts)
{
    static char deep[WEB_MESSAGE];
    struct web_message m;

    OK(parse(&m, "{\"do\":\"x\",\"a\":[[[1]]]}"));
    json_decref(m.root);
    ERR(parse(&m, "{\"do\":\"x\",\"a\":[[[[1]]]]}"), -EINVAL);
    OK(parse(&m, "{\"do\":\"[[[[[[[[{{{{{{\\\"[[[[[[\\\\\"}"));
    STREQ(m.verb, "[[[[[[[[{{{{{{\"[[[[[[\\");
    json_decref(m.root);
    OK(parse(&m,
             "{\"do\":\"x\",\"a\":[],\"b\":[],\"c\":{},\"d\":[],\"e\":{}}"));
    json_decref(m.root);
    memset(deep, '[', sizeof(deep));
    ERR(web_parse(&m, (tn_str){deep, sizeof(deep)}), -EINVAL);
}

TEST(a_message_is_read_within_its_bounds)
{
    static const char text[] = "{\"do\":\"say\",\"text\":\"a\\\"b\\\\\"}";
    struct web_message m;

    for (size_t n = 0; n <= strlen(text); n++) {
        char *copy = (char *)guard_copy(text, n);

        EQ(web_parse(&m, (tn_str){copy, n}), n < strlen(text) ? -EINVAL : 0);
        json_decref(m.root);
        guard_free((uint8_t *)copy, n);
    }
}

/* One at a time: it is large. */
static struct room_event *
event(enum room_what what, const char *name, const char *text)
{
    static struct room_event ev;

    memset(&ev, 0, sizeof(ev));
    ev.number = 57;
    ev.time = 1700000000000;
    ev.what = what;
    ev.author = 9;
    ev.name_len = (size_t)snprintf(ev.name, sizeof(ev.name), "%s", name);
    ev.text_len = (size_t)snprintf(ev.text, sizeof(ev.text), "%s", text);
    return &ev;
}

static const char *
written(const struct room_event *ev, uint64_t reader, bool is)
{
    static char line[WEB_LINE + 1];

    line[web_write_event(line, WEB_LINE, ev, reader, is)] = '\0';
    return line;
}

TEST(events_are_written_as_the_document_has_them)
{
    struct room_event *ev = event(ROOM_SAY, "Bo", "hi \"you\"");

    snprintf(ev->ref, sizeof(ev->ref), "r1");
    STREQ(written(ev, 1, true),
          "{\"is\":\"event\",\"n\":57,\"time\":1700000000000,\"what\":\"say\","
          "\"name\":\"Bo\",\"text\":\"hi \\\"you\\\"\"}");
    STREQ(written(ev, 9, false),
          "{\"n\":57,\"time\":1700000000000,\"what\":\"say\",\"name\":\"Bo\","
          "\"text\":\"hi \\\"you\\\"\",\"you\":true,\"ref\":\"r1\"}");
    ev = event(ROOM_FILE, "", "a.txt");
    ev->size = 3;
    ev->author = 0; /* nobody knows who: nobody's own */
    STREQ(written(ev, 0, false),
          "{\"n\":57,\"time\":1700000000000,\"what\":\"file\",\"name\":\"\","
          "\"text\":\"a.txt\",\"size\":3}");
    ev = event(ROOM_LEAVE, "Bo", "");
    STREQ(written(ev, 0, false),
          "{\"n\":57,\"time\":1700000000000,\"what\":\"leave\","
          "\"name\":\"Bo\"}");
}

TEST(acts_names_and_messages_are_written_as_the_document_has_them)
{
    struct room_event *ev = event(ROOM_ACT, "Bo", "waves");

    STREQ(written(ev, 0, false),
          "{\"n\":57,\"time\":1700000000000,\"what\":\"act\","
          "\"name\":\"Bo\",\"text\":\"waves\"}");
    ev = event(ROOM_NICK, "Bo", "Bob");
    STREQ(written(ev, 9, false),
          "{\"n\":57,\"time\":1700000000000,\"what\":\"nick\","
          "\"name\":\"Bo\",\"text\":\"Bob\",\"you\":true}");
    ev = event(ROOM_MSG, "Bo", "psst");
    snprintf(ev->whom, sizeof(ev->whom), "安");
    STREQ(written(ev, 0, false),
          "{\"n\":57,\"time\":1700000000000,\"what\":\"msg\","
          "\"name\":\"Bo\",\"text\":\"psst\",\"to\":\"安\"}");
    ev = event(ROOM_JOIN, "Bo", "");
    ev->kind = ROOM_NATIVE;
    STREQ(written(ev, 0, false),
          "{\"n\":57,\"time\":1700000000000,\"what\":\"join\","
          "\"name\":\"Bo\",\"kind\":\"native\"}");
}

TEST(a_message_is_for_the_eyes_of_two)
{
    struct room_event *ev = event(ROOM_MSG, "Bo", "psst");

    ev->who = 5;
    ev->to = 6;
    CHECK(web_may_see(ev, 5));
    CHECK(web_may_see(ev, 6));
    CHECK(!web_may_see(ev, 7));
    CHECK(!web_may_see(ev, 0));
    ev->what = ROOM_SAY;
    CHECK(web_may_see(ev, 7));
}

TEST(the_longest_event_fits_and_what_is_no_text_is_left_out)
{
    struct room_event *ev = event(ROOM_FILE, "", "");
    static char line[WEB_LINE];

    memset(ev->name, '"', ROOM_NAME_MAX);
    memset(ev->text, '\\', ROOM_TEXT_MAX);
    memset(ev->ref, 'r', ROOM_REF_MAX);
    memset(ev->whom, '"', ROOM_NAME_MAX);
    ev->name_len = ROOM_NAME_MAX;
    ev->text_len = ROOM_TEXT_MAX;
    ev->number = ev->author = INT64_MAX;
    ev->time = ev->size = INT64_MIN;
    GE(web_write_event(line, sizeof(line), ev, INT64_MAX, true),
       2 * ROOM_TEXT_MAX);
    ev->what = ROOM_MSG;
    GE(web_write_event(line, sizeof(line), ev, INT64_MAX, true),
       2 * ROOM_TEXT_MAX + 2 * ROOM_NAME_MAX);
    EQ(web_write_event(line, 2 * ROOM_TEXT_MAX, ev, INT64_MAX, true), 0);
    ev->text[7] = '\xff';
    EQ(web_write_event(line, sizeof(line), ev, 0, true), 0);
}

/* --- memory is refused at the Nth request, for each N ----------------------*/

static int until_refusal; /* 0: never */

static void *
sparing(size_t n)
{
    return until_refusal > 0 && --until_refusal == 0 ? NULL : malloc(n);
}

/* Read and write a message; how many of the three went well. */
static int
read_and_write(struct room_event *ev)
{
    static char line[WEB_LINE];
    struct web_message m;
    int good = 0;

    if (parse(&m,
              "{\"do\":\"say\",\"text\":\"a longer text\",\"ref\":\"r\"}") ==
        0) {
        STREQ(m.text, "a longer text");
        json_decref(m.root);
        good++;
    }
    for (int is = 0; is < 2; is++) {
        size_t n = web_write_event(line, sizeof(line), ev, 7, is != 0);

        if (n > 0) { /* then nothing of it is missing */
            line[n] = '\0';
            CHECK(strstr(line, "\"text\":\"hi\"") != NULL);
            CHECK(strstr(line, "\"kind\":\"web\"") != NULL);
            CHECK(strstr(line, "\"ref\":\"r1\"}") != NULL);
            good++;
        }
    }
    return good;
}

TEST(without_memory_a_message_is_whole_or_none)
{
    static struct room_event ev;
    int refusals = 0;

    ev.what = ROOM_JOIN;
    ev.kind = ROOM_WEB;
    ev.number = 5;
    ev.author = 7;
    ev.name_len = ev.text_len = 2;
    memcpy(ev.name, "an", 3);
    memcpy(ev.text, "hi", 3);
    memcpy(ev.ref, "r1", 3);
    json_set_alloc_funcs(sparing, free);
    for (int n = 1; n < 200; n++) {
        int good;

        until_refusal = n;
        good = read_and_write(&ev);
        if (until_refusal > 0) {
            EQ(good, 3);
            break;
        }
        EQ(good, 2);
        refusals++;
    }
    until_refusal = 0;
    json_set_alloc_funcs(malloc, free);
    CHECK(refusals > 20);
}
