/*
 * test_httpc_hop.c - redirects, the pool, bodies on their way out, proxies.
 */
#include "httpc_server.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define GONE  "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!"

static bool
asked_for(const struct server *s, int i, const char *line)
{
    return strstr(s->asked[i], line) != NULL;
}

/* ---- redirects ---- */

struct turn {
    const char *status, *method, *next;
    bool keep_method, has_body;
};

static const struct turn turns[] = {
    {"301", "GET", "GET", false, false},
    {"302", "GET", "GET", false, false},
    {"303", "GET", "GET", false, false},
    {"307", "GET", "GET", false, false},
    {"308", "GET", "GET", false, false},
    {"301", "HEAD", "HEAD", false, false},
    {"303", "HEAD", "HEAD", false, false},
    {"301", "POST", "GET", false, false},
    {"302", "POST", "GET", false, false},
    {"303", "POST", "GET", false, false},
    {"307", "POST", "POST", false, true},
    {"308", "POST", "POST", false, true},
    {"301", "POST", "POST", true, true},
    {"301", "PUT", "PUT", false, true},
    {"303", "PUT", "GET", false, false},
    {"302", "DELETE", "DELETE", false, false},
};

static int
redirect_once(void *arg)
{
    const struct turn *turn = arg;
    tn_http_field type = {{"Content-Type", 12}, {"text/plain", 10}};
    bool body = turn->has_body || strcmp(turn->method, "POST") == 0 ||
                strcmp(turn->method, "PUT") == 0;
    bool head = strcmp(turn->method, "HEAD") == 0;
    char answer[128], text[64], first[64];
    struct step steps[] = {
        {.answer = answer},
        {.answer =
             head ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" : HELLO}};
    struct server *s = server_start(steps, 2);
    tn_httpc_request req = {.url = s->url,
                            .method = turn->method,
                            .fields = &type,
                            .field_count = 1,
                            .body = body ? "data" : NULL,
                            .length = body ? 4 : 0,
                            .keep_method = turn->keep_method};
    tn_httpc *c;
    tn_fetch *f;

    snprintf(answer, sizeof(answer),
             "HTTP/1.1 %s X\r\nLocation: /a/../b?c#d\r\nContent-Length: %s",
             turn->status, head ? "9\r\n\r\n" : "3\r\n\r\nold");
    OK(tn_httpc_new(&c, NULL));
    OK(tn_httpc_open(&f, c, &req));
    EQ(tn_httpc_response(f)->status, 200);
    EQ(read_body(f, text, sizeof(text), 99), head ? 0 : 5);
    snprintf(first, sizeof(first), "%s /b?c HTTP/1.1\r\n", turn->next);
    CHECK(strncmp(s->asked[1], first, strlen(first)) == 0);
    EQ(asked_for(s, 1, "data"), turn->has_body);
    EQ(asked_for(s, 1, "Content-Type"), turn->has_body || !body);
    EQ(s->connections, 1);
    tn_httpc_close(f);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(a_redirect_keeps_or_changes_the_method, backends)
{
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        struct turn turn = turns[i];

        printf("%s %s\n", turn.status, turn.method);
        OK(run_on(p, redirect_once, &turn));
    }
}

/* Another port is another origin. */
static int
redirect_away(void *arg)
{
    bool trust = *(bool *)arg;
    const struct step last = {.answer = HELLO};
    struct server *other = server_start(&last, 1);
    char answer[160], url[96], text[64];
    struct step first = {.answer = answer};
    struct server *s = server_start(&first, 1);
    tn_http_field fields[] = {{{"Cookie", 6}, {"a=b", 3}},
                              {{"Host", 4}, {"example.org", 11}},
                              {{"X-Mine", 6}, {"1", 1}}};
    tn_httpc_request req = {.url = url,
                            .fields = fields,
                            .field_count = 3,
                            .trust_redirects = trust};
    tn_httpc *c;

    snprintf(url, sizeof(url), "http://u:p@127.0.0.1:%d/",
             tn_addr_port(&s->addr));
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 302 X\r\nLocation: http://x:y@127.0.0.1:%d/\r\n"
             "Content-Length: 0\r\n\r\n",
             tn_addr_port(&other->addr));
    OK(tn_httpc_new(&c, NULL));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    CHECK(asked_for(s, 0, "Authorization: Basic dTpw\r\n"));
    CHECK(asked_for(s, 0, "Host: example.org\r\n"));
    EQ(asked_for(other, 0, "Authorization: Basic dTpw\r\n"), trust);
    EQ(asked_for(other, 0, "Authorization"), trust);
    EQ(asked_for(other, 0, "Cookie"), trust);
    EQ(asked_for(other, 0, "Host: 127.0.0.1:"), !trust);
    CHECK(asked_for(other, 0, "X-Mine: 1\r\n"));
    tn_httpc_free(c);
    server_stop(s);
    server_stop(other);
    return 0;
}

TEST_EACH(secrets_stay_with_their_origin, backends)
{
    bool trust = false;

    OK(run_on(p, redirect_away, &trust));
    trust = true;
    OK(run_on(p, redirect_away, &trust));
}

#define TURN(where)                                                            \
    "HTTP/1.1 302 X\r\nLocation: " where "\r\nContent-Length: 0\r\n\r\n"

static int
redirect_badly(void *arg)
{
    const struct step steps[] = {
        {.answer = TURN("http://[::1")},
        {.answer = TURN("ftp://127.0.0.1/")},
        {.answer = TURN("http://u@/")},
        {.answer = TURN("//")},
        {.answer = "HTTP/1.1 302 X\r\nLocation: /a\r\nLocation: /b\r\n"
                   "Content-Length: 0\r\n\r\n"},
        {.answer = "HTTP/1.1 302 X\r\nContent-Length: 5\r\n\r\nhello"},
        {.answer = "HTTP/1.1 300 X\r\nLocation: /a\r\nContent-Length: 5\r\n"
                   "\r\nhello"},
    };
    int count = (int)(sizeof(steps) / sizeof(steps[0]));
    struct server *s = server_start(steps, count);
    tn_httpc_request req = {.url = s->url};
    char text[64];
    tn_httpc *c;
    int status;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    for (int i = 0; i < 5; i++) {
        ERR(fetch_body(c, &req, text, sizeof(text), NULL), TN_EHTTP);
    }
    EQ(fetch_body(c, &req, text, sizeof(text), &status), 5);
    EQ(status, 302);
    EQ(fetch_body(c, &req, text, sizeof(text), &status), 5);
    EQ(status, 300);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(a_broken_redirect_is_an_error, backends)
{
    OK(run_on(p, redirect_badly, NULL));
}

static int
redirect_in_circles(void *arg)
{
    struct step steps[8];
    struct server *s;
    tn_httpc_request req = {0};
    char text[64];
    tn_httpc *c;
    int status;

    (void)arg;
    for (int i = 0; i < 8; i++) {
        steps[i] = (struct step){.answer = TURN("/")};
    }
    s = server_start(steps, 8);
    req.url = s->url;
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.max_redirects = 3}));
    ERR(fetch_body(c, &req, text, sizeof(text), NULL), TN_EREDIRECT);
    EQ(s->at, 4);
    tn_httpc_free(c);
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.max_redirects = -1}));
    EQ(fetch_body(c, &req, text, sizeof(text), &status), 0);
    EQ(status, 302);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(redirects_have_a_limit, backends)
{
    OK(run_on(p, redirect_in_circles, NULL));
}

