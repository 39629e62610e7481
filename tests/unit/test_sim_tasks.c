/*
 * test_sim_tasks.c - whole programs on the simulated network: the same seed
 * must tell the same story twice, and no story may lose a byte.
 */
#include <tenon/chan.h>
#include <tenon/dial.h>
#include <tenon/loop.h>
#include <tenon/sock.h>

#include "sim_harness.h"
#include "task/task.h"

#define PAIRS  3
#define LENGTH 1500
#define PARKED 4
#define VALUES 20

/* What one run shares between its tasks, and what it did. */
struct story {
    struct tn__rng rng; /* of the tasks; drawn in the order they run */
    tn_chan *chan;
    tn_sock *listener;
    tn_addr at;
    tn_sock *silent[PARKED][2];
    uint64_t trace;
    int timeouts, cancels, short_reads;
};

struct client {
    struct story *story;
    tn_sock *sock;
    uint8_t salt;
};

static uint32_t
dice(struct story *y, uint32_t bound)
{
    return tn__rng_below(&y->rng, bound);
}

/* ---- echo with random cuts and deadlines ---- */

static uint8_t
pattern(const struct client *c, size_t i)
{
    return (uint8_t)((i ^ i >> 8) + c->salt);
}

static int
echo(void *arg)
{
    struct client *c = arg;
    uint8_t buf[300];
    ssize_t n;

    for (;;) {
        n = tn_recv(c->sock, buf, 1 + dice(c->story, sizeof(buf)), 0);
        if (n <= 0) {
            break;
        }
        c->story->short_reads += n < 100;
        EQ(tn_sendall(c->sock, buf, (size_t)n, NULL), n);
    }
    EQ(n, 0);
    return tn_close(c->sock);
}

static int
accept_all(void *arg)
{
    struct story *y = arg;
    struct client c[PAIRS];
    tn_group g;
    int r = 0;

    tn_group_init(&g, 0);
    for (int i = 0; i < PAIRS && r == 0; i++) {
        c[i] = (struct client){.story = y};
        OK(tn_accept(y->listener, &c[i].sock, NULL));
        r = tn_go(&g, echo, &c[i]);
    }
    EQ(r, 0);
    return tn_group_wait(&g);
}

static int
talk(void *arg)
{
    struct client *c = arg;
    uint8_t buf[200];
    size_t done = 0;

    while (done < LENGTH) {
        size_t n = 1 + dice(c->story, sizeof(buf));

        n = n < LENGTH - done ? n : LENGTH - done;
        for (size_t i = 0; i < n; i++) {
            buf[i] = pattern(c, done + i);
        }
        EQ(tn_sendall(c->sock, buf, n, NULL), n);
        done += n;
        if (dice(c->story, 4) == 0) {
            OK(tn_sleep(dice(c->story, 300) * TN_US));
        }
    }
    return tn_shutdown(c->sock, SHUT_WR);
}

/* Reads cut short by deadlines, from within and from another task. */
static int
listen_back(void *arg)
{
    struct client *c = arg;
    uint8_t buf[200];
    size_t done = 0;
    ssize_t n;

    do {
        tn_scope s;
        bool fired;

        tn_deadline(&s, dice(c->story, 400) * TN_US);
        n = tn_recv(c->sock, buf, 1 + dice(c->story, sizeof(buf)), 0);
        fired = tn_scope_end(&s);
        EQ(n == -ETIME, fired);
        c->story->timeouts += fired;
        for (ssize_t i = 0; i < n; i++) {
            EQ(buf[i], pattern(c, done + (size_t)i));
        }
        done += n > 0 ? (size_t)n : 0;
    } while (n > 0 || n == -ETIME);
    EQ(n, 0);
    EQ(done, LENGTH);
    return 0;
}

static int
client(void *arg)
{
    struct client *c = arg;
    tn_group g;
    int r;

    OK(tn_socket(&c->sock, AF_INET, SOCK_STREAM, 0));
    OK(tn_connect(c->sock, &c->story->at));
    tn_group_init(&g, 0);
    OK(tn_go(&g, talk, c));
    OK(tn_go(&g, listen_back, c));
    r = tn_group_wait(&g);
    OK(tn_close(c->sock));
    return r;
}

/* ---- channels ---- */

