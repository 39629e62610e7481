/*
 * test_httpc_send.c - what goes out: heads and bodies, and nothing by the way.
 */
#include "httpc_server.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define GONE  "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!"

#define TURN(where)                                                            \
    "HTTP/1.1 302 X\r\nLocation: " where "\r\nContent-Length: 0\r\n\r\n"

static bool
asked_for(const struct server *s, int i, const char *line)
{
    return strstr(s->asked[i], line) != NULL;
}

/* ---- bodies ---- */

struct feed {
    const char *text;
    size_t at, n, piece;
    int rewound, fail;
};

static ssize_t
feed_read(void *arg, void *buf, size_t cap)
{
    struct feed *feed = arg;
    size_t n = feed->n - feed->at;

    n = n < feed->piece ? n : feed->piece;
    n = n < cap ? n : cap;
    if (n == 0 && feed->fail) {
        return feed->fail;
    }
    memcpy(buf, feed->text + feed->at, n);
    feed->at += n;
    return (ssize_t)n;
}

static int
feed_rewind(void *arg)
{
    struct feed *feed = arg;

    feed->at = 0;
    feed->rewound++;
    return 0;
}

static int
send_bodies(void *arg)
{
    const struct step steps[] = {{.answer = HELLO},
                                 {.answer = HELLO},
                                 {.answer = TURN("/x")},
                                 {.answer = HELLO},
                                 {.answer = "HTTP/1.1 307 X\r\nLocation: /y\r\n"
                                            "Content-Length: 0\r\n\r\n"},
                                 {.answer = HELLO},
                                 {.answer = "HTTP/1.1 307 X\r\nLocation: /y\r\n"
                                            "Content-Length: 0\r\n\r\n"},
                                 /* never all of them there */
                                 {.answer = NULL},
                                 {.answer = NULL}};
    struct server *s = server_start(steps, 9);
    struct feed feed = {"0123456789", 0, 10, 4, 0, 0};
    tn_httpc_request req = {.url = s->url,
                            .source = feed_read,
                            .source_arg = &feed,
                            .rewind = feed_rewind,
                            .length = -1};
    char text[64];
    tn_httpc *c;
    int status;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    CHECK(asked_for(s, 0, "POST / HTTP/1.1\r\n"));
    CHECK(asked_for(s, 0, "Transfer-Encoding: chunked\r\n"));
    CHECK(asked_for(s, 0,
                    "\r\n\r\n4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n"));
    feed.at = 0;
    req.length = 10;
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    CHECK(asked_for(s, 1, "Content-Length: 10\r\n"));
    CHECK(asked_for(s, 1, "\r\n\r\n0123456789"));
    feed.at = 0;
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    CHECK(asked_for(s, 3, "GET /x"));
    EQ(feed.rewound, 0);
    feed.at = 0;
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    CHECK(asked_for(s, 5, "POST /y"));
    CHECK(asked_for(s, 5, "\r\n\r\n0123456789"));
    EQ(feed.rewound, 1);
    feed.at = 0;
    req.rewind = NULL;
    EQ(fetch_body(c, &req, text, sizeof(text), &status), 0);
    EQ(status, 307);
    EQ(s->connections, 1);
    /* A source that breaks off, or gives less than it promised. */
    feed.at = 0;
    feed.fail = -EIO;
    req.length = 11;
    ERR(fetch_body(c, &req, text, sizeof(text), NULL), -EIO);
    feed.at = feed.fail = 0;
    ERR(fetch_body(c, &req, text, sizeof(text), NULL), TN_ETRUNCATED);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(a_source_is_streamed, backends)
{
    OK(run_on(p, send_bodies, NULL));
}

/* The server has had enough, and takes no more. */
static int
answer_early(void *arg)
{
    enum then then = *(enum then *)arg;
    const struct step step = {.answer = GONE, .early = true, .then = then};
    struct server *s = server_start(&step, 1);
    size_t n = 32u << 20;
    char *body = calloc(1, n);
    char text[64];
    tn_httpc_request req = {.url = s->url, .body = body, .length = (int64_t)n};
    tn_httpc *c;
    int status;

    OK(tn_httpc_new(&c, NULL));
    EQ(fetch_body(c, &req, text, sizeof(text), &status), 3);
    EQ(status, 413);
    STREQ(text, "no!");
    tn_httpc_free(c);
    server_stop(s);
    free(body);
    return 0;
}

TEST_EACH(an_answer_before_the_bodys_end_is_read, kernels)
{
    enum then then = SILENT;

    OK(run_on(p, answer_early, &then));
    then = CLOSE;
    OK(run_on(p, answer_early, &then));
}

static int
ask_before(void *arg)
{
    static const char data[] = "data";
    const struct step steps[] = {
        {.answer = "HTTP/1.1 100 Continue\r\n\r\n", .early = true},
        {.answer = GONE, .early = true},
        {.answer = "HTTP/1.1 417 X\r\nContent-Length: 0\r\n\r\n",
         .early = true},
        {.answer = HELLO},
        {.answer = HELLO}, /* it knows nothing of 100: answers the whole */
    };
    struct server *s = server_start(steps, 5);
    tn_httpc_request req = {
        .url = s->url, .body = data, .length = 4, .expect = true};
    char text[64];
    tn_httpc *c;
    int status;

    (void)arg;
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.head_time = 50 * TN_MS}));
    /* The first goes on, and then gets no answer: what comes next at the
       server is its body, which is no head. */
    s->at = 1;
    EQ(fetch_body(c, &req, text, sizeof(text), &status), 3);
    EQ(status, 413);
    CHECK(asked_for(s, 1, "Expect: 100-continue\r\n"));
    EQ(fetch_body(c, &req, text, sizeof(text), &status), 5);
    CHECK(!asked_for(s, 3, "Expect"));
    CHECK(asked_for(s, 3, "\r\n\r\ndata"));
    EQ(fetch_body(c, &req, text, sizeof(text), &status), 5);
    CHECK(asked_for(s, 4, "\r\n\r\ndata"));
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(a_client_can_ask_before_it_sends, backends)
{
    OK(run_on(p, ask_before, NULL));
}

