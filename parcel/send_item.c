/*
 * send_item.c - one item: its blocks in their order, and what stands for them.
 */
#include "send_int.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What came of a stream waits no longer for the rest of a block. */
#define STREAM_WAIT (50 * TN_MS)

/* An item on its way. */
struct sending {
    struct send *s;
    uint32_t index;
    struct source src;
    struct tree tree;
    int64_t pos, size;
    uint64_t same;   /* blocks that the receiver has, not told yet */
    int lost;        /* the connection's error, which is not the item's */
    bool is_compare; /* the receiver may have blocks of it */
    bool is_begun;   /* which was told */
};

/* The receiver gave it up already. */
static bool
is_unwanted(const struct sending *g)
{
    return g->s->p->list.notes[g->index].state != LIST_OPEN;
}

static void
tell(struct sending *g, enum parcel_what what)
{
    struct parcel_event ev = {
        .what = what, .item = &g->s->p->list.items[g->index], .done = g->pos};

    g->s->done = g->pos;
    send_tell(g->s, &ev);
}

/* The first byte that the receiver does not have yet. */
static void
tell_begin(struct sending *g)
{
    if (!g->is_begun) {
        g->is_begun = true;
        tell(g, PARCEL_BEGIN);
    }
}

static int
put(struct sending *g, unsigned type, const void *src, size_t n)
{
    g->lost = lane_put(&g->s->lane, type, src, n);
    return g->lost;
}

static int
put_number(struct sending *g, unsigned type, uint64_t n)
{
    uint8_t bytes[8];
    struct pen p = {bytes};

    pen_uint(&p, n, 8);
    return put(g, type, bytes, sizeof(bytes));
}

/* Wait until little enough is on its way. */
static int
gate(struct sending *g)
{
    struct send *s = g->s;

    while (s->lane.put - s->acked >= s->window) {
        g->lost = lane_flush(&s->lane);
        if (g->lost == 0 && s->lane.put - s->acked >= s->window) {
            g->lost = send_wait(s);
        }
        if (g->lost < 0) {
            return g->lost;
        }
    }
    return 0;
}

static int
put_same(struct sending *g)
{
    uint64_t n = g->same;

    g->same = 0;
    return n > 0 ? put_number(g, WIRE_SAME, n) : 0;
}

static int
put_hole(struct sending *g, int64_t n)
{
    struct tree_hash h;
    int err = put_same(g);

    tell_begin(g);
    if (err == 0) {
        err = put_number(g, WIRE_HOLE, (uint64_t)n);
    }
    tree_push_zeros(&g->tree, (uint64_t)(n / PARCEL_BLOCK));
    if (n % PARCEL_BLOCK != 0) {
        tree_zero_leaf(&h, (size_t)(n % PARCEL_BLOCK));
        tree_push(&g->tree, &h);
    }
    g->pos += n;
    return err;
}

static bool
is_equal(const struct tree_hash *a, const struct tree_hash *b)
{
    return memcmp(a->bytes, b->bytes, TREE_HASH) == 0;
}

/* Send what lies in the room; a block of zeros need not go. */
static int
put_block(struct sending *g, const uint8_t *room, size_t n)
{
    struct tree_hash h, zero;

    tell_begin(g);
    tree_leaf(&h, room, n);
    tree_zero_leaf(&zero, PARCEL_BLOCK);
    if (n == PARCEL_BLOCK && is_equal(&h, &zero)) {
        return put_hole(g, PARCEL_BLOCK);
    }
    lane_commit(&g->s->lane, WIRE_DATA, n);
    tree_push(&g->tree, &h);
    g->pos += (int64_t)n;
    g->s->result->moved += (int64_t)n;
    return 0;
}

static int
send_block(struct sending *g)
{
    int64_t rest = g->size - g->pos;
    size_t n = rest < PARCEL_BLOCK ? (size_t)rest : PARCEL_BLOCK;
    uint8_t *room;
    int err = put_same(g);

    if (err == 0) {
        err = gate(g);
    }
    if (err < 0) {
        return err;
    }
    room = lane_room(&g->s->lane, n, &g->lost);
    if (!room) {
        return g->lost;
    }
    err = source_read(&g->src, room, n, g->pos);
    return err < 0 ? err : put_block(g, room, n);
}

/* ---- where the receiver has something ---- */

