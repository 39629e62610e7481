/*
 * add.c - what is to be sent: paths, and what is below them.
 */
#include <tenon/task.h>

#include "job.h"
#include "parcel_int.h"
#include "path.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Entries that are looked at before somebody else may work. */
enum { PORTION = 2000, SECTOR = 512 };

/* A walk through a folder; lives over several portions. */
struct walk {
    parcel *p;
    uint32_t root;
    DIR *dir[PARCEL_DEPTH];
    size_t len[PARCEL_DEPTH]; /* of the path of each */
    int depth;
    bool ended;
    char path[PARCEL_PATH + 1]; /* as it is offered */
    const char *given;
};

static int64_t
time_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * TN_SEC + st->st_mtim.tv_nsec;
}

static int
add_item(struct walk *w, const struct stat *st, size_t len)
{
    bool is_folder = S_ISDIR(st->st_mode);
    int64_t space = (int64_t)st->st_blocks * SECTOR;
    struct wire_item item = {
        .kind = is_folder ? PARCEL_FOLDER : PARCEL_FILE,
        .mode = st->st_mode & 0777,
        .size = is_folder ? 0 : st->st_size,
        .mtime = time_of(st),
        .path = w->path,
        .path_len = len,
    };
    int err;

    item.space = space < item.size ? space : item.size;
    err = path_is_good(w->path, len) ? list_add(&w->p->list, &item)
                                     : -ENAMETOOLONG;
    if (err == 0) {
        w->p->list.notes[w->p->list.count - 1].mark = w->root;
    }
    return err;
}

static int
enter(struct walk *w, int at, const char *name, size_t len)
{
    int fd = w->depth < PARCEL_DEPTH
                 ? openat(at, name,
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC |
                              (w->depth > 0 ? O_NOFOLLOW : 0))
                 : -1;

    if (fd < 0) {
        return w->depth < PARCEL_DEPTH ? -errno : -ENAMETOOLONG;
    }
    w->dir[w->depth] = fdopendir(fd);
    if (!w->dir[w->depth]) {
        close(fd);
        return -ENOMEM;
    }
    w->len[w->depth] = len;
    w->depth++;
    return 0;
}

/* One entry of the folder that is open. */
static int
look_at(struct walk *w, const char *name)
{
    int at = dirfd(w->dir[w->depth - 1]);
    size_t len = w->len[w->depth - 1], n = strlen(name);
    struct stat st;
    int err;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return 0;
    }
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : -errno; /* gone since it was listed */
    }
    if ((!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) ||
        path_is_part(name, n)) {
        w->p->left_out++;
        return 0;
    }
    if (len + 1 + n > PARCEL_PATH) {
        return -ENAMETOOLONG;
    }
    w->path[len] = '/';
    memcpy(w->path + len + 1, name, n + 1);
    err = add_item(w, &st, len + 1 + n);
    return err < 0 || S_ISREG(st.st_mode) ? err
                                          : enter(w, at, name, len + 1 + n);
}

static void
leave(struct walk *w)
{
    w->depth--;
    (void)closedir(w->dir[w->depth]);
}

