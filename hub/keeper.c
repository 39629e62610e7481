#include "keeper.h"

#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include <stdlib.h>

struct keeper {
    room *room;
    struct keeper_disk disk;
    keeper_tell *tell;
    void *arg;
    tn_chan *queue;     /* struct room_event */
    unsigned long lost; /* events since the history cannot be written */
    /* What was taken from the queue: [at, count) is to be handed on, if `kept`,
       else to be kept first. */
    int at, count;
    bool kept;
    struct room_event batch[KEEPER_BATCH];

    /* A disk that does not answer. */
    bool hangs;
    int under_way;         /* events of the write that is not answered */
    int64_t calm;          /* when the disk is trusted again */
    unsigned long dropped; /* since it hangs */
    int first, unwritten;  /* the oldest in the ring, and how many */
    struct room_event ring[KEEPER_UNWRITTEN];
};

/* --- what it is made of ----------------------------------------------------*/

static int
append(void *arg, const struct room_event *evs, int n, int64_t patience)
{
    return store_append(arg, evs, n, patience);
}

static bool
hangs(void *arg, int *late)
{
    return store_hangs(arg, late);
}

struct keeper_disk
keeper_disk_of(store *s)
{
    return (struct keeper_disk){append, hangs, s};
}

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

        tn_shield(&shield, KEEPER_SHIELD);
        (void)!tn_chan_send(k->queue, ev);
        (void)tn_scope_end(&shield);
    }
}

int
keeper_new(keeper **out, room *r, const struct keeper_disk *disk,
           keeper_tell *tell, void *arg)
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
    k->disk = *disk;
    k->tell = tell;
    k->arg = arg;
    room_journal(r, take, k);
    *out = k;
    return 0;
}

static void
tell(keeper *k, enum keeper_news news, int err, unsigned long lost)
{
    const struct keeper_trouble trouble = {news, err, lost};

    if (k->tell != NULL) {
        k->tell(k->arg, &trouble);
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

/* Whether a history has it. */
static bool
is_worth_keeping(const struct room_event *ev)
{
    return store_keeps(ev->what);
}

/* Note what became of so many events that the disk was given. */
static void
answered(keeper *k, int err, int n)
{
    if (err < 0) {
        bool first = k->lost == 0;

        k->lost += (unsigned long)n;
        if (first) {
            tell(k, KEEPER_FAILS, err, k->lost);
        }
    } else if (k->lost > 0) {
        tell(k, KEEPER_WORKS, 0, k->lost);
        k->lost = 0;
    }
}

/* --- while the disk hangs --------------------------------------------------*/

/* Put an event into the ring; the oldest makes room. */
static void
put_off(keeper *k, const struct room_event *ev)
{
    if (!is_worth_keeping(ev)) {
        return;
    }
    if (k->unwritten == KEEPER_UNWRITTEN) {
        k->first = (k->first + 1) % KEEPER_UNWRITTEN;
        k->unwritten--;
        if (k->dropped++ == 0) {
            tell(k, KEEPER_DROPS, 0, k->dropped);
        }
    }
    k->ring[(k->first + k->unwritten) % KEEPER_UNWRITTEN] = *ev;
    k->unwritten++;
}

static void
put_off_batch(keeper *k)
{
    for (int i = k->at; i < k->count; i++) {
        put_off(k, &k->batch[i]);
    }
}

static bool
is_patience_over(int err)
{
    return err == -EINPROGRESS || err == -EAGAIN;
}

/* The disk did not answer in time: to `n` events, or before it got them. */
static void
note_hang(keeper *k, int err, int n)
{
    k->under_way += err == -EINPROGRESS ? n : 0;
    k->calm = tn_now() + KEEPER_CALM;
    if (!k->hangs) {
        k->hangs = true;
        k->dropped = 0;
        tell(k, KEEPER_HANGS, -ETIME, 0);
    }
}

/* Write a batch of what is in the ring; false if the disk does not answer. */
static bool
write_some(keeper *k, int64_t patience)
{
    int n = KEEPER_UNWRITTEN - k->first;
    int err;

    n = n < k->unwritten ? n : k->unwritten;
    n = n < KEEPER_BATCH ? n : KEEPER_BATCH;
    err = k->disk.append(k->disk.arg, &k->ring[k->first], n, patience);
    if (err != -EAGAIN) {
        k->first = (k->first + n) % KEEPER_UNWRITTEN;
        k->unwritten -= n;
    }
    if (is_patience_over(err)) {
        note_hang(k, err, n);
        return false;
    }
    answered(k, err, n);
    return true;
}

/* Whether the write that hung is answered. */
static bool
is_answered(keeper *k)
{
    int late = 0;

    if (k->disk.hangs(k->disk.arg, &late)) {
        k->calm = tn_now() + KEEPER_CALM;
        return false;
    }
    if (k->under_way > 0) {
        answered(k, late, k->under_way);
        k->under_way = 0;
    }
    return true;
}

/* Look after a disk that hangs, or did a moment ago. */
static void
look(keeper *k)
{
    if (!is_answered(k)) {
        return;
    }
    if (k->unwritten > 0) {
        (void)write_some(k, KEEPER_LOOK);
    } else if (tn_now() >= k->calm) {
        k->hangs = false;
        tell(k, KEEPER_ANSWERS, 0, k->dropped);
    }
}

/* --- keeping and handing on ------------------------------------------------*/

/* Append the batch; fails only if cancelled before. */
static int
keep(keeper *k)
{
    bool any = false; /* else nothing proves that the disk has room */
    int err;

    for (int i = k->at; i < k->count; i++) {
        any = any || is_worth_keeping(&k->batch[i]);
    }
    if (k->hangs) {
        put_off_batch(k);
    } else if (any) {
        err = k->disk.append(k->disk.arg, k->batch, k->count, KEEPER_PATIENCE);
        if (err == -ECANCELED || err == -ETIME) {
            return err;
        }
        if (is_patience_over(err)) {
            note_hang(k, err, k->count);
        } else {
            answered(k, err, k->count);
        }
        if (err == -EAGAIN) {
            put_off_batch(k);
        }
    }
    k->kept = true;
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

/* Wait for the next event; while the disk hangs not for long. */
static int
next(keeper *k)
{
    tn_scope limit;
    bool late;
    int err;

    tn_deadline(&limit, k->hangs ? KEEPER_LOOK : TN_FOREVER);
    err = tn_chan_recv(k->queue, &k->batch[0]);
    late = tn_scope_end(&limit);
    k->count = err == 0 ? 1 : 0;
    return late ? 0 : err;
}

int
keeper_run(void *arg)
{
    keeper *k = arg;

    tn_task_name("keeper");
    for (;;) {
        int err = next(k);

        if (err == 0 && k->count > 0) {
            fill(k, KEEPER_BATCH);
            err = keep(k);
        }
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
        if (k->hangs) {
            look(k);
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
keeper_end(keeper *k)
{
    int64_t until = tn_now() + KEEPER_FAREWELL, left = KEEPER_FAREWELL;
    unsigned long missing;
    bool goes_on = true;

    while (goes_on && k->unwritten > 0 && left > 0) {
        goes_on = write_some(k, left);
        left = until - tn_now();
    }
    if (k->under_way > 0) {
        (void)is_answered(k);
    }
    missing = (unsigned long)k->unwritten + (unsigned long)k->under_way;
    if (missing > 0) {
        tell(k, KEEPER_ENDS, -ETIME, missing);
    }
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
