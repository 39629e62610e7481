/*
 * test_chan.c - channels: order, waiting, closing, giving up.
 */
#include "core.h"

struct flow {
    tn_chan *c;
    int count, sum, order;
    int result;
};

/* ---- what fits ---- */

static int
try_things(void *arg)
{
    tn_chan *c = (tn_chan *)arg;
    int value = 1;

    ERR(tn_chan_new(&c, 0, 1), -EINVAL);
    CHECK(c == NULL);
    ERR(tn_chan_new(&c, 4097, 1), -EINVAL);
    ERR(tn_chan_new(&c, 4, (1 << 20) + 1), -EINVAL);
    OK(tn_chan_new(&c, 4096, 1));
    tn_chan_free(c);
    OK(tn_chan_new(&c, sizeof(int), 2));
    ERR(tn_chan_try_recv(c, &value), -EAGAIN);
    OK(tn_chan_try_send(c, &value));
    value = 2;
    OK(tn_chan_send(c, &value));
    EQ(tn_chan_len(c), 2);
    ERR(tn_chan_try_send(c, &value), -EAGAIN);
    OK(tn_chan_recv(c, &value));
    EQ(value, 1);
    tn_chan_close(c);
    tn_chan_close(c);
    ERR(tn_chan_send(c, &value), -EPIPE);
    ERR(tn_chan_try_send(c, &value), -EPIPE);
    OK(tn_chan_recv(c, &value));
    EQ(value, 2);
    ERR(tn_chan_recv(c, &value), -EPIPE);
    ERR(tn_chan_try_recv(c, &value), -EPIPE);
    tn_chan_free(c);
    tn_chan_free(NULL);
    OK(tn_chan_new(&c, sizeof(int), 0));
    ERR(tn_chan_try_send(c, &value), -EAGAIN);
    ERR(tn_chan_try_recv(c, &value), -EAGAIN);
    tn_chan_free(c);
    return 0;
}

TEST_EACH(a_channel_holds_what_it_may, backends)
{
    OK(run_on(p, try_things, NULL));
}

/* ---- order, with each capacity ---- */

enum { VALUES = 500 };

static int
produce(void *arg)
{
    struct flow *f = arg;

    for (int i = 0; i < VALUES; i++) {
        OK(tn_chan_send(f->c, &i));
    }
    tn_chan_close(f->c);
    return 0;
}

static int
consume(void *arg)
{
    struct flow *f = arg;
    int value;

    while ((f->result = tn_chan_recv(f->c, &value)) == 0) {
        EQ(value, f->count);
        f->count++;
    }
    return 0;
}

static int
in_order(void *arg)
{
    (void)arg;
    for (size_t cap = 0; cap < 5; cap++) {
        struct flow f = {.count = 0};
        tn_group g;

        OK(tn_chan_new(&f.c, sizeof(int), cap));
        tn_group_init(&g, 0);
        OK(tn_go(&g, cap % 2 ? consume : produce, &f));
        OK(tn_go(&g, cap % 2 ? produce : consume, &f));
        OK(tn_group_wait(&g));
        EQ(f.count, VALUES);
        EQ(f.result, -EPIPE);
        tn_chan_free(f.c);
    }
    return 0;
}

TEST_EACH(values_come_in_order, backends)
{
    OK(run_on(p, in_order, NULL));
}

/* ---- many of both ---- */

static int
produce_some(void *arg)
{
    struct flow *f = arg;

    for (int i = 1; i <= 100; i++) {
        OK(tn_chan_send(f->c, &i));
        f->sum += i;
    }
    return 0;
}

static int
consume_some(void *arg)
{
    struct flow *f = arg;
    int value;

    for (int i = 0; i < 100; i++) {
        OK(tn_chan_recv(f->c, &value));
        f->sum -= value;
    }
    return 0;
}

static int
crowd(void *arg)
{
    struct flow f = {.count = 0};
    tn_group g;

    (void)arg;
    OK(tn_chan_new(&f.c, sizeof(int), 3));
    tn_group_init(&g, 0);
    for (int i = 0; i < 10; i++) {
        OK(tn_go(&g, produce_some, &f));
        OK(tn_go(&g, consume_some, &f));
    }
    OK(tn_group_wait(&g));
    EQ(f.sum, 0);
    EQ(tn_chan_len(f.c), 0);
    tn_chan_free(f.c);
    return 0;
}

