/*
 * test_ws_dial.c - both sides of the opening handshake in one loop: over TLS,
 * through a proxy, with subprotocols, with a limit; and servers that end.
 */
#include <tenon/httpc.h>

#include "tls_kit.h"
#include "ws_kit.h"

#include <stdio.h>

struct service {
    tn_sock *listener;
    int port, served, last;
    const char *protocol;
    bool silent; /* take connections and say nothing */
    tn_tls *tls; /* wss:// */
    tn_group group;
};

static int
echo(tn_exchange *x, void *arg)
{
    struct service *s = arg;
    tn_ws_opts opts = {.protocol = s->protocol};
    enum tn_ws_kind kind;
    tn_str msg;
    tn_ws *ws;
    int r = tn_ws_accept(&ws, x, &opts);

    if (r < 0) {
        CHECK(ws == NULL);
        s->last = r;
        return r == TN_EWS ? 0 : r;
    }
    s->served++;
    while ((r = tn_ws_recv(ws, &kind, &msg)) == 1) {
        r = tn_ws_send(ws, kind, msg.at, msg.len);
        if (r < 0) {
            break;
        }
    }
    s->last = r;
    tn_ws_free(ws);
    return r;
}

static int
run_service(void *arg)
{
    static const tn_httpd_route routes[] = {{"GET", "/echo", echo}, {0}};
    static const char *const tunnels[] = {"*:*", NULL};
    tn_httpd_opts opts = {.tunnels = tunnels, .drain_time = TN_SEC};
    struct service *s = arg;

    if (s->silent) {
        return tn_sleep(TN_FOREVER);
    }
    return tn_httpd_serve(s->listener, routes, s, &opts);
}

static void
open_service(struct service *s)
{
    tn_listen_opts opts = {.tls = s->tls};
    tn_addr a;

    OK(tn_listen_on(&s->listener, s->tls ? "tls://127.0.0.1:0" : "127.0.0.1:0",
                    &opts));
    OK(tn_getsockname(s->listener, &a));
    s->port = tn_addr_port(&a);
    tn_group_init(&s->group, TN_KEEP_GOING);
    OK(tn_go(&s->group, run_service, s));
}

static void
close_service(struct service *s)
{
    tn_group_cancel(&s->group);
    tn_group_wait(&s->group);
    tn_close(s->listener);
}

static int
dial(tn_ws **ws, const struct service *s, const char *path,
     const tn_ws_opts *opts)
{
    char url[64];

    snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", s->tls ? "wss" : "ws",
             s->port, path);
    return tn_ws_dial(ws, url, opts);
}

static void
check_echo(tn_ws *ws)
{
    tn_ws_end end;

    OK(tn_ws_send(ws, TN_WS_TEXT, "hello", 5));
    expect_message(ws, TN_WS_TEXT, "hello", 5);
    OK(tn_ws_close(ws, 1000, "bye"));
    EQ(recv_end(ws), 0);
    tn_ws_ended(ws, &end);
    EQ(end.code, 1000);
    tn_ws_free(ws);
}

/* ---- the common case, and what the other side will not ---- */

static int
dial_some(void *arg)
{
    struct service s = {.protocol = "tenon.test.1"};
    tn_ws *ws;

    (void)arg;
    open_service(&s);
    OK(dial(&ws, &s, "/echo", NULL));
    check_echo(ws);
    OK(dial(&ws, &s, "/echo", &(tn_ws_opts){.protocol = "tenon.test.1"}));
    check_echo(ws);
    EQ(s.served, 2);
    EQ(s.last, 0);
    ERR(dial(&ws, &s, "/echo", &(tn_ws_opts){.protocol = "Tenon.Test.1"}),
        TN_EWS);
    CHECK(ws == NULL);
    CHECK(strstr(tn_why(), "subprotocol") != NULL);
    ERR(dial(&ws, &s, "/nothing", NULL), TN_EWS);
    CHECK(strstr(tn_why(), "404") != NULL);
    ERR(tn_ws_dial(&ws, "http://127.0.0.1/", NULL), -EINVAL);
    ERR(tn_ws_dial(&ws, "ws://", NULL), -EINVAL);
    ERR(tn_ws_dial(&ws, "ws:/x", NULL), -EINVAL);
    CHECK(ws == NULL);
    close_service(&s);
    return 0;
}

TEST_EACH(a_client_and_a_server_meet, kernels)
{
    OK(run_on(p, dial_some, NULL));
}

/* The server is its own proxy: CONNECT, and through that the handshake. */
static int
dial_through_proxy(void *arg)
{
    struct service s = {.protocol = NULL};
    char proxy[64];
    tn_ws *ws;

    (void)arg;
    open_service(&s);
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", s.port);
    OK(dial(&ws, &s, "/echo", &(tn_ws_opts){.proxy = proxy}));
    check_echo(ws);
    EQ(s.served, 1);
    close_service(&s);
    return 0;
}

