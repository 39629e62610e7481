/*
 * scope.c - deadlines, cancellation and groups.
 *
 * Scopes form a chain from the innermost of a task up through its group into
 * the owner's scopes. A task keeps the sum of it, two numbers: its nearest
 * deadline and whether anything around it is cancelled. They are computed anew
 * when a scope opens or ends and when one is cancelled, not at each call.
 */
#include "task/task.h"

static void
scope_init(tn_scope *s, tn_scope *parent, tn_task *t)
{
    *s = (tn_scope){.parent = parent, .task = t, .deadline = TN_NEVER};
}

void
tn__scope_refresh(tn_task *t)
{
    t->deadline = TN_NEVER;
    t->cancelled = 0;
    for (const tn_scope *s = t->scope; s; s = s->parent) {
        if (s->deadline < t->deadline) {
            t->deadline = s->deadline;
        }
        if (s->cancelled) {
            t->cancelled = t->loop->cancel_code;
        }
        if (s->shield) {
            break;
        }
    }
}

void
tn__scope_fired(tn_task *t)
{
    tn_scope *who = NULL;

    /* The outermost of those with the nearest deadline. */
    for (tn_scope *s = t->scope; s; s = s->parent) {
        if (s->deadline == t->deadline) {
            who = s;
        }
        if (s->shield) {
            break;
        }
    }
    if (who) {
        who->fired = true;
    }
}

static void
push(tn_scope *s, int64_t timeout, bool shield)
{
    tn_task *t = tn__self;

    TN_ASSERT(t && "a scope belongs to a task");
    scope_init(s, t->scope, t);
    s->deadline = tn__deadline(tn_now(), timeout);
    s->shield = shield;
    t->scope = s;
    tn__scope_refresh(t);
}

void
tn_deadline(tn_scope *s, int64_t timeout)
{
    push(s, timeout, false);
}

void
tn_shield(tn_scope *s, int64_t timeout)
{
    if (timeout < 0 || timeout > TN_SHIELD_MAX) {
        timeout = TN_SHIELD_MAX;
    }
    push(s, timeout, true);
}

bool
tn_scope_end(tn_scope *s)
{
    tn_task *t = tn__self;

    TN_ASSERT(t && t->scope == s && "scopes end in the order they opened");
    for (const tn_group *g = t->groups; g; g = g->outer) {
        TN_ASSERT(g->scope.parent != s && "wait for the groups inside first");
    }
    t->scope = s->parent;
    tn__scope_refresh(t);
    return s->fired;
}

/* ---- cancelling a tree of tasks ---- */

struct worklist {
    tn_task *head, *tail;
};

static void
add(struct worklist *w, tn_task *t)
{
    t->visit = NULL;
    if (w->tail) {
        w->tail->visit = t;
    } else {
        w->head = t;
    }
    w->tail = t;
}

static void
add_children(struct worklist *w, const tn_group *g)
{
    for (tn_task *t = g->children; t; t = t->next) {
        add(w, t);
    }
}

static const struct tn__op_class join_ops;

/* End what t waits for. A join is not given up: the group's children are asked
   to end, and they come later in the same worklist. */
static void
interrupt(tn_task *t)
{
    struct tn__op *op = t->op;

    if (op && op->cls == &join_ops && op->state == TN__PENDING) {
        tn_group *g = op->u.other[0];

        g->scope.cancelled = true;
        op->state = TN__CANCELLING;
        t->stop = t->cancelled;
        return;
    }
    tn__interrupt_task(t, t->cancelled);
}

/* Breadth first through a list in the tasks themselves: no recursion. */
static void
cancel_all(struct worklist *w)
{
    for (tn_task *t = w->head; t; t = t->visit) {
        tn__scope_refresh(t);
        if (t->cancelled) {
            interrupt(t);
        }
        for (tn_group *g = t->groups; g; g = g->outer) {
            add_children(w, g);
        }
    }
}

void
tn__cancel_group(tn_group *g)
{
    struct worklist w = {NULL, NULL};

    g->scope.cancelled = true;
    add_children(&w, g);
    cancel_all(&w);
}

