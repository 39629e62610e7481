/*
 * overflow.c - say which task's stack overflowed, then let the program die.
 *
 * Runs on a stack of its own, because the one at fault is full. Everything
 * here is async-signal-safe.
 */
#include "task/task.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static struct sigaction before;
static atomic_bool installed;
static _Thread_local void *alt_stack;

/* At most `cap` bytes of s into buf. */
static size_t
put(char *buf, size_t at, size_t cap, const char *s)
{
    while (*s && at < cap) {
        buf[at++] = *s++;
    }
    return at;
}

static size_t
put_number(char *buf, size_t at, size_t cap, uint64_t n)
{
    char digits[24];
    size_t i = sizeof(digits);

    digits[--i] = '\0';
    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return put(buf, at, cap, digits + i);
}

static void
report(const tn_task *t, size_t size)
{
    char line[256];
    size_t n = put(line, 0, sizeof(line), "tenon: stack overflow in task ");

    n = put_number(line, n, sizeof(line), t->id);
    if (t->name) {
        n = put(line, n, sizeof(line), " (");
        n = put(line, n, sizeof(line), t->name);
        n = put(line, n, sizeof(line), ")");
    }
    n = put(line, n, sizeof(line), ", stack of ");
    n = put_number(line, n, sizeof(line), size >> 10);
    n = put(line, n, sizeof(line), " KiB\n");
    if (write(STDERR_FILENO, line, n) < 0) {
        return; /* nothing else could be done */
    }
}

static void
on_fault(int signo, siginfo_t *info, void *context)
{
    const tn_task *t = tn__self;
    void *top;

    (void)context;
    if (t && info->si_addr &&
        tn__stacks_guard_hit(&t->loop->stacks, (uintptr_t)info->si_addr,
                             &top) &&
        top == t->stack) {
        report(t, tn__stacks_usable(&t->loop->stacks));
    }
    /* The fault happens again on return, and meets the handler before us. */
    sigaction(signo, &before, NULL);
}

int
tn_report_overflow(void)
{
    struct sigaction sa;

    if (atomic_exchange(&installed, true)) {
        return 0;
    }
    memset(&sa, 0, sizeof(sa));
    sa.sa_sigaction = on_fault;
    sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&sa.sa_mask);
    if (sigaction(SIGSEGV, &sa, &before) < 0) {
        atomic_store(&installed, false);
        return -errno;
    }
    if (tn__loop) {
        tn__overflow_enter(); /* the thread's loop runs already */
    }
    return 0;
}

void
tn__overflow_enter(void)
{
    size_t size = (size_t)getauxval(AT_MINSIGSTKSZ) + 16384;
    stack_t old, ss;

    /* Somebody else's alternate stack (a sanitizer's) serves as well. */
    if (!installed || sigaltstack(NULL, &old) < 0 ||
        !(old.ss_flags & SS_DISABLE)) {
        return;
    }
    alt_stack = malloc(size);
    if (!alt_stack) {
        return; /* an overflow then goes unnamed, nothing worse */
    }
    ss = (stack_t){.ss_sp = alt_stack, .ss_size = size};
    sigaltstack(&ss, NULL);
}

void
tn__overflow_leave(void)
{
    stack_t off = {.ss_flags = SS_DISABLE};

    if (alt_stack) {
        sigaltstack(&off, NULL);
        free(alt_stack);
        alt_stack = NULL;
    }
}
