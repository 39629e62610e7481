/*
 * sim_net.c - what simulated sockets do without waiting.
 */
#include "wait/sim_int.h"

static void
fill(struct tn__fd *fd, struct sim_sock *k)
{
    *fd = (struct tn__fd){
        .fd = -1,
        .is_socket = true,
        .is_stream = k->type == SOCK_STREAM,
        .nonblock = true,
        .ready = {true, true},
        .sim = k,
    };
    k->fd = fd;
}

/* The protocol that the two choose; 0 for Unix. */
static int
protocol(int family, int type, int proto)
{
    int own = 0;

    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) {
        return -EAFNOSUPPORT;
    }
    if (type != SOCK_STREAM && type != SOCK_DGRAM &&
        !(type == SOCK_SEQPACKET && family == AF_UNIX)) {
        return -ESOCKTNOSUPPORT;
    }
    if (family != AF_UNIX) {
        own = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    }
    return proto == 0 || proto == own ? own : -EPROTONOSUPPORT;
}

static int
make(struct tn__waiter *w, struct sim_sock **out, int family, int type,
     int proto)
{
    struct sim *s = (struct sim *)w;

    proto = protocol(family, type, proto);
    if (proto < 0) {
        return proto;
    }
    if (sim_chance(s, s->opts.emfile)) {
        return -EMFILE;
    }
    return sim_sock_new(s, out, family, type, proto);
}

static int
net_socket(struct tn__waiter *w, struct tn__fd *fd, int family, int type,
           int proto)
{
    struct sim_sock *k;
    int r = make(w, &k, family, type, proto);

    if (r == 0) {
        fill(fd, k);
    }
    return r;
}

static int
net_pair(struct tn__waiter *w, struct tn__fd *a, struct tn__fd *b, int family,
         int type, int proto)
{
    struct sim_sock *one, *two;
    int r =
        family == AF_UNIX ? make(w, &one, family, type, proto) : -EOPNOTSUPP;

    if (r < 0) {
        return r;
    }
    r = make(w, &two, family, type, proto);
    if (r < 0) {
        sim_close(one, false);
        return r;
    }
    sim_pair(one, two);
    fill(a, one);
    fill(b, two);
    return 0;
}

static int
net_accepted(struct tn__fd *fd, const struct tn__op *op)
{
    fill(fd, op->u.a.accepted);
    return 0;
}

static int
net_bind(struct tn__fd *fd, const tn_addr *addr)
{
    struct sim_sock *k = fd->sim;
    struct sim_name name;
    int r;

    if (!k) {
        return -EBADF;
    }
    r = sim_name_read(&name, k->family, &addr->u.sa, addr->len);
    return r < 0 ? r : sim_bind(k, &name);
}

static int
net_listen(struct tn__fd *fd, int backlog)
{
    int r = fd->sim ? sim_listen(fd->sim, backlog) : -EBADF;

    if (r == 0) {
        fd->is_listener = true;
    }
    return r;
}

static int
net_name(const struct tn__fd *fd, bool peer, tn_addr *addr)
{
    const struct sim_sock *k = fd->sim;

    if (!k) {
        return -EBADF;
    }
    if (peer && k->state != SIM_CONNECTED) {
        return -ENOTCONN;
    }
    sim_name_write(peer ? &k->peer_name : &k->name, k->family, addr);
    return 0;
}

static int
net_shutdown(struct tn__fd *fd, int how)
{
    return fd->sim ? sim_shutdown(fd->sim, how) : -EBADF;
}

static int
net_close(struct tn__fd *fd, bool reset)
{
    struct sim_sock *k = fd->sim;

    TN_ASSERT(!fd->op[TN__READER] && !fd->op[TN__WRITER]);
    fd->sim = NULL;
    if (k) {
        sim_close(k, reset);
    }
    return 0;
}

/* Like the kernel's: a stream's bytes, or the size of the next message; and
   what left here and was not yet read (Unix) or did not arrive (TCP). */
static int
net_pending(struct tn__fd *fd, size_t *unread, size_t *unsent)
{
    const struct sim_sock *k = fd->sim;
    const struct sim_msg *m;

    if (!k || k->state == SIM_LISTENING) {
        return k ? -EINVAL : -EBADF;
    }
    m = k->box.arrived.head;
    if (unread) {
        *unread = m ? m->len : k->in.arrived;
    }
    if (unsent) {
        *unsent = 0;
        if (k->peer && k->type != SOCK_DGRAM) {
            *unsent = k->peer->in.flying + k->peer->box.bytes;
            *unsent += k->family == AF_UNIX ? k->peer->in.arrived : 0;
        }
    }
    return 0;
}

const struct tn__net sim_net = {
    .socket = net_socket,
    .pair = net_pair,
    .accepted = net_accepted,
    .bind = net_bind,
    .listen = net_listen,
    .name = net_name,
    .shutdown = net_shutdown,
    .close = net_close,
    .setopt = sim_setopt,
    .getopt = sim_getopt,
    .pending = net_pending,
};
