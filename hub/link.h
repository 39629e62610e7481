/*
 * hub/link.h - messages over datagrams: whole, in order, each exactly once.
 *
 * A link is one end of a session. It knows no socket and no clock: it is fed
 * the payloads of packets that came and the time, and it says what to send and
 * when to ask again. So a test can be the network.
 *
 *     link_queue(l, blob);                       to be sent
 *     while ((n = link_write(l, buf, cap, now, &number)) > 0) send it
 *     link_read(l, number, payload, n, now);     it came
 *     while ((n = link_take(l, buf, cap)) > 0)   a message
 *     link_wake(l)                               when to call link_write()
 *
 * A message is cut into parts, each with a number; the other side says which
 * it has: all below one number, and a mask of those beyond. A part is sent
 * again when the time is over that a round trip takes as it was measured (RFC
 * 6298), or when what was sent after it has arrived (as RFC 8985 has it).
 * While anything is acknowledged the pace stays; when nothing comes back, the
 * time-out is doubled and the packets in the air are halved, each time but the
 * first.
 * Packets are numbered as well, never the same twice: so a packet that comes
 * again is known, an answer tells which packet it is for, and a seal never
 * sees a number twice.
 *
 * Whether the other side is still there is for its owner to judge: see heard.
 */
#ifndef HUB_LINK_H
#define HUB_LINK_H

#include <tenon/api.h>

#include "blob.h"

enum link_limit {
    /* Parts on their way to a guest: some seconds of a busy room, so that one
       that is lost twice does not hold up what is behind it. */
    LINK_WINDOW = 512,
    /* Parts on their way to a hub: what a guest may say at once. */
    LINK_WINDOW_UP = 32,
    /* Places for them that are made at first; doubled when they are full. */
    LINK_PLACES = 32,
    /* Bytes on their way: what the window holds of talk as it is. */
    LINK_BYTES = 64 << 10,
    /* Packets in the air: as much as a home router holds when it comes at
       once; and how many at first. */
    LINK_FLIGHT = 32,
    LINK_FLIGHT_FIRST = 8,
    /* Bytes of a part: with an acknowledgement before it, a packet. */
    LINK_PART = 1024,
    /* Bytes of the items of a packet that may stand before a part. */
    LINK_BEFORE = 104,
    /* Parts of a message. */
    LINK_PARTS = 3,
    LINK_MESSAGE = 2600,
    /* Packets that want an answer whose time of sending is remembered. */
    LINK_SENT = 64,
    /* How often the time-out is doubled. */
    LINK_DOUBLE = 4,
    /* Bytes of a mask. */
    LINK_MASK = LINK_WINDOW / 8,
};

/* Time-outs: before a round trip was measured, and their bounds. */
#define LINK_RTO_FIRST (300 * TN_MS)
#define LINK_RTO_MIN   (60 * TN_MS)
#define LINK_RTO_MAX   (2 * TN_SEC)
/* What came in order is acknowledged after this, or with what goes out. */
#define LINK_ACK_DELAY (20 * TN_MS)
/* What does not fill a packet waits for more while something is in the air: a
   quarter of a round trip, and no longer than this. */
#define LINK_GATHER (50 * TN_MS)

/* Which end this is: they have windows of different sizes. */
enum link_side {
    LINK_OF_HUB,
    LINK_OF_GUEST,
};

/* The items of a payload. */
enum link_item {
    LINK_ACK = 1,
    LINK_DATA,
    LINK_PING,
    LINK_CHALLENGE, /* send this number back */
    LINK_RESPONSE,
};

/* A part that is to be sent, or is on its way. */
struct link_out {
    struct blob *blob; /* NULL: the other side has it */
    int64_t sent;
    uint64_t packet; /* in which it went last */
    uint16_t at, len;
    uint8_t flags, tries;
};

struct link_in; /* a part that came */

/* A packet that wants an answer. */
struct link_sent {
    uint64_t packet;
    int64_t at;
    uint32_t flights; /* packets with parts up to it */
};

