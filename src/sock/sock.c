/*
 * sock.c - a socket's life, and how each of its calls runs.
 */
#include "sock/sock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

const struct tn__net *
tn__net_here(void)
{
    return tn__loop ? tn__loop->waiter->backend->net : &tn__net_kernel;
}

struct tn__waiter *
tn__waiter_here(void)
{
    return tn__loop ? tn__loop->waiter : NULL;
}

/* How often this process was forked: both sides then hold the connections. */
static atomic_uint forks;
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

static void
count_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

static void
watch_forks(void)
{
    (void)pthread_atfork(NULL, count_fork, count_fork);
}

tn_sock *
tn__sock_new(int family, int type, int proto)
{
    tn_sock *s = calloc(1, sizeof(*s));

    pthread_once(&watch_once, watch_forks);
    if (s) {
        s->forks = atomic_load_explicit(&forks, memory_order_relaxed);
        s->net = tn__net_here();
        s->family = family;
        s->type = type;
        s->proto = proto;
        s->timeout = TN_FOREVER;
        s->fd.fd = -1;
    }
    return s;
}

int
tn__sock_fail(const tn_sock *s, int err, const char *verb)
{
    if (s->layer && s->layer->fail && s->layer->fail(s, err)) {
        return err;
    }
    return tn__fail(err, verb, s->type, s->peer.len ? &s->peer : NULL);
}

int
tn_socket(tn_sock **out, int family, int type, int proto)
{
    tn_sock *s;
    int r;

    *out = NULL;
    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    s = tn__sock_new(family, type, proto);
    if (!s) {
        return tn__fail(-ENOMEM, "socket", type, NULL);
    }
    r = s->net->socket(tn__waiter_here(), &s->fd, family, type, proto);
    if (r < 0) {
        free(s);
        return tn__fail(r, "socket", type, NULL);
    }
    *out = s;
    return 0;
}

int
tn_socketpair(tn_sock *out[2], int family, int type, int proto)
{
    int r;

    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    out[0] = tn__sock_new(family, type, proto);
    out[1] = tn__sock_new(family, type, proto);
    r = out[0] && out[1] ? 0 : -ENOMEM;
    if (r == 0) {
        r = out[0]->net->pair(tn__waiter_here(), &out[0]->fd, &out[1]->fd,
                              family, type, proto);
    }
    if (r < 0) {
        free(out[0]);
        free(out[1]);
        out[0] = out[1] = NULL;
        return tn__fail(r, "socketpair", type, NULL);
    }
    return 0;
}

/* ---- running an op ---- */

int
tn__sock_enter(tn_sock *s)
{
    if (s->closing) {
        return -EBADF;
    }
    if (tn__self) {
        s->users++; /* threads, which may be two at a time, are not counted */
    }
    return 0;
}

void
tn__sock_leave(tn_sock *s)
{
    if (!tn__self) {
        return;
    }
    if (--s->users == 0 && TN_UNLIKELY(s->closing) && s->closer) {
        struct tn__op *op = s->closer;

        s->closer = NULL;
        tn__op_complete(op, 0);
    }
}

/* Calls that know no MSG_DONTWAIT need a descriptor that never blocks. */
static bool
needs_nonblock(const struct tn__op *op)
{
    return op->kind == TN__ACCEPT || op->kind == TN__CONNECT ||
           op->kind == TN__SENDFILE;
}

ssize_t
tn__sock_await_below(tn_sock *s, struct tn__op *op, struct tn__limit *lim)
{
    ssize_t r = 0;

    op->fd = &s->fd;
    if (needs_nonblock(op) && (tn__self || lim->timeout >= 0)) {
        r = tn__fd_set_nonblock(&s->fd, true);
    }
    if (r == 0 && tn__self) {
        op->cls = tn__loop->waiter->backend->ops;
        r = tn__waiter_adopt(tn__loop->waiter, &s->fd);
    }
    if (r == 0) {
        r = tn__await(op, lim);
    }
    /* Cancelled by tn_close() and by nobody else? */
    if (r == -ECANCELED && s->closing) {
        r = -EBADF;
    }
    return r;
}

ssize_t
tn__sock_await(tn_sock *s, struct tn__op *op, struct tn__limit *lim)
{
    return TN_UNLIKELY(s->layer != NULL) ? s->layer->run(s, op, lim)
                                         : tn__sock_await_below(s, op, lim);
}

ssize_t
tn__sock_try_below(tn_sock *s, struct tn__op *op, bool hinted)
{
    enum tn__side side = tn__op_side(op);
    int r;

    op->fd = &s->fd;
    op->nowait = true;
    if (!tn__self) {
        return tn__op_try(op);
    }
    op->cls = tn__loop->waiter->backend->ops;
    r = tn__waiter_adopt(tn__loop->waiter, &s->fd);
    if (r < 0) {
        return r;
    }
    hinted = hinted && op->cls == &tn__ready_ops;
    if (s->fd.op[side] || (hinted && !s->fd.ready[side])) {
        return -EAGAIN;
    }
    op->cls->start(op);
    return op->result;
}

