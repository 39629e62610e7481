/*
 * test_tls_psk.c - TLS between peers that know each other by a key.
 */
#include <tenon/pake.h>
#include <tenon/seal.h>

#include "tls_kit.h"

#include <fcntl.h>

static const unsigned char key[TN_TLS_PSK] = "thirty-two bytes, as they must b";
static const unsigned char other[TN_TLS_PSK] =
    "thirty-two bytes, as they must B";

static tn_tls *
config(enum tn_tls_role role, const unsigned char *with)
{
    tn_tls *tls;

    OK(tn_tls_new(&tls, role));
    OK(tn_tls_psk(tls, with));
    return tls;
}

/* Two ends without a handshake yet; the kit's configurations are set. */
static void
join(struct tls_kit *k)
{
    tcp_pair(k->s, AF_INET);
    OK(tn_tls_start(k->s[0], k->client, NULL));
    OK(tn_tls_start(k->s[1], k->server, NULL));
}

static void
open_by_key(struct tls_kit *k)
{
    k->client = config(TN_TLS_CLIENT, key);
    k->server = config(TN_TLS_SERVER, key);
    join(k);
}

/* What became of one end's handshake, and the sentence about it. */
struct end {
    tn_sock *s;
    int result;
    char why[256];
};

static int
shake(void *arg)
{
    struct end *e = arg;

    e->result = tn_tls_handshake(e->s);
    if (e->result < 0) {
        (void)snprintf(e->why, sizeof(e->why), "%s", tn_why());
    }
    return 0;
}

/* Both handshakes at once. A client's may end before the server has judged it:
   then a receive tells. */
static void
shake_both(const struct tls_kit *k, struct end e[2])
{
    tn_group g;

    tn_group_init(&g, 0);
    for (int i = 0; i < 2; i++) {
        e[i] = (struct end){.s = k->s[i]};
        tn_settimeout(k->s[i], 5 * TN_SEC);
        OK(tn_go(&g, shake, &e[i]));
    }
    OK(tn_group_wait(&g));
}

static void
up(const struct tls_kit *k)
{
    struct end e[2];

    shake_both(k, e);
    if (e[0].result < 0 || e[1].result < 0) {
        FAIL("client: %s; server: %s", e[0].why, e[1].why);
    }
}

static void
has_word(const struct end *e, const char *word)
{
    if (!strstr(e->why, word)) {
        FAIL("\"%s\" does not say \"%s\"", e->why, word);
    }
}

/* ---- with the same key ---- */

static void
both_ways(struct tls_kit *k)
{
    char buf[64];

    EQ(tn_sendall(k->s[0], "hello", 5, NULL), 5);
    EQ(tn_recv(k->s[1], buf, sizeof(buf), 0), 5);
    MEMEQ(buf, "hello", 5);
    EQ(tn_send(k->s[1], "you", 3, 0), 3);
    EQ(tn_recvall(k->s[0], buf, 3, NULL), 3);
    MEMEQ(buf, "you", 3);
    OK(tn_shutdown(k->s[0], SHUT_WR));
    EQ(tn_recv(k->s[1], buf, sizeof(buf), 0), 0);
    EQ(tn_send(k->s[1], "late", 4, 0), 4);
    EQ(tn_recv(k->s[0], buf, sizeof(buf), 0), 4);
    OK(tn_shutdown(k->s[1], SHUT_WR));
    EQ(tn_recv(k->s[0], buf, sizeof(buf), 0), 0);
}

static int
greet(void *arg)
{
    const bool *ktls = arg;
    struct tls_kit k;
    tn_tls_info info[2];

    k.client = config(TN_TLS_CLIENT, key);
    k.server = config(TN_TLS_SERVER, key);
    if (*ktls) {
        tn_tls_ktls(k.client);
        tn_tls_ktls(k.server);
    }
    join(&k);
    up(&k);
    for (int i = 0; i < 2; i++) {
        OK(tn_tls_info_of(k.s[i], &info[i]));
        STREQ(info[i].version, "TLSv1.3");
        STREQ(info[i].cipher, "TLS_AES_128_GCM_SHA256");
        CHECK(info[i].by_key && !info[i].has_peer && !info[i].resumed);
    }
    both_ways(&k);
    tls_close(&k);
    return 0;
}

TEST_EACH(bytes_go_both_ways, backends)
{
    OK(run_on(p, greet, &(bool){false}));
}

