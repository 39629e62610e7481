/*
 * sim_dgram.c - where messages go. Datagrams have a delay each, so they
 * overtake each other; some are lost, some come twice, a full box drops them.
 *
 * Unix messages, SOCK_SEQPACKET among them, do none of this: they arrive in
 * order, and their sender waits while the box is full.
 */
#include "wait/sim_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- delivery ---- */

/* One datagram, twice if the dice say so. */
static int
deliver(struct sim_sock *to, const struct sim_name *from, const uint8_t *data,
        size_t len)
{
    struct sim *s = to->sim;
    int copies = sim_chance(s, s->opts.dup) ? 2 : 1;

    for (int i = 0; i < copies && !sim_box_is_full(&to->box, len); i++) {
        struct sim_msg *m = sim_msg_launch(to, from, len);

        if (!m) {
            return -ENOBUFS;
        }
        memcpy(m->data, data, len);
        sim_msg_arrive_at(m, s->now + sim_delay(s));
    }
    return 0;
}

/* A connected socket hears its peer only. */
static bool
hears(const struct sim_sock *to, const struct sim_name *from)
{
    return to->state != SIM_CONNECTED || (to->peer_name.kind != SIM_NONE &&
                                          sim_name_equal(&to->peer_name, from));
}

static int
deliver_to_all(struct sim_sock *k, const struct sim_name *from,
               const struct sim_name *to, const uint8_t *data, size_t len)
{
    struct sim_sock *o = sim_find(k->sim, k, to, NULL);
    int r = 0;

    for (; o && r == 0; o = sim_find(k->sim, k, to, o)) {
        if (hears(o, from)) {
            r = deliver(o, from, data, len);
        }
    }
    return r;
}

/* Who is connected to the sender goes before who hears everybody. */
static struct sim_sock *
find_receiver(struct sim_sock *k, const struct sim_name *from,
              const struct sim_name *to)
{
    struct sim_sock *o = sim_find(k->sim, k, to, NULL);
    struct sim_sock *found = NULL;

    for (; o; o = sim_find(k->sim, k, to, o)) {
        if (hears(o, from) && (!found || (o->state == SIM_CONNECTED &&
                                          found->state != SIM_CONNECTED))) {
            found = o;
        }
    }
    return found;
}

/* ---- sending: IP ---- */

/* Nobody there: a connected socket learns it, as by ICMP. */
static void
unreachable(struct sim_sock *k)
{
    if (k->state == SIM_CONNECTED) {
        k->error[TN__READER] = -ECONNREFUSED;
        sim_wake(k, TN__READER, sim_delay(k->sim));
    }
}

static int
route(struct sim_sock *k, const struct sim_name *to)
{
    if (to->port == 0) {
        return -EINVAL;
    }
    if (sim_name_is_broadcast(to)) {
        return k->option[SIM_BROADCAST] ? sim_autobind(k) : -EACCES;
    }
    return sim_name_is_local(to) ? sim_autobind(k) : -ENETUNREACH;
}

static int
send_data(struct sim_sock *k, const struct sim_name *to, const uint8_t *data,
          size_t len)
{
    struct sim_name real, from;
    struct sim_sock *o;

    sim_name_seen(&real, to, to);
    sim_name_seen(&from, &k->name, &real);
    if (sim_chance(k->sim, k->sim->opts.loss)) {
        return 0;
    }
    if (sim_name_is_broadcast(&real)) {
        return deliver_to_all(k, &from, &real, data, len);
    }
    o = find_receiver(k, &from, &real);
    if (!o) {
        unreachable(k);
        return 0;
    }
    return deliver(o, &from, data, len);
}

static ssize_t
send_ip(struct sim_sock *k, const struct sim_name *to, struct sim_io *io)
{
    const size_t most =
        k->family == AF_INET ? TN_SIM_DGRAM_IP4 : TN_SIM_DGRAM_IP6;
    size_t len = io->total;
    uint8_t *data;
    int r;

    if (len > most) {
        return -EMSGSIZE;
    }
    r = route(k, to);
    if (r < 0) {
        return r;
    }
    data = malloc(len > 0 ? len : 1);
    if (!data) {
        return -ENOBUFS;
    }
    sim_io_get(io, data, len);
    r = send_data(k, to, data, len);
    free(data);
    return r < 0 ? r : (ssize_t)len;
}

/* ---- sending: Unix ---- */

