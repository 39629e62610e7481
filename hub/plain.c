#include "plain.h"

#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include "gate.h"

#include <stdlib.h>
#include <string.h>

/* A datagram that begins so is a frame of a later dialect, not text. */
enum {
    PLAIN_NOT_TEXT = 0xFF,
};

/* Where a member is. The slot outlives the member until its leaving, which
   waits in the queue, has been told: till then it gets what came before. */
struct slot {
    room_id id; /* 0: free */
    struct udp_peer peer;
    uint64_t since; /* number of its join: it gets what came after */
    bool newline;   /* its own datagrams end in one */
    bool gone;      /* nobody listens there; the undertaker knows */
};

struct plain {
    room *room;
    struct plain_opts opts;
    tn_chan *queue;  /* struct room_event, to be sent */
    tn_chan *graves; /* room_id, of members that are gone */
    struct gate gate;
    door *door;
    struct dialect_reader reader;
    char line[DIALECT_DATAGRAM]; /* what is being sent */
    struct room_event event;     /* whence it came */
    size_t high;                 /* slots from here on were never used */
    struct slot slot[PLAIN_SLOTS];
};

static void
drop(plain *p, const tn_addr *from, const char *why)
{
    if (p->opts.dropped != NULL) {
        p->opts.dropped(p->opts.arg, from, why);
    }
}

/* --- the table -------------------------------------------------------------*/

/* The slot of a member who is in the room. */
static struct slot *
find(plain *p, const tn_addr *addr)
{
    for (size_t i = 0; i < p->high; i++) {
        struct slot *s = &p->slot[i];

        if (s->id != 0 && tn_addr_equal(&s->peer.addr, addr) &&
            room_has(p->room, s->id)) {
            return s;
        }
    }
    return NULL;
}

static struct slot *
find_free(plain *p)
{
    size_t i = 0;

    while (i < PLAIN_SLOTS && p->slot[i].id != 0) {
        i++;
    }
    if (i == PLAIN_SLOTS) {
        return NULL;
    }
    if (p->high <= i) {
        p->high = i + 1;
    }
    return &p->slot[i];
}

static bool
is_crowded(const plain *p, const tn_addr *from)
{
    int count = 0;

    for (size_t i = 0; i < p->high; i++) {
        const struct slot *s = &p->slot[i];

        if (s->id != 0 && gate_same_host(from, &s->peer.addr)) {
            count++;
        }
    }
    return count >= PLAIN_PER_HOST;
}

/* --- out -------------------------------------------------------------------*/

/* The room published something. Suspends while the queue is full. */
static void
enqueue(void *arg, const struct room_event *ev)
{
    plain *p = arg;

    int err = tn_chan_send(p->queue, ev);

    /* An event is not lost because the connection it came from is; only when
       the hub ends may nobody be there to send it. */
    if (err == -ECANCELED || err == -ETIME) {
        tn_scope shield;

        tn_shield(&shield, PLAIN_FLUSH);
        (void)!tn_chan_send(p->queue, ev);
        (void)tn_scope_end(&shield);
    }
}

static bool
is_for(const struct slot *s, const struct room_event *ev)
{
    if (s->id == 0 || s->gone || ev->number <= s->since) {
        return false;
    }
    return ev->to != 0 ? ev->to == s->id : ev->who != s->id;
}

/* Send the event in p->event to all it is for. Only one task at a time. */
static void
deliver(plain *p)
{
    const struct room_event *ev = &p->event;
    size_t len = dialect_write(p->line, DIALECT_DATAGRAM - 1, ev, p->opts.lang);

    p->line[len] = '\n';
    for (size_t i = 0; i < p->high; i++) {
        struct slot *s = &p->slot[i];

        if (is_for(s, ev)) {
            (void)door_send(p->door, p->line, len + (s->newline ? 1 : 0),
                            &s->peer);
        }
        if (ev->what == ROOM_LEAVE && s->id == ev->who) {
            s->id = 0;
        }
    }
}

static int
courier(void *arg)
{
    plain *p = arg;

    tn_task_name("courier");
    for (;;) {
        tn_scope whole;
        int err = tn_chan_recv(p->queue, &p->event);

        if (err < 0) {
            return err;
        }
        /* Ctrl-C does not cut an event off that some have got already. */
        tn_shield(&whole, PLAIN_FLUSH);
        deliver(p);
        (void)tn_scope_end(&whole);
    }
}

void
plain_flush(plain *p)
{
    while (tn_chan_try_recv(p->queue, &p->event) == 0) {
        deliver(p);
    }
}

/* --- members that vanish ---------------------------------------------------*/

/* Called where a send or a receive found out, so it must not suspend. */
static void
on_gone(void *arg, const tn_addr *addr)
{
    plain *p = arg;
    struct slot *s = find(p, addr);

    /* There is room for every member, and each is sent once. */
    if (s != NULL && !s->gone && tn_chan_try_send(p->graves, &s->id) == 0) {
        s->gone = true;
    }
}

