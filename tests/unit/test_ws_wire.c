/*
 * test_ws_wire.c - frames in, events out: each case whole, byte by byte, cut in
 * two at every place, and against an unreadable page; and what a peer is told.
 */
#include "ws_kit.h"

#include <stdio.h>

enum { FRAMES = 6, MAX = 200 };

struct sent {
    uint8_t first; /* 0x80 FIN, 0x70 RSV, 0x0f opcode; 0 and no data: none */
    const char *data;
    int len; /* -1: as the text says */
    int raw; /* 1: these bytes as they are; 2: with the wrong mask bit */
};

struct wire_case {
    const char *name;
    struct sent sent[FRAMES];
    const char *events; /* t and b messages, p and o pings and pongs, c close */
    int code;           /* of the failure, or of the close; 0: more may come */
    const char *data;   /* of the last message */
};

#define TEXT(s)                                                                \
    {                                                                          \
        0x81, s, -1, 0                                                         \
    }
#define PART(s)                                                                \
    {                                                                          \
        0x01, s, -1, 0                                                         \
    }
#define MIDDLE(s)                                                              \
    {                                                                          \
        0x00, s, -1, 0                                                         \
    }
#define LAST(s)                                                                \
    {                                                                          \
        0x80, s, -1, 0                                                         \
    }
#define CLOSE(s)                                                               \
    {                                                                          \
        0x88, s, -1, 0                                                         \
    }

static char long_text[] =
    "0123456789012345678901234567890123456789012345678901234567890123456789"
    "0123456789012345678901234567890123456789012345678901234567890123456789";

