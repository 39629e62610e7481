/*
 * recv_base.c - what is there already, and its hashes.
 */
#include "recv_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPIES_LOOKED_AT = 100 };

static bool
is_like(const struct stat *st, const struct parcel_item *it)
{
    return S_ISREG(st->st_mode) && st->st_size == it->size &&
           (int64_t)st->st_mtim.tv_sec * TN_SEC + st->st_mtim.tv_nsec ==
               it->mtime;
}

/* The copy "a (1).txt" that is like the item: its last delivery was not heard
   of. */
static bool
look_at_copies(int folder, const struct parcel_item *it, const char *first,
               char name[PARCEL_NAME + 1], struct stat *st)
{
    for (unsigned k = 1; k <= COPIES_LOOKED_AT; k++) {
        path_copy(name, first, k);
        if (fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) < 0) {
            return false;
        }
        if (is_like(st, it)) {
            return true;
        }
    }
    return false;
}

/* A file of that name is there. Compared with the part if there is one, unless
   it looks as if nothing had to be sent. */
static int
choose(struct recv *r, int folder, const struct parcel_item *it,
       const char *first, char name[PARCEL_NAME + 1], struct stat *st)
{
    struct stat part;
    char part_name[PARCEL_NAME + 1];

    if (is_like(st, it)) {
        return BASE_FILE;
    }
    if (r->opts->policy == PARCEL_RENAME &&
        look_at_copies(folder, it, first, name, st)) {
        return BASE_FILE;
    }
    (void)snprintf(name, PARCEL_NAME + 1, "%s", first);
    path_part(part_name, first);
    if (fstatat(folder, part_name, &part, AT_SYMLINK_NOFOLLOW) == 0) {
        *st = part;
        return BASE_PART;
    }
    if (fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) < 0) {
        return BASE_NONE;
    }
    return S_ISREG(st->st_mode) && (st->st_size == it->size ||
                                    r->opts->policy == PARCEL_OVERWRITE)
               ? BASE_FILE
               : BASE_NONE;
}

int
base_look(struct recv *r, const struct parcel_item *it,
          char name[PARCEL_NAME + 1], struct stat *st)
{
    const char *first;
    char part[PARCEL_NAME + 1];
    int folder = disk_folder(&r->disk, it->path, &first, true);

    if (folder < 0) {
        return folder;
    }
    (void)snprintf(name, PARCEL_NAME + 1, "%s", first);
    if (fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISDIR(st->st_mode) && r->opts->policy == PARCEL_OVERWRITE) {
            return -EISDIR;
        }
        return choose(r, folder, it, first, name, st);
    }
    if (errno != ENOENT) {
        return -errno;
    }
    path_part(part, name);
    return fstatat(folder, part, st, AT_SYMLINK_NOFOLLOW) == 0 ? BASE_PART
                                                               : BASE_NONE;
}

static struct base *
find(struct recv *r, uint32_t item)
{
    for (int i = 0; i < RECV_BASES; i++) {
        if (r->bases[i].is_open && r->bases[i].item == item) {
            return &r->bases[i];
        }
    }
    return NULL;
}

static struct base *
find_room(struct recv *r)
{
    for (int i = 0; i < RECV_BASES; i++) {
        if (!r->bases[i].is_open) {
            return &r->bases[i];
        }
    }
    return NULL;
}