struct link {
    int64_t heard; /* when a packet came that was good */
    /* Out: parts [first, next), of which [fresh, next) were never sent. */
    uint32_t first, fresh, next, window;
    uint32_t places; /* a power of two, or 0 */
    struct link_out *out;
    size_t bytes, fresh_bytes; /* of parts that are held, that were not sent */
    uint64_t packets;          /* sent */
    uint64_t told; /* the latest of them that the other side has told of */
    int64_t told_sent;
    int64_t srtt, rttvar; /* ns; 0: not yet measured */
    uint32_t asks;        /* packets that wanted an answer */
    struct link_sent sent[LINK_SENT];
    /* Packets with parts: sent, not in the air any more, allowed there. */
    uint32_t flights, landed, flight;
    int64_t flown;  /* when the latest went */
    int64_t since;  /* of the time-out: the latest news, or the latest one */
    int late;       /* time-outs in a row */
    bool reordered; /* packets overtake each other here */
    int64_t due;    /* when the first part is to be sent again */
    /* In: parts below `want` are here, those below `taken` handed over. */
    uint32_t taken, want, limit;
    struct link_in **in;   /* `limit` places; NULL: nothing came yet */
    uint32_t beyond;       /* how many are here beyond `want` */
    uint64_t newest, mask; /* packets that came */
    uint64_t echo;         /* the newest that asks for an answer, and when */
    int64_t echo_at;
    int64_t ack_at; /* when to acknowledge; INT64_MAX: nothing to */
    int unacked;    /* parts that came since */
    bool ping;      /* shall go out */
    uint64_t asked; /* the packet in which it went last */
    bool respond;   /* `response` shall */
    bool proven;    /* `proof` came: a RESPONSE */
    uint64_t response, proof;
};

/** Begin; a zeroed link is none. */
void link_init(struct link *l, int64_t now, enum link_side side);

/** Release what it holds. */
void link_fini(struct link *l);

/** Tell how many messages of any length can be queued. */
int link_room(const struct link *l);

/**
 * Queue a message.
 *
 * @param l  changed.
 * @param b  borrowed; the link holds it until the other side has it; 1 to
 *           LINK_MESSAGE bytes.
 * @return 0; -EAGAIN the window is full, or memory is; -EINVAL.
 */
TN_USE int link_queue(struct link *l, struct blob *b);

/** Have a packet go out that wants an answer. */
void link_ping(struct link *l);

/** Tell whether the latest of them is still without answer. */
bool link_asks(const struct link *l);

/** Have all that is on its way sent again now: the way is another one. */
void link_hurry(struct link *l);

/**
 * Write the payload of the next packet.
 *
 * @param l       changed.
 * @param buf     `cap` bytes.
 * @param cap     at least LINK_PART + LINK_BEFORE.
 * @param now     ns.
 * @param number  set, if there is one: the packet's, 1, 2, 3 ...
 * @return bytes; 0 nothing is to be sent now.
 */
size_t link_write(struct link *l, void *buf, size_t cap, int64_t now,
                  uint64_t *number);

/** Take a number for a packet that is not written by link_write(). */
uint64_t link_number(struct link *l);

/** Tell when link_write() has something; INT64_MAX: not by itself. */
int64_t link_wake(const struct link *l);

/**
 * Take the payload of a packet that came.
 *
 * @param l       changed.
 * @param number  of the packet.
 * @param buf     borrowed until return; `n` bytes.
 * @param n       bytes.
 * @param now     ns.
 * @return 0; -EALREADY it came before, or is too old to tell; -EBADMSG no such
 *   thing is ever sent: the other side is to be given up.
 */
TN_USE int link_read(struct link *l, uint64_t number, const void *buf, size_t n,
                     int64_t now);

/**
 * Take the next message.
 *
 * @param l    changed.
 * @param buf  `cap` bytes.
 * @param cap  at least LINK_MESSAGE.
 * @return bytes; 0 there is none; -EBADMSG as link_read().
 */
TN_USE ssize_t link_take(struct link *l, void *buf, size_t cap);

/** Tell whether link_take() has something to do. */
bool link_has_message(const struct link *l);

/** Tell whether the other side has all that was queued. */
bool link_is_idle(const struct link *l);

/** Tell the time-out that a round trip as measured gives, ns. */
int64_t link_rto(const struct link *l);

#endif
