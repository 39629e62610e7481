/*
 * file.c - makefile: a buffered reader and writer, and a FILE.
 */
#include <tenon/file.h>

#include "sock/sock.h"

#include <stdlib.h>
#include <string.h>

struct tn_file {
    tn_sock *sock;
    unsigned mode;
    bool flushing;     /* a task sends `out`; what is added stays behind */
    size_t first, end; /* bytes in `in` that were not read yet */
    size_t held;       /* bytes in `out` that were not sent yet */
    char in[TN_FILE_BUF];
    char out[TN_FILE_BUF];
};

int
tn_makefile(tn_file **out, tn_sock *sock, unsigned mode)
{
    tn_file *f;

    *out = NULL;
    if (mode == 0 || (mode & ~(unsigned)(TN_READ | TN_WRITE)) != 0) {
        return tn__sock_fail(sock, -EINVAL, "makefile");
    }
    f = malloc(sizeof(*f));
    if (!f) {
        return tn__sock_fail(sock, -ENOMEM, "makefile");
    }
    f->sock = sock;
    f->mode = mode;
    f->flushing = false;
    f->first = f->end = f->held = 0;
    *out = f;
    return 0;
}

/* The buffer being empty: 1 or more bytes, 0 at the end, or a code. */
static ssize_t
fill(tn_file *f)
{
    ssize_t r = tn_recv(f->sock, f->in, sizeof(f->in), 0);

    f->first = 0;
    f->end = r > 0 ? (size_t)r : 0;
    return r;
}

static ssize_t
need(tn_file *f)
{
    if (!(f->mode & TN_READ)) {
        return tn__sock_fail(f->sock, -EINVAL, "read");
    }
    return f->first < f->end ? 1 : fill(f);
}

/* A line that time runs out on goes back into the buffer: nothing is lost. It
   fits, because only what fits was taken out since. */
static bool
put_back(tn_file *f, const char *buf, size_t n)
{
    if (n > sizeof(f->in)) {
        return false;
    }
    memcpy(f->in, buf, n);
    f->first = 0;
    f->end = n;
    return true;
}

ssize_t
tn_file_readline(tn_file *f, char *buf, size_t cap)
{
    size_t n = 0;
    ssize_t r = 1;

    if (cap < 2) {
        return tn__sock_fail(f->sock, -EINVAL, "read");
    }
    /* Longer lines come in parts, so that a part can always be put back. */
    cap = cap <= sizeof(f->in) ? cap : sizeof(f->in);
    while (n + 1 < cap && (n == 0 || buf[n - 1] != '\n')) {
        size_t room = cap - 1 - n;
        size_t have;
        const char *nl;

        r = need(f);
        if (r <= 0) {
            break;
        }
        have = f->end - f->first;
        have = have < room ? have : room;
        nl = memchr(f->in + f->first, '\n', have);
        have = nl ? (size_t)(nl - (f->in + f->first)) + 1 : have;
        memcpy(buf + n, f->in + f->first, have);
        f->first += have;
        n += have;
    }
    if (r < 0 && put_back(f, buf, n)) {
        n = 0;
    }
    buf[n] = '\0';
    return r < 0 ? r : (ssize_t)n;
}

ssize_t
tn_file_read(tn_file *f, void *buf, size_t n, size_t *got)
{
    size_t have = 0;
    ssize_t r = 1;

    while (have < n && r > 0) {
        size_t rest = n - have;

        if (f->first == f->end && rest >= sizeof(f->in)) {
            /* Large reads need no copy. */
            r = f->mode & TN_READ
                    ? tn_recv(f->sock, (char *)buf + have, rest, 0)
                    : tn__sock_fail(f->sock, -EINVAL, "read");
            have += r > 0 ? (size_t)r : 0;
            continue;
        }
        r = need(f);
        if (r > 0) {
            size_t part = f->end - f->first;

            part = part < rest ? part : rest;
            memcpy((char *)buf + have, f->in + f->first, part);
            f->first += part;
            have += part;
        }
    }
    if (got) {
        *got = have;
    }
    return r < 0 ? r : (ssize_t)have;
}

int
tn_file_flush(tn_file *f)
{
    size_t sent = 0;
    ssize_t r;

    if (f->held == 0) {
        return 0;
    }
    if (f->flushing) {
        return tn__sock_fail(f->sock, -EBUSY, "write");
    }
    f->flushing = true;
    r = tn_sendall(f->sock, f->out, f->held, &sent);
    f->flushing = false;
    if (sent > 0 && r < 0) {
        /* We know where we are in the stream: the rest stays here. */
        tn_send_resume(f->sock);
    }
    f->held -= sent;
    memmove(f->out, f->out + sent, f->held);
    return r < 0 ? (int)r : 0;
}

ssize_t
tn_file_write(tn_file *f, const void *buf, size_t n)
{
    int r;

    if (!(f->mode & TN_WRITE)) {
        return tn__sock_fail(f->sock, -EINVAL, "write");
    }
    if (n > sizeof(f->out) - f->held) {
        r = tn_file_flush(f);
        if (r < 0) {
            return r;
        }
    }
    if (n > sizeof(f->out)) {
        return tn_sendall(f->sock, buf, n, NULL);
    }
    memcpy(f->out + f->held, buf, n);
    f->held += n;
    return (ssize_t)n;
}

int
tn_file_close(tn_file *f)
{
    int r;

    if (!f) {
        return 0;
    }
    r = tn_file_flush(f);
    free(f);
    return r;
}

/* ---- stdio ---- */

static ssize_t
cookie_read(void *cookie, char *buf, size_t n)
{
    ssize_t r = tn_recv(cookie, buf, n, 0);

    if (r < 0) {
        errno = r > -4096 ? (int)-r : EIO; /* stdio speaks errno */
    }
    return r < 0 ? -1 : r;
}

static ssize_t
cookie_write(void *cookie, const char *buf, size_t n)
{
    ssize_t r = tn_sendall(cookie, buf, n, NULL);

    if (r < 0) {
        errno = r > -4096 ? (int)-r : EIO;
    }
    return r < 0 ? 0 : r; /* fopencookie(3): 0 tells a failure */
}

int
tn_makefile_stdio(FILE **out, tn_sock *sock, const char *mode)
{
    cookie_io_functions_t io = {.read = cookie_read, .write = cookie_write};

    *out = fopencookie(sock, mode, io);
    if (!*out) {
        return tn__sock_fail(sock, errno == ENOMEM ? -ENOMEM : -EINVAL,
                             "makefile");
    }
    return 0;
}
