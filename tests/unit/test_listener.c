/*
 * test_listener.c - a server at its edges: its listener goes, its peers do not.
 */
#include "service_kit.h"

#include <signal.h>
#include <sys/time.h>

/* ---- the listener is closed ---- */

static int
hold(tn_sock *conn, const tn_addr *peer, void *arg)
{
    struct service *s = arg;
    char byte;

    (void)peer;
    s->met++;
    return (int)tn_recv(conn, &byte, 1, 0);
}

static int
close_while_full(void *arg)
{
    struct service s = {.opts.max_connections = 1};
    tn_scope scope;
    tn_sock *c;
    tn_group g;

    (void)arg;
    open_service(&s, hold);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    while (s.met == 0) {
        OK(tn_sleep(1 * TN_MS));
    }
    OK(tn_sleep(1 * TN_MS));
    OK(tn_close(s.listener));
    tn_deadline(&scope, 4 * TN_SEC);
    OK(tn_group_wait(&g));
    CHECK(!tn_scope_end(&scope));
    EQ(s.result, -EBADF);
    tn_close(c);
    return 0;
}

TEST_EACH(a_full_server_hears_that_its_listener_is_closed, backends)
{
    OK(run_on(p, close_while_full, NULL));
}

static int
close_server(tn_sock *conn, const tn_addr *peer, void *arg)
{
    struct service *s = arg;

    (void)conn;
    (void)peer;
    tn_close(s->listener);
    ERR(tn_sleep(TN_FOREVER), -ECANCELED);
    return 0;
}

static int
close_from_handler(void *arg)
{
    struct service s = {.opts.max_connections = *(int *)arg};
    tn_sock *c;
    tn_group g;
    char byte;

    open_service(&s, close_server);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    EQ(tn_recv(c, &byte, 1, 0), 0);
    tn_close(c);
    OK(tn_group_wait(&g));
    EQ(s.result, -EBADF);
    return 0;
}

TEST_EACH(a_handler_may_close_the_listener, backends)
{
    int most = 1;

    OK(run_on(p, close_from_handler, &most));
    most = 10;
    OK(run_on(p, close_from_handler, &most));
}

/* ---- the end of a connection ---- */

/* Answers more than the peer takes. */
static int
answer_too_much(tn_sock *conn, const tn_addr *peer, void *arg)
{
    static char answer[16 << 20];
    struct service *s = arg;

    (void)peer;
    s->met++;
    tn_settimeout(conn, 10 * TN_MS);
    ERR(tn_sendall(conn, answer, sizeof(answer), NULL), -ETIME);
    return s->opts.max_connections == 1 ? 0 : -ETIME;
}

/* Never reads, and sends a little now and then, until the server has gone. */
static int64_t
time_of_flush(int most)
{
    struct service s = {.opts = {.max_connections = most, .flush = 50 * TN_MS}};
    int64_t begin;
    tn_sock *c;
    tn_group g;

    open_service(&s, answer_too_much);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    begin = tn_now();
    while (tn_send(c, "x", 1, 0) == 1) {
        OK(tn_sleep(1 * TN_MS));
    }
    begin = tn_now() - begin;
    tn_close(c);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    tn_close(s.listener);
    return begin;
}

static int
flush_bound(void *arg)
{
    (void)arg;
    LE(time_of_flush(1), 1 * TN_SEC);
    LE(time_of_flush(2), 1 * TN_SEC);
    return 0;
}

TEST_EACH(a_connection_ends_within_the_bound, kernels)
{
    OK(run_on(p, flush_bound, NULL));
}

static int
answer(tn_sock *conn, const tn_addr *peer, void *arg)
{
    (void)peer;
    (void)arg;
    EQ(tn_sendall(conn, "bye", 3, NULL), 3);
    return 0;
}

static int
flush_for_ever(void *arg)
{
    struct service s = {.opts.flush = INT64_MAX};
    char buf[4];
    tn_sock *c;
    tn_group g;

    (void)arg;
    open_service(&s, answer);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    EQ(tn_recvall(c, buf, 3, NULL), 3);
    EQ(tn_recv(c, buf, 1, 0), 0);
    for (int i = 0; i < 3; i++) {
        EQ(tn_sendall(c, "more", 4, NULL), 4);
        OK(tn_sleep(5 * TN_MS));
    }
    tn_close(c);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    tn_close(s.listener);
    return 0;
}

TEST_EACH(the_bound_may_be_as_long_as_time, backends)
{
    OK(run_on(p, flush_for_ever, NULL));
}

/* ---- signals ---- */

static bool
wants_out(void *arg)
{
    return *(volatile sig_atomic_t *)arg != 0;
}

static volatile sig_atomic_t rang;

static void
ring(int signo)
{
    (void)signo;
    rang = 1;
}

TEST(a_hook_ends_the_server_of_a_thread)
{
    struct sigaction sa = {.sa_handler = ring};
    struct itimerval soon = {{0, 5000}, {0, 5000}};
    struct itimerval off = {{0, 0}, {0, 0}};
    struct service s = {.result = 1};

    unsetenv("TN_BACKEND");
    open_service(&s, answer);
    OK(sigaction(SIGALRM, &sa, NULL));
    tn_on_interrupt(wants_out, (void *)(uintptr_t)&rang);
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    ERR(tn_serve(s.listener, s.handler, &s, NULL), -EINTR);
    OK(setitimer(ITIMER_REAL, &off, NULL));
    tn_on_interrupt(NULL, NULL);
    tn_close(s.listener);
}
