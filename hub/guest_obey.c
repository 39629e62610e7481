#include <tenon/err.h>
#include <tenon/task.h>
#include <tenon/text.h>

#include "guest_int.h"

#include <string.h>

/* What comes is shown on terminals: nothing in it may be more than text. */
static size_t
clean(char *text, size_t max)
{
    char raw[ROOM_TEXT_MAX + 1];
    size_t n = strlen(text);

    memcpy(raw, text, n);
    n = tn_text_clean(text, max + 1, raw, n);
    n = n <= max ? n : max;
    text[n] = '\0';
    return n;
}

/* --- people ----------------------------------------------------------------*/

static struct guest_person *
find(guest *g, room_id id)
{
    for (int i = 0; i < g->count; i++) {
        if (g->person[i].id == id) {
            return &g->person[i];
        }
    }
    return NULL;
}

static void
add(guest *g, const struct guest_person *p)
{
    struct guest_person *old = find(g, p->id);

    if (old == NULL && g->count < ROOM_MEMBERS) {
        old = &g->person[g->count++];
    }
    if (old != NULL) {
        *old = *p;
    }
}

static void
take_out(guest *g, room_id id)
{
    struct guest_person *p = find(g, id);
    const struct guest_person *end = &g->person[g->count];

    if (p != NULL) {
        memmove(p, p + 1, (size_t)(end - (p + 1)) * sizeof(*p));
        g->count--;
    }
}

/* The list is whole when its last part has come: now we know where we are. */
static void
on_people(guest *g, struct wire_in *in)
{
    struct guest_person p;
    bool last;

    if (!talk_get_people(in, &last)) {
        return;
    }
    while (wire_left(in) > 0 && talk_get_person(in, &p)) {
        (void)clean(p.name, ROOM_NAME_MAX);
        add(g, &p);
    }
    if (last) {
        guest_tell_state(g, GUEST_IN);
    }
}

/* An event changes who is here. */
static void
note(guest *g, const struct room_event *ev)
{
    struct guest_person *p = find(g, ev->who);

    if (ev->what == ROOM_JOIN) {
        struct guest_person new = {.id = ev->who, .kind = ev->kind};

        memcpy(new.name, ev->name, ev->name_len + 1);
        add(g, &new);
    } else if (ev->what == ROOM_LEAVE) {
        take_out(g, ev->who);
    } else if (ev->what == ROOM_NICK && ev->text_len <= ROOM_NAME_MAX) {
        if (p != NULL) {
            memcpy(p->name, ev->text, ev->text_len + 1);
        }
        if (ev->who == g->id) {
            memcpy(g->name, ev->text, ev->text_len + 1);
        }
    }
}

static void
on_presence(guest *g, struct wire_in *in)
{
    struct guest_person *p;
    room_id who;
    bool away;

    if (talk_get_presence(in, &who, &away)) {
        p = find(g, who);
        if (p != NULL) {
            p->away = away;
        }
    }
}

/* --- events ----------------------------------------------------------------*/

static void
on_event(guest *g, struct wire_in *in)
{
    struct room_event *ev = &g->event;
    uint64_t mark;
    bool past;

    /* Kinds of events that we do not know yet are not for us. */
    if (!talk_get_event(in, ev, &mark) || ev->number <= g->seen) {
        return;
    }
    g->seen = ev->number;
    past = ev->number <= g->past;
    ev->name_len = clean(ev->name, ROOM_NAME_MAX);
    (void)clean(ev->whom, ROOM_NAME_MAX);
    ev->text_len = clean(ev->text, ROOM_TEXT_MAX);
    ev->folder = g->folder[0] != '\0' ? g->folder : NULL;
    if (mark >> 32 == g->visit) { /* it is ours, though the hub is another */
        ev->who = g->id;
        talk_ref(ev->ref, mark);
    }
    if (!past) {
        note(g, ev);
    }
    if (g->opts.event != NULL) {
        g->opts.event(g->opts.arg, ev, past);
    }
    if (ev->who == g->id && mark != 0) {
        guest_settle(g, mark, GUEST_DELIVERED, ev->number);
    }
    if (ev->what == ROOM_BYE) {
        guest_finish(g, 0);
    }
}

/* --- answers ---------------------------------------------------------------*/

static void
on_welcome(guest *g, struct wire_in *in)
{
    struct talk_welcome w;

    if (!talk_get_welcome(in, &w)) {
        guest_finish(g, -EPROTO);
        return;
    }
    if (strcmp(w.epoch, g->epoch) != 0) {
        g->seen = 0;
        memcpy(g->epoch, w.epoch, sizeof(g->epoch));
    }
    g->id = w.id;
    g->past = w.latest;
    g->gap = w.gap || (g->phase == PHASE_IN && g->gap);
    g->count = 0;
    (void)clean(w.name, ROOM_NAME_MAX);
    (void)clean(w.folder, TALK_FOLDER);
    memcpy(g->name, w.name, sizeof(g->name));
    memcpy(g->folder, w.folder, sizeof(g->folder));
    g->phase = PHASE_IN;
    g->ever_in = true;
}

static void
on_fate(guest *g, struct wire_in *in)
{
    char token = 0;
    struct talk_fate f;

    if (!talk_get_fate(in, &f)) {
        return;
    }
    if (f.mark == g->nick.mark) {
        g->nick_err = wire_err(f.why);
        g->nick.mark = 0;
        if (f.why == WIRE_FINE) {
            memcpy(g->name, g->nick.text, g->nick.len + 1);
        }
        (void)!tn_chan_try_send(g->named, &token);
        return;
    }
    if (f.why == WIRE_SLOWED) {
        guest_slowed(g, f.mark);
        return;
    }
    guest_settle(g, f.mark,
                 f.why == WIRE_FINE     ? GUEST_DELIVERED
                 : f.why == WIRE_NOBODY ? GUEST_NOBODY
                                        : GUEST_UNKNOWN,
                 f.number);
}

static void
on_refused(guest *g, struct wire_in *in)
{
    enum wire_why why;

    if (talk_get_refused(in, &why) && why != WIRE_FINE) {
        guest_finish(g, wire_err(why));
    }
}

void
guest_obey(guest *g)
{
    ssize_t len = 0;

    while (!g->over &&
           (len = link_take(&g->link, g->message, sizeof(g->message))) > 0) {
        struct wire_in in;

        switch ((int)talk_get_type(&in, g->message, (size_t)len)) {
        case TALK_WELCOME:
            on_welcome(g, &in);
            break;
        case TALK_REFUSED:
            on_refused(g, &in);
            break;
        case TALK_PEOPLE:
            on_people(g, &in);
            break;
        case TALK_EVENT:
            on_event(g, &in);
            break;
        case TALK_FATE:
            on_fate(g, &in);
            break;
        case TALK_PRESENCE:
            on_presence(g, &in);
            break;
        default: /* of a later version that still speaks with this one */
            break;
        }
    }
    if (len < 0) {
        guest_finish(g, -EPROTO);
    }
}
