/*
 * service_kit.h - a server of tn_serve() to test, which counts what ended, and
 * clients of it.
 */
#ifndef TENON_TESTS_SERVICE_KIT_H
#define TENON_TESTS_SERVICE_KIT_H

#include <tenon/serve.h>

#include "core.h"

struct service {
    tn_sock *listener;
    tn_addr addr;
    tn_serve_opts opts;
    tn_handler *handler;
    int result;        /* of tn_serve(); 1: it has not returned */
    int met;           /* handlers that began */
    int running, most; /* handlers now, and at once */
    int ended, last;   /* connections, and the latest one's result */
};

UNUSED static void
count_end(const tn_addr *peer, int result, void *arg)
{
    struct service *s = arg;

    GE(tn_addr_port(peer), 1);
    s->ended++;
    s->last = result;
}

/* A task. */
UNUSED static int
run_service(void *arg)
{
    struct service *s = arg;

    s->result = tn_serve(s->listener, s->handler, s, &s->opts);
    return 0;
}

UNUSED static void
open_service(struct service *s, tn_handler *handler)
{
    s->addr = loopback(AF_INET, 0);
    OK(tn_create_server(&s->listener, &s->addr, NULL));
    OK(tn_getsockname(s->listener, &s->addr));
    s->handler = handler;
    s->opts.on_end = count_end;
    s->result = 1;
}

UNUSED static tn_sock *
join(const struct service *s)
{
    tn_sock *c;

    OK(tn_socket(&c, AF_INET, SOCK_STREAM, 0));
    tn_settimeout(c, 3 * TN_SEC);
    OK(tn_connect(c, &s->addr));
    return c;
}

#endif
