/* web_client.c - what a URL names goes to stdout, redirects followed; a body
   that ends too early is an error. usage: web_client URL */
#include <tenon/err.h>
#include <tenon/httpc.h>

#include <stdio.h>

static int
copy(tn_fetch *f)
{
    char buf[2048];
    ssize_t n;

    while ((n = tn_httpc_read(f, buf, sizeof(buf))) > 0) {
        if (fwrite(buf, 1, (size_t)n, stdout) < (size_t)n) {
            return tn_fail(-EIO, "write", "stdout");
        }
    }
    return (int)n;
}

int
main(int argc, char **argv)
{
    tn_httpc *client;
    tn_fetch *f = NULL;
    int status = 0, r;

    if (argc != 2) {
        fprintf(stderr, "usage: web_client URL\n");
        return 2;
    }
    r = tn_httpc_new(&client, NULL);
    if (r == 0) {
        r = tn_httpc_open(&f, client, &(tn_httpc_request){.url = argv[1]});
    }
    if (r == 0) {
        status = tn_httpc_response(f)->status;
        r = copy(f);
    }
    if (r < 0) {
        fprintf(stderr, "web_client: %s\n", tn_why());
    }
    tn_httpc_close(f);
    tn_httpc_free(client);
    return r < 0 || status >= 400;
}
