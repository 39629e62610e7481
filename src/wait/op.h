/*
 * op.h - one operation that may wait, and the contract of all of them.
 *
 * Whatever may wait in tenon is a struct tn__op on the waiter's stack:
 *
 *   start(op)   finishes it at once (true, result set), or takes it (false).
 *               A taken op is completed by tn__op_complete() exactly once.
 *   cancel(op)  asks a taken op to end. It completes soon, exactly once: with
 *               -ECANCELED, or with its result if that came first. Until then
 *               its buffer may still be written, so the caller stays parked.
 *
 * A completed op joins the queue of its loop; the loop resumes its task. No
 * layer below the tasks knows what a task is.
 */
#ifndef TENON_WAIT_OP_H
#define TENON_WAIT_OP_H

#include "base/base.h"

#include <sys/socket.h>

struct tn__op;
struct tn__fd;
struct tn__waiter;

struct tn__op_class {
    bool (*start)(struct tn__op *op);
    void (*cancel)(struct tn__op *op);
};

enum tn__op_kind {
    TN__RECV,     /* buf, len, flags; read(2) where fd is no socket */
    TN__SEND,     /* likewise, write(2) */
    TN__RECVMSG,  /* msg, flags */
    TN__SENDMSG,  /* msg, flags */
    TN__ACCEPT,   /* addr filled; result: descriptor, or see accepted */
    TN__CONNECT,  /* addr */
    TN__SENDFILE, /* file, offset (moved on), len */
    TN__POLL,     /* events; result: revents */
    TN__OTHER,    /* of a layer above: sleep, join, channel, ... */
};

enum tn__op_state {
    TN__IDLE,
    TN__PENDING,
    TN__CANCELLING,
    TN__DONE,
};

struct tn__opq {
    struct tn__op *head, *tail;
};

struct tn__op {
    const struct tn__op_class *cls;
    struct tn__op *next;   /* in a queue; free for the class while pending */
    struct tn__opq *queue; /* where it goes when it completes */
    void *task;            /* whom the loop resumes then */
    ssize_t result;
    uint8_t kind;  /* enum tn__op_kind */
    uint8_t state; /* enum tn__op_state */
    bool nowait;   /* -EAGAIN instead of being taken */
    bool tried;    /* connect: the first call has been made */
    struct tn__fd *fd;

    union {
        struct {
            void *buf;
            size_t len;
            int flags;
        } io;

        struct {
            struct msghdr *msg;
            int flags;
        } m;

        struct {
            tn_addr *addr;  /* may be NULL for accept */
            void *accepted; /* simulator: what was accepted */
            int flags;      /* of accept4: SOCK_NONBLOCK or 0 */
        } a;

        struct {
            int64_t offset;
            size_t len;
            int file;
        } f;

        int events;
        void *other[4];
    } u;
};

/* Which side of a descriptor an op waits for. */
enum tn__side {
    TN__READER,
    TN__WRITER,
};

/* What is known about one descriptor; lives in its tn_sock. */
struct tn__fd {
    int fd;       /* -1 in the simulator */
    uint32_t gen; /* tells a stale event from a fresh one */
    bool is_socket, is_stream, is_listener;
    bool is_tcp;                /* a short read means that nothing is left */
    bool nonblock;              /* O_NONBLOCK is set on the description */
    bool shared_flags;          /* the description is not ours to change */
    bool quiet;                 /* poll: leave it out once */
    bool duplicated;            /* another tn_sock has the same description */
    bool shut;                  /* tn_shutdown() ended the reading side */
    bool ready[2];              /* a try may succeed; by enum tn__side */
    bool hup;                   /* the end, or an urgent byte, was announced */
    bool registered;            /* with the waiter's kernel object */
    bool closing;               /* on its way out: no op starts any more */
    struct tn__waiter *waiter;  /* NULL: none yet */
    struct tn__op *op[2];       /* who waits; by enum tn__side */
    struct tn__fd *prev, *next; /* all of one waiter */
    void *sim;                  /* the simulator's socket */
};

