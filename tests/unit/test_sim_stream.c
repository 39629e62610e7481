/*
 * test_sim_stream.c - the simulated network: streams and how they end.
 */
#include "sim_harness.h"

#include <poll.h>
#include <stdio.h>

/* ---- the end of a stream ---- */

static size_t
drain(struct world *x, struct tn__fd *fd, ssize_t *last)
{
    char buf[512];
    size_t n = 0;

    while ((*last = do_recv(x, fd, buf, sizeof(buf))) > 0) {
        n += (size_t)*last;
    }
    return n;
}

static size_t
send_some(struct world *x, struct tn__fd *fd, size_t n)
{
    char buf[512] = "";
    size_t sent = 0;

    while (sent < n) {
        ssize_t r = do_send(x, fd, buf,
                            n - sent < sizeof(buf) ? n - sent : sizeof(buf));

        GE(r, 1);
        sent += (size_t)r;
    }
    return sent;
}

TEST(half_close_and_close)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world x;
        struct tn__fd fd[2];
        ssize_t r;

        world_seed(&x, seed);
        open_tcp(&x, fd);
        send_some(&x, &fd[0], 5000);
        OK(x.net->shutdown(&fd[0], SHUT_WR));
        EQ(do_send(&x, &fd[0], "x", 1), -EPIPE);
        EQ(drain(&x, &fd[1], &r), 5000);
        EQ(r, 0);
        send_some(&x, &fd[1], 3000);
        OK(x.net->close(&fd[1], false));
        EQ(drain(&x, &fd[0], &r), 3000);
        EQ(r, 0);
        world_close(&x);
    }
}

/* Bytes that wait to be read here make a close a reset there. */
TEST(unread_input_resets)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world x;
        struct tn__fd fd[2];
        ssize_t r;

        world_seed(&x, seed);
        open_tcp(&x, fd);
        send_some(&x, &fd[0], 1000);
        world_settle(&x);
        OK(x.net->close(&fd[1], false));
        drain(&x, &fd[0], &r);
        EQ(r, -ECONNRESET);
        EQ(do_recv(&x, &fd[0], &r, 1), 0);
        EQ(do_send(&x, &fd[0], "x", 1), -ECONNRESET);
        EQ(do_send(&x, &fd[0], "x", 1), -EPIPE);
        world_close(&x);
    }
}

TEST(abort_resets)
{
    struct world x;
    struct tn__fd fd[2];
    struct linger linger = {.l_onoff = 1};
    ssize_t r;

    world_seed(&x, 3);
    open_tcp(&x, fd);
    OK(x.net->close(&fd[1], true));
    drain(&x, &fd[0], &r);
    EQ(r, -ECONNRESET);
    OK(x.net->close(&fd[0], false));
    open_tcp(&x, fd);
    OK(x.net->setopt(&fd[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
    OK(x.net->close(&fd[1], false));
    drain(&x, &fd[0], &r);
    EQ(r, -ECONNRESET);
    world_close(&x);
}

/* The peer is gone: a TCP sender may learn it late, but it does. */
TEST(sends_to_nobody_end)
{
    int swallowed = 0;

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world x;
        struct tn__fd fd[2];
        ssize_t r;
        int n = 0;

        world_seed(&x, seed);
        open_tcp(&x, fd);
        OK(x.net->close(&fd[1], false));
        world_settle(&x);
        while ((r = do_send(&x, &fd[0], "x", 1)) == 1) {
            LE(++n, 60);
        }
        EQ(r, -EPIPE);
        swallowed += n > 0;
        world_close(&x);
    }
    GE(swallowed, 5);
}

TEST(a_parked_sender_hears_of_the_end)
{
    static char big[TN_SIM_PIPE + 1];

    for (uint64_t seed = 0; seed < 40; seed++) {
        struct world x;
        struct tn__fd fd[2];
        struct tn__op op = op_send(big, sizeof(big));

        world_seed(&x, seed);
        open_tcp(&x, fd);
        while (begin(&x, &op, &fd[0]) || op.state == TN__PENDING) {
            world_settle(&x);
            if (op.state == TN__PENDING) {
                break;
            }
        }
        OK(x.net->close(&fd[1], false));
        EQ(end(&x, &op), -ECONNRESET);
        world_close(&x);
    }
}

/* The reader's end is known, and then the peer closes on unread input. */
TEST(a_reset_after_the_end)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct world x;
        struct tn__fd fd[2];
        char c;

        world_seed(&x, seed);
        open_tcp(&x, fd);
        EQ(do_send(&x, &fd[0], "x", 1), 1);
        OK(x.net->shutdown(&fd[1], SHUT_WR));
        EQ(do_recv(&x, &fd[0], &c, 1), 0);
        world_settle(&x);
        OK(x.net->close(&fd[1], false));
        EQ(do_send(&x, &fd[0], "x", 1), -EPIPE);
        EQ(do_recv(&x, &fd[0], &c, 1), 0);
        world_close(&x);
    }
}

