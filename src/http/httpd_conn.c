/*
 * httpd_conn.c - one connection: heads out of the stream, one after the other.
 */
#include <tenon/tls.h>

#include "http/httpd_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- the input buffer ---- */

void
tn__httpd_drop_in(struct tn__httpd *server, char *in, size_t cap)
{
    if (cap == TN_HTTPD_IN) {
        tn__spare_put(&server->ins, in);
    } else if (cap != TN_HTTPD_SMALL) {
        free(in);
    }
}

int
tn__httpd_move(struct tn__hconn *c, size_t cap, bool keep)
{
    size_t n = c->in_end - c->in_start;
    char *in =
        cap == TN_HTTPD_IN ? tn__spare_get(&c->server->ins) : malloc(cap);

    if (!in) {
        return tn_fail(-ENOMEM, "read request", NULL);
    }
    memcpy(in, c->in + c->in_start, n);
    if (!keep) {
        tn__httpd_drop_in(c->server, c->in, c->in_cap);
    }
    c->in = in;
    c->in_cap = cap;
    c->in_start = 0;
    c->in_end = n;
    return 0;
}

/* Back to the small buffer; only while no byte is held. */
static void
shrink(struct tn__hconn *c)
{
    tn__httpd_drop_in(c->server, c->in, c->in_cap);
    c->in = c->small;
    c->in_cap = TN_HTTPD_SMALL;
    c->in_start = c->in_end = 0;
    c->in_full = false;
}

ssize_t
tn__httpd_fill(struct tn__hconn *c, int64_t timeout)
{
    size_t room = c->in_cap - c->in_end;
    ssize_t n;

    tn_settimeout(c->sock, timeout);
    n = tn_recv(c->sock, c->in + c->in_end, room, 0);
    if (n > 0) {
        c->in_end += (size_t)n;
        c->in_full = n == (ssize_t)room;
    }
    return n;
}

/* The last receive filled its room, so more may be here already: then it is
   taken before what is to be sent goes out. Bytes; 0: nothing is here. */
static ssize_t
take_rest(struct tn__hconn *c)
{
    ssize_t n = tn__httpd_fill(c, 0);

    /* The end, and errors, come again in the wait that follows. */
    c->in_full = n > 0 && c->in_full;
    return n > 0 ? n : 0;
}

/* ---- between requests ---- */

/* A larger buffer pays while requests keep coming, and is given back after, as
   is what the last handler used of the stack. */
static ssize_t
wait_first(struct tn__hconn *c)
{
    int64_t idle = c->server->o.idle_time;
    ssize_t n;

    c->in_start = c->in_end = c->seen = 0;
    if (c->in_cap > TN_HTTPD_IN) {
        shrink(c);
    }
    if (c->in_full && c->in == c->small) {
        /* Without memory for more, requests come in smaller pieces. */
        (void)tn__httpd_move(c, TN_HTTPD_IN, false);
    }
    if (idle < 0 || idle > TN_HTTPD_LINGER) {
        n = tn__httpd_fill(c, TN_HTTPD_LINGER);
        if (n != -ETIME) {
            return n;
        }
        idle -= idle < 0 ? 0 : TN_HTTPD_LINGER;
        tn__trim_stack();
    }
    shrink(c);
    return tn__httpd_fill(c, idle);
}

/* Wait for the first byte of a request. 1: it is here; 0: there will be none;
   or a code. */
static int
await_request(struct tn__hconn *c)
{
    struct tn__httpd *server = c->server;
    ssize_t n;

    if (c->in_start < c->in_end) {
        return 1;
    }
    if (c->in_full && c->out_end > 0) {
        c->in_start = c->in_end = c->seen = 0;
        if (take_rest(c) > 0) {
            return 1;
        }
        c->in_full = c->in == c->small; /* which is too small for this peer */
    }
    n = tn__httpd_send(c);
    if (n < 0) {
        return (int)n;
    }
    tn__httpd_early_end(c);
    tn__spare_put(&server->outs, c->out);
    c->out = NULL;
    if (server->draining) {
        return -ECANCELED;
    }
    c->idle = true;
    n = wait_first(c);
    c->idle = false;
    if (n > 0 && c->scope.cancelled) {
        /* It came in the very moment in which the server began to end: then it
           is answered. */
        tn_scope_end(&c->scope);
        tn_deadline(&c->scope, TN_FOREVER);
    }
    if (n == -ETIME) {
        return 0;
    }
    return n > 0 ? 1 : (int)n;
}

