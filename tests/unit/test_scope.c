/*
 * test_scope.c - scopes: deadlines, cancel, shields, and who hears of them.
 */
#include "core.h"

static int
cancel_own(void *arg)
{
    char byte;
    tn_scope a, b;
    tn_sock *s[2];

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    EQ(tn_send(s[1], "xy", 2, 0), 2);
    tn_deadline(&a, TN_FOREVER);
    tn_deadline(&b, TN_FOREVER);
    EQ(tn_recv(s[0], &byte, 1, 0), 1);
    tn_scope_cancel(&b);
    ERR(tn_recv(s[0], &byte, 1, 0), -ECANCELED);
    ERR(tn_checkpoint(), -ECANCELED);
    CHECK(!tn_scope_end(&b));
    EQ(tn_recv(s[0], &byte, 1, 0), 1);
    CHECK(!tn_scope_end(&a));
    close_pair(s);
    return 0;
}

TEST_EACH(a_cancelled_scope_ends_its_calls_only, backends)
{
    OK(run_on(p, cancel_own, NULL));
}

struct sleeper {
    tn_scope scope;
    int result, later;
};

static int
sleep_in_scope(void *arg)
{
    struct sleeper *s = arg;

    tn_deadline(&s->scope, TN_FOREVER);
    s->result = tn_sleep(TN_FOREVER);
    s->later = tn_sleep(1);
    CHECK(!tn_scope_end(&s->scope));
    return tn_sleep(1);
}

static int
cancel_other(void *arg)
{
    struct sleeper s = {.result = 1};
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, sleep_in_scope, &s));
    OK(tn_checkpoint());
    tn_scope_cancel(&s.scope);
    OK(tn_group_wait(&g));
    EQ(s.result, -ECANCELED);
    EQ(s.later, -ECANCELED);
    return 0;
}

TEST_EACH(another_task_cancels_a_scope, backends)
{
    OK(run_on(p, cancel_other, NULL));
}

/* ---- shields ---- */

static int
clean_up(void *arg)
{
    int *cleaned = arg;
    tn_scope shield, inner;
    tn_group g;

    ERR(tn_sleep(TN_FOREVER), -ECANCELED);
    tn_shield(&shield, 1 * TN_SEC);
    OK(tn_sleep(2 * TN_MS));
    tn_group_init(&g, 0);
    OK(tn_go(&g, core_nothing, NULL));
    OK(tn_group_wait(&g));
    tn_deadline(&inner, 1 * TN_MS);
    ERR(tn_sleep(TN_FOREVER), -ETIME);
    CHECK(tn_scope_end(&inner));
    CHECK(!tn_scope_end(&shield));
    ERR(tn_sleep(1), -ECANCELED);
    tn_shield(&shield, 1 * TN_MS);
    ERR(tn_sleep(TN_FOREVER), -ETIME);
    CHECK(tn_scope_end(&shield));
    tn_shield(&shield, 0);
    ERR(tn_sleep(TN_FOREVER), -ETIME);
    CHECK(tn_scope_end(&shield));
    *cleaned += 1;
    return -ECANCELED;
}

static int
shielded(void *arg)
{
    int cleaned = 0;
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, clean_up, &cleaned));
    OK(tn_go(&g, clean_up, &cleaned));
    OK(tn_checkpoint());
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    EQ(cleaned, 2);
    return 0;
}

TEST_EACH(a_shield_hides_the_outside_for_a_while, backends)
{
    OK(run_on(p, shielded, NULL));
}

/* ---- sleeping ---- */

static int
sleep_results(void *arg)
{
    tn_scope scope;
    int64_t start = tn_now();

    (void)arg;
    OK(tn_sleep(3 * TN_MS));
    GE(tn_now() - start, 3 * TN_MS);
    OK(tn_sleep(0));
    OK(tn_sleep(-5));
    tn_deadline(&scope, 200 * TN_MS);
    OK(tn_sleep(1 * TN_MS));
    ERR(tn_sleep(TN_FOREVER), -ETIME);
    ERR(tn_sleep(0), -ETIME);
    CHECK(tn_scope_end(&scope));
    tn_deadline(&scope, 0);
    ERR(tn_sleep(0), -ETIME);
    CHECK(tn_scope_end(&scope));
    tn_deadline(&scope, INT64_MAX);
    OK(tn_sleep(1));
    CHECK(!tn_scope_end(&scope));
    return 0;
}

TEST_EACH(sleep_ends_in_time_or_at_a_deadline, backends)
{
    OK(run_on(p, sleep_results, NULL));
}

static int
hold_the_loop(void *arg)
{
    (void)arg;
    usleep(220000);
    return 0;
}

/* A loop that comes late finds both over: the nearer deadline decides, and the
   scope says the same as the call. The far one is far, so that a machine which
   stops between the two calls does not make it the nearer. */
static int
both_over(void *arg)
{
    tn_scope scope;
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, hold_the_loop, NULL));
    tn_deadline(&scope, 1 * TN_MS);
    ERR(tn_sleep(200 * TN_MS), -ETIME);
    CHECK(tn_scope_end(&scope));
    OK(tn_go(&g, hold_the_loop, NULL));
    tn_deadline(&scope, 200 * TN_MS);
    OK(tn_sleep(1 * TN_MS));
    CHECK(!tn_scope_end(&scope));
    return tn_group_wait(&g);
}

TEST_EACH(a_sleep_and_its_scope_agree, kernels)
{
    OK(run_on(p, both_over, NULL));
}

static int
thread_calls(void *arg)
{
    int64_t start = tn_now();

    (void)arg;
    OK(tn_checkpoint());
    OK(tn_sleep(2 * TN_MS));
    GE(tn_now() - start, 2 * TN_MS);
    OK(tn_sleep(0));
    tn_task_name("no task");
    return 0;
}

TEST(a_thread_sleeps_too)
{
    OK(thread_calls(NULL));
}

/* ---- the backend ---- */

static int
say_name(void *arg)
{
    const struct test_param *p = arg;

    STREQ(tn_backend_name(), p->name);
    STREQ(tn_backend_why(), "");
    return 3;
}

TEST_EACH(the_backend_is_the_one_asked_for, backends)
{
    struct test_param copy = *p;

    EQ(run_on(p, say_name, &copy), 3);
}

static int
say_forced(void *arg)
{
    STREQ(tn_backend_name(), arg);
    return 0;
}

static int
say_reason(void *arg)
{
    (void)arg;
    STREQ(tn_backend_name(), "epoll");
    CHECK(tn_backend_why()[0] != '\0');
    return 0;
}

TEST(the_environment_chooses_the_backend)
{
    char poll_name[] = "poll", epoll_name[] = "epoll";
    tn_opts opts = {.backend = "epoll"};

    OK(setenv("TN_BACKEND", "poll", 1));
    OK(tn_run(NULL, say_forced, poll_name));
    OK(tn_run(&opts, say_forced, poll_name));
    OK(setenv("TN_BACKEND", "auto", 1));
    OK(tn_run(NULL, say_forced, epoll_name));
    OK(setenv("TN_BACKEND", "", 1));
    OK(tn_run(NULL, say_forced, epoll_name));
    OK(setenv("TN_BACKEND", "nonsense", 1));
    OK(tn_run(NULL, say_reason, NULL));
    OK(unsetenv("TN_BACKEND"));
    ERR(tn_run(&(tn_opts){.backend = "nonsense"}, core_nothing, NULL), -EINVAL);
    ERR(tn_run(&(tn_opts){.max_tasks = 5000000}, core_nothing, NULL), -EINVAL);
}
