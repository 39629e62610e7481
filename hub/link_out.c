#include <tenon/err.h>

#include "link_int.h"
#include "native_wire.h"

#include <string.h>

enum {
    /* Bytes of an item without what it carries. */
    DATA_HEAD = 8,
    /* A part is taken for lost when so many packets after it have arrived. */
    OVERTAKEN = 3,
};

/* --- the round trip --------------------------------------------------------*/

int64_t
link_rto(const struct link *l)
{
    int64_t rto = l->srtt + 4 * l->rttvar;

    if (l->srtt == 0) {
        return LINK_RTO_FIRST;
    }
    return rto < LINK_RTO_MIN   ? LINK_RTO_MIN
           : rto > LINK_RTO_MAX ? LINK_RTO_MAX
                                : rto;
}

/* RFC 6298, section 2. */
static void
measure(struct link *l, int64_t rtt)
{
    int64_t off = l->srtt > rtt ? l->srtt - rtt : rtt - l->srtt;

    if (l->srtt == 0) {
        l->srtt = rtt;
        l->rttvar = rtt / 2;
    } else {
        l->rttvar += (off - l->rttvar) / 4;
        l->srtt += (rtt - l->srtt) / 8;
    }
}

/* --- what is to be sent ----------------------------------------------------*/

int
link_room(const struct link *l)
{
    return (int)(LINK_WINDOW - (l->next - l->first)) / LINK_PARTS;
}

int
link_queue(struct link *l, struct blob *b)
{
    uint32_t parts = ((uint32_t)b->len + LINK_PART - 1) / LINK_PART;

    if (b->len < 1 || b->len > LINK_MESSAGE) {
        return -EINVAL;
    }
    if (l->next - l->first + parts > LINK_WINDOW ||
        l->next > UINT32_MAX - LINK_WINDOW) {
        return -EAGAIN;
    }
    for (uint32_t i = 0; i < parts; i++) {
        struct link_out *o = &l->out[l->next++ % LINK_WINDOW];
        size_t at = (size_t)i * LINK_PART;
        size_t left = b->len - at;

        memset(o, 0, sizeof(*o));
        o->blob = blob_hold(b);
        o->at = (uint16_t)at;
        o->len = (uint16_t)(left < LINK_PART ? left : LINK_PART);
        o->flags = (uint8_t)((i == 0 ? LINK_FIRST : 0) |
                             (i == parts - 1 ? LINK_LAST : 0));
    }
    return 0;
}

void
link_ping(struct link *l)
{
    l->ping = true;
}

bool
link_asks(const struct link *l)
{
    return l->ping || l->asked > l->told;
}

void
link_hurry(struct link *l)
{
    for (uint32_t seq = l->first; seq != l->fresh; seq++) {
        struct link_out *o = &l->out[seq % LINK_WINDOW];

        o->tries = 1;
        o->sent = 0;
    }
}

bool
link_is_idle(const struct link *l)
{
    return l->first == l->next;
}

/* --- when ------------------------------------------------------------------*/

/* When a part that is on its way is sent again. */
static int64_t
due(const struct link *l, const struct link_out *o)
{
    int doubled = o->tries - 1 < LINK_DOUBLE ? o->tries - 1 : LINK_DOUBLE;
    int64_t rto = link_rto(l) << doubled;
    int64_t soon = l->srtt + l->srtt / 4;

    rto = rto < LINK_RTO_MAX ? rto : LINK_RTO_MAX;
    if (o->tries == 1 && l->told >= o->packet + OVERTAKEN) {
        return o->sent;
    }
    if (l->told > o->packet && soon < rto) {
        return o->sent + soon;
    }
    return o->sent + rto;
}

int64_t
link_wake(const struct link *l)
{
    int64_t wake = l->ack_at;

    if (l->ping || l->respond || l->fresh != l->next) {
        return 0;
    }
    for (uint32_t seq = l->first; seq != l->fresh; seq++) {
        const struct link_out *o = &l->out[seq % LINK_WINDOW];
        int64_t at = o->blob != NULL ? due(l, o) : INT64_MAX;

        wake = at < wake ? at : wake;
    }
    return wake;
}

/* --- sending ---------------------------------------------------------------*/

uint64_t
link_number(struct link *l)
{
    l->sent_at[++l->packets % LINK_SENT] = 0;
    return l->packets;
}

