/*
 * recv_ready.c - names for what is whole.
 *
 * A name is given when the bytes are on the disk, and told when the name is,
 * too: what was told survives a power cut. Many small files share the price:
 * one sync for a batch of them.
 */
#include "job.h"
#include "recv_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FEW = 4 }; /* so many are synced one by one */

static int
sync_data(struct recv *r)
{
    if (r->ready_n > FEW) {
        return job_sync(r->disk.root, true);
    }
    for (unsigned i = 0; i < r->ready_n; i++) {
        int err = job_sync(r->ready[i].fd, false);

        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* What each of a batch got. */
struct placed {
    int err;
    char final[PARCEL_NAME + 1];
};

/* In the order in which they came, which is folder by folder. One folder is
   synced alone, unless it is a new one itself. */
static int
sync_names(struct recv *r, unsigned folders)
{
    bool is_one = folders == 1 && r->disk.last >= 0 && !r->made;

    r->made = false;
    return is_one ? job_sync(r->disk.last, false)
                  : job_sync(r->disk.root, true);
}

static int
place(struct recv *r, const struct ready *ready, struct placed *p)
{
    const struct parcel_item *it = &r->list.items[ready->item];
    const char *name;
    int folder = disk_folder(&r->disk, it->path, &name, true);

    if (folder < 0) {
        return folder;
    }
    int err = disk_place(folder, name, r->opts->policy, p->final);
    if (err == -EEXIST && r->opts->policy == PARCEL_SKIP) {
        disk_drop_part(folder, name);
    }
    return err;
}

/* The path that an item got: its folder, and the name it was given. */
static const char *
path_of(struct recv *r, const struct parcel_item *it, const char *name)
{
    const char *slash = strrchr(it->path, '/');
    int n = slash ? (int)(slash - it->path) + 1 : 0;

    (void)snprintf(r->final, sizeof(r->final), "%.*s%s", n, it->path, name);
    return r->final;
}

static int
tell(struct recv *r, const struct placed *placed, unsigned count)
{
    int err = 0;

    for (unsigned i = 0; i < count && err == 0; i++) {
        uint32_t item = r->ready[i].item;
        const struct placed *p = &placed[i];

        if (p->err == 0) {
            err = recv_done(r, item, PARCEL_DONE, 0,
                            path_of(r, &r->list.items[item], p->final));
        } else if (p->err == -EEXIST && r->opts->policy == PARCEL_SKIP) {
            err = recv_done(r, item, PARCEL_SKIPPED, 0, "");
        } else {
            err =
                recv_done(r, item, PARCEL_FAILED, p->err, tn_strerror(p->err));
        }
    }
    return err;
}

static int
name_all(struct recv *r, struct placed *placed)
{
    unsigned folders = 0, count = r->ready_n, last = 0;
    int err;

    for (unsigned i = 0; i < count; i++) {
        placed[i].err = place(r, &r->ready[i], &placed[i]);
        folders += i == 0 || r->disk.opened != last;
        last = r->disk.opened;
        close(r->ready[i].fd);
        r->ready[i].fd = -1;
    }
    r->ready_n = 0;
    r->ready_bytes = 0;
    err = sync_names(r, folders);
    return err < 0 ? err : tell(r, placed, count);
}

int
ready_flush(struct recv *r)
{
    struct placed *placed;
    int err;

    if (r->ready_n == 0) {
        return 0;
    }
    placed = calloc(r->ready_n, sizeof(*placed));
    if (!placed) {
        return -ENOMEM;
    }
    err = sync_data(r);
    if (err == 0) {
        err = name_all(r, placed);
    }
    free(placed);
    return err;
}

int
ready_add(struct recv *r, uint32_t item, int fd, int64_t size)
{
    if (r->ready_n == 0) {
        r->ready_since = tn_now();
    }
    r->ready[r->ready_n] = (struct ready){.item = item, .fd = fd};
    r->ready_n++;
    r->ready_bytes += size < RECV_READY_BYTES ? size : RECV_READY_BYTES;
    if (r->ready_n < r->ready_most && r->ready_bytes < RECV_READY_BYTES &&
        tn_now() - r->ready_since < RECV_READY_TIME) {
        return 0;
    }
    return ready_flush(r);
}

void
ready_stop(struct recv *r)
{
    for (unsigned i = 0; i < r->ready_n; i++) {
        if (r->ready[i].fd >= 0) {
            close(r->ready[i].fd);
        }
    }
    r->ready_n = 0;
}

/* ---- folders ---- */

enum { PORTION = 1000 };

struct dressing {
    struct recv *r;
    uint32_t left;
};

/* In a worker; from the last to the first, so that a folder comes after what
   is in it. */
static int
dress_portion(void *arg)
{
    struct dressing *d = arg;
    struct recv *r = d->r;

    for (int i = 0; i < PORTION && d->left > 0; i++) {
        const struct parcel_item *it = &r->list.items[--d->left];
        const struct list_note *note = &r->list.notes[d->left];
        const char *name;
        int at, fd;

        if (it->kind != PARCEL_FOLDER || note->state != LIST_DONE ||
            note->mark != 1) {
            continue;
        }
        at = disk_folder(&r->disk, it->path, &name, false);
        fd = at < 0 ? at
                    : openat(at, name,
                             O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0) {
            disk_dress(&r->disk, fd, it->mode, it->mtime);
            close(fd);
        }
    }
    return 0;
}

int
ready_folders(struct recv *r)
{
    struct dressing d = {.r = r, .left = r->list.count};
    int err = 0;

    while (err == 0 && d.left > 0) {
        err = job_run(dress_portion, &d);
        if (err == 0) {
            err = tn_checkpoint();
        }
    }
    return err;
}
