/*
 * stack.h - stacks for tasks: one slab after another, each stack guarded.
 */
#ifndef TENON_TASK_STACK_H
#define TENON_TASK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tn__slab;
struct tn__stack; /* the free list's link, inside a free stack's top page */

struct tn__stacks {
    size_t size;            /* of one, guard included; a multiple of pages */
    size_t guard, page;     /* bytes that fault below each; the system's page */
    struct tn__slab *slabs; /* newest first */
    struct tn__stack *free;
    unsigned warm; /* free ones that still have their pages */
};

/* A stack is known by its top: the byte after its last one. */

void tn__stacks_init(struct tn__stacks *s, size_t size);

/* Return the top of a stack whose lowest pages fault, or NULL. */
void *tn__stacks_get(struct tn__stacks *s);

/* Take a stack back. Nobody may be running on it. */
void tn__stacks_put(struct tn__stacks *s, void *top);

/* Give back the pages of a stack that lie below `used`, an address on it. */
void tn__stacks_trim(const struct tn__stacks *s, void *top, const void *used);

/* Unmap everything; all stacks must be back. */
void tn__stacks_fini(struct tn__stacks *s);

/* Bytes of a stack that a task can use. */
size_t tn__stacks_usable(const struct tn__stacks *s);

/* Tell whether addr is in a guard; *top is then that stack's. Async-signal
   safe. */
bool tn__stacks_guard_hit(const struct tn__stacks *s, uintptr_t addr,
                          void **top);

#endif
