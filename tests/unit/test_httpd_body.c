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
