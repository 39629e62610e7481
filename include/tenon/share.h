/*
 * tenon/share.h - a folder or a file over HTTP: what `tenon serve` and the hub
 * give out and take in.
 *
 * Nothing outside of the folder is reached, whatever a path says and wherever a
 * symbolic link points (openat2(2) RESOLVE_BENEATH), and nothing but regular
 * files and folders is opened. An upload is written aside and renamed when it
 * is whole; no partial file ever bears the final name.
 *
 *     GET, HEAD   a file: ranges, conditions, precompressed or compressed on
 *                 the way; a folder: its index.html, or a listing (HTML; JSON
 *                 with "Accept: application/json" or "?json"), or all of it
 *                 as "?tar"
 *     PUT         a file; POST of multipart/form-data to a folder: files;
 *                 MKCOL a folder; DELETE a file or an empty folder; only if
 *                 writable
 *
 * An upload in parts, after a broken connection or a restart too: PUT with
 * "?upload=ID&offset=N&size=TOTAL", ID being 8 to 64 letters and digits that
 * the client made up: 202 with Upload-Offset; 409 with it if N is not where it
 * ended. HEAD with "?upload=ID" tells Upload-Offset, and ends a connection that
 * still writes it. The part that completes TOTAL makes the file: 201, or 204 if
 * it replaced one. Its ID is not used again: what a client that missed the
 * answer sends then is 409 with Upload-Offset TOTAL, and an empty part there
 * gets the 201 once more. Unfinished ones are in the folder ".tenon-parts", and
 * marks of those that were finished; it goes at the end if it is empty.
 *
 * The server's own max_body has to be -1, or bounds uploads as well.
 *
 * Errors:  as handlers of httpd.h.
 * Threads: a share belongs to one loop.
 * Next:    httpd.h.
 */
#ifndef TENON_SHARE_H
#define TENON_SHARE_H

#include <tenon/httpd.h>

typedef struct tn_share tn_share;

/* What to do about a name that is taken. */
enum tn_share_taken {
    TN_SHARE_REPLACE, /* as PUT means it */
    TN_SHARE_RENAME,  /* "name (2).txt" */
    TN_SHARE_REFUSE,  /* 409 */
};

/* A file came in whole, or went. Borrowed during the call; must not wait. */
typedef struct tn_share_news {
    const char *name; /* its path below the folder, without leading slash */
    int64_t size;     /* bytes; -1: it was deleted */
    const tn_addr *peer;
    tn_exchange *x; /* who did it: fields, query */
} tn_share_news;

/* Habits of a share; a zeroed struct holds the defaults. */
typedef struct tn_share_opts {
    const char *prefix; /* the path of the URL that is the folder; NULL: "/" */
    bool writable;      /* PUT, POST, DELETE */
    bool keep;          /* but no DELETE, and no file is replaced: RENAME */
    bool hidden;        /* names that begin with a dot too */
    bool no_listing;    /* folders without index.html are 403 */
    bool no_tar;        /* no "?tar" */
    bool no_compress;   /* nothing is compressed on the way */
    bool attach;        /* Content-Disposition: attachment; and types that a
                           browser would run are sent as plain bytes */
    enum tn_share_taken taken;
    int64_t max_upload;   /* bytes of a file; 0: what the disk holds */
    int max_partial;      /* unfinished uploads kept, the oldest makes room;
                             0 = 64 */
    int64_t keep_partial; /* ns one is kept; 0 = 24 h */
    void (*news)(const tn_share_news *news, void *arg);
    void *arg;
} tn_share_opts;

TN_BEGIN_DECLS

/**
 * Open a folder, or one file that is then all there is.
 *
 * @param out   given (end with tn_share_free()); NULL on failure.
 * @param path  borrowed; the folder or file.
 * @param opts  borrowed until return; its texts are copied; NULL for the
 *              defaults.
 * @return 0; -ENOENT, -EACCES, ... of the path; -ENOTSUP: neither folder nor
 *   regular file; -ENOSYS: a kernel without openat2(); -ENOMEM.
 * @suspends   no.
 * @thread     any; the share is the caller's.
 * @see        openat2(2).
 */
TN_API TN_USE int tn_share_new(tn_share **out, const char *path,
                               const tn_share_opts *opts);

/**
 * Release a share.
 *
 * @param share  taken; no handler uses it any more; NULL is harmless.
 * @suspends   no.
 * @thread     the share's.
 * @see        tn_share_new().
 */
TN_API void tn_share_free(tn_share *share);

/**
 * Answer an exchange from the share; any method.
 *
 * @param x      borrowed.
 * @param share  borrowed until return.
 * @return 0; what makes the exchange fail.
 * @suspends   yes.
 * @thread     the exchange's task, in the share's loop.
 * @see        RFC 9110 sections 9, 13, 14.
 */
TN_API TN_USE int tn_share_serve(tn_exchange *x, tn_share *share);

/* A file or folder of a listing; borrowed during the call. */
typedef struct tn_share_entry {
    const char *name; /* its last part */
    bool is_folder;
    int64_t size;     /* bytes; 0 for a folder */
    int64_t modified; /* seconds since 1970 */
} tn_share_entry;

/**
 * List a folder of the share, sorted: folders first, then by name.
 *
 * @param share  borrowed.
 * @param path   borrowed; below the folder, "" for the folder itself.
 * @param each   called for each; a value other than 0 ends the listing.
 * @param arg    handed to `each`.
 * @return 0; what `each` returned; -ENOENT, -EACCES, -ENOTDIR; -ENOMEM;
 *   TN_ETOOBIG: more than 100,000 names.
 * @suspends   yes.
 * @thread     the share's.
 * @see        readdir(3).
 */
TN_API TN_USE int tn_share_list(tn_share *share, const char *path,
                                int (*each)(const tn_share_entry *e, void *arg),
                                void *arg);

/**
 * Return the media type of a file's name, from the system's table.
 *
 * @param name  borrowed.
 * @return text of static life: "text/html; charset=utf-8";
 *   "application/octet-stream" if nobody knows.
 * @suspends   no; the first call reads /etc/mime.types.
 * @thread     any.
 * @see        RFC 6838; Python mimetypes.guess_type.
 */
TN_API const char *tn_share_type(const char *name);

TN_END_DECLS

#endif
