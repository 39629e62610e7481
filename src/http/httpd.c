/*
 * httpd.c - a server's life: its options, its spare blocks, its end.
 */
#include <tenon/serve.h>
#include <tenon/sockopt.h>

#include "http/httpd_int.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- spare blocks ---- */

void *
tn__spare_get(struct tn__spare *s)
{
    void *block = s->free;

    if (TN_UNLIKELY(!block)) {
        return malloc(s->size);
    }
    memcpy(&s->free, block, sizeof(s->free));
    s->count--;
    return block;
}

void
tn__spare_put(struct tn__spare *s, void *block)
{
    if (!block) {
        return;
    }
    if (s->count >= TN_HTTPD_SPARE) {
        free(block);
        return;
    }
    memcpy(block, &s->free, sizeof(s->free));
    s->free = block;
    s->count++;
}

void
tn__spare_fini(struct tn__spare *s)
{
    while (s->free) {
        free(tn__spare_get(s));
    }
}

/* ---- small text ---- */

void
tn__httpd_date(struct tn__httpd *server)
{
    struct timespec now;
    char text[TN_HTTP_DATE_TEXT];
    char *p = server->date;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (TN_LIKELY(now.tv_sec == server->date_at && server->date_len > 0)) {
        return;
    }
    tn_http_date(text, now.tv_sec);
    p = tn__httpd_copy(p, "Date: ", 6);
    p = tn__httpd_copy(p, text, strlen(text));
    p = tn__httpd_copy(p, "\r\n", 2);
    server->date_len = (size_t)(p - server->date);
    server->date_at = now.tv_sec;
}

char *
tn__httpd_number(char *dst, uint64_t n)
{
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return tn__httpd_copy(dst, text + at, sizeof(text) - at);
}

/* ---- the server ---- */

/* The end has begun: who waits for a request need not wait any longer, and
   what was upgraded knows itself how to say good-bye. */
static void
drain(void *arg)
{
    struct tn__httpd *server = arg;

    server->draining = true;
    for (struct tn__hconn *c = server->conns; c; c = c->next) {
        if (c->idle) {
            tn_scope_cancel(&c->scope);
        }
    }
}

static int64_t
or_default(int64_t value, int64_t deflt)
{
    return value ? value : deflt;
}

static void
set_defaults(tn_httpd_opts *o)
{
    o->max_connections =
        o->max_connections > 0 ? o->max_connections : TN_HTTPD_CONNECTIONS;
    o->max_head = o->max_head ? o->max_head : TN_HTTPD_HEAD;
    o->max_body = or_default(o->max_body, TN_HTTPD_BODY);
    o->idle_time = or_default(o->idle_time, TN_HTTPD_IDLE);
    o->head_time = or_default(o->head_time, TN_HTTPD_HEAD_TIME);
    o->body_time = or_default(o->body_time, TN_HTTPD_BODY_TIME);
    o->write_time = or_default(o->write_time, TN_HTTPD_WRITE_TIME);
    o->drain_time = or_default(o->drain_time, TN_HTTPD_DRAIN_TIME);
}

/* Answers are sent when they are whole: to hold them back until the peer has
   acknowledged the last one would help nobody. Connections inherit this from
   their listener. What is no TCP does not know it. */
static void
set_nodelay(tn_sock *listener)
{
    int on = 0;

    if (tn_getsockopt_int(listener, IPPROTO_TCP, TCP_NODELAY, &on) == 0 &&
        !on && tn_setsockopt_int(listener, IPPROTO_TCP, TCP_NODELAY, 1) < 0) {
        return; /* slower, but right */
    }
}

/* What runs in the loop. */
struct job {
    struct tn__httpd *server;
    tn_sock *listener;
    tn_serve_opts o;
};

static int
run_server(void *arg)
{
    struct job *job = arg;
    tn_group helpers;
    int r;

    tn_group_init(&helpers, TN_KEEP_GOING);
    r = tn_go(&helpers, tn__httpd_send_early, job->server);
    if (r == 0) {
        r = tn_serve(job->listener, tn__httpd_conn, job->server, &job->o);
    }
    tn_group_cancel(&helpers);
    tn_group_wait(&helpers);
    return r;
}

int
tn_httpd_serve(tn_sock *listener, const tn_httpd_route *routes, void *arg,
               const tn_httpd_opts *opts)
{
    struct tn__httpd server = {
        .routes = routes,
        .arg = arg,
        .ins = {.size = TN_HTTPD_IN},
        .outs = {.size = TN_HTTPD_OUT},
        .exchanges = {.size = sizeof(tn_exchange)},
        .methods = tn__httpd_methods(routes),
    };
    struct job job = {&server, listener, {.on_drain = drain}};
    tn_opts run = {.catch_interrupt = true};
    int r;

    if (opts) {
        server.o = *opts;
    }
    set_defaults(&server.o);
    job.o.max_connections = server.o.max_connections + TN_HTTPD_TURNED_AWAY;
    job.o.idle = server.o.idle_time;
    job.o.drain = server.o.drain_time;
    set_nodelay(listener);
    r = tn__self ? run_server(&job) : tn_run(&run, run_server, &job);
    tn__spare_fini(&server.ins);
    tn__spare_fini(&server.outs);
    tn__spare_fini(&server.exchanges);
    return r;
}
