/*
 * test_serve.c - a whole server: limits, shortage, half-close, the end.
 */
#include "service_kit.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static int
echo(tn_sock *conn, const tn_addr *peer, void *arg)
{
    struct service *s = arg;
    char buf[512];
    ssize_t n;

    (void)peer;
    s->running++;
    s->most = s->running > s->most ? s->running : s->most;
    while ((n = tn_recv(conn, buf, sizeof(buf), 0)) > 0) {
        n = tn_sendall(conn, buf, (size_t)n, NULL);
        if (n < 0) {
            break;
        }
    }
    s->running--;
    return (int)n;
}

static void
check_echo(tn_sock *c)
{
    char buf[8];

    EQ(tn_sendall(c, "hello", 5, NULL), 5);
    EQ(tn_recvall(c, buf, 5, NULL), 5);
    MEMEQ(buf, "hello", 5);
}

/* ---- the common case, and each way to end it ---- */

static int
serve_some(void *arg)
{
    struct service s = {.result = 1};
    tn_sock *c[20];
    tn_group g;

    (void)arg;
    open_service(&s, echo);
    tn_settimeout(s.listener, 7 * TN_SEC);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    for (int i = 0; i < 20; i++) {
        c[i] = join(&s);
        check_echo(c[i]);
    }
    EQ(s.running, 20);
    for (int i = 0; i < 10; i++) {
        tn_close(c[i]);
    }
    while (s.ended < 10) {
        OK(tn_sleep(1 * TN_MS));
    }
    EQ(s.last, 0);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    EQ(s.result, -ECANCELED);
    EQ(s.ended, 20);
    EQ(s.last, -ECANCELED);
    EQ(s.running, 0);
    EQ(tn_gettimeout(s.listener), 7 * TN_SEC);
    for (int i = 10; i < 20; i++) {
        tn_close(c[i]);
    }
    tn_close(s.listener);
    return 0;
}

TEST_EACH(a_server_serves_until_it_is_cancelled, backends)
{
    OK(run_on(p, serve_some, NULL));
}

static int
serve_ends(void *arg)
{
    struct service s = {.result = 1};
    tn_sock *plain;
    tn_scope scope;
    tn_group g;

    (void)arg;
    open_service(&s, echo);
    tn_deadline(&scope, 5 * TN_MS);
    ERR(tn_serve(s.listener, echo, &s, NULL), -ETIME);
    CHECK(tn_scope_end(&scope));
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    OK(tn_sleep(1 * TN_MS));
    tn_close(s.listener);
    OK(tn_group_wait(&g));
    EQ(s.result, -EBADF);
    OK(tn_socket(&plain, AF_INET, SOCK_STREAM, 0));
    ERR(tn_serve(plain, echo, &s, NULL), -EINVAL);
    tn_close(plain);
    return 0;
}

TEST_EACH(a_server_says_why_it_ended, backends)
{
    OK(run_on(p, serve_ends, NULL));
}

static int
stop_after_one(tn_sock *conn, const tn_addr *peer, void *arg)
{
    int r = echo(conn, peer, arg);

    OK(tn_loop_stop(tn_loop_self()));
    return r;
}

static void
client_thread(void *arg)
{
    tn_sock *c = join(arg);

    check_echo(c);
    tn_close(c);
}

TEST(a_thread_becomes_a_server)
{
    struct service s = {.result = 1};
    struct test_thread *t;

    unsetenv("TN_BACKEND");
    open_service(&s, stop_after_one);
    t = test_thread_start(client_thread, &s);
    run_service(&s);
    EQ(s.result, -ECANCELED);
    EQ(s.ended, 1);
    test_thread_join(t);
    tn_close(s.listener);
}

/* ---- limits ---- */

static int
too_many(void *arg)
{
    struct service s = {.result = 1, .opts = {.max_connections = 3}};
    tn_sock *c[6];
    tn_group g;
    char byte;

    (void)arg;
    open_service(&s, echo);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    for (int i = 0; i < 6; i++) {
        c[i] = join(&s);
        EQ(tn_send(c[i], "x", 1, 0), 1);
    }
    OK(tn_sleep(20 * TN_MS));
    EQ(s.running, 3);
    for (int i = 0; i < 3; i++) {
        EQ(tn_recv(c[i], &byte, 1, 0), 1);
        tn_close(c[i]);
    }
    for (int i = 3; i < 6; i++) {
        EQ(tn_recv(c[i], &byte, 1, 0), 1);
        tn_close(c[i]);
    }
    EQ(s.most, 3);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    tn_close(s.listener);
    return 0;
}

TEST_EACH(the_limit_of_connections_pauses_accept, backends)
{
    OK(run_on(p, too_many, NULL));
}

static int
idle_peer(void *arg)
{
    struct service s = {.opts = {.idle = 20 * TN_MS, .flush = 20 * TN_MS}};
    tn_sock *c;
    tn_group g;
    char byte;

    (void)arg;
    open_service(&s, echo);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    EQ(tn_recv(c, &byte, 1, 0), 0);
    while (s.ended < 1) {
        OK(tn_sleep(1 * TN_MS));
    }
    EQ(s.last, -ETIME);
    tn_close(c);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    tn_close(s.listener);
    return 0;
}