ssize_t
tn__sock_await_unix(tn_sock *s, struct tn__op *op, struct tn__limit *lim)
{
    struct tn__limit once = {.timeout = 0};
    ssize_t r;

    if (!tn__self || s->net != &tn__net_kernel) {
        return tn__sock_await(s, op, lim);
    }
    for (;;) {
        r = tn__sock_await(s, op, &once);
        if (r != -EAGAIN || lim->timeout == 0) {
            return r;
        }
        if (tn_now() >= tn__limit_deadline(lim, tn_now())) {
            return -ETIME;
        }
        r = tn_sleep(TN_UNIX_RETRY);
        if (r < 0) {
            return r;
        }
    }
}

ssize_t
tn__sock_run(tn_sock *s, struct tn__op *op, int flags, const char *verb)
{
    struct tn__limit lim = tn__sock_limit(s, flags);
    ssize_t r = tn__sock_enter(s);

    if (r < 0) {
        return tn__sock_fail(s, (int)r, verb);
    }
    r = tn__sock_await(s, op, &lim);
    if (TN_UNLIKELY(r < 0)) {
        tn__sock_fail(s, (int)r, verb);
    }
    tn__sock_leave(s);
    return r;
}

/* ---- names and listening ---- */

int
tn_bind(tn_sock *sock, const tn_addr *addr)
{
    int r = sock->net->bind(&sock->fd, addr);

    return r < 0 ? tn__fail(r, "bind", sock->type, addr) : 0;
}

int
tn_listen(tn_sock *sock, int backlog)
{
    int r = sock->net->listen(&sock->fd, backlog);
    tn_addr self;

    if (r == 0) {
        return 0;
    }
    if (sock->net->name(&sock->fd, false, &self) < 0) {
        self.len = 0;
    }
    return tn__fail(r, "listen", sock->type, &self);
}

int
tn_accept(tn_sock *sock, tn_sock **out, tn_addr *peer)
{
    /* Made first: once a connection is taken nothing may fail. */
    tn_sock *s = tn__sock_new(sock->family, sock->type, sock->proto);
    struct tn__op op = {.kind = TN__ACCEPT};
    ssize_t r;

    *out = NULL;
    if (!s) {
        return tn__sock_fail(sock, -ENOMEM, "accept");
    }
    op.u.a.addr = &s->peer;
    op.u.a.flags = tn__loop ? SOCK_NONBLOCK : 0;
    r = tn__sock_run(sock, &op, 0, "accept");
    if (r < 0) {
        free(s);
        return (int)r;
    }
    /* A call that did not park left its result only in r. */
    op.result = r;
    op.fd = &sock->fd;
    sock->net->accepted(&s->fd, &op);
    if (sock->layer) {
        sock->layer->accepted(sock, s);
    }
    if (peer) {
        *peer = s->peer;
    }
    *out = s;
    return 0;
}

static ssize_t
connect_op(tn_sock *s, struct tn__op *op, struct tn__limit *lim)
{
    bool is_unix = op->u.a.addr->u.sa.sa_family == AF_UNIX;

    return is_unix ? tn__sock_await_unix(s, op, lim)
                   : tn__sock_await(s, op, lim);
}

int
tn_connect(tn_sock *sock, const tn_addr *addr)
{
    struct tn__limit lim = tn__sock_limit(sock, 0);
    struct tn__op op = {.kind = TN__CONNECT};
    tn_addr to = *addr;
    ssize_t r = tn__sock_enter(sock);

    if (r < 0) {
        return tn__fail((int)r, "connect", sock->type, addr);
    }
    op.u.a.addr = &to;
    r = tn__send_lock(sock, &lim);
    if (r == 0) {
        r = connect_op(sock, &op, &lim);
        tn__send_unlock(sock);
    }
    if (r == 0) {
        sock->peer = *addr;
        if (addr->u.sa.sa_family == AF_UNSPEC) {
            sock->peer.len = 0;
        }
    } else if (r == -EAGAIN && op.tried) {
        r = -EINPROGRESS;
    }
    if (r < 0) {
        tn__fail((int)r, "connect", sock->type, addr);
    }
    tn__sock_leave(sock);
    return (int)r;
}

int
tn_connect_ex(tn_sock *sock, const tn_addr *addr)
{
    return tn_connect(sock, addr);
}

int
tn__sock_shutdown_below(tn_sock *s, int how)
{
    int r = s->net->shutdown(&s->fd, how);

    s->fd.shut = s->fd.shut || (r == 0 && how != SHUT_WR);
    return r;
}

int
tn_shutdown(tn_sock *sock, int how)
{
    int r = sock->layer ? sock->layer->shutdown(sock, how)
                        : tn__sock_shutdown_below(sock, how);

    return r < 0 ? tn__sock_fail(sock, r, "shutdown") : 0;
}

/* ---- the end ---- */

