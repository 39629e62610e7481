#include "store.h"

#include <tenon/err.h>
#include <tenon/loop.h>

#include "store_int.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* How often a job that was left behind is looked at. */
#define STORE_LOOK (50 * TN_MS)

enum {
    /* Histories of one program that have a job handed in and not begun. */
    STORE_TICKETS = 16,
};

/* Work for a worker thread. It owns what it needs, so that its waiter may
   leave: a disk that hangs is not waited for. */
struct store_job {
    store_work *fn;
    store *s;
    void (*drop)(void *data); /* what is done with the data of one that was
                                 left; may be NULL */
    int result;
    bool left;
    atomic_bool done;
    atomic_int holders; /* the worker, and its waiter or the store */
    _Alignas(16) unsigned char data[];
};

/* What the worker is handed: a job, if it still is wanted. */
struct errand {
    struct store_job *job;
    unsigned long long serial;
    size_t ticket;
};

/* The serial number of a job that was handed in and not begun; 0: free. Who
   takes it away decides: the worker, to begin, or the waiter, to call it off. A
   worker may come across an errand long after its job and its store are gone,
   so this is nobody's. */
static atomic_ullong tickets[STORE_TICKETS];

static bool
draw_ticket(struct errand *e)
{
    static atomic_ullong serial;

    e->serial = atomic_fetch_add(&serial, 1) + 1;
    for (e->ticket = 0; e->ticket < STORE_TICKETS; e->ticket++) {
        unsigned long long none = 0;

        if (atomic_compare_exchange_strong(&tickets[e->ticket], &none,
                                           e->serial)) {
            return true;
        }
    }
    return false;
}

static bool
take_ticket(const struct errand *e)
{
    unsigned long long mine = e->serial;

    return atomic_compare_exchange_strong(&tickets[e->ticket], &mine, 0);
}

/* The last one who needs the store closes it. On any thread. */
static void
let_go(store *s)
{
    if (atomic_fetch_sub(&s->holders, 1) == 1) {
        if (s->db != NULL) {
            (void)store_sql_close(s, NULL);
        }
        free(s->path);
        free(s);
    }
}

static void
drop_job(struct store_job *job)
{
    if (atomic_fetch_sub(&job->holders, 1) == 1) {
        if (job->left && job->drop != NULL) {
            job->drop(job->data);
        }
        free(job);
    }
}

/* On a worker thread. */
static int
work(void *data)
{
    const struct errand *e = data;
    struct store_job *job = e->job;
    store *s;

    if (!take_ticket(e)) {
        return 0; /* it was called off, and is gone */
    }
    s = job->s;
    job->result = job->fn(s, job->data);
    atomic_store(&job->done, true);
    drop_job(job);
    let_go(s);
    return 0;
}

/* Whether a job that was left is still under way. */
static bool
is_under_way(store *s)
{
    struct store_job *job = s->left;

    if (job == NULL) {
        return false;
    }
    if (!atomic_load(&job->done)) {
        return true;
    }
    if (job->fn == store_sql_append && job->result < 0) {
        s->late = job->result;
    }
    drop_job(job);
    s->left = NULL;
    return false;
}

bool
store_hangs(store *s, int *late)
{
    bool hangs = is_under_way(s);

    *late = hangs ? 0 : s->late;
    s->late = hangs ? s->late : 0;
    return hangs;
}

/* Wait for the file: nobody else is at it, nor a job that was left. */
static int
take_turn(store *s)
{
    char token = 0;
    int err = tn_chan_recv(s->turn, &token);

    if (err < 0) {
        return err;
    }
    while (err == 0 && is_under_way(s)) {
        err = tn_sleep(STORE_LOOK);
    }
    if (err < 0) {
        (void)!tn_chan_try_send(s->turn, &token);
    }
    return err;
}

/* Have a job done; tells whether it was begun, or never will be. */
static int
hand_in(struct store_job *job, bool *begun)
{
    struct errand e = {.job = job};
    int err = -EAGAIN;

    *begun = false;
    if (draw_ticket(&e)) {
        atomic_fetch_add(&job->s->holders, 1);
        err = tn_offload(work, &e, sizeof(e));
        *begun = !take_ticket(&e);
        if (!*begun) {
            let_go(job->s);
        }
    }
    return err;
}

/* What store_run() does in its scope. */
static int
run_job(store *s, struct store_job *job)
{
    int err = take_turn(s);
    bool begun = false;
    char token = 0;

    if (err == 0) {
        err = hand_in(job, &begun);
        (void)!tn_chan_try_send(s->turn, &token);
    }
    if (!begun) {
        free(job);
        return err == -ETIME ? -EAGAIN : err;
    }
    if (err < 0 && !atomic_load(&job->done)) {
        job->left = true;
        s->left = job;
        return -EINPROGRESS;
    }
    return 1;
}

