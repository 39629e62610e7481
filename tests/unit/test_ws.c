/*
 * test_ws.c - two ends of a WebSocket: messages, pings, silence, slow peers,
 * cancelling, and every way to end.
 */
#include "ws_kit.h"

enum { LARGE = 300000 };

static char *
pattern(size_t n, char first)
{
    char *p = malloc(n + 1);

    CHECK(p != NULL);
    for (size_t i = 0; i < n; i++) {
        p[i] = (char)('a' + (first + i) % 26);
    }
    return p;
}

/* ---- messages ---- */

static int
echo_all(void *arg)
{
    tn_ws *ws = arg;
    enum tn_ws_kind kind;
    tn_str msg;
    int r;

    while ((r = tn_ws_recv(ws, &kind, &msg)) == 1) {
        OK(tn_ws_send(ws, kind, msg.at, msg.len));
    }
    return r;
}

static const size_t sizes[] = {0,   1,    125,   126,   511,   512,  513,
                               514, 4096, 65535, 65536, 65537, LARGE};

static void
bounce(tn_ws *ws)
{
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *text = pattern(sizes[i], (char)i);
        OK(tn_ws_send(ws, TN_WS_TEXT, text, sizes[i]));
        expect_message(ws, TN_WS_TEXT, text, sizes[i]);
        memset(text, 0xff, sizes[i]);
        OK(tn_ws_send(ws, TN_WS_BINARY, text, sizes[i]));
        expect_message(ws, TN_WS_BINARY, text, sizes[i]);
        free(text);
    }
}

static int
bounce_both_ways(void *arg)
{
    struct ends e;
    tn_group g;

    (void)arg;
    for (int i = 0; i < 2; i++) {
        open_ends(&e, NULL, NULL);
        tn_group_init(&g, 0);
        OK(tn_go(&g, echo_all, i == 0 ? e.server : e.client));
        bounce(i == 0 ? e.client : e.server);
        OK(tn_ws_close(i == 0 ? e.client : e.server, 1000, "done"));
        EQ(recv_end(i == 0 ? e.client : e.server), 0);
        EQ(tn_group_wait(&g), 0);
        close_ends(&e);
    }
    return 0;
}

TEST_EACH(messages_of_every_size, backends)
{
    OK(run_on(p, bounce_both_ways, NULL));
}

struct sender {
    tn_ws *ws;
    char byte;
    int result;
};

enum { SENDERS = 8, EACH = 5 };

static int
send_own_byte(void *arg)
{
    struct sender *s = arg;
    char *data = malloc(LARGE);

    memset(data, s->byte, LARGE);
    for (int i = 0; i < EACH; i++) {
        OK(tn_ws_send(s->ws, TN_WS_BINARY, data, (size_t)LARGE - i * 20000));
    }
    free(data);
    return 0;
}

static void
check_uniform(tn_str msg)
{
    for (size_t i = 1; i < msg.len; i++) {
        if (msg.at[i] != msg.at[0]) {
            FAIL("two messages in one");
        }
    }
}

static int
mix_nothing(void *arg)
{
    struct sender s[SENDERS];
    enum tn_ws_kind kind;
    struct ends e;
    tn_group g;
    tn_str msg;

    open_ends(&e, NULL, NULL);
    tn_group_init(&g, 0);
    for (int i = 0; i < SENDERS; i++) {
        s[i] = (struct sender){arg ? e.client : e.server, (char)('0' + i), 0};
        OK(tn_go(&g, send_own_byte, &s[i]));
    }
    for (int i = 0; i < SENDERS * EACH; i++) {
        EQ(tn_ws_recv(arg ? e.server : e.client, &kind, &msg), 1);
        GE(msg.len, LARGE - EACH * 20000);
        check_uniform(msg);
    }
    OK(tn_group_wait(&g));
    close_ends(&e);
    return 0;
}

TEST_EACH(messages_of_many_senders_never_mix, backends)
{
    OK(run_on(p, mix_nothing, NULL));
    OK(run_on(p, mix_nothing, (void *)1));
}

