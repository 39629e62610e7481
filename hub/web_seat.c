#include <tenon/err.h>
#include <tenon/task.h>

#include "dialect.h"
#include "lan.h"
#include "web_int.h"

#include <openssl/evp.h>
#include <string.h>

/* --- keys ------------------------------------------------------------------*/

static bool
is_key(const char *key)
{
    size_t n = strspn(key, "0123456789abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return n >= WEB_KEY_MIN && n <= WEB_KEY_MAX && key[n] == '\0';
}

/* Who has this key, for events and the history, which shall not tell the key
   itself; 0 if it cannot be computed. */
static uint64_t
author_of(const char *key)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    uint64_t author = 0;

    if (EVP_Digest(key, strlen(key), hash, NULL, EVP_sha256(), NULL) != 1) {
        return 0;
    }
    memcpy(&author, hash, sizeof(author));
    return author;
}

static struct web_seat *
find_key(struct web *w, const char *key)
{
    for (size_t i = 0; i < ROOM_MEMBERS; i++) {
        if (w->seat[i].used && strcmp(w->seat[i].key, key) == 0) {
            return &w->seat[i];
        }
    }
    return NULL;
}

static struct web_seat *
find_free(struct web *w)
{
    for (size_t i = 0; i < ROOM_MEMBERS; i++) {
        if (!w->seat[i].used) {
            return &w->seat[i];
        }
    }
    return NULL;
}

static struct web_conn *
find_conn(struct web *w, uint64_t number)
{
    struct web_conn *c = w->first;

    while (c != NULL && c->number != number) {
        c = c->next;
    }
    return c;
}

/* --- sitting down ----------------------------------------------------------*/

/* The connection that had the seat shall end. */
static void
replace(struct web *w, uint64_t number)
{
    struct web_conn *old = find_conn(w, number);
    char ring = 0;

    if (old != NULL) {
        old->state = WEB_REPLACED;
        old->seat = NULL;
        (void)!tn_chan_try_send(old->bell, &ring);
    }
}

static void
take_seat(struct web_conn *c, struct web_seat *s)
{
    if (s->conn != 0 && s->conn != c->number) {
        replace(c->web, s->conn);
    }
    s->conn = c->number;
    s->ip = c->ip;
    c->seat = s;
    c->id = s->id;
    c->author = s->author;
}

/* Come in as somebody new. */
static int
admit(struct web_conn *c, const char *key, const char *name)
{
    struct web *w = c->web;
    struct web_seat *s = find_free(w);
    struct room_guest guest = {
        .kind = ROOM_WEB, .author = author_of(key), .name = name};
    int err;

    if (s == NULL) {
        return -EUSERS;
    }
    if (guest.author == 0) {
        return -EIO;
    }
    if (!gate_join(&w->gate, c->peer, tn_now())) {
        return -EAGAIN;
    }
    guest.len = strlen(name);
    memset(s, 0, sizeof(*s));
    s->used = true;
    s->author = guest.author;
    memcpy(s->key, key, strlen(key) + 1);
    take_seat(c, s);
    err = room_admit(w->room, &guest, tn_now(), &s->id);
    if (c->seat != s) {
        return -ECONNRESET; /* its key came again meanwhile */
    }
    if (err < 0) {
        memset(s, 0, sizeof(*s));
        c->seat = NULL;
        c->author = 0;
        return err;
    }
    c->id = s->id;
    return 0;
}

/* Give a seat up: its member leaves. Suspends. */
static void
clear(struct web *w, struct web_seat *s)
{
    room_id id = s->id;

    if (s->conn != 0) {
        replace(w, s->conn);
    }
    memset(s, 0, sizeof(*s));
    room_leave(w->room, id);
}

/* Whether a seat's member is called so; the room alone knows that. */
static bool
is_called(const struct web *w, const struct web_seat *s, const char *name)
{
    const char *own = room_name(w->room, s->id);

    return own != NULL && strcmp(own, name) == 0;
}

