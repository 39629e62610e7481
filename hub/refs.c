#include "refs.h"

#include <tenon/err.h>

#include <stdlib.h>
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

/* --- of a room -------------------------------------------------------------*/

/* What was said is now known by its number: an outlet. */
static void
note(void *arg, const struct room_event *ev)
{
    struct refs_entry *e;

    if (ev->author != 0 && ev->ref[0] != '\0') {
        e = refs_find(arg, ev->author, ev->ref);
        if (e != NULL) {
            e->number = ev->number;
        }
    }
}

static int
recall(void *arg, const struct room_event *ev)
{
    return refs_add_older(arg, ev) ? 0 : 1;
}

/* Begin with what the history has. Where the disk hangs, what is said twice is
   told twice. */
static int
begin(struct refs **out, store *s)
{
    struct refs *refs = calloc(1, sizeof(*refs));
    struct store_span span = {.before = UINT64_MAX,
                              .limit = REFS_KEPT,
                              .row = recall,
                              .arg = refs,
                              .drop = free};
    int err = 0;

    if (refs != NULL && s != NULL) {
        err = store_read(s, &span);
    }
    if (err == -EINPROGRESS) { /* the worker has that one */
        refs = calloc(1, sizeof(*refs));
    }
    *out = refs;
    if (refs == NULL) {
        return tn_fail(-ENOMEM, "open the room", NULL);
    }
    return err == -EINPROGRESS || err == -EAGAIN ? 0 : err;
}

int
refs_open(struct refs **out, room *r, store *s)
{
    int err = begin(out, s);

    if (err == 0) {
        err = room_attach(r, note, *out);
    }
    if (err < 0) {
        refs_close(*out);
        *out = NULL;
    }
    return err;
}

void
refs_close(struct refs *r)
{
    free(r);
}
