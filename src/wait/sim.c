/*
 * sim.c - a backend without a kernel: a virtual clock and a simulated network.
 *
 * The same seed gives the same run, whatever the machine does. An op is looked
 * at when it starts (unless the dice say "later") and whenever something
 * changed on its side; each look may finish it. A cancelled op either ends at
 * once or lingers, and then what arrives first wins: the data or the cancel.
 */
#include "wait/sim_int.h"

#include <poll.h>
#include <stdlib.h>

/* Of 1000 ops: not looked at in start(); cancelled without a race. */
#define ODDS_LATER      400
#define ODDS_CANCEL_NOW 500

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static struct sim *
self(struct tn__waiter *w)
{
    return (struct sim *)w;
}

int
sim_take_error(struct sim_sock *k, enum tn__side side)
{
    int err = k->error[side];

    k->error[side] = 0;
    return err;
}

/* ---- ops ---- */

static void
note(struct sim *s, const struct tn__op *op, ssize_t result)
{
    const uint64_t word[] = {op->kind, (uint64_t)result, (uint64_t)s->now};

    for (size_t i = 0; i < 3; i++) {
        s->trace = (s->trace ^ word[i]) * FNV_PRIME;
    }
}

uint64_t
tn__sim_trace(struct tn__waiter *w)
{
    return self(w)->trace;
}

static void
complete(struct sim_sock *k, struct tn__op *op, ssize_t result)
{
    enum tn__side side = tn__op_side(op);

    sim_event_drop(k->sim, &k->event[side]);
    if (side == TN__WRITER) {
        sim_room_leave(k);
    }
    op->fd->op[side] = NULL;
    note(k->sim, op, result);
    tn__op_complete(op, result);
}

static bool
is_messages(const struct sim_sock *k)
{
    return k->type != SOCK_STREAM;
}

static ssize_t
try_recv(struct sim_sock *k, struct tn__op *op)
{
    struct sim_io io;
    ssize_t r = sim_io_init(&io, op);

    if (r < 0) {
        return r;
    }
    r = is_messages(k) ? sim_dgram_recv(k, &io) : sim_stream_recv(k, &io);
    if (r >= 0 && io.msg) {
        io.msg->msg_controllen = 0;
    }
    return r;
}

static ssize_t
try_send(struct sim_sock *k, struct tn__op *op)
{
    struct sim_io io;
    int r = sim_io_init(&io, op);

    if (r < 0) {
        return r;
    }
    return is_messages(k) ? sim_dgram_send(k, &io) : sim_stream_send(k, &io);
}

static ssize_t
try_poll(const struct sim_sock *k, int wanted)
{
    bool in, out;
    int events = 0;

    if (k->state == SIM_LISTENING || k->state == SIM_ENDED) {
        in = k->backlog_head || k->state == SIM_ENDED;
        out = false;
    } else if (is_messages(k)) {
        in = sim_dgram_readable(k);
        out = sim_dgram_writable(k);
    } else {
        in = sim_stream_readable(k);
        out = sim_stream_writable(k);
        if (k->dead || (k->in.seen != SIM_OPEN && k->shut_wr)) {
            events |= POLLHUP;
        }
    }
    events |= in ? wanted & POLLIN : 0;
    events |= out ? wanted & POLLOUT : 0;
    events |= k->in.seen != SIM_OPEN ? wanted & POLLRDHUP : 0;
    events |= k->error[TN__READER] < 0 ? POLLERR : 0;
    return events ? events : -EAGAIN;
}

/* A result, or -EAGAIN: nothing to be had yet. */
static ssize_t
try_op(struct sim_sock *k, struct tn__op *op)
{
    switch ((enum tn__op_kind)op->kind) {
    case TN__RECV:
    case TN__RECVMSG:
        return try_recv(k, op);
    case TN__SEND:
    case TN__SENDMSG:
        return try_send(k, op);
    case TN__ACCEPT:
        return sim_accept(k, op);
    case TN__CONNECT:
        return sim_connect(k, op);
    case TN__SENDFILE:
        return sim_stream_sendfile(k, op);
    case TN__POLL:
        return try_poll(k, op->u.events);
    case TN__OTHER:
        break;
    }
    /* No op on a descriptor. */
    TN_ASSERT(op->kind < TN__OTHER);
    return -EINVAL;
}

static void
look(struct sim_sock *k, enum tn__side side)
{
    struct tn__op *op = k->fd ? k->fd->op[side] : NULL;
    ssize_t r;

    if (!op) {
        return;
    }
    r = try_op(k, op);
    if (r == -EAGAIN && op->state == TN__CANCELLING) {
        r = -ECANCELED;
    }
    if (r != -EAGAIN) {
        complete(k, op, r);
    }
}

static void
look_reader(void *sock)
{
    look(sock, TN__READER);
}

static void
look_writer(void *sock)
{
    look(sock, TN__WRITER);
}

void
sim_look_init(struct sim_sock *k)
{
    sim_event_init(&k->event[TN__READER], look_reader, k);
    sim_event_init(&k->event[TN__WRITER], look_writer, k);
}

