/*
 * test_sock.c - the verbs of Python's socket, in tasks and in plain threads.
 */
#include "core.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- one client for a task and for a thread ---- */

static int
echo_client(void *arg)
{
    tn_sock *s, *peer = NULL;
    char buf[16];
    int64_t start;
    tn_addr a = loopback(AF_INET, 0);
    tn_sock *listener;
    int r;

    (void)arg;
    OK(tn_create_server(&listener, &a, NULL));
    OK(tn_getsockname(listener, &a));
    OK(tn_socket(&s, AF_INET, SOCK_STREAM, 0));
    OK(tn_connect_ex(s, &a));
    r = tn_connect(s, &a); /* the kernel may not have told the first one */
    CHECK(r == 0 || r == -EISCONN);
    ERR(tn_connect(s, &a), -EISCONN);
    OK(tn_accept(listener, &peer, NULL));
    EQ(tn_sendall(s, "hello", 5, NULL), 5);
    EQ(tn_recvall(peer, buf, 5, NULL), 5);
    EQ(tn_sendall(peer, buf, 5, NULL), 5);
    EQ(tn_recvall(s, buf, 5, NULL), 5);
    MEMEQ(buf, "hello", 5);
    tn_settimeout(s, 10 * TN_MS);
    start = tn_now();
    ERR(tn_recv(s, buf, 1, 0), -ETIME);
    GE(tn_now() - start, 10 * TN_MS);
    CHECK(strstr(tn_why(), "timed out") != NULL);
    tn_setblocking(s, false);
    ERR(tn_recv(s, buf, 1, 0), -EAGAIN);
    CHECK(!tn_getblocking(s));
    tn_setblocking(s, true);
    ERR(tn_recv(s, buf, 1, MSG_DONTWAIT), -EAGAIN);
    CHECK(tn_getblocking(s));
    tn_close(peer);
    EQ(tn_recv(s, buf, 1, 0), 0);
    tn_close(s);
    tn_close(listener);
    return 0;
}

TEST_EACH(one_client_for_task_and_thread, callers)
{
    OK(run_as(p, echo_client, NULL));
}

static void
client_in_thread(void *arg)
{
    echo_client(arg);
}

TEST(one_client_in_another_thread)
{
    test_thread_join(test_thread_start(client_in_thread, NULL));
}

/* ---- making sockets ---- */

