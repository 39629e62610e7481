/*
 * test_ws_end.c - cancelling, slow peers, and every way to end.
 */
#include "ws_kit.h"

/* ---- cancelling and slow peers ---- */

static int
recv_in_pieces(void *arg)
{
    struct wire *w = malloc(sizeof(*w));
    enum tn_ws_kind kind;
    struct half h;
    tn_scope s;
    tn_str msg;
    int r = 0;

    (void)arg;
    w->len = 0;
    add_frame(w, 0x01, "in ", 3, true);
    add_frame(w, 0x80, "pieces", 6, true);
    open_half(&h, TN__WS_SERVER, NULL);
    for (size_t i = 0; i < w->len; i++) {
        EQ(tn_sendall(h.peer, w->at + i, 1, NULL), 1);
        tn_deadline(&s, i % 2 ? 1 * TN_MS : 0);
        r = tn_ws_recv(h.ws, &kind, &msg);
        tn_scope_end(&s);
        if (r == 1) { /* only with the last byte */
            EQ(i, w->len - 1);
        } else {
            EQ(r, -ETIME);
            EQ(msg.len, 0);
        }
    }
    if (r != 1) { /* it was there, and there was no time to look */
        EQ(tn_ws_recv(h.ws, &kind, &msg), 1);
    }
    EQ(msg.len, 9);
    MEMEQ(msg.at, "in pieces", 9);
    tn_shutdown(h.peer, SHUT_WR);
    close_half(&h);
    free(w);
    return 0;
}

TEST_EACH(a_deadline_in_recv_loses_nothing, backends)
{
    OK(run_on(p, recv_in_pieces, NULL));
}

static int
cancel_recv(void *arg)
{
    struct task receiver;
    struct half h;
    tn_group g;

    (void)arg;
    open_half(&h, TN__WS_CLIENT, NULL);
    receiver = (struct task){.ws = h.ws};
    tn_group_init(&g, 0);
    OK(tn_go(&g, recv_once, &receiver));
    OK(tn_sleep(1 * TN_MS));
    ERR(recv_end(h.ws), -EBUSY);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    EQ(receiver.result, -ECANCELED);
    put(h.peer, 0x81, "still here", 10, false);
    expect_message(h.ws, TN_WS_TEXT, "still here", 10);
    tn_shutdown(h.peer, SHUT_WR);
    close_half(&h);
    return 0;
}

TEST_EACH(a_cancelled_recv_can_be_repeated, backends)
{
    OK(run_on(p, cancel_recv, NULL));
}

/* The peer does not read: `how` is the caller's deadline, or send_time. */
static int
send_to_the_deaf(void *arg)
{
    bool own_limit = *(const int *)arg == 1;
    tn_ws_opts opts = {.send_time = own_limit ? 20 * TN_MS : 0};
    char *data = pattern(4 << 20, 0);
    struct half h;
    tn_scope s;
    int r;

    for (int role = TN__WS_SERVER; role <= TN__WS_CLIENT; role++) {
        open_half(&h, (enum tn__ws_role)role, &opts);
        tn_deadline(&s, own_limit ? TN_FOREVER : 20 * TN_MS);
        r = tn_ws_send(h.ws, TN_WS_BINARY, data, 4 << 20);
        EQ(tn_scope_end(&s), !own_limit);
        EQ(r, -ETIME);
        ERR(tn_ws_send(h.ws, TN_WS_TEXT, "x", 1), TN_EBROKEN);
        ERR(tn_ws_close(h.ws, 1000, NULL), -EPIPE);
        close_half(&h);
    }
    free(data);
    return 0;
}

TEST_EACH(a_message_cut_off_breaks_the_stream, backends)
{
    int deadline = 0;

    OK(run_on(p, send_to_the_deaf, &deadline));
}

TEST_EACH(a_slow_reader_has_send_time, backends)
{
    int own_limit = 1;

    OK(run_on(p, send_to_the_deaf, &own_limit));
}

