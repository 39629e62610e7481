#include <tenon/api.h>

#include "hub/bucket.h"
#include "test.h"

static const struct bucket_rule rule = {200 * TN_MS, 3};

TEST(a_zeroed_bucket_is_full)
{
    struct bucket b = {0};

    CHECK(bucket_is_full(&b, 0));
    EQ(bucket_wait(&b, &rule, 0), 0);
}

TEST(burst_then_one_at_a_time)
{
    struct bucket b = {0};
    int64_t now = 5 * TN_SEC;

    for (int i = 0; i < 3; i++) {
        CHECK(bucket_take(&b, &rule, now));
    }
    CHECK(!bucket_take(&b, &rule, now));
    EQ(bucket_wait(&b, &rule, now), 200 * TN_MS);
    CHECK(!bucket_take(&b, &rule, now + 200 * TN_MS - 1));
    CHECK(bucket_take(&b, &rule, now + 200 * TN_MS));
    CHECK(!bucket_take(&b, &rule, now + 200 * TN_MS));
}

TEST(a_refused_take_costs_nothing)
{
    struct bucket b = {0};

    for (int i = 0; i < 100; i++) {
        (void)bucket_take(&b, &rule, 0);
    }
    EQ(bucket_wait(&b, &rule, 0), 200 * TN_MS);
}

TEST(full_again_after_burst_intervals)
{
    struct bucket b = {0};

    for (int i = 0; i < 3; i++) {
        CHECK(bucket_take(&b, &rule, 0));
    }
    CHECK(!bucket_is_full(&b, 600 * TN_MS - 1));
    CHECK(bucket_is_full(&b, 600 * TN_MS));
}

TEST(long_calm_does_not_add_up)
{
    struct bucket b = {0};
    int taken = 0;

    CHECK(bucket_take(&b, &rule, 0));
    for (int i = 0; i < 100; i++) {
        taken += bucket_take(&b, &rule, 3600 * TN_SEC) ? 1 : 0;
    }
    EQ(taken, 3);
}

TEST(what_is_given_back_can_be_taken)
{
    struct bucket b = {0};

    for (int i = 0; i < 3; i++) {
        CHECK(bucket_take(&b, &rule, TN_SEC));
    }
    bucket_give(&b, &rule);
    CHECK(bucket_take(&b, &rule, TN_SEC));
    CHECK(!bucket_take(&b, &rule, TN_SEC));
    /* Nobody gets more than a bucket holds. */
    for (int i = 0; i < 10; i++) {
        bucket_give(&b, &rule);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(bucket_take(&b, &rule, TN_SEC));
    }
    CHECK(!bucket_take(&b, &rule, TN_SEC));
}
