/*
 * test_offload.c - threads around a loop: workers, posts, several loops.
 */
#include "core.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* ---- workers ---- */

static int
double_it(void *data)
{
    int *n = data;

    *n *= 2;
    return *n;
}

static int
slow_double(void *data)
{
    usleep(30000);
    return double_it(data);
}

static int
return_error(void *data)
{
    (void)data;
    return -EIO;
}

static int
offload_all(void *arg)
{
    static char large[(64 << 10) + 1];
    int n = 21;

    (void)arg;
    EQ(tn_offload(double_it, &n, sizeof(n)), 42);
    EQ(n, 42);
    EQ(tn_offload(return_error, NULL, 0), -EIO);
    ERR(tn_offload(return_error, large, sizeof(large)), -EINVAL);
    EQ(tn_offload(return_error, large, sizeof(large) - 1), -EIO);
    ERR(tn_offload(return_error, NULL, 1), -EINVAL);
    return 0;
}

TEST_EACH(offload_runs_elsewhere, callers)
{
    OK(run_as(p, offload_all, NULL));
}

static int
offload_and_leave(void *arg)
{
    int n = 21;
    tn_scope scope;

    (void)arg;
    tn_deadline(&scope, 5 * TN_MS);
    ERR(tn_offload(slow_double, &n, sizeof(n)), -ETIME);
    EQ(n, 21);
    ERR(tn_offload(slow_double, &n, sizeof(n)), -ETIME);
    CHECK(tn_scope_end(&scope));
    EQ(tn_offload(slow_double, &n, sizeof(n)), 42);
    EQ(n, 42);
    return 0;
}

TEST_EACH(a_task_may_leave_its_worker, kernels)
{
    OK(run_on(p, offload_and_leave, NULL));
    usleep(60000); /* the one that was left shall end before the leak check */
}

struct jobs {
    int done, cut;
};

static int
offload_many(void *arg)
{
    struct jobs *j = arg;
    tn_scope scope;
    int r;

    for (int i = 0; i < 50; i++) {
        int n = i;

        tn_deadline(&scope, (i % 7) * 20 * TN_US);
        r = tn_offload(double_it, &n, sizeof(n));
        if (r == -ETIME) {
            EQ(n, i);
            j->cut++;
        } else {
            EQ(r, 2 * i);
            EQ(n, 2 * i);
            j->done++;
        }
        tn_scope_end(&scope);
    }
    return 0;
}

/* The result and the deadline race for each job. */
static int
offload_races(void *arg)
{
    struct jobs j = {0, 0};
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    for (int i = 0; i < 20; i++) {
        OK(tn_go(&g, offload_many, &j));
    }
    OK(tn_group_wait(&g));
    EQ(j.done + j.cut, 1000);
    return 0;
}

TEST_EACH(results_and_deadlines_of_workers_race, kernels)
{
    OK(run_with(p, (tn_opts){.pool_threads = 3}, offload_races, NULL));
    usleep(20000);
}

TEST(pool_threads_has_limits)
{
    ERR(tn_run(&(tn_opts){.pool_threads = -1}, core_nothing, NULL), -EINVAL);
    ERR(tn_run(&(tn_opts){.pool_threads = 65}, core_nothing, NULL), -EINVAL);
    OK(tn_run(&(tn_opts){.pool_threads = 64}, core_nothing, NULL));
}

/* A child of fork() has none of its parent's workers. */
static int
offload_once(void *arg)
{
    int n = 1;

    (void)arg;
    return tn_offload(double_it, &n, sizeof(n)) == 2 ? 0 : -EIO;
}

/* One after the other, so that idle workers have to be woken. */
static int
offload_often(void *arg)
{
    int r = 0;

    for (int i = 0; i < 50 && r == 0; i++) {
        r = offload_once(arg);
        usleep(200);
    }
    return r;
}

static int
offload_at_once(void *arg)
{
    tn_group g;

    tn_group_init(&g, 0);
    for (int i = 0; i < 8; i++) {
        OK(tn_go(&g, offload_once, arg));
    }
    return tn_group_wait(&g);
}

