/*
 * nonblock_client.c - a client none of whose calls waits: each says at once
 * that there is nothing yet, and waiting is a step of its own.
 *
 * usage: nonblock_client IP PORT
 */
#include <tenon/err.h>
#include <tenon/msg.h>
#include <tenon/sockopt.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
converse(tn_sock *sock, const tn_addr *server)
{
    char buf[256];
    int failed = 0, fd = tn_fileno(sock);
    ssize_t n = tn_setblocking(sock, false);

    if (n == 0 && (n = tn_connect(sock, server)) == -EINPROGRESS) {
        puts("connecting");
        n = tn_wait_fd(fd, POLLOUT, 5 * TN_SEC);
    }
    if (n >= 0 && (n = tn_get(sock, TN_ERROR, &failed)) == 0) {
        n = failed > 0 ? -failed : tn_send(sock, "hello", 5, 0);
    }
    while (n > 0 && (n = tn_recv(sock, buf, sizeof(buf), 0)) == -EAGAIN) {
        puts("nothing yet");
        n = tn_wait_fd(fd, POLLIN, 5 * TN_SEC);
    }
    if (n > 0) {
        printf("%.*s\n", (int)n, buf);
    }
    return n < 0 ? (int)n : 0;
}

int
main(int argc, char **argv)
{
    tn_sock *sock;
    tn_addr server;
    int port = argc == 3 ? (int)strtol(argv[2], NULL, 10) : -1;
    int err = tn_addr_ip(&server, argc == 3 ? argv[1] : "", port);

    if (err == 0 && (err = tn_socket(&sock, AF_INET, SOCK_STREAM, 0)) == 0) {
        err = converse(sock, &server);
        tn_close(sock);
    }
    if (err < 0) {
        fprintf(stderr, "nonblock_client: %s\n", tn_strerror(err));
    }
    return err < 0;
}
