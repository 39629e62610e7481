/*
 * test_task.c - what a correct core must do: tasks, cancellation, data.
 */
#include "core.h"

#include <stdio.h>

/* splitmix64: tests want the same numbers each time. */
static uint64_t
next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- echo pairs ---- */

enum { PAIRS = 32, PAIR_BYTES = 16384 };

struct echo {
    tn_sock *s[2];
    uint64_t seed;
};

static int
echo_server(void *arg)
{
    struct echo *e = arg;
    char buf[700];
    ssize_t n;

    while ((n = tn_recv(e->s[1], buf, sizeof(buf), 0)) > 0) {
        EQ(tn_sendall(e->s[1], buf, (size_t)n, NULL), n);
    }
    EQ(n, 0);
    tn_close(e->s[1]);
    return 0;
}

static int
echo_sender(void *arg)
{
    struct echo *e = arg;
    uint64_t rng = e->seed;
    uint8_t buf[512];
    size_t sent = 0;

    while (sent < PAIR_BYTES) {
        size_t n = 1 + next_random(&rng) % sizeof(buf);

        n = n < PAIR_BYTES - sent ? n : PAIR_BYTES - sent;
        for (size_t i = 0; i < n; i++) {
            buf[i] = (uint8_t)((sent + i) * 7 + e->seed);
        }
        EQ(tn_sendall(e->s[0], buf, n, NULL), (ssize_t)n);
        sent += n;
    }
    OK(tn_shutdown(e->s[0], SHUT_WR));
    return 0;
}

static int
echo_client(void *arg)
{
    struct echo *e = arg;
    uint64_t rng = e->seed + 1;
    uint8_t buf[512];
    size_t got = 0;
    tn_group g;

    tn_group_init(&g, 0);
    OK(tn_go(&g, echo_sender, e));
    for (;;) {
        size_t want = 1 + next_random(&rng) % sizeof(buf);
        ssize_t n = OK(tn_recv(e->s[0], buf, want, 0));

        if (n == 0) {
            break;
        }
        for (ssize_t i = 0; i < n; i++) {
            EQ(buf[i], (uint8_t)((got + (size_t)i) * 7 + e->seed));
        }
        got += (size_t)n;
    }
    EQ(got, PAIR_BYTES);
    OK(tn_group_wait(&g));
    tn_close(e->s[0]);
    return 0;
}

static int
echo_pairs(void *arg)
{
    static struct echo e[PAIRS];
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    for (int i = 0; i < PAIRS; i++) {
        if (i % 2) {
            tcp_pair(e[i].s, AF_INET);
        } else {
            OK(tn_socketpair(e[i].s, AF_UNIX, SOCK_STREAM, 0));
        }
        e[i].seed = (uint64_t)i;
        OK(tn_go(&g, echo_server, &e[i]));
        OK(tn_go(&g, echo_client, &e[i]));
    }
    return tn_group_wait(&g);
}

TEST_EACH(pairs_echo_every_byte, backends)
{
    OK(run_on(p, echo_pairs, NULL));
}

/* ---- deadlines ---- */

static int
deadline_on_silence(void *arg)
{
    char byte;
    tn_sock *s[2];
    tn_scope scope;
    int64_t start;

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    start = tn_now();
    tn_deadline(&scope, 20 * TN_MS);
    ERR(tn_recv(s[0], &byte, 1, 0), -ETIME);
    GE(tn_now() - start, 20 * TN_MS);
    /* Until the scope ends, even if there is something to read. */
    ERR(tn_recv(s[0], &byte, 1, 0), -ETIME);
    ERR(tn_send(s[1], "x", 1, 0), -ETIME);
    ERR(tn_sleep(1), -ETIME);
    ERR(tn_checkpoint(), -ETIME);
    CHECK(tn_scope_end(&scope));
    EQ(tn_send(s[1], "x", 1, 0), 1);
    EQ(tn_recv(s[0], &byte, 1, 0), 1);
    close_pair(s);
    return 0;
}

TEST_EACH(a_deadline_ends_calls_until_its_scope_ends, backends)
{
    OK(run_on(p, deadline_on_silence, NULL));
}

static int
outer_fires(void *arg)
{
    tn_scope outer, inner, innermost;

    (void)arg;
    tn_deadline(&outer, 10 * TN_MS);
    tn_deadline(&inner, 1 * TN_SEC);
    tn_deadline(&innermost, TN_FOREVER);
    ERR(tn_sleep(TN_FOREVER), -ETIME);
    CHECK(!tn_scope_end(&innermost));
    CHECK(!tn_scope_end(&inner));
    ERR(tn_sleep(TN_FOREVER), -ETIME);
    CHECK(tn_scope_end(&outer));
    OK(tn_sleep(1));
    tn_deadline(&outer, 1 * TN_SEC);
    tn_deadline(&inner, 10 * TN_MS);
    ERR(tn_sleep(TN_FOREVER), -ETIME);
    CHECK(tn_scope_end(&inner));
    OK(tn_sleep(1));
    CHECK(!tn_scope_end(&outer));
    return 0;
}

