/*
 * test_httpc_proxy.c - by way of others: CONNECT, SOCKS, and who is reached
 * directly.
 */
#include "httpc_server.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static bool
asked_for(const struct server *s, int i, const char *line)
{
    return strstr(s->asked[i], line) != NULL;
}

/* ---- proxies ---- */

static int
by_http_proxy(void *arg)
{
    const struct step steps[] = {
        {.answer = HELLO},
        {.answer = HELLO},
        {.answer = "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n"},
        {.answer = "HTTP/1.1 200 OK\r\n\r\njunk"},
        {.answer = "what?\r\n\r\n"},
        {.answer = NULL, .then = CLOSE},
    };
    struct server *s = server_start(steps, 6);
    tn_httpc_request req = {.url = "http://one.example/a"};
    char proxy[96], text[64];
    tn_httpc *c;

    (void)arg;
    snprintf(proxy, sizeof(proxy), "http://u:p@127.0.0.1:%d",
             tn_addr_port(&s->addr));
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = proxy}));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    req.url = "http://two.example:81";
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    EQ(s->connections, 1);
    CHECK(asked_for(s, 0,
                    "GET http://one.example/a HTTP/1.1\r\n"
                    "Host: one.example\r\n"
                    "Proxy-Authorization: Basic dTpw\r\n"));
    CHECK(asked_for(s, 1,
                    "GET http://two.example:81/ HTTP/1.1\r\n"
                    "Host: two.example:81\r\n"));
    req.url = "https://one.example/";
    for (int i = 0; i < 4; i++) {
        ERR(fetch_body(c, &req, text, sizeof(text), NULL), TN_EPROXY);
        printf("%s\n", tn_why());
    }
    CHECK(asked_for(s, 2,
                    "CONNECT one.example:443 HTTP/1.1\r\n"
                    "Host: one.example:443\r\n"
                    "Proxy-Authorization: Basic dTpw\r\n"));
    CHECK(!asked_for(s, 2, "Accept"));
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(an_http_proxy_is_asked, backends)
{
    OK(run_on(p, by_http_proxy, NULL));
}

struct socks {
    tn_sock *listener;
    const char *reply; /* to CONNECT, 10 bytes; NULL: done */
    bool secret;
    uint8_t want[64];
    size_t want_len;
};

static int
socks_serve(void *arg)
{
    struct socks *socks = arg;
    uint8_t buf[512];
    tn_sock *sock;

    OK(tn_accept(socks->listener, &sock, NULL));
    EQ(tn_recvall(sock, buf, socks->secret ? 4 : 3, NULL),
       socks->secret ? 4 : 3);
    EQ(buf[0], 5);
    EQ(buf[1], socks->secret ? 2 : 1);
    EQ(tn_sendall(sock, socks->secret ? "\5\2" : "\5\0", 2, NULL), 2);
    if (socks->secret) {
        EQ(tn_recvall(sock, buf, 7, NULL), 7);
        MEMEQ(buf, "\1\2me\2pw", 7);
        EQ(tn_sendall(sock, "\1\0", 2, NULL), 2);
    }
    EQ(tn_recvall(sock, buf, socks->want_len, NULL), (ssize_t)socks->want_len);
    MEMEQ(buf, socks->want, socks->want_len);
    EQ(tn_sendall(sock, socks->reply, 10, NULL), 10);
    if (socks->reply[1] == 0) {
        EQ(tn_recvall(sock, buf, 17, NULL), 17);
        MEMEQ(buf, "GET /x HTTP/1.1\r\n", 17);
        EQ(tn_sendall(sock, HELLO, strlen(HELLO), NULL),
           (ssize_t)strlen(HELLO));
    }
    tn_close(sock);
    return 0;
}

static ssize_t
by_socks(struct socks *socks, const char *scheme, const char *url)
{
    tn_addr a = loopback(AF_INET, 0);
    tn_httpc_request req = {.url = url};
    char proxy[96], text[64];
    tn_httpc *c;
    tn_group g;
    ssize_t r;

    OK(tn_create_server(&socks->listener, &a, NULL));
    OK(tn_getsockname(socks->listener, &a));
    snprintf(proxy, sizeof(proxy), "%s://%s127.0.0.1:%d", scheme,
             socks->secret ? "me:pw@" : "", tn_addr_port(&a));
    tn_group_init(&g, 0);
    OK(tn_go(&g, socks_serve, socks));
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = proxy}));
    r = fetch_body(c, &req, text, sizeof(text), NULL);
    OK(tn_group_wait(&g));
    tn_httpc_free(c);
    tn_close(socks->listener);
    return r;
}

static int
socks_cases(void *arg)
{
    static const char done[] = "\5\0\0\1\0\0\0\0\0\0";
    static const char refused[] = "\5\5\0\1\0\0\0\0\0\0";
    struct socks name = {.reply = done,
                         .secret = true,
                         .want_len = 16,
                         .want = "\5\1\0\3\011one.examp\0\x50"};
    struct socks four = {
        .reply = done, .want_len = 10, .want = "\5\1\0\1\x0a\1\2\3\x1f\x90"};
    struct socks six = {.reply = refused,
                        .want_len = 22,
                        .want =
                            "\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x50"};

    (void)arg;
    EQ(by_socks(&name, "socks5h", "http://one.examp/x"), 5);
    EQ(by_socks(&four, "socks5", "http://10.1.2.3:8080/x"), 5);
    ERR(by_socks(&six, "socks5h", "http://[::1]/x"), TN_EPROXY);
    CHECK(strstr(tn_why(), "connection refused") != NULL);
    return 0;
}

TEST_EACH(a_socks_proxy_is_asked, backends)
{
    OK(run_on(p, socks_cases, NULL));
}

static int
past_the_proxy(void *arg)
{
    static const char *const lists[] = {
        "*",
        "127.0.0.1",
        "a.example, 127.0.0.1",
        "127.0.0.0/8",
        "10.0.0.0/8 127.0.0.0/25",
    };
    static const char *const others[] = {
        "",          "a.example",  "27.0.0.1",
        "127.0.0.2", "10.0.0.0/8", "127.0.1.0/24",
        "::/0",      "127.0.0.0/", "127.0.0.0/8x",
    };
    struct step steps[8];
    struct server *s;
    tn_httpc_request req = {0};
    char text[64];
    tn_httpc *c;

    (void)arg;
    for (int i = 0; i < 8; i++) {
        steps[i] = (struct step){.answer = HELLO};
    }
    s = server_start(steps, 8);
    req.url = s->url;
    /* Nobody is there: who asks the proxy fails. */
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        OK(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = "127.0.0.1:1",
                                             .no_proxy = lists[i]}));
        EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
        tn_httpc_free(c);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        OK(tn_httpc_new(&c, &(tn_httpc_opts){.proxy = "127.0.0.1:1",
                                             .no_proxy = others[i]}));
        ERR(fetch_body(c, &req, text, sizeof(text), NULL), -ECONNREFUSED);
        tn_httpc_free(c);
    }
    OK(tn_httpc_new(&c, &(tn_httpc_opts){.tls_proxy = "127.0.0.1:1"}));
    EQ(fetch_body(c, &req, text, sizeof(text), NULL), 5);
    tn_httpc_free(c);
    server_stop(s);
    return 0;
}

TEST_EACH(some_hosts_are_reached_directly, backends)
{
    OK(run_on(p, past_the_proxy, NULL));
}
