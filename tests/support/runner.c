/*
 * runner.c - main() of every test program: a child per test, TAP on stdout.
 */
#include "runner_int.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The linker names the ends of our section; weak, for a program of no test. */
extern const struct test_case *const __start_tenon_tests[]
    __attribute__((weak));
extern const struct test_case *const __stop_tenon_tests[] __attribute__((weak));

/* One line of TAP: a test, and its parameter if it has some. */
struct job {
    const struct test_case *test;
    const struct test_param *param;
    char name[160];
};

/* What became of a child. */
struct outcome {
    int status;     /* as waitpid() gives it */
    bool timed_out; /* it was killed at its time limit */
    int left;       /* processes that it left running */
};

enum { FD_TEXT = 512, SHOWN_OUTPUT = 64 * 1024 };

static _Noreturn void
die(const char *what)
{
    fprintf(stderr, "test runner: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int
compare_cases(const void *a, const void *b)
{
    const struct test_case *const *left = a, *const *right = b;
    int by_file = strcmp((*left)->file, (*right)->file);

    return by_file ? by_file : (*left)->line - (*right)->line;
}

static bool
is_wanted(const struct job *job, char **names)
{
    if (*names == NULL) {
        return true;
    }
    for (; *names != NULL; names++) {
        if (strcmp(*names, job->name) == 0 ||
            strcmp(*names, job->test->name) == 0) {
            return true;
        }
    }
    return false;
}

static size_t
add_jobs(struct job *jobs, const struct test_case *test, char **names)
{
    size_t count = 0;
    size_t rows = test->each ? test->param_count : 1;

    for (size_t i = 0; i < rows; i++) {
        struct job *job = &jobs[count];
        job->test = test;
        job->param = test->each ? &test->params[i] : NULL;
        snprintf(job->name, sizeof(job->name), "%s%s%s", test->name,
                 job->param ? "/" : "", job->param ? job->param->name : "");
        count += is_wanted(job, names);
    }
    return count;
}

/* Every test of the program, in the order of the source, that is wanted. */
static struct job *
collect(char **names, size_t *count)
{
    size_t cases = (size_t)(__stop_tenon_tests - __start_tenon_tests);
    const struct test_case **sorted = calloc(cases + 1, sizeof(*sorted));
    size_t rows = 1;

    if (sorted == NULL) {
        die("out of memory");
    }
    for (size_t i = 0; i < cases; i++) {
        sorted[i] = __start_tenon_tests[i];
        rows += sorted[i]->each ? sorted[i]->param_count : 1;
    }
    qsort(sorted, cases, sizeof(*sorted), compare_cases);
    struct job *jobs = calloc(rows, sizeof(*jobs));
    if (jobs == NULL) {
        die("out of memory");
    }
    *count = 0;
    for (size_t i = 0; i < cases; i++) {
        *count += add_jobs(&jobs[*count], sorted[i], names);
    }
    free(sorted);
    return jobs;
}

static void
call(const struct job *job)
{
    if (job->param) {
        job->test->each(job->param);
    } else {
        job->test->plain();
    }
    runner_cleanup();
}

/* The child. exit(), not _exit(), so that leaks are looked for. */
static _Noreturn void
run_child(const struct job *job, int output, const sigset_t *mask)
{
    static char before[FD_TEXT], after[FD_TEXT];
    const struct rlimit none = {0, 0};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 ||
        dup2(output, 2) < 0) {
        die("redirect");
    }
    close(null);
    close(output);
    sigprocmask(SIG_SETMASK, mask, NULL);

    int count = runner_fds(before, sizeof(before));
    call(job);
    if (runner_fds(after, sizeof(after)) != count) {
        test_fail(job->test->file, job->test->line,
                  "descriptors open before:%s; after:%s", before, after);
    }
    runner_shared->finished = 1;
    exit(0);
}

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* SIGCHLD is blocked, so that it cannot be missed between the two calls. */
static struct outcome
wait_child(pid_t child, int64_t limit_ms)
{
    struct outcome outcome = {0};
    int64_t deadline = now_ms() + limit_ms;
    sigset_t wanted;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    while (waitpid(child, &outcome.status, WNOHANG) == 0) {
        int64_t left = deadline - now_ms();
        if (left <= 0) {
            outcome.timed_out = true;
            kill(-child, SIGKILL);
            waitpid(child, &outcome.status, 0);
            break;
        }
        struct timespec wait = {left / 1000, left % 1000 * 1000000};
        sigtimedwait(&wanted, NULL, &wait);
    }
    /* We are the reaper of orphans: whoever is still in the group goes now. */
    kill(-child, SIGKILL);
    int status;
    while (waitpid(-child, &status, 0) > 0) {
        outcome.left += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    return outcome;
}

/* The measurements of a test that passed: its lines that begin with "# ". */
static void
show_comments(int output)
{
    static char text[SHOWN_OUTPUT];
    ssize_t len = pread(output, text, sizeof(text) - 1, 0);
    char *rest = text;

    text[len > 0 ? len : 0] = '\0';
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (strncmp(line, "# ", 2) == 0) {
            puts(line);
        }
    }
}

/* What the test wrote, as TAP comments. */
static void
show_output(int output)
{
    static char text[SHOWN_OUTPUT];
    ssize_t len = pread(output, text, sizeof(text), 0);
    bool at_start = true;

    for (ssize_t i = 0; i < len; i++) {
        if (at_start) {
            fputs("#   ", stdout);
        }
        putchar(text[i]);
        at_start = text[i] == '\n';
    }
    if (!at_start) {
        putchar('\n');
    }
    if (len == (ssize_t)sizeof(text)) {
        puts("#   (cut here)");
    }
}

/* Why a child counts as failed, or NULL. */
static const char *
find_fault(const struct outcome *outcome, int seconds)
{
    static char text[120];
    int status = outcome->status;

    if (outcome->timed_out) {
        snprintf(text, sizeof(text), "timed out after %d s", seconds);
    } else if (WIFSIGNALED(status)) {
        snprintf(text, sizeof(text), "killed by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        snprintf(text, sizeof(text), "exit status %d", WEXITSTATUS(status));
    } else if (!runner_shared->finished) {
        return "the test called exit()";
    } else if (outcome->left > 0) {
        snprintf(text, sizeof(text), "left %d processes running",
                 outcome->left);
    } else {
        return NULL;
    }
    return text;
}

static bool
report(const struct job *job, size_t number, const struct outcome *outcome,
       int output)
{
    if (!outcome->timed_out && WIFEXITED(outcome->status) &&
        WEXITSTATUS(outcome->status) == RUNNER_EXIT_SKIP) {
        printf("ok %zu - %s # SKIP %s\n", number, job->name,
               runner_shared->skip_reason);
        return true;
    }
    int seconds = job->test->seconds * test_scale();
    const char *fault = find_fault(outcome, seconds);
    printf("%sok %zu - %s\n", fault ? "not " : "", number, job->name);
    if (fault) {
        printf("# %s:%d: %s\n", job->test->file, job->test->line, fault);
        show_output(output);
    } else {
        show_comments(output);
    }
    return fault == NULL;
}

static bool
run_job(const struct job *job, size_t number, const char *base)
{
    int output = memfd_create("output", MFD_CLOEXEC);
    sigset_t mask, child_mask;

    if (output < 0) {
        die("memfd_create");
    }
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, &child_mask);
    memset(runner_shared, 0, sizeof(*runner_shared));
    runner_dir_set(base, (int)number);
    fflush(stdout);

    pid_t child = fork();
    if (child < 0) {
        die("fork");
    }
    if (child == 0) {
        run_child(job, output, &child_mask);
    }
    setpgid(child, child);
    struct outcome outcome =
        wait_child(child, (int64_t)job->test->seconds * test_scale() * 1000);
    bool passed = report(job, number, &outcome, output);
    fflush(stdout);
    close(output);
    runner_dir_remove();
    return passed;
}

/* A place for the folders of the tests; short, for sockets live there. */
static char *
make_base(char *text, size_t cap)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(text, cap, "%s/tn-XXXXXX",
             tmp && strlen(tmp) <= 32 ? tmp : "/tmp");
    if (mkdtemp(text) == NULL) {
        die("mkdtemp");
    }
    return text;
}

