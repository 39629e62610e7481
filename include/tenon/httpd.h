/*
 * tenon/httpd.h - an HTTP/1.1 server: routes, handlers, streams both ways.
 *
 *     static int hello(tn_exchange *x, void *arg)
 *     {
 *         return tn_httpd_reply(x, 200, "text/plain", "hello\n", 6);
 *     }
 *     static const tn_httpd_route routes[] = {{"GET", "/", hello}, {0}};
 *     tn_httpd_serve(listener, routes, NULL, NULL);
 *
 * One exchange is a request and its answer, and lives in a handler that is
 * written straight down. Connections persist, pipelined requests are answered
 * in order, bodies stream both ways, 100-continue is sent when the body is
 * first read. With no option set everything is bounded: heads, bodies, waits.
 * HEAD is answered by what answers GET, OPTIONS and 405 by the table.
 *
 * Errors:  negative codes of err.h. A handler that returns one before anything
 *          was sent makes it 500 (-ENOENT 404, -EACCES 403, -EINVAL and
 *          TN_EHTTP 400, TN_ETOOBIG 413, -ETIME 408); later, the connection is
 *          reset, so that a cut answer is never taken for a whole one.
 * Threads: the listener's.
 * Next:    share.h serves folders; ws.h makes an exchange a WebSocket.
 */
#ifndef TENON_HTTPD_H
#define TENON_HTTPD_H

#include <tenon/http.h>
#include <tenon/sock.h>

/* A request that is being answered. Ends with its handler. */
typedef struct tn_exchange tn_exchange;

typedef int tn_httpd_handler(tn_exchange *x, void *arg);

/* A line of the table; the first that matches serves. The last is zeroed. */
typedef struct tn_httpd_route {
    const char *methods; /* "GET", "PUT DELETE"; NULL: any but TRACE, CONNECT */
    const char *path;    /* "/a" or "/" exactly that; "/a/" and below; "*" all;
                            compared as the client wrote it, undecoded */
    tn_httpd_handler *handler;
} tn_httpd_route;

/* What happened, for a log; borrowed during the call. */
typedef struct tn_httpd_entry {
    const tn_addr *peer;
    tn_str method, target, user; /* absent if the head was not readable */
    tn_str referer, agent;
    int minor;     /* of HTTP/1.x */
    int status;    /* 0: none was sent */
    int64_t sent;  /* bytes of the answer's body */
    int64_t taken; /* ns, from the head's end to the answer's */
    int result;    /* of the handler, or what ended the exchange; 0 is well */
} tn_httpd_entry;

/* Limits and habits of a server; a zeroed struct holds the defaults. */
typedef struct tn_httpd_opts {
    int max_connections; /* 0 = 4,096, capped by the limit of descriptors;
                            64 more are told 503, others wait for accept */
    int max_busy;        /* exchanges at once, the rest gets 503 with
                              Retry-After; 0 = no such limit */
    size_t max_head;     /* bytes of a head; 0 = 16 KiB; 414, 431 */
    int64_t max_body;    /* bytes of a body; 0 = 1 MiB; -1 none; 413 */
    int64_t idle_time;   /* ns between requests; 0 = 60 s */
    int64_t head_time;   /* ns for a head, from its first byte; 0 = 10 s;
                            408; and for a TLS handshake before it */
    int64_t body_time;   /* ns for each 64 KiB of a body; 0 = 30 s; 408 */
    int64_t write_time;  /* ns for the peer to take 64 KiB; 0 = 30 s */
    int64_t drain_time;  /* ns for open exchanges when the server ends;
                              0 = 5 s; at most 60 s */
    bool trace;          /* answer TRACE */
    const char *const *tunnels; /* CONNECT to these "host:port", "*:443";
                                   NULL: no proxy */
    const char *server;         /* the Server field; NULL: none */
    /* Asked about every request, also about one that no route takes; 0: go on;
       else it has answered, and this is the handler's result: 1 is well. */
    tn_httpd_handler *gate;
    /* After each exchange; must not wait. */
    void (*log)(const tn_httpd_entry *entry, void *arg);
    bool need_length; /* POST, PUT, PATCH without a body: 411, not empty */
} tn_httpd_opts;

TN_BEGIN_DECLS

