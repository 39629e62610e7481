/*
 * test_tls_full.c - TLS to a peer that does not read: full buffers, time-outs,
 * and what is left over.
 */
#include "tls/tls_int.h"
#include "tls_kit.h"

enum { MUCH = 32 << 20 };

static int
never_read(void *arg)
{
    struct tls_kit k;
    char *much = calloc(1, MUCH);
    size_t sent = 0;

    (void)arg;
    tls_up(&k);
    tn_settimeout(k.s[0], 50 * TN_MS);
    ERR(tn_sendall(k.s[0], much, MUCH, &sent), -ETIME);
    GE(sent, 1);
    ERR(tn_send(k.s[0], "x", 1, 0), TN_EBROKEN);
    free(much);
    /* A message that was cut: the peer shall not take it for the end. */
    tn_close(k.s[0]);
    k.s[0] = NULL;
    much = malloc(MUCH);
    ERR(tn_recvall(k.s[1], much, MUCH, &sent), TN_ECUT);
    free(much);
    tls_close(&k);
    return 0;
}

TEST_EACH(a_send_that_failed_half_way_breaks_the_stream, kernels)
{
    OK(run_on(p, never_read, NULL));
}

/* Send without waiting until nothing more is taken; bytes that were. */
static size_t
stuff(tn_sock *sock, const char *much)
{
    size_t sent = 0;
    ssize_t n;

    while ((n = tn_send(sock, much, 100000, MSG_DONTWAIT)) > 0) {
        sent += (size_t)n;
    }
    EQ(n, -EAGAIN);
    return sent;
}

/* What a call without waiting took is delivered by those that follow, though
   they receive: the peer waits for the rest of it. */
static int
left_over(void *arg)
{
    struct tls_kit k;
    struct waiter in;
    char *much = calloc(1, MUCH);
    tn_group g;
    size_t sent;

    (void)arg;
    tls_up(&k);
    sent = stuff(k.s[0], much);
    in.s = k.s[0];
    tn_group_init(&g, 0);
    OK(tn_go(&g, wait_for_byte, &in));
    EQ(tn_recvall(k.s[1], much, sent, NULL), sent);
    OK(tn_send(k.s[1], "z", 1, 0));
    OK(tn_group_wait(&g));
    EQ(in.result, 1);
    free(much);
    tls_close(&k);
    return 0;
}

TEST_EACH(what_was_taken_is_delivered, kernels)
{
    OK(run_on(p, left_over, NULL));
}

/* close_notify and all before it arrive although the buffers were full. */
static int
close_full(void *arg)
{
    struct tls_kit k;
    struct waiter w;
    char *much = calloc(1, MUCH);
    tn_group g;
    size_t sent;

    (void)arg;
    tls_up(&k);
    sent = stuff(k.s[0], much);
    free(much);
    w.s = k.s[1];
    tn_group_init(&g, 0);
    OK(tn_go(&g, read_to_end, &w));
    tn_close(k.s[0]);
    k.s[0] = NULL;
    OK(tn_group_wait(&g));
    EQ(w.result, sent);
    tls_close(&k);
    return 0;
}

TEST_EACH(close_delivers_what_is_left, kernels)
{
    OK(run_on(p, close_full, NULL));
}

/* The same, but the sending side was ended before, without waiting. */
static int
shut_full(void *arg)
{
    struct tls_kit k;
    struct waiter w;
    char *much = calloc(1, MUCH);
    tn_group g;
    size_t sent;
    char byte;
    ssize_t n;

    (void)arg;
    tls_up(&k);
    sent = stuff(k.s[0], much);
    free(much);
    OK(tn_shutdown(k.s[0], SHUT_WR));
    w.s = k.s[1];
    tn_group_init(&g, 0);
    OK(tn_go(&g, read_to_end, &w));
    tn_settimeout(k.s[0], 10 * TN_SEC);
    while (w.s) {
        tn_settimeout(k.s[0], 20 * TN_MS);
        n = tn_recv(k.s[0], &byte, 1, 0);
        EQ(n, -ETIME);
        if (((struct tls_conn *)k.s[0]->layer_state)->out == NULL) {
            break;
        }
    }
    OK(tn_group_wait(&g));
    EQ(w.result, sent);
    tls_close(&k);
    return 0;
}

TEST_EACH(an_end_waits_behind_what_is_left, kernels)
{
    OK(run_on(p, shut_full, NULL));
}
