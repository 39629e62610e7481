/*
 * hub/blob.h - bytes that many hold: made once, given back by the last.
 *
 * What happens in the room is written once and sent to a thousand members;
 * each that still has it to send holds a reference.
 */
#ifndef HUB_BLOB_H
#define HUB_BLOB_H

#include <tenon/api.h>

struct blob {
    unsigned refs;
    uint16_t len;
    unsigned char bytes[]; /* nobody changes them */
};

/**
 * Copy bytes.
 *
 * @param bytes  borrowed until return; `n` of them.
 * @param n      at most UINT16_MAX.
 * @return given (end with blob_drop()); NULL without memory.
 */
TN_USE struct blob *blob_new(const void *bytes, size_t n);

/** Hold it once more; returns `b`. */
struct blob *blob_hold(struct blob *b);

/** Hold it no more; NULL is harmless. */
void blob_drop(struct blob *b);

#endif
