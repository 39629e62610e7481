/*
 * upload_file.c - one file by HTTP, in parts that are kept.
 *
 * All but the last UPLOAD_TAIL bytes go first, hashed as they are read. The
 * rest goes with the hash of all, which the other side compares before the file
 * gets its name.
 */
#include <tenon/err.h>
#include <tenon/seal.h>
#include <tenon/task.h>

#include "upload_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TURNS = 16,          /* answers that send us to another offset */
    SHA256 = 32,         /* bytes */
    PORTION = 256 << 10, /* hashed before others may work */
};

/* A file on its way. */
struct way {
    struct upload *u;
    const struct parcel_item *it;
    int fd;
    struct stat st;
    char id[UPLOAD_ID + 1];
    EVP_MD_CTX *hash;
    int64_t hashed;  /* bytes, from the beginning */
    int64_t at, end; /* of the part that goes now */
    bool told;       /* that it begins */
    bool sent;       /* a part of it was taken */
    char *buf;       /* UPLOAD_TAIL bytes */
    char *path;      /* PATH_MAX bytes */
};

/* ---- reading ---- */

static int
changed(const struct way *w)
{
    return tn_fail(-ESTALE, "it changed while it was sent:", w->path);
}

/* Read some; what is not hashed yet, is. */
static ssize_t
read_some(struct way *w, int64_t at, void *buf, size_t cap)
{
    ssize_t n = pread(w->fd, buf, cap, at);
    if (n < 0) {
        return tn_fail(-errno, "read", w->path);
    }
    if (n == 0) {
        return changed(w);
    }
    if (at == w->hashed) {
        if (EVP_DigestUpdate(w->hash, buf, (size_t)n) != 1) {
            return -ENOMEM;
        }
        w->hashed += n;
    }
    return n;
}

