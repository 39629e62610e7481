/*
 * test_tls.c - the verbs of a socket, through TLS.
 */
#include <tenon/file.h>
#include <tenon/frame.h>

#include "tls_kit.h"

#include <fcntl.h>

/* ---- one after the other ---- */

static int
greet(void *arg)
{
    struct tls_kit k;
    tn_tls_info a, b;
    char buf[64];

    (void)arg;
    tls_up(&k);
    EQ(tn_sendall(k.s[0], "hello", 5, NULL), 5);
    EQ(tn_recv(k.s[1], buf, sizeof(buf), 0), 5);
    MEMEQ(buf, "hello", 5);
    EQ(tn_send(k.s[1], "you", 3, 0), 3);
    EQ(tn_recvall(k.s[0], buf, 3, NULL), 3);
    MEMEQ(buf, "you", 3);
    OK(tn_tls_info_of(k.s[0], &a));
    OK(tn_tls_info_of(k.s[1], &b));
    STREQ(a.version, "TLSv1.3");
    STREQ(a.cipher, b.cipher);
    STREQ(a.name, "localhost");
    STREQ(b.name, "localhost");
    CHECK(a.has_peer && !b.has_peer && !a.resumed);
    CHECK(tn_tls_is_on(k.s[0]));
    OK(tn_shutdown(k.s[0], SHUT_WR));
    EQ(tn_recv(k.s[1], buf, sizeof(buf), 0), 0);
    EQ(tn_recv(k.s[1], buf, sizeof(buf), 0), 0);
    EQ(tn_send(k.s[1], "late", 4, 0), 4);
    EQ(tn_recv(k.s[0], buf, sizeof(buf), 0), 4);
    ERR(tn_send(k.s[0], "x", 1, 0), -EPIPE);
    tls_close(&k);
    return 0;
}

TEST_EACH(bytes_go_both_ways, backends)
{
    OK(run_on(p, greet, NULL));
}

/* ---- large, in both directions at once ---- */

enum { BULK = 3 << 20, PIECE = 70000 };

struct side {
    tn_sock *s;
    size_t bulk;
    uint8_t from, to; /* where the patterns begin */
};

static uint8_t
pattern(uint8_t start, size_t i)
{
    return (uint8_t)(start + i * 7 + i / 251);
}

static int
send_bulk(void *arg)
{
    const struct side *x = arg;
    uint8_t *buf = malloc(PIECE);
    size_t sent = 0;

    while (sent < x->bulk) {
        size_t n = x->bulk - sent < PIECE ? x->bulk - sent : PIECE;

        for (size_t i = 0; i < n; i++) {
            buf[i] = pattern(x->from, sent + i);
        }
        EQ(tn_sendall(x->s, buf, n, NULL), n);
        sent += n;
    }
    free(buf);
    return tn_shutdown(x->s, SHUT_WR);
}

static int
recv_bulk(void *arg)
{
    const struct side *x = arg;
    uint8_t *buf = malloc(PIECE);
    size_t got = 0;
    ssize_t n;

    while ((n = OK(tn_recv(x->s, buf, PIECE, 0))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] != pattern(x->to, got + (size_t)i)) {
                FAIL("byte %zu is wrong", got + (size_t)i);
            }
        }
        got += (size_t)n;
    }
    EQ(got, x->bulk);
    free(buf);
    return 0;
}

static int
both_ways(void *arg)
{
    struct tls_kit k;
    struct side a = {.bulk = BULK, .from = 1, .to = 101};
    struct side b = {.bulk = BULK, .from = 101, .to = 1};
    tn_group g;

    (void)arg;
    tls_open(&k);
    if (in_sim()) {
        a.bulk = b.bulk = BULK / 16;
    }
    a.s = k.s[0];
    b.s = k.s[1];
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_bulk, &a));
    OK(tn_go(&g, recv_bulk, &a));
    OK(tn_go(&g, send_bulk, &b));
    OK(tn_go(&g, recv_bulk, &b));
    OK(tn_group_wait(&g));
    tls_close(&k);
    return 0;
}

TEST_EACH_TIMEOUT(two_tasks_use_each_end_at_once, backends, 30)
{
    OK(run_on(p, both_ways, NULL));
}

static void
send_in_thread(void *arg)
{
    OK(send_bulk(arg));
}

