/*
 * teller.c - what happens, and not too often how far it is.
 */
#include "teller.h"

#include <tenon/task.h>

#include <string.h>

/* At most so often one hears how far it is. */
#define TELL_EVERY (50 * TN_MS)

int
teller_init(struct teller *t, parcel_told *told, void *arg)
{
    *t = (struct teller){.told = told, .arg = arg};
    return told ? tn_chan_new(&t->wake, 1, 1) : 0;
}

void
teller_fini(struct teller *t)
{
    tn_chan_free(t->wake);
    t->wake = NULL;
}

void
teller_flush(struct teller *t)
{
    struct parcel_event ev = t->late;

    if (ev.item) {
        t->late.item = NULL;
        t->at = tn_now();
        t->told(t->arg, &ev);
    }
}

void
teller_tell(struct teller *t, const struct parcel_event *ev)
{
    static const char token = 0;

    if (!t->told) {
        return;
    }
    if (ev->what == PARCEL_MOVED) {
        t->late = *ev;
        if (tn_now() - t->at >= TELL_EVERY) {
            teller_flush(t);
        } else {
            (void)!tn_chan_try_send(t->wake, &token);
        }
        return;
    }
    /* The item is further than that, or another one has begun. */
    if (ev->what == PARCEL_BEGIN || ev->item == t->late.item) {
        t->late.item = NULL;
    }
    t->told(t->arg, ev);
}

int
teller_run(void *arg)
{
    struct teller *t = arg;
    char token;
    int err = 0;

    tn_task_name("parcel teller");
    while (err == 0) {
        err = tn_chan_recv(t->wake, &token);
        while (err == 0 && t->late.item) {
            int64_t wait = t->at + TELL_EVERY - tn_now();

            if (wait > 0) {
                err = tn_sleep(wait);
            } else {
                teller_flush(t);
            }
        }
    }
    return err;
}
