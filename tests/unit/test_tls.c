/*
 * test_tls.c - the verbs of a socket, through TLS.
 */
#include <tenon/file.h>
#include <tenon/frame.h>

#include "tls_kit.h"

#include <fcntl.h>

/* ---- one after the other ---- */

static int
greet(void *arg)
{
    struct tls_kit k;
    tn_tls_info a, b;
    char buf[64];

    (void)arg;
    tls_up(&k);
    EQ(tn_sendall(k.s[0], "hello", 5, NULL), 5);
    EQ(tn_recv(k.s[1], buf, sizeof(buf), 0), 5);
    MEMEQ(buf, "hello", 5);
    EQ(tn_send(k.s[1], "you", 3, 0), 3);
    EQ(tn_recvall(k.s[0], buf, 3, NULL), 3);
    MEMEQ(buf, "you", 3);
    OK(tn_tls_info_of(k.s[0], &a));
    OK(tn_tls_info_of(k.s[1], &b));
    STREQ(a.version, "TLSv1.3");
    STREQ(a.cipher, b.cipher);
    STREQ(a.name, "localhost");
    STREQ(b.name, "localhost");
    CHECK(a.has_peer && !b.has_peer && !a.resumed);
    CHECK(tn_tls_is_on(k.s[0]));
    OK(tn_shutdown(k.s[0], SHUT_WR));
    EQ(tn_recv(k.s[1], buf, sizeof(buf), 0), 0);
    EQ(tn_recv(k.s[1], buf, sizeof(buf), 0), 0);
    EQ(tn_send(k.s[1], "late", 4, 0), 4);
    EQ(tn_recv(k.s[0], buf, sizeof(buf), 0), 4);
    ERR(tn_send(k.s[0], "x", 1, 0), -EPIPE);
    tls_close(&k);
    return 0;
}

TEST_EACH(bytes_go_both_ways, backends)
{
    OK(run_on(p, greet, NULL));
}

/* ---- large, in both directions at once ---- */

enum { BULK = 3 << 20, PIECE = 70000 };

struct side {
    tn_sock *s;
    size_t bulk;
    uint8_t from, to; /* where the patterns begin */
};

static uint8_t
pattern(uint8_t start, size_t i)
{
    return (uint8_t)(start + i * 7 + i / 251);
}

static int
send_bulk(void *arg)
{
    const struct side *x = arg;
    uint8_t *buf = malloc(PIECE);
    size_t sent = 0;

    while (sent < x->bulk) {
        size_t n = x->bulk - sent < PIECE ? x->bulk - sent : PIECE;

        for (size_t i = 0; i < n; i++) {
            buf[i] = pattern(x->from, sent + i);
        }
        EQ(tn_sendall(x->s, buf, n, NULL), n);
        sent += n;
    }
    free(buf);
    return tn_shutdown(x->s, SHUT_WR);
}

static int
recv_bulk(void *arg)
{
    const struct side *x = arg;
    uint8_t *buf = malloc(PIECE);
    size_t got = 0;
    ssize_t n;

    while ((n = OK(tn_recv(x->s, buf, PIECE, 0))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] != pattern(x->to, got + (size_t)i)) {
                FAIL("byte %zu is wrong", got + (size_t)i);
            }
        }
        got += (size_t)n;
    }
    EQ(got, x->bulk);
    free(buf);
    return 0;
}

static int
both_ways(void *arg)
{
    struct tls_kit k;
    struct side a = {.bulk = BULK, .from = 1, .to = 101};
    struct side b = {.bulk = BULK, .from = 101, .to = 1};
    tn_group g;

    (void)arg;
    tls_open(&k);
    if (in_sim()) {
        a.bulk = b.bulk = BULK / 16;
    }
    a.s = k.s[0];
    b.s = k.s[1];
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_bulk, &a));
    OK(tn_go(&g, recv_bulk, &a));
    OK(tn_go(&g, send_bulk, &b));
    OK(tn_go(&g, recv_bulk, &b));
    OK(tn_group_wait(&g));
    tls_close(&k);
    return 0;
}

TEST_EACH_TIMEOUT(two_tasks_use_each_end_at_once, backends, 30)
{
    OK(run_on(p, both_ways, NULL));
}

static void
send_in_thread(void *arg)
{
    OK(send_bulk(arg));
}

static void
recv_in_thread(void *arg)
{
    OK(recv_bulk(arg));
}

TEST_TIMEOUT(two_threads_use_each_end_at_once, 30)
{
    struct tls_kit k;
    struct side a = {.bulk = BULK, .from = 1, .to = 101};
    struct side b = {.bulk = BULK, .from = 101, .to = 1};
    struct test_thread *t[4];

    tls_open(&k);
    a.s = k.s[0];
    b.s = k.s[1];
    t[0] = test_thread_start(send_in_thread, &a);
    t[1] = test_thread_start(recv_in_thread, &a);
    t[2] = test_thread_start(send_in_thread, &b);
    t[3] = test_thread_start(recv_in_thread, &b);
    for (int i = 0; i < 4; i++) {
        test_thread_join(t[i]);
    }
    tls_close(&k);
}
