/*
 * tenon/httpc.h - an HTTP/1.1 client: http and https, a pool, redirects,
 * proxies, streams both ways.
 *
 *     tn_httpc *c;
 *     tn_fetch *f;
 *     tn_httpc_new(&c, NULL);
 *     tn_httpc_open(&f, c, &(tn_httpc_request){.url = "http://localhost/"});
 *     while ((n = tn_httpc_read(f, buf, sizeof(buf))) > 0) ...
 *     tn_httpc_close(f);
 *
 * A body that ends too early is TN_ETRUNCATED, never a short success. An answer
 * with a 4xx or 5xx status is an answer, not an error.
 *
 * Errors:  negative codes of err.h: those of tn_dial(), tn_tls_handshake(),
 *          tn_recv() and TN_EHTTP, TN_EREDIRECT, TN_EPROXY.
 * Threads: a client and its fetches belong to one loop or one plain thread.
 * Next:    ws.h for ws:// URLs.
 */
#ifndef TENON_HTTPC_H
#define TENON_HTTPC_H

#include <tenon/http.h>
#include <tenon/sock.h>

typedef struct tn_tls tn_tls;     /* tls.h */
typedef struct tn_httpc tn_httpc; /* a client: its settings and its pool */
typedef struct tn_fetch tn_fetch; /* one request and its answer */

/* What a client tells while it works. */
enum tn_httpc_event {
    TN_HTTPC_CONNECTED, /* a new connection is ready; `text` is where to */
    TN_HTTPC_REUSED,    /* one of the pool is taken; likewise */
    TN_HTTPC_SENT,      /* the head of a request, CONNECT's too */
    TN_HTTPC_GOT,       /* the head of an answer, also interim ones, those
                           that redirect, and a proxy's */
};

/* Is told so; `text` and `sock` are borrowed until it returns. May not suspend
   nor call the client. Heads hold passwords: show them with care. */
typedef void tn_httpc_trace(void *arg, enum tn_httpc_event what, tn_str text,
                            tn_sock *sock);

/* Settings of a client; a zeroed struct holds the defaults. */
typedef struct tn_httpc_opts {
    tn_tls *tls;       /* for https; borrowed; NULL: verify by the system */
    const char *proxy; /* "http://host:port", "socks5://user:word@host:port",
                             "socks5h://..." (names looked up there; else
                             the first address of one is asked for); NULL */
    const char *tls_proxy; /* the one for https; NULL: `proxy`; "": none */
    const char *no_proxy;  /* hosts to reach directly: "localhost,.example.org";
                             "*" all */
    const char *agent;     /* User-Agent; NULL: "tenon/VERSION"; "" none */
    int64_t connect_time;  /* ns for name, connection, proxy; 0 = 30 s */
    int64_t tls_time;      /* ns for the TLS handshake; 0 = 15 s */
    int64_t head_time;     /* ns from the request's end to the answer's head;
                             0 = 60 s */
    int64_t idle_time;     /* ns between two pieces of a body, either way;
                             0 = 60 s */
    int64_t total_time;    /* ns for all of a fetch until its end; 0: none */
    size_t max_head;       /* bytes of the answer's head; 0 = 64 KiB */
    int max_redirects;     /* 0 = 10; -1: follow none, they are answers */
    int pool_size;         /* idle connections kept; 0 = 8; -1 none */
    int64_t pool_time;     /* ns after which an idle one is used no more;
                             0 = 30 s */
    int family;            /* AF_INET or AF_INET6 to use only that */
    tn_httpc_trace *trace; /* may be NULL */
    void *trace_arg;
} tn_httpc_opts;

/* Gives a piece of the request's body: bytes put into `buf`, 0 at the end, a
   negative code to give up. May suspend. */
typedef ssize_t tn_httpc_source(void *arg, void *buf, size_t cap);

/* Has the source begin anew; 0 or a negative code. */
typedef int tn_httpc_rewind(void *arg);

/* A request; zero what is not needed. Borrowed until tn_httpc_open() ends. */
typedef struct tn_httpc_request {
    const char *method;          /* NULL: GET, or POST with a body */
    const char *url;             /* http, https; ws, wss for ws.h */
    const tn_http_field *fields; /* more, or others than the usual; a value
                                    that is absent drops a usual one */
    int field_count;
    const void *body; /* `length` bytes, or: */
    tn_httpc_source *source;
    tn_httpc_rewind *rewind; /* NULL: it cannot, and what needs the body once
                                more (307, 308, a lost connection) is not done:
                                the redirect is then the answer */
    void *source_arg;
    int64_t length;   /* of the body, bytes; with a source -1: not known */
    bool expect;      /* ask with 100-continue before the body is sent; waits a
                       second for the answer */
    bool keep_method; /* a redirect by 301 or 302 keeps POST */
    bool trust_redirects; /* Authorization and Cookie also go to other hosts,
                             but never from https to http; Host does not */
    bool upgrade;         /* the request asks for it: see tn_httpc_take() */
} tn_httpc_request;

/* When each phase of a fetch was over, in ns since its start; -1: it had none.
   Of the last hop if there were redirects; `start` and `total` of all. */
typedef struct tn_httpc_timing {
    int64_t resolved, connected, secured; /* a pooled connection has none */
    int64_t sent;                         /* the request and its body */
    int64_t head;                         /* the answer's head */
    int64_t total;                        /* the body's end */
    int redirects;
    bool reused; /* the connection came from the pool */
} tn_httpc_timing;

