/*
 * parcel.c - a file over loopback TCP into another file: ours beside the
 * barest loops that do the same.
 *
 *     parcel plain FILE TO   sendfile() to recv(256 KiB) and write()
 *     parcel clear FILE TO   parcel_send() to parcel_receive()
 *     parcel bare FILE TO    pread() and SSL_write() to SSL_read() and write()
 *     parcel code FILE TO    ours, with a code
 *     parcel many FOLDER TO  ours, a folder; TO is one, too
 *
 * Prints ns of wall time, and of the CPU of receiver and sender. Each side is
 * a process, on a processor of its own where there are two. TO is an empty
 * folder. What the bare loops lack: hashes, names, resume, fsync.
 */
#include "parcel/parcel.h"

#include <tenon/err.h>
#include <tenon/run.h>
#include <tenon/sock.h>
#include <tenon/tls.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 256 << 10 };

static char piece[PIECE];
static char *pem;
static const char *from, *to, *code;
static int conn;

static void
need(int ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "parcel: %s failed: %s\n", what, tn_why());
        exit(1);
    }
}

static int
open_target(void)
{
    char path[1024];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/out", to);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    need(fd >= 0, "open");
    return fd;
}

/* ---- in the clear, by hand ---- */

static void
plain_send(void)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    while ((n = sendfile(conn, fd, NULL, 1 << 30)) > 0) {
    }
    need(n == 0, "sendfile");
}

static void
plain_recv(void)
{
    int fd = open_target();
    ssize_t n;

    while ((n = recv(conn, piece, PIECE, 0)) > 0) {
        need(write(fd, piece, (size_t)n) == n, "write");
    }
    need(n == 0, "recv");
}

/* ---- TLS, by hand ---- */

static SSL *
bare_open(bool serves)
{
    SSL_CTX *ctx =
        SSL_CTX_new(serves ? TLS_server_method() : TLS_client_method());
    BIO *certs = BIO_new_mem_buf(pem, -1), *keys = BIO_new_mem_buf(pem, -1);
    SSL *ssl;

    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    /* What a shared key brings about. */
    need(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") == 1, "suite");
    if (serves) {
        X509 *cert = PEM_read_bio_X509(certs, NULL, NULL, NULL);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(keys, NULL, NULL, NULL);

        need(SSL_CTX_use_certificate(ctx, cert) == 1 &&
                 SSL_CTX_use_PrivateKey(ctx, key) == 1,
             "certificate");
    }
    ssl = SSL_new(ctx);
    SSL_set_fd(ssl, conn);
    need((serves ? SSL_accept(ssl) : SSL_connect(ssl)) == 1, "handshake");
    return ssl;
}

static void
bare_send(void)
{
    SSL *ssl = bare_open(false);
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    off_t at = 0;
    ssize_t n;

    while ((n = pread(fd, piece, PIECE, at)) > 0) {
        need(SSL_write(ssl, piece, (int)n) == n, "SSL_write");
        at += n;
    }
    SSL_shutdown(ssl);
}

static void
bare_recv(void)
{
    SSL *ssl = bare_open(true);
    int fd = open_target(), n;

    do {
        int have = 0;

        while (have < PIECE &&
               (n = SSL_read(ssl, piece + have, PIECE - have)) > 0) {
            have += n;
        }
        need(write(fd, piece, (size_t)have) == have, "write");
    } while (n > 0);
}

/* ---- ours ---- */

static int
our_send(void *arg)
{
    struct parcel_send_opts opts = {.code = code};
    struct parcel_result result;
    tn_sock *sock;
    parcel *p;

    (void)arg;
    need(tn_fromfd(&sock, conn) == 0, "socket");
    need(parcel_new(&p) == 0 && parcel_add(p, from) == 0, "add");
    need(parcel_send(sock, p, &opts, &result) == 0, "send");
    parcel_free(p);
    (void)tn_close(sock);
    return 0;
}

static int
our_recv(void *arg)
{
    struct parcel_recv_opts opts = {.code = code, .dir = to, .out = -1};
    struct parcel_result result;
    tn_sock *sock;

    (void)arg;
    need(tn_fromfd(&sock, conn) == 0, "socket");
    need(parcel_receive(sock, &opts, &result) == 0, "receive");
    (void)tn_close(sock);
    return 0;
}

static void
ours_send(void)
{
    need(tn_run(NULL, our_send, NULL) == 0, "run");
}

static void
ours_recv(void)
{
    need(tn_run(NULL, our_recv, NULL) == 0, "run");
}

static const struct way {
    const char *name, *code;
    void (*send)(void);
    void (*recv)(void);
} ways[] = {
    {"plain", NULL, plain_send, plain_recv},
    {"clear", NULL, ours_send, ours_recv},
    {"bare", NULL, bare_send, bare_recv},
    {"code", "123456", ours_send, ours_recv},
    {"many", NULL, ours_send, ours_recv},
};

/* ---- around them ---- */

static double
now(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
connect_both(int fd[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    need(bind(listener, (struct sockaddr *)&a, len) == 0 &&
             listen(listener, 1) == 0 &&
             getsockname(listener, (struct sockaddr *)&a, &len) == 0,
         "listen");
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    need(connect(fd[0], (struct sockaddr *)&a, len) == 0, "connect");
    fd[1] = accept(listener, NULL, NULL);
    close(listener);
}

static void
pin(int number)
{
    cpu_set_t all, one;
    int seen = 0;

    CPU_ZERO(&one);
    need(sched_getaffinity(0, sizeof(all), &all) == 0, "affinity");
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &all) && seen++ % 2 == number) {
            CPU_SET(i, &one);
            break;
        }
    }
    if (CPU_COUNT(&one) == 1) {
        need(sched_setaffinity(0, sizeof(one), &one) == 0, "affinity");
    }
}

static void
measure(const struct way *way)
{
    int fd[2], status;
    struct rusage used;
    double began, before;
    pid_t child;

    connect_both(fd);
    began = now(CLOCK_MONOTONIC);
    child = fork();
    if (child == 0) {
        pin(0);
        close(fd[0]);
        conn = fd[1];
        way->recv();
        _exit(0);
    }
    pin(1);
    close(fd[1]);
    conn = fd[0];
    before = now(CLOCK_PROCESS_CPUTIME_ID);
    way->send();
    close(conn);
    before = now(CLOCK_PROCESS_CPUTIME_ID) - before;
    need(wait4(child, &status, 0, &used) == child && status == 0, "receiver");
    printf("%.0f %.0f %.0f\n", now(CLOCK_MONOTONIC) - began,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3,
           before);
}

int
main(int argc, char **argv)
{
    static const char *const names[] = {"localhost"};

    if (argc != 4) {
        (void)fprintf(stderr,
                      "usage: parcel plain|clear|bare|code|many FROM TO\n");
        return 2;
    }
    from = argv[2];
    to = argv[3];
    need(tn_tls_self_signed(&pem, names, 1, 1) == 0, "certificate");
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(argv[1], ways[i].name) == 0) {
            code = ways[i].code;
            measure(&ways[i]);
            free(pem);
            return 0;
        }
    }
    return 2;
}
