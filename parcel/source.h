/*
 * source.h - a file that is being sent: what it was when it was opened, where
 * its holes are, and whether it is still the same.
 */
#ifndef PARCEL_SOURCE_H
#define PARCEL_SOURCE_H

#include "parcel.h"
#include "tree.h"

#include <sys/stat.h>

enum { SOURCE_PORTION = 16 }; /* blocks that a worker hashes at a time */

struct source {
    int fd;
    struct stat st;
    int64_t dense; /* no hole begins before this byte */
    bool is_sparse;
};

/** Open a file. One that was changed in this very moment is left alone until a
    later change would show. 0; -ESTALE: it changes all the time; -EINVAL: no
    regular file; what open(2) says; -ECANCELED. Suspends. */
int source_open(struct source *s, const char *path, bool follow);

void source_close(struct source *s);

/** How many bytes from `pos`, which begins a block, are a hole: whole blocks,
    or up to the end of the file. */
int64_t source_hole(struct source *s, int64_t pos);

/** Read `n` bytes at `pos`. 0; -ESTALE: the file is shorter now; what pread(2)
    says. */
int source_read(const struct source *s, void *dst, size_t n, int64_t pos);

/** Hash `count` blocks, SOURCE_PORTION at most, from `pos`, in a worker. As
    source_read(). Suspends. */
int source_hash(const struct source *s, int64_t pos, unsigned count,
                struct tree_hash *out);

/** Whether what was sent, whose tree has this root, is what the file is. 0;
    -ESTALE. Suspends. */
int source_check(struct source *s, const struct tree_hash *root);

#endif
