/*
 * test_sim_faults.c - programs on a simulated network that fails them, and
 * the promises of a loop: fairness, whole frames, deadlocks told.
 */
#include <tenon/dial.h>
#include <tenon/loop.h>
#include <tenon/sock.h>

#include "sim_harness.h"
#include "task/task.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS 12

struct trouble {
    struct tn__rng rng; /* of the tasks; drawn in the order they run */
    tn_sock *listener;
    tn_addr at;
    uint64_t trace;
    int failures;
};

struct client {
    struct trouble *trouble;
    tn_sock *sock;
};

/* ---- faults: anything may fail, nothing may hang or differ ---- */

static void
note(struct trouble *y, ssize_t result)
{
    y->trace = (y->trace ^ (uint64_t)result) * 31;
    y->failures += result < 0;
}

static int
serve_one(void *arg)
{
    struct client *c = arg;
    uint8_t buf[100];
    ssize_t n;

    while ((n = tn_recv(c->sock, buf, sizeof(buf), 0)) > 0) {
        ssize_t r = tn_sendall(c->sock, buf, (size_t)n, NULL);

        if (r < 0) {
            n = r;
            break;
        }
    }
    note(c->trouble, n);
    tn_close(c->sock);
    return 0;
}

static int
serve_until_cancelled(void *arg)
{
    struct trouble *y = arg;
    struct client c[CLIENTS + 1]; /* and the accept that is cancelled */
    tn_group g;
    int n = 0, r;

    tn_group_init(&g, TN_KEEP_GOING);
    do {
        c[n] = (struct client){.trouble = y};
        r = tn_accept(y->listener, &c[n].sock, NULL);
        if (r == 0) {
            OK(tn_go(&g, serve_one, &c[n]));
            n++;
        } else if (r == -EMFILE) {
            note(y, r);
            tn_sleep(10 * TN_US);
        }
    } while (r == 0 || r == -EMFILE);
    EQ(r, -ECANCELED);
    tn_group_cancel(&g);
    tn_group_wait(&g);
    return 0;
}

static int
try_once(void *arg)
{
    struct client *c = arg;
    uint8_t buf[500] = "";
    tn_scope s;
    ssize_t r = tn_socket(&c->sock, AF_INET, SOCK_STREAM, 0);

    note(c->trouble, r);
    if (r < 0) {
        return 0;
    }
    tn_deadline(&s, 5 * TN_MS);
    r = tn_connect(c->sock, &c->trouble->at);
    note(c->trouble, r);
    if (r == 0) {
        note(c->trouble, tn_sendall(c->sock, buf, sizeof(buf), NULL));
        note(c->trouble, tn_recvall(c->sock, buf, sizeof(buf), NULL));
    }
    tn_scope_end(&s);
    if (tn__rng_below(&c->trouble->rng, 2)) {
        tn_abort(c->sock);
    } else {
        tn_close(c->sock);
    }
    return 0;
}

static int
suffer(void *arg)
{
    struct trouble *y = arg;
    struct client c[CLIENTS];
    tn_group server, clients;

    while (tn_create_server(&y->listener, &y->at, NULL) < 0) {
    }
    OK(tn_getsockname(y->listener, &y->at));
    tn_group_init(&server, 0);
    tn_group_init(&clients, TN_KEEP_GOING);
    OK(tn_go(&server, serve_until_cancelled, y));
    for (int i = 0; i < CLIENTS; i++) {
        c[i] = (struct client){.trouble = y};
        OK(tn_go(&clients, try_once, &c[i]));
    }
    OK(tn_group_wait(&clients));
    tn_group_cancel(&server);
    EQ(tn_group_wait(&server), 0);
    OK(tn_close(y->listener));
    y->trace ^= tn__sim_trace(tn__loop->waiter) ^ (uint64_t)tn_now();
    return 0;
}

TEST(faults_hang_nobody)
{
    static struct trouble y;

    for (uint64_t seed = 0; seed < 300; seed++) {
        const tn_sim_opts sim = {
            .seed = seed, .reset = 40, .refuse = 100, .emfile = 100};
        const tn_opts o = {.backend = "sim", .sim = &sim};
        uint64_t first;

        for (int i = 0; i < 2; i++) {
            y.rng.state = seed;
            y.trace = 0;
            y.at = addr4(INADDR_LOOPBACK, 0);
            EQ(tn_run(&o, suffer, &y), 0);
            first = i == 0 ? y.trace : first;
        }
        CHECK(y.trace == first);
    }
    GE(y.failures, 1000);
}

