/*
 * test_dial.c - a connection or a listener in one call.
 */
#include "core.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *
text_of(const tn_sock *s, const char *scheme)
{
    static char text[TN_ADDR_TEXT + 16];
    char addr[TN_ADDR_TEXT];
    tn_addr a;

    OK(tn_getsockname(s, &a));
    snprintf(text, sizeof(text), "%s%s", scheme,
             tn_addr_format(&a, addr, sizeof(addr)));
    return text;
}

static ssize_t
take_four(tn_sock *s, char *buf)
{
    return tn_type(s) == SOCK_STREAM ? tn_recvall(s, buf, 4, NULL)
                                     : tn_recv(s, buf, 5, 0);
}

static void
check_pair(tn_sock *a, tn_sock *b)
{
    char buf[8];

    EQ(tn_sendall(a, "ping", 4, NULL), 4);
    EQ(take_four(b, buf), 4);
    EQ(tn_sendall(b, "pong", 4, NULL), 4);
    EQ(take_four(a, buf), 4);
    MEMEQ(buf, "pong", 4);
}

/* ---- streams of each kind ---- */

static int
dial_stream(void *arg)
{
    tn_sock *listener, *c, *s;

    OK(tn_listen_on(&listener, arg, NULL));
    OK(tn_dial(&c, text_of(listener, ""), 2 * TN_SEC));
    EQ(tn_gettimeout(c), TN_FOREVER);
    OK(tn_accept(listener, &s, NULL));
    EQ(tn_gettimeout(s), TN_FOREVER);
    check_pair(c, s);
    tn_close(c);
    tn_close(s);
    OK(tn_dial(&c, text_of(listener, ""), TN_FOREVER));
    tn_close(c);
    tn_close(listener);
    return 0;
}

TEST_EACH(dial_tcp, callers)
{
    char v4[] = "127.0.0.1:0", v6[] = "[::1]:0";

    OK(run_as(p, dial_stream, v4));
    OK(run_as(p, dial_stream, v6));
}

TEST_EACH(dial_unix, kernel_callers)
{
    char path[100], name[] = "unix:@tenon-test-dial";

    snprintf(path, sizeof(path), "unix:%s/s", test_dir());
    OK(run_as(p, dial_stream, path));
    snprintf(name, sizeof(name), "unix:@tn-%d", getpid());
    OK(run_as(p, dial_stream, name));
}

static int
dial_message(void *arg)
{
    tn_sock *server, *c, *s;
    char buf[8], text[TN_ADDR_TEXT + 20];
    tn_addr from;
    ssize_t n;

    snprintf(text, sizeof(text), "unixgram:%s/d", (const char *)arg);
    OK(tn_listen_on(&server, text, NULL));
    OK(tn_dial(&c, text, TN_FOREVER));
    EQ(tn_send(c, "ping", 4, 0), 4);
    n = tn_recvfrom(server, buf, sizeof(buf), 0, &from, NULL);
    EQ(n, 4);
    EQ(tn_sendto(server, "pong", 4, 0, &from), 4); /* it has a name */
    EQ(tn_recv(c, buf, sizeof(buf), 0), 4);
    tn_close(c);
    tn_close(server);
    snprintf(text, sizeof(text), "unixseq:%s/q", (const char *)arg);
    OK(tn_listen_on(&server, text, NULL));
    OK(tn_dial(&c, text, TN_FOREVER));
    OK(tn_accept(server, &s, NULL));
    EQ(tn_type(s), SOCK_SEQPACKET);
    check_pair(c, s);
    tn_close(c);
    tn_close(s);
    tn_close(server);
    return 0;
}

TEST_EACH(dial_unix_messages, kernel_callers)
{
    char dir[80];

    snprintf(dir, sizeof(dir), "%s", test_dir());
    OK(run_as(p, dial_message, dir));
}

static int
dial_udp(void *arg)
{
    tn_sock *server, *c;
    char buf[8];

    (void)arg;
    OK(tn_listen_on(&server, "udp://127.0.0.1:0", NULL));
    OK(tn_dial(&c, text_of(server, "udp://"), TN_FOREVER));
    EQ(tn_send(c, "ping", 4, 0), 4);
    EQ(tn_recv(server, buf, sizeof(buf), 0), 4);
    tn_close(c);
    tn_close(server);
    return 0;
}

