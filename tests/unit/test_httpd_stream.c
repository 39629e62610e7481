/*
 * test_httpd_stream.c - large bodies both ways, and files.
 */
#include <tenon/msg.h>

#include "httpd_kit.h"

#include <fcntl.h>

enum {
    BLOCK = 64 << 10,
    BLOCKS = 1600, /* 100 MiB */
    FILE_SIZE = 300000,
};

/* The byte at `at` of every long body. */
static char
byte_at(size_t at)
{
    return (char)('a' + at % 251 % 26);
}

static void
fill_block(char *block, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        block[i] = byte_at(at + i);
    }
}

static void
check_block(const char *block, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        EQ(block[i], byte_at(at + i));
    }
}

struct state {
    int file;
    int64_t got;
};

/* ---- handlers ---- */

static int
take_all(tn_exchange *x, void *arg)
{
    static char buf[BLOCK];
    struct state *st = arg;
    char text[32];
    ssize_t n;

    st->got = 0;
    while ((n = tn_httpd_read(x, buf, sizeof(buf))) > 0) {
        if (st->got % 1000 == 0) { /* a sample: to look at all takes long */
            check_block(buf, (size_t)st->got, 1);
        }
        st->got += n;
    }
    if (n < 0) {
        return (int)n;
    }
    n = snprintf(text, sizeof(text), "%lld\n", (long long)st->got);
    return tn_httpd_reply(x, 200, NULL, text, (size_t)n);
}

/* With a length if there is a query. */
static int
give_all(tn_exchange *x, void *arg)
{
    static char buf[BLOCK];
    int r = 0;

    (void)arg;
    if (tn_httpd_request(x)->query.len > 0) {
        OK(tn_httpd_length(x, (int64_t)BLOCK * BLOCKS));
    }
    for (size_t i = 0; r == 0 && i < BLOCKS; i++) {
        fill_block(buf, i * BLOCK, i % 100 ? 16 : BLOCK);
        r = tn_httpd_write(x, buf, BLOCK);
    }
    return r;
}

/* "offset-length-what": c in chunks, l with a length. */
static int
give_file(tn_exchange *x, void *arg)
{
    struct state *st = arg;
    long offset, n;
    char what;

    if (sscanf(tn_httpd_request(x)->query.at, "%ld-%ld-%c", &offset, &n,
               &what) != 3) {
        return -EINVAL;
    }
    if (what == 'l') {
        OK(tn_httpd_length(x, n + 2));
    }
    OK(tn_httpd_write(x, "<", 1));
    {
        int r = tn_httpd_sendfile(x, st->file, offset, n);

        return r < 0 ? r : tn_httpd_write(x, ">", 1);
    }
}

static int
read_all(tn_exchange *x, void *arg)
{
    char *all;
    ssize_t n = tn_httpd_read_all(x, &all, 10);
    int r;

    (void)arg;
    if (n < 0) {
        CHECK(all == NULL);
        return (int)n;
    }
    EQ(all[n], '\0');
    r = tn_httpd_reply(x, 200, NULL, all, (size_t)n);
    free(all);
    return r;
}

static const tn_httpd_route routes[] = {
    {"GET", "/", say_hello},    {"PUT", "/take", take_all},
    {"GET", "/give", give_all}, {"GET", "/file", give_file},
    {"POST", "/all", read_all}, {"POST", "/echo", say_echo},
    {NULL, NULL, NULL},
};

/* ---- 100 MiB ---- */

