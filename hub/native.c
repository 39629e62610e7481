#include "native.h"

#include <tenon/err.h>
#include <tenon/task.h>

#include "lan.h"
#include "native_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
native_ring(struct native *n)
{
    char ring = 0;

    (void)!tn_chan_try_send(n->bell, &ring);
}

void
native_drop(const struct native *n, const tn_addr *from, const char *why)
{
    if (n->opts.dropped != NULL) {
        n->opts.dropped(n->opts.arg, from, why);
    }
}

/* --- the ring --------------------------------------------------------------*/

const struct told *
native_told(const struct native *n, uint64_t at)
{
    return at < n->end && n->end - at <= NATIVE_RING
               ? &n->ring[at % NATIVE_RING]
               : NULL;
}

/* The next place of the ring, emptied. */
static struct told *
advance(struct native *n)
{
    struct told *t = &n->ring[n->end % NATIVE_RING];

    if (t->number != 0) {
        n->floor = t->number;
    }
    blob_drop(t->blob);
    memset(t, 0, sizeof(*t));
    n->end++;
    return t;
}

void
native_tell(struct native *n, const void *message, size_t len)
{
    struct told *t = advance(n);

    t->blob = blob_new(message, len);
    native_ring(n);
}

static void
keep(struct native *n, const struct room_event *ev)
{
    unsigned char message[LINK_MESSAGE];
    struct told *t = advance(n);

    t->number = ev->number;
    t->what = ev->what;
    t->who = ev->who;
    t->to = ev->to;
    t->blob = blob_new(message, talk_put_event(message, ev));
}

/* Note who is here. */
static void
note(struct native *n, const struct room_event *ev)
{
    struct guest_person *p = &n->person[ev->who % ROOM_MEMBERS];

    if (ev->what == ROOM_JOIN) {
        p->id = ev->who;
        p->kind = ev->kind;
        p->away = false;
        memcpy(p->name, ev->name, ev->name_len + 1);
    } else if (ev->what == ROOM_LEAVE && p->id == ev->who) {
        p->id = 0;
    } else if (ev->what == ROOM_NICK && p->id == ev->who &&
               ev->text_len <= ROOM_NAME_MAX) {
        memcpy(p->name, ev->text, ev->text_len + 1);
    }
}

/* The room published something: an outlet that never suspends. */
static void
take(void *arg, const struct room_event *ev)
{
    struct native *n = arg;

    note(n, ev);
    keep(n, ev);
    n->latest = ev->number;
    native_ring(n);
}

/* --- the history -----------------------------------------------------------*/

/* What was last in the history, the latest first; a half of the ring, so that
   there is room for what comes. */
struct pile {
    int count;
    struct room_event *ev[NATIVE_RING / 2];
};

/* A store_row: runs on a worker thread. */
static int
pile_up(void *arg, const struct room_event *ev)
{
    struct pile *p = arg;
    struct room_event *copy = malloc(sizeof(*copy));

    if (copy == NULL || p->count == NATIVE_RING / 2) {
        free(copy);
        return 1;
    }
    *copy = *ev;
    p->ev[p->count++] = copy;
    return 0;
}

static void
pile_free(void *arg)
{
    struct pile *p = arg;

    for (int i = 0; p != NULL && i < p->count; i++) {
        free(p->ev[i]);
    }
    free(p);
}

/* Fill the ring. Members' ids are of an earlier time: nobody has them. Where
   the disk hangs there is no past. */
static int
recall(struct native *n, store *s)
{
    struct pile *p = calloc(1, sizeof(*p));
    struct store_span span = {.before = UINT64_MAX,
                              .limit = NATIVE_RING / 2,
                              .row = pile_up,
                              .arg = p,
                              .drop = pile_free};
    int err = p == NULL ? -ENOMEM : store_read(s, &span);

    if (err == -EINPROGRESS) {
        return 0; /* the worker has the pile */
    }
    for (int i = p != NULL ? p->count - 1 : -1; i >= 0; i--) {
        p->ev[i]->who = 0;
        keep(n, p->ev[i]);
    }
    if (err == 0) {
        uint64_t oldest = p->count > 0 ? p->ev[p->count - 1]->number : 1;

        n->floor = span.more ? oldest - 1 : 0;
    }
    pile_free(p);
    return err == -EAGAIN ? 0 : err;
}

