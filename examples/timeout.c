/*
 * timeout.c - settimeout's three meanings: wait, do not wait, wait so long.
 *
 * The time-out belongs to the socket, lives in the library and spans a whole
 * call. Its end harms nothing: the same socket goes on afterwards.
 */
#include <tenon/err.h>
#include <tenon/sock.h>

#include <stdio.h>

static void
try(tn_sock *sock, const char *what, int64_t timeout)
{
    char buf[16];

    tn_settimeout(sock, timeout);
    ssize_t n = tn_recv(sock, buf, sizeof(buf), 0);
    if (n < 0) {
        printf("%s: %s\n", what, tn_err_name((int)n));
    } else {
        printf("%s: %zd bytes\n", what, n);
    }
}

int
main(void)
{
    tn_sock *ends[2];

    if (tn_socketpair(ends, AF_UNIX, SOCK_STREAM, 0) < 0) {
        fprintf(stderr, "timeout: %s\n", tn_why());
        return 1;
    }
    try(ends[0], "0", 0);
    try(ends[0], "50 ms", 50 * TN_MS);
    if (tn_sendall(ends[1], "here", 4, NULL) == 4) {
        try(ends[0], "forever", TN_FOREVER);
    }
    tn_close(ends[0]);
    tn_close(ends[1]);
    return 0;
}