int
base_open(struct recv *r, const struct parcel_item *it, struct base **out)
{
    char name[PARCEL_NAME + 1];
    const char *first;
    struct stat st;
    struct base *b = find(r, it->index);
    int kind, folder, fd;

    *out = b;
    if (b) {
        return 0;
    }
    kind = base_look(r, it, name, &st);
    if (kind <= BASE_NONE) {
        return kind;
    }
    folder = disk_folder(&r->disk, it->path, &first, false);
    fd = folder < 0          ? folder
         : kind == BASE_PART ? disk_open_part(folder, first, false, &st)
                             : disk_open_file(folder, name, &st);
    if (fd < 0) {
        /* It went meanwhile, or is not ours to read: then it is sent. */
        return fd == -ENOENT || (kind == BASE_FILE && fd == -EACCES) ? 0 : fd;
    }
    b = find_room(r);
    if (!b) {
        close(fd);
        return -EPROTO;
    }
    *b = (struct base){.is_open = true,
                       .is_part = kind == BASE_PART,
                       .item = it->index,
                       .src = {.fd = fd, .st = st}};
    b->src.is_sparse = st.st_blocks * 512 < st.st_size;
    r->bases_n++;
    *out = b;
    return 0;
}

int
base_has(struct recv *r, const struct base *b, int64_t at, const uint8_t *src,
         size_t n)
{
    if (!r->block) {
        r->block = malloc(PARCEL_BLOCK);
    }
    if (!r->block) {
        return -ENOMEM;
    }
    return source_read(&b->src, r->block, n, at) == 0 &&
           memcmp(r->block, src, n) == 0;
}

int
base_check(const struct base *b)
{
    const struct stat *was = &b->src.st;
    struct stat st;

    if (fstat(b->src.fd, &st) < 0) {
        return -errno;
    }
    return st.st_size == was->st_size &&
                   st.st_mtim.tv_sec == was->st_mtim.tv_sec &&
                   st.st_mtim.tv_nsec == was->st_mtim.tv_nsec
               ? 0
               : -ESTALE;
}

/* Asked ahead, as long as there are descriptors; what is not opened is told to
   be nothing, and looked at when its turn comes. */
static int
open_ahead(struct recv *r, const struct parcel_item *it, struct base **b)
{
    *b = find(r, it->index);
    return *b || r->bases_n >= r->bases_most ? 0 : base_open(r, it, b);
}

static void
drop_given(struct recv *r)
{
    struct given *g = &r->given[r->given_at];

    free(g->hashes);
    g->hashes = NULL;
    r->given_blocks -= g->count;
    r->given_at = (r->given_at + 1) % WIRE_ASKS;
    r->given_n--;
}

void
base_close(struct recv *r, uint32_t item)
{
    struct base *b = find(r, item);

    if (b) {
        source_close(&b->src);
        b->is_open = false;
        r->bases_n--;
    }
    while (r->given_n > 0 && r->given[r->given_at].item <= item) {
        drop_given(r);
    }
}

/* ---- hashes ---- */

/* Blocks from `at` on into `h`: how many were done; holes cost nothing. */
static int
hash_some(struct base *b, int64_t at, unsigned count, struct tree_hash *h)
{
    int64_t hole = source_hole(&b->src, at) / PARCEL_BLOCK;
    int err;

    if (hole > 0) {
        unsigned n = hole < (int64_t)count ? (unsigned)hole : count;

        for (unsigned i = 0; i < n; i++) {
            tree_zero_leaf(&h[i], PARCEL_BLOCK);
        }
        return (int)n;
    }
    count = count < SOURCE_PORTION ? count : SOURCE_PORTION;
    count = b->src.is_sparse ? 1 : count;
    err = source_hash(&b->src, at, count, h);
    return err < 0 ? err : (int)count;
}

static int
hash_section(struct base *b, uint64_t first, struct given *g)
{
    struct tree_hash zero;
    bool is_zero = true;
    int64_t at = (int64_t)first * PARCEL_BLOCK;

    for (uint32_t i = 0; i < g->count;) {
        int n = hash_some(b, at + (int64_t)i * PARCEL_BLOCK, g->count - i,
                          g->hashes + i);

        if (n >= 0) {
            int err = tn_checkpoint();

            n = err < 0 ? err : n;
        }
        if (n < 0) {
            return n;
        }
        i += (uint32_t)n;
    }
    tree_zero_leaf(&zero, PARCEL_BLOCK);
    for (uint32_t i = 0; i < g->count && is_zero; i++) {
        is_zero = memcmp(g->hashes[i].bytes, zero.bytes, TREE_HASH) == 0;
    }
    g->zero = is_zero && g->count > 0;
    return 0;
}

