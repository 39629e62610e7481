/*
 * test_httpc_hop.c - redirects, the pool, bodies on their way out, proxies.
 */
#include "httpc_server.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

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

/* A redirect's body that never ends costs its connection, not the fetch. */
static int
redirect_slowly(void *arg)
{
    static const struct step steps[] = {
        {.answer = "HTTP/1.1 302 X\r\nLocation: /b\r\n"
                   "Content-Length: 5\r\n\r\nno",
         .then = SILENT},
        {.answer = HELLO},
    };
    struct server *s = server_start(steps, 2);
    int64_t start = tn_now();
    char text[64];
    tn_httpc *c;

    (void)arg;
    OK(tn_httpc_new(&c, NULL));
    EQ(fetch_body(c, &(tn_httpc_request){.url = s->url}, text, sizeof(text),
                  NULL),
       5);
    CHECK(tn_now() - start < 30 * TN_SEC);
    EQ(s->connections, 2);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH_TIMEOUT(a_redirect_is_not_held_up_by_its_body, backends, 30)
{
    OK(run_on(p, redirect_slowly, NULL));
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
    CHECK(asked_for(other, 0, "Host: 127.0.0.1:"));
    CHECK(!asked_for(other, 0, "example.org"));
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
        {.answer = TURN("file:///etc/passwd")},
        {.answer = TURN("javascript:alert(1)")},
        {.answer = TURN("http://[fe80::1%25lo]/")},
        {.answer = TURN("http://127.0.0.1%0d%0aX:1/")},
        {.answer = TURN("http://127.0.0.1:1\\@127.0.0.1/")},
        {.answer = TURN("http://127.0.0.1:99999/")},
        {.answer = TURN("/a\tb")},
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
    for (int i = 0; i < count - 2; i++) {
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

/* In a plain thread the same calls block. */
static void
fetch_in_thread(void *arg)
{
    const struct server *s = arg;
    tn_httpc_request req = {.url = s->url};
    char body[64];
    tn_httpc *c;

    OK(tn_httpc_new(&c, &(tn_httpc_opts){.head_time = 5 * TN_SEC}));
    for (int i = 0; i < 2; i++) {
        EQ(fetch_body(c, &req, body, sizeof(body), NULL), 5);
        STREQ(body, "hello");
    }
    tn_httpc_free(c);
}

static int
serve_thread(void *arg)
{
    const struct step steps[] = {{.answer = HELLO}, {.answer = HELLO}};
    struct server *s = server_start(steps, 2);
    struct test_thread *t = test_thread_start(fetch_in_thread, s);

    (void)arg;
    while (s->at < 2) {
        OK(tn_sleep(1 * TN_MS));
    }
    OK(tn_sleep(1 * TN_MS));
    test_thread_join(t);
    EQ(s->connections, 1);
    server_stop(s);
    return 0;
}

TEST_EACH(a_plain_thread_can_fetch, kernels)
{
    OK(run_on(p, serve_thread, NULL));
}
