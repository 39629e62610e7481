/*
 * psk_peer.c - one end of a connection by a key, for test_tls_psk.py.
 *
 *     psk_peer listen KEY COUNT    prints its port, then a line for each of so
 *                                  many connections, which it echoes
 *     psk_peer dial KEY PORT       says "hello", prints what comes back
 *
 * KEY is hexadecimal. A failure is printed as tn_why() has it.
 */
#include <tenon/dial.h>
#include <tenon/tls.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 30, PIECE = 1024 };

static tn_tls *
config(enum tn_tls_role role, const char *hex)
{
    unsigned char key[TN_TLS_PSK];
    tn_tls *tls;

    for (size_t i = 0; i < sizeof(key); i++) {
        unsigned byte = 0;

        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            return NULL;
        }
        key[i] = (unsigned char)byte;
    }
    return tn_tls_new(&tls, role) == 0 && tn_tls_psk(tls, key) == 0 ? tls
                                                                    : NULL;
}

static int
complain(int r)
{
    printf("%s: %s\n", tn_err_name(r), tn_why());
    (void)fflush(stdout);
    return 1;
}

/* Echo until the other side ends; say how it went. */
static void
serve(tn_sock *s)
{
    char buf[PIECE];
    ssize_t n = tn_tls_handshake(s);

    tn_settimeout(s, LIMIT * TN_SEC);
    if (n == 0) {
        while ((n = tn_recv(s, buf, sizeof(buf), 0)) > 0) {
            n = tn_sendall(s, buf, (size_t)n, NULL);
            if (n < 0) {
                break;
            }
        }
    }
    if (n < 0) {
        (void)complain((int)n);
    } else {
        puts("served");
        (void)fflush(stdout);
    }
    tn_close(s);
}

static int
listen_for(tn_tls *tls, int count)
{
    tn_listen_opts opts = {.tls = tls};
    tn_endpoint ep;
    tn_sock *listener, *s;
    tn_addr self;
    int r = tn_endpoint_parse(&ep, "tls://127.0.0.1:0", TN_TCP);

    r = r < 0 ? r : tn_listen_endpoint(&listener, &ep, &opts);
    if (r < 0) {
        return complain(r);
    }
    r = tn_getsockname(listener, &self);
    printf("%d\n", tn_addr_port(&self));
    (void)fflush(stdout);
    while (r == 0 && count-- > 0) {
        r = tn_accept(listener, &s, NULL);
        if (r == 0) {
            serve(s);
        }
    }
    tn_close(listener);
    return r < 0;
}

static int
dial(tn_tls *tls, const char *port)
{
    tn_dial_opts opts = {.tls = tls, .timeout = LIMIT * TN_SEC};
    tn_endpoint ep;
    tn_sock *s = NULL;
    char buf[PIECE];
    ssize_t n = tn_endpoint_parse(&ep, "tls://localhost:0", TN_TCP);

    ep.port = (int)strtol(port, NULL, 10);
    n = n < 0 ? n : tn_dial_endpoint(&s, &ep, &opts);
    n = n < 0 ? n : tn_sendall(s, "hello\n", 6, NULL);
    n = n < 0 ? n : tn_recv(s, buf, sizeof(buf), 0);
    if (n < 0) {
        tn_close(s);
        return complain((int)n);
    }
    printf("%.*s", (int)n, buf);
    tn_close(s);
    return 0;
}

int
main(int argc, char **argv)
{
    bool listens = argc == 4 && strcmp(argv[1], "listen") == 0;
    tn_tls *tls = argc == 4 && strlen(argv[2]) == 2 * (size_t)TN_TLS_PSK
                      ? config(listens ? TN_TLS_SERVER : TN_TLS_CLIENT, argv[2])
                      : NULL;
    int r;

    if (!tls) {
        return 2;
    }
    r = listens ? listen_for(tls, (int)strtol(argv[3], NULL, 10))
                : dial(tls, argv[3]);
    tn_tls_free(tls);
    return r;
}
