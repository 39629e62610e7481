/*
 * test_addr.c - addresses and their text, and names.
 */
#include "core.h"

#include <arpa/inet.h>
#include <stdio.h>

static void
check_text(const char *ip, int port, const char *text, const char *host)
{
    char buf[TN_ADDR_TEXT];
    tn_addr a, copy;

    OK(tn_addr_ip(&a, ip, port));
    STREQ(tn_addr_format(&a, buf, sizeof(buf)), text);
    STREQ(tn_addr_host(&a, buf, sizeof(buf)), host);
    EQ(tn_addr_port(&a), port);
    copy = a;
    CHECK(tn_addr_equal(&a, &copy));
    OK(tn_addr_set_port(&copy, port ^ 1));
    CHECK(!tn_addr_equal(&a, &copy));
    EQ(tn_addr_port(&copy), port ^ 1);
}

TEST(numbers_become_addresses_and_text_again)
{
    check_text("127.0.0.1", 80, "127.0.0.1:80", "127.0.0.1");
    check_text("", 65535, "0.0.0.0:65535", "0.0.0.0");
    check_text("<broadcast>", 9, "255.255.255.255:9", "255.255.255.255");
    check_text("::1", 0, "[::1]:0", "::1");
    check_text("::", 1, "[::]:1", "::");
    check_text("2001:db8::ff00:42:8329", 443, "[2001:db8::ff00:42:8329]:443",
               "2001:db8::ff00:42:8329");
    check_text("fe80::1%lo", 22, "[fe80::1%lo]:22", "fe80::1%lo");
    check_text("fe80::1%1", 22, "[fe80::1%lo]:22", "fe80::1%lo");
    check_text("fe80::1%4000000", 2, "[fe80::1%4000000]:2", "fe80::1%4000000");
    check_text("::ffff:1.2.3.4", 5, "[::ffff:1.2.3.4]:5", "::ffff:1.2.3.4");
}

TEST(what_is_no_address)
{
    static const char *const wrong[] = {
        "localhost", "1.2.3",  "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ",
        " 1.2.3.4",  ":::",    "1::2::3",   "[::1]",     "::1 ",
        "12345::",   "::1%lo", "0x7f.1",    "1.2.3.4%lo"};
    tn_addr a, untouched;
    char text[100];

    memset(&a, 0x5a, sizeof(a));
    untouched = a;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (strcmp(wrong[i], "::1%lo") != 0) {
            ERR(tn_addr_ip(&a, wrong[i], 1), TN_EADDRESS);
        }
    }
    ERR(tn_addr_ip(&a, "1.2.3.4", -1), -ERANGE);
    ERR(tn_addr_ip(&a, "1.2.3.4", 65536), -ERANGE);
    ERR(tn_addr_ip(&a, "fe80::1%nowhere", 1), -ENODEV);
    ERR(tn_addr_ip(&a, "fe80::1%", 1), -ENODEV);
    ERR(tn_addr_ip(&a, "fe80::1%-1", 1), -ENODEV);
    ERR(tn_addr_ip(&a, "fe80::1%0", 1), -ENODEV);
    memset(text, ':', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ERR(tn_addr_ip(&a, text, 1), TN_EADDRESS);
    MEMEQ(&a, &untouched, sizeof(a));
}

/* ---- Unix ---- */

static void
check_unix(const char *path, size_t n, const char *text, socklen_t len)
{
    char buf[TN_ADDR_TEXT];
    tn_addr a, b;

    OK(tn_addr_unix(&a, path, n));
    EQ(a.len, len);
    STREQ(tn_addr_format(&a, buf, sizeof(buf)), text);
    EQ(tn_addr_port(&a), 0);
    ERR(tn_addr_set_port(&a, 1), -EAFNOSUPPORT);
    ERR(tn_addr_set_port(&a, 65536), -ERANGE);
    OK(tn_addr_unix(&b, path, n));
    CHECK(tn_addr_equal(&a, &b));
}

TEST(unix_names)
{
    char longest[108], text[120];
    tn_addr a, b;

    check_unix("/tmp/x", 6, "unix:/tmp/x", 2 + 7);
    check_unix("./@x", 4, "unix:./@x", 2 + 5);
    check_unix("@name", 5, "unix:@name", 2 + 5);
    check_unix("\0name", 5, "unix:@name", 2 + 5);
    check_unix("@a\0b\n", 5, "unix:@a\\x00b\\x0a", 2 + 5);
    check_unix("", 0, "unix:", 2);
    check_unix("@", 1, "unix:@", 2 + 1);
    memset(longest, 'a', sizeof(longest));
    snprintf(text, sizeof(text), "unix:%.107s", longest);
    check_unix(longest, 107, text, 2 + 108);
    ERR(tn_addr_unix(&a, longest, 108), -ENAMETOOLONG);
    longest[0] = '@';
    snprintf(text, sizeof(text), "unix:%.108s", longest);
    check_unix(longest, 108, text, 2 + 108);
    ERR(tn_addr_unix(&a, longest, 109), -ENAMETOOLONG);
    OK(tn_addr_unix(&a, "@x", 2));
    OK(tn_addr_unix(&b, "@y", 2));
    CHECK(!tn_addr_equal(&a, &b));
    OK(tn_addr_ip(&b, "127.0.0.1", 1));
    CHECK(!tn_addr_equal(&a, &b));
}

