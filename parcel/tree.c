/*
 * tree.c - hashes of blocks, and the tree over them.
 */
#include "tree.h"

#include "parcel.h"

#include <pthread.h>
#include <string.h>
#ifdef PARCEL_DISPATCH
#include <xxh_x86dispatch.h> /* AVX2 where there is one: half the time */
#else
#include <xxhash.h>
#endif

/* Of whole blocks of zero: zeros[k] is the tree of 2^k of them. */
static struct tree_hash zeros[TREE_LEVELS];
static pthread_once_t zeros_once = PTHREAD_ONCE_INIT;
static const uint8_t nothing[PARCEL_BLOCK];

static void
put(struct tree_hash *out, XXH128_hash_t h)
{
    XXH128_canonical_t c;

    XXH128_canonicalFromHash(&c, h);
    memcpy(out->bytes, c.digest, TREE_HASH);
}

static void
join(struct tree_hash *out, const struct tree_hash *left,
     const struct tree_hash *right)
{
    uint8_t both[2 * TREE_HASH];

    memcpy(both, left->bytes, TREE_HASH);
    memcpy(both + TREE_HASH, right->bytes, TREE_HASH);
    put(out, XXH3_128bits_withSeed(both, sizeof(both), 1));
}

static void
make_zeros(void)
{
    tree_leaf(&zeros[0], nothing, PARCEL_BLOCK);
    for (int k = 1; k < TREE_LEVELS; k++) {
        join(&zeros[k], &zeros[k - 1], &zeros[k - 1]);
    }
}

void
tree_leaf(struct tree_hash *out, const void *block, size_t n)
{
    put(out, XXH3_128bits(block, n));
}

void
tree_zero_leaf(struct tree_hash *out, size_t n)
{
    if (n == PARCEL_BLOCK) {
        (void)pthread_once(&zeros_once, make_zeros);
        *out = zeros[0];
    } else {
        tree_leaf(out, nothing, n);
    }
}

void
tree_init(struct tree *t)
{
    t->count = 0;
    t->leaves = 0;
}

/* A complete tree of 2^level leaves, whose place is a multiple of that. */
static void
push_at(struct tree *t, const struct tree_hash *h, unsigned level)
{
    struct tree_hash mine = *h;

    while (t->count > 0 && t->level[t->count - 1] == level) {
        struct tree_hash joined;

        join(&joined, &t->node[t->count - 1], &mine);
        mine = joined;
        t->count--;
        level++;
    }
    if (t->count < TREE_LEVELS) {
        t->node[t->count] = mine;
        t->level[t->count] = (uint8_t)level;
        t->count++;
    }
}

void
tree_push(struct tree *t, const struct tree_hash *leaf)
{
    push_at(t, leaf, 0);
    t->leaves++;
}

void
tree_push_zeros(struct tree *t, uint64_t count)
{
    (void)pthread_once(&zeros_once, make_zeros);
    while (count > 0) {
        unsigned level = 63 - (unsigned)__builtin_clzll(count);
        unsigned fits =
            t->leaves > 0 ? (unsigned)__builtin_ctzll(t->leaves) : level;

        level = fits < level ? fits : level;
        push_at(t, &zeros[level], level);
        t->leaves += UINT64_C(1) << level;
        count -= UINT64_C(1) << level;
    }
}

void
tree_root(const struct tree *t, struct tree_hash *out)
{
    if (t->count == 0) {
        tree_leaf(out, nothing, 0);
        return;
    }
    *out = t->node[t->count - 1];
    for (unsigned i = t->count - 1; i > 0; i--) {
        struct tree_hash right = *out;

        join(out, &t->node[i - 1], &right);
    }
}
