#include <tenon/err.h>
#include <tenon/task.h>

#include "native_int.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* A session's number has its place in its low bits. */
    PLACES = 2048,
};

_Static_assert((int)PLACES >= (int)NATIVE_SEATS, "a place for each");

/* --- finding ---------------------------------------------------------------*/

struct seat *
seat_find(const struct native *n, uint64_t session)
{
    size_t place = session % PLACES;
    struct seat *s = place < NATIVE_SEATS ? n->seat[place] : NULL;

    return s != NULL && s->session == session ? s : NULL;
}

struct seat *
seat_of_nonce(const struct native *n, const unsigned char *nonce,
              const tn_addr *from)
{
    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        struct seat *s = n->seat[i];

        if (s != NULL && memcmp(s->nonce, nonce, WIRE_NONCE) == 0 &&
            tn_addr_equal(&s->peer.addr, from)) {
            return s;
        }
    }
    return NULL;
}

struct seat *
seat_of_stranger(const struct native *n, const tn_addr *from)
{
    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        struct seat *s = n->seat[i];

        if (s != NULL && !s->confirmed && tn_addr_equal(&s->peer.addr, from)) {
            return s;
        }
    }
    return NULL;
}

struct seat *
seat_of_author(const struct native *n, const struct seat *me, const char *name)
{
    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        struct seat *s = n->seat[i];
        const char *its = s != NULL ? room_name(n->room, s->who) : NULL;

        if (its != NULL && s != me && s->author == me->author &&
            strcmp(its, name) == 0) {
            return s;
        }
    }
    return NULL;
}

static bool
is_crowded(const struct native *n, const tn_addr *from)
{
    int count = 0;

    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        const struct seat *s = n->seat[i];

        count += s != NULL && gate_same_host(&s->peer.addr, from);
    }
    return count >= NATIVE_PER_HOST;
}

/* --- life ------------------------------------------------------------------*/

static uint64_t
make_session(size_t place)
{
    uint64_t random;

    tn_secret(&random, sizeof(random));
    return random - random % PLACES + place;
}

int
seat_new(struct native *n, struct seat **out, const struct udp_peer *from,
         int64_t now)
{
    size_t place = 0;
    struct seat *s;

    *out = NULL;
    while (place < NATIVE_SEATS && n->seat[place] != NULL) {
        place++;
    }
    if (place == NATIVE_SEATS) {
        return -EUSERS;
    }
    if (is_crowded(n, &from->addr) || !gate_join(&n->gate, &from->addr, now)) {
        return -EAGAIN;
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return -ENOMEM;
    }
    s->session = make_session(place);
    s->peer = *from;
    s->since = now;
    s->roster = ROOM_MEMBERS;
    s->at = s->live = n->end;
    link_init(&s->link, now, LINK_OF_HUB);
    n->seat[place] = s;
    *out = s;
    return 0;
}

void
seat_end(struct seat *s, int64_t now)
{
    s->state = SEAT_ENDS;
    s->since = now;
    s->who = 0;
}

/* The link counts from 1 again: with the same keys something would be sealed
   with a number that was used. Nobody has the new ones. */
void
seat_lose(struct seat *s)
{
    int64_t heard = s->link.heard;

    tn_secret(s->keys.in, sizeof(s->keys.in));
    tn_secret(s->keys.out, sizeof(s->keys.out));
    tn_secret(s->nonce, sizeof(s->nonce));

    link_fini(&s->link);
    link_init(&s->link, heard, LINK_OF_HUB);
    s->session = make_session(s->session % PLACES);
    s->state = SEAT_LOST;
}

void
seat_free(struct native *n, struct seat *s)
{
    if (s != NULL) {
        if (s->tried) {
            guard_right(n->opts.guard, &s->peer.addr);
        }
        n->seat[s->session % PLACES] = NULL;
        link_fini(&s->link);
        tn_wipe(s, sizeof(*s));
        free(s);
    }
}

/* --- who is away -----------------------------------------------------------*/

/* Tell the others, if it is news. */
static void
set_away(struct native *n, struct seat *s, bool away)
{
    unsigned char message[LINK_MESSAGE];
    struct guest_person *p = &n->person[s->who % ROOM_MEMBERS];

    if (s->state != SEAT_HERE || s->away == away) {
        return;
    }
    s->away = away;
    if (p->id == s->who) {
        p->away = away;
        native_tell(n, message, talk_put_presence(message, s->who, away));
    }
}

void
seat_heard(struct native *n, struct seat *s)
{
    s->vanished = 0;
    set_away(n, s, false);
}

void
native_on_gone(void *arg, const tn_addr *addr)
{
    struct native *n = arg;

    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        struct seat *s = n->seat[i];

        if (s != NULL && s->vanished == 0 &&
            tn_addr_equal(&s->peer.addr, addr)) {
            s->vanished = tn_now();
            set_away(n, s, true);
        }
    }
}

static bool
is_gone(const struct seat *s, int64_t now)
{
    if (s->state == SEAT_HERE || s->state == SEAT_ENTERS ||
        s->state == SEAT_LOST) {
        return now - s->link.heard >= NATIVE_GONE ||
               (s->vanished != 0 && now - s->vanished >= NATIVE_VANISHED);
    }
    return now - s->since >=
           (s->state == SEAT_NEW ? NATIVE_HELLO : NATIVE_LINGER);
}

/* Suspends, and `s` may be another's then. */
static void
look_after(struct native *n, struct seat *s, int64_t now)
{
    room_id who = s->who;

    if (!is_gone(s, now)) {
        if (now - s->link.heard >= NATIVE_AWAY) {
            set_away(n, s, true);
        }
        return;
    }
    /* While the room answers its question a seat is kept. */
    if (s->state != SEAT_ENTERS) {
        seat_free(n, s);
        room_leave(n->room, who);
    }
}

int
seat_sweep(void *arg)
{
    struct native *n = arg;

    tn_task_name("native sweep");
    for (;;) {
        int err = tn_sleep(NATIVE_SWEEP);

        if (err < 0) {
            return err;
        }
        for (size_t i = 0; i < NATIVE_SEATS; i++) {
            if (n->seat[i] != NULL) {
                look_after(n, n->seat[i], tn_now());
            }
        }
    }
}