struct polite {
    tn_sock *listener;
    char body[16];
};

static int
let_go_on(void *arg)
{
    struct polite *polite = arg;
    char buf[1024];
    size_t n = 0;
    tn_sock *sock;
    ssize_t r;

    OK(tn_accept(polite->listener, &sock, NULL));
    do {
        r = tn_recv(sock, buf + n, sizeof(buf) - 1 - n, 0);
        GE(r, 1);
        n += (size_t)r;
        buf[n] = '\0';
    } while (!strstr(buf, "\r\n\r\n"));
    CHECK(strstr(buf, "\r\n\r\n")[4] == '\0'); /* it waits */
    EQ(tn_sendall(sock, "HTTP/1.1 100 Go\r\n\r\n", 19, NULL), 19);
    EQ(tn_recvall(sock, polite->body, 4, NULL), 4);
    EQ(tn_sendall(sock, HELLO, strlen(HELLO), NULL), (ssize_t)strlen(HELLO));
    tn_close(sock);
    return 0;
}

static int
ask_and_send(void *arg)
{
    struct polite polite = {0};
    tn_addr a = loopback(AF_INET, 0);
    char url[64], text[64];
    tn_httpc_request req = {
        .url = url, .body = "data", .length = 4, .expect = true};
    tn_group g;
    tn_httpc *c;

    (void)arg;
    OK(tn_create_server(&polite.listener, &a, NULL));
    OK(tn_getsockname(polite.listener, &a));
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", tn_addr_port(&a));
    tn_group_init(&g, 0);
    OK(tn_go(&g, let_go_on, &polite));
    OK(tn_httpc_new(&c, NULL));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    MEMEQ(polite.body, "data", 4);
    OK(tn_group_wait(&g));
    tn_httpc_free(c);
    tn_close(polite.listener);
    return 0;
}

