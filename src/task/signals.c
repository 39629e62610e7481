/*
 * signals.c - signals as something to wait for: signalfd(2).
 */
#include "task/task.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { SIGNALS_MAX = 16 };

struct tn_signals {
    struct tn__fd fd;
    sigset_t blocked; /* by us: they were not before */
};

/* Block `set`; *blocked are those that were not blocked before. */
static void
block(const sigset_t *set, sigset_t *blocked)
{
    sigset_t old;

    pthread_sigmask(SIG_BLOCK, set, &old);
    *blocked = *set;
    for (int signo = 1; signo < NSIG; signo++) {
        if (sigismember(&old, signo) == 1) {
            sigdelset(blocked, signo);
        }
    }
}

int
tn_signals_open(tn_signals **out, const int *signo, int n)
{
    tn_signals *s;
    sigset_t set;
    int number;

    *out = NULL;
    sigemptyset(&set);
    for (int i = 0; i < n; i++) {
        if (sigaddset(&set, signo[i]) < 0) {
            return -EINVAL;
        }
    }
    if (n < 1 || n > SIGNALS_MAX) {
        return -EINVAL;
    }
    s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    number = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (number < 0) {
        free(s);
        return -errno;
    }
    s->fd =
        (struct tn__fd){.fd = number, .nonblock = true, .ready = {true, true}};
    block(&set, &s->blocked);
    *out = s;
    return 0;
}

int
tn_signals_wait(tn_signals *sigs)
{
    struct signalfd_siginfo info;
    struct tn__limit lim = {.timeout = TN_FOREVER};
    struct tn__op op = {
        .kind = TN__RECV,
        .fd = &sigs->fd,
        .u.io = {&info, sizeof(info), 0},
    };
    ssize_t r;

    if (tn__self) {
        if (tn__loop->is_sim) {
            return -EOPNOTSUPP;
        }
        r = tn__waiter_adopt(tn__loop->waiter, &sigs->fd);
        if (r < 0) {
            return (int)r;
        }
        op.cls = tn__loop->waiter->backend->ops;
    }
    r = tn__await(&op, &lim);
    return r < 0 ? (int)r : (int)info.ssi_signo;
}

void
tn_signals_close(tn_signals *sigs)
{
    if (!sigs) {
        return;
    }
    tn__waiter_release(&sigs->fd);
    close(sigs->fd.fd);
    pthread_sigmask(SIG_UNBLOCK, &sigs->blocked, NULL);
    free(sigs);
}
