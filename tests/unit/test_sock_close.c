/*
 * test_sock_close.c - closing: under parked calls, with unread input, shared.
 */
#include "core.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct closing {
    tn_sock *s[2];
    ssize_t result;
    char buf[256];
    int count;
};

static int
read_one(void *arg)
{
    struct closing *c = arg;

    c->result = tn_recv(c->s[0], c->buf, sizeof(c->buf), 0);
    return 0;
}

static int
close_under_reader(void *arg)
{
    struct closing c = {.count = 0};
    tn_group g;

    (void)arg;
    OK(tn_socketpair(c.s, AF_UNIX, SOCK_STREAM, 0));
    tn_group_init(&g, 0);
    OK(tn_go(&g, read_one, &c));
    OK(tn_checkpoint());
    EQ(tn_close(c.s[0]), 0);
    OK(tn_group_wait(&g));
    EQ(c.result, -EBADF);
    tn_close(c.s[1]);
    return 0;
}

TEST_EACH(close_wakes_a_parked_reader, backends)
{
    OK(run_on(p, close_under_reader, NULL));
}

/* ---- the number of a closed descriptor comes again ---- */

static int
reuse_number(void *arg)
{
    char byte;

    (void)arg;
    for (int i = 0; i < 1000; i++) {
        struct closing c = {.count = i};
        tn_sock *again[2];
        tn_group g;

        OK(tn_socketpair(c.s, AF_UNIX, SOCK_STREAM, 0));
        tn_group_init(&g, 0);
        OK(tn_go(&g, read_one, &c));
        OK(tn_checkpoint());
        /* An event for the old socket is on its way when it is closed. */
        EQ(tn_send(c.s[1], "x", 1, 0), 1);
        EQ(tn_close(c.s[0]), 0);
        OK(tn_socketpair(again, AF_UNIX, SOCK_STREAM, 0));
        OK(tn_group_wait(&g));
        CHECK(c.result == -EBADF || c.result == 1);
        tn_settimeout(again[0], 0);
        ERR(tn_recv(again[0], &byte, 1, 0), -EAGAIN);
        tn_settimeout(again[0], TN_FOREVER);
        EQ(tn_send(again[1], "y", 1, 0), 1);
        EQ(tn_recv(again[0], &byte, 1, 0), 1);
        EQ(byte, 'y');
        close_pair(again);
        tn_close(c.s[1]);
    }
    return 0;
}

TEST_EACH(a_number_used_again_gets_no_old_event, backends)
{
    OK(run_on(p, reuse_number, NULL));
}

/* ---- a user of the socket that is between two ops ---- */

static int
read_until_error(void *arg)
{
    struct closing *c = arg;
    char byte;

    while ((c->result = tn_recv(c->s[0], &byte, 1, 0)) == 1) {
        c->count++;
    }
    return 0;
}

/* The reader's budget ends with the last byte: it goes to the tail inside its
   call, and the close comes meanwhile. */
static int
close_under_yielder(void *arg)
{
    struct closing c = {.count = 0};
    tn_group g;

    (void)arg;
    OK(tn_socketpair(c.s, AF_UNIX, SOCK_STREAM, 0));
    EQ(tn_sendall(c.s[1], c.buf, 63, NULL), 63);
    tn_group_init(&g, 0);
    OK(tn_go(&g, read_until_error, &c));
    for (int i = 0; i < 200 && c.count < 63; i++) {
        OK(tn_checkpoint());
    }
    tn_close(c.s[0]);
    OK(tn_group_wait(&g));
    EQ(c.result, -EBADF);
    tn_close(c.s[1]);
    return 0;
}

TEST_EACH(close_reaches_a_reader_that_made_way, backends)
{
    OK(run_on(p, close_under_yielder, NULL));
}

static int
read_all_100(void *arg)
{
    struct closing *c = arg;

    c->result = tn_recvall(c->s[0], c->buf, 100, NULL);
    return 0;
}

/* The first part arrives, and before the reader runs again comes the close. */
static int
close_under_recvall(void *arg)
{
    struct closing c = {.count = 0};
    tn_group g;

    (void)arg;
    OK(tn_socketpair(c.s, AF_UNIX, SOCK_STREAM, 0));
    tn_group_init(&g, 0);
    OK(tn_go(&g, read_all_100, &c));
    OK(tn_checkpoint());
    EQ(tn_sendall(c.s[1], "1234", 4, NULL), 4);
    OK(tn_sleep(1 * TN_MS));
    EQ(tn_sendall(c.s[1], "1234", 4, NULL), 4);
    OK(tn_checkpoint());
    tn_close(c.s[0]);
    OK(tn_group_wait(&g));
    EQ(c.result, -EBADF);
    tn_close(c.s[1]);
    return 0;
}

TEST_EACH(close_reaches_recvall_half_way, backends)
{
    OK(run_on(p, close_under_recvall, NULL));
}

/* ---- unread input ---- */

static int
answer_survives(void *arg)
{
    char buf[64];
    tn_sock *s[2];
    int64_t start;

    (void)arg;
    tcp_pair(s, AF_INET);
    EQ(tn_sendall(s[0], "a question nobody reads", 23, NULL), 23);
    EQ(tn_sendall(s[1], "answer", 6, NULL), 6);
    start = tn_now();
    EQ(tn_close(s[1]), 0);
    LE(tn_now() - start, 1 * TN_SEC); /* taken by the peer's kernel */
    EQ(tn_recvall(s[0], buf, 6, NULL), 6);
    MEMEQ(buf, "answer", 6);
    EQ(tn_recv(s[0], buf, sizeof(buf), 0), 0);
    tn_close(s[0]);
    return 0;
}

