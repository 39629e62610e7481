/*
 * share_done.c - which uploads were finished lately.
 *
 * The answer to the last part may get lost, and a browser sends a request
 * again by itself: the file must not come twice, nor after a restart. So what
 * was finished leaves a mark among the parts, a small file with the size and
 * the name that it got. Marks go when an unfinished upload of their age would,
 * and the oldest when there are too many.
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
    TEXT = 24 + TN_SHARE_NAME, /* "SIZE/NAME" */
};

static void
mark_of(char dst[sizeof(TN__DONE) + TN__KEY], const char *key)
{
    (void)snprintf(dst, sizeof(TN__DONE) + TN__KEY, TN__DONE "%.*s", TN__KEY,
                   key);
}

/* A mark that was cut by a power failure, or that is none of ours, says
   nothing. */
static bool
read_mark(struct tn__finished *f, const char *text)
{
    char *end;
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 18 || text[digits] != '/') {
        return false;
    }
    f->size = strtoll(text, &end, 10);
    size_t n = strlen(end + 1);
    if (n < 2 || n > TN_SHARE_NAME + 1 || end[n] != '\n' ||
        memchr(end + 1, '/', n)) {
        return false;
    }
    memcpy(f->name, end + 1, n - 1);
    f->name[n - 1] = '\0';
    return true;
}

bool
tn__done_find(const tn_share *s, const char *key, struct tn__finished *f)
{
    char mark[sizeof(TN__DONE) + TN__KEY], text[TEXT];
    int parts = tn__keep_open(s, false);
    if (parts < 0) {
        return false;
    }
    mark_of(mark, key);
    int fd =
        openat(parts, mark, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    close(parts);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return read_mark(f, text);
}

void
tn__done_note(const tn_share *s, const char *key, const char *name,
              int64_t size)
{
    char mark[sizeof(TN__DONE) + TN__KEY], text[TEXT];
    int parts = tn__keep_open(s, true);
    if (parts < 0) {
        return; /* the file is there: that is what counts */
    }
    mark_of(mark, key);
    int n = snprintf(text, sizeof(text), "%" PRId64 "/%s\n", size, name);
    int fd = openat(parts, mark,
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW |
                        O_NONBLOCK,
                    0600);
    if (fd >= 0 && write(fd, text, (size_t)n) != n) {
        (void)unlinkat(parts, mark, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    tn__keep_marks(s, parts);
    close(parts);
}
