/*
 * test_httpd_faults.c - memory is refused, peers reset, servers are cancelled:
 * in every phase of an exchange.
 */
#include "httpd_kit.h"
#include "nomem.h"

#include <sys/resource.h>

static int
read_all(tn_exchange *x, void *arg)
{
    char *all;
    ssize_t n = tn_httpd_read_all(x, &all, 100000);
    int r;

    (void)arg;
    if (n < 0) {
        return (int)n;
    }
    r = tn_httpd_reply(x, 200, NULL, all, (size_t)n);
    free(all);
    return r;
}

/* Until it fails. */
static int
give_endlessly(tn_exchange *x, void *arg)
{
    static char block[50000];
    int r = 0;

    (void)arg;
    while (r == 0) {
        r = tn_httpd_write(x, block, sizeof(block));
    }
    return r;
}

static int
become_silent(tn_exchange *x, void *arg)
{
    char byte;
    tn_sock *sock;
    tn_str early;
    int r = tn_httpd_upgrade(x, 101, &sock, &early);

    (void)arg;
    return r < 0 ? r : (int)tn_recv(sock, &byte, 1, 0);
}

static int
sleep_long(tn_exchange *x, void *arg)
{
    (void)x;
    (void)arg;
    return tn_sleep(TN_FOREVER);
}

static const tn_httpd_route routes[] = {
    {"GET", "/", say_hello},
    {"POST", "/echo", say_echo},
    {"POST", "/all", read_all},
    {"GET", "/endless", give_endlessly},
    {"GET", "/silent", become_silent},
    {"GET", "/sleep", sleep_long},
    {NULL, NULL, NULL},
};

/* ---- memory ---- */

/* A head that needs a larger buffer, a chunked body with trailers that gets one
   of its own, a body that is kept as a whole. */
#define LONG   "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
#define LONGER LONG LONG LONG LONG LONG LONG LONG LONG

static const char all_needs[] =
    "GET / HTTP/1.1\r\nHost: a\r\nA: " LONGER "\r\nB: " LONGER "\r\n\r\n"
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n0\r\nMood: good\r\n\r\n"
    "POST /all HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n0\r\n\r\n";

/* Fail the call with this number; true if there were fewer. */
static bool
without_memory(struct site *s, int number)
{
    static char got[4096];
    tn_sock *c = visit(s);
    size_t n;

    nomem_until = number;
    /* Where not even the connection's record can be had, it is reset. */
    n = 0;
    if (tn_sendall(c, all_needs, sizeof(all_needs) - 1, NULL) > 0 &&
        tn_shutdown(c, SHUT_WR) == 0 &&
        tn_recvall(c, got, sizeof(got) - 1, &n) != -ECONNRESET) {
        CHECK(n == 0 || memcmp(got, "HTTP/1.1 ", 9) == 0);
    }
    number = nomem_until;
    nomem_until = 0;
    tn_close(c);
    ask(s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof(got));
    MEMEQ(got, "HTTP/1.1 200 OK\r\n", 17);
    return number > 0;
}

static int
run_without_memory(void *arg)
{
    struct site s = {.routes = routes};
    int number = 1;

    (void)arg;
    s.opts.idle_time = 2 * TN_SEC;
    /* A server of its own each time: it keeps blocks. */
    for (bool done = false; !done; number++) {
        open_site(&s);
        done = without_memory(&s, number);
        close_site(&s);
    }
    GE(number, 6);
    return 0;
}

TEST_EACH_TIMEOUT(every_refusal_of_memory_is_survived, backends, 60)
{
    OK(run_on(p, run_without_memory, NULL));
}

/* ---- phases ---- */

static const struct {
    const char *name, *said;
} phases[] = {
    {"connected", ""},
    {"in a head", "GET / HTTP/1.1\r\nHo"},
    {"in a body",
     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"},
    {"in a chunk", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n5\r\na"},
    {"in trailers",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\nA: b\r\n"},
    {"waiting for 100",
     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
     "Expect: 100-continue\r\n\r\n"},
    {"in an unread body",
     "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"},
    {"in an answer", "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"in a handler", "GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"behind an answer, in a handler",
     "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /sleep HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"upgraded",
     "GET /silent HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n"},
    {"lingering", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
    {"idle", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
};

enum { PHASES = sizeof(phases) / sizeof(phases[0]) };

static int
peers_reset(void *arg)
{
    struct site s = {.routes = routes};
    char got[512];

    (void)arg;
    s.opts.drain_time = 1 * TN_MS; /* for who sleeps */
    open_site(&s);
    for (size_t i = 0; i < PHASES; i++) {
        for (int when = 0; when < 3; when++) {
            tn_sock *c = visit(&s);

            say(c, phases[i].said);
            OK(when == 1 ? tn_checkpoint() : when ? tn_sleep(3 * TN_MS) : 0);
            tn_abort(c);
        }
        ask(&s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof(got));
        MEMEQ(got, "HTTP/1.1 200 OK\r\n", 17);
    }
    close_site(&s);
    return 0;
}

TEST_EACH(a_peer_may_reset_in_every_phase, backends)
{
    OK(run_on(p, peers_reset, NULL));
}

/* The server ends while one of each is open. */
static int
cancelled_in_all(void *arg)
{
    struct site s = {.routes = routes};
    tn_sock *c[PHASES];

    (void)arg;
    s.opts.drain_time = 20 * TN_MS;
    open_site(&s);
    for (size_t i = 0; i < PHASES; i++) {
        c[i] = visit(&s);
        say(c[i], phases[i].said);
    }
    OK(tn_sleep(5 * TN_MS));
    close_site(&s);
    for (size_t i = 0; i < PHASES; i++) {
        tn_close(c[i]);
    }
    return 0;
}

TEST_EACH_TIMEOUT(a_server_may_end_in_every_phase, backends, 30)
{
    OK(run_on(p, cancelled_in_all, NULL));
}

/* ---- descriptors ---- */

static int
thirsty(void *arg)
{
    struct site s = {.routes = routes};
    struct rlimit old, tight;
    tn_sock *c[8];
    char got[512];
    int fd;

    (void)arg;
    open_site(&s);
    OK(getrlimit(RLIMIT_NOFILE, &old));
    for (int i = 0; i < 8; i++) {
        OK(tn_socket(&c[i], AF_INET, SOCK_STREAM, 0));
        tn_settimeout(c[i], 60 * TN_SEC);
    }
    fd = dup(0);
    OK(fd);
    close(fd);
    tight = (struct rlimit){(rlim_t)fd + 2, old.rlim_max};
    OK(setrlimit(RLIMIT_NOFILE, &tight));
    for (int i = 0; i < 8; i++) {
        OK(tn_connect(c[i], &s.addr));
        say(c[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for (int i = 0; i < 8; i++) {
        hear_until(c[i], "hello\n", got, sizeof(got));
        tn_close(c[i]); /* the next has room then */
    }
    OK(setrlimit(RLIMIT_NOFILE, &old));
    close_site(&s);
    return 0;
}

TEST_EACH(without_descriptors_a_server_waits, kernels)
{
    if (on_valgrind()) {
        SKIP("beyond the limit valgrind accepts and closes");
    }
    OK(run_on(p, thirsty, NULL));
}
