/*
 * test_httpd.c - the HTTP server beyond single answers: time, order, the end.
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
become_echo(tn_exchange *x, void *arg)
{
    struct state *st = arg;
    char buf[64];
    tn_sock *sock;
    tn_str early;
    ssize_t n;

    OK(tn_httpd_field(x, "Upgrade", "echo"));
    OK(tn_httpd_upgrade(x, 101, &sock, &early));
    ERR(tn_httpd_upgrade(x, 101, &sock, &early), -EALREADY);
    st->entered++;
    n = (ssize_t)early.len;
    if (n > 0) {
        EQ(tn_sendall(sock, early.at, early.len, NULL), n);
    }
    while ((n = tn_recv(sock, buf, sizeof(buf), 0)) > 0) {
        EQ(tn_sendall(sock, buf, (size_t)n, NULL), n);
    }
    st->result = (int)n;
    return 0;
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
    {"GET", "/", say_hello},
    {"POST", "/echo", say_echo},
    {"GET", "/later", say_later},
    {"GET", "/much", say_much},
    {"GET", "/short", say_too_little},
    {"GET", "/cut", say_and_fail},
    {"GET", "/up", become_echo},
    {"GET", "/fields", try_fields},
    {NULL, NULL, NULL},
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

static int
wait_for_time(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    char got[1024];

    (void)arg;
    s.opts.idle_time = s.opts.head_time = s.opts.body_time = 30 * TN_MS;
    open_site(&s);
    for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
        tn_sock *c = visit(&s);

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
    EQ(st.logged, 4);
    close_site(&s);
    return 0;
}

TEST_EACH(each_time_limit_has_its_answer, backends)
{
    OK(run_on(p, wait_for_time, NULL));
}

/* A byte now and then does not hold a place. */
static int
drip(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    char got[1024];
    tn_sock *c;

    (void)arg;
    s.opts.head_time = 50 * TN_MS;
    open_site(&s);
    c = visit(&s);
    say(c, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 10000 && st.logged == 0; i++) {
        if (tn_sendall(c, "A: b\r\n", 6, NULL) < 0) {
            break;
        }
        OK(tn_sleep(5 * TN_MS));
    }
    hear_all(c, got, sizeof(got));
    MEMEQ(got, "HTTP/1.1 408 ", 13);
    tn_close(c);
    close_site(&s);
    return 0;
}

TEST_EACH(a_head_that_drips_is_ended, backends)
{
    OK(run_on(p, drip, NULL));
}

/* The peer asks for much and reads nothing. */
static int
never_read(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    tn_sock *c;

    (void)arg;
    s.opts.write_time = 50 * TN_MS;
    open_site(&s);
    c = visit(&s);
    say(c, "GET /much HTTP/1.1\r\nHost: a\r\n\r\n");
    while (st.left == 0) {
        OK(tn_sleep(1 * TN_MS));
    }
    EQ(st.result, -ETIME);
    tn_close(c);
    close_site(&s);
    return 0;
}

TEST_EACH(who_never_reads_is_let_go, backends)
{
    OK(run_on(p, never_read, NULL));
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

static int
many_in_a_row(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);

    (void)arg;
    open_site(&s);
    ask_a_thousand(&s);
    EQ(st.logged, 1000);
    close_site(&s);
    return 0;
}

TEST_EACH_TIMEOUT(pipelined_requests_are_answered_in_order, backends, 30)
{
    OK(run_on(p, many_in_a_row, NULL));
}

/* What is answered already is not kept back by a handler that takes its
   time. */
static int
fast_before_slow(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    char got[1024];
    tn_sock *c;

    (void)arg;
    open_site(&s);
    c = visit(&s);
    say(c, GET "GET /later HTTP/1.1\r\nHost: a\r\n\r\n" GET);
    hear_until(c, "hello\n", got, sizeof(got));
    EQ(st.left, 0);
    st.go = true;
    hear_until(c, "hello\n", got, sizeof(got));
    hear_until(c, "hello\n", got, sizeof(got));
    tn_close(c);
    close_site(&s);
    return 0;
}

TEST_EACH(an_answer_does_not_wait_for_the_next_handler, backends)
{
    OK(run_on(p, fast_before_slow, NULL));
}

/* The first answer is needed before the second body comes. */
static int
answer_before_body(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    char got[1024];
    tn_sock *c;

    (void)arg;
    open_site(&s);
    c = visit(&s);
    say(c, GET POST "12");
    hear_until(c, "hello\n", got, sizeof(got));
    say(c, "345");
    hear_until(c, "\r\n\r\n12345", got, sizeof(got));
    tn_close(c);
    close_site(&s);
    return 0;
}

TEST_EACH(an_answer_does_not_wait_for_the_next_body, backends)
{
    OK(run_on(p, answer_before_body, NULL));
}

