#include <tenon/err.h>

#include "parcel/phone_wire.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tn_str
str(const char *text)
{
    return (tn_str){text, strlen(text)};
}

static const char info[] =
    "{\"alias\":\"Nice \\u202eOrange\",\"version\":\"2.0\",\"deviceModel\":"
    "null,\"deviceType\":\"mobile\",\"fingerprint\":\"aB-12\",\"port\":1234,"
    "\"protocol\":\"https\",\"download\":true,\"announce\":true,\"x\":[{}]}";

static const char offer[] =
    "{\"info\":{\"alias\":\"A\"},\"files\":{"
    "\"one\":{\"id\":\"one\",\"fileName\":\"a/b.txt\",\"size\":5,\"fileType\":"
    "\"text/plain\",\"sha256\":\""
    "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824\","
    "\"metadata\":{\"modified\":\"2021-01-01T12:34:56Z\",\"accessed\":null}},"
    "\"two\":{\"fileName\":\"../x\",\"size\":0,\"sha256\":null}}}";

/* --- who -------------------------------------------------------------------*/

TEST(a_device_says_who_it_is)
{
    struct phone_info i;

    OK(phone_info_read(&i, str(info)));
    STREQ(i.alias, "Nice Orange");
    STREQ(i.kind, "mobile");
    STREQ(i.fingerprint, "aB-12");
    EQ(i.port, 1234);
    CHECK(i.says_tls && i.tls && i.announce);
    OK(phone_info_read(&i, str("{\"alias\":\"\"}")));
    STREQ(i.kind, "desktop");
    EQ(i.port, PHONE_PORT);
    CHECK(!i.says_tls && !i.tls && !i.announce);
    OK(phone_info_read(&i,
                       str("{\"alias\":\"a\",\"protocol\":\"http\","
                           "\"port\":65536,\"announcement\":true,"
                           "\"deviceType\":\"../etc\",\"fingerprint\":7}")));
    CHECK(i.says_tls && !i.tls && i.announce);
    EQ(i.port, PHONE_PORT);
    STREQ(i.kind, "etc");
    STREQ(i.fingerprint, "");
}

TEST(long_texts_are_cut)
{
    char text[1024], many[201] = "";
    struct phone_info i;

    for (int n = 0; n < 66; n++) {
        memcpy(many + 3 * n, "安", 4);
    }
    snprintf(text, sizeof(text),
             "{\"alias\":\"%s\",\"deviceType\":\"%s\",\"fingerprint\":"
             "\"0123456789012345678901234567890123456789012345678901234567890"
             "123456789\"}",
             many, "abcdefghijklmnopqrstuvwxyz");
    OK(phone_info_read(&i, str(text)));
    EQ(strlen(i.alias), 63);
    EQ(strlen(i.kind), 15);
    EQ(strlen(i.fingerprint), PHONE_FINGERPRINT);
}

TEST(what_is_written_is_read)
{
    struct phone_info i = {.alias = "a \"b\"",
                           .kind = "headless",
                           .fingerprint = "FF",
                           .port = 7,
                           .announce = true};
    struct phone_info back;
    char *text = phone_info_write(&i, PHONE_SAY_WHERE | PHONE_SAY_ANNOUNCE);

    CHECK(text != NULL);
    OK(phone_info_read(&back, str(text)));
    STREQ(back.alias, i.alias);
    STREQ(back.fingerprint, "FF");
    EQ(back.port, 7);
    CHECK(back.says_tls && !back.tls && back.announce);
    free(text);
    text = phone_info_write(&i, 0);
    CHECK(text != NULL && strstr(text, "port") == NULL &&
          strstr(text, "announce") == NULL);
    free(text);
}

/* --- offers ----------------------------------------------------------------*/

TEST(an_offer_is_read)
{
    struct phone_offer o;

    OK(phone_offer_read(&o, str(offer)));
    EQ(o.count, 2);
    STREQ(o.from.alias, "A");
    STREQ(o.files[0].id, "one");
    STREQ(o.files[0].path, "a/b.txt");
    EQ(o.files[0].size, 5);
    CHECK(o.files[0].has_sha && o.files[0].has_mtime);
    EQ(o.files[0].sha[0], 0x2c);
    EQ(o.files[0].mtime / TN_SEC, 1609504496);
    CHECK(o.files[1].path == NULL);
    STREQ(o.files[1].name, "../x");
    CHECK(!o.files[1].has_sha && !o.files[1].has_mtime);
    phone_offer_fini(&o);
}

