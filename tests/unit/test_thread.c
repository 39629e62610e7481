/* The verbs in a plain thread: no loop, no task, signals in between. */
#include <tenon/err.h>
#include <tenon/loop.h>
#include <tenon/msg.h>
#include <tenon/task.h>

#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static int asked; /* how often the hook ran */

static bool
give_up(void *arg)
{
    (void)arg;
    asked++;
    return true;
}

static bool
go_on(void *arg)
{
    asked++;
    return asked >= *(int *)arg;
}

static void
on_alarm(int signo)
{
    (void)signo;
}

/* A signal after and then every so many ms, without SA_RESTART. */
static void
start_alarms(int first, int then)
{
    struct sigaction act = {.sa_handler = on_alarm};
    struct itimerval often = {{then / 1000, then % 1000 * 1000},
                              {first / 1000, first % 1000 * 1000}};

    asked = 0;
    OK(sigaction(SIGALRM, &act, NULL));
    OK(setitimer(ITIMER_REAL, &often, NULL));
}

static void
stop_alarms(void)
{
    struct itimerval never = {{0, 0}, {0, 0}};

    OK(setitimer(ITIMER_REAL, &never, NULL));
    tn_on_interrupt(NULL, NULL);
}

static tn_sock *
listener(const char *ip)
{
    tn_addr addr;
    tn_sock *s;

    OK(tn_addr_ip(&addr, ip, 0));
    OK(tn_socket(&s, addr.u.sa.sa_family, SOCK_STREAM, 0));
    OK(tn_bind(s, &addr));
    OK(tn_listen(s, 8));
    return s;
}

TEST(an_accepted_socket_works)
{
    tn_sock *l = listener("127.0.0.1"), *c, *s;
    tn_addr addr, peer, self;
    char buf[8];

    OK(tn_getsockname(l, &addr));
    OK(tn_socket(&c, AF_INET, SOCK_STREAM, 0));
    OK(tn_connect(c, &addr));
    OK(tn_accept(l, &s, &peer));
    OK(tn_getsockname(c, &self));
    CHECK(tn_addr_equal(&peer, &self));
    CHECK(tn_fileno(s) > tn_fileno(c));
    EQ(tn_gettimeout(s), TN_FOREVER);
    CHECK(!(fcntl(tn_fileno(s), F_GETFL) & O_NONBLOCK));
    EQ(tn_send(c, "hello", 5, 0), 5);
    EQ(tn_recv(s, buf, sizeof(buf), 0), 5);
    OK(tn_close(s));
    OK(tn_close(c));
    OK(tn_close(l));
}

static const struct test_param limits[] = {
    {.name = "no_limit", .value = {-1}},
    {.name = "a_minute", .value = {60}},
};

TEST_EACH(sendall_asks_the_hook, limits)
{
    int64_t timeout = p->value[0] < 0 ? TN_FOREVER : p->value[0] * TN_SEC;
    size_t size = 16 << 20, sent = 0;
    char *data = calloc(1, size);
    tn_sock *pair[2];
    int64_t began;

    CHECK(data);
    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_settimeout(pair[0], timeout));
    tn_on_interrupt(give_up, NULL);
    /* The first comes when the buffer is full. Who misses it waits for the
       second, which finds nothing sent and therefore gives EINTR. */
    start_alarms(300, 5000);
    began = tn_now();
    ERR(tn_sendall(pair[0], data, size, &sent), -EINTR);
    CHECK(tn_now() - began < 5 * TN_SEC);
    stop_alarms();
    EQ(asked, 1);
    CHECK(sent > 0 && sent < size);
    free(data);
    OK(tn_close(pair[0]));
    OK(tn_close(pair[1]));
}

TEST_EACH(recv_asks_the_hook_each_time, limits)
{
    int64_t timeout = p->value[0] < 0 ? TN_FOREVER : p->value[0] * TN_SEC;
    tn_sock *pair[2];
    int times = 3;
    char buf[8];

    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_settimeout(pair[0], timeout));
    tn_on_interrupt(go_on, &times);
    start_alarms(5, 5);
    ERR(tn_recv(pair[0], buf, sizeof(buf), 0), -EINTR);
    stop_alarms();
    EQ(asked, 3);
    OK(tn_close(pair[0]));
    OK(tn_close(pair[1]));
}