/* In a worker. */
static int
walk_portion(void *arg)
{
    struct walk *w = arg;

    for (int i = 0; i < PORTION; i++) {
        const struct dirent *e;
        int err;

        if (w->depth == 0) {
            w->ended = true;
            return 0;
        }
        errno = 0;
        e = readdir(w->dir[w->depth - 1]);
        if (!e && errno != 0) {
            return -errno;
        }
        if (!e) {
            leave(w);
            continue;
        }
        err = look_at(w, e->d_name);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* In a worker: the path itself. */
static int
walk_begin(void *arg)
{
    struct walk *w = arg;
    struct stat st;
    int err;

    if (stat(w->given, &st) < 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        return -EINVAL;
    }
    w->p->roots[w->root].is_file = S_ISREG(st.st_mode);
    err = add_item(w, &st, strlen(w->path));
    return err < 0 || S_ISREG(st.st_mode)
               ? err
               : enter(w, AT_FDCWD, w->given, strlen(w->path));
}

static int
walk(struct walk *w)
{
    int err = job_run(walk_begin, w);

    while (err == 0 && w->depth > 0) {
        err = tn_checkpoint();
        if (err == 0) {
            err = job_run(walk_portion, w);
        }
    }
    while (w->depth > 0) {
        leave(w);
    }
    return err;
}

/* ---- the paths that were named ---- */

/* Where a name stands, or would stand, among the roots'. */
static uint32_t
place_of(const parcel *p, const char *name, bool *is_there)
{
    uint32_t low = 0, high = p->root_count;

    *is_there = false;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = strcmp(p->list.items[p->by_name[mid]].path, name);

        if (order == 0) {
            *is_there = true;
            return mid;
        }
        if (order < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static int
grow(parcel *p)
{
    uint32_t room = p->root_room > 0 ? p->root_room * 2 : 8;
    struct parcel_root *roots;
    uint32_t *by_name;

    if (p->root_count < p->root_room) {
        return 0;
    }
    roots = realloc(p->roots, room * sizeof(*roots));
    if (!roots) {
        return -ENOMEM;
    }
    p->roots = roots;
    by_name = realloc(p->by_name, room * sizeof(*by_name));
    if (!by_name) {
        return -ENOMEM;
    }
    p->by_name = by_name;
    p->root_room = room;
    return 0;
}

/* Take a place for a root; its first item is the next one. */
static void
insert(parcel *p, uint32_t place, const struct parcel_root *root,
       uint32_t first)
{
    memmove(p->by_name + place + 1, p->by_name + place,
            (p->root_count - place) * sizeof(*p->by_name));
    p->by_name[place] = first;
    p->roots[p->root_count] = *root;
    p->root_count++;
}

/* The name that a path is offered under, and the folder that it lies in:
   "a" and "/x" of "/x/a/". "." has a name, too. */
static int
split(const char *path, char *full, const char **name, char **base)
{
    size_t n = strlen(path);
    const char *slash;

    if (n == 0 || n >= PATH_MAX) {
        return n == 0 ? -ENOENT : -ENAMETOOLONG;
    }
    memcpy(full, path, n + 1);
    while (n > 1 && full[n - 1] == '/') {
        full[--n] = '\0';
    }
    slash = strrchr(full, '/');
    *name = slash ? slash + 1 : full;
    if (strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0) {
        if (!realpath(path, full)) {
            return -errno;
        }
        slash = strrchr(full, '/');
        *name = slash + 1;
    }
    if (!path_is_good(*name, strlen(*name))) {
        return -EINVAL; /* "/", which has no name */
    }
    *base = slash == full ? strdup("/")
            : slash       ? strndup(full, (size_t)(slash - full))
                          : strdup(".");
    return *base ? 0 : -ENOMEM;
}

static int
add_path(parcel *p, const char *path, char *full)
{
    uint32_t first = p->list.count, left_out = p->left_out, place;
    struct parcel_root root = {.fd = -1};
    struct walk *w;
    const char *name;
    bool is_there;
    int err = split(path, full, &name, &root.base);

    if (err < 0) {
        return tn_fail(err, "add", path);
    }
    place = place_of(p, name, &is_there);
    w = is_there ? NULL : calloc(1, sizeof(*w));
    err = is_there ? -EEXIST : !w || grow(p) < 0 ? -ENOMEM : 0;
    if (err == 0) {
        insert(p, place, &root, first);
        w->p = p;
        w->root = p->root_count - 1;
        w->given = full;
        (void)snprintf(w->path, sizeof(w->path), "%s", name);
        err = walk(w);
        if (err < 0) { /* as if it had not been named */
            p->root_count--;
            memmove(p->by_name + place, p->by_name + place + 1,
                    (p->root_count - place) * sizeof(*p->by_name));
            list_shrink(&p->list, first);
            p->left_out = left_out;
            err = tn_fail(err, "add", strcmp(w->path, name) ? w->path : path);
        }
    } else {
        err = tn_fail(err, "add", path);
    }
    free(w);
    if (err < 0) {
        free(root.base);
    }
    return err;
}

int
parcel_add(parcel *p, const char *path)
{
    char *full = malloc(PATH_MAX);
    int err = full ? add_path(p, path, full) : -ENOMEM;

    free(full);
    return err;
}

int
parcel_add_fd(parcel *p, int fd, const char *name)
{
    struct wire_item item = {
        .kind = PARCEL_STREAM,
        .mode = 0666,
        .size = -1,
        .path = name,
        .path_len = strlen(name),
    };
    struct parcel_root root = {.fd = fd};
    bool is_there;
    uint32_t place;
    int err;

    if (strchr(name, '/') || !path_is_good(name, item.path_len)) {
        return tn_fail(-EINVAL, "add", name);
    }
    place = place_of(p, name, &is_there);
    err = is_there      ? -EEXIST
          : grow(p) < 0 ? -ENOMEM
                        : list_add(&p->list, &item);
    if (err < 0) {
        return tn_fail(err, "add", name);
    }
    insert(p, place, &root, p->list.count - 1);
    p->list.notes[p->list.count - 1].mark = p->root_count - 1;
    return 0;
}

int
parcel_new(parcel **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void
parcel_sum_of(const parcel *p, struct parcel_sum *sum, uint32_t *left_out)
{
    list_sum(&p->list, false, sum);
    if (left_out) {
        *left_out = p->left_out;
    }
}

int
parcel_real_path(const parcel *p, uint32_t item, char *dst, size_t cap)
{
    const struct parcel_root *root = &p->roots[p->list.notes[item].mark];
    int n = snprintf(dst, cap, "%s/%s", root->base, p->list.items[item].path);

    return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

void
parcel_free(parcel *p)
{
    if (!p) {
        return;
    }
    for (uint32_t i = 0; i < p->root_count; i++) {
        free(p->roots[i].base);
    }
    free(p->roots);
    free(p->by_name);
    list_fini(&p->list);
    free(p);
}