static void
recv_in_thread(void *arg)
{
    OK(recv_bulk(arg));
}

TEST_TIMEOUT(two_threads_use_each_end_at_once, 30)
{
    struct tls_kit k;
    struct side a = {.bulk = BULK, .from = 1, .to = 101};
    struct side b = {.bulk = BULK, .from = 101, .to = 1};
    struct test_thread *t[4];

    tls_open(&k);
    a.s = k.s[0];
    b.s = k.s[1];
    t[0] = test_thread_start(send_in_thread, &a);
    t[1] = test_thread_start(recv_in_thread, &a);
    t[2] = test_thread_start(send_in_thread, &b);
    t[3] = test_thread_start(recv_in_thread, &b);
    for (int i = 0; i < 4; i++) {
        test_thread_join(t[i]);
    }
    tls_close(&k);
}

/* ---- the other verbs ---- */

static int
vectors(void *arg)
{
    struct tls_kit k;
    char head[4], tail[8], buf[16];
    struct iovec out[] = {{"head", 4}, {NULL, 0}, {"and tail", 8}};
    struct iovec in[] = {{head, 4}, {tail, 8}};
    tn_msg msg = {.iov = in, .iov_count = 2};
    tn_addr from;
    size_t full, unread;

    (void)arg;
    tls_up(&k);
    EQ(tn_sendvall(k.s[0], out, 3, NULL), 12);
    EQ(tn_recvmsg(k.s[1], &msg, 0), 12);
    MEMEQ(head, "head", 4);
    MEMEQ(tail, "and tail", 8);
    EQ(msg.addr.len, 0);
    EQ(msg.full, 12);
    EQ(tn_sendvall(k.s[0], out, 3, NULL), 12);
    EQ(tn_recv(k.s[1], buf, sizeof(buf), MSG_PEEK), 12); /* it is one record */
    OK(tn_pending(k.s[1], &unread, NULL));
    EQ(unread, 12);
    EQ(tn_recvfrom(k.s[1], buf, 5, 0, &from, &full), 5);
    MEMEQ(buf, "heada", 5);
    OK(tn_pending(k.s[1], &unread, NULL));
    EQ(unread, 7);
    EQ(tn_recv(k.s[1], buf, 7, MSG_WAITALL), 7);
    OK(tn_pending(k.s[1], &unread, NULL));
    EQ(unread, 0);
    ERR(tn_recv(k.s[1], buf, 7, MSG_DONTWAIT), -EAGAIN);
    ERR(tn_recv(k.s[1], buf, 7, MSG_OOB), -EOPNOTSUPP);
    ERR(tn_send(k.s[1], buf, 7, MSG_OOB), -EOPNOTSUPP);
    EQ(tn_recv(k.s[1], buf, 0, 0), 0);
    EQ(tn_send(k.s[1], buf, 0, 0), 0);
    EQ(tn_sendall(k.s[1], buf, 0, NULL), 0);
    ERR(tn_detach(k.s[1]), -EOPNOTSUPP);
    tls_close(&k);
    return 0;
}

TEST_EACH(vectors_and_flags, backends)
{
    OK(run_on(p, vectors, NULL));
}

static int
files(void *arg)
{
    struct tls_kit k;
    tn_file *in, *out;
    tn_framer *framer;
    tn_codec codec;
    tn_view view;
    char line[32];

    (void)arg;
    tls_up(&k);
    OK(tn_makefile(&out, k.s[0], TN_WRITE));
    OK(tn_makefile(&in, k.s[1], TN_READ));
    EQ(tn_file_write(out, "one\ntwo\n", 8), 8);
    OK(tn_file_close(out));
    EQ(tn_file_readline(in, line, sizeof(line)), 4);
    STREQ(line, "one\n");
    EQ(tn_file_readline(in, line, sizeof(line)), 4);
    STREQ(line, "two\n");
    OK(tn_file_close(in));
    OK(tn_codec_length(&codec, 4, TN_BIG, 100));
    OK(tn_framer_new(&framer, k.s[0], &codec));
    OK(tn_sendall(k.s[1], "\0\0\0\3abc\0\0\0\1d", 12, NULL));
    EQ(tn_framer_read(framer, &view), 1);
    EQ(view.len, 3);
    EQ(tn_framer_read(framer, &view), 1);
    EQ(view.len, 1);
    OK(tn_shutdown(k.s[1], SHUT_WR));
    EQ(tn_framer_read(framer, &view), 0);
    tn_framer_free(framer);
    tls_close(&k);
    return 0;
}

