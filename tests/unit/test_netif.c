/*
 * test_netif.c - the list of interfaces, and the way of datagrams.
 */
#include <tenon/err.h>
#include <tenon/netif.h>
#include <tenon/sock.h>
#include <tenon/sockopt.h>

#include "test.h"

#include <net/if.h>

enum {
    MANY = 64,
};

static const tn_interface *
find(const tn_interface *list, int count, const char *ip)
{
    tn_addr a;

    OK(tn_addr_ip(&a, ip, 0));
    for (int i = 0; i < count; i++) {
        if (tn_addr_equal(&list[i].addr, &a)) {
            return &list[i];
        }
    }
    return NULL;
}

TEST(the_loopback_is_listed)
{
    static tn_interface list[MANY];
    int count = (int)OK(tn_interfaces(list, MANY));
    const tn_interface *lo = find(list, count, "127.0.0.1");
    char text[TN_ADDR_TEXT];

    if (!lo) {
        SKIP("no 127.0.0.1 here");
    }
    STREQ(lo->name, "lo");
    EQ(lo->index, if_nametoindex("lo"));
    CHECK((lo->flags & IFF_LOOPBACK) != 0);
    STREQ(tn_addr_host(&lo->netmask, text, sizeof(text)), "255.0.0.0");
    STREQ(tn_addr_host(&lo->broadcast, text, sizeof(text)), "127.255.255.255");
    EQ(lo->peer.len, 0);
}

TEST(what_does_not_fit_is_left_out)
{
    tn_interface list[2];

    memset(list, 0x55, sizeof(list));
    EQ(tn_interfaces(list, 1), 1);
    EQ((unsigned char)list[1].name[0], 0x55);
}

/* ---- datagrams ---- */

static const struct test_param hosts[] = {
    {.name = "inet", .value = {AF_INET}, .data = "127.0.0.1"},
    {.name = "inet6", .value = {AF_INET6}, .data = "::1"},
};

static tn_sock *
open_at(int family, const char *ip, tn_addr *at)
{
    tn_sock *s;

    OK(tn_socket(&s, family, SOCK_DGRAM, 0));
    OK(tn_addr_ip(at, ip, 0));
    if (tn_bind(s, at) < 0) {
        tn_close(s);
        SKIP("no such address here");
    }
    OK(tn_getsockname(s, at));
    OK(tn_settimeout(s, 5 * TN_SEC));
    return s;
}

static void
receive(tn_sock *s, tn_msg *msg, tn_path *path)
{
    static _Alignas(struct cmsghdr) char control[TN_PATH_CONTROL];
    static char buf[16];
    static struct iovec iov = {buf, sizeof(buf)};

    *msg = (tn_msg){.iov = &iov,
                    .iov_count = 1,
                    .control = control,
                    .control_len = sizeof(control)};
    EQ(tn_recvmsg(s, msg, 0), 2);
    CHECK(tn_msg_arrived(msg, path));
}

static void
send_by(tn_sock *s, const tn_addr *to, const tn_path *path)
{
    _Alignas(struct cmsghdr) char control[TN_PATH_CONTROL];
    char text[] = "hi";
    struct iovec iov = {text, 2};
    tn_msg msg = {.iov = &iov,
                  .iov_count = 1,
                  .addr = *to,
                  .control = control,
                  .control_len = sizeof(control)};

    OK(tn_msg_leave(&msg, path));
    EQ(tn_sendmsg(s, &msg, 0), 2);
}

TEST_EACH(arrival_tells_interface_and_address, hosts)
{
    tn_addr at, from;
    tn_sock *r = open_at(p->value[0], p->data, &at);
    tn_sock *s = open_at(p->value[0], p->data, &from);
    tn_path path;
    tn_msg msg;

    OK(tn_set(r, TN_PKTINFO, 1));
    EQ(tn_sendto(s, "hi", 2, 0, &at), 2);
    receive(r, &msg, &path);
    CHECK(tn_addr_equal(&msg.addr, &from));
    EQ(path.index, if_nametoindex("lo"));
    OK(tn_addr_set_port(&at, 0));
    CHECK(tn_addr_equal(&path.local, &at));
    tn_close(s);
    tn_close(r);
}

/* 127.9.9.9 is ours as well: the sender's address is the one we asked for. */
TEST(a_datagram_leaves_from_the_address_that_was_chosen)
{
    tn_addr at, any;
    tn_sock *r = open_at(AF_INET, "127.0.0.1", &at);
    tn_sock *s = open_at(AF_INET, "0.0.0.0", &any);
    tn_path path = {.index = if_nametoindex("lo")}, arrived;
    tn_msg msg;
    char text[TN_ADDR_TEXT];

    OK(tn_set(r, TN_PKTINFO, 1));
    OK(tn_addr_ip(&path.local, "127.9.9.9", 0));
    send_by(s, &at, &path);
    receive(r, &msg, &arrived);
    STREQ(tn_addr_host(&msg.addr, text, sizeof(text)), "127.9.9.9");
    tn_close(s);
    tn_close(r);
}

/* Two programs share a port, and both hear what goes to all. */
TEST(a_broadcast_on_the_loopback_reaches_all_who_share_the_port)
{
    tn_addr at, any, all;
    tn_sock *two[2], *s;
    tn_path path = {.index = if_nametoindex("lo")}, arrived;
    tn_msg msg;
    char text[TN_ADDR_TEXT];

    OK(tn_addr_ip(&at, "0.0.0.0", 0));
    for (int i = 0; i < 2; i++) {
        OK(tn_socket(&two[i], AF_INET, SOCK_DGRAM, 0));
        OK(tn_set(two[i], TN_REUSEADDR, 1));
        OK(tn_set(two[i], TN_PKTINFO, 1));
        OK(tn_bind(two[i], &at));
        OK(tn_getsockname(two[i], &at));
        OK(tn_settimeout(two[i], 5 * TN_SEC));
    }
    s = open_at(AF_INET, "0.0.0.0", &any);
    OK(tn_set(s, TN_BROADCAST, 1));
    OK(tn_addr_ip(&all, "127.255.255.255", tn_addr_port(&at)));
    OK(tn_addr_ip(&path.local, "127.0.0.1", 0));
    send_by(s, &all, &path);
    for (int i = 0; i < 2; i++) {
        receive(two[i], &msg, &arrived);
        EQ(arrived.index, path.index);
        STREQ(tn_addr_host(&arrived.local, text, sizeof(text)), "127.0.0.1");
        tn_close(two[i]);
    }
    tn_close(s);
}

TEST(leaving_says_what_it_cannot)
{
    _Alignas(struct cmsghdr) char control[TN_PATH_CONTROL];
    tn_msg msg = {.control = control, .control_len = 8};
    tn_path path = {.index = 1};

    ERR(tn_msg_leave(&msg, &path), -EAFNOSUPPORT);
    OK(tn_addr_ip(&msg.addr, "127.0.0.1", 9));
    ERR(tn_msg_leave(&msg, &path), -ENOBUFS);
    path.index = 0;
    OK(tn_msg_leave(&msg, &path));
    EQ(msg.control_len, 0);
    CHECK(!tn_msg_arrived(&msg, &path));
}
