/*
 * sim_box.c - messages on their way to one socket, and those that arrived.
 */
#include "wait/sim_int.h"

#include <stdlib.h>
#include <string.h>

static void
append(struct sim_msgs *list, struct sim_msg *m)
{
    m->next = NULL;
    m->prev = list->tail;
    if (list->tail) {
        list->tail->next = m;
    } else {
        list->head = m;
    }
    list->tail = m;
}

static void
take_out(struct sim_msgs *list, struct sim_msg *m)
{
    if (m->prev) {
        m->prev->next = m->next;
    } else {
        list->head = m->next;
    }
    if (m->next) {
        m->next->prev = m->prev;
    } else {
        list->tail = m->prev;
    }
}

static void
drop(struct sim_msgs *list, struct sim_msg *m)
{
    struct sim_sock *k = m->to;

    take_out(list, m);
    k->box.count--;
    k->box.bytes -= m->len;
    sim_event_drop(k->sim, &m->event);
    sim_event_unreserve(k->sim, 1);
    free(m);
}

void
sim_box_drop(struct sim_msgs *list)
{
    while (list->head) {
        drop(list, list->head);
    }
}

bool
sim_box_is_full(const struct sim_box *b, size_t len)
{
    return b->count >= TN_SIM_BOX ||
           (b->count > 0 && b->bytes + len > TN_SIM_BOX_BYTES);
}

/* ---- arrival ---- */

static void
arrive(void *msg)
{
    struct sim_msg *m = msg;
    struct sim_sock *to = m->to;

    take_out(&to->box.flying, m);
    append(&to->box.arrived, m);
    sim_wake(to, TN__READER, 0);
}

struct sim_msg *
sim_msg_launch(struct sim_sock *to, const struct sim_name *from, size_t len)
{
    struct sim *s = to->sim;
    struct sim_msg *m;

    if (sim_event_reserve(s, 1) < 0) {
        return NULL;
    }
    m = malloc(sizeof(*m) + len);
    if (!m) {
        sim_event_unreserve(s, 1);
        return NULL;
    }
    sim_event_init(&m->event, arrive, m);
    m->to = to;
    m->from = *from;
    m->len = (uint32_t)len;
    append(&to->box.flying, m);
    to->box.count++;
    to->box.bytes += m->len;
    return m;
}

void
sim_msg_arrive_at(struct sim_msg *m, int64_t due)
{
    if (due <= m->to->sim->now) {
        arrive(m);
    } else {
        sim_event_at(m->to->sim, &m->event, due);
    }
}

/* ---- receiving ---- */

static void
tell_sender(const struct sim_sock *k, const struct sim_msg *m,
            struct msghdr *msg)
{
    tn_addr addr;
    socklen_t room = msg->msg_namelen;

    msg->msg_namelen = 0;
    if (m->from.kind == SIM_NONE || !msg->msg_name ||
        k->type == SOCK_SEQPACKET) {
        return;
    }
    sim_name_write(&m->from, k->family, &addr);
    memcpy(msg->msg_name, &addr.u, room < addr.len ? room : addr.len);
    msg->msg_namelen = addr.len;
}

static ssize_t
nothing_to_read(struct sim_sock *k)
{
    int err = sim_take_error(k, TN__READER);

    if (err < 0) {
        return err;
    }
    if (k->type == SOCK_SEQPACKET && k->state != SIM_CONNECTED) {
        return -ENOTCONN;
    }
    return k->in.seen != SIM_OPEN || k->shut_rd ? 0 : -EAGAIN;
}

static ssize_t
read_end(struct sim_io *io, ssize_t r)
{
    if (r == 0 && io->msg) {
        io->msg->msg_namelen = 0;
        io->msg->msg_flags = 0;
    }
    return r;
}

ssize_t
sim_dgram_recv(struct sim_sock *k, struct sim_io *io)
{
    struct sim_msg *m = k->box.arrived.head;
    size_t n, len;

    /* An ICMP error comes first, a reset after what arrived before it. */
    if (!m || (k->type == SOCK_DGRAM && k->error[TN__READER] < 0)) {
        return read_end(io, nothing_to_read(k));
    }
    len = m->len;
    n = len < io->total ? len : io->total;
    sim_io_put(io, m->data, n);
    if (io->msg) {
        tell_sender(k, m, io->msg);
        io->msg->msg_flags = n < len ? MSG_TRUNC : 0;
    }
    if (!(io->flags & MSG_PEEK)) {
        drop(&k->box.arrived, m);
        sim_room_wake(k);
    }
    return (ssize_t)(io->flags & MSG_TRUNC ? len : n);
}

bool
sim_dgram_readable(const struct sim_sock *k)
{
    return k->box.arrived.head || k->in.seen != SIM_OPEN || k->shut_rd ||
           k->error[TN__READER] < 0;
}