static int
slow_thread(void *arg)
{
    tn_ws_opts opts = {.send_time = 20 * TN_MS};
    char *data = pattern(4 << 20, 0);
    struct half h;

    (void)arg;
    open_half(&h, TN__WS_CLIENT, &opts);
    ERR(tn_ws_send(h.ws, TN_WS_BINARY, data, 4 << 20), -ETIME);
    ERR(tn_ws_send(h.ws, TN_WS_TEXT, "x", 1), TN_EBROKEN);
    close_half(&h);
    free(data);
    return 0;
}

TEST(a_slow_reader_of_a_thread_too)
{
    OK(slow_thread(NULL));
}

/* Who was cancelled in the queue has sent nothing, and harmed nobody. */
static int
cancel_in_the_queue(void *arg)
{
    char *data = pattern(1 << 20, 0);
    struct task first, second;
    tn_group g, queue;
    struct half h;

    (void)arg;
    open_half(&h, TN__WS_SERVER, NULL);
    first = (struct task){.ws = h.ws, .data = data, .n = 1 << 20};
    second = (struct task){.ws = h.ws, .data = "never", .n = 5};
    tn_group_init(&g, 0);
    tn_group_init(&queue, 0);
    OK(tn_go(&g, send_one, &first));
    OK(tn_go(&queue, send_one, &second));
    OK(tn_sleep(1 * TN_MS));
    CHECK(!first.done && !second.done);
    tn_group_cancel(&queue);
    OK(tn_group_wait(&queue));
    EQ(second.result, -ECANCELED);
    EQ(read_message(h.peer, 1 << 20, ""), -1);
    OK(tn_group_wait(&g));
    EQ(first.result, 0);
    OK(tn_ws_close(h.ws, 1000, NULL));
    expect_close(h.peer, 1000);
    tn_shutdown(h.peer, SHUT_WR);
    close_half(&h);
    free(data);
    return 0;
}

TEST_EACH(a_sender_cancelled_in_the_queue_leaves_no_trace, backends)
{
    OK(run_on(p, cancel_in_the_queue, NULL));
}

/* ---- the end ---- */

static int
close_one(void *arg)
{
    struct task *t = arg;

    t->result = tn_ws_close(t->ws, 1001, "going");
    t->done = true;
    return 0;
}

/* What was sent before goes out, what comes later is refused. */
static int
close_behind_messages(void *arg)
{
    char *data = pattern(1 << 20, 0);
    struct task first, second, third;
    struct half h;
    tn_group g;

    (void)arg;
    open_half(&h, TN__WS_SERVER, NULL);
    first = (struct task){.ws = h.ws, .data = data, .n = 1 << 20};
    second = (struct task){.ws = h.ws};
    third = (struct task){.ws = h.ws, .data = "late", .n = 4};
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_one, &first));
    OK(tn_go(&g, close_one, &second));
    OK(tn_go(&g, send_one, &third));
    OK(tn_sleep(1 * TN_MS));
    EQ(read_message(h.peer, 1 << 20, ""), -1);
    expect_close(h.peer, 1001);
    put(h.peer, 0x82, "one more", 8, true);
    put(h.peer, 0x88, "\x0b\xb8thanks", 8, true);
    OK(tn_group_wait(&g));
    EQ(first.result, 0);
    EQ(second.result, 0);
    EQ(third.result, -EPIPE);
    expect_message(h.ws, TN_WS_BINARY, "one more", 8);
    EQ(recv_end(h.ws), 0);
    tn_ws_end end;
    tn_ws_ended(h.ws, &end);
    EQ(end.code, 3000);
    STREQ(end.reason, "thanks");
    close_half(&h);
    free(data);
    return 0;
}

TEST_EACH(a_close_comes_behind_messages, backends)
{
    OK(run_on(p, close_behind_messages, NULL));
}

