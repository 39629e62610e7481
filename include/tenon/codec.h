/*
 * tenon/codec.h - where one message ends and the next begins, as data.
 *
 * A stream has no messages: two sends may arrive as one receive, one as two. A
 * codec says how they are told apart. It is a plain struct, made by a function
 * and copied freely; some fields may be set afterwards. The same codec serves
 * sockets (frame.h) and bytes already in memory:
 *
 *     tn_codec c;
 *     tn_codec_length(&c, 4, TN_BIG, 1 << 20);      4 bytes, network order
 *     while (tn_codec_decode(&c, buf, n, &msg, &used) == 1)
 *         ...                                       msg points into buf
 *
 * Errors:  negative codes of err.h. Nothing is consumed by a call that fails.
 * Threads: a codec is a value; every function may be called from any thread.
 * Next:    frame.h reads and writes whole messages on a socket.
 */
#ifndef TENON_CODEC_H
#define TENON_CODEC_H

#include <tenon/api.h>

/* Bytes that live elsewhere. They may be written to if their buffer may. */
typedef struct tn_view {
    uint8_t *data; /* borrowed */
    size_t len;
} tn_view;

/* In which order the bytes of a number are. */
typedef enum tn_order {
    TN_NATIVE, /* this machine's; what Python's struct calls '=' */
    TN_LITTLE, /* least byte first, '<' */
    TN_BIG,    /* network order, '>' or '!' */
} tn_order;

typedef enum tn_codec_kind {
    TN_CODEC_NONE, /* a zeroed codec: every call gives -EINVAL */
    TN_CODEC_DELIMITER,
    TN_CODEC_FIXED,
    TN_CODEC_LENGTH,
    TN_CODEC_VARINT,
    TN_CODEC_NETSTRING,
    TN_CODEC_CUSTOM,
} tn_codec_kind;

enum {
    TN_DELIM_MAX = 8, /* bytes of a delimiter */
    TN_HEAD_MAX = 64, /* bytes before a payload, a length and its offset */
};

/* What goes around a payload on the wire: head, payload, tail. */
typedef struct tn_envelope {
    size_t head_len, tail_len;
    uint8_t head[TN_HEAD_MAX];
    uint8_t tail[TN_DELIM_MAX];
} tn_envelope;

struct tn_codec;

/* Cut a message off, with the contract of tn_codec_decode(). */
typedef int tn_decode_fn(const struct tn_codec *c, const void *buf, size_t n,
                         tn_view *msg, size_t *used);

/* Fill a zeroed envelope, with the contract of tn_codec_envelope(). */
typedef int tn_envelope_fn(const struct tn_codec *c, const void *data,
                           size_t len, tn_envelope *out);

/* A way to cut a stream into messages. Make it with a function below, then set
   what is marked "may be set". */
typedef struct tn_codec {
    tn_codec_kind kind;
    size_t max; /* most bytes of a payload; a larger one is TN_ETOOBIG */

    /* May be set: a message includes what goes around it, be it delimiter,
       length, or a netstring's colon and comma. */
    bool keep;

    /* May be set, length: its top bit means a negative length, which is
       -EBADMSG (Python's "i"). */
    bool is_signed;

    /* May be set, length: it counts from the first byte of the message, the
       offset and the length itself included. */
    bool includes_itself;

    uint8_t width;  /* length: its bytes, 1, 2, 4 or 8 */
    uint8_t offset; /* may be set, length: bytes before it, 0 to 56 */
    tn_order order; /* length: of its bytes */

    /* May be set, length: added to a length read, taken from one written. */
    int64_t adjust;

    uint8_t delim_len;
    uint8_t delim[TN_DELIM_MAX];

    size_t size; /* fixed: bytes of each message */

    tn_decode_fn *decode;     /* custom */
    tn_envelope_fn *envelope; /* custom; NULL: it cannot write */
    void *arg; /* custom: whatever its functions need; borrowed */
} tn_codec;

TN_BEGIN_DECLS

/**
 * Make a codec whose messages end in a delimiter.
 *
 * @param c      filled.
 * @param delim  copied; any bytes, NUL too.
 * @param len    1 to TN_DELIM_MAX.
 * @param max    most bytes before the delimiter.
 * @return 0; -EINVAL: `len` or `max` is out of range.
 * @suspends   no.
 * @thread     any.
 * @see        Python StreamReader.readuntil.
 */
TN_API TN_USE int tn_codec_delimiter(tn_codec *c, const void *delim, size_t len,
                                     size_t max);

/**
 * Make a codec whose messages all have the same size.
 *
 * @param c     filled.
 * @param size  1 or more bytes.
 * @return 0; -EINVAL: `size` is out of range.
 * @suspends   no.
 * @thread     any.
 * @see        tn_recvall(), which reads one.
 */
TN_API TN_USE int tn_codec_fixed(tn_codec *c, size_t size);

/**
 * Make a codec whose messages begin with their length.
 *
 * @param c      filled.
 * @param bytes  1, 2, 4 or 8: of the length.
 * @param order  of these bytes.
 * @param max    most bytes of a payload; 0 allows only empty ones.
 * @return 0; -EINVAL: `bytes`, `order` or `max` is out of range.
 * @suspends   no.
 * @thread     any.
 * @see        Python struct.unpack(">I", ...).
 */
