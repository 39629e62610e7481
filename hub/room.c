#include "room.h"

#include <tenon/err.h>
#include <tenon/text.h>

#include "bucket.h"

#include <stdlib.h>
#include <string.h>

struct member {
    room_id id; /* 0: the place is free */
    enum room_kind kind;
    int64_t seen;         /* when it was last heard of */
    struct bucket talk;   /* what it may still say */
    struct bucket claims; /* how often it hears that its name is wanted */
    struct bucket nicks;  /* how often it may have another name */
    bool slowed;          /* it was told that its lines are dropped */
    uint64_t author;      /* see room_author() */
    size_t name_len;
    char name[ROOM_NAME_MAX + 1];
};

struct room {
    uint64_t serial; /* of the latest member */
    uint64_t latest; /* event number */
    bool closed;
    int count;
    int outlets;
    int64_t (*clock)(void);
    const char *folder;

    struct {
        room_outlet *fn;
        void *arg;
    } outlet[ROOM_OUTLETS], journal;
    struct member member[ROOM_MEMBERS];
};

static const struct bucket_rule talk_rule = {ROOM_INTERVAL, ROOM_BURST};
static const struct bucket_rule claim_rule = {10 * TN_SEC, 1};
static const struct bucket_rule nick_rule = {ROOM_NICK_INTERVAL, ROOM_NICKS};
static const char cut_mark[] = "…";

/* Hand an event to every outlet. Suspends if an outlet does. */
void
room_release(room *r, const struct room_event *ev)
{
    for (int i = 0; i < r->outlets; i++) {
        r->outlet[i].fn(r->outlet[i].arg, ev);
    }
}

/* Number an event and hand it on. May suspend: call it last. */
static void
publish(room *r, struct room_event *ev)
{
    ev->number = ++r->latest;
    ev->time = r->clock != NULL ? r->clock() : 0;
    if (r->journal.fn != NULL) {
        r->journal.fn(r->journal.arg, ev);
    } else {
        room_release(r, ev);
    }
}

/* Begin an event about a member. */
static void
about(struct room_event *ev, enum room_what what, const struct member *m)
{
    ev->number = 0;
    ev->what = what;
    ev->note = ROOM_SLOWED;
    ev->kind = m != NULL ? m->kind : ROOM_PLAIN;
    ev->who = m != NULL ? m->id : 0;
    ev->author = m != NULL ? m->author : 0;
    ev->to = 0;
    ev->size = 0;
    ev->folder = NULL;
    ev->ref[0] = '\0';
    ev->whom[0] = '\0';
    ev->text_len = 0;
    ev->text[0] = '\0';
    ev->name_len = m != NULL ? m->name_len : 0;
    memcpy(ev->name, m != NULL ? m->name : "", ev->name_len + 1);
}

/* Not inlined: its event would double the frame of who calls it. */
__attribute__((noinline)) static void
tell(room *r, const struct member *m, enum room_note note)
{
    struct room_event ev;

    about(&ev, ROOM_NOTE, m);
    ev.who = 0;
    ev.to = m->id;
    ev.note = note;
    publish(r, &ev);
}

static struct member *
find(room *r, room_id id)
{
    return room_has(r, id) ? &r->member[id % ROOM_MEMBERS] : NULL;
}

/* ASCII only, whatever the locale is. */
static int
lower(char c)
{
    int u = (unsigned char)c;

    return u >= 'A' && u <= 'Z' ? u - 'A' + 'a' : u;
}

static bool
same_name(const struct member *m, const char *name, size_t n)
{
    if (m->id == 0 || m->name_len != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (lower(m->name[i]) != lower(name[i])) {
            return false;
        }
    }
    return true;
}

static struct member *
find_name(room *r, const char *name, size_t n)
{
    return find(r, room_find(r, name, n));
}

static struct member *
find_free(room *r)
{
    for (size_t i = 0; i < ROOM_MEMBERS; i++) {
        if (r->member[i].id == 0) {
            return &r->member[i];
        }
    }
    return NULL;
}

