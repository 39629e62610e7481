/*
 * test_group.c - groups: who waits for whom, and what comes out.
 */
#include "core.h"

static int
return_arg(void *arg)
{
    return *(int *)arg;
}

static int
wait_forever(void *arg)
{
    (void)arg;
    return tn_sleep(TN_FOREVER);
}

/* ---- results ---- */

static int
results(void *arg)
{
    int five = 5, first = -EIO, second = -EPERM;
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    EQ(tn_group_wait(&g), 0);
    tn_group_init(&g, 0);
    OK(tn_go(&g, return_arg, &five));
    EQ(tn_group_wait(&g), 0);
    EQ(tn_group_wait(&g), 0);
    tn_group_init(&g, TN_KEEP_GOING);
    OK(tn_go(&g, return_arg, &first));
    OK(tn_go(&g, return_arg, &second));
    EQ(tn_group_wait(&g), -EIO);
    return 0;
}

TEST_EACH(the_first_failure_is_the_groups, backends)
{
    OK(run_on(p, results, NULL));
}

static int
order(void *arg)
{
    int *next = arg;

    return (*next)++;
}

static int
remember(void *arg)
{
    static int seen;
    int *number = arg;

    EQ(*number, seen);
    seen = (seen + 1) % 10;
    return 0;
}

static int
in_order(void *arg)
{
    int numbers[10], next = 0;
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    for (int i = 0; i < 10; i++) {
        numbers[i] = order(&next);
        OK(tn_go(&g, remember, &numbers[i]));
    }
    return tn_group_wait(&g);
}

TEST_EACH(tasks_start_in_order, backends)
{
    OK(run_on(p, in_order, NULL));
}

/* ---- the owner is cancelled while it waits ---- */

struct owner {
    int child, waited;
    bool fired;
};

static int
slow_to_leave(void *arg)
{
    struct owner *o = arg;
    tn_scope shield;

    o->child = tn_sleep(TN_FOREVER);
    tn_shield(&shield, 1 * TN_SEC);
    OK(tn_sleep(5 * TN_MS));
    tn_scope_end(&shield);
    return o->child;
}

static int
own_a_group(void *arg)
{
    struct owner *o = arg;
    tn_group g;

    tn_group_init(&g, 0);
    OK(tn_go(&g, slow_to_leave, o));
    o->waited = tn_group_wait(&g);
    return o->waited;
}

static int
cancel_owner(void *arg)
{
    struct owner o = {0};
    tn_scope scope;
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, own_a_group, &o));
    OK(tn_sleep(1 * TN_MS));
    tn_group_cancel(&g);
    EQ(tn_group_wait(&g), 0);
    EQ(o.child, -ECANCELED);
    EQ(o.waited, -ECANCELED);
    /* And by a deadline. */
    tn_deadline(&scope, 2 * TN_MS);
    EQ(own_a_group(&o), -ETIME);
    CHECK(tn_scope_end(&scope));
    CHECK(o.child == -ECANCELED || o.child == -ETIME);
    return 0;
}

TEST_EACH(a_cancelled_owner_still_waits, backends)
{
    OK(run_on(p, cancel_owner, NULL));
}

/* A deadline that only the owner has: its children are not inside. */
static int
owners_deadline(void *arg)
{
    tn_scope scope;
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, wait_forever, NULL));
    tn_deadline(&scope, 2 * TN_MS);
    ERR(tn_group_wait(&g), -ETIME);
    CHECK(tn_scope_end(&scope));
    OK(tn_checkpoint());
    return 0;
}

TEST_EACH(a_deadline_around_the_wait_cancels_the_group, backends)
{
    OK(run_on(p, owners_deadline, NULL));
}

/* ---- starting where it is too late ---- */

static int
too_late(void *arg)
{
    tn_scope scope;
    tn_group g;

    (void)arg;
    tn_deadline(&scope, 0);
    tn_group_init(&g, 0);
    ERR(tn_go(&g, wait_forever, NULL), -ETIME);
    ERR(tn_group_wait(&g), -ETIME);
    tn_scope_end(&scope);
    tn_deadline(&scope, TN_FOREVER);
    tn_group_init(&g, 0);
    tn_scope_cancel(&scope);
    ERR(tn_go(&g, wait_forever, NULL), -ECANCELED);
    ERR(tn_group_wait(&g), -ECANCELED);
    tn_scope_end(&scope);
    tn_group_init(&g, 0);
    tn_group_cancel(&g);
    ERR(tn_go(&g, wait_forever, NULL), -ECANCELED);
    EQ(tn_group_wait(&g), 0);
    return 0;
}

TEST_EACH(nothing_starts_in_a_cancelled_group, backends)
{
    OK(run_on(p, too_late, NULL));
}

/* A task that was started and cancelled before it ran still runs: it owns what
   it was given. */
static int
run_cancelled(void *arg)
{
    int *ran = arg;

    *ran += 1;
    return tn_checkpoint();
}

static int
cancel_unborn(void *arg)
{
    int ran = 0;
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_cancelled, &ran));
    tn_group_cancel(&g);
    EQ(tn_group_wait(&g), 0);
    EQ(ran, 1);
    return 0;
}

TEST_EACH(a_task_cancelled_before_it_ran_runs, backends)
{
    OK(run_on(p, cancel_unborn, NULL));
}

/* ---- children that start siblings, and nested groups side by side ---- */

struct spread {
    tn_group *g;
    int left, ran;
};

static int
start_sibling(void *arg)
{
    struct spread *s = arg;

    s->ran++;
    if (s->left-- > 0) {
        OK(tn_go(s->g, start_sibling, s));
        OK(tn_checkpoint());
    }
    return 0;
}

static int
spreading(void *arg)
{
    struct spread s = {.left = 50};
    tn_group a, b;

    (void)arg;
    tn_group_init(&a, 0);
    tn_group_init(&b, 0);
    s.g = &a;
    OK(tn_go(&b, wait_forever, NULL));
    OK(tn_go(&a, start_sibling, &s));
    OK(tn_group_wait(&a));
    EQ(s.ran, 51);
    tn_group_cancel(&b);
    OK(tn_group_wait(&b));
    return 0;
}

TEST_EACH(a_child_starts_siblings, backends)
{
    OK(run_on(p, spreading, NULL));
}

/* A failing child cancels its siblings in the middle of their own groups. */
static int
fail_later(void *arg)
{
    (void)arg;
    OK(tn_sleep(1 * TN_MS));
    return tn_fail(-EPROTO, "lose", "the thread");
}

static int
nest(void *arg)
{
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, wait_forever, NULL));
    OK(tn_go(&g, wait_forever, NULL));
    return tn_group_wait(&g);
}

static int
failing_family(void *arg)
{
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, nest, NULL));
    OK(tn_go(&g, nest, NULL));
    OK(tn_go(&g, fail_later, NULL));
    EQ(tn_group_wait(&g), -EPROTO);
    STREQ(tn_why(), "lose the thread: protocol error");
    return 0;
}

static int
fail_silently(void *arg)
{
    (void)arg;
    return -EIO;
}

static int
silent_failure(void *arg)
{
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, fail_silently, NULL));
    EQ(tn_group_wait(&g), -EIO);
    STREQ(tn_why(), "task: input/output error");
    return -EXDEV;
}

TEST_EACH(a_failure_without_a_word_names_its_code, backends)
{
    EQ(run_on(p, silent_failure, NULL), -EXDEV);
    STREQ(tn_why(), "task: across file systems");
}

TEST_EACH(a_failure_reaches_nested_groups, backends)
{
    OK(run_on(p, failing_family, NULL));
}
