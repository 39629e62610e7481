/*
 * test_httpd_wire.c - bytes in, bytes out: what the server says, word for word.
 *
 * Each case is played whole, byte by byte and cut at random, over a stream
 * whose sending side ends behind it; "Date" is taken out of the answers, and so
 * is "100 Continue", which comes if the body does not come at once.
 */
#include "httpd_kit.h"

enum { MAX_HEAD = 512, MAX_BODY = 100 };

#define HOST   "Host: a\r\n"
#define OK_    "HTTP/1.1 200 OK\r\n"
#define CLOSE  "Connection: close\r\n"
#define TEXT   "Content-Type: text/plain; charset=utf-8\r\n"
#define HELLO_ "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
#define HELLO  OK_ HELLO_

/* The page of an error behind which the connection is closed. */
#define BAD(length, why)                                                       \
    "HTTP/1.1 400 Bad Request\r\n" TEXT CLOSE "Content-Length: " length        \
    "\r\n\r\n400 Bad Request: " why "\n"

#define FIFTY "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEEEEEEEEE"

static const struct {
    const char *name, *request, *answer;
} cases[] = {
    {"get", "GET / HTTP/1.1\r\n" HOST "\r\n", HELLO},
    {"empty line before", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", HELLO},
    {"query", "GET /?a=b HTTP/1.1\r\n" HOST "\r\n", HELLO},
    {"absolute form", "GET http://a/ HTTP/1.1\r\n" HOST "\r\n", HELLO},
    {"head", "HEAD / HTTP/1.1\r\n" HOST "\r\n",
     OK_ "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\n"},
    {"close", "GET / HTTP/1.1\r\n" HOST CLOSE "\r\nGET / HTTP/1.1\r\n",
     OK_ "Content-Type: text/plain\r\n" CLOSE
         "Content-Length: 6\r\n\r\nhello\n"},
    {"1.0", "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
     OK_ "Content-Type: text/plain\r\n" CLOSE
         "Content-Length: 6\r\n\r\nhello\n"},
    {"1.0 keep-alive",
     "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
     "GET / HTTP/1.0\r\n\r\n",
     OK_ "Content-Type: text/plain\r\nConnection: keep-alive\r\n"
         "Content-Length: 6\r\n\r\nhello\n" OK_
         "Content-Type: text/plain\r\n" CLOSE
         "Content-Length: 6\r\n\r\nhello\n"},
    {"pipelined",
     "GET / HTTP/1.1\r\n" HOST "\r\n"
     "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
     "HEAD /echo HTTP/1.1\r\n" HOST "\r\n"
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     HELLO OK_ "Content-Length: 3\r\n\r\nabc"
               "HTTP/1.1 405 Method Not Allowed\r\n"
               "Allow: POST, PUT, OPTIONS\r\n" TEXT
               "Content-Length: 23\r\n\r\n" HELLO},
    {"404", "GET /no HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 404 Not Found\r\n" TEXT
     "Content-Length: 14\r\n\r\n404 Not Found\n"},
    {"a path is exact", "GET /echo/ HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 404 Not Found\r\n" TEXT
     "Content-Length: 14\r\n\r\n404 Not Found\n"},
    {"below", "GET /dir/a/b HTTP/1.1\r\n" HOST "\r\n", HELLO},
    {"not below", "GET /dir HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 404 Not Found\r\n" TEXT
     "Content-Length: 14\r\n\r\n404 Not Found\n"},
    {"405", "DELETE / HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS\r\n" TEXT
     "Content-Length: 23\r\n\r\n405 Method Not Allowed\n"},
    {"501", "BREW / HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 501 Not Implemented\r\n" TEXT
     "Content-Length: 20\r\n\r\n501 Not Implemented\n"},
    {"a method of a route", "PROPFIND /dav HTTP/1.1\r\n" HOST "\r\n", HELLO},
    {"405 of one", "PROPFIND / HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS\r\n" TEXT
     "Content-Length: 23\r\n\r\n405 Method Not Allowed\n"},
    {"options", "OPTIONS /dav HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 204 No Content\r\nAllow: OPTIONS, PROPFIND, LOCK\r\n\r\n"},
    {"options of all", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 204 No Content\r\n"
     "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, PROPFIND, LOCK\r\n"
     "\r\n"},
    {"any method", "OPTIONS /any HTTP/1.1\r\n" HOST "\r\n", HELLO},
    {"no tunnels", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 405 Method Not Allowed\r\n"
     "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, PROPFIND, "
     "LOCK\r\n" TEXT "Content-Length: 23\r\n\r\n405 Method Not Allowed\n"},
    {"trace is off", "TRACE / HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS\r\n" TEXT
     "Content-Length: 23\r\n\r\n405 Method Not Allowed\n"},
    {"505", "GET / HTTP/2.0\r\n" HOST "\r\n",
     "HTTP/1.1 505 HTTP Version Not Supported\r\n" TEXT CLOSE
     "Content-Length: 31\r\n\r\n505 HTTP Version Not Supported\n"},
    {"no host", "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
     BAD("25", "no Host")},
    {"two hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n",
     BAD("27", "two Hosts")},
    {"two lengths",
     "POST /echo HTTP/1.1\r\n" HOST
     "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
     BAD("41", "two lengths that differ")},
    {"length and coding",
     "POST /echo HTTP/1.1\r\n" HOST
     "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     BAD("59", "both Content-Length and Transfer-Encoding")},
    {"a space before the colon", "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n",
     BAD("51", "space before the colon of a field")},
    {"a folded field", "GET / HTTP/1.1\r\n" HOST "A: b\r\n c: d\r\n\r\n",
     BAD("44", "a line begins with a space")},
    {"a field that is none", "GET / HTTP/1.1\r\n" HOST "Ab\r\n\r\n",
     BAD("40", "a field without a name")},
    {"no name at all", "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n",
     BAD("40", "a field without a name")},
    {"LF", "GET / HTTP/1.1\nHost: a\n\n", BAD("31", "LF without CR")},
    {"CR", "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n",
     BAD("31", "CR without LF")},
    {"a control character", "GET / HTTP/1.1\r\n" HOST "A: \001\r\n\r\n",
     BAD("37", "a control character")},
    {"a trailer that is none",
     "POST /echo HTTP/1.1\r\n" HOST
     "Transfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n",
     BAD("37", "a trailer is broken")},
    {"a body that ends too early",
     "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc",
     BAD("41", "the body ends too early")},
    {"501 of a coding",
     "POST /echo HTTP/1.1\r\n" HOST
     "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     "HTTP/1.1 501 Not Implemented\r\n" TEXT CLOSE "Content-Length: 48\r\n\r\n"
     "501 Not Implemented: an unknown transfer coding\n"},
    {"417", "GET / HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n",
     "HTTP/1.1 417 Expectation Failed\r\n" TEXT
     "Content-Length: 23\r\n\r\n417 Expectation Failed\n"},
    {"413 of a length",
     "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1000000000000\r\n\r\n",
     "HTTP/1.1 413 Content Too Large\r\n" TEXT CLOSE
     "Content-Length: 22\r\n\r\n413 Content Too Large\n"},
    {"413 before 100",
     "POST /echo HTTP/1.1\r\n" HOST
     "Content-Length: 101\r\nExpect: 100-continue\r\n\r\n",
     "HTTP/1.1 413 Content Too Large\r\n" TEXT CLOSE
     "Content-Length: 22\r\n\r\n413 Content Too Large\n"},
    {"413 of chunks",
     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "32\r\n" FIFTY "\r\n33\r\n" FIFTY "A\r\n0\r\n\r\n",
     "HTTP/1.1 413 Content Too Large\r\n" TEXT CLOSE
     "Content-Length: 22\r\n\r\n413 Content Too Large\n"},
    {"bad chunk",
     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "xyz\r\n",
     BAD("35", "a chunk is broken")},
    {"a chunk's size that is none in the end",
     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "fffx\r\n",
     BAD("35", "a chunk is broken")},
    {"a chunk's size that is too much for any limit",
     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "fffffffffffffffff\r\n",
     BAD("35", "a chunk is broken")},
    {"a control character behind too long a line",
     "GET /" FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY
     "AAAAAAA\001",
     "HTTP/1.1 414 URI Too Long\r\n" TEXT CLOSE
     "Content-Length: 17\r\n\r\n414 URI Too Long\n"},
    {"half a line that is none", "GET / HTTP/1.1\r\n" HOST "\r\nG@T / HT",
     HELLO BAD("27", "no method")},
    {"half a line", "GET / HTTP/1.1\r\n" HOST "\r\nGET / HT", HELLO},
    {"empty members of a coding",
     "POST /echo HTTP/1.1\r\n" HOST
     "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
     BAD("59", "Transfer-Encoding does not end in chunked")},
    {"an expectation that the body meets",
     "POST /echo HTTP/1.1\r\n" HOST
     "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     OK_ "Content-Length: 3\r\n\r\nabc" HELLO},
    {"chunks",
     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0005;a=b\r\ndefgh\r\n0\r\n\r\n"
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     OK_ "Content-Length: 8\r\n\r\nabcdefgh" HELLO},
    {"trailers",
     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0\r\nMood: good\r\nEnd:now\r\n\r\n"
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     OK_ "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
         "X-Mood: good\r\nX-End: now\r\n\r\n" HELLO},
    {"100 for who waits, and has not sent",
     "POST /echo HTTP/1.0\r\nContent-Length: 3\r\n"
     "Expect: 100-continue\r\n\r\nabc",
     OK_ CLOSE "Content-Length: 3\r\n\r\nabc"},
    {"empty body", "POST /echo HTTP/1.1\r\n" HOST "\r\n",
     OK_ "Content-Length: 0\r\n\r\n"},
    {"unread body",
     "GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n12345"
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     HELLO HELLO},
    {"unread chunks",
     "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "5\r\n12345\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
     HELLO HELLO},
    {"no wait for 100, no body",
     "GET / HTTP/1.1\r\n" HOST
     "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
     OK_ "Content-Type: text/plain\r\n" CLOSE
         "Content-Length: 6\r\n\r\nhello\n"},
    {"nothing written", "GET /nothing HTTP/1.1\r\n" HOST "\r\n",
     OK_ "Content-Length: 0\r\n\r\n"},
    {"204", "GET /204 HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 204 No Content\r\n\r\n"},
    {"304", "GET /304 HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"},
    {"pieces", "GET /pieces HTTP/1.1\r\n" HOST "\r\n",
     OK_ "X-A: b\r\nContent-Length: 6\r\n\r\nonetwo"},
    {"flushed pieces", "GET /flush HTTP/1.1\r\n" HOST "\r\n",
     OK_ "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n"
         "0\r\n\r\n"},
    {"flushed pieces for 1.0",
     "GET /flush HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     OK_ CLOSE "\r\nonetwo"},
    {"head of flushed pieces", "HEAD /flush HTTP/1.1\r\n" HOST "\r\n",
     OK_ "Transfer-Encoding: chunked\r\n\r\n"},
    {"head of pieces", "HEAD /pieces HTTP/1.1\r\n" HOST "\r\n",
     OK_ "X-A: b\r\nContent-Length: 6\r\n\r\n"},
    {"a handler fails", "GET /fail?5 HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 500 Internal Server Error\r\n" TEXT
     "Content-Length: 26\r\n\r\n500 Internal Server Error\n"},
    {"it finds nothing", "GET /fail?2 HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 404 Not Found\r\n" TEXT
     "Content-Length: 14\r\n\r\n404 Not Found\n"},
    {"it has no memory", "GET /fail?12 HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n" TEXT
     "Content-Length: 24\r\n\r\n503 Service Unavailable\n"},
    {"431",
     "GET / HTTP/1.1\r\n" HOST "A: " FIFTY FIFTY FIFTY FIFTY FIFTY
     "\r\nB: " FIFTY FIFTY FIFTY FIFTY FIFTY "\r\n\r\n",
     "HTTP/1.1 431 Request Header Fields Too Large\r\n" TEXT CLOSE
     "Content-Length: 36\r\n\r\n431 Request Header Fields Too Large\n"},
    {"414",
     "GET /" FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY
     " HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 414 URI Too Long\r\n" TEXT CLOSE
     "Content-Length: 17\r\n\r\n414 URI Too Long\n"},
};

/* ---- the handlers ---- */

static int
say_nothing(tn_exchange *x, void *arg)
{
    (void)x;
    (void)arg;
    return 0;
}

static int
say_status(tn_exchange *x, void *arg)
{
    int status = (int)strtol(tn_httpd_request(x)->path.at + 1, NULL, 10);

    (void)arg;
    if (status == 304) {
        OK(tn_httpd_field(x, "ETag", "\"a\""));
        return tn_httpd_reply(x, status, NULL, NULL, 0);
    }
    return tn_httpd_reply(x, status, NULL, "dropped", 7);
}

static int
say_pieces(tn_exchange *x, void *arg)
{
    (void)arg;
    OK(tn_httpd_field(x, "X-A", "b"));
    OK(tn_httpd_write(x, "one", 3));
    ERR(tn_httpd_field(x, "X-B", "late"), -EALREADY);
    ERR(tn_httpd_status(x, 201), -EALREADY);
    return tn_httpd_write(x, "two", 3);
}

static int
say_flushed(tn_exchange *x, void *arg)
{
    (void)arg;
    OK(tn_httpd_write(x, "one", 3));
    OK(tn_httpd_flush(x));
    return tn_httpd_write(x, "two", 3);
}

/* What was begun is taken back. */
static int
fail_with(tn_exchange *x, void *arg)
{
    (void)arg;
    OK(tn_httpd_status(x, 201));
    OK(tn_httpd_field(x, "X-A", "b"));
    OK(tn_httpd_write(x, "begun", 5));
    return -(int)strtol(tn_httpd_request(x)->query.at, NULL, 10);
}

static const tn_httpd_route routes[] = {
    {"GET", "/", say_hello},         {"GET", "/dir/", say_hello},
    {"POST PUT", "/echo", say_echo}, {"PROPFIND LOCK", "/dav", say_hello},
    {NULL, "/any", say_hello},       {"GET", "/nothing", say_nothing},
    {"GET", "/204", say_status},     {"GET", "/304", say_status},
    {"GET", "/pieces", say_pieces},  {"GET", "/flush", say_flushed},
    {"GET", "/fail", fail_with},     {NULL, NULL, NULL},
};

/* ---- playing ---- */

/* In pieces of 1 to `most` bytes, each on its way before the next. */
static void
say_cut(tn_sock *c, const char *text, unsigned most, uint32_t *seed)
{
    size_t n = strlen(text), at = 0;

    while (at < n) {
        size_t piece;

        *seed = *seed * 1664525u + 1013904223u;
        piece = 1 + (*seed >> 8) % most;
        piece = piece < n - at ? piece : n - at;
        /* The server may have closed: it said all it has to say. */
        if (tn_sendall(c, text + at, piece, NULL) < 0) {
            return;
        }
        at += piece;
        OK(tn_checkpoint());
    }
}

static void
mask_sign(char *text)
{
    static const char sign[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *at = strstr(text, sign);

    if (at) {
        memmove(at, at + sizeof(sign) - 1, strlen(at) - sizeof(sign) + 2);
    }
}

static void
play(const struct site *s, const char *request, const char *answer,
     unsigned most, uint32_t seed)
{
    static char got[4096];
    tn_sock *c = visit(s);

    say_cut(c, request, most, &seed);
    (void)tn_shutdown(c, SHUT_WR);
    hear_all(c, got, sizeof(got));
    GE(mask_dates(got), 1);
    mask_sign(got);
    STREQ(got, answer);
    tn_close(c);
}

static int
play_all(void *arg)
{
    struct site s = {.routes = routes,
                     .opts = {.max_head = MAX_HEAD, .max_body = MAX_BODY}};

    (void)arg;
    open_site(&s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        printf("%s\n", cases[i].name);
        play(&s, cases[i].request, cases[i].answer, 1u << 20, 0);
        play(&s, cases[i].request, cases[i].answer, 1, 0);
        for (uint32_t seed = 1; seed < 4; seed++) {
            play(&s, cases[i].request, cases[i].answer, 40, seed);
        }
    }
    close_site(&s);
    return 0;
}

TEST_EACH_TIMEOUT(the_answer_is_word_for_word, backends, 60)
{
    OK(run_on(p, play_all, NULL));
}
