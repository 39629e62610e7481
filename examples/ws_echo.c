/* ws_echo.c - a WebSocket server that sends back what it gets. Messages may
   have 64 MiB here. usage: ws_echo ADDR */
#include <tenon/dial.h>
#include <tenon/task.h>
#include <tenon/ws.h>

#include <stdio.h>

static int
echo(tn_exchange *x, void *arg)
{
    tn_ws_opts opts = {.max_message = 64 << 20};
    enum tn_ws_kind kind;
    tn_str msg;
    tn_ws *ws;
    int r = tn_ws_accept(&ws, x, &opts);

    (void)arg;
    if (r < 0) {
        return r == TN_EWS ? 0 : r; /* no WebSocket: that was answered */
    }
    while ((r = tn_ws_recv(ws, &kind, &msg)) == 1) {
        r = tn_ws_send(ws, kind, msg.at, msg.len);
        if (r < 0) {
            break;
        }
    }
    tn_ws_free(ws);
    return r;
}

static int
root(void *arg)
{
    static const tn_httpd_route routes[] = {{"GET", "*", echo}, {0}};
    char text[TN_ADDR_TEXT];
    tn_sock *listener;
    tn_addr addr;
    int r = tn_listen_on(&listener, arg, NULL);

    if (r == 0 && (r = tn_getsockname(listener, &addr)) == 0) {
        fprintf(stderr, "%s\n", tn_addr_format(&addr, text, sizeof(text)));
        r = tn_httpd_serve(listener, routes, NULL, NULL);
    }
    tn_close(listener);
    return r;
}

int
main(int argc, char **argv)
{
    char where[] = "127.0.0.1:0";
    int r = tn_run(NULL, root, argc > 1 ? argv[1] : where);

    fprintf(stderr, "ws_echo: %s\n", r < 0 ? tn_why() : "done");
    return 1;
}
