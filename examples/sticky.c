/* sticky.c - two sends may arrive as one receive, because a stream has no
   messages; a length before each brings them back. */
#include <tenon/err.h>
#include <tenon/frame.h>

#include <stdio.h>

static int
glued(tn_sock *from, tn_sock *to)
{
    char buf[64];
    ssize_t n = tn_sendall(from, "hello", 5, NULL);

    n = n < 0 ? n : tn_sendall(from, "world", 5, NULL);
    n = n < 0 ? n : tn_recv(to, buf, sizeof(buf), 0);
    if (n > 0) {
        printf("one receive: %.*s\n", (int)n, buf);
    }
    return n < 0 ? (int)n : 0;
}

static int
framed(tn_sock *from, tn_sock *to)
{
    tn_framer *in = NULL, *out = NULL;
    tn_codec codec;
    tn_view msg;
    int err = tn_codec_length(&codec, 4, TN_BIG, 1024);

    if (err == 0 && (err = tn_framer_new(&out, from, &codec)) == 0 &&
        (err = tn_framer_new(&in, to, &codec)) == 0 &&
        (err = tn_framer_write(out, "hello", 5)) == 0 &&
        (err = tn_framer_write(out, "world", 5)) == 0) {
        tn_shutdown(from, SHUT_WR);
        while ((err = tn_framer_read(in, &msg)) == 1) {
            printf("one message: %.*s\n", (int)msg.len, (char *)msg.data);
        }
    }
    tn_framer_free(in);
    tn_framer_free(out);
    return err;
}

int
main(void)
{
    tn_sock *ends[2];
    int err = tn_socketpair(ends, AF_UNIX, SOCK_STREAM, 0);

    if (err == 0 && (err = glued(ends[0], ends[1])) == 0) {
        err = framed(ends[0], ends[1]);
    }
    if (err < 0) {
        fprintf(stderr, "sticky: %s\n", tn_strerror(err));
    }
    tn_close(ends[0]);
    tn_close(ends[1]);
    return err < 0;
}
