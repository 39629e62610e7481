/*
 * test_tls_trust.c - whom a TLS socket believes, and what it says if not.
 */
#include "tls_cert.h"
#include "tls_kit.h"

#include <time.h>

enum { PATH = 256 };

/* ---- a pair of handshakes ---- */

struct shake {
    tn_tls *client, *server;
    const char *host;
    tn_sock *s[2];
    int r[2];
    char why[2][400];
};

static int
shake_server(void *arg)
{
    struct shake *x = arg;
    char byte = 0;

    x->r[1] = tn_tls_handshake(x->s[1]);
    if (x->r[1] == 0) {
        ssize_t n = tn_recv(x->s[1], &byte, 1, 0);

        EQ(tn_send(x->s[1], &byte, 1, 0), 1);
        x->r[1] = n < 0 ? (int)n : 0;
    }
    (void)snprintf(x->why[1], sizeof(x->why[1]), "%s", tn_why());
    return 0;
}

/* A client's failure may come with its first receive: TLS 1.3 lets it go on
   before the server has looked at its certificate. */
static int
shake_client(void *arg)
{
    struct shake *x = arg;
    char byte = 'b';
    ssize_t n;

    x->r[0] = tn_tls_handshake(x->s[0]);
    if (x->r[0] == 0) {
        n = tn_sendall(x->s[0], &byte, 1, NULL);
        n = tn_recv(x->s[0], &byte, 1, 0);
        x->r[0] = n < 0 ? (int)n : 0;
    }
    (void)snprintf(x->why[0], sizeof(x->why[0]), "%s", tn_why());
    return 0;
}

static void
shake_open(struct shake *x)
{
    tn_group g;

    tcp_pair(x->s, AF_INET);
    OK(tn_tls_start(x->s[0], x->client, x->host));
    OK(tn_tls_start(x->s[1], x->server, NULL));
    tn_group_init(&g, TN_KEEP_GOING);
    OK(tn_go(&g, shake_client, x));
    OK(tn_go(&g, shake_server, x));
    OK(tn_group_wait(&g));
}

/* Both sides once; what the client got. */
static int
shake(struct shake *x)
{
    shake_open(x);
    close_pair(x->s);
    return x->r[0];
}

/* ---- certificates that are wrong ---- */

struct wrong {
    struct cert_plan plan;
    const char *host;
    const char *words; /* in tn_why(); NULL: nothing is wrong */
};

static const struct wrong wrongs[] = {
    {{"good", "DNS:good.example,IP:127.0.0.1", -2, 2, false},
     "good.example",
     NULL},
    {{"good", "DNS:good.example,IP:127.0.0.1", -2, 2, false},
     "good.example.",
     NULL},
    {{"good", "DNS:good.example,IP:127.0.0.1", -2, 2, false},
     "127.0.0.1",
     NULL},
    {{"good", "DNS:*.good.example", -2, 2, false}, "www.good.example", NULL},
    {{"six", "IP:fe80:0:0:0:0:0:0:1", -2, 2, false}, "fe80::1%lo", NULL},
    {{"other", "DNS:other.example", -2, 2, false},
     "good.example",
     "the certificate is for other.example, not for good.example"},
    {{"other", "DNS:other.example,IP:10.0.0.1", -2, 2, false},
     "127.0.0.1",
     "the certificate is for other.example, 10.0.0.1, not for 127.0.0.1"},
    {{"\x1b[31mred", NULL, -2, 2, false},
     "good.example",
     "the certificate is for ?[31mred, not for good.example"},
    {{"good", "DNS:*.good.example", -2, 2, false},
     "good.example",
     "not for good.example"},
    {{"old", "DNS:good.example", -20, -10, false},
     "good.example",
     "the certificate expired on "},
    {{"new", "DNS:good.example", 10, 20, false},
     "good.example",
     "the certificate is not valid before "},
};

