/*
 * recv_int.h - one session of the receiver.
 *
 * The body is one task; the pulse and the teller stand by. Items come one after the other, their
 * blocks in order. What an item is compared with is its base: the part of an
 * earlier try, or a file that may be the same.
 */
#ifndef PARCEL_RECV_INT_H
#define PARCEL_RECV_INT_H

#include "disk.h"
#include "lane.h"
#include "list.h"
#include "source.h"
#include "teller.h"

enum {
    RECV_READY = 1024, /* files that are whole and wait for their names; fewer
                          where descriptors are few */
    RECV_READY_BYTES = 64 << 20,
};

/* So much is written before the disk is told to begin. */
enum { RECV_WARM = 32 << 20 };

/* All that was asked about, and one that was not: an empty file. */
enum { RECV_BASES = WIRE_ASKS + 1 };

#define RECV_READY_TIME TN_SEC

/* What the sender compares an item with. */
struct base {
    bool is_open, is_part;
    uint32_t item;
    struct source src;
};

/* Hashes that were told, oldest first: the sender may say "the same". */
struct given {
    uint32_t item, count;
    uint64_t first;
    bool zero;
    struct tree_hash *hashes;
};

/* The item that is coming in. */
struct intake {
    bool is_open;
    int err; /* not to be had: what comes is dropped */
    struct wire_begin begin;
    const struct parcel_item *item;
    struct base *base;
    int part;          /* -1: not made, all was the same so far */
    int64_t part_size; /* what it held before */
    int64_t pos;
    int64_t warm; /* bytes written that the disk has not been told of */
    bool is_begun;
    struct tree tree;
};

/* A whole file whose name waits for the disk. */
struct ready {
    uint32_t item;
    int fd;
};

struct recv {
    struct lane lane;
    struct teller teller;
    const struct parcel_recv_opts *opts;
    struct parcel_result *result;
    tn_group group;
    int err;
    bool is_final;
    struct list list;
    struct parcel_sum sum;
    bool *take;
    struct disk disk;
    tn_sock *out; /* instead of a disk */
    uint64_t window, acked;
    int64_t there; /* bytes on the disk that need not be found room for */
    struct base bases[RECV_BASES];
    unsigned bases_n, bases_most, ready_most; /* most: as descriptors allow */
    uint8_t *block; /* of a base; NULL until it is needed */
    struct given given[WIRE_ASKS];
    unsigned given_at, given_n;
    uint32_t given_blocks;
    struct intake in;
    struct ready ready[RECV_READY];
    unsigned ready_n;
    int64_t ready_bytes, ready_since;
    bool made; /* folders, that no sync has seen yet */
    int64_t all_done;
    char why[96]; /* it ended, where more is to be said than the code does */
    char who[3 * PARCEL_WHO + 1];
    char final[PARCEL_PATH + 1];
};

/** Make a session; `*out` is for recv_free(), also after a failure. */
int recv_new(struct recv **out, tn_sock *sock,
             const struct parcel_recv_opts *opts, struct parcel_result *result);

void recv_free(struct recv *r);

/** Run a task of the session to its end, `arg` being the recv, with those that
    stand by; a plain peer would not understand the pulse. What ended it.
    Suspends. */
int recv_run(struct recv *r, tn_task_fn *work, bool is_plain);

/** Tell what happened to an item; moves not too often. */
void recv_tell(struct recv *r, enum parcel_what what,
               const struct parcel_item *item, int err, const char *final);

/** An item has its end: note it, tell it here and over there. Suspends. */
int recv_done(struct recv *r, uint32_t item, enum parcel_what what, int err,
              const char *text);

/* --- recv_offer.c ----------------------------------------------------------*/

/** Read the offer, ask, prepare the folder, answer. Suspends. */
int recv_offer(struct recv *r);

/* --- recv_base.c -----------------------------------------------------------*/

/* What an item could be compared with. */
enum base_kind {
    BASE_NONE,
    BASE_PART,
    BASE_FILE,
};

/** Look what is there for an item; >= 0: enum base_kind, its name in `name`;
    else why it cannot be received. Not on the loop's thread. */
int base_look(struct recv *r, const struct parcel_item *it,
              char name[PARCEL_NAME + 1], struct stat *st);

/** The base of an item, opened if it was not: 0 and `*out`, which may be NULL;
    an error of the item. */
int base_open(struct recv *r, const struct parcel_item *it, struct base **out);

/** Forget the base of an item and what was told of it. */
void base_close(struct recv *r, uint32_t item);

/** Whether the base has these very bytes there. 1; 0; -ENOMEM. */
int base_has(struct recv *r, const struct base *b, int64_t at,
             const uint8_t *src, size_t n);

/** Whether the base is what it was when it was opened: 0; -ESTALE. */
int base_check(const struct base *b);

/** Answer a WIRE_ASK. 0; -EPROTO; ... Suspends. */
int base_asked(struct recv *r, const struct wire_ask *ask);

/** The hash that was told of a block; false: none was. */
bool base_given(struct recv *r, uint32_t item, uint64_t block,
                struct tree_hash *out);

/** Release everything. */
void base_forget(struct recv *r);

/* --- recv_range.c ----------------------------------------------------------*/

/** Write at a place, in the caller's thread. 0; what pwrite(2) says. */
int range_write(int fd, const uint8_t *src, size_t n, int64_t at);

/** Have the disk begin with a range, so that the sync at the end is short.
    Suspends. */
void range_push(int fd, int64_t at, int64_t n);

/** Copy a range to the same place of another file. Suspends. */
int range_copy(int from, int to, int64_t at, int64_t n);

/** Make zeros of a range, by a hole if that can be. Suspends. */
int range_blank(int fd, int64_t at, int64_t n);

/** 1: a range holds zeros alone; 0; what pread(2) says. Suspends. */
int range_is_zero(int fd, int64_t at, int64_t n);

/* --- recv_item.c -----------------------------------------------------------*/

/** Take a frame of an item's data. 0; what ends the session. Suspends. */
int recv_item_frame(struct recv *r, const struct frame *f);

/** Release what is under way; its part stays. */
void recv_item_stop(struct recv *r);

/* --- recv_ready.c ----------------------------------------------------------*/

/** A file is whole: `fd` is taken. Suspends. */
int ready_add(struct recv *r, uint32_t item, int fd, int64_t size);

/** Give all that wait their names. Suspends. */
int ready_flush(struct recv *r);

/** Close what waits; the parts stay. */
void ready_stop(struct recv *r);

/** Set modes and times of the folders, which files would have changed. */
int ready_folders(struct recv *r);

#endif