static int
upload(void *arg)
{
    static char block[BLOCK];
    const struct test_param *p = arg;
    struct state st = {0};
    struct site s = {.routes = routes, .arg = &st, .opts = {.max_body = -1}};
    bool chunked = p->value[0] != 0;
    char text[128];
    int64_t before;
    tn_sock *c;

    open_site(&s);
    c = visit(&s);
    snprintf(text, sizeof(text),
             "PUT /take HTTP/1.1\r\nHost: a\r\n%s%d\r\n\r\n",
             chunked ? "Transfer-Encoding: chunked\r\nA: " : "Content-Length: ",
             BLOCK * BLOCKS);
    say(c, text);
    before = resident();
    for (size_t i = 0; i < BLOCKS; i++) {
        fill_block(block, i * BLOCK, BLOCK);
        if (chunked) {
            say(c, "10000\r\n");
        }
        EQ(tn_sendall(c, block, BLOCK, NULL), BLOCK);
        if (chunked) {
            say(c, "\r\n");
        }
    }
    if (chunked) {
        say(c, "0\r\n\r\n");
    }
    hear_until(c, "\r\n\r\n104857600\n", text, sizeof(text));
    LE(resident() - before, (4 << 20) * (int64_t)test_scale());
    tn_close(c);
    close_site(&s);
    return 0;
}

static const struct test_param ways[] = {
    {.name = "length", .value = {0}},
    {.name = "chunked", .value = {1}},
};

TEST_EACH_TIMEOUT(a_long_upload_takes_little_memory, ways, 30)
{
    unsetenv("TN_BACKEND");
    OK(tn_run(NULL, upload, (void *)(uintptr_t)p));
}

static int
download(void *arg)
{
    static char block[BLOCK];
    const struct test_param *p = arg;
    struct state st = {0};
    struct site s = {.routes = routes, .arg = &st};
    bool chunked = p->value[0] != 0;
    char text[256];
    int64_t before, got = 0;
    tn_sock *c;

    open_site(&s);
    c = visit(&s);
    say(c, chunked ? "GET /give HTTP/1.1\r\nHost: a\r\n\r\n"
                   : "GET /give?1 HTTP/1.1\r\nHost: a\r\n\r\n");
    hear_until(c, "\r\n\r\n", text, sizeof(text));
    before = resident();
    while (got < (int64_t)BLOCK * BLOCKS) {
        if (chunked) {
            hear_until(c, "10000\r\n", text, sizeof(text));
        }
        EQ(tn_recvall(c, block, BLOCK, NULL), BLOCK);
        check_block(block, (size_t)got, 16);
        got += BLOCK;
        if (chunked) {
            hear_until(c, "\r\n", text, sizeof(text));
        }
    }
    if (chunked) {
        hear_until(c, "0\r\n\r\n", text, sizeof(text));
    }
    LE(resident() - before, (4 << 20) * (int64_t)test_scale());
    tn_close(c);
    close_site(&s);
    return 0;
}

TEST_EACH_TIMEOUT(a_long_download_takes_little_memory, ways, 30)
{
    unsetenv("TN_BACKEND");
    OK(tn_run(NULL, download, (void *)(uintptr_t)p));
}

/* ---- files ---- */

static int
make_file(void)
{
    static char block[FILE_SIZE];
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/file", test_dir());
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    fill_block(block, 0, FILE_SIZE);
    EQ(write(fd, block, FILE_SIZE), FILE_SIZE);
    return fd;
}

static void
get_part(const struct site *s, size_t offset, size_t n, char what)
{
    static char got[FILE_SIZE + 1000];
    char text[128];
    const char *body;
    size_t len;
    tn_sock *c = visit(s);

    /* 1.0: chunks are looked at elsewhere, here it is the bytes. */
    snprintf(text, sizeof(text), "GET /file?%zu-%zu-%c HTTP/1.0\r\n\r\n",
             offset, n, what);
    say(c, text);
    len = hear_all(c, got, sizeof(got));
    body = strstr(got, "\r\n\r\n") + 4;
    EQ(got + len - body, n + 2);
    EQ(body[0], '<');
    EQ(body[n + 1], '>');
    check_block(body + 1, offset, n);
    tn_close(c);
}

