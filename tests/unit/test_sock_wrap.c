/*
 * test_sock_wrap.c - descriptors: wrapped, taken, given, waited for; options.
 */
#include "core.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- wrapping ---- */

static int
wrap_pipe(void *arg)
{
    static char block[200000], got[200000];
    int fds[2], flags;
    tn_sock *r, *w;
    size_t sent;

    (void)arg;
    OK(pipe2(fds, O_CLOEXEC));
    flags = fcntl(fds[0], F_GETFL);
    OK(tn_wrap(&r, fds[0]));
    OK(tn_wrap(&w, fds[1]));
    EQ(tn_family(r), 0);
    EQ(tn_type(r), 0);
    tn_settimeout(r, 5 * TN_MS);
    ERR(tn_recv(r, got, 1, 0), -ETIME);
    EQ(tn_sendall(w, "hello", 5, NULL), 5);
    EQ(tn_recv(r, got, sizeof(got), 0), 5);
    tn_settimeout(w, 5 * TN_MS);
    ERR(tn_sendall(w, block, sizeof(block), &sent), -ETIME);
    GE(sent, 4096);
    EQ(tn_recvall(r, got, sent, NULL), (ssize_t)sent);
    EQ(fcntl(fds[0], F_GETFL), flags);
    tn_close(w);
    EQ(write(fds[1], "still open", 10), 10);
    close(fds[1]);
    EQ(tn_recvall(r, got, 10, NULL), 10);
    tn_settimeout(r, TN_FOREVER);
    EQ(tn_recv(r, got, 1, 0), 0);
    tn_close(r);
    EQ(read(fds[0], got, 1), 0);
    close(fds[0]);
    return 0;
}

TEST_EACH(a_wrapped_pipe, kernel_callers)
{
    OK(run_as(p, wrap_pipe, NULL));
}

static int
wrap_file(void *arg)
{
    char buf[16];
    tn_sock *s;
    int fd = *(int *)arg;

    OK(tn_wrap(&s, fd));
    EQ(lseek(fd, 0, SEEK_SET), 0);
    EQ(tn_sendall(s, "file data", 9, NULL), 9);
    EQ(lseek(fd, 0, SEEK_SET), 0);
    EQ(tn_recv(s, buf, 4, 0), 4);
    EQ(tn_recv(s, buf, sizeof(buf), 0), 5);
    EQ(tn_recv(s, buf, sizeof(buf), 0), 0);
    tn_close(s);
    EQ(lseek(fd, 0, SEEK_CUR), 9);
    ERR(tn_wrap(&s, 9999), -EBADF);
    CHECK(s == NULL);
    return 0;
}

TEST_EACH(a_wrapped_file, kernel_callers)
{
    char path[100];
    int fd;

    snprintf(path, sizeof(path), "%s/file", test_dir());
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    OK(fd);
    OK(run_as(p, wrap_file, &fd));
    close(fd);
}

static int
wrap_socket(void *arg)
{
    char buf[8];
    tn_sock *s[2], *w;
    int fd;

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    fd = tn_fileno(s[0]);
    OK(tn_wrap(&w, fd));
    EQ(tn_sendall(w, "out", 3, NULL), 3);
    EQ(tn_recv(s[1], buf, sizeof(buf), 0), 3);
    EQ(tn_sendall(s[1], "in", 2, NULL), 2);
    EQ(tn_recv(w, buf, sizeof(buf), 0), 2);
    tn_settimeout(w, 5 * TN_MS);
    ERR(tn_recv(w, buf, 1, 0), -ETIME);
    EQ(tn_sendall(s[1], "unread", 6, NULL), 6);
    tn_close(w);
    EQ(tn_recv(s[0], buf, sizeof(buf), 0), 6);
    close_pair(s);
    return 0;
}

