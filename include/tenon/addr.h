/*
 * tenon/addr.h - where a socket is, or shall be: addresses and their text.
 *
 * A tn_addr is a plain value: copy it, compare it, keep it. Text is one string
 * everywhere: "host:port", "[::1]:80", ":8000", "udp://host:port",
 * "tls://host:port", "unix:/path", "unix:@abstract", "udp://<broadcast>:9".
 *
 *     tn_addr a;
 *     tn_addr_ip(&a, "127.0.0.1", 8000);      numeric, no waiting
 *     tn_resolve("example.org", 80, ...);     names, may wait
 *
 * Errors:  negative codes of err.h.
 * Threads: plain values; every function may be called from any thread.
 * Next:    sock.h, whose verbs take a tn_addr.
 */
#ifndef TENON_ADDR_H
#define TENON_ADDR_H

#include <tenon/api.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A socket address of any family. len == 0 means "none". */
typedef struct tn_addr {
    socklen_t len; /* bytes of u in use */

    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    } u;
} tn_addr;

/* What the text before "://" chooses. */
typedef enum tn_transport {
    TN_TCP,      /* tcp:// */
    TN_UDP,      /* udp:// */
    TN_TLS,      /* tls:// */
    TN_UNIX,     /* unix: stream */
    TN_UNIXGRAM, /* unixgram: */
    TN_UNIXSEQ,  /* unixseq: */
} tn_transport;

/* An address as a person wrote it, before any name is looked up. */
typedef struct tn_endpoint {
    tn_transport transport;
    int port;       /* 0 to 65535; -1 if none was written; 0 for Unix */
    int host_len;   /* bytes of host; a Unix abstract name begins with '@' */
    char host[256]; /* "" = all interfaces; a path for Unix; ends in NUL */
} tn_endpoint;

enum {
    TN_ADDR_TEXT = 160, /* enough for any tn_addr_format(), with its NUL */
};

TN_BEGIN_DECLS

/**
 * Make an address from a numeric IPv4 or IPv6 address and a port.
 *
 * "" is 0.0.0.0 and "<broadcast>" 255.255.255.255, as in Python; IPv6 may carry
 * a scope, "fe80::1%eth0".
 *
 * @param a     filled on success, untouched otherwise.
 * @param ip    borrowed; text without brackets.
 * @param port  0 to 65535.
 * @return 0; TN_EADDRESS if `ip` is no numeric address; -ERANGE for the port;
 *   -ENODEV if the scope names no interface.
 * @suspends   no.
 * @thread     any.
 * @see        inet_pton(3); Python socket.inet_pton.
 */
TN_API TN_USE int tn_addr_ip(tn_addr *a, const char *ip, int port);

/**
 * Make a Unix address from a path or an abstract name.
 *
 * @param a     filled on success, untouched otherwise.
 * @param path  borrowed; `n` bytes. A first byte '@' or NUL means abstract;
 *              "./@x" is a file of that name.
 * @param n     bytes, 0 (unnamed) to 107; an abstract name 108.
 * @return 0; -ENAMETOOLONG.
 * @suspends   no.
 * @thread     any.
 * @see        unix(7); Python's AF_UNIX addresses.
 */
TN_API TN_USE int tn_addr_unix(tn_addr *a, const char *path, size_t n);

/**
 * Write an address the way an endpoint is read.
 *
 * "127.0.0.1:80", "[::1]:80", "unix:/path", "unix:@name", "unix:" (unnamed).
 * Unprintable bytes of a Unix name appear as \xNN.
 *
 * @param a    borrowed.
 * @param buf  `cap` bytes; always ends in NUL if cap > 0.
 * @param cap  TN_ADDR_TEXT is enough, but for abstract names full of
 *             unprintable bytes, which are cut.
 * @return buf.
 * @suspends   no.
 * @thread     any.
 * @see        getnameinfo(3) NI_NUMERICHOST.
 */
TN_API const char *tn_addr_format(const tn_addr *a, char *buf, size_t cap);

/**
 * Write only the host part: "127.0.0.1", "::1", "fe80::1%eth0", "/path".
 *
 * @param a    borrowed.
 * @param buf  `cap` bytes; always ends in NUL if cap > 0.
 * @param cap  TN_ADDR_TEXT is enough.
 * @return buf.
 * @suspends   no.
 * @thread     any.
 * @see        inet_ntop(3); Python getpeername()[0].
 */
