/*
 * test_httpd_body.c - bodies of requests that come late, in part, or with too
 * much behind them, and what becomes of the connection.
 */
#include "httpd_kit.h"

enum {
    LONG = 1 << 20,
    HEAD = 33000,     /* makes the input 64 KiB */
    TRAILERS = 32000, /* what is free in it then, and more than a spare one */
};

#define HOST "Host: a\r\n"

/* Never read what comes, and answer in pieces. */
static int
say_pieces(tn_exchange *x, void *arg)
{
    (void)arg;
    OK(tn_httpd_write(x, "one", 3));
    OK(tn_httpd_flush(x));
    return tn_httpd_write(x, "two", 3);
}

/* The same, in so few bytes that they are held back. */
static int
say_piece(tn_exchange *x, void *arg)
{
    (void)arg;
    return tn_httpd_write(x, "one", 3);
}

static const tn_httpd_route routes[] = {
    {NULL, "/", say_hello},      {NULL, "/pieces", say_pieces},
    {NULL, "/piece", say_piece}, {NULL, "/echo", say_echo},
    {NULL, NULL, NULL},
};

/* ---- 100-continue ---- */

/* Who sends the body without waiting is told nothing, and goes on. */
static int
no_sign(void *arg)
{
    struct site s = {.routes = routes};
    char got[512];

    (void)arg;
    open_site(&s);
    ask(&s,
        "POST /echo HTTP/1.1\r\n" HOST
        "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"
        "POST /echo HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        "3\r\ndef\r\n0\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
        got, sizeof(got));
    STREQ(got, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
               "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ndef"
               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
               "Content-Length: 6\r\n\r\nhello\n");
    close_site(&s);
    return 0;
}

TEST_EACH(a_body_that_is_here_needs_no_sign, backends)
{
    OK(run_on(p, no_sign, NULL));
}

/* ---- what nobody reads ---- */

/* The answer does not wait for the rest of a body that nobody wants, wherever
   that is cut. */
static int
answer_first(void *arg)
{
    static const char body[] = "5;a=b\r\n12345\r\n0\r\nA: b\r\n\r\n";
    struct site s = {.routes = routes, .opts = {.body_time = TN_FOREVER}};
    char got[512];

    (void)arg;
    open_site(&s);
    for (size_t at = 0; at < sizeof(body) - 1; at++) {
        tn_sock *c = visit(&s);

        say(c, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
        EQ(tn_sendall(c, body, at, NULL), at);
        hear_until(c, "\r\n\r\nhello\n", got, sizeof(got));
        say(c, body + at);
        say(c, "GET /piece HTTP/1.1\r\n" HOST "\r\n");
        hear_until(c, "\r\n\r\none", got, sizeof(got));
        tn_close(c);
    }
    close_site(&s);
    return 0;
}

TEST_EACH(an_answer_does_not_wait_for_what_is_dropped, backends)
{
    OK(run_on(p, answer_first, NULL));
}

/* A body that is too long to be dropped ends the connection, and the answer
   says so, whatever kind it is of. */
static int
announced(void *arg)
{
    static const char *const paths[] = {"/", "/pieces", "/piece"};
    struct site s = {.routes = routes};
    char text[512];

    (void)arg;
    open_site(&s);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        tn_sock *c = visit(&s);

        snprintf(text, sizeof(text),
                 "PUT %s HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n",
                 paths[i], LONG);
        say(c, text);
        hear_until(c, "\r\n\r\n", text, sizeof(text));
        CHECK(strstr(text, "\r\nConnection: close\r\n"));
        tn_close(c);
    }
    close_site(&s);
    return 0;
}

TEST_EACH(a_long_body_unread_ends_the_connection, backends)
{
    OK(run_on(p, announced, NULL));
}

/* ---- behind the body ---- */

/* Trailers fill what a large head has left of a large buffer. */
static int
fill_buffer(void *arg)
{
    static char text[HEAD + TRAILERS + 1000];
    struct site s = {.routes = routes, .opts = {.max_head = 64 << 10}};
    char got[512];
    size_t n;

    (void)arg;
    n = (size_t)snprintf(text, sizeof(text),
                         "POST /echo HTTP/1.1\r\n" HOST
                         "Transfer-Encoding: chunked\r\nA: ");
    memset(text + n, 'a', HEAD);
    n += HEAD;
    n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n\r\n0\r\nB: ");
    memset(text + n, 'b', sizeof(text) - 1 - n);
    open_site(&s);
    ask(&s, text, got, sizeof(got));
    MEMEQ(got, "HTTP/1.1 400 ", 13);
    close_site(&s);
    return 0;
}

TEST_EACH(trailers_without_end_are_refused, backends)
{
    OK(run_on(p, fill_buffer, NULL));
}
