/*
 * share_part.c - an upload on its way: written aside, made the file when whole.
 *
 * What waits lies in one folder of the share, TN__PARTS, one file each, which
 * its writer holds locked; so the server that died is told from one that lives.
 * An upload that may be continued is called by a hash of its path and ID, and
 * its length is all that has to be known: a restarted server finds it again.
 *
 * Of two connections that write the same upload the newer one is right: the
 * older is one that its client has given up. The descriptor is taken from it,
 * and it finds that out before it writes again.
 */
#include <tenon/loop.h>

#include "http/share_int.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

/* How often, and for how long, one looks whether another connection is done. */
#define LOOK     (10 * TN_MS)
#define LOOK_MAX (30 * TN_SEC)

/* fsync() may take long on a slow disk; nobody cancels it half-way. */
#define SYNC_MAX (60 * TN_SEC)

static void
put_hex(char *dst, const unsigned char *bytes, int n)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < n; i++) {
        dst[2 * i] = digits[bytes[i] >> 4];
        dst[2 * i + 1] = digits[bytes[i] & 15];
    }
    dst[2 * n] = '\0';
}

int
tn__part_key(char key[TN__KEY + 1], const char *path, const char *id)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    /* The ID has a known alphabet: the two cannot run into each other. */
    bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(ctx, id, strlen(id)) == 1 &&
                EVP_DigestUpdate(ctx, "/", 1) == 1 &&
                EVP_DigestUpdate(ctx, path, strlen(path)) == 1 &&
                EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!good) {
        return -ENOMEM;
    }
    put_hex(key, hash, TN__KEY / 2);
    return 0;
}

/* ---- the list of those under way ---- */

static struct tn__upload *
find(const tn_share *s, const char *key)
{
    struct tn__upload *u = s->uploads;
    while (u && strcmp(u->key, key) != 0) {
        u = u->next;
    }
    return u;
}

void
tn__part_unlist(struct tn__upload *u)
{
    struct tn__upload **at = &u->share->uploads;
    while (*at && *at != u) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = u->next;
    }
}

/* Take the upload from the connection that writes it. A descriptor; -ENOENT:
   nobody does; -EBUSY. */
static int
steal(const tn_share *s, const char *key)
{
    struct tn__upload *old = find(s, key);
    for (int64_t waited = 0; old && old->ending; waited += LOOK) {
        int r = waited < LOOK_MAX ? tn_sleep(LOOK) : -EBUSY;
        if (r < 0) {
            return r;
        }
        old = find(s, key);
    }
    if (!old) {
        return -ENOENT;
    }
    int fd = old->fd;
    old->fd = -1;
    old->stolen = true;
    tn__part_unlist(old);
    return fd;
}

/* ---- opening ---- */

/* Open and lock. -EBUSY: another program writes it. */
static int
open_locked(int parts, const char *key, int flags)
{
    for (;;) {
        struct stat st;
        int fd =
            openat(parts, key, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0) {
            return -errno;
        }
        int err = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0
                  : errno == EWOULDBLOCK            ? -EBUSY
                                                    : -errno;
        if (err == 0 && fstat(fd, &st) < 0) {
            err = -errno;
        }
        if (err == 0 && st.st_nlink > 0) {
            return fd;
        }
        close(fd);
        if (err < 0) {
            return err;
        }
        /* It was removed between the two calls. */
        if (!(flags & O_CREAT)) {
            return -ENOENT;
        }
    }
}

static int
open_new(struct tn__upload *u)
{
    unsigned char random[TN__KEY / 2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return -EAGAIN;
    }
    memcpy(u->key, TN__NEW, sizeof(TN__NEW) - 1);
    put_hex(u->key + sizeof(TN__NEW) - 1, random, TN__KEY / 2);
    return open_locked(u->parts, u->key, O_CREAT | O_EXCL);
}

