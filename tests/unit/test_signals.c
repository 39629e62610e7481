/*
 * test_signals.c - signals: waited for, and as a disturbance.
 */
#include "core.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

/* ---- waiting for signals ---- */

static int
wait_signals(void *arg)
{
    const int wanted[] = {SIGUSR1, SIGUSR2};
    tn_signals *sigs;
    sigset_t mask;

    (void)arg;
    OK(tn_signals_open(&sigs, wanted, 2));
    kill(getpid(), SIGUSR2);
    EQ(tn_signals_wait(sigs), SIGUSR2);
    kill(getpid(), SIGUSR1);
    EQ(tn_signals_wait(sigs), SIGUSR1);
    tn_signals_close(sigs);
    tn_signals_close(NULL);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    EQ(sigismember(&mask, SIGUSR1), 0);
    return 0;
}

TEST_EACH(signals_are_waited_for, kernel_callers)
{
    OK(run_as(p, wait_signals, NULL));
}

static int
send_signal(void *arg)
{
    (void)arg;
    OK(tn_sleep(1 * TN_MS));
    kill(getpid(), SIGUSR1);
    return 0;
}

static int
wait_parked(void *arg)
{
    const int wanted[] = {SIGUSR1};
    tn_signals *sigs;
    tn_scope scope;
    tn_group g;

    (void)arg;
    OK(tn_signals_open(&sigs, wanted, 1));
    tn_deadline(&scope, 1 * TN_MS);
    ERR(tn_signals_wait(sigs), -ETIME);
    tn_scope_end(&scope);
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_signal, NULL));
    EQ(tn_signals_wait(sigs), SIGUSR1);
    OK(tn_group_wait(&g));
    tn_signals_close(sigs);
    return 0;
}

TEST_EACH(a_task_parks_for_a_signal, kernels)
{
    OK(run_on(p, wait_parked, NULL));
}

TEST(each_gives_back_what_it_took)
{
    static const int usr[] = {SIGUSR1, SIGUSR2};
    tn_signals *a, *b;
    sigset_t now;

    OK(tn_signals_open(&a, &usr[0], 1));
    OK(tn_signals_open(&b, usr, 2));
    tn_signals_close(a);
    OK(raise(SIGUSR2)); /* still b's */
    EQ(tn_signals_wait(b), SIGUSR2);
    tn_signals_close(b);
    OK(pthread_sigmask(SIG_BLOCK, NULL, &now));
    EQ(sigismember(&now, SIGUSR1), 0);
    EQ(sigismember(&now, SIGUSR2), 0);
}

TEST(signals_that_cannot_be)
{
    int many[17], one = SIGUSR1, bad = 4711;
    tn_signals *sigs = (tn_signals *)&one;

    for (int i = 0; i < 17; i++) {
        many[i] = SIGUSR1;
    }
    ERR(tn_signals_open(&sigs, &bad, 1), -EINVAL);
    CHECK(sigs == NULL);
    ERR(tn_signals_open(&sigs, &one, 0), -EINVAL);
    ERR(tn_signals_open(&sigs, many, 17), -EINVAL);
    OK(tn_signals_open(&sigs, many, 16));
    tn_signals_close(sigs);
}

/* ---- a storm of them ---- */

static atomic_int alarms;

static void
on_alarm(int signo)
{
    (void)signo;
    atomic_fetch_add(&alarms, 1);
}

static void
start_storm(void)
{
    struct sigaction sa = {.sa_handler = on_alarm};
    struct itimerval each = {{0, 1000}, {0, 1000}};

    OK(sigaction(SIGALRM, &sa, NULL));
    OK(setitimer(ITIMER_REAL, &each, NULL));
}

static void
end_storm(void)
{
    struct itimerval off = {{0, 0}, {0, 0}};

    OK(setitimer(ITIMER_REAL, &off, NULL));
}

static int
send_slowly(void *arg)
{
    tn_sock **s = arg;

    for (int i = 0; i < 10; i++) {
        OK(tn_sleep(5 * TN_MS));
        EQ(tn_sendall(s[1], "0123456789", 10, NULL), 10);
    }
    return 0;
}

