/*
 * path.h - which paths of a stranger are paths, and names made of names.
 */
#ifndef PARCEL_PATH_H
#define PARCEL_PATH_H

#include "parcel.h"

#include <stdbool.h>
#include <stddef.h>

/* What arrives has this at its end, and a dot before it, until it is whole. */
#define PATH_PART ".tenon-part"

/* How far "a (1).txt" counts. */
enum { PATH_COPIES = 9999 };

/** True if `n` bytes are a path that stays below where it starts: see struct
    parcel_item; nor does it name one of our own parts. */
bool path_is_good(const char *path, size_t n);

/** True if a component is the name of a part. */
bool path_is_part(const char *name, size_t n);

/** Order paths so that what is in a folder follows it at once. */
int path_order(const char *a, const char *b);

/** True if `path` is below `folder`. */
bool path_is_below(const char *path, const char *folder);

/** The name of the part of a file `name`, in its folder. */
void path_part(char dst[PARCEL_NAME + 1], const char *name);

/** "a (3).txt" of "a.txt" and 3. */
void path_copy(char dst[PARCEL_NAME + 1], const char *name, unsigned number);

#endif
