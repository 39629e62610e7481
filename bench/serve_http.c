/*
 * serve_http.c - what bench/run measures beside other web servers: files of a
 * folder, opened for each request, and an answer from memory.
 *
 * usage: serve_http DIR
 */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/httpd.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char answer[1024];

static int
memory(tn_exchange *x, void *arg)
{
    (void)arg;
    return tn_httpd_reply(x, 200, "text/plain", answer, sizeof(answer));
}

static int
small(tn_exchange *x, void *arg)
{
    (void)arg;
    return tn_httpd_reply(x, 200, "text/plain", "hello, world\n", 13);
}

/* The benchmark asks for plain names only; a real server is share.h. */
static int
file(tn_exchange *x, void *arg)
{
    const int *dir = arg;
    tn_str path = tn_httpd_request(x)->path;
    char name[64];
    struct stat st;
    int fd, r;

    if (path.len < 2 || path.len >= sizeof(name) || path.at[1] == '.') {
        return -ENOENT;
    }
    memcpy(name, path.at + 1, path.len - 1);
    name[path.len - 1] = '\0';
    fd = openat(*dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -ENOENT;
    }
    r = fstat(fd, &st) < 0 ? -EIO : tn_httpd_length(x, st.st_size);
    r = r < 0 ? r : tn_httpd_field(x, "Content-Type", "text/plain");
    r = r < 0 ? r : tn_httpd_sendfile(x, fd, 0, st.st_size);
    close(fd);
    return r;
}

int
main(int argc, char **argv)
{
    static const tn_httpd_route routes[] = {
        {"GET", "/small", small},
        {"GET", "/memory", memory},
        {"GET", "*", file},
        {NULL, NULL, NULL},
    };
    int dir = open(argc == 2 ? argv[1] : ".", O_RDONLY | O_DIRECTORY);
    char text[TN_ADDR_TEXT];
    tn_sock *listener;
    tn_addr addr;

    memset(answer, 'x', sizeof(answer));
    if (dir < 0 || tn_listen_on(&listener, "127.0.0.1:0", NULL) < 0 ||
        tn_getsockname(listener, &addr) < 0) {
        fprintf(stderr, "serve_http: %s\n", tn_why());
        return 1;
    }
    puts(tn_addr_format(&addr, text, sizeof(text)));
    fflush(stdout);
    return tn_httpd_serve(listener, routes, &dir, NULL) < 0;
}
