/*
 * pool.c - worker threads for what would block a loop: names, fsync.
 *
 * One pool for the process, made when first needed; idle workers end after a
 * while, so that nothing stays behind. A job is a heap record with a copy of
 * the data. Whoever comes second, the worker that finished or the task that
 * was cancelled, wipes and frees it: the data may have been a password.
 */
#include "task/task.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* An idle worker ends after this. */
#define IDLE_SECONDS 5

struct job {
    struct job *next;
    struct tn__post post; /* brings the result home */
    int (*fn)(void *data);
    int result;
    tn_loop *loop; /* under the pool's lock; NULL: the task has left */
    struct tn__op *op;
    size_t size;
    _Alignas(16) unsigned char data[];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct job *head, *tail;
    unsigned queued, threads, idle;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};

static void
job_free(struct job *job)
{
    explicit_bzero(job->data, job->size);
    free(job);
}

/* On the loop's thread, between tasks. */
static void
job_home(void *arg)
{
    struct job *job = arg;

    tn__op_complete(job->op, job->result);
}

static void
run_job(struct job *job)
{
    bool orphan;

    job->result = job->fn(job->data);
    pthread_mutex_lock(&pool.lock);
    orphan = !job->loop;
    if (!orphan) {
        job->post =
            (struct tn__post){.fn = job_home, .arg = job, .embedded = true};
        tn__inbox_push(job->loop, &job->post);
    }
    pthread_mutex_unlock(&pool.lock);
    if (orphan) {
        job_free(job);
    }
}

/* The next job, or NULL when none came for a while. Called locked. */
static struct job *
next_job(void)
{
    struct timespec until;
    struct job *job;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_SECONDS;
    while (!pool.head) {
        int r;

        pool.idle++;
        r = pthread_cond_timedwait(&pool.work, &pool.lock, &until);
        pool.idle--;
        if (r == ETIMEDOUT && !pool.head) {
            return NULL;
        }
    }
    job = pool.head;
    pool.head = job->next;
    if (!pool.head) {
        pool.tail = NULL;
    }
    pool.queued--;
    return job;
}

static void *
worker(void *arg)
{
    struct job *job;

    (void)arg;
    pthread_mutex_lock(&pool.lock);
    while ((job = next_job()) != NULL) {
        pthread_mutex_unlock(&pool.lock);
        run_job(job);
        pthread_mutex_lock(&pool.lock);
    }
    pool.threads--;
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* Signals are the program's: no worker takes one. Called locked. */
static int
add_worker(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    int r;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&thread, &attr, worker, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (r == 0) {
        pool.threads++;
    }
    return -r;
}

/* A forked child has no workers, and must not find the lock held, or the
   condition waited for, by threads that are not there. */
static void
before_fork(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void
after_fork(void)
{
    pthread_mutex_unlock(&pool.lock);
}

static void
after_fork_in_child(void)
{
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.work, NULL);
    pool.threads = pool.idle = pool.queued = 0;
    pool.head = pool.tail = NULL;
}

static void
watch_forks(void)
{
    /* If there is no memory for it a child may hang; nothing worse. */
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

static int
submit(struct job *job, unsigned limit)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int r = 0;

    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&pool.lock);
    if (pool.queued >= TN_POOL_QUEUE) {
        r = -EAGAIN;
    } else if (pool.idle <= pool.queued && pool.threads < limit) {
        r = add_worker();
        /* Those there are will come to it. */
        r = pool.threads > 0 ? 0 : r;
    }
    if (r == 0) {
        job->next = NULL;
        if (pool.tail) {
            pool.tail->next = job;
        } else {
            pool.head = job;
        }
        pool.tail = job;
        pool.queued++;
        pthread_cond_signal(&pool.work);
    }
    pthread_mutex_unlock(&pool.lock);
    return r;
}

static bool
job_start(struct tn__op *op)
{
    struct job *job = op->u.other[0];
    int r = submit(job, (unsigned)job->loop->pool_threads);

    if (r < 0) {
        return tn__op_finish(op, r);
    }
    op->state = TN__PENDING;
    return false;
}

/* The function cannot be stopped: leave it with its copy of the data. */
static void
job_cancel(struct tn__op *op)
{
    struct job *job = op->u.other[0];
    bool at_home;

    pthread_mutex_lock(&pool.lock);
    at_home = job->post.fn != NULL;
    if (!at_home) {
        job->loop = NULL;
    }
    pthread_mutex_unlock(&pool.lock);
    /* Finished, and on its way to us: its result wins. */
    if (!at_home) {
        op->u.other[0] = NULL;
        tn__op_complete(op, -ECANCELED);
    }
}

static const struct tn__op_class job_ops = {job_start, job_cancel};

static int
run_in_pool(int (*fn)(void *), void *data, size_t size)
{
    struct tn__op op = {.cls = &job_ops, .kind = TN__OTHER};
    struct tn__limit lim = {.timeout = TN_FOREVER};
    struct job *job = calloc(1, sizeof(*job) + size);
    int r;

    if (!job) {
        return -ENOMEM;
    }
    job->fn = fn;
    job->loop = tn__loop;
    job->op = &op;
    job->size = size;
    if (size > 0) {
        memcpy(job->data, data, size);
    }
    op.u.other[0] = job;
    r = (int)tn__await(&op, &lim);
    if (!op.u.other[0]) {
        return r; /* the job lives on without us */
    }
    if (size > 0) {
        memcpy(data, job->data, size);
    }
    job_free(job);
    return r;
}

int
tn_offload(int (*fn)(void *data), void *data, size_t size)
{
    int r;

    if (size > TN_OFFLOAD_MAX || (size > 0 && !data)) {
        return -EINVAL;
    }
    if (!tn__self) {
        return fn(data);
    }
    if (tn__loop->is_sim) {
        /* No threads there: it takes its time, and runs here. */
        r = tn_sleep(1 + tn__rng_below(&tn__loop->rng, 1000) * TN_US);
        return r < 0 ? r : fn(data);
    }
    r = tn__inbox_open(tn__loop);
    return r < 0 ? r : run_in_pool(fn, data, size);
}
