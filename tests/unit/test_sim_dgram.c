/*
 * test_sim_dgram.c - the simulated network: messages, lost and not.
 */
#include "sim_harness.h"

#include <stdlib.h>

/* ---- datagrams ---- */

#define DATAGRAMS 2000

static void
count_datagrams(struct world *x, struct tn__fd fd[2], tn_addr *to,
                uint16_t *seen, int *reordered)
{
    uint16_t n, last = 0;

    for (uint16_t i = 0; i < DATAGRAMS; i++) {
        EQ(do_sendto(x, &fd[0], &i, sizeof(i), to), sizeof(i));
        if (i % 20 == 19) {
            world_settle(x);
        }
        while (try_recv(x, &fd[1], &n, sizeof(n)) == sizeof(n)) {
            seen[n]++;
            *reordered += n < last;
            last = n;
        }
    }
}

TEST(datagrams_are_lost_doubled_and_reordered)
{
    const tn_sim_opts o = {.seed = 9, .loss = 100, .dup = 200};
    static uint16_t seen[DATAGRAMS];
    int lost = 0, doubled = 0, reordered = 0;
    struct world x;
    struct tn__fd fd[2];
    tn_addr to;

    world_open(&x, &o);
    open_udp(&x, &fd[0]);
    to = open_udp(&x, &fd[1]);
    count_datagrams(&x, fd, &to, seen, &reordered);
    for (int i = 0; i < DATAGRAMS; i++) {
        LE(seen[i], 2);
        lost += seen[i] == 0;
        doubled += seen[i] == 2;
    }
    GE(lost, DATAGRAMS * 7 / 100);
    LE(lost, DATAGRAMS * 13 / 100);
    GE(doubled, DATAGRAMS * 14 / 100);
    LE(doubled, DATAGRAMS * 22 / 100);
    GE(reordered, DATAGRAMS * 10 / 100);
    world_close(&x);
}

TEST(boundaries_and_truncation)
{
    struct world x;
    struct tn__fd fd[2];
    char buf[4];
    tn_addr from = {.len = sizeof(from.u)}, self, to;
    struct iovec iov = {buf, sizeof(buf)};
    struct msghdr msg = {.msg_name = &from.u,
                         .msg_namelen = sizeof(from.u),
                         .msg_iov = &iov,
                         .msg_iovlen = 1};
    struct tn__op op = {.kind = TN__RECVMSG, .u.m.msg = &msg};

    world_seed(&x, 10);
    self = open_udp(&x, &fd[0]);
    to = open_udp(&x, &fd[1]);
    EQ(do_sendto(&x, &fd[0], "abcdef", 6, &to), 6);
    EQ(run(&x, &op, &fd[1]), 4);
    MEMEQ(buf, "abcd", 4);
    EQ(msg.msg_flags, MSG_TRUNC);
    EQ(msg.msg_namelen, self.len);
    MEMEQ(&from.u, &self.u, self.len);
    EQ(do_sendto(&x, &fd[0], "abcdef", 6, &to), 6);
    EQ(do_sendto(&x, &fd[0], "", 0, &to), 0);
    world_settle(&x);
    op = op_recv(buf, 2, MSG_TRUNC | MSG_PEEK);
    GE(run(&x, &op, &fd[1]), 0);
    op.u.io.flags = MSG_TRUNC;
    EQ(run(&x, &op, &fd[1]) + run(&x, &op, &fd[1]), 6);
    EQ(try_recv(&x, &fd[1], buf, 4), -EAGAIN);
    world_close(&x);
}

TEST(the_largest_datagram)
{
    struct world x;
    struct tn__fd fd[2];
    char *big = calloc(1, TN_SIM_DGRAM_UNIX + 1);
    tn_addr to;

    CHECK(big != NULL);
    world_seed(&x, 11);
    to = open_udp(&x, &fd[0]);
    EQ(do_sendto(&x, &fd[0], big, TN_SIM_DGRAM_IP4, &to), TN_SIM_DGRAM_IP4);
    EQ(do_sendto(&x, &fd[0], big, TN_SIM_DGRAM_IP4 + 1, &to), -EMSGSIZE);
    EQ(do_recv(&x, &fd[0], big, TN_SIM_DGRAM_UNIX), TN_SIM_DGRAM_IP4);
    open_pair(&x, fd, SOCK_DGRAM);
    EQ(do_send(&x, &fd[0], big, TN_SIM_DGRAM_UNIX), TN_SIM_DGRAM_UNIX);
    EQ(do_send(&x, &fd[0], big, TN_SIM_DGRAM_UNIX + 1), -EMSGSIZE);
    EQ(do_recv(&x, &fd[1], big, TN_SIM_DGRAM_UNIX), TN_SIM_DGRAM_UNIX);
    world_close(&x);
    free(big);
}

