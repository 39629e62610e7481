/*
 * cli/report.h - what tenon send and tenon recv tell of a parcel: the progress
 * of all of it, words, or one JSON object a line.
 *
 * A path that is no UTF-8 is in the objects twice: "path" with U+FFFD for what
 * cannot be read, and "path_bytes", all of its bytes as hexadecimal digits.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "parcel/parcel.h"
#include "progress.h"

enum {
    REPORT_NOTES = 10, /* lines about single files, unless verbose; the rest is
                          counted */
    REPORT_SUM = 96,   /* "3 files and 1 folder, 4.2M" */
    REPORT_WHO = 3 * PARCEL_WHO + 1,
    REPORT_NAME = 128, /* bytes of a name within a line */
};

/* Of one transfer, over all its connections. */
struct report {
    bool json, quiet, verbose;
    bool sender;
    bool clear;                /* it goes unencrypted */
    int session;               /* number in the objects; 0: there is one only */
    struct progress *progress; /* NULL: another one has the line */
    const char *peer;          /* its address; borrowed */

    char who[REPORT_WHO];
    struct parcel_sum offered, taken, wanted; /* wanted: taken at first */
    unsigned lost;                            /* connections */
    bool paired, answered, streams;           /* a stream has begun */
    int64_t began;                            /* when the data did, ns */
    int64_t all_done, before; /* bytes; of earlier connections, moved */
    int64_t heard;            /* when something last happened, ns */
    uint32_t files;           /* that are done */
    int notes;
    char last[REPORT_NAME + 1]; /* the file that was done last */
};

/** Told by the parcel; arg is the report. */
void report_told(void *arg, const struct parcel_event *ev);

/** From now on this one has the progress line. */
void report_show(struct report *r, struct progress *p);

/** The connection was lost; it is tried again after `wait` ns. */
void report_lost(struct report *r, const struct parcel_result *result,
                 int64_t wait);

/** It is over, well (0) or not (a code): the summary. `code` is the exit code
    that it comes to. */
void report_end(struct report *r, const struct parcel_result *result, int err,
                int code);

/** Tell whether the connection was lost, or could not be made: another one may
    help. */
bool report_is_lost(int err);

/** Tell whether it was the other side that ended it by hand. */
bool report_is_left(int err);

/** Tell whether it came to its end, but for items that failed, each of which
    was told. */
bool report_is_partial(int err, const struct parcel_result *result);

/** Write "3 files and 1 folder, 4.2M". */
const char *report_sum(const struct parcel_sum *sum, char buf[REPORT_SUM]);

/** Write a path for people: cleaned, and cut at its beginning if it is long. */
const char *report_path(const char *path, char buf[REPORT_NAME + 1]);

/* A JSON object on stdout, member by member. One at a time: nothing between
   begin and end may suspend. */
void report_json_begin(const char *event);
void report_json_text(const char *key, const char *text);
void report_json_number(const char *key, int64_t value);
void report_json_flag(const char *key, bool value);
void report_json_end(void);

#endif
