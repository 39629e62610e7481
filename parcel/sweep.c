/*
 * sweep.c - parts that nobody came back for.
 */
#include <tenon/task.h>

#include "job.h"
#include "parcel.h"
#include "path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PORTION = 2000, DEEP = 32, WEEK = 7 * 24 * 3600 };

/* A walk that is done in portions; deeper folders are left alone. */
struct sweep {
    const char *given;
    DIR *dir[DEEP];
    int depth, removed;
};

/* Old, and nobody writes it: its lock is free. */
static bool
is_left(int fd)
{
    struct stat st;

    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
           S_ISREG(st.st_mode) && st.st_nlink == 1 &&
           time(NULL) - st.st_ctim.tv_sec > WEEK;
}

static void
look_at_part(struct sweep *s, int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        return;
    }
    if (is_left(fd) && unlinkat(at, name, 0) == 0) {
        s->removed++;
    }
    close(fd);
}

static void
enter(struct sweep *s, int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir) {
        s->dir[s->depth++] = dir;
    } else if (fd >= 0) {
        close(fd);
    }
}

static void
look_at(struct sweep *s, const struct dirent *e)
{
    int at = dirfd(s->dir[s->depth - 1]);
    struct stat st;

    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
        return;
    }
    if (path_is_part(e->d_name, strlen(e->d_name))) {
        look_at_part(s, at, e->d_name);
    } else if (s->depth < DEEP &&
               fstatat(at, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISDIR(st.st_mode)) {
        enter(s, at, e->d_name);
    }
}

/* In a worker. */
static int
sweep_portion(void *arg)
{
    struct sweep *s = arg;

    for (int i = 0; i < PORTION && s->depth > 0; i++) {
        const struct dirent *e = readdir(s->dir[s->depth - 1]);

        if (e) {
            look_at(s, e);
        } else {
            (void)closedir(s->dir[--s->depth]);
        }
    }
    return 0;
}

/* In a worker. */
static int
sweep_begin(void *arg)
{
    struct sweep *s = arg;

    s->dir[0] = opendir(s->given);
    if (!s->dir[0]) {
        return -errno;
    }
    s->depth = 1;
    return 0;
}

int
parcel_sweep(const char *dir)
{
    struct sweep s = {.given = dir};
    int err = job_run(sweep_begin, &s);

    while (err == 0 && s.depth > 0) {
        err = job_run(sweep_portion, &s);
        if (err == 0) {
            err = tn_checkpoint();
        }
    }
    while (s.depth > 0) {
        (void)closedir(s.dir[--s.depth]);
    }
    return err < 0 ? tn_fail(err, "sweep", dir) : s.removed;
}
