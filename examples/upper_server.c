/* upper_server.c - many clients in one thread: a task each, and the waiting
   done by whichever backend is asked for. usage: upper_server [epoll|poll] */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include <ctype.h>
#include <stdio.h>

static int
client(void *arg)
{
    tn_sock *sock = arg;
    char buf[1024];
    ssize_t n = 1;

    while (n > 0 && (n = tn_recv(sock, buf, sizeof(buf), 0)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            buf[i] = (char)toupper((unsigned char)buf[i]);
        }
        n = tn_sendall(sock, buf, (size_t)n, NULL);
    }
    tn_close(sock);
    return 0; /* one client's trouble is not the others' */
}

static int
root(void *arg)
{
    char text[TN_ADDR_TEXT];
    tn_sock *listener, *sock;
    tn_addr addr;
    tn_group g;
    int err = tn_listen_on(&listener, arg, NULL);

    tn_group_init(&g, 0);
    if (err == 0 && (err = tn_getsockname(listener, &addr)) == 0) {
        fprintf(stderr, "%s\n", tn_addr_format(&addr, text, sizeof(text)));
        printf("waiting with %s\n", tn_backend_name());
        fflush(stdout);
    }
    while (err == 0 && (err = tn_accept(listener, &sock, NULL)) == 0) {
        err = tn_go(&g, client, sock);
    }
    tn_group_cancel(&g);
    tn_group_wait(&g);
    tn_close(listener);
    return err;
}

int
main(int argc, char **argv)
{
    tn_opts opts = {.backend = argc > 1 ? argv[1] : NULL};
    char where[] = "127.0.0.1:0";
    int err = tn_run(&opts, root, where);

    fprintf(stderr, "upper_server: %s\n", tn_strerror(err));
    return 1;
}
