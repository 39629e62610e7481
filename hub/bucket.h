/*
 * hub/bucket.h - a token bucket in one number: so many at once, then so often.
 *
 * A zeroed bucket is full. The clock is the caller's: tn_now(), or a test's.
 */
#ifndef HUB_BUCKET_H
#define HUB_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* How much a bucket holds and how fast it fills. */
struct bucket_rule {
    int64_t interval; /* ns in which one token comes back; > 0 */
    int burst;        /* tokens it holds; >= 1 */
};

/* The state: the moment at which it will be full again (the "theoretical
   arrival time" of GCRA, ITU-T I.371). */
struct bucket {
    int64_t full_at;
};

/**
 * Take a token.
 *
 * @param b     changed on success only.
 * @param rule  borrowed.
 * @param now   ns; never smaller than in the call before.
 * @return true if there was one.
 */
bool bucket_take(struct bucket *b, const struct bucket_rule *rule, int64_t now);

/**
 * Give a token back that need not have been taken.
 *
 * @param b     changed.
 * @param rule  borrowed; the one it was taken by.
 */
void bucket_give(struct bucket *b, const struct bucket_rule *rule);

/**
 * Tell how long it takes until there is a token.
 *
 * @param b     borrowed.
 * @param rule  borrowed.
 * @param now   ns.
 * @return ns; 0 if there is one.
 */
int64_t bucket_wait(const struct bucket *b, const struct bucket_rule *rule,
                    int64_t now);

/**
 * Tell whether nothing is missing: whoever took has been calm for long enough.
 *
 * @param b    borrowed.
 * @param now  ns.
 * @return true if it is full.
 */
bool bucket_is_full(const struct bucket *b, int64_t now);

#endif