TEST_EACH(many_senders_and_receivers, backends)
{
    OK(run_on(p, crowd, NULL));
}

/* ---- giving up ---- */

static int
send_in_time(void *arg)
{
    struct flow *f = arg;
    tn_scope scope;
    int value = ++f->order, r;

    tn_deadline(&scope, value * TN_MS);
    r = tn_chan_send(f->c, &value);
    tn_scope_end(&scope);
    if (r == 0) {
        f->sum += value;
    } else {
        EQ(r, -ETIME);
    }
    return 0;
}

static int
receive_now_and_then(void *arg)
{
    struct flow *f = arg;
    int value;

    for (int i = 0; i < 6; i++) {
        OK(tn_sleep(1500 * TN_US));
        if (tn_chan_try_recv(f->c, &value) == 0) {
            f->sum -= value;
        }
    }
    while (tn_chan_try_recv(f->c, &value) == 0) {
        f->sum -= value;
    }
    return 0;
}

/* What a sender was told to be sent arrives, and nothing else. */
static int
give_up_sending(void *arg)
{
    struct flow f = {.order = 0};
    tn_group g;

    (void)arg;
    for (size_t cap = 0; cap < 3; cap++) {
        f.order = 0;
        OK(tn_chan_new(&f.c, sizeof(int), cap));
        tn_group_init(&g, 0);
        for (int i = 0; i < 10; i++) {
            OK(tn_go(&g, send_in_time, &f));
        }
        OK(tn_go(&g, receive_now_and_then, &f));
        OK(tn_group_wait(&g));
        EQ(f.sum, 0);
        tn_chan_free(f.c);
    }
    return 0;
}

TEST_EACH(a_sender_that_gives_up_sent_nothing, backends)
{
    OK(run_on(p, give_up_sending, NULL));
}

static int
receive_until_cancelled(void *arg)
{
    struct flow *f = arg;
    int value;

    f->result = tn_chan_recv(f->c, &value);
    f->count += f->result == 0;
    return f->result;
}

/* Handed over and cancelled in the same turn: the value is not lost. */
static int
cancel_receiver(void *arg)
{
    struct flow f = {.count = 0};
    tn_group g;
    int value = 3;

    (void)arg;
    OK(tn_chan_new(&f.c, sizeof(int), 1));
    tn_group_init(&g, 0);
    OK(tn_go(&g, receive_until_cancelled, &f));
    OK(tn_checkpoint());
    OK(tn_chan_send(f.c, &value));
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    EQ(f.count, 1);
    EQ(tn_chan_len(f.c), 0);
    tn_group_init(&g, 0);
    OK(tn_go(&g, receive_until_cancelled, &f));
    OK(tn_checkpoint());
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    EQ(f.result, -ECANCELED);
    OK(tn_chan_send(f.c, &value));
    EQ(tn_chan_len(f.c), 1);
    tn_chan_free(f.c);
    return 0;
}

TEST_EACH(a_value_handed_over_wins_over_cancel, backends)
{
    OK(run_on(p, cancel_receiver, NULL));
}

static int
send_until_closed(void *arg)
{
    struct flow *f = arg;
    int value = 1;

    f->result = tn_chan_send(f->c, &value);
    return 0;
}

static int
close_wakes(void *arg)
{
    struct flow a = {.result = 1}, b = {.result = 1};
    tn_group g;

    (void)arg;
    OK(tn_chan_new(&a.c, sizeof(int), 0));
    OK(tn_chan_new(&b.c, sizeof(int), 0));
    tn_group_init(&g, TN_KEEP_GOING);
    OK(tn_go(&g, send_until_closed, &a));
    OK(tn_go(&g, receive_until_cancelled, &b));
    OK(tn_checkpoint());
    tn_chan_close(a.c);
    tn_chan_close(b.c);
    ERR(tn_group_wait(&g), -EPIPE);
    EQ(a.result, -EPIPE);
    EQ(b.result, -EPIPE);
    tn_chan_free(a.c);
    tn_chan_free(b.c);
    return 0;
}

TEST_EACH(close_wakes_who_waits, backends)
{
    OK(run_on(p, close_wakes, NULL));
}
