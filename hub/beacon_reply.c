#include "beacon_reply.h"

#include "lan.h"

#include <string.h>

/* --- rates -----------------------------------------------------------------*/

/* The asker's bucket; a stranger gets the one that is fullest. */
static struct bucket *
find_bucket(struct beacon_reply *r, const struct in6_addr *ip)
{
    struct beacon_asker *best = &r->asker[0];

    for (int i = 0; i < BEACON_ASKERS; i++) {
        struct beacon_asker *a = &r->asker[i];
        if (memcmp(&a->ip, ip, sizeof(*ip)) == 0) {
            return &a->bucket;
        }
        if (a->bucket.full_at < best->bucket.full_at) {
            best = a;
        }
    }
    best->ip = *ip;
    best->bucket.full_at = 0;
    return &best->bucket;
}

static bool
may_answer(struct beacon_reply *r, const tn_addr *to, int64_t now)
{
    static const struct bucket_rule one = {BEACON_ASKER_INTERVAL,
                                           BEACON_ASKER_BURST};
    static const struct bucket_rule all = {BEACON_ALL_INTERVAL,
                                           BEACON_ALL_BURST};
    struct in6_addr ip;

    if (!lan_ip(&ip, &to->u.sa) || bucket_wait(&r->all, &all, now) > 0) {
        return false;
    }
    return bucket_take(find_bucket(r, &ip), &one, now) &&
           bucket_take(&r->all, &all, now);
}

/* --- answers ---------------------------------------------------------------*/

static struct beacon_due *
find_due(struct beacon_reply *r, const struct beacon_msg *m,
         const struct beacon_way *way)
{
    for (int i = 0; i < r->count; i++) {
        struct beacon_due *d = &r->due[i];
        if (d->nonce == m->nonce && tn_addr_equal(&d->way.to, &way->to)) {
            return d;
        }
    }
    return NULL;
}

static void
drop(struct beacon_reply *r, struct beacon_due *d)
{
    *d = r->due[--r->count];
}

enum beacon_verdict
beacon_hear(struct beacon_reply *r, const struct beacon_msg *m,
            const struct beacon_way *way, int64_t now, uint32_t dice)
{
    int64_t spread = m->spread * TN_MS;
    struct beacon_due *d = find_due(r, m, way);

    if (m->kinds != 0 && (m->kinds >> r->kind & 1) == 0) {
        return BEACON_OTHERS;
    }
    if (beacon_knows(m, r->id)) {
        if (d != NULL) { /* it came by another way meanwhile */
            drop(r, d);
        }
        return BEACON_KNOWN;
    }
    if (d != NULL) {
        return BEACON_TWICE;
    }
    if (r->count == BEACON_WAITING || !may_answer(r, &way->to, now)) {
        return BEACON_TOO_OFT;
    }
    r->due[r->count++] = (struct beacon_due){
        .at = now + (spread > 0 ? (int64_t)(dice % (uint64_t)spread) : 0),
        .asked = now,
        .nonce = m->nonce,
        .number = m->number,
        .way = *way,
    };
    return BEACON_TAKEN;
}

static struct beacon_due *
earliest(const struct beacon_reply *r)
{
    const struct beacon_due *best = NULL;

    for (int i = 0; i < r->count; i++) {
        if (best == NULL || r->due[i].at < best->at) {
            best = &r->due[i];
        }
    }
    return (struct beacon_due *)(uintptr_t)best;
}

bool
beacon_take_due(struct beacon_reply *r, int64_t now, struct beacon_due *out)
{
    struct beacon_due *d = earliest(r);

    if (d == NULL || d->at > now) {
        return false;
    }
    *out = *d;
    drop(r, d);
    return true;
}

int64_t
beacon_next_due(const struct beacon_reply *r)
{
    const struct beacon_due *d = earliest(r);

    return d != NULL ? d->at : INT64_MAX;
}

/* --- announcements ---------------------------------------------------------*/

bool
beacon_cry_begin(struct beacon_cry *c, int64_t now, uint32_t dice)
{
    if (c->begun != 0 && now - c->begun < BEACON_CRY_AGAIN) {
        return false;
    }
    c->begun = now;
    c->done = 0;
    c->next = now + (int64_t)(dice % (50 * TN_MS));
    return true;
}

bool
beacon_cry_due(struct beacon_cry *c, int64_t now, uint32_t dice)
{
    static const int64_t gap[BEACON_CRIES] = {TN_SEC, 3 * TN_SEC, 0};

    if (c->done == BEACON_CRIES || c->begun == 0 || now < c->next) {
        return false;
    }
    int64_t wait = gap[c->done++];
    c->next = now + wait + (wait > 0 ? (int64_t)dice % (wait / 5) : 0);
    return true;
}

int64_t
beacon_cry_next(const struct beacon_cry *c)
{
    return c->begun == 0 || c->done == BEACON_CRIES ? INT64_MAX : c->next;
}