/* ---- the pool ---- */

static int
reuse_stale(void *arg)
{
    const struct step steps[] = {
        {.answer = HELLO, .then = CLOSE},        /* closed while idle */
        {.answer = HELLO "HTTP/1.1 200 OK\r\n"}, /* junk behind */
        {.answer = HELLO},                       /* fine */
        {.answer = NULL, .then = CLOSE},         /* lost in use: again */
        {.answer = HELLO},
        {.answer = NULL, .then = RESET},
        {.answer = HELLO},
        {.answer = NULL, .then = CLOSE}, /* a POST is not */
    };
    static const int connections[] = {1, 2, 3, 4, 5};
    struct server *s = server_start(steps, 8);
    tn_httpc_request req = {.url = s->url};
    tn_httpc_request post = {.url = s->url, .method = "POST"};
    char text[64];
    tn_httpc *c;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    for (int i = 0; i < 5; i++) {
        EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
        EQ(s->connections, connections[i]);
        /* Let the end arrive, or not: both have to do. */
        OK(tn_sleep(2 * TN_MS));
    }
    EQ(s->at, 7);
    ERR(fetch_body(c, &post, text, sizeof(text), NULL), TN_ETRUNCATED);
    EQ(s->at, 8);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(a_lost_connection_is_replaced_once, backends)
{
    OK(run_on(p, reuse_stale, NULL));
}

static int
reuse_many(void *arg)
{
    struct step steps[MOST_REQUESTS];
    struct server *s;
    tn_httpc_request req = {0};
    char text[64];
    tn_fetch *f[5];
    tn_httpc *c;

    (void)arg;
    for (int i = 0; i < MOST_REQUESTS; i++) {
        steps[i] = (struct step){.answer = HELLO};
    }
    s = server_start(steps, MOST_REQUESTS);
    req.url = s->url;
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.pool_size = 2}));
    for (int i = 0; i < 5; i++) {
        OK(tn_httpc_open(&f[i], c, &req));
    }
    EQ(s->connections, 5);
    for (int i = 0; i < 5; i++) {
        EQ(read_body(f[i], text, sizeof(text), 99), 5);
        tn_httpc_close(f[i]);
    }
    for (int i = 0; i < 3; i++) {
        OK(tn_httpc_open(&f[i], c, &req));
    }
    EQ(s->connections, 6);
    tn_httpc_close(f[0]); /* not read to its end: not kept */
    tn_httpc_close(f[1]);
    tn_httpc_close(f[2]);
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    EQ(s->connections, 7);
    tn_httpc_free(c);
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.pool_size = -1}));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    EQ(s->connections, 9);
    tn_httpc_free(c);
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.pool_time = 1}));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    OK(tn_sleep(1 * TN_MS));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    EQ(s->connections, 11);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(the_pool_is_bounded, backends)
{
    OK(run_on(p, reuse_many, NULL));
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

/* ---- proxies ---- */

static int
by_http_proxy(void *arg)
{
    const struct step steps[] = {
        {.answer = HELLO},
        {.answer = HELLO},
        {.answer = "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n"},
        {.answer = "HTTP/1.1 200 OK\r\n\r\njunk"},
        {.answer = "what?\r\n\r\n"},
        {.answer = NULL, .then = CLOSE},
    };
    struct server *s = server_start(steps, 6);
    tn_httpc_request req = {.url = "http://one.example/a"};
    char proxy[96], text[64];
    tn_httpc *c;

    (void)arg;
    snprintf(proxy, sizeof(proxy), "http://u:p@127.0.0.1:%d",
             tn_addr_port(&s->addr));
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = proxy}));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    req.url = "http://two.example:81";
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    EQ(s->connections, 1);
    CHECK(asked_for(s, 0,
                    "GET http://one.example/a HTTP/1.1\r\n"
                    "Host: one.example\r\n"
                    "Proxy-Authorization: Basic dTpw\r\n"));
    CHECK(asked_for(s, 1,
                    "GET http://two.example:81/ HTTP/1.1\r\n"
                    "Host: two.example:81\r\n"));
    req.url = "https://one.example/";
    for (int i = 0; i < 4; i++) {
        ERR(fetch_body(c, &req, text, sizeof(text), NULL), TN_EPROXY);
        printf("%s\n", tn_why());
    }
    CHECK(asked_for(s, 2,
                    "CONNECT one.example:443 HTTP/1.1\r\n"
                    "Host: one.example:443\r\n"
                    "Proxy-Authorization: Basic dTpw\r\n"));
    CHECK(!asked_for(s, 2, "Accept"));
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(an_http_proxy_is_asked, backends)
{
    OK(run_on(p, by_http_proxy, NULL));
}

