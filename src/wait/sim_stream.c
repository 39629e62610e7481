/*
 * sim_stream.c - bytes in flight: in order, bounded, in batches that take a
 * while, cut at random, and followed by an end or a reset.
 *
 * Each socket owns what comes towards it. Its peer writes into the ring; a
 * batch of bytes may be read once its time has come.
 */
#include "wait/sim_int.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A send to a peer that is gone, and known to be: refused, not swallowed. */
#define ODDS_EPIPE 500

static uint32_t
used(const struct sim_pipe *p)
{
    return p->arrived + p->flying;
}

/* ---- arrival ---- */

static void
drop_flying(struct sim_pipe *p)
{
    p->flying = 0;
    p->count = 0;
}

static void
land_batches(struct sim_pipe *p, int64_t now)
{
    while (p->count > 0 && p->batch[p->first].due <= now) {
        uint32_t len = p->batch[p->first].len;

        p->flying -= len;
        p->arrived += len;
        p->first = (p->first + 1) % TN_SIM_BATCHES;
        p->count--;
    }
}

static void
land_end(struct sim_sock *k)
{
    k->in.seen = k->in.end;
    if (k->in.seen == SIM_RESET) {
        k->dead = true;
        k->error[TN__READER] = k->error[TN__WRITER] = -ECONNRESET;
    }
    sim_wake(k, TN__WRITER, 0);
}

static void
schedule(struct sim_sock *k)
{
    struct sim_pipe *p = &k->in;

    if (p->count > 0) {
        sim_event_at(k->sim, &p->event, p->batch[p->first].due);
    } else if (p->end != SIM_OPEN && p->seen == SIM_OPEN) {
        sim_event_at(k->sim, &p->event, p->end_due);
    }
}

void
sim_stream_arrive(void *sock)
{
    struct sim_sock *k = sock;
    struct sim_pipe *p = &k->in;
    int64_t now = k->sim->now;

    land_batches(p, now);
    /* Its time is later than that of all batches. */
    if (p->end != SIM_OPEN && p->seen == SIM_OPEN && p->end_due <= now) {
        land_end(k);
    }
    sim_wake(k, TN__READER, 0);
    schedule(k);
}

void
sim_stream_end(struct sim_sock *k, enum sim_end end)
{
    struct sim_pipe *p = &k->in;
    int64_t due = k->sim->now + sim_delay(k->sim);

    if (p->seen != SIM_OPEN || p->end >= end) {
        return;
    }
    p->end = end;
    if (end == SIM_RESET) {
        drop_flying(p);
        sim_box_drop(&k->box.flying);
        sim_event_drop(k->sim, &p->event);
    } else if (due <= p->last_due) {
        /* Later than the last message, which may be due at the same moment. */
        due = p->last_due + 1;
    }
    p->end_due = due;
    schedule(k);
}

/* ---- sending ---- */

static uint32_t
capacity(const struct sim_sock *from, const struct sim_sock *to)
{
    uint32_t cap = TN_SIM_PIPE;

    if ((uint32_t)from->option[SIM_SNDBUF] < cap) {
        cap = (uint32_t)from->option[SIM_SNDBUF];
    }
    if ((uint32_t)to->option[SIM_RCVBUF] < cap) {
        cap = (uint32_t)to->option[SIM_RCVBUF];
    }
    return cap;
}

/* The buffers may have shrunk since they were filled. */
static uint32_t
space(const struct sim_sock *k)
{
    uint32_t cap = capacity(k, k->peer);
    uint32_t n = used(&k->peer->in);

    return n < cap ? cap - n : 0;
}

static bool
grow(struct sim_pipe *p, uint32_t need)
{
    uint32_t size = p->size ? p->size : TN_SIM_PIPE_FIRST;
    uint32_t part = p->size - p->head;
    uint8_t *ring;

    while (size < need) {
        size *= 2;
    }
    ring = malloc(size);
    if (!ring) {
        return false;
    }
    if (used(p) > 0) {
        part = part < used(p) ? part : used(p);
        memcpy(ring, p->ring + p->head, part);
        memcpy(ring + part, p->ring, used(p) - part);
    }
    free(p->ring);
    p->ring = ring;
    p->size = size;
    p->head = 0;
    return true;
}

/* Where the next bytes go, and how many of n fit there in one piece. */
static uint8_t *
tail(const struct sim_pipe *p, size_t n, size_t *run)
{
    uint32_t at = (p->head + used(p)) & (p->size - 1);

    *run = p->size - at < n ? p->size - at : n;
    return p->ring + at;
}

/* n bytes stand behind the last ones: send them off. */
static void
launch(struct sim_sock *to, uint32_t n)
{
    struct sim_pipe *p = &to->in;
    int64_t now = to->sim->now;
    int64_t due = now + sim_delay(to->sim);
    struct sim_batch *last;

    if (due < p->last_due) {
        due = p->last_due;
    }
    p->last_due = due;
    if (due <= now && p->count == 0) {
        p->arrived += n;
        sim_wake(to, TN__READER, 0);
        return;
    }
    p->flying += n;
    if (p->count == TN_SIM_BATCHES) {
        last = &p->batch[(p->first + p->count - 1) % TN_SIM_BATCHES];
        last->len += n;
        last->due = due;
    } else {
        last = &p->batch[(p->first + p->count++) % TN_SIM_BATCHES];
        *last = (struct sim_batch){.due = due, .len = n};
    }
    schedule(to);
}

/* Break the connection: this side knows at once, the other after a while. */
static ssize_t
reset_here(struct sim_sock *k)
{
    struct sim_sock *peer = k->peer;

    k->peer = NULL;
    peer->peer = NULL;
    sim_stream_end(peer, SIM_RESET);
    drop_flying(&k->in);
    sim_event_drop(k->sim, &k->in.event);
    k->in.end = k->in.seen = SIM_RESET;
    k->dead = true;
    k->error[TN__READER] = -ECONNRESET;
    sim_wake(k, TN__READER, 0);
    return -ECONNRESET;
}

