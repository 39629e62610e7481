/*
 * disk.h - the receiver's folder: paths into descriptors, never outside of it;
 * parts, and how they get their name.
 */
#ifndef PARCEL_DISK_H
#define PARCEL_DISK_H

#include "parcel.h"
#include "path.h"

#include <sys/stat.h>

struct disk {
    int root;
    unsigned umask;
    bool is_old;     /* a kernel without openat2() */
    unsigned opened; /* counts the folders */
    int last;        /* the folder that was opened last; -1: none */
    size_t last_len;
    char last_path[PARCEL_PATH + 1];
};

/** Open the folder. 0; -ENOENT, -EACCES, ... */
int disk_open(struct disk *d, const char *dir);

void disk_close(struct disk *d);

/** Open the folder that a path lies in, made if it is not there, and point at
    the name. The descriptor is the disk's, until the next call. >= 0; -ELOOP: a
    symbolic link is in the way; -ENOTDIR; ... */
int disk_folder(struct disk *d, const char *path, const char **name, bool make);

/** Make a folder. 1; 0: it is there; -EEXIST: something else is. */
int disk_mkdir(struct disk *d, const char *path);

/** Open a file for reading. -ENOENT; -EEXIST: no regular file. */
int disk_open_file(int folder, const char *name, struct stat *st);

/** Open the part of a file, locked. -ENOENT without `make`; -EBUSY: another
    one is at it. */
int disk_open_part(int folder, const char *name, bool make, struct stat *st);

/** Remove a part. */
void disk_drop_part(int folder, const char *name);

/** Give the part of `name` its name, or by the policy another, which comes in
    `final`. 0; -EEXIST: PARCEL_SKIP, and the name is taken; what rename(2)
    says. */
int disk_place(int folder, const char *name, enum parcel_policy policy,
               char final[PARCEL_NAME + 1]);

/** Set mode and time of an open file or folder. */
void disk_dress(const struct disk *d, int fd, unsigned mode, int64_t mtime);

/** Bytes that are free for us; INT64_MAX if nobody knows. */
int64_t disk_free(const struct disk *d);

/** True where nothing further can be written after an error. */
bool disk_is_over(int err);

#endif