static int
begin_hash(struct way *w)
{
    w->hashed = 0;
    return EVP_DigestInit_ex(w->hash, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

/* What is there already counts, too. */
static int
hash_to(struct way *w, int64_t at)
{
    int err = w->hashed > at ? begin_hash(w) : 0;
    while (err == 0 && w->hashed < at) {
        int64_t left = at - w->hashed;
        ssize_t n = read_some(w, w->hashed, w->buf,
                              left < PORTION ? (size_t)left : PORTION);
        err = n < 0 ? (int)n : tn_checkpoint();
    }
    return err;
}

static ssize_t
source(void *arg, void *buf, size_t cap)
{
    struct way *w = arg;
    int64_t left = w->end - w->at;
    if (left == 0) {
        return 0;
    }
    ssize_t n =
        read_some(w, w->at, buf, left < (int64_t)cap ? (size_t)left : cap);
    if (n > 0) {
        w->at += n;
        w->u->result->moved += n;
        upload_tell(w->u, PARCEL_MOVED, w->it, w->at, NULL);
    }
    return n;
}

/* ---- requests ---- */

/* What stays the same if the same is sent again: where it is, its size and its
   time; so that nothing has to be kept for it. */
static void
make_id(struct way *w, int turn)
{
    static const unsigned char key[TN_SEAL_KEY] = "tenon upload 1";
    unsigned char mac[TN_SEAL_MAC];
    char host[65] = "", *text = NULL;
    (void)!gethostname(host, sizeof(host) - 1);
    int n = asprintf(&text, "%s\n%s\n%s\n%s\n%ju %ju %jd %jd.%09ld %d", host,
                     w->u->place->base, w->it->path, w->path,
                     (uintmax_t)w->st.st_dev, (uintmax_t)w->st.st_ino,
                     (intmax_t)w->st.st_size, (intmax_t)w->st.st_mtim.tv_sec,
                     w->st.st_mtim.tv_nsec, turn);
    if (n < 0) {
        tn_secret(mac, sizeof(mac)); /* it can be sent, if not gone on with */
    } else {
        tn_mac(mac, key, text, (size_t)n);
        free(text);
    }
    for (int i = 0; i < TN_SEAL_MAC; i++) {
        (void)snprintf(w->id + 2 * i, 3, "%02x", mac[i]);
    }
}

/* Ask where to go on. */
static int
ask_offset(struct way *w, int64_t *offset)
{
    char query[UPLOAD_ID + 16];
    tn_httpc_request req = {.method = "HEAD"};
    (void)snprintf(query, sizeof(query), "?upload=%s", w->id);
    int err = upload_url(w->u, w->it->path, query);
    if (err == 0) {
        err = upload_ask(w->u, &req, NULL);
    }
    *offset = w->u->answer.offset;
    return err;
}

static int
put(struct way *w, tn_httpc_request *req, int64_t offset, const char *digest)
{
    char query[UPLOAD_ID + 80];
    (void)snprintf(query, sizeof(query),
                   "?upload=%s&offset=%" PRId64 "&size=%" PRId64, w->id, offset,
                   w->it->size);
    req->method = "PUT";
    int err = upload_url(w->u, w->it->path, query);
    return err == 0 ? upload_ask(w->u, req, digest) : err;
}

/* All that is not the last part. */
static int
put_part(struct way *w, int64_t offset)
{
    tn_httpc_request req = {.source = source, .source_arg = w};
    int err = hash_to(w, offset);
    w->at = offset;
    w->end = w->it->size - UPLOAD_TAIL;
    req.length = w->end - w->at;
    return err == 0 ? put(w, &req, offset, NULL) : err;
}

static int
write_digest(struct way *w, char digest[UPLOAD_HASH])
{
    unsigned char sum[SHA256], text[2 * SHA256];
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    bool ok = copy && EVP_MD_CTX_copy_ex(copy, w->hash) == 1 &&
              EVP_DigestFinal_ex(copy, sum, NULL) == 1;
    EVP_MD_CTX_free(copy);
    if (!ok) {
        return -ENOMEM;
    }
    (void)EVP_EncodeBlock(text, sum, SHA256);
    (void)snprintf(digest, UPLOAD_HASH, "sha-256=:%s:", (const char *)text);
    return 0;
}

/* Is it still what was offered? */
static int
check_file(struct way *w)
{
    struct stat st;
    if (fstat(w->fd, &st) < 0) {
        return tn_fail(-errno, "read", w->path);
    }
    return st.st_size == w->st.st_size &&
                   st.st_mtim.tv_sec == w->st.st_mtim.tv_sec &&
                   st.st_mtim.tv_nsec == w->st.st_mtim.tv_nsec
               ? 0
               : changed(w);
}

/* The last part, small enough to be kept: its hash goes before it. */
static int
put_tail(struct way *w, int64_t offset)
{
    char digest[UPLOAD_HASH];
    tn_httpc_request req = {.length = w->it->size - offset, .body = w->buf};
    int err = hash_to(w, offset);
    for (int64_t at = offset; at < w->it->size && err == 0;) {
        ssize_t n = read_some(w, at, w->buf + (at - offset),
                              (size_t)(w->it->size - at));
        at += n > 0 ? n : 0;
        err = n < 0 ? (int)n : 0;
    }
    err = err == 0 ? check_file(w) : err;
    err = err == 0 ? write_digest(w, digest) : err;
    if (err == 0) {
        err = put(w, &req, offset, digest);
    }
    if (err == 0 && w->u->answer.status / 100 == 2) {
        w->u->result->moved += req.length;
    }
    return err;
}

/* ---- one file ---- */

static void
tell_begin(struct way *w, int64_t offset)
{
    if (!w->told) {
        w->told = true;
        w->u->result->kept += offset;
        upload_tell(w->u, PARCEL_BEGIN, w->it, offset, NULL);
    }
}

/* It was there before we began: under the name that was told, still? */
static int
check_there(struct way *w)
{
    struct upload *u = w->u;
    tn_httpc_request req = {.method = "HEAD"};
    tn_httpc_request last = {.length = 0, .body = ""};
    char *location = malloc(UPLOAD_URL);
    int err = location ? put(w, &last, w->it->size, NULL) : -ENOMEM;
    if (err == 0 && u->answer.status / 100 == 2 && u->answer.location[0]) {
        memcpy(location, u->answer.location, UPLOAD_URL);
        ssize_t n =
            tn_url_join(u->url, sizeof(u->url),
                        (tn_str){u->place->base, strlen(u->place->base)},
                        (tn_str){location, strlen(location)});
        err = n < 0 ? (int)n : upload_ask(u, &req, NULL);
        memcpy(u->answer.location, location, UPLOAD_URL);
        if (err == 0 &&
            (u->answer.status != 200 || u->answer.length != w->it->size)) {
            err = -ENOENT;
        }
    } else if (err == 0) {
        err = -ENOENT;
    }
    free(location);
    return err;
}

/* The answers that lead on: 1. It is there: 0. The ID is of no use: -ENOENT.
   2: the answer is to be judged. */
static int
step(struct way *w, int64_t *offset)
{
    struct upload *u = w->u;
    bool tail = *offset >= w->it->size - UPLOAD_TAIL;
    int err = tail ? put_tail(w, *offset) : put_part(w, *offset);
    int status = u->answer.status;
    if (err < 0) {
        return err;
    }
    if (status == 201 || status == 204) {
        return 0;
    }
    if (status == 422 || u->answer.offset > w->it->size) {
        return -ENOENT;
    }
    if ((status == 202 || status == 409) && u->answer.offset >= 0) {
        w->sent = w->sent || status == 202;
        *offset = u->answer.offset;
        return 1;
    }
    return 2;
}

/* One ID; as step(). */
static int
send_as(struct way *w, int turn)
{
    int64_t offset = 0;
    make_id(w, turn);
    int r = w->it->size > UPLOAD_TAIL ? ask_offset(w, &offset) : 0;
    if (r == 0 && offset < 0) {
        return 2; /* no answer to such a question */
    }
    if (r == 0) {
        r = begin_hash(w);
    }
    for (int i = 0; i < TURNS && r >= 0 && r < 2; i++) {
        if (offset == w->it->size && (offset > 0 || i > 0) && !w->sent) {
            r = check_there(w);
            w->u->result->kept += r == 0 ? offset : 0;
            return r;
        }
        tell_begin(w, offset);
        r = step(w, &offset);
        if (r <= 0) {
            return r;
        }
    }
    return r == 1 ? tn_fail(-EAGAIN, "send to", w->u->place->base) : r;
}

static int
open_file(struct way *w)
{
    int err = parcel_real_path(w->u->p, w->it->index, w->path, PATH_MAX);
    bool named = !strchr(w->it->path, '/');
    if (err < 0) {
        return err;
    }
    w->fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
                              (named ? 0 : O_NOFOLLOW));
    if (w->fd < 0 || fstat(w->fd, &w->st) < 0) {
        return tn_fail(-errno, "open", w->path);
    }
    return S_ISREG(w->st.st_mode) && w->st.st_size == w->it->size ? 0
                                                                  : changed(w);
}

/* What is wrong with this file alone. */
static bool
is_its_own(int err)
{
    switch (err) {
    case -ESTALE:
    case -ENOENT:
    case -EACCES:
    case -ELOOP:
    case -ENAMETOOLONG:
        return true;
    default:
        return false;
    }
}

static int
send_way(struct way *w)
{
    int r = open_file(w);
    bool opened = r == 0;
    for (int turn = 0; turn < UPLOAD_TWICE && opened; turn++) {
        r = send_as(w, turn);
        if (r != -ENOENT) {
            break;
        }
    }
    if (opened && r == -ENOENT) {
        r = tn_fail(-EACCES, "it is not taken as it is:", w->path);
    }
    if (r == 0) {
        upload_done(w->u, w->it, w->it->size);
        return 0;
    }
    if (r == 2) {
        return upload_judge(w->u, w->it);
    }
    return is_its_own(r) ? upload_failed(w->u, w->it, r, tn_why()) : r;
}

int
upload_file(struct upload *u, const struct parcel_item *it)
{
    struct way w = {.u = u, .it = it, .fd = -1};
    w.buf = malloc(UPLOAD_TAIL);
    w.path = malloc(PATH_MAX);
    w.hash = EVP_MD_CTX_new();
    int err = w.buf && w.path && w.hash ? send_way(&w)
                                        : tn_fail(-ENOMEM, "send", it->path);
    EVP_MD_CTX_free(w.hash);
    free(w.path);
    free(w.buf);
    if (w.fd >= 0) {
        (void)close(w.fd);
    }
    return err;
}

/* ---- what a descriptor gives ---- */

struct pipe_way {
    struct upload *u;
    const struct parcel_item *it;
    tn_sock *in;
    int64_t done;
};

static ssize_t
source_of_pipe(void *arg, void *buf, size_t cap)
{
    struct pipe_way *w = arg;
    ssize_t n = tn_recv(w->in, buf, cap, 0);
    if (n > 0) {
        w->done += n;
        w->u->result->moved += n;
        upload_tell(w->u, PARCEL_MOVED, w->it, w->done, NULL);
    }
    return n < 0 ? tn_fail((int)n, "read", "stdin") : n;
}

int
upload_stream(struct upload *u, const struct parcel_item *it)
{
    struct pipe_way w = {.u = u, .it = it};
    tn_httpc_request req = {.method = "PUT",
                            .source = source_of_pipe,
                            .source_arg = &w,
                            .length = -1};
    int fd = u->p->roots[u->p->list.notes[it->index].mark].fd;
    int err = upload_url(u, it->path, "");
    err = err == 0 ? tn_wrap(&w.in, fd) : err;
    if (err < 0) {
        return err;
    }
    upload_tell(u, PARCEL_BEGIN, it, 0, NULL);
    err = upload_ask(u, &req, NULL);
    (void)tn_close(w.in);
    if (err < 0) {
        return err;
    }
    if (u->answer.status == 201 || u->answer.status == 204) {
        upload_done(u, it, w.done);
        return 0;
    }
    return upload_judge(u, it);
}