static int
get_files(void *arg)
{
    static const size_t parts[][2] = {
        {0, 1},         {0, 100},         {7, 8191},
        {7, 8192},      {1, 16383},       {1, 16384},
        {0, FILE_SIZE}, {200000, 100000}, {FILE_SIZE - 1, 1},
    };
    struct state st = {.file = make_file()};
    struct site s = {.routes = routes, .arg = &st};
    char text[256];
    tn_sock *c;

    (void)arg;
    open_site(&s);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        get_part(&s, parts[i][0], parts[i][1], 'l');
        get_part(&s, parts[i][0], parts[i][1], 'c');
    }
    /* Shorter than was promised: in the buffer it is a failure like others,
       later a reset. */
    c = visit(&s);
    say(c, "GET /file?299000-5000-l HTTP/1.1\r\nHost: a\r\n\r\n");
    hear_until(c, "500 Internal Server Error\n", text, sizeof(text));
    say(c, "GET /file?200000-500000-l HTTP/1.1\r\nHost: a\r\n\r\n");
    for (ssize_t n = 1; n > 0;) {
        n = tn_recv(c, text, sizeof(text), 0);
        if (n <= 0) {
            EQ(n, -ECONNRESET);
        }
    }
    tn_close(c);
    close_site(&s);
    close(st.file);
    return 0;
}

TEST_EACH(parts_of_files_are_sent, kernels)
{
    OK(run_on(p, get_files, NULL));
}

/* ---- small bodies as a whole ---- */

static int
post_all(void *arg)
{
    struct state st = {0};
    struct site s = {.routes = routes, .arg = &st};
    char got[512];

    (void)arg;
    open_site(&s);
    ask(&s,
        "POST /all HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"
        "POST /all HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "a\r\n0123456789\r\n0\r\n\r\n"
        "POST /all HTTP/1.1\r\nHost: a\r\n\r\n",
        got, sizeof(got));
    STREQ(got, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
               "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
               "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ask(&s,
        "POST /all HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
        "0123456789x",
        got, sizeof(got));
    MEMEQ(got, "HTTP/1.1 413 ", 13);
    ask(&s,
        "POST /all HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "b\r\n0123456789x\r\n0\r\n\r\n",
        got, sizeof(got));
    MEMEQ(got, "HTTP/1.1 413 ", 13);
    close_site(&s);
    return 0;
}

TEST_EACH(a_small_body_is_read_as_a_whole, backends)
{
    OK(run_on(p, post_all, NULL));
}

/* ---- too much ---- */

/* A head without end is refused at its limit; whoever sends it is told. */
static int
endless_head(void *arg)
{
    static char block[BLOCK];
    struct state st = {0};
    struct site s = {.routes = routes, .arg = &st};
    size_t sent = 0;
    char text[64];
    tn_sock *c;

    (void)arg;
    memset(block, 'x', sizeof(block));
    open_site(&s);
    c = visit(&s);
    say(c, "GET / HTTP/1.1\r\nHost: a\r\nA: ");
    while (sent < (1u << 30)) {
        ssize_t n = tn_send(c, block, sizeof(block), MSG_DONTWAIT);

        if (n < 0) {
            break;
        }
        sent += (size_t)n;
        OK(tn_checkpoint());
    }
    LE(sent, 64 << 20); /* buffers of the kernel, and what lingering drops */
    hear_until(c, "HTTP/1.1 431 ", text, sizeof(text));
    tn_close(c);
    close_site(&s);
    return 0;
}

TEST_EACH(a_head_without_end_is_refused, kernels)
{
    OK(run_on(p, endless_head, NULL));
}

/* A terabyte is announced, and memory for it is not taken. */
static int
announced(void *arg)
{
    struct state st = {0};
    struct site s = {.routes = routes, .arg = &st};
    char text[512];
    int64_t before;
    tn_sock *c;

    (void)arg;
    open_site(&s);
    c = visit(&s);
    say(c, "PUT /take HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n"
           "\r\n");
    hear_until(c, "HTTP/1.1 413 ", text, sizeof(text));
    tn_close(c);
    close_site(&s);
    s.opts.max_body = -1;
    open_site(&s);
    before = resident();
    c = visit(&s);
    say(c, "PUT /take HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n"
           "\r\nabcd");
    while (st.got < 4) {
        OK(tn_sleep(1 * TN_MS));
    }
    LE(resident() - before, (1 << 20) * (int64_t)test_scale());
    tn_close(c);
    close_site(&s);
    return 0;
}

TEST_EACH(a_terabyte_is_only_announced, kernels)
{
    OK(run_on(p, announced, NULL));
}
