/*
 * chan.c - bounded queues between tasks of one loop.
 *
 * Who waits is an op in one of two lists, oldest first; `other[0]` is its
 * value, `other[1]` the channel. A value goes straight to a waiting receiver.
 */
#include <tenon/chan.h>

#include "task/task.h"

#include <stdlib.h>
#include <string.h>

/* A value is copied twice: keep it a message, not a buffer. */
enum { VALUE_MAX = 4096, CAP_MAX = 1 << 20 };

struct tn_chan {
    size_t size, cap, len, first;
    bool closed;
    struct tn__opq senders, receivers;
    unsigned char *ring;
};

int
tn_chan_new(tn_chan **out, size_t size, size_t cap)
{
    tn_chan *c;

    *out = NULL;
    if (size < 1 || size > VALUE_MAX || cap > CAP_MAX) {
        return -EINVAL;
    }
    c = calloc(1, sizeof(*c));
    if (!c) {
        return -ENOMEM;
    }
    c->ring = malloc(cap > 0 ? size * cap : 1);
    if (!c->ring) {
        free(c);
        return -ENOMEM;
    }
    c->size = size;
    c->cap = cap;
    *out = c;
    return 0;
}

static void
put(tn_chan *c, const void *value)
{
    size_t at = (c->first + c->len) % c->cap;

    memcpy(c->ring + at * c->size, value, c->size);
    c->len++;
}

static void
take(tn_chan *c, void *value)
{
    memcpy(value, c->ring + c->first * c->size, c->size);
    c->first = (c->first + 1) % c->cap;
    c->len--;
}

int
tn_chan_try_send(tn_chan *c, const void *value)
{
    struct tn__op *receiver;

    if (c->closed) {
        return -EPIPE;
    }
    receiver = tn__opq_pop(&c->receivers);
    if (receiver) {
        memcpy(receiver->u.other[0], value, c->size);
        tn__op_complete(receiver, 0);
        return 0;
    }
    if (c->len == c->cap) {
        return -EAGAIN;
    }
    put(c, value);
    return 0;
}

int
tn_chan_try_recv(tn_chan *c, void *value)
{
    struct tn__op *sender;

    if (c->len > 0) {
        take(c, value);
        sender = tn__opq_pop(&c->senders);
        if (sender) {
            put(c, sender->u.other[0]);
            tn__op_complete(sender, 0);
        }
        return 0;
    }
    sender = tn__opq_pop(&c->senders);
    if (sender) {
        memcpy(value, sender->u.other[0], c->size);
        tn__op_complete(sender, 0);
        return 0;
    }
    return c->closed ? -EPIPE : -EAGAIN;
}

static bool
wait_in(struct tn__opq *q, struct tn__op *op)
{
    op->state = TN__PENDING;
    tn__opq_push(q, op);
    return false;
}

static bool
send_start(struct tn__op *op)
{
    tn_chan *c = op->u.other[1];
    int r = tn_chan_try_send(c, op->u.other[0]);

    return r == -EAGAIN ? wait_in(&c->senders, op) : tn__op_finish(op, r);
}

static void
send_cancel(struct tn__op *op)
{
    tn_chan *c = op->u.other[1];

    tn__opq_remove(&c->senders, op);
    tn__op_complete(op, -ECANCELED);
}

static bool
recv_start(struct tn__op *op)
{
    tn_chan *c = op->u.other[1];
    int r = tn_chan_try_recv(c, op->u.other[0]);

    return r == -EAGAIN ? wait_in(&c->receivers, op) : tn__op_finish(op, r);
}

static void
recv_cancel(struct tn__op *op)
{
    tn_chan *c = op->u.other[1];

    tn__opq_remove(&c->receivers, op);
    tn__op_complete(op, -ECANCELED);
}

static const struct tn__op_class send_ops = {send_start, send_cancel};
static const struct tn__op_class recv_ops = {recv_start, recv_cancel};

static int
await_chan(tn_chan *c, const struct tn__op_class *cls, void *value,
           const char *verb)
{
    struct tn__op op = {.cls = cls, .kind = TN__OTHER};
    struct tn__limit lim = {.timeout = TN_FOREVER};
    int r;

    TN_ASSERT(tn__self && "channels are for tasks");
    op.u.other[0] = value;
    op.u.other[1] = c;
    r = (int)tn__await(&op, &lim);
    return r < 0 ? tn__fail(r, verb, 0, NULL) : 0;
}

int
tn_chan_send(tn_chan *c, const void *value)
{
    /* Only read: a union of const and not would say no more. */
    return await_chan(c, &send_ops, (void *)(uintptr_t)value,
                      "send to channel");
}

int
tn_chan_recv(tn_chan *c, void *value)
{
    return await_chan(c, &recv_ops, value, "receive from channel");
}

size_t
tn_chan_len(const tn_chan *c)
{
    return c->len;
}

static void
refuse_all(struct tn__opq *q)
{
    struct tn__op *op;

    while ((op = tn__opq_pop(q)) != NULL) {
        tn__op_complete(op, -EPIPE);
    }
}

void
tn_chan_close(tn_chan *c)
{
    c->closed = true;
    refuse_all(&c->senders);
    refuse_all(&c->receivers);
}

void
tn_chan_free(tn_chan *c)
{
    if (c) {
        TN_ASSERT(!c->senders.head && !c->receivers.head);
        free(c->ring);
        free(c);
    }
}