static int
prepare_history(struct native *n, store *s)
{
    uint64_t random;

    n->latest = n->floor = room_latest(n->room);
    if (s != NULL) {
        memcpy(n->epoch, store_epoch(s), sizeof(n->epoch));
        return recall(n, s);
    }
    tn_secret(&random, sizeof(random));
    snprintf(n->epoch, sizeof(n->epoch), "%016llx", (unsigned long long)random);
    return 0;
}

/* --- life ------------------------------------------------------------------*/

int
native_open(native **out, room *r, store *s, door *d,
            const struct native_opts *opts)
{
    native *n = calloc(1, sizeof(*n));
    const struct door_side side = {
        .datagram = native_on_datagram, .gone = native_on_gone, .arg = n};
    int err;

    *out = NULL;
    if (n == NULL) {
        return tn_fail(-ENOMEM, "open the room", NULL);
    }
    n->room = r;
    n->store = s;
    n->door = d;
    n->opts = *opts;
    cookie_init(&n->jar);
    err = tn_chan_new(&n->bell, 1, 1);
    if (err == 0) {
        err = tn_chan_new(&n->work, 1, 1);
    }
    if (err == 0) {
        err = tn_chan_new(&n->late, 1, 1);
    }
    if (err == 0) {
        err = prepare_history(n, s);
    }
    if (err == 0) {
        err = room_attach(r, take, n);
    }
    if (err < 0) {
        native_close(n);
        return err;
    }
    door_native(d, &side);
    *out = n;
    return 0;
}

static int
serve(struct native *n, tn_task_fn *const *tasks, size_t count)
{
    tn_group g;

    tn_group_init(&g, 0);
    for (size_t i = 0; i < count; i++) {
        int err = tn_go(&g, tasks[i], n);

        if (err < 0) {
            tn_group_cancel(&g);
            (void)tn_group_wait(&g);
            return err;
        }
    }
    return tn_group_wait(&g);
}

int
native_serve(native *n)
{
    static tn_task_fn *const tasks[] = {native_pump, native_clerk, seat_sweep,
                                        past_reader};

    return serve(n, tasks, sizeof(tasks) / sizeof(tasks[0]));
}

/* Ends when all have all. */
static int
watch(void *arg)
{
    struct native *n = arg;

    while (!native_is_idle(n)) {
        int err = tn_sleep(TN_MS);

        if (err < 0) {
            return err;
        }
    }
    return -ECANCELED;
}

static int
receive(void *arg)
{
    const struct native *n = arg;

    return door_serve(n->door);
}

void
native_flush(native *n)
{
    static tn_task_fn *const tasks[] = {native_pump, receive, watch};
    tn_scope limit;

    if (native_is_idle(n)) {
        return;
    }
    tn_shield(&limit, NATIVE_FAREWELL);
    (void)serve(n, tasks, sizeof(tasks) / sizeof(tasks[0]));
    (void)tn_scope_end(&limit);
}

int
native_count(const native *n)
{
    int count = 0;

    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        count += n->seat[i] != NULL && n->seat[i]->state == SEAT_HERE;
    }
    return count;
}

room_id
native_member(const native *n, const char *name, const tn_addr *from)
{
    struct in6_addr here, there;

    if (!lan_ip(&here, &from->u.sa)) {
        return 0;
    }
    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        const struct seat *s = n->seat[i];
        const char *its = s != NULL && s->state == SEAT_HERE
                              ? room_name(n->room, s->who)
                              : NULL;

        if (its != NULL && strcmp(its, name) == 0 &&
            lan_ip(&there, &s->peer.addr.u.sa) &&
            memcmp(&here, &there, sizeof(here)) == 0) {
            return s->who;
        }
    }
    return 0;
}

void
native_close(native *n)
{
    if (n == NULL) {
        return;
    }
    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        seat_free(n, n->seat[i]);
    }
    for (size_t i = 0; i < NATIVE_RING; i++) {
        blob_drop(n->ring[i].blob);
    }
    past_close(n);
    tn_chan_free(n->bell);
    tn_chan_free(n->work);
    tn_chan_free(n->late);
    tn_wipe(n, sizeof(*n));
    free(n);
}
