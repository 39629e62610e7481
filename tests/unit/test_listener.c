/*
 * test_listener.c - a server at its edges: its listener goes, its peers do not.
 */
#include <tenon/serve.h>

#include "core.h"

struct service {
    tn_sock *listener;
    tn_addr addr;
    tn_serve_opts opts;
    tn_handler *handler;
    int result;
    int met; /* handlers that began */
};

static int
run_service(void *arg)
{
    struct service *s = arg;

    s->result = tn_serve(s->listener, s->handler, s, &s->opts);
    return 0;
}

static void
open_service(struct service *s, tn_handler *handler)
{
    s->addr = loopback(AF_INET, 0);
    OK(tn_create_server(&s->listener, &s->addr, NULL));
    OK(tn_getsockname(s->listener, &s->addr));
    s->handler = handler;
    s->result = 1;
}

static tn_sock *
join(const struct service *s)
{
    tn_sock *c;

    OK(tn_socket(&c, AF_INET, SOCK_STREAM, 0));
    OK(tn_connect(c, &s->addr));
    return c;
}

/* ---- the listener is closed ---- */

static int
hold(tn_sock *conn, const tn_addr *peer, void *arg)
{
    struct service *s = arg;
    char byte;

    (void)peer;
    s->met++;
    return (int)tn_recv(conn, &byte, 1, 0);
}

static int
close_while_full(void *arg)
{
    struct service s = {.opts.max_connections = 1};
    tn_scope scope;
    tn_sock *c;
    tn_group g;

    (void)arg;
    open_service(&s, hold);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    while (s.met == 0) {
        OK(tn_sleep(1 * TN_MS));
    }
    OK(tn_sleep(1 * TN_MS));
    OK(tn_close(s.listener));
    tn_deadline(&scope, 4 * TN_SEC);
    OK(tn_group_wait(&g));
    CHECK(!tn_scope_end(&scope));
    EQ(s.result, -EBADF);
    tn_close(c);
    return 0;
}

TEST_EACH(a_full_server_hears_that_its_listener_is_closed, backends)
{
    OK(run_on(p, close_while_full, NULL));
}

static int
close_server(tn_sock *conn, const tn_addr *peer, void *arg)
{
    struct service *s = arg;

    (void)conn;
    (void)peer;
    tn_close(s->listener);
    ERR(tn_sleep(TN_FOREVER), -ECANCELED);
    return 0;
}

static int
close_from_handler(void *arg)
{
    struct service s = {.opts.max_connections = *(int *)arg};
    tn_sock *c;
    tn_group g;
    char byte;

    open_service(&s, close_server);
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_service, &s));
    c = join(&s);
    EQ(tn_recv(c, &byte, 1, 0), 0);
    tn_close(c);
    OK(tn_group_wait(&g));
    EQ(s.result, -EBADF);
    return 0;
}

TEST_EACH(a_handler_may_close_the_listener, backends)
{
    int most = 1;

    OK(run_on(p, close_from_handler, &most));
    most = 10;
    OK(run_on(p, close_from_handler, &most));
}
