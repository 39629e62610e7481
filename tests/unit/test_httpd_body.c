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