/* ---- fairness, frames, deadlock ---- */

static int
never_waits(void *arg)
{
    tn_sock *const *pair = arg;
    char c = 'x';
    ssize_t r;

    do {
        r = tn_send(pair[0], &c, 1, 0);
        if (r == 1) {
            r = tn_recv(pair[1], &c, 1, 0);
        }
    } while (r == 1);
    return (int)r;
}

static int
sleepers(void *arg)
{
    int64_t start = tn_now();

    (void)arg;
    OK(tn_sleep(TN_MS));
    LE(tn_now() - start, 3 * TN_MS);
    return 0;
}

static int
be_fair(void *arg)
{
    tn_sock *pair[2];
    tn_group busy, others;

    (void)arg;
    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    tn_group_init(&busy, 0);
    tn_group_init(&others, 0);
    OK(tn_go(&busy, never_waits, pair));
    for (int i = 0; i < 100; i++) {
        OK(tn_go(&others, sleepers, NULL));
    }
    EQ(tn_group_wait(&others), 0);
    tn_group_cancel(&busy);
    EQ(tn_group_wait(&busy), 0);
    OK(tn_close(pair[0]));
    return tn_close(pair[1]);
}

TEST(a_busy_pair_starves_nobody)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        const tn_sim_opts sim = {.seed = seed};
        const tn_opts o = {.backend = "sim", .sim = &sim};

        EQ(tn_run(&o, be_fair, NULL), 0);
    }
}

static int
spin(void *arg)
{
    int64_t until = tn_now() + TN_MS;

    (void)arg;
    while (tn_now() < until) {
        OK(tn_checkpoint());
    }
    return 0;
}

TEST(who_spins_sees_time_pass)
{
    const tn_opts o = {.backend = "sim"};

    EQ(tn_run(&o, spin, NULL), 0);
}

struct framed {
    tn_sock *sock;
    uint8_t mark;
};

static int
send_frames(void *arg)
{
    struct framed *f = arg;
    uint8_t frame[300];

    memset(frame, f->mark, sizeof(frame));
    for (int i = 0; i < 5; i++) {
        EQ(tn_sendall(f->sock, frame, sizeof(frame), NULL), sizeof(frame));
    }
    return 0;
}

static int
read_frames(void *arg)
{
    tn_sock *sock = arg;
    uint8_t frame[300];

    for (int i = 0; i < 8 * 5; i++) {
        EQ(tn_recvall(sock, frame, sizeof(frame), NULL), sizeof(frame));
        for (size_t j = 1; j < sizeof(frame); j++) {
            EQ(frame[j], frame[0]);
        }
    }
    return 0;
}

static int
many_senders(void *arg)
{
    struct framed f[8];
    tn_sock *pair[2];
    tn_group g;

    (void)arg;
    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    tn_group_init(&g, 0);
    for (int i = 0; i < 8; i++) {
        f[i] = (struct framed){pair[0], (uint8_t)(i + 1)};
        OK(tn_go(&g, send_frames, &f[i]));
    }
    OK(tn_go(&g, read_frames, pair[1]));
    EQ(tn_group_wait(&g), 0);
    OK(tn_close(pair[0]));
    return tn_close(pair[1]);
}

TEST(frames_of_eight_senders_never_mix)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        const tn_sim_opts sim = {.seed = seed};
        const tn_opts o = {.backend = "sim", .sim = &sim};

        EQ(tn_run(&o, many_senders, NULL), 0);
    }
}

static int
wait_for_nothing(void *arg)
{
    tn_sock *pair[2];
    char c;

    (void)arg;
    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    return (int)tn_recv(pair[0], &c, 1, 0);
}

TEST(a_deadlock_aborts)
{
    const tn_opts o = {.backend = "sim"};
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        _exit(tn_run(&o, wait_for_nothing, NULL) == 0);
    }
    EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
