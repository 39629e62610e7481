/*
 * broadcast.c - say something to everybody on the local network, once.
 *
 * The kernel refuses a broadcast unless the socket asked for it: a typing
 * error in an address should not reach a whole building.
 *
 * usage: broadcast PORT TEXT [ADDRESS]     <broadcast> unless ADDRESS is given
 */
#include <tenon/err.h>
#include <tenon/sock.h>
#include <tenon/sockopt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
shout(const tn_addr *to, const char *text)
{
    tn_sock *sock;
    int err = tn_socket(&sock, AF_INET, SOCK_DGRAM, 0);

    if (err == 0 && tn_sendto(sock, "?", 1, 0, to) == -EACCES) {
        puts("not allowed yet");
    }
    if (err == 0 && (err = tn_set(sock, TN_BROADCAST, 1)) == 0) {
        ssize_t n = tn_sendto(sock, text, strlen(text), 0, to);
        err = n < 0 ? (int)n : 0;
    }
    tn_close(sock);
    return err;
}

int
main(int argc, char **argv)
{
    tn_addr to;

    if (argc < 3) {
        fputs("usage: broadcast PORT TEXT [ADDRESS]\n", stderr);
        return 2;
    }
    int port = (int)strtol(argv[1], NULL, 10);
    if (tn_addr_ip(&to, argc > 3 ? argv[3] : "<broadcast>", port) < 0 ||
        shout(&to, argv[2]) < 0) {
        fprintf(stderr, "broadcast: %s\n", tn_why());
        return 1;
    }
    printf("sent %zu bytes\n", strlen(argv[2]));
    return 0;
}
