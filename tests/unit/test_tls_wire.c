/*
 * test_tls_wire.c - TLS when the connection below it, or the peer, does not
 * behave: bytes one by one, cuts, resets, silence, cancellation.
 */
#include <tenon/run.h>

#include "tls/tls_int.h"
#include "tls_kit.h"

/* ---- somebody in the middle ---- */

/* Two connections with a wire of ours between them: k.s[0] to wire[0], wire[1]
   to k.s[1]. */
struct middle {
    struct tls_kit k;
    tn_sock *wire[2];
    size_t step;  /* bytes passed on at once */
    size_t limit; /* cut after so many bytes to the client; 0: never */
    bool reset;   /* cut by a reset */
    tn_group g;
};

struct way {
    struct middle *m;
    int from, to;
};

static void
cut(struct middle *m)
{
    for (int i = 0; i < 2; i++) {
        if (m->reset) {
            OK(tn_set(m->wire[i], TN_LINGER, 0));
        }
        tn_close(m->wire[i]);
        m->wire[i] = NULL;
    }
}

static int
pass_on(void *arg)
{
    const struct way *w = arg;
    struct middle *m = w->m;
    uint8_t buf[2048];
    size_t total = 0;
    ssize_t n;

    while (m->wire[w->from]) {
        n = tn_recv(m->wire[w->from], buf, m->step, 0);
        if (n <= 0 || !m->wire[w->to]) {
            break;
        }
        total += (size_t)n;
        if (m->limit && w->to == 0 && total >= m->limit) {
            cut(m);
            return 0;
        }
        if (tn_sendall(m->wire[w->to], buf, (size_t)n, NULL) < 0) {
            break;
        }
    }
    if (m->wire[w->to]) {
        tn_shutdown(m->wire[w->to], SHUT_WR);
    }
    return 0;
}

static void
middle_open(struct middle *m)
{
    tn_sock *a[2], *b[2];

    tls_configs(&m->k.client, &m->k.server);
    tcp_pair(a, AF_INET);
    tcp_pair(b, AF_INET);
    m->k.s[0] = a[0];
    m->wire[0] = a[1];
    m->wire[1] = b[0];
    m->k.s[1] = b[1];
    OK(tn_set(m->wire[0], TN_NODELAY, 1));
    OK(tn_set(m->wire[1], TN_NODELAY, 1));
    OK(tn_tls_start(m->k.s[0], m->k.client, "localhost"));
    OK(tn_tls_start(m->k.s[1], m->k.server, NULL));
    tn_group_init(&m->g, TN_KEEP_GOING);
}

static void
middle_close(struct middle *m)
{
    OK(tn_group_wait(&m->g));
    tls_close(&m->k);
    close_pair(m->wire);
}

static int
echo_all(void *arg)
{
    char buf[512];
    ssize_t n;

    while ((n = tn_recv(arg, buf, sizeof(buf), 0)) > 0) {
        EQ(tn_sendall(arg, buf, (size_t)n, NULL), n);
    }
    EQ(n, 0);
    return tn_shutdown(arg, SHUT_WR);
}

static int
byte_by_byte(void *arg)
{
    struct middle m = {.step = 1};
    struct way there = {&m, 0, 1}, back = {&m, 1, 0};
    char buf[64];

    (void)arg;
    middle_open(&m);
    OK(tn_go(&m.g, pass_on, &there));
    OK(tn_go(&m.g, pass_on, &back));
    OK(tn_go(&m.g, echo_all, m.k.s[1]));
    EQ(tn_sendall(m.k.s[0], "one byte at a time", 18, NULL), 18);
    EQ(tn_recvall(m.k.s[0], buf, 18, NULL), 18);
    MEMEQ(buf, "one byte at a time", 18);
    OK(tn_shutdown(m.k.s[0], SHUT_WR));
    EQ(tn_recv(m.k.s[0], buf, sizeof(buf), 0), 0);
    middle_close(&m);
    return 0;
}