TEST(text_fits_any_room)
{
    static const char *const whole[] = {"127.0.0.1:80", "[::1]:443",
                                        "unix:@na\\x01me"};
    tn_addr a[3];

    OK(tn_addr_ip(&a[0], "127.0.0.1", 80));
    OK(tn_addr_ip(&a[1], "::1", 443));
    OK(tn_addr_unix(&a[2], "@na\001me", 6));
    for (int i = 0; i < 3; i++) {
        for (size_t cap = 1; cap < 40; cap++) {
            char *buf = (char *)guard_alloc(cap);

            tn_addr_format(&a[i], buf, cap);
            EQ(strncmp(buf, whole[i], strlen(buf)), 0);
            LE(strlen(buf), cap - 1);
            tn_addr_host(&a[i], buf, cap);
            LE(strlen(buf), cap - 1);
            guard_free((uint8_t *)buf, cap);
        }
        tn_addr_format(&a[i], NULL, 0);
        tn_addr_host(&a[i], NULL, 0);
    }
}

TEST(no_address_has_a_text_too)
{
    char buf[TN_ADDR_TEXT];
    tn_addr none = {.len = 0}, also = {.len = 0};

    STREQ(tn_addr_format(&none, buf, sizeof(buf)), "nowhere");
    STREQ(tn_addr_host(&none, buf, sizeof(buf)), "");
    EQ(tn_addr_port(&none), 0);
    CHECK(tn_addr_equal(&none, &also));
    ERR(tn_addr_set_port(&none, 1), -EAFNOSUPPORT);
}

/* ---- names ---- */

static int
resolve_all(void *arg)
{
    char long_name[300];
    tn_addr a[8];
    int n;

    (void)arg;
    EQ(tn_resolve("127.0.0.1", 80, AF_UNSPEC, 0, a, 8), 1);
    EQ(tn_addr_port(&a[0]), 80);
    EQ(tn_resolve("::1", 80, AF_INET6, TN_NUMERIC, a, 8), 1);
    EQ(tn_resolve("", 80, AF_UNSPEC, TN_PASSIVE, a, 8), 2);
    CHECK(IN6_IS_ADDR_UNSPECIFIED(&a[0].u.in6.sin6_addr));
    EQ(a[1].u.in.sin_addr.s_addr, INADDR_ANY);
    EQ(tn_resolve("", 80, AF_UNSPEC, 0, a, 8), 2);
    CHECK(IN6_IS_ADDR_LOOPBACK(&a[0].u.in6.sin6_addr));
    EQ(tn_resolve("", 80, AF_INET, 0, a, 8), 1);
    EQ(tn_resolve("", 80, AF_UNSPEC, 0, a, 1), 1);
    EQ(tn_resolve("<broadcast>", 9, AF_INET, 0, a, 8), 1);
    EQ(a[0].u.in.sin_addr.s_addr, INADDR_BROADCAST);
    ERR(tn_resolve("127.0.0.1", -1, AF_UNSPEC, 0, a, 8), -ERANGE);
    ERR(tn_resolve("127.0.0.1", 65536, AF_UNSPEC, 0, a, 8), -ERANGE);
    ERR(tn_resolve("fe80::1%nowhere", 1, AF_UNSPEC, 0, a, 8), -ENODEV);
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    ERR(tn_resolve(long_name, 1, AF_UNSPEC, 0, a, 8), TN_ENONAME);
    if (!in_sim() && !on_valgrind()) {
        n = (int)OK(tn_resolve("localhost", 7, AF_UNSPEC, 0, a, 8));
        GE(n, 1);
        EQ(tn_addr_port(&a[0]), 7);
        ERR(tn_resolve("localhost", 1, AF_UNSPEC, TN_NUMERIC, a, 8),
            TN_ENONAME);
        ERR(tn_resolve("127.0.0.1", 1, AF_INET6, TN_NUMERIC, a, 8), TN_ENONAME);
    }
    return 0;
}

TEST_EACH(names_are_looked_up, callers)
{
    OK(run_as(p, resolve_all, NULL));
}

static int
resolve_endpoints(void *arg)
{
    tn_endpoint ep;
    tn_addr a[4];
    char buf[TN_ADDR_TEXT];

    (void)arg;
    OK(tn_endpoint_parse(&ep, "127.0.0.1:80", TN_TCP));
    EQ(tn_endpoint_resolve(&ep, AF_UNSPEC, 0, a, 4), 1);
    STREQ(tn_addr_format(&a[0], buf, sizeof(buf)), "127.0.0.1:80");
    OK(tn_endpoint_parse(&ep, ":80", TN_TCP));
    EQ(tn_endpoint_resolve(&ep, AF_INET, TN_PASSIVE, a, 4), 1);
    STREQ(tn_addr_format(&a[0], buf, sizeof(buf)), "0.0.0.0:80");
    OK(tn_endpoint_parse(&ep, "127.0.0.1", TN_TCP));
    ERR(tn_endpoint_resolve(&ep, AF_UNSPEC, 0, a, 4), TN_EADDRESS);
    OK(tn_endpoint_parse(&ep, "unix:@x", TN_TCP));
    EQ(tn_endpoint_resolve(&ep, AF_INET, 0, a, 4), 1);
    STREQ(tn_addr_format(&a[0], buf, sizeof(buf)), "unix:@x");
    OK(tn_endpoint_parse(&ep, "<broadcast>:9", TN_UDP));
    EQ(tn_endpoint_resolve(&ep, AF_UNSPEC, 0, a, 4), 1);
    memset(ep.host, 'a', 200);
    ep.host[200] = '\0';
    ep.host_len = 200;
    ep.transport = TN_UNIX;
    ERR(tn_endpoint_resolve(&ep, AF_UNSPEC, 0, a, 4), -ENAMETOOLONG);
    return 0;
}

TEST_EACH(endpoints_are_looked_up, callers)
{
    OK(run_as(p, resolve_endpoints, NULL));
}