TEST_EACH(dial_udp_sends_nothing, callers)
{
    OK(run_as(p, dial_udp, NULL));
}

/* ---- what goes wrong ---- */

static int
dial_errors(void *arg)
{
    tn_sock *s, *taken;
    tn_addr a;
    char text[64];

    (void)arg;
    OK(tn_listen_on(&taken, "127.0.0.1:0", NULL));
    OK(tn_getsockname(taken, &a));
    snprintf(text, sizeof(text), "127.0.0.1:%d", tn_addr_port(&a));
    ERR(tn_listen_on(&s, text, NULL), -EADDRINUSE);
    CHECK(s == NULL);
    tn_close(taken);
    ERR(tn_dial(&s, text, 2 * TN_SEC), -ECONNREFUSED);
    CHECK(s == NULL);
    CHECK(strstr(tn_why(), "refused") != NULL);
    ERR(tn_dial(&s, "127.0.0.1", TN_FOREVER), TN_EADDRESS);
    ERR(tn_dial(&s, "", TN_FOREVER), TN_EADDRESS);
    ERR(tn_dial(&s, "127.0.0.1:99999", TN_FOREVER), -ERANGE);
#ifdef TN_WITH_WEB
    ERR(tn_listen_on(&s, "tls://127.0.0.1:1", NULL), -EINVAL);
    STREQ(tn_why(), "tls without a certificate on 127.0.0.1: "
                    "invalid argument");
#else
    ERR(tn_dial(&s, "tls://127.0.0.1:1", TN_FOREVER), -EOPNOTSUPP);
    ERR(tn_listen_on(&s, "tls://127.0.0.1:1", NULL), -EOPNOTSUPP);
#endif
    ERR(tn_listen_on(&s, "nonsense", NULL), TN_EADDRESS);
    ERR(tn_create_connection(&s, "127.0.0.1", 70000, NULL), -ERANGE);
    ERR(tn_create_connection(&s, "not a number", 1,
                             &(tn_dial_opts){.numeric = true}),
        TN_ENONAME);
    return 0;
}

TEST_EACH(dial_says_what_is_wrong, callers)
{
    OK(run_as(p, dial_errors, NULL));
}

static int
dial_no_path(void *arg)
{
    tn_sock *s;
    char text[120];

    snprintf(text, sizeof(text), "unix:%s/none", (const char *)arg);
    ERR(tn_dial(&s, text, TN_FOREVER), -ENOENT);
    snprintf(text, sizeof(text), "unix:%s", (const char *)arg);
    ERR(tn_listen_on(&s, text, NULL), -EADDRINUSE);
    CHECK(s == NULL);
    snprintf(text, sizeof(text), "unix:%s/no/where", (const char *)arg);
    ERR(tn_listen_on(&s, text, NULL), -ENOENT);
    return 0;
}

TEST_EACH(dial_to_no_path, kernel_callers)
{
    char dir[80];

    snprintf(dir, sizeof(dir), "%s", test_dir());
    OK(run_as(p, dial_no_path, dir));
}

/* ---- time ---- */

/* A listener whose backlog is full does not answer: the deadline does. */
static int
dial_in_time(void *arg)
{
    tn_sock *listener, *full[8], *s;
    int64_t start;
    tn_addr a = loopback(AF_INET, 0);
    int count = 0;

    (void)arg;
    OK(tn_create_server(&listener, &a, &(tn_listen_opts){.backlog = 1}));
    OK(tn_getsockname(listener, &a));
    for (int r = 0; count < 8 && r == 0; count++) {
        OK(tn_socket(&full[count], AF_INET, SOCK_STREAM, 0));
        tn_settimeout(full[count], 20 * TN_MS);
        r = tn_connect(full[count], &a);
    }
    LE(count, 7);
    start = tn_now();
    ERR(tn_create_connection(&s, "127.0.0.1", tn_addr_port(&a),
                             &(tn_dial_opts){.timeout = 30 * TN_MS}),
        -ETIME);
    GE(tn_now() - start, 30 * TN_MS);
    CHECK(s == NULL);
    ERR(tn_dial(&s, text_of(listener, ""), 0), -ETIME);
    while (count-- > 0) {
        tn_close(full[count]);
    }
    tn_close(listener);
    return 0;
}