static int
try_wrong(void *arg)
{
    const struct wrong *w = arg;
    static const struct cert_plan ca_plan = {"a CA", NULL, -30, 30, true};
    struct cert ca = cert_make(&ca_plan, NULL);
    struct cert leaf = cert_make(&w->plan, &ca);
    struct shake x = {.host = w->host};
    char path[PATH];

    OK(tn_tls_new(&x.client, TN_TLS_CLIENT));
    OK(tn_tls_new(&x.server, TN_TLS_SERVER));
    OK(tn_tls_trust(x.client, cert_write(&ca, "ca", path, sizeof(path))));
    OK(tn_tls_certificate(x.server,
                          cert_write(&leaf, "leaf", path, sizeof(path)), NULL));
    shake(&x);
    if (!w->words) {
        if (x.r[0] < 0) {
            FAIL("%s: %s", w->host, x.why[0]);
        }
    } else if (x.r[0] != TN_ECERT || !strstr(x.why[0], w->words)) {
        FAIL("%s, not: %s", x.why[0], w->words);
    }
    CHECK(!w->words || x.r[1] < 0);
    tn_tls_free(x.client);
    tn_tls_free(x.server);
    cert_free(&leaf);
    cert_free(&ca);
    return 0;
}

TEST_EACH(a_certificate_is_judged, kernels)
{
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        OK(run_on(p, try_wrong, (void *)(uintptr_t)&wrongs[i]));
    }
}

TEST(the_day_is_told)
{
    struct wrong w = {.plan = {"old", "DNS:a", -20, -10, false},
                      .host = "a",
                      .words = "the certificate expired on "};
    static char words[64];
    time_t then = time(NULL) - 10 * 24 * 3600;
    struct tm tm;

    CHECK(gmtime_r(&then, &tm) != NULL);
    CHECK(strftime(words, sizeof(words), "expired on %Y-%m-%d", &tm) > 0);
    w.words = words;
    OK(tn_run(NULL, try_wrong, &w));
}

/* ---- who vouches ---- */

static int
strangers(void *arg)
{
    static const struct cert_plan plan = {"us", "DNS:a", -2, 2, false};
    static const struct cert_plan ca_plan = {"their CA", NULL, -2, 2, true};
    static const struct cert_plan our_plan = {"our CA", NULL, -2, 2, true};
    struct cert ca = cert_make(&ca_plan, NULL);
    struct cert ours = cert_make(&our_plan, NULL);
    struct cert leaf = cert_make(&plan, &ca);
    struct cert self = cert_make(&plan, NULL);
    struct shake x = {.host = "a"};
    char path[PATH], self_path[PATH];

    (void)arg;
    OK(tn_tls_new(&x.client, TN_TLS_CLIENT));
    OK(tn_tls_new(&x.server, TN_TLS_SERVER));
    OK(tn_tls_trust(x.client, cert_write(&ours, "ours", path, sizeof(path))));
    OK(tn_tls_certificate(x.server,
                          cert_write(&leaf, "leaf", path, sizeof(path)), NULL));
    EQ(shake(&x), TN_ECERT);
    CHECK(
        strstr(x.why[0], "vouched for by \"their CA\", whom we do not trust"));
    CHECK(strncmp(x.why[0], "tls a:", 6) == 0);
    EQ(x.r[1], TN_ETLS);
    CHECK(strstr(x.why[1], "the peer does not trust who vouches for our"));
    cert_write(&self, "self", self_path, sizeof(self_path));
    OK(tn_tls_certificate(x.server, self_path, self_path));
    EQ(shake(&x), TN_ECERT);
    CHECK(strstr(x.why[0], "is self-signed: nobody we trust vouches for it"));
    OK(tn_tls_trust(x.client, self_path));
    EQ(shake(&x), 0);
    ERR(tn_tls_trust(x.client, "/nowhere/at/all"), -ENOENT);
    EQ(shake(&x), 0);
    tn_tls_free(x.client);
    OK(tn_tls_new(&x.client, TN_TLS_CLIENT));
    EQ(shake(&x), TN_ECERT);
    tn_tls_insecure_no_verify(x.client);
    EQ(shake(&x), 0);
    tn_tls_free(x.client);
    tn_tls_free(x.server);
    cert_free(&leaf);
    cert_free(&ca);
    cert_free(&ours);
    cert_free(&self);
    return 0;
}

TEST_EACH(only_who_is_vouched_for_is_believed, kernels)
{
    OK(run_on(p, strangers, NULL));
}

static int
pins(void *arg)
{
    struct shake x = {.host = "whatever.example"};
    unsigned char sha256[TN_TLS_FINGERPRINT];

    (void)arg;
    tls_configs(&x.client, &x.server);
    EQ(shake(&x), 0);
    OK(tn_tls_fingerprint(x.server, sha256));
    sha256[31] ^= 1;
    tn_tls_pin(x.client, sha256);
    EQ(shake(&x), TN_ECERT);
    CHECK(strstr(x.why[0], "not the pinned one; its SHA-256 is "));
    tn_tls_free(x.client);
    tn_tls_free(x.server);
    return 0;
}