TEST_EACH(also_if_the_kernel_encrypts, kernels)
{
    OK(run_on(p, greet, &(bool){true}));
}

TEST(the_smallest_stack_is_enough)
{
    tn_opts opts = {.stack_size = 32 << 10};

    OK(tn_run(&opts, greet, &(bool){false}));
}

enum { FILE_SIZE = 300001 };

struct sender {
    tn_sock *s;
    int fd;
};

static int
send_whole_file(void *arg)
{
    struct sender *x = arg;

    EQ(tn_sendfile(x->s, x->fd, 0, 0, NULL), FILE_SIZE);
    return tn_shutdown(x->s, SHUT_WR);
}

static int
send_file(void *arg)
{
    const bool *ktls = arg;
    uint8_t *data = malloc(FILE_SIZE), *got = malloc(FILE_SIZE);
    struct tls_kit k;
    struct sender x;
    tn_group g;
    char path[200];

    tn_secret(data, FILE_SIZE);
    (void)snprintf(path, sizeof(path), "%s/file", test_dir());
    x.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    EQ(write(x.fd, data, FILE_SIZE), FILE_SIZE);
    k.client = config(TN_TLS_CLIENT, key);
    k.server = config(TN_TLS_SERVER, key);
    if (*ktls) {
        tn_tls_ktls(k.client);
    }
    join(&k);
    up(&k);
    x.s = k.s[0];
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_whole_file, &x));
    EQ(tn_recvall(k.s[1], got, FILE_SIZE, NULL), FILE_SIZE);
    MEMEQ(got, data, FILE_SIZE);
    EQ(tn_recv(k.s[1], got, 1, 0), 0);
    OK(tn_group_wait(&g));
    EQ(close(x.fd), 0);
    free(data);
    free(got);
    tls_close(&k);
    return 0;
}

TEST_EACH(a_file_is_sent, backends)
{
    OK(run_on(p, send_file, &(bool){false}));
}

TEST_EACH(a_file_is_sent_by_the_kernel, kernels)
{
    OK(run_on(p, send_file, &(bool){true}));
}

/* Nothing is kept of the first: the second is by the key as well. */
static int
again(void *arg)
{
    struct tls_kit k;
    tn_tls_info info;

    (void)arg;
    k.client = config(TN_TLS_CLIENT, key);
    k.server = config(TN_TLS_SERVER, key);
    for (int i = 0; i < 3; i++) {
        tcp_pair(k.s, AF_INET);
        OK(tn_tls_start(k.s[0], k.client, "localhost"));
        OK(tn_tls_start(k.s[1], k.server, NULL));
        up(&k);
        both_ways(&k);
        OK(tn_tls_info_of(k.s[0], &info));
        CHECK(info.by_key && !info.resumed);
        STREQ(info.name, "localhost");
        close_pair(k.s);
    }
    tn_tls_free(k.client);
    tn_tls_free(k.server);
    return 0;
}

TEST_EACH(each_handshake_is_by_the_key, backends)
{
    OK(run_on(p, again, NULL));
}

static int
announced_or_cut(void *arg)
{
    struct tls_kit k;
    char byte;

    (void)arg;
    open_by_key(&k);
    up(&k);
    tn_abort(k.s[0]);
    k.s[0] = NULL;
    LE(tn_recv(k.s[1], &byte, 1, 0), -1);
    tls_close(&k);
    return 0;
}

TEST_EACH(an_abort_is_no_end, backends)
{
    OK(run_on(p, announced_or_cut, NULL));
}

/* ---- with another one, or none ---- */

static int
wrong_key(void *arg)
{
    struct tls_kit k;
    struct end e[2];
    char byte;

    (void)arg;
    k.client = config(TN_TLS_CLIENT, key);
    k.server = config(TN_TLS_SERVER, other);
    join(&k);
    shake_both(&k, e);
    for (int i = 0; i < 2; i++) {
        EQ(e[i].result, TN_ECERT);
        has_word(&e[i], "the other side has another key");
        EQ(tn_recv(k.s[i], &byte, 1, 0), TN_ECERT);
        LE(tn_send(k.s[i], "x", 1, 0), -1);
    }
    tls_close(&k);
    return 0;
}

TEST_EACH(another_key_is_refused_by_both, backends)
{
    OK(run_on(p, wrong_key, NULL));
}