TEST_EACH(dial_gives_up_in_time, kernel_callers)
{
    OK(run_as(p, dial_in_time, NULL));
}

struct dialer {
    char text[64];
    int result;
    tn_sock *s;
};

static int
dial_task(void *arg)
{
    struct dialer *d = arg;

    d->result = tn_dial(&d->s, d->text, TN_FOREVER);
    return 0;
}

/* Cancelled after every number of turns: a socket or none, never a leak. */
static int
cancel_dial(void *arg)
{
    (void)arg;
    for (int turns = 0; turns < 12; turns++) {
        struct dialer d = {.result = 1};
        tn_sock *listener;
        tn_group g;

        OK(tn_listen_on(&listener, "127.0.0.1:0", NULL));
        snprintf(d.text, sizeof(d.text), "%s", text_of(listener, ""));
        tn_group_init(&g, 0);
        OK(tn_go(&g, dial_task, &d));
        for (int i = 0; i < turns; i++) {
            OK(tn_checkpoint());
        }
        tn_group_cancel(&g);
        OK(tn_group_wait(&g));
        CHECK(d.result == 0 || d.result == -ECANCELED);
        CHECK((d.s != NULL) == (d.result == 0));
        tn_close(d.s);
        tn_close(listener);
    }
    return 0;
}

TEST_EACH(dial_cancelled_at_any_moment, backends)
{
    OK(run_on(p, cancel_dial, NULL));
}

/* ---- names with several addresses ---- */

/* Take the same port of [::1], so that nobody else listens there. */
static tn_sock *
keep_v6(int port)
{
    tn_addr a = loopback(AF_INET6, port);
    tn_sock *s;

    OK(tn_socket(&s, AF_INET6, SOCK_STREAM, 0));
    if (tn_bind(s, &a) < 0) {
        SKIP("a port is in use by somebody else");
    }
    return s;
}

static int
dial_localhost(void *arg)
{
    tn_sock *listener, *c, *s, *kept = NULL;
    tn_addr a;

    OK(tn_listen_on(&listener, arg, NULL));
    OK(tn_getsockname(listener, &a));
    if (a.u.sa.sa_family == AF_INET) {
        kept = keep_v6(tn_addr_port(&a));
    }
    OK(tn_create_connection(&c, "", tn_addr_port(&a), NULL));
    OK(tn_accept(listener, &s, NULL));
    check_pair(c, s);
    tn_close(c);
    tn_close(s);
    /* The system may know only one address of it. */
    if (strchr(arg, '1') == NULL && !on_valgrind()) {
        OK(tn_create_connection(&c, "localhost", tn_addr_port(&a), NULL));
        tn_close(c);
    }
    tn_close(kept);
    tn_close(listener);
    return 0;
}

/* "" and "localhost" are [::1] and 127.0.0.1: whoever listens is found. */
TEST_EACH(dial_finds_the_address_that_listens, kernel_callers)
{
    char v4[] = "127.0.0.1:0", v6[] = "[::1]:0", both[] = ":0";

    OK(run_as(p, dial_localhost, v4));
    OK(run_as(p, dial_localhost, v6));
    OK(run_as(p, dial_localhost, both));
}

/* ---- options ---- */

static int
dial_from(void *arg)
{
    tn_addr source = loopback(AF_INET, 0), a;
    tn_sock *listener, *c;
    int port;

    (void)arg;
    OK(tn_addr_ip(&source, "127.0.0.2", 0));
    OK(tn_listen_on(&listener, "127.0.0.1:0", NULL));
    OK(tn_getsockname(listener, &a));
    port = tn_addr_port(&a);
    OK(tn_create_connection(&c, "127.0.0.1", port,
                            &(tn_dial_opts){.source = &source}));
    OK(tn_getsockname(c, &a));
    EQ(ntohl(a.u.in.sin_addr.s_addr), 0x7f000002);
    tn_close(c);
    ERR(tn_create_connection(&c, "127.0.0.1", port,
                             &(tn_dial_opts){.family = AF_INET6}),
        TN_ENONAME);
    tn_close(listener);
    return 0;
}