static int
run_jobs(const struct job *jobs, size_t count, bool in_process)
{
    char base[64];
    size_t failed = 0;

    make_base(base, sizeof(base));
    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        if (in_process) {
            runner_dir_set(base, (int)i);
            call(&jobs[i]);
            runner_dir_remove();
        } else {
            failed += !run_job(&jobs[i], i + 1, base);
        }
    }
    rmdir(base);
    return failed > 0;
}

int
main(int argc, char **argv)
{
    bool list = false, in_process = false;
    size_t count;
    int opt;

    while ((opt = getopt(argc, argv, "ln")) != -1) {
        if (opt == '?') {
            fprintf(stderr, "usage: %s [-l] [-n] [NAME...]\n", argv[0]);
            return 2;
        }
        list = list || opt == 'l';
        in_process = in_process || opt == 'n';
    }
    struct job *jobs = collect(argv + optind, &count);
    if (count == 0) {
        fprintf(stderr, "%s: no such test\n", argv[0]);
        free(jobs);
        return 2;
    }
    runner_shared = mmap(NULL, sizeof(*runner_shared), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (runner_shared == MAP_FAILED) {
        die("mmap");
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int status = 0;
    for (size_t i = 0; list && i < count; i++) {
        puts(jobs[i].name);
    }
    if (!list) {
        status = run_jobs(jobs, count, in_process);
    }
    free(jobs);
    return status;
}
