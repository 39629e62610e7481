/*
 * Where a body goes: stdout, or a file that is written beside its name and
 * renamed when it is whole. What tells whether a part still fits the server's
 * file (an ETag, a date) is kept in a file next to it.
 */
#include <tenon/err.h>
#include <tenon/loop.h>
#include <tenon/sock.h>

#include "cmd_get_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TAG_FILE = 16 << 10, /* a URL and a line */
};

/* ---- names ---- */

static bool
is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

int
sink_name(struct sink *s, const char *path, bool keep_old)
{
    struct stat st;
    if (strlen(path) >= sizeof(s->path)) {
        return say_usage("%.32s...: the name is too long", path);
    }
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return say_usage("%s: is a directory (-O takes the name of the URL)",
                         path);
    }
    if (keep_old && lstat(path, &st) == 0 && !s->g->o->resume) {
        say("%s: exists already (-o %s replaces it)", path, path);
        return EXIT_FAILED;
    }
    (void)snprintf(s->path, sizeof(s->path), "%s", path);
    s->direct = is_special(path);
    s->keep_old = keep_old && !s->g->o->resume;
    if (!s->direct) {
        (void)snprintf(s->part, sizeof(s->part), "%s.part", path);
        (void)snprintf(s->note, sizeof(s->note), "%s.part.tag", path);
    }
    return EXIT_DONE;
}

static int
fail(const char *path)
{
    return tn_fail(-errno, "write", path);
}

/* ---- what an earlier run has left ---- */

/* "URL\nTAG\n"; another URL's part is none of ours. */
static bool
read_tag(struct sink *s, const char *url)
{
    char *text = calloc(1, TAG_FILE);
    int fd = open(s->note, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool good = fd < 0; /* no word against it */
    if (fd >= 0 && text && read(fd, text, TAG_FILE - 1) > 0) {
        char *line = text + strcspn(text, "\n");
        size_t n = *line ? strcspn(line + 1, "\n") : 0;
        good = n < sizeof(s->tag) && (size_t)(line - text) == strlen(url) &&
               strncmp(text, url, strlen(url)) == 0;
        (void)snprintf(s->tag, sizeof(s->tag), "%.*s", good ? (int)n : 0,
                       *line ? line + 1 : "");
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(text);
    return good;
}

static void
write_tag(const struct sink *s, const char *url)
{
    FILE *file = NULL;
    int fd = open(s->note,
                  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd >= 0) {
        file = fdopen(fd, "w");
    }
    if (file) {
        (void)fprintf(file, "%s\n%s\n", url, s->tag);
        (void)fclose(file);
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

/* A part of ours, or a file of that name that another program began: that is
   taken over only when the server has agreed to go on with it. */
void
sink_resume(struct sink *s, const char *url)
{
    struct stat st;
    if (s->direct || !s->path[0]) {
        return;
    }
    if (lstat(s->part, &st) == 0 && S_ISREG(st.st_mode)) {
        if (!read_tag(s, url)) {
            s->tag[0] = '\0';
            return;
        }
    } else if (lstat(s->path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return;
    }
    s->have = st.st_size;
}

/* ---- writing ---- */

static int
open_file(struct sink *s, bool anew)
{
    const char *path = s->direct ? s->path : s->part;
    int flags = O_WRONLY | O_CLOEXEC | O_CREAT;
    struct stat st;
    if (!s->direct) {
        flags |= O_NOFOLLOW;
    }
    if (!anew && lstat(s->part, &st) != 0 && rename(s->path, s->part) != 0) {
        return fail(s->path);
    }
    s->fd = open(path, flags, 0666);
    return s->fd < 0 ? fail(path) : 0;
}

int
sink_start(struct sink *s, int64_t at, const char *url)
{
    if (!s->path[0]) {
        if (at != s->have) {
            return tn_fail(-ESPIPE, "begin anew", "on stdout");
        }
        return 0;
    }
    int err = s->opened ? 0 : open_file(s, at == 0);
    if (err < 0) {
        return err;
    }
    s->opened = true;
    s->have = at;
    if (s->direct) {
        return at == 0 ? 0 : tn_fail(-ESPIPE, "go on with", s->path);
    }
    if (ftruncate(s->fd, at) != 0 || lseek(s->fd, at, SEEK_SET) < 0) {
        return fail(s->part);
    }
    write_tag(s, url);
    return 0;
}

static int
write_file(struct sink *s, const char *buf, size_t n)
{
    while (n > 0) {
        ssize_t r = write(s->fd, buf, n);
        if (r < 0 && errno != EINTR) {
            return fail(s->path);
        }
        buf += r > 0 ? r : 0;
        n -= r > 0 ? (size_t)r : 0;
    }
    return 0;
}

int
sink_write(struct sink *s, const char *buf, size_t n)
{
    int err;
    if (s->path[0]) {
        err = write_file(s, buf, n);
    } else if (s->view) {
        err = view_write(s->view, buf, n);
    } else {
        ssize_t r = tn_sendall(s->g->out, buf, n, NULL);
        err = r < 0 ? (int)r : 0;
        if (err < 0 && err != -ECANCELED) {
            (void)tn_fail(err, "write", "stdout");
        }
    }
    s->have += err == 0 ? (int64_t)n : 0;
    return err;
}

/* ---- the end ---- */

static int
sync_file(void *data)
{
    return fsync(*(int *)data) == 0 || errno == EINVAL ? 0 : -errno;
}

/* With a name that is not to be replaced, link(2) is the call that looks and
   takes at once. */
static int
take_name(const struct sink *s)
{
    if (!s->keep_old) {
        return rename(s->part, s->path) == 0 ? 0 : fail(s->path);
    }
    if (link(s->part, s->path) == 0) {
        return unlink(s->part) == 0 ? 0 : fail(s->part);
    }
    if (errno == EEXIST) {
        return fail(s->path);
    }
    return rename(s->part, s->path) == 0 ? 0 : fail(s->path);
}

static void
close_file(struct sink *s)
{
    if (s->opened && s->fd >= 0) {
        (void)close(s->fd);
    }
    s->opened = false;
    s->fd = -1;
}

int
sink_done(struct sink *s)
{
    int err = 0;
    if (s->view) {
        err = view_end(s->view);
        s->view = NULL;
    }
    if (!s->opened || s->direct) {
        close_file(s);
        return err;
    }
    err = tn_offload(sync_file, &s->fd, sizeof(s->fd));
    if (err < 0) {
        return tn_fail(err, "write", s->part);
    }
    close_file(s);
    err = take_name(s);
    if (err == 0) {
        (void)unlink(s->note);
    }
    return err;
}

void
sink_stop(struct sink *s, bool tell)
{
    char size[PROGRESS_SIZE];
    bool file = s->opened && !s->direct;
    if (s->view) {
        (void)view_end(s->view);
        s->view = NULL;
    }
    close_file(s);
    if (file && s->have == 0) {
        (void)unlink(s->part);
        (void)unlink(s->note);
    } else if (file && tell) {
        say("%s: %s kept (-C - goes on)", s->part,
            progress_size(s->have, size));
    }
}