/* Both sides write at once more than the sockets hold, and both receive. */
static int
write_both(void *arg)
{
    struct sender s[2];
    struct ends e;
    enum tn_ws_kind kind;
    tn_group g;
    tn_str msg;

    (void)arg;
    open_ends(&e, NULL, NULL);
    s[0] = (struct sender){e.client, 'c', 0};
    s[1] = (struct sender){e.server, 's', 0};
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_own_byte, &s[0]));
    OK(tn_go(&g, send_own_byte, &s[1]));
    for (int i = 0; i < EACH; i++) {
        EQ(tn_ws_recv(e.client, &kind, &msg), 1);
        EQ(msg.at[0], 's');
    }
    for (int i = 0; i < EACH; i++) {
        EQ(tn_ws_recv(e.server, &kind, &msg), 1);
        EQ(msg.at[0], 'c');
    }
    OK(tn_group_wait(&g));
    close_ends(&e);
    return 0;
}

TEST_EACH(both_write_at_once, backends)
{
    OK(run_on(p, write_both, NULL));
}

static int
refuse_bad_calls(void *arg)
{
    static const int codes[] = {0,    999,  1002, 1004, 1005, 1006,
                                1007, 1009, 1015, 2999, 5000};
    char reason[TN_WS_REASON + 2];
    struct half h;

    (void)arg;
    open_half(&h, TN__WS_SERVER, NULL);
    ERR(tn_ws_send(h.ws, TN_WS_TEXT, "\xff", 1), -EILSEQ);
    ERR(tn_ws_send(h.ws, TN_WS_TEXT, "a\xc3", 2), -EILSEQ);
    ERR(tn_ws_send(h.ws, (enum tn_ws_kind)8, "", 0), -EINVAL);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        ERR(tn_ws_close(h.ws, codes[i], NULL), -EINVAL);
    }
    memset(reason, 'r', sizeof(reason));
    reason[TN_WS_REASON + 1] = '\0';
    ERR(tn_ws_close(h.ws, 1000, reason), -EINVAL);
    ERR(tn_ws_close(h.ws, 1000, "\xc3"), -EINVAL);
    reason[TN_WS_REASON] = '\0';
    OK(tn_ws_close(h.ws, 4999, reason));
    ERR(tn_ws_close(h.ws, 1000, NULL), -EPIPE);
    ERR(tn_ws_send(h.ws, TN_WS_TEXT, "late", 4), -EPIPE);
    expect_close(h.peer, 4999);
    tn_shutdown(h.peer, SHUT_WR);
    ERR(recv_end(h.ws), TN_ETRUNCATED);
    close_half(&h);
    return 0;
}

TEST_EACH(bad_calls_send_nothing, callers)
{
    OK(run_as(p, refuse_bad_calls, NULL));
}

static int
use_early(void *arg)
{
    struct wire *w = malloc(sizeof(*w));
    tn_sock *s[2];
    tn_ws *ws;

    (void)arg;
    w->len = 0;
    add_frame(w, 0x81, "first", 5, true);
    add_frame(w, 0x81, "second", 6, true);
    for (size_t early = 0; early <= w->len; early++) {
        OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
        OK(tn__ws_new(&ws, s[0], TN__WS_SERVER, (tn_str){(char *)w->at, early},
                      NULL));
        EQ(tn_sendall(s[1], w->at + early, w->len - early, NULL),
           w->len - early);
        expect_message(ws, TN_WS_TEXT, "first", 5);
        expect_message(ws, TN_WS_TEXT, "second", 6);
        tn_shutdown(s[1], SHUT_WR);
        tn_ws_free(ws);
        close_pair(s);
    }
    free(w);
    return 0;
}

TEST_EACH(bytes_behind_the_handshake_come_first, callers)
{
    OK(run_as(p, use_early, NULL));
}

/* ---- pings ---- */

struct task {
    tn_ws *ws;
    const char *data;
    size_t n;
    int result;
    bool done;
};

static int
send_one(void *arg)
{
    struct task *t = arg;

    t->result = tn_ws_send(t->ws, TN_WS_BINARY, t->data, t->n);
    t->done = true;
    return 0;
}

