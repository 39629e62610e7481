/* echo.c - give every connection its bytes back. usage: echo [ADDRESS] */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/serve.h>

#include <stdio.h>

static int
echo(tn_sock *conn, const tn_addr *peer, void *arg)
{
    char buf[1024];
    ssize_t n;

    (void)peer, (void)arg;
    do {
        n = tn_recv(conn, buf, sizeof(buf), 0);
    } while (n > 0 && tn_sendall(conn, buf, (size_t)n, NULL) > 0);
    return (int)n;
}

int
main(int argc, char **argv)
{
    char text[TN_ADDR_TEXT];
    tn_sock *listener;
    tn_addr addr;

    if (tn_listen_on(&listener, argc > 1 ? argv[1] : "127.0.0.1:0", NULL) < 0 ||
        tn_getsockname(listener, &addr) < 0) {
        fprintf(stderr, "echo: %s\n", tn_why());
        return 1;
    }
    fprintf(stderr, "%s\n", tn_addr_format(&addr, text, sizeof(text)));
    return tn_serve(listener, echo, NULL, NULL) < 0;
}
