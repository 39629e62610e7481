/*
 * test_ws.c - two ends of a WebSocket: messages of every size, of many senders,
 * and calls that are refused.
 */
#include "ws_kit.h"

enum { LARGE = 300000 };

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
