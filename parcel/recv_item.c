/*
 * recv_item.c - the bytes of one item, in their order, into its part.
 *
 * Where the base is the part itself, "the same" needs nothing. Where it is
 * another file, the part is made at the first block that differs, and what was
 * the same is copied; if none differs, there is nothing to do at all.
 */
#include "recv_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The item cannot be had; the session goes on, if it can. What the sender has
   sent of it already is dropped. */
static int
give_up(struct recv *r, int err, const char *why)
{
    struct intake *in = &r->in;

    if (err == -EPROTO || disk_is_over(err)) {
        return tn_fail(err, "receive", in->item->path);
    }
    if (in->err < 0) {
        return 0;
    }
    in->err = err;
    return recv_done(r, in->item->index, PARCEL_FAILED, err,
                     why ? why : tn_strerror(err));
}

static int
nonsense(void)
{
    return tn_fail(-EPROTO, "receive", "the sender makes no sense");
}

/* ---- the part ---- */

static int
open_part(struct recv *r, struct stat *st)
{
    const char *name;
    int folder = disk_folder(&r->disk, r->in.item->path, &name, true);

    return folder < 0 ? folder : disk_open_part(folder, name, true, st);
}

/* Open it, if all was the same so far, and bring it up to where we are. */
static int
need_part(struct recv *r)
{
    struct intake *in = &r->in;
    struct stat st;
    int fd;

    if (in->part >= 0) {
        return 0;
    }
    fd = open_part(r, &st);
    if (fd == -EMFILE) { /* those that wait for their names have many */
        int err = ready_flush(r);

        fd = err < 0 ? err : open_part(r, &st);
    }
    if (fd < 0) {
        return fd;
    }
    in->part = fd;
    in->part_size = 0;
    if (st.st_size > 0 && ftruncate(in->part, 0) < 0) {
        return -errno;
    }
    return in->base ? range_copy(in->base->src.fd, in->part, 0, in->pos) : 0;
}

/* Holes take no room, so that a sender may tell of any number of bytes. */
static void
step(struct recv *r, int64_t n)
{
    r->in.pos += n;
    if (__builtin_add_overflow(r->all_done, n, &r->all_done)) {
        r->all_done = INT64_MAX;
    }
    recv_tell(r, PARCEL_MOVED, r->in.item, 0, NULL);
}

static void
begin_told(struct recv *r)
{
    if (!r->in.is_begun) {
        r->in.is_begun = true;
        recv_tell(r, PARCEL_BEGIN, r->in.item, 0, NULL);
    }
}

static int
put_out(struct recv *r, const uint8_t *src, size_t n)
{
    ssize_t w = tn_sendall(r->out, src, n, NULL);
    const char *why = w == -EPIPE   ? "nobody reads the output"
                      : w == -EFBIG ? "the output may not grow further"
                                    : NULL;

    if (why) { /* -EFBIG is said of offers */
        (void)snprintf(r->why, sizeof(r->why), "%s", why);
        return tn_fail(-EIO, "write", why);
    }
    return w < 0 ? (int)w : 0;
}

/* Into the part; unless all was the same so far, and this is, too. */
static int
put_part(struct recv *r, const uint8_t *src, size_t n)
{
    struct intake *in = &r->in;
    int err;

    if (in->base && !in->base->is_part && in->part < 0) {
        int has = base_has(r, in->base, in->pos, src, n);

        if (has != 0) {
            return has < 0 ? has : 0;
        }
    }
    err = need_part(r);
    if (err == 0) {
        err = range_write(in->part, src, n, in->pos);
    }
    in->warm += (int64_t)n;
    if (err == 0 && in->warm >= RECV_WARM) {
        range_push(in->part, in->pos + (int64_t)n - in->warm, in->warm);
        in->warm = 0;
    }
    return err;
}

/* Whether `n` bytes may come next: within the size that was told, from the
   beginning of a block on; a stream has neither. */
static bool
may_come(const struct intake *in, int64_t n)
{
    if (in->item->kind == PARCEL_STREAM) {
        return n > 0 && n <= INT64_MAX - in->pos;
    }
    return n > 0 && in->pos % PARCEL_BLOCK == 0 &&
           n <= in->begin.size - in->pos;
}

static bool
is_too_much(const struct recv *r, int64_t n)
{
    int64_t most = r->opts->max_bytes;

    return most > 0 && n > most - r->all_done;
}

