/*
 * test_httpd_end.c - connections that become something else, and the end.
 */
#include <tenon/tls.h>

#include "httpd_kit.h"

#define GET   "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO "text/plain\r\nContent-Length: 6\r\n\r\nhello\n"

struct state {
    int entered, left;
    bool go;
    int result; /* of the last handler that kept it */
};

/* Stays until it is let go. */
static int
say_later(tn_exchange *x, void *arg)
{
    struct state *st = arg;
    int r = 0;

    st->entered++;
    while (!st->go && r == 0) {
        r = tn_sleep(1 * TN_MS);
    }
    st->left++;
    st->result = r;
    return r < 0 ? r : tn_httpd_reply(x, 200, "text/plain", "hello\n", 6);
}

static int
become_echo(tn_exchange *x, void *arg)
{
    struct state *st = arg;
    char buf[64];
    tn_sock *sock;
    tn_str early;
    ssize_t n;

    OK(tn_httpd_field(x, "Upgrade", "echo"));
    OK(tn_httpd_upgrade(x, 101, &sock, &early));
    ERR(tn_httpd_upgrade(x, 101, &sock, &early), -EALREADY);
    st->entered++;
    n = (ssize_t)early.len;
    if (n > 0) {
        EQ(tn_sendall(sock, early.at, early.len, NULL), n);
    }
    while ((n = tn_recv(sock, buf, sizeof(buf), 0)) > 0) {
        EQ(tn_sendall(sock, buf, (size_t)n, NULL), n);
    }
    st->result = (int)n;
    return 0;
}

static const tn_httpd_route routes[] = {
    {"GET", "/", say_hello},
    {"GET", "/later", say_later},
    {"GET", "/up", become_echo},
    {NULL, NULL, NULL},
};

static struct site
site_with(struct state *st)
{
    return (struct site){.routes = routes, .arg = st};
}

/* ---- something else than HTTP ---- */

SITE_TEST(an_upgraded_connection_has_its_early_bytes)
{
    char got[1024];
    tn_sock *c;

    open_site(s);
    c = visit(s);
    say(c, "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
           "Upgrade: echo\r\n\r\nearly");
    hear_until(c, "\r\n\r\n", got, sizeof(got));
    mask_dates(got);
    STREQ(got, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
               "Connection: Upgrade\r\n\r\n");
    hear_until(c, "early", got, sizeof(got));
    say(c, "late");
    hear_until(c, "late", got, sizeof(got));
    close_site(s);
    EQ(st->result, -ECANCELED);
    EQ(tn_recv(c, got, 1, 0), 0);
    tn_close(c);
}

/* Through the server to itself. */
SITE_TEST(a_tunnel_goes_both_ways)
{
    static const char *const tunnels[] = {"127.0.0.1:*", NULL};
    char text[128], got[1024];
    tn_sock *c;

    s->opts.tunnels = tunnels;
    open_site(s);
    c = visit(s);
    say(c, "CONNECT example.org:443 HTTP/1.1\r\n"
           "Host: example.org:443\r\n\r\n");
    hear_until(c, "403 Forbidden\n", got, sizeof(got));
    snprintf(text, sizeof(text),
             "CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
             tn_addr_port(&s->addr), tn_addr_port(&s->addr));
    say(c, text);
    say(c, GET);
    OK(tn_shutdown(c, SHUT_WR));
    hear_all(c, got, sizeof(got));
    EQ(mask_dates(got), 2);
    STREQ(got, "HTTP/1.1 200 OK\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Type: " HELLO);
    tn_close(c);
    close_site(s);
}

/* ---- the end ---- */

static int
let_go(void *arg)
{
    struct state *st = arg;

    OK(tn_sleep(20 * TN_MS));
    st->go = true;
    return 0;
}

SITE_TEST(the_end_waits_for_open_exchanges)
{
    tn_sock *idle, *busy;
    char got[1024];
    tn_group g;

    open_site(s);
    idle = visit(s);
    busy = visit(s);
    say(idle, GET);
    hear_until(idle, "hello\n", got, sizeof(got));
    say(busy, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n" GET);
    while (st->entered == 0) {
        OK(tn_sleep(1 * TN_MS));
    }
    tn_group_init(&g, 0);
    OK(tn_go(&g, let_go, st));
    close_site(s);
    OK(tn_group_wait(&g));
    EQ(st->result, 0);
    EQ(tn_recv(idle, got, 1, 0), 0);
    hear_all(busy, got, sizeof(got));
    mask_dates(got);
    STREQ(got, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
               "Connection: close\r\nContent-Length: 6\r\n\r\nhello\n");
    tn_close(idle);
    tn_close(busy);
}

SITE_TEST(the_end_does_not_wait_for_ever)
{
    char got[1024];
    tn_sock *c;

    s->opts.drain_time = 20 * TN_MS;
    open_site(s);
    c = visit(s);
    say(c, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    while (st->entered == 0) {
        OK(tn_sleep(1 * TN_MS));
    }
    close_site(s);
    EQ(st->result, -ECANCELED);
    CHECK(tn_recv(c, got, 1, 0) <= 0);
    tn_close(c);
}

/* ---- half a handshake ---- */

static int
never_shake(void *arg)
{
    static const uint8_t start[] = {0x16, 3, 1, 2, 0, 1};
    static const char *const names[] = {"localhost"};
    tn_listen_opts listen = {0};
    struct site s = {.routes = routes, .opts = {.head_time = 50 * TN_MS}};
    int64_t begin = tn_now();
    tn_sock *c;
    char *pem, byte;

    (void)arg;
    OK(tn_tls_new(&listen.tls, TN_TLS_SERVER));
    OK(tn_tls_self_signed(&pem, names, 1, 1));
    OK(tn_tls_certificate_pem(listen.tls, pem, strlen(pem)));
    OK(tn_listen_on(&s.listener, "tls://127.0.0.1:0", &listen));
    OK(tn_getsockname(s.listener, &s.addr));
    serve_site(&s);
    c = visit(&s);
    EQ(tn_sendall(c, start, sizeof(start), NULL), sizeof(start));
    LE(tn_recv(c, &byte, 1, 0), 0);
    CHECK(tn_now() - begin < 30 * TN_SEC);
    tn_close(c);
    close_site(&s);
    tn_tls_free(listen.tls);
    free(pem);
    return 0;
}

TEST_EACH_TIMEOUT(a_handshake_has_the_time_of_a_head, backends, 30)
{
    OK(run_on(p, never_shake, NULL));
}
