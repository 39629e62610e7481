/*
 * serve.c - accept, one task per connection, and a decent end for each.
 */
#include <tenon/serve.h>

#include "sock/sock.h"

#include <stdlib.h>
#include <sys/resource.h>

struct server {
    tn_sock *listener;
    tn_handler *handler;
    void *arg;
    tn_serve_opts o;
    tn_scope guard; /* around the group, if it drains */
    tn_group group;
    int live;
    struct tn__op *full; /* the acceptor, waiting for a free place */
};

struct conn {
    struct server *server;
    tn_sock *sock;
};

/* ---- one connection ---- */

/* The peer shall get our last bytes: end our side, and read until it has ended
   its own or it is `until`. */
static TN_APART void
linger(tn_sock *s, int64_t until)
{
    char sink[1024];
    size_t dropped = 0;
    int64_t left;
    ssize_t n;

    if (s->type != SOCK_STREAM || tn_shutdown(s, SHUT_WR) < 0) {
        return;
    }
    while (dropped < TN_CLOSE_DRAIN && (left = until - tn_now()) > 0) {
        tn_settimeout(s, left);
        n = tn_recv(s, sink, sizeof(sink), 0);
        if (n <= 0) {
            return;
        }
        dropped += (size_t)n;
    }
}

static void
finish(struct server *server, tn_sock *s, int result)
{
    int64_t until = tn__deadline(tn_now(), server->o.flush);
    int64_t left;
    tn_scope shield;

    if (result == TN_EBROKEN) {
        tn_abort(s);
        return;
    }
    tn_shield(&shield, server->o.flush);
    if (result < 0) {
        tn_shutdown(s, SHUT_WR);
    } else {
        linger(s, until);
    }
    left = until - tn_now();
    tn__close_within(s, left > 0 ? left : 0);
    tn_scope_end(&shield);
}

static void place_end(struct server *server, ssize_t result);

static void
leave(struct server *server)
{
    server->live--;
    if (server->full && server->full->state == TN__PENDING) {
        place_end(server, 0);
    }
}

static int
serve_conn(void *arg)
{
    struct conn *conn = arg;
    struct server *server = conn->server;
    tn_sock *s = conn->sock;
    tn_addr peer = s->peer;
    int result;

    free(conn);
    tn_task_name("connection");
    tn_settimeout(s, server->o.idle);
    result = server->handler(s, &peer, server->arg);
    if (server->o.on_end) {
        server->o.on_end(&peer, result, server->arg);
    }
    finish(server, s, result);
    leave(server);
    return 0;
}

static int
start_conn(struct server *server, tn_sock *s)
{
    struct conn *conn = malloc(sizeof(*conn));
    int r;

    if (!conn) {
        return -ENOMEM;
    }
    conn->server = server;
    conn->sock = s;
    r = tn_go(&server->group, serve_conn, conn);
    if (r < 0) {
        free(conn);
        return r;
    }
    server->live++;
    return 0;
}

/* ---- the acceptor ---- */

/* A listener sends nothing: its acceptor waits among the senders, where
   tn_close() finds it. */
static bool
place_start(struct tn__op *op)
{
    struct server *server = op->u.other[0];

    op->state = TN__PENDING;
    server->full = op;
    tn__opq_push(&server->listener->senders, op);
    return false;
}

/* The place is free, or the wait is over. */
static void
place_end(struct server *server, ssize_t result)
{
    struct tn__op *op = server->full;

    server->full = NULL;
    tn__opq_remove(&server->listener->senders, op);
    tn__op_complete(op, result);
}

static void
place_cancel(struct tn__op *op)
{
    place_end(op->u.other[0], -ECANCELED);
}

static const struct tn__op_class place_ops = {place_start, place_cancel};