/* A job: a function on a copy of the data, which is copied out after. */
struct task {
    store_work *fn;
    void *data;
    size_t size;
    void (*drop)(void *data);
};

/*
 * Run a job for at most so long; < 0: until the caller is cancelled.
 *
 * Returns its result; -EAGAIN if it was not begun in time, nor will be;
 * -ECANCELED the same; -EINPROGRESS if it was begun, and owns what it was
 * given.
 */
static int
run(store *s, const struct task *t, int64_t patience)
{
    struct store_job *job = calloc(1, sizeof(*job) + t->size);
    tn_scope scope;
    int err;

    if (job == NULL) {
        return -ENOMEM;
    }
    job->fn = t->fn;
    job->s = s;
    job->drop = t->drop;
    atomic_store(&job->holders, 2);
    memcpy(job->data, t->data, t->size);
    if (patience >= 0) {
        tn_shield(&scope, patience);
    } else {
        tn_deadline(&scope, TN_FOREVER);
    }
    err = run_job(s, job);
    (void)tn_scope_end(&scope);
    if (err == 1) {
        err = job->result;
        memcpy(t->data, job->data, t->size);
        drop_job(job);
    }
    return err;
}

/* The parts that are no matter of SQLite. */
static int
make(store **out, const struct store_opts *opts)
{
    store *s = calloc(1, sizeof(*s));
    char token = 0;
    int err;

    *out = NULL;
    if (s == NULL) {
        return -ENOMEM;
    }
    atomic_store(&s->holders, 1);
    s->opts = *opts;
    s->path = strdup(opts->path);
    s->opts.path = s->path;
    if (s->opts.max_events == 0) {
        s->opts.max_events = STORE_EVENTS;
    }
    if (s->opts.max_bytes == 0) {
        s->opts.max_bytes = STORE_BYTES;
    }
    err = tn_chan_new(&s->turn, sizeof(token), 1);
    if (s->path == NULL || err < 0) {
        tn_chan_free(s->turn);
        let_go(s);
        return -ENOMEM;
    }
    (void)!tn_chan_try_send(s->turn, &token);
    *out = s;
    return 0;
}

/* The caller needs it no more; a job that was left may. */
static void
release(store *s)
{
    if (s->left != NULL) {
        drop_job(s->left);
        s->left = NULL;
    }
    tn_chan_free(s->turn);
    let_go(s);
}

int
store_open(store **out, const struct store_opts *opts)
{
    const struct task task = {.fn = store_sql_open, .data = &(char){0}};
    store *s;
    int err = make(&s, opts);

    *out = NULL;
    if (err == 0) {
        err = run(s, &task, -1);
        err = err == -EINPROGRESS ? -ECANCELED : err;
        if (err < 0) {
            release(s);
        }
    }
    if (err < 0) {
        return tn_fail(err, "open the history", opts->path);
    }
    *out = s;
    return 0;
}

const char *
store_epoch(const store *s)
{
    return s->epoch;
}

uint64_t
store_latest(const store *s)
{
    return s->latest;
}

const unsigned char *
store_secret(const store *s)
{
    return s->secret;
}

bool
store_keeps(enum room_what what)
{
    return room_is_public(what) && what != ROOM_BYE;
}

int
store_append(store *s, const struct room_event *evs, int n, int64_t patience)
{
    size_t size = sizeof(struct store_batch) + (size_t)n * sizeof(*evs);
    struct store_batch *batch = malloc(size);
    const struct task task = {
        .fn = store_sql_append, .data = batch, .size = size};
    int err;

    if (batch == NULL) {
        return tn_fail(-ENOMEM, "write the history", s->path);
    }
    batch->n = n;
    memcpy(batch->evs, evs, (size_t)n * sizeof(*evs));
    err = run(s, &task, patience);
    free(batch);
    return err < 0 ? tn_fail(err, "write the history", s->path) : 0;
}

static void
drop_span(void *data)
{
    struct store_span *span = data;

    span->drop(span->arg);
}

int
store_read(store *s, struct store_span *span)
{
    const struct task task = {.fn = store_sql_read,
                              .data = span,
                              .size = sizeof(*span),
                              .drop = drop_span};
    int err = is_under_way(s) ? -EAGAIN : run(s, &task, STORE_READ);

    return err < 0 ? tn_fail(err, "read the history", s->path) : 0;
}

void
store_close(store *s, uint64_t latest)
{
    const struct task task = {
        .fn = store_sql_close, .data = &latest, .size = sizeof(latest)};

    if (s != NULL) {
        (void)run(s, &task, STORE_FAREWELL);
        release(s);
    }
}
