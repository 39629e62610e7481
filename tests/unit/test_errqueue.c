/*
 * The error queue of a socket: asked by a sender while a reader waits, and
 * empty without a word about data.
 */
#include <tenon/err.h>
#include <tenon/msg.h>
#include <tenon/sockopt.h>
#include <tenon/task.h>

#include "test.h"

#include <stdlib.h>

static const struct test_param backends[] = {
    {.name = "epoll", .data = "epoll"},
    {.name = "poll", .data = "poll"},
};

static tn_sock *
bound(tn_addr *at)
{
    tn_sock *s;

    OK(tn_addr_ip(at, "127.0.0.1", 0));
    OK(tn_socket(&s, AF_INET, SOCK_DGRAM, 0));
    OK(tn_bind(s, at));
    OK(tn_getsockname(s, at));
    return s;
}

static ssize_t
ask(tn_sock *s, tn_msg *msg)
{
    return tn_recvmsg(s, msg, MSG_ERRQUEUE | MSG_DONTWAIT);
}

static int
wait_for_data(void *arg)
{
    tn_sock *s = *(tn_sock **)arg;
    char buf[8];

    ERR(tn_recv(s, buf, sizeof(buf), 0), -ECANCELED);
    return 0;
}

static int
ask_beside_a_reader(void *arg)
{
    tn_addr at, dead;
    tn_sock *s = bound(&at);
    tn_sock *gone = bound(&dead);
    tn_msg msg = {.iov_count = 0};
    tn_group g;

    (void)arg;
    OK(tn_close(gone));
    OK(tn_set(s, TN_RECVERR, 1));
    tn_group_init(&g, 0);
    OK(tn_go(&g, wait_for_data, &s));
    OK(tn_checkpoint());
    ERR(ask(s, &msg), -EAGAIN);
    /* On loopback the answer is there when the send returns. */
    EQ(tn_sendto(s, "x", 1, 0, &dead), 1);
    ERR(tn_sendto(s, "x", 1, 0, &dead), -ECONNREFUSED);
    GE(ask(s, &msg), 0);
    CHECK(tn_addr_equal(&msg.addr, &dead));
    ERR(ask(s, &msg), -EAGAIN);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    return tn_close(s);
}

TEST_EACH(a_sender_asks_while_a_reader_waits, backends)
{
    tn_opts opts = {.backend = p->data};

    SKIP_UNDER_QEMU("an empty error queue");
    OK(tn_run(&opts, ask_beside_a_reader, NULL));
}

struct pair {
    tn_sock *from;
    tn_addr to;
};

static int
send_two(void *arg)
{
    const struct pair *p = arg;

    EQ(tn_sendto(p->from, "1", 1, 0, &p->to), 1);
    EQ(tn_sendto(p->from, "2", 1, 0, &p->to), 1);
    return 0;
}

static int
ask_before_data(void *arg)
{
    struct pair p;
    tn_addr from;
    tn_sock *s = bound(&p.to);
    tn_msg msg = {.iov_count = 0};
    tn_group g;
    char buf[8];

    (void)arg;
    p.from = bound(&from);
    OK(tn_settimeout(s, 5 * TN_SEC));
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_two, &p));
    EQ(tn_recvfrom(s, buf, sizeof(buf), 0, NULL, NULL), 1);
    ERR(ask(s, &msg), -EAGAIN);
    EQ(tn_recvfrom(s, buf, sizeof(buf), 0, NULL, NULL), 1);
    OK(tn_group_wait(&g));
    OK(tn_close(p.from));
    return tn_close(s);
}

TEST_EACH(an_empty_error_queue_hides_no_data, backends)
{
    tn_opts opts = {.backend = p->data};

    SKIP_UNDER_QEMU("an empty error queue");
    OK(tn_run(&opts, ask_before_data, NULL));
}
