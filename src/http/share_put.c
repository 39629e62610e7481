/*
 * share_put.c - PUT: a file, whole or in parts.
 *
 * The body goes to the disk while it comes. What is answered with 201, 202 or
 * 204 is on the disk; what is not answered is there or not, and the name never
 * stands for a part of it.
 */
#include <tenon/url.h>

#include "http/share_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

struct put {
    struct tn__call *c;
    struct tn__upload u;
    struct tn__goal goal;
    int folder;
    bool in_parts;
    char key[TN__KEY + 1];
    int64_t offset, total; /* of a part; total -1: until the body ends */
    int64_t begin;         /* the size before this request */
    EVP_MD_CTX *hash;      /* of the body; NULL: nobody wants it */
    unsigned char content[32], whole[32]; /* that the client told */
    bool has_content, has_whole;
};

/* Answered already, in a way that is no failure of the exchange. */
enum { ANSWERED = 1 };

static int
refuse(struct put *p, int status, const char *why)
{
    int r = tn_httpd_error(p->c->x, status, why);
    return r < 0 ? r : ANSWERED;
}

static int
refuse_code(struct put *p, int err)
{
    int r = tn__share_refuse(p->c, err);
    return r < 0 ? r : ANSWERED;
}

static int
say_offset(struct tn__call *c, int64_t offset)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, offset);
    return tn_httpd_field(c->x, "Upload-Offset", text);
}

/* ---- what is asked for ---- */

static bool
is_id(const char *id)
{
    size_t n = strlen(id);
    for (size_t i = 0; i < n; i++) {
        char c = id[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
              (c >= 'a' && c <= 'z'))) {
            return false;
        }
    }
    return n >= TN__ID_MIN && n <= TN__ID_MAX;
}

/* The key of "?upload=ID". 1; 0: there is none; a code. */
static int
read_key(const struct tn__call *c, char key[TN__KEY + 1])
{
    char id[TN__ID_MAX + 1];
    ssize_t n = c->req->query.at
                    ? tn_url_query(id, sizeof(id), c->req->query, "upload")
                    : -ENOENT;
    if (n == -ENOENT) {
        return 0;
    }
    if (n < 0 || strlen(id) != (size_t)n || !is_id(id)) {
        return -EINVAL;
    }
    int r = tn__part_key(key, c->path, id);
    return r < 0 ? r : 1;
}

static int
read_part(struct put *p)
{
    int r = read_key(p->c, p->key);
    if (r == 0) {
        return 0;
    }
    p->in_parts = true;
    if (r < 0 || tn__share_number(p->c, "offset", &p->offset) <= 0 ||
        tn__share_number(p->c, "size", &p->total) <= 0 ||
        p->offset > p->total) {
        return r == -ENOMEM
                   ? r
                   : refuse(p, 400, "upload, offset and size do not fit.");
    }
    int64_t length = p->c->req->length;
    return length > p->total - p->offset
               ? refuse(p, 400, "The part is longer than the file.")
               : 0;
}

static int
read_digests(struct put *p)
{
    int r =
        tn__digest_find(tn_httpd_value(p->c->x, "Content-Digest"), p->content);
    int w = tn__digest_find(tn_httpd_value(p->c->x, "Repr-Digest"), p->whole);
    if (r < 0 || w < 0) {
        return refuse(p, 400, "The digest is not one.");
    }
    p->has_content = r > 0;
    p->has_whole = w > 0;
    if (!p->has_content && (!p->has_whole || p->in_parts)) {
        return 0;
    }
    p->hash = EVP_MD_CTX_new();
    return p->hash && EVP_DigestInit_ex(p->hash, EVP_sha256(), NULL) == 1
               ? 0
               : -ENOMEM;
}

static bool
is_present(const struct put *p, const char *field)
{
    return tn_httpd_value(p->c->x, field).at != NULL;
}

