/*
 * dial.c - a connection or a listener in one call.
 *
 * Connecting tries every address by RFC 8305: a task for each attempt, the
 * next one starting when the one before failed or 250 ms have passed, and the
 * first that succeeds ends the others. A plain thread runs a loop for it.
 */
#include <tenon/dial.h>
#include <tenon/sockopt.h>

#include "sock/sock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Happy Eyeballs ---- */

struct race {
    tn_addr addr[TN_RESOLVE_MAX];
    int count;
    const tn_addr *source;
    int type;
    tn_group group;
    tn_scope stagger; /* cancelled when an attempt fails: the next may start */
    bool waiting;     /* the stagger scope is open */
    int next;
    tn_sock *winner;
    int error;             /* of the last that failed */
    const tn_addr *failed; /* which it was */
};

/* RFC 8305 section 4: families take turns, the first choice first. */
static void
interleave(tn_addr *addr, int count)
{
    for (int i = 1; i < count; i++) {
        int family = addr[i - 1].u.sa.sa_family;
        int j = i;
        tn_addr pick;

        while (j < count && addr[j].u.sa.sa_family == family) {
            j++;
        }
        if (j == count) {
            return;
        }
        pick = addr[j];
        memmove(&addr[i + 1], &addr[i], (size_t)(j - i) * sizeof(*addr));
        addr[i] = pick;
    }
}

static int
connect_one(tn_sock **out, const tn_addr *to, int type, const tn_addr *source)
{
    tn_sock *s;
    int r = tn_socket(&s, to->u.sa.sa_family, type, 0);

    *out = NULL;
    if (r < 0) {
        return r;
    }
    if (source && source->len) {
        r = tn_bind(s, source);
    }
    if (r == 0) {
        r = tn_connect(s, to);
    }
    if (r < 0) {
        tn_abort(s);
        return r;
    }
    *out = s;
    return 0;
}

static int
attempt(void *arg)
{
    struct race *race = arg;
    const tn_addr *to = &race->addr[race->next++];
    tn_sock *s;
    int r;

    tn_task_name("connect");
    r = connect_one(&s, to, race->type, race->source);
    if (r == 0 && !race->winner) {
        race->winner = s;
        tn_group_cancel(&race->group);
    } else if (r == 0) {
        tn_abort(s);
    } else if (r != -ECANCELED) {
        race->error = r;
        race->failed = to;
    }
    if (race->waiting) {
        tn_scope_cancel(&race->stagger);
    }
    return 0;
}

/* The task that holds the group starts one attempt after another. */
static int
start_attempts(struct race *race)
{
    int r = 0;

    for (int i = 0; i < race->count && !race->winner && r == 0; i++) {
        r = tn_go(&race->group, attempt, race);
        if (r < 0 || i + 1 == race->count) {
            break;
        }
        tn_deadline(&race->stagger, TN_EYEBALL_DELAY);
        race->waiting = true;
        tn_sleep(TN_FOREVER);
        race->waiting = false;
        tn_scope_end(&race->stagger);
        /* Only we were to be woken; did somebody cancel the whole call? */
        r = race->winner ? 0 : tn_checkpoint();
    }
    return r;
}

static int
run_race(void *arg)
{
    struct race *race = arg;
    int r, waited;

    tn_group_init(&race->group, TN_KEEP_GOING);
    r = start_attempts(race);
    if (r < 0) {
        tn_group_cancel(&race->group);
    }
    waited = tn_group_wait(&race->group);
    if (race->winner) {
        return 0; /* it came first, whatever happened meanwhile */
    }
    r = r < 0 ? r : waited;
    return r < 0 ? r : race->error;
}

/* In a task here, in a plain thread in a loop of its own; `timeout` spans it.
   */
struct call {
    int (*fn)(void *arg);
    void *arg;
    int64_t timeout;
};

static int
with_deadline(void *arg)
{
    struct call *call = arg;
    tn_scope scope;
    int r;

    tn_deadline(&scope, call->timeout);
    r = call->fn(call->arg);
    tn_scope_end(&scope);
    return r;
}

static int
run_anywhere(int (*fn)(void *), void *arg, int64_t timeout)
{
    struct call call = {fn, arg, timeout > 0 ? timeout : TN_FOREVER};
    tn_opts opts = {.catch_interrupt = true};

    return tn__self ? with_deadline(&call)
                    : tn_run(&opts, with_deadline, &call);
}

/* What the attempts recorded belongs to their tasks; tell it to the caller. */
static int
lost(const struct race *race, int r)
{
    const tn_addr *to = r == race->error ? race->failed : &race->addr[0];

    return tn__fail(r, "connect", race->type, to);
}

static int
race_to(tn_sock **out, struct race *race, int64_t timeout)
{
    int r;

    interleave(race->addr, race->count);
    race->error = -ECONNREFUSED;
    race->failed = &race->addr[0];
    r = run_anywhere(run_race, race, timeout);
    if (r < 0) {
        return lost(race, r);
    }
    *out = race->winner;
    /* Made inside a loop it does not block; outside of one it shall. */
    return tn_settimeout(*out, TN_FOREVER);
}

static int64_t
left(int64_t timeout, int64_t since)
{
    int64_t rest;

    if (timeout <= 0) {
        return TN_FOREVER;
    }
    rest = timeout - (tn_now() - since);
    return rest > 0 ? rest : 1;
}

struct lookup {
    const tn_endpoint *ep;
    const tn_dial_opts *o;
    struct race *race;
};

