/*
 * tenon talk: how its socket is made, from -s, -p, -4, -6, -n, -b and -w.
 */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/sockopt.h>

#include "cmd_talk_int.h"
#include "where.h"

#include <string.h>

bool
talk_is_broadcast(const struct talk *t)
{
    return t->ep.transport == TN_UDP &&
           (t->o->broadcast || strcmp(t->ep.host, "<broadcast>") == 0);
}

/* Where -s and -p bind; `source` stays empty without them. */
static int
read_source(const struct talk *t, tn_addr *source)
{
    const struct talk_opts *o = t->o;
    bool six = o->only6 || (!o->source && strchr(t->ep.host, ':'));
    const char *host = o->source ? o->source : six ? "::" : "";
    source->len = 0;
    if (!o->source && o->port < 0) {
        return 0;
    }
    int err = tn_addr_ip(source, host, o->port < 0 ? 0 : o->port);
    return err < 0 ? tn_fail(err, "-s", host) : 0;
}

/* Unconnected: answers come from other addresses than the one sent to. */
static int
open_broadcast(struct talk *t, tn_sock **out, const tn_addr *source)
{
    tn_sock *sock;
    int err = tn_socket(&sock, AF_INET, SOCK_DGRAM, 0);
    if (err == 0) {
        err = tn_set(sock, TN_BROADCAST, 1);
    }
    if (err == 0 && source->len > 0) {
        err = tn_bind(sock, source);
    }
    if (err < 0) {
        tn_close(sock);
        return err;
    }
    (void)t;
    *out = sock;
    return 0;
}

/* Of several attempts only the target is known: was it our own address? */
static int
blame_source(const struct talk *t, const tn_addr *source, int err)
{
    tn_sock *sock;
    if (err == -ECANCELED || err == -ETIME ||
        tn_socket(&sock, source->u.sa.sa_family,
                  tn_transport_type(t->ep.transport), 0) < 0) {
        return err;
    }
    int bound = tn_bind(sock, source);
    tn_close(sock);
    if (bound == err && t->o->source) {
        return tn_fail(err, "-s", t->o->source);
    }
    return err;
}

int
talk_dial(struct talk *t, tn_sock **out, int64_t timeout)
{
    const struct talk_opts *o = t->o;
    tn_addr source;
    tn_dial_opts how = {.family = where_family(o->only4, o->only6),
                        .numeric = o->numeric,
                        .tls = t->tls};
    *out = NULL;
    int err = read_source(t, &source);
    if (err < 0) {
        return err;
    }
    if (talk_is_broadcast(t)) {
        return open_broadcast(t, out, &source);
    }
    if (source.len > 0) {
        how.source = &source;
        how.family = source.u.sa.sa_family;
    }
    how.timeout = timeout < 0 ? 0 : timeout;
    err = tn_dial_endpoint(out, &t->ep, &how);
    return err < 0 && source.len > 0 ? blame_source(t, &source, err) : err;
}
