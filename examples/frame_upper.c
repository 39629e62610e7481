/*
 * frame_upper.c - messages come back in upper case: 4 bytes of length in
 * network order, then at most 1 MiB. frame_upper PORT IDLE_MS, on 127.0.0.1.
 *
 * What is not here is in the library: a limit for what a silent or slow peer
 * may hold, the answer after a half-close, memory that stays bounded, a pause
 * when descriptors run out.
 */
#include <tenon/dial.h>
#include <tenon/frame.h>

#include <ctype.h>
#include <stdlib.h>

static int
upper(tn_framer *f, tn_view *msg, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < msg->len; i++) {
        msg->data[i] = (uint8_t)toupper(msg->data[i]);
    }
    return tn_framer_write(f, msg->data, msg->len);
}

int
main(int argc, char **argv)
{
    tn_serve_opts opts = {.idle = strtol(argv[argc - 1], NULL, 10) * TN_MS};
    tn_codec codec;
    tn_sock *listener;
    tn_addr addr;
    return argc != 3 || tn_codec_length(&codec, 4, TN_BIG, 1 << 20) < 0 ||
           tn_addr_ip(&addr, "127.0.0.1", (int)strtol(argv[1], NULL, 10)) < 0 ||
           tn_create_server(&listener, &addr, NULL) < 0 ||
           tn_serve_messages(listener, &codec, upper, NULL, &opts) < 0;
}
