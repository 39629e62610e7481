/*
 * test_task_faults.c - the Nth allocation, descriptor or thread is refused.
 *
 * The linker sends the library's calls here first (--wrap). Each scenario runs
 * with N = 1, 2, 3, ... until nothing is refused any more: it must end with a
 * clear error or succeed, leave nothing behind, and work the next time.
 */
#include <tenon/file.h>
#include <tenon/serve.h>

#include "core.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum kind { MEMORY, DESCRIPTORS, THREADS };

static atomic_long countdown; /* calls of the kind until one is refused */
static atomic_long live;      /* allocations that were not freed */
static atomic_int refused_kind;
static atomic_bool persistent, refused;
static atomic_int accept_errors; /* accept fails that often before it works */

static bool
refuse(int kind)
{
    long left;

    if (atomic_load(&countdown) <= 0 || atomic_load(&refused_kind) != kind) {
        return false;
    }
    left = atomic_fetch_sub(&countdown, 1) - 1;
    if (left > 0) {
        return false;
    }
    if (atomic_load(&persistent)) {
        atomic_store(&countdown, 1);
    }
    atomic_store(&refused, true);
    return true;
}

/* The real one, and ours in front of it. */
#define WRAP(type, name, args)                                                 \
    type __real_##name args;                                                   \
    type __wrap_##name args;                                                   \
    type __wrap_##name args

#define FAIL_WITH(code, value) (errno = (code), (value))

WRAP(void *, malloc, (size_t n))
{
    void *at = refuse(MEMORY) ? FAIL_WITH(ENOMEM, NULL) : __real_malloc(n);

    live += at != NULL;
    return at;
}

WRAP(void *, calloc, (size_t n, size_t size))
{
    void *at =
        refuse(MEMORY) ? FAIL_WITH(ENOMEM, NULL) : __real_calloc(n, size);

    live += at != NULL;
    return at;
}

WRAP(void *, realloc, (void *old, size_t n))
{
    void *at =
        refuse(MEMORY) ? FAIL_WITH(ENOMEM, NULL) : __real_realloc(old, n);

    live += at != NULL && old == NULL;
    return at;
}

WRAP(void, free, (void *at))
{
    live -= at != NULL;
    __real_free(at);
}

WRAP(void *, mmap,
     (void *at, size_t n, int prot, int flags, int fd, off_t offset))
{
    return refuse(MEMORY) ? FAIL_WITH(ENOMEM, MAP_FAILED)
                          : __real_mmap(at, n, prot, flags, fd, offset);
}

WRAP(int, mprotect, (void *at, size_t n, int prot))
{
    return refuse(MEMORY) ? FAIL_WITH(ENOMEM, -1)
                          : __real_mprotect(at, n, prot);
}

WRAP(int, socket, (int family, int type, int proto))
{
    return refuse(DESCRIPTORS) ? FAIL_WITH(EMFILE, -1)
                               : __real_socket(family, type, proto);
}

WRAP(int, socketpair, (int family, int type, int proto, int out[2]))
{
    return refuse(DESCRIPTORS) ? FAIL_WITH(EMFILE, -1)
                               : __real_socketpair(family, type, proto, out);
}

static const int *troubles; /* what accept4() fails with; 0 at the end */

WRAP(int, accept4, (int fd, struct sockaddr *addr, socklen_t *len, int flags))
{
    static const int errors[] = {ECONNABORTED, EPROTO, ENETDOWN,
                                 EHOSTDOWN,    ENONET, EHOSTUNREACH};

    if (troubles && *troubles != 0) {
        return FAIL_WITH(*troubles++, -1);
    }
    if (accept_errors > 0) {
        return FAIL_WITH(errors[--accept_errors % 6], -1);
    }
    return refuse(DESCRIPTORS) ? FAIL_WITH(EMFILE, -1)
                               : __real_accept4(fd, addr, len, flags);
}

WRAP(int, epoll_create1, (int flags))
{
    return refuse(DESCRIPTORS) ? FAIL_WITH(EMFILE, -1)
                               : __real_epoll_create1(flags);
}

WRAP(int, epoll_ctl, (int ep, int how, int fd, struct epoll_event *event))
{
    return how == EPOLL_CTL_ADD && refuse(DESCRIPTORS)
               ? FAIL_WITH(ENOSPC, -1)
               : __real_epoll_ctl(ep, how, fd, event);
}

WRAP(int, eventfd, (unsigned value, int flags))
{
    return refuse(DESCRIPTORS) ? FAIL_WITH(EMFILE, -1)
                               : __real_eventfd(value, flags);
}

WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*fn)(void *),
      void *arg))
{
    return refuse(THREADS) ? EAGAIN
                           : __real_pthread_create(thread, attr, fn, arg);
}

/* ---- the scenarios: 0 or the first negative code ---- */

static int
go_many(void *arg)
{
    tn_group g;
    int r = 0, waited;

    (void)arg;
    tn_group_init(&g, 0);
    for (int i = 0; i < 100 && r == 0; i++) {
        r = tn_go(&g, core_nothing, NULL);
    }
    waited = tn_group_wait(&g);
    return r < 0 ? r : waited;
}