TEST(names_that_lead_elsewhere_are_none)
{
    static const char *const bad[] = {
        "..",   "../a",     "a/..",     "a/../b",        "/a",
        "a//b", "a/",       ".",        "./a",           "a\\\\b",
        "\\\\", "a\\u0001", "a\\u007f", ".x.tenon-part", "d/.x.tenon-part",
        "a\\n"};
    static const char *const good[] = {
        "a", "...", "a b", "a/b/c", ".hidden", "安.txt", "~", "-rf", "a:b"};
    char text[256];
    struct phone_offer o;

    for (size_t i = 0;
         i < sizeof(bad) / sizeof(bad[0]) + sizeof(good) / sizeof(good[0]);
         i++) {
        bool is_bad = i < sizeof(bad) / sizeof(bad[0]);
        const char *name =
            is_bad ? bad[i] : good[i - sizeof(bad) / sizeof(bad[0])];

        snprintf(text, sizeof(text),
                 "{\"info\":{\"alias\":\"A\"},\"files\":{\"1\":{\"fileName\":"
                 "\"%s\",\"size\":1}}}",
                 name);
        OK(phone_offer_read(&o, str(text)));
        if ((o.files[0].path == NULL) != is_bad) {
            FAIL("%s", name);
        }
        phone_offer_fini(&o);
    }
}

TEST(what_is_no_offer_is_refused)
{
    static const char *const bad[] = {
        "",
        "x",
        "[]",
        "{}",
        "null",
        "{\"files\":{\"a\":{\"fileName\":\"a\",\"size\":1}}}",
        "{\"info\":{\"alias\":\"A\"},\"files\":{}}",
        "{\"info\":{\"alias\":\"A\"},\"files\":[]}",
        "{\"info\":{\"alias\":\"A\"},\"files\":{\"a\":7}}",
        "{\"info\":{\"alias\":\"A\"},\"files\":{\"a\":{\"size\":1}}}",
        "{\"info\":{\"alias\":\"A\"},\"files\":{\"a\":{\"fileName\":\"a\"}}}",
        "{\"info\":{\"alias\":\"A\"},\"files\":{\"a\":{\"fileName\":\"a\","
        "\"size\":-1}}}",
        "{\"info\":{\"alias\":\"A\"},\"files\":{\"a\":{\"fileName\":\"a\","
        "\"size\":1.5}}}",
        "{\"info\":{\"alias\":\"A\"},\"files\":{\"a\":{\"fileName\":\"a\","
        "\"size\":99999999999999999999}}}",
        "{\"info\":{\"alias\":\"A\"},\"files\":{\"a\":{\"fileName\":\"a\","
        "\"size\":1},\"a\":{\"fileName\":\"a\",\"size\":1}}}",
        "{\"info\":{\"alias\":\"A\"},\"files\":{\"\":{\"fileName\":\"a\","
        "\"size\":1}}}",
        "{\"info\":{\"alias\":\"A\"},\"x\":[[[[[[[[0]]]]]]]],\"files\":{\"a\":"
        "{\"fileName\":\"a\",\"size\":1}}}"};
    struct phone_offer o;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (phone_offer_read(&o, str(bad[i])) != -EINVAL) {
            FAIL("%s", bad[i]);
        }
    }
    EQ(phone_offer_read(
           &o, str("{\"info\":{\"alias\":\"A\"},\"files\":{\"a\":{\"fileName\":"
                   "\"a\",\"size\":9223372036854775807},\"b\":{\"fileName\":"
                   "\"b\",\"size\":1}}}")),
       -E2BIG);
}

/* Cut anywhere, against a page that cannot be touched. */
TEST(cut_offers_are_refused)
{
    for (size_t n = 0; n < sizeof(offer) - 1; n++) {
        uint8_t *copy = guard_copy(offer, n);
        tn_str part = {(const char *)copy, n};
        struct phone_offer o;
        struct phone_info i;

        EQ(phone_offer_read(&o, part), -EINVAL);
        EQ(phone_info_read(&i, part), -EINVAL);
        guard_free(copy, n);
    }
}

