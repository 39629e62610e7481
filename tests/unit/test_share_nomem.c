/*
 * test_share_nomem.c - memory is refused at the Nth request, for each N, once
 * and for good, while a share answers: the answer is a whole one or none, no
 * name stands for a part of a file, and the next request finds all in order.
 */
#include <tenon/share.h>

#include "httpd_kit.h"
#include "nomem.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 40, SIZE = 5000 };

/* ---- the server ---- */

struct state {
    tn_share *share;
    int refuse_at;
};

static int
serve(tn_exchange *x, void *arg)
{
    struct state *st = arg;
    nomem_until = st->refuse_at;
    int r = tn_share_serve(x, st->share);
    nomem_until = 0;
    return r;
}

static const tn_httpd_route routes[] = {{NULL, "*", serve}, {0}};

/* ---- requests ---- */

#define HOST "Host: a\r\n"
#define BODY "Content-Length: 5000\r\n\r\n"
#define FORM                                                                   \
    "--X\r\nContent-Disposition: form-data; name=f; filename=form\r\n\r\n"

struct ask {
    const char *head;
    const char *before, *behind; /* the body */
    bool has_body;               /* SIZE bytes between the two */
};

static const struct ask asks[] = {
    {"GET / HTTP/1.1\r\n" HOST "\r\n", "", "", false},
    {"GET /?json HTTP/1.1\r\n" HOST "\r\n", "", "", false},
    {"GET /?tar HTTP/1.1\r\n" HOST "\r\n", "", "", false},
    {"GET /d HTTP/1.1\r\n" HOST "\r\n", "", "", false},
    {"GET /a.txt HTTP/1.1\r\n" HOST "\r\n", "", "", false},
    {"GET /a.txt HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\n\r\n", "", "",
     false},
    {"GET /a.txt HTTP/1.1\r\n" HOST "Accept-Encoding: zstd\r\n\r\n", "", "",
     false},
    {"GET /a.txt HTTP/1.1\r\n" HOST "Want-Repr-Digest: sha-256=1\r\n\r\n", "",
     "", false},
    {"PUT /put HTTP/1.1\r\n" HOST BODY, "", "", true},
    {"PUT /put?upload=abcd1234&offset=0&size=5000 HTTP/1.1\r\n" HOST BODY, "",
     "", true},
    {"HEAD /put?upload=abcd1234 HTTP/1.1\r\n" HOST "\r\n", "", "", false},
    {"POST / HTTP/1.1\r\n" HOST
     "Content-Type: multipart/form-data; boundary=X\r\n"
     "Content-Length: 5069\r\n\r\n",
     FORM, "\r\n--X--", true},
    {"DELETE /put HTTP/1.1\r\n" HOST "\r\n", "", "", false},
};

static char body[SIZE];

/* Status of the answer; 0: the connection was cut. */
static int
status_of(const struct site *s, const struct ask *a)
{
    static char answer[1 << 16];
    tn_sock *c = visit(s);
    size_t got;
    say(c, a->head);
    if (a->has_body) {
        say(c, a->before);
        EQ(tn_sendall(c, body, SIZE, NULL), SIZE);
        say(c, a->behind);
    }
    OK(tn_shutdown(c, SHUT_WR));
    ssize_t n = tn_recvall(c, answer, sizeof(answer) - 1, &got);
    CHECK(n == TN_ETRUNCATED || n == 0 || n == -ECONNRESET);
    answer[got] = '\0';
    tn_close(c);
    return got > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

/* A name is there whole, or not at all. */
static void
check_file(const char *name)
{
    char path[512];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
    if (stat(path, &st) == 0) {
        EQ(st.st_size, SIZE);
        OK(unlink(path));
    }
}

static void
try_all(struct site *s, struct state *st)
{
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        int done = 0;
        for (int at = 1; at <= TRIES && !done; at++) {
            nomem_refused = 0;
            st->refuse_at = at;
            int status = status_of(s, &asks[i]);
            done = nomem_refused == 0;
            if (status >= 400 && status != 404 && status != 409 &&
                status != 500 && status != 503) {
                FAIL("%s at %d: %d", asks[i].head, at, status);
            }
            if (done && (status == 0 || status >= 500)) {
                FAIL("%s: %d", asks[i].head, status);
            }
            check_file("put");
            check_file("form");
        }
        CHECK(done);
    }
    st->refuse_at = 0;
    EQ(status_of(s, &asks[4]), 200);
    EQ(status_of(s, &asks[8]), 201);
    check_file("put");
}

static int
run(void *arg)
{
    const tn_share_opts opts = {.writable = true};
    struct state st = {NULL, 0};
    struct site s = {.routes = routes, .arg = &st};
    char path[512];
    (void)arg;
    memset(body, 'x', sizeof(body));
    (void)snprintf(path, sizeof(path), "%s/d", test_dir());
    OK(mkdir(path, 0700));
    (void)snprintf(path, sizeof(path), "%s/a.txt", test_dir());
    int fd = (int)OK(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    EQ(write(fd, body, SIZE), SIZE);
    OK(close(fd));
    for (int at = 1;; at++) {
        nomem_until = at;
        nomem_refused = 0;
        int r = tn_share_new(&st.share, test_dir(), &opts);
        nomem_until = 0;
        if (nomem_refused == 0) {
            OK(r);
            break;
        }
        ERR(r, -ENOMEM);
        CHECK(st.share == NULL);
    }
    s.opts.max_body = -1;
    open_site(&s);
    nomem_for_good = false;
    try_all(&s, &st);
    nomem_for_good = true;
    try_all(&s, &st);
    nomem_for_good = false;
    close_site(&s);
    tn_share_free(st.share);
    return 0;
}

TEST_TIMEOUT(a_share_without_memory_breaks_nothing, 60)
{
    OK(tn_run(NULL, run, NULL));
}
