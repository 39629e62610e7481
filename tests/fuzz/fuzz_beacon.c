/*
 * fuzz_beacon.c - any bytes as a datagram of the beacon: what is taken is
 * clean, says the same when it is written again, and is answered by less.
 */
#include <tenon/text.h>

#include "fuzz.h"
#include "hub/beacon_reply.h"
#include "hub/beacon_wire.h"

#include <stdlib.h>
#include <string.h>

#define MUST(cond) ((cond) ? (void)0 : abort())

static void
check_text(const char *s, size_t max)
{
    size_t n = strlen(s);

    MUST(n <= max && tn_text_valid(s, n));
    for (size_t i = 0; i < n; i++) {
        MUST((unsigned char)s[i] >= 0x20 && s[i] != 0x7f);
    }
}

static void
check_again(const struct beacon_msg *m)
{
    static unsigned char buf[BEACON_DATAGRAM], second[BEACON_DATAGRAM];
    static struct beacon_msg again;
    size_t n = beacon_write(buf, m);

    MUST(n <= BEACON_DATAGRAM && beacon_read(&again, buf, n));
    MUST(beacon_write(second, &again) == n && memcmp(buf, second, n) == 0);
    MUST(again.type == m->type && again.nonce == m->nonce &&
         again.count == m->count && again.card.port == m->card.port);
}

static void
check_answer(const struct beacon_msg *m, size_t asked)
{
    static const unsigned char id[BEACON_ID] = {1, 2, 3, 4, 5, 6, 7, 8};
    static struct beacon_reply r;
    struct beacon_way way = {.to = {.len = sizeof(way.to.u.in)}};
    struct beacon_due due;

    memset(&r, 0, sizeof(r));
    memcpy(r.id, id, sizeof(id));
    r.kind = BEACON_HUB;
    way.to.u.in.sin_family = AF_INET;
    enum beacon_verdict v = beacon_hear(&r, m, &way, 1, m->nonce);
    MUST((v == BEACON_KNOWN) == (beacon_knows(m, id) && v != BEACON_OTHERS));
    MUST((v == BEACON_TAKEN) == beacon_take_due(&r, INT64_MAX, &due));
    MUST(v != BEACON_TAKEN ||
         (due.at >= 1 && due.at <= 1 + BEACON_SPREAD * TN_MS));
    MUST(asked >= BEACON_CARD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct beacon_msg m;

    if (!beacon_read(&m, data, size)) {
        return 0;
    }
    check_text(m.card.name, BEACON_NAME);
    check_text(m.card.text, BEACON_TEXT);
    check_again(&m);
    if (m.type == BEACON_ASK) {
        check_answer(&m, size);
    }
    return 0;
}