static int
talk(tn_sock *from, tn_sock *to)
{
    char buf[8];
    ssize_t r = tn_sendall(from, "hello\n", 6, NULL);

    if (r >= 0) {
        r = tn_recvall(to, buf, 6, NULL);
    }
    if (r < 0) {
        return (int)r;
    }
    EQ(r, 6);
    MEMEQ(buf, "hello\n", 6);
    return 0;
}

static int
connect_and_accept(void *arg)
{
    tn_sock *listener, *client = NULL, *conn = NULL;
    tn_addr a = loopback(AF_INET, 0);
    int r = tn_create_server(&listener, &a, NULL);

    (void)arg;
    if (r == 0) {
        r = tn_getsockname(listener, &a);
    }
    if (r == 0) {
        r = tn_socket(&client, AF_INET, SOCK_STREAM, 0);
    }
    if (r == 0) {
        r = tn_connect(client, &a);
    }
    if (r == 0) {
        r = tn_accept(listener, &conn, NULL);
        CHECK(r == 0 || conn == NULL);
    }
    if (r == 0) {
        r = talk(client, conn);
    }
    tn_abort(conn);
    tn_abort(client);
    tn_close(listener);
    return r;
}

static int
dial(void *arg)
{
    tn_sock *listener, *client = NULL, *conn = NULL;
    char text[TN_ADDR_TEXT];
    tn_addr a;
    int r = tn_listen_on(&listener, "127.0.0.1:0", NULL);

    (void)arg;
    CHECK(r == 0 || listener == NULL);
    if (r == 0) {
        r = tn_getsockname(listener, &a);
    }
    if (r == 0) {
        r = tn_dial(&client, tn_addr_format(&a, text, sizeof(text)),
                    2 * TN_SEC);
        CHECK(r == 0 || client == NULL);
    }
    if (r == 0) {
        r = tn_accept(listener, &conn, NULL);
    }
    if (r == 0) {
        r = talk(conn, client);
    }
    tn_abort(conn);
    tn_abort(client);
    tn_close(listener);
    return r;
}

static int
files_and_channels(void *arg)
{
    tn_sock *s[2];
    tn_file *in = NULL, *out = NULL;
    tn_chan *c = NULL;
    char line[16];
    int value = 1;
    int r = tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0);

    (void)arg;
    if (r == 0) {
        r = tn_makefile(&in, s[0], TN_READ);
    }
    if (r == 0) {
        r = tn_makefile(&out, s[1], TN_WRITE);
    }
    if (r == 0) {
        r = (int)tn_file_write(out, "line\n", 5);
    }
    if (r >= 0) {
        r = out ? tn_file_flush(out) : r;
    }
    if (r >= 0) {
        r = (int)tn_file_readline(in, line, sizeof(line));
    }
    if (r >= 0) {
        r = tn_chan_new(&c, sizeof(int), 4);
    }
    if (r >= 0) {
        r = tn_chan_send(c, &value);
    }
    tn_chan_free(c);
    tn_file_close(out);
    tn_file_close(in);
    close_pair(s);
    return r;
}

static int
add_one(void *data)
{
    return *(int *)data + 1;
}

static int
offload(void *arg)
{
    int n = 41;
    int r = tn_offload(add_one, &n, sizeof(n));

    (void)arg;
    return r == 42 ? 0 : r;
}

/* ---- a server goes on whatever is refused ---- */

static int
serve_hello(tn_sock *conn, const tn_addr *peer, void *arg)
{
    (void)peer;
    (void)arg;
    return (int)tn_sendall(conn, "hello\n", 6, NULL);
}

static int
run_server(void *arg)
{
    return tn_serve(arg, serve_hello, NULL, NULL);
}

static int
be_client(const tn_addr *a)
{
    char buf[8];
    tn_sock *s;
    int r = tn_socket(&s, AF_INET, SOCK_STREAM, 0);

    if (r < 0) {
        return r;
    }
    tn_settimeout(s, 2 * TN_SEC);
    r = tn_connect(s, a);
    if (r == 0) {
        r = (int)tn_recvall(s, buf, 6, NULL);
    }
    tn_close(s);
    return r == 6 ? 0 : r == 0 ? TN_ETRUNCATED : r;
}

static int
serve(void *arg)
{
    tn_addr a = loopback(AF_INET, 0);
    tn_sock *listener;
    tn_group g;
    int r = tn_create_server(&listener, &a, NULL);

    (void)arg;
    if (r < 0) {
        return r;
    }
    r = tn_getsockname(listener, &a);
    tn_group_init(&g, TN_KEEP_GOING);
    if (r == 0) {
        r = tn_go(&g, run_server, listener);
    }
    for (int i = 0; i < 3 && r == 0; i++) {
        r = be_client(&a);
    }
    tn_group_cancel(&g);
    tn_group_wait(&g);
    tn_close(listener);
    return r;
}

/* ---- a connection's own error is not the listener's ---- */

