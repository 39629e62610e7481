/*
 * source.c - reading what is sent.
 *
 * A change is seen by the times of the file, which are as fine as a tick of
 * the kernel: two changes within one leave no trace. So a file is begun only
 * when its last change is older than that. A program that writes through a
 * mapping may leave no trace at all, until it unmaps.
 */
#include "source.h"

#include <tenon/task.h>

#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Twice the coarsest tick, that of CONFIG_HZ=100; how often one looks. */
#define SETTLED (20 * TN_MS)

enum { LOOKS = 100, SECTOR = 512 };

static int64_t
ns_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * TN_SEC + t->tv_nsec;
}

/* A change that comes next would change the times. */
static bool
is_settled(const struct stat *st)
{
    struct timespec now;
    int64_t age;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    age = ns_of(&now) - ns_of(&st->st_ctim);
    return age < 0 || age > SETTLED;
}

static int
settle(struct source *s)
{
    for (int i = 0; i < LOOKS; i++) {
        int err;

        if (fstat(s->fd, &s->st) < 0) {
            return -errno;
        }
        if (!S_ISREG(s->st.st_mode)) {
            return -EINVAL;
        }
        if (is_settled(&s->st)) {
            return 0;
        }
        err = tn_sleep(SETTLED);
        if (err < 0) {
            return err;
        }
    }
    return -ESTALE;
}

int
source_open(struct source *s, const char *path, bool follow)
{
    int err;

    *s = (struct source){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
                                              O_NONBLOCK |
                                              (follow ? 0 : O_NOFOLLOW))};
    if (s->fd < 0) {
        return -errno;
    }
    err = settle(s);
    if (err < 0) {
        source_close(s);
        return err;
    }
    s->is_sparse = (int64_t)s->st.st_blocks * SECTOR < s->st.st_size;
    if (s->st.st_size > PARCEL_BLOCK) {
        (void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return 0;
}

void
source_close(struct source *s)
{
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
}

int64_t
source_hole(struct source *s, int64_t pos)
{
    int64_t data, rest = s->st.st_size - pos;

    if (!s->is_sparse || pos + PARCEL_BLOCK <= s->dense || rest <= 0) {
        return 0;
    }
    data = lseek(s->fd, pos, SEEK_DATA);
    if (data < 0) {
        /* Nothing but holes; or a file system that does not know. */
        s->is_sparse = errno == ENXIO;
        return s->is_sparse ? rest : 0;
    }
    data = data < s->st.st_size ? data : s->st.st_size;
    if (data - pos >= PARCEL_BLOCK) {
        return (data - pos) / PARCEL_BLOCK * PARCEL_BLOCK;
    }
    s->dense = lseek(s->fd, data, SEEK_HOLE);
    if (s->dense < 0) {
        s->is_sparse = false;
    }
    return 0;
}

static int
read_at(int fd, uint8_t *dst, size_t n, int64_t pos)
{
    size_t got = 0;

    while (got < n) {
        ssize_t r = pread(fd, dst + got, n - got, pos + (int64_t)got);

        if (r == 0) {
            return -ESTALE;
        }
        if (r < 0 && errno != EINTR) {
            return -errno;
        }
        got += r > 0 ? (size_t)r : 0;
    }
    return 0;
}

int
source_read(const struct source *s, void *dst, size_t n, int64_t pos)
{
    return read_at(s->fd, dst, n, pos);
}

struct portion {
    int fd;
    int64_t pos, size;
    unsigned count;
    struct tree_hash *out;
};

static int
hash_portion(void *arg)
{
    struct portion *p = arg;
    uint8_t *block = malloc(PARCEL_BLOCK);
    int err = block ? 0 : -ENOMEM;

    for (unsigned i = 0; i < p->count && err == 0; i++) {
        int64_t at = p->pos + (int64_t)i * PARCEL_BLOCK, rest = p->size - at;
        size_t n = rest < PARCEL_BLOCK ? (size_t)rest : PARCEL_BLOCK;

        err = read_at(p->fd, block, n, at);
        if (err == 0) {
            tree_leaf(&p->out[i], block, n);
        }
    }
    free(block);
    return err;
}

int
source_hash(const struct source *s, int64_t pos, unsigned count,
            struct tree_hash *out)
{
    struct portion p = {.fd = s->fd,
                        .pos = pos,
                        .size = s->st.st_size,
                        .count = count,
                        .out = out};
    /* One block is read here as it is when it is sent: many small files would
       wait for the worker more than they are worth. */
    return count == 1 ? hash_portion(&p) : job_run(hash_portion, &p);
}

/* Everything once more: something about the file changed, but maybe not what
   is in it (its mode, the number of its names). */
static int
hash_again(struct source *s, struct tree_hash *root)
{
    struct tree_hash h[SOURCE_PORTION];
    struct tree t;
    int64_t size = s->st.st_size, pos = 0;

    tree_init(&t);
    s->dense = 0;
    while (pos < size) {
        int64_t hole = source_hole(s, pos), rest = size - pos;
        unsigned count = SOURCE_PORTION;
        int err;

        if (hole > 0) {
            tree_push_zeros(&t, (uint64_t)(hole / PARCEL_BLOCK));
            if (hole % PARCEL_BLOCK != 0) {
                tree_zero_leaf(&h[0], (size_t)(hole % PARCEL_BLOCK));
                tree_push(&t, &h[0]);
            }
            pos += hole;
            continue;
        }
        if (s->is_sparse || rest < (int64_t)SOURCE_PORTION * PARCEL_BLOCK) {
            count = s->is_sparse
                        ? 1
                        : (unsigned)((rest + PARCEL_BLOCK - 1) / PARCEL_BLOCK);
        }
        err = source_hash(s, pos, count, h);
        if (err == 0) {
            err = tn_checkpoint();
        }
        if (err < 0) {
            return err;
        }
        for (unsigned i = 0; i < count; i++) {
            tree_push(&t, &h[i]);
        }
        pos += (int64_t)count * PARCEL_BLOCK;
    }
    tree_root(&t, root);
    return 0;
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int
source_check(struct source *s, const struct tree_hash *root)
{
    struct tree_hash again;
    struct stat st;
    int err;

    if (fstat(s->fd, &st) < 0) {
        return -errno;
    }
    if (st.st_size != s->st.st_size ||
        !is_same_time(&st.st_mtim, &s->st.st_mtim)) {
        return -ESTALE;
    }
    if (is_same_time(&st.st_ctim, &s->st.st_ctim)) {
        return 0;
    }
    err = hash_again(s, &again);
    if (err < 0) {
        return err;
    }
    return memcmp(again.bytes, root->bytes, TREE_HASH) == 0 ? 0 : -ESTALE;
}
