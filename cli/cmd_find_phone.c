/*
 * Phones: LocalSend's way of being found. Beside the beacon's answers they are
 * one more kind.
 */
#include <tenon/err.h>
#include <tenon/task.h>

#include "cmd_find_int.h"
#include "phones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
fill(struct beacon_found *f, const struct phone_device *d)
{
    memset(f, 0, sizeof(*f));
    f->card.kind = (enum beacon_kind)FIND_PHONE;
    f->card.flags = BEACON_FILES | (d->tls ? BEACON_TLS : 0u);
    f->card.port = tn_addr_port(&d->addr);
    (void)snprintf(f->card.name, sizeof(f->card.name), "%s", d->alias);
    (void)snprintf(f->card.text, sizeof(f->card.text), "%s", d->kind);
    f->count = 1;
    f->addr[0] = d->addr;
    f->rtt = -1; /* it answers by calling us */
}

int
find_phones(struct beacon_found *out, int cap, int64_t wait, bool all)
{
    char name[64];
    struct phone_device *found = calloc(PHONE_FOUND, sizeof(*found));
    const struct phone_opts o = {.alias = phones_host(name, sizeof(name))};
    int n = found ? phone_find(&o, wait, found, PHONE_FOUND) : -ENOMEM;
    int count = 0;
    for (int i = 0; i < n && count < cap; i++) {
        if (all || !found[i].tenon) {
            fill(&out[count++], &found[i]);
        }
    }
    free(found);
    return n < 0 ? n : count;
}
