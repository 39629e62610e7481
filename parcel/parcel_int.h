/*
 * parcel_int.h - what the files of the sender know of a parcel.
 */
#ifndef PARCEL_INT_H
#define PARCEL_INT_H

#include "list.h"
#include "parcel.h"

/* One path that was added. */
struct parcel_root {
    char *base; /* the path of the folder that it lies in, or the file's own */
    int fd;     /* a stream's; else -1 */
    bool is_file, used; /* used: of a stream, it has been read */
};

struct parcel {
    struct list list;
    struct parcel_root *roots;
    uint32_t root_count, root_room;
    uint32_t left_out;
    uint32_t *by_name; /* the roots' first items, in the order of names */
};

/** The path that an item has here: 0; -ENAMETOOLONG. */
int parcel_real_path(const parcel *p, uint32_t item, char *dst, size_t cap);

#endif