TEST_EACH(files_and_framers, backends)
{
    OK(run_on(p, files, NULL));
}

enum { FILE_SIZE = 300001, FILE_FROM = 77 };

struct sender {
    tn_sock *s;
    int fd;
    size_t sent;
};

static int
send_whole_file(void *arg)
{
    struct sender *x = arg;

    EQ(tn_sendfile(x->s, x->fd, FILE_FROM, 0, &x->sent), FILE_SIZE - FILE_FROM);
    EQ(tn_sendfile(x->s, x->fd, 0, 10, NULL), 10);
    EQ(tn_sendfile(x->s, x->fd, FILE_SIZE, 0, NULL), 0);
    return tn_shutdown(x->s, SHUT_WR);
}

static int
send_file(void *arg)
{
    struct tls_kit k;
    struct sender x;
    tn_group g;
    uint8_t *data = malloc(FILE_SIZE), *got = malloc(FILE_SIZE);
    char path[200];

    (void)arg;
    for (size_t i = 0; i < FILE_SIZE; i++) {
        data[i] = pattern(3, i);
    }
    (void)snprintf(path, sizeof(path), "%s/file", test_dir());
    x.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    EQ(write(x.fd, data, FILE_SIZE), FILE_SIZE);
    tls_up(&k);
    x.s = k.s[0];
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_whole_file, &x));
    EQ(tn_recvall(k.s[1], got, FILE_SIZE - FILE_FROM, NULL),
       FILE_SIZE - FILE_FROM);
    MEMEQ(got, data + FILE_FROM, FILE_SIZE - FILE_FROM);
    EQ(tn_recvall(k.s[1], got, 10, NULL), 10);
    MEMEQ(got, data, 10);
    EQ(tn_recv(k.s[1], got, 1, 0), 0);
    OK(tn_group_wait(&g));
    EQ(x.sent, FILE_SIZE - FILE_FROM);
    EQ(close(x.fd), 0);
    free(data);
    free(got);
    tls_close(&k);
    return 0;
}

TEST_EACH(a_file_is_sent, backends)
{
    OK(run_on(p, send_file, NULL));
}

/* ---- a second reader, and an abort ---- */

static int
second_reader(void *arg)
{
    struct tls_kit k;
    struct waiter w;
    tn_group g;
    char byte;

    (void)arg;
    tls_up(&k);
    w.s = k.s[0];
    tn_group_init(&g, 0);
    OK(tn_go(&g, wait_for_byte, &w));
    OK(tn_checkpoint());
    ERR(tn_recv(k.s[0], &byte, 1, 0), -EBUSY);
    OK(tn_send(k.s[1], "x", 1, 0));
    OK(tn_group_wait(&g));
    EQ(w.result, 1);
    tn_abort(k.s[0]);
    k.s[0] = NULL;
    LE(tn_recv(k.s[1], &byte, 1, 0), -1);
    tls_close(&k);
    return 0;
}

TEST_EACH(a_second_reader_is_refused, backends)
{
    OK(run_on(p, second_reader, NULL));
}

/* ---- connections that the kernel passes on at once: Unix ---- */

static int
over_unix(void *arg)
{
    struct tls_kit k;
    tn_group g;
    char byte;

    (void)arg;
    tls_configs(&k.client, &k.server);
    OK(tn_socketpair(k.s, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_tls_start(k.s[0], k.client, "localhost"));
    OK(tn_tls_start(k.s[1], k.server, NULL));
    tn_group_init(&g, 0);
    OK(tn_go(&g, tls_shake, k.s[0]));
    OK(tn_go(&g, tls_shake, k.s[1]));
    OK(tn_group_wait(&g));
    OK(tn_sendall(k.s[0], "u", 1, NULL));
    EQ(tn_recv(k.s[1], &byte, 1, 0), 1);
    tls_close(&k);
    return 0;
}

TEST_EACH(any_stream_will_do, backends)
{
    OK(run_on(p, over_unix, NULL));
}

/* ---- the smallest stack ---- */

TEST(the_smallest_stack_is_enough)
{
    tn_opts opts = {.stack_size = 32 << 10};

    OK(tn_run(&opts, greet, NULL));
}
