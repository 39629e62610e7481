/*
 * share_archive.c - a folder with all below it as one stream, made while it is
 * sent.
 *
 * The folders that are open stand in a list of bounded length, not on the
 * stack. A file that shrinks while it is sent cuts the stream, so that nobody
 * takes it for whole; one that grows is sent as long as it was. Links to
 * folders are left out, for they may go round in circles, and so is what the
 * server may not read.
 */
#include "http/share_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct archive {
    struct tn__call *c;
    int depth;
    unsigned count;
    DIR *dirs[TN_SHARE_DEPTH];
    size_t lens[TN_SHARE_DEPTH];  /* of each folder's path */
    size_t skip;                  /* of the path that the archive begins at */
    char path[TN_SHARE_PATH + 2]; /* below the share */
    char head[TN__TAR_HEAD];
};

static const char zeros[2 * TN__TAR_BLOCK];

/* Open a.path, which is in the archive from then on; 0 also if it cannot be. */
static int
enter(struct archive *a, size_t len)
{
    if (a->depth == TN_SHARE_DEPTH) {
        return TN_ETOOBIG;
    }
    int fd = tn__share_open(a->c->share, a->path, O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int err = fd < 0 ? fd : -errno;
        if (fd >= 0) {
            close(fd);
        }
        return tn__share_is_scarce(err) ? err : 0;
    }
    a->dirs[a->depth] = dir;
    a->lens[a->depth] = len;
    a->depth++;
    return 0;
}

static int
write_head(struct archive *a, const char *name, const struct stat *st)
{
    bool folder = S_ISDIR(st->st_mode);
    struct tn__tar_entry e = {name, folder, st->st_mode & 0777,
                              folder ? 0 : st->st_size, st->st_mtim.tv_sec};
    return tn_httpd_write(a->c->x, a->head, tn__tar_head(a->head, &e));
}

static int
add_file(struct archive *a, int fd, const struct stat *st)
{
    size_t pad = (size_t)(-st->st_size & (TN__TAR_BLOCK - 1));
    int r = write_head(a, a->path + a->skip, st);
    if (r == 0 && st->st_size > 0) {
        r = tn_httpd_sendfile(a->c->x, fd, 0, st->st_size);
    }
    return r < 0 || pad == 0 ? r : tn_httpd_write(a->c->x, zeros, pad);
}

/* Add what the path names; its last name is `name`, in the open folder. */
static int
add_entry(struct archive *a, size_t len, const char *name)
{
    struct stat st;
    int top = dirfd(a->dirs[a->depth - 1]);
    bool link = fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
                S_ISLNK(st.st_mode);
    int fd = tn__share_open_read(a->c->share, a->path, &st);
    if (tn__share_is_scarce(fd)) {
        return fd;
    }
    if (fd < 0 || (link && S_ISDIR(st.st_mode))) {
        if (fd >= 0) {
            close(fd);
        }
        return 0;
    }
    int r;
    if (S_ISREG(st.st_mode)) {
        r = add_file(a, fd, &st);
    } else {
        a->path[len] = '/';
        a->path[len + 1] = '\0';
        r = write_head(a, a->path + a->skip, &st);
        a->path[len] = '\0';
        r = r < 0 ? r : enter(a, len);
    }
    close(fd);
    return r;
}

/* The next name of the innermost folder. 1; 0: that was the last folder. */
static int
step(struct archive *a)
{
    size_t len = a->lens[a->depth - 1];
    const struct dirent *d = readdir(a->dirs[a->depth - 1]);
    if (!d) {
        (void)closedir(a->dirs[--a->depth]);
        return a->depth > 0;
    }
    size_t n = strlen(d->d_name);
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
        !tn__share_is_open(a->c->share, d->d_name) ||
        len + n + 2 > TN_SHARE_PATH) {
        return 1;
    }
    if (++a->count > TN_SHARE_ARCHIVE) {
        return TN_ETOOBIG;
    }
    if (len > 0) {
        a->path[len++] = '/';
    }
    memcpy(a->path + len, d->d_name, n + 1);
    int r = add_entry(a, len + n, d->d_name);
    r = r < 0 ? r : tn_checkpoint();
    return r < 0 ? r : 1;
}

static int
run(struct archive *a)
{
    size_t len = strlen(a->path);
    int r = enter(a, len);
    a->skip = len > 0 ? len + 1 : 0;
    while (r >= 0 && a->depth > 0) {
        r = step(a);
    }
    while (a->depth > 0) {
        (void)closedir(a->dirs[--a->depth]);
    }
    return r < 0 ? r : tn_httpd_write(a->c->x, zeros, sizeof(zeros));
}

int
tn__share_archive(struct tn__call *c)
{
    char name[TN_SHARE_NAME + 8];
    const char *slash = strrchr(c->path, '/');
    const char *folder = slash ? slash + 1 : c->path;
    (void)snprintf(name, sizeof(name), "%.200s.tar",
                   folder[0] ? folder : "files");
    int r = tn_httpd_field(c->x, "Content-Type", "application/x-tar");
    r = r < 0 ? r : tn_httpd_field(c->x, "Cache-Control", "no-store");
    r = r < 0 ? r : tn__share_disposition(c, "attachment", name);
    if (r < 0 || c->head) {
        return r < 0 ? r : tn_httpd_flush(c->x);
    }
    struct archive *a = calloc(1, sizeof(*a));
    if (!a) {
        return -ENOMEM;
    }
    a->c = c;
    (void)snprintf(a->path, sizeof(a->path), "%s", c->path);
    r = run(a);
    free(a);
    return r;
}