/* A listener in blocking mode that is not ours: no call may block the loop. */
static int
wrap_listener(void *arg)
{
    tn_sock *w, *c, *s;
    tn_addr a = loopback(AF_INET, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)arg;
    OK(fd);
    OK(bind(fd, &a.u.sa, a.len));
    OK(listen(fd, 5));
    OK(tn_wrap(&w, fd));
    OK(tn_getsockname(w, &a));
    tn_settimeout(w, 5 * TN_MS);
    ERR(tn_accept(w, &s, NULL), -ETIME);
    OK(tn_socket(&c, AF_INET, SOCK_STREAM, 0));
    OK(tn_connect(c, &a));
    tn_settimeout(w, TN_FOREVER);
    OK(tn_accept(w, &s, NULL));
    tn_close(s);
    tn_close(c);
    tn_close(w);
    close(fd);
    return 0;
}

TEST_EACH(a_wrapped_listener, kernel_callers)
{
    OK(run_as(p, wrap_listener, NULL));
}

TEST_EACH(a_wrapped_socket, kernel_callers)
{
    OK(run_as(p, wrap_socket, NULL));
}

/* ---- dup, detach, fromfd ---- */

static int
move_descriptors(void *arg)
{
    char buf[8];
    tn_sock *s[2], *d;
    int fd, fds[2];

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    tn_settimeout(s[0], 7 * TN_SEC);
    OK(tn_dup(s[0], &d));
    EQ(tn_gettimeout(d), 7 * TN_SEC);
    NE(tn_fileno(d), tn_fileno(s[0]));
    CHECK(fcntl(tn_fileno(d), F_GETFD) & FD_CLOEXEC);
    EQ(tn_send(s[1], "x", 1, 0), 1);
    EQ(tn_recv(d, buf, 1, 0), 1);
    tn_settimeout(d, TN_FOREVER);
    EQ(tn_send(s[1], "y", 1, 0), 1);
    EQ(tn_recv(d, buf, 1, 0), 1);
    tn_close(d);
    fd = (int)OK(tn_detach(s[0]));
    OK(tn_fromfd(&d, fd));
    EQ(tn_fileno(d), fd);
    EQ(tn_family(d), AF_UNIX);
    EQ(tn_type(d), SOCK_STREAM);
    EQ(tn_gettimeout(d), TN_FOREVER);
    EQ(tn_send(d, "z", 1, 0), 1);
    EQ(tn_recv(s[1], buf, 8, 0), 1);
    tn_close(d);
    tn_close(s[1]);
    ERR(tn_fromfd(&d, 9999), -EBADF);
    CHECK(d == NULL);
    OK(pipe2(fds, O_CLOEXEC));
    ERR(tn_fromfd(&d, fds[0]), -ENOTSOCK);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

TEST_EACH(descriptors_change_hands, kernel_callers)
{
    OK(run_as(p, move_descriptors, NULL));
}

/* The duplicate shares O_NONBLOCK with the first, and blocks all the same. */
static void
send_later(void *arg)
{
    usleep(5000);
    EQ(tn_send(arg, "x", 1, 0), 1);
}

TEST(a_dup_waits_whatever_the_other_does)
{
    struct test_thread *t;
    tn_sock *s[2], *d;
    char byte;

    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_dup(s[0], &d));
    tn_settimeout(s[0], 1 * TN_MS); /* O_NONBLOCK, for both */
    t = test_thread_start(send_later, s[1]);
    EQ(tn_recv(d, &byte, 1, 0), 1);
    test_thread_join(t);
    tn_close(d);
    close_pair(s);
}

/* ---- waiting for a foreign descriptor ---- */

