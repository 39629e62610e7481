/*
 * test_httpd.c - the HTTP server beyond single answers: time, order, options.
 */
#include <tenon/msg.h>

#include "httpd_kit.h"

#define GET   "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
#define HELLO "text/plain\r\nContent-Length: 6\r\n\r\nhello\n"

/* ---- handlers ---- */

struct state {
    int entered, left, logged;
    bool go;
    int result; /* of the last handler that kept it */
    tn_httpd_entry last;
    char user[64];
};

/* Stays until it is let go. */
static int
say_later(tn_exchange *x, void *arg)
{
    struct state *st = arg;
    int r = 0;

    st->entered++;
    while (!st->go && r == 0) {
        r = tn_sleep(1 * TN_MS);
    }
    st->left++;
    st->result = r;
    return r < 0 ? r : tn_httpd_reply(x, 200, "text/plain", "hello\n", 6);
}

/* Writes until it fails. */
static int
say_much(tn_exchange *x, void *arg)
{
    static char block[1 << 20];
    struct state *st = arg;
    int r = 0;

    st->entered++;
    while (r == 0) {
        r = tn_httpd_write(x, block, sizeof(block));
    }
    st->left++;
    st->result = r;
    return r;
}

static int
say_too_little(tn_exchange *x, void *arg)
{
    (void)arg;
    OK(tn_httpd_length(x, 10));
    OK(tn_httpd_write(x, "1234", 4));
    ERR(tn_httpd_write(x, "1234567", 7), -EINVAL);
    return tn_httpd_flush(x);
}

static int
say_and_fail(tn_exchange *x, void *arg)
{
    (void)arg;
    OK(tn_httpd_write(x, "1234", 4));
    OK(tn_httpd_flush(x));
    return -EIO;
}

static int
try_fields(tn_exchange *x, void *arg)
{
    static char big[9000];

    (void)arg;
    ERR(tn_httpd_field(x, "A", "b\r\nC: d"), -EINVAL);
    ERR(tn_httpd_field(x, "A", "b\n"), -EINVAL);
    ERR(tn_httpd_field(x, "A\r\nB", "c"), -EINVAL);
    ERR(tn_httpd_field(x, "", "c"), -EINVAL);
    ERR(tn_httpd_field(x, "A B", "c"), -EINVAL);
    ERR(tn_httpd_field(x, "Content-length", "1"), -EINVAL);
    ERR(tn_httpd_field(x, "transfer-encoding", "chunked"), -EINVAL);
    ERR(tn_httpd_field(x, "connection", "close"), -EINVAL);
    ERR(tn_httpd_field(x, "date", "now"), -EINVAL);
    ERR(tn_httpd_trailer(x, "A", "b\r\n"), -EINVAL);
    ERR(tn_httpd_status(x, 101), -EINVAL);
    ERR(tn_httpd_status(x, 600), -EINVAL);
    ERR(tn_httpd_length(x, -1), -EINVAL);
    memset(big, 'x', sizeof(big) - 1);
    ERR(tn_httpd_field(x, "A", big), -ENOBUFS);
    OK(tn_httpd_field(x, "A", "b"));
    tn_httpd_user(x, (tn_str){"somebody", 8});
    return 0;
}

static const tn_httpd_route routes[] = {
    {"GET", "/", say_hello},           {"POST", "/echo", say_echo},
    {"GET", "/later", say_later},      {"GET", "/much", say_much},
    {"GET", "/short", say_too_little}, {"GET", "/cut", say_and_fail},
    {"GET", "/fields", try_fields},    {NULL, NULL, NULL},
};

static void
keep_entry(const tn_httpd_entry *entry, void *arg)
{
    struct state *st = arg;

    st->logged++;
    st->last = *entry;
    snprintf(st->user, sizeof(st->user), "%.*s", (int)entry->user.len,
             entry->user.len ? entry->user.at : "");
}

static struct site
site_with(struct state *st)
{
    return (struct site){
        .routes = routes, .arg = st, .opts = {.log = keep_entry}};
}

