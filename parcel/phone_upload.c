/*
 * phone_upload.c - a file comes in: written aside in its folder, hashed on the
 * way, and renamed when it is what was offered. Disk and hash are a worker's.
 */
#include <tenon/err.h>
#include <tenon/loop.h>

#include "disk.h"
#include "job.h"
#include "phone_int.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names that are tried for a part, where another upload has the first ones. */
enum { PARTS = 32 };

struct phone_upload {
    struct phone_upload *next;
    struct phone_session *session;
    const struct parcel_item *item;
    const struct phone_offered *offered;
    enum parcel_policy policy;
    const char *dir;
    tn_scope scope;
    struct disk disk;
    int folder, fd;
    char name[PARCEL_NAME + 1], final[PARCEL_NAME + 1];
    EVP_MD_CTX *hash; /* NULL: none was offered */
    unsigned char sha[EVP_MAX_MD_SIZE];
    size_t n; /* bytes of the piece */
    int64_t pos;
    char path[PARCEL_PATH + PARCEL_NAME + 2]; /* that it got in the end */
    unsigned char piece[PHONE_PIECE];
};

/* --- what a worker does ----------------------------------------------------*/

/* A part that nobody else is at; by the policy under another name. */
static int
open_part(struct phone_upload *u, const char *name)
{
    struct stat st;
    int fd = -EBUSY;

    (void)snprintf(u->name, sizeof(u->name), "%s", name);
    for (unsigned i = 1; i <= PARTS; i++) {
        fd = disk_open_part(u->folder, u->name, true, &st);
        if (fd != -EBUSY || u->policy != PARCEL_RENAME) {
            break;
        }
        path_copy(u->name, name, i);
    }
    return fd;
}

static int
begin(void *arg)
{
    struct phone_upload *u = arg;
    const char *name;
    int err = disk_open(&u->disk, u->dir);

    if (err < 0) {
        u->disk.root = -1;
        return err;
    }
    u->folder = disk_folder(&u->disk, u->item->path, &name, true);
    if (u->folder < 0) {
        return u->folder;
    }
    u->fd = open_part(u, name);
    if (u->fd < 0) {
        return u->fd;
    }
    /* What an earlier try left is of no use: nobody says where to go on. */
    return ftruncate(u->fd, 0) < 0 ? -errno : 0;
}

