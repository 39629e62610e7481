/*
 * sim_event.c - what happens when: a binary heap over (time, random, order of
 * queueing), and the dice.
 */
#include "wait/sim_int.h"

#include <stdlib.h>

/* One choice in so many is the extreme one: no delay, all bytes, one byte. */
#define ODDS_AT_ONCE 250
#define ODDS_ALL     500
#define ODDS_ONE     125

int
sim_event_reserve(struct sim *s, uint32_t n)
{
    uint32_t need = s->events + n + 1;
    uint32_t cap = s->heap_cap ? s->heap_cap : 64;
    struct sim_event **bigger;

    if (need > s->heap_cap) {
        while (cap < need) {
            cap *= 2;
        }
        bigger = realloc(s->heap, cap * sizeof(struct sim_event *));
        if (!bigger) {
            return -ENOMEM;
        }
        s->heap = bigger;
        s->heap_cap = cap;
    }
    s->events += n;
    return 0;
}

void
sim_event_unreserve(struct sim *s, uint32_t n)
{
    s->events -= n;
}

void
sim_event_init(struct sim_event *ev, void (*fire)(void *), void *owner)
{
    *ev = (struct sim_event){.fire = fire, .owner = owner};
}

static bool
before(const struct sim_event *a, const struct sim_event *b)
{
    if (a->time != b->time) {
        return a->time < b->time;
    }
    return a->tie != b->tie ? a->tie < b->tie : a->seq < b->seq;
}

static void
put(struct sim *s, uint32_t slot, struct sim_event *ev)
{
    s->heap[slot] = ev;
    ev->slot = slot;
}

static void
sift_up(struct sim *s, uint32_t slot, struct sim_event *ev)
{
    while (slot > 1 && before(ev, s->heap[slot / 2])) {
        put(s, slot, s->heap[slot / 2]);
        slot /= 2;
    }
    put(s, slot, ev);
}

static void
sift_down(struct sim *s, uint32_t slot, struct sim_event *ev)
{
    for (;;) {
        uint32_t child = slot * 2;

        if (child > s->heap_count) {
            break;
        }
        if (child < s->heap_count &&
            before(s->heap[child + 1], s->heap[child])) {
            child++;
        }
        if (!before(s->heap[child], ev)) {
            break;
        }
        put(s, slot, s->heap[child]);
        slot = child;
    }
    put(s, slot, ev);
}

void
sim_event_drop(struct sim *s, struct sim_event *ev)
{
    uint32_t slot = ev->slot;
    struct sim_event *last;

    if (slot == 0) {
        return;
    }
    ev->slot = 0;
    last = s->heap[s->heap_count--];
    if (last == ev) {
        return;
    }
    if (slot > 1 && before(last, s->heap[slot / 2])) {
        sift_up(s, slot, last);
    } else {
        sift_down(s, slot, last);
    }
}

void
sim_event_at(struct sim *s, struct sim_event *ev, int64_t time)
{
    if (ev->slot != 0) {
        if (ev->time <= time) {
            return;
        }
        sim_event_drop(s, ev);
    }
    TN_ASSERT(s->heap_count < s->events);
    ev->time = time;
    ev->tie = (uint32_t)tn__rng_next(&s->rng);
    ev->seq = ++s->seq;
    sift_up(s, ++s->heap_count, ev);
}

int64_t
sim_event_next(const struct sim *s)
{
    return s->heap_count > 0 ? s->heap[1]->time : TN_NEVER;
}

size_t
sim_event_run(struct sim *s)
{
    size_t n = 0;

    while (sim_event_next(s) <= s->now) {
        struct sim_event *ev = s->heap[1];

        sim_event_drop(s, ev);
        ev->fire(ev->owner);
        n++;
    }
    return n;
}

bool
sim_chance(struct sim *s, int n)
{
    return tn__rng_chance(&s->rng, n);
}

int64_t
sim_delay(struct sim *s)
{
    uint64_t bound = (uint64_t)s->opts.max_delay + 1;

    if (sim_chance(s, ODDS_AT_ONCE)) {
        return 0;
    }
    return (int64_t)(tn__rng_next(&s->rng) % bound);
}

size_t
sim_part(struct sim *s, size_t n)
{
    uint32_t bound = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;

    if (n <= 1 || sim_chance(s, ODDS_ALL)) {
        return n;
    }
    return sim_chance(s, ODDS_ONE) ? 1 : 1 + tn__rng_below(&s->rng, bound);
}
