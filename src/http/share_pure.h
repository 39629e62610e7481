/*
 * share_pure.h - the parts of a share that only look at bytes: conditions,
 * ranges, what a client accepts, forms, the headers of an archive. Nothing
 * here touches a file or waits; unit tests and the fuzzer call it directly.
 */
#ifndef TENON_HTTP_SHARE_PURE_H
#define TENON_HTTP_SHARE_PURE_H

#include <tenon/http.h>

#include "base/limits.h"

/* ---- share_cond.c: conditional requests, RFC 9110 section 13 ---- */

/* What the server has, to compare with. */
struct tn__version {
    const char *etag; /* with its quotes; NULL: there is no such thing yet */
    int64_t modified; /* seconds; used if there is an etag */
    int64_t now;      /* seconds, of the answer */
};

/* 0: go on; 304; 412. `reads`: the method is GET or HEAD. */
int tn__cond_check(const tn_http_field *fields, int count, bool reads,
                   const struct tn__version *v);

/* If-Range: true if a Range field counts. */
bool tn__cond_range(tn_str value, const struct tn__version *v);

/* Tell whether a comma-separated list of entity tags names one; `weakly`
   compares without regard to W/. "*" names all. A list that is none names
   nothing. */
bool tn__cond_names(tn_str list, const char *etag, bool weakly);

/* ---- share_range.c: byte ranges, RFC 9110 section 14 ---- */

/* Bytes from..to of a file, `to` not among them. */
struct tn__span {
    int64_t from, to;
};

enum tn__ranges {
    TN__RANGES_NONE = 0, /* no ranges, or not ones to be followed: send all */
    TN__RANGES_BAD = -1, /* none can be satisfied: 416 */
};

/* Read a Range field for a file of `size` bytes. Fills spans[0..n), merged
   where they overlap or nearly touch, in the order of the request; returns n or
   one of the above. */
int tn__range_read(tn_str value, int64_t size,
                   struct tn__span spans[TN_SHARE_RANGES]);

/* ---- share_accept.c: what a client would like, RFC 9110 section 12 ---- */

/* Content codings, the best first. */
enum tn__coding {
    TN__ZSTD,
    TN__BR,
    TN__GZIP,
    TN__CODINGS,
    TN__IDENTITY = TN__CODINGS,
};

/* Thousandths, 0 to 1000; 0: not acceptable. */
struct tn__accept {
    int q[TN__CODINGS + 1];
};

/* What all Accept-Encoding fields say together. */
void tn__accept_codings(struct tn__accept *a, const tn_http_field *fields,
                        int count);

/* The q of a media type in Accept, in thousandths: of the most specific range
   that covers it; 1000 if there is no such field. */
int tn__accept_type(const tn_http_field *fields, int count, const char *type);

/* Take the next element off a comma-separated list, without white space
   around it; empty ones are skipped; quoted strings stay whole. False: none. */
bool tn__list_next(tn_str *list, tn_str *item);

/* Compare without regard to the case of ASCII. */
bool tn__str_is(tn_str s, const char *text);

/* ---- share_form.c: multipart/form-data, RFC 2046 and 7578 ---- */

/* What a step found. */
enum tn__form_event {
    TN__FORM_MORE, /* give it more bytes */
    TN__FORM_PART, /* a part begins; its name and file are set */
    TN__FORM_DATA, /* a piece of it */
    TN__FORM_DONE, /* the part is whole */
    TN__FORM_END,  /* so is the form; what follows does not matter */
};

struct tn__form {
    int state;
    int parts;
    size_t mark_len;
    char mark[4 + TN_SHARE_BOUNDARY + 1]; /* CR LF - - boundary */
    bool is_file;                         /* the part has a filename */
    char name[TN_SHARE_FIELD + 1];        /* of the part's control */
    char file[TN_SHARE_NAME + 1];         /* its last component, as sent */
};

/* Begin, from the Content-Type field. 0; -EINVAL: not a form's, or its
   boundary breaks the rules. */
int tn__form_init(struct tn__form *f, tn_str content_type);

/* Look at buf[0..n), where nothing was used yet. Sets how many bytes this step
   used up, and for TN__FORM_DATA the piece. What is unused is to be given
   again, with more behind it. An event; TN_EHTTP: not a form; TN_ETOOBIG: a
   head, or too many parts. */
int tn__form_step(struct tn__form *f, const char *buf, size_t n, size_t *used,
                  tn_str *data);

/* ---- share_tar.c: headers of an archive, POSIX pax ---- */

enum {
    TN__TAR_BLOCK = 512,
    /* A pax header, its records, and the header itself. */
    TN__TAR_HEAD = 2 * TN__TAR_BLOCK + TN_SHARE_PATH + TN__TAR_BLOCK,
};

struct tn__tar_entry {
    const char *path; /* without leading slash; a folder's ends in one */
    bool is_folder;
    unsigned mode;
    int64_t size, modified;
};

/* Write what stands before an entry's bytes: a multiple of the block. */
size_t tn__tar_head(char dst[TN__TAR_HEAD], const struct tn__tar_entry *e);

/* ---- share_sort.c ---- */

/* Compare names as people count: "a9" before "a10", case last. */
int tn__name_compare(const char *a, const char *b);

/* ---- share_digest.c: RFC 9530 ---- */

/* Find the SHA-256 in a digest field. 1 found; 0 the field has none; -EINVAL
   it is malformed. */
int tn__digest_find(tn_str value, unsigned char sha256[32]);

/* Write "sha-256=:...:". */
void tn__digest_text(char dst[TN_SHARE_DIGEST], const unsigned char sha256[32]);

/* Tell whether Want-Repr-Digest wants SHA-256. */
bool tn__digest_wanted(tn_str value);

#endif