static bool
leave_start(struct tn__op *op)
{
    tn_sock *s = op->u.other[0];

    if (s->users == 0) {
        return tn__op_finish(op, 0);
    }
    op->state = TN__PENDING;
    s->closer = op;
    return false;
}

/* Not given up: the users' buffers are in use until they have left. */
static void
leave_cancel(struct tn__op *op)
{
    op->state = TN__PENDING;
}

static const struct tn__op_class leave_ops = {leave_start, leave_cancel};

static void
cancel_parked(tn_sock *s)
{
    struct tn__op *op;

    for (int side = TN__READER; side <= TN__WRITER; side++) {
        op = s->fd.op[side];
        if (op && op->state == TN__PENDING) {
            op->state = TN__CANCELLING;
            op->cls->cancel(op);
        }
    }
    while ((op = tn__opq_pop(&s->senders)) != NULL) {
        tn__op_complete(op, -EBADF);
    }
    if (s->layer) {
        s->layer->drive_out(s);
    }
}

/* Nobody is in a call on the socket any more when this returns. */
static void
drive_out(tn_sock *s)
{
    struct tn__op op = {.cls = &leave_ops, .kind = TN__OTHER};
    struct tn__limit lim = {.timeout = TN_FOREVER};

    /* Whoever is between two ops, or made way inside a call, has none that
       could be cancelled: the next one fails instead. */
    s->closing = s->fd.closing = true;
    if (s->users == 0) {
        return;
    }
    TN_ASSERT(tn__self && "a plain thread closed a socket that tasks use");
    cancel_parked(s);
    op.u.other[0] = s;
    tn__await_always(&op, &lim);
}

static int
close_now(tn_sock *s, bool reset)
{
    int r;

    TN_ASSERT((!s->fd.waiter || s->fd.waiter == tn__waiter_here()) &&
              "a socket is closed by the loop that uses it");
    if (s->layer) {
        s->layer->free(s);
    }
    tn__waiter_release(&s->fd);
    r = s->net->close(&s->fd, reset);
    free(s);
    return r;
}

/* Drop what the peer still sends, until it has taken our last bytes: what has
   come goes in any case, or the kernel would reset the connection. */
static void
drain(tn_sock *s, int64_t until)
{
    char sink[1024];
    size_t dropped = 0, unsent;
    int64_t left;
    ssize_t n;

    s->net->shutdown(&s->fd, SHUT_WR);
    while (dropped < TN_CLOSE_DRAIN) {
        struct tn__op op = {.kind = TN__RECV, .u.io = {sink, sizeof(sink), 0}};
        struct tn__limit lim = {.timeout = TN_CLOSE_LOOK};

        left = until - tn_now();
        if (s->net->pending(&s->fd, NULL, &unsent) < 0) {
            return;
        }
        if (unsent == 0 || left <= 0) {
            left = 0; /* what is here may go; nothing is worth a wait */
            n = tn__sock_try_below(s, &op, false);
        } else {
            lim.timeout = left < TN_CLOSE_LOOK ? left : TN_CLOSE_LOOK;
            n = tn__sock_await_below(s, &op, &lim);
        }
        if (n <= 0 && (n != -ETIME || left == 0)) {
            return;
        }
        dropped += n > 0 ? (size_t)n : 0;
    }
}

/* Perhaps somebody else holds the connection as well: its input is then for him
   to read, and so is the sending side for him to end. */
static bool
is_shared(const tn_sock *s)
{
    return s->fd.duplicated || s->exposed || s->forks != atomic_load(&forks);
}

static bool
has_unread(tn_sock *s)
{
    size_t unread = 0;

    return s->type == SOCK_STREAM && !s->fd.is_listener && !is_shared(s) &&
           (s->family == AF_INET || s->family == AF_INET6) &&
           s->net->pending(&s->fd, &unread, NULL) == 0 && unread > 0;
}

/* Deliver our last bytes. Nobody else gets in meanwhile: for them the socket
   is closing. */
static void
flush(tn_sock *s, int64_t bound, bool layered)
{
    int64_t until = tn__deadline(tn_now(), bound);
    struct tn__limit lim = {.timeout = bound, .deadline = until};

    s->fd.closing = false;
    if (layered) {
        s->layer->flush(s, &lim);
    }
    if (has_unread(s)) {
        drain(s, until);
    }
}

int
tn__close_within(tn_sock *s, int64_t bound)
{
    tn_scope shield;
    bool layered;

    drive_out(s);
    layered = s->layer && s->layer->end(s);
    if (bound > 0 && (layered || has_unread(s))) {
        if (tn__self) {
            tn_shield(&shield, bound);
        }
        flush(s, bound, layered);
        if (tn__self) {
            tn_scope_end(&shield);
        }
    }
    return close_now(s, false);
}

int
tn_close(tn_sock *sock)
{
    return sock ? tn__close_within(sock, TN_CLOSE_FLUSH) : 0;
}

void
tn_abort(tn_sock *sock)
{
    if (sock) {
        drive_out(sock);
        close_now(sock, true);
    }
}
