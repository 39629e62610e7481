#include <tenon/err.h>
#include <tenon/task.h>

#include "native_int.h"

#include <string.h>

enum {
    /* Seats that are served in one go. */
    TURN = 64,
};

/* Timers that are due within this are served together. */
#define GRAIN (2 * TN_MS)

/* --- where it begins -------------------------------------------------------*/

bool
native_is_talk(enum room_what what)
{
    return what == ROOM_SAY || what == ROOM_ACT || what == ROOM_FILE;
}

/* The place of the oldest of the latest few things said. */
static uint64_t
place_of_recent(const struct native *n, uint64_t end)
{
    uint64_t at = end;
    int found = 0;

    while (found < NATIVE_RECENT && at > 0) {
        const struct told *t = native_told(n, at - 1);

        if (t == NULL) {
            break;
        }
        at--;
        found += t->number != 0 && native_is_talk(t->what);
    }
    return at;
}

uint64_t
native_after(const struct native *n, uint64_t end, uint64_t since)
{
    uint64_t at = end;
    const struct told *t;

    while (at > 0 && (t = native_told(n, at - 1)) != NULL &&
           (t->number == 0 || t->number > since)) {
        at--;
    }
    return at;
}

/* The event before a place in the ring. */
static uint64_t
last_before(const struct native *n, uint64_t at)
{
    const struct told *t;

    while (at > 0 && (t = native_told(n, at - 1)) != NULL) {
        if (t->number != 0) {
            return t->number;
        }
        at--;
    }
    return n->floor;
}

bool
native_place(struct native *n, struct seat *s, const struct talk_join *join)
{
    if (strcmp(join->epoch, n->epoch) != 0) {
        s->at = place_of_recent(n, s->live);
        s->last = last_before(n, s->at);
        s->talk_until = n->latest;
        return join->epoch[0] != '\0';
    }
    s->at = native_after(n, s->live, join->since);
    s->last = join->since;
    return s->last < n->floor && !past_begin(n, s);
}

/* --- what it is told -------------------------------------------------------*/

/* Queue people; false if the window is full. */
static bool
fill_people(struct native *n, struct seat *s)
{
    while (s->roster < ROOM_MEMBERS && link_room(&s->link) > NATIVE_SPARE) {
        unsigned char message[LINK_MESSAGE];
        struct wire_out o;
        bool fits = true;

        talk_put_people(&o, message);
        while (s->roster < ROOM_MEMBERS && fits) {
            const struct guest_person *p = &n->person[s->roster];

            fits = p->id == 0 || talk_put_person(&o, p);
            s->roster += fits ? 1 : 0;
        }
        talk_end_people(message, s->roster == ROOM_MEMBERS);
        native_answer(n, s, message, (size_t)(o.at - message));
    }
    return s->roster == ROOM_MEMBERS;
}

static bool
is_for(const struct seat *s, const struct told *t, uint64_t at)
{
    if (t->blob == NULL) {
        return false;
    }
    if (at < s->live && (t->number == 0 || (t->number <= s->talk_until &&
                                            !native_is_talk(t->what)))) {
        return false;
    }
    return t->to == 0 || t->to == s->who ||
           (t->who == s->who && t->what == ROOM_MSG);
}

/* Queue what it has not been told, as much as the window takes; false if the
   ring has gone on without it, and there is no history. On a frame of its own:
   messages are larger than datagrams. */
__attribute__((noinline)) static bool
fill(struct native *n, struct seat *s)
{
    if (s->state != SEAT_HERE || !fill_people(n, s)) {
        return true;
    }
    if (s->past) {
        past_fill(n, s);
    }
    while (!s->past && s->roster == ROOM_MEMBERS && s->at < n->end &&
           link_room(&s->link) > NATIVE_SPARE) {
        const struct told *t = native_told(n, s->at);

        if (t == NULL && !past_begin(n, s)) {
            return false;
        }
        if (t == NULL) {
            native_welcome(n, s, n->latest, false);
            return true;
        }
        if (is_for(s, t, s->at)) {
            (void)!link_queue(&s->link, t->blob);
        }
        s->last = t->number != 0 ? t->number : s->last;
        s->at++;
    }
    return !s->past || n->misses < PAST_TRIES;
}

/* It was overtaken. */
static void
send_away(struct native *n, struct seat *s)
{
    unsigned char buf[WIRE_DATAGRAM];
    const struct wire_frame reset = {.type = WIRE_RESET_FRAME,
                                     .session = s->session};
    struct udp_peer to = s->peer;

    seat_lose(s);
    (void)door_send(n->door, buf, wire_write(buf, &reset), &to);
}

/* --- packets ---------------------------------------------------------------*/

/* Send what one seat has to be sent; when there is more. Suspends where the
   socket does. */
static int64_t
serve(struct native *n, uint64_t session, int64_t now)
{
    struct seat *s;

    while ((s = seat_find(n, session)) != NULL) {
        unsigned char buf[WIRE_DATAGRAM];
        struct udp_peer to = s->peer;
        uint64_t number;
        size_t len;

        if (!fill(n, s)) {
            send_away(n, s);
            return INT64_MAX;
        }
        len = link_write(&s->link, buf + WIRE_HEAD, WIRE_PAYLOAD, now, &number);
        if (len == 0) {
            return link_wake(&s->link);
        }
        len = wire_seal(&s->keys, buf, len, session, number);
        (void)door_send(n->door, buf, len, &to);
    }
    return INT64_MAX;
}

bool
native_is_idle(const struct native *n)
{
    for (size_t i = 0; i < NATIVE_SEATS; i++) {
        const struct seat *s = n->seat[i];

        if (s != NULL && s->vanished == 0 &&
            (!link_is_idle(&s->link) ||
             (s->state == SEAT_HERE && s->at < n->end))) {
            return false;
        }
    }
    return true;
}

/* Wait for the bell, or until a moment. */
static int
wait_bell(struct native *n)
{
    int64_t left = n->wakes - tn_now();
    tn_scope limit;
    char ring;
    bool late;
    int err;

    if (n->wakes == INT64_MAX) {
        return tn_chan_recv(n->bell, &ring);
    }
    tn_deadline(&limit, left > GRAIN ? left : GRAIN);
    err = tn_chan_recv(n->bell, &ring);
    late = tn_scope_end(&limit);
    return late ? 0 : err;
}

/* Send what each has to be sent; when there is more. The others are let in
   between: a thousand sends take more than a millisecond. */
static int
serve_all(struct native *n, int64_t *next)
{
    int err = 0;

    *next = INT64_MAX;
    for (size_t i = 0; i < NATIVE_SEATS && err == 0; i++) {
        if (n->seat[i] != NULL) {
            int64_t wake = serve(n, n->seat[i]->session, tn_now());

            *next = wake < *next ? wake : *next;
        }
        if (i % TURN == TURN - 1) {
            err = tn_checkpoint();
        }
    }
    return err;
}

int
native_pump(void *arg)
{
    struct native *n = arg;
    int64_t next;
    int err;

    tn_task_name("native pump");
    do {
        n->wakes = INT64_MAX; /* whoever wants more meanwhile rings */
        err = serve_all(n, &next);
        n->wakes = next;
        if (err == 0) {
            err = wait_bell(n);
        }
    } while (err == 0);
    return err;
}