TEST(our_offer_is_one)
{
    struct phone_info me = {.alias = "me", .kind = "headless", .port = 1};
    struct phone_bid bids[2] = {
        {.item = 3,
         .path = "d/é",
         .type = "text/plain",
         .size = 9,
         .mtime = 1609504496789 * TN_MS,
         .has_sha = true,
         .sha = {1, 0xab}},
        {.item = 12, .path = "b", .type = "x/y", .size = 0}};
    char session[PHONE_ID + 1];
    char *text = phone_bid_write(&me, bids, 2);
    struct phone_offer o;

    CHECK(text != NULL);
    OK(phone_offer_read(&o, str(text)));
    EQ(o.count, 2);
    STREQ(o.files[0].id, "3");
    STREQ(o.files[0].path, "d/é");
    EQ(o.files[0].mtime, bids[0].mtime);
    CHECK(o.files[0].has_sha && memcmp(o.files[0].sha, bids[0].sha, 32) == 0);
    CHECK(!o.files[1].has_sha);
    phone_offer_fini(&o);
    free(text);

    OK(phone_bid_answer(session, bids, 2,
                        str("{\"sessionId\":\"s\",\"files\":{\"12\":\"t\","
                            "\"77\":\"u\"}}")));
    STREQ(session, "s");
    STREQ(bids[0].token, "");
    STREQ(bids[1].token, "t");
    EQ(phone_bid_answer(session, bids, 2, str("{}")), -EPROTO);
    EQ(phone_bid_answer(session, bids, 2,
                        str("{\"sessionId\":\"\",\"files\":{}}")),
       -EPROTO);
    EQ(phone_bid_answer(session, bids, 2,
                        str("{\"sessionId\":\"s\",\"files\":{\"3\":7}}")),
       -EPROTO);
}

/* --- times and hashes ------------------------------------------------------*/

TEST(times_are_read)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"1970-01-01T00:00:00Z", 0},
                {"2021-01-01T12:34:56", 1609504496000},
                {"2021-01-01t12:34:56.5z", 1609504496500},
                {"2021-01-01T12:34:56.123456Z", 1609504496123},
                {"2021-01-01T13:34:56+01:00", 1609504496000},
                {"2021-01-01T07:04:56-0530", 1609504496000},
                {"1969-12-31T23:59:59Z", -1000}};

    static const char *const bad[] = {"",
                                      "2021",
                                      "2021-13-01T00:00:00Z",
                                      "2021-00-01T00:00:00Z",
                                      "2021-01-32T00:00:00Z",
                                      "2021-01-01T24:00:00Z",
                                      "2021-01-01T00:60:00Z",
                                      "2021-01-01T00:00:61Z",
                                      "2021-01-01T00:00:00X",
                                      "2021-01-01T00:00:00Zx",
                                      "2021-01-01T00:00:00+1",
                                      "2021-01-01T00:00:00+24:00",
                                      "x",
                                      "9999-01-01T00:00:00Z",
                                      "0000-01-01T00:00:00Z",
                                      "1500-01-01T00:00:00Z"};
    int64_t ns;
    char back[32];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(phone_time_read(&ns, good[i].text));
        EQ(ns / TN_MS, good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (phone_time_read(&ns, bad[i])) {
            FAIL("%s", bad[i]);
        }
    }
    CHECK(phone_time_write(back, -1));
    STREQ(back, "1969-12-31T23:59:59.999Z");
    CHECK(phone_time_write(back, INT64_MAX));
    STREQ(back, "2262-04-11T23:47:16.854Z");
    CHECK(phone_time_write(back, INT64_MIN));
}

TEST(fingerprints_are_compared)
{
    static const unsigned char bytes[] = {0x00, 0x9f, 0xa0, 0xff};
    unsigned char back[4];
    char text[9];

    phone_hex(text, bytes, 4);
    STREQ(text, "009FA0FF");
    CHECK(phone_unhex(back, 4, "009fa0Ff"));
    EQ(memcmp(back, bytes, 4), 0);
    CHECK(!phone_unhex(back, 4, "009fa0F"));
    CHECK(!phone_unhex(back, 4, "009fa0FG"));
    CHECK(!phone_unhex(back, 4, "009fa0FF0"));
    CHECK(phone_is_same("aB", "Ab"));
    CHECK(!phone_is_same("", ""));
    CHECK(!phone_is_same("a", "ab"));
}