TEST_EACH(close_with_unread_input_loses_no_answer, callers)
{
    OK(run_as(p, answer_survives, NULL));
}

/* A second socket on the same connection goes on after the first is closed,
   unread input or not. */
static int
dup_goes_on(void *arg)
{
    char buf[64];
    tn_sock *s[2], *d;

    (void)arg;
    tcp_pair(s, AF_INET);
    OK(tn_dup(s[1], &d));
    EQ(tn_sendall(s[0], "hello", 5, NULL), 5);
    EQ(tn_close(s[1]), 0);
    EQ(tn_recvall(d, buf, 5, NULL), 5);
    EQ(tn_sendall(d, "world", 5, NULL), 5);
    EQ(tn_recvall(s[0], buf, 5, NULL), 5);
    MEMEQ(buf, "world", 5);
    tn_close(d);
    tn_close(s[0]);
    return 0;
}

TEST_EACH(closing_one_dup_leaves_the_connection, kernel_callers)
{
    OK(run_as(p, dup_goes_on, NULL));
}

/* So it does in a child, which got the connection by fork. */
static int
answer_in_a_child(tn_sock *conn)
{
    char buf[64];

    EQ(tn_recvall(conn, buf, 8, NULL), 8);
    EQ(tn_sendall(conn, buf, 8, NULL), 8);
    return tn_close(conn);
}

TEST(closing_in_the_parent_leaves_the_child_s_connection)
{
    char buf[64];
    tn_sock *s[2];
    int status, go[2];
    pid_t pid;

    tcp_pair(s, AF_INET);
    OK(pipe(go));
    EQ(tn_sendall(s[0], "question", 8, NULL), 8);
    pid = fork();
    OK(pid);
    if (pid == 0) {
        close(go[1]);
        (void)!read(go[0], buf, 1); /* until the parent has closed */
        _exit(answer_in_a_child(s[1]) < 0);
    }
    close(go[0]);
    EQ(tn_close(s[1]), 0);
    close(go[1]);
    EQ(tn_recvall(s[0], buf, 8, NULL), 8);
    MEMEQ(buf, "question", 8);
    tn_close(s[0]);
    EQ(waitpid(pid, &status, 0), pid);
    EQ(status, 0);
}

/* ---- a datagram socket that is shut ---- */

static int
read_nothing(void *arg)
{
    char byte;
    size_t full = 1;
    tn_addr from;

    EQ(tn_recv(arg, &byte, 1, 0), 0);
    EQ(tn_recvfrom(arg, &byte, 1, 0, &from, &full), 0);
    EQ(full, 0);
    EQ(from.len, 0);
    return 0;
}

static int
shut_under_reader(void *arg)
{
    tn_sock *s;
    tn_addr at;
    tn_group g;
    char byte;

    (void)arg;
    OK(tn_addr_ip(&at, "127.0.0.1", 0));
    OK(tn_socket(&s, AF_INET, SOCK_DGRAM, 0));
    OK(tn_bind(s, &at));
    OK(tn_getsockname(s, &at));
    OK(tn_connect(s, &at));
    tn_group_init(&g, 0);
    OK(tn_go(&g, read_nothing, s));
    OK(tn_checkpoint());
    OK(tn_shutdown(s, SHUT_RD));
    OK(tn_group_wait(&g));
    OK(tn_setblocking(s, false));
    ERR(tn_recv(s, &byte, 1, 0), -EAGAIN);
    return tn_close(s);
}

TEST_EACH(a_reader_learns_that_a_datagram_socket_is_shut, kernels)
{
    OK(run_on(p, shut_under_reader, NULL));
}

/* ---- abort ---- */

static int
abort_resets(void *arg)
{
    char byte;
    tn_sock *s[2];

    (void)arg;
    tcp_pair(s, AF_INET);
    tn_abort(s[1]);
    ERR(tn_recv(s[0], &byte, 1, 0), -ECONNRESET);
    tn_close(s[0]);
    return 0;
}

TEST_EACH(abort_resets_the_peer, callers)
{
    OK(run_as(p, abort_resets, NULL));
}

static int
wrapped_stays(void *arg)
{
    tn_sock *s[2], *w;
    char byte;

    (void)arg;
    tcp_pair(s, AF_INET);
    OK(tn_wrap(&w, tn_fileno(s[1])));
    tn_abort(w);
    EQ(tn_send(s[1], "x", 1, 0), 1);
    tn_close(s[1]);
    EQ(tn_recv(s[0], &byte, 1, 0), 1);
    EQ(tn_recv(s[0], &byte, 1, 0), 0);
    tn_close(s[0]);
    return 0;
}

TEST_EACH(abort_of_a_wrapped_socket_leaves_the_socket, kernel_callers)
{
    OK(run_as(p, wrapped_stays, NULL));
}

TEST(close_and_abort_of_null_are_harmless)
{
    EQ(tn_close(NULL), 0);
    tn_abort(NULL);
}
