/*
 * core.h - what the tests of the core share: who calls, and sockets in pairs.
 *
 * A test is stamped over backends[] (the calls are made in a task) or callers[]
 * (in a task of each backend, and in a plain thread).
 */
#ifndef TENON_TESTS_CORE_H
#define TENON_TESTS_CORE_H

#include <tenon/chan.h>
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/loop.h>
#include <tenon/msg.h>
#include <tenon/sock.h>
#include <tenon/sockopt.h>
#include <tenon/task.h>

#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

UNUSED static const struct test_param backends[] = {
    {.name = "epoll"},
    {.name = "poll"},
    {.name = "sim"},
};

/* Where descriptors of the kernel are needed. */
UNUSED static const struct test_param kernels[] = {
    {.name = "epoll"},
    {.name = "poll"},
};

UNUSED static const struct test_param callers[] = {
    {.name = "epoll"},
    {.name = "poll"},
    {.name = "sim"},
    {.name = "thread"},
};

UNUSED static const struct test_param kernel_callers[] = {
    {.name = "epoll"},
    {.name = "poll"},
    {.name = "thread"},
};

UNUSED static int
core_nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Run fn as the root task on the row's backend. */
UNUSED static int
run_with(const struct test_param *p, tn_opts opts, tn_task_fn *fn, void *arg)
{
    opts.backend = p->name;
    unsetenv("TN_BACKEND");
    if (strcmp(p->name, "sim") == 0 &&
        tn_run(&opts, core_nothing, NULL) == -EINVAL) {
        SKIP("no simulator in this build");
    }
    return tn_run(&opts, fn, arg);
}

UNUSED static int
run_on(const struct test_param *p, tn_task_fn *fn, void *arg)
{
    return run_with(p, (tn_opts){0}, fn, arg);
}

/* The same, or a plain call for the row "thread". */
UNUSED static int
run_as(const struct test_param *p, tn_task_fn *fn, void *arg)
{
    return strcmp(p->name, "thread") == 0 ? fn(arg) : run_on(p, fn, arg);
}

UNUSED static bool
in_sim(void)
{
    return strcmp(tn_backend_name(), "sim") == 0;
}

/* It reports what the C library's resolver keeps for each thread as lost, and
   closes connections that accept(2) takes beyond RLIMIT_NOFILE. */
UNUSED static bool
on_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload && strstr(preload, "vgpreload");
}

UNUSED static tn_addr
loopback(int family, int port)
{
    tn_addr a;

    OK(tn_addr_ip(&a, family == AF_INET6 ? "::1" : "127.0.0.1", port));
    return a;
}

/* Two ends of a TCP connection; s[0] connected, s[1] was accepted. */
UNUSED static void
tcp_pair(tn_sock *s[2], int family)
{
    tn_addr a = loopback(family, 0);
    tn_sock *listener;

    OK(tn_create_server(&listener, &a, NULL));
    OK(tn_getsockname(listener, &a));
    OK(tn_socket(&s[0], family, SOCK_STREAM, 0));
    OK(tn_connect(s[0], &a));
    OK(tn_accept(listener, &s[1], NULL));
    tn_close(listener);
}

UNUSED static void
close_pair(tn_sock *s[2])
{
    tn_close(s[0]);
    tn_close(s[1]);
}

#endif
