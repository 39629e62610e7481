/*
 * test_ready.c - the hints of ready.c: each way in which an edge may be missed.
 */
#include "core.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

/* ---- data and the end in one segment ---- */

static int
data_and_end(void *arg)
{
    char buf[64];
    tn_sock *s[2];

    (void)arg;
    for (int i = 0; i < 50; i++) {
        tcp_pair(s, AF_INET);
        OK(tn_set(s[0], TN_CORK, 1));
        EQ(tn_sendall(s[0], "12345", 5, NULL), 5);
        OK(tn_shutdown(s[0], SHUT_WR));
        EQ(tn_recv(s[1], buf, sizeof(buf), 0), 5);
        EQ(tn_recv(s[1], buf, sizeof(buf), 0), 0);
        close_pair(s);
    }
    return 0;
}

TEST_EACH(data_and_end_in_one_segment, kernels)
{
    OK(run_on(p, data_and_end, NULL));
}

static int
read_to_end(void *arg)
{
    tn_sock *s = arg;
    char buf[64];
    int total = 0;
    ssize_t n;

    while ((n = tn_recv(s, buf, sizeof(buf), 0)) > 0) {
        total += (int)n;
    }
    EQ(n, 0);
    EQ(total, 5);
    return 0;
}

/* The same with the reader parked. */
static int
data_and_end_parked(void *arg)
{
    tn_sock *s[2];
    tn_group g;

    (void)arg;
    tcp_pair(s, AF_INET);
    OK(tn_set(s[0], TN_CORK, 1));
    tn_group_init(&g, 0);
    OK(tn_go(&g, read_to_end, s[1]));
    OK(tn_checkpoint());
    EQ(tn_sendall(s[0], "12345", 5, NULL), 5);
    OK(tn_shutdown(s[0], SHUT_WR));
    OK(tn_group_wait(&g));
    close_pair(s);
    return 0;
}

TEST_EACH(data_and_end_for_a_parked_reader, kernels)
{
    OK(run_on(p, data_and_end_parked, NULL));
}

/* ---- short reads that do not mean "empty" ---- */

/* The kernel ends a read where descriptors begin, however much follows. */
static int
short_at_descriptors(void *arg)
{
    char buf[64];
    tn_sock *s[2];
    tn_scope limit;
    int zero = 0;

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    tn_settimeout(s[1], 1 * TN_MS);
    ERR(tn_recv(s[1], buf, sizeof(buf), 0), -ETIME); /* registered now */
    tn_settimeout(s[1], TN_FOREVER);
    EQ(tn_send_fds(s[0], "first", 5, &zero, 1), 5);
    EQ(tn_sendall(s[0], "second", 6, NULL), 6);
    OK(tn_sleep(1 * TN_MS));
    tn_deadline(&limit, 2 * TN_SEC);
    EQ(tn_recv(s[1], buf, sizeof(buf), 0), 5);
    EQ(tn_recv(s[1], buf, sizeof(buf), 0), 6);
    tn_scope_end(&limit);
    close_pair(s);
    return 0;
}

TEST_EACH(a_read_cut_short_by_descriptors, kernels)
{
    OK(run_on(p, short_at_descriptors, NULL));
}

/* A read ends before the urgent byte as well. */
static int
short_at_urgent(void *arg)
{
    char buf[64];
    tn_sock *s[2];
    tn_scope limit;

    (void)arg;
    tcp_pair(s, AF_INET);
    tn_settimeout(s[1], 1 * TN_MS);
    ERR(tn_recv(s[1], buf, sizeof(buf), 0), -ETIME);
    tn_settimeout(s[1], TN_FOREVER);
    EQ(tn_sendall(s[0], "abc", 3, NULL), 3);
    EQ(tn_send(s[0], "!", 1, MSG_OOB), 1);
    EQ(tn_sendall(s[0], "defg", 4, NULL), 4);
    OK(tn_sleep(5 * TN_MS));
    tn_deadline(&limit, 2 * TN_SEC);
    EQ(tn_recv(s[1], buf, sizeof(buf), 0), 3);
    EQ(tn_recv(s[1], buf, 1, MSG_OOB), 1);
    EQ(buf[0], '!');
    EQ(tn_recv(s[1], buf, sizeof(buf), 0), 4);
    tn_scope_end(&limit);
    close_pair(s);
    return 0;
}

TEST_EACH(a_read_cut_short_by_an_urgent_byte, kernels)
{
    OK(run_on(p, short_at_urgent, NULL));
}

/* ---- what no event announces ---- */

static int
accept_two(void *arg)
{
    tn_sock *listener = arg;

    OK(tn_sleep(20 * TN_MS));
    for (int i = 0; i < 2; i++) {
        tn_sock *s;

        OK(tn_accept(listener, &s, NULL));
        tn_close(s);
    }
    return 0;
}