TEST_EACH(a_pin_is_for_one_certificate, backends)
{
    OK(run_on(p, pins, NULL));
}

/* ---- certificates of clients ---- */

struct asked {
    enum tn_tls_ask ask;
    int cert; /* 0: none; 1: one that is vouched for; 2: a stranger's */
    int server, client;
};

static const struct asked asked[] = {
    {TN_TLS_ASK_NOTHING, 0, 0, 0},
    {TN_TLS_ASK_NOTHING, 2, 0, 0},
    {TN_TLS_ASK, 0, 0, 0},
    {TN_TLS_ASK, 1, 0, 0},
    {TN_TLS_ASK, 2, TN_ECERT, TN_ETLS},
    {TN_TLS_REQUIRE, 0, TN_ECERT, TN_ETLS},
    {TN_TLS_REQUIRE, 1, 0, 0},
    {TN_TLS_REQUIRE, 2, TN_ECERT, TN_ETLS},
    {TN_TLS_ASK_ANY, 0, 0, 0},
    {TN_TLS_ASK_ANY, 1, 0, 0},
    {TN_TLS_ASK_ANY, 2, 0, 0},
};

static void
ask_one(const struct asked *a, const char *ca, const char *const certs[3])
{
    struct shake x = {.host = "localhost"};
    tn_tls_info info;

    tls_configs(&x.client, &x.server);
    OK(tn_tls_trust(x.server, ca));
    OK(tn_tls_ask(x.server, a->ask));
    if (certs[a->cert]) {
        OK(tn_tls_certificate(x.client, certs[a->cert], NULL));
    }
    shake_open(&x);
    if (x.r[0] != a->client || x.r[1] != a->server) {
        FAIL("ask %d, cert %d: client %d (%s), server %d (%s)", a->ask, a->cert,
             x.r[0], x.why[0], x.r[1], x.why[1]);
    }
    if (x.r[1] == 0) {
        OK(tn_tls_info_of(x.s[1], &info));
        EQ(info.has_peer, a->cert > 0 && a->ask != TN_TLS_ASK_NOTHING);
        STREQ(info.subject, info.has_peer ? "/CN=client" : "");
    }
    close_pair(x.s);
    tn_tls_free(x.client);
    tn_tls_free(x.server);
}

static int
ask_all(void *arg)
{
    static const struct cert_plan ca_plan = {"CA", NULL, -2, 2, true};
    static const struct cert_plan plan = {"client", NULL, -2, 2, false};
    struct cert ca = cert_make(&ca_plan, NULL);
    struct cert good = cert_make(&plan, &ca);
    struct cert bad = cert_make(&plan, NULL);
    char ca_path[PATH], good_path[PATH], bad_path[PATH];
    const char *const certs[3] = {
        NULL, cert_write(&good, "good", good_path, sizeof(good_path)),
        cert_write(&bad, "bad", bad_path, sizeof(bad_path))};

    (void)arg;
    cert_write(&ca, "ca", ca_path, sizeof(ca_path));
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        ask_one(&asked[i], ca_path, certs);
    }
    cert_free(&ca);
    cert_free(&good);
    cert_free(&bad);
    return 0;
}

TEST_EACH(clients_show_certificates, kernels)
{
    OK(run_on(p, ask_all, NULL));
}

/* ---- what is agreed on ---- */

static int
agree(void *arg)
{
    struct shake x = {.host = "localhost"};
    tn_tls_info info;

    (void)arg;
    tls_configs(&x.client, &x.server);
    OK(tn_tls_alpn(x.client, "h2,http/1.1"));
    shake_open(&x);
    OK(tn_tls_info_of(x.s[0], &info));
    STREQ(info.alpn, "");
    close_pair(x.s);
    OK(tn_tls_alpn(x.server, "http/1.1,http/1.0"));
    shake_open(&x);
    OK(tn_tls_info_of(x.s[0], &info));
    STREQ(info.alpn, "http/1.1");
    OK(tn_tls_info_of(x.s[1], &info));
    STREQ(info.alpn, "http/1.1");
    close_pair(x.s);
    OK(tn_tls_alpn(x.server, "irc"));
    EQ(shake(&x), TN_ETLS);
    CHECK(strstr(x.why[0], "no application protocol in common"));
    CHECK(strstr(x.why[1], "no application protocol in common"));
    ERR(tn_tls_alpn(x.server, ""), -EINVAL);
    ERR(tn_tls_alpn(x.server, "a,,b"), -EINVAL);
    ERR(tn_tls_alpn(x.server, ",a"), -EINVAL);
    ERR(tn_tls_alpn(x.server, "a,"), -EINVAL);
    tn_tls_free(x.client);
    tn_tls_free(x.server);
    return 0;
}