static int
check_request(struct put *p)
{
    const tn_share_opts *o = &p->c->share->opts;
    tn_str coding = tn_httpd_value(p->c->x, "Content-Encoding");
    if (is_present(p, "Content-Range")) { /* RFC 9110 section 14.5 */
        return refuse(p, 400,
                      "A part is sent with ?upload=, not with "
                      "Content-Range.");
    }
    if (coding.at && !tn__str_is(coding, "identity")) {
        return refuse(p, 415, "Send it without Content-Encoding.");
    }
    if (p->c->slash || !p->c->path[0]) {
        return refuse(p, 409, "That is a folder.");
    }
    int r = read_part(p);
    if (r != 0) {
        return r;
    }
    int64_t size = p->total >= 0 ? p->total : p->c->req->length;
    if (o->max_upload > 0 && size > o->max_upload) {
        return refuse_code(p, -EFBIG);
    }
    return read_digests(p);
}

/* ---- where it goes ---- */

int
tn__share_room(int fd, int64_t n)
{
    struct statvfs st;
    if (n <= 0 || fstatvfs(fd, &st) < 0 || st.f_frsize == 0) {
        return 0; /* it will be seen */
    }
    return (uint64_t)n / st.f_frsize >= st.f_bavail ? -ENOSPC : 0;
}

/* The conditions, against what bears the name now. */
static int
check_version(struct put *p)
{
    struct stat st;
    struct tn__call *c = p->c;
    char etag[TN__ETAG];
    struct tn__version v = {NULL, 0, time(NULL)};
    tn_str none = tn_httpd_value(c->x, "If-None-Match");
    int fd = tn__share_open_read(c->share, c->path, &st);
    if (fd >= 0) {
        close(fd);
        tn__share_etag(etag, &st, "");
        /* Weak or not: nobody else has it under this name. */
        v.etag = etag[0] == 'W' ? etag + 2 : etag;
        v.modified = st.st_mtim.tv_sec;
    } else if (fd != -ENOENT) {
        return refuse_code(p, fd);
    }
    p->goal.fresh = none.len == 1 && none.at[0] == '*';
    int status = tn__cond_check(c->req->fields, c->req->field_count, false, &v);
    if (status != 0) {
        return refuse(p, status, "It is not what you think it is.");
    }
    if (fd >= 0 && S_ISDIR(st.st_mode)) {
        return refuse(p, 409, "A folder is called so.");
    }
    return fd >= 0 && p->goal.taken == TN_SHARE_REFUSE
               ? refuse(p, 409, "The name is taken.")
               : 0;
}

static int
find_place(struct put *p)
{
    const char *name;
    struct tn__call *c = p->c;
    p->folder = tn__share_open_parent(c->share, c->path, &name);
    if (p->folder == -ENOENT || p->folder == -ENOTDIR) {
        return refuse(p, 409, "There is no such folder.");
    }
    if (p->folder < 0) {
        return refuse_code(p, p->folder);
    }
    if (strlen(name) > TN_SHARE_NAME) { /* 403 sounds as if none would do */
        return refuse(p, 414, "The name is too long.");
    }
    if (!tn__share_name_fits(c->share, name)) {
        return refuse(p, 403, "A file may not be called so.");
    }
    p->goal.taken = c->share->opts.taken;
    (void)snprintf(p->goal.name, sizeof(p->goal.name), "%s", name);
    return 0;
}

/* ---- what was made of it ---- */

/* Make the path end in the name that it got. */
static void
set_name(struct tn__call *c, const char *name)
{
    char *slash = strrchr(c->path, '/');
    size_t at = slash ? (size_t)(slash - c->path) + 1 : 0;
    (void)snprintf(c->path + at, sizeof(c->path) - at, "%s", name);
}

