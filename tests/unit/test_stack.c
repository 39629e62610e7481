/*
 * test_stack.c - many stacks, small stacks, and what happens at their end.
 */
#include "base/limits.h"
#include "core.h"
#include "task/task.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#else
#define WITH_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#else
#define WITH_TSAN 0
#endif

/* ---- many parked tasks ---- */

static long
resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long total, resident;

    CHECK(f != NULL);
    EQ(fscanf(f, "%ld %ld", &total, &resident), 2);
    fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

static int
park(void *arg)
{
    int *parked = arg;
    int r;

    *parked += 1;
    r = tn_sleep(TN_FOREVER);
    *parked -= 1;
    return r;
}

struct crowd {
    int wanted, parked;
    long bytes_each;
};

static int
gather(void *arg)
{
    struct crowd *c = arg;
    long before = resident_bytes();
    tn_group g;
    int r = 0;

    tn_group_init(&g, 0);
    for (int i = 0; i < c->wanted && r == 0; i++) {
        r = tn_go(&g, park, &c->parked);
    }
    while (r == 0 && c->parked < c->wanted) {
        OK(tn_checkpoint());
    }
    c->bytes_each = (resident_bytes() - before) / c->wanted;
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    EQ(c->parked, 0);
    return r;
}

/* Does the kernel make guards without a mapping each? */
static bool
has_guard_install(void)
{
    long page = sysconf(_SC_PAGESIZE);
    void *at = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool has = at != MAP_FAILED && madvise(at, (size_t)page, 102) == 0;

    munmap(at, (size_t)page);
    return has;
}

static bool
is_instrumented(void)
{
    return WITH_ASAN || WITH_TSAN || test_scale() > 1;
}

TEST_EACH_TIMEOUT(parked_tasks_by_the_ten_thousand, kernels, 30)
{
    struct crowd c = {.wanted = 30000};

    if (is_instrumented()) {
        c.wanted = WITH_TSAN ? 5000 : 3000;
    } else if (has_guard_install()) {
        c.wanted = 100000;
    }
    OK(run_on(p, gather, &c));
    if (!is_instrumented()) {
        printf("# %d tasks parked, %ld bytes each\n", c.wanted, c.bytes_each);
        LE(c.bytes_each, 6 * 1024);
    }
}

/* More than the address space allows: a clear error, and the rest goes on. */
TEST_EACH(no_room_for_a_stack_is_enomem, kernels)
{
    struct crowd c = {.wanted = 20000};
    const tn_opts opts = {.stack_size = 16 << 20};
    struct rlimit lim = {8UL << 30, 8UL << 30};

    if (is_instrumented()) {
        SKIP("sanitizers need the address space");
    }
    OK(setrlimit(RLIMIT_AS, &lim));
    ERR(run_with(p, opts, gather, &c), -ENOMEM);
    c.wanted = 10;
    OK(run_on(p, gather, &c));
}

static int
only_two(void *arg)
{
    int parked = 0;
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, park, &parked));
    OK(tn_go(&g, park, &parked));
    ERR(tn_go(&g, park, &parked), -EAGAIN);
    OK(tn_checkpoint());
    tn_group_cancel(&g);
    OK(tn_group_wait(&g));
    tn_group_init(&g, 0);
    OK(tn_go(&g, core_nothing, NULL));
    OK(tn_group_wait(&g));
    return 0;
}

TEST_EACH(max_tasks_is_a_limit, backends)
{
    OK(run_with(p, (tn_opts){.max_tasks = 3}, only_two, NULL));
}

/* ---- the size of a stack ---- */

static int
touch(void *arg)
{
    const size_t *size = arg;
    volatile char block[1024];
    size_t below = *size;

    block[0] = (char)below;
    if (below > sizeof(block) + 256) {
        below -= sizeof(block) + 256;
        return touch(&below) + block[0] * 0;
    }
    return 0;
}

TEST_EACH(a_stack_is_as_large_as_asked_for, backends)
{
    const size_t sizes[] = {TN_STACK_MIN, 40001, TN_STACK_DEFAULT, 1 << 20};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t use = sizes[i] / (is_instrumented() ? 8 : 2);

        OK(run_with(p, (tn_opts){.stack_size = sizes[i]}, touch, &use));
    }
    ERR(run_with(p, (tn_opts){.stack_size = TN_STACK_MIN - 1}, touch, NULL),
        -EINVAL);
    ERR(run_with(p, (tn_opts){.stack_size = TN_STACK_MAX + 1}, touch, NULL),
        -EINVAL);
}

/* ---- pages that are not needed any more ---- */