/* ---- a head ---- */

/* Make room for more of a head that is not whole. */
static int
make_room(struct tn__hconn *c)
{
    size_t most = c->server->o.max_head + 1;
    size_t cap = c->in_cap;
    size_t n = c->in_end - c->in_start;

    if (c->in_end < c->in_cap) {
        return 0;
    }
    if (n < c->in_cap / 2) {
        memmove(c->in, c->in + c->in_start, n);
        c->in_start = 0;
        c->in_end = n;
        return 0;
    }
    if (cap < TN_HTTPD_IN) {
        cap = TN_HTTPD_IN;
    } else {
        cap = 2 * cap > most && most > cap ? most : 2 * cap;
    }
    return tn__httpd_move(c, cap, false);
}

/* Too much of a head: 414 if all of it is the first line. */
static int
too_long(const struct tn__hconn *c)
{
    size_t n = c->in_end - c->in_start;

    n = n > c->server->o.max_head ? c->server->o.max_head : n;
    return memchr(c->in + c->in_start, '\n', n) ? 431 : 414;
}

/* Receive more of a head; `until`, if it is 0, is set to when it has to be
   whole. 0; a status; a code. */
static int
more_head(struct tn__hconn *c, int64_t *until)
{
    int64_t now;
    ssize_t n = make_room(c);

    if (n == 0 && c->in_full) {
        n = take_rest(c);
        if (n > 0) {
            return 0;
        }
    }
    n = n < 0 ? n : tn__httpd_send(c);
    if (n < 0) {
        return n == -ENOMEM ? 503 : (int)n;
    }
    now = tn_now();
    *until = *until ? *until : tn__deadline(now, c->server->o.head_time);
    if (now >= *until) {
        return 408;
    }
    n = tn__httpd_fill(c, *until == TN_NEVER ? TN_FOREVER : *until - now);
    if (n == 0) {
        return TN_ETRUNCATED;
    }
    return n == -ETIME ? 408 : n < 0 ? (int)n : 0;
}

/* No more comes of a head. What is wrong in a line without an end has not been
   told if it came in pieces: then it is now, else `otherwise`. */
static int
last_word(struct tn__hconn *c, tn_exchange *x, int otherwise)
{
    size_t have = c->in_end - c->in_start;
    ssize_t n = tn_http_parse_request(&x->req, c->in + c->in_start, have, 0);

    return n < 0 ? x->req.status : otherwise;
}

/* Parse; receive more until the head is whole. 0; a status to refuse it with; a
   code if the connection is over. */
static int
read_head(struct tn__hconn *c, tn_exchange *x)
{
    size_t max = c->server->o.max_head;
    int64_t until = 0;
    int r;

    for (;;) {
        size_t have = c->in_end - c->in_start;
        ssize_t n;

        have = have < max ? have : max;
        n = tn_http_parse_request(&x->req, c->in + c->in_start, have, c->seen);

        if (n < 0) {
            return x->req.status;
        }
        if (n == 0 && have == max) {
            return too_long(c);
        }
        if (n > 0) {
            c->in_start += (size_t)n;
            c->seen = 0;
            return 0;
        }
        c->seen = have;
        r = more_head(c, &until);
        if (r == 408 || r == TN_ETRUNCATED) {
            return last_word(c, x, r);
        }
        if (r != 0) {
            return r;
        }
    }
}

/* ---- the connection ---- */

/* Words for whoever cannot be answered in the ordinary way. */
static int
turn_away(struct tn__hconn *c)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\n"
                               "Retry-After: " TN_HTTPD_RETRY "\r\n"
                               "Content-Length: 0\r\n"
                               "Connection: close\r\n";
    struct iovec iov[] = {
        {(void *)(uintptr_t)text, sizeof(text) - 1},
        {c->server->date, 0},
        {(void *)(uintptr_t) "\r\n", 2},
    };

    tn__httpd_date(c->server);
    iov[1].iov_len = c->server->date_len;
    tn_settimeout(c->sock, c->server->o.write_time);
    return tn_sendvall(c->sock, iov, 3, NULL) < 0 ? TN_EBROKEN : 1;
}

