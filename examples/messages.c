/* messages.c - cut standard input into messages; messages CODEC, by a name as
   `tenon talk --frame` takes it. A clean end, an end within a message, one too
   large and one malformed are four results. */
#include <tenon/err.h>
#include <tenon/frame.h>

#include <stdio.h>

static int
print_messages(tn_framer *f)
{
    tn_view msg, rest;
    int r;

    while ((r = tn_framer_read(f, &msg)) == 1) {
        printf("%zu: %.*s\n", msg.len, (int)msg.len, (char *)msg.data);
    }
    if (r < 0) {
        tn_framer_rest(f, &rest);
        printf("%s; left: %.*s\n", tn_strerror(r), (int)rest.len,
               (char *)rest.data);
    }
    return r;
}

int
main(int argc, char **argv)
{
    tn_codec codec;
    tn_sock *in = NULL;
    tn_framer *f = NULL;
    int r = tn_codec_parse(&codec, argc == 2 ? argv[1] : "");

    if (r < 0 || (r = tn_wrap(&in, 0)) < 0 ||
        (r = tn_framer_new(&f, in, &codec)) < 0) {
        fprintf(stderr, "messages: %s\n", tn_why());
    } else {
        r = print_messages(f);
    }
    tn_framer_free(f);
    tn_close(in);
    return r < 0;
}
