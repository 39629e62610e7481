/*
 * peer_libuv.c - the echo server in libuv, as fast as its interface allows.
 *
 * All clients read into one buffer, which is free again when the callback
 * returns: uv_try_write() sends at once, and only what the kernel did not take
 * is copied and queued.
 */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct pending {
    uv_write_t req;
    char data[];
};

static char buffer[PEER_BUFFER];

static void
check(int err, const char *what)
{
    if (err < 0) {
        fprintf(stderr, "%s: %s\n", what, uv_strerror(err));
        exit(1);
    }
}

static void
on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void
on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    (void)handle;
    (void)hint;
    *buf = uv_buf_init(buffer, sizeof(buffer));
}

static void
on_written(uv_write_t *req, int status)
{
    (void)status; /* a dead client is noticed by its read */
    free(req);
}

static void
queue(uv_stream_t *stream, const char *data, size_t n)
{
    struct pending *p = peer_alloc(sizeof(*p) + n);
    uv_buf_t rest = uv_buf_init(p->data, (unsigned)n);

    memcpy(p->data, data, n);
    check(uv_write(&p->req, stream, &rest, 1, on_written), "uv_write");
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    if (n < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    uv_buf_t out = uv_buf_init(buf->base, (unsigned)n);
    int sent = n > 0 ? uv_try_write(stream, &out, 1) : 0;
    if (sent == UV_EAGAIN) {
        sent = 0;
    }
    if (sent >= 0 && sent < n) {
        queue(stream, buf->base + sent, (size_t)(n - sent));
    }
}

static void
on_connection(uv_stream_t *server, int status)
{
    uv_tcp_t *client = peer_alloc(sizeof(*client));

    check(status, "connection");
    check(uv_tcp_init(server->loop, client), "uv_tcp_init");
    check(uv_accept(server, (uv_stream_t *)client), "uv_accept");
    check(uv_read_start((uv_stream_t *)client, on_alloc, on_read),
          "uv_read_start");
}

int
main(void)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t server;

    check(uv_tcp_init(loop, &server), "uv_tcp_init");
    check(uv_tcp_open(&server, peer_listen()), "uv_tcp_open");
    check(uv_listen((uv_stream_t *)&server, SOMAXCONN, on_connection),
          "uv_listen");
    return uv_run(loop, UV_RUN_DEFAULT);
}