struct socks {
    tn_sock *listener;
    const char *reply; /* to CONNECT, 10 bytes; NULL: done */
    bool secret;
    uint8_t want[64];
    size_t want_len;
};

static int
socks_serve(void *arg)
{
    struct socks *socks = arg;
    uint8_t buf[512];
    tn_sock *sock;

    OK(tn_accept(socks->listener, &sock, NULL));
    EQ(tn_recvall(sock, buf, socks->secret ? 4 : 3, NULL),
       socks->secret ? 4 : 3);
    EQ(buf[0], 5);
    EQ(buf[1], socks->secret ? 2 : 1);
    EQ(tn_sendall(sock, socks->secret ? "\5\2" : "\5\0", 2, NULL), 2);
    if (socks->secret) {
        EQ(tn_recvall(sock, buf, 7, NULL), 7);
        MEMEQ(buf, "\1\2me\2pw", 7);
        EQ(tn_sendall(sock, "\1\0", 2, NULL), 2);
    }
    EQ(tn_recvall(sock, buf, socks->want_len, NULL), (ssize_t)socks->want_len);
    MEMEQ(buf, socks->want, socks->want_len);
    EQ(tn_sendall(sock, socks->reply, 10, NULL), 10);
    if (socks->reply[1] == 0) {
        EQ(tn_recvall(sock, buf, 17, NULL), 17);
        MEMEQ(buf, "GET /x HTTP/1.1\r\n", 17);
        EQ(tn_sendall(sock, HELLO, strlen(HELLO), NULL),
           (ssize_t)strlen(HELLO));
    }
    tn_close(sock);
    return 0;
}