static int
recv_once(void *arg)
{
    struct task *t = arg;

    t->result = recv_end(t->ws);
    t->done = true;
    return 0;
}

static void
put(tn_sock *s, uint8_t first, const void *data, size_t n, bool masked)
{
    struct wire *w = malloc(sizeof(*w));

    w->len = 0;
    add_frame(w, first, data, n, masked);
    EQ(tn_sendall(s, w->at, w->len, NULL), w->len);
    free(w);
}

/* Read a message of several frames; at which of them a pong came. */
static int
read_message(tn_sock *peer, size_t want, const char *pong)
{
    struct got *g = malloc(sizeof(*g));
    size_t have = 0;
    int frames = 0, at = -1;

    while (have < want) {
        recv_frame(peer, g);
        if (g->first == 0x8a) {
            EQ(at, -1);
            at = frames;
            EQ(g->len, strlen(pong));
            MEMEQ(g->data, pong, g->len);
            continue;
        }
        EQ(g->first & 0x7f, frames == 0 ? 2 : 0);
        have += g->len;
        EQ(g->first >> 7, have == want);
        frames++;
    }
    free(g);
    return at;
}

static int
answer_between_frames(void *arg)
{
    char *data = pattern(1 << 20, 0);
    struct task sender, receiver;
    struct half h;
    tn_group g;
    int at;

    (void)arg;
    open_half(&h, TN__WS_SERVER, NULL);
    sender = (struct task){.ws = h.ws, .data = data, .n = 1 << 20};
    receiver = (struct task){.ws = h.ws};
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_one, &sender));
    OK(tn_go(&g, recv_once, &receiver));
    OK(tn_sleep(1 * TN_MS));
    CHECK(!sender.done);
    put(h.peer, 0x89, "one", 3, true);
    put(h.peer, 0x89, "the latest", 10, true);
    put(h.peer, 0x81, "go", 2, true);
    while (!receiver.done) { /* it never waits for the sender */
        OK(tn_sleep(1 * TN_MS));
    }
    EQ(receiver.result, 1);
    CHECK(!sender.done);
    at = read_message(h.peer, 1 << 20, "the latest");
    GE(at, 1);
    LE(at, 15);
    OK(tn_group_wait(&g));
    EQ(sender.result, 0);
    tn_shutdown(h.peer, SHUT_WR);
    close_half(&h);
    free(data);
    return 0;
}

TEST_EACH(pings_are_answered_inside_a_long_message, backends)
{
    OK(run_on(p, answer_between_frames, NULL));
}

enum { PINGS = 20000 };

static int
flood(void *arg)
{
    struct wire *w = malloc(sizeof(*w));
    char zeros[125] = {0};

    w->len = 0;
    for (int i = 0; i < 100; i++) {
        add_frame(w, 0x89, zeros, sizeof(zeros), true);
    }
    for (int i = 0; i < PINGS / 100; i++) {
        ssize_t r = tn_sendall(arg, w->at, w->len, NULL);
        if (r < 0) {
            break;
        }
    }
    free(w);
    return 0;
}

static int
flood_and_close(void *arg)
{
    flood(arg);
    put(arg, 0x88, "\x03\xe8", 2, true);
    return 0;
}

/* Who pings and never reads is read no more, and given up in the end. */
static int
be_flooded(void *arg)
{
    tn_ws_opts opts = {.send_time = 50 * TN_MS};
    struct half h;
    tn_group g;

    (void)arg;
    open_half(&h, TN__WS_SERVER, &opts);
    tn_group_init(&g, 0);
    OK(tn_go(&g, flood, h.peer));
    ERR(recv_end(h.ws), -ETIMEDOUT);
    LE(h.ws->codec.cap, 4096);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    close_half(&h);
    return 0;
}

TEST_EACH(a_flood_of_pings_is_held_back, backends)
{
    OK(run_on(p, be_flooded, NULL));
}

/* Read answers until the close frame: each has to be whole. */
static int
read_answers(void *arg)
{
    struct got *g = malloc(sizeof(*g));
    int *count = ((void **)arg)[1];

    do {
        recv_frame(((void **)arg)[0], g);
        if (g->first == 0x8a) {
            EQ(g->len, 125);
            EQ(g->data[124], 0);
            (*count)++;
        }
    } while (g->first == 0x8a);
    EQ(g->first, 0x88);
    free(g);
    return 0;
}

