/*
 * job.c - what would block the loop.
 */
#include "job.h"

#include <tenon/loop.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

/* How often a job that outlasts every shield is looked at. */
#define LOOK (20 * TN_MS)

struct job {
    int (*fn)(void *arg);
    void *arg;
    int result;
    atomic_bool done;
};

static int
work(void *data)
{
    struct job *job = *(struct job **)data;

    job->result = job->fn(job->arg);
    atomic_store(&job->done, true);
    return 0;
}

int
job_run(int (*fn)(void *arg), void *arg)
{
    struct job job = {.fn = fn, .arg = arg}, *token = &job;
    tn_scope shield;
    int err;

    tn_shield(&shield, TN_MIN);
    err = tn_offload(work, &token, sizeof(struct job *));
    (void)tn_scope_end(&shield);
    if (err < 0 && err != -ECANCELED && err != -ETIME) {
        return err;
    }
    while (!atomic_load(&job.done)) {
        tn_shield(&shield, TN_MIN);
        (void)tn_sleep(LOOK);
        (void)tn_scope_end(&shield);
    }
    return job.result;
}

/* The descriptor is a copy, and the worker's: nobody closes it meanwhile. */
struct sync {
    int fd;
    _Bool whole;
};

static int
sync_borrowed(void *data)
{
    const struct sync *s = data;
    int r = s->whole ? syncfs(s->fd) : fsync(s->fd);
    int err = r < 0 ? -errno : 0;

    /* Some file systems have no such thing for folders. */
    return err == -EINVAL || err == -EROFS ? 0 : err;
}

static int
sync_own(void *data)
{
    const struct sync *s = data;
    int err = sync_borrowed(data);

    close(s->fd);
    return err;
}

int
job_sync(int fd, _Bool whole)
{
    struct sync s = {.whole = whole};
    int err = tn_checkpoint(); /* a worker that is asked does begin */

    if (err < 0) {
        return err;
    }
    s.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (s.fd < 0 && errno == EMFILE) { /* then it is waited for, too */
        s.fd = fd;
        return job_run(sync_borrowed, &s);
    }
    if (s.fd < 0) {
        return -errno;
    }
    err = tn_offload(sync_own, &s, sizeof(s));
    if (err == -ENOMEM || err == -EAGAIN) {
        close(s.fd);
    }
    return err;
}