static int
take_data(struct recv *r, const uint8_t *src, size_t n)
{
    struct intake *in = &r->in;
    struct tree_hash h;
    int err;

    if (!may_come(in, (int64_t)n)) {
        return nonsense();
    }
    begin_told(r);
    r->result->moved += (int64_t)n;
    tree_leaf(&h, src, n);
    tree_push(&in->tree, &h);
    if (is_too_much(r, (int64_t)n)) {
        return give_up(r, -EFBIG, "it is more than is taken here");
    }
    if (r->out) {
        err = put_out(r, src, n);
        step(r, (int64_t)n);
        return err;
    }
    err = put_part(r, src, n);
    if (err < 0) {
        return give_up(r, err, NULL);
    }
    step(r, (int64_t)n);
    return 0;
}

static int
hole_out(struct recv *r, int64_t n)
{
    uint8_t *zeros = calloc(1, PARCEL_BLOCK);
    int err = zeros ? 0 : -ENOMEM;

    while (err == 0 && n > 0) {
        size_t now = n < PARCEL_BLOCK ? (size_t)n : PARCEL_BLOCK;

        err = put_out(r, zeros, now);
        step(r, (int64_t)now);
        n -= (int64_t)now;
    }
    free(zeros);
    return err;
}

static int
hole_on_disk(struct recv *r, int64_t n)
{
    struct intake *in = &r->in;
    int err;

    if (in->base && !in->base->is_part && in->part < 0 &&
        in->pos <= in->base->src.st.st_size - n) {
        err = range_is_zero(in->base->src.fd, in->pos, n);
        if (err != 0) {
            return err < 0 ? err : 0;
        }
    }
    err = need_part(r);
    if (err == 0 && in->pos < in->part_size) {
        int64_t over = in->part_size - in->pos;

        err = range_blank(in->part, in->pos, over < n ? over : n);
    }
    return err;
}

static int
take_hole(struct recv *r, int64_t n)
{
    struct intake *in = &r->in;
    struct tree_hash h;
    int err;

    if (!may_come(in, n)) {
        return nonsense();
    }
    begin_told(r);
    tree_push_zeros(&in->tree, (uint64_t)(n / PARCEL_BLOCK));
    if (n % PARCEL_BLOCK != 0) {
        tree_zero_leaf(&h, (size_t)(n % PARCEL_BLOCK));
        tree_push(&in->tree, &h);
    }
    if (is_too_much(r, n)) {
        return give_up(r, -EFBIG, "it is more than is taken here");
    }
    if (r->out) {
        return hole_out(r, n);
    }
    err = hole_on_disk(r, n);
    if (err < 0) {
        return give_up(r, err, NULL);
    }
    step(r, n);
    return 0;
}

static int
take_same(struct recv *r, uint64_t count)
{
    struct intake *in = &r->in;
    uint64_t block = (uint64_t)in->pos / PARCEL_BLOCK;
    int64_t n, rest;

    if (!in->base || count == 0 || in->pos % PARCEL_BLOCK != 0) {
        return nonsense();
    }
    for (uint64_t i = 0; i < count; i++) {
        struct tree_hash h;

        if (!base_given(r, in->item->index, block + i, &h)) {
            return nonsense();
        }
        tree_push(&in->tree, &h);
    }
    /* What was told ends with the file, so this does not overflow. */
    rest = in->base->src.st.st_size - in->pos;
    n = (int64_t)count * PARCEL_BLOCK;
    n = n < rest ? n : rest;
    if (!in->base->is_part && in->part >= 0) {
        int err = range_copy(in->base->src.fd, in->part, in->pos, n);

        if (err < 0) {
            return give_up(r, err, NULL);
        }
    }
    r->result->kept += n;
    step(r, n);
    return 0;
}

/* ---- beginning and end ---- */

static int
begin(struct recv *r, const struct frame *f)
{
    struct intake *in = &r->in;
    struct wire_begin b;
    const struct list_note *note;
    int err = 0;

    if (!wire_get_begin(f->p, f->n, &b) || b.item >= r->list.count) {
        return nonsense();
    }
    note = &r->list.notes[b.item];
    if (note->answer == WIRE_NO || note->state != LIST_OPEN ||
        r->list.items[b.item].kind == PARCEL_FOLDER) {
        return nonsense();
    }
    *in = (struct intake){.is_open = true,
                          .begin = b,
                          .item = &r->list.items[b.item],
                          .part = -1};
    tree_init(&in->tree);
    if (note->answer == WIRE_COMPARE && !r->out) {
        err = base_open(r, in->item, &in->base);
    }
    if (err == -EMFILE) {
        err = ready_flush(r);
        err = err < 0 ? err : base_open(r, in->item, &in->base);
    }
    if (err < 0) {
        return give_up(r, err,
                       err == -EBUSY ? "it is being received already" : NULL);
    }
    if (in->base && in->base->is_part) {
        in->part = in->base->src.fd;
        in->part_size = in->base->src.st.st_size;
    }
    return 0;
}

