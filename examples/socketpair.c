/* socketpair.c - two connected sockets without a network: one task asks, the
   other answers in capitals. usage: socketpair WORD... */
#include <tenon/err.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int
answer(void *arg)
{
    tn_sock *sock = arg;
    char buf[64];
    ssize_t n;

    while ((n = tn_recv(sock, buf, sizeof(buf), 0)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            buf[i] = (char)toupper((unsigned char)buf[i]);
        }
        n = tn_sendall(sock, buf, (size_t)n, NULL);
        if (n < 0) {
            break;
        }
    }
    return (int)n;
}

static int
ask(void *words)
{
    tn_sock *ends[2];
    char buf[64];
    tn_group g;
    ssize_t n = tn_socketpair(ends, AF_UNIX, SOCK_SEQPACKET, 0);

    if (n < 0) {
        return (int)n;
    }
    tn_group_init(&g, 0);
    n = tn_go(&g, answer, ends[1]);
    for (char **word = words; n >= 0 && *word != NULL; word++) {
        n = tn_sendall(ends[0], *word, strlen(*word), NULL);
        if (n > 0 && (n = tn_recv(ends[0], buf, sizeof(buf), 0)) > 0) {
            printf("%s -> %.*s\n", *word, (int)n, buf);
        }
    }
    tn_close(ends[0]); /* the other end reads 0 and its task ends */
    int end = tn_group_wait(&g);
    tn_close(ends[1]);
    return n < 0 ? (int)n : end;
}

int
main(int argc, char **argv)
{
    (void)argc;
    return tn_run(NULL, ask, argv + 1) < 0;
}
