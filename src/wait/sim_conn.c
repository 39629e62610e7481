/*
 * sim_conn.c - the life of a simulated socket: made, paired, connected by way
 * of a backlog, shut down, closed.
 */
#include "wait/sim_int.h"

#include <stdlib.h>
#include <string.h>

enum {
    EVENTS_PER_SOCK = 3, /* two sides and the arriving stream */
};

int
sim_sock_new(struct sim *s, struct sim_sock **out, int family, int type,
             int proto)
{
    struct sim_sock *k;

    if (s->sock_count == TN_SIM_SOCKETS) {
        return -EMFILE;
    }
    if (sim_event_reserve(s, EVENTS_PER_SOCK) < 0) {
        return -ENOMEM;
    }
    k = calloc(1, sizeof(*k));
    if (!k) {
        sim_event_unreserve(s, EVENTS_PER_SOCK);
        return -ENOMEM;
    }
    k->sim = s;
    k->family = family;
    k->type = type;
    k->proto = proto;
    sim_look_init(k);
    sim_event_init(&k->in.event, sim_stream_arrive, k);
    sim_option_init(k);
    k->next = s->socks;
    if (s->socks) {
        s->socks->prev = k;
    }
    s->socks = k;
    s->sock_count++;
    *out = k;
    return 0;
}

void
sim_sock_free(struct sim_sock *k)
{
    struct sim *s = k->sim;

    sim_unbind(k);
    sim_room_leave(k);
    while (k->room_head) {
        sim_room_leave(k->room_head);
    }
    sim_event_drop(s, &k->event[TN__READER]);
    sim_event_drop(s, &k->event[TN__WRITER]);
    sim_event_drop(s, &k->in.event);
    sim_event_unreserve(s, EVENTS_PER_SOCK);
    sim_box_drop(&k->box.flying);
    sim_box_drop(&k->box.arrived);
    free(k->in.ring);
    if (k->prev) {
        k->prev->next = k->next;
    } else {
        s->socks = k->next;
    }
    if (k->next) {
        k->next->prev = k->prev;
    }
    s->sock_count--;
    free(k);
}

void
sim_pair(struct sim_sock *a, struct sim_sock *b)
{
    a->peer = b;
    b->peer = a;
    a->state = b->state = SIM_CONNECTED;
}

/* ---- waiting for room at another socket ---- */

void
sim_room_wait(struct sim_sock *k, struct sim_sock *at)
{
    sim_room_leave(k);
    k->waits_for = at;
    k->room_prev = at->room_tail;
    if (at->room_tail) {
        at->room_tail->room_next = k;
    } else {
        at->room_head = k;
    }
    at->room_tail = k;
}

void
sim_room_leave(struct sim_sock *k)
{
    struct sim_sock *at = k->waits_for;

    if (!at) {
        return;
    }
    if (k->room_prev) {
        k->room_prev->room_next = k->room_next;
    } else {
        at->room_head = k->room_next;
    }
    if (k->room_next) {
        k->room_next->room_prev = k->room_prev;
    } else {
        at->room_tail = k->room_prev;
    }
    k->room_prev = k->room_next = k->waits_for = NULL;
}

/* All of them: the first might be cancelled before it takes the room. */
void
sim_room_wake(struct sim_sock *at)
{
    while (at->room_head) {
        struct sim_sock *k = at->room_head;

        sim_room_leave(k);
        sim_wake(k, TN__WRITER, sim_delay(k->sim));
    }
}

/* ---- listen, connect, accept ---- */

int
sim_listen(struct sim_sock *k, int backlog)
{
    int r;

    if (k->type == SOCK_DGRAM) {
        return -EOPNOTSUPP;
    }
    if (k->state != SIM_FRESH && k->state != SIM_LISTENING) {
        return -EINVAL;
    }
    if (k->family == AF_UNIX && !k->bound) {
        return -EINVAL;
    }
    r = sim_autobind(k);
    if (r == 0) {
        r = sim_may_listen(k);
    }
    if (r < 0) {
        return r;
    }
    if (backlog < 0 || backlog > TN_SIM_BACKLOG) {
        backlog = TN_SIM_BACKLOG;
    }
    k->backlog_limit = backlog > 0 ? backlog : 1;
    k->state = SIM_LISTENING;
    return 0;
}

/* Any one of those who listen there; usually there is one at most. */
static int
find_listener(struct sim_sock *k, const struct sim_name *to,
              struct sim_sock **out)
{
    struct sim *s = k->sim;
    struct sim_sock *o = sim_find(s, k, to, NULL);
    bool named = o != NULL;
    uint32_t n = 0;

    *out = NULL;
    for (; o; o = sim_find(s, k, to, o)) {
        if (o->state != SIM_LISTENING) {
            continue;
        }
        n++;
        if (n == 1 || tn__rng_below(&s->rng, n) == 0) {
            *out = o;
        }
    }
    if (*out) {
        return 0;
    }
    return k->family == AF_UNIX && !named ? -ENOENT : -ECONNREFUSED;
}

static void
enqueue(struct sim_sock *at, struct sim_sock *child)
{
    child->listener = at;
    if (at->backlog_tail) {
        at->backlog_tail->backlog_next = child;
    } else {
        at->backlog_head = child;
    }
    at->backlog_tail = child;
    at->backlog_count++;
    sim_wake(at, TN__READER, sim_delay(at->sim));
}

static struct sim_sock *
dequeue(struct sim_sock *at)
{
    struct sim_sock *child = at->backlog_head;

    at->backlog_head = child->backlog_next;
    if (!at->backlog_head) {
        at->backlog_tail = NULL;
    }
    at->backlog_count--;
    child->backlog_next = NULL;
    child->listener = NULL;
    return child;
}