static int
say_made(struct put *p, bool replaced)
{
    struct stat st;
    char etag[TN__ETAG];
    if (fstatat(p->folder, p->goal.name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        tn__share_etag(etag, &st, "");
        (void)tn_httpd_field(p->c->x, "ETag", etag[0] == 'W' ? etag + 2 : etag);
    }
    int r = tn__share_location(p->c, p->c->path, false, (tn_str){NULL, 0});
    return r < 0 ? r
                 : tn_httpd_reply(p->c->x, replaced ? 204 : 201, NULL, "", 0);
}

/* The answer to the last part got lost. A client that sends it once more, as a
   browser does by itself, hears that nothing is missing; one that knows is told
   again what was made of it. */
static int
say_again(struct put *p, const struct tn__finished *f)
{
    if (p->total != f->size || p->offset != p->total) {
        (void)say_offset(p->c, f->size);
        return refuse(p, 409, "It is whole already.");
    }
    (void)snprintf(p->goal.name, sizeof(p->goal.name), "%s", f->name);
    set_name(p->c, f->name);
    int r = say_made(p, false);
    return r < 0 ? r : ANSWERED;
}

/* ---- the body ---- */

static int
open_part(struct put *p)
{
    struct tn__finished f;
    int r = tn__part_open(&p->u, p->c->share, p->in_parts ? p->key : NULL);
    if (r == -EALREADY && tn__done_find(p->c->share, p->key, &f)) {
        return say_again(p, &f); /* while we waited for the other connection */
    }
    if (r < 0) {
        return refuse_code(p, r);
    }
    p->u.folder = p->folder;
    p->begin = p->u.size;
    if (!p->in_parts || p->begin == p->offset) {
        int64_t more = p->total >= 0 ? p->total - p->begin : p->c->req->length;
        r = tn__share_room(p->u.fd, more);
        return r < 0 ? refuse_code(p, r) : 0;
    }
    (void)say_offset(p->c, p->begin);
    return refuse(p, 409, "The offset is not where it ended.");
}

/* May this many bytes come on top? */
static int
check_size(const struct put *p, size_t n)
{
    int64_t size = p->u.size + (int64_t)n;
    int64_t max = p->c->share->opts.max_upload;
    if (p->total >= 0 && size > p->total) {
        return -EINVAL;
    }
    return max > 0 && size > max ? -EFBIG : 0;
}

/* 0 at the body's end; what went wrong. */
static int
receive(struct put *p)
{
    char *buf = malloc(TN_SHARE_PIECE);
    ssize_t n = -ENOMEM;
    int r = buf ? 0 : -ENOMEM;
    while (r == 0 && (n = tn_httpd_read(p->c->x, buf, TN_SHARE_PIECE)) > 0) {
        r = check_size(p, (size_t)n);
        if (p->hash) {
            (void)EVP_DigestUpdate(p->hash, buf, (size_t)n);
        }
        r = r < 0 ? r : tn__part_write(&p->u, buf, (size_t)n);
        r = r < 0 ? r : tn_checkpoint();
    }
    free(buf);
    return r < 0 ? r : (int)n;
}

/* Tell why it went no further. What came stays if it may be continued. */
static int
receive_failed(struct put *p, int err)
{
    int r = 0;
    if (err == -EINVAL || err == -EFBIG) {
        r = p->in_parts ? tn__part_cut(&p->u, p->begin) : 0;
        (void)r;
        return err == -EINVAL
                   ? refuse(p, 400, "The part is longer than the file.")
                   : refuse_code(p, err);
    }
    if (p->in_parts && (err == -ENOSPC || err == -EDQUOT)) {
        (void)say_offset(p->c, p->u.size);
    }
    return refuse_code(p, err);
}

static int
check_content(struct put *p)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (!p->hash) {
        return 0;
    }
    (void)EVP_DigestFinal_ex(p->hash, hash, NULL);
    bool good =
        (!p->has_content || memcmp(hash, p->content, 32) == 0) &&
        (!p->has_whole || p->in_parts || memcmp(hash, p->whole, 32) == 0);
    if (good) {
        return 0;
    }
    int r = tn__part_cut(&p->u, p->begin);
    if (r < 0) {
        return refuse_code(p, r);
    }
    if (p->in_parts) {
        (void)say_offset(p->c, p->begin);
    }
    return refuse(p, 422, "What came is not what the digest says.");
}

