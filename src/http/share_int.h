/*
 * share_int.h - what the files of a share have in common: the share, one
 * request to it, opening below the folder, sending, uploads.
 *
 * A function that takes a struct tn__call answers the request and returns what
 * the handler returns; it suspends.
 */
#ifndef TENON_HTTP_SHARE_INT_H
#define TENON_HTTP_SHARE_INT_H

#include <tenon/share.h>
#include <tenon/task.h>

#include "http/share_pure.h"

#include <sys/stat.h>

enum {
    TN__KEY = 32,      /* hex digits of an upload's name on disk */
    TN__ETAG = 72,     /* room for an entity tag */
    TN__SQUEEZES = 64, /* answers compressed at once: 2 MiB of memory each */
    TN__ID_MIN = 8,    /* letters and digits of an upload's ID */
    TN__ID_MAX = 64,
};

/* Names that begin so are ours, never served and never taken. */
#define TN__OURS ".tenon-"

/* The folder, in the share's, where uploads wait until they are whole. */
#define TN__PARTS TN__OURS "parts"

/* In it: what cannot be continued, and what was finished lately. */
#define TN__NEW  "new-"
#define TN__DONE "done-"

/* An upload that was finished lately. */
struct tn__finished {
    int64_t size;
    char name[TN_SHARE_NAME + 1]; /* as it ended */
};

/* A hash that was made lately. */
struct tn__hashed {
    char etag[TN__ETAG];
    unsigned char sha256[32];
};

struct tn_share {
    int root;     /* the folder */
    char *one;    /* a file of it that is all there is, or NULL */
    char *shown;  /* under which name */
    char *prefix; /* of the URL's path, without slashes at its ends */
    size_t prefix_len;
    tn_share_opts opts;
    int squeezes;               /* answers that are being compressed */
    struct tn__upload *uploads; /* under way */
    struct tn__hashed hashed[TN_SHARE_DIGESTS];
    unsigned hashed_count; /* ever */
};

/* One request. */
struct tn__call {
    tn_exchange *x;
    tn_share *share;
    const tn_http_request *req;
    bool reads;                   /* GET or HEAD */
    bool head;                    /* no body is wanted */
    bool slash;                   /* the path ends in one */
    char path[TN_SHARE_PATH + 1]; /* below the folder, "" for itself */
};

/* ---- share.c ---- */

/* Answer what a system call's failure means to a client. */
int tn__share_refuse(struct tn__call *c, int err);

/* Did opening fail for want of descriptors or memory, so that nothing is known
   of what bears the name? */
bool tn__share_is_scarce(int err);

/* A Location of a path below the folder; `slash` at its end or not; `query`
   may be absent. */
int tn__share_location(struct tn__call *c, const char *path, bool slash,
                       tn_str query);

/* Read a parameter of the query that has to be a number. 1; 0: it is not
   there; -EINVAL. */
int tn__share_number(const struct tn__call *c, const char *name,
                     int64_t *value);

/* A parameter of the query is there, with or without value. */
bool tn__share_has(const struct tn__call *c, const char *name);

/* ---- share_open.c ---- */

/* Open below the folder, never outside of it. A descriptor or a code. */
int tn__share_open(const tn_share *s, const char *path, int flags);

/* Open a regular file or a folder to read. */
int tn__share_open_read(const tn_share *s, const char *path, struct stat *st);

/* Open the folder that a path's last name is in, which is pointed to. */
int tn__share_open_parent(const tn_share *s, const char *path,
                          const char **name);

/* May all names of the path be seen? */
bool tn__share_is_open(const tn_share *s, const char *path);

/* May an upload be called so? */
bool tn__share_name_fits(const tn_share *s, const char *name);

/* The entity tag of a file; `suffix` tells codings apart. */
void tn__share_etag(char dst[TN__ETAG], const struct stat *st,
                    const char *suffix);

/* ---- share_file.c, share_send.c, share_squeeze.c ---- */

/* A representation that was chosen. */
struct tn__body {
    int fd; /* closed by who opened it */
    struct stat st;
    const char *type;
    enum tn__coding coding;
    bool squeeze; /* coded on the way */
    char etag[TN__ETAG];
};

/* Answer with the file that `fd` has open. `name` is for people. */
int tn__share_file(struct tn__call *c, int fd, const struct stat *st);

/* Send all of it, or the ranges that were asked for. */
int tn__share_send(struct tn__call *c, const struct tn__body *b);

/* Send it coded on the way; the head is complete. */
int tn__share_squeeze(struct tn__call *c, const struct tn__body *b);

/* The hash of a file of `size` bytes, in pieces. */
int tn__share_hash(int fd, int64_t size, unsigned char sha256[32]);

/* Content-Disposition with a file name; `kind`: "attachment". */
int tn__share_disposition(struct tn__call *c, const char *kind,
                          const char *name);

/* ---- share_list.c, share_page.c, share_archive.c ---- */