/* What nobody reads is dropped, not kept. */
TEST(a_box_holds_so_many)
{
    struct world x;
    struct tn__fd fd;
    tn_addr to;
    char c;
    unsigned n = 0;

    world_seed(&x, 12);
    to = open_udp(&x, &fd);
    for (unsigned i = 0; i < TN_SIM_BOX + 100; i++) {
        EQ(do_sendto(&x, &fd, "x", 1, &to), 1);
    }
    world_settle(&x);
    while (try_recv(&x, &fd, &c, 1) == 1) {
        n++;
    }
    EQ(n, TN_SIM_BOX);
    world_close(&x);
}

TEST(a_connected_datagram_socket)
{
    struct world x;
    struct tn__fd a, b, c;
    tn_addr at_a, at_b, none = {.len = sizeof(sa_family_t)}, name;
    char buf[8];

    world_seed(&x, 13);
    at_a = open_udp(&x, &a);
    at_b = open_udp(&x, &b);
    open_udp(&x, &c);
    EQ(do_send(&x, &a, "x", 1), -EDESTADDRREQ);
    EQ(do_connect(&x, &a, &at_b), 0);
    OK(x.net->name(&a, true, &name));
    MEMEQ(&name.u, &at_b.u, at_b.len);
    EQ(do_sendto(&x, &c, "no", 2, &at_a), 2);
    EQ(do_sendto(&x, &b, "yes", 3, &at_a), 3);
    EQ(do_recv(&x, &a, buf, sizeof(buf)), 3);
    EQ(try_recv(&x, &a, buf, sizeof(buf)), -EAGAIN);
    EQ(do_send(&x, &a, "x", 1), 1);
    EQ(do_recv(&x, &b, buf, sizeof(buf)), 1);
    OK(x.net->close(&b, false));
    EQ(do_send(&x, &a, "x", 1), 1);
    EQ(do_recv(&x, &a, buf, sizeof(buf)), -ECONNREFUSED);
    EQ(do_connect(&x, &a, &none), 0);
    EQ(do_send(&x, &a, "x", 1), -EDESTADDRREQ);
    EQ(do_sendto(&x, &c, "x", 1, &at_a), 1);
    EQ(do_recv(&x, &a, buf, sizeof(buf)), 1);
    world_close(&x);
}

TEST(broadcast_reaches_all)
{
    const int on = 1;
    struct world x;
    struct tn__fd from, to[3];
    tn_addr any = addr4(INADDR_ANY, 9999);
    tn_addr all = addr4(INADDR_BROADCAST, 9999);
    char c;

    world_seed(&x, 14);
    open_sock(&x, &from, AF_INET, SOCK_DGRAM);
    for (int i = 0; i < 3; i++) {
        open_sock(&x, &to[i], AF_INET, SOCK_DGRAM);
        OK(x.net->setopt(&to[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
        OK(x.net->bind(&to[i], &any));
    }
    EQ(do_sendto(&x, &from, "x", 1, &all), -EACCES);
    OK(x.net->setopt(&from, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)));
    EQ(do_sendto(&x, &from, "x", 1, &all), 1);
    for (int i = 0; i < 3; i++) {
        EQ(do_recv(&x, &to[i], &c, 1), 1);
    }
    all.u.in.sin_port = 0;
    EQ(do_sendto(&x, &from, "x", 1, &all), -EINVAL);
    world_close(&x);
}

/* ---- Unix messages ---- */

/* In order, none lost whatever the options say, the sender waits. */
static void
ordered(int type, uint64_t seed)
{
    const tn_sim_opts o = {.seed = seed, .loss = 500, .dup = 500};
    struct world x;
    struct tn__fd fd[2];
    uint16_t out = 0, in = 0, n = 0;
    struct tn__op send = op_send(&out, sizeof(out));
    bool busy = false;
    int waited = 0;

    world_open(&x, &o);
    open_pair(&x, fd, type);
    while (in < 2 * TN_SIM_BOX) {
        while (!busy && out < 2 * TN_SIM_BOX) {
            begin(&x, &send, &fd[0]);
            world_settle(&x);
            busy = send.state != TN__DONE;
            out += !busy;
            waited += busy;
        }
        for (int i = 0; i < 16; i++) {
            EQ(do_recv(&x, &fd[1], &n, sizeof(n)), sizeof(n));
            EQ(n, in);
            in++;
        }
        if (busy) {
            EQ(end(&x, &send), sizeof(out));
            busy = false;
            out++;
        }
    }
    GE(waited, 10);
    world_close(&x);
}

TEST(unix_messages_keep_order)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        ordered(SOCK_DGRAM, seed);
        ordered(SOCK_SEQPACKET, seed);
    }
}