TEST_EACH(dial_with_options, kernel_callers)
{
    OK(run_as(p, dial_from, NULL));
}

static int
listen_options(void *arg)
{
    tn_sock *a, *b;
    tn_addr at = loopback(AF_INET, 0), any;
    int value;

    (void)arg;
    OK(tn_create_server(&a, &at, &(tn_listen_opts){.reuse_port = true}));
    OK(tn_getsockname(a, &at));
    OK(tn_create_server(&b, &at, &(tn_listen_opts){.reuse_port = true}));
    OK(tn_get(b, TN_ACCEPTCONN, &value));
    EQ(value, 1);
    OK(tn_get(b, TN_REUSEADDR, &value));
    EQ(value, 1);
    tn_close(a);
    tn_close(b);
    OK(tn_addr_ip(&any, "::", 0));
    OK(tn_create_server(&a, &any, &(tn_listen_opts){.v6only = true}));
    OK(tn_get(a, TN_V6ONLY, &value));
    EQ(value, 1);
    tn_close(a);
    OK(tn_create_server(&a, &any, NULL));
    OK(tn_get(a, TN_V6ONLY, &value));
    EQ(value, 0);
    tn_close(a);
    return 0;
}

TEST_EACH(listen_with_options, kernel_callers)
{
    OK(run_as(p, listen_options, NULL));
}

/* A socket file that nobody listens on is in the way, or is replaced. */
static int
replace_stale(void *arg)
{
    const tn_listen_opts replace = {.replace = true};
    char text[120];
    tn_sock *s, *again;
    tn_addr a;
    int fd;

    snprintf(text, sizeof(text), "unix:%s/stale", (const char *)arg);
    OK(tn_listen_on(&s, text, NULL));
    ERR(tn_listen_on(&again, text, &replace), -EADDRINUSE); /* alive */
    OK(tn_getsockname(s, &a));
    tn_close(s);
    ERR(tn_listen_on(&again, text, NULL), -EADDRINUSE);
    OK(tn_listen_on(&again, text, &replace));
    tn_close(again);
    OK(tn_create_server(&again, &a, &replace));
    tn_close(again);
    snprintf(text, sizeof(text), "%s/file", (const char *)arg);
    fd = open(text, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    OK(fd);
    close(fd);
    snprintf(text, sizeof(text), "unix:%s/file", (const char *)arg);
    ERR(tn_listen_on(&again, text, &replace), -EADDRINUSE);
    snprintf(text, sizeof(text), "%s/stale", (const char *)arg);
    unlink(text);
    return 0;
}

TEST_EACH(listen_replaces_a_stale_socket, kernel_callers)
{
    char dir[80];

    snprintf(dir, sizeof(dir), "%s", test_dir());
    OK(run_as(p, replace_stale, dir));
    snprintf(dir + strlen(dir), 6, "/file");
    unlink(dir);
}

/* ---- several addresses ---- */

/* "" is ::1 and then 127.0.0.1. */
static int
dial_here(void *arg)
{
    tn_endpoint ep = {.transport = TN_UDP};
    tn_dial_opts opts = {.timeout = 2 * TN_SEC};
    tn_addr a = loopback(AF_INET, 0);
    tn_sock *s, *c;
    char text[64];

    (void)arg;
    OK(tn_listen_on(&s, "udp://127.0.0.1:0", NULL));
    OK(tn_getsockname(s, &a));
    ep.port = tn_addr_port(&a);
    OK(tn_addr_set_port(&a, 0));
    opts.source = &a;
    OK(tn_dial_endpoint(&c, &ep, &opts));
    tn_close(c);
    tn_close(s);
    /* Bound, but nobody listens. */
    OK(tn_socket(&s, AF_INET, SOCK_STREAM, 0));
    OK(tn_bind(s, &a));
    OK(tn_getsockname(s, &a));
    snprintf(text, sizeof(text), "connect tcp 127.0.0.1:%d: connection refused",
             tn_addr_port(&a));
    ERR(tn_create_connection(&c, "", tn_addr_port(&a), NULL), -ECONNREFUSED);
    STREQ(tn_why(), text);
    tn_close(s);
    return 0;
}

TEST_EACH(dial_tries_each_address_and_names_the_last, kernel_callers)
{
    OK(run_as(p, dial_here, NULL));
}
