#include "store.h"

#include <tenon/err.h>
#include <tenon/loop.h>

#include "store_int.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* How often a job that outlasts every shield is looked at. */
#define STORE_LOOK (50 * TN_MS)

/* Work for a worker thread. Its waiter does not leave before `done`. */
struct job {
    int (*fn)(store *s, void *arg);
    store *s;
    void *arg;
    int result;
    atomic_bool done;
};

static int
work(void *data)
{
    struct job *job = *(struct job **)data;

    job->result = job->fn(job->s, job->arg);
    atomic_store(&job->done, true);
    return 0;
}

/* Run a job to its end, whatever happens around it: it uses what is ours. */
static int
finish(struct job *job)
{
    tn_scope shield;
    int err;

    tn_shield(&shield, TN_MIN);
    err = tn_offload(work, &job, sizeof(job));
    (void)tn_scope_end(&shield);
    if (err < 0 && err != -ECANCELED && err != -ETIME) {
        return err; /* it was not begun */
    }
    while (!atomic_load(&job->done)) { /* a disk that hangs */
        tn_shield(&shield, TN_MIN);
        (void)tn_sleep(STORE_LOOK);
        (void)tn_scope_end(&shield);
    }
    return job->result;
}

static int
run(store *s, int (*fn)(store *s, void *arg), void *arg)
{
    struct job job = {.fn = fn, .s = s, .arg = arg};
    char token = 0;
    int err = tn_chan_recv(s->turn, &token);

    if (err < 0) {
        return err;
    }
    err = finish(&job);
    (void)!tn_chan_try_send(s->turn, &token);
    return err;
}

static void
release(store *s)
{
    tn_chan_free(s->turn);
    free(s->path);
    free(s);
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
        release(s);
        return -ENOMEM;
    }
    (void)!tn_chan_try_send(s->turn, &token);
    *out = s;
    return 0;
}

int
store_open(store **out, const struct store_opts *opts)
{
    store *s;
    int err = make(&s, opts);

    *out = NULL;
    if (err == 0) {
        err = run(s, store_sql_open, NULL);
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
store_append(store *s, const struct room_event *evs, int n)
{
    struct store_batch batch = {evs, n};
    int err = run(s, store_sql_append, &batch);

    return err < 0 ? tn_fail(err, "write the history", s->path) : 0;
}

int
store_read(store *s, struct store_span *span)
{
    int err = run(s, store_sql_read, span);

    return err < 0 ? tn_fail(err, "read the history", s->path) : 0;
}

void
store_close(store *s, uint64_t latest)
{
    tn_scope shield;

    if (s == NULL) {
        return;
    }
    tn_shield(&shield, TN_MIN);
    (void)run(s, store_sql_close, &latest);
    (void)tn_scope_end(&shield);
    release(s);
}