static int
wait_for_sign(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    char got[1024];
    tn_sock *c;

    (void)arg;
    open_site(&s);
    c = visit(&s);
    say(c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
           "Content-Length: 5\r\n\r\n");
    hear_until(c, "HTTP/1.1 100 Continue\r\n\r\n", got, sizeof(got));
    say(c, "12345");
    hear_until(c, "\r\n\r\n12345", got, sizeof(got));
    tn_close(c);
    close_site(&s);
    return 0;
}

TEST_EACH(who_waits_for_100_gets_it, backends)
{
    OK(run_on(p, wait_for_sign, NULL));
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

static int
check_fields(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    char got[1024];

    (void)arg;
    s.opts.server = "tenon";
    open_site(&s);
    ask(&s, "GET /fields HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof(got));
    STREQ(got, "HTTP/1.1 200 OK\r\nServer: tenon\r\nA: b\r\n"
               "Content-Length: 0\r\n\r\n");
    STREQ(st.user, "somebody");
    EQ(st.last.status, 200);
    close_site(&s);
    return 0;
}

TEST_EACH(a_field_cannot_split_the_head, backends)
{
    OK(run_on(p, check_fields, NULL));
}

/* ---- something else than HTTP ---- */

static int
upgraded(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    char got[1024];
    tn_sock *c;

    (void)arg;
    open_site(&s);
    c = visit(&s);
    say(c, "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
           "Upgrade: echo\r\n\r\nearly");
    hear_until(c, "\r\n\r\n", got, sizeof(got));
    mask_dates(got);
    STREQ(got, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
               "Connection: Upgrade\r\n\r\n");
    hear_until(c, "early", got, sizeof(got));
    say(c, "late");
    hear_until(c, "late", got, sizeof(got));
    close_site(&s);
    EQ(st.result, -ECANCELED);
    EQ(tn_recv(c, got, 1, 0), 0);
    tn_close(c);
    return 0;
}

TEST_EACH(an_upgraded_connection_has_its_early_bytes, backends)
{
    OK(run_on(p, upgraded, NULL));
}

/* Through the server to itself. */
static int
tunnelled(void *arg)
{
    static const char *const tunnels[] = {"127.0.0.1:*", NULL};
    struct state st = {0};
    struct site s = site_with(&st);
    char text[128], got[1024];
    tn_sock *c;

    (void)arg;
    s.opts.tunnels = tunnels;
    open_site(&s);
    c = visit(&s);
    say(c, "CONNECT example.org:443 HTTP/1.1\r\n"
           "Host: example.org:443\r\n\r\n");
    hear_until(c, "403 Forbidden\n", got, sizeof(got));
    snprintf(text, sizeof(text),
             "CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
             tn_addr_port(&s.addr), tn_addr_port(&s.addr));
    say(c, text);
    say(c, GET);
    OK(tn_shutdown(c, SHUT_WR));
    hear_all(c, got, sizeof(got));
    EQ(mask_dates(got), 2);
    STREQ(got, "HTTP/1.1 200 OK\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Type: " HELLO);
    tn_close(c);
    close_site(&s);
    return 0;
}

TEST_EACH(a_tunnel_goes_both_ways, backends)
{
    OK(run_on(p, tunnelled, NULL));
}

/* ---- the end ---- */

static int
let_go(void *arg)
{
    struct state *st = arg;

    OK(tn_sleep(20 * TN_MS));
    st->go = true;
    return 0;
}

static int
drained(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    tn_sock *idle, *busy;
    char got[1024];
    tn_group g;

    (void)arg;
    open_site(&s);
    idle = visit(&s);
    busy = visit(&s);
    say(idle, GET);
    hear_until(idle, "hello\n", got, sizeof(got));
    say(busy, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n" GET);
    while (st.entered == 0) {
        OK(tn_sleep(1 * TN_MS));
    }
    tn_group_init(&g, 0);
    OK(tn_go(&g, let_go, &st));
    close_site(&s);
    OK(tn_group_wait(&g));
    EQ(st.result, 0);
    EQ(tn_recv(idle, got, 1, 0), 0);
    hear_all(busy, got, sizeof(got));
    mask_dates(got);
    STREQ(got, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
               "Connection: close\r\nContent-Length: 6\r\n\r\nhello\n");
    tn_close(idle);
    tn_close(busy);
    return 0;
}

TEST_EACH(the_end_waits_for_open_exchanges, backends)
{
    OK(run_on(p, drained, NULL));
}

static int
drained_in_vain(void *arg)
{
    struct state st = {0};
    struct site s = site_with(&st);
    char got[1024];
    tn_sock *c;

    (void)arg;
    s.opts.drain_time = 20 * TN_MS;
    open_site(&s);
    c = visit(&s);
    say(c, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    while (st.entered == 0) {
        OK(tn_sleep(1 * TN_MS));
    }
    close_site(&s);
    EQ(st.result, -ECANCELED);
    CHECK(tn_recv(c, got, 1, 0) <= 0);
    tn_close(c);
    return 0;
}

TEST_EACH(the_end_does_not_wait_for_ever, backends)
{
    OK(run_on(p, drained_in_vain, NULL));
}