int
room_new(room **out)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? 0 : -ENOMEM;
}

void
room_free(room *r)
{
    free(r);
}

int
room_attach(room *r, room_outlet *outlet, void *arg)
{
    if (r->outlets == ROOM_OUTLETS) {
        return -ENOBUFS;
    }
    r->outlet[r->outlets].fn = outlet;
    r->outlet[r->outlets].arg = arg;
    r->outlets++;
    return 0;
}

void
room_journal(room *r, room_outlet *journal, void *arg)
{
    r->journal.fn = journal;
    r->journal.arg = arg;
}

void
room_resume(room *r, uint64_t latest)
{
    r->latest = latest;
}

void
room_clock(room *r, int64_t (*clock)(void))
{
    r->clock = clock;
}

void
room_folder(room *r, const char *url)
{
    r->folder = url;
}

/* Somebody wants a name that is in use: its owner hears of it now and then. */
static int
refuse_name(room *r, struct member *owner, int64_t now)
{
    if (bucket_take(&owner->claims, &claim_rule, now)) {
        tell(r, owner, ROOM_CLAIMED);
    }
    return -EEXIST;
}

static void
fill(room *r, struct member *m, const struct room_guest *guest, int64_t now)
{
    memset(m, 0, sizeof(*m));
    m->id = ++r->serial * ROOM_MEMBERS + (uint64_t)(m - r->member);
    m->kind = guest->kind;
    m->author = guest->author;
    m->seen = now;
    r->count++;
}

int
room_join(room *r, enum room_kind kind, const char *name, size_t n, int64_t now,
          room_id *id)
{
    const struct room_guest guest = {.kind = kind, .name = name, .len = n};

    return room_admit(r, &guest, now, id);
}

int
room_admit(room *r, const struct room_guest *guest, int64_t now, room_id *id)
{
    struct room_event ev;
    struct member *m;

    *id = 0;
    if (guest->len < 1 || guest->len > ROOM_NAME_MAX) {
        return -EINVAL;
    }
    if (r->closed) {
        return -ESHUTDOWN;
    }
    m = find_name(r, guest->name, guest->len);
    if (m != NULL) {
        return refuse_name(r, m, now);
    }
    m = find_free(r);
    if (m == NULL) {
        return -EUSERS;
    }
    fill(r, m, guest, now);
    memcpy(m->name, guest->name, guest->len);
    m->name_len = guest->len;
    *id = m->id;
    about(&ev, ROOM_JOIN, m);
    publish(r, &ev);
    return 0;
}

/* A line too many: it is dropped, and the member told once until it is calm. */
static int
slow_down(room *r, struct member *m)
{
    if (!m->slowed) {
        m->slowed = true;
        tell(r, m, ROOM_SLOWED);
    }
    return -EAGAIN;
}

static void
set_text(struct room_event *ev, const char *text, size_t n)
{
    size_t mark = sizeof(cut_mark) - 1;

    if (n <= ROOM_TEXT_MAX) {
        mark = 0;
    } else {
        n = tn_text_cut(text, n, ROOM_TEXT_MAX - mark);
    }
    memcpy(ev->text, text, n);
    memcpy(ev->text + n, cut_mark, mark);
    ev->text_len = n + mark;
    ev->text[ev->text_len] = '\0';
}

int
room_say(room *r, room_id id, const char *text, size_t n, int64_t now)
{
    const struct room_words words = {.text = text, .len = n};

    return room_utter(r, id, &words, now);
}

static enum room_what
what_of(const struct room_words *words)
{
    if (words->to != 0) {
        return ROOM_MSG;
    }
    return words->act ? ROOM_ACT : ROOM_SAY;
}

