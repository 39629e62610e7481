/*
 * test_sock_send.c - the sending side: who holds it, who waits, how it breaks.
 */
#include "core.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

struct shared {
    tn_sock *s[2];
    int next, done;
    ssize_t result;
    int64_t delay;
};

/* ---- one reader ---- */

static int
read_byte(void *arg)
{
    struct shared *c = arg;
    char byte;

    c->result = tn_recv(c->s[0], &byte, 1, 0);
    return 0;
}

static int
second_reader(void *arg)
{
    struct shared c = {.done = 0};
    char byte;
    tn_group g;

    (void)arg;
    OK(tn_socketpair(c.s, AF_UNIX, SOCK_STREAM, 0));
    tn_group_init(&g, 0);
    OK(tn_go(&g, read_byte, &c));
    OK(tn_checkpoint());
    ERR(tn_recv(c.s[0], &byte, 1, 0), -EBUSY);
    ERR(tn_recvall(c.s[0], &byte, 1, NULL), -EBUSY);
    ERR(tn_detach(c.s[0]), -EBUSY);
    EQ(tn_send(c.s[1], "x", 1, 0), 1);
    OK(tn_group_wait(&g));
    EQ(c.result, 1);
    close_pair(c.s);
    return 0;
}

TEST_EACH(a_second_reader_is_refused, backends)
{
    OK(run_on(p, second_reader, NULL));
}

/* ---- many senders ---- */

enum { SENDERS = 8, FRAMES = 20, FRAME = 20000 };

static int
send_frames(void *arg)
{
    struct shared *c = arg;
    static uint8_t block[SENDERS][FRAME];
    int me = c->next++;

    memset(block[me], me + 1, FRAME);
    for (int i = 0; i < FRAMES; i++) {
        EQ(tn_sendall(c->s[0], block[me], FRAME, NULL), FRAME);
    }
    if (++c->done == SENDERS) {
        OK(tn_shutdown(c->s[0], SHUT_WR));
    }
    return 0;
}

static int
read_frames(void *arg)
{
    struct shared *c = arg;
    static uint8_t frame[FRAME];
    int count[SENDERS + 1] = {0};
    ssize_t n;

    while ((n = tn_recvall(c->s[1], frame, FRAME, NULL)) == FRAME) {
        GE(frame[0], 1);
        LE(frame[0], SENDERS);
        for (int i = 1; i < FRAME; i++) {
            EQ(frame[i], frame[0]);
        }
        count[frame[0]]++;
    }
    EQ(n, 0);
    for (int i = 1; i <= SENDERS; i++) {
        EQ(count[i], FRAMES);
    }
    return 0;
}

static int
eight_senders(void *arg)
{
    struct shared c = {.done = 0};
    tn_group g;

    (void)arg;
    tcp_pair(c.s, AF_INET);
    tn_group_init(&g, 0);
    OK(tn_go(&g, read_frames, &c));
    for (int i = 0; i < SENDERS; i++) {
        OK(tn_go(&g, send_frames, &c));
    }
    OK(tn_group_wait(&g));
    close_pair(c.s);
    return 0;
}

TEST_EACH(frames_of_eight_senders_do_not_mix, backends)
{
    OK(run_on(p, eight_senders, NULL));
}

/* ---- the sending side and cancellation ---- */

static void
fill_socket(tn_sock *s)
{
    static char block[65536];

    tn_settimeout(s, 20 * TN_MS);
    while (tn_send(s, block, sizeof(block), 0) > 0) {
    }
    tn_settimeout(s, TN_FOREVER);
}

static int
hold_side(void *arg)
{
    struct shared *c = arg;
    static char block[1 << 20];

    c->result = tn_sendall(c->s[0], block, sizeof(block), NULL);
    return 0;
}

static int
wait_for_side(void *arg)
{
    struct shared *c = arg;
    tn_scope scope;

    tn_deadline(&scope, c->delay);
    c->done += tn_send(c->s[0], "x", 1, 0) > 0;
    tn_scope_end(&scope);
    return 0;
}

static int
drain(void *arg)
{
    tn_sock *s = arg;
    static char sink[65536];
    ssize_t n;

    while ((n = tn_recv(s, sink, sizeof(sink), 0)) > 0) {
    }
    return 0;
}

