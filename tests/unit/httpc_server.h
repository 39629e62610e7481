/*
 * httpc_server.h - a server that reads requests and answers by a script.
 *
 * Each request, on whatever connection, takes the next step. What was asked
 * is kept, for the test to look at.
 */
#ifndef TENON_TESTS_HTTPC_SERVER_H
#define TENON_TESTS_HTTPC_SERVER_H

#include <tenon/httpc.h>

#include "core.h"

#include <stdio.h>

enum {
    MOST_REQUESTS = 24,
    MOST_REQUEST = 16384,
};

enum then {
    KEEP,   /* the connection goes on */
    CLOSE,  /* it ends */
    RESET,  /* it ends with a reset */
    SILENT, /* nothing more is done on it */
};

struct step {
    const char *answer; /* NULL: none */
    size_t len;         /* 0: up to the NUL */
    enum then then;
    bool early; /* answer as soon as the head is here; drop the rest */
    bool bytes; /* byte by byte */
};

struct server {
    tn_sock *listener;
    tn_addr addr;
    tn_group group;
    const struct step *steps;
    int count, at;
    int connections;
    bool upper; /* another server's script goes on with this one */
    char asked[MOST_REQUESTS][MOST_REQUEST];
    char url[64];
};

struct server_conn {
    struct server *s;
    tn_sock *sock;
    char buf[MOST_REQUEST];
    size_t n;
};

/* Bytes of the message in the buffer, 0 if there is none yet. */
UNUSED static size_t
server_message(const struct server_conn *c, bool early)
{
    tn_http_request req;
    ssize_t head = tn_http_parse_request(&req, c->buf, c->n, 0);
    const char *end;

    GE(head, 0);
    if (head == 0 || early) {
        return (size_t)head;
    }
    if (req.body == TN_HTTP_LENGTH) {
        size_t all = (size_t)head + (size_t)req.length;

        return c->n >= all ? all : 0;
    }
    if (req.body == TN_HTTP_CHUNKED) {
        end = memmem(c->buf + head, c->n - (size_t)head, "0\r\n\r\n", 5);
        return end ? (size_t)(end + 5 - c->buf) : 0;
    }
    return (size_t)head;
}

UNUSED static ssize_t
server_answer(struct server_conn *c, const struct step *step)
{
    size_t n = step->len ? step->len : strlen(step->answer);
    ssize_t r = 0;

    if (!step->bytes) {
        return tn_sendall(c->sock, step->answer, n, NULL);
    }
    OK(tn_set(c->sock, TN_NODELAY, 1));
    for (size_t i = 0; i < n && r >= 0; i++) {
        r = tn_sendall(c->sock, step->answer + i, 1, NULL);
        if (r >= 0) {
            r = tn_checkpoint();
        }
    }
    return r;
}

/* Do the next step; false if the connection is over. */
UNUSED static bool
server_step(struct server_conn *c)
{
    struct server *s = c->s;
    const struct step *step = &s->steps[s->at];
    size_t n;
    ssize_t r;

    if (s->at == s->count) {
        return false; /* more requests than were foreseen: the test sees it */
    }
    n = server_message(c, step->early);
    if (n == 0) {
        r = c->n < sizeof(c->buf)
                ? tn_recv(c->sock, c->buf + c->n, sizeof(c->buf) - c->n, 0)
                : -EMSGSIZE;
        c->n += r > 0 ? (size_t)r : 0;
        return r > 0;
    }
    memcpy(s->asked[s->at], c->buf, n);
    s->asked[s->at][n] = '\0';
    s->at++;
    memmove(c->buf, c->buf + n, c->n - n);
    c->n -= n;
    if (step->answer && server_answer(c, step) < 0) {
        return false;
    }
    if (step->then == SILENT) {
        (void)tn_sleep(TN_FOREVER);
    }
    if (step->then == RESET) {
        tn_abort(c->sock);
        c->sock = NULL;
    }
    return step->then == KEEP;
}

UNUSED static int
server_conn_run(void *arg)
{
    struct server_conn *c = arg;

    while (server_step(c)) {
    }
    tn_close(c->sock);
    free(c);
    return 0;
}

UNUSED static int
server_run(void *arg)
{
    struct server *s = arg;
    struct server_conn *c;
    tn_sock *sock;

    while (tn_accept(s->listener, &sock, NULL) == 0) {
        s->connections++;
        c = calloc(1, sizeof(*c));
        CHECK(c != NULL);
        c->s = s;
        c->sock = sock;
        if (tn_go(&s->group, server_conn_run, c) < 0) {
            tn_close(sock); /* the test is over */
            free(c);
        }
    }
    return 0;
}

UNUSED static struct server *
server_start(const struct step *steps, int count)
{
    struct server *s = calloc(1, sizeof(*s));

    CHECK(s != NULL);
    LE(count, MOST_REQUESTS);
    s->steps = steps;
    s->count = count;
    s->addr = loopback(AF_INET, 0);
    OK(tn_create_server(&s->listener, &s->addr, NULL));
    OK(tn_getsockname(s->listener, &s->addr));
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/",
             tn_addr_port(&s->addr));
    tn_group_init(&s->group, TN_KEEP_GOING);
    OK(tn_go(&s->group, server_run, s));
    return s;
}

UNUSED static void
server_stop(struct server *s)
{
    tn_group_cancel(&s->group);
    (void)tn_group_wait(&s->group);
    tn_close(s->listener);
    free(s);
}

/* Read a whole body, which ends in NUL then; its length, or a code. */
UNUSED static ssize_t
read_body(tn_fetch *f, char *buf, size_t cap, size_t piece)
{
    size_t n = 0;
    ssize_t r;

    while ((r = tn_httpc_read(f, buf + n,
                              piece < cap - 1 - n ? piece : cap - 1 - n)) > 0) {
        n += (size_t)r;
        LE(n, cap - 2);
    }
    buf[n] = '\0';
    return r < 0 ? r : (ssize_t)n;
}

/* Open, read, close: the length of the body, or a code. */
UNUSED static ssize_t
fetch_body(tn_httpc *c, const tn_httpc_request *req, char *buf, size_t cap,
           int *status)
{
    tn_fetch *f;
    int r = tn_httpc_open(&f, c, req);
    ssize_t n;

    buf[0] = '\0';
    if (r < 0) {
        CHECK(f == NULL);
        return r;
    }
    if (status) {
        *status = tn_httpc_response(f)->status;
    }
    n = read_body(f, buf, cap, cap);
    tn_httpc_close(f);
    return n;
}

#endif