/* Connects until one would have to wait for room in the backlog. */
static int
fill_backlog(const tn_addr *addr, tn_sock **queued, int most)
{
    for (int n = 0; n < most; n++) {
        int r;

        OK(tn_socket(&queued[n], AF_UNIX, SOCK_STREAM, 0));
        OK(tn_settimeout(queued[n], 0));
        r = tn_connect(queued[n], addr);
        if (r < 0) {
            OK(tn_close(queued[n]));
            return n;
        }
    }
    FAIL("the backlog has no end");
    return 0;
}

TEST_EACH(connect_to_a_full_backlog_asks_the_hook, limits)
{
    int64_t timeout = p->value[0] < 0 ? TN_FOREVER : p->value[0] * TN_SEC;
    tn_sock *l, *c, *queued[16];
    tn_addr addr;
    int n, times = 3;

    OK(tn_addr_unix(&addr, "", 0));
    OK(tn_socket(&l, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_bind(l, &addr));
    OK(tn_listen(l, 0));
    OK(tn_getsockname(l, &addr));
    n = fill_backlog(&addr, queued, 16);
    OK(tn_socket(&c, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_settimeout(c, timeout));
    tn_on_interrupt(go_on, &times);
    start_alarms(5, 5);
    ERR(tn_connect(c, &addr), -EINTR);
    stop_alarms();
    EQ(asked, 3);
    ERR(tn_getpeername(c, &addr), -ENOTCONN);
    while (n-- > 0) {
        OK(tn_close(queued[n]));
    }
    OK(tn_close(c));
    OK(tn_close(l));
}

TEST(the_flags_tell_nothing_of_close_on_exec)
{
    char data[4], room[64];
    struct iovec iov = {data, sizeof(data)};
    tn_msg msg = {
        .iov = &iov,
        .iov_count = 1,
        .control = room,
        .control_len = sizeof(room),
    };
    tn_sock *pair[2];

    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    EQ(tn_send(pair[0], "x", 1, 0), 1);
    EQ(tn_recvmsg(pair[1], &msg, 0), 1);
    EQ(msg.flags, 0);
    OK(tn_close(pair[0]));
    OK(tn_close(pair[1]));
}

static const struct test_param kinds[] = {
    {.name = "datagram", .value = {SOCK_DGRAM}},
    {.name = "seqpacket", .value = {SOCK_SEQPACKET}},
};

TEST_EACH(an_empty_sendall_is_a_message, kinds)
{
    tn_sock *pair[2];
    char buf[8];

    SKIP_UNDER_QEMU("an empty send");
    OK(tn_socketpair(pair, AF_UNIX, p->value[0], 0));
    EQ(tn_sendall(pair[0], "", 0, NULL), 0);
    EQ(tn_sendvall(pair[0], NULL, 0, NULL), 0);
    EQ(tn_sendall(pair[0], "x", 1, NULL), 1);
    OK(tn_settimeout(pair[1], 0));
    EQ(tn_recv(pair[1], buf, sizeof(buf), 0), 0);
    EQ(tn_recv(pair[1], buf, sizeof(buf), 0), 0);
    EQ(tn_recv(pair[1], buf, sizeof(buf), 0), 1);
    OK(tn_close(pair[0]));
    OK(tn_close(pair[1]));
}

TEST(an_empty_sendall_notices_the_end)
{
    tn_sock *pair[2];

    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    EQ(tn_sendall(pair[0], "", 0, NULL), 0);
    OK(tn_close(pair[1]));
    ERR(tn_sendall(pair[0], "", 0, NULL), -EPIPE);
    OK(tn_close(pair[0]));
}

/* poll(2) says "ready" of it and recv(2) "again": no reason to turn round and
   round until the time is up, as Python does. */
TEST(a_datagram_socket_shut_for_reading_has_ended)
{
    tn_addr addr;
    tn_sock *s;
    char buf[8];

    OK(tn_addr_ip(&addr, "127.0.0.1", 0));
    OK(tn_socket(&s, AF_INET, SOCK_DGRAM, 0));
    OK(tn_bind(s, &addr));
    OK(tn_getsockname(s, &addr));
    OK(tn_connect(s, &addr));
    OK(tn_shutdown(s, SHUT_RD));
    OK(tn_settimeout(s, 20 * TN_MS));
    EQ(tn_recv(s, buf, sizeof(buf), 0), 0);
    OK(tn_settimeout(s, 0));
    ERR(tn_recv(s, buf, sizeof(buf), 0), -EAGAIN);
    OK(tn_close(s));
}
