/*
 * endpoint.c - an address as a person writes it.
 */
#include <tenon/addr.h>

#include "base/base.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *prefix;
    tn_transport transport;
} schemes[] = {
    {"tcp://", TN_TCP},         {"udp://", TN_UDP},       {"tls://", TN_TLS},
    {"unixgram:", TN_UNIXGRAM}, {"unixseq:", TN_UNIXSEQ}, {"unix:", TN_UNIX},
};

static const char *
take_scheme(const char *text, tn_transport *transport)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t n = strlen(schemes[i].prefix);

        if (strncasecmp(text, schemes[i].prefix, n) == 0) {
            *transport = schemes[i].transport;
            return text + n;
        }
    }
    return text;
}

static bool
is_unix(tn_transport t)
{
    return t == TN_UNIX || t == TN_UNIXGRAM || t == TN_UNIXSEQ;
}

/* Digits only, to 65535: -1 is no number, -ERANGE too large. */
static int
parse_port(const char *s)
{
    int port = 0;

    if (*s == '\0') {
        return -1;
    }
    for (; *s; s++) {
        if (*s < '0' || *s > '9') {
            return -1;
        }
        port = port * 10 + (*s - '0');
        if (port > 65535) {
            return -ERANGE;
        }
    }
    return port;
}

static int
set_host(tn_endpoint *ep, const char *host, size_t n)
{
    if (n >= sizeof(ep->host)) {
        return -ENAMETOOLONG;
    }
    memcpy(ep->host, host, n);
    ep->host[n] = '\0';
    ep->host_len = (int)n;
    return 0;
}

/* Where the host ends and what follows: ":port", or nothing. NULL: malformed.
   An IPv6 address without brackets has no port: it has too many colons. */
static const char *
split(const char *s, const char **host, size_t *n)
{
    const char *colon = strrchr(s, ':');
    const char *end;

    *host = s;
    if (s[0] == '[') {
        end = strchr(s, ']');
        if (!end || (end[1] != '\0' && end[1] != ':')) {
            return NULL;
        }
        *host = s + 1;
        *n = (size_t)(end - s - 1);
        return end + 1;
    }
    end = colon && strchr(s, ':') == colon ? colon : s + strlen(s);
    *n = (size_t)(end - s);
    return end;
}

static bool
has_space(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s <= ' ' || *s == 127) {
            return true;
        }
    }
    return false;
}

static int
parse_inet(tn_endpoint *ep, const char *s)
{
    const char *host, *rest;
    size_t n;

    if (has_space(s) || strchr(s, '/')) {
        return TN_EADDRESS;
    }
    rest = split(s, &host, &n);
    if (!rest) {
        return TN_EADDRESS;
    }
    ep->port = -1;
    if (*rest == ':') {
        ep->port = parse_port(rest + 1);
        if (ep->port < 0) {
            return ep->port == -ERANGE ? -ERANGE : TN_EADDRESS;
        }
    } else if (n == 0) {
        return TN_EADDRESS;
    }
    return set_host(ep, host, n);
}

int
tn_endpoint_parse(tn_endpoint *ep, const char *text, tn_transport deflt)
{
    tn_endpoint e = {.transport = deflt};
    const char *rest = take_scheme(text, &e.transport);
    int r;

    if (is_unix(e.transport)) {
        r = *rest ? set_host(&e, rest, strlen(rest)) : TN_EADDRESS;
    } else {
        r = parse_inet(&e, rest);
    }
    if (r < 0) {
        return tn_fail(r, "address", text);
    }
    *ep = e;
    return 0;
}

static const char *
scheme_of(tn_transport t)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (schemes[i].transport == t && t != TN_TCP) {
            return schemes[i].prefix;
        }
    }
    return "";
}

const char *
tn_endpoint_format(const tn_endpoint *ep, char *buf, size_t cap)
{
    bool v6 = !is_unix(ep->transport) && strchr(ep->host, ':');
    const char *scheme = scheme_of(ep->transport);

    if (is_unix(ep->transport) || (ep->port < 0 && !v6)) {
        snprintf(buf, cap, "%s%s", scheme, ep->host);
    } else if (ep->port < 0) {
        snprintf(buf, cap, "%s[%s]", scheme, ep->host);
    } else {
        snprintf(buf, cap, v6 ? "%s[%s]:%d" : "%s%s:%d", scheme, ep->host,
                 ep->port);
    }
    return buf;
}

int
tn_transport_type(tn_transport t)
{
    switch (t) {
    case TN_UDP:
    case TN_UNIXGRAM:
        return SOCK_DGRAM;
    case TN_UNIXSEQ:
        return SOCK_SEQPACKET;
    case TN_TCP:
    case TN_TLS:
    case TN_UNIX:
        break;
    }
    return SOCK_STREAM;
}