/**
 * Serve HTTP on a listener until cancelled; a TLS listener makes it HTTPS.
 *
 * When the caller's scope ends, idle connections are closed, open exchanges
 * get drain_time to finish, and each answer says "Connection: close". What was
 * upgraded is cancelled at once, and has that time to say good-bye.
 *
 * @param listener  borrowed; listening; TCP_NODELAY is set on it.
 * @param routes    borrowed until return; the last is zeroed.
 * @param arg       borrowed until return; handed to handlers, gate and log.
 * @param opts      borrowed until return; NULL for the defaults.
 * @return as tn_serve().
 * @suspends   yes.
 * @thread     the listener's; a plain thread becomes a loop until return.
 * @see        tn_serve(); Python http.server.
 */
TN_API int tn_httpd_serve(tn_sock *listener, const tn_httpd_route *routes,
                          void *arg, const tn_httpd_opts *opts);

/**
 * Return the request.
 *
 * @param x  borrowed.
 * @return borrowed until the handler returns; its views stay that long too.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        http.h.
 */
TN_API const tn_http_request *tn_httpd_request(const tn_exchange *x);

/**
 * Return the value of a request's field.
 *
 * @param x     borrowed.
 * @param name  borrowed; any case.
 * @return as tn_http_value(); stays until the handler returns.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        Python http.server's headers.
 */
TN_API tn_str tn_httpd_value(const tn_exchange *x, const char *name);

/**
 * Return the connection's peer.
 *
 * @param x  borrowed.
 * @return borrowed until the handler returns.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        Python http.server's client_address.
 */
TN_API const tn_addr *tn_httpd_peer(const tn_exchange *x);

/**
 * Return the connection's socket, to look at: its address, its TLS.
 *
 * @param x  borrowed.
 * @return borrowed until the handler returns; not to be read or written.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        tn_tls_info_of().
 */
TN_API tn_sock *tn_httpd_sock(const tn_exchange *x);

/**
 * Name the user in the log.
 *
 * @param x     borrowed.
 * @param user  borrowed; 63 bytes are kept.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        tn_httpd_entry.
 */
TN_API void tn_httpd_user(tn_exchange *x, tn_str user);

/**
 * Read a piece of the request's body.
 *
 * If the client waits for that, "100 Continue" is sent before the first wait;
 * not if the body has begun to come. What a handler leaves unread is dropped
 * up to 64 KiB; with more of it the connection is closed behind the answer. So
 * it is where an answer begins before anything was read of a body that is
 * longer, as its head has to say.
 *
 * @param x    borrowed.
 * @param buf  borrowed until return; at least `cap` bytes.
 * @param cap  bytes; 1 to SSIZE_MAX.
 * @return bytes; 0 at the body's end; TN_ETOOBIG above max_body; TN_EHTTP bad
 *   chunks or trailers; TN_ETRUNCATED the peer is gone; -ETIME body_time has
 *   passed; -EINVAL no room; -ENOMEM; as tn_recv(), and tn_sendall() for what
 *   is sent before a wait. But for -ETIME and -ECANCELED, and -EINVAL, every
 *   further call returns the same.
 * @suspends   yes.
 * @thread     the exchange's task.
 * @see        RFC 9112 section 6; Python http.server's rfile.
 */
TN_API TN_USE ssize_t tn_httpd_read(tn_exchange *x, void *buf, size_t cap);

/**
 * Read all of a small body.
 *
 * @param x    borrowed.
 * @param out  given (end with free()); ends in a NUL that does not count; NULL
 *             on failure.
 * @param max  bytes; more is TN_ETOOBIG.
 * @return bytes; as tn_httpd_read(); -ENOMEM.
 * @suspends   yes.
 * @thread     the exchange's task.
 * @see        tn_httpd_read().
 */
TN_API TN_USE ssize_t tn_httpd_read_all(tn_exchange *x, char **out, size_t max);

/**
 * Return the fields behind a chunked body.
 *
 * @param x      borrowed; tn_httpd_read() has returned 0.
 * @param count  set to how many there are.
 * @return borrowed until the handler returns; NULL if there are none.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        RFC 9110 section 6.5.
 */
TN_API const tn_http_field *tn_httpd_trailers(const tn_exchange *x, int *count);

/**
 * Begin the answer; 200 if it is never called.
 *
 * @param x       borrowed.
 * @param status  200 to 599.
 * @return 0; -EINVAL; -EALREADY: the head is out.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        RFC 9110 section 15.
 */
TN_API int tn_httpd_status(tn_exchange *x, int status);