static int
write_piece(void *arg)
{
    struct phone_upload *u = arg;

    for (size_t at = 0; at < u->n;) {
        ssize_t n = pwrite(u->fd, u->piece + at, u->n - at,
                           (off_t)(u->pos + (int64_t)at));

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    if (u->hash && EVP_DigestUpdate(u->hash, u->piece, u->n) != 1) {
        return -ENOMEM;
    }
    return 0;
}

static int
place(void *arg)
{
    struct phone_upload *u = arg;

    if (u->offered->has_mtime) {
        disk_dress(&u->disk, u->fd, u->item->mode, u->item->mtime);
    } else {
        (void)!fchmod(u->fd, u->item->mode & ~u->disk.umask);
    }
    return disk_place(u->folder, u->name, u->policy, u->final);
}

/* `pos` is -1 once it has its name. */
static int
end(void *arg)
{
    struct phone_upload *u = arg;

    if (u->fd >= 0) {
        if (u->pos >= 0) {
            disk_drop_part(u->folder, u->name);
        }
        close(u->fd);
    }
    disk_close(&u->disk);
    return 0;
}

/* --- one upload ------------------------------------------------------------*/

static int
open_upload(struct phone_session *s, uint32_t file, struct phone_upload **out)
{
    const struct phone_opts *o = &s->phone->opts;
    struct phone_upload *u = calloc(1, sizeof(*u));

    *out = u;
    if (!u) {
        return -ENOMEM;
    }
    u->session = s;
    u->item = &s->items[file];
    u->offered = s->files[file].offered;
    u->policy = o->policy;
    u->dir = o->dir;
    u->fd = -1;
    u->disk.root = u->disk.last = -1;
    if (u->offered->has_sha) {
        u->hash = EVP_MD_CTX_new();
        if (!u->hash || EVP_DigestInit_ex(u->hash, EVP_sha256(), NULL) != 1) {
            return -ENOMEM;
        }
    }
    return job_run(begin, u);
}

static void
free_upload(struct phone_upload *u)
{
    if (u) {
        EVP_MD_CTX_free(u->hash);
        free(u);
    }
}

/* Fill the piece; 0: the body is over. */
static ssize_t
fill(tn_exchange *x, struct phone_upload *u)
{
    ssize_t n = 1;

    u->n = 0;
    while (n > 0 && u->n < sizeof(u->piece)) {
        n = tn_httpd_read(x, u->piece + u->n, sizeof(u->piece) - u->n);
        u->n += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? n : (ssize_t)u->n;
}

/* All of the body, which is neither longer nor shorter than was said. */
static int
take_in(tn_exchange *x, struct phone_upload *u, uint32_t file)
{
    for (;;) {
        ssize_t n = fill(x, u);
        int err;

        if (n <= 0) {
            return n < 0 ? (int)n : u->pos == u->item->size ? 0 : -EMSGSIZE;
        }
        if (n > u->item->size - u->pos) {
            return -EMSGSIZE;
        }
        err = job_run(write_piece, u);
        if (err == 0) {
            err = tn_checkpoint();
        }
        if (err < 0) {
            return err;
        }
        u->pos += n;
        phone_session_moved(u->session, file, u->pos, n);
    }
}

static int
finish(struct phone_upload *u)
{
    int err;

    if (u->hash) {
        unsigned n = 0;

        if (EVP_DigestFinal_ex(u->hash, u->sha, &n) != 1) {
            return -ENOMEM;
        }
        if (n != PHONE_SHA || memcmp(u->sha, u->offered->sha, n) != 0) {
            return -EBADMSG;
        }
    }
    err = job_sync(u->fd, false);
    if (err == 0) {
        err = job_run(place, u);
    }
    if (err == 0) {
        u->pos = -1;
    }
    return err;
}

static int
run(tn_exchange *x, struct phone_upload *u, uint32_t file)
{
    const tn_http_request *req = tn_httpd_request(x);
    int err;

    if (req->body == TN_HTTP_LENGTH && req->length != u->item->size) {
        return -EMSGSIZE;
    }
    phone_session_moved(u->session, file, 0, 0);
    err = take_in(x, u, file);
    return err == 0 ? finish(u) : err;
}

/* --- how it ended ----------------------------------------------------------*/

static const struct {
    int err, status;
    const char *why;
} ends[] = {
    {-EMSGSIZE, 400, "its size is another than was said"},
    {-EBADMSG, 422, "its SHA-256 is another than was said"},
    {-EBUSY, 409, "a file of that name comes in already"},
    {-EEXIST, 409, "something is in the way"},
    {-ENOTDIR, 409, "something is in the way"},
    {-EISDIR, 409, "a folder is in the way"},
    {-ELOOP, 409, "a symbolic link is in the way"},
    {-ENOSPC, 507, "the disk is full"},
    {-EDQUOT, 507, "the disk is full"},
    {-ECANCELED, 403, "the session is over"},
    {TN_ETRUNCATED, 0, "the connection was lost"},
    {-ECONNRESET, 0, "the connection was lost"},
    {-ETIME, 408, "nothing came any more"},
};

static int
status_of(int err, const char **why)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (ends[i].err == err) {
            *why = ends[i].why;
            return ends[i].status;
        }
    }
    *why = tn_strerror(err);
    return 500;
}

