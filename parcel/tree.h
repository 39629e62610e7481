/*
 * tree.h - the hash of a file: a tree over the hashes of its blocks.
 *
 * The shape is that of RFC 9162 section 2.1.1; a leaf is XXH3-128 of a block
 * with seed 0, a node XXH3-128 of its two children with seed 1. It finds what
 * broke by accident; against forgery there is TLS around it.
 */
#ifndef PARCEL_TREE_H
#define PARCEL_TREE_H

#include <stddef.h>
#include <stdint.h>

enum {
    TREE_HASH = 16,   /* bytes */
    TREE_LEVELS = 64, /* no file has more blocks than that many bits */
};

struct tree_hash {
    uint8_t bytes[TREE_HASH];
};

/* Grows at its right end; what is complete on the left is one hash each. */
struct tree {
    struct tree_hash node[TREE_LEVELS];
    uint8_t level[TREE_LEVELS]; /* of each node, falling */
    unsigned count;
    uint64_t leaves;
};

/** Hash one block; `n` bytes, PARCEL_BLOCK but for the last one. */
void tree_leaf(struct tree_hash *out, const void *block, size_t n);

/** Hash a block of `n` zero bytes; PARCEL_BLOCK at most. */
void tree_zero_leaf(struct tree_hash *out, size_t n);

/** Begin; a tree of zero bytes is begun as well. */
void tree_init(struct tree *t);

/** Append the hash of the next block. */
void tree_push(struct tree *t, const struct tree_hash *leaf);

/** Append `count` whole blocks of zero, in a time that does not grow with it
    but with its logarithm. */
void tree_push_zeros(struct tree *t, uint64_t count);

/** The hash of it all; more may be appended afterwards. */
void tree_root(const struct tree *t, struct tree_hash *out);

#endif
