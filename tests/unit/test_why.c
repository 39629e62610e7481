/*
 * test_why.c - tn_why() speaks of the last failure, and of nothing else.
 */
#include "core.h"

#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>

/* Codes are told by every call that can fail, not only by the sockets'. */
static int
calls_tell(void *arg)
{
    tn_scope scope;
    tn_chan *c;
    int value;

    (void)arg;
    OK(tn_chan_new(&c, sizeof(value), 1));
    tn_deadline(&scope, TN_FOREVER);
    tn_scope_cancel(&scope);
    ERR(tn_sleep(TN_MS), -ECANCELED);
    STREQ(tn_why(), "sleep: cancelled");
    ERR(tn_checkpoint(), -ECANCELED);
    STREQ(tn_why(), "go on: cancelled");
    ERR(tn_chan_recv(c, &value), -ECANCELED);
    STREQ(tn_why(), "receive from channel: cancelled");
    tn_scope_end(&scope);
    tn_chan_close(c);
    ERR(tn_chan_send(c, &value), -EPIPE);
    STREQ(tn_why(), "send to channel: the other side has closed");
    tn_chan_free(c);
    return 0;
}

TEST_EACH(each_call_says_what_was_tried, backends)
{
    OK(run_on(p, calls_tell, NULL));
}

static int
resolve_tells_nothing(void *arg)
{
    tn_addr found[4];

    (void)arg;
    GE(tn_resolve("localhost", 80, AF_UNSPEC, 0, found, 4), 1);
    STREQ(tn_why(), "no failure");
    return 0;
}

TEST_EACH(a_name_that_is_found_leaves_no_failure, kernel_callers)
{
    OK(run_as(p, resolve_tells_nothing, NULL));
}

/* ---- beside it: what waits for things that do not come ---- */

static int
wait_for_urgent_file(void *arg)
{
    int64_t start = tn_now();

    ERR(tn_wait_fd(*(int *)arg, POLLPRI, 20 * TN_MS), -ETIME);
    GE(tn_now() - start, 20 * TN_MS);
    EQ(tn_wait_fd(*(int *)arg, POLLPRI, 0), 0);
    return 0;
}

TEST_EACH(a_regular_file_never_is_urgent, kernel_callers)
{
    FILE *f = tmpfile();
    int fd;

    CHECK(f != NULL);
    fd = fileno(f);
    OK(run_as(p, wait_for_urgent_file, &fd));
    fclose(f);
}

/* Of 64 MiB stacks sixteen at once would be a GiB. */
TEST_EACH(large_stacks_come_one_by_one, kernels)
{
    struct rlimit lim = {(rlim_t)400 << 20, (rlim_t)400 << 20};
    tn_opts opts = {.stack_size = (size_t)64 << 20};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("sanitizers need the address space");
#endif
    SKIP_UNDER_QEMU("a small address space");
    if (getenv("LD_PRELOAD")) {
        SKIP("valgrind needs the address space");
    }
    OK(setrlimit(RLIMIT_AS, &lim));
    OK(run_with(p, opts, core_nothing, NULL));
}
