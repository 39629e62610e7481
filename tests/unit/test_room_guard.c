#include <tenon/err.h>

#include "hub/guard.h"
#include "test.h"

#include <stdio.h>

static struct guard g;

static tn_str
str(const char *text)
{
    return (tn_str){text, text != NULL ? strlen(text) : 0};
}

static bool
host(const char *authority)
{
    return guard_host(&g, str(authority));
}

TEST(numbers_and_localhost_are_always_good)
{
    CHECK(host("127.0.0.1"));
    CHECK(host("10.0.0.7:8000"));
    CHECK(host("[::1]"));
    CHECK(host("[fe80::1]:8000"));
    CHECK(host("localhost"));
    CHECK(host("LocalHost:80"));
    CHECK(host("localhost."));
}

TEST(other_names_are_not)
{
    static const char *const bad[] = {"evil.example",
                                      "127.0.0.1.evil.example",
                                      "localhost.evil",
                                      "xlocalhost",
                                      "[::1",
                                      "[evil.example]",
                                      "",
                                      ":80",
                                      "[]",
                                      "[]:80",
                                      ".",
                                      "0x7f.1",
                                      "2130706433",
                                      "127.1"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (host(bad[i])) {
            FAIL("%s is let in", bad[i]);
        }
    }
    CHECK(!guard_host(&g, (tn_str){NULL, 0}));
    CHECK(!guard_host(&g, (tn_str){"localhost\0.evil", 15}));
}

TEST(a_name_that_was_added_is_good_in_any_case)
{
    char name[GUARD_HOST + 2];

    OK(guard_add_host(&g, "Hub.Example."));
    CHECK(host("hub.example"));
    CHECK(host("HUB.EXAMPLE:8000"));
    CHECK(host("hub.example.:8000"));
    CHECK(!host("a.hub.example"));
    CHECK(!host("hub.example.evil"));
    ERR(guard_add_host(&g, ""), -EINVAL);
    ERR(guard_add_host(&g, "."), -EINVAL);
    ERR(guard_add_host(&g, "a:80"), -EINVAL);
    ERR(guard_add_host(&g, "http://a"), -EINVAL);
    memset(name, 'a', sizeof(name));
    name[GUARD_HOST + 1] = '\0';
    ERR(guard_add_host(&g, name), -EINVAL);
    for (int i = 1; i < GUARD_HOSTS; i++) {
        OK(guard_add_hosts(&g, "b"));
    }
    ERR(guard_add_host(&g, "b"), -ENOBUFS);
}

TEST(every_authority_is_read_within_its_bounds)
{
    static const char text[] = "[::1]:8000";
    static const char name[] = "localhost:8000";

    for (size_t n = 0; n <= strlen(text); n++) {
        char *copy = (char *)guard_copy(text, n);

        EQ(guard_host(&g, (tn_str){copy, n}), n >= 5);
        guard_free((uint8_t *)copy, n);
    }
    for (size_t n = 0; n <= strlen(name); n++) {
        char *copy = (char *)guard_copy(name, n);

        EQ(guard_host(&g, (tn_str){copy, n}), n >= 9);
        guard_free((uint8_t *)copy, n);
    }
}

static bool
origin(const char *from)
{
    return guard_origin(&g, str(from), str("hub:8000"));
}

TEST(only_our_own_origin_or_none)
{
    CHECK(origin(NULL));
    CHECK(origin("http://hub:8000"));
    CHECK(origin("HTTP://HUB:8000"));
    CHECK(!origin(""));
    CHECK(!origin("null"));
    CHECK(!origin("http://hub"));
    CHECK(!origin("http://hub:80"));
    CHECK(!origin("http://hub:80000"));
    CHECK(!origin("http://hub:8000/"));
    CHECK(!origin("https://hub:8000"));
    CHECK(!origin("http://evil:8000"));
    g.tls = true;
    CHECK(origin("https://hub:8000"));
    CHECK(!origin("http://hub:8000"));
}

/* --- the code --------------------------------------------------------------*/

static const unsigned char secret[GUARD_SECRET] =
    "thirty-two bytes of a secret....";

static int
try_from(const char *ip, const char *code, int64_t now, char *cookie)
{
    tn_addr from;

    OK(tn_addr_ip(&from, ip, 1234));
    return guard_try(&g, &from, str(code), now, cookie);
}

static bool
may_enter(const char *before, const char *cookie, const char *behind)
{
    char text[300];

    snprintf(text, sizeof(text), "%s=%s%s", before, cookie, behind);
    return guard_may_enter(&g, str(text));
}

TEST(without_a_code_everybody_may)
{
    char cookie[GUARD_COOKIE + 1];

    CHECK(guard_may_enter(&g, str(NULL)));
    ERR(try_from("10.0.0.1", "x", 0, cookie), -EACCES);
}

