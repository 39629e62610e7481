/*
 * test_sim.c - the simulated network: its clock, and who wins a cancel.
 */
#include "sim_harness.h"

/* ---- the clock ---- */

TEST(the_clock_jumps_and_creeps)
{
    struct world x;
    int64_t start;

    world_seed(&x, 1);
    start = world_now(&x);
    CHECK(start > 0);
    EQ(world_wait(&x, start + 3 * TN_SEC), 1);
    EQ(world_now(&x), start + 3 * TN_SEC);
    EQ(world_wait(&x, 0), 1);
    EQ(world_now(&x), start + 3 * TN_SEC + TN_US);
    EQ(world_wait(&x, start), 1);
    EQ(world_now(&x), start + 3 * TN_SEC + 2 * TN_US);
    world_close(&x);
}

TEST(nothing_left_is_a_deadlock)
{
    struct world x;
    struct tn__fd fd[2];
    char c;
    struct tn__op op = op_recv(&c, 1, 0);

    world_seed(&x, 2);
    EQ(world_wait(&x, TN_NEVER), -EDEADLK);
    open_pair(&x, fd, SOCK_STREAM);
    begin(&x, &op, &fd[0]);
    world_settle(&x);
    EQ(op.state, TN__PENDING);
    EQ(world_wait(&x, TN_NEVER), -EDEADLK);
    EQ(world_wait(&x, world_now(&x) + TN_SEC), 1);
    end_by_cancel(&x, &op);
    world_close(&x);
}

TEST(options_out_of_range)
{
    const tn_sim_opts bad[] = {
        {.loss = 1001},
        {.dup = -1},
        {.emfile = 5000},
        {.max_delay = -1},
        {.max_delay = TN_SIM_DELAY_MAX + 1},
    };
    struct tn__waiter *w = NULL;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ERR(tn__backend_sim.open(&w, &bad[i]), -EINVAL);
        CHECK(w == NULL);
    }
    OK(tn__backend_sim.open(&w, NULL));
    STREQ(w->backend->name, "sim");
    w->backend->close(w);
}

/* ---- streams under random cancels ---- */

#define PATTERN 6000
#define CHUNK   700

/* Byte i of the pattern: wrong bytes show whatever was lost or doubled. */
static uint8_t
pattern(size_t i)
{
    return (uint8_t)(i ^ i >> 8 ^ i >> 5);
}

struct counts {
    size_t at_once, parked, cancelled, data_won, partial;
};

struct flow {
    struct world x;
    struct tn__fd fd[2];
    struct tn__op op[2]; /* by enum tn__side */
    bool busy[2], asked[2], closed;
    size_t moved[2];
    uint8_t in[CHUNK], out[CHUNK];
    struct tn__rng rng; /* of the test, not of the network */
    struct counts counts;
};

static void
flow_ended(struct flow *f, enum tn__side side)
{
    const struct tn__op *op = &f->op[side];
    ssize_t r = op->result;

    f->busy[side] = false;
    if (r == -ECANCELED) {
        CHECK(f->asked[side]);
        f->counts.cancelled++;
        return;
    }
    GE(r, 0);
    f->counts.data_won += f->asked[side];
    f->counts.partial += (size_t)r < op->u.io.len;
    for (ssize_t i = 0; side == TN__READER && i < r; i++) {
        EQ(f->in[i], pattern(f->moved[side] + (size_t)i));
    }
    f->moved[side] += (size_t)r;
}

static void
flow_start(struct flow *f, enum tn__side side)
{
    size_t n = 1 + tn__rng_below(&f->rng, CHUNK);

    if (side == TN__READER) {
        f->op[side] = op_recv(f->in, n, 0);
    } else {
        n = n < PATTERN - f->moved[side] ? n : PATTERN - f->moved[side];
        for (size_t i = 0; i < n; i++) {
            f->out[i] = pattern(f->moved[side] + i);
        }
        f->op[side] = op_send(f->out, n);
    }
    f->asked[side] = false;
    f->busy[side] = true;
    if (begin(&f->x, &f->op[side], &f->fd[side])) {
        f->counts.at_once++;
        flow_ended(f, side);
    } else {
        f->counts.parked++;
    }
}

