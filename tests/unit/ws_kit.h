/*
 * ws_kit.h - what the tests of WebSockets share: frames by hand, and two ends.
 */
#ifndef TENON_TESTS_WS_KIT_H
#define TENON_TESTS_WS_KIT_H

#include "core.h"
#include "http/ws_int.h"

enum { WIRE_MAX = 1 << 18 };

/* Bytes on the wire. */
struct wire {
    uint8_t at[WIRE_MAX];
    size_t len;
};

/* Add a frame: `first` is FIN, RSV and opcode. Masked as a client must. */
UNUSED static void
add_frame(struct wire *w, uint8_t first, const void *data, size_t n,
          bool masked)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    const uint8_t *from = data;
    uint8_t *p = w->at + w->len;
    uint8_t bit = masked ? 0x80 : 0;

    LE(w->len + n + 14, sizeof(w->at));
    *p++ = first;
    if (n < 126) {
        *p++ = (uint8_t)(bit | n);
    } else if (n < 65536) {
        *p++ = bit | 126;
        *p++ = (uint8_t)(n >> 8);
        *p++ = (uint8_t)n;
    } else {
        *p++ = bit | 127;
        for (int shift = 56; shift >= 0; shift -= 8) {
            *p++ = (uint8_t)((uint64_t)n >> shift);
        }
    }
    if (masked) {
        memcpy(p, mask, 4);
        p += 4;
    }
    for (size_t i = 0; i < n; i++) {
        *p++ = masked ? from[i] ^ mask[i % 4] : from[i];
    }
    w->len = (size_t)(p - w->at);
}

/* A frame that came, unmasked; short ones only. */
struct got {
    uint8_t first;
    bool masked;
    size_t len;
    uint8_t data[65536];
};

UNUSED static void
recv_frame(tn_sock *s, struct got *g)
{
    uint8_t head[8], mask[4] = {0};

    EQ(tn_recvall(s, head, 2, NULL), 2);
    g->first = head[0];
    g->masked = (head[1] & 0x80) != 0;
    g->len = head[1] & 0x7f;
    if (g->len == 126) {
        EQ(tn_recvall(s, head, 2, NULL), 2);
        g->len = (size_t)(head[0] << 8 | head[1]);
    } else if (g->len == 127) {
        EQ(tn_recvall(s, head, 8, NULL), 8);
        g->len = 0;
        for (int i = 0; i < 8; i++) {
            g->len = g->len << 8 | head[i];
        }
    }
    LE(g->len, sizeof(g->data));
    if (g->masked) {
        EQ(tn_recvall(s, mask, 4, NULL), 4);
    }
    if (g->len > 0) {
        EQ(tn_recvall(s, g->data, g->len, NULL), g->len);
    }
    for (size_t i = 0; i < g->len; i++) {
        g->data[i] ^= mask[i % 4];
    }
}

/* The next frame is a close frame with this code. */
UNUSED static void
expect_close(tn_sock *s, int code)
{
    struct got *g = malloc(sizeof(*g));

    CHECK(g != NULL);
    recv_frame(s, g);
    EQ(g->first, 0x88);
    GE(g->len, 2);
    EQ(g->data[0] << 8 | g->data[1], code);
    free(g);
}

/* A WebSocket at one end, a bare socket at the other. */
struct half {
    tn_ws *ws;
    tn_sock *peer, *own;
};

UNUSED static void
open_half(struct half *h, enum tn__ws_role role, const tn_ws_opts *opts)
{
    tn_sock *s[2];

    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    OK(tn__ws_new(&h->ws, s[0], role, (tn_str){"", 0}, opts));
    h->own = role == TN__WS_SERVER ? s[0] : NULL; /* a client's goes with it */
    h->peer = s[1];
}

UNUSED static void
close_half(struct half *h)
{
    tn_ws_free(h->ws);
    tn_close(h->own);
    tn_close(h->peer);
}

/* A WebSocket at both. */
struct ends {
    tn_ws *server, *client;
    tn_sock *own; /* the server's */
};

UNUSED static void
open_ends(struct ends *e, const tn_ws_opts *server, const tn_ws_opts *client)
{
    tn_sock *s[2];

    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    e->own = s[0];
    OK(tn__ws_new(&e->server, s[0], TN__WS_SERVER, (tn_str){"", 0}, server));
    OK(tn__ws_new(&e->client, s[1], TN__WS_CLIENT, (tn_str){"", 0}, client));
}

/* Both at once: each waits for the other's good-bye. */
UNUSED static int
free_client(void *arg)
{
    tn_ws_free(((struct ends *)arg)->client);
    return 0;
}

UNUSED static void
close_ends(struct ends *e)
{
    tn_group g;

    tn_group_init(&g, 0);
    OK(tn_go(&g, free_client, e));
    tn_ws_free(e->server);
    tn_close(e->own);
    OK(tn_group_wait(&g));
}

/* Receive a message that has to be just this one. */
UNUSED static void
expect_message(tn_ws *ws, enum tn_ws_kind kind, const void *data, size_t n)
{
    enum tn_ws_kind got;
    tn_str msg;

    EQ(tn_ws_recv(ws, &got, &msg), 1);
    EQ(got, kind);
    EQ(msg.len, n);
    MEMEQ(msg.at, data, n);
}

UNUSED static int
recv_end(tn_ws *ws)
{
    enum tn_ws_kind kind;
    tn_str msg;

    return tn_ws_recv(ws, &kind, &msg);
}

UNUSED static char *
pattern(size_t n, char first)
{
    char *p = malloc(n + 1);

    CHECK(p != NULL);
    for (size_t i = 0; i < n; i++) {
        p[i] = (char)('a' + (first + i) % 26);
    }
    return p;
}

/* What a task does, and what came of it. */
struct task {
    tn_ws *ws;
    const char *data;
    size_t n;
    int result;
    bool done;
};

UNUSED static int
send_one(void *arg)
{
    struct task *t = arg;

    t->result = tn_ws_send(t->ws, TN_WS_BINARY, t->data, t->n);
    t->done = true;
    return 0;
}

UNUSED static int
recv_once(void *arg)
{
    struct task *t = arg;

    t->result = recv_end(t->ws);
    t->done = true;
    return 0;
}

UNUSED static void
put(tn_sock *s, uint8_t first, const void *data, size_t n, bool masked)
{
    struct wire *w = malloc(sizeof(*w));

    w->len = 0;
    add_frame(w, first, data, n, masked);
    EQ(tn_sendall(s, w->at, w->len, NULL), w->len);
    free(w);
}

/* Read a message of several frames; at which of them a pong came. */
UNUSED static int
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

#endif
