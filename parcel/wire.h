/*
 * wire.h - the bytes of a transfer: greeting, frames, what is in them
 * (docs/wire/transfer.md).
 *
 * Readers take a whole payload and say whether it is one; they keep nothing
 * and point into it.
 */
#ifndef PARCEL_WIRE_H
#define PARCEL_WIRE_H

#include "parcel.h"
#include "tree.h"

enum {
    WIRE_VERSION = 1,
    WIRE_GREETING = 32,
    WIRE_NONCE = 16,      /* its last bytes */
    WIRE_HEAD = 5,        /* of a frame: type, length */
    WIRE_PAGE = 64 << 10, /* bytes of a payload, but of WIRE_DATA */
    WIRE_ITEM = 29,       /* bytes of an offered item before its path */
    WIRE_SECTION = 1024,  /* blocks that one WIRE_HAVE can speak of */
    WIRE_ASKS = 64,       /* WIRE_ASKs that may be open */
    WIRE_ASKED = 4096,    /* blocks that all of them may speak of */
};

enum wire_role {
    WIRE_SENDER = 1,
    WIRE_RECEIVER = 2,
};

enum wire_type {
    WIRE_HELLO = 1,
    WIRE_OFFER = 2,
    WIRE_OFFERED = 3,
    WIRE_ANSWER = 4,
    WIRE_ASK = 5,
    WIRE_HAVE = 6,
    WIRE_BEGIN = 7,
    WIRE_DATA = 8,
    WIRE_HOLE = 9,
    WIRE_SAME = 10,
    WIRE_END = 11,
    WIRE_FIN = 12,
    WIRE_ACK = 13,
    WIRE_DONE = 14,
    WIRE_FINAL = 15,
    WIRE_KEEP = 16,
    WIRE_BYE = 17,
    WIRE_TYPES,
};

/* What a receiver answers for an item, two bits. */
enum wire_answer {
    WIRE_NO,      /* not wanted */
    WIRE_TAKE,    /* all of it */
    WIRE_COMPARE, /* there is something: WIRE_ASK */
};

struct wire_greeting {
    uint8_t version, role;
    bool wants_code;
    uint8_t nonce[WIRE_NONCE];
};

struct wire_item {
    enum parcel_kind kind;
    unsigned mode;
    int64_t size, space, mtime; /* space: what it takes on a disk */
    const char *path;
    size_t path_len;
};

struct wire_ask {
    uint32_t item, count;
    uint64_t first;
};

struct wire_have {
    uint32_t item, count;
    uint64_t first;
    bool zero; /* all of them are zero; no hashes follow */
    const uint8_t *hashes;
};

struct wire_begin {
    uint32_t item;
    unsigned mode;
    int64_t size, mtime;
};

struct wire_end {
    int err; /* 0, or a negative errno */
    int64_t size;
    struct tree_hash root;
    const char *why;
    size_t why_len;
};

struct wire_done {
    uint32_t item;
    enum parcel_what what; /* DONE, SKIPPED, FAILED */
    int err;
    const char *text; /* the name, or why */
    size_t text_len;
};

struct wire_bye {
    int err;
    const char *why;
    size_t why_len;
};

/* Bytes that are read from the front. */
struct cut {
    const uint8_t *p;
    size_t left;
    bool bad;
};

/* Bytes that are written at the end; the caller has made sure of the room. */
struct pen {
    uint8_t *p;
};

uint64_t cut_uint(struct cut *c, size_t bytes);
const uint8_t *cut_bytes(struct cut *c, size_t n);
void pen_uint(struct pen *p, uint64_t value, size_t bytes);
void pen_bytes(struct pen *p, const void *src, size_t n);

/** The most that the payload of a type may have; 0: no such type. */
size_t wire_most(unsigned type);

void wire_put_greeting(uint8_t dst[WIRE_GREETING],
                       const struct wire_greeting *g);

/** False: these are not the bytes of a greeting. */
bool wire_get_greeting(struct wire_greeting *g,
                       const uint8_t src[WIRE_GREETING]);

/** Write an item, WIRE_ITEM + its path. */
void wire_put_item(struct pen *p, const struct wire_item *i);

/** Read the next item of a page; false: this is none. The path was not
    looked at. */
bool wire_get_item(struct cut *c, struct wire_item *i);

bool wire_get_ask(const uint8_t *src, size_t n, struct wire_ask *a);
bool wire_get_have(const uint8_t *src, size_t n, struct wire_have *h);
bool wire_get_begin(const uint8_t *src, size_t n, struct wire_begin *b);
bool wire_get_end(const uint8_t *src, size_t n, struct wire_end *e);
bool wire_get_bye(const uint8_t *src, size_t n, struct wire_bye *b);

/** Read the next record of a WIRE_DONE. */
bool wire_get_done(struct cut *c, struct wire_done *d);

/** Write one: 8 bytes and its text, PARCEL_PATH bytes of it at most. */
void wire_put_done(struct pen *p, const struct wire_done *d);

/** A negative errno as one byte that means the same everywhere, and back. */
uint8_t wire_code(int err);
int wire_errno(uint8_t code);

#endif