/* Connecting to a Unix listener whose backlog is full. */
static int
full_backlog(void *arg)
{
    tn_sock *listener, *c[2];
    tn_scope limit;
    tn_group g;
    tn_addr a;

    (void)arg;
    OK(tn_addr_unix(&a, "", 0));
    OK(tn_socket(&listener, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_bind(listener, &a));
    OK(tn_getsockname(listener, &a));
    OK(tn_listen(listener, 0));
    for (int i = 0; i < 2; i++) {
        OK(tn_socket(&c[i], AF_UNIX, SOCK_STREAM, 0));
    }
    OK(tn_connect(c[0], &a));
    tn_settimeout(c[1], 0);
    ERR(tn_connect(c[1], &a), -EAGAIN);
    tn_settimeout(c[1], 5 * TN_MS);
    ERR(tn_connect(c[1], &a), -ETIME);
    tn_settimeout(c[1], TN_FOREVER);
    tn_group_init(&g, 0);
    OK(tn_go(&g, accept_two, listener));
    tn_deadline(&limit, 2 * TN_SEC);
    OK(tn_connect(c[1], &a));
    tn_scope_end(&limit);
    OK(tn_group_wait(&g));
    close_pair(c);
    tn_close(listener);
    return 0;
}

TEST_EACH(connect_waits_for_a_full_unix_backlog, kernels)
{
    OK(run_on(p, full_backlog, NULL));
}

static int
drain_datagrams(void *arg)
{
    tn_sock *s = arg;
    char buf[16];

    OK(tn_sleep(20 * TN_MS));
    for (;;) {
        ssize_t n = tn_recv(s, buf, sizeof(buf), 0);

        if (n <= 0) {
            return (int)n;
        }
    }
}

static int64_t
cpu_time(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * TN_SEC + ts.tv_nsec;
}

/* A Unix datagram to somebody whose queue is full, sent by address: the kernel
   tells nobody when there is room. */
static int
full_unix_queue(void *arg)
{
    const bool *connected = arg;
    tn_sock *to, *from, *other;
    int64_t before;
    tn_scope limit;
    tn_group g;
    tn_addr a;

    OK(tn_addr_unix(&a, "", 0));
    OK(tn_socket(&to, AF_UNIX, SOCK_DGRAM, 0));
    OK(tn_bind(to, &a));
    OK(tn_getsockname(to, &a));
    OK(tn_socket(&from, AF_UNIX, SOCK_DGRAM, 0));
    OK(tn_socket(&other, AF_UNIX, SOCK_DGRAM, 0));
    tn_settimeout(other, 0);
    while (tn_sendto(other, "x", 1, 0, &a) == 1) {
    }
    if (*connected) {
        OK(tn_connect(from, &a));
    }
    before = cpu_time();
    tn_settimeout(from, 100 * TN_MS);
    ERR(*connected ? tn_send(from, "x", 1, 0) : tn_sendto(from, "x", 1, 0, &a),
        -ETIME);
    LE(cpu_time() - before, 50 * TN_MS);
    tn_settimeout(from, TN_FOREVER);
    tn_group_init(&g, 0);
    OK(tn_go(&g, drain_datagrams, to));
    tn_deadline(&limit, 2 * TN_SEC);
    for (int i = 0; i < 100; i++) {
        EQ(*connected ? tn_send(from, "x", 1, 0)
                      : tn_sendto(from, "x", 1, 0, &a),
           1);
    }
    tn_scope_end(&limit);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    tn_close(from);
    tn_close(other);
    tn_close(to);
    return 0;
}

TEST_EACH(sendto_waits_for_a_full_unix_queue, kernels)
{
    bool connected = false;

    OK(run_on(p, full_unix_queue, &connected));
}

TEST_EACH(send_waits_for_a_full_unix_queue, kernels)
{
    bool connected = true;

    OK(run_on(p, full_unix_queue, &connected));
}

/* An error queue that nobody reads: POLLERR all the time. */
static int
unread_errors(void *arg)
{
    tn_addr a = loopback(AF_INET, 0);
    tn_sock *s, *gone;
    int64_t cpu, start;
    char byte;

    (void)arg;
    OK(tn_create_server(&gone, &a, NULL));
    OK(tn_getsockname(gone, &a));
    tn_close(gone);
    OK(tn_socket(&s, AF_INET, SOCK_DGRAM, 0));
    OK(tn_set(s, TN_RECVERR, 1));
    OK(tn_connect(s, &a));
    EQ(tn_send(s, "x", 1, 0), 1);
    ERR(tn_recv(s, &byte, 1, 0), -ECONNREFUSED);
    tn_settimeout(s, 200 * TN_MS);
    cpu = cpu_time();
    start = tn_now();
    ERR(tn_recv(s, &byte, 1, 0), -ETIME);
    LE(tn_now() - start, 2 * TN_SEC);
    LE(cpu_time() - cpu, 60 * TN_MS);
    tn_close(s);
    return 0;
}

TEST_EACH(errors_that_nobody_reads_keep_nobody_busy, kernel_callers)
{
    OK(run_as(p, unread_errors, NULL));
}

/* ---- a terminal: both sides of a descriptor that is armed each time ---- */

struct both {
    tn_sock *tty;
    int master;
    bool read_done;
    ssize_t written;
};

static int
fill_tty(void *arg)
{
    struct both *b = arg;
    char block[1024];

    memset(block, 'w', sizeof(block));
    for (int i = 0; i < 64; i++) {
        ssize_t n = tn_sendall(b->tty, block, sizeof(block), NULL);

        if (n < 0) {
            return (int)n;
        }
        b->written += n;
    }
    return 0;
}

static int
read_tty(void *arg)
{
    struct both *b = arg;
    char line[16];

    EQ(tn_recv(b->tty, line, sizeof(line), 0), 3);
    b->read_done = true;
    return 0;
}

static int
open_pty(int *slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    OK(master);
    OK(grantpt(master));
    OK(unlockpt(master));
    *slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    OK(*slave);
    return master;
}

/* Reader and writer are parked; the reader gets its line and leaves; the
   writer must still learn of room. */
static int
two_sides_of_a_tty(void *arg)
{
    struct both b = {.read_done = false};
    char sink[1024];
    tn_scope limit;
    tn_group g;
    int slave;

    (void)arg;
    b.master = open_pty(&slave);
    OK(fcntl(b.master, F_SETFL, O_NONBLOCK));
    OK(tn_wrap(&b.tty, slave));
    tn_deadline(&limit, 3 * TN_SEC);
    tn_group_init(&g, 0);
    OK(tn_go(&g, fill_tty, &b));
    OK(tn_go(&g, read_tty, &b));
    OK(tn_sleep(5 * TN_MS));
    EQ(write(b.master, "hi\n", 3), 3);
    while (!b.read_done) {
        OK(tn_sleep(1 * TN_MS));
    }
    while (b.written < 64 * 1024) {
        while (read(b.master, sink, sizeof(sink)) > 0) {
        }
        OK(tn_sleep(1 * TN_MS));
    }
    OK(tn_group_wait(&g));
    tn_scope_end(&limit);
    tn_close(b.tty);
    close(slave);
    close(b.master);
    return 0;
}

TEST_EACH(reader_and_writer_of_a_terminal, kernels)
{
    OK(run_on(p, two_sides_of_a_tty, NULL));
}

/* ---- descriptors whose O_NONBLOCK others set ---- */

static void *
send_later(void *arg)
{
    usleep(20000);
    EQ(tn_send(arg, "x", 1, 0), 1);
    return NULL;
}

/* tn_recv() without limit waits, whatever the description's mode is. */
static void
check_waits(tn_sock *reader, tn_sock *writer)
{
    pthread_t thread;
    char byte;

    EQ(pthread_create(&thread, NULL, send_later, writer), 0);
    EQ(tn_recv(reader, &byte, 1, 0), 1);
    EQ(pthread_join(thread, NULL), 0);
}

TEST(a_thread_waits_on_a_description_of_others)
{
    tn_sock *s[2], *w, *d;

    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_dup(s[1], &d));
    OK(tn_settimeout(d, 5 * TN_SEC));
    check_waits(s[1], s[0]);
    OK(tn_wrap(&w, tn_fileno(s[1])));
    check_waits(w, s[0]);
    tn_close(w);
    tn_close(d);
    close_pair(s);
}

