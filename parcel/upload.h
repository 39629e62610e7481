/*
 * parcel/upload.h - a parcel into a folder on the web: a hub's, or one that
 * tenon serve --writable offers (docs/wire/web.md, tenon/share.h).
 *
 * Files go by PUT, in parts that a broken connection does not lose; folders by
 * MKCOL. The last part bears the hash of all of it, so that a file gets its
 * name only if it is right. An upload's ID is made of the file's place, size
 * and time: the same again goes on.
 */
#ifndef PARCEL_UPLOAD_H
#define PARCEL_UPLOAD_H

#include <tenon/httpc.h>
#include <tenon/url.h>

#include "parcel.h"

enum {
    UPLOAD_TAIL = 256 << 10, /* bytes of a file's last part */
    UPLOAD_COOKIE = 256,     /* bytes of a hub's cookie */
    UPLOAD_INFO = 16 << 10,  /* bytes of what it says of itself */
    UPLOAD_TWICE = 4,        /* IDs tried for one file */
};

/* Where it goes. */
struct upload_place {
    char base[TN_URL_MAX]; /* the folder's URL, with a slash at its end */
    char hub[TN_URL_MAX];  /* the hub's URL; "": it is none */
    char room[256];        /* what the hub calls itself, cleaned; or "" */
    char cookie[UPLOAD_COOKIE + 1];
    bool has_code; /* it wants one that it was not given */
    bool *done;    /* one for each item, over all tries */
};

struct upload_opts {
    const char *who;   /* what we call ourselves; NULL: nothing */
    parcel_told *told; /* may be NULL */
    void *arg;
};

/**
 * See who answers at a URL: a hub, or else the folder itself.
 *
 * @param place   filled (end with upload_fini()).
 * @param client  borrowed.
 * @param url     borrowed; "http://host:8000/", or that of a folder.
 * @return 0; -ENAMETOOLONG; -ENOMEM; as tn_httpc_open(). Suspends.
 */
TN_USE int upload_knock(struct upload_place *place, tn_httpc *client,
                        const char *url);

/**
 * Give the hub its code.
 *
 * @param place   changed: its cookie.
 * @param client  borrowed.
 * @param code    borrowed.
 * @return 0; -EACCES: it is another one; -EAGAIN: too many were wrong;
 *   -ENOMEM; -EPROTO; as tn_httpc_open(). Suspends.
 */
TN_USE int upload_enter(struct upload_place *place, tn_httpc *client,
                        const char *code);

/**
 * Send a parcel. What was done by an earlier call is not sent again.
 *
 * @param place   borrowed; what is done is noted in it.
 * @param client  borrowed.
 * @param p       borrowed.
 * @param opts    borrowed until return.
 * @param result  filled, also on failure.
 * @return 0; -EACCES nothing may be put there; -EKEYREJECTED it wants its
 *   code; -EIO some items failed; -ENOSPC its disk is full; -ESTALE something
 *   changed while it was sent; -EPROTO it does not take files; -ENOMEM; else
 *   the connection was lost: try again. Suspends.
 */
TN_USE int upload_send(struct upload_place *place, tn_httpc *client,
                       const parcel *p, const struct upload_opts *opts,
                       struct parcel_result *result);

/** End; a zeroed place is harmless. */
void upload_fini(struct upload_place *place);

#endif
