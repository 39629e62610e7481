/*
 * httpd_early.c - answers that are whole leave although the next one waits.
 *
 * What answers pipelined requests is gathered and sent when the input is used
 * up. But a handler may take its time, and the answers before its own are not
 * to wait for it: so whoever starts a handler with answers in the output puts
 * the connection on a list and wakes a task. That task runs when the handler
 * waits for something, and otherwise finds the list empty.
 */
#include "http/httpd_int.h"

/* ---- the list ---- */

void
tn__httpd_early_end(struct tn__hconn *c)
{
    if (!c->early_at) {
        return;
    }
    *c->early_at = c->early_next;
    if (c->early_next) {
        c->early_next->early_at = c->early_at;
    }
    c->early_at = NULL;
}

static void
enlist(struct tn__hconn *c)
{
    struct tn__httpd *server = c->server;

    c->early_next = server->early;
    c->early_at = &server->early;
    if (c->early_next) {
        c->early_next->early_at = &c->early_next;
    }
    server->early = c;
}

/* ---- waiting to be woken ---- */

static bool
wake_start(struct tn__op *op)
{
    struct tn__httpd *server = op->u.other[0];

    op->state = TN__PENDING;
    server->sender = op;
    return false;
}

static void
wake_end(struct tn__httpd *server, ssize_t result)
{
    struct tn__op *op = server->sender;

    server->sender = NULL;
    tn__op_complete(op, result);
}

static void
wake_cancel(struct tn__op *op)
{
    wake_end(op->u.other[0], -ECANCELED);
}

static const struct tn__op_class wake_ops = {wake_start, wake_cancel};

void
tn__httpd_early(struct tn__hconn *c)
{
    c->whole = c->out_end;
    if (!c->early_at) {
        enlist(c);
        if (c->server->sender) {
            wake_end(c->server, 0);
        }
    }
}

/* ---- the task ---- */

/* What the kernel takes at once: this task serves all connections, and must not
   wait for the peer of one. */
static void
send_some(struct tn__hconn *c)
{
    ssize_t n = tn_send(c->sock, c->out + c->out_start, c->whole - c->out_start,
                        MSG_DONTWAIT);

    if (n > 0) {
        c->out_start += (size_t)n;
    }
    if (n <= 0 || c->out_start == c->whole) {
        tn__httpd_early_end(c);
    }
    if (c->out_start == c->out_end) {
        c->out_start = c->out_end = 0;
    }
}

int
tn__httpd_send_early(void *arg)
{
    struct tn__httpd *server = arg;
    struct tn__limit lim = {.timeout = TN_FOREVER};
    int r = 0;

    tn_task_name("early answers");
    while (r == 0) {
        struct tn__op op = {.cls = &wake_ops, .kind = TN__OTHER};

        op.u.other[0] = server;
        if (!server->early) {
            r = (int)tn__await(&op, &lim);
        } else if (tn__self->budget <= 1) {
            /* Not within a send, when its buffer could be gone afterwards. */
            r = tn_checkpoint();
        } else {
            send_some(server->early);
        }
    }
    return 0;
}
