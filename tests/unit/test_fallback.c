/*
 * test_fallback.c - kernels that lack or forbid something.
 *
 * A seccomp filter makes single system calls fail, as old kernels and container
 * runtimes do; then the core's own little test must pass all the same.
 */
#include "core.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* From now on this process gets `error` from system call `number`. */
static void
forbid(int number, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K,
                 SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {4, code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0) {
        SKIP("no seccomp filters here");
    }
}

static int
send_after(void *arg)
{
    OK(tn_sleep(3 * TN_MS));
    EQ(tn_sendall(arg, "x", 1, NULL), 1);
    return 0;
}

/* Waiting, deadlines, sockets, workers. */
static int
add_one(void *data)
{
    return *(int *)data + 1;
}

static int
little_of_all(void *arg)
{
    int64_t start = tn_now();
    tn_sock *s[2];
    tn_group g;
    char byte;
    int n = 1;

    STREQ(tn_backend_name(), arg);
    tcp_pair(s, AF_INET);
    tn_settimeout(s[0], 2 * TN_MS);
    ERR(tn_recv(s[0], &byte, 1, 0), -ETIME);
    GE(tn_now() - start, 2 * TN_MS);
    tn_settimeout(s[0], TN_FOREVER);
    tn_group_init(&g, 0);
    OK(tn_go(&g, send_after, s[1]));
    EQ(tn_recv(s[0], &byte, 1, 0), 1);
    OK(tn_group_wait(&g));
    EQ(tn_offload(add_one, &n, sizeof(n)), 2);
    close_pair(s);
    return 0;
}

struct lack {
    int number, error;
    const char *backend;
};

static const struct lack no_pwait2 = {SYS_epoll_pwait2, ENOSYS, "epoll"};
static const struct lack pwait2_denied = {SYS_epoll_pwait2, EPERM, "epoll"};
static const struct lack no_timerfd = {SYS_timerfd_create, ENOSYS, "epoll"};
static const struct lack timerfd_denied = {SYS_timerfd_create, EPERM, "epoll"};
static const struct lack no_timer_set = {SYS_timerfd_settime, EPERM, "epoll"};
static const struct lack no_epoll = {SYS_epoll_create1, ENOSYS, "poll"};
static const struct lack epoll_denied = {SYS_epoll_create1, EPERM, "poll"};
static const struct lack no_madvise = {SYS_madvise, EINVAL, "epoll"};

static const struct test_param lacks[] = {
    {.name = "no epoll_pwait2", .data = &no_pwait2},
    {.name = "epoll_pwait2 denied", .data = &pwait2_denied},
    {.name = "no timerfd", .data = &no_timerfd},
    {.name = "timerfd denied", .data = &timerfd_denied},
    {.name = "timerfd_settime denied", .data = &no_timer_set},
    {.name = "no epoll", .data = &no_epoll},
    {.name = "epoll denied", .data = &epoll_denied},
    {.name = "no madvise", .data = &no_madvise},
};

TEST_EACH(a_kernel_that_lacks_something, lacks)
{
    const struct lack *lack = p->data;
    char name[8];

    unsetenv("TN_BACKEND");
    strncpy(name, lack->backend, sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    forbid(lack->number, lack->error);
    OK(tn_run(NULL, little_of_all, name));
}

static int
say_why(void *arg)
{
    (void)arg;
    STREQ(tn_backend_name(), "poll");
    CHECK(tn_backend_why()[0] != '\0');
    return 0;
}

TEST(the_fallback_says_why)
{
    unsetenv("TN_BACKEND");
    forbid(SYS_epoll_create1, ENOSYS);
    OK(tn_run(NULL, say_why, NULL));
}

TEST(the_environment_forces_poll)
{
    char name[] = "poll";

    OK(setenv("TN_BACKEND", "poll", 1));
    OK(tn_run(NULL, little_of_all, name));
}