static void
send_slowly_thread(void *arg)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    send_slowly(arg);
}

static void
check_reading(tn_sock *s)
{
    char buf[100];
    int64_t start;

    EQ(tn_recvall(s, buf, 100, NULL), 100);
    for (int i = 0; i < 100; i++) {
        EQ(buf[i], '0' + i % 10);
    }
    tn_settimeout(s, 30 * TN_MS);
    start = tn_now();
    ERR(tn_recv(s, buf, 1, 0), -ETIME);
    GE(tn_now() - start, 30 * TN_MS);
    LE(tn_now() - start, 2 * TN_SEC);
    start = tn_now();
    OK(tn_sleep(20 * TN_MS));
    GE(tn_now() - start, 20 * TN_MS);
}

static int
read_in_storm(void *arg)
{
    tn_sock *s[2];
    tn_group g;

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_slowly, s));
    check_reading(s[0]);
    OK(tn_group_wait(&g));
    close_pair(s);
    return 0;
}

TEST_EACH(a_storm_of_signals_changes_nothing, kernels)
{
    start_storm();
    OK(run_on(p, read_in_storm, NULL));
    end_storm();
    GE(alarms, 10);
}

TEST(a_storm_changes_nothing_in_a_thread)
{
    struct test_thread *t;
    tn_sock *s[2];

    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    t = test_thread_start(send_slowly_thread, s);
    start_storm();
    check_reading(s[0]);
    end_storm();
    test_thread_join(t);
    close_pair(s);
    GE(alarms, 10);
}

/* ---- the hook of a plain thread ---- */

struct hook {
    int asked, after;
};

static bool
ask(void *arg)
{
    struct hook *h = arg;

    return ++h->asked > h->after;
}

TEST(the_hook_is_asked_and_may_refuse)
{
    struct hook h = {.after = 3};
    tn_sock *s[2];
    char byte;

    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    start_storm();
    tn_on_interrupt(ask, &h);
    ERR(tn_recv(s[0], &byte, 1, 0), -EINTR);
    EQ(h.asked, 4);
    ERR(tn_sleep(5 * TN_SEC), -EINTR);
    tn_settimeout(s[0], 5 * TN_SEC);
    ERR(tn_recv(s[0], &byte, 1, 0), -EINTR);
    tn_on_interrupt(NULL, NULL);
    tn_settimeout(s[0], 10 * TN_MS);
    ERR(tn_recv(s[0], &byte, 1, 0), -ETIME);
    end_storm();
    close_pair(s);
}

/* Connecting to a full Unix backlog blocks in the kernel. */
static void
connect_interrupted(int64_t timeout)
{
    struct hook h = {.after = 0};
    tn_sock *listener, *c[2];
    tn_addr a;

    OK(tn_addr_unix(&a, "", 0));
    OK(tn_socket(&listener, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_bind(listener, &a));
    OK(tn_getsockname(listener, &a));
    OK(tn_listen(listener, 0));
    OK(tn_socket(&c[0], AF_UNIX, SOCK_STREAM, 0));
    OK(tn_socket(&c[1], AF_UNIX, SOCK_STREAM, 0));
    OK(tn_connect(c[0], &a));
    start_storm();
    tn_on_interrupt(ask, &h);
    tn_settimeout(c[1], timeout);
    ERR(tn_connect(c[1], &a), -EINTR);
    tn_on_interrupt(NULL, NULL);
    end_storm();
    close_pair(c);
    tn_close(listener);
}

TEST(the_hook_ends_a_connect)
{
    connect_interrupted(TN_FOREVER);
    connect_interrupted(5 * TN_SEC);
}

static int
sleep_long(void *arg)
{
    (void)arg;
    return tn_sleep(5 * TN_SEC);
}

TEST_EACH(the_hook_ends_a_loop_that_asks, kernels)
{
    struct hook h = {.after = 2};

    start_storm();
    tn_on_interrupt(ask, &h);
    ERR(run_with(p, (tn_opts){.catch_interrupt = true}, sleep_long, NULL),
        -EINTR);
    tn_on_interrupt(NULL, NULL);
    end_storm();
    EQ(h.asked, 3);
}