TEST_EACH_TIMEOUT(the_wire_gives_single_bytes, kernels, 30)
{
    OK(run_on(p, byte_by_byte, NULL));
}

/* ---- cut anywhere ---- */

static int
server_side(void *arg)
{
    char buf[512];
    ssize_t n;

    while ((n = tn_recv(arg, buf, sizeof(buf), 0)) > 0 &&
           (n = tn_sendall(arg, buf, (size_t)n, NULL)) > 0) {
    }
    CHECK(n <= 0);
    return 0;
}

/* A client that talks to the end: what it met last. */
static ssize_t
talk_until_cut(tn_sock *s)
{
    char buf[300] = "x";
    ssize_t n;

    for (;;) {
        n = tn_sendall(s, buf, sizeof(buf), NULL);
        if (n > 0) {
            n = tn_recvall(s, buf, sizeof(buf), NULL);
        }
        if (n <= 0) {
            return n;
        }
    }
}

static ssize_t
cut_after(size_t limit, bool reset)
{
    struct middle m = {.step = 512, .limit = limit, .reset = reset};
    struct way there = {&m, 0, 1}, back = {&m, 1, 0};
    ssize_t r;

    middle_open(&m);
    OK(tn_go(&m.g, pass_on, &there));
    OK(tn_go(&m.g, pass_on, &back));
    OK(tn_go(&m.g, server_side, m.k.s[1]));
    r = talk_until_cut(m.k.s[0]);
    middle_close(&m);
    return r;
}

/* A stream that somebody cut never ends as a whole one does. */
static int
cut_everywhere(void *arg)
{
    bool reset = *(bool *)arg;

    for (size_t at = 1; at < 4000; at += at < 1400 ? 97 : 211) {
        ssize_t r = cut_after(at, reset);

        if (r != TN_ECUT && r != -ECONNRESET && r != -EPIPE) {
            FAIL("cut after %zu: %zd (%s)", at, r, tn_strerror((int)r));
        }
    }
    return 0;
}

TEST_EACH_TIMEOUT(a_cut_is_no_end, kernels, 30)
{
    bool reset = false;

    OK(run_on(p, cut_everywhere, &reset));
}

TEST_EACH_TIMEOUT(a_reset_is_no_end, kernels, 30)
{
    bool reset = true;

    OK(run_on(p, cut_everywhere, &reset));
}

static int
cut_told(void *arg)
{
    struct tls_kit k;
    char byte;

    (void)arg;
    tls_up(&k);
    OK(tn_sendall(k.s[1], "x", 1, NULL));
    EQ(tn_recv(k.s[0], &byte, 1, 0), 1);
    OK(tn__sock_shutdown_below(k.s[1], SHUT_WR));
    ERR(tn_recv(k.s[0], &byte, 1, 0), TN_ECUT);
    ERR(tn_recv(k.s[0], &byte, 1, 0), TN_ECUT);
    CHECK(strstr(tn_why(), "cut off"));
    tls_close(&k);
    return 0;
}

TEST_EACH(a_missing_close_notify_is_told, backends)
{
    OK(run_on(p, cut_told, NULL));
}

/* ---- time and cancellation ---- */

static int
silent_peer(void *arg)
{
    struct tls_kit k;
    char byte;
    tn_scope scope;

    (void)arg;
    tls_open(&k);
    tn_settimeout(k.s[0], 30 * TN_MS);
    ERR(tn_tls_handshake(k.s[0]), -ETIME);
    ERR(tn_recv(k.s[0], &byte, 1, 0), -ETIME);
    ERR(tn_send(k.s[0], "x", 1, 0), -ETIME);
    tn_settimeout(k.s[0], 0);
    ERR(tn_tls_handshake(k.s[0]), -EAGAIN);
    ERR(tn_recv(k.s[0], &byte, 1, 0), -EAGAIN);
    tn_settimeout(k.s[0], TN_FOREVER);
    if (strcmp(tn_backend_name(), "thread") != 0) {
        tn_deadline(&scope, 30 * TN_MS);
        ERR(tn_recv(k.s[0], &byte, 1, 0), -ETIME);
        ERR(tn_send(k.s[0], "x", 1, 0), -ETIME);
        EQ(tn_scope_end(&scope), 1);
    }
    tls_close(&k);
    return 0;
}

