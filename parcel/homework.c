/*
 * homework.c - one file in the form that the course's exercise sends: two
 * messages, the name and the bytes, each behind its length as struct's 'i'
 * writes it (docs/wire/transfer.md, "plain").
 *
 * It becomes the frames of an item, so that what holds for those holds here.
 */
#include "recv_int.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LENGTH = 4 };

/* What the header said. */
struct plain {
    bool is_big; /* '!i' */
    int64_t size;
    char name[PARCEL_PATH + 1];
};

static int
read_all(tn_sock *sock, void *dst, size_t n)
{
    ssize_t r = n > 0 ? tn_recvall(sock, dst, n, NULL) : 1;

    if (r == 0 || r == TN_ETRUNCATED) {
        return tn_fail(-ECONNRESET, "receive", "the peer left");
    }
    return r < 0 ? (int)r : 0;
}

static uint32_t
length_of(const uint8_t *p, bool is_big)
{
    return is_big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
                        (uint32_t)p[2] << 8 | p[3]
                  : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
                        (uint32_t)p[1] << 8 | p[0];
}

/* A name is short: its length is one in only one of the two byte orders. */
static int
read_name(tn_sock *sock, struct plain *p)
{
    uint8_t head[LENGTH];
    const char *slash;
    uint32_t n;
    int err = read_all(sock, head, LENGTH);

    if (err < 0) {
        return err;
    }
    n = length_of(head, false);
    if (n < 1 || n > PARCEL_PATH) {
        p->is_big = true;
        n = length_of(head, true);
    }
    if (n < 1 || n > PARCEL_PATH) {
        return tn_fail(-EPROTO, "receive", "that is no length of a name");
    }
    err = read_all(sock, p->name, n);
    if (err < 0) {
        return err;
    }
    p->name[n] = '\0';
    slash = memrchr(p->name, '/', n);
    if (slash) { /* where it lies over there is not asked for */
        n -= (uint32_t)(slash + 1 - p->name);
        memmove(p->name, slash + 1, n + 1);
    }
    return path_is_good(p->name, n)
               ? 0
               : tn_fail(-EPROTO, "receive", "that is no name of a file");
}

static int
read_head(tn_sock *sock, struct plain *p)
{
    uint8_t head[LENGTH];
    int err = read_name(sock, p);

    if (err == 0) {
        err = read_all(sock, head, LENGTH);
    }
    if (err < 0) {
        return err;
    }
    p->size = length_of(head, p->is_big);
    return p->size <= INT32_MAX
               ? 0
               : tn_fail(-EPROTO, "receive", "a length is below zero");
}

static int
put(struct recv *r, unsigned type, const uint8_t *p, size_t n)
{
    struct frame f = {.type = type, .p = p, .n = n};

    return recv_item_frame(r, &f);
}

static int
begin(struct recv *r)
{
    const struct parcel_item *it = &r->list.items[0];
    uint8_t bytes[22];
    struct pen p = {bytes};

    pen_uint(&p, 0, 4);
    pen_uint(&p, it->mode, 2);
    pen_uint(&p, (uint64_t)it->size, 8);
    pen_uint(&p, (uint64_t)it->mtime, 8);
    return put(r, WIRE_BEGIN, bytes, sizeof(bytes));
}

static int
end(struct recv *r)
{
    struct tree_hash root;
    uint8_t bytes[25];
    struct pen p = {bytes};

    tree_root(&r->in.tree, &root);
    pen_uint(&p, 0, 1);
    pen_uint(&p, (uint64_t)r->in.pos, 8);
    pen_bytes(&p, root.bytes, TREE_HASH);
    return put(r, WIRE_END, bytes, sizeof(bytes));
}

static int
data(struct recv *r, int64_t left)
{
    int err = 0;

    while (err == 0 && left > 0) {
        size_t n = left < PARCEL_BLOCK ? (size_t)left : PARCEL_BLOCK;

        err = read_all(r->lane.sock, r->lane.in, n);
        if (err == 0) {
            err = put(r, WIRE_DATA, r->lane.in, n);
        }
        left -= (int64_t)n;
    }
    return err;
}

static int
offer(struct recv *r, const struct plain *p)
{
    struct wire_item item = {
        .kind = PARCEL_FILE,
        .mode = 0666,
        .size = p->size,
        .mtime = 0,
        .path = p->name,
        .path_len = strlen(p->name),
    };
    struct timespec now;
    struct parcel_event ev = {.what = PARCEL_OFFER, .sum = &r->sum, .who = ""};
    bool take = true;
    struct parcel_ask ask = {.who = "", .sum = &r->sum, .take = &take};
    int err;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    item.mtime = (int64_t)now.tv_sec * TN_SEC + now.tv_nsec;
    err = list_add(&r->list, &item);
    if (err < 0) {
        return err;
    }
    list_sum(&r->list, false, &r->sum);
    ask.items = r->list.items;
    teller_tell(&r->teller, &ev);
    if (r->opts->max_bytes > 0 && p->size > r->opts->max_bytes) {
        return tn_fail(-EFBIG, "receive", "it is more than is taken here");
    }
    err = r->opts->ask ? r->opts->ask(r->opts->arg, &ask) : 0;
    return err < 0 || take ? err : tn_fail(-EACCES, "receive", "refused");
}

/* What is there cannot be compared: nobody at the other end knows how. */
static void
drop_part(struct recv *r)
{
    const char *name;
    int folder;

    if (r->out || r->list.count == 0) {
        return;
    }
    folder = disk_folder(&r->disk, r->list.items[0].path, &name, false);
    if (folder >= 0) {
        disk_drop_part(folder, name);
    }
}

/* A task: all of it. */
static int
body(void *arg)
{
    struct recv *r = arg;
    struct plain *p = calloc(1, sizeof(*p));
    int err = p ? read_head(r->lane.sock, p) : -ENOMEM;
    bool is_mine;

    if (err == 0) {
        err = offer(r, p);
    }
    if (err == 0) {
        err = begin(r);
    }
    is_mine = r->in.is_open;
    if (err == 0) {
        err = data(r, p->size);
    }
    if (err == 0) {
        err = end(r);
    }
    if (err == 0) {
        err = ready_flush(r);
    }
    recv_item_stop(r);
    ready_stop(r);
    if (is_mine && r->result->done == 0 && r->in.err != -EBUSY) {
        drop_part(r);
    }
    free(p);
    if (err < 0) {
        r->err = err;
    }
    tn_group_cancel(&r->group); /* who only stands by */
    return err;
}

int
parcel_receive_plain(tn_sock *sock, const struct parcel_recv_opts *opts,
                     struct parcel_result *result)
{
    int64_t timeout = tn_gettimeout(sock);
    struct recv *r;
    int err = recv_new(&r, sock, opts, result);

    if (err == 0) {
        (void)tn_settimeout(sock, PARCEL_SILENCE);
        err = recv_run(r, body, true);
        (void)tn_settimeout(sock, timeout);
    }
    if (err == 0 && result->failed > 0) {
        err = tn_fail(-EIO, "receive", "the file could not be kept");
    }
    recv_free(r);
    return err;
}