static ssize_t
send_unix(struct sim_sock *k, struct sim_sock *to, struct sim_io *io)
{
    struct sim *s = k->sim;
    int64_t due = s->now + sim_delay(s);
    struct sim_msg *m;

    if (to->shut_rd) {
        return -EPIPE;
    }
    if (io->total > TN_SIM_DGRAM_UNIX) {
        return -EMSGSIZE;
    }
    if (sim_box_is_full(&to->box, io->total)) {
        sim_room_wait(k, to);
        return -EAGAIN;
    }
    m = sim_msg_launch(to, &k->name, io->total);
    if (!m) {
        return -ENOBUFS;
    }
    sim_io_get(io, m->data, io->total);
    /* A moment of its own for each: two at once would toss for the order. */
    if (due <= to->in.last_due) {
        due = to->in.last_due + 1;
    }
    to->in.last_due = due;
    sim_msg_arrive_at(m, due);
    return (ssize_t)io->total;
}

static ssize_t
send_unix_name(struct sim_sock *k, const struct sim_name *to, struct sim_io *io)
{
    struct sim_sock *o = sim_find(k->sim, k, to, NULL);

    if (!o) {
        return k->state == SIM_CONNECTED ? -ECONNREFUSED : -ENOENT;
    }
    if (o->state == SIM_CONNECTED && o->peer != k && !hears(o, &k->name)) {
        return -EPERM;
    }
    return send_unix(k, o, io);
}

static ssize_t
send_peer(struct sim_sock *k, struct sim_io *io)
{
    if (k->type == SOCK_SEQPACKET) {
        if (k->state != SIM_CONNECTED) {
            return -ENOTCONN;
        }
        return k->peer ? send_unix(k, k->peer, io) : -EPIPE;
    }
    if (k->state != SIM_CONNECTED) {
        return k->family == AF_UNIX ? -ENOTCONN : -EDESTADDRREQ;
    }
    if (k->family != AF_UNIX) {
        return send_ip(k, &k->peer_name, io);
    }
    if (k->peer_name.kind != SIM_NONE) {
        return send_unix_name(k, &k->peer_name, io);
    }
    return k->peer ? send_unix(k, k->peer, io) : -ECONNREFUSED;
}

ssize_t
sim_dgram_send(struct sim_sock *k, struct sim_io *io)
{
    struct sim_name to;
    int err;

    err = sim_take_error(k, k->type == SOCK_DGRAM ? TN__READER : TN__WRITER);
    if (err < 0) {
        return err;
    }
    if (k->shut_wr || k->dead) {
        return -EPIPE;
    }
    if (!io->msg || io->msg->msg_namelen == 0 || k->type != SOCK_DGRAM) {
        return send_peer(k, io);
    }
    err =
        sim_name_read(&to, k->family, io->msg->msg_name, io->msg->msg_namelen);
    if (err < 0) {
        return err;
    }
    if (to.kind == SIM_NONE) {
        return -EINVAL;
    }
    return to.kind == SIM_IP ? send_ip(k, &to, io) : send_unix_name(k, &to, io);
}

bool
sim_dgram_writable(const struct sim_sock *k)
{
    return k->state == SIM_FRESH || !k->peer ||
           !sim_box_is_full(&k->peer->box, 1);
}

/* ---- connect ---- */

static void
disconnect(struct sim_sock *k)
{
    if (k->peer) {
        k->peer->peer = NULL;
    }
    k->peer = NULL;
    k->peer_name = (struct sim_name){.kind = SIM_NONE};
    k->state = SIM_FRESH;
}

int
sim_dgram_connect(struct sim_sock *k, const struct sockaddr *sa, socklen_t len)
{
    struct sim_name to;
    int r;

    if (len >= sizeof(sa->sa_family) && sa->sa_family == AF_UNSPEC) {
        disconnect(k);
        return 0;
    }
    r = sim_name_read(&to, k->family, sa, len);
    if (r == 0 && to.kind == SIM_NONE) {
        r = -EINVAL;
    }
    if (r == 0) {
        r = to.kind == SIM_IP                ? route(k, &to)
            : sim_find(k->sim, k, &to, NULL) ? 0
                                             : -ENOENT;
    }
    if (r < 0) {
        return r;
    }
    disconnect(k);
    sim_name_seen(&k->peer_name, &to, &to);
    sim_name_seen(&k->name, &k->name, &to);
    k->state = SIM_CONNECTED;
    return 0;
}