TEST_EACH(time_runs_out_in_the_handshake, callers)
{
    OK(run_as(p, silent_peer, NULL));
}

/* After a time-out the handshake goes on where it was. */
static int
handshake_goes_on(void *arg)
{
    struct tls_kit k;
    tn_group g;
    char byte;

    (void)arg;
    tls_open(&k);
    tn_settimeout(k.s[0], 20 * TN_MS);
    ERR(tn_tls_handshake(k.s[0]), -ETIME);
    tn_settimeout(k.s[0], TN_FOREVER);
    tn_group_init(&g, 0);
    OK(tn_go(&g, tls_shake, k.s[1]));
    OK(tn_tls_handshake(k.s[0]));
    OK(tn_group_wait(&g));
    tn_settimeout(k.s[0], 20 * TN_MS);
    ERR(tn_recv(k.s[0], &byte, 1, 0), -ETIME);
    OK(tn_send(k.s[1], "y", 1, 0));
    EQ(tn_recv(k.s[0], &byte, 1, 0), 1);
    tls_close(&k);
    return 0;
}

TEST_EACH(a_time_out_loses_nothing, backends)
{
    OK(run_on(p, handshake_goes_on, NULL));
}

static int
wait_for_send(void *arg)
{
    struct waiter *w = arg;

    w->result = tn_sendall(w->s, "x", 1, NULL);
    return 0;
}

/* Reader and sender wait, the one in the handshake and the other for it. */
static int
closed_while_waiting(void *arg)
{
    struct tls_kit k;
    struct waiter in, out;
    tn_group g;

    (void)arg;
    tls_open(&k);
    in.s = out.s = k.s[0];
    tn_group_init(&g, 0);
    OK(tn_go(&g, wait_for_byte, &in));
    OK(tn_go(&g, wait_for_send, &out));
    OK(tn_checkpoint());
    OK(tn_checkpoint());
    tn_close(k.s[0]);
    k.s[0] = NULL;
    OK(tn_group_wait(&g));
    EQ(in.result, -EBADF);
    EQ(out.result, -EBADF);
    tls_close(&k);
    return 0;
}

TEST_EACH(close_ends_who_waits_in_a_handshake, backends)
{
    OK(run_on(p, closed_while_waiting, NULL));
}

static int
cancelled_while_waiting(void *arg)
{
    struct tls_kit k;
    struct waiter in, out;
    tn_group g;

    (void)arg;
    tls_open(&k);
    in.s = out.s = k.s[0];
    tn_group_init(&g, TN_KEEP_GOING);
    OK(tn_go(&g, wait_for_byte, &in));
    OK(tn_go(&g, wait_for_send, &out));
    OK(tn_checkpoint());
    OK(tn_checkpoint());
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    EQ(in.result, -ECANCELED);
    EQ(out.result, -ECANCELED);
    tn_group_init(&g, 0);
    OK(tn_go(&g, tls_shake, k.s[0]));
    OK(tn_go(&g, tls_shake, k.s[1]));
    OK(tn_group_wait(&g));
    tls_close(&k);
    return 0;
}

TEST_EACH(a_cancelled_handshake_goes_on, backends)
{
    OK(run_on(p, cancelled_while_waiting, NULL));
}

/* ---- messages of the protocol in between ---- */

struct updates {
    struct tls_kit k;
    int sent, got;
};

enum { UPDATES = 200 };

