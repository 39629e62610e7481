/*
 * share_open.c - names into descriptors, never outside of the folder.
 *
 * The kernel walks: openat2() with RESOLVE_BENEATH refuses every step out of
 * the folder, whoever renames what meanwhile; symbolic links that stay inside
 * are followed.
 */
#include "http/share_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    AGAIN = 32, /* a rename during ".." makes the kernel give up */
};

/* As fine as the clock of file times: CONFIG_HZ=100. */
#define TICK (10 * TN_MS)

int
tn__share_open(const tn_share *s, const char *path, int flags)
{
    struct open_how how = {
        .flags =
            (uint64_t)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY)),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    const char *at = path[0] ? path : ".";
    for (int i = 0; i < AGAIN; i++) {
        long fd = syscall(SYS_openat2, s->root, at, &how, sizeof(how));
        if (fd >= 0) {
            return (int)fd;
        }
        int err = errno;
        if (err != EAGAIN && err != EINTR) {
            return -err;
        }
    }
    return -EAGAIN;
}

/* Look before opening: to open a device may do something already. */
static int
look(const tn_share *s, const char *path)
{
    struct stat st;
    int fd = tn__share_open(s, path, O_PATH);
    if (fd < 0) {
        return fd;
    }
    int err = fstat(fd, &st) == 0 ? 0 : -errno;
    close(fd);
    if (err < 0) {
        return err;
    }
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? 0 : -EACCES;
}

int
tn__share_open_read(const tn_share *s, const char *path, struct stat *st)
{
    int fd = look(s, path);
    if (fd < 0) {
        return fd;
    }
    /* It may be a pipe by now, which must not make us wait. */
    fd = tn__share_open(s, path, O_RDONLY | O_NONBLOCK);
    if (fd < 0) {
        return fd;
    }
    int err = fstat(fd, st) == 0 ? 0 : -errno;
    if (err == 0 && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) {
        err = -EACCES;
    }
    if (err < 0) {
        close(fd);
        return err;
    }
    return fd;
}

int
tn__share_open_parent(const tn_share *s, const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    char *folder = strndup(path, slash ? (size_t)(slash - path) : 0);
    if (!folder) {
        return -ENOMEM;
    }
    *name = slash ? slash + 1 : path;
    int fd = tn__share_open(s, folder, O_RDONLY | O_DIRECTORY);
    free(folder);
    return fd;
}

/* One name, up to its slash or end. */
static bool
is_visible(const tn_share *s, const char *name)
{
    if (name[0] != '.') {
        return true;
    }
    return s->opts.hidden && strncmp(name, TN__OURS, sizeof(TN__OURS) - 1) != 0;
}

bool
tn__share_is_open(const tn_share *s, const char *path)
{
    const char *name = path;
    while (name && name[0]) {
        if (!is_visible(s, name)) {
            return false;
        }
        name = strchr(name, '/');
        name = name ? name + 1 : NULL;
    }
    return true;
}

bool
tn__share_name_fits(const tn_share *s, const char *name)
{
    size_t n = strlen(name);
    char clean[3 * TN_SHARE_NAME + 1];
    if (n == 0 || n > TN_SHARE_NAME || !is_visible(s, name) ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        strchr(name, '/')) {
        return false;
    }
    /* UTF-8 without what a listing would not show as it is: control characters,
       and those that turn "gpj.exe" into "exe.jpg". */
    (void)tn_text_clean(clean, sizeof(clean), name, n);
    return strcmp(clean, name) == 0;
}

/* Two changes within a tick of the clock leave the same time: until it is over
   the tag is a weak one, RFC 9110 section 8.8.1. */
static bool
is_settled(const struct stat *st)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (int64_t)(now.tv_sec - st->st_mtim.tv_sec);
    if (age < -1 || age > 1) {
        return true;
    }
    return age * TN_SEC + now.tv_nsec - st->st_mtim.tv_nsec > 2 * TICK;
}

void
tn__share_etag(char dst[TN__ETAG], const struct stat *st, const char *suffix)
{
    (void)snprintf(dst, TN__ETAG,
                   "%s\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%lx%s\"",
                   is_settled(st) ? "" : "W/", (uint64_t)st->st_ino,
                   (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
                   (unsigned long)st->st_mtim.tv_nsec, suffix);
}