/* The peer closes while a message of ours is on its way: cut at a frame. */
static int
close_inside_message(void *arg)
{
    char *data = pattern(1 << 20, 0);
    struct got *got = malloc(sizeof(*got));
    struct task sender, receiver;
    struct half h;
    tn_group g;

    (void)arg;
    open_half(&h, TN__WS_SERVER, NULL);
    sender = (struct task){.ws = h.ws, .data = data, .n = 1 << 20};
    receiver = (struct task){.ws = h.ws};
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_one, &sender));
    OK(tn_go(&g, recv_once, &receiver));
    OK(tn_sleep(1 * TN_MS));
    put(h.peer, 0x88, "\x03\xe8", 2, true);
    OK(tn_sleep(1 * TN_MS));
    do {
        recv_frame(h.peer, got);
        EQ(got->first & 0x80, got->first == 0x88 ? 0x80 : 0);
    } while (got->first != 0x88);
    OK(tn_group_wait(&g));
    EQ(sender.result, -EPIPE);
    EQ(receiver.result, 0);
    EQ(tn_recv(h.peer, got->data, 1, 0), 0);
    close_half(&h);
    free(got);
    free(data);
    return 0;
}

TEST_EACH(a_peer_may_close_inside_our_message, backends)
{
    OK(run_on(p, close_inside_message, NULL));
}

static int
lose_the_peer(void *arg)
{
    static const char part[] = "\x01\x85\0\0\0\0abc";
    tn_ws_end end;
    struct half h;

    (void)arg;
    for (size_t n = 0; n < sizeof(part); n++) {
        open_half(&h, TN__WS_SERVER, NULL);
        if (n > 0) {
            EQ(tn_sendall(h.peer, part, n, NULL), n);
        }
        tn_shutdown(h.peer, SHUT_WR);
        ERR(recv_end(h.ws), TN_ETRUNCATED);
        ERR(recv_end(h.ws), TN_ETRUNCATED);
        tn_ws_ended(h.ws, &end);
        EQ(end.code, 1006);
        STREQ(end.reason, "");
        close_half(&h);
    }
    return 0;
}

TEST_EACH(a_peer_that_goes_without_a_word, callers)
{
    OK(run_as(p, lose_the_peer, NULL));
}

static int
be_reset(void *arg)
{
    tn_sock *s[2];
    tn_ws *ws;

    (void)arg;
    tcp_pair(s, AF_INET);
    OK(tn__ws_new(&ws, s[0], TN__WS_CLIENT, (tn_str){"", 0}, NULL));
    tn_abort(s[1]);
    ERR(recv_end(ws), -ECONNRESET);
    ERR(tn_ws_send(ws, TN_WS_TEXT, "x", 1), -EPIPE);
    tn_ws_free(ws);
    return 0;
}

TEST_EACH(a_reset_is_told, callers)
{
    OK(run_as(p, be_reset, NULL));
}

static int
part_politely(void *arg)
{
    struct ends e;
    tn_ws_end end;

    (void)arg;
    open_ends(&e, NULL, NULL);
    OK(tn_ws_send(e.server, TN_WS_TEXT, "nobody reads this", 17));
    OK(tn_ws_send(e.client, TN_WS_TEXT, "nor this", 8));
    close_ends(&e);
    open_ends(&e, NULL, NULL);
    OK(tn_ws_close(e.client, 1000, NULL));
    EQ(recv_end(e.server), 0);
    tn_ws_ended(e.server, &end);
    EQ(end.code, 1000);
    EQ(recv_end(e.client), 0);
    tn_ws_free(e.server);
    tn_ws_free(e.client);
    tn_close(e.own);
    tn_ws_free(NULL);
    return 0;
}

TEST_EACH(free_says_good_bye, backends)
{
    OK(run_on(p, part_politely, NULL));
}

