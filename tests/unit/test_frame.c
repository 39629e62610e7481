/*
 * test_frame.c - messages on a socket, in a thread and in a task, over streams
 * of each family.
 */
#include <tenon/dial.h>
#include <tenon/frame.h>
#include <tenon/sockopt.h>
#include <tenon/task.h>

#include "frame/frame_int.h"
#include "test.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* ---- every test in a thread and on each backend ---- */

#define MODE(text, backend, family)                                            \
    {                                                                          \
        .name = text, .value = {family}, .data = backend                       \
    }

static const struct test_param modes[] = {
    MODE("thread-unix", NULL, AF_UNIX),
    MODE("thread-inet", NULL, AF_INET),
    MODE("epoll-unix", "epoll", AF_UNIX),
    MODE("epoll-inet", "epoll", AF_INET),
    MODE("epoll-inet6", "epoll", AF_INET6),
    MODE("poll-unix", "poll", AF_UNIX),
    MODE("poll-inet", "poll", AF_INET),
    MODE("sim-unix", "sim", AF_UNIX),
    MODE("sim-inet", "sim", AF_INET),
};

/* Two ends of a stream, and a framer on the first. */
struct ends {
    int family;
    tn_sock *near, *far;
    tn_framer *f;
    void (*body)(struct ends *e);
};

static void
connect_ends(struct ends *e)
{
    tn_sock *pair[2], *listener;
    tn_addr addr;
    if (e->family == AF_UNIX) {
        OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
        e->near = pair[0];
        e->far = pair[1];
        return;
    }
    OK(tn_addr_ip(&addr, e->family == AF_INET ? "127.0.0.1" : "::1", 0));
    if (tn_create_server(&listener, &addr, NULL) < 0) {
        SKIP("no such family here");
    }
    OK(tn_getsockname(listener, &addr));
    OK(tn_socket(&e->far, e->family, SOCK_STREAM, 0));
    OK(tn_connect(e->far, &addr));
    OK(tn_accept(listener, &e->near, NULL));
    OK(tn_set(e->far, TN_NODELAY, 1));
    tn_close(listener);
}

static int
in_task(void *arg)
{
    struct ends *e = arg;
    connect_ends(e);
    tn_settimeout(e->near, 10 * TN_SEC);
    tn_settimeout(e->far, 10 * TN_SEC);
    e->body(e);
    tn_framer_free(e->f);
    tn_abort(e->near);
    tn_abort(e->far);
    return 0;
}

/* The simulator draws from a seed how bytes are cut and delayed. */
enum { SEEDS = 10 };

static void
in_mode(const struct test_param *p, void (*body)(struct ends *e))
{
    bool is_sim = p->data != NULL && strcmp(p->data, "sim") == 0;
    for (uint64_t seed = 1; seed <= (is_sim ? SEEDS : 1); seed++) {
        struct ends e = {.family = p->value[0], .body = body};
        tn_sim_opts sim = {.seed = seed};
        tn_opts opts = {.backend = p->data, .sim = &sim};
        if (p->data == NULL) {
            in_task(&e);
        } else {
            EQ(tn_run(&opts, in_task, &e), 0);
        }
    }
}

