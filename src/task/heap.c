/*
 * heap.c - the deadlines of parked tasks.
 *
 * A connection that is read again and again with the same limit would be put
 * in and taken out each time, and every move touches other tasks' records. So
 * an entry stays when its wait is over. It comes up too early then; whoever
 * finds it puts it where it belongs.
 *
 * Four children a node: half the depth of a binary heap and the children share
 * a cache line. Ties are broken by task id, so that the order is always the
 * same. Room for every task is reserved when it starts: to park never fails.
 */
#include "task/task.h"

#include <stdlib.h>

int
tn__heap_reserve(struct tn__heap *h, uint32_t tasks)
{
    uint32_t cap = h->cap ? h->cap : 64;
    tn_task **bigger;

    if (tasks <= h->cap) {
        return 0;
    }
    while (cap < tasks) {
        cap *= 2;
    }
    bigger = realloc(h->at, cap * sizeof(tn_task *));
    if (!bigger) {
        return -ENOMEM;
    }
    h->at = bigger;
    h->cap = cap;
    return 0;
}

static bool
before(const tn_task *a, const tn_task *b)
{
    return a->timer < b->timer || (a->timer == b->timer && a->id < b->id);
}

static void
place(struct tn__heap *h, uint32_t i, tn_task *t)
{
    h->at[i] = t;
    t->timer_index = i;
}

static void
sift_up(struct tn__heap *h, uint32_t i, tn_task *t)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 4;

        if (!before(t, h->at[parent])) {
            break;
        }
        place(h, i, h->at[parent]);
        i = parent;
    }
    place(h, i, t);
}

static uint32_t
least_child(const struct tn__heap *h, uint32_t i)
{
    uint32_t first = i * 4 + 1;
    uint32_t end = first + 4 < h->count ? first + 4 : h->count;
    uint32_t least = first;

    for (uint32_t c = first + 1; c < end; c++) {
        if (before(h->at[c], h->at[least])) {
            least = c;
        }
    }
    return least;
}

static void
sift_down(struct tn__heap *h, uint32_t i, tn_task *t)
{
    while (i * 4 + 1 < h->count) {
        uint32_t child = least_child(h, i);

        if (!before(h->at[child], t)) {
            break;
        }
        place(h, i, h->at[child]);
        i = child;
    }
    place(h, i, t);
}

void
tn__heap_arm(struct tn__heap *h, tn_task *t)
{
    if (TN_LIKELY(t->timer_index != TN__NO_TIMER)) {
        if (TN_LIKELY(t->timer <= t->due)) {
            return;
        }
        t->timer = t->due;
        sift_up(h, t->timer_index, t);
        return;
    }
    TN_ASSERT(h->count < h->cap);
    t->timer = t->due;
    sift_up(h, h->count++, t);
}

void
tn__heap_remove(struct tn__heap *h, tn_task *t)
{
    uint32_t i = t->timer_index;
    tn_task *last;

    if (i == TN__NO_TIMER) {
        return;
    }
    t->timer_index = TN__NO_TIMER;
    last = h->at[--h->count];
    if (last == t) {
        return;
    }
    if (i > 0 && before(last, h->at[(i - 1) / 4])) {
        sift_up(h, i, last);
    } else {
        sift_down(h, i, last);
    }
}

tn_task *
tn__heap_due(struct tn__heap *h, int64_t now)
{
    while (h->count > 0 && h->at[0]->timer <= now) {
        tn_task *t = h->at[0];

        if (t->due <= now || t->due == TN_NEVER) {
            tn__heap_remove(h, t);
            if (t->due != TN_NEVER) {
                return t;
            }
        } else {
            t->timer = t->due;
            sift_down(h, 0, t);
        }
    }
    return NULL;
}
