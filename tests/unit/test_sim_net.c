/*
 * test_sim_net.c - the simulated network: names, connections, options.
 */
#include "sim_harness.h"

#include <netinet/tcp.h>

/* ---- names ---- */

TEST(ports_and_conflicts)
{
    const int on = 1;
    struct world x;
    struct tn__fd a, b;
    tn_addr here = addr4(INADDR_LOOPBACK, 80), any = addr4(INADDR_ANY, 80);
    tn_addr other = addr4(INADDR_LOOPBACK + 1, 80), name;

    world_seed(&x, 1);
    open_sock(&x, &a, AF_INET, SOCK_STREAM);
    OK(x.net->bind(&a, &here));
    ERR(x.net->bind(&a, &here), -EINVAL);
    open_sock(&x, &b, AF_INET, SOCK_STREAM);
    ERR(x.net->bind(&b, &here), -EADDRINUSE);
    ERR(x.net->bind(&b, &any), -EADDRINUSE);
    OK(x.net->bind(&b, &other));
    OK(x.net->close(&b, false));
    open_sock(&x, &b, AF_INET, SOCK_DGRAM);
    OK(x.net->bind(&b, &here));
    OK(x.net->close(&b, false));
    open_sock(&x, &b, AF_INET, SOCK_STREAM);
    OK(x.net->setopt(&a, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
    OK(x.net->setopt(&b, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
    OK(x.net->bind(&b, &any));
    OK(x.net->listen(&a, 1));
    ERR(x.net->listen(&b, 1), -EADDRINUSE);
    OK(x.net->close(&a, false));
    OK(x.net->listen(&b, 1));
    OK(x.net->name(&b, false, &name));
    EQ(name.len, any.len);
    MEMEQ(&name.u, &any.u, any.len);
    ERR(x.net->name(&b, true, &name), -ENOTCONN);
    world_close(&x);
}

TEST(addresses_that_are_not_here)
{
    struct world x;
    struct tn__fd a;
    tn_addr far = addr4(0x0a000001, 80), far6 = addr6(&in6addr_any, 80);
    tn_addr shorter = far6;

    far6.u.in6.sin6_addr.s6_addr[0] = 0x20;
    shorter.len = 8;
    world_seed(&x, 2);
    open_sock(&x, &a, AF_INET, SOCK_STREAM);
    ERR(x.net->bind(&a, &far), -EADDRNOTAVAIL);
    ERR(x.net->bind(&a, &far6), -EAFNOSUPPORT);
    EQ(do_connect(&x, &a, &far), -ENETUNREACH);
    OK(x.net->close(&a, false));
    open_sock(&x, &a, AF_INET6, SOCK_DGRAM);
    ERR(x.net->bind(&a, &shorter), -EINVAL);
    EQ(do_connect(&x, &a, &far6), -ENETUNREACH);
    EQ(do_sendto(&x, &a, "x", 1, &far6), -ENETUNREACH);
    ERR(x.net->socket(x.w, &a, AF_INET, SOCK_RAW, 0), -ESOCKTNOSUPPORT);
    ERR(x.net->socket(x.w, &a, AF_PACKET, SOCK_DGRAM, 0), -EAFNOSUPPORT);
    ERR(x.net->socket(x.w, &a, AF_INET, SOCK_STREAM, IPPROTO_UDP),
        -EPROTONOSUPPORT);
    ERR(x.net->pair(x.w, &a, &a, AF_INET, SOCK_STREAM, 0), -EOPNOTSUPP);
    world_close(&x);
}

/* Port 0 is another one each time, round the range, until none is left. */
TEST(ephemeral_ports)
{
    static struct tn__fd fd[TN_SIM_PORT_LAST - TN_SIM_PORT_FIRST + 1];
    const size_t n = sizeof(fd) / sizeof(fd[0]);
    struct world x;
    struct tn__fd one;
    tn_addr any = addr4(INADDR_ANY, 0), a;

    world_seed(&x, 3);
    for (size_t i = 0; i < n; i++) {
        a = any;
        open_sock(&x, &fd[i], AF_INET, SOCK_DGRAM);
        OK(x.net->bind(&fd[i], &a));
        OK(x.net->name(&fd[i], false, &a));
        EQ(ntohs(a.u.in.sin_port), TN_SIM_PORT_FIRST + i);
    }
    open_sock(&x, &one, AF_INET, SOCK_DGRAM);
    ERR(x.net->bind(&one, &any), -EADDRINUSE);
    OK(x.net->close(&fd[77], false));
    OK(x.net->bind(&one, &any));
    OK(x.net->name(&one, false, &a));
    EQ(ntohs(a.u.in.sin_port), TN_SIM_PORT_FIRST + 77);
    world_close(&x);
}

TEST(one_host_with_two_families)
{
    const int on = 1;
    struct world x;
    struct tn__fd six, four, child;
    tn_addr any6 = addr6(&in6addr_any, 80), here = addr4(INADDR_ANY, 80);
    tn_addr peer, name;

    world_seed(&x, 4);
    open_sock(&x, &six, AF_INET6, SOCK_STREAM);
    OK(x.net->bind(&six, &any6));
    OK(x.net->listen(&six, 8));
    open_sock(&x, &four, AF_INET, SOCK_STREAM);
    EQ(do_connect(&x, &four, &here), 0);
    EQ(do_accept(&x, &six, &child, &peer), 0);
    CHECK(IN6_IS_ADDR_V4MAPPED(&peer.u.in6.sin6_addr));
    OK(x.net->name(&four, false, &name));
    EQ(name.u.in.sin_port, peer.u.in6.sin6_port);
    EQ(ntohl(name.u.in.sin_addr.s_addr), INADDR_LOOPBACK);
    OK(x.net->name(&four, true, &name));
    EQ(ntohl(name.u.in.sin_addr.s_addr), INADDR_LOOPBACK);
    EQ(ntohs(name.u.in.sin_port), 80);
    OK(x.net->close(&six, false));
    OK(x.net->close(&four, false));
    open_sock(&x, &six, AF_INET6, SOCK_STREAM);
    OK(x.net->setopt(&six, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)));
    OK(x.net->bind(&six, &any6));
    OK(x.net->listen(&six, 8));
    open_sock(&x, &four, AF_INET, SOCK_STREAM);
    EQ(do_connect(&x, &four, &here), -ECONNREFUSED);
    OK(x.net->bind(&four, &here));
    world_close(&x);
}

/* ---- connections ---- */

TEST(connect_to_nobody)
{
    struct world x;
    struct tn__fd fd;
    tn_addr a = addr4(INADDR_LOOPBACK, 9), path = addr_unix("/no/such");

    world_seed(&x, 5);
    open_sock(&x, &fd, AF_INET, SOCK_STREAM);
    EQ(do_connect(&x, &fd, &a), -ECONNREFUSED);
    EQ(do_send(&x, &fd, "x", 1), -EPIPE);
    EQ(do_recv(&x, &fd, &a, 1), -ENOTCONN);
    ERR(x.net->shutdown(&fd, SHUT_WR), -ENOTCONN);
    open_sock(&x, &fd, AF_UNIX, SOCK_STREAM);
    EQ(do_connect(&x, &fd, &path), -ENOENT);
    OK(x.net->bind(&fd, &path));
    open_sock(&x, &fd, AF_UNIX, SOCK_STREAM);
    EQ(do_connect(&x, &fd, &path), -ECONNREFUSED);
    ERR(x.net->bind(&fd, &path), -EADDRINUSE);
    EQ(do_send(&x, &fd, "x", 1), -ENOTCONN);
    world_close(&x);
}

/* Room for one: the second waits until the first was accepted. */
TEST(a_full_backlog_makes_wait)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world x;
        struct tn__fd at, fd[3], child;
        struct tn__op op[3];
        tn_addr a;

        world_seed(&x, seed);
        a = open_listener(&x, &at, 1);
        for (int i = 0; i < 3; i++) {
            open_sock(&x, &fd[i], AF_INET, SOCK_STREAM);
            op[i] = op_connect(&a);
            begin(&x, &op[i], &fd[i]);
        }
        world_settle(&x);
        EQ((op[0].state == TN__DONE) + (op[1].state == TN__DONE) +
               (op[2].state == TN__DONE),
           1);
        EQ(do_accept(&x, &at, &child, NULL), 0);
        EQ(do_accept(&x, &at, &child, NULL), 0);
        world_settle(&x);
        for (int i = 0; i < 3; i++) {
            EQ(op[i].state, TN__DONE);
            EQ(op[i].result, 0);
        }
        OK(x.net->close(&at, false));
        world_close(&x);
    }
}

TEST(a_waiting_connect_ends)
{
    struct world x;
    struct tn__fd at, fd[3];
    struct tn__op op[2];
    tn_addr a;
    char c;

    world_seed(&x, 6);
    a = open_listener(&x, &at, 1);
    open_sock(&x, &fd[0], AF_INET, SOCK_STREAM);
    EQ(do_connect(&x, &fd[0], &a), 0);
    EQ(do_connect(&x, &fd[0], &a), -EISCONN);
    for (int i = 0; i < 2; i++) {
        open_sock(&x, &fd[i + 1], AF_INET, SOCK_STREAM);
        op[i] = op_connect(&a);
        begin(&x, &op[i], &fd[i + 1]);
    }
    world_settle(&x);
    end_by_cancel(&x, &op[0]);
    EQ(op[1].state, TN__PENDING);
    op[0].nowait = true;
    CHECK(begin(&x, &op[0], &fd[1]));
    EQ(op[0].result, -EAGAIN);
    OK(x.net->close(&at, false));
    EQ(end(&x, &op[1]), -ECONNREFUSED);
    EQ(do_recv(&x, &fd[0], &c, 1), -ECONNRESET);
    world_close(&x);
}

TEST(a_listener_is_shut)
{
    struct world x;
    struct tn__fd at, fd;
    struct tn__op op = op_accept(NULL);
    tn_addr a;

    world_seed(&x, 7);
    a = open_listener(&x, &at, 4);
    CHECK(at.is_listener);
    begin(&x, &op, &at);
    world_settle(&x);
    EQ(op.state, TN__PENDING);
    OK(x.net->shutdown(&at, SHUT_RD));
    EQ(end(&x, &op), -EINVAL);
    open_sock(&x, &fd, AF_INET, SOCK_STREAM);
    EQ(do_connect(&x, &fd, &a), -ECONNREFUSED);
    open_sock(&x, &fd, AF_INET, SOCK_DGRAM);
    ERR(x.net->listen(&fd, 1), -EOPNOTSUPP);
    EQ(run(&x, &op, &fd), -EOPNOTSUPP);
    world_close(&x);
}

TEST(faults_at_their_rate)
{
    const tn_sim_opts o = {.seed = 8, .refuse = 200, .emfile = 100};
    struct world x;
    struct tn__fd at, fd, child;
    int sockets = 0, no_fd = 0, refused = 0, tries = 0, accepts = 0;
    tn_addr a;
    ssize_t r;

    world_seed(&x, 8);
    a = open_listener(&x, &at, 8);
    ((struct sim *)x.w)->opts.emfile = o.emfile;
    ((struct sim *)x.w)->opts.refuse = o.refuse;
    for (int i = 0; i < 2000; i++) {
        sockets++;
        r = x.net->socket(x.w, &fd, AF_INET, SOCK_STREAM, 0);
        if (r == -EMFILE) {
            no_fd++;
            continue;
        }
        EQ(r, 0);
        tries++;
        r = do_connect(&x, &fd, &a);
        if (r == -ECONNREFUSED) {
            refused++;
        } else {
            EQ(r, 0);
            while ((r = do_accept(&x, &at, &child, NULL)) == -EMFILE) {
                no_fd++;
                accepts++;
            }
            EQ(r, 0);
            accepts++;
            OK(x.net->close(&child, false));
        }
        OK(x.net->close(&fd, false));
    }
    GE(refused, tries * 16 / 100);
    LE(refused, tries * 24 / 100);
    GE(no_fd, (sockets + accepts) * 8 / 100);
    LE(no_fd, (sockets + accepts) * 12 / 100);
    world_close(&x);
}

/* Both finish kinds occur for what is ready: at once and later. */
TEST(connects_take_their_time)
{
    int at_once = 0, later = 0;

    for (uint64_t seed = 0; seed < 100; seed++) {
        struct world x;
        struct tn__fd at, fd;
        struct tn__op op;
        tn_addr a;

        world_seed(&x, seed);
        a = open_listener(&x, &at, 8);
        open_sock(&x, &fd, AF_INET, SOCK_STREAM);
        op = op_connect(&a);
        if (begin(&x, &op, &fd)) {
            at_once++;
        } else {
            later++;
        }
        EQ(end(&x, &op), 0);
        world_close(&x);
    }
    GE(at_once, 20);
    GE(later, 20);
}

/* ---- options ---- */

static int
get(struct world *x, struct tn__fd *fd, int level, int name)
{
    int value = -1;
    size_t len = sizeof(value);

    OK(x->net->getopt(fd, level, name, &value, &len));
    EQ(len, sizeof(value));
    return value;
}

TEST(options_are_kept)
{
    const int seven = 7;
    struct world x;
    struct tn__fd at, fd;
    int value;
    size_t len = sizeof(value);
    tn_addr a;

    world_seed(&x, 16);
    a = open_listener(&x, &at, 4);
    EQ(get(&x, &at, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    EQ(get(&x, &at, SOL_SOCKET, SO_DOMAIN), AF_INET);
    EQ(get(&x, &at, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    EQ(get(&x, &at, SOL_SOCKET, SO_ACCEPTCONN), 1);
    EQ(get(&x, &at, SOL_SOCKET, SO_ERROR), 0);
    OK(x.net->setopt(&at, IPPROTO_TCP, TCP_NODELAY, &seven, sizeof(seven)));
    open_sock(&x, &fd, AF_INET, SOCK_STREAM);
    EQ(get(&x, &fd, IPPROTO_TCP, TCP_NODELAY), 0);
    EQ(do_connect(&x, &fd, &a), 0);
    EQ(do_accept(&x, &at, &fd, NULL), 0);
    EQ(get(&x, &fd, IPPROTO_TCP, TCP_NODELAY), seven);
    ERR(x.net->setopt(&fd, SOL_SOCKET, 9999, &seven, sizeof(seven)),
        -ENOPROTOOPT);
    ERR(x.net->setopt(&fd, SOL_SOCKET, SO_KEEPALIVE, &seven, 1), -EINVAL);
    ERR(x.net->getopt(&fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len),
        -ENOPROTOOPT);
    open_sock(&x, &fd, AF_INET, SOCK_DGRAM);
    ERR(x.net->getopt(&fd, IPPROTO_TCP, TCP_NODELAY, &value, &len),
        -ENOPROTOOPT);
    world_close(&x);
}

TEST(a_pending_error_is_read_once)
{
    struct world x;
    struct tn__fd fd[2];

    world_seed(&x, 17);
    open_tcp(&x, fd);
    OK(x.net->close(&fd[1], true));
    world_settle(&x);
    EQ(get(&x, &fd[0], SOL_SOCKET, SO_ERROR), ECONNRESET);
    EQ(get(&x, &fd[0], SOL_SOCKET, SO_ERROR), 0);
    EQ(do_send(&x, &fd[0], "x", 1), -EPIPE);
    world_close(&x);
}