/* ---- time ---- */

static const struct {
    const char *name, *said, *status;
} slow[] = {
    {"silence", "", ""},
    {"behind an answer", GET, "200"},
    {"half a head", "GET / HTTP/1.1\r\nHo", "408"},
    {"half a body", POST "12", "408"},
    {"half a chunk",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
     "chunked\r\n\r\n5\r\nab",
     "408"},
};

SITE_TEST(each_time_limit_has_its_answer)
{
    char got[1024];

    s->opts.idle_time = s->opts.head_time = s->opts.body_time = 30 * TN_MS;
    open_site(s);
    for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
        tn_sock *c = visit(s);

        printf("%s\n", slow[i].name);
        say(c, slow[i].said);
        hear_all(c, got, sizeof(got));
        if (slow[i].status[0]) {
            MEMEQ(got, "HTTP/1.1 ", 9);
            MEMEQ(got + 9, slow[i].status, 3);
        } else {
            STREQ(got, "");
        }
        tn_close(c);
    }
    EQ(st->logged, 4);
    close_site(s);
}

/* A byte now and then does not hold a place. */
SITE_TEST(a_head_that_drips_is_ended)
{
    char got[1024];
    tn_sock *c;

    s->opts.head_time = 50 * TN_MS;
    open_site(s);
    c = visit(s);
    say(c, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 10000 && st->logged == 0; i++) {
        if (tn_sendall(c, "A: b\r\n", 6, NULL) < 0) {
            break;
        }
        OK(tn_sleep(5 * TN_MS));
    }
    hear_all(c, got, sizeof(got));
    MEMEQ(got, "HTTP/1.1 408 ", 13);
    tn_close(c);
    close_site(s);
}

/* The peer asks for much and reads nothing. */
SITE_TEST(who_never_reads_is_let_go)
{
    tn_sock *c;

    s->opts.write_time = 50 * TN_MS;
    open_site(s);
    c = visit(s);
    say(c, "GET /much HTTP/1.1\r\nHost: a\r\n\r\n");
    while (st->left == 0) {
        OK(tn_sleep(1 * TN_MS));
    }
    EQ(st->result, -ETIME);
    tn_close(c);
    close_site(s);
}

/* ---- order ---- */

static int
ask_a_thousand(void *arg)
{
    struct site *s = arg;
    char path[64];
    tn_sock *c = visit(s);
    char got[2048];

    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path),
                 "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
        say(c, path);
        snprintf(path, sizeof(path), "%04d", i);
        say(c, path);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "\r\n\r\n%04d", i);
        hear_until(c, path, got, sizeof(got));
        if (i % 100 == 0) {
            OK(tn_sleep(1 * TN_MS));
        }
    }
    tn_close(c);
    return 0;
}

SITE_TEST_TIMEOUT(pipelined_requests_are_answered_in_order, 30)
{
    open_site(s);
    ask_a_thousand(s);
    EQ(st->logged, 1000);
    close_site(s);
}

/* What is answered already is not kept back by a handler that takes its
   time. */
SITE_TEST(an_answer_does_not_wait_for_the_next_handler)
{
    char got[1024];
    tn_sock *c;

    open_site(s);
    c = visit(s);
    say(c, GET "GET /later HTTP/1.1\r\nHost: a\r\n\r\n" GET);
    hear_until(c, "hello\n", got, sizeof(got));
    EQ(st->left, 0);
    st->go = true;
    hear_until(c, "hello\n", got, sizeof(got));
    hear_until(c, "hello\n", got, sizeof(got));
    tn_close(c);
    close_site(s);
}

/* The first answer is needed before the second body comes. */
SITE_TEST(an_answer_does_not_wait_for_the_next_body)
{
    char got[1024];
    tn_sock *c;

    open_site(s);
    c = visit(s);
    say(c, GET POST "12");
    hear_until(c, "hello\n", got, sizeof(got));
    say(c, "345");
    hear_until(c, "\r\n\r\n12345", got, sizeof(got));
    tn_close(c);
    close_site(s);
}

