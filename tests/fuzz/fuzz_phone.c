/*
 * fuzz_phone.c - any bytes as what a phone, or somebody who pretends to be one,
 * says: of itself, of its files, for an answer, as a time.
 */
#include "fuzz.h"
#include "parcel/path.h"
#include "parcel/phone_wire.h"

#include <stdlib.h>
#include <string.h>

#define MUST(cond) ((cond) ? (void)0 : abort())

/* What was read can be said, and is the same then. */
static void
check_info(tn_str data)
{
    struct phone_info info, back;
    char *text;

    if (phone_info_read(&info, data) < 0) {
        return;
    }
    MUST(strlen(info.alias) <= PHONE_ALIAS);
    MUST(tn_text_valid(info.alias, strlen(info.alias)));
    MUST(info.port >= 1 && info.port <= 65535);
    text = phone_info_write(&info, PHONE_SAY_WHERE | PHONE_SAY_ANNOUNCE);
    MUST(text != NULL);
    MUST(phone_info_read(&back, (tn_str){text, strlen(text)}) == 0);
    MUST(strcmp(info.alias, back.alias) == 0);
    MUST(strcmp(info.kind, back.kind) == 0);
    MUST(strcmp(info.fingerprint, back.fingerprint) == 0);
    MUST(info.tls == back.tls && info.port == back.port);
    free(text);
}

static void
check_offer(tn_str data)
{
    struct phone_offer offer;
    int64_t sum = 0;

    if (phone_offer_read(&offer, data) < 0) {
        MUST(offer.files == NULL && offer.count == 0);
        return;
    }
    MUST(offer.count >= 1 && offer.count <= PHONE_FILES);
    for (uint32_t i = 0; i < offer.count; i++) {
        const struct phone_offered *f = &offer.files[i];

        MUST(f->size >= 0 && !__builtin_add_overflow(sum, f->size, &sum));
        MUST(f->id[0] != '\0' && strlen(f->id) <= PHONE_ID);
        MUST(!f->path || (path_is_good(f->path, strlen(f->path)) &&
                          !strchr(f->path, '\\')));
    }
    phone_offer_fini(&offer);
}

static void
check_answer(tn_str data)
{
    static struct phone_bid bids[2];
    char session[PHONE_ID + 1];

    bids[1].item = 1;
    if (phone_bid_answer(session, bids, 2, data) == 0) {
        MUST(session[0] != '\0' && strlen(session) <= PHONE_ID);
        MUST(strlen(bids[0].token) <= PHONE_TOKEN);
    }
}

static void
check_time(tn_str data)
{
    char text[64], back[32];
    int64_t ns, again;

    if (data.len < sizeof(text)) {
        memcpy(text, data.at, data.len);
        text[data.len] = '\0';
        if (phone_time_read(&ns, text) && phone_time_write(back, ns)) {
            MUST(phone_time_read(&again, back));
            MUST(ns - again >= 0 && ns - again < TN_MS);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    tn_str data = {(const char *)bytes, size};

    if (size > 0) {
        check_info(data);
        check_offer(data);
        check_answer(data);
        check_time(data);
    }
    return 0;
}