static int
accept_past_errors(void *arg)
{
    tn_addr a = loopback(AF_INET, 0);
    tn_sock *listener, *c, *s;

    (void)arg;
    OK(tn_create_server(&listener, &a, NULL));
    OK(tn_getsockname(listener, &a));
    OK(tn_socket(&c, AF_INET, SOCK_STREAM, 0));
    OK(tn_connect(c, &a));
    accept_errors = 6;
    OK(tn_accept(listener, &s, NULL));
    EQ(accept_errors, 0);
    tn_close(s);
    tn_close(c);
    tn_close(listener);
    return 0;
}

TEST_EACH(accept_skips_what_died_in_the_queue, kernel_callers)
{
    OK(run_as(p, accept_past_errors, NULL));
}

/* ---- the runs ---- */

static const struct test_param rows[] = {
    {.name = "epoll memory", .value = {MEMORY, 0}, .data = "epoll"},
    {.name = "epoll descriptors", .value = {DESCRIPTORS, 0}, .data = "epoll"},
    {.name = "epoll threads", .value = {THREADS, 0}, .data = "epoll"},
    {.name = "poll memory", .value = {MEMORY, 0}, .data = "poll"},
    {.name = "poll descriptors", .value = {DESCRIPTORS, 0}, .data = "poll"},
    {.name = "thread memory", .value = {MEMORY, 0}, .data = "thread"},
    {.name = "thread descriptors", .value = {DESCRIPTORS, 0}, .data = "thread"},
    {.name = "epoll memory on", .value = {MEMORY, 1}, .data = "epoll"},
    {.name = "epoll descriptors on",
     .value = {DESCRIPTORS, 1},
     .data = "epoll"},
    {.name = "poll memory on", .value = {MEMORY, 1}, .data = "poll"},
};

static int
count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

static bool
is_clear(int r)
{
    return r == 0 || r == -ENOMEM || r == -EMFILE || r == -ENOSPC ||
           r == -EAGAIN || r == -ECANCELED;
}

/* Run once, the nth call of the kind being refused; is there such a one? */
static bool
run_refusing(const struct test_param *p, tn_task_fn *fn, long n)
{
    const struct test_param caller = {.name = p->data};
    int r;

    refused_kind = p->value[0];
    persistent = p->value[1] != 0;
    refused = false;
    countdown = n;
    r = run_as(&caller, fn, NULL);
    countdown = 0;
    if (!is_clear(r) && !(refused && r < 0 && fn == serve)) {
        FAIL("call %ld refused: %s (%d)", n, tn_err_name(r), r);
    }
    CHECK(refused || r == 0);
    return refused;
}

static void
refuse_each(const struct test_param *p, tn_task_fn *fn)
{
    const struct test_param caller = {.name = p->data};
    int fds;
    long n = 1, before;

    OK(run_as(&caller, fn, NULL)); /* what is made once is made */
    usleep(1000);
    fds = count_fds();
    before = live;
    for (;; n++) {
        bool again = run_refusing(p, fn, n);

        EQ(count_fds(), fds);
        EQ(live, before);
        if (!again) {
            break;
        }
        OK(run_as(&caller, fn, NULL));
        EQ(count_fds(), fds);
        EQ(live, before);
        LE(n, 1000);
    }
}

static bool
is_thread(const struct test_param *p)
{
    return strcmp(p->data, "thread") == 0;
}

TEST_EACH(refused_to_tasks, rows)
{
    if (is_thread(p)) {
        SKIP("there are no tasks in a plain thread");
    }
    refuse_each(p, go_many);
}

TEST_EACH(refused_to_sockets, rows)
{
    refuse_each(p, connect_and_accept);
}

TEST_EACH(refused_to_a_dial, rows)
{
    refuse_each(p, dial);
}

TEST_EACH(refused_to_files_and_channels, rows)
{
    if (is_thread(p)) {
        SKIP("channels are for tasks");
    }
    refuse_each(p, files_and_channels);
}

TEST_EACH(refused_to_workers, rows)
{
    refuse_each(p, offload);
}

TEST_EACH_TIMEOUT(refused_to_a_server, rows, 30)
{
    if (is_thread(p) || p->value[1]) {
        SKIP("a server waits until somebody gives back");
    }
    refuse_each(p, serve);
}

/* ---- accept fails in passing ---- */

static int
troubled_accept(void *arg)
{
    static const int passing[] = {EPERM, EMFILE, EPERM, 0};
    tn_addr a = loopback(AF_INET, 0);
    tn_sock *listener, *c;
    tn_group g;
    char buf[6];

    (void)arg;
    OK(tn_create_server(&listener, &a, NULL));
    OK(tn_getsockname(listener, &a));
    troubles = passing;
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_server, listener));
    OK(tn_socket(&c, AF_INET, SOCK_STREAM, 0));
    tn_settimeout(c, 3 * TN_SEC);
    OK(tn_connect(c, &a));
    EQ(tn_recvall(c, buf, 6, NULL), 6);
    EQ(*troubles, 0);
    tn_close(c);
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    tn_close(listener);
    return 0;
}

TEST_EACH(a_filter_that_refuses_ends_no_server, kernels)
{
    OK(run_on(p, troubled_accept, NULL));
}
