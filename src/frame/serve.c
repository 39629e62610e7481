/*
 * serve.c - a server of messages: tn_serve() and a framer.
 */
#include <tenon/frame.h>

#include "frame/frame_int.h"

struct service {
    const tn_codec *codec;
    tn_message_fn *fn;
    void *arg;
};

static int
serve_messages(tn_sock *conn, const tn_addr *peer, void *arg)
{
    const struct service *service = arg;
    tn_framer *f;
    tn_view msg;
    int r = tn_framer_new(&f, conn, service->codec);
    (void)peer;
    while (r >= 0) {
        r = tn_framer_read(f, &msg);
        if (r <= 0) {
            break;
        }
        r = service->fn(f, &msg, service->arg);
    }
    tn_framer_free(f);
    return r;
}

int
tn_serve_messages(tn_sock *listener, const tn_codec *codec, tn_message_fn *fn,
                  void *arg, const tn_serve_opts *opts)
{
    struct service service = {codec, fn, arg};
    if (tn__codec_check(codec) < 0) {
        return tn_fail(-EINVAL, "serve messages", "codec");
    }
    return tn_serve(listener, serve_messages, &service, opts);
}
