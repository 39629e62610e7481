/*
 * resolve.c - names into addresses, by the system's resolver on a worker.
 */
#include <tenon/addr.h>
#include <tenon/loop.h>

#include "base/base.h"
#include "sock/addr_int.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 1035 section 2.3.4: a name has at most 255 bytes. */
enum { NAME_MAX_BYTES = 255 };

/* Travels to the worker and back by value. */
struct query {
    char host[NAME_MAX_BYTES + 1];
    int port, family;
    unsigned flags;
    int count;
    tn_addr found[TN_RESOLVE_MAX];
};

static int
map_error(int eai, int saved)
{
    switch (eai) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return TN_ENONAME;
    case EAI_AGAIN:
        return TN_ETRYNAME;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return saved ? -saved : TN_ERESOLVE;
    default:
        return TN_ERESOLVE;
    }
}

static int
look_up(void *data)
{
    struct query *q = data;
    struct addrinfo hints = {.ai_family = q->family,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int r;

    hints.ai_flags = (q->flags & TN_PASSIVE ? AI_PASSIVE : 0) |
                     (q->flags & TN_NUMERIC ? AI_NUMERICHOST : 0);
    r = getaddrinfo(q->host, NULL, &hints, &list);
    if (r != 0) {
        return map_error(r, errno);
    }
    for (struct addrinfo *ai = list; ai && q->count < TN_RESOLVE_MAX;
         ai = ai->ai_next) {
        tn_addr *a = &q->found[q->count];

        if (ai->ai_addrlen > sizeof(a->u)) {
            continue;
        }
        memcpy(&a->u, ai->ai_addr, ai->ai_addrlen);
        a->len = ai->ai_addrlen;
        if (tn_addr_set_port(a, q->port) == 0) {
            q->count++;
        }
    }
    freeaddrinfo(list);
    return q->count > 0 ? q->count : TN_ENONAME;
}

/* "" for bind is every interface, IPv6 first as it takes IPv4 too; to connect
   it is this machine. */
static int
unnamed(int port, int family, unsigned flags, tn_addr *out, int cap)
{
    bool passive = flags & TN_PASSIVE;
    int n = 0;

    if (family != AF_INET && n < cap) {
        n += tn_addr_ip(&out[n], passive ? "::" : "::1", port) == 0;
    }
    if (family != AF_INET6 && n < cap) {
        n += tn_addr_ip(&out[n], passive ? "0.0.0.0" : "127.0.0.1", port) == 0;
    }
    return n;
}

/* RFC 6761 section 6.3: this name is the machine itself, also where no file and
   no server says so. Which of its families there are, they would have said. */
static bool
is_localhost(const char *host, int family, unsigned flags)
{
    return family != AF_INET6 && !(flags & TN_NUMERIC) &&
           (strcasecmp(host, "localhost") == 0 ||
            strcasecmp(host, "localhost.") == 0);
}

static int
resolve_name(struct query *q, tn_addr *out, int cap)
{
    int r = tn_offload(look_up, q, sizeof(*q));

    if (r > 0) {
        r = r < cap ? r : cap;
        memcpy(out, q->found, (size_t)r * sizeof(*out));
    }
    return r;
}

int
tn_resolve(const char *host, int port, int family, unsigned flags, tn_addr *out,
           int cap)
{
    struct query *q;
    tn_addr one;
    int r;

    if (port < 0 || port > 65535) {
        return tn_fail(-ERANGE, "resolve port of", host);
    }
    if (host[0] == '\0') {
        return unnamed(port, family, flags, out, cap);
    }
    r = tn__addr_number(&one, host, port);
    if (r == 0 && (family == AF_UNSPEC || family == one.u.sa.sa_family)) {
        out[0] = one;
        return 1;
    }
    if (r == -ENODEV || strlen(host) > NAME_MAX_BYTES) {
        return tn_fail(r == -ENODEV ? r : TN_ENONAME, "resolve", host);
    }
    /* Too large for a task's stack. */
    q = calloc(1, sizeof(*q));
    if (!q) {
        return tn_fail(-ENOMEM, "resolve", host);
    }
    snprintf(q->host, sizeof(q->host), "%s", host);
    q->port = port;
    q->family = family;
    q->flags = flags;
    r = resolve_name(q, out, cap);
    free(q);
    if (r == TN_ENONAME && is_localhost(host, family, flags)) {
        r = unnamed(port, family, 0, out, cap);
    }
    return r < 0 ? tn_fail(r, "resolve", host) : r;
}

int
tn_endpoint_resolve(const tn_endpoint *ep, int family, unsigned flags,
                    tn_addr *out, int cap)
{
    int r;

    if (ep->transport == TN_UNIX || ep->transport == TN_UNIXGRAM ||
        ep->transport == TN_UNIXSEQ) {
        r = tn_addr_unix(out, ep->host, (size_t)ep->host_len);
        return r < 0 ? r : 1;
    }
    if (ep->port < 0) {
        return tn_fail(TN_EADDRESS, "a port is missing in", ep->host);
    }
    return tn_resolve(ep->host, ep->port, family, flags, out, cap);
}