static int
tell(struct recv *r, const struct given *g)
{
    size_t n = 17 + (g->zero ? 0 : (size_t)g->count * TREE_HASH);
    int err;
    uint8_t *room = lane_room(&r->lane, n, &err);
    struct pen p = {room};

    if (!room) {
        return err;
    }
    pen_uint(&p, g->item, 4);
    pen_uint(&p, g->first, 8);
    pen_uint(&p, g->count, 4);
    pen_uint(&p, g->zero ? 1 : 0, 1);
    if (!g->zero && g->count > 0) {
        pen_bytes(&p, g->hashes, (size_t)g->count * TREE_HASH);
    }
    lane_commit(&r->lane, WIRE_HAVE, n);
    return 0;
}

/* What lies before the place where the sender is will not be spoken of. */
static void
drop_passed(struct recv *r)
{
    uint64_t block = (uint64_t)r->in.pos / PARCEL_BLOCK;

    while (r->in.is_open && r->given_n > 0) {
        const struct given *g = &r->given[r->given_at];

        if (g->item > r->in.begin.item ||
            (g->item == r->in.begin.item && g->first + g->count > block)) {
            return;
        }
        drop_given(r);
    }
}

/* How many of the blocks asked for are there. */
static uint32_t
blocks_there(const struct base *b, const struct wire_ask *ask)
{
    uint64_t all =
        ((uint64_t)b->src.st.st_size + PARCEL_BLOCK - 1) / PARCEL_BLOCK;

    if (ask->first >= all) {
        return 0;
    }
    return all - ask->first < ask->count ? (uint32_t)(all - ask->first)
                                         : ask->count;
}

int
base_asked(struct recv *r, const struct wire_ask *ask)
{
    struct given g = {.item = ask->item, .first = ask->first};
    struct base *b = NULL;
    int err;

    drop_passed(r);
    if (ask->item >= r->list.count ||
        r->list.notes[ask->item].answer != WIRE_COMPARE ||
        r->given_n == WIRE_ASKS ||
        (r->given_n > 0 && r->given_blocks + ask->count > WIRE_ASKED)) {
        return -EPROTO;
    }
    /* What cannot be opened now cannot at its beginning, and fails there. */
    err = open_ahead(r, &r->list.items[ask->item], &b);
    if (err == -EPROTO) {
        return err;
    }
    if (b && r->list.notes[ask->item].state == LIST_OPEN) {
        g.count = blocks_there(b, ask);
        g.hashes = malloc((g.count > 0 ? g.count : 1) * sizeof(*g.hashes));
        err = g.hashes ? hash_section(b, ask->first, &g) : -ENOMEM;
        if (err == -ECANCELED || err == -ETIME || err == -ENOMEM) {
            free(g.hashes);
            return err;
        }
        if (err < 0) { /* unreadable, or cut meanwhile: then it is sent */
            g.count = 0;
        }
    }
    r->given[(r->given_at + r->given_n) % WIRE_ASKS] = g;
    r->given_n++;
    r->given_blocks += g.count;
    return tell(r, &g);
}

bool
base_given(struct recv *r, uint32_t item, uint64_t block, struct tree_hash *out)
{
    while (r->given_n > 0) {
        const struct given *g = &r->given[r->given_at];

        if (g->item > item || (g->item == item && g->first > block)) {
            return false;
        }
        if (g->item == item && block < g->first + g->count) {
            *out = g->hashes[block - g->first];
            return true;
        }
        drop_given(r);
    }
    return false;
}

void
base_forget(struct recv *r)
{
    while (r->given_n > 0) {
        drop_given(r);
    }
    for (int i = 0; i < RECV_BASES; i++) {
        if (r->bases[i].is_open) {
            source_close(&r->bases[i].src);
            r->bases[i].is_open = false;
        }
    }
}