static inline enum tn__side
tn__op_side(const struct tn__op *op)
{
    switch (op->kind) {
    case TN__SEND:
    case TN__SENDMSG:
    case TN__CONNECT:
    case TN__SENDFILE:
        return TN__WRITER;
    default:
        return TN__READER;
    }
}

static inline void
tn__opq_push(struct tn__opq *q, struct tn__op *op)
{
    op->next = NULL;
    if (q->tail) {
        q->tail->next = op;
    } else {
        q->head = op;
    }
    q->tail = op;
}

static inline struct tn__op *
tn__opq_pop(struct tn__opq *q)
{
    struct tn__op *op = q->head;

    if (op) {
        q->head = op->next;
        if (!q->head) {
            q->tail = NULL;
        }
    }
    return op;
}

/* Take op out of the middle; it is in there. */
static inline void
tn__opq_remove(struct tn__opq *q, struct tn__op *op)
{
    struct tn__op *before = NULL;

    for (struct tn__op *o = q->head; o != op; o = o->next) {
        before = o;
    }
    if (before) {
        before->next = op->next;
    } else {
        q->head = op->next;
    }
    if (q->tail == op) {
        q->tail = before;
    }
}

/* Complete a taken op: the one place where a waiting task becomes ready. */
static inline void
tn__op_complete(struct tn__op *op, ssize_t result)
{
    TN_ASSERT(op->state == TN__PENDING || op->state == TN__CANCELLING);
    op->state = TN__DONE;
    op->result = result;
    tn__opq_push(op->queue, op);
}

/* Finish in start(). */
static inline bool
tn__op_finish(struct tn__op *op, ssize_t result)
{
    op->state = TN__DONE;
    op->result = result;
    return true;
}

/* Make the system call of a kernel op once, never waiting: a result, or
   -EAGAIN, or another error. EINTR is retried. */
ssize_t tn__op_try(struct tn__op *op);

/* The same; `dontwait` is MSG_DONTWAIT, or 0 to let the kernel wait where the
   descriptor is in blocking mode. -EINTR may come out. */
ssize_t tn__op_once(struct tn__op *op, int dontwait);

/* What a try that gave r means for an op that may wait: a datagram socket that
   was shut for reading says "again" for ever, though a blocking call would
   tell the end. r, or 0 for the end. */
ssize_t tn__op_end(struct tn__op *op, ssize_t r);

/* Send without an op and without waiting: bytes or -errno, -EAGAIN if it would
   wait. fd is a socket. */
ssize_t tn__fd_send(const struct tn__fd *fd, const void *buf, size_t n);

/* How long a call may take, which may consist of several ops. The clock is
   read only when the first of them has to wait. */
struct tn__limit {
    int64_t timeout;  /* ns; < 0 none; 0: do not wait */
    int64_t deadline; /* 0 until the clock was read */
};

static inline int64_t
tn__limit_deadline(struct tn__limit *lim, int64_t now)
{
    if (lim->deadline == 0) {
        lim->deadline = tn__deadline(now, lim->timeout);
    }
    return lim->deadline;
}

/* Run an op to its end on a thread without a loop. -ETIME at the deadline;
   -EINTR only if the thread's hook asks for it. */
ssize_t tn__op_block(struct tn__op *op, struct tn__limit *lim);

/* Wait on such a thread until fd has `events`: revents, 0 at the deadline,
   -EINTR if the hook asks for it. fd may be -1. */
int tn__block_poll(int fd, int events, int64_t deadline);

/* Ask the thread's hook; see tn_on_interrupt(). */
bool tn__interrupted(void);

/* Set or clear O_NONBLOCK unless the description is shared. 0 or -errno. */
int tn__fd_set_nonblock(struct tn__fd *fd, bool on);

#endif
