#include "link.h"

#include <tenon/err.h>

#include "link_int.h"
#include "native_wire.h"

#include <stdlib.h>
#include <string.h>

struct link_in {
    uint16_t len;
    uint8_t flags;
    unsigned char bytes[];
};

void
link_init(struct link *l, int64_t now)
{
    memset(l, 0, sizeof(*l));
    l->heard = now;
    l->first = l->fresh = l->next = 1;
    l->taken = l->want = 1;
    l->ack_at = INT64_MAX;
}

void
link_fini(struct link *l)
{
    for (size_t i = 0; i < LINK_WINDOW; i++) {
        blob_drop(l->out[i].blob);
        free(l->in[i]);
    }
    memset(l, 0, sizeof(*l));
}

/* --- packets ---------------------------------------------------------------*/

/* Whether a packet did not come before; it has now. */
static bool
is_new(struct link *l, uint64_t number)
{
    uint64_t back = l->newest - number;

    if (number == 0) {
        return false;
    }
    if (number > l->newest) {
        uint64_t ahead = number - l->newest;

        l->mask = ahead < 64 ? l->mask << ahead | 1 : 1;
        l->newest = number;
        return true;
    }
    if (back >= 64 || (l->mask >> back & 1) != 0) {
        return false;
    }
    l->mask |= (uint64_t)1 << back;
    return true;
}

static void
ack_by(struct link *l, int64_t when)
{
    l->ack_at = when < l->ack_at ? when : l->ack_at;
}

/* The other side waits for an answer to this packet. */
static void
note_echo(struct link *l, uint64_t number, int64_t now)
{
    if (number > l->echo) {
        l->echo = number;
        l->echo_at = now;
    }
}

/* --- parts -----------------------------------------------------------------*/

static struct link_in **
place(struct link *l, uint32_t seq)
{
    return &l->in[seq % LINK_WINDOW];
}

uint32_t
link_mask(const struct link *l)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < 32; i++) {
        uint32_t seq = l->want + 1 + i;

        if (seq - l->taken < LINK_WINDOW && l->in[seq % LINK_WINDOW] != NULL) {
            mask |= (uint32_t)1 << i;
        }
    }
    return mask;
}

static struct link_in *
copy_part(const unsigned char *src, uint16_t n, uint8_t flags)
{
    struct link_in *p = malloc(sizeof(*p) + n);

    if (p != NULL) {
        p->len = n;
        p->flags = flags;
        memcpy(p->bytes, src, n);
    }
    return p;
}

/* A part came. One that is here already, or that shows a gap, is answered at
   once: the other side shall know. What has no place is dropped, for it will
   come again. */
static void
on_part(struct link *l, uint32_t seq, struct link_in *p, int64_t now)
{
    bool in_order = seq == l->want;

    if (seq < l->want || seq - l->taken >= LINK_WINDOW ||
        *place(l, seq) != NULL) {
        free(p);
        ack_by(l, now);
        return;
    }
    *place(l, seq) = p;
    while (l->want - l->taken < LINK_WINDOW && *place(l, l->want) != NULL) {
        l->want++;
    }
    l->unacked++;
    ack_by(l, in_order && l->unacked < 2 && link_mask(l) == 0
                  ? now + LINK_ACK_DELAY
                  : now);
}

static int
read_part(struct link *l, struct wire_in *i, int64_t now)
{
    uint32_t seq = (uint32_t)wire_get(i, 4);
    uint8_t flags = (uint8_t)wire_get(i, 1);
    uint16_t n = (uint16_t)wire_get(i, 2);
    const unsigned char *bytes = wire_get_bytes(i, n);
    struct link_in *p;

    if (i->bad || seq == 0 || n == 0 || n > LINK_PART ||
        flags > (LINK_FIRST | LINK_LAST)) {
        return -EBADMSG;
    }
    p = copy_part(bytes, n, flags);
    if (p != NULL) { /* else it was lost, and comes again */
        on_part(l, seq, p, now);
    }
    return 0;
}

static int
read_ack(struct link *l, struct wire_in *i, int64_t now)
{
    struct link_ack ack;

    ack.want = (uint32_t)wire_get(i, 4);
    ack.mask = (uint32_t)wire_get(i, 4);
    ack.echo = wire_get(i, 8);
    ack.delay = (int64_t)wire_get(i, 2) * (100 * TN_US);
    return i->bad ? -EBADMSG : link_acked(l, &ack, now);
}

/* One item; 1 if it wants an answer. */
static int
read_item(struct link *l, struct wire_in *i, int64_t now)
{
    int err;

    switch (wire_get(i, 1)) {
    case LINK_ACK:
        return read_ack(l, i, now);
    case LINK_DATA:
        err = read_part(l, i, now);
        return err < 0 ? err : 1;
    case LINK_PING:
        ack_by(l, now);
        return 1;
    case LINK_CHALLENGE:
        l->response = wire_get(i, 8);
        l->respond = true;
        break;
    case LINK_RESPONSE:
        l->proof = wire_get(i, 8);
        l->proven = true;
        break;
    default:
        return -EBADMSG;
    }
    return i->bad ? -EBADMSG : 0;
}

int
link_read(struct link *l, uint64_t number, const void *buf, size_t n,
          int64_t now)
{
    struct wire_in i;

    if (!is_new(l, number)) {
        /* Our answer may be what was lost. */
        if (number != 0 && number == l->echo) {
            ack_by(l, now);
        }
        return -EALREADY;
    }
    l->heard = now;
    wire_in_init(&i, buf, n);
    while (wire_left(&i) > 0) {
        int err = read_item(l, &i, now);

        if (err < 0) {
            return err;
        }
        if (err > 0) {
            note_echo(l, number, now);
        }
    }
    return 0;
}

/* --- messages --------------------------------------------------------------*/

/* Parts of the next message: 0 it is not whole yet; -EBADMSG. */
static int
count_parts(const struct link *l, size_t *len)
{
    int parts = 0;

    *len = 0;
    for (uint32_t seq = l->taken; seq < l->want; seq++) {
        const struct link_in *p = l->in[seq % LINK_WINDOW];
        bool first = (p->flags & LINK_FIRST) != 0;

        *len += p->len;
        if (first != (parts == 0) || ++parts > LINK_PARTS ||
            *len > LINK_MESSAGE) {
            return -EBADMSG;
        }
        if ((p->flags & LINK_LAST) != 0) {
            return parts;
        }
    }
    return 0;
}

ssize_t
link_take(struct link *l, void *buf, size_t cap)
{
    unsigned char *to = buf;
    size_t len;
    int parts = count_parts(l, &len);

    if (parts <= 0) {
        return parts;
    }
    if (len > cap) {
        return -EBADMSG;
    }
    while (parts-- > 0) {
        struct link_in **p = place(l, l->taken++);

        memcpy(to, (*p)->bytes, (*p)->len);
        to += (*p)->len;
        free(*p);
        *p = NULL;
    }
    return (ssize_t)len;
}

bool
link_has_message(const struct link *l)
{
    size_t len;

    return count_parts(l, &len) != 0;
}
