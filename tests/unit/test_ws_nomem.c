/*
 * test_ws_nomem.c - memory is refused at the Nth request, for each N, once and
 * for good, while a WebSocket is made, receives and sends.
 */
#include "nomem.h"
#include "ws_kit.h"

enum { LARGE = 100000, TRIES = 60 };

static uint8_t large[LARGE];
static struct wire sent;

/* Make one with bytes that came early, receive, send: how far it went. */
static int
live(tn_sock *s, enum tn__ws_role role)
{
    enum tn_ws_kind kind;
    tn_ws *ws;
    tn_str msg;
    int r = tn__ws_new(&ws, s, role, (tn_str){(char *)sent.at, 5}, NULL);

    if (r < 0) {
        EQ(r, -ENOMEM);
        CHECK(ws == NULL);
        return 0;
    }
    r = tn_ws_recv(ws, &kind, &msg);
    if (r == 1) {
        EQ(msg.len, LARGE);
        MEMEQ(msg.at, large, LARGE);
        r = tn_ws_send(ws, TN_WS_BINARY, large, LARGE);
        if (r == -ENOMEM) { /* nothing was sent: it may be tried again */
            nomem_until = 0;
            OK(tn_ws_send(ws, TN_WS_BINARY, large, LARGE));
            r = 0;
        }
        EQ(r, 0);
    } else {
        EQ(r, -ENOMEM);
        EQ(tn_ws_recv(ws, &kind, &msg), -ENOMEM);
    }
    ws->owned = false; /* the test closes it */
    tn_ws_free(ws);
    return 1;
}

/* The rest of the message, and the end; nobody reads it if there was no memory
   for a reader. */
static void
feed(void *arg)
{
    ssize_t r = tn_sendall(arg, sent.at + 5, sent.len - 5, NULL);

    CHECK(r == (ssize_t)sent.len - 5 || r == -EPIPE || r == -ECONNRESET);
    tn_shutdown(arg, SHUT_WR);
}

static int
read_all(tn_sock *s, int *last)
{
    static uint8_t sink[1 << 16];
    int n, total = 0;

    while ((n = (int)tn_recv(s, sink, sizeof(sink), 0)) > 0) {
        total += n;
    }
    *last = n;
    return total;
}

struct reader {
    tn_sock *s;
    int total, last;
};

static void
read_thread(void *arg)
{
    struct reader *r = arg;

    r->total = read_all(r->s, &r->last);
}

static int
refuse_at(int n, enum tn__ws_role role)
{
    struct test_thread *feeder, *reader;
    tn_sock *s[2];
    struct reader r;

    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    r = (struct reader){.s = s[1]};
    feeder = test_thread_start(feed, s[1]);
    reader = test_thread_start(read_thread, &r);
    nomem_refused = 0;
    nomem_until = n;
    live(s[0], role);
    nomem_until = 0;
    tn_abort(s[0]);
    test_thread_join(feeder);
    test_thread_join(reader);
    tn_close(s[1]);
    return nomem_refused;
}

static const struct test_param roles[] = {
    {.name = "server", .value = {TN__WS_SERVER}},
    {.name = "client", .value = {TN__WS_CLIENT}},
};

TEST_EACH(every_allocation_may_fail, roles)
{
    enum tn__ws_role role = (enum tn__ws_role)p->value[0];

    for (int i = 0; i < LARGE; i++) {
        large[i] = (uint8_t)(i * 7);
    }
    add_frame(&sent, 0x82, large, LARGE, role == TN__WS_SERVER);
    for (int good = 0; good < 2; good++) {
        int n = 1;
        nomem_for_good = good;
        while (n < TRIES && refuse_at(n, role) > 0) {
            n++;
        }
        GE(n, 8);
        LE(n, TRIES - 1);
    }
}