TEST(the_code_gives_a_cookie_that_is_good)
{
    char cookie[GUARD_COOKIE + 1];
    static struct guard other;

    OK(guard_set_code(&g, "open", secret));
    CHECK(!guard_may_enter(&g, str(NULL)));
    CHECK(!guard_may_enter(&g, str("")));
    ERR(try_from("10.0.0.1", "opem", 0, cookie), -EACCES);
    ERR(try_from("10.0.0.1", "", 0, cookie), -EACCES);
    ERR(try_from("10.0.0.1", "open ", 0, cookie), -EACCES);
    OK(try_from("10.0.0.1", "open", 0, cookie));
    EQ(strlen(cookie), GUARD_COOKIE);
    CHECK(may_enter(GUARD_COOKIE_NAME, cookie, ""));
    CHECK(may_enter("a=b; " GUARD_COOKIE_NAME, cookie, ""));
    CHECK(may_enter("a=b;" GUARD_COOKIE_NAME, cookie, "; c=d"));
    CHECK(!may_enter("x" GUARD_COOKIE_NAME, cookie, ""));
    CHECK(!may_enter(GUARD_COOKIE_NAME, cookie, "x"));
    CHECK(!may_enter(GUARD_COOKIE_NAME, cookie + 1, ""));
    /* Another run with the same secret and code takes it, others do not. */
    other = g;
    memset(&g, 0, sizeof(g));
    OK(guard_set_code(&g, "open", secret));
    CHECK(may_enter(GUARD_COOKIE_NAME, cookie, ""));
    OK(guard_set_code(&g, "shut", secret));
    CHECK(!may_enter(GUARD_COOKIE_NAME, cookie, ""));
    OK(guard_set_code(&g, "open", NULL));
    CHECK(!may_enter(GUARD_COOKIE_NAME, cookie, ""));
    g = other;
    for (size_t i = 0; i < GUARD_COOKIE; i++) {
        cookie[i] = (char)(cookie[i] ^ 1);
        CHECK(!may_enter(GUARD_COOKIE_NAME, cookie, ""));
        cookie[i] = (char)(cookie[i] ^ 1);
    }
}

TEST(a_code_has_a_length)
{
    char code[GUARD_CODE + 2];

    memset(code, 'x', sizeof(code));
    code[GUARD_CODE + 1] = '\0';
    ERR(guard_set_code(&g, "", secret), -EINVAL);
    ERR(guard_set_code(&g, code, secret), -EINVAL);
    code[GUARD_CODE] = '\0';
    OK(guard_set_code(&g, code, secret));
}

TEST(an_address_has_only_so_many_tries)
{
    char cookie[GUARD_COOKIE + 1];

    OK(guard_set_code(&g, "open", secret));
    for (int i = 0; i < GUARD_TRIES; i++) {
        ERR(try_from("10.0.0.1", "x", TN_SEC, cookie), -EACCES);
    }
    ERR(try_from("10.0.0.1", "x", TN_SEC, cookie), -EAGAIN);
    ERR(try_from("10.0.0.1", "open", TN_SEC, cookie), -EAGAIN);
    STREQ(cookie, "");
    OK(try_from("10.0.0.2", "open", TN_SEC, cookie));
    ERR(try_from("10.0.0.1", "open", TN_SEC + GUARD_INTERVAL - 1, cookie),
        -EAGAIN);
    OK(try_from("10.0.0.1", "open", TN_SEC + GUARD_INTERVAL, cookie));
}

TEST(all_addresses_together_have_only_so_many)
{
    char cookie[GUARD_COOKIE + 1], ip[32];
    int tried = 0;

    OK(guard_set_code(&g, "open", secret));
    for (int i = 1; i < 200; i++) {
        snprintf(ip, sizeof(ip), "10.0.0.%d", i);
        tried += try_from(ip, "x", 0, cookie) == -EACCES;
    }
    EQ(tried, GUARD_TRIES_ALL);
    ERR(try_from("10.1.1.1", "open", 0, cookie), -EAGAIN);
    OK(try_from("10.1.1.1", "open", GUARD_INTERVAL_ALL, cookie));
}

static bool
begin(const char *ip, int64_t now)
{
    tn_addr from;

    OK(tn_addr_ip(&from, ip, 4000));
    return guard_begin(&g, &from, now);
}

/* Of a key exchange the hub learns later whether the code was right. */
TEST(a_try_counts_as_wrong_until_it_is_right)
{
    char cookie[GUARD_COOKIE + 1];
    tn_addr from;

    OK(guard_set_code(&g, "open", secret));
    OK(tn_addr_ip(&from, "10.0.0.1", 4000));
    for (int i = 0; i < 10 * GUARD_TRIES; i++) {
        CHECK(begin("10.0.0.1", TN_SEC));
        guard_right(&g, &from);
    }
    for (int i = 0; i < GUARD_TRIES; i++) {
        CHECK(begin("10.0.0.1", TN_SEC));
    }
    CHECK(!begin("10.0.0.1", TN_SEC));
    CHECK(begin("10.0.0.2", TN_SEC));
    /* It is one count with the page's. */
    ERR(try_from("10.0.0.1", "open", TN_SEC, cookie), -EAGAIN);
    guard_right(&g, &from);
    CHECK(begin("10.0.0.1", TN_SEC));
}
