/*
 * sock.h - what a tn_sock is, and how its verbs run an op.
 */
#ifndef TENON_SOCK_SOCK_H
#define TENON_SOCK_SOCK_H

#include <tenon/dial.h>
#include <tenon/msg.h>
#include <tenon/sock.h>

#include "task/task.h"

/* What may stand between a socket's verbs and its descriptor: TLS. Its
   functions stand in for those below, and run inside enter and leave unless
   they do not wait. */
struct tn__layer {
    /* An op of the verbs; as tn__sock_await(). */
    ssize_t (*run)(tn_sock *s, struct tn__op *op,
                   struct tn__limit *lim); /* suspends */
    int (*shutdown)(tn_sock *s, int how);
    /* Bytes that a receive would give without waiting. */
    int (*unread)(tn_sock *s, size_t *n);
    /* A listener's: what it accepted gets the layer. Cannot fail. */
    void (*accepted)(tn_sock *listener, tn_sock *s);
    /* The socket is closing: who waits inside the layer fails with -EBADF. */
    void (*drive_out)(tn_sock *s);
    /* End our side, nobody being in a call any more: true if bytes are left
       for flush() to deliver. */
    bool (*end)(tn_sock *s);
    void (*flush)(tn_sock *s, struct tn__limit *lim); /* suspends */
    void (*free)(tn_sock *s);
    /* Record what went wrong better than the socket could, or return false. */
    bool (*fail)(const tn_sock *s, int err);
};

struct tn_sock {
    struct tn__fd fd;
    int64_t timeout;        /* ns; TN_FOREVER, 0, or a limit for each call */
    unsigned users;         /* tasks inside a call on this socket */
    bool broken;            /* a sendall failed half-way */
    bool closing;           /* tn_close() waits for the users to leave */
    bool sending;           /* somebody holds the sending side */
    struct tn__opq senders; /* who waits for that side, oldest first */
    const struct tn__net *net;
    const struct tn__layer *layer; /* NULL: the descriptor itself */
    void *layer_state;
    struct tn__op *closer; /* tn_close() */
    bool exposed;          /* the descriptor's number was given out */
    unsigned forks;        /* how many there had been when it was made */
    int family, type, proto;
    tn_addr peer; /* for messages; len 0: not known */
};

/* A zeroed socket with defaults, not yet on a descriptor; NULL: no memory. */
tn_sock *tn__sock_new(int family, int type, int proto);

/* The sockets that the caller's loop, or the kernel, provides. */
const struct tn__net *tn__net_here(void);

/* The waiter of the caller's loop, or NULL. */
struct tn__waiter *tn__waiter_here(void);

/* Begin and end a call: between them the socket stays, whoever closes it. */
int tn__sock_enter(tn_sock *s);
void tn__sock_leave(tn_sock *s);

/* Close, awaiting a peer that has not taken our last bytes for at most `bound`
   ns; 0: not at all. */
int tn__close_within(tn_sock *s, int64_t bound); /* suspends */

/* Run an op on the socket, inside enter and leave. */
ssize_t tn__sock_await(tn_sock *s, struct tn__op *op,
                       struct tn__limit *lim); /* suspends */

/* For a layer: run an op on the descriptor below it. */
ssize_t tn__sock_await_below(tn_sock *s, struct tn__op *op,
                             struct tn__limit *lim); /* suspends */

/* The same without waiting: -EAGAIN also while another op has that side.
   `hinted`: not even tried unless it is likely to succeed. */
ssize_t tn__sock_try_below(tn_sock *s, struct tn__op *op, bool hinted);

/* End the descriptor's sides, whatever lies above it. 0 or a code. */
int tn__sock_shutdown_below(tn_sock *s, int how);

/* The same for what finds a full queue of a Unix socket, of which no event
   tells the end: look again after a while. */
ssize_t tn__sock_await_unix(tn_sock *s, struct tn__op *op,
                            struct tn__limit *lim); /* suspends */

/* Enter, run, leave, and record a failure under the verb's name. */
ssize_t tn__sock_run(tn_sock *s, struct tn__op *op, int flags,
                     const char *verb); /* suspends */

/* Hold the sending side, so that messages never mix. 0 or a code. */
int tn__send_lock(tn_sock *s, struct tn__limit *lim); /* suspends */
void tn__send_unlock(tn_sock *s);

/* Run a sending op with lock and checks; inside enter and leave. */
ssize_t tn__send_op(tn_sock *s, struct tn__op *op,
                    struct tn__limit *lim); /* suspends */

#ifdef TN_WITH_WEB
/* tls:// of the calls that know addresses; see src/tls. Both return 0 or a
   code, recorded. */
int tn__tls_dialed(tn_sock *s, tn_tls *tls, const char *host); /* suspends */
int tn__tls_listening(tn_sock *s, tn_tls *tls);
#endif

/* Record what went wrong on this socket; returns err. */
int tn__sock_fail(const tn_sock *s, int err, const char *verb);

/* The limit of one call: the socket's time-out, or none with MSG_DONTWAIT. */
static inline struct tn__limit
tn__sock_limit(const tn_sock *s, int flags)
{
    int64_t timeout = flags & MSG_DONTWAIT ? 0 : s->timeout;

    return (struct tn__limit){.timeout = timeout};
}

#endif
