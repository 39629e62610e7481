/*
 * stack.c - stacks in slabs.
 *
 * A slab is one mapping of many stacks, so that a hundred thousand of them do
 * not become as many mappings (the kernel allows 65,530). The guard below each
 * is made without a mapping of its own where the kernel can (6.13), else with
 * mprotect(2), which then is the limit: some 30,000 stacks.
 *
 * MAP_STACK keeps huge pages away: one touched byte would cost 2 MiB.
 */
#include "task/stack.h"

#include "base/base.h"
#include "task/sanitizer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Since Linux 6.13; Debian 12's headers are older. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* More than a page: libraries built without stack probes may step over one. */
#define GUARD_SIZE ((size_t)16 << 10)

struct tn__slab {
    struct tn__slab *next;
    char *base;
    unsigned count; /* stacks that fit */
    unsigned used;  /* stacks handed out once: they have their guard */
};

struct tn__stack {
    struct tn__stack *next;
    unsigned valgrind_id;
    bool warm;
};

/* Learned once for the process: the kernel does not change. */
static atomic_bool no_guard_install;

static struct tn__stack *
link_of(void *top)
{
    return (struct tn__stack *)((char *)top - sizeof(struct tn__stack));
}

void
tn__stacks_init(struct tn__stacks *s, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t guard = GUARD_SIZE > page ? GUARD_SIZE : page;

    size = (size + page - 1) & ~(page - 1);
    *s = (struct tn__stacks){
        .size = size + guard,
        .guard = guard,
        .page = page,
    };
}

static void *
map(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
}

static struct tn__slab *
add_slab(struct tn__stacks *s)
{
    unsigned count = s->slabs ? s->slabs->count * 2 : TN_SLAB_FIRST;
    struct tn__slab *slab = malloc(sizeof(*slab));
    char *base;

    if (!slab) {
        return NULL;
    }
    count = count < TN_SLAB_MOST ? count : TN_SLAB_MOST;
    base = map(count * s->size);
    /* Large stacks, or a limit of address space: fewer at once will do. */
    while (base == MAP_FAILED && count > 1) {
        count /= 2;
        base = map(count * s->size);
    }
    if (base == MAP_FAILED) {
        free(slab);
        return NULL;
    }
    *slab = (struct tn__slab){.next = s->slabs, .base = base, .count = count};
    s->slabs = slab;
    return slab;
}

static bool
guard(char *low, size_t size)
{
    if (!no_guard_install) {
        if (madvise(low, size, MADV_GUARD_INSTALL) == 0) {
            return true;
        }
        no_guard_install = true;
    }
    return mprotect(low, size, PROT_NONE) == 0;
}

static void *
carve(struct tn__stacks *s)
{
    struct tn__slab *slab = s->slabs;
    char *low, *top;

    if (!slab || slab->used == slab->count) {
        slab = add_slab(s);
        if (!slab) {
            return NULL;
        }
    }
    low = slab->base + slab->used * s->size;
    if (!guard(low, s->guard)) {
        return NULL;
    }
    slab->used++;
    top = low + s->size;
    link_of(top)->valgrind_id = tn__valgrind_register(low + s->guard, top);
    return top;
}

void *
tn__stacks_get(struct tn__stacks *s)
{
    struct tn__stack *link = s->free;

    if (!link) {
        return carve(s);
    }
    s->free = link->next;
    if (link->warm) {
        s->warm--;
    }
    return (char *)link + sizeof(*link);
}

void
tn__stacks_put(struct tn__stacks *s, void *top)
{
    struct tn__stack *link = link_of(top);
    char *low = (char *)top - s->size + s->guard;
    size_t below = s->size - s->guard - s->page;

    tn__asan_unpoison(low, s->size - s->guard);
    tn__valgrind_renew((char *)link - 4096, 4096);
    link->warm = s->warm < TN_STACK_WARM;
    if (link->warm) {
        s->warm++;
    } else {
        madvise(low, below, MADV_DONTNEED);
    }
    link->next = s->free;
    s->free = link;
}

void
tn__stacks_trim(const struct tn__stacks *s, void *top, const void *used)
{
    char *low = (char *)top - s->size + s->guard;
    size_t below = (size_t)((const char *)used - low);

    madvise(low, below - below % s->page, MADV_DONTNEED);
}

void
tn__stacks_fini(struct tn__stacks *s)
{
    struct tn__slab *slab;

    while ((slab = s->slabs) != NULL) {
        s->slabs = slab->next;
        for (unsigned i = 0; i < slab->used; i++) {
            char *top = slab->base + (i + 1) * s->size;

            tn__valgrind_deregister(link_of(top)->valgrind_id);
        }
        munmap(slab->base, slab->count * s->size);
        free(slab);
    }
    s->free = NULL;
}

size_t
tn__stacks_usable(const struct tn__stacks *s)
{
    return s->size - s->guard;
}

bool
tn__stacks_guard_hit(const struct tn__stacks *s, uintptr_t addr, void **top)
{
    for (const struct tn__slab *slab = s->slabs; slab; slab = slab->next) {
        uintptr_t base = (uintptr_t)slab->base;
        uintptr_t offset = addr - base;

        if (addr < base || offset >= slab->count * s->size) {
            continue;
        }
        *top = slab->base + (offset / s->size + 1) * s->size;
        return offset % s->size < s->guard;
    }
    return false;
}