TN_BEGIN_DECLS

/**
 * Create a client.
 *
 * @param out   given (end with tn_httpc_free()); NULL on failure.
 * @param opts  borrowed until return, its tls until tn_httpc_free(); its texts
 *              are copied; NULL for the defaults.
 * @return 0; -EINVAL: the proxy's URL; -ENOMEM.
 * @suspends   no.
 * @thread     any; the client is the caller's.
 * @see        Python http.client.HTTPConnection; requests.Session.
 */
TN_API TN_USE int tn_httpc_new(tn_httpc **out, const tn_httpc_opts *opts);

/**
 * Release a client and the connections in its pool.
 *
 * @param c  taken; without open fetches; NULL is harmless.
 * @suspends   yes, briefly, as tn_close().
 * @thread     the client's.
 * @see        tn_httpc_new().
 */
TN_API void tn_httpc_free(tn_httpc *c);

/**
 * Send a request and read the head of its answer, redirects followed.
 *
 * A request that a pooled connection lost before any answer is tried once on a
 * new one, if it may be repeated (RFC 9112 section 9.3.1).
 *
 * @param out  given (end with tn_httpc_close()); NULL on failure.
 * @param c    borrowed until the fetch is closed.
 * @param req  borrowed until return.
 * @return 0; -EINVAL: the URL, the method or the fields, among which may be
 *   none that frames the body; as said at the top; what the source returned.
 * @suspends   yes.
 * @thread     the client's.
 * @see        RFC 9110 section 15.4; Python http.client's request.
 */
TN_API TN_USE int tn_httpc_open(tn_fetch **out, tn_httpc *c,
                                const tn_httpc_request *req);

/**
 * Return the answer's head.
 *
 * @param f  borrowed.
 * @return borrowed until tn_httpc_close().
 * @suspends   no.
 * @thread     the client's.
 * @see        http.h.
 */
TN_API const tn_http_response *tn_httpc_response(const tn_fetch *f);

/**
 * Return the answer's head as it came, for who wants to show it.
 *
 * @param f  borrowed.
 * @return borrowed until tn_httpc_close().
 * @suspends   no.
 * @thread     the client's.
 * @see        curl's -i.
 */
TN_API tn_str tn_httpc_head(const tn_fetch *f);

/**
 * Return the URL that answered in the end.
 *
 * @param f  borrowed.
 * @return borrowed until tn_httpc_close().
 * @suspends   no.
 * @thread     the client's.
 * @see        Python's urlopen().geturl().
 */
TN_API const char *tn_httpc_url(const tn_fetch *f);

/**
 * Return the connection's socket, to look at: its address, its TLS.
 *
 * @param f  borrowed.
 * @return borrowed until the body's end; NULL after it.
 * @suspends   no.
 * @thread     the client's.
 * @see        tn_tls_info_of().
 */
TN_API tn_sock *tn_httpc_sock(const tn_fetch *f);

/**
 * Read a piece of the answer's body.
 *
 * @param f    borrowed.
 * @param buf  borrowed until return; at least `cap` bytes.
 * @param cap  bytes; 1 to SSIZE_MAX.
 * @return bytes; 0 at the body's end; TN_ETRUNCATED: it ended too early;
 *   TN_ECUT: so did TLS, where only the end of the connection ends the body;
 *   TN_EHTTP: bad chunks; as tn_recv().
 * @suspends   yes.
 * @thread     the client's.
 * @see        RFC 9112 section 8.
 */
TN_API TN_USE ssize_t tn_httpc_read(tn_fetch *f, void *buf, size_t cap);

/**
 * Return the fields behind a chunked body.
 *
 * @param f      borrowed; tn_httpc_read() has returned 0.
 * @param count  set to how many there are.
 * @return borrowed until tn_httpc_close(); NULL if there are none.
 * @suspends   no.
 * @thread     the client's.
 * @see        RFC 9110 section 6.5.
 */
TN_API const tn_http_field *tn_httpc_trailers(const tn_fetch *f, int *count);

/**
 * Read how long each phase took.
 *
 * @param f       borrowed.
 * @param timing  filled.
 * @suspends   no.
 * @thread     the client's.
 * @see        curl's --write-out.
 */
TN_API void tn_httpc_timing_of(const tn_fetch *f, tn_httpc_timing *timing);

/**
 * Take the connection out of a fetch that was answered by 101.
 *
 * @param f      borrowed; opened with `upgrade`.
 * @param sock   given (end with tn_close()).
 * @param early  set to bytes that came behind the head already; borrowed until
 *               tn_httpc_close().
 * @return 0; -EINVAL: the answer was another.
 * @suspends   no.
 * @thread     the client's.
 * @see        RFC 9110 section 7.8.
 */
TN_API TN_USE int tn_httpc_take(tn_fetch *f, tn_sock **sock, tn_str *early);

/**
 * End a fetch. Its connection goes back to the pool if its body was read to
 * the end and both sides want to go on.
 *
 * @param f  taken; NULL is harmless.
 * @suspends   no.
 * @thread     the client's.
 * @see        tn_httpc_open().
 */
TN_API void tn_httpc_close(tn_fetch *f);

TN_END_DECLS

#endif
