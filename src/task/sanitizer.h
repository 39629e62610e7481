/*
 * sanitizer.h - tell ASan, TSan and Valgrind which stack we are on.
 *
 * Without this they take a switch for a wild stack pointer, and prove nothing.
 */
#ifndef TENON_TASK_SANITIZER_H
#define TENON_TASK_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define TN__ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define TN__TSAN 1
#include <sanitizer/tsan_interface.h>
#endif
#ifdef TN__VALGRIND
#include <valgrind/memcheck.h>
#endif

/* One stack as the tools see it. */
struct tn__track {
#ifdef TN__ASAN
    void *fake;         /* saved while we are away */
    const void *bottom; /* lowest address */
    size_t size;
#endif
#ifdef TN__TSAN
    void *fiber;
#endif
    char unused; /* a struct has at least one member */
};

/* A fresh stack from `bottom`, `size` bytes. */
static inline void
tn__track_init(struct tn__track *t, const void *bottom, size_t size)
{
#ifdef TN__ASAN
    t->fake = NULL;
    t->bottom = bottom;
    t->size = size;
#endif
#ifdef TN__TSAN
    t->fiber = __tsan_create_fiber(0);
#endif
    t->unused = 0;
    (void)bottom;
    (void)size;
}

static inline void
tn__track_fini(struct tn__track *t)
{
#ifdef TN__TSAN
    __tsan_destroy_fiber(t->fiber);
#endif
    (void)t;
}

/* The thread's own stack, before the first switch away from it. */
static inline void
tn__track_here(struct tn__track *t)
{
#ifdef TN__TSAN
    t->fiber = __tsan_get_current_fiber();
#endif
    t->unused = 0;
}

/* Just before the switch; `dying`: `from` will never be resumed. */
static inline void
tn__track_leave(struct tn__track *from, struct tn__track *to, bool dying)
{
#ifdef TN__ASAN
    __sanitizer_start_switch_fiber(dying ? NULL : &from->fake, to->bottom,
                                   to->size);
#endif
#ifdef TN__TSAN
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
    (void)from;
    (void)to;
    (void)dying;
}

/* Just after it, on the new stack. `self` was left before, or is fresh; `main`
   is where the first switch came from: it learns its bounds here. */
static inline void
tn__track_enter(struct tn__track *self, struct tn__track *main)
{
#ifdef TN__ASAN
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(self->fake, &bottom, &size);
    if (main) {
        main->bottom = bottom;
        main->size = size;
    }
#endif
    (void)self;
    (void)main;
}

static inline void
tn__asan_unpoison(const void *low, size_t size)
{
#ifdef TN__ASAN
    __asan_unpoison_memory_region(low, size);
#endif
    (void)low;
    (void)size;
}

/* A task ended on this memory: what lay below its stack pointer may not be
   touched, but the next task's record may begin further down. */
static inline void
tn__valgrind_renew(void *low, size_t size)
{
#ifdef TN__VALGRIND
    VALGRIND_MAKE_MEM_UNDEFINED(low, size);
#endif
    (void)low;
    (void)size;
}

static inline unsigned
tn__valgrind_register(const void *low, const void *top)
{
#ifdef TN__VALGRIND
    return VALGRIND_STACK_REGISTER(low, top);
#else
    (void)low;
    (void)top;
    return 0;
#endif
}

static inline void
tn__valgrind_deregister(unsigned id)
{
#ifdef TN__VALGRIND
    VALGRIND_STACK_DEREGISTER(id);
#endif
    (void)id;
}

#endif
