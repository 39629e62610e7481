/*
 * tenon/serve.h - a whole server: one handler per connection, safe by default.
 *
 *     static int handler(tn_sock *conn, const tn_addr *peer, void *arg);
 *     tn_serve(listener, handler, arg, NULL);
 *
 * A task per connection. With no option set: a bounded number of connections,
 * an idle limit on every wait, a pause instead of a spin when descriptors run
 * out, an end that flushes what was answered within a bound.
 *
 * Errors:  negative codes of err.h.
 * Threads: the caller's; tn_serve() makes a loop of its own in a plain thread.
 * Next:    frame.h, whose reader adds message size and whole-message deadline.
 */
#ifndef TENON_SERVE_H
#define TENON_SERVE_H

#include <tenon/sock.h>

/* The handler of one connection. tn_serve() closes `conn` after it returned;
   its result is told to tn_serve_opts.on_end only. With TN_EBROKEN the peer is
   sent a reset: what it got is not whole. */
typedef int tn_handler(tn_sock *conn, const tn_addr *peer, void *arg);

/* Limits of a server; a zeroed struct holds the defaults. */
typedef struct tn_serve_opts {
    int max_connections; /* accept pauses at this many; 0 = 4,096, capped by
                            the limit of descriptors */
    int64_t idle;        /* ns one wait of a handler may take: the time-out of
                            `conn`; 0 = 60 s; TN_FOREVER for none */
    int64_t flush;       /* ns for the peer to take the last bytes; 0 = 2 s */
    void (*on_end)(const tn_addr *peer, int result, void *arg);
    /* after each handler; may be NULL; must not wait */
    int64_t drain; /* ns, to 60 s, for handlers to end by themselves once the
                      caller's scope has ended; 0: they are cancelled then */
    void (*on_drain)(void *arg); /* when that time begins; may be NULL; must
                                    not wait */
} tn_serve_opts;

TN_BEGIN_DECLS

/**
 * Accept connections and run a handler task for each, until cancelled.
 *
 * @param listener  borrowed; listening; its time-out does not matter.
 * @param handler   runs in a task of its own for each connection.
 * @param arg       borrowed until return; handed to each handler.
 * @param opts      borrowed; NULL for the defaults.
 * @return never >= 0: -ECANCELED or -ETIME when the caller's scope ended, all
 *   handlers having been drained, cancelled and awaited; -EBADF when the
 *   listener was closed; -EINVAL if it does not listen; in a plain thread as
 *   tn_run(), and -EINTR if the hook of tn_on_interrupt() asks for it.
 * @suspends   yes.
 * @thread     the listener's; a plain thread becomes a loop until return.
 * @see        Python socketserver; Go's http.Server.Serve.
 */
TN_API int tn_serve(tn_sock *listener, tn_handler *handler, void *arg,
                    const tn_serve_opts *opts);

TN_END_DECLS

#endif
