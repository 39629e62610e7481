#include "keeper.h"

#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include <stdlib.h>

struct keeper {
    room *room;
    store *store;
    keeper_trouble *trouble;
    void *arg;
    tn_chan *queue;     /* struct room_event */
    unsigned long lost; /* events since the history cannot be written */
    /* What was taken from the queue: [at, count) is to be handed on, if `kept`,
       else to be kept first. */
    int at, count;
    bool kept;
    struct room_event batch[KEEPER_BATCH];
};

/* The room's journal. Suspends while the queue is full. An event that has its
   number is not lost because the connection it came from is: only at the hub's
   end may nobody be there to take it. */
static void
take(void *arg, const struct room_event *ev)
{
    keeper *k = arg;
    int err = tn_chan_send(k->queue, ev);

    if (err == -ECANCELED || err == -ETIME) {
        tn_scope shield;

        tn_shield(&shield, KEEPER_PATIENCE);
        (void)!tn_chan_send(k->queue, ev);
        (void)tn_scope_end(&shield);
    }
}

int
keeper_new(keeper **out, room *r, store *s, keeper_trouble *trouble, void *arg)
{
    keeper *k = calloc(1, sizeof(*k));
    int err;

    *out = NULL;
    if (k == NULL) {
        return -ENOMEM;
    }
    err = tn_chan_new(&k->queue, sizeof(struct room_event), KEEPER_QUEUE);
    if (err < 0) {
        free(k);
        return err;
    }
    k->room = r;
    k->store = s;
    k->trouble = trouble;
    k->arg = arg;
    room_journal(r, take, k);
    *out = k;
    return 0;
}

static void
tell(keeper *k, int err)
{
    if (k->trouble != NULL) {
        k->trouble(k->arg, err, k->lost);
    }
}

/* Take what waits, `max` at most. */
static void
fill(keeper *k, int max)
{
    while (k->count < max &&
           tn_chan_try_recv(k->queue, &k->batch[k->count]) == 0) {
        k->count++;
    }
}

/* Whether there is anything in the batch that a history has. */
static bool
is_worth_keeping(const keeper *k)
{
    for (int i = k->at; i < k->count; i++) {
        if (store_keeps(k->batch[i].what)) {
            return true;
        }
    }
    return false;
}

/* Append the batch; fails only if cancelled before. */
static int
keep(keeper *k)
{
    int err;

    if (!is_worth_keeping(k)) { /* nor would it prove that the disk has room */
        k->kept = true;
        return 0;
    }
    err = store_append(k->store, k->batch, k->count);
    if (err == -ECANCELED || err == -ETIME) {
        return err;
    }
    k->kept = true;
    if (err < 0) {
        bool first = k->lost == 0;

        k->lost += (unsigned long)k->count;
        if (first) {
            tell(k, err);
        }
    } else if (k->lost > 0) {
        tell(k, 0);
        k->lost = 0;
    }
    return 0;
}

/* Hand the next one on. */
static void
release(keeper *k)
{
    room_release(k->room, &k->batch[k->at++]);
    if (k->at == k->count) {
        k->at = k->count = 0;
        k->kept = false;
    }
}

int
keeper_run(void *arg)
{
    keeper *k = arg;

    tn_task_name("keeper");
    for (;;) {
        int err = tn_chan_recv(k->queue, &k->batch[0]);

        if (err < 0) {
            return err;
        }
        k->count = 1;
        fill(k, KEEPER_BATCH);
        err = keep(k);
        while (err == 0 && k->count > 0) {
            /* Cancelled, the outlets could not wait for room. */
            err = tn_checkpoint();
            if (err == 0) {
                release(k);
            }
        }
        if (err < 0) {
            return err;
        }
    }
}

bool
keeper_flush(keeper *k)
{
    if (k->count == 0) {
        fill(k, 1);
    }
    if (k->count == 0 || (!k->kept && keep(k) < 0)) {
        return false;
    }
    release(k);
    return true;
}

void
keeper_free(keeper *k)
{
    if (k != NULL) {
        room_journal(k->room, NULL, NULL);
        tn_chan_free(k->queue);
        free(k);
    }
}
