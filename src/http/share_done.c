/*
 * share_done.c - which uploads were finished lately.
 *
 * The answer to the last part may get lost, and a browser sends a request
 * again by itself: the file must not come twice, nor after a restart. So what
 * was finished leaves a mark among the parts, a small file with the size and
 * the name that it got. Marks go when an unfinished upload of their age would,
 * and the oldest when there are too many.
 *
 * The mark is there before the part gets its name, and on the disk: it then
 * says which file it is going to be, by its inode, which a rename keeps. After
 * a crash such a mark counts if the part is gone and that file is there. Where
 * the disk has no room for the mark, the file is worth more.
 */
#include "http/share_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    NUMBER = 24, /* a number and what follows it */
    /* "SIZE/NAME\n", and before it bears that name "INODE/PATH\n". */
    TEXT = 2 * NUMBER + TN_SHARE_NAME + TN_SHARE_PATH,
};

/* What is said of an upload that was about to be made a file. */
struct plan {
    struct tn__finished f; /* the name is the one that was wanted */
    uint64_t inode;
    char path[TN_SHARE_PATH + 1];
    char text[TEXT];
};

static void
mark_of(char dst[sizeof(TN__DONE) + TN__KEY], const char *key)
{
    (void)snprintf(dst, sizeof(TN__DONE) + TN__KEY, TN__DONE "%.*s", TN__KEY,
                   key);
}

/* "NUMBER/"; returns what is behind it, or NULL. */
static const char *
read_number(const char *text, uint64_t *value)
{
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 20 || text[digits] != '/') {
        return NULL;
    }
    *value = strtoull(text, NULL, 10);
    return text + digits + 1;
}

/* A mark that was cut by a power failure, or that is none of ours, says
   nothing. Returns what is behind it, or NULL. */
static const char *
read_mark(struct tn__finished *f, const char *text)
{
    uint64_t size;
    const char *name = read_number(text, &size);
    const char *end = name ? strchr(name, '\n') : NULL;
    if (!end || size > INT64_MAX || end == name || end - name > TN_SHARE_NAME ||
        memchr(name, '/', (size_t)(end - name))) {
        return NULL;
    }
    f->size = (int64_t)size;
    memcpy(f->name, name, (size_t)(end - name));
    f->name[end - name] = '\0';
    return end + 1;
}

static bool
read_plan(struct plan *p, const char *text)
{
    const char *path = read_number(text, &p->inode);
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n > TN_SHARE_PATH + 1 || path[n - 1] != '\n') {
        return false;
    }
    memcpy(p->path, path, n - 1);
    p->path[n - 1] = '\0';
    return true;
}

/* Was the part made the file? Then under which name? */
static bool
find_file(const tn_share *s, struct plan *p)
{
    struct stat st;
    const char *name;
    char first[TN_SHARE_NAME + 1];
    int folder = tn__share_open_parent(s, p->path, &name);
    bool found = false;
    memcpy(first, p->f.name, sizeof(first));
    for (int i = 1; folder >= 0 && !found && i <= TN_SHARE_RENAMES; i++) {
        if (i > 1 && tn__keep_number(p->f.name, first, i) < 0) {
            break;
        }
        found = fstatat(folder, p->f.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(st.st_mode) && st.st_ino == p->inode &&
                st.st_size == p->f.size;
    }
    if (folder >= 0) {
        close(folder);
    }
    return found;
}

/* What to make of a mark that was left by a crash, if the part is gone. */
static bool
settle(const tn_share *s, int parts, const char *key, struct plan *p)
{
    struct stat st;
    char mark[sizeof(TN__DONE) + TN__KEY];
    if (fstatat(parts, key, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return false; /* it never came to that, or is coming to it */
    }
    if (find_file(s, p)) {
        tn__done_note(s, key, p->f.name, p->f.size);
        return true;
    }
    mark_of(mark, key);
    (void)unlinkat(parts, mark, 0);
    return false;
}

static bool
read_file(int parts, const char *key, char text[TEXT])
{
    char mark[sizeof(TN__DONE) + TN__KEY];
    mark_of(mark, key);
    int fd =
        openat(parts, mark, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, TEXT - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

bool
tn__done_find(const tn_share *s, const char *key, struct tn__finished *f)
{
    bool done = false;
    int parts = tn__keep_open(s, false);
    struct plan *p = parts < 0 ? NULL : calloc(1, sizeof(*p));
    if (p && read_file(parts, key, p->text)) {
        const char *rest = read_mark(&p->f, p->text);
        done = rest &&
               (!*rest || (read_plan(p, rest) && settle(s, parts, key, p)));
        *f = p->f;
    }
    free(p);
    if (parts >= 0) {
        close(parts);
    }
    return done;
}

/* Write a file whole, or not at all. A descriptor; a code. */
static int
write_file(int parts, const char *name, const char *text)
{
    size_t n = strlen(text);
    int fd = openat(parts, name,
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW |
                        O_NONBLOCK,
                    0600);
    if (fd < 0) {
        return -errno;
    }
    ssize_t r = write(fd, text, n);
    if (r == (ssize_t)n) {
        return fd;
    }
    int err = r < 0 ? -errno : -ENOSPC;
    close(fd);
    (void)unlinkat(parts, name, 0);
    return err;
}

/* Put a mark in the place of the one that there may be. A descriptor of it. */
static int
put_mark(int parts, const char *key, const char *text)
{
    char mark[sizeof(TN__DONE) + TN__KEY], name[sizeof(TN__NEW) + TN__KEY];
    mark_of(mark, key);
    (void)snprintf(name, sizeof(name), TN__NEW "%.*s", TN__KEY, key);
    int fd = write_file(parts, name, text);
    if (fd >= 0 && renameat(parts, name, parts, mark) < 0) {
        int err = -errno;
        (void)unlinkat(parts, name, 0);
        close(fd);
        fd = err;
    }
    return fd;
}

void
tn__done_note(const tn_share *s, const char *key, const char *name,
              int64_t size)
{
    char text[NUMBER + TN_SHARE_NAME + 1];
    int parts = tn__keep_open(s, true);
    if (parts < 0) {
        return; /* the file is there: that is what counts */
    }
    (void)snprintf(text, sizeof(text), "%" PRId64 "/%s\n", size, name);
    int fd = put_mark(parts, key, text);
    if (fd >= 0) {
        close(fd);
    }
    tn__keep_marks(s, parts);
    close(parts);
}

void
tn__done_plan(const struct tn__upload *u, const char *key,
              const struct tn__goal *goal)
{
    struct stat st;
    char *text;
    int parts = tn__keep_open(u->share, true);
    if (parts < 0) {
        return;
    }
    int r = fstat(u->fd, &st) < 0 ? -errno
            : asprintf(&text, "%" PRId64 "/%s\n%" PRIu64 "/%s\n", u->size,
                       goal->name, (uint64_t)st.st_ino, goal->path) < 0
                ? -ENOMEM
                : 0;
    if (r == 0) {
        r = put_mark(parts, key, text);
        free(text);
    }
    if (r >= 0) {
        (void)tn__share_fsync(r);
        close(r);
        /* And that it is called so: the part's rename comes behind it. */
        (void)tn__share_fsync(parts);
    }
    close(parts);
}

void
tn__done_forget(const tn_share *s, const char *key)
{
    char mark[sizeof(TN__DONE) + TN__KEY];
    int parts = tn__keep_open(s, false);
    if (parts >= 0) {
        mark_of(mark, key);
        (void)unlinkat(parts, mark, 0);
        close(parts);
    }
}