TN_API const char *tn_addr_host(const tn_addr *a, char *buf, size_t cap);

/**
 * Return the port of an address.
 *
 * @param a  borrowed.
 * @return 0 to 65535; 0 for families that have none.
 * @suspends   no.
 * @thread     any.
 * @see        Python getsockname()[1].
 */
TN_API int tn_addr_port(const tn_addr *a);

/**
 * Set the port of an IPv4 or IPv6 address.
 *
 * @param a     changed.
 * @param port  0 to 65535.
 * @return 0; -EAFNOSUPPORT for other families; -ERANGE for the port.
 * @suspends   no.
 * @thread     any.
 * @see        ip(7).
 */
TN_API TN_USE int tn_addr_set_port(tn_addr *a, int port);

/**
 * Compare two addresses: family, address, port, scope.
 *
 * @param a  borrowed.
 * @param b  borrowed.
 * @return true if both mean the same place.
 * @suspends   no.
 * @thread     any.
 * @see        Python's == on address tuples.
 */
TN_API bool tn_addr_equal(const tn_addr *a, const tn_addr *b);

/**
 * Read an address as people write it, without looking any name up.
 *
 * @param ep       filled on success, untouched otherwise.
 * @param text     borrowed.
 * @param deflt    the transport if `text` names none.
 * @return 0; TN_EADDRESS, with tn_why() naming the fault; -ERANGE for a port
 *   above 65535; -ENAMETOOLONG.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 3986 section 3.2.
 */
TN_API TN_USE int tn_endpoint_parse(tn_endpoint *ep, const char *text,
                                    tn_transport deflt);

/**
 * Write an endpoint so that tn_endpoint_parse() reads the same back.
 *
 * @param ep   borrowed.
 * @param buf  `cap` bytes; always ends in NUL if cap > 0.
 * @param cap  300 is enough.
 * @return buf. TCP is written without its scheme.
 * @suspends   no.
 * @thread     any.
 * @see        tn_endpoint_parse().
 */
TN_API const char *tn_endpoint_format(const tn_endpoint *ep, char *buf,
                                      size_t cap);

/**
 * Return the socket type that a transport needs.
 *
 * @param t  any transport.
 * @return SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
 * @suspends   no.
 * @thread     any.
 * @see        socket(2).
 */
TN_API int tn_transport_type(tn_transport t);

enum {
    TN_PASSIVE = 1 << 0, /* the address is for bind: "" = all interfaces */
    TN_NUMERIC = 1 << 1, /* look nothing up */
};

/**
 * Look a host up: all its addresses, in the order to try them.
 *
 * Numeric addresses, "", "<broadcast>" and Unix paths never wait.
 *
 * @param host    borrowed; a name or number.
 * @param port    0 to 65535.
 * @param family  AF_INET, AF_INET6, or AF_UNSPEC for both.
 * @param flags   TN_PASSIVE, TN_NUMERIC.
 * @param out     room for `cap` addresses.
 * @param cap     1 to 64; more are dropped.
 * @return how many were written, >= 1; TN_ENONAME; TN_ETRYNAME; TN_ERESOLVE;
 *   -ERANGE for the port; -ENODEV for a scope that is no interface; -ETIME;
 *   -ECANCELED; -ENOMEM.
 * @suspends   yes, in a task, by way of the worker pool; a thread blocks.
 * @thread     any.
 * @see        getaddrinfo(3); RFC 6724; Python socket.getaddrinfo.
 */
TN_API TN_USE int tn_resolve(const char *host, int port, int family,
                             unsigned flags, tn_addr *out, int cap);

/**
 * Look an endpoint up.
 *
 * @param ep      borrowed; its port must be >= 0.
 * @param family  AF_INET, AF_INET6, or AF_UNSPEC; no matter for Unix.
 * @param flags   TN_PASSIVE, TN_NUMERIC.
 * @param out     room for `cap` addresses.
 * @param cap     1 to 64; more are dropped.
 * @return as tn_resolve(); TN_EADDRESS if no port is known.
 * @suspends   yes, in a task, if there is a name to look up.
 * @thread     any.
 * @see        tn_resolve().
 */
TN_API TN_USE int tn_endpoint_resolve(const tn_endpoint *ep, int family,
                                      unsigned flags, tn_addr *out, int cap);

TN_END_DECLS

#endif
