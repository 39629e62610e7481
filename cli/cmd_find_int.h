/*
 * cli/cmd_find_int.h - what the files of `tenon find` share.
 *
 *   cmd_find.c         options, the search, the watch
 *   cmd_find_phone.c   phones, which have another way of being found
 *   cmd_find_show.c    what was found, as a line
 *   cmd_find_doctor.c  why nobody was
 */
#ifndef CLI_CMD_FIND_INT_H
#define CLI_CMD_FIND_INT_H

#include <tenon/sock.h>

#include "hub/beacon_watch.h"
#include "json.h"

enum {
    /* A line of JSON: the two texts, every address, and the rest. */
    FIND_LINE = JSON_GROWTH * (BEACON_NAME + BEACON_TEXT) +
                BEACON_ADDRS * (TN_ADDR_TEXT + 4) + 512,
    /* A phone, among the kinds of beacons, of which none is so large. */
    FIND_PHONE = 31,
    /* Lines of the watch that wait for a slow stdout; more are left out. */
    FIND_QUEUE = 64,
};

_Static_assert(FIND_LINE <= 4000, "a line travels through a channel");

struct find_opts {
    bool json, watch, doctor;
    int kind;
    int64_t wait;
};

/** Look for phones until cancelled, or for `wait`; those are left out that are
    of our own kind and answer the beacon, unless `all`. How many; a code.
    Suspends. */
int find_phones(struct beacon_found *out, int cap, int64_t wait, bool all);

/** "hub", "recv" or "phone"; "?" for what a later version may have. */
const char *find_kind(const struct beacon_card *c);

/** The address to show: what a person would type. */
const tn_addr *find_best(const struct beacon_found *f);

/** How wide the first address is as text. */
int find_width(const struct beacon_found *f);

/**
 * Write one who was found as a line, with its newline.
 *
 * @param line   FIND_LINE bytes.
 * @param event  a word to begin with, "came"; NULL: none.
 * @param f      borrowed.
 * @param width  of the address's column.
 * @return bytes.
 */
size_t find_words(char *line, const char *event, const struct beacon_found *f,
                  int width);

/** The same as JSON; `event` is not NULL. */
size_t find_json(char *line, const char *event, const struct beacon_found *f);

/** Write a line to stdout; an exit code, the complaint printed. */
int find_out(tn_sock *out, const char *line, size_t n);

/** Look for what keeps answers away and print it; an exit code. */
int find_doctor(tn_sock *out, const struct find_opts *o);

#endif
