/*
 * wire.c - reading and writing what goes over the stream. Nothing here waits.
 */
#include "wire.h"

#include <tenon/err.h>

#include <string.h>

/* 0x89 is no text, the line ends show who changes them. */
static const uint8_t magic[8] = {0x89, 'T', 'N', 'P', '\r', '\n', 0x1a, '\n'};

enum { CODE_WANTED = 1 << 0 };

uint64_t
cut_uint(struct cut *c, size_t bytes)
{
    const uint8_t *p = cut_bytes(c, bytes);
    uint64_t value = 0;

    for (size_t i = 0; p && i < bytes; i++) {
        value = value << 8 | p[i];
    }
    return value;
}

const uint8_t *
cut_bytes(struct cut *c, size_t n)
{
    const uint8_t *p = c->p;

    if (c->bad || c->left < n) {
        c->bad = true;
        return NULL;
    }
    c->p += n;
    c->left -= n;
    return p;
}

void
pen_uint(struct pen *p, uint64_t value, size_t bytes)
{
    for (size_t i = bytes; i > 0; i--) {
        p->p[i - 1] = (uint8_t)value;
        value >>= 8;
    }
    p->p += bytes;
}

void
pen_bytes(struct pen *p, const void *src, size_t n)
{
    if (n > 0) {
        memcpy(p->p, src, n);
        p->p += n;
    }
}

size_t
wire_most(unsigned type)
{
    static const size_t most[WIRE_TYPES] = {
        [WIRE_HELLO] = PARCEL_WHO,
        [WIRE_OFFER] = WIRE_PAGE,
        [WIRE_OFFERED] = 16,
        [WIRE_ANSWER] = WIRE_PAGE,
        [WIRE_ASK] = 16,
        [WIRE_HAVE] = WIRE_PAGE,
        [WIRE_BEGIN] = 22,
        [WIRE_DATA] = PARCEL_BLOCK,
        [WIRE_HOLE] = 8,
        [WIRE_SAME] = 8,
        [WIRE_END] = 25 + PARCEL_REASON,
        [WIRE_FIN] = 1,
        [WIRE_ACK] = 8,
        [WIRE_DONE] = WIRE_PAGE,
        [WIRE_FINAL] = 12,
        [WIRE_KEEP] = 1,
        [WIRE_BYE] = 1 + PARCEL_REASON,
    };

    return type < WIRE_TYPES ? most[type] : 0;
}

void
wire_put_greeting(uint8_t dst[WIRE_GREETING], const struct wire_greeting *g)
{
    struct pen p = {dst};

    pen_bytes(&p, magic, sizeof(magic));
    pen_uint(&p, g->version, 1);
    pen_uint(&p, g->role, 1);
    pen_uint(&p, g->wants_code ? CODE_WANTED : 0, 2);
    pen_uint(&p, 0, 4);
    pen_bytes(&p, g->nonce, WIRE_NONCE);
}

bool
wire_get_greeting(struct wire_greeting *g, const uint8_t src[WIRE_GREETING])
{
    struct cut c = {.p = src + sizeof(magic),
                    .left = WIRE_GREETING - sizeof(magic)};
    unsigned flags;

    if (memcmp(src, magic, sizeof(magic)) != 0) {
        return false;
    }
    g->version = (uint8_t)cut_uint(&c, 1);
    g->role = (uint8_t)cut_uint(&c, 1);
    flags = (unsigned)cut_uint(&c, 2);
    g->wants_code = (flags & CODE_WANTED) != 0;
    (void)cut_uint(&c, 4);
    memcpy(g->nonce, src + WIRE_GREETING - WIRE_NONCE, WIRE_NONCE);
    return g->role == WIRE_SENDER || g->role == WIRE_RECEIVER;
}

/* A size: one bit pattern means "not known", others end at INT64_MAX. */

static int64_t
cut_size(struct cut *c)
{
    uint64_t value = cut_uint(c, 8);

    if (value == UINT64_MAX) {
        return -1;
    }
    if (value > INT64_MAX) {
        c->bad = true;
        return 0;
    }
    return (int64_t)value;
}

void
wire_put_item(struct pen *p, const struct wire_item *i)
{
    pen_uint(p, i->kind, 1);
    pen_uint(p, i->mode, 2);
    pen_uint(p, (uint64_t)i->size, 8);
    pen_uint(p, (uint64_t)i->space, 8);
    pen_uint(p, (uint64_t)i->mtime, 8);
    pen_uint(p, i->path_len, 2);
    pen_bytes(p, i->path, i->path_len);
}

bool
wire_get_item(struct cut *c, struct wire_item *i)
{
    uint64_t kind = cut_uint(c, 1);

    i->mode = (unsigned)cut_uint(c, 2);
    i->size = cut_size(c);
    i->space = cut_size(c);
    i->mtime = (int64_t)cut_uint(c, 8);
    i->path_len = (size_t)cut_uint(c, 2);
    i->path = (const char *)cut_bytes(c, i->path_len);
    if (c->bad || kind > PARCEL_STREAM || i->mode > 0777 || i->space < 0 ||
        i->path_len == 0 || i->path_len > PARCEL_PATH) {
        return false;
    }
    i->kind = (enum parcel_kind)kind;
    /* Only a stream has no size, and a folder has none that counts. */
    return (i->size < 0) == (kind == PARCEL_STREAM) &&
           (kind != PARCEL_FOLDER || i->size == 0);
}

