/*
 * selftest_cases.c - tests that must fail, pass or be skipped, as their names
 * say. selftest.sh runs them, so that we know that a test can fail.
 */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TEST(pass_empty)
{
}

TEST(pass_assertions)
{
    CHECK(1 == 1);
    EQ(OK(7), 7);
    NE(1, 2);
    LE(1, 1);
    GE(2, 1);
    STREQ("a", "a");
    MEMEQ("abc", "abd", 2);
    ERR(-ETIME, -ETIME);
}

TEST(fail_check)
{
    CHECK(1 == 2);
}

TEST(fail_eq)
{
    EQ(1, 2);
}

TEST(fail_ne)
{
    NE(2, 2);
}

TEST(fail_le)
{
    LE(2, 1);
}

TEST(fail_ge)
{
    GE(1, 2);
}

TEST(fail_streq)
{
    STREQ("left", "right");
}

TEST(fail_streq_null)
{
    STREQ(NULL, "right");
}

TEST(fail_memeq)
{
    MEMEQ("abc", "abd", 3);
}

TEST(fail_ok)
{
    OK(-ECONNREFUSED);
}

TEST(fail_err)
{
    ERR(0, -ETIME);
}

TEST(fail_crash)
{
    raise(SIGABRT);
}

TEST_TIMEOUT(fail_timeout, 0)
{
    pause();
}

/* A mask full of signals must not save a test from its time limit. */
TEST_TIMEOUT(fail_timeout_blocked, 0)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    pause();
}

TEST(fail_descriptor)
{
    OK(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(fail_closed_descriptor)
{
    OK(close(2));
}

TEST(fail_exit)
{
    exit(0);
}

TEST(fail_process_left)
{
    if (OK(fork()) == 0) {
        pause();
    }
}

static void
fail_inside(void *arg)
{
    (void)arg;
    FAIL("in a thread");
}

TEST(fail_thread)
{
    test_thread_join(test_thread_start(fail_inside, NULL));
}

TEST(fail_guard)
{
    volatile uint8_t *copy = guard_copy("abc", 3);

    EQ(copy[2], 'c');
    printf("%d\n", copy[3]);
}

static void
close_fd(void *arg)
{
    int *fd = arg;

    close(*fd);
}

TEST(pass_cleanup)
{
    static int fd;

    fd = (int)OK(open("/dev/null", O_RDONLY | O_CLOEXEC));
    test_cleanup(close_fd, &fd);
}

TEST(pass_guard)
{
    for (size_t n = 0; n < 9000; n += 1000) {
        uint8_t *copy = guard_alloc(n);
        memset(copy, 1, n);
        guard_free(copy, n);
    }
}

TEST(pass_dir)
{
    char path[100];

    snprintf(path, sizeof(path), "%s/file", test_dir());
    int fd = (int)OK(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    OK(close(fd));
    printf("%s\n", test_dir());
}

TEST(skip_with_reason)
{
    SKIP("nothing to see");
}

static const struct test_param numbers[] = {
    {.name = "one", .value = {1}},
    {.name = "two", .value = {2}},
};

TEST_EACH(pass_each, numbers)
{
    CHECK(p->value[0] == (p->name[0] == 'o' ? 1 : 2));
}

TEST_EACH(fail_each, numbers)
{
    EQ(p->value[0], 3);
}
