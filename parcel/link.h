/*
 * link.h - frames over a connected stream, in both directions.
 *
 * One task reads. What is written is gathered and leaves at link_flush(), or
 * when it is enough; one task writes, besides the pulse, which speaks when
 * nobody did for a while. A whole frame is in the buffer at every suspension.
 */
#ifndef PARCEL_LINK_H
#define PARCEL_LINK_H

#include <tenon/task.h>

#include "parcel.h"
#include "wire.h"

enum {
    LINK_IN = 32 << 10,                   /* read ahead */
    LINK_ROOM = PARCEL_BLOCK + WIRE_HEAD, /* the largest frame */
    LINK_GATHER = 64 << 10,               /* sent when so much waits */
};

/* A side that said nothing for so long says that it is there. */
#define LINK_PULSE (PARCEL_SILENCE / 6)

struct frame {
    unsigned type;
    const uint8_t *p; /* borrowed until the next link_get() */
    size_t n;
};

struct link {
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
uint64_t link_window(const struct parcel_sum *sum);

/** Prepare; `reason` is borrowed until link_fini(). 0; -ENOMEM. */
int link_init(struct link *l, tn_sock *sock, char *reason);

/** Release; harmless for what is zero. */
void link_fini(struct link *l);

/** Wait for the next frame. Those that only say that the peer is there are
    skipped. 1; -EPROTO: no frame; what the peer's WIRE_BYE says; -ECONNRESET
    at the end of the stream; as tn_recv(). Suspends. */
int link_get(struct link *l, struct frame *f);

/** True if link_get() would not wait: a frame is here as a whole. */
bool link_is_here(const struct link *l);

/** Room for a payload of `n` bytes, that link_commit() sends; NULL and `*err`
    if the connection is lost. Suspends. */
uint8_t *link_room(struct link *l, size_t n, int *err);

/** What lies in the room, `n` bytes or fewer, is a frame. */
void link_commit(struct link *l, unsigned type, size_t n);

/** Write a frame. 0; as tn_sendall(). Suspends. */
int link_put(struct link *l, unsigned type, const void *src, size_t n);

/** Send what waits, for as long as the peer is heard of. 0; as tn_sendall().
    Suspends. */
int link_flush(struct link *l);

/** Say why this ends, behind the frame that is half sent; within a second,
    whatever is cancelled. Suspends. */
void link_bye(struct link *l, int err, const char *why);

/** A task: say that we are there, until cancelled; `arg` is a struct link. */
int link_pulse(void *arg);

/** Clean text of a peer's; `dst` has `cap` bytes, one for a NUL. */
void link_clean(char *dst, size_t cap, const char *src, size_t n);

/* --- greet.c ---------------------------------------------------------------*/

/** Pair with the peer: greeting, and with a code keys and TLS. As
    parcel_send() and parcel_receive(); `reason` as there. Suspends. */
int greet(tn_sock *sock, enum wire_role role, const char *code);

#endif
