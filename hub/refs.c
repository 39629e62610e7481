#include "refs.h"

#include <string.h>

struct refs_entry *
refs_find(struct refs *r, uint64_t author, const char *ref)
{
    for (size_t i = 0; i < REFS_KEPT; i++) {
        struct refs_entry *e = &r->entry[i];

        if (e->author == author && strcmp(e->ref, ref) == 0) {
            return e;
        }
    }
    return NULL;
}

static void
set(struct refs_entry *e, uint64_t author, const char *ref, uint64_t number)
{
    size_t n = strnlen(ref, ROOM_REF_MAX);

    e->author = author;
    e->number = number;
    memcpy(e->ref, ref, n);
    e->ref[n] = '\0';
}

void
refs_add(struct refs *r, uint64_t author, const char *ref, uint64_t number)
{
    set(&r->entry[r->next], author, ref, number);
    r->next = (r->next + 1) % REFS_KEPT;
}

bool
refs_add_older(struct refs *r, const struct room_event *ev)
{
    if (r->old == REFS_KEPT) {
        return false;
    }
    if (ev->author != 0 && ev->ref[0] != '\0') {
        r->old++;
        set(&r->entry[REFS_KEPT - r->old], ev->author, ev->ref, ev->number);
    }
    return true;
}