static int
undertaker(void *arg)
{
    plain *p = arg;

    tn_task_name("undertaker");
    for (;;) {
        room_id id;
        int err = tn_chan_recv(p->graves, &id);

        if (err < 0) {
            return err;
        }
        room_leave(p->room, id);
    }
}

static int
sweeper(void *arg)
{
    plain *p = arg;

    tn_task_name("sweeper");
    for (;;) {
        int err = tn_sleep(PLAIN_SWEEP);

        if (err < 0) {
            return err;
        }
        (void)room_sweep(p->room, tn_now());
    }
}

/* --- in --------------------------------------------------------------------*/

/* Answer somebody who is not let in, in no more bytes than it sent. */
static void
refuse(plain *p, const struct udp_peer *from, size_t budget, int err)
{
    char line[DIALECT_DATAGRAM];
    size_t newline = p->reader.newline ? 1 : 0;
    size_t cap = budget < sizeof(line) ? budget : sizeof(line);
    size_t len;

    drop(p, &from->addr, "not let in");
    if (cap <= newline) {
        return;
    }
    len =
        dialect_refuse(line, cap - newline, err, p->reader.text, p->opts.lang);
    line[len] = '\n';
    (void)door_send(p->door, line, len + newline, from);
}

/* Let the sender of a datagram in under the name that p->reader holds. */
static int
admit(plain *p, const struct udp_peer *from)
{
    struct slot *s = find_free(p);
    int64_t now = tn_now();

    if (p->reader.err < 0) {
        return p->reader.err;
    }
    if (s == NULL) {
        return -EUSERS;
    }
    if (is_crowded(p, &from->addr) || !gate_join(&p->gate, &from->addr, now)) {
        return -EAGAIN;
    }
    s->peer = *from;
    s->newline = p->reader.newline;
    s->gone = false;
    s->since = room_latest(p->room) + 1;
    return room_join(p->room, ROOM_PLAIN, p->reader.text, p->reader.len, now,
                     &s->id);
}

/* Do what the lines of a datagram ask for. Each may suspend, so the member is
   looked up for each. */
static void
obey(plain *p, const struct udp_peer *from, size_t size)
{
    struct dialect_reader *r = &p->reader;

    for (int line = 0; line < PLAIN_LINES; line++) {
        struct slot *s = find(p, &from->addr);
        room_id id = s != NULL ? s->id : 0;
        int err;

        if (!dialect_next(r, room_name(p->room, id))) {
            return;
        }
        if (r->what == DIALECT_JOIN) {
            err = admit(p, from);
            if (err < 0) {
                refuse(p, from, size, err);
                return;
            }
        } else if (r->what == DIALECT_LEAVE) {
            room_leave(p->room, id);
            return;
        } else {
            (void)room_say(p->room, id, r->text, r->len, tn_now());
        }
    }
}

static void
on_datagram(void *arg, const struct udp_peer *from, const char *buf, size_t n)
{
    plain *p = arg;
    struct slot *s;

    if (n > 0 && (unsigned char)buf[0] == PLAIN_NOT_TEXT) {
        drop(p, &from->addr, "not plain text");
        return;
    }
    if (!gate_is_attached(&p->gate, &from->addr, tn_now())) {
        drop(p, &from->addr, "not on an attached network");
        return;
    }
    dialect_open(&p->reader, buf, n);
    s = find(p, &from->addr);
    if (s != NULL && n > 0) {
        s->newline = p->reader.newline;
    }
    obey(p, from, n);
}

/* --- life ------------------------------------------------------------------*/

int
plain_open(plain **out, room *r, door *d, const struct plain_opts *opts)
{
    plain *p = calloc(1, sizeof(*p));
    const struct door_side side = {
        .datagram = on_datagram, .gone = on_gone, .arg = p};
    int err;

    *out = NULL;
    if (p == NULL) {
        return tn_fail(-ENOMEM, "open the room", NULL);
    }
    p->room = r;
    p->opts = *opts;
    p->door = d;
    err = tn_chan_new(&p->queue, sizeof(struct room_event), PLAIN_QUEUE);
    if (err == 0) {
        err = tn_chan_new(&p->graves, sizeof(room_id), PLAIN_SLOTS);
    }
    if (err == 0) {
        err = room_attach(r, enqueue, p);
    }
    if (err < 0) {
        plain_close(p);
        return err;
    }
    door_plain(d, &side);
    *out = p;
    return 0;
}

int
plain_serve(plain *p)
{
    static tn_task_fn *const tasks[] = {courier, undertaker, sweeper};
    tn_group g;

    tn_group_init(&g, 0);
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        int err = tn_go(&g, tasks[i], p);

        if (err < 0) {
            tn_group_cancel(&g);
            (void)tn_group_wait(&g);
            return err;
        }
    }
    return tn_group_wait(&g);
}

void
plain_close(plain *p)
{
    if (p == NULL) {
        return;
    }
    tn_chan_free(p->queue);
    tn_chan_free(p->graves);
    free(p);
}