static int
produce(void *arg)
{
    struct story *y = arg;

    for (int i = 0; i < VALUES; i++) {
        OK(tn_chan_send(y->chan, &i));
        if (dice(y, 3) == 0) {
            OK(tn_sleep(dice(y, 200) * TN_US));
        }
    }
    tn_chan_close(y->chan);
    return 0;
}

static int
consume(void *arg)
{
    struct story *y = arg;
    int value, next = 0;
    int r;

    do {
        tn_scope s;

        tn_deadline(&s, dice(y, 100) * TN_US);
        r = tn_chan_recv(y->chan, &value);
        tn_scope_end(&s);
        if (r == 0) {
            EQ(value, next);
            next++;
        }
    } while (r == 0 || r == -ETIME);
    EQ(next, VALUES);
    return 0;
}

/* ---- a group that is cancelled while its tasks wait ---- */

static int
wait_in_vain(void *arg)
{
    tn_sock *const *pair = arg;
    char buf[64];
    ssize_t n;

    memset(buf, 0x5a, sizeof(buf));
    n = tn_recv(pair[0], buf, sizeof(buf), 0);
    if (n > 0) {
        EQ(buf[0], 'x');
        EQ(n, 1);
        n = tn_recv(pair[0], buf, sizeof(buf), 0);
    }
    EQ(n, -ECANCELED);
    EQ(tn_recv(pair[0], buf, sizeof(buf), 0), -ECANCELED);
    return (int)n;
}

static int
cancel_some(void *arg)
{
    struct story *y = arg;
    tn_group g;

    tn_group_init(&g, 0);
    for (int i = 0; i < PARKED; i++) {
        OK(tn_socketpair(y->silent[i], AF_UNIX, SOCK_STREAM, 0));
        OK(tn_go(&g, wait_in_vain, y->silent[i]));
    }
    OK(tn_sleep(dice(y, 500) * TN_US));
    for (int i = 0; i < PARKED; i += 2) {
        EQ(tn_send(y->silent[i][1], "x", 1, 0), 1);
    }
    OK(tn_sleep(dice(y, 500) * TN_US));
    tn_group_cancel(&g);
    EQ(tn_group_wait(&g), 0);
    y->cancels += PARKED;
    for (int i = 0; i < PARKED; i++) {
        OK(tn_close(y->silent[i][0]));
        OK(tn_close(y->silent[i][1]));
    }
    return 0;
}

/* ---- all of it ---- */

static int
tell(void *arg)
{
    struct story *y = arg;
    struct client c[PAIRS];
    tn_group g;
    int r;

    OK(tn_create_server(&y->listener, &y->at, NULL));
    OK(tn_getsockname(y->listener, &y->at));
    OK(tn_chan_new(&y->chan, sizeof(int), 3));
    tn_group_init(&g, 0);
    OK(tn_go(&g, accept_all, y));
    for (int i = 0; i < PAIRS; i++) {
        c[i] = (struct client){.story = y, .salt = (uint8_t)(i * 50)};
    }
    for (int i = 0; i < PAIRS; i++) {
        OK(tn_go(&g, client, &c[i]));
    }
    OK(tn_go(&g, produce, y));
    OK(tn_go(&g, consume, y));
    OK(tn_go(&g, cancel_some, y));
    r = tn_group_wait(&g);
    OK(tn_close(y->listener));
    tn_chan_free(y->chan);
    y->trace = tn__sim_trace(tn__loop->waiter) ^ (uint64_t)tn_now();
    return r;
}

static uint64_t
run_story(struct story *y, uint64_t seed)
{
    const tn_sim_opts sim = {.seed = seed, .max_delay = 200 * TN_US};
    const tn_opts o = {.backend = "sim", .sim = &sim};

    y->rng.state = seed + 1;
    y->at = addr4(INADDR_LOOPBACK, 0);
    EQ(tn_run(&o, tell, y), 0);
    return y->trace;
}

TEST_TIMEOUT(a_thousand_stories_told_twice, 60)
{
    static struct story y;
    uint64_t last = 0;

    for (uint64_t seed = 0; seed < 1000; seed++) {
        uint64_t first = run_story(&y, seed);

        CHECK(run_story(&y, seed) == first);
        CHECK(first != last);
        last = first;
    }
    GE(y.timeouts, 1000);
    GE(y.cancels, 1000);
    GE(y.short_reads, 1000);
}