TN_API TN_USE int tn_codec_length(tn_codec *c, int bytes, tn_order order,
                                  size_t max);

/**
 * Make a codec whose messages begin with their length in base 128.
 *
 * Seven bits a byte, least first, top bit set on all but the last; at most ten
 * bytes. Longer forms of a number than needed are read and never written.
 *
 * @param c    filled.
 * @param max  most bytes of a payload.
 * @return 0; -EINVAL: `max` is out of range.
 * @suspends   no.
 * @thread     any.
 * @see        Protocol Buffers, "Encoding", varints; LEB128.
 */
TN_API TN_USE int tn_codec_varint(tn_codec *c, size_t max);

/**
 * Make a codec of netstrings, "5:hello,".
 *
 * @param c    filled.
 * @param max  most bytes of a payload.
 * @return 0; -EINVAL: `max` is out of range.
 * @suspends   no.
 * @thread     any.
 * @see        D. J. Bernstein, "Netstrings", 1997.
 */
TN_API TN_USE int tn_codec_netstring(tn_codec *c, size_t max);

/**
 * Make a codec of two functions.
 *
 * @param c         filled; its `arg` may be set afterwards.
 * @param decode    cuts a message off; what it returns is checked. It is
 *                  called again with the same and more bytes after a 0.
 * @param envelope  says what goes around a payload; NULL: reading only.
 * @param max       most bytes of a payload. A message that is not whole within
 *                  `max` + TN_HEAD_MAX bytes is TN_ETOOBIG.
 * @return 0; -EINVAL: `decode` is NULL or `max` is out of range.
 * @suspends   no; neither may the functions.
 * @thread     any.
 * @see        tn_codec_decode(), tn_codec_envelope().
 */
TN_API TN_USE int tn_codec_custom(tn_codec *c, tn_decode_fn *decode,
                                  tn_envelope_fn *envelope, size_t max);

/**
 * Make a codec of its name, as the command's --frame takes it.
 *
 *     line crlf nul delim:HEX fixed:N varint netstring
 *     u8 u16be u16le u16ne u32be ... u64ne    i8 i16be ... i64ne (signed)
 *
 * Options follow after commas: max=N (with k, M or G; 1M if there is none),
 * offset=N, adjust=N (may be negative), self (the length includes itself),
 * keep; only those that mean something to the kind. "i32ne" is the header that
 * Python's struct.pack("i", n) makes.
 *
 * @param c     filled on success.
 * @param text  borrowed.
 * @return 0; -EINVAL, and tn_why() quotes the text.
 * @suspends   no.
 * @thread     any.
 * @see        tenon(1).
 */
TN_API TN_USE int tn_codec_parse(tn_codec *c, const char *text);

/**
 * Cut the first message off bytes in memory, without copying it.
 *
 * @param c     borrowed.
 * @param buf   borrowed; `n` bytes.
 * @param n     bytes.
 * @param msg   the message, a part of `buf`, if the result is 1.
 * @param used  1: how many bytes of `buf` the message took, all of them. 0:
 *              how many bytes are needed at the least, more than `n`.
 * @return 1: there is a message; 0: it is not whole yet; or, and it will not
 *   get better with more bytes,
 *   TN_ETOOBIG  its payload is larger than `max`,
 *   -EBADMSG    these bytes begin no message,
 *   -EINVAL     `c` is not well made.
 * @suspends   no.
 * @thread     any.
 * @see        tn_framer_read(), which does it on a socket.
 */
TN_API TN_USE int tn_codec_decode(const tn_codec *c, const void *buf, size_t n,
                                  tn_view *msg, size_t *used);

/**
 * Say which bytes go before and after a payload.
 *
 * With `keep` the data is a whole message as it would be read; it is checked,
 * and nothing goes around it.
 *
 * @param c     borrowed.
 * @param data  borrowed; `len` bytes. A delimiter is looked for in it.
 * @param len   bytes.
 * @param out   filled; send head, data and tail.
 * @return 0; or
 *   TN_ETOOBIG  larger than `max` or than the length can say,
 *   -EINVAL     not the fixed size; the delimiter is inside; too short for
 *               `adjust`; no whole message in spite of `keep`; `c` cannot
 *               write or is not well made.
 * @suspends   no.
 * @thread     any.
 * @see        tn_framer_write(), tn_sendvall().
 */
TN_API TN_USE int tn_codec_envelope(const tn_codec *c, const void *data,
                                    size_t len, tn_envelope *out);

/**
 * Write a message, with all that goes around it, to memory.
 *
 * @param c     borrowed.
 * @param buf   `cap` bytes; must not overlap `data`.
 * @param cap   bytes.
 * @param data  borrowed; `len` bytes.
 * @param len   bytes.
 * @return bytes written; -ENOBUFS: `cap` is too small, nothing was written; as
 *   tn_codec_envelope().
 * @suspends   no.
 * @thread     any.
 * @see        tn_codec_decode(), which undoes it.
 */
TN_API TN_USE ssize_t tn_codec_encode(const tn_codec *c, void *buf, size_t cap,
                                      const void *data, size_t len);

TN_END_DECLS

#endif
