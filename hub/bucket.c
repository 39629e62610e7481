#include "bucket.h"

bool
bucket_take(struct bucket *b, const struct bucket_rule *rule, int64_t now)
{
    if (bucket_wait(b, rule, now) > 0) {
        return false;
    }
    if (b->full_at < now) {
        b->full_at = now;
    }
    b->full_at += rule->interval;
    return true;
}

void
bucket_give(struct bucket *b, const struct bucket_rule *rule)
{
    b->full_at -= rule->interval;
}

int64_t
bucket_wait(const struct bucket *b, const struct bucket_rule *rule, int64_t now)
{
    int64_t room = (rule->burst - 1) * rule->interval;

    return b->full_at - now > room ? b->full_at - now - room : 0;
}

bool
bucket_is_full(const struct bucket *b, int64_t now)
{
    return b->full_at <= now;
}
