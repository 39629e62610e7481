/*
 * task.c - the life of one task: born on a stack, switched to, recycled.
 */
#include "task/task.h"

#include "task/switch.h"

#include <string.h>

_Thread_local tn_task *tn__self;
_Thread_local tn_loop *tn__loop;

/* Records and first frames of many tasks at the same page offset would all
   fall into one set of the cache: spread them; but so that a connection with
   a buffer of 1 KiB still fits into the first page. */
enum { COLOURS = 12, COLOUR = 128 };

/* The part of a stack's top that stack.c keeps for itself. */
enum { STACK_LINK = 64 };

static bool
never_start(struct tn__op *op)
{
    op->state = TN__PENDING;
    return false;
}

static void
never_cancel(struct tn__op *op)
{
    /* The task has not run yet: it sees the cancel at its first call. */
    op->state = TN__PENDING;
}

static const struct tn__op_class resume_ops = {never_start, never_cancel};

static tn_task *
place_record(void *top, uint64_t id)
{
    uintptr_t at = (uintptr_t)top - STACK_LINK - (id % COLOURS) * COLOUR;

    at = (at - sizeof(tn_task)) & ~(uintptr_t)63;
    return (tn_task *)at;
}

void
tn__make_ready(tn_task *t)
{
    struct tn__op *op = &t->resume;

    op->state = TN__PENDING;
    op->queue = &t->loop->ready;
    op->task = t;
    tn__op_complete(op, 0);
}

int
tn__spawn(tn_loop *loop, tn_group *group, tn_task_fn *fn, void *arg,
          tn_task **out)
{
    tn_task *t;
    void *top;

    if (loop->live >= loop->max_tasks) {
        return -EAGAIN;
    }
    if (tn__heap_reserve(&loop->heap, loop->live + 1) < 0) {
        return -ENOMEM;
    }
    top = tn__stacks_get(&loop->stacks);
    if (!top) {
        return -ENOMEM;
    }
    t = place_record(top, loop->last_id + 1);
    memset(t, 0, sizeof(*t));
    t->loop = loop;
    t->id = ++loop->last_id;
    t->fn = fn;
    t->arg = arg;
    t->stack = top;
    t->group = group;
    t->timer_index = TN__NO_TIMER;
    t->budget = TN_OP_BUDGET;
    t->deadline = t->due = TN_NEVER;
    t->root = (tn_scope){.task = t, .deadline = TN_NEVER};
    t->scope = &t->root;
    t->resume.cls = &resume_ops;
    t->resume.kind = TN__OTHER;
    t->sp = tn__switch_init(t, t);
    tn__track_init(&t->track, (char *)top - tn__stacks_usable(&loop->stacks),
                   tn__stacks_usable(&loop->stacks));
    loop->live++;
    tn__make_ready(t);
    *out = t;
    return 0;
}

/* Back to the loop; `dying`: for good. */
static void
leave(tn_task *t, bool dying)
{
    tn_loop *loop = t->loop;

    tn__track_leave(&t->track, &loop->track, dying);
    tn__switch(&t->sp, loop->sp);
    tn__track_enter(&t->track, NULL);
}

void
tn__park(void)
{
    tn_task *t = tn__self;

    leave(t, false);
    t->op = NULL;
    t->budget = TN_OP_BUDGET;
}

void
tn__trim_stack(void)
{
    /* What the call below needs is on the stack as well. */
    enum { OWN = 512 };

    const char *here = __builtin_frame_address(0);

    tn__stacks_trim(&tn__loop->stacks, tn__self->stack, here - OWN);
}

void
tn__task_main(void *arg)
{
    tn_task *t = arg;
    tn_loop *loop = t->loop;
    int result;

    tn__track_enter(&t->track, &loop->track);
    t->op = NULL;
    result = t->fn(t->arg);
    TN_ASSERT(!t->groups && "a group was not waited for");
    TN_ASSERT(t->scope == &t->root && "a scope was not ended");
    if (t->group) {
        tn__group_child_ended(t->group, t, result);
    } else if (t == loop->root) {
        loop->result = result;
        tn__why_inherit(NULL, &t->why, result);
        loop->done = true;
    }
    loop->ended = t;
    leave(t, true);
    TN_ASSERT(!"a dead task was resumed");
    __builtin_unreachable();
}

void
tn_task_name(const char *name)
{
    if (tn__self) {
        tn__self->name = name;
    }
}
