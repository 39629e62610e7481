/*
 * tenon/dial.h - a connection or a listener in one call.
 *
 *     tn_sock *s;
 *     if (tn_dial(&s, "example.org:80", 5 * TN_SEC) < 0)
 *         puts(tn_why());
 *
 * Errors:  as the verbs of sock.h that are called on the way.
 * Threads: any; the socket is the caller's.
 * Next:    serve.h, which accepts from a listener.
 */
#ifndef TENON_DIAL_H
#define TENON_DIAL_H

#include <tenon/sock.h>

/* How to connect; a zeroed struct holds the defaults. */
typedef struct tn_tls tn_tls; /* tls.h */

typedef struct tn_dial_opts {
    int64_t timeout;       /* ns for names and connecting together; 0 is
                              TN_FOREVER */
    int family;            /* AF_INET or AF_INET6 to use only that */
    bool numeric;          /* look no names up */
    const tn_addr *source; /* bind to it before; borrowed; may be NULL */
    tn_tls *tls;           /* for tls://; borrowed until return; NULL: verify
                              against the system's trust store */
    int64_t *resolved;     /* set to tn_now() when the name was known; borrowed
                          until return; may be NULL */
} tn_dial_opts;

/* How to listen; a zeroed struct holds the defaults. */
typedef struct tn_listen_opts {
    int backlog;     /* 0: the system's most */
    int family;      /* AF_INET or AF_INET6 to use only that */
    bool reuse_port; /* several listeners share the port (SO_REUSEPORT) */
    bool v6only;     /* "[::]" does not take IPv4 as well */
    bool numeric;    /* look no names up */
    bool replace;    /* Unix: remove a socket file that nobody listens on */
    tn_tls *tls;     /* for tls://, with a certificate; borrowed until return;
                        each accepted socket is then a TLS socket */
} tn_listen_opts;

TN_BEGIN_DECLS

/**
 * Connect to a host and port: all its addresses, the fastest wins.
 *
 * Happy Eyeballs: addresses of both families take turns, each gets 250 ms head
 * start; the first connection wins and the others are closed.
 *
 * @param out   given (end with tn_close()); NULL on failure.
 * @param host  borrowed; a name or number.
 * @param port  1 to 65535.
 * @param opts  borrowed; NULL for the defaults.
 * @return 0; the error of the last address that failed; as tn_resolve();
 *   -ETIME; -ECANCELED; -EMFILE.
 * @suspends   yes.
 * @thread     any.
 * @see        RFC 8305; Python socket.create_connection.
 */
TN_API TN_USE int tn_create_connection(tn_sock **out, const char *host,
                                       int port, const tn_dial_opts *opts);

/**
 * Create a listening socket, SO_REUSEADDR set.
 *
 * An IPv6 wildcard takes IPv4 connections too, unless v6only.
 *
 * @param out   given (end with tn_close()); NULL on failure.
 * @param addr  borrowed; where to listen; port 0 lets the kernel choose.
 * @param opts  borrowed; NULL for the defaults.
 * @return 0; as tn_socket(), tn_bind(), tn_listen().
 * @suspends   no.
 * @thread     any.
 * @see        Python socket.create_server.
 */
TN_API TN_USE int tn_create_server(tn_sock **out, const tn_addr *addr,
                                   const tn_listen_opts *opts);

/**
 * Connect to an address given as text, of any transport.
 *
 * For datagram transports the peer is set and nothing is sent; a Unix datagram
 * socket gets a name of its own so that answers reach it.
 *
 * @param out   given (end with tn_close()); NULL on failure.
 * @param text  borrowed; "host:port", "udp://host:port", "unix:/path", ...
 * @param timeout  ns for names and connecting together; TN_FOREVER; 0 gives
 *                 only what needs no waiting, else -ETIME.
 * @return 0; TN_EADDRESS; as tn_create_connection().
 * @suspends   yes.
 * @thread     any.
 * @see        tn_endpoint_parse(); Go's net.Dial.
 */
TN_API TN_USE int tn_dial(tn_sock **out, const char *text, int64_t timeout);

/**
 * Connect to an endpoint.
 *
 * @param out   given (end with tn_close()); NULL on failure.
 * @param ep    borrowed.
 * @param opts  borrowed; NULL for the defaults.
 * @return as tn_dial(); -EOPNOTSUPP for TN_TLS as long as there is none.
 * @suspends   yes.
 * @thread     any.
 * @see        tn_dial().
 */
TN_API TN_USE int tn_dial_endpoint(tn_sock **out, const tn_endpoint *ep,
                                   const tn_dial_opts *opts);

/**
 * Listen, or bind for datagrams, on an address given as text.
 *
 * ":8000" listens on all interfaces, IPv6 and IPv4, where there is IPv6.
 *
 * @param out   given (end with tn_close()); NULL on failure.
 * @param text  borrowed; as tn_dial(); port 0 lets the kernel choose.
 * @param opts  borrowed; NULL for the defaults.
 * @return 0; TN_EADDRESS; as tn_create_server(), tn_resolve().
 * @suspends   yes, in a task, if there is a name to look up.
 * @thread     any.
 * @see        Go's net.Listen.
 */
TN_API TN_USE int tn_listen_on(tn_sock **out, const char *text,
                               const tn_listen_opts *opts);

/**
 * Listen, or bind for datagrams, on an endpoint.
 *
 * @param out   given (end with tn_close()); NULL on failure.
 * @param ep    borrowed.
 * @param opts  borrowed; NULL for the defaults.
 * @return as tn_listen_on().
 * @suspends   yes, in a task, if there is a name to look up.
 * @thread     any.
 * @see        tn_listen_on().
 */
TN_API TN_USE int tn_listen_endpoint(tn_sock **out, const tn_endpoint *ep,
                                     const tn_listen_opts *opts);

TN_END_DECLS

#endif