static ssize_t
by_socks(struct socks *socks, const char *scheme, const char *url)
{
    tn_addr a = loopback(AF_INET, 0);
    tn_httpc_request req = {.url = url};
    char proxy[96], text[64];
    tn_httpc *c;
    tn_group g;
    ssize_t r;

    OK(tn_create_server(&socks->listener, &a, NULL));
    OK(tn_getsockname(socks->listener, &a));
    snprintf(proxy, sizeof(proxy), "%s://%s127.0.0.1:%d", scheme,
             socks->secret ? "me:pw@" : "", tn_addr_port(&a));
    tn_group_init(&g, 0);
    OK(tn_go(&g, socks_serve, socks));
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = proxy}));
    r = fetch_body(c, &req, text, sizeof(text), NULL);
    OK(tn_group_wait(&g));
    tn_httpc_free(c);
    tn_close(socks->listener);
    return r;
}

static int
socks_cases(void *arg)
{
    static const char done[] = "\5\0\0\1\0\0\0\0\0\0";
    static const char refused[] = "\5\5\0\1\0\0\0\0\0\0";
    struct socks name = {.reply = done,
                         .secret = true,
                         .want_len = 16,
                         .want = "\5\1\0\3\011one.examp\0\x50"};
    struct socks four = {
        .reply = done, .want_len = 10, .want = "\5\1\0\1\x0a\1\2\3\x1f\x90"};
    struct socks six = {.reply = refused,
                        .want_len = 22,
                        .want =
                            "\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x50"};

    (void)arg;
    EQ(by_socks(&name, "socks5h", "http://one.examp/x"), 5);
    EQ(by_socks(&four, "socks5", "http://10.1.2.3:8080/x"), 5);
    ERR(by_socks(&six, "socks5h", "http://[::1]/x"), TN_EPROXY);
    CHECK(strstr(tn_why(), "connection refused") != NULL);
    return 0;
}

TEST_EACH(a_socks_proxy_is_asked, backends)
{
    OK(run_on(p, socks_cases, NULL));
}

static int
past_the_proxy(void *arg)
{
    static const char *const lists[] = {
        "*",
        "127.0.0.1",
        "a.example, 127.0.0.1",
        "127.0.0.0/8",
        "10.0.0.0/8 127.0.0.0/25",
    };
    static const char *const others[] = {
        "",           "a.example",    "27.0.0.1", "127.0.0.2",
        "10.0.0.0/8", "127.0.1.0/24", "::/0",
    };
    struct step steps[8];
    struct server *s;
    tn_httpc_request req = {0};
    char text[64];
    tn_httpc *c;

    (void)arg;
    for (int i = 0; i < 8; i++) {
        steps[i] = (struct step){.answer = HELLO};
    }
    s = server_start(steps, 8);
    req.url = s->url;
    /* Nobody is there: who asks the proxy fails. */
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        OK(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = "127.0.0.1:1",
                                             .no_proxy = lists[i]}));
        EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
        tn_httpc_free(c);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        OK(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = "127.0.0.1:1",
                                             .no_proxy = others[i]}));
        ERR(fetch_body(c, &req, text, sizeof(text), NULL), -ECONNREFUSED);
        tn_httpc_free(c);
    }
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.tls_proxy = "127.0.0.1:1"}));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(some_hosts_are_reached_directly, backends)
{
    OK(run_on(p, past_the_proxy, NULL));
}