struct tn__entry {
    char *name;
    int64_t size, modified;
    bool is_folder;
};

struct tn__list {
    struct tn__entry *entries;
    size_t count, cap;
};

/* Read an open folder, which is at `path`; what cannot be opened is left
   out. */
int tn__list_read(struct tn__list *l, const tn_share *s, int fd,
                  const char *path);
void tn__list_free(struct tn__list *l);

/* Answer with the folder that `fd` has open. */
int tn__share_folder(struct tn__call *c, int fd);
int tn__share_page(struct tn__call *c, struct tn__list *l);
int tn__share_json(struct tn__call *c, struct tn__list *l);
int tn__share_archive(struct tn__call *c);

/* ---- share_part.c, share_keep.c: uploads on their way ---- */

struct tn__upload {
    struct tn__upload *next; /* in the share's list */
    tn_share *share;
    int folder; /* where the file will be; closed by who opened it */
    int parts;  /* where it is */
    int fd;
    char key[TN__KEY + 16]; /* its name there */
    bool lasting;           /* it may be continued */
    bool stolen;            /* another connection continues it */
    bool ending;            /* it is being made the file */
    int64_t size;           /* bytes so far */
};

/* What is to become of a name. */
struct tn__goal {
    enum tn_share_taken taken;
    bool fresh;                   /* If-None-Match: * */
    bool replaced;                /* set: there was such a file */
    const char *path;             /* wanted, below the share; borrowed */
    char name[TN_SHARE_NAME + 1]; /* wanted; set to what it became */
};

/* The name on disk of an upload that may be continued. 0; -ENOMEM. */
int tn__part_key(char key[TN__KEY + 1], const char *path, const char *id);

/* Begin, or go on if `key` is not NULL; u->size says from where. -EALREADY: it
   was finished, see tn__done_find(). */
int tn__part_open(struct tn__upload *u, tn_share *s, const char *key);

/* Append. -ESTALE: another connection goes on with it. */
int tn__part_write(struct tn__upload *u, const void *buf, size_t n);

/* Cut back to a size, after a piece that was wrong. */
int tn__part_cut(struct tn__upload *u, int64_t size);

/* Make sure that what came is on the disk. */
int tn__part_sync(struct tn__upload *u);

/* Make it the file, and remember that; u->folder and the goal are set.
   -EEXIST: not allowed. */
int tn__part_finish(struct tn__upload *u, struct tn__goal *goal);

/* Nobody finds it under way any more. */
void tn__part_unlist(struct tn__upload *u);

/* Let go of it: kept if it may be continued, and `keep`; else removed. */
void tn__part_close(struct tn__upload *u, bool keep);

/* Take it from a connection that writes it, if any; bytes there are of it, 0
   if nobody knows it, or a code. */
int64_t tn__part_ask(tn_share *s, const char *key);

/* Open the folder of uploads; `make` it if need be. */
int tn__keep_open(const tn_share *s, bool make);

/* "name (2).txt"; of "a.tar.gz" both ends stay. -ENAMETOOLONG. */
int tn__keep_number(char dst[TN_SHARE_NAME + 1], const char *name, int number);

/* Make room for one more: remove what is too old, then the oldest. -EBUSY: all
   are being written. */
int tn__keep_room(tn_share *s, int parts);

/* Remove what a server that died has left, and what is too old. At the end of
   a share also the marks of what was finished a while ago. */
void tn__keep_sweep(const tn_share *s, bool end);

/* Have not too many marks of what was finished. */
void tn__keep_marks(const tn_share *s, int parts);

/* ---- share_done.c ---- */

/* Tell whether an upload of that key was finished lately. */
bool tn__done_find(const tn_share *s, const char *key, struct tn__finished *f);

/* Remember it, if the disk lets us. */
void tn__done_note(const tn_share *s, const char *key, const char *name,
                   int64_t size);

/* Before it bears its name: what it is going to be, for who finds it after a
   crash. On the disk when it returns, if the disk lets us. */
void tn__done_plan(const struct tn__upload *u, const char *key,
                   const struct tn__goal *goal);

/* It did not come to that. */
void tn__done_forget(const tn_share *s, const char *key);

/* Run fsync() where it does not hold up the loop. */
int tn__share_fsync(int fd);

/* ---- share_put.c, share_post.c, share_delete.c, share_make.c ---- */

int tn__share_put(struct tn__call *c);
int tn__share_asked(struct tn__call *c); /* HEAD of an upload */
int tn__share_post(struct tn__call *c);
int tn__share_delete(struct tn__call *c);
int tn__share_make(struct tn__call *c); /* MKCOL */

/* Room on the disk for `n` bytes more? 0 or -ENOSPC. */
int tn__share_room(int fd, int64_t n);

/* Tell the owner's hook. */
void tn__share_tell(struct tn__call *c, const char *folder, const char *name,
                    int64_t size);

#endif
