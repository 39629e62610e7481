/*
 * share_list.c - what is in a folder, sorted.
 */
#include "http/share_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    AT_ONCE = 256, /* names between which other tasks run */
};

static int
add(struct tn__list *l, const char *name, const struct stat *st)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        struct tn__entry *more = realloc(l->entries, cap * sizeof(*more));
        if (!more) {
            return -ENOMEM;
        }
        l->entries = more;
        l->cap = cap;
    }
    bool folder = S_ISDIR(st->st_mode);
    struct tn__entry e = {strdup(name), folder ? 0 : st->st_size,
                          st->st_mtim.tv_sec, folder};
    if (!e.name) {
        return -ENOMEM;
    }
    l->entries[l->count++] = e;
    return 0;
}

/* The folder that is read. */
struct place {
    const tn_share *s;
    const char *path; /* below the share */
    int fd;
};

/* Only what could be opened: a link may lead outside, a device is nothing to
   read. 1: it counts; 0; a code if that cannot be told now. */
static int
examine(const struct place *at, const char *name, struct stat *st)
{
    char *path;
    if (!tn__share_is_open(at->s, name) ||
        fstatat(at->fd, name, st, AT_SYMLINK_NOFOLLOW) != 0) {
        return 0;
    }
    if (S_ISLNK(st->st_mode)) {
        if (asprintf(&path, "%s/%s", at->path[0] ? at->path : ".", name) < 0) {
            return -ENOMEM;
        }
        int to = tn__share_open(at->s, path, O_PATH);
        free(path);
        if (to < 0) {
            return tn__share_is_scarce(to) ? to : 0;
        }
        int r = fstat(to, st);
        close(to);
        if (r != 0) {
            return 0;
        }
    }
    return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode);
}

static int
read_all(struct tn__list *l, const struct place *at, DIR *dir)
{
    const struct dirent *d;
    struct stat st;
    for (unsigned i = 1; (d = readdir(dir)) != NULL; i++) {
        bool dots = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
        int r = dots ? 0 : examine(at, d->d_name, &st);
        if (r > 0) {
            r = l->count < TN_SHARE_LIST ? add(l, d->d_name, &st) : TN_ETOOBIG;
        }
        if (r == 0 && i % AT_ONCE == 0) {
            r = tn_checkpoint();
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    const struct tn__entry *x = a;
    const struct tn__entry *y = b;
    if (x->is_folder != y->is_folder) {
        return x->is_folder ? -1 : 1;
    }
    return tn__name_compare(x->name, y->name);
}

int
tn__list_read(struct tn__list *l, const tn_share *s, int fd, const char *path)
{
    /* closedir() closes its descriptor, and reading moves its place. */
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    memset(l, 0, sizeof(*l));
    if (!dir) {
        int err = -errno;
        if (copy >= 0) {
            close(copy);
        }
        return err;
    }
    struct place at = {s, path, copy};
    int r = read_all(l, &at, dir);
    (void)closedir(dir);
    if (r < 0) {
        tn__list_free(l);
        return r;
    }
    if (l->count > 0) {
        qsort(l->entries, l->count, sizeof(l->entries[0]), by_name);
    }
    return 0;
}

void
tn__list_free(struct tn__list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->entries[i].name);
    }
    free(l->entries);
    memset(l, 0, sizeof(*l));
}

int
tn_share_list(tn_share *share, const char *path,
              int (*each)(const tn_share_entry *e, void *arg), void *arg)
{
    struct tn__list l;
    if (share->one) {
        return tn_fail(-ENOTDIR, "list", path);
    }
    if (!tn__share_is_open(share, path)) {
        return tn_fail(-ENOENT, "list", path);
    }
    int fd = tn__share_open(share, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        return tn_fail(fd, "list", path);
    }
    int r = tn__list_read(&l, share, fd, path);
    close(fd);
    if (r < 0) {
        return tn_fail(r, "list", path);
    }
    for (size_t i = 0; i < l.count && r == 0; i++) {
        const struct tn__entry *e = &l.entries[i];
        tn_share_entry entry = {e->name, e->is_folder, e->size, e->modified};
        r = each(&entry, arg);
    }
    tn__list_free(&l);
    return r;
}
