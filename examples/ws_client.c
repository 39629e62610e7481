/* ws_client.c - a WebSocket client. With TEXT it says each and prints what
   comes back; without, it is the server's echo.
   usage: ws_client URL [TEXT...] */
#include <tenon/ws.h>

#include <stdio.h>
#include <string.h>

static int
talk(tn_ws *ws, char **text)
{
    enum tn_ws_kind kind;
    tn_str msg;
    int r = 0;

    for (; *text && r >= 0; text++) {
        r = tn_ws_send(ws, TN_WS_TEXT, *text, strlen(*text));
        if (r == 0 && (r = tn_ws_recv(ws, &kind, &msg)) == 1) {
            printf("%.*s\n", (int)msg.len, msg.at);
        }
    }
    return r;
}

static int
echo(tn_ws *ws)
{
    enum tn_ws_kind kind;
    tn_str msg;
    int r;

    while ((r = tn_ws_recv(ws, &kind, &msg)) == 1) {
        r = tn_ws_send(ws, kind, msg.at, msg.len);
        if (r < 0) {
            break;
        }
    }
    return r;
}

int
main(int argc, char **argv)
{
    tn_ws_opts opts = {.max_message = 64 << 20};
    tn_ws *ws = NULL;
    int r = argc > 1 ? tn_ws_dial(&ws, argv[1], &opts) : -EINVAL;

    if (r == 0) {
        r = argc > 2 ? talk(ws, argv + 2) : echo(ws);
    }
    if (r < 0) {
        fprintf(stderr, "ws_client: %s\n", tn_why());
    }
    tn_ws_free(ws);
    return r < 0;
}