/* Make the other end, in the listener's backlog. */
static int
join(struct sim_sock *k, struct sim_sock *at, const struct sim_name *to)
{
    struct sim_sock *child;
    int r = sim_autobind(k);

    if (r == 0) {
        r = sim_sock_new(k->sim, &child, at->family, at->type, at->proto);
    }
    if (r < 0) {
        return r;
    }
    memcpy(child->option, at->option, sizeof(child->option));
    child->name = at->name.kind == SIM_IP ? *to : at->name;
    k->peer_name = child->name;
    sim_name_seen(&k->name, &k->name, to);
    child->peer_name = k->name;
    sim_pair(k, child);
    enqueue(at, child);
    return 0;
}

static int
connect_name(struct sim_sock *k, const tn_addr *addr, struct sim_name *to)
{
    int r = sim_name_read(to, k->family, &addr->u.sa, addr->len);

    if (r < 0) {
        return r;
    }
    if (to->kind == SIM_NONE) {
        return -EINVAL;
    }
    if (to->kind == SIM_IP && !sim_name_is_local(to)) {
        return -ENETUNREACH;
    }
    sim_name_seen(to, to, to);
    return 0;
}

/* `tried` says that the dice have been asked whether it is refused. */
ssize_t
sim_connect(struct sim_sock *k, struct tn__op *op)
{
    const tn_addr *addr = op->u.a.addr;
    struct sim_name to;
    struct sim_sock *at;
    int r;

    if (k->type == SOCK_DGRAM) {
        return sim_dgram_connect(k, &addr->u.sa, addr->len);
    }
    if (k->state != SIM_FRESH) {
        return k->state == SIM_CONNECTED ? -EISCONN : -EINVAL;
    }
    r = connect_name(k, addr, &to);
    if (r < 0) {
        return r;
    }
    if (!op->tried && sim_chance(k->sim, k->sim->opts.refuse)) {
        return -ECONNREFUSED;
    }
    r = find_listener(k, &to, &at);
    if (r < 0) {
        return r;
    }
    if (at->backlog_count >= at->backlog_limit) {
        if (!op->nowait) {
            op->tried = true;
            sim_room_wait(k, at);
        }
        return -EAGAIN;
    }
    return join(k, at, &to);
}

ssize_t
sim_accept(struct sim_sock *k, struct tn__op *op)
{
    struct sim_sock *child = k->backlog_head;

    if (k->type == SOCK_DGRAM) {
        return -EOPNOTSUPP;
    }
    if (k->state != SIM_LISTENING) {
        return -EINVAL;
    }
    if (!child) {
        return -EAGAIN;
    }
    if (sim_chance(k->sim, k->sim->opts.emfile)) {
        return -EMFILE;
    }
    dequeue(k);
    op->u.a.accepted = child;
    if (op->u.a.addr) {
        sim_name_write(&child->peer_name, child->family, op->u.a.addr);
    }
    sim_room_wake(k);
    return 0;
}

/* ---- shutdown, close ---- */

static void
empty_backlog(struct sim_sock *k)
{
    while (k->backlog_head) {
        sim_close(dequeue(k), true);
    }
    sim_room_wake(k);
}

static int
shutdown_listener(struct sim_sock *k, int how)
{
    if (how != SHUT_WR) {
        k->state = SIM_ENDED;
        empty_backlog(k);
        sim_wake(k, TN__READER, 0);
    }
    return 0;
}

int
sim_shutdown(struct sim_sock *k, int how)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) {
        return -EINVAL;
    }
    if (k->state == SIM_LISTENING) {
        return shutdown_listener(k, how);
    }
    if (k->state != SIM_CONNECTED || k->dead) {
        return -ENOTCONN;
    }
    if (how != SHUT_RD && !k->shut_wr) {
        k->shut_wr = true;
        if (k->peer && k->type != SOCK_DGRAM) {
            sim_stream_end(k->peer, SIM_FIN);
        }
        sim_wake(k, TN__WRITER, 0);
    }
    if (how != SHUT_WR) {
        k->shut_rd = true;
        sim_wake(k, TN__READER, 0);
        if (k->peer) {
            sim_wake(k->peer, TN__WRITER, 0);
        }
    }
    return 0;
}

/* Like TCP, input that nobody read resets the connection. */
static bool
closes_hard(const struct sim_sock *k)
{
    return k->in.arrived > 0 || k->box.arrived.head ||
           (k->option[SIM_LINGER_ON] && k->option[SIM_LINGER] == 0 &&
            k->family != AF_UNIX);
}

static void
leave_peer(struct sim_sock *k, bool reset)
{
    struct sim_sock *peer = k->peer;
    bool hard = reset || closes_hard(k);

    k->peer = NULL;
    peer->peer = NULL;
    if (k->type != SOCK_DGRAM) {
        sim_stream_end(peer, hard ? SIM_RESET : SIM_FIN);
    }
    /* Who has read the end before hears of the reset by sending. */
    if (hard && peer->in.seen == SIM_FIN) {
        peer->dead = true;
    }
    if (peer->family == AF_UNIX || peer->in.seen != SIM_OPEN) {
        sim_wake(peer, TN__WRITER, sim_delay(k->sim));
    }
}

void
sim_close(struct sim_sock *k, bool reset)
{
    if (k->peer) {
        leave_peer(k, reset);
    }
    empty_backlog(k);
    sim_sock_free(k);
}
