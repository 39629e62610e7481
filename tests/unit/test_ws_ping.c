/*
 * test_ws_ping.c - pings answered inside messages, floods of them, and silence.
 */
#include "ws_kit.h"

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

/* ---- a message that does not end ---- */

static const uint8_t unfinished[] = {0x81, 0x84, 1, 2, 3, 4, 'a' ^ 1};

static int
never_finish(void *arg)
{
    tn_ws_opts opts = {.message_time = 30 * TN_MS};
    struct half h;

    (void)arg;
    open_half(&h, TN__WS_SERVER, &opts);
    EQ(tn_sendall(h.peer, unfinished, sizeof(unfinished), NULL),
       sizeof(unfinished));
    ERR(recv_end(h.ws), -ETIMEDOUT);
    ERR(recv_end(h.ws), -ETIMEDOUT);
    expect_close(h.peer, 1008);
    close_half(&h);
    return 0;
}

TEST_EACH(a_message_has_its_time, callers)
{
    OK(run_as(p, never_finish, NULL));
}

/* Empty pieces of a message, of which there may be any number. */
static int
send_pieces(void *arg)
{
    put(arg, 0x01, "a", 1, true);
    while (tn_sleep(50 * TN_MS) == 0) {
        put(arg, 0x00, "", 0, true);
        put(arg, 0x89, "", 0, true);
    }
    return 0;
}

static int
go_on_for_ever(void *arg)
{
    tn_ws_opts opts = {.message_time = TN_SEC};
    int64_t start = tn_now();
    struct half h;
    tn_scope s;
    tn_group g;
    int r, calls = 0;

    (void)arg;
    open_half(&h, TN__WS_SERVER, &opts);
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_pieces, h.peer));
    do {
        tn_deadline(&s, 300 * TN_MS);
        r = recv_end(h.ws);
        tn_scope_end(&s);
        calls++;
    } while (r == -ETIME);
    EQ(r, -ETIMEDOUT);
    GE(calls, 3);
    GE(tn_now() - start, TN_SEC);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    close_half(&h);
    return 0;
}

TEST(pieces_give_a_message_no_more_time)
{
    static const struct test_param sim = {.name = "sim"};

    OK(run_on(&sim, go_on_for_ever, NULL));
}

static int
be_away(void *arg)
{
    static const uint8_t rest[] = {'b' ^ 2, 'c' ^ 3, 'd' ^ 4};
    tn_ws_opts opts = {.message_time = TN_SEC};
    struct half h;
    tn_scope s;

    (void)arg;
    open_half(&h, TN__WS_SERVER, &opts);
    EQ(tn_sendall(h.peer, unfinished, sizeof(unfinished), NULL),
       sizeof(unfinished));
    tn_deadline(&s, 300 * TN_MS);
    ERR(recv_end(h.ws), -ETIME);
    tn_scope_end(&s);
    OK(tn_sleep(10 * TN_SEC)); /* the program's own time */
    tn_deadline(&s, 300 * TN_MS);
    ERR(recv_end(h.ws), -ETIME);
    tn_scope_end(&s);
    EQ(tn_sendall(h.peer, rest, sizeof(rest), NULL), sizeof(rest));
    expect_message(h.ws, TN_WS_TEXT, "abcd", 4);
    tn_shutdown(h.peer, SHUT_WR);
    close_half(&h);
    return 0;
}

TEST(time_counts_while_somebody_receives)
{
    static const struct test_param sim = {.name = "sim"};

    OK(run_on(&sim, be_away, NULL));
}
