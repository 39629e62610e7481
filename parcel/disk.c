/*
 * disk.c - names into descriptors. The kernel walks: openat2() with
 * RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS refuses every step out of the folder,
 * whoever renames what meanwhile.
 */
#include "disk.h"

#include <tenon/api.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

enum { AGAIN = 32 }; /* a rename meanwhile makes the kernel give up */

/* umask(2) can only be read by setting it, for all threads. */
static unsigned
read_umask(void)
{
    FILE *f = fopen("/proc/thread-self/status", "re");
    char line[128];
    unsigned mask = 022;

    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "Umask:", 6) == 0) {
            mask = (unsigned)strtoul(line + 6, NULL, 8) & 0777;
            break;
        }
    }
    if (f) {
        (void)fclose(f);
    }
    return mask;
}

int
disk_open(struct disk *d, const char *dir)
{
    d->last = -1;
    d->is_old = false;
    d->opened = 0;
    d->root = open(dir, FOLDER);
    if (d->root < 0) {
        return -errno;
    }
    d->umask = read_umask();
    return 0;
}

void
disk_close(struct disk *d)
{
    if (d->last >= 0) {
        close(d->last);
    }
    if (d->root >= 0) {
        close(d->root);
    }
    d->last = -1;
    d->root = -1;
}

/* ---- folders ---- */

/* Component by component, for kernels before 5.6 and filters that refuse
   openat2(). */
static int
walk(const struct disk *d, const char *path)
{
    char name[PARCEL_NAME + 1];
    int at = fcntl(d->root, F_DUPFD_CLOEXEC, 0);

    while (at >= 0 && *path != '\0') {
        size_t n = strcspn(path, "/");
        int next;

        if (n > PARCEL_NAME) {
            close(at);
            return -ENAMETOOLONG;
        }
        memcpy(name, path, n);
        name[n] = '\0';
        next = openat(at, name, FOLDER | O_NOFOLLOW);
        if (next < 0) {
            next = -errno;
        }
        close(at);
        at = next;
        path += n + (path[n] == '/');
    }
    return at;
}

/* `path` is good: see path_is_good(); or empty, the root itself. */
static int
open_folder(struct disk *d, const char *path)
{
    struct open_how how = {
        .flags = FOLDER,
        .resolve =
            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    for (int i = 0; i < AGAIN && !d->is_old; i++) {
        long fd = syscall(SYS_openat2, d->root, *path ? path : ".", &how,
                          sizeof(how));

        if (fd >= 0) {
            return (int)fd;
        }
        if (errno == ENOSYS || errno == EPERM) {
            d->is_old = true;
        } else if (errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
    }
    return d->is_old ? walk(d, path) : -EAGAIN;
}

/* All of a path's folders that are not there. `path` is changed and mended. */
static int
make_folders(struct disk *d, char *path)
{
    char *slash = path;
    int at = fcntl(d->root, F_DUPFD_CLOEXEC, 0);

    while (at >= 0 && *slash != '\0') {
        char *name = slash;
        char end;
        int next;

        slash = name + strcspn(name, "/");
        end = *slash;
        *slash = '\0';
        next = mkdirat(at, name, 0777) < 0 && errno != EEXIST ? -errno : 0;
        if (next == 0) {
            next = openat(at, name, FOLDER | O_NOFOLLOW);
            next = next < 0 ? -errno : next;
        }
        close(at);
        at = next;
        *slash = end;
        slash += end == '/';
    }
    return at < 0 && errno == ENFILE ? -ENFILE : at;
}

int
disk_folder(struct disk *d, const char *path, const char **name, bool make)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    int fd;

    *name = slash ? slash + 1 : path;
    if (d->last >= 0 && d->last_len == n &&
        memcmp(d->last_path, path, n) == 0) {
        return d->last;
    }
    if (d->last >= 0) {
        close(d->last);
        d->last = -1;
    }
    memcpy(d->last_path, path, n);
    d->last_path[n] = '\0';
    d->last_len = n;
    fd = open_folder(d, d->last_path);
    if (fd == -ENOENT && make) {
        fd = make_folders(d, d->last_path);
    }
    d->last = fd < 0 ? -1 : fd;
    d->opened++;
    return fd;
}

int
disk_mkdir(struct disk *d, const char *path)
{
    const char *name;
    int at = disk_folder(d, path, &name, true);
    struct stat st;

    if (at < 0) {
        return at;
    }
    if (mkdirat(at, name, 0777) == 0) {
        return 1;
    }
    if (errno != EEXIST) {
        return -errno;
    }
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return -errno;
    }
    return S_ISDIR(st.st_mode) ? 0 : -EEXIST;
}