int
web_sit(struct web_conn *c, const struct web_message *m)
{
    char name[ROOM_NAME_MAX + 1];
    struct web_seat *s;
    int err = dialect_name(name, m->name, m->name_len);

    if (err < 0) {
        return err;
    }
    if (!is_key(m->key)) {
        return -EBADMSG;
    }
    s = find_key(c->web, m->key);
    if (s != NULL && s->id == 0) {
        return -EAGAIN; /* another connection is just coming in with it */
    }
    if (s != NULL && is_called(c->web, s, name)) {
        take_seat(c, s);
        return 0;
    }
    if (s != NULL) { /* the same one by another name */
        clear(c->web, s);
        if (find_key(c->web, m->key) != NULL) {
            return -EAGAIN;
        }
    }
    return admit(c, m->key, name);
}

int
web_rename(struct web_conn *c, const struct web_message *m)
{
    char name[ROOM_NAME_MAX + 1];
    const struct web_seat *s = c->seat;
    int err = dialect_name(name, m->name, m->name_len);

    if (err < 0) {
        return err;
    }
    if (s == NULL) {
        return -ENOENT;
    }
    if (is_called(c->web, s, name)) {
        return 1;
    }
    return room_rename(c->web->room, s->id, name, strlen(name), tn_now());
}

bool
web_may_see(const struct room_event *ev, room_id reader)
{
    return room_is_public(ev->what) || ev->to == reader || ev->who == reader;
}

void
web_rise(struct web_conn *c)
{
    struct web_seat *s = c->seat;

    if (s != NULL && s->conn == c->number) {
        s->conn = 0;
        s->away_since = tn_now();
    }
    c->seat = NULL;
}

int
web_sweep(void *arg)
{
    struct web *w = arg;

    tn_task_name("web sweep");
    for (;;) {
        int err = tn_sleep(WEB_SWEEP);

        if (err < 0) {
            return err;
        }
        for (size_t i = 0; i < ROOM_MEMBERS; i++) {
            struct web_seat *s = &w->seat[i];

            if (s->used && s->id != 0 && s->conn == 0 &&
                tn_now() - s->away_since >= WEB_GRACE) {
                clear(w, s);
            }
        }
    }
}

/* --- who is here -----------------------------------------------------------*/

void
web_note(struct web *w, const struct room_event *ev)
{
    struct web_person *p = &w->person[ev->who % ROOM_MEMBERS];

    if (ev->what == ROOM_JOIN) {
        p->id = ev->who;
        p->kind = ev->kind;
        memcpy(p->name, ev->name, ev->name_len + 1);
    } else if (ev->what == ROOM_LEAVE && p->id == ev->who) {
        p->id = 0;
    } else if (ev->what == ROOM_NICK && p->id == ev->who) {
        memcpy(p->name, ev->text, ev->text_len + 1);
    }
}

json_t *
web_people(const struct web *w, room_id but)
{
    json_t *people = json_array();

    for (size_t i = 0; i < ROOM_MEMBERS; i++) {
        const struct web_person *p = &w->person[i];

        if (p->id != 0 && p->id != but) {
            (void)json_array_append_new(people,
                                        json_pack("{s:s,s:s}", "name", p->name,
                                                  "kind", web_kind(p->kind)));
        }
    }
    return people;
}

room_id
web_member(const struct web *w, const char *name, const tn_addr *from)
{
    struct in6_addr ip;

    if (!lan_ip(&ip, &from->u.sa)) {
        return 0;
    }
    for (size_t i = 0; i < ROOM_MEMBERS; i++) {
        const struct web_seat *s = &w->seat[i];

        if (s->used && s->id != 0 && is_called(w, s, name) &&
            memcmp(&s->ip, &ip, sizeof(ip)) == 0) {
            return s->id;
        }
    }
    return 0;
}