/* ---- bounds ---- */

static size_t
fill_up(struct world *x, struct tn__fd *fd)
{
    static char big[TN_SIM_PIPE];
    size_t total = 0;

    for (;;) {
        struct tn__op op = op_send(big, sizeof(big));

        op.nowait = true;
        CHECK(begin(x, &op, fd));
        if (op.result == -EAGAIN) {
            return total;
        }
        GE(op.result, 1);
        total += (size_t)op.result;
    }
}

TEST(a_stream_holds_so_much)
{
    const int small = 3000;
    struct world x;
    struct tn__fd fd[2];
    size_t unread, unsent;
    ssize_t r;

    world_seed(&x, 4);
    open_pair(&x, fd, SOCK_STREAM);
    EQ(fill_up(&x, &fd[0]), TN_SIM_PIPE);
    world_settle(&x);
    OK(x.net->pending(&fd[1], &unread, NULL));
    OK(x.net->pending(&fd[0], NULL, &unsent));
    EQ(unread, TN_SIM_PIPE);
    EQ(unsent, TN_SIM_PIPE);
    OK(x.net->shutdown(&fd[0], SHUT_WR));
    EQ(drain(&x, &fd[1], &r), TN_SIM_PIPE);
    OK(x.net->setopt(&fd[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
    EQ(fill_up(&x, &fd[1]), 2 * small);
    world_close(&x);
}

/* A Unix sender that waits for room is told that nobody will read. */
TEST(no_more_reading)
{
    struct world x;
    struct tn__fd fd[2];
    struct tn__op op = op_send("x", 1), reader;
    char c;

    world_seed(&x, 18);
    open_pair(&x, fd, SOCK_STREAM);
    fill_up(&x, &fd[0]);
    reader = op_recv(&c, 1, 0);
    begin(&x, &op, &fd[0]);
    begin(&x, &reader, &fd[0]);
    world_settle(&x);
    EQ(op.state, TN__PENDING);
    OK(x.net->shutdown(&fd[1], SHUT_RD));
    EQ(end(&x, &op), -EPIPE);
    EQ(reader.state, TN__PENDING);
    OK(x.net->shutdown(&fd[0], SHUT_RD));
    EQ(end(&x, &reader), 0);
    world_close(&x);
}

TEST(one_reader_and_one_writer)
{
    struct world x;
    struct tn__fd fd[2];
    char a, b;
    struct tn__op first = op_recv(&a, 1, 0), second = op_recv(&b, 1, 0);

    world_seed(&x, 5);
    open_pair(&x, fd, SOCK_STREAM);
    CHECK(!begin(&x, &first, &fd[0]));
    CHECK(begin(&x, &second, &fd[0]));
    EQ(second.result, -EBUSY);
    GE(do_send(&x, &fd[0], "x", 1), 1);
    end_by_cancel(&x, &first);
    EQ(try_recv(&x, &fd[0], &a, 1), -EAGAIN);
    first.nowait = true;
    CHECK(begin(&x, &first, &fd[0]));
    EQ(first.result, -EAGAIN);
    world_close(&x);
}

/* ---- flags, vectors, files, poll ---- */

TEST(peek_and_vectors)
{
    struct world x;
    struct tn__fd fd[2];
    char a[3], b[8];
    struct iovec iov[] = {{a, 3}, {a, 0}, {b, 8}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};
    struct tn__op op = {.kind = TN__RECVMSG,
                        .u.m = {.msg = &msg, .flags = MSG_WAITALL}};
    struct tn__op peek = op_recv(b, 8, MSG_PEEK | MSG_WAITALL);

    world_seed(&x, 6);
    open_pair(&x, fd, SOCK_STREAM);
    for (const char *p = "abcdefg"; *p; p++) {
        EQ(do_send(&x, &fd[0], p, 1), 1);
    }
    world_settle(&x);
    EQ(run(&x, &peek, &fd[1]), 7);
    MEMEQ(b, "abcdefg", 7);
    EQ(run(&x, &op, &fd[1]), 7);
    MEMEQ(a, "abc", 3);
    MEMEQ(b, "defg", 4);
    msg.msg_control = a;
    msg.msg_controllen = sizeof(a);
    op.kind = TN__SENDMSG;
    EQ(run(&x, &op, &fd[1]), -EOPNOTSUPP);
    op = op_recv(a, 1, MSG_OOB);
    EQ(run(&x, &op, &fd[1]), -EOPNOTSUPP);
    world_close(&x);
}

TEST(zero_bytes)
{
    struct world x;
    struct tn__fd fd[2];

    world_seed(&x, 7);
    open_pair(&x, fd, SOCK_STREAM);
    EQ(do_recv(&x, &fd[0], NULL, 0), 0);
    EQ(do_send(&x, &fd[0], NULL, 0), 0);
    world_close(&x);
}

/* Byte i of the file. */
static uint8_t
pattern(size_t i)
{
    return (uint8_t)(i ^ i >> 8 ^ i >> 5);
}

TEST(a_file_is_sent)
{
    struct world x;
    struct tn__fd fd[2];
    FILE *file = tmpfile();
    struct tn__op op = {.kind = TN__SENDFILE};
    uint8_t buf[1000];
    size_t got = 0;

    CHECK(file != NULL);
    for (size_t i = 0; i < 10000; i++) {
        putc(pattern(i), file);
    }
    CHECK(fflush(file) == 0);
    world_seed(&x, 8);
    open_tcp(&x, fd);
    op.u.f.file = fileno(file);
    op.u.f.offset = 100;
    while (op.u.f.offset < 10000) {
        op.u.f.len = 20000;
        GE(run(&x, &op, &fd[0]), 1);
        world_settle(&x);
        while (got + 100 < (size_t)op.u.f.offset) {
            ssize_t r = do_recv(&x, &fd[1], buf, sizeof(buf));

            GE(r, 1);
            for (ssize_t i = 0; i < r; i++) {
                EQ(buf[i], pattern(100 + got + (size_t)i));
            }
            got += (size_t)r;
        }
    }
    EQ(run(&x, &op, &fd[0]), 0);
    op.u.f.file = -1;
    EQ(run(&x, &op, &fd[0]), -EBADF);
    fclose(file);
    world_close(&x);
}

TEST(poll_tells)
{
    struct world x;
    struct tn__fd fd[2];
    struct tn__op op = {.kind = TN__POLL, .u.events = POLLIN};

    world_seed(&x, 9);
    open_pair(&x, fd, SOCK_STREAM);
    op.nowait = true;
    CHECK(begin(&x, &op, &fd[0]));
    EQ(op.result, -EAGAIN);
    op.nowait = false;
    CHECK(!begin(&x, &op, &fd[0]));
    EQ(do_send(&x, &fd[1], "x", 1), 1);
    EQ(end(&x, &op), POLLIN);
    op.u.events = POLLOUT;
    EQ(run(&x, &op, &fd[0]), POLLOUT);
    fill_up(&x, &fd[0]);
    world_settle(&x);
    begin(&x, &op, &fd[0]);
    world_settle(&x);
    EQ(op.state, TN__PENDING);
    GE(do_recv(&x, &fd[1], &(char[64]){0}, 64), 1);
    EQ(end(&x, &op), POLLOUT);
    OK(x.net->close(&fd[1], true));
    op.u.events = POLLIN | POLLRDHUP;
    world_settle(&x);
    EQ(run(&x, &op, &fd[0]), POLLIN | POLLRDHUP | POLLHUP | POLLERR);
    world_close(&x);
}

TEST(a_socket_outlives_its_network)
{
    struct world x;
    struct tn__fd fd[2], alone;
    char c;
    struct tn__op op = op_recv(&c, 1, 0);
    tn_addr a;

    world_seed(&x, 10);
    open_pair(&x, fd, SOCK_STREAM);
    open_sock(&x, &alone, AF_INET6, SOCK_DGRAM);
    EQ(do_send(&x, &fd[0], "abc", 1), 1);
    world_close(&x);
    CHECK(begin(&x, &op, &fd[1]));
    EQ(op.result, -EBADF);
    ERR(x.net->name(&alone, false, &a), -EBADF);
    ERR(x.net->shutdown(&fd[0], SHUT_WR), -EBADF);
    OK(x.net->close(&fd[0], false));
    OK(x.net->close(&fd[1], true));
    OK(x.net->close(&alone, false));
}

/* ---- faults ---- */

TEST(resets_at_their_rate)
{
    const tn_sim_opts o = {.seed = 11, .reset = 100};
    struct world x;
    struct tn__fd fd[2];
    int sends = 0, resets = 0;

    world_open(&x, &o);
    while (resets < 200) {
        ssize_t r;
        char buf[64];

        open_pair(&x, fd, SOCK_STREAM);
        while ((r = do_send(&x, &fd[0], "x", 1)) == 1) {
            sends++;
        }
        EQ(r, -ECONNRESET);
        resets++;
        EQ(do_send(&x, &fd[0], "x", 1), -EPIPE);
        EQ(do_recv(&x, &fd[0], buf, 1), -ECONNRESET);
        while ((r = do_recv(&x, &fd[1], buf, sizeof(buf))) > 0) {
        }
        EQ(r, -ECONNRESET);
        OK(x.net->close(&fd[0], false));
        OK(x.net->close(&fd[1], false));
    }
    /* 1 in 10, so 9 good ones before each. */
    GE(sends, 1400);
    LE(sends, 2200);
    world_close(&x);
}