void
tn__cancel_task(tn_task *t)
{
    struct worklist w = {NULL, NULL};

    t->root.cancelled = true;
    add(&w, t);
    cancel_all(&w);
}

void
tn_scope_cancel(tn_scope *s)
{
    struct worklist w = {NULL, NULL};

    s->cancelled = true;
    add(&w, s->task);
    cancel_all(&w);
}

/* ---- groups ---- */

void
tn_group_init(tn_group *g, unsigned flags)
{
    TN_ASSERT(tn__self && "a group belongs to a task");
    *g = (tn_group){.owner = tn__self, .flags = flags};
    scope_init(&g->scope, tn__self->scope, tn__self);
}

/* Would a child start cancelled? */
static int
group_check(const tn_group *g)
{
    for (const tn_scope *s = &g->scope; s; s = s->parent) {
        if (s->cancelled) {
            return g->owner->loop->cancel_code;
        }
        if (s->deadline != TN_NEVER && tn_now() >= s->deadline) {
            return -ETIME;
        }
        if (s->shield) {
            break;
        }
    }
    return 0;
}

static void
link_group(tn_group *g)
{
    g->outer = g->owner->groups;
    g->owner->groups = g;
}

static void
unlink_group(tn_group *g)
{
    tn_group **p = &g->owner->groups;

    while (*p && *p != g) {
        p = &(*p)->outer;
    }
    if (*p) {
        *p = g->outer;
    }
}

int
tn_go(tn_group *g, tn_task_fn *fn, void *arg)
{
    tn_task *t;
    int r = group_check(g);

    if (r == 0) {
        r = tn__spawn(g->owner->loop, g, fn, arg, &t);
    }
    if (r < 0) {
        return r;
    }
    if (g->live++ == 0) {
        link_group(g);
    }
    t->root.parent = &g->scope;
    t->next = g->children;
    if (g->children) {
        g->children->prev = t;
    }
    g->children = t;
    tn__scope_refresh(t);
    return 0;
}

void
tn_group_cancel(tn_group *g)
{
    tn__cancel_group(g);
}

void
tn__group_child_ended(tn_group *g, tn_task *t, int result)
{
    bool ours = result == -ECANCELED && g->scope.cancelled;

    if (t->prev) {
        t->prev->next = t->next;
    } else {
        g->children = t->next;
    }
    if (t->next) {
        t->next->prev = t->prev;
    }
    if (result < 0 && !ours && g->error == 0) {
        g->error = result;
        tn__why_inherit(&g->owner->why, &t->why, result);
        if (!(g->flags & TN_KEEP_GOING)) {
            tn__cancel_group(g);
        }
    }
    if (--g->live == 0) {
        unlink_group(g);
        if (g->waiter) {
            struct tn__op *op = g->waiter;

            g->waiter = NULL;
            tn__op_complete(op, 0);
        }
    }
}

static bool
join_start(struct tn__op *op)
{
    tn_group *g = op->u.other[0];

    if (g->live == 0) {
        return tn__op_finish(op, 0);
    }
    op->state = TN__PENDING;
    g->waiter = op;
    return false;
}

/* The owner's deadline passed: the children are asked to end instead. */
static void
join_cancel(struct tn__op *op)
{
    tn__cancel_group(op->u.other[0]);
}

static const struct tn__op_class join_ops = {join_start, join_cancel};

int
tn_group_wait(tn_group *g)
{
    struct tn__op op = {.cls = &join_ops, .kind = TN__OTHER};
    struct tn__limit lim = {.timeout = TN_FOREVER};
    int stop;

    TN_ASSERT(g->owner == tn__self && "only its owner waits for a group");
    op.u.other[0] = g;
    stop = tn__check(tn__self);
    if (stop != 0 && g->live > 0) {
        tn__cancel_group(g);
    }
    if (g->live > 0) {
        tn__await_always(&op, &lim);
        if (stop == 0) {
            stop = tn__self->stop;
        }
    }
    if (stop == -ETIME) {
        tn__scope_fired(tn__self);
    }
    return g->error != 0 ? g->error : stop;
}
