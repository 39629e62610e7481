/*
 * cli/where.h - addresses as the command line gives them.
 *
 * One word "host:port", "udp://host:port", "unix:/path"; or two as netcat's
 * users write them, "host port"; or, to listen, a port alone.
 */
#ifndef CLI_WHERE_H
#define CLI_WHERE_H

#include <tenon/addr.h>
#include <tenon/sock.h>

enum {
    WHERE_TEXT = TN_ADDR_TEXT + 16, /* an address behind its scheme */
};

/* What the options say about the address. */
struct where {
    bool udp;     /* -u: datagrams */
    bool path;    /* -U: a path */
    bool listen;  /* -l: a port alone will do */
    bool only4;   /* -4 */
    bool only6;   /* -6 */
    bool numeric; /* -n: no names */
};

/**
 * Read one or two words.
 *
 * @param ep     filled.
 * @param w      the options.
 * @param n      1 or 2.
 * @param words  borrowed.
 * @return EXIT_DONE, or EXIT_USAGE, the complaint printed.
 */
int where_parse(tn_endpoint *ep, const struct where *w, int n, char **words);

/**
 * Read --bind beside -p: an address of this machine, perhaps with its port.
 *
 * @param ep         filled.
 * @param transport  TN_TCP or TN_UDP; an address of another one is refused.
 * @param bind       the option's value; NULL: every address.
 * @param port       of -p; -1 if it was not given.
 * @param fallback   the port if neither names one.
 * @return EXIT_DONE, or EXIT_USAGE, the complaint printed.
 */
int where_bind(tn_endpoint *ep, enum tn_transport transport, const char *bind,
               int port, int fallback);

/**
 * Refuse what the kernel or the resolver would in words that do not help: a
 * path too long, a family or a name that the options exclude.
 *
 * @return EXIT_DONE, or EXIT_USAGE, the complaint printed.
 */
int where_check(const tn_endpoint *ep, const struct where *w);

/** Read "80", "80-90" or "http"; false if it is none. `last` may be NULL:
    then only one port will do. It may be below `first`. */
bool where_ports(const char *text, int *first, int *last);

/** AF_INET for -4, AF_INET6 for -6, else AF_UNSPEC. */
int where_family(bool only4, bool only6);

/** Tell whether it is served by datagrams. */
bool where_is_gram(const tn_endpoint *ep);

/** Tell whether it is a Unix address. */
bool where_is_unix(const tn_endpoint *ep);

/** Write where a socket of an endpoint is bound, as one may give it to tenon
    again: with its scheme. "?" if it cannot be asked. */
const char *where_bound(const tn_endpoint *ep, const tn_sock *sock, char *buf,
                        size_t cap);

/** Write an address for people: an IPv4 peer of a socket for both families is
    "127.0.0.1:80", not "[::ffff:127.0.0.1]:80". */
const char *where_peer(const tn_addr *addr, char *buf, size_t cap);

/** Remove the file of a Unix socket that this program bound. */
void where_remove(const tn_endpoint *ep);

#endif
