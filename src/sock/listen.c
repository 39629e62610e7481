/*
 * listen.c - a listener, or a bound datagram socket, in one call.
 */
#include <tenon/dial.h>
#include <tenon/sockopt.h>

#include "sock/sock.h"

#include <sys/stat.h>
#include <unistd.h>

/* Addresses of one name that are tried: a machine's own are few. */
enum { LISTEN_TRIES = 8 };

static int
prepare(tn_sock *s, const tn_addr *addr, const tn_listen_opts *o)
{
    int family = addr->u.sa.sa_family;
    int r = 0;

    if (family != AF_UNIX && s->type == SOCK_STREAM) {
        r = tn_set(s, TN_REUSEADDR, 1);
    }
    if (r == 0 && family != AF_UNIX && o->reuse_port) {
        r = tn_set(s, TN_REUSEPORT, 1);
    }
    /* Said always: the system's default may be either. */
    if (r == 0 && family == AF_INET6) {
        r = tn_set(s, TN_V6ONLY, o->v6only);
    }
    return r;
}

static int
open_on(tn_sock **out, const tn_addr *addr, int type, const tn_listen_opts *o)
{
    tn_sock *s;
    int r = tn_socket(&s, addr->u.sa.sa_family, type, 0);

    *out = NULL;
    if (r < 0) {
        return r;
    }
    r = prepare(s, addr, o);
    if (r == 0) {
        r = tn_bind(s, addr);
    }
    if (r == 0 && type != SOCK_DGRAM) {
        r = tn_listen(s, o->backlog > 0 ? o->backlog : -1);
    }
    if (r < 0) {
        tn_abort(s);
        return r;
    }
    *out = s;
    return 0;
}

/* Is there a socket file that nobody listens on any more? */
static bool
is_stale(const tn_addr *addr, int type)
{
    struct stat st;
    tn_sock *s;
    int r;

    if (addr->u.un.sun_path[0] == '\0' || lstat(addr->u.un.sun_path, &st) < 0 ||
        !S_ISSOCK(st.st_mode)) {
        return false;
    }
    if (tn_socket(&s, AF_UNIX, type, 0) < 0) {
        return false;
    }
    tn_settimeout(s, 0);
    r = tn_connect(s, addr);
    tn_abort(s);
    return r == -ECONNREFUSED;
}

static int
listen_unix(tn_sock **out, const tn_addr *addr, int type,
            const tn_listen_opts *o)
{
    int r = open_on(out, addr, type, o);

    if (r == -EADDRINUSE && o->replace && is_stale(addr, type) &&
        unlink(addr->u.un.sun_path) == 0) {
        r = open_on(out, addr, type, o);
    }
    return r;
}

int
tn_create_server(tn_sock **out, const tn_addr *addr, const tn_listen_opts *opts)
{
    static const tn_listen_opts defaults;
    const tn_listen_opts *o = opts ? opts : &defaults;

    return addr->u.sa.sa_family == AF_UNIX
               ? listen_unix(out, addr, SOCK_STREAM, o)
               : open_on(out, addr, SOCK_STREAM, o);
}

#ifdef TN_WITH_WEB
/* What it accepts has TLS from the first byte on. */
static int
listen_tls(tn_sock **out, const tn_endpoint *ep, const tn_listen_opts *o)
{
    tn_endpoint below = *ep;
    int r;

    if (!o->tls) {
        return tn_fail(-EINVAL, "tls without a certificate on", ep->host);
    }
    below.transport = TN_TCP;
    r = tn_listen_endpoint(out, &below, o);
    if (r == 0) {
        r = tn__tls_listening(*out, o->tls);
    }
    if (r < 0) {
        tn_abort(*out);
        *out = NULL;
    }
    return r;
}
#else
static int
listen_tls(tn_sock **out, const tn_endpoint *ep, const tn_listen_opts *o)
{
    (void)out, (void)o;
    return tn_fail(-EOPNOTSUPP, "tls", ep->host);
}
#endif

int
tn_listen_endpoint(tn_sock **out, const tn_endpoint *ep,
                   const tn_listen_opts *opts)
{
    static const tn_listen_opts defaults;
    const tn_listen_opts *o = opts ? opts : &defaults;
    unsigned flags = TN_PASSIVE | (o->numeric ? TN_NUMERIC : 0);
    int type = tn_transport_type(ep->transport);
    tn_addr addr[LISTEN_TRIES];
    int count, r;

    *out = NULL;
    if (ep->transport == TN_TLS) {
        return listen_tls(out, ep, o);
    }
    count = tn_endpoint_resolve(ep, o->family, flags, addr, LISTEN_TRIES);
    if (count < 0) {
        return count;
    }
    if (addr[0].u.sa.sa_family == AF_UNIX) {
        return listen_unix(out, &addr[0], type, o);
    }
    /* A machine without IPv6 refuses the first; then the second counts. */
    r = -EADDRNOTAVAIL;
    for (int i = 0; i < count && r < 0; i++) {
        r = open_on(out, &addr[i], type, o);
        if (r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL) {
            break;
        }
    }
    return r;
}

int
tn_listen_on(tn_sock **out, const char *text, const tn_listen_opts *opts)
{
    tn_endpoint ep;
    int r = tn_endpoint_parse(&ep, text, TN_TCP);

    *out = NULL;
    return r < 0 ? r : tn_listen_endpoint(out, &ep, opts);
}