int
room_utter(room *r, room_id id, const struct room_words *words, int64_t now)
{
    struct member *m = find(r, id);
    const struct member *to = find(r, words->to);
    struct room_event ev;

    if (m == NULL || r->closed) {
        return -ENOENT;
    }
    m->seen = now;
    if (bucket_is_full(&m->talk, now)) {
        m->slowed = false;
    }
    if (!bucket_take(&m->talk, &talk_rule, now)) {
        return slow_down(r, m);
    }
    if (words->to != 0 && to == NULL) {
        return -ESRCH;
    }
    about(&ev, what_of(words), m);
    set_text(&ev, words->text, words->len);
    if (to != NULL) {
        ev.to = to->id;
        memcpy(ev.whom, to->name, to->name_len + 1);
    }
    if (words->ref != NULL) {
        size_t n = strnlen(words->ref, ROOM_REF_MAX);

        memcpy(ev.ref, words->ref, n);
        ev.ref[n] = '\0';
    }
    publish(r, &ev);
    return 0;
}

int64_t
room_wait(const room *r, room_id id, int64_t now)
{
    const struct member *m = &r->member[id % ROOM_MEMBERS];

    return room_has(r, id) ? bucket_wait(&m->talk, &talk_rule, now) : 0;
}

int
room_rename(room *r, room_id id, const char *name, size_t n, int64_t now)
{
    struct member *m = find(r, id);
    struct member *owner = find_name(r, name, n);
    struct room_event ev;

    if (m == NULL || r->closed) {
        return -ENOENT;
    }
    if (n < 1 || n > ROOM_NAME_MAX) {
        return -EINVAL;
    }
    m->seen = now;
    if (n == m->name_len && memcmp(m->name, name, n) == 0) {
        return 0;
    }
    if (!bucket_take(&m->nicks, &nick_rule, now)) {
        return -EAGAIN;
    }
    if (owner != NULL && owner != m) {
        return refuse_name(r, owner, now);
    }
    about(&ev, ROOM_NICK, m);
    set_text(&ev, name, n);
    memcpy(m->name, name, n);
    m->name[n] = '\0';
    m->name_len = n;
    publish(r, &ev);
    return 0;
}

bool
room_is_public(enum room_what what)
{
    return what != ROOM_NOTE && what != ROOM_MSG;
}

int
room_file(room *r, room_id id, const char *path, int64_t size)
{
    struct room_event ev;

    if (r->closed) {
        return -ESHUTDOWN;
    }
    about(&ev, size < 0 ? ROOM_GONE : ROOM_FILE, find(r, id));
    set_text(&ev, path, strlen(path));
    ev.size = size < 0 ? 0 : size;
    ev.folder = r->folder;
    publish(r, &ev);
    return 0;
}

void
room_leave(room *r, room_id id)
{
    struct member *m = find(r, id);
    struct room_event ev;

    if (m == NULL || r->closed) {
        return;
    }
    about(&ev, ROOM_LEAVE, m);
    m->id = 0;
    r->count--;
    publish(r, &ev);
}

bool
room_has(const room *r, room_id id)
{
    return id != 0 && r->member[id % ROOM_MEMBERS].id == id;
}

const char *
room_name(const room *r, room_id id)
{
    return room_has(r, id) ? r->member[id % ROOM_MEMBERS].name : NULL;
}

room_id
room_find(const room *r, const char *name, size_t n)
{
    for (size_t i = 0; i < ROOM_MEMBERS; i++) {
        if (same_name(&r->member[i], name, n)) {
            return r->member[i].id;
        }
    }
    return 0;
}

int
room_count(const room *r)
{
    return r->count;
}

uint64_t
room_latest(const room *r)
{
    return r->latest;
}

int
room_sweep(room *r, int64_t now)
{
    int gone = 0;

    for (size_t i = 0; i < ROOM_MEMBERS; i++) {
        const struct member *m = &r->member[i];
        room_id id = m->id;

        /* Other kinds can be asked whether they are there. */
        if (id != 0 && m->kind == ROOM_PLAIN && now - m->seen >= ROOM_IDLE) {
            tell(r, m, ROOM_EXPIRED);
            room_leave(r, id);
            gone++;
        }
    }
    return gone;
}

void
room_close(room *r)
{
    struct room_event ev;

    if (r->closed) {
        return;
    }
    r->closed = true;
    about(&ev, ROOM_BYE, NULL);
    publish(r, &ev);
}
