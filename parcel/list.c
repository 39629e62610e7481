/*
 * list.c - the items of an offer.
 */
#include "list.h"

#include "path.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 << 10, FIRST = 64 };

struct list_chunk {
    struct list_chunk *next;
    size_t used;
    char bytes[CHUNK];
};

static const char *
keep_path(struct list *l, const char *path, size_t n)
{
    struct list_chunk *c = l->chunks;
    char *at;

    if (!c || CHUNK - c->used < n + 1) {
        c = malloc(sizeof(*c));
        if (!c) {
            return NULL;
        }
        c->next = l->chunks;
        c->used = 0;
        l->chunks = c;
    }
    at = c->bytes + c->used;
    memcpy(at, path, n);
    at[n] = '\0';
    c->used += n + 1;
    return at;
}

static int
grow(struct list *l)
{
    uint32_t room = l->room > 0 ? l->room * 2 : FIRST;
    struct parcel_item *items;
    struct list_note *notes;

    room = room < PARCEL_ITEMS ? room : PARCEL_ITEMS;
    items = realloc(l->items, room * sizeof(*items));
    if (!items) {
        return -ENOMEM;
    }
    l->items = items;
    notes = realloc(l->notes, room * sizeof(*notes));
    if (!notes) {
        return -ENOMEM;
    }
    l->notes = notes;
    l->room = room;
    return 0;
}

int
list_add(struct list *l, const struct wire_item *item)
{
    const char *path;

    if (l->count >= PARCEL_ITEMS || l->paths + item->path_len >= LIST_PATHS) {
        return -E2BIG;
    }
    if (l->count == l->room && grow(l) < 0) {
        return -ENOMEM;
    }
    path = keep_path(l, item->path, item->path_len);
    if (!path) {
        return -ENOMEM;
    }
    l->items[l->count] = (struct parcel_item){
        .kind = item->kind,
        .index = l->count,
        .path = path,
        .size = item->size,
        .mtime = item->mtime,
        .mode = item->mode,
    };
    l->notes[l->count] =
        (struct list_note){.space = item->space, .answer = WIRE_TAKE};
    l->paths += item->path_len + 1;
    l->count++;
    return 0;
}

void
list_shrink(struct list *l, uint32_t count)
{
    l->count = count < l->count ? count : l->count;
}

void
list_sum(const struct list *l, bool only_taken, struct parcel_sum *sum)
{
    *sum = (struct parcel_sum){0};
    for (uint32_t i = 0; i < l->count; i++) {
        const struct parcel_item *it = &l->items[i];

        if (only_taken && l->notes[i].answer == WIRE_NO) {
            continue;
        }
        if (it->kind == PARCEL_FOLDER) {
            sum->folders++;
            continue;
        }
        sum->files++;
        sum->is_unsized = sum->is_unsized || it->size < 0;
        if (it->size > 0 &&
            __builtin_add_overflow(sum->bytes, it->size, &sum->bytes)) {
            sum->bytes = INT64_MAX;
        }
    }
}

static int
by_path(const void *a, const void *b)
{
    const struct parcel_item *const *x = a, *const *y = b;

    return path_order((*x)->path, (*y)->path);
}

int
list_check(const struct list *l, uint32_t *bad)
{
    const struct parcel_item **order =
        malloc((l->count > 0 ? l->count : 1) * sizeof(*order));
    int err = 0;

    if (!order) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        order[i] = &l->items[i];
    }
    qsort(order, l->count, sizeof(const struct parcel_item *), by_path);
    for (uint32_t i = 1; i < l->count && err == 0; i++) {
        const struct parcel_item *a = order[i - 1], *b = order[i];

        /* What is below a file stands right behind it. */
        if (strcmp(a->path, b->path) == 0 ||
            (a->kind != PARCEL_FOLDER && path_is_below(b->path, a->path))) {
            *bad = b->index;
            err = -EEXIST;
        }
    }
    free(order);
    return err;
}

void
list_fini(struct list *l)
{
    while (l->chunks) {
        struct list_chunk *next = l->chunks->next;

        free(l->chunks);
        l->chunks = next;
    }
    free(l->items);
    free(l->notes);
    *l = (struct list){0};
}