TEST_EACH(a_proxy_in_between, kernels)
{
    OK(run_on(p, dial_through_proxy, NULL));
}

static int
dial_the_deaf(void *arg)
{
    struct service s = {.silent = true};
    tn_ws_opts opts = {.connect_time = 50 * TN_MS};
    tn_scope scope;
    tn_ws *ws;

    (void)arg;
    open_service(&s);
    ERR(dial(&ws, &s, "/echo", &opts), -ETIME);
    CHECK(ws == NULL);
    tn_deadline(&scope, 50 * TN_MS);
    ERR(dial(&ws, &s, "/echo", NULL), -ETIME);
    CHECK(tn_scope_end(&scope));
    CHECK(ws == NULL);
    close_service(&s);
    return 0;
}

TEST_EACH(a_server_that_says_nothing, kernels)
{
    OK(run_on(p, dial_the_deaf, NULL));
}

/* A server that ends says good-bye with 1001 through tn_ws_free(). */
static int
end_the_server(void *arg)
{
    struct service s = {.protocol = NULL};
    tn_ws_end end;
    tn_ws *ws;

    (void)arg;
    open_service(&s);
    OK(dial(&ws, &s, "/echo", NULL));
    OK(tn_ws_send(ws, TN_WS_TEXT, "x", 1));
    expect_message(ws, TN_WS_TEXT, "x", 1);
    tn_group_cancel(&s.group);
    EQ(recv_end(ws), 0);
    tn_ws_ended(ws, &end);
    EQ(end.code, 1001);
    tn_ws_free(ws);
    close_service(&s);
    EQ(s.last, -ECANCELED);
    return 0;
}

TEST_EACH(a_server_that_ends_says_good_bye, kernels)
{
    OK(run_on(p, end_the_server, NULL));
}

/* ---- TLS ---- */

struct big {
    tn_ws *ws;
    char *data;
};

enum { BIG = 900000 };

static int
send_big(void *arg)
{
    struct big *b = arg;

    OK(tn_ws_send(b->ws, TN_WS_BINARY, b->data, BIG));
    OK(tn_ws_send(b->ws, TN_WS_BINARY, b->data, 0));
    return 0;
}

/* Both directions at once, records of every length. */
static int
dial_tls(void *arg)
{
    struct service s = {.protocol = NULL};
    struct big b[3];
    enum tn_ws_kind kind;
    tn_tls *client;
    tn_str msg;
    tn_group g;
    tn_ws *ws;
    int whole = 0;

    (void)arg;
    tls_configs(&client, &s.tls);
    open_service(&s);
    ERR(dial(&ws, &s, "/echo", NULL), TN_ECERT);
    OK(dial(&ws, &s, "/echo", &(tn_ws_opts){.tls = client}));
    tn_group_init(&g, 0);
    for (int i = 0; i < 3; i++) {
        b[i] = (struct big){ws, pattern(BIG, (char)i)};
        OK(tn_go(&g, send_big, &b[i]));
    }
    for (int i = 0; i < 6; i++) {
        EQ(tn_ws_recv(ws, &kind, &msg), 1);
        if (msg.len > 0) {
            EQ(msg.len, BIG);
            MEMEQ(msg.at, b[msg.at[0] - 'a'].data, BIG);
            whole++;
        }
    }
    EQ(whole, 3);
    OK(tn_group_wait(&g));
    check_echo(ws);
    for (int i = 0; i < 3; i++) {
        free(b[i].data);
    }
    close_service(&s);
    tn_tls_free(client);
    tn_tls_free(s.tls);
    return 0;
}

TEST_EACH(over_tls_all_is_the_same, kernels)
{
    OK(run_on(p, dial_tls, NULL));
}

/* ---- a plain thread as client ---- */

static struct service other;
static tn_loop *other_loop;

static int
serve_with_loop(void *arg)
{
    __atomic_store_n(&other_loop, tn_loop_self(), __ATOMIC_RELEASE);
    return run_service(arg);
}

static void
loop_thread(void *arg)
{
    EQ(tn_run(NULL, serve_with_loop, arg), -ECANCELED);
}

TEST(a_plain_thread_dials)
{
    tn_addr a = loopback(AF_INET, 0);
    struct test_thread *t;
    char url[64];
    tn_ws *ws;

    OK(tn_create_server(&other.listener, &a, NULL));
    OK(tn_getsockname(other.listener, &a));
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/echo", tn_addr_port(&a));
    t = test_thread_start(loop_thread, &other);
    OK(tn_ws_dial(&ws, url, NULL)); /* it may be early: the backlog holds it */
    check_echo(ws);
    OK(tn_loop_stop(__atomic_load_n(&other_loop, __ATOMIC_ACQUIRE)));
    test_thread_join(t);
    tn_close(other.listener);
}