static int
send_updates(void *arg)
{
    struct updates *u = arg;
    struct tls_conn *c = tls_of(u->k.s[1]);

    for (int i = 0; i < UPDATES; i++) {
        EQ(SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        EQ(tn_sendall(u->k.s[1], "abc", 3, NULL), 3);
        u->sent += 3;
    }
    return tn_shutdown(u->k.s[1], SHUT_WR);
}

static int
send_too(void *arg)
{
    struct updates *u = arg;
    char block[1000] = "";

    for (int i = 0; i < UPDATES; i++) {
        EQ(tn_sendall(u->k.s[0], block, sizeof(block), NULL), sizeof(block));
    }
    return tn_shutdown(u->k.s[0], SHUT_WR);
}

static int
key_updates(void *arg)
{
    struct updates u = {.sent = 0};
    struct waiter w;
    char buf[64];
    tn_group g;
    ssize_t n;

    (void)arg;
    tls_up(&u.k);
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_updates, &u));
    OK(tn_go(&g, send_too, &u));
    w.s = u.k.s[1];
    OK(tn_go(&g, read_to_end, &w));
    while ((n = OK(tn_recv(u.k.s[0], buf, sizeof(buf), 0))) > 0) {
        u.got += (int)n;
    }
    OK(tn_group_wait(&g));
    EQ(u.got, u.sent);
    EQ(w.result, UPDATES * 1000);
    tls_close(&u.k);
    return 0;
}

TEST_EACH(keys_change_while_both_talk, backends)
{
    OK(run_on(p, key_updates, NULL));
}

static int
rubbish(void *arg)
{
    struct tls_kit k;
    tn_sock *plain[2];
    char buf[64];

    (void)arg;
    tls_configs(&k.client, &k.server);
    tcp_pair(plain, AF_INET);
    OK(tn_tls_start(plain[1], k.server, NULL));
    OK(tn_sendall(plain[0], "GET / HTTP/1.1\r\n\r\n", 18, NULL));
    ERR(tn_recv(plain[1], buf, sizeof(buf), 0), TN_ETLS);
    CHECK(strstr(tn_why(), "the peer speaks plain HTTP"));
    ERR(tn_send(plain[1], "x", 1, 0), TN_ETLS);
    close_pair(plain);
    tcp_pair(plain, AF_INET);
    OK(tn_tls_start(plain[0], k.client, "localhost"));
    OK(tn_sendall(plain[1], "220 mail.example ESMTP\r\n", 24, NULL));
    ERR(tn_tls_handshake(plain[0]), TN_ETLS);
    CHECK(strstr(tn_why(), "the peer does not speak TLS"));
    close_pair(plain);
    tn_tls_free(k.client);
    tn_tls_free(k.server);
    return 0;
}

TEST_EACH(a_peer_without_tls_is_told, callers)
{
    OK(run_as(p, rubbish, NULL));
}

/* ---- the simulator's choices ---- */

static int
echo_once(void *arg)
{
    struct tls_kit k;
    static char there[40000], back[40000];
    tn_group g;

    (void)arg;
    tls_open(&k);
    memset(there, 'q', sizeof(there));
    tn_group_init(&g, 0);
    OK(tn_go(&g, echo_all, k.s[1]));
    EQ(tn_sendall(k.s[0], there, sizeof(there), NULL), sizeof(there));
    OK(tn_shutdown(k.s[0], SHUT_WR));
    EQ(tn_recvall(k.s[0], back, sizeof(back), NULL), sizeof(back));
    MEMEQ(there, back, sizeof(back));
    EQ(tn_recv(k.s[0], back, 1, 0), 0);
    OK(tn_group_wait(&g));
    tls_close(&k);
    return 0;
}

TEST_TIMEOUT(many_orders_of_events, 40)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        tn_sim_opts sim = {.seed = seed};
        tn_opts opts = {.backend = "sim", .sim = &sim};
        int r = tn_run(&opts, echo_once, NULL);

        if (r < 0) {
            FAIL("seed %d: %s", (int)seed, tn_strerror(r));
        }
    }
}
