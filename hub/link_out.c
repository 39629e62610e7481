#include <tenon/err.h>

#include "link_int.h"
#include "native_wire.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Bytes of an item without what it carries. */
    DATA_HEAD = 8,
    /* Where packets do not overtake each other, a part is taken for lost when
       so many after it have arrived. */
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

/* The same while nothing comes back. */
static int64_t
patience(const struct link *l)
{
    int64_t rto = link_rto(l) << (l->late > 1 ? l->late - 1 : 0);

    return rto < LINK_RTO_MAX ? rto : LINK_RTO_MAX;
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

static struct link_out *
slot(const struct link *l, uint32_t seq)
{
    return &l->out[seq & (l->places - 1)];
}

int
link_room(const struct link *l)
{
    uint32_t parts = (l->window - (l->next - l->first)) / LINK_PARTS;
    size_t bytes =
        l->bytes < LINK_BYTES ? (LINK_BYTES - l->bytes) / LINK_MESSAGE : 0;

    return (int)(parts < bytes ? parts : bytes);
}

/* Twice as many places. */
static bool
grow(struct link *l)
{
    uint32_t places = l->places > 0 ? 2 * l->places : LINK_PLACES;
    struct link_out *out = calloc(places, sizeof(*out));

    if (out == NULL) {
        return false;
    }
    for (uint32_t seq = l->first; seq != l->next; seq++) {
        out[seq & (places - 1)] = *slot(l, seq);
    }
    free(l->out);
    l->out = out;
    l->places = places;
    return true;
}

static bool
has_room(struct link *l, uint32_t parts, size_t bytes)
{
    uint32_t used = l->next - l->first + parts;

    if (used > l->window || l->bytes + bytes > LINK_BYTES ||
        l->next > UINT32_MAX - LINK_WINDOW) {
        return false;
    }
    return used <= l->places || grow(l);
}

int
link_queue(struct link *l, struct blob *b)
{
    uint32_t parts = ((uint32_t)b->len + LINK_PART - 1) / LINK_PART;

    if (b->len < 1 || b->len > LINK_MESSAGE) {
        return -EINVAL;
    }
    if (!has_room(l, parts, b->len)) {
        return -EAGAIN;
    }
    for (uint32_t i = 0; i < parts; i++) {
        struct link_out *o = slot(l, l->next++);
        size_t at = (size_t)i * LINK_PART;
        size_t left = b->len - at;

        memset(o, 0, sizeof(*o));
        o->blob = blob_hold(b);
        o->at = (uint16_t)at;
        o->len = (uint16_t)(left < LINK_PART ? left : LINK_PART);
        o->flags = (uint8_t)((i == 0 ? LINK_FIRST : 0) |
                             (i == parts - 1 ? LINK_LAST : 0));
    }
    l->bytes += b->len;
    l->fresh_bytes += b->len + (size_t)parts * DATA_HEAD;
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

bool
link_is_idle(const struct link *l)
{
    return l->first == l->next;
}

/* --- when ------------------------------------------------------------------*/

/* How much later than the next a packet may come without being lost. */
static int64_t
reorder(const struct link *l)
{
    int64_t spread = 2 * l->rttvar;

    return spread > l->srtt / 4 ? spread : l->srtt / 4;
}

/* When a part that is on its way is sent again. */
static int64_t
due(const struct link *l, const struct link_out *o)
{
    int64_t rto = patience(l), soon = l->srtt + reorder(l);

    if (o->sent == 0 || o->packet >= l->told) {
        return o->sent != 0 ? o->sent + rto : 0;
    }
    if (!l->reordered && l->told >= o->packet + OVERTAKEN) {
        return o->sent;
    }
    if (l->told_sent - o->sent >= reorder(l) && l->reordered) {
        return o->sent;
    }
    return o->sent + (soon < rto ? soon : rto);
}

/* Look when the first is. */
static void
look(struct link *l)
{
    l->due = INT64_MAX;
    for (uint32_t seq = l->first; seq != l->fresh; seq++) {
        const struct link_out *o = slot(l, seq);
        int64_t at = o->blob != NULL ? due(l, o) : INT64_MAX;

        l->due = at < l->due ? at : l->due;
    }
}

static bool
is_crowded(const struct link *l)
{
    return l->flights - l->landed >= l->flight;
}

/* How long what does not fill a packet waits for more. */
static int64_t
gather(const struct link *l)
{
    return l->srtt / 4 < LINK_GATHER ? l->srtt / 4 : LINK_GATHER;
}

/* When what was never sent is. */
static int64_t
fresh_due(const struct link *l)
{
    if (l->fresh == l->next) {
        return INT64_MAX;
    }
    if (l->first == l->fresh || l->fresh_bytes >= LINK_PART) {
        return 0;
    }
    return l->flown + gather(l);
}

static int64_t
parts_due(const struct link *l)
{
    int64_t fresh = fresh_due(l);

    if (is_crowded(l)) {
        return l->first != l->next ? l->since + patience(l) : INT64_MAX;
    }
    return l->due < fresh ? l->due : fresh;
}

int64_t
link_wake(const struct link *l)
{
    int64_t parts = parts_due(l);

    if (l->ping || l->respond) {
        return 0;
    }
    return parts < l->ack_at ? parts : l->ack_at;
}

/* What is in the air is lost: all of it is to be sent again. */
static void
resend(struct link *l)
{
    for (uint32_t seq = l->first; seq != l->fresh; seq++) {
        slot(l, seq)->sent = 0;
    }
    l->landed = l->flights;
    look(l);
}

void
link_hurry(struct link *l)
{
    resend(l);
    l->late = 0;
    if (l->flight < LINK_FLIGHT_FIRST) {
        l->flight = LINK_FLIGHT_FIRST;
    }
}

/* --- sending ---------------------------------------------------------------*/

uint64_t
link_number(struct link *l)
{
    return ++l->packets;
}

static void
put_ack(struct link *l, struct wire_out *w, int64_t now)
{
    int64_t delay = l->echo != 0 ? (now - l->echo_at) / (100 * TN_US) : 0;
    unsigned char mask[LINK_MASK];
    size_t n = link_mask(l, mask);

    wire_put(w, LINK_ACK, 1);
    wire_put(w, l->want, 4);
    wire_put(w, n, 1);
    wire_put_bytes(w, mask, n);
    wire_put(w, l->echo, 8);
    wire_put(w, delay < UINT16_MAX ? (uint64_t)delay : UINT16_MAX, 2);
    l->ack_at = INT64_MAX;
    l->unacked = 0;
}

/* Write a part, if it fits. */
static bool
put_part(struct link *l, struct wire_out *w, uint32_t seq, int64_t now)
{
    struct link_out *o = slot(l, seq);

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

/* Write the parts whose time has come, or is about to, and then new ones;
   says whether there was one. */
static bool
put_parts(struct link *l, struct wire_out *w, int64_t now)
{
    int64_t soon = now + gather(l);
    bool any = false;

    for (uint32_t seq = l->first; l->due <= soon && seq != l->fresh; seq++) {
        const struct link_out *o = slot(l, seq);

        if (o->blob != NULL && due(l, o) <= soon) {
            any |= put_part(l, w, seq, now);
        }
    }
    while (l->fresh != l->next && put_part(l, w, l->fresh, now)) {
        l->fresh_bytes -= slot(l, l->fresh)->len + (size_t)DATA_HEAD;
        l->fresh++;
        any = true;
    }
    return any;
}

/* Nothing came back for too long: what was in the air is lost. When it is not
   the first time, less goes there. */
static void
check_time_out(struct link *l, int64_t now)
{
    if (l->first == l->fresh || now - l->since < patience(l)) {
        return;
    }
    resend(l);
    l->late += l->late <= LINK_DOUBLE ? 1 : 0;
    if (l->late > 1 && l->flight > 1) {
        l->flight /= 2;
    }
    l->since = now;
}

/* Remember a packet that wants an answer. */
static void
note_sent(struct link *l, bool parts, int64_t now)
{
    struct link_sent *s = &l->sent[l->asks++ % LINK_SENT];

    if (parts) {
        if (l->flights == l->landed) {
            l->since = now;
        }
        l->flights++;
        l->flown = now;
    }
    s->packet = l->packets;
    s->at = now;
    s->flights = l->flights;
}

size_t
link_write(struct link *l, void *buf, size_t cap, int64_t now, uint64_t *number)
{
    struct wire_out w;
    bool asks = l->ping, parts = false;

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
    if (parts_due(l) <= now || !is_crowded(l)) {
        check_time_out(l, now);
        parts = put_parts(l, &w, now);
    }
    if (asks || parts) {
        note_sent(l, parts, now);
    }
    look(l);
    return (size_t)(w.at - (unsigned char *)buf);
}

/* --- what the other side has -----------------------------------------------*/

/* Says whether that is news. */
static bool
release(struct link *l, uint32_t seq)
{
    struct link_out *o = slot(l, seq);

    if (o->blob == NULL) {
        return false;
    }
    if (o->tries == 1 && o->packet < l->told) {
        l->reordered = true;
    }
    l->bytes -= o->len;
    blob_drop(o->blob);
    o->blob = NULL;
    return true;
}

/* So many packets with parts are not in the air any more: one more may be for
   each, up to the limit. */
static void
land(struct link *l, uint32_t flights)
{
    uint32_t more = flights - l->landed;

    if (more <= l->flights - l->landed) {
        l->landed = flights;
        l->flight =
            l->flight + more < LINK_FLIGHT ? l->flight + more : LINK_FLIGHT;
    }
}

/* The other side tells of the newest of our packets that it saw; says whether
   that is news. */
static bool
on_echo(struct link *l, const struct link_ack *ack, int64_t now)
{
    uint32_t back = 0;
    const struct link_sent *s;
    int64_t rtt;

    if (ack->echo <= l->told) {
        return false;
    }
    l->told = ack->echo;
    do {
        s = &l->sent[(l->asks - ++back) % LINK_SENT];
    } while (s->packet > ack->echo && back < LINK_SENT);
    if (s->packet == ack->echo) {
        land(l, s->flights);
        l->told_sent = s->at;
        rtt = now - s->at - ack->delay;
        measure(l, rtt > 0 ? rtt : 1);
    }
    return true;
}

/* Release what is in the mask; says whether that is news. */
static bool
release_masked(struct link *l, const struct link_ack *ack)
{
    bool news = false;

    for (uint32_t i = 0; i < 8 * ack->mask_len; i++) {
        uint32_t seq = ack->want + 1 + i;

        if ((ack->mask[i / 8] >> i % 8 & 1) != 0 &&
            seq - l->first < l->fresh - l->first) {
            news |= release(l, seq);
        }
    }
    return news;
}

int
link_acked(struct link *l, const struct link_ack *ack, int64_t now)
{
    bool news = false;

    if (ack->want < 1 || ack->want > l->fresh || ack->echo > l->packets) {
        return -EBADMSG;
    }
    for (uint32_t seq = l->first; seq < ack->want; seq++) {
        news |= release(l, seq);
    }
    news |= release_masked(l, ack);
    while (l->first != l->fresh && slot(l, l->first)->blob == NULL) {
        l->first++;
    }
    news |= on_echo(l, ack, now);
    if (l->first == l->fresh) {
        l->landed = l->flights;
    }
    if (news) {
        l->since = now;
        l->late = 0;
        look(l);
    }
    return 0;
}