/* A test whose body gets the ends of a fresh stream, in each mode. */
#define STREAM_TEST(id)                                                        \
    static void body_##id(struct ends *e);                                     \
    TEST_EACH(id, modes)                                                       \
    {                                                                          \
        in_mode(p, body_##id);                                                 \
    }                                                                          \
    static void body_##id(struct ends *e)

/* Give the near end a framer of the codec with that name. */
static void
frame(struct ends *e, const char *codec)
{
    tn_codec c;
    OK(tn_codec_parse(&c, codec));
    tn_framer_free(e->f);
    OK(tn_framer_new(&e->f, e->near, &c));
}

static void
far_sends(struct ends *e, const void *data, size_t n)
{
    EQ(tn_sendall(e->far, data, n, NULL), n);
}

/* The next message is these bytes. */
static void
reads(struct ends *e, const void *want, size_t n)
{
    tn_view msg;
    EQ(tn_framer_read(e->f, &msg), 1);
    EQ(msg.len, n);
    MEMEQ(msg.data, want, n);
}

static void
fails(struct ends *e, int err)
{
    tn_view msg = {(uint8_t *)e, 5};
    EQ(tn_framer_read(e->f, &msg), err);
    CHECK(msg.data == NULL);
    EQ(msg.len, 0);
}

/* ---- pieces ---- */

static const char *const codecs[] = {
    "line,max=20",   "crlf,max=20",
    "nul,max=20",    "delim:0102030405060708,max=20",
    "fixed:12",      "u8,max=20",
    "u32be,max=20",  "i32ne,max=20",
    "u64le,max=20",  "u16be,max=20,offset=5,self",
    "varint,max=20", "netstring,max=20",
};

enum { CODECS = sizeof(codecs) / sizeof(codecs[0]) };

static const char payload[12] = "\x7fsecret\r-\x80\xffz";

/* The payload as it goes over the wire. */
static size_t
encoded(const char *codec, uint8_t wire[64])
{
    tn_codec c;
    OK(tn_codec_parse(&c, codec));
    return (size_t)OK(tn_codec_encode(&c, wire, 64, payload, 12));
}

STREAM_TEST(byte_by_byte)
{
    uint8_t wire[64];
    for (int i = 0; i < CODECS; i++) {
        size_t n = encoded(codecs[i], wire);
        frame(e, codecs[i]);
        tn_settimeout(e->near, 0);
        for (size_t k = 0; k + 1 < n; k++) {
            far_sends(e, wire + k, 1);
            fails(e, -EAGAIN);
        }
        tn_settimeout(e->near, 10 * TN_SEC);
        far_sends(e, wire + n - 1, 1);
        reads(e, payload, 12);
    }
}

STREAM_TEST(split_at_every_position)
{
    uint8_t wire[64];
    for (int i = 0; i < CODECS; i++) {
        size_t n = encoded(codecs[i], wire);
        frame(e, codecs[i]);
        for (size_t k = 1; k < n; k++) {
            far_sends(e, wire, k);
            tn_settimeout(e->near, 0);
            fails(e, -EAGAIN);
            tn_settimeout(e->near, 10 * TN_SEC);
            far_sends(e, wire + k, n - k);
            reads(e, payload, 12);
        }
    }
}

STREAM_TEST(two_hundred_glued)
{
    static uint8_t many[200 * 64];
    uint8_t wire[64];
    for (int i = 0; i < CODECS; i++) {
        size_t n = encoded(codecs[i], wire);
        for (size_t k = 0; k < 200; k++) {
            memcpy(many + k * n, wire, n);
        }
        frame(e, codecs[i]);
        far_sends(e, many, 200 * n);
        for (int k = 0; k < 200; k++) {
            reads(e, payload, 12);
        }
    }
}

STREAM_TEST(messages_in_the_buffer_are_not_copied)
{
    tn_view one, two;
    if (strcmp(tn_backend_name(), "sim") == 0) {
        return; /* it may deliver them one by one */
    }
    frame(e, "u8,max=20");
    far_sends(e, "\3abc\2de", 7);
    EQ(tn_framer_read(e->f, &one), 1);
    EQ(tn_framer_read(e->f, &two), 1);
    CHECK(two.data == one.data + 4);
    two.data[0] = 'D';
    MEMEQ(two.data, "De", 2);
}

/* ---- how it ends ---- */

STREAM_TEST(an_end_between_messages_is_clean)
{
    frame(e, "u8,max=20");
    far_sends(e, "\3abc\0", 5);
    OK(tn_shutdown(e->far, SHUT_WR));
    reads(e, "abc", 3);
    reads(e, "", 0);
    fails(e, 0);
    fails(e, 0);
}

STREAM_TEST(an_end_within_a_message_is_not)
{
    tn_view rest;
    frame(e, "u8,max=20");
    far_sends(e, "\3abc\3de", 7);
    OK(tn_shutdown(e->far, SHUT_WR));
    reads(e, "abc", 3);
    fails(e, TN_ETRUNCATED);
    fails(e, TN_ETRUNCATED);
    tn_framer_rest(e->f, &rest);
    EQ(rest.len, 3);
    MEMEQ(rest.data, "\3de", 3);
}

STREAM_TEST(too_big_is_known_from_the_header)
{
    frame(e, "u32be,max=1M");
    far_sends(e, "\0\0\0\1x\xff\xff\xff\xff", 9);
    reads(e, "x", 1);
    fails(e, TN_ETOOBIG);
    fails(e, TN_ETOOBIG);
    EQ(tn_framer_write(e->f, "bye", 3), 0);
}

STREAM_TEST(a_line_without_end_is_too_big)
{
    static uint8_t line[5000];
    memset(line, 'x', sizeof(line));
    frame(e, "crlf,max=4998");
    far_sends(e, line, 4998);
    far_sends(e, "\r\n", 2);
    reads(e, line, 4998);
    far_sends(e, line, 5000);
    fails(e, TN_ETOOBIG);
}

STREAM_TEST(what_is_no_message_is_told)
{
    frame(e, "netstring");
    far_sends(e, "1:a,1:ab", 8);
    reads(e, "a", 1);
    fails(e, -EBADMSG);
    fails(e, -EBADMSG);
}

STREAM_TEST(a_reset_never_becomes_a_clean_end)
{
    if (e->family == AF_UNIX) {
        return;
    }
    frame(e, "u8");
    far_sends(e, "\3ab", 3);
    tn_settimeout(e->near, 0);
    fails(e, -EAGAIN);
    tn_settimeout(e->near, 10 * TN_SEC);
    tn_abort(e->far);
    e->far = NULL;
    fails(e, -ECONNRESET);
    fails(e, -ECONNRESET);
}

/* ---- time ---- */

STREAM_TEST(out_of_time_loses_nothing)
{
    frame(e, "u8");
    tn_settimeout(e->near, 10 * TN_MS);
    fails(e, -ETIME);
    far_sends(e, "\3a", 2);
    fails(e, -ETIME);
    fails(e, -ETIME);
    EQ(tn_gettimeout(e->near), 10 * TN_MS);
    far_sends(e, "bc", 2);
    tn_settimeout(e->near, 10 * TN_SEC);
    reads(e, "abc", 3);
}

STREAM_TEST(a_message_may_have_a_time_of_its_own)
{
    int64_t before = tn_now();
    frame(e, "u8");
    tn_framer_set_message_time(e->f, 30 * TN_MS);
    far_sends(e, "\3a", 2);
    fails(e, -ETIME);
    GE(tn_now() - before, 30 * TN_MS);
    LE(tn_now() - before, 5 * TN_SEC);
    EQ(tn_gettimeout(e->near), 10 * TN_SEC);
    tn_settimeout(e->near, TN_FOREVER);
    fails(e, -ETIME);
    EQ(tn_gettimeout(e->near), TN_FOREVER);
    tn_settimeout(e->near, 10 * TN_MS);
    tn_framer_set_message_time(e->f, TN_FOREVER);
    fails(e, -ETIME);
    far_sends(e, "bc", 2);
    reads(e, "abc", 3);
}

/* Send a byte every 20 ms until nobody wants them any more. */
static void
drip(struct ends *e)
{
    tn_settimeout(e->far, TN_FOREVER);
    for (int i = 0; i < 500; i++) {
        if (tn_send(e->far, i == 0 ? "\xff" : "x", 1, 0) < 0) {
            return;
        }
        tn_sleep(20 * TN_MS);
    }
}

static int
drip_task(void *arg)
{
    drip(arg);
    return 0;
}

static void
drip_thread(void *arg)
{
    drip(arg);
}

/* Run `near` here while `far` runs in a task or thread beside it. */
static void
beside(struct ends *e, tn_task_fn *far_task, void (*far_thread)(void *arg),
       void (*near)(struct ends *e))
{
    if (strcmp(tn_backend_name(), "thread") != 0) {
        tn_group g;
        tn_group_init(&g, 0);
        OK(tn_go(&g, far_task, e));
        near(e);
        tn_group_cancel(&g);
        tn_group_wait(&g);
        return;
    }
    struct test_thread *thread = test_thread_start(far_thread, e);
    near(e);
    tn_shutdown(e->near, SHUT_RDWR);
    test_thread_join(thread);
}

/* The time-out is 100 ms, and no wait is longer than 20: only the time of the
   whole can end it. */
static void
is_dripped_upon(struct ends *e)
{
    int64_t before = tn_now();
    fails(e, -ETIME);
    LE(tn_now() - before, 5 * TN_SEC);
}

STREAM_TEST(bytes_now_and_then_do_not_hold_a_slot)
{
    frame(e, "u8");
    tn_settimeout(e->near, 100 * TN_MS);
    beside(e, drip_task, drip_thread, is_dripped_upon);
}

STREAM_TEST(a_deadline_around_it_loses_nothing)
{
    tn_scope scope;
    if (strcmp(tn_backend_name(), "thread") == 0) {
        return;
    }
    frame(e, "u8");
    far_sends(e, "\3ab", 3);
    tn_deadline(&scope, 10 * TN_MS);
    fails(e, -ETIME);
    fails(e, -ETIME);
    CHECK(tn_scope_end(&scope));
    far_sends(e, "c", 1);
    reads(e, "abc", 3);
}

/* ---- size and memory ---- */

enum { BIG = 1 << 20 };

static char big[BIG];

static void
far_sends_big(struct ends *e)
{
    static const uint8_t header[4] = {0, BIG >> 16, 0, 0};
    for (int i = 0; i < 3; i++) {
        if (tn_sendall(e->far, header, 4, NULL) < 0 ||
            tn_sendall(e->far, big, BIG, NULL) < 0) {
            return;
        }
    }
}

static int
big_task(void *arg)
{
    far_sends_big(arg);
    return 0;
}

static void
big_thread(void *arg)
{
    far_sends_big(arg);
}

static void
reads_big(struct ends *e)
{
    for (int i = 0; i < 3; i++) {
        reads(e, big, BIG);
    }
}

STREAM_TEST(large_messages_come_whole)
{
    for (size_t i = 0; i < BIG; i++) {
        big[i] = (char)(i * 7 + i / 251);
    }
    frame(e, "u32be,max=1M");
    beside(e, big_task, big_thread, reads_big);
}

/* Bytes that the program has on the heap; 0 where ASan counts instead. */
static size_t
heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

STREAM_TEST(memory_follows_what_came_not_what_was_claimed)
{
    static const char some[20000];
    frame(e, "u32be,max=1G");
    size_t before = heap();
    far_sends(e, "\x3f\xff\xff\xff", 4);
    far_sends(e, some, sizeof(some));
    tn_settimeout(e->near, 20 * TN_MS);
    fails(e, -ETIME);
    LE(heap() - before, 100000);
}

STREAM_TEST(an_idle_framer_is_small)
{
    static const char some[20000];
    /* It takes a second of silence, which only the simulator has for free. */
    if (strcmp(tn_backend_name(), "sim") != 0 || heap() == 0) {
        return;
    }
    frame(e, "u32be,max=1M");
    far_sends(e, "\0\0\x4e\x20", 4);
    far_sends(e, some, sizeof(some));
    reads(e, some, sizeof(some));
    size_t busy = heap();
    tn_settimeout(e->near, 1100 * TN_MS);
    fails(e, -ETIME);
    GE(busy - heap(), sizeof(some));
}

STREAM_TEST(messages_of_all_sizes_in_a_row)
{
    static char text[3000];
    static uint8_t wire[3004];
    tn_codec c;
    OK(tn_codec_length(&c, 4, TN_BIG, 3000));
    OK(tn_framer_new(&e->f, e->near, &c));
    memset(text, 'm', sizeof(text));
    for (size_t len = 0; len <= 3000; len += 1 + len / 3) {
        ssize_t n = OK(tn_codec_encode(&c, wire, 3004, text, len));
        far_sends(e, wire, (size_t)n);
        far_sends(e, wire, (size_t)n);
        reads(e, text, len);
        reads(e, text, len);
    }
}

/* ---- writing ---- */

STREAM_TEST(what_is_written_can_be_read)
{
    for (int i = 0; i < CODECS; i++) {
        uint8_t wire[64], got[64];
        size_t n = encoded(codecs[i], wire);
        frame(e, codecs[i]);
        EQ(tn_framer_write(e->f, payload, 12), 0);
        EQ(tn_recvall(e->far, got, n, NULL), n);
        MEMEQ(got, wire, n);
    }
}

STREAM_TEST(a_message_that_cannot_be_written_is_not_begun)
{
    char got[8];
    frame(e, "line,max=5");
    ERR(tn_framer_write(e->f, "123456", 6), TN_ETOOBIG);
    ERR(tn_framer_write(e->f, "1\n2", 3), -EINVAL);
    EQ(tn_framer_write(e->f, "", 0), 0);
    EQ(tn_framer_write(e->f, "12345", 5), 0);
    EQ(tn_recvall(e->far, got, 7, NULL), 7);
    MEMEQ(got, "\n12345\n", 7);
}

STREAM_TEST(a_peer_that_never_reads_ends_the_writing)
{
    frame(e, "u32be,max=1M");
    tn_settimeout(e->near, 50 * TN_MS);
    int r = 0;
    for (int i = 0; i < 100 && r == 0; i++) {
        r = tn_framer_write(e->f, big, BIG);
    }
    EQ(r, -ETIME);
    ERR(tn_framer_write(e->f, "x", 1), TN_EBROKEN);
}

/* ---- making one ---- */

TEST(a_framer_wants_a_stream_and_a_codec)
{
    tn_sock *pair[2];
    tn_framer *f;
    tn_codec c = {.kind = TN_CODEC_NONE};
    OK(tn_socketpair(pair, AF_UNIX, SOCK_DGRAM, 0));
    ERR(tn_framer_new(&f, pair[0], &c), -EINVAL);
    CHECK(f == NULL);
    OK(tn_codec_varint(&c, 10));
    ERR(tn_framer_new(&f, pair[0], &c), -EINVAL);
    tn_framer_free(NULL);
    tn_close(pair[0]);
    tn_close(pair[1]);
}

/* What was searched once is not searched again: a delimiter put there behind
   our back is not found. */
TEST(a_slow_line_costs_no_second_look)
{
    uint8_t buf[] = "abcdefgh\n";
    tn_codec c;
    tn_view msg;
    size_t used, seen = 0;
    OK(tn_codec_parse(&c, "line"));
    EQ(tn__codec_cut(&c, buf, 5, &seen, &msg, &used), 0);
    EQ(seen, 5);
    buf[2] = '\n';
    EQ(tn__codec_cut(&c, buf, 9, &seen, &msg, &used), 1);
    EQ(msg.len, 8);
}
