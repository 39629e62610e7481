/*
 * recv_range.c - bytes from one file to another, zeros over bytes, a look
 * whether there are any: a bounded portion in a worker at a time.
 */
#include <tenon/task.h>

#include "job.h"
#include "recv_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_PORTION = 8 << 20 };

int
range_write(int fd, const uint8_t *src, size_t n, int64_t at)
{
    size_t put = 0;

    while (put < n) {
        ssize_t w = pwrite(fd, src + put, n - put, at + (int64_t)put);

        if (w < 0 && errno != EINTR) {
            return -errno;
        }
        put += w > 0 ? (size_t)w : 0;
    }
    return 0;
}

struct range {
    int from, to;
    int64_t at, n; /* done from `at`; `n` are left */
    bool is_zero;
};

/* In a worker: the queue of a slow disk may be full. */
static int
push(void *arg)
{
    const struct range *c = arg;

    return sync_file_range(c->to, c->at, c->n, SYNC_FILE_RANGE_WRITE);
}

void
range_push(int fd, int64_t at, int64_t n)
{
    struct range c = {.to = fd, .at = at, .n = n};

    (void)job_run(push, &c);
}

static int
copy_by_hand(struct range *c, int64_t n)
{
    uint8_t *buf = malloc(PARCEL_BLOCK);
    int err = buf ? 0 : -ENOMEM;

    while (err == 0 && n > 0) {
        ssize_t got = pread(c->from, buf,
                            n < PARCEL_BLOCK ? (size_t)n : PARCEL_BLOCK, c->at);

        err = got > 0 ? range_write(c->to, buf, (size_t)got, c->at)
                      : (got == 0 ? -ESTALE : -errno);
        if (err == 0) {
            c->at += got;
            c->n -= got;
            n -= got;
        }
    }
    free(buf);
    return err;
}

/* In a worker. */
static int
copy_portion(void *arg)
{
    struct range *c = arg;
    int64_t data = lseek(c->from, c->at, SEEK_DATA), n = c->n;
    off_t in, out;
    ssize_t done;

    /* Holes stay holes. */
    if (data < 0 && errno == ENXIO) {
        data = c->at + c->n;
    }
    if (data > c->at) {
        int64_t skip = data - c->at < c->n ? data - c->at : c->n;

        c->at += skip;
        c->n -= skip;
        return 0;
    }
    n = n < COPY_PORTION ? n : COPY_PORTION;
    in = c->at;
    out = c->at;
    done = copy_file_range(c->from, &in, c->to, &out, (size_t)n, 0);
    if (done > 0) {
        c->at += done;
        c->n -= done;
        return 0;
    }
    if (done < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) {
        return -errno;
    }
    return copy_by_hand(c, n);
}

int
range_copy(int from, int to, int64_t at, int64_t n)
{
    struct range c = {.from = from, .to = to, .at = at, .n = n};
    int err = 0;

    while (err == 0 && c.n > 0) {
        err = job_run(copy_portion, &c);
        if (err == 0) {
            err = tn_checkpoint();
        }
    }
    return err;
}

/* In a worker: zeros where there may be something else. */
static int
blank_portion(void *arg)
{
    static const uint8_t zeros[PARCEL_BLOCK];
    struct range *c = arg;

    if (fallocate(c->to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, c->at,
                  c->n) == 0) {
        c->n = 0;
        return 0;
    }
    for (int i = 0; i < COPY_PORTION / PARCEL_BLOCK && c->n > 0; i++) {
        size_t n = c->n < PARCEL_BLOCK ? (size_t)c->n : PARCEL_BLOCK;
        int err = range_write(c->to, zeros, n, c->at);

        if (err < 0) {
            return err;
        }
        c->at += (int64_t)n;
        c->n -= (int64_t)n;
    }
    return 0;
}

int
range_blank(int fd, int64_t at, int64_t n)
{
    struct range c = {.to = fd, .at = at, .n = n};
    int err = 0;

    while (err == 0 && c.n > 0) {
        err = job_run(blank_portion, &c);
        if (err == 0) {
            err = tn_checkpoint();
        }
    }
    return err;
}

/* In a worker: look whether the range holds zeros alone. */
static int
look_portion(void *arg)
{
    struct range *c = arg;
    int64_t data = lseek(c->from, c->at, SEEK_DATA), end = c->at + c->n;
    uint8_t *buf;

    if ((data < 0 && errno == ENXIO) || data >= end) {
        c->n = 0;
        return 0;
    }
    c->at = data > c->at ? data : c->at;
    c->n = end - c->at;
    buf = malloc(PARCEL_BLOCK);
    if (!buf) {
        return -ENOMEM;
    }
    for (int i = 0; i < COPY_PORTION / PARCEL_BLOCK && c->n > 0; i++) {
        ssize_t got =
            pread(c->from, buf,
                  c->n < PARCEL_BLOCK ? (size_t)c->n : PARCEL_BLOCK, c->at);

        if (got <= 0 || buf[0] != 0 ||
            memcmp(buf, buf + 1, (size_t)got - 1) != 0) {
            c->is_zero = false;
            c->n = 0;
            break;
        }
        c->at += got;
        c->n -= got;
    }
    free(buf);
    return 0;
}

int
range_is_zero(int fd, int64_t at, int64_t n)
{
    struct range c = {.from = fd, .at = at, .n = n, .is_zero = true};

    while (c.n > 0) {
        int err = job_run(look_portion, &c);

        if (err == 0) {
            err = tn_checkpoint();
        }
        if (err < 0) {
            return err;
        }
    }
    return c.is_zero ? 1 : 0;
}