TEST_EACH(of_nested_scopes_the_one_that_fired_says_so, backends)
{
    OK(run_on(p, outer_fires, NULL));
}

/* ---- cancelling a group ---- */

struct parked {
    tn_sock *s[2];
    bool done;
};

static int
park_with_pattern(void *arg)
{
    struct parked *w = arg;
    uint8_t buf[256];

    memset(buf, 0xa5, sizeof(buf));
    ERR(tn_recv(w->s[0], buf, sizeof(buf), 0), -ECANCELED);
    for (size_t i = 0; i < sizeof(buf); i++) {
        EQ(buf[i], 0xa5);
    }
    ERR(tn_send(w->s[0], buf, 1, 0), -ECANCELED);
    w->done = true;
    return -ECANCELED;
}

static int
cancel_sixteen(void *arg)
{
    struct parked w[16];
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    for (int i = 0; i < 16; i++) {
        w[i].done = false;
        OK(tn_socketpair(w[i].s, AF_UNIX, SOCK_STREAM, 0));
        OK(tn_go(&g, park_with_pattern, &w[i]));
    }
    OK(tn_sleep(2 * TN_MS));
    tn_group_cancel(&g);
    tn_group_cancel(&g);
    ERR(tn_go(&g, park_with_pattern, &w[0]), -ECANCELED);
    EQ(tn_group_wait(&g), 0);
    for (int i = 0; i < 16; i++) {
        CHECK(w[i].done);
        close_pair(w[i].s);
    }
    return 0;
}

TEST_EACH(cancelling_a_group_leaves_its_buffers_alone, backends)
{
    OK(run_on(p, cancel_sixteen, NULL));
}

/* ---- data against cancellation ---- */

enum { RACE_BYTES = 40000 };

struct race {
    tn_sock *s[2];
    uint64_t rng;
    bool all;
};

static int
race_writer(void *arg)
{
    struct race *r = arg;
    uint8_t buf[64];
    uint32_t sent = 0;

    while (sent < RACE_BYTES) {
        size_t n = 1 + next_random(&r->rng) % sizeof(buf);

        for (size_t i = 0; i < n; i++) {
            buf[i] = (uint8_t)((sent + i) % 251);
        }
        EQ(tn_sendall(r->s[1], buf, n, NULL), (ssize_t)n);
        sent += (uint32_t)n;
        OK(tn_sleep((int64_t)(next_random(&r->rng) % 120) * TN_US));
    }
    return tn_shutdown(r->s[1], SHUT_WR);
}

/* Each byte once and in order, however often a receive is cut short. */
static int
race_reader(void *arg)
{
    struct race *r = arg;
    uint64_t rng = 99;
    uint32_t at = 0, cuts = 0;
    ssize_t n;

    do {
        uint8_t buf[64];
        size_t got = 0;
        tn_scope scope;

        tn_deadline(&scope, (int64_t)(50 + next_random(&rng) % 120) * TN_US);
        if (r->all) {
            n = tn_recvall(r->s[0], buf, sizeof(buf), &got);
        } else {
            n = tn_recv(r->s[0], buf, sizeof(buf), 0);
            got = n > 0 ? (size_t)n : 0;
        }
        tn_scope_end(&scope);
        for (size_t i = 0; i < got; i++) {
            EQ(buf[i], at++ % 251);
        }
        cuts += n == -ETIME;
    } while (n > 0 || n == -ETIME);
    CHECK(n == 0 || n == TN_ETRUNCATED);
    GE(at, RACE_BYTES);
    GE(cuts, 10);
    return 0;
}

static int
race_root(void *arg)
{
    struct race *r = arg;
    tn_group g;

    OK(tn_socketpair(r->s, AF_UNIX, SOCK_STREAM, 0));
    tn_group_init(&g, 0);
    OK(tn_go(&g, race_writer, r));
    OK(tn_go(&g, race_reader, r));
    OK(tn_group_wait(&g));
    close_pair(r->s);
    return 0;
}

TEST_EACH(data_wins_over_cancel, backends)
{
    struct race r = {.rng = 1};

    OK(run_on(p, race_root, &r));
}

TEST_EACH(recvall_cut_short_loses_nothing, backends)
{
    struct race r = {.rng = 2, .all = true};

    OK(run_on(p, race_root, &r));
}

/* ---- failing fast ---- */

struct family {
    int finished, cancelled;
    int64_t sleep;
};

