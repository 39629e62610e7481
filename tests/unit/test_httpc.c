/*
 * test_httpc.c - one request and its answer, and all the ways in which an
 * answer can be wrong.
 */
#include "httpc_server.h"

/* ---- what comes back ---- */

struct good {
    const char *name, *answer;
    int status;
    const char *body;
    bool reusable;
};

static const struct good goods[] = {
    {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200,
     "hello", true},
    {"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true},
    {"no_content", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
    {"not_modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
     304, "", true},
    {"chunks",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
     200, "hello", true},
    {"chunk_extension",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5;a=b\r\nhello\r\n0\r\n\r\n",
     200, "hello", true},
    {"trailers",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "10\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\nX-More: two\r\n\r\n",
     200, "0123456789abcdef", true},
    {"closing",
     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", 200,
     "hi", false},
    {"interim",
     "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
     "Link: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
     200, "hi", true},
    {"an_error", "HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\noh!", 500, "oh!",
     true},
    {"old", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", false},
};

struct one_good {
    const struct good *good;
    bool bytes;
    size_t piece;
};

static int
fetch_good(void *arg)
{
    const struct one_good *one = arg;
    const struct good *good = one->good;
    const struct step steps[] = {{.answer = good->answer, .bytes = one->bytes},
                                 {.answer = good->answer}};
    struct server *s = server_start(steps, 2);
    tn_httpc_request req = {.url = s->url};
    tn_httpc_timing timing;
    char body[256];
    tn_httpc *c;
    tn_fetch *f;

    OK(tn_httpc_new(&c, NULL));
    for (int i = 0; i < 2; i++) {
        OK(tn_httpc_open(&f, c, &req));
        EQ(tn_httpc_response(f)->status, good->status);
        EQ(read_body(f, body, sizeof(body), one->piece), strlen(good->body));
        STREQ(body, good->body);
        EQ(tn_httpc_read(f, body, sizeof(body)), 0);
        CHECK(tn_httpc_sock(f) == NULL);
        tn_httpc_timing_of(f, &timing);
        EQ(timing.reused, i == 1 && good->reusable);
        EQ(timing.connected >= 0, !timing.reused);
        EQ(timing.resolved >= 0, !timing.reused);
        LE(timing.resolved, timing.connected);
        GE(timing.sent, timing.connected);
        GE(timing.head, timing.sent);
        GE(timing.total, timing.head);
        STREQ(tn_httpc_url(f), s->url);
        tn_httpc_close(f);
    }
    EQ(s->connections, good->reusable ? 1 : 2);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(answers_are_read, backends)
{
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        struct one_good one = {&goods[i], false, 200};

        OK(run_on(p, fetch_good, &one));
        one.bytes = true;
        OK(run_on(p, fetch_good, &one));
        one.piece = 1;
        OK(run_on(p, fetch_good, &one));
    }
}

static int
fetch_until_close(void *arg)
{
    const struct step steps[] = {
        {.answer = "HTTP/1.1 200 OK\r\n\r\nuntil the end", .then = CLOSE},
        {.answer = "HTTP/1.1 200 OK\r\n\r\nuntil the", .then = RESET},
    };
    struct server *s = server_start(steps, 2);
    tn_httpc_request req = {.url = s->url};
    char body[256];
    tn_httpc *c;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    EQ(fetch_body(c, &req, body, sizeof(body), NULL), 13);
    STREQ(body, "until the end");
    ERR(fetch_body(c, &req, body, sizeof(body), NULL), -ECONNRESET);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(a_body_may_end_with_the_connection_not_with_a_reset, backends)
{
    OK(run_on(p, fetch_until_close, NULL));
}

static int
fetch_head(void *arg)
{
    const struct step steps[] = {
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"},
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"}};
    struct server *s = server_start(steps, 2);
    tn_httpc_request head = {.url = s->url, .method = "HEAD"};
    tn_httpc_request get = {.url = s->url};
    char body[256];
    tn_httpc *c;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    EQ(fetch_body(c, &head, body, sizeof(body), NULL), 0);
    EQ(fetch_body(c, &get, body, sizeof(body), NULL), 2);
    EQ(s->connections, 1);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(the_answer_to_head_has_no_body, backends)
{
    OK(run_on(p, fetch_head, NULL));
}

static int
fetch_trailers(void *arg)
{
    const struct step step = {.answer = goods[6].answer};
    struct server *s = server_start(&step, 1);
    tn_httpc_request req = {.url = s->url};
    const tn_http_field *fields;
    char body[256];
    tn_httpc *c;
    tn_fetch *f;
    int count;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    OK(tn_httpc_open(&f, c, &req));
    CHECK(tn_httpc_trailers(f, &count) == NULL);
    EQ(read_body(f, body, sizeof(body), 7), 16);
    fields = tn_httpc_trailers(f, &count);
    EQ(count, 2);
    MEMEQ(tn_http_value(fields, count, "x-more").at, "two", 3);
    tn_httpc_close(f);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(trailers_can_be_asked_for, backends)
{
    OK(run_on(p, fetch_trailers, NULL));
}

/* ---- what may not pass for an answer ---- */

struct broken {
    const char *name, *answer;
    int err;
};

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

static const struct broken brokens[] = {
    {"nothing", "", TN_ETRUNCATED},
    {"half_a_head", "HTTP/1.1 200 OK\r\nConte", TN_ETRUNCATED},
    {"no_empty_line", "HTTP/1.1 200 OK\r\nA: b\r\n", TN_ETRUNCATED},
    {"short_body", OK_HEAD "Content-Length: 5\r\n\r\nhell", TN_ETRUNCATED},
    {"no_body", OK_HEAD "Content-Length: 5\r\n\r\n", TN_ETRUNCATED},
    {"no_chunks", CHUNKED, TN_ETRUNCATED},
    {"half_a_chunk", CHUNKED "5\r\nhel", TN_ETRUNCATED},
    {"half_a_size", CHUNKED "5", TN_ETRUNCATED},
    {"no_last_chunk", CHUNKED "5\r\nhello\r\n", TN_ETRUNCATED},
    {"no_end_of_trailers", CHUNKED "5\r\nhello\r\n0\r\n", TN_ETRUNCATED},
    {"half_a_trailer", CHUNKED "5\r\nhello\r\n0\r\nA: b\r\n", TN_ETRUNCATED},
    {"bad_size", CHUNKED "zz\r\nhello\r\n0\r\n\r\n", TN_EHTTP},
    {"minus_size", CHUNKED "-5\r\nhello\r\n0\r\n\r\n", TN_EHTTP},
    {"0x_size", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", TN_EHTTP},
    {"huge_size", CHUNKED "fffffffffffffffff\r\nhello\r\n0\r\n\r\n", TN_EHTTP},
    {"chunk_too_long", CHUNKED "3\r\nhello\r\n0\r\n\r\n", TN_EHTTP},
    {"bare_lf_in_chunks", CHUNKED "5\nhello\n0\n\n", TN_EHTTP},
    {"length_in_trailer",
     CHUNKED "5\r\nhello\r\n0\r\nContent-Length: 1\r\n\r\n", TN_EHTTP},
    {"both",
     OK_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5\r\nhello\r\n0\r\n\r\n",
     TN_EHTTP},
    {"two_lengths",
     OK_HEAD "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello", TN_EHTTP},
    {"length_list", OK_HEAD "Content-Length: 5, 6\r\n\r\nhello", TN_EHTTP},
    {"minus_length", OK_HEAD "Content-Length: -5\r\n\r\nhello", TN_EHTTP},
    {"plus_length", OK_HEAD "Content-Length: +5\r\n\r\nhello", TN_EHTTP},
    {"length_of_letters", OK_HEAD "Content-Length: five\r\n\r\nhello",
     TN_EHTTP},
    {"huge_length", OK_HEAD "Content-Length: 99999999999999999999\r\n\r\nhello",
     TN_EHTTP},
    {"unknown_coding", OK_HEAD "Transfer-Encoding: rot13\r\n\r\nuryyb",
     TN_EHTTP},
    {"status_line_of_another", "SSH-2.0-OpenSSH_9.2\r\n\r\n", TN_EHTTP},
    {"http_2", "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", TN_EHTTP},
    {"http_3_1", "HTTP/3.1 200 OK\r\nContent-Length: 0\r\n\r\n", TN_EHTTP},
    {"status_of_two", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", TN_EHTTP},
    {"status_of_four", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
     TN_EHTTP},
    {"status_99", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", TN_EHTTP},
    {"status_of_letters", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
     TN_EHTTP},
    {"no_status", "HTTP/1.1\r\nContent-Length: 0\r\n\r\n", TN_EHTTP},
    {"html", "<html><body>hello</body></html>\r\n\r\n", TN_EHTTP},
    {"space_before_colon", OK_HEAD "Content-Length : 0\r\n\r\n", TN_EHTTP},
    {"folded", OK_HEAD "A: b\r\n c\r\nContent-Length: 0\r\n\r\n", TN_EHTTP},
    {"no_colon", OK_HEAD "Content-Length 0\r\n\r\n", TN_EHTTP},
    {"bare_cr", OK_HEAD "A: b\rC: d\r\nContent-Length: 0\r\n\r\n", TN_EHTTP},
    {"protocol_changed",
     "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
     "Upgrade: x\r\n\r\n",
     TN_EHTTP},
};

static int
fetch_broken(void *arg)
{
    const struct broken *b = arg;
    const struct step steps[] = {
        {.answer = b->answer, .then = CLOSE},
        {.answer = b->answer, .then = CLOSE, .bytes = true}};
    struct server *s = server_start(steps, 2);
    tn_httpc_request req = {.url = s->url};
    char body[256];
    tn_httpc *c;

    OK(tn_httpc_new(&c, NULL));
    for (int i = 0; i < 2; i++) {
        ERR(fetch_body(c, &req, body, sizeof(body), NULL), b->err);
    }
    EQ(s->connections, 2);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH_TIMEOUT(broken_answers_are_errors, backends, 30)
{
    for (size_t i = 0; i < sizeof(brokens) / sizeof(brokens[0]); i++) {
        struct broken b = brokens[i];

        printf("%s\n", b.name);
        OK(run_on(p, fetch_broken, &b));
    }
}

/* A NUL does not end what a string function would. */
static int
fetch_nul(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nA: b\0c\r\n"
                                 "Content-Length: 0\r\n\r\n";
    const struct step step = {.answer = answer, .len = sizeof(answer) - 1};
    struct server *s = server_start(&step, 1);
    tn_httpc_request req = {.url = s->url};
    char body[16];
    tn_httpc *c;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    ERR(fetch_body(c, &req, body, sizeof(body), NULL), TN_EHTTP);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(a_nul_in_a_head_is_an_error, backends)
{
    OK(run_on(p, fetch_nul, NULL));
}

/* Cut anywhere, an answer is never taken for a whole one. */
static int
fetch_cut(void *arg)
{
    const struct good *good = arg;
    size_t n = strlen(good->answer);
    char body[256];
    tn_httpc *c;

    OK(tn_httpc_new(&c, NULL));
    for (size_t i = 1; i < n; i++) {
        const struct step step = {
            .answer = good->answer, .len = i, .then = CLOSE};
        struct server *s = server_start(&step, 1);
        tn_httpc_request req = {.url = s->url};

        ERR(fetch_body(c, &req, body, sizeof(body), NULL), TN_ETRUNCATED);
        server_stop(s);
    }
    tn_httpc_free(c);
    return 0;
}

TEST_EACH(an_answer_cut_anywhere_is_truncated, backends)
{
    struct good chunks = goods[6], length = goods[0];

    OK(run_on(p, fetch_cut, &chunks));
    OK(run_on(p, fetch_cut, &length));
}

/* ---- limits ---- */

struct endless {
    const char *start, *more;
    tn_httpc_opts opts;
    int err;
};

static int
stream_for_ever(void *arg)
{
    struct server *s = arg;
    const struct endless *e = (const void *)s->steps;
    char buf[1024];
    tn_sock *sock;
    ssize_t r;

    OK(tn_accept(s->listener, &sock, NULL));
    r = tn_recv(sock, buf, sizeof(buf), 0);
    if (r > 0) {
        r = tn_sendall(sock, e->start, strlen(e->start), NULL);
    }
    while (r >= 0) {
        r = tn_sendall(sock, e->more, strlen(e->more), NULL);
    }
    tn_close(sock);
    return 0;
}

static int
fetch_endless(void *arg)
{
    const struct endless *e = arg;
    struct server *s = calloc(1, sizeof(*s));
    tn_httpc_request req = {.url = s->url};
    char body[256];
    tn_httpc *c;

    s->steps = (const void *)e;
    s->addr = loopback(AF_INET, 0);
    OK(tn_create_server(&s->listener, &s->addr, NULL));
    OK(tn_getsockname(s->listener, &s->addr));
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/",
             tn_addr_port(&s->addr));
    tn_group_init(&s->group, TN_KEEP_GOING);
    OK(tn_go(&s->group, stream_for_ever, s));
    OK(tn_httpc_new(&c, &e->opts));
    ERR(fetch_body(c, &req, body, sizeof(body), NULL), e->err);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(heads_have_an_end, kernels)
{
    struct endless cases[] = {
        {"HTTP/1.1 200 OK\r\nA: ",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaa",
         {0},
         TN_EHTTP},
        {"HTTP/1.1 200 OK\r\n",
         "A: bbbbbbbbbbbbbbbbbbbbbbb\r\n",
         {0},
         TN_EHTTP},
        {"", "HTTP/1.1 100 Continue\r\n\r\n", {0}, TN_EHTTP},
        {"", "aaaaaaaaaaaaaaaaaaa", {0}, TN_EHTTP},
        {CHUNKED "0\r\n", "A: bbbbbbbbbbbbbbbbbbbbbbb\r\n", {0}, TN_EHTTP},
        {CHUNKED "5", ";aaaaaaaaaaaaaaaaaaaaaaaaaaa", {0}, TN_EHTTP},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        printf("case %zu\n", i);
        OK(run_on(p, fetch_endless, &cases[i]));
    }
}

/* ---- time ---- */

struct late {
    const char *answer;
    tn_httpc_opts opts;
};

static int
fetch_late(void *arg)
{
    const struct late *late = arg;
    const struct step step = {.answer = late->answer, .then = SILENT};
    struct server *s = server_start(&step, 1);
    tn_httpc_request req = {.url = s->url};
    char body[256];
    tn_httpc *c;

    OK(tn_httpc_new(&c, &late->opts));
    ERR(fetch_body(c, &req, body, sizeof(body), NULL), -ETIME);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(each_phase_has_its_limit, backends)
{
    struct late cases[] = {
        {NULL, {.head_time = 20 * TN_MS}},
        {"HTTP/1.1 200 OK\r\nContent", {.head_time = 20 * TN_MS}},
        {"HTTP/1.1 100 Continue\r\n\r\n", {.head_time = 20 * TN_MS}},
        {OK_HEAD "Content-Length: 9\r\n\r\nhell", {.idle_time = 20 * TN_MS}},
        {CHUNKED "5\r\nhel", {.idle_time = 20 * TN_MS}},
        {CHUNKED "5\r\nhello\r\n0\r\n", {.idle_time = 20 * TN_MS}},
        {OK_HEAD "\r\nhello", {.idle_time = 20 * TN_MS}},
        {NULL, {.total_time = 20 * TN_MS}},
        {OK_HEAD "Content-Length: 9\r\n\r\nhell", {.total_time = 20 * TN_MS}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        printf("case %zu\n", i);
        OK(run_on(p, fetch_late, &cases[i]));
    }
}

/* ---- what goes out ---- */

static int
send_fields(void *arg)
{
    const struct step step = {.answer = goods[1].answer};
    struct server *s = server_start(&step, 1);
    tn_http_field fields[] = {
        {{"Accept", 6}, {NULL, 0}},
        {{"user-agent", 10}, {"me", 2}},
        {{"X-One", 5}, {"1", 1}},
    };
    tn_httpc_request req = {.url = s->url, .fields = fields, .field_count = 3};
    char url[128], body[16];
    tn_httpc *c;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    snprintf(url, sizeof(url), "http://us%%65r:p%%3Aw@127.0.0.1:%d?a=b#part",
             tn_addr_port(&s->addr));
    req.url = url;
    EQ(fetch_body(c, &req, body, sizeof(body), NULL), 0);
    CHECK(strncmp(s->asked[0], "GET /?a=b HTTP/1.1\r\nHost: 127.0.0.1:", 36) ==
          0);
    CHECK(strstr(s->asked[0], "\r\nuser-agent: me\r\n") != NULL);
    CHECK(strstr(s->asked[0], "User-Agent") == NULL);
    CHECK(strstr(s->asked[0], "Accept") == NULL);
    CHECK(strstr(s->asked[0], "\r\nX-One: 1\r\n") != NULL);
    CHECK(strstr(s->asked[0], "\r\nAuthorization: Basic dXNlcjpwOnc=\r\n") !=
          NULL);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(the_usual_fields_can_be_changed, backends)
{
    OK(run_on(p, send_fields, NULL));
}
