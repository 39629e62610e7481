/*
 * test_endpoint.c - an address as a person writes it.
 */
#include "core.h"

#include <stdio.h>

static const struct {
    const char *text;
    tn_transport transport;
    const char *host;
    int port;
    const char *again; /* NULL: as it was */
} good[] = {
    {"example.org:80", TN_TCP, "example.org", 80, NULL},
    {"example.org", TN_TCP, "example.org", -1, NULL},
    {"127.0.0.1:0", TN_TCP, "127.0.0.1", 0, NULL},
    {":8000", TN_TCP, "", 8000, NULL},
    {"[::1]:80", TN_TCP, "::1", 80, NULL},
    {"[::1]", TN_TCP, "::1", -1, NULL},
    {"::1", TN_TCP, "::1", -1, "[::1]"},
    {"[]:80", TN_TCP, "", 80, ":80"},
    {"[fe80::1%eth0]:22", TN_TCP, "fe80::1%eth0", 22, NULL},
    {"tcp://h:65535", TN_TCP, "h", 65535, "h:65535"},
    {"TCP://h:1", TN_TCP, "h", 1, "h:1"},
    {"udp://h:1", TN_UDP, "h", 1, NULL},
    {"udp://<broadcast>:9", TN_UDP, "<broadcast>", 9, NULL},
    {"tls://h:443", TN_TLS, "h", 443, NULL},
    {"unix:/tmp/a b", TN_UNIX, "/tmp/a b", 0, NULL},
    {"unix:@abstract", TN_UNIX, "@abstract", 0, NULL},
    {"unix:relative:80", TN_UNIX, "relative:80", 0, NULL},
    {"unixgram:/x", TN_UNIXGRAM, "/x", 0, NULL},
    {"unixseq:/x", TN_UNIXSEQ, "/x", 0, NULL},
    {"h:00080", TN_TCP, "h", 80, "h:80"},
};

TEST(endpoints_are_read_and_written)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        tn_endpoint ep, again;
        char buf[300];

        if (tn_endpoint_parse(&ep, good[i].text, TN_TCP) != 0) {
            FAIL("%s: %s", good[i].text, tn_why());
        }
        EQ(ep.transport, good[i].transport);
        STREQ(ep.host, good[i].host);
        EQ(ep.host_len, strlen(good[i].host));
        EQ(ep.port, good[i].port);
        STREQ(tn_endpoint_format(&ep, buf, sizeof(buf)),
              good[i].again ? good[i].again : good[i].text);
        OK(tn_endpoint_parse(&again, buf, TN_TCP));
        EQ(again.transport, ep.transport);
        STREQ(again.host, ep.host);
        EQ(again.port, ep.port);
    }
}

TEST(endpoints_that_are_none)
{
    static const char *const wrong[] = {
        "",       ":",      "h:",           "h:x",     "h:-1",   "h:+1",
        "h: 80",  "h :80",  "[::1",         "[::1]80", "[::1]x", "http://h:1",
        "h/p:1",  "unix:",  "unixgram:",    "h:1\n",   "tcp://", "[",
        "h:0x50", "\x7f:1", "udp://unix:/x"};
    tn_endpoint ep, untouched;
    char text[400];

    memset(&ep, 0x5a, sizeof(ep));
    untouched = ep;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (tn_endpoint_parse(&ep, wrong[i], TN_TCP) != TN_EADDRESS) {
            FAIL("\"%s\" was taken for an address", wrong[i]);
        }
    }
    ERR(tn_endpoint_parse(&ep, "h:65536", TN_TCP), -ERANGE);
    ERR(tn_endpoint_parse(&ep, "h:99999999999999999999", TN_TCP), -ERANGE);
    memset(text, 'a', sizeof(text));
    snprintf(text + 256, 4, ":80");
    ERR(tn_endpoint_parse(&ep, text, TN_TCP), -ENAMETOOLONG);
    snprintf(text + 255, 4, ":80");
    MEMEQ(&ep, &untouched, sizeof(ep));
    OK(tn_endpoint_parse(&ep, text, TN_TCP));
    EQ(ep.host_len, 255);
}

TEST(the_default_transport_is_the_callers)
{
    tn_endpoint ep;
    char buf[300];

    OK(tn_endpoint_parse(&ep, "h:1", TN_UDP));
    EQ(ep.transport, TN_UDP);
    STREQ(tn_endpoint_format(&ep, buf, sizeof(buf)), "udp://h:1");
    OK(tn_endpoint_parse(&ep, "tcp://h:1", TN_UDP));
    EQ(ep.transport, TN_TCP);
    OK(tn_endpoint_parse(&ep, "/a/path", TN_UNIX));
    EQ(ep.transport, TN_UNIX);
    STREQ(ep.host, "/a/path");
}

TEST(transports_have_types)
{
    EQ(tn_transport_type(TN_TCP), SOCK_STREAM);
    EQ(tn_transport_type(TN_TLS), SOCK_STREAM);
    EQ(tn_transport_type(TN_UNIX), SOCK_STREAM);
    EQ(tn_transport_type(TN_UDP), SOCK_DGRAM);
    EQ(tn_transport_type(TN_UNIXGRAM), SOCK_DGRAM);
    EQ(tn_transport_type(TN_UNIXSEQ), SOCK_SEQPACKET);
}

TEST(an_endpoint_fits_any_room)
{
    tn_endpoint ep;

    OK(tn_endpoint_parse(&ep, "udp://[::1]:80", TN_TCP));
    for (size_t cap = 1; cap < 20; cap++) {
        char *buf = (char *)guard_alloc(cap);

        tn_endpoint_format(&ep, buf, cap);
        LE(strlen(buf), cap - 1);
        EQ(strncmp(buf, "udp://[::1]:80", strlen(buf)), 0);
        guard_free((uint8_t *)buf, cap);
    }
}
