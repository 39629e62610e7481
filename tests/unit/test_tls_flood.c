/*
 * test_tls_flood.c - a peer that sends and sends what is no data: new keys,
 * which cost it little and us a derivation each.
 */
#include "tls/tls_int.h"
#include "tls_kit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    FLOOD = 100000, /* keys for a good part of a second */
};

static void
new_key(SSL *ssl)
{
    EQ(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
}

/* With OpenSSL alone, as a stranger's program: all of it is made before the
   first byte goes, since making it costs as much as reading it. */
struct flood {
    int fd;
    atomic_bool made;
};

static void
send_all(int fd, BIO *from)
{
    char *at;
    long n = BIO_get_mem_data(from, &at);
    ssize_t sent = 1;

    while (n > 0 && sent > 0) {
        sent = send(fd, at, (size_t)n, MSG_NOSIGNAL);
        at += sent;
        n -= sent;
    }
}

static void *
send_keys(void *arg)
{
    struct flood *f = arg;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    BIO *all = BIO_new(BIO_s_mem());

    SSL_set_fd(ssl, f->fd);
    EQ(SSL_connect(ssl), 1);
    SSL_set0_wbio(ssl, all);
    for (int i = 0; i < FLOOD; i++) {
        new_key(ssl);
        EQ(SSL_do_handshake(ssl), 1);
    }
    EQ(SSL_write(ssl, "x", 1), 1);
    f->made = true;
    send_all(f->fd, all);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return NULL;
}

static int
time_is_over(void *arg)
{
    struct flood f = {.made = false};
    tn_sock *s[2];
    tn_tls *client, *server;
    pthread_t thread;
    char byte;

    (void)arg;
    tls_configs(&client, &server);
    tcp_pair(s, AF_INET);
    OK(tn_tls_start(s[1], server, NULL));
    f.fd = dup(tn_fileno(s[0]));
    OK(f.fd < 0 ? -errno : 0);
    OK(fcntl(f.fd, F_SETFL, fcntl(f.fd, F_GETFL) & ~O_NONBLOCK));
    EQ(pthread_create(&thread, NULL, send_keys, &f), 0);
    OK(tn_tls_handshake(s[1]));
    while (!f.made) {
        OK(tn_sleep(TN_MS));
    }
    tn_settimeout(s[1], 20 * TN_MS);
    EQ(tn_recv(s[1], &byte, 1, 0), -ETIME);
    tn_abort(s[1]); /* ends a send of the other's that waits */
    EQ(pthread_join(thread, NULL), 0);
    close(f.fd);
    tn_close(s[0]);
    tn_tls_free(client);
    tn_tls_free(server);
    return 0;
}

TEST_EACH(a_time_out_ends_a_flood_of_keys, kernel_callers)
{
    OK(run_as(p, time_is_over, NULL));
}
