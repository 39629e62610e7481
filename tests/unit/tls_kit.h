/*
 * tls_kit.h - two ends that speak TLS with each other, for tests.
 */
#ifndef TENON_TESTS_TLS_KIT_H
#define TENON_TESTS_TLS_KIT_H

#include <tenon/tls.h>

#include "core.h"

#include <stdio.h>

/* Both ends of a connection and their configurations. */
struct tls_kit {
    tn_tls *client, *server;
    tn_sock *s[2]; /* the client's end, the server's */
};

/* A server's configuration with a certificate of its own, and a client's that
   trusts that one. */
UNUSED static void
tls_configs(tn_tls **client, tn_tls **server)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    unsigned char sha256[TN_TLS_FINGERPRINT];
    char *pem;

    OK(tn_tls_self_signed(&pem, names, 3, 1));
    OK(tn_tls_new(server, TN_TLS_SERVER));
    OK(tn_tls_certificate_pem(*server, pem, strlen(pem)));
    OK(tn_tls_fingerprint(*server, sha256));
    OK(tn_tls_new(client, TN_TLS_CLIENT));
    tn_tls_pin(*client, sha256);
    free(pem);
}

/* Two ends without a handshake yet. */
UNUSED static void
tls_open(struct tls_kit *k)
{
    tls_configs(&k->client, &k->server);
    tcp_pair(k->s, AF_INET);
    OK(tn_tls_start(k->s[0], k->client, "localhost"));
    OK(tn_tls_start(k->s[1], k->server, NULL));
}

UNUSED static int
tls_shake(void *arg)
{
    return tn_tls_handshake(arg);
}

/* Both handshakes at once, in tasks. */
UNUSED static void
tls_up(struct tls_kit *k)
{
    tn_group g;

    tls_open(k);
    tn_group_init(&g, 0);
    OK(tn_go(&g, tls_shake, k->s[0]));
    OK(tn_go(&g, tls_shake, k->s[1]));
    OK(tn_group_wait(&g));
}

/* What is left of it. */
UNUSED static void
tls_close(struct tls_kit *k)
{
    tn_close(k->s[0]);
    tn_close(k->s[1]);
    tn_tls_free(k->client);
    tn_tls_free(k->server);
}

/* ---- what tasks do with one end ---- */

struct waiter {
    tn_sock *s;
    ssize_t result;
};

UNUSED static int
wait_for_byte(void *arg)
{
    struct waiter *w = arg;
    char byte;

    w->result = tn_recv(w->s, &byte, 1, 0);
    return 0;
}

UNUSED static int
read_to_end(void *arg)
{
    struct waiter *w = arg;
    static char buf[65536];
    ssize_t n;

    w->result = 0;
    while ((n = tn_recv(w->s, buf, sizeof(buf), 0)) > 0) {
        w->result += n;
    }
    w->result = n < 0 ? n : w->result;
    return 0;
}

#endif