/* The part's descriptor is the base's, where that is the part. */
static int
take_part(struct recv *r)
{
    struct intake *in = &r->in;
    int fd = in->part;

    if (in->base && in->base->is_part) {
        in->base->src.fd = -1;
    }
    in->part = -1;
    base_close(r, in->item->index);
    in->base = NULL;
    in->is_open = false;
    return fd;
}

void
recv_item_stop(struct recv *r)
{
    struct intake *in = &r->in;

    if (in->is_open) {
        int fd = take_part(r);

        if (fd >= 0) {
            close(fd);
        }
    }
}

static void
leave_part(struct recv *r)
{
    const char *name;
    struct stat st;
    int part = take_part(r);

    if (part >= 0) {
        /* A part of nothing is of no use. */
        if (fstat(part, &st) == 0 && st.st_size == 0) {
            int folder = disk_folder(&r->disk, r->in.item->path, &name, false);

            if (folder >= 0) {
                disk_drop_part(folder, name);
            }
        }
        close(part);
    }
}

static int
fail_item(struct recv *r, int err, const char *why)
{
    leave_part(r);
    return recv_done(r, r->in.item->index, PARCEL_FAILED, err, why);
}

static int
finish(struct recv *r)
{
    struct intake *in = &r->in;
    uint32_t index = in->item->index;
    int fd, err = need_part(r);

    if (err == 0 && ftruncate(in->part, in->pos) < 0) {
        err = -errno;
    }
    if (err < 0) {
        err = give_up(r, err, NULL);
        leave_part(r);
        return err;
    }
    disk_dress(&r->disk, in->part, in->begin.mode, in->begin.mtime);
    fd = take_part(r);
    return ready_add(r, index, fd, in->pos);
}

/* The file that was compared with is the same, to its end. */
static bool
is_identical(const struct intake *in)
{
    return in->base && !in->base->is_part && in->part < 0 &&
           in->pos == in->base->src.st.st_size;
}

static int
end(struct recv *r, const struct frame *f)
{
    struct intake *in = &r->in;
    struct tree_hash root;
    struct wire_end e;
    char why[PARCEL_REASON + 1];

    if (!wire_get_end(f->p, f->n, &e)) {
        return nonsense();
    }
    if (in->err < 0) {
        leave_part(r);
        return 0;
    }
    if (e.err < 0) {
        lane_clean(why, sizeof(why), e.why, e.why_len);
        return fail_item(r, e.err, why);
    }
    tree_root(&in->tree, &root);
    if (in->base && !in->base->is_part && base_check(in->base) < 0) {
        return fail_item(r, -ESTALE, "what is there changed meanwhile");
    }
    if (e.size != in->pos || memcmp(root.bytes, e.root.bytes, TREE_HASH) != 0) {
        return fail_item(r, -EBADMSG, "what arrived is not what was sent");
    }
    if (!is_identical(in)) {
        begin_told(r);
    }
    if (r->out) {
        in->is_open = false;
        return recv_done(r, in->item->index, PARCEL_DONE, 0, "-");
    }
    if (is_identical(in)) {
        (void)take_part(r);
        return recv_done(r, in->item->index, PARCEL_SKIPPED, 0, "");
    }
    return finish(r);
}

static int
number_of(const struct frame *f, uint64_t *n)
{
    struct cut c = {.p = f->p, .left = f->n};

    *n = cut_uint(&c, 8);
    return c.bad || c.left > 0 || *n > INT64_MAX ? nonsense() : 0;
}

int
recv_item_frame(struct recv *r, const struct frame *f)
{
    uint64_t n = 0;

    if (f->type == WIRE_BEGIN) {
        return r->in.is_open ? nonsense() : begin(r, f);
    }
    if (!r->in.is_open) {
        return nonsense();
    }
    if (f->type == WIRE_END) {
        return end(r, f);
    }
    if (f->type != WIRE_DATA && number_of(f, &n) < 0) {
        return -EPROTO;
    }
    if (r->in.err < 0) {
        return 0; /* dropped */
    }
    switch (f->type) {
    case WIRE_DATA:
        return take_data(r, f->p, f->n);
    case WIRE_HOLE:
        return take_hole(r, (int64_t)n);
    case WIRE_SAME:
        return take_same(r, n);
    default:
        return nonsense();
    }
}