/**
 * Add a field to the answer's head.
 *
 * Date, Connection and the body's framing are the server's own affair and
 * refused here.
 *
 * @param x      borrowed.
 * @param name   borrowed until return; a token.
 * @param value  borrowed until return; without control characters.
 * @return 0; -EINVAL; -EALREADY: the head is out; -ENOBUFS: the head is full.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        Python http.server's send_header.
 */
TN_API int tn_httpd_field(tn_exchange *x, const char *name, const char *value);

/**
 * Say how long the answer's body will be; else it goes in chunks.
 *
 * @param x  borrowed.
 * @param n  bytes; the handler has to write exactly that many.
 * @return 0; -EINVAL; -EALREADY: the head is out.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        RFC 9110 section 8.6.
 */
TN_API int tn_httpd_length(tn_exchange *x, int64_t n);

/**
 * Write a piece of the answer's body; dropped silently if it was HEAD.
 *
 * Small pieces are gathered, and what answers pipelined requests goes out
 * together; tn_httpd_flush() sends at once.
 *
 * @param x    borrowed.
 * @param buf  borrowed until return; `n` bytes.
 * @param n    bytes.
 * @return 0; -EINVAL: more than tn_httpd_length() promised; as tn_sendall().
 * @suspends   yes.
 * @thread     the exchange's task.
 * @see        Python http.server's wfile.
 */
TN_API TN_USE int tn_httpd_write(tn_exchange *x, const void *buf, size_t n);

/**
 * Send what was written so far.
 *
 * @param x  borrowed.
 * @return 0; as tn_sendall().
 * @suspends   yes.
 * @thread     the exchange's task.
 * @see        tn_httpd_write().
 */
TN_API TN_USE int tn_httpd_flush(tn_exchange *x);

/**
 * Send a part of a file as body; without copying it if the kernel can.
 *
 * @param x       borrowed.
 * @param fd      borrowed; a regular file.
 * @param offset  bytes to skip.
 * @param n       bytes to send.
 * @return 0; TN_ETRUNCATED: the file is shorter; as tn_sendfile().
 * @suspends   yes.
 * @thread     the exchange's task.
 * @see        sendfile(2).
 */
TN_API TN_USE int tn_httpd_sendfile(tn_exchange *x, int fd, int64_t offset,
                                    int64_t n);

/**
 * Add a field behind a chunked body; dropped silently for HEAD and HTTP/1.0.
 *
 * @param x      borrowed; no tn_httpd_length() was said.
 * @param name   borrowed until return; announce it with the field "Trailer".
 * @param value  borrowed until return.
 * @return 0; -EINVAL; -ENOBUFS.
 * @suspends   no.
 * @thread     the exchange's task.
 * @see        RFC 9110 section 6.5.
 */
TN_API int tn_httpd_trailer(tn_exchange *x, const char *name,
                            const char *value);

/**
 * Answer with a whole body.
 *
 * @param x       borrowed; fields may have been added.
 * @param status  200 to 599.
 * @param type    borrowed; Content-Type; NULL: none.
 * @param body    borrowed until return; `n` bytes.
 * @param n       bytes.
 * @return as tn_httpd_status() and tn_httpd_write().
 * @suspends   yes.
 * @thread     the exchange's task.
 * @see        tn_httpd_write().
 */
TN_API int tn_httpd_reply(tn_exchange *x, int status, const char *type,
                          const void *body, size_t n);

/**
 * Answer with a status and a short page that says it.
 *
 * @param x       borrowed; fields may have been added.
 * @param status  300 to 599.
 * @param why     borrowed; a sentence for people; NULL: the reason phrase.
 * @return as tn_httpd_reply().
 * @suspends   yes.
 * @thread     the exchange's task.
 * @see        Python http.server's send_error.
 */
TN_API int tn_httpd_error(tn_exchange *x, int status, const char *why);

/**
 * Make the connection something else: 101 Switching Protocols, or a tunnel.
 *
 * Sends the head with the fields added so far. The connection is closed when
 * the handler returns.
 *
 * @param x       borrowed.
 * @param status  101, or 200 after CONNECT.
 * @param sock    set to the connection; borrowed until the handler returns.
 * @param early   set to bytes that came behind the request already; borrowed
 *                until the handler returns.
 * @return 0; -EINVAL; -EALREADY; as tn_sendall().
 * @suspends   yes.
 * @thread     the exchange's task.
 * @see        RFC 9110 section 7.8.
 */
TN_API TN_USE int tn_httpd_upgrade(tn_exchange *x, int status, tn_sock **sock,
                                   tn_str *early);

TN_END_DECLS

#endif
