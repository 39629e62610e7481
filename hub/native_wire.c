#include "native_wire.h"

#include <tenon/err.h>

#include <string.h>

static const unsigned char magic[] = {0xFF, 'T', WIRE_VERSION};

/* --- bytes -----------------------------------------------------------------*/

void
wire_out_init(struct wire_out *o, void *buf, size_t cap)
{
    o->at = buf;
    o->end = o->at + cap;
    o->full = false;
}

void
wire_in_init(struct wire_in *i, const void *buf, size_t n)
{
    i->at = buf;
    i->end = i->at + n;
    i->bad = false;
}

void
wire_put(struct wire_out *o, uint64_t value, size_t size)
{
    unsigned char bytes[8];

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(value >> 8 * (size - 1 - i));
    }
    wire_put_bytes(o, bytes, size);
}

void
wire_put_bytes(struct wire_out *o, const void *src, size_t n)
{
    if (o->full || (size_t)(o->end - o->at) < n) {
        o->full = true;
        return;
    }
    memcpy(o->at, src, n);
    o->at += n;
}

void
wire_put_text(struct wire_out *o, const char *src, size_t n, size_t size)
{
    wire_put(o, n, size);
    wire_put_bytes(o, src, n);
}

uint64_t
wire_get(struct wire_in *i, size_t size)
{
    const unsigned char *p = wire_get_bytes(i, size);
    uint64_t value = 0;

    for (size_t k = 0; p != NULL && k < size; k++) {
        value = value << 8 | p[k];
    }
    return value;
}

const void *
wire_get_bytes(struct wire_in *i, size_t n)
{
    const unsigned char *p = i->at;

    if (i->bad || wire_left(i) < n) {
        i->bad = true;
        return NULL;
    }
    i->at += n;
    return p;
}

size_t
wire_get_text(struct wire_in *i, char *dst, size_t max, size_t size)
{
    size_t n = (size_t)wire_get(i, size);
    const char *p = n <= max ? wire_get_bytes(i, n) : NULL;

    if (p == NULL || memchr(p, '\0', n) != NULL) {
        i->bad = true;
        n = 0;
    } else {
        memcpy(dst, p, n);
    }
    dst[n] = '\0';
    return n;
}

size_t
wire_left(const struct wire_in *i)
{
    return (size_t)(i->end - i->at);
}

/* --- frames ----------------------------------------------------------------*/

bool
wire_is_native(const void *buf, size_t n)
{
    return n >= 2 && memcmp(buf, magic, 2) == 0;
}

/* Only packets may have anything behind what is known of them, and HELLO. */
static void
get_fields(struct wire_frame *f, struct wire_in *i)
{
    if (f->type != WIRE_RESET_FRAME && f->type != WIRE_PACKET_FRAME) {
        f->nonce = wire_get_bytes(i, WIRE_NONCE);
    }
    if (f->type == WIRE_COOKIE_FRAME) {
        f->flags = (unsigned)wire_get(i, 1);
    }
    if (f->type == WIRE_COOKIE_FRAME || f->type == WIRE_ENTER_FRAME) {
        f->cookie = wire_get_bytes(i, WIRE_COOKIE);
    }
    if (f->type == WIRE_ANSWER_FRAME || f->type == WIRE_RESET_FRAME ||
        f->type == WIRE_PACKET_FRAME) {
        f->session = wire_get(i, 8);
    }
    if (f->type == WIRE_ENTER_FRAME || f->type == WIRE_ANSWER_FRAME) {
        f->share = wire_get_bytes(i, WIRE_SHARE);
    }
    if (f->type == WIRE_REFUSE_FRAME) {
        f->why = (enum wire_why)wire_get(i, 1);
    }
    if (f->type == WIRE_PACKET_FRAME) {
        f->number = wire_get(i, 8);
        f->body_len = wire_left(i);
        f->body = wire_get_bytes(i, f->body_len);
    }
}

