/*
 * test_httpc_nomem.c - memory is refused at the Nth request of the client, for
 * each N, once and for good: an error, nothing lost, and the next fetch works.
 */
#include <tenon/dial.h>
#include <tenon/httpc.h>

#include "nomem.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST = 400, /* more requests than a fetch can make */
};

/* Every connection: a redirect, then chunks with a trailer. */
static void
serve(void *arg)
{
    static const char first[] = "HTTP/1.1 307 X\r\nLocation: /next\r\n"
                                "Content-Length: 3\r\n\r\nold";
    static const char then[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                               "\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n";
    tn_sock *listener = arg, *sock;
    char buf[2048];

    nomem_spared = true;
    while (tn_accept(listener, &sock, NULL) == 0) {
        ssize_t n = tn_recv(sock, buf, sizeof(buf) - 1, 0);
        while (n > 0) {
            bool next;
            const char *answer;

            buf[n] = '\0';
            if (strstr(buf, "/quit")) {
                tn_close(sock);
                return;
            }
            next = strstr(buf, "/next") != NULL;
            answer = next ? then : first;
            if (tn_sendall(sock, answer, strlen(answer), NULL) < 0) {
                break;
            }
            n = tn_recv(sock, buf, sizeof(buf) - 1, 0);
        }
        tn_close(sock);
    }
}

static ssize_t
give(void *arg, void *buf, size_t cap)
{
    int *left = arg;

    (void)cap;
    memset(buf, 'x', 3);
    return (*left)-- > 0 ? 3 : 0;
}

static int
again(void *arg)
{
    *(int *)arg = 1;
    return 0;
}

/* All of it: 0, or the code of what failed. */
static int
fetch(const char *url)
{
    int left = 1, count;
    tn_httpc_opts how = {.proxy = "socks5://u:p@h", .no_proxy = "*"};
    tn_httpc_request req = {.url = url,
                            .source = give,
                            .rewind = again,
                            .source_arg = &left,
                            .length = -1};
    char buf[64];
    tn_httpc *c;
    tn_fetch *f = NULL;
    ssize_t n = 1;
    int r = tn_httpc_new(&c, &how);

    if (r == 0) {
        r = tn_httpc_open(&f, c, &req);
        CHECK((r == 0) == (f != NULL));
    }
    while (r == 0 && n > 0) {
        n = tn_httpc_read(f, buf, sizeof(buf));
        r = n < 0 ? (int)n : 0;
    }
    if (r == 0) {
        CHECK(tn_httpc_trailers(f, &count) != NULL);
        EQ(count, 1);
    }
    tn_httpc_close(f);
    tn_httpc_free(c);
    return r;
}

static void
refuse_each(bool always)
{
    tn_sock *listener, *quit;
    struct test_thread *server;
    char url[64];
    tn_addr a;
    int at = 0, r = -ENOMEM;

    OK(tn_addr_ip(&a, "127.0.0.1", 0));
    OK(tn_create_server(&listener, &a, NULL));
    OK(tn_getsockname(listener, &a));
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", tn_addr_port(&a));
    server = test_thread_start(serve, listener);
    OK(fetch(url));
    while (r < 0 && at < MOST) {
        nomem_for_good = always;
        nomem_until = ++at;
        r = fetch(url);
        nomem_until = 0;
        CHECK(r == 0 || r == -ENOMEM);
    }
    EQ(r, 0);
    GE(at, 10);
    OK(fetch(url));
    snprintf(url, sizeof(url), "127.0.0.1:%d", tn_addr_port(&a));
    OK(tn_dial(&quit, url, TN_SEC));
    EQ(tn_sendall(quit, "/quit", 5, NULL), 5);
    test_thread_join(server);
    tn_close(quit);
    tn_close(listener);
}

TEST(memory_is_refused_once)
{
    refuse_each(false);
}

TEST(memory_is_refused_for_good)
{
    refuse_each(true);
}