/* ---- files ---- */

int
disk_open_file(int folder, const char *name, struct stat *st)
{
    int fd;

    /* Look before opening: to open a device may do something already. */
    if (fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) < 0) {
        return -errno;
    }
    if (!S_ISREG(st->st_mode)) {
        return -EEXIST;
    }
    fd = openat(folder, name,
                O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
        close(fd);
        return -EEXIST;
    }
    return fd;
}

/* What another user has put there he may have open, to read and to change what
   comes. It is his who has the folder that could have that anyway; there are
   file systems, too, on which all has one owner. */
static bool
is_trap(int folder, const struct stat *st)
{
    struct stat at;

    return !S_ISREG(st->st_mode) || st->st_nlink > 1 ||
           (st->st_uid != geteuid() &&
            (fstat(folder, &at) < 0 || st->st_uid != at.st_uid));
}

/* Lock what was opened, and see that it is still what has the name. */
static int
lock(int folder, int fd, struct stat *st)
{
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    }
    if (fstat(fd, st) < 0) {
        return -errno;
    }
    if (is_trap(folder, st)) {
        return -EACCES;
    }
    return st->st_nlink == 1 ? 0 : -EAGAIN;
}

int
disk_open_part(int folder, const char *name, bool make, struct stat *st)
{
    char part[PARCEL_NAME + 1];

    path_part(part, name);
    for (int i = 0; i < AGAIN; i++) {
        int fd = openat(folder, part,
                        O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
                            O_NOCTTY | (make ? O_CREAT : 0),
                        0600);
        int err;

        if (fd < 0) {
            return -errno;
        }
        err = lock(folder, fd, st);
        if (err == 0) {
            return fd;
        }
        close(fd);
        if (err != -EAGAIN) {
            return err;
        }
    }
    return -EBUSY;
}

void
disk_drop_part(int folder, const char *name)
{
    char part[PARCEL_NAME + 1];

    path_part(part, name);
    (void)unlinkat(folder, part, 0);
}

/* Rename, but never over something. */
static int
rename_new(int folder, const char *from, const char *to)
{
    if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    /* A file system that cannot: a link does the same. */
    if (linkat(folder, from, folder, to, 0) < 0) {
        return -errno;
    }
    (void)unlinkat(folder, from, 0);
    return 0;
}

int
disk_place(int folder, const char *name, enum parcel_policy policy,
           char final[PARCEL_NAME + 1])
{
    char part[PARCEL_NAME + 1];
    int err;

    path_part(part, name);
    (void)snprintf(final, PARCEL_NAME + 1, "%s", name);
    if (policy == PARCEL_OVERWRITE) {
        return renameat(folder, part, folder, name) == 0 ? 0 : -errno;
    }
    err = rename_new(folder, part, final);
    for (unsigned k = 1;
         err == -EEXIST && policy == PARCEL_RENAME && k <= PATH_COPIES; k++) {
        path_copy(final, name, k);
        err = rename_new(folder, part, final);
    }
    return err;
}

void
disk_dress(const struct disk *d, int fd, unsigned mode, int64_t mtime)
{
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = mtime / TN_SEC, .tv_nsec = mtime % TN_SEC},
    };

    if (times[1].tv_nsec < 0) {
        times[1].tv_nsec += TN_SEC;
        times[1].tv_sec--;
    }
    /* Not every file system has modes, or times before 1970. */
    (void)!fchmod(fd, mode & 0777 & ~d->umask);
    (void)!futimens(fd, times);
}

int64_t
disk_free(const struct disk *d)
{
    struct statvfs v;
    int64_t bytes;

    if (fstatvfs(d->root, &v) < 0 ||
        __builtin_mul_overflow((int64_t)v.f_bavail, (int64_t)v.f_frsize,
                               &bytes)) {
        return INT64_MAX;
    }
    return bytes;
}

bool
disk_is_over(int err)
{
    return err == -ENOSPC || err == -EDQUOT || err == -EROFS || err == -EIO ||
           err == -ENOMEM || err == -EMFILE || err == -ENFILE ||
           err == -ECANCELED || err == -ETIME;
}