static void
begin(struct tn__hconn *c, tn_exchange *x)
{
    x->c = c;
    x->stage = TN__FRESH;
    x->status = 200;
    x->no_body = x->close = x->may_expect = x->gone = x->has_upgrade = false;
    x->promised = -1;
    x->written = 0;
    x->begin = c->out_end;
    x->mark = x->fields_len = x->trailers_len = 0;
    x->user_len = 0;
    x->trailers = NULL;
    x->trailer_count = 0;
}

/* One request and its answer. 0: go on; 1: close; or a code. */
static int
exchange(struct tn__hconn *c)
{
    struct tn__httpd *server = c->server;
    tn_exchange *x = tn__spare_get(&server->exchanges);
    char *head;
    size_t cap;
    int r;

    if (!c->out) {
        c->out = tn__spare_get(&server->outs);
    }
    if (!x || !c->out) {
        r = c->out ? tn__httpd_send(c) : 0;
        tn__spare_put(&server->exchanges, x);
        return r < 0 ? r : turn_away(c);
    }
    r = read_head(c, x);
    begin(c, x);
    head = c->in;
    cap = c->in_cap;
    if (r == 0) {
        if (c->out_end > c->out_start) {
            tn__httpd_early(c);
        }
        tn__httpd_body_init(x);
        server->busy++;
        r = tn__httpd_answer(x);
        server->busy--;
    } else if (r > 0) {
        r = tn__httpd_refuse(x, r);
    }
    if (c->in != head) { /* the body got a buffer of its own */
        tn__httpd_drop_in(server, head, cap);
    }
    free(x->trailers);
    tn__spare_put(&server->exchanges, x);
    return r;
}

static void
enlist(struct tn__hconn *c)
{
    struct tn__httpd *server = c->server;

    c->next = server->conns;
    if (c->next) {
        c->next->prev = c;
    }
    server->conns = c;
    server->live++;
}

static void
delist(struct tn__hconn *c)
{
    if (c->prev) {
        c->prev->next = c->next;
    } else {
        c->server->conns = c->next;
    }
    if (c->next) {
        c->next->prev = c->prev;
    }
    c->server->live--;
}

/* What tn_serve() shall do with the connection: reset it, close it at once, or
   with patience, because the peer has yet to read the answer. */
static int
verdict(const struct tn__hconn *c, int r)
{
    if (c->broken < 0 || r == TN_EBROKEN) {
        return TN_EBROKEN;
    }
    return r < 0 ? r : 0;
}

/* Half a handshake costs more than ten times what an idle connection does: it
   is given the time of a head, and no more. */
static int
shake_hands(struct tn__hconn *c)
{
    int r;

    if (!tn_tls_is_on(c->sock)) {
        return 0;
    }
    tn_settimeout(c->sock, c->server->o.head_time);
    c->idle = true;
    r = tn_tls_handshake(c->sock);
    c->idle = false;
    return r;
}

int
tn__httpd_conn(tn_sock *sock, const tn_addr *peer, void *arg)
{
    struct tn__hconn c;
    int r;

    memset(&c, 0, offsetof(struct tn__hconn, small));
    c.server = arg;
    c.sock = sock;
    c.peer = peer;
    c.in = c.small;
    c.in_cap = sizeof(c.small);
    enlist(&c);
    tn_deadline(&c.scope, TN_FOREVER);
    r = shake_hands(&c);
    if (r == 0 && c.server->live > c.server->o.max_connections) {
        r = turn_away(&c);
    }
    while (r == 0) {
        r = await_request(&c);
        if (r <= 0) {
            break;
        }
        r = exchange(&c);
    }
    if (r >= 0 && tn__httpd_send(&c) < 0) {
        r = TN_EBROKEN;
    }
    tn_scope_end(&c.scope);
    tn__httpd_early_end(&c);
    delist(&c);
    tn__spare_put(&c.server->outs, c.out);
    tn__httpd_drop_in(c.server, c.in, c.in_cap);
    return verdict(&c, r);
}
