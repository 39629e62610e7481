/*
 * lane.h - frames over a connected stream, in both directions.
 *
 * One task reads. What is written is gathered and leaves at lane_flush(), or
 * when it is enough; one task writes, besides the pulse, which speaks when
 * nobody did for a while. A whole frame is in the buffer at every suspension.
 */
#ifndef PARCEL_LANE_H
#define PARCEL_LANE_H

#include <tenon/task.h>

#include "parcel.h"
#include "wire.h"

enum {
    LANE_IN = 32 << 10,                   /* read ahead */
    LANE_ROOM = PARCEL_BLOCK + WIRE_HEAD, /* the largest frame */
    LANE_GATHER = 64 << 10,               /* sent when so much waits */
};

/* A side that said nothing for so long says that it is there. */
#define LANE_PULSE (PARCEL_SILENCE / 6)

struct frame {
    unsigned type;
    const uint8_t *p; /* borrowed until the next lane_get() */
    size_t n;
};

struct lane {
    tn_sock *sock;
    uint8_t *in, *out;
    size_t at, have; /* of in: begin and end of what was not read yet */
    size_t used;     /* of out */
    size_t gone;     /* of out: sent before the flush was given up */
    uint64_t got;    /* bytes of all frames so far */
    uint64_t put;
    int64_t spoke, heard; /* when something was last sent, last came */
    int bye;              /* what the peer ended the session with */
    char *reason;         /* PARCEL_REASON + 1 bytes; the peer's, cleaned */
};

/** How many bytes may be on their way in an offer of that sum; both sides know
    it. */
uint64_t lane_window(const struct parcel_sum *sum);

/** Prepare; `reason` is borrowed until lane_fini(). 0; -ENOMEM. */
int lane_init(struct lane *l, tn_sock *sock, char *reason);

/** Release; harmless for what is zero. */
void lane_fini(struct lane *l);

/** Wait for the next frame. Those that only say that the peer is there are
    skipped. 1; -EPROTO: no frame; what the peer's WIRE_BYE says, -ESHUTDOWN if
    it gave up; -ECONNRESET at the end of the stream; as tn_recv(). Suspends. */
int lane_get(struct lane *l, struct frame *f);

/** True if lane_get() would not wait: a frame is here as a whole. */
bool lane_is_here(const struct lane *l);

/** Room for a payload of `n` bytes, that lane_commit() sends; NULL and `*err`
    if the connection is lost. Suspends. */
uint8_t *lane_room(struct lane *l, size_t n, int *err);

/** What lies in the room, `n` bytes or fewer, is a frame. */
void lane_commit(struct lane *l, unsigned type, size_t n);

/** Write a frame. 0; as tn_sendall(). Suspends. */
int lane_put(struct lane *l, unsigned type, const void *src, size_t n);

/** Send what waits, for as long as the peer is heard of. 0; as tn_sendall().
    Suspends. */
int lane_flush(struct lane *l);

/** Say why this ends, behind the frame that is half sent; within a second,
    whatever is cancelled. Suspends. */
void lane_bye(struct lane *l, int err, const char *why);

/** A task: say that we are there, until cancelled; `arg` is a struct lane. */
int lane_pulse(void *arg);

/** Clean text of a peer's; `dst` has `cap` bytes, one for a NUL. */
void lane_clean(char *dst, size_t cap, const char *src, size_t n);

/* --- greet.c ---------------------------------------------------------------*/

/** Pair with the peer: greeting, and with a code keys and TLS. As
    parcel_send() and parcel_receive(); `reason` as there. Suspends. */
int greet(tn_sock *sock, enum wire_role role, const char *code);

#endif