/* The peer is gone: before its end arrived nobody can know, then one send may
   still get through, as the reset takes its time. Unix knows at once. */
static ssize_t
send_nowhere(struct sim_sock *k, size_t total)
{
    if (k->family == AF_UNIX ||
        (k->in.seen != SIM_OPEN && sim_chance(k->sim, ODDS_EPIPE))) {
        k->dead = true;
        return -EPIPE;
    }
    return (ssize_t)sim_part(k->sim, total < TN_SIM_PIPE ? total : TN_SIM_PIPE);
}

/* What stands against sending, but for the peer being gone. */
static int
refusal(struct sim_sock *k)
{
    int err = sim_take_error(k, TN__WRITER);

    if (err < 0) {
        return err;
    }
    if (k->state != SIM_CONNECTED) {
        return k->family == AF_UNIX ? -ENOTCONN : -EPIPE;
    }
    if (k->dead || k->shut_wr ||
        (k->family == AF_UNIX && k->peer && k->peer->shut_rd)) {
        return -EPIPE;
    }
    return 0;
}

/* How many of n bytes go now; there is a peer. */
static ssize_t
portion(struct sim_sock *k, size_t n)
{
    struct sim_pipe *p = &k->peer->in;
    uint32_t room = space(k);

    if (sim_chance(k->sim, k->sim->opts.reset)) {
        return reset_here(k);
    }
    if (room == 0) {
        return -EAGAIN;
    }
    n = sim_part(k->sim, n < room ? n : room);
    if (used(p) + n > p->size && !grow(p, used(p) + (uint32_t)n)) {
        n = p->size - used(p);
    }
    return n > 0 ? (ssize_t)n : -ENOBUFS;
}

ssize_t
sim_stream_send(struct sim_sock *k, struct sim_io *io)
{
    ssize_t n = refusal(k);
    struct sim_pipe *p;
    size_t run;
    uint8_t *at;

    if (n < 0 || io->total == 0) {
        return n;
    }
    if (!k->peer) {
        return send_nowhere(k, io->total);
    }
    n = portion(k, io->total);
    if (n < 0) {
        return n;
    }
    p = &k->peer->in;
    at = tail(p, (size_t)n, &run);
    sim_io_get(io, at, run);
    sim_io_get(io, p->ring, (size_t)n - run);
    launch(k->peer, (uint32_t)n);
    return n;
}

ssize_t
sim_stream_sendfile(struct sim_sock *k, struct tn__op *op)
{
    ssize_t n = k->type == SOCK_STREAM ? refusal(k) : -EOPNOTSUPP;
    size_t run;
    uint8_t *at;

    if (n < 0 || op->u.f.len == 0) {
        return n;
    }
    if (!k->peer) {
        return -EPIPE;
    }
    n = portion(k, op->u.f.len);
    if (n < 0) {
        return n;
    }
    at = tail(&k->peer->in, (size_t)n, &run);
    do {
        n = pread(op->u.f.file, at, run, op->u.f.offset);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        launch(k->peer, (uint32_t)n);
        op->u.f.offset += n;
    }
    return n < 0 ? -errno : n;
}

bool
sim_stream_writable(const struct sim_sock *k)
{
    return k->state == SIM_CONNECTED &&
           (k->error[TN__WRITER] < 0 || k->dead || k->shut_wr || !k->peer ||
            space(k) > 0);
}

/* ---- receiving ---- */

/* Copy the first n unread bytes. */
static void
copy_out(const struct sim_pipe *p, struct sim_io *io, size_t n)
{
    size_t run = p->size - p->head < n ? p->size - p->head : n;

    sim_io_put(io, p->ring + p->head, run);
    sim_io_put(io, p->ring, n - run);
}

static void
consume(struct sim_sock *k, uint32_t n)
{
    struct sim_pipe *p = &k->in;

    p->head = (p->head + n) & (p->size - 1);
    p->arrived -= n;
    if (k->peer) {
        sim_wake(k->peer, TN__WRITER, sim_delay(k->sim));
    }
}

static ssize_t
nothing_to_read(struct sim_sock *k)
{
    int err = sim_take_error(k, TN__READER);

    if (err < 0) {
        return err;
    }
    if (k->state != SIM_CONNECTED) {
        return -ENOTCONN;
    }
    return k->in.seen != SIM_OPEN || k->shut_rd ? 0 : -EAGAIN;
}

ssize_t
sim_stream_recv(struct sim_sock *k, struct sim_io *io)
{
    size_t n = k->in.arrived;

    if (io->msg) {
        io->msg->msg_namelen = 0;
        io->msg->msg_flags = 0;
    }
    if (n == 0) {
        return io->total == 0 && k->state == SIM_CONNECTED ? 0
                                                           : nothing_to_read(k);
    }
    if (n > io->total) {
        n = io->total;
    }
    if (!(io->flags & MSG_WAITALL)) {
        n = sim_part(k->sim, n);
    }
    /* tcp(7): MSG_TRUNC throws the bytes away. */
    if (!(io->flags & MSG_TRUNC) || k->family == AF_UNIX) {
        copy_out(&k->in, io, n);
    }
    if (!(io->flags & MSG_PEEK) && n > 0) {
        consume(k, (uint32_t)n);
    }
    return (ssize_t)n;
}

bool
sim_stream_readable(const struct sim_sock *k)
{
    return k->in.arrived > 0 || k->in.seen != SIM_OPEN || k->shut_rd ||
           k->error[TN__READER] < 0;
}
