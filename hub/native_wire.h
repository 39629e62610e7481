/*
 * hub/native_wire.h - the native dialect as bytes (docs/wire/chat.md, part 2).
 *
 * Three layers, each read and written here: a frame is one datagram; the
 * payload of a packet is a row of items, which link.h knows; and messages,
 * which the link carries whole and in order, are native_talk.h's.
 *
 * Pure: bytes in, bytes out. All numbers are in network order.
 */
#ifndef HUB_NATIVE_WIRE_H
#define HUB_NATIVE_WIRE_H

#include <tenon/api.h>

enum wire_limit {
    WIRE_VERSION = 1,
    /* Bytes of a datagram: what passes every network whole. */
    WIRE_DATAGRAM = 1200,
    /* Random bytes by which a guest knows the answers to its own questions. */
    WIRE_NONCE = 16,
    /* The time slot, and what proves it; see cookie.h. */
    WIRE_COOKIE = 20,
    /* A share of the key exchange, as TN_PAKE_SHARE. */
    WIRE_SHARE = 32,
    /* A first question is at least so long: longer than any answer to it. */
    WIRE_HELLO = 64,
    /* What stands before the payload of a packet, and is not sealed. */
    WIRE_HEAD = 20,
    /* What sealing adds, as TN_SEAL_TAG. */
    WIRE_TAG = 16,
    /* Bytes of a key, as TN_SEAL_KEY. */
    WIRE_KEY = 32,
    /* Bytes of the payload of a packet. */
    WIRE_PAYLOAD = WIRE_DATAGRAM - WIRE_HEAD - WIRE_TAG,
};

/* --- bytes -----------------------------------------------------------------*/

/* Where bytes are put. Beyond the end nothing is written: `full` tells. */
struct wire_out {
    unsigned char *at, *end;
    bool full;
};

/* Where bytes are taken from. Beyond the end there are zeros: `bad` tells. */
struct wire_in {
    const unsigned char *at, *end;
    bool bad;
};

/** Write into `cap` bytes of `buf`. */
void wire_out_init(struct wire_out *o, void *buf, size_t cap);

/** Read `n` bytes of `buf`. */
void wire_in_init(struct wire_in *i, const void *buf, size_t n);

/** Write a number of `size` bytes, 1 to 8. */
void wire_put(struct wire_out *o, uint64_t value, size_t size);

/** Write bytes. */
void wire_put_bytes(struct wire_out *o, const void *src, size_t n);

/** Write a text: its length in `size` bytes, 1 or 2, and its bytes. */
void wire_put_text(struct wire_out *o, const char *src, size_t n, size_t size);

/** Read a number of `size` bytes, 1 to 8. */
uint64_t wire_get(struct wire_in *i, size_t size);

/** Read `n` bytes: where they are, or NULL. */
const void *wire_get_bytes(struct wire_in *i, size_t n);

/** Read a text as wire_put_text() writes it, of at most `max` bytes, into
    `max` + 1; its length. No text has a NUL in it. */
size_t wire_get_text(struct wire_in *i, char *dst, size_t max, size_t size);

/** Tell how many bytes are left. */
size_t wire_left(const struct wire_in *i);

/* --- frames ----------------------------------------------------------------*/

enum wire_type {
    WIRE_HELLO_FRAME = 1, /* guest: may I ask? */
    WIRE_COOKIE_FRAME,    /* hub: prove that you get what I send */
    WIRE_ENTER_FRAME,     /* guest: here is the cookie, and my share */
    WIRE_ANSWER_FRAME,    /* hub: your session, and my share */
    WIRE_REFUSE_FRAME,    /* hub: no, because */
    WIRE_RESET_FRAME,     /* hub: I know no such session */
    WIRE_PACKET_FRAME,    /* both: of a session */
};

enum wire_flag {
    WIRE_CODE = 1, /* COOKIE: the room has a code */
};

/* Why not. Numbers are those of the document. */
enum wire_why {
    WIRE_FINE,     /* it is so: FATE only */
    WIRE_LATER,    /* another version is spoken here */
    WIRE_WRONG,    /* the code is wrong */
    WIRE_TAKEN,    /* the name is in use */
    WIRE_FULL,     /* the room is */
    WIRE_NO_NAME,  /* this is none */
    WIRE_LONG,     /* the name, or the text, is too long */
    WIRE_SLOWED,   /* too often, too much at once */
    WIRE_CLOSED,   /* the room is */
    WIRE_REPLACED, /* the same one came in elsewhere */
    WIRE_NOBODY,   /* there is no member of this name */
    WIRE_RULES,    /* this is not how it is spoken */
};

/* A datagram. Which fields it has, the document says; the others are unset. */
struct wire_frame {
    enum wire_type type;
    unsigned flags;                              /* COOKIE */
    enum wire_why why;                           /* REFUSE */
    uint64_t session, number;                    /* ANSWER, RESET, PACKET */
    const unsigned char *nonce, *cookie, *share; /* borrowed */
    const unsigned char *body;                   /* PACKET; borrowed */
    size_t body_len;
};

/** Tell whether a datagram is of this dialect, whatever version. */
bool wire_is_native(const void *buf, size_t n);

/**
 * Read a datagram.
 *
 * @param f    filled; points into `buf`.
 * @param buf  borrowed; `n` bytes.
 * @param n    bytes.
 * @return 0; -EPROTO of another version, type and nonce are set if it has
 *   them; -EBADMSG it is none of ours.
 */
TN_USE int wire_parse(struct wire_frame *f, const void *buf, size_t n);

/**
 * Write a datagram; of a PACKET the head only, the body is the caller's.
 *
 * @param buf  WIRE_DATAGRAM bytes.
 * @param f    borrowed.
 * @return its bytes; a HELLO is padded.
 */
size_t wire_write(void *buf, const struct wire_frame *f);

/** Tell why, as a code of err.h; 0 for WIRE_FINE. */
int wire_err(enum wire_why why);

/** Tell why, of a code of room_admit() or dialect_name(). */
enum wire_why wire_why(int err);

/* --- sealing ---------------------------------------------------------------*/

/* The keys of a session, one for each direction. Without a room code there are
   none, and the session's number is all that tells it from others. */
struct wire_keys {
    bool sealed;
    unsigned char in[WIRE_KEY], out[WIRE_KEY];
};

/**
 * Make the keys of a session.
 *
 * @param k    filled.
 * @param key  borrowed; what both sides agreed on; WIRE_KEY bytes.
 * @param hub  which side we are.
 */
void wire_keys_init(struct wire_keys *k, const unsigned char *key, bool hub);

/**
 * Make a packet of a payload: head before, seal around.
 *
 * @param k        borrowed.
 * @param buf      WIRE_DATAGRAM bytes; the payload is at WIRE_HEAD already.
 * @param n        bytes of the payload; at most WIRE_PAYLOAD.
 * @param session  whose.
 * @param number   of the packet; never the same twice.
 * @return bytes of the datagram.
 */
size_t wire_seal(const struct wire_keys *k, unsigned char *buf, size_t n,
                 uint64_t session, uint64_t number);

/**
 * Open a packet.
 *
 * @param k    borrowed.
 * @param dst  WIRE_DATAGRAM bytes; the payload.
 * @param f    borrowed; a PACKET.
 * @return bytes of the payload; -EBADMSG it was not sealed with this key.
 */
TN_USE ssize_t wire_unseal(const struct wire_keys *k, unsigned char *dst,
                           const struct wire_frame *f);

#endif
