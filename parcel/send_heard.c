/*
 * send_heard.c - what the receiver says while items are on their way.
 */
#include "send_int.h"

#include <stdio.h>
#include <string.h>

static bool
heard_ack(struct send *s, const struct frame *f)
{
    struct cut c = {.p = f->p, .left = f->n};
    uint64_t acked = cut_uint(&c, 8);

    if (c.bad || c.left > 0 || acked < s->acked || acked > s->lane.put) {
        return false;
    }
    s->acked = acked;
    return true;
}

static void
count(struct send *s, const struct wire_done *d)
{
    struct list_note *note = &s->p->list.notes[d->item];

    if (d->what == PARCEL_DONE) {
        note->state = LIST_DONE;
        s->result->done++;
    } else if (d->what == PARCEL_SKIPPED) {
        note->state = LIST_SKIPPED;
        s->result->skipped++;
    } else {
        note->state = LIST_FAILED;
        s->result->failed++;
    }
}

static bool
heard_done(struct send *s, const struct frame *f)
{
    struct cut c = {.p = f->p, .left = f->n};
    struct list *l = &s->p->list;

    while (c.left > 0) {
        struct wire_done d;
        struct parcel_event ev;

        if (!wire_get_done(&c, &d) || d.item >= l->count ||
            l->notes[d.item].state != LIST_OPEN) {
            return false;
        }
        count(s, &d);
        lane_clean(s->text, sizeof(s->text), d.text, d.text_len);
        ev = (struct parcel_event){.what = d.what,
                                   .item = &l->items[d.item],
                                   .done = l->items[d.item].size,
                                   .err = d.err,
                                   .final = s->text};
        send_tell(s, &ev);
    }
    return true;
}

static bool
heard(struct send *s, const struct frame *f)
{
    struct wire_have h;

    switch (f->type) {
    case WIRE_ACK:
        return heard_ack(s, f);
    case WIRE_HAVE:
        return wire_get_have(f->p, f->n, &h) && send_answered(s, &h);
    case WIRE_DONE:
        return heard_done(s, f);
    case WIRE_FINAL:
        s->is_final = s->is_fin;
        return s->is_fin;
    default:
        return false;
    }
}

int
send_reader(void *arg)
{
    struct send *s = arg;
    static const char news = 0;
    int err = 0;

    tn_task_name("parcel reader");
    while (err >= 0 && !s->is_final) {
        struct frame f;

        err = lane_get(&s->lane, &f);
        if (err > 0 && !heard(s, &f)) {
            err = tn_fail(-EPROTO, "send", "the receiver makes no sense");
        }
        (void)!tn_chan_try_send(s->news, &news);
    }
    if (err < 0 && s->err == 0) {
        s->err = err;
    }
    return err < 0 ? err : 0;
}