TEST(seqpacket_connects_and_ends)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct world x;
        struct tn__fd at, fd, child;
        tn_addr path = addr_unix("/tmp/seq"), name;
        char buf[8];

        world_seed(&x, seed);
        open_sock(&x, &at, AF_UNIX, SOCK_SEQPACKET);
        ERR(x.net->listen(&at, 4), -EINVAL);
        OK(x.net->bind(&at, &path));
        OK(x.net->listen(&at, 4));
        open_sock(&x, &fd, AF_UNIX, SOCK_SEQPACKET);
        EQ(do_recv(&x, &fd, buf, 1), -ENOTCONN);
        EQ(do_connect(&x, &fd, &path), 0);
        EQ(do_accept(&x, &at, &child, &name), 0);
        EQ(name.len, sizeof(sa_family_t));
        OK(x.net->name(&fd, true, &name));
        EQ(name.len, path.len);
        MEMEQ(&name.u, &path.u, path.len);
        EQ(do_send(&x, &fd, "abc", 3), 3);
        EQ(do_send(&x, &fd, "de", 2), 2);
        OK(x.net->shutdown(&fd, SHUT_WR));
        EQ(do_recv(&x, &child, buf, sizeof(buf)), 3);
        EQ(do_recv(&x, &child, buf, sizeof(buf)), 2);
        EQ(do_recv(&x, &child, buf, sizeof(buf)), 0);
        OK(x.net->close(&fd, false));
        EQ(do_send(&x, &child, "x", 1), -EPIPE);
        world_close(&x);
    }
}

TEST(unix_datagrams_by_name)
{
    struct world x;
    struct tn__fd a, b, c;
    tn_addr at_a = addr_unix("a"), at_b = addr_unix("b");
    tn_addr auto_name = {.len = sizeof(sa_family_t), .u.sa.sa_family = AF_UNIX};
    char buf[8];

    world_seed(&x, 15);
    open_sock(&x, &a, AF_UNIX, SOCK_DGRAM);
    open_sock(&x, &b, AF_UNIX, SOCK_DGRAM);
    open_sock(&x, &c, AF_UNIX, SOCK_DGRAM);
    OK(x.net->bind(&a, &at_a));
    EQ(do_sendto(&x, &b, "x", 1, &at_b), -ENOENT);
    EQ(do_connect(&x, &b, &at_b), -ENOENT);
    OK(x.net->bind(&b, &at_b));
    EQ(do_connect(&x, &a, &at_b), 0);
    EQ(do_send(&x, &a, "abc", 3), 3);
    EQ(do_recv(&x, &b, buf, sizeof(buf)), 3);
    OK(x.net->bind(&c, &auto_name));
    OK(x.net->name(&c, false, &auto_name));
    EQ(auto_name.len, sizeof(sa_family_t) + 6);
    EQ(do_sendto(&x, &c, "x", 1, &at_a), -EPERM);
    EQ(do_sendto(&x, &b, "x", 1, &at_a), 1);
    OK(x.net->close(&b, false));
    EQ(do_send(&x, &a, "abc", 3), -ECONNREFUSED);
    world_close(&x);
}