static int
server_with_certificate(void *arg)
{
    struct tls_kit k;
    struct end e[2];

    (void)arg;
    tls_configs(&k.client, &k.server);
    tn_tls_free(k.client);
    k.client = config(TN_TLS_CLIENT, key);
    /* Who says so afterwards does not take it back. */
    tn_tls_insecure_no_verify(k.client);
    join(&k);
    shake_both(&k, e);
    EQ(e[0].result, TN_ECERT);
    has_word(&e[0], "the other side does not know us by a key");
    LE(e[1].result, -1);
    tls_close(&k);
    return 0;
}

TEST_EACH(a_certificate_is_no_key, backends)
{
    OK(run_on(p, server_with_certificate, NULL));
}

/* The same, and the certificate is one that would be trusted. */
static int
pinned_server(void *arg)
{
    unsigned char sha256[TN_TLS_FINGERPRINT];
    struct tls_kit k;
    struct end e[2];

    (void)arg;
    tls_configs(&k.client, &k.server);
    tn_tls_free(k.client);
    OK(tn_tls_fingerprint(k.server, sha256));
    k.client = config(TN_TLS_CLIENT, key);
    tn_tls_pin(k.client, sha256);
    join(&k);
    shake_both(&k, e);
    EQ(e[0].result, TN_ECERT);
    LE(e[1].result, -1);
    tls_close(&k);
    return 0;
}

TEST_EACH(nor_a_pinned_one, backends)
{
    OK(run_on(p, pinned_server, NULL));
}

static int
client_without_key(void *arg)
{
    struct tls_kit k;
    struct end e[2];

    (void)arg;
    k.server = config(TN_TLS_SERVER, key);
    OK(tn_tls_new(&k.client, TN_TLS_CLIENT));
    tn_tls_insecure_no_verify(k.client);
    join(&k);
    shake_both(&k, e);
    LE(e[0].result, -1);
    EQ(e[1].result, TN_ECERT);
    has_word(&e[1], "the other side does not know us by a key");
    tls_close(&k);
    return 0;
}

TEST_EACH(a_client_without_key_is_refused, backends)
{
    OK(run_on(p, client_without_key, NULL));
}

/* ---- what does not go together ---- */

TEST(certificates_and_keys_exclude_each_other)
{
    static const char *const names[] = {"localhost"};
    char *pem;
    tn_tls *tls;

    OK(tn_tls_self_signed(&pem, names, 1, 1));
    OK(tn_tls_new(&tls, TN_TLS_SERVER));
    OK(tn_tls_certificate_pem(tls, pem, strlen(pem)));
    ERR(tn_tls_psk(tls, key), -EINVAL);
    tn_tls_free(tls);

    OK(tn_tls_new(&tls, TN_TLS_SERVER));
    OK(tn_tls_ask(tls, TN_TLS_ASK));
    ERR(tn_tls_psk(tls, key), -EINVAL);
    OK(tn_tls_ask(tls, TN_TLS_ASK_NOTHING));
    OK(tn_tls_psk(tls, key));
    OK(tn_tls_psk(tls, other)); /* in place of the first */
    ERR(tn_tls_certificate_pem(tls, pem, strlen(pem)), -EINVAL);
    ERR(tn_tls_certificate(tls, "/nonexistent", NULL), -EINVAL);
    ERR(tn_tls_ask(tls, TN_TLS_REQUIRE), -EINVAL);
    ERR(tn_tls_reload(tls), -EINVAL);
    tn_tls_free(tls);

    OK(tn_tls_new(&tls, TN_TLS_CLIENT));
    tn_tls_pin(tls, key);
    ERR(tn_tls_psk(tls, key), -EINVAL);
    tn_tls_free(tls);

    OK(tn_tls_new(&tls, TN_TLS_CLIENT));
    tn_tls_insecure_no_verify(tls);
    ERR(tn_tls_psk(tls, key), -EINVAL);
    tn_tls_free(tls);

    OK(tn_tls_new(&tls, TN_TLS_CLIENT));
    OK(tn_tls_trust(tls, "/"));
    ERR(tn_tls_psk(tls, key), -EINVAL);
    tn_tls_free(tls);

    OK(tn_tls_new(&tls, TN_TLS_CLIENT));
    OK(tn_tls_psk(tls, key));
    ERR(tn_tls_trust(tls, "/"), -EINVAL);
    tn_tls_free(tls);
    free(pem);
}

/* ---- by address, in threads, with a key that two people made of a code -- */

struct serving {
    tn_sock *listener;
    int result;
};