static const struct wire_case cases[] = {
    {"empty text", {TEXT("")}, "t", 0, ""},
    {"text", {TEXT("Hello")}, "t", 0, "Hello"},
    {"binary", {{0x82, "\xff\0\x80", 3, 0}}, "b", 0, NULL},
    {"two", {TEXT("a"), TEXT("b")}, "tt", 0, "b"},
    {"long", {TEXT(long_text)}, "t", 0, long_text},
    {"fragments", {PART("Hel"), MIDDLE("l"), LAST("o")}, "t", 0, "Hello"},
    {"empty fragments", {PART(""), MIDDLE(""), LAST("")}, "t", 0, ""},
    {"ping inside",
     {PART("Hel"), {0x89, "x", 1, 0}, LAST("lo")},
     "pt",
     0,
     "Hello"},
    {"pong inside",
     {PART("a"), {0x8a, "", 0, 0}, MIDDLE("b"), LAST("c")},
     "ot",
     0,
     "abc"},
    {"close inside", {PART("a"), CLOSE("\x03\xe8")}, "c", 1000, NULL},
    {"ping of 125", {{0x89, long_text, 125, 0}}, "p", 0, NULL},
    {"ping of 126", {{0x89, long_text, 126, 0}}, "", 1002, NULL},
    {"ping in fragments", {{0x09, "a", 1, 0}}, "", 1002, NULL},
    {"rsv1", {{0xc1, "a", 1, 0}}, "", 1002, NULL},
    {"rsv2", {{0xa1, "a", 1, 0}}, "", 1002, NULL},
    {"rsv3", {{0x92, "a", 1, 0}}, "", 1002, NULL},
    {"rsv of a ping", {TEXT("a"), {0xd9, "a", 1, 0}}, "t", 1002, NULL},
    {"rsv of a close", {{0xf8, "", 0, 0}}, "", 1002, NULL},
    {"opcode 3", {{0x83, "a", 1, 0}}, "", 1002, NULL},
    {"opcode 7", {{0x87, "", 0, 0}}, "", 1002, NULL},
    {"opcode 11", {{0x8b, "", 0, 0}}, "", 1002, NULL},
    {"opcode 15", {{0x8f, "a", 1, 0}}, "", 1002, NULL},
    {"mask bit", {{0x81, "a", 1, 2}}, "", 1002, NULL},
    {"nothing to go on with", {LAST("a")}, "", 1002, NULL},
    {"nor to end", {TEXT("a"), MIDDLE("b")}, "t", 1002, NULL},
    {"message inside", {PART("a"), TEXT("b")}, "", 1002, NULL},
    {"binary inside", {PART("a"), {0x82, "b", 1, 0}}, "", 1002, NULL},
    {"too long a length", {{0, "\x82\xfe\0\x7d", 4, 1}}, "", 1002, NULL},
    {"length of 64 bits",
     {{0, "\x82\xff\x80\0\0\0\0\0\0\0", 10, 1}},
     "",
     1002,
     NULL},
    {"as large as allowed",
     {{0x01, long_text, 100, 0}, {0x80, long_text, 100, 0}},
     "t",
     0,
     NULL},
    {"too large",
     {{0x01, long_text, 100, 0}, {0x80, long_text, 101, 0}},
     "",
     1009,
     NULL},
    {"empty behind a full one",
     {{0x01, long_text, 100, 0}, {0x00, long_text, 100, 0}, LAST("")},
     "t",
     0,
     NULL},
    {"two bytes", {TEXT("\xc3\xa4")}, "t", 0, "\xc3\xa4"},
    {"last character", {TEXT("\xf4\x8f\xbf\xbf")}, "t", 0, "\xf4\x8f\xbf\xbf"},
    {"character in pieces",
     {PART("\xf0"), MIDDLE("\x90"), MIDDLE("\x80"), LAST("\x80")},
     "t",
     0,
     "\xf0\x90\x80\x80"},
    {"piece of a character", {TEXT("a\xc3")}, "", 1007, NULL},
    {"piece at the end", {PART("\xe2\x82"), LAST("")}, "", 1007, NULL},
    {"overlong", {TEXT("\xc0\xaf")}, "", 1007, NULL},
    {"surrogate", {TEXT("\xed\xa0\x80")}, "", 1007, NULL},
    {"above the last", {PART("ok \xf4\x90")}, "", 1007, NULL},
    {"follower", {TEXT("12345678901234567\x80")}, "", 1007, NULL},
    {"binary need not be", {{0x82, "\xc0", 1, 0}}, "b", 0, NULL},
    {"close", {CLOSE("")}, "c", 1005, NULL},
    {"close of a byte", {CLOSE("\x03")}, "", 1002, NULL},
    {"close with code", {CLOSE("\x0f\xa0")}, "c", 4000, NULL},
    {"close with reason",
     {CLOSE("\x03\xe9"
            "bye")},
     "c",
     1001,
     NULL},
    {"reason cut", {CLOSE("\x03\xe8\xc3")}, "", 1007, NULL},
    {"reason bad", {CLOSE("\x03\xe8\xff")}, "", 1007, NULL},
    {"code 0", {{0x88, "\0\0", 2, 0}}, "", 1002, NULL},
    {"code 999", {CLOSE("\x03\xe7")}, "", 1002, NULL},
    {"code 1004", {CLOSE("\x03\xec")}, "", 1002, NULL},
    {"code 1005", {CLOSE("\x03\xed")}, "", 1002, NULL},
    {"code 1006", {CLOSE("\x03\xee")}, "", 1002, NULL},
    {"code 1014", {CLOSE("\x03\xf6")}, "c", 1014, NULL},
    {"code 1015", {CLOSE("\x03\xf7")}, "", 1002, NULL},
    {"code 2999", {CLOSE("\x0b\xb7")}, "", 1002, NULL},
    {"code 5000", {CLOSE("\x13\x88")}, "", 1002, NULL},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static void
build(struct wire *w, const struct wire_case *c, bool masked)
{
    w->len = 0;
    for (int i = 0; i < FRAMES; i++) {
        const struct sent *s = &c->sent[i];
        size_t n = s->data ? s->len < 0 ? strlen(s->data) : (size_t)s->len : 0;
        if (!s->data) {
            return;
        }
        if (s->raw == 1) {
            memcpy(w->at + w->len, s->data, n);
            w->at[w->len + 1] &= masked ? 0xff : 0x7f;
            w->len += n;
        } else {
            add_frame(w, s->first, s->data, n, masked != (s->raw == 2));
        }
    }
}

/* What the codec makes of pieces: the events in order, and how it ended. */
struct seen {
    char events[FRAMES + 1];
    int count, code;
    size_t len;
    char last[MAX + 1];
};

static void
feed(struct tn__ws_codec *c, struct seen *s, const uint8_t *at, size_t n)
{
    static const char letter[] = {'?', '?', 'p', 'o', 'c'};
    int event = 1;

    tn__ws_feed(c, at, n);
    while (s->code == 0 && event != TN__WS_MORE) {
        event = tn__ws_decode(c);
        if (event < 0 || event == TN__WS_CLOSE) {
            s->code = c->code;
        }
        if (event == TN__WS_MESSAGE) {
            s->events[s->count++] = c->kind == TN_WS_TEXT ? 't' : 'b';
            s->len = c->len;
            memcpy(s->last, c->buf ? c->buf : at, c->len);
            s->last[c->len] = '\0';
            tn__ws_next(c);
        } else if (event > 0) {
            s->events[s->count++] = letter[event];
        }
        LE(s->count, FRAMES);
    }
}

static void
compare(const struct wire_case *c, const struct seen *s)
{
    if (strcmp(s->events, c->events) != 0 || s->code != c->code) {
        FAIL("%s: events \"%s\", code %d", c->name, s->events, s->code);
    }
    if (c->data && strcmp(s->last, c->data) != 0) {
        FAIL("%s: \"%s\"", c->name, s->last);
    }
}

/* In two pieces, cut at `cut`; 0: byte by byte. */
static void
play(const struct wire_case *c, enum tn__ws_role role, const struct wire *w,
     size_t cut)
{
    struct tn__ws_codec codec;
    struct seen s = {.count = 0};
    size_t at = 0;

    OK(tn__ws_codec_init(&codec, role, MAX));
    while (at < w->len) {
        size_t n = cut == 0 ? 1 : at == 0 && cut < w->len ? cut : w->len - at;
        uint8_t *copy = guard_copy(w->at + at, n);
        feed(&codec, &s, copy, n);
        guard_free(copy, n);
        at += n;
    }
    compare(c, &s);
    tn__ws_codec_fini(&codec);
}

static const struct test_param roles[] = {
    {.name = "server", .value = {TN__WS_SERVER}},
    {.name = "client", .value = {TN__WS_CLIENT}},
};

TEST_EACH(every_cut_gives_the_same, roles)
{
    struct wire *w = malloc(sizeof(*w));
    enum tn__ws_role role = (enum tn__ws_role)p->value[0];

    for (int i = 0; i < CASES; i++) {
        build(w, &cases[i], role == TN__WS_SERVER);
        for (size_t cut = 0; cut <= w->len; cut++) {
            play(&cases[i], role, w, cut);
        }
    }
    free(w);
}

/* A text that cannot become one is refused before its frame is over. */
TEST(bad_text_fails_fast)
{
    struct wire *w = malloc(sizeof(*w));
    struct tn__ws_codec c;
    struct seen s = {.count = 0};

    w->len = 0;
    add_frame(w, 0x01, "fine \xf4\x90\x80\x80 and more", 18, true);
    OK(tn__ws_codec_init(&c, TN__WS_SERVER, MAX));
    feed(&c, &s, w->at, 6 + 6);
    EQ(s.code, 0);
    feed(&c, &s, w->at + 12, 1);
    EQ(s.code, 1007);
    tn__ws_codec_fini(&c);
    free(w);
}

/* What a length claims costs nothing, and is refused with its first byte. */
TEST(a_claim_costs_nothing)
{
    static const uint8_t huge[] = "\x82\xff\0\0\x10\0\0\0\0\0mask?";
    struct tn__ws_codec c;
    struct seen s = {.count = 0};

    OK(tn__ws_codec_init(&c, TN__WS_SERVER, MAX));
    feed(&c, &s, huge, 14);
    EQ(s.code, 0);
    feed(&c, &s, huge + 14, 1);
    EQ(s.code, 1009);
    EQ(c.cap, 0);
    tn__ws_codec_fini(&c);
    OK(tn__ws_codec_init(&c, TN__WS_SERVER, (size_t)1 << 60));
    s.code = 0;
    feed(&c, &s, huge, 15);
    EQ(s.code, 0);
    LE(c.cap, 4096);
    tn__ws_codec_fini(&c);
}

/* ---- over sockets: what the peer is told, and what our side returns ---- */

static int
result_of(const struct wire_case *c)
{
    return c->code == 1009                  ? TN_ETOOBIG
           : strchr(c->events, 'c') != NULL ? 0
                                            : TN_EWS;
}

/* Messages first, then the end; the answers to pings in between. */
static void
check_end(struct half *h, const struct wire_case *c)
{
    bool closed = strchr(c->events, 'c') != NULL;
    struct got *g = malloc(sizeof(*g));
    tn_ws_end end;
    int r = 1;

    while (r == 1) {
        r = recv_end(h->ws);
    }
    EQ(r, result_of(c));
    EQ(recv_end(h->ws), r);
    tn_ws_ended(h->ws, &end);
    EQ(end.code, closed ? c->code : 1006);
    for (const char *e = c->events; *e; e++) {
        if (*e == 'p') {
            recv_frame(h->peer, g);
            EQ(g->first, 0x8a);
        }
    }
    recv_frame(h->peer, g);
    EQ(g->first, 0x88);
    EQ(g->masked, h->own == NULL);
    EQ(g->len, c->code == 1005 ? 0 : 2);
    if (g->len == 2) {
        EQ(g->data[0] << 8 | g->data[1], c->code);
    }
    ERR(tn_ws_send(h->ws, TN_WS_TEXT, "x", 1), -EPIPE);
    ERR(tn_ws_close(h->ws, 1000, NULL), -EPIPE);
    if (h->own) { /* a server ends TCP first */
        EQ(tn_recv(h->peer, g->data, 1, 0), 0);
    }
    free(g);
}

static int
play_sockets(void *arg)
{
    enum tn__ws_role role = *(const enum tn__ws_role *)arg;
    tn_ws_opts opts = {.max_message = MAX};
    struct wire *w = malloc(sizeof(*w));

    for (int i = 0; i < CASES; i++) {
        struct half h;
        if (cases[i].code == 0) {
            continue;
        }
        open_half(&h, role, &opts);
        build(w, &cases[i], role == TN__WS_SERVER);
        EQ(tn_sendall(h.peer, w->at, w->len, NULL), w->len);
        check_end(&h, &cases[i]);
        tn_shutdown(h.peer, SHUT_WR);
        close_half(&h);
    }
    free(w);
    return 0;
}

TEST_EACH(a_server_tells_what_was_wrong, callers)
{
    enum tn__ws_role role = TN__WS_SERVER;

    OK(run_as(p, play_sockets, &role));
}

TEST_EACH(a_client_tells_what_was_wrong, callers)
{
    enum tn__ws_role role = TN__WS_CLIENT;

    OK(run_as(p, play_sockets, &role));
}

/* ---- the handshake's arithmetic ---- */

TEST(accept_is_that_of_the_rfc)
{
    char accept[TN__WS_ACCEPT];
    const char *key = "dGhlIHNhbXBsZSBub25jZQ=="; /* section 1.3 */

    OK(tn__ws_accept_of(accept, (tn_str){key, strlen(key)}));
    STREQ(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
