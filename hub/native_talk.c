#include "native_talk.h"

#include <stdio.h>
#include <string.h>

/* --- marks -----------------------------------------------------------------*/

void
talk_ref(char dst[ROOM_REF_MAX + 1], uint64_t mark)
{
    snprintf(dst, ROOM_REF_MAX + 1, "%016llx", (unsigned long long)mark);
}

uint64_t
talk_mark(const char *ref)
{
    uint64_t mark = 0;

    if (strspn(ref, "0123456789abcdef") != 16 || ref[16] != '\0') {
        return 0;
    }
    for (int i = 0; i < 16; i++) {
        unsigned digit = (unsigned char)ref[i];

        mark = mark << 4 | (digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return mark;
}

/* --- writing ---------------------------------------------------------------*/

static void
begin(struct wire_out *o, void *buf, enum talk_type type)
{
    wire_out_init(o, buf, LINK_MESSAGE);
    wire_put(o, type, 1);
}

static size_t
end(const struct wire_out *o, const void *buf)
{
    return (size_t)(o->at - (const unsigned char *)buf);
}

static void
put_name(struct wire_out *o, const char *name)
{
    wire_put_text(o, name, strlen(name), 1);
}

size_t
talk_put_join(void *buf, const struct talk_join *m)
{
    struct wire_out o;

    begin(&o, buf, TALK_JOIN);
    wire_put_bytes(&o, m->key, GUEST_KEY);
    wire_put(&o, m->since, 8);
    put_name(&o, m->epoch);
    put_name(&o, m->name);
    return end(&o, buf);
}

size_t
talk_put_say(void *buf, const struct talk_say *m)
{
    struct wire_out o;

    begin(&o, buf, TALK_SAY);
    wire_put(&o, m->mark, 8);
    wire_put(&o, m->how, 1);
    put_name(&o, m->to);
    wire_put_text(&o, m->text, m->len, 2);
    return end(&o, buf);
}

size_t
talk_put_nick(void *buf, const struct talk_say *m)
{
    struct wire_out o;

    begin(&o, buf, TALK_NICK);
    wire_put(&o, m->mark, 8);
    wire_put_text(&o, m->text, m->len, 1);
    return end(&o, buf);
}

size_t
talk_put_leave(void *buf)
{
    struct wire_out o;

    begin(&o, buf, TALK_LEAVE);
    return end(&o, buf);
}

size_t
talk_put_welcome(void *buf, const struct talk_welcome *m)
{
    struct wire_out o;

    begin(&o, buf, TALK_WELCOME);
    wire_put(&o, m->id, 8);
    wire_put(&o, m->latest, 8);
    wire_put(&o, m->gap ? 1 : 0, 1);
    put_name(&o, m->epoch);
    put_name(&o, m->name);
    wire_put_text(&o, m->folder, strlen(m->folder), 2);
    return end(&o, buf);
}

size_t
talk_put_refused(void *buf, enum wire_why why)
{
    struct wire_out o;

    begin(&o, buf, TALK_REFUSED);
    wire_put(&o, why, 1);
    return end(&o, buf);
}

size_t
talk_put_fate(void *buf, const struct talk_fate *m)
{
    struct wire_out o;

    begin(&o, buf, TALK_FATE);
    wire_put(&o, m->mark, 8);
    wire_put(&o, m->why, 1);
    wire_put(&o, m->number, 8);
    return end(&o, buf);
}

size_t
talk_put_event(void *buf, const struct room_event *ev)
{
    struct wire_out o;

    begin(&o, buf, TALK_EVENT);
    wire_put(&o, ev->number, 8);
    wire_put(&o, (uint64_t)ev->time, 8);
    wire_put(&o, ev->what, 1);
    wire_put(&o, ev->note, 1);
    wire_put(&o, ev->kind, 1);
    wire_put(&o, ev->who, 8);
    wire_put(&o, ev->to, 8);
    wire_put(&o, (uint64_t)ev->size, 8);
    wire_put(&o, talk_mark(ev->ref), 8);
    wire_put_text(&o, ev->name, ev->name_len, 1);
    put_name(&o, ev->what == ROOM_MSG ? ev->whom : "");
    wire_put_text(&o, ev->text, ev->text_len, 2);
    return end(&o, buf);
}

size_t
talk_put_presence(void *buf, room_id who, bool away)
{
    struct wire_out o;

    begin(&o, buf, TALK_PRESENCE);
    wire_put(&o, who, 8);
    wire_put(&o, away ? 1 : 0, 1);
    return end(&o, buf);
}

void
talk_put_people(struct wire_out *o, void *buf)
{
    begin(o, buf, TALK_PEOPLE);
    wire_put(o, 0, 1);
}

void
talk_end_people(void *buf, bool last)
{
    ((unsigned char *)buf)[1] = last ? 1 : 0;
}

bool
talk_put_person(struct wire_out *o, const struct guest_person *p)
{
    if ((size_t)(o->end - o->at) < TALK_PERSON) {
        return false;
    }
    wire_put(o, p->id, 8);
    wire_put(o, p->kind, 1);
    wire_put(o, p->away ? 1 : 0, 1);
    put_name(o, p->name);
    return true;
}

/* --- reading ---------------------------------------------------------------*/

enum talk_type
talk_get_type(struct wire_in *i, const void *buf, size_t n)
{
    wire_in_init(i, buf, n);
    return (enum talk_type)wire_get(i, 1);
}

/* Nothing follows, and nothing was missing. */
static bool
is_whole(const struct wire_in *i)
{
    return !i->bad && wire_left(i) == 0;
}

bool
talk_get_join(struct wire_in *i, struct talk_join *m)
{
    const void *key = wire_get_bytes(i, GUEST_KEY);

    if (key == NULL) {
        return false;
    }
    memcpy(m->key, key, GUEST_KEY);
    m->since = wire_get(i, 8);
    (void)wire_get_text(i, m->epoch, GUEST_EPOCH, 1);
    (void)wire_get_text(i, m->name, ROOM_NAME_MAX, 1);
    return is_whole(i);
}

bool
talk_get_say(struct wire_in *i, struct talk_say *m)
{
    unsigned how;

    m->mark = wire_get(i, 8);
    how = (unsigned)wire_get(i, 1);
    m->how = (enum guest_how)how;
    (void)wire_get_text(i, m->to, ROOM_NAME_MAX, 1);
    m->len = wire_get_text(i, m->text, ROOM_TEXT_MAX, 2);
    return is_whole(i) && m->mark != 0 && how <= GUEST_MSG;
}

bool
talk_get_nick(struct wire_in *i, struct talk_say *m)
{
    m->mark = wire_get(i, 8);
    m->how = GUEST_SAY;
    m->to[0] = '\0';
    m->len = wire_get_text(i, m->text, ROOM_NAME_MAX, 1);
    return is_whole(i) && m->mark != 0;
}

bool
talk_get_welcome(struct wire_in *i, struct talk_welcome *m)
{
    m->id = wire_get(i, 8);
    m->latest = wire_get(i, 8);
    m->gap = wire_get(i, 1) != 0;
    (void)wire_get_text(i, m->epoch, GUEST_EPOCH, 1);
    (void)wire_get_text(i, m->name, ROOM_NAME_MAX, 1);
    (void)wire_get_text(i, m->folder, TALK_FOLDER, 2);
    return is_whole(i);
}

bool
talk_get_refused(struct wire_in *i, enum wire_why *why)
{
    *why = (enum wire_why)wire_get(i, 1);
    return is_whole(i);
}

bool
talk_get_fate(struct wire_in *i, struct talk_fate *m)
{
    m->mark = wire_get(i, 8);
    m->why = (enum wire_why)wire_get(i, 1);
    m->number = wire_get(i, 8);
    return is_whole(i);
}

bool
talk_get_presence(struct wire_in *i, room_id *who, bool *away)
{
    *who = wire_get(i, 8);
    *away = wire_get(i, 1) != 0;
    return is_whole(i);
}

bool
talk_get_event(struct wire_in *i, struct room_event *ev, uint64_t *mark)
{
    unsigned what, note, kind;

    memset(ev, 0, sizeof(*ev));
    ev->number = wire_get(i, 8);
    ev->time = (int64_t)wire_get(i, 8);
    what = (unsigned)wire_get(i, 1);
    note = (unsigned)wire_get(i, 1);
    kind = (unsigned)wire_get(i, 1);
    ev->what = (enum room_what)what;
    ev->note = (enum room_note)note;
    ev->kind = (enum room_kind)kind;
    ev->who = wire_get(i, 8);
    ev->to = wire_get(i, 8);
    ev->size = (int64_t)wire_get(i, 8);
    *mark = wire_get(i, 8);
    ev->name_len = wire_get_text(i, ev->name, ROOM_NAME_MAX, 1);
    (void)wire_get_text(i, ev->whom, ROOM_NAME_MAX, 1);
    ev->text_len = wire_get_text(i, ev->text, ROOM_TEXT_MAX, 2);
    return is_whole(i) && ev->number != 0 && what <= ROOM_MSG &&
           note <= ROOM_CLAIMED && kind <= ROOM_NATIVE && ev->size >= 0;
}

bool
talk_get_people(struct wire_in *i, bool *last)
{
    *last = wire_get(i, 1) != 0;
    return !i->bad;
}

bool
talk_get_person(struct wire_in *i, struct guest_person *p)
{
    unsigned kind;

    p->id = wire_get(i, 8);
    kind = (unsigned)wire_get(i, 1);
    p->kind = (enum room_kind)kind;
    p->away = wire_get(i, 1) != 0;
    (void)wire_get_text(i, p->name, ROOM_NAME_MAX, 1);
    return !i->bad && p->id != 0 && kind <= ROOM_NATIVE;
}
