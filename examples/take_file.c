/* take_file.c - a file as two messages, its name and its bytes, each behind its
   length as struct.pack('i', n) writes it. It gets its name when it is whole.
   usage: take_file FOLDER */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/frame.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
keep(const char *name, const tn_view *data)
{
    char part[128];
    snprintf(part, sizeof(part), "%s.part", name);
    FILE *out = fopen(part, "wb");
    int ok = out && fwrite(data->data, 1, data->len, out) == data->len;
    ok = out && fclose(out) == 0 && ok; /* a full disk may show only here */
    return ok && rename(part, name) == 0 ? 0 : -EIO;
}

static int
take(tn_sock *conn, const tn_addr *peer, void *arg)
{
    char name[100] = "";
    tn_framer *f = NULL;
    tn_view msg;
    (void)peer;
    int err = tn_framer_new(&f, conn, arg);
    if (err == 0 && (err = tn_framer_read(f, &msg)) == 1) {
        snprintf(name, sizeof(name), "%.*s", (int)msg.len, (char *)msg.data);
        err = name[0] == '.' || strchr(name, '/') ? -EACCES
                                                  : tn_framer_read(f, &msg);
    }
    err = err == 1 ? keep(name, &msg) : err == 0 ? TN_ETRUNCATED : err;
    printf("%s: %s\n", name, err < 0 ? tn_strerror(err) : "it is here");
    fflush(stdout);
    tn_framer_free(f);
    return err;
}

int
main(int argc, char **argv)
{
    char text[TN_ADDR_TEXT];
    tn_codec codec;
    tn_sock *listener;
    tn_addr addr;
    int err = argc == 2 && chdir(argv[1]) == 0
                  ? tn_codec_parse(&codec, "i32ne,max=64M")
                  : -ENOENT;
    if (err == 0 && (err = tn_listen_on(&listener, "127.0.0.1:0", NULL)) == 0 &&
        (err = tn_getsockname(listener, &addr)) == 0) {
        fprintf(stderr, "%s\n", tn_addr_format(&addr, text, sizeof(text)));
        err = tn_serve(listener, take, &codec, NULL);
    }
    fprintf(stderr, "take_file: %s\n", tn_strerror(err));
    return 1;
}