/* One random step on one side. */
static void
flow_poke(struct flow *f, enum tn__side side)
{
    struct tn__op *op = &f->op[side];

    if (!f->busy[side]) {
        if (side == TN__READER || f->moved[side] < PATTERN) {
            flow_start(f, side);
        } else if (!f->closed) {
            f->closed = true;
            OK(f->x.net->shutdown(&f->fd[side], SHUT_WR));
        }
    } else if (op->state == TN__PENDING && tn__rng_below(&f->rng, 4) == 0) {
        f->asked[side] = true;
        cancel(op);
    }
}

static void
flow_reap(struct flow *f)
{
    struct tn__op *op;

    while ((op = tn__opq_pop(&f->x.done)) != NULL) {
        flow_ended(f, op == &f->op[TN__READER] ? TN__READER : TN__WRITER);
    }
}

static void
flow_open(struct flow *f, uint64_t seed, bool tcp)
{
    world_seed(&f->x, seed);
    f->rng.state = ~seed;
    f->moved[TN__READER] = f->moved[TN__WRITER] = 0;
    f->busy[TN__READER] = f->busy[TN__WRITER] = f->closed = false;
    if (tcp) {
        open_tcp(&f->x, f->fd);
    } else {
        open_pair(&f->x, f->fd, SOCK_STREAM);
    }
}

/* The whole pattern from one side to the other; the trace. */
static uint64_t
flow_run(struct flow *f, uint64_t seed, bool tcp)
{
    uint64_t trace;
    int64_t until;

    flow_open(f, seed, tcp);
    while (f->moved[TN__READER] < PATTERN) {
        flow_poke(f, (enum tn__side)tn__rng_below(&f->rng, 2));
        until = world_now(&f->x) + tn__rng_below(&f->rng, 500) * TN_US;
        OK(world_wait(&f->x, until));
        flow_reap(f);
    }
    EQ(f->moved[TN__WRITER], PATTERN);
    while (f->busy[TN__READER] || f->busy[TN__WRITER] || !f->closed) {
        flow_poke(f, TN__WRITER);
        OK(world_wait(&f->x, world_now(&f->x) + TN_MS));
        flow_reap(f);
    }
    EQ(do_recv(&f->x, &f->fd[TN__READER], f->in, 1), 0);
    EQ(f->moved[TN__READER], PATTERN);
    trace = tn__sim_trace(f->x.w);
    world_close(&f->x);
    return trace;
}

TEST_TIMEOUT(streams_keep_every_byte, 30)
{
    static struct flow f;

    for (uint64_t seed = 0; seed < 300; seed++) {
        flow_run(&f, seed, seed % 2);
    }
    /* All of it happened, none of it hardly ever. */
    GE(f.counts.at_once, 1000);
    GE(f.counts.parked, 1000);
    GE(f.counts.cancelled, 300);
    GE(f.counts.data_won, 300);
    GE(f.counts.partial, 1000);
}

TEST(same_seed_same_trace)
{
    static struct flow f;
    uint64_t last = 0;

    for (uint64_t seed = 0; seed < 100; seed++) {
        uint64_t first = flow_run(&f, seed, seed % 2);

        CHECK(flow_run(&f, seed, seed % 2) == first);
        CHECK(first != last);
        last = first;
    }
}

/* ---- one cancel, both ways ---- */

TEST(cancel_or_data_wins)
{
    int won = 0, lost = 0, at_once = 0, later = 0;

    for (uint64_t seed = 0; seed < 200; seed++) {
        struct world x;
        struct tn__fd fd[2];
        char buf[8] = "";
        struct tn__op op = op_recv(buf, sizeof(buf), 0);

        world_seed(&x, seed);
        open_pair(&x, fd, SOCK_STREAM);
        CHECK(!begin(&x, &op, &fd[0]));
        GE(do_send(&x, &fd[1], "abc", 3), 1);
        if (op.state == TN__PENDING) {
            cancel(&op);
            at_once += op.state == TN__DONE;
            later += op.state != TN__DONE;
            if (end(&x, &op) > 0) {
                EQ(buf[0], 'a');
                won++;
            } else {
                EQ(op.result, -ECANCELED);
                EQ(do_recv(&x, &fd[0], buf, 1), 1);
                EQ(buf[0], 'a');
                lost++;
            }
        }
        world_close(&x);
    }
    GE(won, 10);
    GE(lost, 10);
    GE(at_once, 10);
    GE(later, 10);
}