TEST_EACH(an_idle_peer_is_let_go, backends)
{
    OK(run_on(p, idle_peer, NULL));
}

/* A long answer after the peer's half-close, read slowly. */
enum { ANSWER = 300000 };

static int
answer_at_end(tn_sock *conn, const tn_addr *peer, void *arg)
{
    static char answer[ANSWER];
    char buf[64];

    (void)peer;
    (void)arg;
    while (tn_recv(conn, buf, sizeof(buf), 0) > 0) {
    }
    return tn_sendall(conn, answer, ANSWER, NULL) == ANSWER ? 0 : -EIO;
}

static int
half_close(void *arg)
{
    static char got[ANSWER];
    struct service s = {.result = 1};
    tn_sock *c;
    tn_group g;
    char byte;

    (void)arg;
    open_service(&s, answer_at_end);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    EQ(tn_sendall(c, "question", 8, NULL), 8);
    OK(tn_shutdown(c, SHUT_WR));
    OK(tn_sleep(5 * TN_MS));
    EQ(tn_recvall(c, got, ANSWER, NULL), ANSWER);
    EQ(tn_recv(c, &byte, 1, 0), 0);
    tn_close(c);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    EQ(s.last, 0);
    tn_close(s.listener);
    return 0;
}

TEST_EACH(an_answer_follows_a_half_close, backends)
{
    OK(run_on(p, half_close, NULL));
}

/* A peer that sends more than the handler reads gets the answer all the same:
   the server does not reset. */
static int
answer_first(tn_sock *conn, const tn_addr *peer, void *arg)
{
    (void)peer;
    (void)arg;
    return (int)tn_sendall(conn, "too much", 8, NULL);
}

static int
talkative_peer(void *arg)
{
    static char talk[100000];
    struct service s = {.result = 1};
    char buf[16];
    tn_sock *c;
    tn_group g;

    (void)arg;
    open_service(&s, answer_first);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    EQ(tn_sendall(c, talk, sizeof(talk), NULL), (ssize_t)sizeof(talk));
    EQ(tn_recvall(c, buf, 8, NULL), 8);
    EQ(tn_recv(c, buf, 1, 0), 0);
    tn_close(c);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    tn_close(s.listener);
    return 0;
}

TEST_EACH(a_talkative_peer_gets_its_answer, backends)
{
    OK(run_on(p, talkative_peer, NULL));
}

/* The listener is closed while the server waits for a free place. */
static int
close_while_full(void *arg)
{
    struct service s = {.result = 1, .opts = {.max_connections = 1}};
    int64_t start;
    tn_sock *c;
    tn_group g;

    (void)arg;
    s.opts.flush = 5 * TN_MS;
    open_service(&s, echo);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    check_echo(c);
    ERR(tn_detach(s.listener), -EBUSY);
    start = tn_now();
    EQ(tn_close(s.listener), 0);
    OK(tn_group_wait(&g));
    EQ(s.result, -EBADF);
    EQ(s.last, -ECANCELED);
    LE(tn_now() - start, 1 * TN_SEC);
    tn_close(c);
    return 0;
}

TEST_EACH(a_full_server_hears_that_its_listener_is_closed, backends)
{
    OK(run_on(p, close_while_full, NULL));
}

/* ---- descriptors run out ---- */

static int64_t
cpu_time(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * TN_SEC + ts.tv_nsec;
}

static int
next_fd(void)
{
    int fd = dup(0);

    OK(fd);
    close(fd);
    return fd;
}

/* Clients connect before the limit falls; the server has room for none. */
static int
no_descriptors(void *arg)
{
    struct service s = {.result = 1};
    struct rlimit old, tight;
    tn_sock *c[8];
    int64_t before;
    tn_group g;

    (void)arg;
    open_service(&s, echo);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    OK(tn_sleep(1 * TN_MS));
    OK(getrlimit(RLIMIT_NOFILE, &old));
    for (int i = 0; i < 8; i++) {
        OK(tn_socket(&c[i], AF_INET, SOCK_STREAM, 0));
    }
    tight = (struct rlimit){(rlim_t)next_fd() + 2, old.rlim_max};
    OK(setrlimit(RLIMIT_NOFILE, &tight));
    for (int i = 0; i < 8; i++) {
        tn_settimeout(c[i], 3 * TN_SEC);
        OK(tn_connect(c[i], &s.addr));
    }
    before = cpu_time();
    OK(tn_sleep(120 * TN_MS));
    LE(cpu_time() - before, 60 * TN_MS);
    EQ(s.running, 2);
    for (int i = 0; i < 8; i++) {
        check_echo(c[i]);
        tn_close(c[i]); /* the next is served when this one is gone */
    }
    OK(setrlimit(RLIMIT_NOFILE, &old));
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    EQ(s.result, -ECANCELED);
    tn_close(s.listener);
    return 0;
}

TEST_EACH(without_descriptors_a_server_waits, kernels)
{
    if (on_valgrind()) {
        SKIP("beyond the limit valgrind accepts and closes");
    }
    OK(run_on(p, no_descriptors, NULL));
}
