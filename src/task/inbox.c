/*
 * inbox.c - the door through which other threads reach a loop.
 *
 * A list under a lock, and an eventfd that is written only when the list was
 * empty: a wake across processors costs more than everything else here.
 */
#include "task/task.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

void
tn__inbox_init(struct tn__inbox *in)
{
    pthread_mutex_init(&in->lock, NULL);
    in->event.fd = -1;
}

static int
wake_loop(void *arg)
{
    tn_loop *loop = arg;
    uint64_t count;

    tn_task_name("inbox");
    for (;;) {
        struct tn__op op = {
            .cls = loop->waiter->backend->ops,
            .kind = TN__RECV,
            .fd = &loop->inbox.event,
            .u.io = {&count, sizeof(count), 0},
        };
        struct tn__limit lim = {.timeout = TN_FOREVER};

        if (tn__await(&op, &lim) < 0) {
            return 0;
        }
    }
}

int
tn__inbox_open(tn_loop *loop)
{
    struct tn__fd *event = &loop->inbox.event;
    int number, r;

    /* The simulator has no other threads to wait for; it drains each turn. */
    if (event->fd >= 0 || loop->is_sim) {
        return 0;
    }
    number = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (number < 0) {
        return -errno;
    }
    *event =
        (struct tn__fd){.fd = number, .nonblock = true, .ready = {true, true}};
    r = tn__waiter_adopt(loop->waiter, event);
    if (r == 0 && loop->waiter->backend->arm) {
        /* Now, while it can be told: later nobody would be woken. */
        r = loop->waiter->backend->arm(loop->waiter, event, TN__READER);
    }
    if (r == 0) {
        r = tn__spawn(loop, NULL, wake_loop, loop, &loop->inbox.waker);
    }
    if (r < 0) {
        tn__waiter_release(event);
        close(number);
        event->fd = -1;
    }
    return r;
}

static void
discard(struct tn__post *p)
{
    while (p) {
        struct tn__post *next = p->next;

        if (!p->embedded) {
            free(p);
        }
        p = next;
    }
}

void
tn__inbox_fini(tn_loop *loop)
{
    struct tn__inbox *in = &loop->inbox;

    pthread_mutex_lock(&in->lock);
    in->closed = true;
    discard(in->head);
    in->head = in->tail = NULL;
    pthread_mutex_unlock(&in->lock);
    if (in->event.fd >= 0) {
        tn__waiter_release(&in->event);
        close(in->event.fd);
    }
    pthread_mutex_destroy(&in->lock);
}

int
tn__inbox_push(tn_loop *loop, struct tn__post *p)
{
    struct tn__inbox *in = &loop->inbox;
    uint64_t one = 1;
    int r = 0;

    p->next = NULL;
    pthread_mutex_lock(&in->lock);
    if (in->closed) {
        r = -ESHUTDOWN;
    } else if (in->count >= TN_POST_MAX && !p->embedded) {
        r = -EAGAIN;
    } else {
        bool was_empty = !in->head;

        if (was_empty) {
            in->head = p;
        } else {
            in->tail->next = p;
        }
        in->tail = p;
        in->count++;
        atomic_store(&in->full, true);
        /* Under the lock: the loop cannot go away meanwhile. */
        if (was_empty && in->event.fd >= 0 &&
            write(in->event.fd, &one, sizeof(one)) < 0) {
            TN_ASSERT(errno == EAGAIN); /* it is readable already */
        }
    }
    pthread_mutex_unlock(&in->lock);
    return r;
}

void
tn__inbox_drain(tn_loop *loop)
{
    struct tn__inbox *in = &loop->inbox;
    struct tn__post *p;

    /* Once the root task has ended the door is shut, whether or not somebody
       stands in it: what was let in runs, the rest is refused. */
    if (!atomic_load_explicit(&in->full, memory_order_relaxed) && !loop->done) {
        return;
    }
    pthread_mutex_lock(&in->lock);
    p = in->head;
    in->head = in->tail = NULL;
    in->count = 0;
    in->closed = in->closed || loop->done;
    atomic_store(&in->full, false);
    pthread_mutex_unlock(&in->lock);
    while (p) {
        struct tn__post *next = p->next;
        void (*fn)(void *) = p->fn;
        void *arg = p->arg;

        if (!p->embedded) {
            free(p);
        }
        fn(arg);
        p = next;
    }
}

int
tn_post(tn_loop *loop, void (*fn)(void *), void *arg)
{
    struct tn__post *p = malloc(sizeof(*p));
    int r;

    if (!p) {
        return -ENOMEM;
    }
    *p = (struct tn__post){.fn = fn, .arg = arg};
    r = tn__inbox_push(loop, p);
    if (r < 0) {
        free(p);
    }
    return r;
}

static void
stop(void *arg)
{
    tn_loop *loop = arg;

    if (!loop->done) {
        tn__cancel_task(loop->root);
    }
}

/* The post is the loop's own: there is no memory to lack and no limit to meet.
   One is enough, whoever asks again. */
int
tn_loop_stop(tn_loop *loop)
{
    struct tn__post *p = &loop->inbox.stop;

    if (atomic_exchange(&loop->inbox.stopping, true)) {
        return 0;
    }
    p->fn = stop;
    p->arg = loop;
    p->embedded = true;
    return tn__inbox_push(loop, p);
}
