/* web_server.c - a web server with two routes: a page, and what you say to it
   comes back in upper case. usage: web_server [ADDRESS];
   curl -d hi URL/upper */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/httpd.h>

#include <ctype.h>
#include <stdio.h>

static int
page(tn_exchange *x, void *arg)
{
    static const char text[] = "<!doctype html><title>tenon</title>\n"
                               "<p>Say something to <code>/upper</code>.\n";

    (void)arg;
    return tn_httpd_reply(x, 200, "text/html", text, sizeof(text) - 1);
}

static int
upper(tn_exchange *x, void *arg)
{
    char buf[2048];
    ssize_t n;

    (void)arg;
    while ((n = tn_httpd_read(x, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            buf[i] = (char)toupper((unsigned char)buf[i]);
        }
        if (tn_httpd_write(x, buf, (size_t)n) < 0) {
            return TN_EBROKEN;
        }
    }
    return (int)n;
}

static const tn_httpd_route routes[] = {
    {"GET", "/", page},
    {"POST PUT", "/upper", upper},
    {NULL, NULL, NULL},
};

int
main(int argc, char **argv)
{
    char text[TN_ADDR_TEXT];
    tn_sock *listener;
    tn_addr addr;

    if (tn_listen_on(&listener, argc > 1 ? argv[1] : "127.0.0.1:0", NULL) < 0 ||
        tn_getsockname(listener, &addr) < 0) {
        fprintf(stderr, "web_server: %s\n", tn_why());
        return 1;
    }
    fprintf(stderr, "%s\n", tn_addr_format(&addr, text, sizeof(text)));
    return tn_httpd_serve(listener, routes, NULL, NULL) < 0;
}