TEST_EACH(a_forked_child_gets_its_own_workers, kernels)
{
    int64_t begin;
    int status;
    pid_t pid;

    if (test_scale() > 1) {
        SKIP("sanitizers do not follow threads across fork");
    }
    OK(run_on(p, offload_at_once, NULL));
    usleep(20000); /* they are idle now */
    begin = tn_now();
    pid = fork();
    OK(pid);
    if (pid == 0) {
        _exit(run_on(p, offload_often, NULL) == 0 ? 0 : 1);
    }
    EQ(waitpid(pid, &status, 0), pid);
    EQ(status, 0);
    LE(tn_now() - begin, 3 * TN_SEC);
}

/* ---- posts ---- */

struct posts {
    tn_loop *loop;
    tn_chan *chan;
    int threads, each;
    atomic_int sent, refused;
    int ran;
    bool started;
};

static void
count_post(void *arg)
{
    struct posts *c = arg;

    c->ran++;
}

static void
post_many(void *arg)
{
    struct posts *c = arg;

    for (int i = 0; i < c->each;) {
        int r = tn_post(c->loop, count_post, c);

        if (r == 0) {
            i++;
            atomic_fetch_add(&c->sent, 1);
        } else {
            EQ(r, -EAGAIN);
            atomic_fetch_add(&c->refused, 1);
            usleep(100);
        }
    }
}

static int
post_storm(void *arg)
{
    struct posts *c = arg;
    struct test_thread *t[4];
    int total = c->threads * c->each;

    c->loop = tn_loop_self();
    CHECK(c->loop == tn_loop_self());
    for (int i = 0; i < c->threads; i++) {
        t[i] = test_thread_start(post_many, c);
    }
    while (c->ran < total) {
        OK(tn_sleep(1 * TN_MS));
    }
    for (int i = 0; i < c->threads; i++) {
        test_thread_join(t[i]);
    }
    EQ(c->ran, total);
    EQ(c->sent, total);
    return 0;
}

TEST_EACH(posts_from_four_threads_all_run, kernels)
{
    struct posts c = {.threads = 4, .each = 20000 / test_scale()};

    OK(run_on(p, post_storm, &c));
}

static int
child_of_post(void *arg)
{
    struct posts *c = arg;

    c->started = true;
    return 0;
}

struct starter {
    struct posts *c;
    tn_group *g;
};

/* A posted function may start tasks, fill a channel, cancel. */
static void
start_things(void *arg)
{
    struct starter *s = arg;
    int value = 5;

    OK(tn_go(s->g, child_of_post, s->c));
    OK(tn_chan_try_send(s->c->chan, &value));
}

static void
post_start(void *arg)
{
    struct starter *s = arg;

    OK(tn_post(s->c->loop, start_things, s));
}

static int
wait_for_start(void *arg)
{
    struct posts *c = arg;
    struct test_thread *t;
    struct starter s;
    tn_group g;
    int value = 0;

    tn_group_init(&g, 0);
    s = (struct starter){c, &g};
    c->loop = tn_loop_self();
    OK(tn_chan_new(&c->chan, sizeof(int), 1));
    t = test_thread_start(post_start, &s);
    OK(tn_chan_recv(c->chan, &value));
    EQ(value, 5);
    OK(tn_group_wait(&g));
    CHECK(c->started);
    test_thread_join(t);
    tn_chan_free(c->chan);
    return 0;
}

TEST_EACH(a_posted_function_starts_a_task, kernels)
{
    struct posts c = {.ran = 0};

    OK(run_on(p, wait_for_start, &c));
}

static void
stop_it(void *arg)
{
    OK(tn_loop_stop(arg));
}

static int
stopped(void *arg)
{
    struct test_thread *t = test_thread_start(stop_it, tn_loop_self());

    (void)arg;
    ERR(tn_sleep(TN_FOREVER), -ECANCELED);
    ERR(tn_sleep(1), -ECANCELED);
    test_thread_join(t);
    return -ECANCELED;
}

TEST_EACH(loop_stop_cancels_the_root, kernels)
{
    ERR(run_on(p, stopped, NULL), -ECANCELED);
}

/* What is posted while the root task ends runs, or is refused. */
struct ending {
    tn_loop *loop;
    atomic_int accepted, ran;
    atomic_bool stop;
};

static void
run_late(void *arg)
{
    struct ending *e = arg;

    atomic_fetch_add(&e->ran, 1);
}

static void
post_until_refused(void *arg)
{
    struct ending *e = arg;

    for (int i = 0; i < 50; i++) {
        if (tn_post(e->loop, run_late, e) == 0) {
            atomic_fetch_add(&e->accepted, 1);
        }
    }
    atomic_store(&e->stop, true);
}

