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

/* Does nobody write it? Then remove it, if that is wanted. */
static bool
is_idle(int parts, const char *name, bool remove)
{
    int fd =
        openat(parts, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    bool idle = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
                (!remove || unlinkat(parts, name, 0) == 0);
    if (fd >= 0) {
        close(fd);
    }
    return idle;
}

/* What one look at the folder found. */
struct look {
    int count;
    int64_t oldest; /* ns, of those that nobody writes; -1: there are none */
    char name[TN_SHARE_NAME + 1];
};

/* Is it left over? What cannot be continued is as soon as nobody writes it. */
static bool
is_stale(const tn_share *s, const char *name, const struct stat *st)
{
    int64_t age = (int64_t)time(NULL) - st->st_mtim.tv_sec;
    return strncmp(name, "new-", 4) == 0 || age > s->opts.keep_partial / TN_SEC;
}

/* Those up to the time `after` could not be removed. */
static void
look_at(struct look *l, const tn_share *s, int parts, const char *name,
        int64_t after)
{
    struct stat st;
    if (name[0] == '.' || fstatat(parts, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    bool stale = is_stale(s, name, &st);
    if (stale && is_idle(parts, name, true)) {
        return;
    }
    int64_t when = st.st_mtim.tv_sec * TN_SEC + st.st_mtim.tv_nsec;
    l->count++;
    /* Asking costs three calls: of the oldest only, and once. */
    if (!stale && when > after && (l->oldest < 0 || when < l->oldest) &&
        is_idle(parts, name, false)) {
        l->oldest = when;
        (void)snprintf(l->name, sizeof(l->name), "%s", name);
    }
}

static int
look_around(struct look *l, const tn_share *s, int parts, int64_t after)
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
    *l = (struct look){.oldest = -1};
    while ((d = readdir(dir)) != NULL) {
        look_at(l, s, parts, d->d_name, after);
    }
    (void)closedir(dir);
    return 0;
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
    struct look l;
    int64_t after = -1;
    if (is_full(s)) {
        return -EBUSY;
    }
    for (;;) {
        int r = look_around(&l, s, parts, after);
        if (r < 0 || l.count < s->opts.max_partial) {
            return r;
        }
        if (l.oldest < 0) {
            return -EBUSY;
        }
        if (!is_idle(parts, l.name, true)) {
            after = l.oldest;
        }
    }
}

void
tn__keep_sweep(const tn_share *s)
{
    struct look l;
    int parts = tn__keep_open(s, false);
    if (parts >= 0) {
        (void)look_around(&l, s, parts, -1);
        close(parts);
    }
}

/* ---- what was finished ---- */

const struct tn__finished *
tn__keep_finished(const tn_share *s, const char *key)
{
    for (int i = 0; i < TN_SHARE_FINISHED; i++) {
        if (strcmp(s->finished[i].key, key) == 0) {
            return &s->finished[i];
        }
    }
    return NULL;
}

void
tn__keep_remember(tn_share *s, const char *key, const char *name, int64_t size)
{
    struct tn__finished *f =
        &s->finished[s->finished_count++ % TN_SHARE_FINISHED];
    (void)snprintf(f->key, sizeof(f->key), "%s", key);
    (void)snprintf(f->name, sizeof(f->name), "%s", name);
    f->size = size;
}

/* ---- the end of an upload ---- */

/* "name (2).txt"; of "a.tar.gz" both ends stay. -ENAMETOOLONG. */
static int
number_name(char dst[TN_SHARE_NAME + 1], const char *name, int number)
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
        r = number_name(goal->name, first, i);
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

int
tn__part_finish(struct tn__upload *u, struct tn__goal *goal)
{
    if (u->stolen) {
        return -ESTALE;
    }
    u->ending = true; /* from here on nobody takes it from us */
    int r = tn__share_fsync(u->fd);
    r = r < 0 ? r : rename_as(u, goal);
    if (r == -EXDEV) {
        r = carry_over(u);
        r = r < 0 ? r : rename_as(u, goal);
    }
    if (r < 0) {
        u->ending = false;
        return r;
    }
    /* It bears its name; that it will after a power cut is not ours alone. */
    (void)tn__share_fsync(u->folder);
    close(u->fd);
    u->fd = -1; /* nothing is left to remove */
    return 0;
}