static int
look_up(void *arg)
{
    struct lookup *l = arg;
    unsigned flags = l->o->numeric ? TN_NUMERIC : 0;
    int r = tn_endpoint_resolve(l->ep, l->o->family, flags, l->race->addr,
                                TN_RESOLVE_MAX);

    l->race->count = r > 0 ? r : 0;
    return r < 0 ? r : 0;
}

/* Only a worker can be left behind when the name server is slow: a plain
   thread asks it itself, unless there is a limit to keep. */
static int
resolve_within(const tn_endpoint *ep, const tn_dial_opts *o, struct race *race)
{
    struct lookup l = {ep, o, race};

    return tn__self || o->timeout > 0 ? run_anywhere(look_up, &l, o->timeout)
                                      : look_up(&l);
}

static bool
is_stream_to_host(const tn_endpoint *ep)
{
    return ep->transport == TN_TCP || ep->transport == TN_TLS;
}

/* A Unix datagram client needs a name, or nobody can answer it: the kernel
   chooses one. */
static int
connect_plain(tn_sock **out, const tn_endpoint *ep, const tn_addr *to,
              const tn_dial_opts *o)
{
    tn_addr unnamed = {.len = sizeof(sa_family_t)};
    const tn_addr *source = o->source;
    tn_sock *s;
    int r;

    unnamed.u.sa.sa_family = AF_UNIX;
    if (ep->transport == TN_UNIXGRAM && !source) {
        source = &unnamed;
    }
    r = tn_socket(&s, to->u.sa.sa_family, tn_transport_type(ep->transport), 0);
    if (r < 0) {
        return r;
    }
    tn_settimeout(s, o->timeout > 0 ? o->timeout : TN_FOREVER);
    if (source && source->len) {
        r = tn_bind(s, source);
    }
    if (r == 0) {
        r = tn_connect(s, to);
    }
    tn_settimeout(s, TN_FOREVER);
    if (r < 0) {
        tn_abort(s);
        return r;
    }
    *out = s;
    return 0;
}

/* Nothing is sent, so nobody can be faster: the first that the kernel has a
   way to. */
static int
connect_first(tn_sock **out, const tn_endpoint *ep, const struct race *race,
              const tn_dial_opts *o)
{
    int r = TN_ENONAME;

    for (int i = 0; i < race->count; i++) {
        r = connect_plain(out, ep, &race->addr[i], o);
        if (r == 0 || r == -ECANCELED || r == -ETIME || r == -EINTR) {
            break;
        }
    }
    return r;
}

#ifdef TN_WITH_WEB
/* The handshake, within what is left of the time. */
static int
secure(tn_sock **sock, const tn_endpoint *ep, const tn_dial_opts *o,
       int64_t timeout)
{
    int r = tn_settimeout(*sock, timeout);

    if (r == 0) {
        r = tn__tls_dialed(*sock, o->tls, ep->host);
    }
    if (r == 0) {
        r = tn_settimeout(*sock, TN_FOREVER);
    }
    if (r < 0) {
        tn_abort(*sock);
        *sock = NULL;
    }
    return r;
}
#endif

static int
dial_with(tn_sock **out, const tn_endpoint *ep, const tn_dial_opts *o,
          struct race *race)
{
    int64_t since = tn_now();
    int r = resolve_within(ep, o, race);

    if (r < 0) {
        return r;
    }
    if (o->resolved) {
        *o->resolved = tn_now();
    }
    if (!is_stream_to_host(ep)) {
        return connect_first(out, ep, race, o);
    }
    race->type = SOCK_STREAM;
    race->source = o->source;
    r = race_to(out, race, left(o->timeout, since));
#ifdef TN_WITH_WEB
    if (r == 0 && ep->transport == TN_TLS) {
        r = secure(out, ep, o, left(o->timeout, since));
    }
#endif
    return r;
}

int
tn_dial_endpoint(tn_sock **out, const tn_endpoint *ep, const tn_dial_opts *opts)
{
    static const tn_dial_opts defaults;
    struct race *race;
    int r;

    *out = NULL;
#ifndef TN_WITH_WEB
    if (ep->transport == TN_TLS) {
        return tn_fail(-EOPNOTSUPP, "tls", ep->host);
    }
#endif
    race = calloc(1, sizeof(*race));
    if (!race) {
        return tn_fail(-ENOMEM, "connect", ep->host);
    }
    r = dial_with(out, ep, opts ? opts : &defaults, race);
    free(race);
    return r;
}

int
tn_create_connection(tn_sock **out, const char *host, int port,
                     const tn_dial_opts *opts)
{
    tn_endpoint ep = {.transport = TN_TCP, .port = port};
    size_t n = strlen(host);

    *out = NULL;
    if (n >= sizeof(ep.host)) {
        return tn_fail(-ENAMETOOLONG, "connect", host);
    }
    memcpy(ep.host, host, n + 1);
    ep.host_len = (int)n;
    return tn_dial_endpoint(out, &ep, opts);
}

int
tn_dial(tn_sock **out, const char *text, int64_t timeout)
{
    /* 0 means no limit there, and no waiting here. */
    tn_dial_opts opts = {.timeout = timeout != 0 ? timeout : 1};
    tn_endpoint ep;
    int r = tn_endpoint_parse(&ep, text, TN_TCP);

    *out = NULL;
    return r < 0 ? r : tn_dial_endpoint(out, &ep, &opts);
}
