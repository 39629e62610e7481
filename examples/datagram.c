/*
 * datagram.c - a datagram is taken as a whole: what did not fit the buffer is
 * gone, so the call says it, and how much it was.
 */
#include <tenon/dial.h>
#include <tenon/err.h>

#include <stdio.h>

static ssize_t
lose_a_tail(tn_sock *in, tn_sock *out, const tn_addr *to)
{
    char small[4];
    size_t full;
    ssize_t n = tn_sendto(out, "hello world", 11, 0, to);

    if (n == 11 && tn_recv(in, small, sizeof(small), 0) == -EMSGSIZE) {
        puts(tn_why());
        n = tn_sendto(out, "hello again", 11, 0, to);
    }
    if (n == 11) {
        n = tn_recvfrom(in, small, sizeof(small), 0, NULL, &full);
    }
    if (n > 0) {
        printf("%zd of %zu bytes: %.*s\n", n, full, (int)n, small);
    }
    return n;
}

int
main(void)
{
    tn_sock *in, *out = NULL;
    tn_addr at;
    ssize_t n = tn_listen_on(&in, "udp://127.0.0.1:0", NULL);

    if (n == 0 && (n = tn_getsockname(in, &at)) == 0 &&
        (n = tn_socket(&out, AF_INET, SOCK_DGRAM, 0)) == 0) {
        n = lose_a_tail(in, out, &at);
    }
    if (n < 0) {
        fprintf(stderr, "datagram: %s\n", tn_why());
    }
    tn_close(out);
    tn_close(in);
    return n < 0;
}
