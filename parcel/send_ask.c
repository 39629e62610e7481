/*
 * send_ask.c - what the receiver has of an item: asked ahead, so that many
 * small files do not wait for one round trip each.
 */
#include "send_int.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
blocks_of(int64_t size)
{
    return size > 0 ? ((uint64_t)size + PARCEL_BLOCK - 1) / PARCEL_BLOCK : 0;
}

/* Go to the next thing to ask for; false: there is none. */
static bool
next_question(struct send *s, uint32_t *count)
{
    const struct list *l = &s->p->list;

    for (; s->next_item < l->count; s->next_item++, s->next_block = 0) {
        const struct parcel_item *it = &l->items[s->next_item];
        uint64_t blocks = blocks_of(it->size);

        if (l->notes[s->next_item].answer == WIRE_COMPARE &&
            l->notes[s->next_item].state == LIST_OPEN &&
            s->next_block < blocks) {
            uint64_t rest = blocks - s->next_block;

            *count = rest < WIRE_SECTION ? (uint32_t)rest : WIRE_SECTION;
            return true;
        }
    }
    return false;
}

int
send_ask(struct send *s)
{
    uint32_t count;

    while (s->asked_n < WIRE_ASKS && next_question(s, &count) &&
           (s->asked_n == 0 || s->asked_blocks + count <= WIRE_ASKED)) {
        struct asked *a = &s->asked[(s->asked_at + s->asked_n) % WIRE_ASKS];
        uint8_t bytes[16];
        struct pen p = {bytes};
        int err;

        *a = (struct asked){
            .item = s->next_item, .first = s->next_block, .count = count};
        s->asked_n++;
        s->asked_blocks += count;
        s->next_block += count;
        pen_uint(&p, a->item, 4);
        pen_uint(&p, a->first, 8);
        pen_uint(&p, a->count, 4);
        err = lane_put(&s->lane, WIRE_ASK, bytes, sizeof(bytes));
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static void
drop_oldest(struct send *s)
{
    struct asked *a = &s->asked[s->asked_at];

    free(a->hashes);
    a->hashes = NULL;
    s->asked_blocks -= a->count;
    s->asked_at = (s->asked_at + 1) % WIRE_ASKS;
    s->asked_n--;
    s->answered--;
}

int
send_find(struct send *s, uint32_t item, uint64_t block,
          const struct asked **out)
{
    for (;;) {
        const struct asked *a = &s->asked[s->asked_at];
        int err = send_ask(s);

        if (err < 0) {
            return err;
        }
        if (s->asked_n == 0 || a->item > item ||
            (a->item == item && a->first > block)) {
            return 0;
        }
        if (!a->is_here) {
            err = lane_flush(&s->lane);
            err = err < 0 || a->is_here ? err : send_wait(s);
            if (err < 0) {
                return err;
            }
        } else if (a->item == item && block < a->first + a->count) {
            *out = a;
            return 1;
        } else if (a->item == item && a->count == 0) {
            return 0; /* the receiver's ends before */
        } else {
            drop_oldest(s);
        }
    }
}

bool
send_answered(struct send *s, const struct wire_have *h)
{
    struct asked *a = &s->asked[(s->asked_at + s->answered) % WIRE_ASKS];

    if (s->answered >= s->asked_n || h->item != a->item ||
        h->first != a->first || h->count > a->count) {
        return false;
    }
    if (!h->zero && h->count > 0) {
        a->hashes = malloc(h->count * sizeof(*a->hashes));
        if (!a->hashes) {
            return false;
        }
        for (uint32_t i = 0; i < h->count; i++) {
            memcpy(a->hashes[i].bytes, h->hashes + (size_t)i * TREE_HASH,
                   TREE_HASH);
        }
    }
    s->asked_blocks -= a->count - h->count;
    a->count = h->count;
    a->zero = h->zero;
    a->is_here = true;
    s->answered++;
    return true;
}

void
send_forget(struct send *s)
{
    for (unsigned i = 0; i < s->asked_n; i++) {
        free(s->asked[(s->asked_at + i) % WIRE_ASKS].hashes);
    }
    s->asked_n = 0;
}