/* Until a connection ends, or for `timeout`. */
static int
wait_for_place(struct server *server, int64_t timeout)
{
    struct tn__op op = {.cls = &place_ops, .kind = TN__OTHER};
    struct tn__limit lim = {.timeout = timeout};
    int r;

    op.u.other[0] = server;
    r = (int)tn__await(&op, &lim);
    server->full = NULL;
    /* Our own pause is over: that is no failure. */
    if (r == -ETIME && lim.deadline != 0 && tn_now() >= lim.deadline) {
        r = tn__check(tn__self);
    }
    return r;
}

/* It may be better in a while: the system is out of something that others may
   give back, or a filter refused one connection. */
static bool
may_pass(int r)
{
    return r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS ||
           r == -EAGAIN || r == -EPERM;
}

static int
accept_one(struct server *server)
{
    tn_sock *s;
    int r;

    if (server->live >= server->o.max_connections) {
        return wait_for_place(server, TN_FOREVER);
    }
    r = tn_accept(server->listener, &s, NULL);
    if (may_pass(r)) {
        return wait_for_place(server, TN_SERVE_PAUSE);
    }
    if (r < 0) {
        return r;
    }
    r = start_conn(server, s);
    if (r < 0) {
        tn_abort(s);
        r = may_pass(r) ? wait_for_place(server, TN_SERVE_PAUSE) : r;
    }
    return r;
}

/* ---- the end ---- */

/* Handlers that are drained live on after the caller's scope has ended: their
   group hangs in a shield without a limit, and the acceptor stays outside. */
static void
init_group(struct server *server)
{
    if (server->o.drain <= 0) {
        tn_group_init(&server->group, TN_KEEP_GOING);
        return;
    }
    tn_shield(&server->guard, 0);
    server->guard.deadline = TN_NEVER;
    tn_group_init(&server->group, TN_KEEP_GOING);
    tn_scope_end(&server->guard);
}

static void
end_group(struct server *server)
{
    tn_scope shield;

    if (server->o.drain <= 0) {
        tn_group_cancel(&server->group);
        tn_group_wait(&server->group);
        return;
    }
    if (server->o.on_drain) {
        server->o.on_drain(server->arg);
    }
    tn_shield(&shield, server->o.drain);
    tn_group_wait(&server->group);
    tn_scope_end(&shield);
}

static int
run_server(void *arg)
{
    struct server *server = arg;
    tn_sock *listener = server->listener;
    int64_t timeout = tn_gettimeout(listener);
    int r = tn__sock_enter(listener);

    if (r < 0) {
        return r;
    }
    tn_settimeout(listener, TN_FOREVER);
    init_group(server);
    while (r >= 0) {
        r = accept_one(server);
    }
    tn_settimeout(listener, timeout);
    tn__sock_leave(listener); /* not ours any more: somebody may close it */
    end_group(server);
    return r;
}

/* Leave the program some descriptors for its own files. */
static int
connection_limit(int wanted)
{
    struct rlimit lim;
    int most = wanted > 0 ? wanted : TN_SERVE_CONNECTIONS;

    if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur != RLIM_INFINITY &&
        lim.rlim_cur < (rlim_t)most + TN_SERVE_SPARE_FDS) {
        most = lim.rlim_cur > 2 * TN_SERVE_SPARE_FDS
                   ? (int)lim.rlim_cur - TN_SERVE_SPARE_FDS
                   : TN_SERVE_SPARE_FDS;
    }
    return most;
}

int
tn_serve(tn_sock *listener, tn_handler *handler, void *arg,
         const tn_serve_opts *opts)
{
    struct server server = {
        .listener = listener, .handler = handler, .arg = arg};
    tn_opts run = {.catch_interrupt = true};

    if (opts) {
        server.o = *opts;
    }
    server.o.max_connections = connection_limit(server.o.max_connections);
    server.o.idle = server.o.idle ? server.o.idle : TN_SERVE_IDLE;
    server.o.flush = server.o.flush > 0 ? server.o.flush : TN_SERVE_FLUSH;
    return tn__self ? run_server(&server) : tn_run(&run, run_server, &server);
}
