/* talk_server.c - talk to one client while it talks to you: a task for each
   direction, so that nobody waits for a turn. usage: talk_server [ADDRESS] */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include <stdio.h>

static int
pass_on(void *arg)
{
    tn_sock **flow = arg; /* from, to */
    char buf[1024];
    ssize_t n;
    do {
        n = tn_recv(flow[0], buf, sizeof(buf), 0);
    } while (n > 0 && tn_sendall(flow[1], buf, (size_t)n, NULL) > 0);
    tn_shutdown(flow[1], SHUT_WR); /* no matter that a terminal cannot */
    return (int)n;
}

static int
talk(void *listener)
{
    tn_sock *client = NULL, *keys = NULL, *screen = NULL;
    int err = tn_accept(listener, &client, NULL);
    if (err == 0 && (err = tn_wrap(&keys, 0)) == 0 &&
        (err = tn_wrap(&screen, 1)) == 0) {
        tn_sock *in[] = {client, screen}, *out[] = {keys, client};
        tn_group g;
        tn_group_init(&g, 0);
        err = tn_go(&g, pass_on, out);
        err = err < 0 ? err : pass_on(in);
        tn_group_cancel(&g); /* the client is gone: wait for no more keys */
        tn_group_wait(&g);
    }
    tn_close(screen);
    tn_close(keys);
    tn_close(client);
    return err;
}

int
main(int argc, char **argv)
{
    char text[TN_ADDR_TEXT];
    tn_sock *sock;
    tn_addr addr;
    int err;
    if (tn_listen_on(&sock, argc > 1 ? argv[1] : "127.0.0.1:0", NULL) < 0 ||
        tn_getsockname(sock, &addr) < 0) {
        fprintf(stderr, "talk_server: %s\n", tn_why());
        return 1;
    }
    fprintf(stderr, "%s\n", tn_addr_format(&addr, text, sizeof(text)));
    err = tn_run(NULL, talk, sock);
    tn_close(sock);
    return err < 0;
}