static __attribute__((noinline)) char
go_deep(void)
{
    volatile char page[3000];

    page[0] = 1;
    page[sizeof(page) - 1] = page[0];
    return page[sizeof(page) - 1];
}

static __attribute__((noinline)) bool
is_resident(const char *page)
{
    unsigned char in;

    OK(mincore((void *)(uintptr_t)page, 1, &in));
    return in & 1;
}

/* A page far below is touched, and gone afterwards; what is in use stays. */
static int
trim_mine(void *arg)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    volatile char mine = 7;
    char *deep = (char *)(((uintptr_t)&mine & ~(page - 1)) - 4 * page);

    (void)arg;
    EQ(go_deep(), 1);
    *(volatile char *)deep = 1;
    CHECK(is_resident(deep));
    tn__trim_stack();
    CHECK(!is_resident(deep));
    EQ(mine, 7);
    EQ(go_deep(), 1);
    return 0;
}

TEST_EACH(a_trimmed_stack_keeps_what_is_in_use, kernels)
{
    if (WITH_ASAN || WITH_TSAN || on_valgrind()) {
        SKIP("writes below the frame");
    }
    SKIP_UNDER_QEMU("madvise(2)");
    OK(run_on(p, trim_mine, NULL));
}

/* ---- overflow ---- */

static int recurse(void *arg);
static int (*volatile again)(void *) = recurse;

static int
recurse(void *arg)
{
    volatile char block[512];

    block[0] = 1;
    return again(arg) + block[0];
}

static int
overflow(void *arg)
{
    tn_task_name("deep");
    return recurse(arg);
}

static int
overflow_in_a_child(void *arg)
{
    tn_group g;

    tn_group_init(&g, 0);
    OK(tn_go(&g, overflow, arg));
    return tn_group_wait(&g);
}

static int
overflow_after_asking_late(void *arg)
{
    OK(tn_report_overflow());
    return overflow_in_a_child(arg);
}

/* Run fn on a backend in a process of its own, and keep what it wrote to
   standard error. `early`: the report is asked for before the loop starts. */
static int
in_child(const struct test_param *p, tn_task_fn *fn, bool early, char *text,
         size_t cap)
{
    int fds[2], status;
    size_t at = 0;
    ssize_t n;
    pid_t pid;

    OK(pipe(fds));
    pid = fork();
    OK(pid);
    if (pid == 0) {
        dup2(fds[1], 2);
        if (early) {
            OK(tn_report_overflow());
            OK(tn_report_overflow());
        }
        _exit(run_on(p, fn, NULL) < 0);
    }
    close(fds[1]);
    while (at + 1 < cap && (n = read(fds[0], text + at, cap - 1 - at)) > 0) {
        at += (size_t)n;
    }
    text[at] = '\0';
    close(fds[0]);
    EQ(waitpid(pid, &status, 0), pid);
    return status;
}

TEST_EACH(an_overflow_names_the_task, kernels)
{
    char text[2048];
    int status;

    if (is_instrumented()) {
        SKIP("sanitizers report it themselves");
    }
    status = in_child(p, overflow_in_a_child, true, text, sizeof(text));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    STREQ(text, "tenon: stack overflow in task 2 (deep), stack of 256 KiB\n");
}

TEST_EACH(an_overflow_is_named_if_asked_inside_the_loop, kernels)
{
    char text[2048];
    int status;

    if (is_instrumented()) {
        SKIP("sanitizers report it themselves");
    }
    status = in_child(p, overflow_after_asking_late, false, text, sizeof(text));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    STREQ(text, "tenon: stack overflow in task 2 (deep), stack of 256 KiB\n");
}

static int *volatile wild;

static int
fault(void *arg)
{
    (void)arg;
    return *wild;
}

TEST_EACH(another_fault_is_not_called_an_overflow, kernels)
{
    char text[2048];
    int status;

    if (is_instrumented()) {
        SKIP("sanitizers report it themselves");
    }
    status = in_child(p, fault, true, text, sizeof(text));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    STREQ(text, "");
}

/* ---- what AddressSanitizer sees ---- */

static int *volatile leaked;

static __attribute__((noinline)) void
leak_local(void)
{
    int local = 7;

    leaked = &local;
}

static int
use_after_return(void *arg)
{
    (void)arg;
    leak_local();
    OK(tn_checkpoint());
    return *leaked < 0;
}

TEST_EACH(use_after_return_in_a_task_is_reported, kernels)
{
    char text[2048];
    int status;

    if (!WITH_ASAN) {
        SKIP("only AddressSanitizer can tell");
    }
    status = in_child(p, use_after_return, true, text, sizeof(text));
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    CHECK(strstr(text, "stack-use-after-return") != NULL);
    CHECK(strstr(text, "use_after_return") != NULL);
}
