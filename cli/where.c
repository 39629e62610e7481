#include "where.h"

#include <tenon/err.h>

#include "say.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PORT_MAX = 65535 };

static bool
all_digits(const char *text, size_t n)
{
    return n > 0 && n < 10 && strspn(text, "0123456789") >= n;
}

static bool
one_port(const char *text, size_t n, int *port)
{
    if (all_digits(text, n)) {
        *port = (int)strtol(text, NULL, 10);
        return *port <= PORT_MAX;
    }
    const struct servent *service = text[n] ? NULL : getservbyname(text, NULL);
    if (!service) {
        return false;
    }
    *port = ntohs((uint16_t)service->s_port);
    return true;
}

bool
where_ports(const char *text, int *first, int *last)
{
    size_t n = strcspn(text, "-");
    if (all_digits(text, n) && text[n] == '-' && last) {
        return one_port(text, n, first) &&
               one_port(text + n + 1, strlen(text + n + 1), last);
    }
    if (!one_port(text, strlen(text), first)) {
        return false;
    }
    if (last) {
        *last = *first;
    }
    return true;
}

int
where_family(bool only4, bool only6)
{
    if (only4) {
        return AF_INET;
    }
    return only6 ? AF_INET6 : AF_UNSPEC;
}

bool
where_is_gram(const tn_endpoint *ep)
{
    return tn_transport_type(ep->transport) == SOCK_DGRAM;
}

bool
where_is_unix(const tn_endpoint *ep)
{
    return ep->transport == TN_UNIX || ep->transport == TN_UNIXGRAM ||
           ep->transport == TN_UNIXSEQ;
}

/* What stands before the address, where the address does not tell. */
static const char *
scheme_of(tn_transport transport)
{
    switch (transport) {
    case TN_UDP:
        return "udp://";
    case TN_UNIXGRAM:
        return "unixgram:";
    case TN_UNIXSEQ:
        return "unixseq:";
    case TN_TLS:
        return "tls://";
    case TN_TCP:
    case TN_UNIX:
        break;
    }
    return "";
}

const char *
where_bound(const tn_endpoint *ep, const tn_sock *sock, char *buf, size_t cap)
{
    char text[TN_ADDR_TEXT];
    tn_addr bound;
    if (tn_getsockname(sock, &bound) < 0) {
        return "?";
    }
    tn_addr_format(&bound, text, sizeof(text));
    size_t own =
        where_is_unix(ep) && *scheme_of(ep->transport) ? strlen("unix:") : 0;
    (void)snprintf(buf, cap, "%s%s", scheme_of(ep->transport), text + own);
    return buf;
}

const char *
where_peer(const tn_addr *addr, char *buf, size_t cap)
{
    tn_addr four = {.len = sizeof(four.u.in)};
    const struct in6_addr *ip = &addr->u.in6.sin6_addr;
    if (addr->len == 0 || addr->u.sa.sa_family != AF_INET6 ||
        !IN6_IS_ADDR_V4MAPPED(ip)) {
        return tn_addr_format(addr, buf, cap);
    }
    four.u.in.sin_family = AF_INET;
    four.u.in.sin_port = addr->u.in6.sin6_port;
    memcpy(&four.u.in.sin_addr, &ip->s6_addr[12], sizeof(four.u.in.sin_addr));
    return tn_addr_format(&four, buf, cap);
}

void
where_remove(const tn_endpoint *ep)
{
    if (where_is_unix(ep) && ep->host_len > 0 && ep->host[0] != '@' &&
        ep->host[0] != '\0') {
        (void)unlink(ep->host);
    }
}

static int
put_host(tn_endpoint *ep, const char *host)
{
    size_t n = strlen(host);
    if (n >= sizeof(ep->host)) {
        return say_usage("%.32s...: a name this long cannot be an address",
                         host);
    }
    memcpy(ep->host, host, n + 1);
    ep->host_len = (int)n;
    return EXIT_DONE;
}

/* -U: everything is part of the path; a scheme there is a slip. */
static int
parse_unix(tn_endpoint *ep, const struct where *w, int n, char **words)
{
    static const char *const schemes[] = {
        "tcp://", "udp://", "tls://", "unix:", "unixgram:", "unixseq:", NULL};
    if (n != 1) {
        return say_usage("%s: one word too many", words[1]);
    }
    for (int i = 0; schemes[i]; i++) {
        if (strncasecmp(words[0], schemes[i], strlen(schemes[i])) == 0) {
            return say_usage("%s: -U needs a path, without \"%s\"", words[0],
                             schemes[i]);
        }
    }
    ep->transport = w->udp ? TN_UNIXGRAM : TN_UNIX;
    ep->port = 0;
    return put_host(ep, words[0]);
}

static int
parse_two(tn_endpoint *ep, const struct where *w, const char *host,
          const char *port)
{
    ep->transport = w->udp ? TN_UDP : TN_TCP;
    if (!where_ports(port, &ep->port, NULL)) {
        return say_usage("port %s: must be 0 to 65535, or the name of a "
                         "service",
                         port);
    }
    return put_host(ep, strcmp(host, "*") == 0 ? "" : host);
}