/* Bytes that nobody reads, until no more fit. */
static size_t
fill_up(tn_sock *s)
{
    static const char zeros[4096];
    size_t total = 0;
    ssize_t n;

    while ((n = tn_send(s, zeros, sizeof(zeros), MSG_DONTWAIT)) > 0) {
        total += (size_t)n;
    }
    EQ(n, -EAGAIN);
    while (tn_send(s, zeros, 1, MSG_DONTWAIT) == 1) {
        total++;
    }
    return total;
}

/* A close that ran out of time is finished by free(), if there is room then. */
static int
close_late(void *arg)
{
    bool read = arg != NULL;
    struct half h;
    tn_scope s;
    size_t n;
    char *sink;

    open_half(&h, TN__WS_SERVER, NULL);
    n = fill_up(h.own);
    tn_deadline(&s, 5 * TN_MS);
    ERR(tn_ws_close(h.ws, 1001, "late"), -ETIME);
    CHECK(tn_scope_end(&s));
    ERR(tn_ws_close(h.ws, 1000, NULL), -EPIPE);
    ERR(tn_ws_send(h.ws, TN_WS_TEXT, "x", 1), -EPIPE);
    tn_deadline(&s, 5 * TN_MS);
    ERR(recv_end(h.ws), -ETIME);
    tn_scope_end(&s);
    sink = malloc(n);
    if (read) {
        EQ(tn_recvall(h.peer, sink, n, NULL), n);
        tn_shutdown(h.peer, SHUT_WR);
    }
    tn_ws_free(h.ws);
    if (read) {
        expect_close(h.peer, 1001);
    }
    EQ(tn_recv(h.peer, sink, 1, 0), read ? 0 : 1);
    free(sink);
    tn_close(h.own);
    tn_close(h.peer);
    return 0;
}

TEST_EACH(a_close_that_was_cut_goes_on, backends)
{
    OK(run_on(p, close_late, (void *)1));
}

TEST_EACH(a_close_that_nobody_takes_is_given_up, backends)
{
    OK(run_on(p, close_late, NULL));
}

/* It waits two seconds for a peer that never answers, also when cancelled. */
static int
leave_the_deaf(void *arg)
{
    struct half h;
    tn_scope s;

    (void)arg;
    for (int role = TN__WS_SERVER; role <= TN__WS_CLIENT; role++) {
        int64_t begun = tn_now();
        open_half(&h, (enum tn__ws_role)role, NULL);
        tn_deadline(&s, 0);
        tn_ws_free(h.ws);
        tn_scope_end(&s);
        EQ(tn_now() - begun, TN_WS_CLOSE_TIME);
        expect_close(h.peer, 1000);
        tn_close(h.own);
        tn_close(h.peer);
    }
    return 0;
}

TEST(free_waits_for_the_deaf_no_longer_than_that)
{
    static const struct test_param sim = {.name = "sim"};

    OK(run_on(&sim, leave_the_deaf, NULL));
}

TEST(free_of_a_thread_gives_up_too)
{
    struct half h;

    open_half(&h, TN__WS_CLIENT, NULL);
    tn_ws_free(h.ws);
    expect_close(h.peer, 1000);
    tn_close(h.peer);
}

/* A peer that talks on and on is not listened to for ever. */
static int
talk_on(void *arg)
{
    char *data = pattern(60000, 0);
    struct wire *w = malloc(sizeof(*w));

    w->len = 0;
    add_frame(w, 0x82, data, 60000, true);
    while (tn_sendall(arg, w->at, w->len, NULL) > 0) {
    }
    free(w);
    free(data);
    return 0;
}

static int
leave_the_talkative(void *arg)
{
    struct half h;
    tn_group g;

    (void)arg;
    open_half(&h, TN__WS_SERVER, NULL);
    tn_group_init(&g, 0);
    OK(tn_go(&g, talk_on, h.peer));
    tn_ws_free(h.ws);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    tn_close(h.own);
    tn_close(h.peer);
    return 0;
}

TEST_EACH(free_leaves_who_talks_on, backends)
{
    OK(run_on(p, leave_the_talkative, NULL));
}