static void
skip_block(struct sending *g, const struct tree_hash *h)
{
    int64_t rest = g->size - g->pos;
    int64_t n = rest < PARCEL_BLOCK ? rest : PARCEL_BLOCK;

    tree_push(&g->tree, h);
    g->same++;
    g->pos += n;
    g->s->result->kept += n;
}

/* Some blocks that the receiver has, too, or has something in place of. */
static int
compare(struct sending *g, const struct asked *a)
{
    struct tree_hash mine[SOURCE_PORTION], zero;
    uint64_t block = (uint64_t)g->pos / PARCEL_BLOCK;
    uint64_t count = a->first + a->count - block;
    uint64_t mine_left =
        ((uint64_t)(g->size - g->pos) + PARCEL_BLOCK - 1) / PARCEL_BLOCK;
    int err;

    count = count < SOURCE_PORTION ? count : SOURCE_PORTION;
    count = count < mine_left ? count : mine_left;
    err = source_hash(&g->src, g->pos, (unsigned)count, mine);
    tree_zero_leaf(&zero, PARCEL_BLOCK);
    for (uint64_t i = 0; i < count && err == 0; i++) {
        const struct tree_hash *theirs =
            a->zero ? &zero : &a->hashes[block - a->first + i];

        if (is_equal(&mine[i], theirs)) {
            skip_block(g, &mine[i]);
        } else {
            err = send_block(g);
        }
    }
    /* The receiver has to know it before it is asked for more. */
    return err < 0 ? err : put_same(g);
}

/* The next blocks. 0; an error of the item, or in `lost`. */
static int
step(struct sending *g)
{
    int64_t hole = source_hole(&g->src, g->pos);
    const struct asked *a;
    int r;

    if (hole > 0) {
        return put_hole(g, hole);
    }
    if (!g->is_compare) {
        return send_block(g);
    }
    r = send_find(g->s, g->index, (uint64_t)g->pos / PARCEL_BLOCK, &a);
    if (r < 0) {
        g->lost = r;
        return r;
    }
    g->is_compare = r > 0;
    return r > 0 ? compare(g, a) : send_block(g);
}

static int
send_blocks(struct sending *g)
{
    int err = 0;

    while (err == 0 && g->pos < g->size && !is_unwanted(g)) {
        err = step(g);
        tell(g, PARCEL_MOVED);
    }
    if (err == 0 && g->size == 0) {
        tell_begin(g);
    }
    return err;
}

/* ---- a stream, whose end is not known ---- */

/* What comes within STREAM_WAIT, a block at most: a log that grows by a line
   now and then is there at once. 1; 0 at the end. */
static int
read_stream(tn_sock *from, uint8_t *room, size_t *got)
{
    ssize_t n = tn_recv(from, room, PARCEL_BLOCK, 0);
    tn_scope limit;

    *got = 0;
    tn_deadline(&limit, STREAM_WAIT);
    while (n > 0) {
        *got += (size_t)n;
        n = *got < PARCEL_BLOCK
                ? tn_recv(from, room + *got, PARCEL_BLOCK - *got, 0)
                : -ETIME;
    }
    if (!tn_scope_end(&limit) && n == -ETIME && *got < PARCEL_BLOCK) {
        return -ETIME; /* somebody else's deadline */
    }
    return n == -ETIME ? 1 : (int)n;
}

static int
send_stream_blocks(struct sending *g, tn_sock *from)
{
    /* The gathered frames must be whole while the stream is waited for. */
    uint8_t *block = malloc(PARCEL_BLOCK);
    int err = block ? 0 : -ENOMEM, more = 1;

    while (err == 0 && more > 0 && !is_unwanted(g)) {
        uint8_t *room = NULL;
        size_t n = 0;

        more = read_stream(from, block, &n);
        err = more < 0 ? more : n > 0 ? gate(g) : 0;
        if (err < 0 || n == 0) {
            break;
        }
        room = lane_room(&g->s->lane, n, &g->lost);
        if (!room) {
            err = g->lost;
            break;
        }
        memcpy(room, block, n);
        err = put_block(g, room, n);
        if (err == 0) {
            g->lost = lane_flush(&g->s->lane);
            err = g->lost;
        }
        tell(g, PARCEL_MOVED);
    }
    free(block);
    return err;
}