static int
wait_foreign(void *arg)
{
    int fds[2];
    int64_t start = tn_now();
    tn_sock *s[2];

    (void)arg;
    OK(pipe2(fds, O_CLOEXEC));
    EQ(tn_wait_fd(fds[0], POLLIN, 0), 0);
    ERR(tn_wait_fd(fds[0], POLLIN, 5 * TN_MS), -ETIME);
    GE(tn_now() - start, 5 * TN_MS);
    EQ(tn_wait_fd(fds[1], POLLOUT | POLLIN, TN_FOREVER), POLLOUT);
    EQ(write(fds[1], "x", 1), 1);
    EQ(tn_wait_fd(fds[0], POLLIN, TN_FOREVER), POLLIN);
    EQ(tn_wait_fd(fds[0], POLLIN, 0), POLLIN);
    close(fds[1]);
    EQ(tn_wait_fd(fds[0], POLLIN, 0), POLLIN | POLLHUP);
    close(fds[0]);
    ERR(tn_wait_fd(9999, POLLIN, 0), -EBADF);
    ERR(tn_wait_fd(9999, POLLIN, 5 * TN_MS), -EBADF);
    /* A socket of the same loop, already watched by it. */
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    tn_settimeout(s[0], 1 * TN_MS);
    ERR(tn_recv(s[0], fds, 1, 0), -ETIME);
    EQ(tn_send(s[1], "x", 1, 0), 1);
    EQ(tn_wait_fd(tn_fileno(s[0]), POLLIN, 1 * TN_SEC), POLLIN);
    close_pair(s);
    return 0;
}

TEST_EACH(a_foreign_descriptor_is_waited_for, kernel_callers)
{
    OK(run_as(p, wait_foreign, NULL));
}

/* ---- options ---- */

static void
check_bool(tn_sock *s, tn_option option)
{
    int value = -1;

    OK(tn_set(s, option, 1));
    OK(tn_get(s, option, &value));
    NE(value, 0);
    OK(tn_set(s, option, 0));
    OK(tn_get(s, option, &value));
    EQ(value, 0);
}

static void
check_int(tn_sock *s, tn_option option, int set, int want)
{
    int value = -1;

    OK(tn_set(s, option, set));
    OK(tn_get(s, option, &value));
    EQ(value, want);
}

static void
check_tcp_options(tn_sock *s)
{
    check_bool(s, TN_REUSEADDR);
    check_bool(s, TN_REUSEPORT);
    check_bool(s, TN_KEEPALIVE);
    check_bool(s, TN_NODELAY);
    check_bool(s, TN_CORK);
    check_int(s, TN_KEEPIDLE, 33, 33);
    check_int(s, TN_KEEPINTVL, 11, 11);
    check_int(s, TN_KEEPCNT, 4, 4);
    check_int(s, TN_USER_TIMEOUT, 4000, 4000);
    check_int(s, TN_LINGER, 5, 5);
    check_int(s, TN_LINGER, 0, 0);
    check_int(s, TN_LINGER, -1, -1);
    check_int(s, TN_TTL, 17, 17);
}

static int
options(void *arg)
{
    int family = *(int *)arg;
    tn_sock *s;
    int value;

    OK(tn_socket(&s, family, SOCK_STREAM, 0));
    check_tcp_options(s);
    check_int(s, TN_SNDBUF, 20000, 40000);
    check_int(s, TN_RCVBUF, 20000, 40000);
    OK(tn_get(s, TN_ERROR, &value));
    EQ(value, 0);
    OK(tn_get(s, TN_ACCEPTCONN, &value));
    EQ(value, 0);
    ERR(tn_set(s, TN_ERROR, 1), -EINVAL);
    ERR(tn_set(s, TN_ACCEPTCONN, 1), -EINVAL);
    ERR(tn_set(s, (tn_option)99, 1), -EINVAL);
    ERR(tn_get(s, (tn_option)99, &value), -EINVAL);
    ERR(tn_setsockopt_int(s, 4711, 1, 1), -ENOPROTOOPT);
    value = tn_getsockopt_int(s, 4711, 1, &value);
    CHECK(value == -ENOPROTOOPT || value == -EOPNOTSUPP);
    OK(tn_setsockopt_int(s, IPPROTO_TCP, TCP_NODELAY, 1));
    OK(tn_getsockopt_int(s, IPPROTO_TCP, TCP_NODELAY, &value));
    EQ(value, 1);
    ERR(tn_setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &value, 1), -EINVAL);
    tn_close(s);
    OK(tn_socket(&s, family, SOCK_DGRAM, 0));
    check_bool(s, TN_BROADCAST);
    check_bool(s, TN_MULTICAST_LOOP);
    check_bool(s, TN_RECVERR);
    check_bool(s, TN_PKTINFO);
    check_int(s, TN_MULTICAST_TTL, 3, 3);
    tn_close(s);
    return 0;
}

