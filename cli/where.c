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
               one_port(text + n + 1, strlen(text + n + 1), last) &&
               *first <= *last;
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

const char *
where_bound(const tn_sock *sock, char *buf, size_t cap)
{
    tn_addr bound;
    if (tn_getsockname(sock, &bound) < 0) {
        return "?";
    }
    return tn_addr_format(&bound, buf, cap);
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

/* -U: everything is part of the path, "udp://" too. */
static int
parse_unix(tn_endpoint *ep, const struct where *w, int n, char **words)
{
    if (n != 1) {
        return say_usage("%s: one word too many", words[1]);
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

static int
parse_one(tn_endpoint *ep, const struct where *w, const char *word)
{
    if (w->listen && all_digits(word, strlen(word))) {
        return parse_two(ep, w, "", word);
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
    if (ep->port < 0) {
        bool six = strchr(ep->host, ':') != NULL;
        return say_usage("%s: no port (write %s%s%s:80, or %s 80)", word,
                         six ? "[" : "", ep->host, six ? "]" : "", ep->host);
    }
    return EXIT_DONE;
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
    if (code == EXIT_DONE && ep->transport == TN_TLS) {
        return say_usage("%s: tls is not supported by this build", words[0]);
    }
    if (code == EXIT_DONE && !w->listen && !where_is_unix(ep) &&
        ep->port == 0) {
        return say_usage("%s: port 0 is only for listening", words[0]);
    }
    return code;
}