/* An answer that a deadline cut in two, for the socket was full, goes on when
   there is room: the stream stays whole. */
static int
cut_an_answer(void *arg)
{
    int count = 0, r = -ETIME, calls = 0;
    struct half h;
    tn_group g;
    tn_scope s;

    (void)arg;
    open_half(&h, TN__WS_SERVER, NULL);
    void *reader[2] = {h.peer, &count};
    tn_group_init(&g, 0);
    OK(tn_go(&g, flood_and_close, h.peer));
    while (r == -ETIME) {
        tn_deadline(&s, 5 * TN_MS);
        r = recv_end(h.ws);
        tn_scope_end(&s);
        if (calls++ == 5) {
            OK(tn_go(&g, read_answers, reader));
        }
    }
    EQ(r, 0);
    GE(calls, 5);
    OK(tn_group_wait(&g));
    EQ(count, PINGS);
    tn_shutdown(h.peer, SHUT_WR);
    close_half(&h);
    return 0;
}

TEST_EACH(an_answer_that_was_cut_goes_on, backends)
{
    OK(run_on(p, cut_an_answer, NULL));
}

static int
be_silent(void *arg)
{
    tn_ws_opts opts = {.ping_time = 30 * TN_MS};
    struct got *g = malloc(sizeof(*g));
    struct half h;

    (void)arg;
    open_half(&h, TN__WS_SERVER, &opts);
    ERR(recv_end(h.ws), -ETIMEDOUT);
    ERR(recv_end(h.ws), -ETIMEDOUT);
    recv_frame(h.peer, g);
    EQ(g->first, 0x89);
    ERR(tn_ws_send(h.ws, TN_WS_TEXT, "x", 1), -EPIPE);
    close_half(&h);
    free(g);
    return 0;
}

TEST_EACH(silence_is_asked_about_and_ends, callers)
{
    OK(run_as(p, be_silent, NULL));
}

static int
answer_pings(void *arg)
{
    struct got *g = malloc(sizeof(*g));

    for (int i = 0; i < 5; i++) {
        recv_frame(arg, g);
        EQ(g->first, 0x89);
        put(arg, 0x8a, g->data, g->len, true);
    }
    put(arg, 0x81, "alive", 5, true);
    free(g);
    return 0;
}

static int
stay_alive(void *arg)
{
    tn_ws_opts opts = {.ping_time = 100 * TN_MS};
    struct half h;
    tn_group g;

    (void)arg;
    open_half(&h, TN__WS_SERVER, &opts);
    tn_group_init(&g, 0);
    OK(tn_go(&g, answer_pings, h.peer));
    expect_message(h.ws, TN_WS_TEXT, "alive", 5);
    OK(tn_group_wait(&g));
    tn_shutdown(h.peer, SHUT_WR);
    close_half(&h);
    return 0;
}

/* In virtual time only: a real machine may stall for longer than a ping. */
TEST(who_answers_pings_stays)
{
    static const struct test_param sim = {.name = "sim"};

    OK(run_on(&sim, stay_alive, NULL));
}

/* A program that receives with a deadline of its own pings nevertheless. */
static int
ping_between_calls(void *arg)
{
    tn_ws_opts opts = {.ping_time = 100 * TN_MS};
    int r, calls = 0;
    struct half h;
    tn_scope s;

    (void)arg;
    open_half(&h, TN__WS_SERVER, &opts);
    do {
        tn_deadline(&s, 30 * TN_MS);
        r = recv_end(h.ws);
        tn_scope_end(&s);
        calls++;
    } while (r == -ETIME);
    EQ(r, -ETIMEDOUT);
    GE(calls, 4);
    close_half(&h);
    return 0;
}

TEST(deadlines_of_the_caller_do_not_hide_silence)
{
    static const struct test_param sim = {.name = "sim"};

    OK(run_on(&sim, ping_between_calls, NULL));
}

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