static int
connect_later(void *arg)
{
    tn_sock *c;

    OK(tn_sleep(10 * TN_MS));
    OK(tn_socket(&c, AF_INET, SOCK_STREAM, 0));
    OK(tn_connect(c, arg));
    tn_close(c);
    return 0;
}

struct door {
    tn_sock *listener;
    tn_addr addr;
};

static int
accept_shared(void *arg)
{
    struct door *door = arg;
    tn_sock *w, *s;
    tn_group g;

    OK(tn_wrap(&w, tn_fileno(door->listener)));
    tn_group_init(&g, 0);
    OK(tn_go(&g, connect_later, &door->addr));
    OK(tn_accept(w, &s, NULL));
    OK(tn_group_wait(&g));
    tn_close(s);
    tn_close(w);
    return 0;
}

/* Made in a thread, it blocks; so a task has to ask first. */
TEST_EACH(accept_on_a_description_of_others, kernels)
{
    struct door door;

    door.addr = loopback(AF_INET, 0);
    OK(tn_create_server(&door.listener, &door.addr, NULL));
    OK(tn_getsockname(door.listener, &door.addr));
    OK(run_on(p, accept_shared, &door));
    tn_close(door.listener);
}

static int
wait_for_nothing(void *arg)
{
    (void)arg;
    ERR(tn_wait_fd(-1, POLLIN, 5 * TN_MS), -EBADF);
    return 0;
}

TEST_EACH(no_descriptor_is_nothing_to_wait_for, kernel_callers)
{
    OK(run_as(p, wait_for_nothing, NULL));
}
