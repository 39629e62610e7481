/*
 * test_httpd_many.c - more clients than there is room for, and idle ones.
 */
#include "httpd_kit.h"

#include <sys/resource.h>

struct state {
    int entered;
    bool go;
};

static int
stay(tn_exchange *x, void *arg)
{
    struct state *st = arg;
    int r = 0;

    st->entered++;
    while (!st->go && r == 0) {
        r = tn_sleep(1 * TN_MS);
    }
    return r < 0 ? r : tn_httpd_reply(x, 200, NULL, "stayed\n", 7);
}

static const tn_httpd_route routes[] = {
    {"GET", "/", say_hello},
    {"GET", "/stay", stay},
    {NULL, NULL, NULL},
};

static struct site
site_with(struct state *st)
{
    return (struct site){.routes = routes, .arg = st};
}

SITE_TEST(a_busy_server_says_so)
{
    tn_sock *c[3];
    char text[512];

    s->opts.max_busy = 2;
    open_site(s);
    for (int i = 0; i < 2; i++) {
        c[i] = visit(s);
        say(c[i], "GET /stay HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    while (st->entered < 2) {
        OK(tn_sleep(1 * TN_MS));
    }
    c[2] = visit(s);
    say(c[2], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    hear_until(c[2], "503 Service Unavailable\n", text, sizeof(text));
    CHECK(strstr(text, "\r\nRetry-After: 1\r\n"));
    st->go = true;
    hear_until(c[0], "stayed\n", text, sizeof(text));
    hear_until(c[1], "stayed\n", text, sizeof(text));
    say(c[2], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    hear_until(c[2], "hello\n", text, sizeof(text));
    for (int i = 0; i < 3; i++) {
        tn_close(c[i]);
    }
    close_site(s);
}

SITE_TEST(a_full_server_says_so)
{
    tn_sock *c[3];
    char text[512];

    s->opts.max_connections = 2;
    open_site(s);
    for (int i = 0; i < 2; i++) {
        c[i] = visit(s);
        say(c[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        hear_until(c[i], "hello\n", text, sizeof(text));
    }
    c[2] = visit(s);
    hear_all(c[2], text, sizeof(text));
    EQ(mask_dates(text), 1);
    STREQ(text, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                "Content-Length: 0\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        tn_close(c[i]);
    }
    close_site(s);
}

/* ---- many ---- */

/* Half heads hold a thousand places, and a good client is served. */
static int
slowloris(void *arg)
{
    enum { SLOW = 1000 };

    static tn_sock *slow[SLOW];
    struct state st = {0};
    struct site s = site_with(&st);
    char text[512];
    tn_sock *good;

    (void)arg;
    s.opts.head_time = 100 * TN_MS;
    open_site(&s);
    for (int i = 0; i < SLOW; i++) {
        slow[i] = visit(&s);
        say(slow[i], "GET / HTTP/1.1\r\nHos");
    }
    good = visit(&s);
    for (int i = 0; i < 10; i++) {
        say(good, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        hear_until(good, "hello\n", text, sizeof(text));
    }
    tn_close(good);
    for (int i = 0; i < SLOW; i++) {
        hear_all(slow[i], text, sizeof(text));
        MEMEQ(text, "HTTP/1.1 408 ", 13);
        tn_close(slow[i]);
    }
    close_site(&s);
    return 0;
}

TEST_EACH_TIMEOUT(slow_heads_do_not_stop_others, kernels, 30)
{
    struct rlimit lim;

    OK(getrlimit(RLIMIT_NOFILE, &lim));
    if (lim.rlim_max < 2200) {
        SKIP("too few descriptors");
    }
    lim.rlim_cur = lim.rlim_max;
    OK(setrlimit(RLIMIT_NOFILE, &lim));
    OK(run_on(p, slowloris, NULL));
}

/* Each has been served, and waits: what does it hold? */
static int
idle_clients(void *arg)
{
    enum { MOST = 4000 };

    static tn_sock *c[MOST];
    int most = *(int *)arg < MOST ? *(int *)arg : MOST;
    struct state st = {0};
    struct site s = site_with(&st);
    char text[512];
    int64_t before;

    open_site(&s);
    before = resident();
    for (int i = 0; i < most; i++) {
        c[i] = visit(&s);
        say(c[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        hear_until(c[i], "hello\n", text, sizeof(text));
    }
    printf("# %lld bytes for each of %d idle connections and their clients\n",
           (long long)((resident() - before) / most), most);
    LE((resident() - before) / most, 16384 * (int64_t)test_scale());
    for (int i = 0; i < most; i++) {
        tn_close(c[i]);
    }
    close_site(&s);
    return 0;
}

TEST_EACH_TIMEOUT(an_idle_connection_is_cheap, kernels, 30)
{
    struct rlimit lim;
    int most;

    OK(getrlimit(RLIMIT_NOFILE, &lim));
    lim.rlim_cur = lim.rlim_max;
    OK(setrlimit(RLIMIT_NOFILE, &lim));
    most = (int)(lim.rlim_max < 20000 ? lim.rlim_max : 20000) / 2 - 50;
    OK(run_on(p, idle_clients, &most));
}