static int
send_stream(struct sending *g)
{
    struct parcel_root *root =
        &g->s->p->roots[g->s->p->list.notes[g->index].mark];
    tn_sock *from;
    int err;

    if (root->used) {
        return -ESTALE; /* what it gave is gone */
    }
    root->used = true;
    err = tn_wrap(&from, root->fd);
    if (err < 0) {
        return err;
    }
    err = send_stream_blocks(g, from);
    (void)tn_close(from);
    g->size = g->pos;
    return err;
}

/* ---- its beginning and its end ---- */

static int
put_begin(struct sending *g)
{
    const struct parcel_item *it = &g->s->p->list.items[g->index];
    uint8_t bytes[22];
    struct pen p = {bytes};
    bool is_file = it->kind == PARCEL_FILE && g->src.fd >= 0;
    int64_t mtime = is_file ? (int64_t)g->src.st.st_mtim.tv_sec * TN_SEC +
                                  g->src.st.st_mtim.tv_nsec
                            : it->mtime;

    pen_uint(&p, g->index, 4);
    pen_uint(&p, is_file ? g->src.st.st_mode & 0777 : it->mode, 2);
    pen_uint(&p, (uint64_t)(is_file ? g->size : it->size), 8);
    pen_uint(&p, (uint64_t)mtime, 8);
    return put(g, WIRE_BEGIN, bytes, sizeof(bytes));
}

static const char *
why_of(int err)
{
    return err == -ESTALE      ? "it changed while it was sent"
           : err == -ECANCELED ? "it is not wanted any more"
                               : tn_strerror(err);
}

static int
put_end(struct sending *g, int err)
{
    uint8_t bytes[25 + PARCEL_REASON];
    struct pen p = {bytes};
    struct tree_hash root;

    tree_root(&g->tree, &root);
    if (err == 0 && g->src.fd >= 0) {
        err = source_check(&g->src, &root);
    }
    if (err == -ESTALE) {
        g->s->is_stale = true;
    }
    pen_uint(&p, wire_code(err), 1);
    pen_uint(&p, (uint64_t)g->pos, 8);
    pen_bytes(&p, root.bytes, TREE_HASH);
    if (err < 0) {
        const char *why = why_of(err);

        pen_bytes(&p, why, strnlen(why, PARCEL_REASON));
    }
    return put(g, WIRE_END, bytes, (size_t)(p.p - bytes));
}

static int
open_item(struct sending *g)
{
    const struct parcel *p = g->s->p;
    char *path = malloc(PATH_MAX);
    int err = path ? parcel_real_path(p, g->index, path, PATH_MAX) : -ENOMEM;

    if (err < 0) {
        free(path);
        return err;
    }
    /* A link that was named is followed; one that came in its place is not. */
    err = source_open(&g->src, path,
                      strchr(p->list.items[g->index].path, '/') == NULL);
    g->size = err == 0 ? g->src.st.st_size : 0;
    free(path);
    return err;
}

static int
send_open(struct sending *g, int err)
{
    bool is_stream = g->s->p->list.items[g->index].kind == PARCEL_STREAM;

    if (put_begin(g) < 0) {
        return g->lost;
    }
    if (err == 0) {
        err = is_stream ? send_stream(g) : send_blocks(g);
    }
    if (g->lost == 0 && g->same > 0) {
        (void)put_same(g);
    }
    if (err == 0 && is_unwanted(g)) {
        err = -ECANCELED;
    }
    if (g->lost == 0) {
        (void)put_end(g, err);
    }
    return g->lost;
}

int
send_item(struct send *s, uint32_t index)
{
    struct sending *g = calloc(1, sizeof(*g));
    const struct list *l = &s->p->list;
    int err;

    if (!g) {
        return -ENOMEM;
    }
    g->s = s;
    g->index = index;
    g->src.fd = -1;
    g->is_compare = l->notes[index].answer == WIRE_COMPARE;
    tree_init(&g->tree);
    if (s->next_item < index) {
        s->next_item = index;
        s->next_block = 0;
    }
    err = l->items[index].kind == PARCEL_FILE ? open_item(g) : 0;
    if (err == -ECANCELED || err == -ETIME) {
        free(g);
        return err;
    }
    err = send_open(g, err);
    if (s->next_item == index) {
        s->next_item = index + 1;
        s->next_block = 0;
    }
    s->all_done += s->done;
    s->done = 0;
    source_close(&g->src);
    free(g);
    return err;
}
