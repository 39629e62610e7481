#include <tenon/err.h>
#include <tenon/task.h>
#include <tenon/text.h>

#include "dialect.h"
#include "native_int.h"

#include <string.h>

/* --- answers ---------------------------------------------------------------*/

void
native_answer(struct native *n, struct seat *s, const void *message, size_t len)
{
    struct blob *b = blob_new(message, len);

    if (b != NULL) {
        (void)!link_queue(&s->link, b);
        blob_drop(b);
        native_ring(n);
    }
}

static void
tell_fate(struct native *n, uint64_t session, const struct talk_fate *fate)
{
    unsigned char message[LINK_MESSAGE];
    struct seat *s = seat_find(n, session);

    if (s != NULL) {
        native_answer(n, s, message, talk_put_fate(message, fate));
    }
}

/* Tell it why it is no member, or not any more, and let it go. Of a session
   that was lost nobody listens any more. */
static void
dismiss(struct native *n, struct seat *s, enum wire_why why)
{
    unsigned char message[LINK_MESSAGE];

    if (s->state != SEAT_LOST) {
        native_answer(n, s, message, talk_put_refused(message, why));
    }
    seat_end(s, tn_now());
}

/* The same with a member: the others hear of it. Suspends. */
static void
expel(struct native *n, struct seat *s, enum wire_why why)
{
    room_id who = s->who;

    dismiss(n, s, why);
    room_leave(n->room, who);
}

/* Why a name is none, or not to be had. */
static enum wire_why
why_name(int err)
{
    return err == -ENOENT ? WIRE_NO_NAME : wire_why(err);
}

/* --- coming in -------------------------------------------------------------*/

/* Who has this key, for events and the history, which shall not tell the key
   itself. */
static uint64_t
author_of(const unsigned char *key)
{
    static const unsigned char label[TN_SEAL_KEY] = "tenon chat author";
    unsigned char mac[TN_SEAL_MAC];
    struct wire_in i;

    tn_mac(mac, label, key, GUEST_KEY);
    wire_in_init(&i, mac, sizeof(mac));
    return wire_get(&i, 8) | 1;
}

void
native_welcome(struct native *n, struct seat *s, uint64_t latest, bool gap)
{
    unsigned char message[LINK_MESSAGE];
    struct talk_welcome w = {.id = s->who, .latest = latest, .gap = gap};
    const char *name = room_name(n->room, s->who);

    memcpy(w.epoch, n->epoch, sizeof(w.epoch));
    if (name != NULL) {
        memcpy(w.name, name, strlen(name) + 1);
    }
    if (n->opts.folder != NULL && strlen(n->opts.folder) <= TALK_FOLDER) {
        memcpy(w.folder, n->opts.folder, strlen(n->opts.folder) + 1);
    }
    native_answer(n, s, message, talk_put_welcome(message, &w));
    s->welcomed = latest;
    s->live = n->end;
    s->roster = 0;
}

/* A new member, or one that is back. */
static void
welcome(struct native *n, struct seat *s, const struct talk_join *join,
        uint64_t latest)
{
    uint64_t live = s->live;
    bool gap = native_place(n, s, join);

    s->talk_until = s->talk_until < latest ? s->talk_until : latest;
    native_welcome(n, s, latest, gap);
    s->live = live;
    s->state = SEAT_HERE;
    s->since = tn_now();
}

/* The same one is back, or twice: it goes on as the member that it was. */
static bool
take_over(struct native *n, struct seat *s, const struct talk_join *join)
{
    struct seat *old = seat_of_author(n, s, join->name);

    if (old == NULL) {
        return false;
    }
    s->who = old->who;
    s->away = old->away;
    dismiss(n, old, WIRE_REPLACED);
    s->live = n->end;
    welcome(n, s, join, n->latest);
    seat_heard(n, s);
    return true;
}

/* Let it in. What happens from now on happens while it is here. Suspends. */
static void
admit(struct native *n, struct seat *s, const struct talk_join *join)
{
    const struct room_guest new = {.kind = ROOM_NATIVE,
                                   .author = s->author,
                                   .name = join->name,
                                   .len = strlen(join->name)};
    uint64_t session = s->session, latest = n->latest;
    room_id id;
    int err;

    s->state = SEAT_ENTERS;
    s->live = n->end;
    err = room_admit(n->room, &new, tn_now(), &id);
    s = seat_find(n, session);
    if (s == NULL) {
        room_leave(n->room, id);
    } else if (err < 0) {
        dismiss(n, s, wire_why(err));
    } else {
        s->who = id;
        welcome(n, s, join, latest);
    }
}

static void
on_join(struct native *n, struct seat *s, struct wire_in *in)
{
    struct talk_join join;
    char name[ROOM_NAME_MAX + 1];
    int err = -EPROTO;

    if (s->state == SEAT_NEW && talk_get_join(in, &join)) {
        err = dialect_name(name, join.name, strlen(join.name));
    }
    if (err < 0) {
        expel(n, s, why_name(err));
        return;
    }
    memcpy(join.name, name, sizeof(name));
    s->author = author_of(join.key);
    if (!take_over(n, s, &join)) {
        admit(n, s, &join);
    }
}

/* --- saying something ------------------------------------------------------*/

/* What it says as all may see it; its length, 0 if nothing is left. */
static size_t
clean(struct talk_say *m)
{
    char raw[ROOM_TEXT_MAX + 1];
    size_t n;

    for (size_t i = 0; i < m->len; i++) {
        raw[i] = m->text[i] == '\n' ? ' ' : m->text[i];
    }
    n = tn_text_clean(m->text, sizeof(m->text), raw, m->len);
    n = n <= ROOM_TEXT_MAX ? n : 0; /* it was no UTF-8, and grew */
    m->text[n] = '\0';
    m->len = strspn(m->text, " ") == n ? 0 : dialect_defuse(m->text, n);
    return m->len;
}