static int
end_under_posts(void *arg)
{
    struct ending *e = arg;

    e->loop = tn_loop_self();
    post_until_refused(e);
    return 0;
}

TEST_EACH(an_accepted_post_runs_even_at_the_end, kernels)
{
    struct ending e = {.accepted = 0};

    OK(run_on(p, end_under_posts, &e));
    EQ(e.accepted, 50);
    EQ(e.ran, 50);
}

static void
post_once_more(void *arg)
{
    struct ending *e = arg;

    e->ran++;
    e->accepted = tn_post(e->loop, run_late, e);
}

static int
end_with_a_post(void *arg)
{
    struct ending *e = arg;

    e->loop = tn_loop_self();
    return tn_post(e->loop, post_once_more, e);
}

TEST_EACH(a_loop_that_ends_refuses_posts, kernels)
{
    struct ending e = {.accepted = 0};

    OK(run_on(p, end_with_a_post, &e));
    EQ(e.accepted, -ESHUTDOWN);
    EQ(e.ran, 1);
}

/* ---- several loops ---- */

struct team {
    tn_loop *loop[2];
    atomic_int ready, total;
    int each;
};

static void
team_post(void *arg)
{
    struct team *t = arg;

    atomic_fetch_add(&t->total, 1);
}

static int
post_to_other(int index, void *arg)
{
    struct team *t = arg;

    t->loop[index] = tn_loop_self();
    atomic_fetch_add(&t->ready, 1);
    while (atomic_load(&t->ready) < 2) {
        OK(tn_sleep(100 * TN_US));
    }
    for (int i = 0; i < t->each;) {
        int r = tn_post(t->loop[1 - index], team_post, t);

        CHECK(r == 0 || r == -EAGAIN);
        i += r == 0;
        if (i % 32 == 0) {
            OK(tn_checkpoint());
        }
    }
    while (atomic_load(&t->total) < 2 * t->each) {
        OK(tn_sleep(100 * TN_US));
    }
    return index + 7;
}

TEST_EACH(two_loops_storm_each_other, kernels)
{
    struct team t = {.each = 20000 / test_scale()};
    tn_opts opts = {.backend = p->name};

    unsetenv("TN_BACKEND");
    EQ(tn_run_threads(&opts, 2, post_to_other, &t), 7);
    EQ(t.total, 2 * t.each);
}

static int
one_fails(int index, void *arg)
{
    (void)arg;
    if (index == 2) {
        OK(tn_sleep(1 * TN_MS));
        return -EIO;
    }
    ERR(tn_sleep(TN_FOREVER), -ECANCELED);
    return -ECANCELED;
}

static int
threads_inside(void *arg)
{
    (void)arg;
    ERR(tn_run_threads(NULL, 1, one_fails, NULL), -EDEADLK);
    ERR(tn_run(NULL, core_nothing, NULL), -EDEADLK);
    return 0;
}

TEST_EACH(a_loop_that_fails_stops_the_others, kernels)
{
    tn_opts opts = {.backend = p->name};

    unsetenv("TN_BACKEND");
    ERR(tn_run_threads(&opts, 4, one_fails, NULL), -EIO);
    ERR(tn_run_threads(&opts, 0, one_fails, NULL), -EINVAL);
    ERR(tn_run_threads(&opts, 257, one_fails, NULL), -EINVAL);
    OK(run_on(p, threads_inside, NULL));
}

/* ---- a socket belongs to one loop ---- */

static int
use_elsewhere(void *arg)
{
    char byte;

    ERR(tn_recv(arg, &byte, 1, 0), TN_EWRONGLOOP);
    return 0;
}

static void
run_elsewhere(void *arg)
{
    OK(tn_run(NULL, use_elsewhere, arg));
}

static int
keep_socket(void *arg)
{
    tn_sock *s[2];
    char byte;

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    tn_settimeout(s[0], 1 * TN_MS);
    ERR(tn_recv(s[0], &byte, 1, 0), -ETIME);
    test_thread_join(test_thread_start(run_elsewhere, s[0]));
    close_pair(s);
    return 0;
}

TEST_EACH(a_socket_in_use_by_another_loop, kernels)
{
    OK(run_on(p, keep_socket, NULL));
}

TEST(loop_self_is_null_outside)
{
    CHECK(tn_loop_self() == NULL);
    STREQ(tn_backend_name(), "thread");
    STREQ(tn_backend_why(), "");
}
