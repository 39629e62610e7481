/*
 * list.h - what is offered: items and what each side notes about them.
 *
 * An item takes 56 bytes and its path; all paths together have a bound. The
 * paths do not move.
 */
#ifndef PARCEL_LIST_H
#define PARCEL_LIST_H

#include "parcel.h"
#include "wire.h"

enum { LIST_PATHS = 256 << 20 }; /* bytes of all paths of an offer */

enum list_state {
    LIST_OPEN,
    LIST_DONE,
    LIST_SKIPPED,
    LIST_FAILED,
};

/* Beside each item. */
struct list_note {
    int64_t space; /* what it takes on the sender's disk */
    uint32_t mark; /* sender: the added path that it is below; receiver: an
                      errno, or 1 for a folder that was made */
    uint8_t answer, state;
};

struct list_chunk;

struct list {
    struct parcel_item *items;
    struct list_note *notes;
    uint32_t count, room;
    struct list_chunk *chunks;
    size_t paths; /* bytes */
};

/** Append. 0; -E2BIG: PARCEL_ITEMS or LIST_PATHS; -ENOMEM. */
int list_add(struct list *l, const struct wire_item *item);

/** Forget all but the first `count` items; their paths' memory stays. */
void list_shrink(struct list *l, uint32_t count);

/** Sum up: all of them, or those whose answer is not WIRE_NO. */
void list_sum(const struct list *l, bool only_taken, struct parcel_sum *sum);

/** Look whether the items can be together: no two of one path, nothing below
    a file. 0; -EEXIST and `*bad` is one of the two; -ENOMEM. Takes its time. */
int list_check(const struct list *l, uint32_t *bad);

/** Release what is in it; harmless for what is zero. */
void list_fini(struct list *l);

#endif
