/*
 * test_tls_nomem.c - memory is refused at the Nth request, for each N, once
 * and for good: of the library by the linker, of OpenSSL by its own hook.
 *
 * What must hold: a call that fails says so, nothing hangs, nothing is lost
 * (AddressSanitizer), and without refusal all of it succeeds.
 */
#include <tenon/pake.h>

#include "nomem.h"
#include "tls_kit.h"

#include <openssl/crypto.h>

static void *
ssl_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return n == 0 ? NULL : malloc(n);
}

static void *
ssl_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    if (n == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, n);
}

static void
ssl_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

/* OpenSSL takes it only before it has asked for anything. */
__attribute__((constructor)) static void
take_memory(void)
{
    (void)CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free);
    /* The system's trust store is large, and not what this is about. */
    (void)setenv("SSL_CERT_FILE", "/dev/null", 1);
    (void)setenv("SSL_CERT_DIR", "/nonexistent", 1);
}

/* ---- what is done with little memory ---- */

struct work {
    struct tls_kit k;
    int server;
};

static int
serve(void *arg)
{
    struct work *w = arg;
    char buf[64];
    ssize_t n = tn_recv(w->k.s[1], buf, sizeof(buf), 0);

    if (n > 0) {
        n = tn_sendall(w->k.s[1], buf, (size_t)n, NULL);
    }
    w->server = n < 0 ? (int)n : 0;
    if (n < 0) { /* the client shall not wait for an answer */
        tn_abort(w->k.s[1]);
        w->k.s[1] = NULL;
    }
    return 0;
}

static int
configure(struct tls_kit *k, const char *pem, const unsigned char *pin)
{
    int r = tn_tls_new(&k->server, TN_TLS_SERVER);

    if (r == 0) {
        r = tn_tls_certificate_pem(k->server, pem, strlen(pem));
    }
    if (r == 0) {
        r = tn_tls_alpn(k->server, "a,b");
    }
    if (r == 0) {
        r = tn_tls_new(&k->client, TN_TLS_CLIENT);
    }
    if (r == 0) {
        r = tn_tls_alpn(k->client, "b");
    }
    if (r == 0) {
        tn_tls_pin(k->client, pin);
        r = tn_tls_start(k->s[0], k->client, "localhost");
    }
    return r < 0 ? r : tn_tls_start(k->s[1], k->server, NULL);
}

/* The same by a key on both sides. */
static int
configure_key(struct tls_kit *k, const unsigned char *key)
{
    int r = tn_tls_new(&k->server, TN_TLS_SERVER);

    if (r == 0) {
        r = tn_tls_psk(k->server, key);
    }
    if (r == 0) {
        r = tn_tls_new(&k->client, TN_TLS_CLIENT);
    }
    if (r == 0) {
        r = tn_tls_psk(k->client, key);
    }
    if (r == 0) {
        r = tn_tls_start(k->s[0], k->client, NULL);
    }
    return r < 0 ? r : tn_tls_start(k->s[1], k->server, NULL);
}

static int
talk(struct work *w)
{
    char buf[64] = "";
    tn_group g;
    ssize_t n;

    tn_group_init(&g, TN_KEEP_GOING);
    if (tn_go(&g, serve, w) < 0) {
        return -ENOMEM;
    }
    n = tn_sendall(w->k.s[0], "hello", 5, NULL);
    if (n > 0) {
        n = tn_recv(w->k.s[0], buf, sizeof(buf), 0);
    }
    if (n < 0) {
        tn_close(w->k.s[0]);
        w->k.s[0] = NULL;
    }
    (void)tn_group_wait(&g);
    return n < 0 ? (int)n : n == 5 ? 0 : -EIO;
}

struct plan {
    char *pem; /* NULL: by a key, which is `pin` */
    unsigned char pin[TN_TLS_FINGERPRINT];
    int at;
    int asked;
};

static int
attempt(void *arg)
{
    struct plan *plan = arg;
    struct work w = {.k = {.client = NULL}};
    int r;

    tcp_pair(w.k.s, AF_INET);
    tn_settimeout(w.k.s[0], 5 * TN_SEC);
    tn_settimeout(w.k.s[1], 5 * TN_SEC);
    nomem_asked = 0;
    nomem_until = plan->at;
    r = plan->pem ? configure(&w.k, plan->pem, plan->pin)
                  : configure_key(&w.k, plan->pin);
    if (r == 0) {
        r = talk(&w);
    }
    nomem_until = 0;
    plan->asked = nomem_asked;
    if (r == -ETIME || w.server == -ETIME) {
        FAIL("refused at %d: it hung", plan->at);
    }
    tls_close(&w.k);
    return r;
}

static void
make_certificate(struct plan *plan)
{
    static const char *const names[] = {"localhost"};
    tn_tls *tls;

    OK(tn_tls_self_signed(&plan->pem, names, 1, 1));
    OK(tn_tls_new(&tls, TN_TLS_SERVER));
    OK(tn_tls_certificate_pem(tls, plan->pem, strlen(plan->pem)));
    OK(tn_tls_fingerprint(tls, plan->pin));
    tn_tls_free(tls);
}

static void
refuse_everywhere(bool by_key, int step)
{
    struct plan plan = {.at = 0};
    int r, total;

    if (!by_key) {
        make_certificate(&plan);
    }
    OK(tn_run(NULL, attempt, &plan)); /* what OpenSSL makes once is there now */
    OK(tn_run(NULL, attempt, &plan));
    total = plan.asked;
    printf("# %d requests\n", total);
    for (plan.at = 1; plan.at <= total; plan.at += step) {
        r = tn_run(NULL, attempt, &plan);
        if (nomem_for_good && r == 0 && plan.at < total / 2) {
            FAIL("refused from %d on, and all went well", plan.at);
        }
    }
    plan.at = 0;
    OK(tn_run(NULL, attempt, &plan));
    free(plan.pem);
}

/* Thousands of requests: each handshake takes a millisecond or two. */
TEST_TIMEOUT(memory_is_refused_once, 60)
{
    nomem_for_good = false;
    refuse_everywhere(false, test_slow() ? 1 : 7);
}

TEST_TIMEOUT(memory_is_refused_for_good, 60)
{
    nomem_for_good = true;
    refuse_everywhere(false, test_slow() ? 1 : 13);
}

TEST_TIMEOUT(memory_is_refused_once_by_a_key, 60)
{
    nomem_for_good = false;
    refuse_everywhere(true, test_slow() ? 1 : 5);
}

TEST_TIMEOUT(memory_is_refused_for_good_by_a_key, 60)
{
    nomem_for_good = true;
    refuse_everywhere(true, test_slow() ? 1 : 7);
}

/* ---- a key of a code ---- */

TEST(memory_is_refused_to_an_exchange)
{
    tn_pake *p;

    nomem_until = 1;
    ERR(tn_pake_new(&p, TN_PAKE_FIRST, "code", 4, "test", NULL), -ENOMEM);
    CHECK(!p);
    OK(tn_pake_new(&p, TN_PAKE_FIRST, "code", 4, "test", NULL));
    tn_pake_free(p);
}
