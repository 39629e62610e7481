#include "run.h"

#include <tenon/err.h>
#include <tenon/loop.h>

#include "say.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    RUN_READY_LINE = 512 /* longer than any address */
};

/* A command's work beside the task that waits for signals. */
struct job {
    command_fn *fn;
    void *arg;
    tn_group group;
    tn_signals *signals;
    enum run_kind kind;
    int code;
    int signo; /* 0: none came */
};

/* What SIGHUP means, if not the end. */
static struct {
    void (*fn)(void *arg);
    void *arg;
} hangup;

/* Who begins an end in order. */
static struct {
    bool (*fn)(void *arg);
    void *arg;
} stopper;

/* Were 1 closed, the first socket would become stdout. What is opened instead
   fails as a closed descriptor does: reading 0, writing 1 and 2. */
static int
fill_descriptor(int fd)
{
    if (fcntl(fd, F_GETFD) >= 0) {
        return 0;
    }
    int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    return open("/dev/null", flags) == fd ? 0 : -EBADF;
}

int
program_start(void)
{
    struct sigaction ignore;
    memset(&ignore, 0, sizeof(ignore));
    ignore.sa_handler = SIG_IGN;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fill_descriptor(fd) < 0) {
            return -EBADF;
        }
    }
    /* A closed pipe, and a file at its limit (ulimit -f), are errors. */
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 ||
        sigaction(SIGXFSZ, &ignore, NULL) != 0) {
        return -EINVAL;
    }
    int err = tn_report_overflow();
    if (err < 0) {
        say("%s", tn_strerror(err));
    }
    return err;
}

/* Of plain system calls, which do not write what tn_why() reads. */
static const char *
system_reason(void)
{
    return errno == EBADF ? "it is not open" : tn_strerror(-errno);
}

int
program_end(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return code;
    }
    if (code == EXIT_DONE) {
        say("write stdout: %s", system_reason());
        code = EXIT_FAILED;
    }
    return code;
}

static int
work(void *arg)
{
    struct job *job = arg;
    tn_task_name("work");
    job->code = job->fn(job->arg);
    tn_group_cancel(&job->group);
    return 0;
}

static int
watch_signals(void *arg)
{
    struct job *job = arg;
    tn_task_name("signals");
    int signo = tn_signals_wait(job->signals);
    while (signo == SIGHUP && hangup.fn) {
        hangup.fn(hangup.arg);
        signo = tn_signals_wait(job->signals);
    }
    if (signo > 0) {
        job->signo = signo;
        if (stopper.fn && stopper.fn(stopper.arg)) {
            (void)!tn_signals_wait(job->signals);
        }
        tn_group_cancel(&job->group);
    }
    if (signo > 0 && job->kind == RUN_SERVER) {
        /* The end may wait for a disk that hangs: a second Ctrl-C does not. */
        tn_signals_close(job->signals);
        job->signals = NULL;
    }
    return 0;
}

static int
root(void *arg)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
    struct job *job = arg;
    const char *other = tn_backend_why();
    if (other[0]) {
        say("%s", other); /* TN_BACKEND asked for what cannot be had */
    }
    int err = tn_signals_open(&job->signals, wanted,
                              sizeof(wanted) / sizeof(wanted[0]));
    if (err < 0) {
        return say_failed(tn_fail(err, "wait for signals", NULL), NULL);
    }
    tn_group_init(&job->group, 0);
    err = tn_go(&job->group, work, job);
    if (err == 0) {
        err = tn_go(&job->group, watch_signals, job);
    }
    if (err < 0) {
        job->code = say_failed(err, NULL);
        tn_group_cancel(&job->group);
    }
    (void)tn_group_wait(&job->group);
    tn_signals_close(job->signals);
    return job->code;
}

int
run_task(command_fn *fn, void *arg, enum run_kind kind)
{
    struct job job;
    memset(&job, 0, sizeof(job));
    job.fn = fn;
    job.arg = arg;
    job.kind = kind;
    int code = tn_run(NULL, root, &job);
    if (code < 0) { /* no task has run that could say more */
        return say_failed(tn_fail(code, "start the event loop", NULL), NULL);
    }
    if (job.signo == 0) {
        return code;
    }
    bool ended_well = kind == RUN_SERVER && job.signo == SIGINT;
    return ended_well ? EXIT_DONE : EXIT_SIGNAL + job.signo;
}

void
run_on_hangup(void (*fn)(void *arg), void *arg)
{
    hangup.fn = fn;
    hangup.arg = arg;
}

void
run_on_stop(bool (*fn)(void *arg), void *arg)
{
    stopper.fn = fn;
    stopper.arg = arg;
}

int
run_ready(int fd, const char *text)
{
    char line[RUN_READY_LINE];
    if (fd < 0) {
        return EXIT_DONE;
    }
    int n = snprintf(line, sizeof(line), "%s\n", text);
    if (write(fd, line, (size_t)n) < n) {
        say("--ready-fd %d: %s", fd, system_reason());
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int
run_wrap(tn_sock **out, int fd)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    int err = tn_wrap(out, fd);
    return err < 0 ? tn_fail(err, "use", names[fd]) : 0;
}
