/*
 * threads.c - several loops, each on its own thread.
 */
#include "task/task.h"

#include <pthread.h>
#include <stdlib.h>

struct team;

struct member {
    struct team *team;
    int index;
    int result;
    pthread_t thread;
    tn_loop *loop; /* under the team's lock, while it runs */
};

struct team {
    pthread_mutex_t lock;
    const tn_opts *opts;
    int (*fn)(int index, void *arg);
    void *arg;
    int first_error;
    int n;
    struct member *members;
};

/* The first failure ends all others. Called locked. */
static void
stop_others(struct team *team)
{
    for (int i = 0; i < team->n; i++) {
        if (team->members[i].loop) {
            tn_loop_stop(team->members[i].loop);
        }
    }
}

static void
note_end(struct member *m, int result)
{
    struct team *team = m->team;

    pthread_mutex_lock(&team->lock);
    m->loop = NULL;
    m->result = result;
    if (result < 0 && team->first_error == 0) {
        team->first_error = result;
        stop_others(team);
    }
    pthread_mutex_unlock(&team->lock);
}

static int
root(void *arg)
{
    struct member *m = arg;
    struct team *team = m->team;
    tn_loop *self = tn_loop_self();
    int result = self ? 0 : -ENOMEM;

    pthread_mutex_lock(&team->lock);
    m->loop = self;
    if (team->first_error != 0) {
        result = -ECANCELED;
    }
    pthread_mutex_unlock(&team->lock);
    if (result == 0) {
        result = team->fn(m->index, team->arg);
    }
    note_end(m, result);
    return result;
}

static void *
thread(void *arg)
{
    struct member *m = arg;
    int r = tn_run(m->team->opts, root, m);

    note_end(m, r);
    return NULL;
}

int
tn_run_threads(const tn_opts *opts, int n, int (*fn)(int index, void *arg),
               void *arg)
{
    struct team team = {.opts = opts, .fn = fn, .arg = arg, .n = n};
    int started = 1;

    if (n < 1 || n > TN_THREADS_MAX) {
        return -EINVAL;
    }
    if (tn__loop) {
        return -EDEADLK;
    }
    team.members = calloc((size_t)n, sizeof(*team.members));
    if (!team.members) {
        return -ENOMEM;
    }
    pthread_mutex_init(&team.lock, NULL);
    for (int i = 0; i < n; i++) {
        team.members[i].team = &team;
        team.members[i].index = i;
    }
    for (; started < n; started++) {
        struct member *m = &team.members[started];
        int r = pthread_create(&m->thread, NULL, thread, m);

        if (r != 0) {
            note_end(m, -r);
            break;
        }
    }
    thread(&team.members[0]);
    for (int i = 1; i < started; i++) {
        pthread_join(team.members[i].thread, NULL);
    }
    if (team.first_error == 0) {
        team.first_error = team.members[0].result;
    }
    pthread_mutex_destroy(&team.lock);
    free(team.members);
    return team.first_error;
}