/* Waiters give up at every moment around the hand-over; afterwards the side
   must be free. */
static int
give_up_around_handover(void *arg)
{
    (void)arg;
    for (int i = 0; i < 40; i++) {
        struct shared c = {.delay = 1 * TN_MS + i * 20 * TN_US};
        tn_group g, reader;

        OK(tn_socketpair(c.s, AF_UNIX, SOCK_STREAM, 0));
        OK(tn_set(c.s[0], TN_SNDBUF, 4096));
        tn_group_init(&g, 0);
        OK(tn_go(&g, hold_side, &c));
        for (int k = 0; k < 4; k++) {
            OK(tn_go(&g, wait_for_side, &c));
        }
        OK(tn_sleep(1 * TN_MS));
        tn_group_init(&reader, 0);
        OK(tn_go(&reader, drain, c.s[1]));
        OK(tn_group_wait(&g));
        tn_settimeout(c.s[0], 1 * TN_SEC);
        EQ(tn_send(c.s[0], "y", 1, 0), 1);
        OK(tn_shutdown(c.s[0], SHUT_WR));
        OK(tn_group_wait(&reader));
        close_pair(c.s);
    }
    return 0;
}

TEST_EACH(a_sender_that_gives_up_leaves_the_side_free, backends)
{
    OK(run_on(p, give_up_around_handover, NULL));
}

/* Cancelled in the very turn in which the side is handed over. */
static int
cancel_at_handover(void *arg)
{
    struct shared c = {.delay = 1 * TN_SEC};
    tn_group holder, waiter;

    (void)arg;
    OK(tn_socketpair(c.s, AF_UNIX, SOCK_STREAM, 0));
    fill_socket(c.s[0]);
    tn_group_init(&holder, 0);
    OK(tn_go(&holder, hold_side, &c));
    OK(tn_checkpoint());
    tn_group_init(&waiter, 0);
    OK(tn_go(&waiter, wait_for_side, &c));
    OK(tn_checkpoint());
    tn_group_cancel(&holder); /* it hands over when it runs, before us */
    OK(tn_checkpoint());
    tn_group_cancel(&waiter);
    OK(tn_group_wait(&holder));
    OK(tn_group_wait(&waiter));
    EQ(c.result, -ECANCELED);
    tn_settimeout(c.s[0], 0);
    ERR(tn_send(c.s[0], "x", 1, 0), -EAGAIN);
    tn_group_init(&waiter, 0);
    OK(tn_go(&waiter, drain, c.s[1]));
    tn_settimeout(c.s[0], 1 * TN_SEC);
    EQ(tn_send(c.s[0], "x", 1, 0), 1);
    OK(tn_shutdown(c.s[0], SHUT_WR));
    OK(tn_group_wait(&waiter));
    close_pair(c.s);
    return 0;
}

TEST_EACH(a_sender_cancelled_at_the_hand_over, backends)
{
    OK(run_on(p, cancel_at_handover, NULL));
}

/* Closing wakes the holder and all who wait for the side. */
static int
close_under_senders(void *arg)
{
    struct shared c = {.delay = 5 * TN_SEC};
    tn_group g;

    (void)arg;
    OK(tn_socketpair(c.s, AF_UNIX, SOCK_STREAM, 0));
    fill_socket(c.s[0]);
    tn_group_init(&g, 0);
    OK(tn_go(&g, hold_side, &c));
    for (int k = 0; k < 4; k++) {
        OK(tn_go(&g, wait_for_side, &c));
    }
    OK(tn_checkpoint());
    EQ(tn_close(c.s[0]), 0);
    OK(tn_group_wait(&g));
    EQ(c.result, -EBADF);
    EQ(c.done, 0);
    tn_close(c.s[1]);
    return 0;
}

TEST_EACH(close_wakes_all_senders, backends)
{
    OK(run_on(p, close_under_senders, NULL));
}

/* ---- a send that fails half-way ---- */

static int
reset_soon(void *arg)
{
    struct shared *c = arg;
    char buf[1024];

    OK(tn_recv(c->s[1], buf, sizeof(buf), 0));
    OK(tn_sleep(2 * TN_MS));
    tn_abort(c->s[1]);
    return 0;
}