static int
child_fails(void *arg)
{
    (void)arg;
    OK(tn_sleep(1 * TN_MS));
    return -EIO;
}

static int
child_sleeps(void *arg)
{
    struct family *f = arg;
    int r = tn_sleep(f->sleep);

    f->finished += r == 0;
    f->cancelled += r == -ECANCELED;
    return r;
}

static int
fail_fast(void *arg)
{
    struct family f = {.sleep = 5 * TN_SEC};
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, child_sleeps, &f));
    OK(tn_go(&g, child_fails, NULL));
    OK(tn_go(&g, child_sleeps, &f));
    EQ(tn_group_wait(&g), -EIO);
    EQ(f.cancelled, 2);
    f.sleep = 10 * TN_MS;
    tn_group_init(&g, TN_KEEP_GOING);
    OK(tn_go(&g, child_sleeps, &f));
    OK(tn_go(&g, child_fails, NULL));
    OK(tn_go(&g, child_sleeps, &f));
    EQ(tn_group_wait(&g), -EIO);
    EQ(f.finished, 2);
    return 0;
}

TEST_EACH(the_first_failure_cancels_the_siblings, backends)
{
    OK(run_on(p, fail_fast, NULL));
}

/* ---- a tree ---- */

struct tree {
    int depth;
    int *ended;
};

static int
grow(void *arg)
{
    const struct tree *t = arg;
    struct tree below = {t->depth - 1, t->ended};
    tn_group g;
    int r;

    if (t->depth == 0) {
        r = tn_sleep(TN_FOREVER);
        *t->ended += 1;
        return r;
    }
    tn_group_init(&g, 0);
    OK(tn_go(&g, grow, &below));
    OK(tn_go(&g, grow, &below));
    r = tn_group_wait(&g);
    CHECK(r == -ETIME || r == -ECANCELED);
    *t->ended += 1;
    return r;
}

static int
fell_tree(void *arg)
{
    int ended = 0;
    struct tree t = {6, &ended};
    tn_scope scope;
    tn_group g;

    (void)arg;
    tn_deadline(&scope, test_scale() > 1 ? 1 * TN_SEC : 20 * TN_MS);
    tn_group_init(&g, 0);
    OK(tn_go(&g, grow, &t));
    EQ(tn_group_wait(&g), -ETIME);
    CHECK(tn_scope_end(&scope));
    EQ(ended, 127);
    ended = 0;
    tn_group_init(&g, 0);
    OK(tn_go(&g, grow, &t));
    OK(tn_sleep(1 * TN_MS));
    tn_group_cancel(&g);
    EQ(tn_group_wait(&g), 0);
    EQ(ended, 127);
    return 0;
}

TEST_EACH(one_deadline_ends_a_tree_of_127, backends)
{
    OK(run_on(p, fell_tree, NULL));
}

/* ---- fairness ---- */

struct fair {
    tn_sock *busy[2];
    tn_sock *quiet[100][2];
    int index;
    int left;
    long calls, worst;
};

static int
read_always(void *arg)
{
    struct fair *f = arg;
    char byte;

    while (f->left > 0) {
        EQ(tn_recv(f->busy[0], &byte, 1, MSG_PEEK), 1);
        f->calls++;
    }
    return 0;
}

static int
ping_pong(void *arg)
{
    struct fair *f = arg;
    tn_sock **s = f->quiet[f->index++];
    char byte;

    for (int i = 0; i < 20; i++) {
        long before = f->calls;

        EQ(tn_send(s[1], "x", 1, 0), 1);
        EQ(tn_recv(s[0], &byte, 1, 0), 1);
        EQ(tn_checkpoint(), 0);
        f->worst = f->calls - before > f->worst ? f->calls - before : f->worst;
    }
    f->left--;
    return 0;
}

static int
share(void *arg)
{
    static struct fair f;
    tn_group g;

    (void)arg;
    f = (struct fair){.left = 100};
    tn_group_init(&g, 0);
    OK(tn_socketpair(f.busy, AF_UNIX, SOCK_STREAM, 0));
    EQ(tn_send(f.busy[1], "x", 1, 0), 1);
    OK(tn_go(&g, read_always, &f));
    for (int i = 0; i < 100; i++) {
        OK(tn_socketpair(f.quiet[i], AF_UNIX, SOCK_STREAM, 0));
        OK(tn_go(&g, ping_pong, &f));
    }
    OK(tn_group_wait(&g));
    /* One turn of the busy one between two turns of each other. */
    LE(f.worst, 64 * 8);
    for (int i = 0; i < 100; i++) {
        close_pair(f.quiet[i]);
    }
    close_pair(f.busy);
    return 0;
}

TEST_EACH(an_always_readable_socket_starves_nobody, backends)
{
    OK(run_on(p, share, NULL));
}