SITE_TEST(who_waits_for_100_gets_it)
{
    char got[1024];
    tn_sock *c;

    open_site(s);
    c = visit(s);
    say(c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
           "Content-Length: 5\r\n\r\n");
    hear_until(c, "HTTP/1.1 100 Continue\r\n\r\n", got, sizeof(got));
    say(c, "12345");
    hear_until(c, "\r\n\r\n12345", got, sizeof(got));
    tn_close(c);
    close_site(s);
}

/* ---- answers that are not whole ---- */

static int
cut_answers(void *arg)
{
    static const char *const paths[] = {"/short", "/cut"};
    struct state st = {0};
    struct site s = site_with(&st);
    char text[128], got[1024];

    (void)arg;
    open_site(&s);
    for (int i = 0; i < 2; i++) {
        tn_sock *c = visit(&s);

        snprintf(text, sizeof(text), "GET %s HTTP/1.0\r\n\r\n", paths[i]);
        say(c, text);
        hear_until(c, "1234", got, sizeof(got));
        ERR(tn_recv(c, got, 1, 0), -ECONNRESET);
        tn_close(c);
    }
    close_site(&s);
    return 0;
}

/* In the simulator a reset overtakes what was sent before. */
TEST_EACH(a_cut_answer_ends_in_a_reset, kernels)
{
    OK(run_on(p, cut_answers, NULL));
}

SITE_TEST(a_field_cannot_split_the_head)
{
    char got[1024];

    s->opts.server = "tenon";
    open_site(s);
    ask(s, "GET /fields HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof(got));
    STREQ(got, "HTTP/1.1 200 OK\r\nServer: tenon\r\nA: b\r\n"
               "Content-Length: 0\r\n\r\n");
    STREQ(st->user, "somebody");
    EQ(st->last.status, 200);
    close_site(s);
}

/* ---- options ---- */

static int
guard(tn_exchange *x, void *arg)
{
    (void)arg;
    if (tn_httpd_value(x, "Cookie").len > 0) {
        return 0;
    }
    OK(tn_httpd_field(x, "WWW-Authenticate", "Basic realm=\"a\""));
    OK(tn_httpd_error(x, 401, "who are you?"));
    return 1;
}

SITE_TEST(a_gate_a_trace_a_length)
{
    char got[1024];

    s->opts.gate = guard;
    s->opts.trace = s->opts.need_length = true;
    open_site(s);
    ask(s, "GET /no HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof(got));
    STREQ(got, "HTTP/1.1 401 Unauthorized\r\n"
               "WWW-Authenticate: Basic realm=\"a\"\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: 17\r\n\r\n401 who are you?\n");
    EQ(st->last.result, 0);
    ask(s, "TRACE /x HTTP/1.1\r\nHost: a\r\nCookie: b\r\nA:c\r\n\r\n", got,
        sizeof(got));
    STREQ(got, "HTTP/1.1 200 OK\r\nContent-Type: message/http\r\n"
               "Content-Length: 36\r\n\r\n"
               "TRACE /x HTTP/1.1\r\nHost: a\r\nA: c\r\n\r\n");
    ask(s,
        "TRACE /x HTTP/1.1\r\nHost: a\r\nCookie: b\r\nContent-Length: 1\r\n"
        "\r\nx",
        got, sizeof(got));
    STREQ(got, "HTTP/1.1 400 Bad Request\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: 16\r\n\r\n400 Bad Request\n");
    ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\nCookie: b\r\n\r\n", got,
        sizeof(got));
    MEMEQ(got, "HTTP/1.1 411 ", 13);
    ask(s, "GET / HTTP/1.1\r\nHost: a\r\nCookie: b\r\n\r\n", got, sizeof(got));
    STREQ(got, "HTTP/1.1 200 OK\r\nContent-Type: " HELLO);
    EQ(st->logged, 5);
    close_site(s);
}
