/*
 * dial.c - connect to a name that has several addresses; the fastest wins.
 *
 * An address that does not answer holds the others up for a quarter of a
 * second only, and one deadline spans the lookup and all attempts.
 *
 * usage: dial HOST PORT
 */
#include <tenon/dial.h>
#include <tenon/err.h>

#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
    tn_dial_opts opts = {.timeout = 5 * TN_SEC};
    char text[TN_ADDR_TEXT];
    tn_addr addrs[16], peer;
    tn_sock *sock;

    if (argc != 3) {
        fputs("usage: dial HOST PORT\n", stderr);
        return 2;
    }
    int port = (int)strtol(argv[2], NULL, 10);
    int count = tn_resolve(argv[1], port, AF_UNSPEC, 0, addrs, 16);
    for (int i = 0; i < count; i++) {
        printf("candidate %s\n", tn_addr_format(&addrs[i], text, sizeof(text)));
    }
    if (tn_create_connection(&sock, argv[1], port, &opts) < 0 ||
        tn_getpeername(sock, &peer) < 0) {
        fprintf(stderr, "dial: %s\n", tn_why());
        return 1;
    }
    printf("connected %s\n", tn_addr_format(&peer, text, sizeof(text)));
    tn_close(sock);
    return 0;
}
