/*
 * tenon/ws.h - WebSocket: whole messages over one connection, both ways.
 *
 * In a handler of httpd.h tn_ws_accept() makes the exchange a WebSocket; a
 * client calls tn_ws_dial(). Pings are answered and the close handshake is done
 * while messages are received; text is checked to be UTF-8; a message above the
 * limit closes the connection with 1009.
 *
 * Errors:  TN_EWS, TN_ETOOBIG, those of sock.h.
 * Threads: in a loop one task receives while any number sends. A plain thread
 *          has a WebSocket for itself.
 * Next:    httpd.h.
 */
#ifndef TENON_WS_H
#define TENON_WS_H

#include <tenon/httpd.h>

typedef struct tn_tls tn_tls; /* tls.h */
typedef struct tn_ws tn_ws;

/* What a message is; the numbers are those of RFC 6455 section 5.2. */
enum tn_ws_kind {
    TN_WS_TEXT = 1,
    TN_WS_BINARY = 2,
};

enum {
    TN_WS_REASON = 123, /* bytes of the reason in a close frame */
};

/* Limits of a WebSocket; a zeroed struct holds the defaults. */
typedef struct tn_ws_opts {
    size_t max_message;   /* bytes; 0 = 1 MiB */
    int64_t ping_time;    /* ns of silence after which we ping, while somebody
                             receives; twice that ends the connection
                             (-ETIMEDOUT); 0 = 30 s; TN_FOREVER: never */
    int64_t send_time;    /* ns for the peer to take a message; 0 = 30 s */
    int64_t message_time; /* ns for a message to come, once it has begun, while
                             somebody receives; above it the connection ends
                             with 1008 (-ETIMEDOUT); 0 = 60 s; TN_FOREVER:
                             never */
    int64_t connect_time; /* ns for all of tn_ws_dial(); 0 = 30 s */
    const char *protocol; /* subprotocol to ask for, or to agree to; NULL */
    const char *origin;   /* tn_ws_dial(): the Origin field; NULL: none */
    tn_tls *tls;          /* tn_ws_dial(): for wss://; borrowed; NULL: verify
                             by the system */
    const char *proxy;    /* tn_ws_dial(): as in httpc.h; NULL: none */
} tn_ws_opts;

/* How a WebSocket ended. */
typedef struct tn_ws_end {
    int code;                      /* 1000 to 4999; 1005 no code, 1006 no close
                                      frame came */
    char reason[TN_WS_REASON + 1]; /* UTF-8; ends in NUL */
} tn_ws_end;

TN_BEGIN_DECLS

/**
 * Answer an exchange with 101 and make it a WebSocket.
 *
 * A request that is none is answered with 400 or 426. The Origin is the
 * caller's to check before.
 *
 * @param out   given (end with tn_ws_free(), before the handler returns).
 * @param x     borrowed until tn_ws_free().
 * @param opts  borrowed until return; NULL for the defaults.
 * @return 0; TN_EWS: it was answered, the handler shall return 0; as
 *   tn_httpd_upgrade().
 * @suspends   yes.
 * @thread     the exchange's task.
 * @see        RFC 6455 section 4.2.
 */
TN_API TN_USE int tn_ws_accept(tn_ws **out, tn_exchange *x,
                               const tn_ws_opts *opts);

/**
 * Connect to a WebSocket server.
 *
 * @param out   given (end with tn_ws_free()); NULL on failure.
 * @param url   borrowed; "ws://host:port/path" or "wss://".
 * @param opts  borrowed until return; NULL for the defaults.
 * @return 0; -EINVAL: the URL; TN_EWS: the server would not, redirects, or does
 *   not agree to the subprotocol that was asked for; as tn_httpc_open().
 * @suspends   yes.
 * @thread     any.
 * @see        RFC 6455 section 4.1.
 */
TN_API TN_USE int tn_ws_dial(tn_ws **out, const char *url,
                             const tn_ws_opts *opts);

/**
 * Receive the next message, pings answered on the way.
 *
 * @param ws    borrowed.
 * @param kind  set to text or binary.
 * @param data  set to the message; borrowed until the next tn_ws_recv(); may be
 *              empty.
 * @return 1; 0: the connection was closed in good order, see tn_ws_ended();
 *   TN_EWS: the peer broke the rules and was told; TN_ETOOBIG; TN_ETRUNCATED:
 *   it went without a word; -ETIMEDOUT: no answer to our pings, it does not
 *   take ours, or a message took too long; -EBUSY: another task receives; as
 *   tn_recv(). After -ETIME, -ECANCELED and -EBUSY nothing is lost, call again;
 *   after any other but 1 nothing more comes.
 * @suspends   yes; the caller's scope bounds it.
 * @thread     the socket's; one task at a time.
 * @see        RFC 6455 sections 5, 7.
 */
TN_API TN_USE int tn_ws_recv(tn_ws *ws, enum tn_ws_kind *kind, tn_str *data);

/**
 * Send a message.
 *
 * @param ws    borrowed.
 * @param kind  text, which has to be UTF-8, or binary.
 * @param buf   borrowed until return; `n` bytes; may be NULL if n is 0.
 * @param n     bytes.
 * @return 0; -EILSEQ: no UTF-8, nothing was sent; -EPIPE: closing or closed;
 *   -ETIME: the peer did not take it within send_time; TN_EBROKEN: an earlier
 *   message was cut off half-way; -ENOMEM; as tn_sendall(). A message that was
 *   cut off is not taken up again: only tn_ws_free() is left.
 * @suspends   yes.
 * @thread     the socket's; any number of tasks, messages never mix.
 * @see        RFC 6455 section 5.6.
 */
TN_API TN_USE int tn_ws_send(tn_ws *ws, enum tn_ws_kind kind, const void *buf,
                             size_t n);

/**
 * Begin to close; tn_ws_recv() goes on until the peer's answer.
 *
 * Messages that other tasks began to send before go out first.
 *
 * @param ws      borrowed.
 * @param code    1000, 1001, 1003, 1008, 1011, 3000 to 4999.
 * @param reason  borrowed; UTF-8; at most TN_WS_REASON bytes; may be NULL.
 * @return 0; -EINVAL; -EPIPE: it was begun before; as tn_sendall().
 * @suspends   yes.
 * @thread     the socket's.
 * @see        RFC 6455 section 7.1.
 */
TN_API int tn_ws_close(tn_ws *ws, int code, const char *reason);

/**
 * Tell how the peer ended it.
 *
 * @param ws   borrowed; tn_ws_recv() did not return 1.
 * @param end  filled.
 * @suspends   no.
 * @thread     the socket's.
 * @see        RFC 6455 section 7.4.
 */
TN_API void tn_ws_ended(const tn_ws *ws, tn_ws_end *end);

/**
 * Release a WebSocket, closing with 1000 first if nobody has, or with 1001 if
 * the caller is cancelled: a server that ends.
 *
 * The peer gets two seconds to answer.
 *
 * @param ws  taken; no task is inside a call on it; NULL is harmless.
 * @suspends   yes, shielded.
 * @thread     the socket's.
 * @see        RFC 6455 section 7.1.1.
 */
TN_API void tn_ws_free(tn_ws *ws);

TN_END_DECLS

#endif