/* "::1:80" is an address without a port, and hardly ever meant as one. */
static bool
has_bare_port(const char *host)
{
    char ip[TN_ADDR_TEXT];
    tn_addr addr;
    const char *colon = strrchr(host, ':');
    size_t n = colon ? (size_t)(colon - host) : 0;
    if (n == 0 || n >= sizeof(ip) ||
        !all_digits(colon + 1, strlen(colon + 1))) {
        return false;
    }
    memcpy(ip, host, n);
    ip[n] = '\0';
    return strchr(ip, ':') && tn_addr_ip(&addr, ip, 0) == 0;
}

static int
no_port(const tn_endpoint *ep, const char *word)
{
    const char *host = ep->host;
    if (has_bare_port(host)) {
        const char *colon = strrchr(host, ':');
        return say_usage("%s: no port (write [%.*s]%s, or [%s]:80)", word,
                         (int)(colon - host), host, colon, host);
    }
    bool six = strchr(host, ':') != NULL;
    return say_usage("%s: no port (write %s%s%s:80, or %s 80)", word,
                     six ? "[" : "", host, six ? "]" : "", host);
}

/* "udp:127.0.0.1:80", by analogy with "unix:". */
static bool
lacks_slashes(const char *word)
{
    bool scheme =
        strncasecmp(word, "tcp:", 4) == 0 || strncasecmp(word, "udp:", 4) == 0;
    return scheme && word[4] != '/' && strchr(word + 4, ':');
}

static int
parse_one(tn_endpoint *ep, const struct where *w, const char *word)
{
    if (w->listen && all_digits(word, strlen(word))) {
        return parse_two(ep, w, "", word);
    }
    if (lacks_slashes(word)) {
        return say_usage("%s: not an address (write %.3s://%s)", word, word,
                         word + 4);
    }
    int err = tn_endpoint_parse(ep, word, w->udp ? TN_UDP : TN_TCP);
    if (err == -ERANGE) {
        return say_usage("%s: the port must be 0 to 65535", word);
    }
    if (err < 0) {
        return say_usage("%s: %s%s", word, tn_strerror(err),
                         err == TN_EADDRESS
                             ? " (write host:port, [::1]:80 or unix:/path)"
                             : "");
    }
    if (w->udp && !where_is_gram(ep)) {
        return say_usage("%s: -u is for datagrams, and that is a stream (write "
                         "%s)",
                         word, where_is_unix(ep) ? "unixgram:" : "udp://");
    }
    return ep->port < 0 ? no_port(ep, word) : EXIT_DONE;
}

int
where_check(const tn_endpoint *ep, const struct where *w)
{
    tn_addr addr;
    if (where_is_unix(ep)) {
        if (ep->host_len == 0 && !w->listen) {
            return say_usage("a path is missing: an empty one is nowhere");
        }
        if (tn_addr_unix(&addr, ep->host, (size_t)ep->host_len) == 0) {
            return EXIT_DONE;
        }
        return say_usage("%.32s...: a path has at most %zu bytes, not %d",
                         ep->host, sizeof(addr.u.un.sun_path) - 1,
                         ep->host_len);
    }
    int err = ep->host_len > 0 ? tn_addr_ip(&addr, ep->host, 0) : TN_EADDRESS;
    if (err == TN_EADDRESS) {
        return w->numeric && ep->host_len > 0
                   ? say_usage("%s: -n looks no names up", ep->host)
                   : EXIT_DONE;
    }
    if (err < 0 || w->only4 == w->only6) {
        return EXIT_DONE;
    }
    bool six = addr.u.sa.sa_family == AF_INET6;
    if (six == w->only6) {
        return EXIT_DONE;
    }
    return say_usage("%s: -%d, but that is IPv%d", ep->host, w->only6 ? 6 : 4,
                     six ? 6 : 4);
}

int
where_parse(tn_endpoint *ep, const struct where *w, int n, char **words)
{
    memset(ep, 0, sizeof(*ep));
    int code;
    if (w->path) {
        code = parse_unix(ep, w, n, words);
    } else {
        code = n == 2 ? parse_two(ep, w, words[0], words[1])
                      : parse_one(ep, w, words[0]);
    }
    if (code == EXIT_DONE && !w->listen && !where_is_unix(ep) &&
        ep->port == 0) {
        return say_usage("%s: port 0 is only for listening", words[0]);
    }
    return code == EXIT_DONE ? where_check(ep, w) : code;
}

int
where_bind(tn_endpoint *ep, enum tn_transport transport, const char *bind,
           int port, int fallback)
{
    int err = 0;
    ep->transport = transport;
    ep->port = -1;
    if (bind) {
        err = tn_endpoint_parse(ep, bind, transport);
    }
    if (err < 0 || ep->transport != transport) {
        return say_usage("--bind %s: not an address of this machine", bind);
    }
    if (ep->port >= 0 && port >= 0 && ep->port != port) {
        return say_usage("--bind %s and -p %d: which port?", bind, port);
    }
    if (ep->port < 0) {
        ep->port = port >= 0 ? port : fallback;
    }
    return EXIT_DONE;
}