static void
put_ack(struct link *l, struct wire_out *w, int64_t now)
{
    int64_t delay = l->echo != 0 ? (now - l->echo_at) / (100 * TN_US) : 0;

    wire_put(w, LINK_ACK, 1);
    wire_put(w, l->want, 4);
    wire_put(w, link_mask(l), 4);
    wire_put(w, l->echo, 8);
    wire_put(w, delay < UINT16_MAX ? (uint64_t)delay : UINT16_MAX, 2);
    l->ack_at = INT64_MAX;
    l->unacked = 0;
}

/* Write a part, if it fits. */
static bool
put_part(struct link *l, struct wire_out *w, uint32_t seq, int64_t now)
{
    struct link_out *o = &l->out[seq % LINK_WINDOW];

    if ((size_t)(w->end - w->at) < DATA_HEAD + (size_t)o->len) {
        return false;
    }
    wire_put(w, LINK_DATA, 1);
    wire_put(w, seq, 4);
    wire_put(w, o->flags, 1);
    wire_put(w, o->len, 2);
    wire_put_bytes(w, o->blob->bytes + o->at, o->len);
    o->sent = now;
    o->packet = l->packets;
    o->tries = o->tries < UINT8_MAX ? o->tries + 1 : o->tries;
    return true;
}

/* Write the parts whose time has come, those first that wait longest; says
   whether there was one. */
static bool
put_parts(struct link *l, struct wire_out *w, int64_t now)
{
    bool any = false;

    for (uint32_t seq = l->first; seq != l->fresh; seq++) {
        const struct link_out *o = &l->out[seq % LINK_WINDOW];

        if (o->blob != NULL && due(l, o) <= now) {
            any |= put_part(l, w, seq, now);
        }
    }
    while (l->fresh != l->next && put_part(l, w, l->fresh, now)) {
        l->fresh++;
        any = true;
    }
    return any;
}

size_t
link_write(struct link *l, void *buf, size_t cap, int64_t now, uint64_t *number)
{
    struct wire_out w;
    bool asks = l->ping;

    if (link_wake(l) > now) {
        return 0;
    }
    *number = link_number(l);
    wire_out_init(&w, buf, cap);
    /* With a ping as well: what may be challenged has to be long enough. */
    if (l->ack_at != INT64_MAX || l->unacked > 0 || l->ping) {
        put_ack(l, &w, now);
    }
    if (l->respond) {
        wire_put(&w, LINK_RESPONSE, 1);
        wire_put(&w, l->response, 8);
    }
    if (l->ping) {
        wire_put(&w, LINK_PING, 1);
        l->asked = l->packets;
    }
    l->respond = l->ping = false;
    asks |= put_parts(l, &w, now);
    l->sent_at[l->packets % LINK_SENT] = asks ? now : 0;
    return (size_t)(w.at - (unsigned char *)buf);
}

/* --- what the other side has -----------------------------------------------*/

static void
release(struct link *l, uint32_t seq)
{
    struct link_out *o = &l->out[seq % LINK_WINDOW];

    blob_drop(o->blob);
    o->blob = NULL;
}

/* The other side tells of the newest of our packets that it saw. */
static void
on_echo(struct link *l, const struct link_ack *ack, int64_t now)
{
    int64_t sent = l->sent_at[ack->echo % LINK_SENT];

    if (ack->echo <= l->told) {
        return;
    }
    l->told = ack->echo;
    if (l->packets - ack->echo < LINK_SENT && sent != 0) {
        int64_t rtt = now - sent - ack->delay;

        measure(l, rtt > 0 ? rtt : 1);
    }
}

int
link_acked(struct link *l, const struct link_ack *ack, int64_t now)
{
    if (ack->want < 1 || ack->want > l->fresh || ack->echo > l->packets) {
        return -EBADMSG;
    }
    for (uint32_t seq = l->first; seq < ack->want; seq++) {
        release(l, seq);
    }
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t seq = ack->want + 1 + i;

        if ((ack->mask >> i & 1) != 0 && seq >= l->first && seq < l->fresh) {
            release(l, seq);
        }
    }
    while (l->first != l->fresh &&
           l->out[l->first % LINK_WINDOW].blob == NULL) {
        l->first++;
    }
    on_echo(l, ack, now);
    return 0;
}