TEST_EACH(the_body_follows_100, backends)
{
    OK(run_on(p, ask_and_send, NULL));
}

/* ---- another protocol ---- */

static int
change_protocol(void *arg)
{
    const struct step step = {
        .answer = "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: ping\r\n"
                  "\r\nping"};
    struct server *s = server_start(&step, 1);
    tn_http_field fields[] = {{{"Connection", 10}, {"Upgrade", 7}},
                              {{"Upgrade", 7}, {"ping", 4}}};
    tn_httpc_request req = {
        .url = s->url, .fields = fields, .field_count = 2, .upgrade = true};
    tn_sock *sock;
    tn_httpc *c;
    tn_fetch *f;
    tn_str early;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    OK(tn_httpc_open(&f, c, &req));
    EQ(tn_httpc_response(f)->status, 101);
    OK(tn_httpc_take(f, &sock, &early));
    EQ(early.len, 4);
    MEMEQ(early.at, "ping", 4);
    EQ(tn_gettimeout(sock), TN_FOREVER);
    tn_httpc_close(f);
    tn_close(sock);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(an_upgraded_connection_is_taken, backends)
{
    OK(run_on(p, change_protocol, NULL));
}

/* Nothing that a caller passes on from a stranger makes another line. */
TEST(urls_are_checked)
{
    static const char *const urls[] = {
        "http://h/a b",
        "http://h/\r\nX: y",
        "http://h\r\n/",
        "http://h/\x01",
        "ftp://h/",
        "http:///",
        "http://h:0/",
        "http://h:65536/",
        "http://h:x/",
        "h",
        "",
        "http://h_\"/",
        "http://u\r\n:p@h/",
        "http://h/%zz",
        "http://[::1/",
        "http://a%00b/",
        "http://user%0@h/",
        "file:///etc/passwd",
        "http://h<script>/",
        "http://u%3Av:p@h/",
    };
    tn_httpc *c;
    tn_fetch *f;

    OK(tn_httpc_new(&c, NULL));
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        printf("%s\n", urls[i]);
        ERR(tn_httpc_open(&f, c, &(tn_httpc_request){.url = urls[i]}), -EINVAL);
    }
    tn_httpc_free(c);
}

TEST(nothing_gets_into_the_head_by_the_way)
{
    static const tn_http_field fields[] = {
        {{"A B", 3}, {"x", 1}},
        {{"", 0}, {"x", 1}},
        {{"A:", 2}, {"x", 1}},
        {{"A\r\nB", 4}, {"x", 1}},
        {{"A", 1}, {"x\r\nB: y", 7}},
        {{"A", 1}, {"x\ny", 3}},
        {{"A", 1}, {"x\0y", 3}},
        {{"Content-Length", 14}, {"1", 1}},
        {{"transfer-encoding", 17}, {"chunked", 7}},
        {{"Expect", 6}, {"100-continue", 12}},
    };
    static const char *const methods[] = {"", "GET /", "GE\r\nT", "CONNECT"};
    tn_httpc *c;
    tn_fetch *f;

    OK(tn_httpc_new(&c, NULL));
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        ERR(tn_httpc_open(&f, c,
                          &(tn_httpc_request){.url = "http://127.0.0.1:1/",
                                              .fields = &fields[i],
                                              .field_count = 1}),
            -EINVAL);
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        ERR(tn_httpc_open(&f, c,
                          &(tn_httpc_request){.url = "http://127.0.0.1:1/",
                                              .method = methods[i]}),
            -EINVAL);
    }
    tn_httpc_free(c);
    ERR(tn_httpc_new(&c, &(tn_httpc_opts){.agent = "a\r\nb"}), -EINVAL);
    ERR(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = "ftp://h:1"}), -EINVAL);
    ERR(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = "http://"}), -EINVAL);
    CHECK(c == NULL);
}
