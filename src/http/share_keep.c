/*
 * share_keep.c - the uploads that wait on the disk, and how one ends well.
 *
 * A new part is made room for by removing what a server that died has left,
 * then what is older than the owner keeps it, then the oldest. What is locked
 * is being written, by us or another server, and stays.
 */
#include "http/share_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
tn__keep_open(const tn_share *s, bool make)
{
    int fd = -ENOENT;
    for (int i = 0; i < 2; i++) {
        fd = tn__share_open(s, TN__PARTS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (fd != -ENOENT || !make) {
            break;
        }
        if (mkdirat(s->root, TN__PARTS, 0700) < 0 && errno != EEXIST) {
            return -errno;
        }
    }
    return fd;
}

/* ---- making room ---- */

/* Remove it; first what a crash may have left of its end. */
static bool
remove_it(int parts, const char *name)
{
    char mark[sizeof(TN__DONE) + TN__KEY];
    if (strlen(name) == TN__KEY) {
        (void)snprintf(mark, sizeof(mark), TN__DONE "%s", name);
        (void)unlinkat(parts, mark, 0);
    }
    return unlinkat(parts, name, 0) == 0;
}

/* Does nobody write it? Then remove it, if that is wanted. */
static bool
is_idle(int parts, const char *name, bool remove)
{
    int fd =
        openat(parts, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    bool idle = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
                (!remove || remove_it(parts, name));
    if (fd >= 0) {
        close(fd);
    }
    return idle;
}

/* One look at the folder: at uploads, or at the marks of finished ones. */
struct look {
    bool marks;
    int64_t keep_marks; /* ns */
    int64_t after;      /* those up to that time could not be removed */
    int count;
    int64_t oldest; /* ns, of those that nobody writes; -1: there are none */
    char name[TN_SHARE_NAME + 1];
};

static bool
begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* Is it left over? What cannot be continued is as soon as nobody writes it. */
static bool
is_stale(const struct look *l, const tn_share *s, const char *name,
         const struct stat *st)
{
    int64_t age = (int64_t)time(NULL) - st->st_mtim.tv_sec;
    int64_t keep =
        begins(name, TN__DONE) ? l->keep_marks : s->opts.keep_partial;
    return begins(name, TN__NEW) || age > keep / TN_SEC;
}

static void
look_at(struct look *l, const tn_share *s, int parts, const char *name)
{
    struct stat st;
    if (name[0] == '.' || fstatat(parts, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    bool stale = is_stale(l, s, name, &st);
    if ((stale && is_idle(parts, name, true)) ||
        begins(name, TN__DONE) != l->marks) {
        return;
    }
    int64_t when = st.st_mtim.tv_sec * TN_SEC + st.st_mtim.tv_nsec;
    l->count++;
    /* Asking costs three calls: of the oldest only, and once. */
    if (!stale && when > l->after && (l->oldest < 0 || when < l->oldest) &&
        is_idle(parts, name, false)) {
        l->oldest = when;
        (void)snprintf(l->name, sizeof(l->name), "%s", name);
    }
}

static int
look_around(struct look *l, const tn_share *s, int parts)
{
    int copy = openat(parts, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *d;
    if (!dir) {
        int err = -errno;
        if (copy >= 0) {
            close(copy);
        }
        return err;
    }
    l->count = 0;
    l->oldest = -1;
    while ((d = readdir(dir)) != NULL) {
        look_at(l, s, parts, d->d_name);
    }
    (void)closedir(dir);
    return 0;
}

/* Remove the oldest until there are fewer than `max`. */
static int
make_room(struct look *l, const tn_share *s, int parts, int max)
{
    l->after = -1;
    l->keep_marks = s->opts.keep_partial;
    for (;;) {
        int r = look_around(l, s, parts);
        if (r < 0 || l->count < max) {
            return r;
        }
        if (l->oldest < 0) {
            return -EBUSY;
        }
        if (!is_idle(parts, l->name, true)) {
            l->after = l->oldest;
        }
    }
}

/* Are so many being written that no look is needed? Who sends requests while
   that is so shall not make us look at each of them, again and again. */
static bool
is_full(const tn_share *s)
{
    int count = 0;
    for (const struct tn__upload *u = s->uploads; u; u = u->next) {
        count++;
    }
    return count >= s->opts.max_partial;
}

int
tn__keep_room(tn_share *s, int parts)
{
    struct look l = {.marks = false};
    return is_full(s) ? -EBUSY : make_room(&l, s, parts, s->opts.max_partial);
}

void
tn__keep_marks(const tn_share *s, int parts)
{
    struct look l = {.marks = true};
    (void)make_room(&l, s, parts, TN_SHARE_FINISHED + 1);
}

void
tn__keep_sweep(const tn_share *s, bool end)
{
    int64_t keep = s->opts.keep_partial;
    struct look l = {
        .keep_marks = end && keep > TN_SHARE_REPEAT ? TN_SHARE_REPEAT : keep};
    int parts = tn__keep_open(s, false);
    if (parts >= 0) {
        (void)look_around(&l, s, parts);
        close(parts);
    }
}

/* ---- the end of an upload ---- */

int
tn__keep_number(char dst[TN_SHARE_NAME + 1], const char *name, int number)
{
    const char *dot = strrchr(name, '.');
    if (dot && dot - name > 4 && strncmp(dot - 4, ".tar", 4) == 0) {
        dot -= 4;
    }
    size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    const char *rest = name + stem;
    size_t room = TN_SHARE_NAME - 8 - strnlen(rest, TN_SHARE_NAME - 8);
    int n = snprintf(dst, TN_SHARE_NAME + 1, "%.*s (%d)%s",
                     (int)tn_text_cut(name, stem, room), name, number, rest);
    return n > TN_SHARE_NAME ? -ENAMETOOLONG : 0;
}

/* Rename unless the name is taken: -EEXIST. */
static int
rename_fresh(const struct tn__upload *u, const char *name)
{
    if (syscall(SYS_renameat2, u->parts, u->key, u->folder, name,
                1U /* RENAME_NOREPLACE */) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    /* A file system that does not know it knows links. */
    if (linkat(u->parts, u->key, u->folder, name, 0) < 0) {
        return -errno;
    }
    return unlinkat(u->parts, u->key, 0) == 0 ? 0 : -errno;
}

static int
rename_over(const struct tn__upload *u, const char *name)
{
    if (renameat(u->parts, u->key, u->folder, name) == 0) {
        return 0;
    }
    return errno == EISDIR || errno == ENOTEMPTY || errno == ENOTDIR ? -EEXIST
                                                                     : -errno;
}

static int
rename_as(const struct tn__upload *u, struct tn__goal *goal)
{
    char first[TN_SHARE_NAME + 1];
    int r = rename_fresh(u, goal->name);
    if (r != -EEXIST || goal->fresh || goal->taken == TN_SHARE_REFUSE) {
        return r;
    }
    if (goal->taken == TN_SHARE_REPLACE) {
        goal->replaced = true;
        return rename_over(u, goal->name);
    }
    memcpy(first, goal->name, sizeof(first));
    for (int i = 2; i <= TN_SHARE_RENAMES && r == -EEXIST; i++) {
        r = tn__keep_number(goal->name, first, i);
        r = r < 0 ? r : rename_fresh(u, goal->name);
    }
    return r;
}

/* The target lies on another file system, mounted inside of the share: copy
   it there first, under a name that nobody sees. */
static int
carry_over(struct tn__upload *u)
{
    char name[sizeof(u->key)];
    char *buf = malloc(TN_SHARE_PIECE);
    (void)snprintf(name, sizeof(name), TN__OURS "%.36s", u->key);
    int fd =
        buf ? openat(u->folder, name,
                     O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666)
            : -1;
    int r = fd >= 0 ? 0 : buf ? -errno : -ENOMEM;
    for (int64_t at = 0; r == 0 && at < u->size;) {
        ssize_t n = pread(u->fd, buf, TN_SHARE_PIECE, at);
        ssize_t m = n > 0 ? pwrite(fd, buf, (size_t)n, at) : n;
        r = m > 0 ? tn_checkpoint() : m < 0 ? -errno : TN_ETRUNCATED;
        at += m > 0 ? m : 0;
    }
    free(buf);
    r = r < 0 ? r : tn__share_fsync(fd);
    if (fd >= 0 && r < 0) {
        close(fd);
        (void)unlinkat(u->folder, name, 0);
    }
    if (r < 0) {
        return r;
    }
    (void)unlinkat(u->parts, u->key, 0);
    close(u->parts);
    close(u->fd);
    u->parts = openat(u->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    u->fd = fd;
    memcpy(u->key, name, strlen(name) + 1);
    return u->parts < 0 ? -errno : 0;
}

/* A crash in between must not have the file come twice. */
static int
plan_and_rename(const struct tn__upload *u, const char *key,
                struct tn__goal *goal)
{
    if (u->lasting) {
        tn__done_plan(u, key, goal);
    }
    return rename_as(u, goal);
}

int
tn__part_finish(struct tn__upload *u, struct tn__goal *goal)
{
    if (u->stolen) {
        return -ESTALE;
    }
    u->ending = true;         /* from here on nobody takes it from us */
    char key[sizeof(u->key)]; /* it may be carried over as another one */
    memcpy(key, u->key, sizeof(key));
    int r = tn__share_fsync(u->fd);
    r = r < 0 ? r : plan_and_rename(u, key, goal);
    if (r == -EXDEV) {
        r = carry_over(u);
        r = r < 0 ? r : plan_and_rename(u, key, goal);
    }
    if (r < 0) {
        if (u->lasting) {
            tn__done_forget(u->share, key);
        }
        u->ending = false;
        return r;
    }
    if (u->lasting) {
        tn__done_note(u->share, key, goal->name, u->size);
    }
    /* It bears its name; that it will after a power cut is not ours alone. */
    (void)tn__share_fsync(u->folder);
    close(u->fd);
    u->fd = -1;         /* nothing is left to remove */
    tn__part_unlist(u); /* who waits for the end need not for our answer */
    return 0;
}