TEST_EACH(protocols_are_agreed_on, backends)
{
    OK(run_on(p, agree, NULL));
}

static bool
resumed(struct shake *x)
{
    tn_tls_info info;

    shake_open(x);
    EQ(x->r[0], 0);
    EQ(x->r[1], 0);
    OK(tn_tls_info_of(x->s[0], &info));
    close_pair(x->s);
    return info.resumed;
}

static int
resume(void *arg)
{
    static const struct cert_plan plan = {"us", "DNS:a", -2, 2, false};
    struct cert one = cert_make(&plan, NULL);
    struct cert two = cert_make(&plan, NULL);
    struct shake x = {.host = "a"};
    unsigned char before[TN_TLS_FINGERPRINT], after[TN_TLS_FINGERPRINT];
    char path[PATH];

    (void)arg;
    OK(tn_tls_new(&x.client, TN_TLS_CLIENT));
    OK(tn_tls_new(&x.server, TN_TLS_SERVER));
    tn_tls_insecure_no_verify(x.client);
    ERR(tn_tls_reload(x.server), -EINVAL);
    ERR(tn_tls_fingerprint(x.server, before), -ENOENT);
    OK(tn_tls_certificate(x.server, cert_write(&one, "c", path, sizeof(path)),
                          NULL));
    OK(tn_tls_fingerprint(x.server, before));
    CHECK(!resumed(&x));
    cert_write(&two, "c", path, sizeof(path));
    OK(tn_tls_reload(x.server));
    OK(tn_tls_fingerprint(x.server, after));
    CHECK(memcmp(before, after, sizeof(before)) != 0);
    CHECK(truncate(path, 10) == 0);
    ERR(tn_tls_reload(x.server), TN_ECERT);
    CHECK(unlink(path) == 0);
    ERR(tn_tls_reload(x.server), -ENOENT);
    OK(tn_tls_fingerprint(x.server, before));
    MEMEQ(before, after, sizeof(before));
    CHECK(!resumed(&x));
    tn_tls_free(x.client);
    tn_tls_free(x.server);
    cert_free(&one);
    cert_free(&two);
    return 0;
}

TEST_EACH(a_certificate_is_read_again, kernels)
{
    OK(run_on(p, resume, NULL));
}

/* ---- a listener that stays, so that clients come back ---- */

struct house {
    tn_sock *listener;
    char where[TN_ADDR_TEXT + 8];
    tn_tls *client, *server;
    bool resumed;
};

static int
answer(void *arg)
{
    struct house *h = arg;
    tn_sock *s;
    char byte;

    OK(tn_accept(h->listener, &s, NULL));
    EQ(tn_recv(s, &byte, 1, 0), 1);
    EQ(tn_sendall(s, &byte, 1, NULL), 1);
    EQ(tn_recv(s, &byte, 1, 0), 0);
    tn_close(s);
    return 0;
}

static bool
visit(struct house *h)
{
    tn_dial_opts opts = {.tls = h->client, .timeout = 5 * TN_SEC};
    tn_endpoint ep;
    tn_tls_info info;
    tn_sock *s;
    tn_group g;
    char byte = 'v';

    tn_group_init(&g, 0);
    OK(tn_go(&g, answer, h));
    OK(tn_endpoint_parse(&ep, h->where, TN_TCP));
    OK(tn_dial_endpoint(&s, &ep, &opts));
    CHECK(tn_tls_is_on(s));
    OK(tn_tls_info_of(s, &info));
    EQ(tn_sendall(s, &byte, 1, NULL), 1);
    EQ(tn_recv(s, &byte, 1, 0), 1);
    OK(tn_shutdown(s, SHUT_WR));
    EQ(tn_recv(s, &byte, 1, 0), 0);
    tn_close(s);
    OK(tn_group_wait(&g));
    return info.resumed;
}

