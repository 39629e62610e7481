/*
 * upload_int.h - what the files of upload.h share.
 */
#ifndef PARCEL_UPLOAD_INT_H
#define PARCEL_UPLOAD_INT_H

#include "parcel_int.h"
#include "upload.h"

enum {
    UPLOAD_URL = TN_URL_MAX,
    UPLOAD_FIELDS = 4,
    UPLOAD_ID = 32,   /* letters of an ID */
    UPLOAD_HASH = 80, /* letters of a Repr-Digest */
};

/* What is kept of an answer. */
struct upload_answer {
    int status;
    int64_t offset; /* Upload-Offset; -1 */
    int64_t length; /* Content-Length; -1 */
    char location[UPLOAD_URL];
    char cookie[UPLOAD_COOKIE + 1]; /* what Set-Cookie sets */
};

/* A parcel on its way. */
struct upload {
    struct upload_place *place;
    tn_httpc *client;
    const parcel *p;
    const struct upload_opts *opts;
    struct parcel_result *result;
    int64_t all_done, told; /* bytes of all; when that was told, ns */
    uint32_t denied;        /* items that may not be put there */
    uint32_t files;         /* that are done */
    struct upload_answer answer;
    char url[UPLOAD_URL];
    char name[3 * PARCEL_WHO + 1]; /* Tenon-Name */
};

/** Make the URL of an item, with what stands behind it. 0; -ENAMETOOLONG. */
int upload_url(struct upload *u, const char *path, const char *behind);

/** Ask, drop the answer's body and keep the rest in u->answer. 0 or a code. */
int upload_ask(struct upload *u, tn_httpc_request *req, const char *digest);

/** Tell of an item. */
void upload_tell(struct upload *u, enum parcel_what what,
                 const struct parcel_item *it, int64_t done, const char *final);

/** Note that an item failed: 0. */
int upload_failed(struct upload *u, const struct parcel_item *it, int err,
                  const char *why);

/** What an answer that is no success means for the item: 0, it has failed,
    which was noted; or a code that ends it all. */
int upload_judge(struct upload *u, const struct parcel_item *it);

/** Send one file, or what a descriptor gives. 0, also if it failed; a code
    that ends it all. Suspends. */
int upload_file(struct upload *u, const struct parcel_item *it);
int upload_stream(struct upload *u, const struct parcel_item *it);

/** Note that an item is done, under the name that the answer told. */
void upload_done(struct upload *u, const struct parcel_item *it, int64_t size);

#endif