void
sim_wake(struct sim_sock *k, enum tn__side side, int64_t delay)
{
    struct tn__fd *fd = k->fd;
    const struct tn__op *reader = fd ? fd->op[TN__READER] : NULL;

    if (fd && fd->op[side]) {
        sim_event_at(k->sim, &k->event[side], k->sim->now + delay);
    }
    if (side == TN__WRITER && reader && reader->kind == TN__POLL) {
        sim_event_at(k->sim, &k->event[TN__READER], k->sim->now + delay);
    }
}

static bool
may_not_wait(const struct tn__op *op)
{
    switch ((enum tn__op_kind)op->kind) {
    case TN__RECV:
    case TN__SEND:
        return op->nowait || (op->u.io.flags & MSG_DONTWAIT);
    case TN__RECVMSG:
    case TN__SENDMSG:
        return op->nowait || (op->u.m.flags & MSG_DONTWAIT);
    case TN__ACCEPT:
    case TN__CONNECT:
    case TN__SENDFILE:
    case TN__POLL:
    case TN__OTHER:
        break;
    }
    return op->nowait;
}

static bool
finish(struct sim *s, struct tn__op *op, ssize_t result)
{
    note(s, op, result);
    return tn__op_finish(op, result);
}

static bool
sim_start(struct tn__op *op)
{
    struct sim_sock *k = op->fd->sim;
    enum tn__side side = tn__op_side(op);
    bool now = may_not_wait(op);
    ssize_t r;

    if (!k) {
        /* A descriptor of the kernel, or a socket of a network that ended. */
        return tn__op_finish(op, op->fd->fd >= 0 ? -EOPNOTSUPP : -EBADF);
    }
    if (op->fd->op[side]) {
        return finish(k->sim, op, -EBUSY);
    }
    if (!now && sim_chance(k->sim, ODDS_LATER)) {
        op->state = TN__PENDING;
        op->fd->op[side] = op;
        sim_wake(k, side, sim_delay(k->sim));
        return false;
    }
    r = try_op(k, op);
    if (r != -EAGAIN || now) {
        sim_room_leave(k);
        return finish(k->sim, op, r);
    }
    op->state = TN__PENDING;
    op->fd->op[side] = op;
    return false;
}

static void
sim_cancel(struct tn__op *op)
{
    struct sim_sock *k = op->fd->sim;

    if (sim_chance(k->sim, ODDS_CANCEL_NOW)) {
        complete(k, op, -ECANCELED);
        return;
    }
    op->state = TN__CANCELLING;
    sim_wake(k, tn__op_side(op), sim_delay(k->sim));
}

static const struct tn__op_class sim_ops = {
    .start = sim_start,
    .cancel = sim_cancel,
};

/* ---- the backend ---- */

static bool
valid(const struct tn_sim_opts *o)
{
    const int chance[] = {o->loss, o->dup, o->reset, o->refuse, o->emfile};

    for (size_t i = 0; i < sizeof(chance) / sizeof(chance[0]); i++) {
        if (chance[i] < 0 || chance[i] > 1000) {
            return false;
        }
    }
    return o->max_delay >= 0 && o->max_delay <= TN_SIM_DELAY_MAX;
}

static int
sim_open(struct tn__waiter **out, const struct tn_sim_opts *opts)
{
    struct sim *s;

    if (opts && !valid(opts)) {
        return -EINVAL;
    }
    s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->base.backend = &tn__backend_sim;
    if (opts) {
        s->opts = *opts;
    }
    if (s->opts.max_delay == 0) {
        s->opts.max_delay = TN_SIM_DELAY;
    }
    s->rng.state = s->opts.seed;
    s->now = TN_SIM_EPOCH;
    s->trace = FNV_BASIS;
    s->next_port = TN_SIM_PORT_FIRST;
    *out = &s->base;
    return 0;
}

/* Sockets may outlive their network; calls on them then give -EBADF. */
static void
sim_close_waiter(struct tn__waiter *w)
{
    struct sim *s = self(w);

    tn__waiter_release_all(w);
    while (s->socks) {
        if (s->socks->fd) {
            s->socks->fd->sim = NULL;
        }
        sim_sock_free(s->socks);
    }
    free(s->heap);
    free(s);
}

static int
sim_wait(struct tn__waiter *w, int64_t until)
{
    struct sim *s = self(w);
    int64_t next;

    if (sim_event_run(s) > 0) {
        return 1;
    }
    next = sim_event_next(s);
    if (until <= s->now) {
        until = s->now + TN_SIM_CREEP;
    }
    if (next < until) {
        until = next;
    }
    if (until >= TN_SIM_END) {
        return -EDEADLK;
    }
    s->now = until;
    sim_event_run(s);
    return 1;
}

static int64_t
sim_now(struct tn__waiter *w)
{
    return self(w)->now;
}

/* The network keeps the socket: it belongs to nothing else. */
static void
sim_forget(struct tn__waiter *w, struct tn__fd *fd)
{
    (void)w;
    (void)fd;
}

const struct tn__backend tn__backend_sim = {
    .name = "sim",
    .ops = &sim_ops,
    .net = &sim_net,
    .open = sim_open,
    .close = sim_close_waiter,
    .wait = sim_wait,
    .now = sim_now,
    .forget = sim_forget,
};