int
wire_parse(struct wire_frame *f, const void *buf, size_t n)
{
    struct wire_in i;
    unsigned version;

    memset(f, 0, sizeof(*f));
    wire_in_init(&i, buf, n);
    if (!wire_is_native(buf, n) || n > WIRE_DATAGRAM) {
        return -EBADMSG;
    }
    (void)wire_get_bytes(&i, 2);
    version = (unsigned)wire_get(&i, 1);
    f->type = (enum wire_type)wire_get(&i, 1);
    if (i.bad) {
        return -EBADMSG;
    }
    if (version != WIRE_VERSION) {
        f->nonce = wire_get_bytes(&i, WIRE_NONCE);
        return -EPROTO;
    }
    if (f->type < WIRE_HELLO_FRAME || f->type > WIRE_PACKET_FRAME) {
        return -EBADMSG;
    }
    get_fields(f, &i);
    if (f->type == WIRE_HELLO_FRAME) {
        i.bad |= n < WIRE_HELLO;
    } else {
        i.bad |= wire_left(&i) > 0;
    }
    return i.bad ? -EBADMSG : 0;
}

size_t
wire_write(void *buf, const struct wire_frame *f)
{
    static const unsigned char zeros[WIRE_HELLO];
    struct wire_out o;

    wire_out_init(&o, buf, WIRE_DATAGRAM);
    wire_put_bytes(&o, magic, sizeof(magic));
    wire_put(&o, f->type, 1);
    if (f->nonce != NULL) {
        wire_put_bytes(&o, f->nonce, WIRE_NONCE);
    }
    if (f->type == WIRE_COOKIE_FRAME) {
        wire_put(&o, f->flags, 1);
    }
    if (f->cookie != NULL) {
        wire_put_bytes(&o, f->cookie, WIRE_COOKIE);
    }
    if (f->type == WIRE_ANSWER_FRAME || f->type == WIRE_RESET_FRAME ||
        f->type == WIRE_PACKET_FRAME) {
        wire_put(&o, f->session, 8);
    }
    if (f->type == WIRE_ENTER_FRAME || f->type == WIRE_ANSWER_FRAME) {
        wire_put_bytes(&o, f->share != NULL ? f->share : zeros, WIRE_SHARE);
    }
    if (f->type == WIRE_REFUSE_FRAME) {
        wire_put(&o, f->why, 1);
    } else if (f->type == WIRE_PACKET_FRAME) {
        wire_put(&o, f->number, 8);
    } else if (f->type == WIRE_HELLO_FRAME) {
        wire_put_bytes(&o, zeros,
                       WIRE_HELLO - (size_t)(o.at - (unsigned char *)buf));
    }
    return (size_t)(o.at - (unsigned char *)buf);
}

/* --- why -------------------------------------------------------------------*/

static const int codes[] = {
    [WIRE_FINE] = 0,
    [WIRE_LATER] = -EPROTO,
    [WIRE_WRONG] = -EACCES,
    [WIRE_TAKEN] = -EEXIST,
    [WIRE_FULL] = -EUSERS,
    [WIRE_NO_NAME] = -EINVAL,
    [WIRE_LONG] = -ENAMETOOLONG,
    [WIRE_SLOWED] = -EAGAIN,
    [WIRE_CLOSED] = -ESHUTDOWN,
    [WIRE_REPLACED] = -EEXIST,
    [WIRE_NOBODY] = -ENOENT,
    [WIRE_RULES] = -EPROTO,
};

enum {
    CODES = sizeof(codes) / sizeof(codes[0]),
};

int
wire_err(enum wire_why why)
{
    return (unsigned)why < CODES ? codes[why] : -EPROTO;
}

enum wire_why
wire_why(int err)
{
    for (unsigned i = 0; i < CODES; i++) {
        if (codes[i] == err) {
            return (enum wire_why)i;
        }
    }
    return err == -ENOMEM ? WIRE_FULL : WIRE_NO_NAME;
}