/* Of a file in parts: read again, for the parts came at different times. */
static int
check_whole(struct put *p)
{
    unsigned char hash[32];
    if (!p->in_parts || !p->has_whole) {
        return 0;
    }
    int r = tn__share_hash(p->u.fd, p->u.size, hash);
    if (p->u.stolen) { /* and its descriptor may have been closed meanwhile */
        return refuse_code(p, -ESTALE);
    }
    if (r < 0) {
        return refuse_code(p, r);
    }
    if (memcmp(hash, p->whole, 32) == 0) {
        return 0;
    }
    p->u.lasting = false; /* nobody knows which part is the wrong one */
    (void)say_offset(p->c, 0);
    return refuse(p, 422, "The file is not what the digest says.");
}

/* ---- the end ---- */

void
tn__share_tell(struct tn__call *c, const char *folder, const char *name,
               int64_t size)
{
    const tn_share_opts *o = &c->share->opts;
    char *path;
    if (!o->news ||
        asprintf(&path, "%s%s%s", folder, folder[0] ? "/" : "", name) < 0) {
        return;
    }
    tn_share_news news = {path, size, tn_httpd_peer(c->x), c->x};
    o->news(&news, o->arg);
    free(path);
}

static int
finish(struct put *p)
{
    int r = check_whole(p);
    r = r == 0 ? check_version(p) : r;
    if (r != 0) {
        return r;
    }
    p->goal.path = p->c->path;
    r = tn__part_finish(&p->u, &p->goal);
    if (r == -EEXIST) {
        return p->goal.fresh ? refuse(p, 412, "It is there already.")
                             : refuse(p, 409, "The name is taken.");
    }
    if (r < 0) {
        return refuse_code(p, r);
    }
    set_name(p->c, p->goal.name);
    tn__share_tell(p->c, "", p->c->path, p->u.size);
    return say_made(p, p->goal.replaced);
}

static int
say_taken(struct put *p)
{
    int r = tn__part_sync(&p->u);
    if (r < 0) {
        return refuse_code(p, r);
    }
    r = say_offset(p->c, p->u.size);
    return r < 0 ? r : tn_httpd_reply(p->c->x, 202, NULL, "", 0);
}

static int
run(struct put *p)
{
    struct tn__finished f;
    int r = check_request(p);
    r = r == 0 ? find_place(p) : r;
    if (r == 0 && p->in_parts && tn__done_find(p->c->share, p->key, &f)) {
        return say_again(p, &f);
    }
    r = r == 0 ? check_version(p) : r;
    if (r != 0) {
        return r;
    }
    r = open_part(p);
    if (r != 0) {
        tn__part_close(&p->u, true);
        return r;
    }
    r = receive(p);
    r = r < 0 ? receive_failed(p, r) : check_content(p);
    if (r == 0) {
        bool whole = !p->in_parts || p->u.size == p->total;
        r = whole ? finish(p) : say_taken(p);
    }
    tn__part_close(&p->u, true);
    return r;
}

int
tn__share_put(struct tn__call *c)
{
    struct put *p = calloc(1, sizeof(*p));
    if (!p) {
        return -ENOMEM;
    }
    p->c = c;
    p->folder = p->u.fd = p->u.parts = -1;
    p->u.share = c->share;
    p->total = -1;
    int r = run(p);
    if (p->folder >= 0) {
        close(p->folder);
    }
    EVP_MD_CTX_free(p->hash);
    free(p);
    return r < 0 ? r : 0;
}

int
tn__share_asked(struct tn__call *c)
{
    char key[TN__KEY + 1];
    int r = c->share->opts.writable && !c->share->one ? read_key(c, key) : 0;
    if (r == 0) {
        return tn_httpd_error(c->x, 403, NULL);
    }
    if (r < 0) {
        return r == -ENOMEM ? r : tn_httpd_error(c->x, 400, NULL);
    }
    int64_t size = tn__part_ask(c->share, key);
    if (size < 0) {
        return tn__share_refuse(c, (int)size);
    }
    r = say_offset(c, size);
    r = r < 0 ? r : tn_httpd_field(c->x, "Cache-Control", "no-store");
    return r < 0 ? r : tn_httpd_reply(c->x, 204, NULL, "", 0);
}