static int
reset_during_sendall(void *arg)
{
    static char block[64 << 20];
    const struct sigaction deadly = {.sa_handler = SIG_DFL};
    struct shared c = {.done = 0};
    size_t sent;
    ssize_t r;
    tn_group g;

    (void)arg;
    OK(sigaction(SIGPIPE, &deadly, NULL));
    tcp_pair(c.s, AF_INET);
    if (!in_sim()) {
        OK(tn_set(c.s[0], TN_SNDBUF, 4096));
    }
    tn_group_init(&g, 0);
    OK(tn_go(&g, reset_soon, &c));
    r = tn_sendall(c.s[0], block, sizeof(block), &sent);
    CHECK(r == -EPIPE || r == -ECONNRESET);
    GE(sent, 1);
    LE(sent, sizeof(block) - 1);
    ERR(tn_send(c.s[0], "x", 1, 0), TN_EBROKEN);
    ERR(tn_sendall(c.s[0], "x", 1, &sent), TN_EBROKEN);
    EQ(sent, 0);
    tn_send_resume(c.s[0]);
    r = tn_send(c.s[0], "x", 1, 0);
    CHECK(r == -EPIPE || r == -ECONNRESET);
    OK(tn_group_wait(&g));
    tn_close(c.s[0]);
    return 0;
}

TEST_EACH(a_reset_during_sendall, backends)
{
    OK(run_on(p, reset_during_sendall, NULL));
}

static int
timeout_half_way(void *arg)
{
    static char block[16 << 20];
    tn_sock *s[2];
    size_t sent, rest;

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    tn_settimeout(s[0], 20 * TN_MS);
    ERR(tn_sendall(s[0], block, sizeof(block), &sent), -ETIME);
    GE(sent, 1);
    ERR(tn_sendall(s[0], "x", 1, &rest), TN_EBROKEN);
    EQ(rest, 0);
    tn_send_resume(s[0]);
    ERR(tn_sendall(s[0], "x", 1, &rest), -ETIME);
    EQ(rest, 0);
    /* Nothing went out this time: the stream is where it was. */
    ERR(tn_sendall(s[0], "x", 1, NULL), -ETIME);
    tn_settimeout(s[0], 0);
    ERR(tn_sendall(s[0], "x", 1, NULL), -EAGAIN);
    close_pair(s);
    return 0;
}

TEST_EACH(a_timeout_during_sendall, callers)
{
    OK(run_as(p, timeout_half_way, NULL));
}

/* ---- vectors ---- */

static int
send_vectors(void *arg)
{
    char a[] = "one", b[] = "", c[] = "three", buf[32];
    struct iovec iov[TN_ADDR_TEXT / 8] = {
        {a, 3}, {b, 0}, {c, 5}, {NULL, 0}, {a, 3}};
    size_t sent;
    tn_sock *s[2];

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    EQ(tn_sendvall(s[0], iov, 5, &sent), 11);
    EQ(sent, 11);
    EQ(tn_recvall(s[1], buf, 11, NULL), 11);
    MEMEQ(buf, "onethreeone", 11);
    EQ(tn_sendvall(s[0], iov, 0, &sent), 0);
    EQ(tn_sendvall(s[0], iov + 3, 1, &sent), 0);
    ERR(tn_sendvall(s[0], iov, 17, &sent), -EINVAL);
    ERR(tn_sendvall(s[0], iov, -1, &sent), -EINVAL);
    EQ(tn_sendall(s[0], "", 0, &sent), 0);
    EQ(tn_send(s[0], "", 0, 0), 0);
    close_pair(s);
    return 0;
}

TEST_EACH(vectors_go_out_in_order, callers)
{
    OK(run_as(p, send_vectors, NULL));
}

static int
vectors_to_a_pipe(void *arg)
{
    char a[] = "one", b[] = "two", buf[8];
    struct iovec iov[] = {{a, 3}, {b, 3}};
    int fds[2];
    tn_sock *w;

    (void)arg;
    OK(pipe2(fds, O_CLOEXEC));
    OK(tn_wrap(&w, fds[1]));
    EQ(tn_sendvall(w, iov, 2, NULL), 6);
    EQ(read(fds[0], buf, 6), 6);
    MEMEQ(buf, "onetwo", 6);
    tn_close(w);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

TEST_EACH(vectors_go_into_a_pipe_too, kernel_callers)
{
    OK(run_as(p, vectors_to_a_pipe, NULL));
}
