/*
 * hub/store_int.h - what store.c and store_sql.c share.
 *
 * The functions here look at the file: they block, and run on a worker thread,
 * one at a time.
 */
#ifndef HUB_STORE_INT_H
#define HUB_STORE_INT_H

#include <tenon/chan.h>

#include "store.h"

#include <sqlite3.h>
#include <stdatomic.h>

/* Work on a copy of the caller's data. */
typedef int store_work(store *s, void *data);

struct store {
    atomic_int holders; /* who opened it, and each job */
    sqlite3 *db;
    sqlite3_stmt *insert, *select, *forth, *older;
    tn_chan *turn;          /* holds one value while nobody is at the file */
    struct store_job *left; /* begun, and not waited for; NULL: none */
    int late; /* what such an append came to in the end, if it failed */
    struct store_opts opts;
    char *path;
    uint64_t latest;
    int appended; /* since the limits were looked at */
    char epoch[STORE_EPOCH + 1];
    unsigned char secret[STORE_SECRET];
};

/* Events to append. */
struct store_batch {
    int n;
    struct room_event evs[];
};

/** Open the file and read what goes with the history; arg is not used. */
int store_sql_open(store *s, void *arg);

/** Append; arg is a struct store_batch. */
int store_sql_append(store *s, void *arg);

/** Read; arg is a struct store_span. */
int store_sql_read(store *s, void *arg);

/** Close; arg is NULL, or a uint64_t: the number it ended with in order. */
int store_sql_close(store *s, void *arg);

#endif