static int
come_back(void *arg)
{
    static const struct cert_plan plan = {"us", "IP:127.0.0.1", -2, 2, false};
    struct cert one = cert_make(&plan, NULL);
    struct cert two = cert_make(&plan, NULL);
    tn_listen_opts opts = {.backlog = 8};
    struct house h;
    tn_addr self;
    char path[PATH];

    (void)arg;
    OK(tn_tls_new(&h.client, TN_TLS_CLIENT));
    OK(tn_tls_new(&h.server, TN_TLS_SERVER));
    opts.tls = h.server;
    ERR(tn_listen_on(&h.listener, "tls://127.0.0.1:0", &opts), -EINVAL);
    cert_write(&one, "c", path, sizeof(path));
    OK(tn_tls_certificate(h.server, path, NULL));
    OK(tn_tls_trust(h.client, path));
    OK(tn_listen_on(&h.listener, "tls://127.0.0.1:0", &opts));
    CHECK(!tn_tls_is_on(h.listener));
    OK(tn_getsockname(h.listener, &self));
    (void)snprintf(h.where, sizeof(h.where), "tls://127.0.0.1:%d",
                   tn_addr_port(&self));
    CHECK(!visit(&h));
    CHECK(visit(&h));
    CHECK(visit(&h));
    /* Tickets outlive a new certificate. */
    cert_write(&two, "c", path, sizeof(path));
    OK(tn_tls_reload(h.server));
    CHECK(visit(&h));
    /* Who was believed for other reasons is asked anew. */
    OK(tn_tls_trust(h.client, path));
    CHECK(!visit(&h));
    CHECK(visit(&h));
    tn_close(h.listener);
    tn_tls_free(h.client);
    tn_tls_free(h.server);
    cert_free(&one);
    cert_free(&two);
    return 0;
}

TEST_EACH(a_client_that_comes_back_is_known, kernels)
{
    OK(run_on(p, come_back, NULL));
}

/* ---- connections outlive what they were made from ---- */

static int
outlive(void *arg)
{
    struct tls_kit k;
    char byte;

    (void)arg;
    tls_up(&k);
    tn_tls_free(k.client);
    tn_tls_free(k.server);
    k.client = k.server = NULL;
    OK(tn_sendall(k.s[0], "x", 1, NULL));
    EQ(tn_recv(k.s[1], &byte, 1, 0), 1);
    tls_close(&k);
    return 0;
}

TEST_EACH(a_connection_keeps_its_configuration, backends)
{
    OK(run_on(p, outlive, NULL));
}

/* ---- wrong use ---- */

static int
wrong_use(void *arg)
{
    static const char *const names[] = {"", "a"};
    struct tls_kit k;
    tn_tls_info info;
    tn_sock *s[2];
    tn_tls *strict;
    char *pem;

    (void)arg;
    tls_open(&k);
    ERR(tn_tls_start(k.s[0], k.client, "a"), -EISCONN);
    ERR(tn_tls_info_of(k.s[0], &info), -ENOTCONN);
    ERR(tn_tls_ask(k.client, TN_TLS_ASK), -EINVAL);
    OK(tn_tls_new(&strict, TN_TLS_CLIENT));
    tcp_pair(s, AF_INET);
    ERR(tn_tls_start(s[0], strict, NULL), -EINVAL);
    ERR(tn_tls_handshake(s[0]), -EINVAL);
    ERR(tn_tls_info_of(s[0], &info), -EINVAL);
    CHECK(!tn_tls_is_on(s[0]));
    close_pair(s);
    ERR(tn_tls_self_signed(&pem, names, 1, 1), -EINVAL);
    ERR(tn_tls_self_signed(&pem, names + 1, 0, 1), -EINVAL);
    ERR(tn_tls_self_signed(&pem, names + 1, 65, 1), -EINVAL);
    ERR(tn_tls_self_signed(&pem, names + 1, 1, 0), -EINVAL);
    ERR(tn_tls_certificate_pem(k.server, "rubbish", 7), TN_ECERT);
    ERR(tn_tls_certificate(k.server, "/nowhere.pem", NULL), -ENOENT);
    ERR(tn_tls_certificate(k.server, "/dev/zero", NULL), -EFBIG);
    ERR(tn_tls_trust(k.client, "/dev/zero"), -EFBIG);
    ERR(tn_tls_trust(k.client, "/dev/null"), TN_ECERT);
    tn_tls_free(strict);
    tn_tls_free(NULL);
    tls_close(&k);
    return 0;
}

TEST_EACH(wrong_use_is_refused, callers)
{
    OK(run_as(p, wrong_use, NULL));
}
