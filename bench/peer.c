/*
 * peer.c - what the servers that tenon is compared with have in common.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

_Noreturn void
peer_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

void *
peer_alloc(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL) {
        peer_die("calloc");
    }
    return p;
}

int
peer_listen(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) != 0 ||
        listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
        peer_die("listen");
    }
    printf("127.0.0.1:%d\n", ntohs(addr.sin_port));
    fflush(stdout);
    return fd;
}
