/*
 * tls.c - the CPU of moving bytes through TLS 1.3: ours beside a bare loop of
 * OpenSSL's SSL_read() and SSL_write().
 *
 *     tls send tenon MIB    a task sends MIB mebibytes to a bare loop
 *     tls send bare MIB     a bare loop does
 *     tls recv tenon MIB    a task receives them from a bare loop
 *     tls recv bare MIB     a bare loop does
 *     tls file tenon MIB    as send, with tn_sendfile() of a file in memory
 *     tls file bare MIB     as send, with pread() before each
 *
 * Prints the ns of CPU of the side that is named, for each MiB. The other side
 * is a process of its own and always a bare loop. Both run where the caller
 * lets them.
 */
#include <tenon/err.h>
#include <tenon/msg.h>
#include <tenon/run.h>
#include <tenon/sock.h>
#include <tenon/task.h>
#include <tenon/tls.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, PIECE = 64 << 10, MOST = 65536, FILE_SIZE = 64 * MIB };

static char *piece;
static size_t total;
static char *pem; /* certificate and key of the side that sends */
static double used;

static void
need(int ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "tls: %s failed: %s\n", what, tn_why());
        exit(1);
    }
}

static double
cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- the bare loop ---- */

static SSL *
bare_open(int fd, bool sends)
{
    SSL_CTX *ctx =
        SSL_CTX_new(sends ? TLS_server_method() : TLS_client_method());
    BIO *certs = BIO_new_mem_buf(pem, -1);
    BIO *keys = BIO_new_mem_buf(pem, -1);
    SSL *ssl;

    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    if (sends) {
        X509 *cert = PEM_read_bio_X509(certs, NULL, NULL, NULL);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(keys, NULL, NULL, NULL);

        need(SSL_CTX_use_certificate(ctx, cert) == 1 &&
                 SSL_CTX_use_PrivateKey(ctx, key) == 1,
             "certificate");
    }
    ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    need((sends ? SSL_accept(ssl) : SSL_connect(ssl)) == 1, "handshake");
    return ssl;
}

static void
bare_side(int fd, bool sends, int file)
{
    SSL *ssl = bare_open(fd, sends);
    double before = cpu_ns();
    size_t moved = 0;

    while (moved < total) {
        if (file >= 0) {
            need(pread(file, piece, PIECE, (off_t)(moved % FILE_SIZE)) == PIECE,
                 "read");
        }
        int n =
            sends ? SSL_write(ssl, piece, PIECE) : SSL_read(ssl, piece, PIECE);

        need(n > 0, "transfer");
        moved += (size_t)n;
    }
    used = cpu_ns() - before;
    SSL_shutdown(ssl);
}

/* ---- ours ---- */

struct side {
    int fd, file;
    bool sends;
};

static void
move(tn_sock *s, const struct side *side)
{
    size_t moved = 0;

    if (side->file >= 0) {
        while (moved < total) {
            ssize_t n = tn_sendfile(s, side->file, 0, FILE_SIZE, NULL);

            need(n > 0, "sendfile");
            moved += (size_t)n;
        }
        return;
    }
    while (moved < total) {
        ssize_t n = side->sends ? tn_sendall(s, piece, PIECE, NULL)
                                : tn_recv(s, piece, PIECE, 0);

        need(n > 0, "transfer");
        moved += (size_t)n;
    }
}

static int
our_side(void *arg)
{
    const struct side *side = arg;
    tn_tls *tls;
    tn_sock *s;
    double before;

    need(tn_tls_new(&tls, side->sends ? TN_TLS_SERVER : TN_TLS_CLIENT) == 0,
         "configuration");
    if (side->sends) {
        need(tn_tls_certificate_pem(tls, pem, strlen(pem)) == 0, "certificate");
    } else {
        tn_tls_insecure_no_verify(tls);
    }
    need(tn_fromfd(&s, side->fd) == 0, "socket");
    need(tn_tls_start(s, tls, side->sends ? NULL : "localhost") == 0, "start");
    need(tn_tls_handshake(s) == 0, "handshake");
    before = cpu_ns();
    move(s, side);
    used = cpu_ns() - before;
    tn_close(s);
    tn_tls_free(tls);
    return 0;
}

/* ---- the connection between the two ---- */

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

static int
memory_file(void)
{
    int fd = memfd_create("bench", MFD_CLOEXEC);

    need(fd >= 0 && ftruncate(fd, FILE_SIZE) == 0, "file");
    return fd;
}

int
main(int argc, char **argv)
{
    static const char *const names[] = {"localhost"};
    struct side side = {.file = -1};
    bool ours;
    int fd[2];
    pid_t child;

    if (argc != 4) {
        (void)fprintf(stderr, "usage: tls send|recv|file tenon|bare MIB\n");
        return 2;
    }
    side.sends = strcmp(argv[1], "recv") != 0;
    ours = strcmp(argv[2], "tenon") == 0;
    total = strtoul(argv[3], NULL, 10) % MOST * MIB;
    piece = calloc(1, PIECE);
    need(tn_tls_self_signed(&pem, names, 1, 1) == 0, "certificate");
    if (strcmp(argv[1], "file") == 0) {
        side.file = memory_file();
    }
    connect_both(fd);
    child = fork();
    need(child >= 0, "fork");
    if (child == 0) {
        close(fd[0]);
        bare_side(fd[1], !side.sends, -1);
        _exit(0);
    }
    close(fd[1]);
    side.fd = fd[0];
    if (ours) {
        need(tn_run(NULL, our_side, &side) == 0, "loop");
    } else {
        bare_side(fd[0], side.sends, side.file);
    }
    need(waitpid(child, NULL, 0) == child, "wait");
    printf("%.0f\n", used / (double)(total / MIB));
    free(pem);
    free(piece);
    return 0;
}