TEST_EACH(options_by_name, kernel_callers)
{
    int families[] = {AF_INET, AF_INET6};

    OK(run_as(p, options, &families[0]));
    OK(run_as(p, options, &families[1]));
}

static int
multicast(void *arg)
{
    tn_sock *s;
    tn_addr group;

    (void)arg;
    OK(tn_socket(&s, AF_INET, SOCK_DGRAM, 0));
    OK(tn_addr_ip(&group, "239.1.2.3", 0));
    OK(tn_multicast(s, &group, "lo", true));
    ERR(tn_multicast(s, &group, "lo", true), -EADDRINUSE);
    OK(tn_multicast(s, &group, "lo", false));
    ERR(tn_multicast(s, &group, "lo", false), -EADDRNOTAVAIL);
    ERR(tn_multicast(s, &group, "nowhere", true), -ENODEV);
    tn_close(s);
    OK(tn_socket(&s, AF_INET6, SOCK_DGRAM, 0));
    OK(tn_addr_ip(&group, "ff02::1234", 0));
    OK(tn_multicast(s, &group, "lo", true));
    ERR(tn_multicast(s, &group, "lo", true), -EADDRINUSE);
    OK(tn_multicast(s, &group, "lo", false));
    tn_close(s);
    return 0;
}

TEST_EACH(multicast_groups, kernel_callers)
{
    SKIP_UNDER_QEMU("struct ip_mreqn");
    OK(run_as(p, multicast, NULL));
}

static int
what_waits(void *arg)
{
    tn_sock *s[2], *listener;
    size_t unread, unsent;
    tn_tcpinfo info;
    tn_addr a = loopback(AF_INET, 0);

    (void)arg;
    tcp_pair(s, AF_INET);
    EQ(tn_sendall(s[0], "hello", 5, NULL), 5);
    EQ(tn_wait_fd(tn_fileno(s[1]), POLLIN, 1 * TN_SEC), POLLIN);
    OK(tn_pending(s[1], &unread, &unsent));
    EQ(unread, 5);
    EQ(unsent, 0);
    OK(tn_pending(s[1], NULL, NULL));
    OK(tn_tcp_info(s[0], &info));
    EQ(info.state, TCP_ESTABLISHED);
    GE(info.rtt, 1);
    EQ(info.bytes_sent, 5);
    close_pair(s);
    OK(tn_create_server(&listener, &a, NULL));
    ERR(tn_pending(listener, &unread, NULL), -EINVAL);
    tn_close(listener);
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    EQ(tn_sendall(s[0], "hello", 5, NULL), 5);
    OK(tn_pending(s[0], NULL, &unsent));
    GE(unsent, 1);
    OK(tn_pending(s[1], &unread, NULL));
    EQ(unread, 5);
    ERR(tn_tcp_info(s[0], &info), -EOPNOTSUPP);
    close_pair(s);
    OK(tn_socket(&s[0], AF_INET, SOCK_DGRAM, 0));
    ERR(tn_tcp_info(s[0], &info), -EOPNOTSUPP);
    tn_close(s[0]);
    return 0;
}

TEST_EACH(what_waits_in_the_kernel, kernel_callers)
{
    SKIP_UNDER_QEMU("TCP_INFO");
    OK(run_as(p, what_waits, NULL));
}
