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
link_init(struct link *l, int64_t now, enum link_side side)
{
    memset(l, 0, sizeof(*l));
    l->heard = now;
    l->first = l->fresh = l->next = 1;
    l->taken = l->want = 1;
    l->window = side == LINK_OF_HUB ? LINK_WINDOW : LINK_WINDOW_UP;
    l->limit = side == LINK_OF_HUB ? LINK_WINDOW_UP : LINK_WINDOW;
    l->flight = LINK_FLIGHT_FIRST;
    l->due = l->ack_at = INT64_MAX;
}

void
link_fini(struct link *l)
{
    for (size_t i = 0; i < l->places; i++) {
        blob_drop(l->out[i].blob);
    }
    for (size_t i = 0; l->in != NULL && i < l->limit; i++) {
        free(l->in[i]);
    }
    free(l->out);
    free(l->in);
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
place(const struct link *l, uint32_t seq)
{
    return &l->in[seq % l->limit];
}

size_t
link_mask(const struct link *l, unsigned char mask[LINK_MASK])
{
    uint32_t left = l->beyond;
    size_t n = 0;

    memset(mask, 0, LINK_MASK);
    for (uint32_t i = 0; left > 0 && i < l->limit; i++) {
        uint32_t seq = l->want + 1 + i;

        if (seq - l->taken < l->limit && *place(l, seq) != NULL) {
            mask[i / 8] |= (unsigned char)(1U << i % 8);
            n = i / 8 + 1;
            left--;
        }
    }
    return n;
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

/* Whether there is a place for a part; those places are made for the first. */
static bool
has_place(struct link *l, uint32_t seq)
{
    if (seq < l->want || seq - l->taken >= l->limit) {
        return false;
    }
    if (l->in == NULL) {
        l->in = calloc(l->limit, sizeof(struct link_in *));
    }
    return l->in != NULL && *place(l, seq) == NULL;
}

/* A part came. One that is here already, or that shows a gap, is answered at
   once: the other side shall know. What has no place is dropped, for it will
   come again. */
static void
on_part(struct link *l, uint32_t seq, struct link_in *p, int64_t now)
{
    bool in_order = seq == l->want;

    if (!has_place(l, seq)) {
        free(p);
        ack_by(l, now);
        return;
    }
    *place(l, seq) = p;
    l->beyond++;
    while (l->want - l->taken < l->limit && *place(l, l->want) != NULL) {
        l->want++;
        l->beyond--;
    }
    l->unacked++;
    ack_by(l, in_order && l->unacked < 2 && l->beyond == 0
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
    ack.mask_len = (size_t)wire_get(i, 1);
    ack.mask = wire_get_bytes(i, ack.mask_len);
    ack.echo = wire_get(i, 8);
    ack.delay = (int64_t)wire_get(i, 2) * (100 * TN_US);
    return i->bad || ack.mask_len > LINK_MASK ? -EBADMSG
                                              : link_acked(l, &ack, now);
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
        const struct link_in *p = *place(l, seq);
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