/* Say it; WIRE_FINE: the event will tell. Suspends. */
static enum wire_why
utter(struct native *n, const struct seat *s, const struct talk_say *m,
      const char *ref)
{
    struct room_words words = {
        .text = m->text, .len = m->len, .ref = ref, .act = m->how == GUEST_ACT};
    uint64_t author = s->author;
    struct refs_entry *e;
    int err;

    if (m->how == GUEST_MSG) {
        words.to = room_find(n->room, m->to, strlen(m->to));
        if (words.to == 0) {
            return WIRE_NOBODY;
        }
    }
    refs_add(n->opts.refs, author, ref, 0);
    err = room_utter(n->room, s->who, &words, tn_now());
    if (err == 0) {
        return WIRE_FINE;
    }
    e = refs_find(n->opts.refs, author, ref);
    if (e != NULL) { /* it may be said again */
        memset(e, 0, sizeof(*e));
    }
    return err == -EAGAIN  ? WIRE_SLOWED
           : err == -ESRCH ? WIRE_NOBODY
                           : WIRE_CLOSED;
}

static void
on_say(struct native *n, struct seat *s, struct wire_in *in)
{
    struct talk_say *m = &n->said;
    char ref[ROOM_REF_MAX + 1];
    uint64_t session = s->session;
    struct talk_fate fate = {.why = WIRE_RULES};
    const struct refs_entry *e;

    if (!talk_get_say(in, m)) {
        expel(n, s, WIRE_RULES);
        return;
    }
    fate.mark = m->mark;
    talk_ref(ref, m->mark);
    e = refs_find(n->opts.refs, s->author, ref);
    if (e != NULL) { /* it was said; what is on its way comes by itself */
        fate.why = WIRE_FINE;
        fate.number = e->number;
    } else if (clean(m) > 0) {
        fate.why = utter(n, s, m, ref);
    }
    if (fate.why != WIRE_FINE || fate.number != 0) {
        tell_fate(n, session, &fate);
    }
}

static void
on_nick(struct native *n, struct seat *s, struct wire_in *in)
{
    struct talk_say *m = &n->said;
    struct talk_fate fate = {.why = WIRE_RULES};
    char name[ROOM_NAME_MAX + 1];
    uint64_t session = s->session;
    int len;

    if (!talk_get_nick(in, m)) {
        expel(n, s, WIRE_RULES);
        return;
    }
    fate.mark = m->mark;
    len = dialect_name(name, m->text, m->len);
    if (len > 0) {
        len = room_rename(n->room, s->who, name, (size_t)len, tn_now());
    }
    fate.why = why_name(len);
    fate.number = n->latest;
    tell_fate(n, session, &fate);
}

static void
on_leave(struct native *n, struct seat *s)
{
    room_id who = s->who;

    seat_end(s, tn_now());
    room_leave(n->room, who);
}

/* --- the clerk -------------------------------------------------------------*/

/* Suspends; `s` may be another's then. */
static void
obey(struct native *n, struct seat *s, size_t len)
{
    struct wire_in in;
    enum talk_type type = talk_get_type(&in, n->message, len);

    if (type == TALK_JOIN || s->state != SEAT_HERE) {
        on_join(n, s, &in);
    } else if (type == TALK_SAY) {
        on_say(n, s, &in);
    } else if (type == TALK_NICK) {
        on_nick(n, s, &in);
    } else if (type == TALK_LEAVE) {
        on_leave(n, s);
    }
}

/* How long its words wait, so that none of them has to be dropped: the network
   may bring together what was said in time. */
static int64_t
hold(const struct native *n, const struct seat *s)
{
    return s->state == SEAT_HERE && link_has_message(&s->link)
               ? room_wait(n->room, s->who, tn_now())
               : 0;
}

/* Take one message of a seat, if there is room for the answer; says whether
   there was one. Suspends. */
static bool
attend(struct native *n, struct seat *s, int64_t *wait)
{
    int64_t held = hold(n, s);
    ssize_t len = 0;

    if (held > 0) {
        *wait = held < *wait ? held : *wait;
        return false;
    }
    if ((s->state == SEAT_NEW || s->state == SEAT_HERE) &&
        link_room(&s->link) > 0) {
        len = link_take(&s->link, n->message, sizeof(n->message));
    }
    if (len > 0) {
        obey(n, s, (size_t)len);
    } else if (len < 0) {
        expel(n, s, WIRE_RULES);
    }
    return len != 0;
}

/* Wait until somebody says something, or what waits may be said. */
static int
await_work(struct native *n, int64_t wait)
{
    tn_scope limit;
    char ring;
    bool late;
    int err;

    if (wait == INT64_MAX) {
        return tn_chan_recv(n->work, &ring);
    }
    tn_deadline(&limit, wait);
    err = tn_chan_recv(n->work, &ring);
    late = tn_scope_end(&limit);
    return late ? 0 : err;
}

int
native_clerk(void *arg)
{
    struct native *n = arg;

    tn_task_name("native clerk");
    for (;;) {
        int64_t wait = INT64_MAX;
        bool any = false;

        for (size_t i = 0; i < NATIVE_SEATS; i++) {
            any |= n->seat[i] != NULL && attend(n, n->seat[i], &wait);
        }
        if (!any) {
            int err = await_work(n, wait);

            if (err < 0) {
                return err;
            }
        } else if (tn_checkpoint() < 0) {
            return -ECANCELED;
        }
    }
}
