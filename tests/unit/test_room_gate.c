#include <tenon/err.h>

#include "hub/gate.h"
#include "hub/lan.h"
#include "test.h"

#include <arpa/inet.h>

/* Numeric addresses, so that this test needs no other part of the library. */
static tn_addr
addr(const char *ip, int port)
{
    tn_addr a;

    memset(&a, 0, sizeof(a));
    if (inet_pton(AF_INET, ip, &a.u.in.sin_addr) == 1) {
        a.len = sizeof(a.u.in);
        a.u.in.sin_family = AF_INET;
        a.u.in.sin_port = htons((uint16_t)port);
        return a;
    }
    EQ(inet_pton(AF_INET6, ip, &a.u.in6.sin6_addr), 1);
    a.len = sizeof(a.u.in6);
    a.u.in6.sin6_family = AF_INET6;
    a.u.in6.sin6_port = htons((uint16_t)port);
    return a;
}

static bool
has(const struct lan *l, const char *ip)
{
    tn_addr a = addr(ip, 1);

    return lan_has(l, &a);
}

static struct lan_net *
add(struct lan *l, const char *ip, const char *mask)
{
    tn_addr a = addr(ip, 0);
    tn_addr m;

    if (mask == NULL) {
        return lan_add(l, &a.u.sa, NULL);
    }
    m = addr(mask, 0);
    return lan_add(l, &a.u.sa, &m.u.sa);
}

TEST(loopback_and_link_local_always_are)
{
    struct lan l = {0};

    CHECK(has(&l, "127.0.0.1"));
    CHECK(has(&l, "127.9.9.9"));
    CHECK(has(&l, "::1"));
    CHECK(has(&l, "::ffff:127.0.0.1"));
    CHECK(has(&l, "fe80::1"));
    CHECK(!has(&l, "192.168.1.7"));
    CHECK(!has(&l, "2001:db8::1"));
    CHECK(!has(&l, "::"));
    CHECK(!has(&l, "0.0.0.0"));
}

TEST(a_network_is_its_mask)
{
    struct lan l = {0};

    CHECK(add(&l, "192.168.4.200", "255.255.252.0") != NULL);
    CHECK(add(&l, "2001:db8:1::5", "ffff:ffff:ffff:ffff::") != NULL);
    CHECK(has(&l, "192.168.4.1"));
    CHECK(has(&l, "192.168.7.254"));
    CHECK(has(&l, "::ffff:192.168.5.5"));
    CHECK(!has(&l, "192.168.8.1"));
    CHECK(!has(&l, "192.168.3.255"));
    CHECK(has(&l, "2001:db8:1::ffff"));
    CHECK(!has(&l, "2001:db8:1:1::1"));
    CHECK(!has(&l, "10.0.0.1"));
}

TEST(a_point_to_point_peer_is_one_address)
{
    struct lan l = {0};

    CHECK(add(&l, "10.8.0.1", NULL) != NULL);
    CHECK(has(&l, "10.8.0.1"));
    CHECK(!has(&l, "10.8.0.2"));
}

TEST(an_empty_mask_is_left_out)
{
    struct lan l = {0};

    CHECK(add(&l, "10.0.0.1", "0.0.0.0") == NULL);
    CHECK(add(&l, "2001:db8::1", "::") == NULL);
    CHECK(add(&l, "10.0.0.1", "ffff::") == NULL);
    CHECK(!has(&l, "8.8.8.8"));
    EQ(l.count, 0);
}

TEST(networks_have_a_limit)
{
    struct lan l = {0};

    for (int i = 0; i < LAN_NETS; i++) {
        CHECK(add(&l, "10.0.0.1", "255.0.0.0") != NULL);
    }
    CHECK(add(&l, "11.0.0.1", "255.0.0.0") == NULL);
    CHECK(!has(&l, "11.0.0.1"));
}

TEST(other_families_are_not)
{
    struct lan l = {0};
    tn_addr a;

    memset(&a, 0, sizeof(a));
    CHECK(!lan_has(&l, &a));
    a.len = sizeof(sa_family_t);
    a.u.sa.sa_family = AF_UNIX;
    CHECK(!lan_has(&l, &a));
}

TEST(hosts_are_listed_ipv4_first)
{
    struct lan l = {0};
    tn_addr out[4];

    add(&l, "127.0.0.1", "255.0.0.0")->shows = false;
    add(&l, "2001:db8::5", "ffff:ffff::")->shows = true;
    add(&l, "fe80::5", "ffff:ffff::")->shows = true;
    add(&l, "192.168.1.5", "255.255.255.0")->shows = true;
    EQ(lan_hosts(&l, 8000, out, 4), 2);
    EQ(out[0].u.sa.sa_family, AF_INET);
    EQ(ntohs(out[0].u.in.sin_port), 8000);
    EQ(out[1].u.sa.sa_family, AF_INET6);
    EQ(lan_hosts(&l, 8000, out, 1), 1);
}

TEST(this_machine_s_networks_are_found)
{
    struct lan l = {0};

    OK(lan_scan(&l));
    LE(l.count, LAN_NETS);
}

TEST(a_host_joins_so_often)
{
    static struct gate g;
    int joined = 0;

    for (int i = 0; i < 100; i++) {
        tn_addr a = addr("192.168.1.9", 1000 + i);
        joined += gate_join(&g, &a, 0) ? 1 : 0;
    }
    EQ(joined, GATE_BURST);
    tn_addr other = addr("192.168.1.10", 1);
    CHECK(gate_join(&g, &other, 0));
    tn_addr same = addr("::ffff:192.168.1.9", 1);
    CHECK(!gate_join(&g, &same, GATE_INTERVAL - 1));
    CHECK(gate_join(&g, &same, GATE_INTERVAL));
}

TEST(on_loopback_ports_are_hosts)
{
    static struct gate g;

    for (int i = 0; i < 2000; i++) {
        tn_addr a = addr("127.0.0.1", 1000 + i);
        CHECK(gate_join(&g, &a, 0));
    }
    tn_addr a = addr("127.0.0.1", 1);
    tn_addr b = addr("127.0.0.1", 2);
    CHECK(!gate_same_host(&a, &b));
    a = addr("10.1.1.1", 1);
    b = addr("10.1.1.1", 2);
    CHECK(gate_same_host(&a, &b));
    b = addr("10.1.1.2", 1);
    CHECK(!gate_same_host(&a, &b));
}

TEST(attached_is_asked_again_now_and_then)
{
    static struct gate g;
    tn_addr far = addr("203.0.113.9", 1);
    tn_addr near = addr("127.0.0.1", 1);

    CHECK(gate_is_attached(&g, &near, TN_SEC));
    EQ(g.scanned, 0);
    CHECK(!gate_is_attached(&g, &far, TN_SEC));
    EQ(g.scanned, TN_SEC);
    CHECK(!gate_is_attached(&g, &far, TN_SEC + GATE_RESCAN - 1));
    EQ(g.scanned, TN_SEC);
    CHECK(!gate_is_attached(&g, &far, TN_SEC + GATE_RESCAN));
    EQ(g.scanned, TN_SEC + GATE_RESCAN);
}
