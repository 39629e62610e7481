#include <tenon/err.h>
#include <tenon/task.h>

#include "native_int.h"

#include <stdlib.h>
#include <string.h>

/* How long the history is left alone that could not be read. */
#define PAUSE (1 * TN_SEC)
/* The same after PAST_TRIES: there is a gap for who wants it till then. */
#define REST (30 * TN_SEC)

/* --- pages -----------------------------------------------------------------*/

static void
page_free(void *arg)
{
    struct past_page *p = arg;

    for (int i = 0; p != NULL && i < p->count; i++) {
        blob_drop(p->item[i].blob);
    }
    free(p);
}

void
past_close(struct native *n)
{
    for (size_t i = 0; i < PAST_PAGES; i++) {
        page_free(n->page[i]);
        n->page[i] = NULL;
    }
}

/* A store_row: runs on a worker thread, and touches the page only. */
static int
take_row(void *arg, const struct room_event *ev)
{
    unsigned char message[LINK_MESSAGE];
    struct past_page *p = arg;
    struct told *t = &p->item[p->count];

    if (p->count == PAST_EVENTS) {
        return 1;
    }
    t->number = ev->number;
    t->what = ev->what;
    t->blob = blob_new(message, talk_put_event(message, ev));
    if (t->blob == NULL) {
        return 1;
    }
    p->count++;
    return 0;
}

/* The page that tells what came after an event; NULL. */
static struct past_page *
find_page(const struct native *n, uint64_t last)
{
    for (size_t i = 0; i < PAST_PAGES; i++) {
        struct past_page *p = n->page[i];

        if (p != NULL && p->after <= last && last < p->upto) {
            return p;
        }
    }
    return NULL;
}

/* Keep a page, in the place of the one that was not used for longest. */
static void
keep_page(struct native *n, struct past_page *p)
{
    size_t place = 0;

    for (size_t i = 0; i < PAST_PAGES && n->page[place] != NULL; i++) {
        if (n->page[i] == NULL || n->page[i]->used < n->page[place]->used) {
            place = i;
        }
    }
    page_free(n->page[place]);
    p->used = ++n->uses;
    n->page[place] = p;
}

/* --- what one is told ------------------------------------------------------*/

bool
past_begin(struct native *n, struct seat *s)
{
    bool unread = n->misses >= PAST_TRIES && tn_now() - n->missed < REST;

    if (n->store == NULL || unread) {
        return false;
    }
    n->misses = n->misses < PAST_TRIES ? n->misses : 0;
    s->past = true;
    return true;
}

/* Queue what a page has, as much as the window takes; false if it has what
   happened since the last welcome, which nobody is told as the present. */
static bool
fill_from(struct native *n, struct seat *s, struct past_page *p)
{
    int i = 0;

    p->used = ++n->uses;
    while (i < p->count && p->item[i].number <= s->last) {
        i++;
    }
    for (; i < p->count && s->last < n->floor; i++) {
        const struct told *t = &p->item[i];

        if (t->number > s->welcomed) {
            return false;
        }
        if (link_room(&s->link) <= NATIVE_SPARE) {
            return true;
        }
        if (t->number > s->talk_until || native_is_talk(t->what)) {
            (void)!link_queue(&s->link, t->blob);
        }
        s->last = t->number;
    }
    if (i == p->count) {
        s->last = p->upto;
    }
    return true;
}

void
past_fill(struct native *n, struct seat *s)
{
    struct past_page *p;
    char ring = 0;

    while (s->last < n->floor && link_room(&s->link) > NATIVE_SPARE &&
           s->roster == ROOM_MEMBERS) {
        p = find_page(n, s->last);
        if (p == NULL) {
            (void)!tn_chan_try_send(n->late, &ring);
            return;
        }
        if (!fill_from(n, s, p)) {
            native_welcome(n, s, n->latest, false);
        }
    }
    if (s->last >= n->floor) {
        s->past = false;
        s->at = native_after(n, n->end, s->last);
    }
}

/* --- the reader ------------------------------------------------------------*/

/* Whether somebody waits for a page. */
static bool
waits(const struct native *n, const struct seat *s)
{
    return s != NULL && s->state == SEAT_HERE && s->past &&
           s->last < n->floor && link_room(&s->link) > NATIVE_SPARE &&
           find_page(n, s->last) == NULL;
}

/* The next who does, each in turn; NULL. */
static const struct seat *
next_reader(struct native *n)
{
    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        size_t place = (n->turn + 1 + i) % NATIVE_SEATS;

        if (waits(n, n->seat[place])) {
            n->turn = place;
            return n->seat[place];
        }
    }
    return NULL;
}

/* Read the page behind an event. All that is in the history up to the floor of
   this moment is there, so what is not found does not exist. */
static int
read_page(struct native *n, uint64_t after)
{
    struct past_page *p = calloc(1, sizeof(*p));
    struct store_span span = {.after = after,
                              .before = UINT64_MAX,
                              .limit = PAST_EVENTS,
                              .first = true,
                              .row = take_row,
                              .arg = p,
                              .drop = page_free};
    uint64_t floor = n->floor;
    int err = p != NULL ? store_read(n->store, &span) : -ENOMEM;

    if (err == -EINPROGRESS) {
        return err; /* the worker has the page */
    }
    if (err == 0 && span.more && p->count == 0) {
        err = -ENOMEM;
    }
    if (err < 0) {
        page_free(p);
        return err;
    }
    p->after = after;
    p->upto = p->count > 0 ? p->item[p->count - 1].number : after;
    if (!span.more && p->upto < floor) {
        p->upto = floor;
    }
    keep_page(n, p);
    return 0;
}

int
past_reader(void *arg)
{
    struct native *n = arg;
    const struct seat *s;
    char ring;
    int err = 0;

    tn_task_name("native past");
    for (;;) {
        err = tn_chan_recv(n->late, &ring);
        while (err == 0 && (s = next_reader(n)) != NULL) {
            if (read_page(n, s->last) == 0) {
                n->misses = 0;
                err = tn_checkpoint();
            } else {
                n->misses += n->misses < PAST_TRIES ? 1 : 0;
                n->missed = tn_now();
                err = tn_sleep(PAUSE);
            }
            native_ring(n);
        }
        if (err < 0) {
            return err;
        }
    }
}