static int
make_sockets(void *arg)
{
    tn_sock *s, *pair[2];

    (void)arg;
    OK(tn_socket(&s, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EQ(tn_family(s), AF_INET);
    EQ(tn_type(s), SOCK_STREAM);
    EQ(tn_proto(s), 0);
    EQ(tn_gettimeout(s), TN_FOREVER);
    OK(tn_settimeout(s, -7));
    EQ(tn_gettimeout(s), TN_FOREVER);
    OK(tn_settimeout(s, 5));
    EQ(tn_gettimeout(s), 5);
    CHECK(fcntl(tn_fileno(s), F_GETFD) & FD_CLOEXEC);
    tn_close(s);
    ERR(tn_socket(&s, 4711, SOCK_STREAM, 0), -EAFNOSUPPORT);
    CHECK(s == NULL);
    ERR(tn_socket(&s, AF_INET, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
    ERR(tn_socket(&s, AF_UNIX, SOCK_RDM, 0), -ESOCKTNOSUPPORT);
    ERR(tn_socketpair(pair, AF_INET, SOCK_STREAM, 0), -EOPNOTSUPP);
    CHECK(pair[0] == NULL && pair[1] == NULL);
    OK(tn_socketpair(pair, AF_UNIX, SOCK_SEQPACKET, 0));
    EQ(tn_type(pair[1]), SOCK_SEQPACKET);
    CHECK(fcntl(tn_fileno(pair[1]), F_GETFD) & FD_CLOEXEC);
    close_pair(pair);
    return 0;
}

TEST_EACH(sockets_are_made, kernel_callers)
{
    OK(run_as(p, make_sockets, NULL));
}

/* ---- binding, listening, accepting ---- */

static int
bind_and_listen(void *arg)
{
    tn_sock *a, *b, *c, *d;
    tn_addr at = loopback(AF_INET, 0), away, peer;
    char byte;

    (void)arg;
    OK(tn_socket(&a, AF_INET, SOCK_STREAM, 0));
    ERR(tn_accept(a, &d, NULL), -EINVAL);
    CHECK(d == NULL);
    OK(tn_bind(a, &at));
    OK(tn_getsockname(a, &at));
    GE(tn_addr_port(&at), 1);
    ERR(tn_bind(a, &at), -EINVAL);
    ERR(tn_getpeername(a, &peer), -ENOTCONN);
    OK(tn_listen(a, -1));
    OK(tn_socket(&b, AF_INET, SOCK_STREAM, 0));
    ERR(tn_bind(b, &at), -EADDRINUSE);
    CHECK(strstr(tn_why(), "bind tcp 127.0.0.1:") != NULL);
    OK(tn_addr_ip(&away, "192.0.2.1", 0));
    ERR(tn_bind(b, &away), -EADDRNOTAVAIL);
    ERR(tn_send(b, "x", 1, 0), -EPIPE);
    ERR(tn_recv(b, &byte, 1, 0), -ENOTCONN);
    ERR(tn_shutdown(b, SHUT_WR), -ENOTCONN);
    tn_settimeout(a, 0);
    ERR(tn_accept(a, &d, NULL), -EAGAIN);
    tn_settimeout(a, 5 * TN_MS);
    ERR(tn_accept(a, &d, NULL), -ETIME);
    OK(tn_connect(b, &at));
    OK(tn_accept(a, &c, &peer));
    EQ(tn_gettimeout(c), TN_FOREVER);
    OK(tn_getsockname(b, &at));
    CHECK(tn_addr_equal(&at, &peer));
    OK(tn_getpeername(c, &peer));
    CHECK(tn_addr_equal(&at, &peer));
    ERR(tn_shutdown(c, 77), -EINVAL);
    tn_close(c);
    tn_close(b);
    tn_close(a);
    OK(tn_socket(&a, AF_INET, SOCK_DGRAM, 0));
    ERR(tn_listen(a, 1), -EOPNOTSUPP);
    ERR(tn_accept(a, &d, NULL), -EOPNOTSUPP);
    tn_close(a);
    return 0;
}

TEST_EACH(bind_listen_accept, kernel_callers)
{
    OK(run_as(p, bind_and_listen, NULL));
}

static int
unix_paths(void *arg)
{
    const char *dir = arg;
    char path[108];
    tn_sock *s;
    tn_addr a;

    OK(tn_socket(&s, AF_UNIX, SOCK_STREAM, 0));
    snprintf(path, sizeof(path), "%s/no/where", dir);
    OK(tn_addr_unix(&a, path, strlen(path)));
    ERR(tn_bind(s, &a), -ENOENT);
    ERR(tn_connect(s, &a), -ENOENT);
    snprintf(path, sizeof(path), "%s/s", dir);
    OK(tn_addr_unix(&a, path, strlen(path)));
    OK(tn_bind(s, &a));
    tn_close(s);
    OK(tn_socket(&s, AF_UNIX, SOCK_STREAM, 0));
    ERR(tn_bind(s, &a), -EADDRINUSE);
    ERR(tn_connect(s, &a), -ECONNREFUSED);
    tn_close(s);
    unlink(path);
    return 0;
}

TEST_EACH(unix_paths_in_the_way, kernel_callers)
{
    char dir[80];

    snprintf(dir, sizeof(dir), "%s", test_dir());
    OK(run_as(p, unix_paths, dir));
}

/* ---- connecting ---- */

static int
connect_results(void *arg)
{
    tn_addr a = loopback(AF_INET, 0), none = {.len = 0};
    tn_sock *listener, *s;
    int r, error;

    (void)arg;
    OK(tn_create_server(&listener, &a, NULL));
    OK(tn_getsockname(listener, &a));
    OK(tn_socket(&s, AF_INET, SOCK_STREAM, 0));
    tn_settimeout(s, 0);
    ERR(tn_connect(s, &a), -EINPROGRESS);
    OK(tn_wait_fd(tn_fileno(s), 4 /* POLLOUT */, 1 * TN_SEC));
    OK(tn_get(s, TN_ERROR, &error));
    EQ(error, 0);
    r = tn_connect(s, &a);
    CHECK(r == 0 || r == -EISCONN);
    EQ(tn_send(s, "x", 1, 0), 1);
    tn_close(s);
    tn_close(listener);
    OK(tn_socket(&s, AF_INET, SOCK_STREAM, 0));
    ERR(tn_connect(s, &a), -ECONNREFUSED);
    tn_close(s);
    OK(tn_socket(&s, AF_INET, SOCK_DGRAM, 0));
    OK(tn_connect(s, &a));
    EQ(tn_send(s, "x", 1, 0), 1);
    ERR(tn_recv(s, &error, 1, 0), -ECONNREFUSED); /* an ICMP message */
    none.len = sizeof(none.u.in);
    none.u.sa.sa_family = AF_UNSPEC;
    OK(tn_connect(s, &none));
    ERR(tn_send(s, "x", 1, 0), -EDESTADDRREQ);
    tn_close(s);
    return 0;
}

TEST_EACH(connect_says_how_it_went, kernel_callers)
{
    OK(run_as(p, connect_results, NULL));
}

/* ---- streams of each family ---- */

static int
stream_verbs(void *arg)
{
    int family = *(int *)arg;
    char buf[16];
    tn_sock *s[2];
    size_t got;

    if (family == AF_UNIX) {
        OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    } else {
        tcp_pair(s, family);
    }
    EQ(tn_recv(s[0], buf, 0, 0), 0);
    EQ(tn_sendall(s[0], "abcdefgh", 8, NULL), 8);
    EQ(tn_recv(s[1], buf, 3, MSG_PEEK), 3);
    EQ(tn_recv(s[1], buf, 3, 0), 3);
    MEMEQ(buf, "abc", 3);
    EQ(tn_recvall(s[1], buf, 0, &got), 0);
    tn_settimeout(s[1], 10 * TN_MS);
    ERR(tn_recvall(s[1], buf, 8, &got), -ETIME);
    EQ(got, 5);
    MEMEQ(buf, "defgh", 5);
    tn_settimeout(s[1], TN_FOREVER);
    EQ(tn_sendall(s[0], "xyz", 3, NULL), 3);
    OK(tn_shutdown(s[0], SHUT_WR));
    ERR(tn_send(s[0], "x", 1, 0), -EPIPE);
    ERR(tn_recvall(s[1], buf, 8, &got), TN_ETRUNCATED);
    EQ(got, 3);
    EQ(tn_recvall(s[1], buf, 8, &got), 0);
    EQ(got, 0);
    EQ(tn_recv(s[1], buf, 8, 0), 0);
    EQ(tn_sendall(s[1], "still", 5, NULL), 5);
    EQ(tn_recvall(s[0], buf, 5, NULL), 5);
    close_pair(s);
    return 0;
}

TEST_EACH(streams_of_each_family, kernel_callers)
{
    int families[] = {AF_INET, AF_INET6, AF_UNIX};

    for (int i = 0; i < 3; i++) {
        OK(run_as(p, stream_verbs, &families[i]));
    }
}

/* MSG_WAITALL waits for all, wherever the caller is. */
static int
send_in_parts(void *arg)
{
    tn_sock *s = arg;

    for (int i = 0; i < 4; i++) {
        OK(tn_sleep(2 * TN_MS));
        EQ(tn_sendall(s, "part", 4, NULL), 4);
    }
    OK(tn_shutdown(s, SHUT_WR));
    return 0;
}

static void
send_in_parts_thread(void *arg)
{
    send_in_parts(arg);
}

static void
check_waitall(tn_sock *s)
{
    char buf[16];

    EQ(tn_recv(s, buf, 12, MSG_WAITALL), 12);
    MEMEQ(buf, "partpartpart", 12);
    EQ(tn_recv(s, buf, 12, MSG_WAITALL), 4);
    EQ(tn_recv(s, buf, 12, MSG_WAITALL), 0);
}

static int
waitall_in_task(void *arg)
{
    tn_sock *s[2];
    tn_group g;

    (void)arg;
    tcp_pair(s, AF_INET);
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_in_parts, s[0]));
    check_waitall(s[1]);
    OK(tn_group_wait(&g));
    close_pair(s);
    return 0;
}

TEST_EACH(waitall_waits_for_all, backends)
{
    OK(run_on(p, waitall_in_task, NULL));
}

TEST(waitall_waits_for_all_in_a_thread)
{
    struct test_thread *t;
    tn_sock *s[2];

    tcp_pair(s, AF_INET);
    t = test_thread_start(send_in_parts_thread, s[0]);
    check_waitall(s[1]);
    test_thread_join(t);
    close_pair(s);
    tcp_pair(s, AF_INET);
    tn_settimeout(s[1], 2 * TN_SEC);
    t = test_thread_start(send_in_parts_thread, s[0]);
    check_waitall(s[1]);
    test_thread_join(t);
    close_pair(s);
}

/* ---- threads: one reads, one writes ---- */

static void
read_much(void *arg)
{
    const size_t size = 1 << 20;
    char *got = malloc(size);

    CHECK(got != NULL);
    EQ(tn_recvall(arg, got, size, NULL), (ssize_t)size);
    for (size_t i = 0; i < size; i++) {
        EQ(got[i], (char)(i * 7));
    }
    free(got);
}

TEST(a_thread_reads_while_another_writes)
{
    static char sent[1 << 20];
    struct test_thread *t[2];
    tn_sock *s[2];

    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (char)(i * 7);
    }
    tcp_pair(s, AF_INET6);
    t[0] = test_thread_start(read_much, s[0]);
    t[1] = test_thread_start(read_much, s[1]);
    EQ(tn_sendall(s[0], sent, sizeof(sent), NULL), 1 << 20);
    EQ(tn_sendall(s[1], sent, sizeof(sent), NULL), 1 << 20);
    test_thread_join(t[0]);
    test_thread_join(t[1]);
    close_pair(s);
}