/* A block's number is that of a byte below 2^63. */
static bool
is_section(uint64_t first, uint32_t count)
{
    uint64_t most = (uint64_t)INT64_MAX / PARCEL_BLOCK;

    return first <= most && count >= 1 && count <= WIRE_SECTION;
}

bool
wire_get_ask(const uint8_t *src, size_t n, struct wire_ask *a)
{
    struct cut c = {.p = src, .left = n};

    a->item = (uint32_t)cut_uint(&c, 4);
    a->first = cut_uint(&c, 8);
    a->count = (uint32_t)cut_uint(&c, 4);
    return !c.bad && c.left == 0 && is_section(a->first, a->count);
}

bool
wire_get_have(const uint8_t *src, size_t n, struct wire_have *h)
{
    struct cut c = {.p = src, .left = n};
    uint64_t flags;

    h->item = (uint32_t)cut_uint(&c, 4);
    h->first = cut_uint(&c, 8);
    h->count = (uint32_t)cut_uint(&c, 4);
    flags = cut_uint(&c, 1);
    h->zero = flags == 1;
    if (c.bad || flags > 1 || h->count > WIRE_SECTION ||
        h->first > (uint64_t)INT64_MAX / PARCEL_BLOCK) {
        return false;
    }
    h->hashes = h->zero ? NULL : cut_bytes(&c, (size_t)h->count * TREE_HASH);
    return !c.bad && c.left == 0;
}

bool
wire_get_begin(const uint8_t *src, size_t n, struct wire_begin *b)
{
    struct cut c = {.p = src, .left = n};

    b->item = (uint32_t)cut_uint(&c, 4);
    b->mode = (unsigned)cut_uint(&c, 2);
    b->size = cut_size(&c);
    b->mtime = (int64_t)cut_uint(&c, 8);
    return !c.bad && c.left == 0 && b->mode <= 0777;
}

/* Text behind everything else, at most PARCEL_REASON bytes. */
static const char *
cut_rest(struct cut *c, size_t *n)
{
    *n = c->left;
    c->bad = c->bad || c->left > PARCEL_REASON;
    return (const char *)c->p;
}

bool
wire_get_end(const uint8_t *src, size_t n, struct wire_end *e)
{
    struct cut c = {.p = src, .left = n};
    const uint8_t *root;

    e->err = wire_errno((uint8_t)cut_uint(&c, 1));
    e->size = cut_size(&c);
    root = cut_bytes(&c, TREE_HASH);
    e->why = cut_rest(&c, &e->why_len);
    if (c.bad || e->size < 0) {
        return false;
    }
    memcpy(e->root.bytes, root, TREE_HASH);
    return true;
}

bool
wire_get_bye(const uint8_t *src, size_t n, struct wire_bye *b)
{
    struct cut c = {.p = src, .left = n};

    b->err = wire_errno((uint8_t)cut_uint(&c, 1));
    b->why = cut_rest(&c, &b->why_len);
    return !c.bad;
}

bool
wire_get_done(struct cut *c, struct wire_done *d)
{
    uint64_t what, most;

    d->item = (uint32_t)cut_uint(c, 4);
    what = cut_uint(c, 1);
    d->err = wire_errno((uint8_t)cut_uint(c, 1));
    d->text_len = (size_t)cut_uint(c, 2);
    d->text = (const char *)cut_bytes(c, d->text_len);
    most = what == 2 ? PARCEL_REASON : PARCEL_PATH;
    d->what = what == 0   ? PARCEL_DONE
              : what == 1 ? PARCEL_SKIPPED
                          : PARCEL_FAILED;
    return !c->bad && what <= 2 && d->text_len <= most &&
           (d->err < 0) == (what == 2);
}

void
wire_put_done(struct pen *p, const struct wire_done *d)
{
    uint64_t what = d->what == PARCEL_DONE      ? 0
                    : d->what == PARCEL_SKIPPED ? 1
                                                : 2;

    pen_uint(p, d->item, 4);
    pen_uint(p, what, 1);
    pen_uint(p, wire_code(d->err), 1);
    pen_uint(p, d->text_len, 2);
    pen_bytes(p, d->text, d->text_len);
}

/* ---- errors: the place in this list is the code ---- */

static const int codes[] = {
    0,       -EIO,          -EACCES,          -ENOSPC, -EROFS,
    -EDQUOT, -EBUSY,        -ESTALE,          -EEXIST, -ENOENT,
    -EISDIR, -ENOTDIR,      -ELOOP,           -EMFILE, -ENOMEM,
    -EFBIG,  -ENAMETOOLONG, -EINVAL,          -EPROTO, -ECANCELED,
    -ETIME,  -EBADMSG,      -EPROTONOSUPPORT, -E2BIG,  -EPERM,
};

enum { CODES = sizeof(codes) / sizeof(codes[0]), CODE_OTHER = 1 };

uint8_t
wire_code(int err)
{
    for (size_t i = 0; i < CODES; i++) {
        if (codes[i] == err) {
            return (uint8_t)i;
        }
    }
    return CODE_OTHER;
}

int
wire_errno(uint8_t code)
{
    return code < CODES ? codes[code] : codes[CODE_OTHER];
}
