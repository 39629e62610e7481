/*
 * switch_ucontext.c - the switch where there is no assembly for the machine.
 *
 * Correct everywhere, and some fifty times slower: swapcontext(3) saves the
 * signal mask by a system call.
 */
#include "task/switch.h"

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* makecontext() passes ints only: a pointer travels in two halves. */
static void
entry(unsigned high, unsigned low)
{
    tn__task_main((void *)((uintptr_t)((uint64_t)high << 32 | low)));
}

void
tn__switch(void **save, void *to)
{
    ucontext_t here;

    *save = &here;
    swapcontext(&here, to);
}

void *
tn__switch_init(void *top, void *arg)
{
    /* The context lives at the top of its own stack. Its size is not told
       here: what matters is the upper end, so claim a generous minimum. */
    enum { CLAIM = 16384 };

    uintptr_t end = ((uintptr_t)top - sizeof(ucontext_t)) & ~(uintptr_t)63;
    ucontext_t *ctx = (ucontext_t *)end;
    uint64_t bits = (uintptr_t)arg;

    getcontext(ctx);
    ctx->uc_stack.ss_sp = (void *)(end - CLAIM);
    ctx->uc_stack.ss_size = CLAIM;
    ctx->uc_link = NULL;
    makecontext(ctx, (void (*)(void))entry, 2, (unsigned)(bits >> 32),
                (unsigned)bits);
    return ctx;
}
