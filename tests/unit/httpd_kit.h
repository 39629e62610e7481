/*
 * httpd_kit.h - a server to test, with handlers that show what they saw, and
 * clients that say anything.
 */
#ifndef TENON_TESTS_HTTPD_KIT_H
#define TENON_TESTS_HTTPD_KIT_H

#include <tenon/httpd.h>
#include <tenon/serve.h>

#include "core.h"

#include <stdio.h>
#include <unistd.h>

/* ---- handlers ---- */

UNUSED static int
say_hello(tn_exchange *x, void *arg)
{
    (void)arg;
    return tn_httpd_reply(x, 200, "text/plain", "hello\n", 6);
}

/* The body comes back as it came, piece by piece, and the trailers as trailers
   with an X- in front. */
UNUSED static int
say_echo(tn_exchange *x, void *arg)
{
    const tn_http_field *fields;
    char buf[3000], name[64], value[64];
    ssize_t n;
    int count;

    (void)arg;
    while ((n = tn_httpd_read(x, buf, sizeof(buf))) > 0) {
        n = tn_httpd_write(x, buf, (size_t)n);
        if (n < 0) {
            return (int)n;
        }
    }
    fields = tn_httpd_trailers(x, &count);
    for (int i = 0; n == 0 && i < count; i++) {
        snprintf(name, sizeof(name), "X-%.*s", (int)fields[i].name.len,
                 fields[i].name.at);
        snprintf(value, sizeof(value), "%.*s", (int)fields[i].value.len,
                 fields[i].value.at);
        n = tn_httpd_trailer(x, name, value);
    }
    return (int)n;
}

/* ---- what it costs ---- */

/* Pages in memory, in bytes. */
UNUSED static int64_t
resident(void)
{
    long size = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%ld %ld", &size, &pages) == 2);
    fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* ---- a server in a task ---- */

struct site {
    tn_sock *listener;
    tn_addr addr;
    const tn_httpd_route *routes;
    tn_httpd_opts opts;
    void *arg;
    tn_scope scope;
    tn_group group;
    int result;
};

UNUSED static int
run_site(void *arg)
{
    struct site *s = arg;

    tn_deadline(&s->scope, TN_FOREVER);
    s->result = tn_httpd_serve(s->listener, s->routes, s->arg, &s->opts);
    tn_scope_end(&s->scope);
    return 0;
}

UNUSED static void
serve_site(struct site *s)
{
    s->result = 1;
    tn_group_init(&s->group, 0);
    OK(tn_go(&s->group, run_site, s));
    OK(tn_checkpoint());
}

UNUSED static void
open_site(struct site *s)
{
    s->addr = loopback(AF_INET, 0);
    OK(tn_create_server(&s->listener, &s->addr, NULL));
    OK(tn_getsockname(s->listener, &s->addr));
    serve_site(s);
}

UNUSED static void
close_site(struct site *s)
{
    tn_scope_cancel(&s->scope);
    OK(tn_group_wait(&s->group));
    EQ(s->result, -ECANCELED);
    tn_close(s->listener);
}

/* A test in a task, on every back end, of the site that the file's site_with()
   makes of its own struct state. The body opens and closes it. */
#define SITE_TEST(id) SITE_TEST_TIMEOUT(id, TEST_SECONDS)

#define SITE_TEST_TIMEOUT(id, limit)                                           \
    static void body_of_##id(struct state *st, struct site *s);                \
    static int task_of_##id(void *arg)                                         \
    {                                                                          \
        struct state st = {0};                                                 \
        struct site s = site_with(&st);                                        \
        (void)arg;                                                             \
        body_of_##id(&st, &s);                                                 \
        return 0;                                                              \
    }                                                                          \
    TEST_EACH_TIMEOUT(id, backends, limit)                                     \
    {                                                                          \
        OK(run_on(p, task_of_##id, NULL));                                     \
    }                                                                          \
    static void body_of_##id(UNUSED struct state *st, struct site *s)

/* ---- a client ---- */

UNUSED static tn_sock *
visit(const struct site *s)
{
    tn_sock *c;

    OK(tn_socket(&c, AF_INET, SOCK_STREAM, 0));
    tn_settimeout(c, 60 * TN_SEC);
    OK(tn_connect(c, &s->addr));
    return c;
}

UNUSED static void
say(tn_sock *c, const char *text)
{
    EQ(tn_sendall(c, text, strlen(text), NULL), (ssize_t)strlen(text));
}

/* Take every "Date: ...\r\n" out. Returns how many there were. */
UNUSED static int
mask_dates(char *text)
{
    int n = 0;
    char *at;

    while ((at = strstr(text, "Date: ")) != NULL) {
        char *end = strstr(at, "\r\n");

        CHECK(end && end - at == 35);
        CHECK(memcmp(end - 4, " GMT", 4) == 0);
        memmove(at, end + 2, strlen(end + 2) + 1);
        n++;
    }
    return n;
}

/* All up to the end of the stream; ends in NUL. */
UNUSED static size_t
hear_all(tn_sock *c, char *buf, size_t cap)
{
    size_t got;
    ssize_t n = tn_recvall(c, buf, cap - 1, &got);

    CHECK(n == TN_ETRUNCATED || n == 0); /* so the buffer was large enough */
    buf[got] = '\0';
    return got;
}

/* Up to and with `end`; ends in NUL. */
UNUSED static void
hear_until(tn_sock *c, const char *end, char *buf, size_t cap)
{
    size_t got = 0;

    buf[0] = '\0';
    while (!strstr(buf, end)) {
        CHECK(got + 1 < cap);
        EQ(tn_recv(c, buf + got, 1, 0), 1);
        buf[++got] = '\0';
    }
}

/* Say it, end the sending side, hear the answer without its dates. */
UNUSED static void
ask(const struct site *s, const char *request, char *answer, size_t cap)
{
    tn_sock *c = visit(s);

    say(c, request);
    OK(tn_shutdown(c, SHUT_WR));
    hear_all(c, answer, cap);
    mask_dates(answer);
    tn_close(c);
}

#endif