static int
open_lasting(struct tn__upload *u, const char *key)
{
    struct tn__finished f;
    (void)snprintf(u->key, sizeof(u->key), "%s", key);
    int fd = steal(u->share, key);
    if (fd != -ENOENT) {
        return fd;
    }
    fd = open_locked(u->parts, key, 0);
    if (fd != -ENOENT) {
        return fd;
    }
    if (tn__done_find(u->share, key, &f)) {
        return -EALREADY;
    }
    int r = tn__keep_room(u->share, u->parts);
    return r < 0 ? r : open_locked(u->parts, key, O_CREAT);
}

int
tn__part_open(struct tn__upload *u, tn_share *s, const char *key)
{
    struct stat st;
    *u = (struct tn__upload){
        .share = s, .folder = -1, .fd = -1, .lasting = key != NULL};
    u->parts = tn__keep_open(s, true);
    if (u->parts < 0) {
        return u->parts;
    }
    if (key) {
        u->fd = open_lasting(u, key);
    } else {
        int r = tn__keep_room(s, u->parts);
        u->fd = r < 0 ? r : open_new(u);
    }
    int err = u->fd < 0 ? u->fd : fstat(u->fd, &st) == 0 ? 0 : -errno;
    if (err < 0) {
        u->fd = -1;
        close(u->parts);
        u->parts = -1;
        return err;
    }
    u->size = st.st_size;
    u->next = s->uploads;
    s->uploads = u;
    return 0;
}

int64_t
tn__part_ask(tn_share *s, const char *key)
{
    struct stat st;
    struct tn__finished f;
    int fd = steal(s, key);
    if (fd == -ENOENT) {
        int parts = tn__keep_open(s, false);
        if (parts < 0) {
            return parts == -ENOENT ? 0 : parts;
        }
        fd = open_locked(parts, key, 0);
        close(parts);
    }
    if (fd == -ENOENT) {
        return tn__done_find(s, key, &f) ? f.size : 0;
    }
    if (fd < 0) {
        return fd;
    }
    /* What is told here must not be lost any more. */
    int64_t r = tn__share_fsync(fd);
    if (r == 0) {
        r = fstat(fd, &st) == 0 ? st.st_size : -errno;
    }
    close(fd);
    return r;
}

/* ---- writing ---- */

/* On the loop: a worker thread for each piece of 64 KiB took 22 us more, the
   upload of 600 MB half as long again. The kernel takes the bytes into its
   memory and writes later; a disk that hangs would hold us up at the next
   open() all the same. */
int
tn__part_write(struct tn__upload *u, const void *buf, size_t n)
{
    const char *at = buf;
    while (n > 0) {
        if (u->stolen) {
            return -ESTALE;
        }
        ssize_t r = pwrite(u->fd, at, n, u->size);
        if (r <= 0) {
            return r < 0 ? -errno : -ENOSPC;
        }
        u->size += r;
        at += r;
        n -= (size_t)r;
    }
    return 0;
}

int
tn__part_cut(struct tn__upload *u, int64_t size)
{
    if (u->stolen) {
        return -ESTALE;
    }
    if (ftruncate(u->fd, size) < 0) {
        return -errno;
    }
    u->size = size;
    return 0;
}

struct sync {
    int fd;
};

static int
sync_work(void *data)
{
    const struct sync *job = data;
    return fsync(job->fd) == 0 ? 0 : -errno;
}

int
tn__share_fsync(int fd)
{
    struct sync job = {fd};
    tn_scope shield;
    tn_shield(&shield, SYNC_MAX);
    int r = tn_offload(sync_work, &job, sizeof(job));
    (void)tn_scope_end(&shield);
    return r;
}

int
tn__part_sync(struct tn__upload *u)
{
    if (u->stolen) {
        return -ESTALE;
    }
    u->ending = true; /* nobody takes the descriptor meanwhile */
    int r = tn__share_fsync(u->fd);
    u->ending = false;
    return r;
}

void
tn__part_close(struct tn__upload *u, bool keep)
{
    tn__part_unlist(u);
    if (u->fd >= 0) {
        if (!(u->lasting && keep) && u->parts >= 0) {
            (void)unlinkat(u->parts, u->key, 0);
        }
        close(u->fd);
    }
    if (u->parts >= 0) {
        close(u->parts);
    }
    u->fd = u->parts = -1;
}