/* Tell it here, then over there. The session may be gone after the first. */
static int
tell(tn_exchange *x, struct phone_upload *u, uint32_t file, int err)
{
    const char *why = NULL, *slash = strrchr(u->item->path, '/');
    int status = err < 0 ? status_of(err, &why) : 200;

    if (err == 0) {
        (void)snprintf(u->path, sizeof(u->path), "%.*s%s",
                       slash ? (int)(slash - u->item->path + 1) : 0,
                       u->item->path, u->final);
        phone_session_done(u->session, file, PARCEL_DONE, 0, u->path);
    } else if (err == -EEXIST && u->policy == PARCEL_SKIP) {
        phone_session_done(u->session, file, PARCEL_SKIPPED, 0, NULL);
        status = 200;
    } else {
        phone_session_done(u->session, file, PARCEL_FAILED, err, why);
    }
    if (status == 0) {
        return err;
    }
    return status == 200 ? tn_httpd_reply(x, 200, NULL, "", 0)
                         : tn_httpd_error(x, status, why);
}

static void
unlist(struct phone_upload *u)
{
    struct phone_upload **at = &u->session->uploads;

    while (*at != u) {
        at = &(*at)->next;
    }
    *at = u->next;
}

int
phone_upload(tn_exchange *x, struct phone_session *s, uint32_t file)
{
    struct phone_upload *u = NULL;
    int err;

    if (s->files[file].state == PHONE_LOST) {
        s->left++;
        s->result.failed--;
    }
    s->files[file].state = PHONE_COMING;
    phone_session_enter(s);
    s->phone->uploads++;
    err = open_upload(s, file, &u);
    if (u) {
        u->next = s->uploads;
        s->uploads = u;
        tn_deadline(&u->scope, TN_FOREVER);
        if (s->over) {
            tn_scope_cancel(&u->scope);
        }
        err = err == 0 ? run(x, u, file) : err;
        (void)tn_scope_end(&u->scope);
        unlist(u);
        /* Before anybody hears of it. */
        (void)job_run(end, u);
        err = tell(x, u, file, err);
    } else {
        phone_session_done(s, file, PARCEL_FAILED, err, tn_strerror(err));
    }
    free_upload(u);
    s->phone->uploads--;
    phone_session_leave(s);
    return err;
}

void
phone_upload_stop(struct phone_session *s)
{
    for (struct phone_upload *u = s->uploads; u; u = u->next) {
        tn_scope_cancel(&u->scope);
    }
}

/* --- before ----------------------------------------------------------------*/

struct look {
    struct phone_session *s;
    struct disk disk;
};

static int
look(void *arg)
{
    struct look *l = arg;
    int err = disk_open(&l->disk, l->s->phone->opts.dir);

    if (err < 0) {
        return err;
    }
    for (uint32_t i = 0; i < l->s->count; i++) {
        const char *name;
        struct stat st;
        int at = disk_folder(&l->disk, l->s->items[i].path, &name, false);

        l->s->take[i] =
            at < 0 || fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0;
    }
    disk_close(&l->disk);
    return 0;
}

int
phone_upload_look(struct phone_session *s)
{
    struct look *l;
    int err;

    if (s->phone->opts.policy != PARCEL_SKIP) {
        return 0;
    }
    l = calloc(1, sizeof(*l));
    if (!l) {
        return -ENOMEM;
    }
    l->s = s;
    err = job_run(look, l);
    free(l);
    return err;
}

struct room {
    const char *dir;
    int64_t bytes;
};

static int
find_room(void *arg)
{
    struct room *r = arg;
    struct disk *d = calloc(1, sizeof(*d));
    int err = d ? disk_open(d, r->dir) : -ENOMEM;

    if (err == 0) {
        r->bytes = disk_free(d);
        disk_close(d);
    }
    free(d);
    return err;
}

int64_t
phone_upload_room(const phone *p)
{
    struct room r = {p->opts.dir, INT64_MAX};

    (void)job_run(find_room, &r);
    return r.bytes;
}