static void
serve_one(void *arg)
{
    struct serving *w = arg;
    char buf[16];
    tn_sock *s;

    OK(tn_accept(w->listener, &s, NULL));
    tn_settimeout(s, 5 * TN_SEC);
    w->result = tn_tls_handshake(s);
    if (w->result == 0) {
        EQ(tn_recvall(s, buf, 4, NULL), 4);
        EQ(tn_sendall(s, buf, 4, NULL), 4);
    }
    tn_close(s);
}

static void
make_keys(unsigned char a[TN_PAKE_KEY], unsigned char b[TN_PAKE_KEY],
          const char *code_b)
{
    tn_pake *first, *second;

    OK(tn_pake_new(&first, TN_PAKE_FIRST, "314159", 6, "test", NULL));
    OK(tn_pake_new(&second, TN_PAKE_SECOND, code_b, strlen(code_b), "test",
                   NULL));
    OK(tn_pake_finish(first, tn_pake_share(second), a));
    OK(tn_pake_finish(second, tn_pake_share(first), b));
    tn_pake_free(first);
    tn_pake_free(second);
}

/* What dialing gives, and what the server saw. */
static int
dial_with_code(const char *code, int *served)
{
    unsigned char keys[2][TN_PAKE_KEY];
    struct serving w;
    tn_tls *client, *server;
    struct test_thread *t;
    tn_endpoint ep;
    tn_addr self;
    tn_sock *s;
    char buf[4];
    int r;

    make_keys(keys[0], keys[1], code);
    client = config(TN_TLS_CLIENT, keys[0]);
    server = config(TN_TLS_SERVER, keys[1]);
    OK(tn_endpoint_parse(&ep, "tls://127.0.0.1:0", TN_TCP));
    OK(tn_listen_endpoint(&w.listener, &ep, &(tn_listen_opts){.tls = server}));
    OK(tn_getsockname(w.listener, &self));
    ep.port = tn_addr_port(&self);
    t = test_thread_start(serve_one, &w);
    r = tn_dial_endpoint(&s, &ep,
                         &(tn_dial_opts){.tls = client, .timeout = 5 * TN_SEC});
    if (r == 0) {
        EQ(tn_sendall(s, "code", 4, NULL), 4);
        EQ(tn_recvall(s, buf, 4, NULL), 4);
        tn_close(s);
    }
    test_thread_join(t);
    *served = w.result;
    tn_close(w.listener);
    tn_tls_free(client);
    tn_tls_free(server);
    return r;
}

TEST(a_code_becomes_a_connection)
{
    int served;

    OK(dial_with_code("314159", &served));
    OK(served);
}

TEST(another_code_does_not)
{
    int served;

    EQ(dial_with_code("314158", &served), TN_ECERT);
    EQ(served, TN_ECERT);
}

/* ---- byte by byte ---- */

struct way {
    tn_sock *from, *to;
};

static int
pass_on(void *arg)
{
    const struct way *w = arg;
    char byte;

    while (tn_recv(w->from, &byte, 1, 0) == 1) {
        OK(tn_send(w->to, &byte, 1, 0));
    }
    return tn_shutdown(w->to, SHUT_WR);
}

static int
dribble(void *arg)
{
    struct tls_kit k;
    tn_sock *a[2], *b[2];
    struct way there, back;
    tn_group g;

    (void)arg;
    tcp_pair(a, AF_INET);
    tcp_pair(b, AF_INET);
    there = (struct way){a[1], b[0]};
    back = (struct way){b[0], a[1]};
    OK(tn_set(a[1], TN_NODELAY, 1));
    OK(tn_set(b[0], TN_NODELAY, 1));
    k.client = config(TN_TLS_CLIENT, key);
    k.server = config(TN_TLS_SERVER, key);
    k.s[0] = a[0];
    k.s[1] = b[1];
    OK(tn_tls_start(k.s[0], k.client, NULL));
    OK(tn_tls_start(k.s[1], k.server, NULL));
    tn_group_init(&g, 0);
    OK(tn_go(&g, pass_on, &there));
    OK(tn_go(&g, pass_on, &back));
    up(&k);
    both_ways(&k);
    OK(tn_group_wait(&g));
    tn_close(a[1]);
    tn_close(b[0]);
    tls_close(&k);
    return 0;
}

TEST_EACH(byte_by_byte, backends)
{
    OK(run_on(p, dribble, NULL));
}
