/*
 * tenon/frame.h - whole messages on a socket.
 *
 * A framer reads a stream and hands out one message at a time, whatever pieces
 * it arrived in, and writes messages so that the peer can do the same. The same
 * code blocks in a plain thread and parks in a task.
 *
 *     tn_framer *f;
 *     if (tn_framer_new(&f, sock, &codec) < 0) ...
 *     tn_view msg;
 *     while (tn_framer_read(f, &msg) == 1)
 *         if (tn_framer_write(f, msg.data, msg.len) < 0) break;
 *     tn_framer_free(f);
 *
 * Time: the first byte of a message may take the socket's time-out. From then
 * on the whole rest may take that time once more, so that a byte now and then
 * does not hold a slot.
 *
 * Memory: an idle framer holds about 1 KiB. Its buffer grows with the bytes
 * that have arrived, never by what a length claims, up to the codec's limit or
 * 64 KiB if that is more, and is given back after a second of silence.
 *
 * Errors:  negative codes of err.h, each result kept apart.
 * Threads: as sock.h: one reads while another writes.
 * Next:    codec.h for bytes in memory; examples/frame_upper.c, a server.
 */
#ifndef TENON_FRAME_H
#define TENON_FRAME_H

#include <tenon/codec.h>
#include <tenon/serve.h>
#include <tenon/sock.h>

typedef struct tn_framer tn_framer;

/* What to do with one message, which is borrowed and may be written to. A
   negative result ends the connection. */
typedef int tn_message_fn(tn_framer *f, tn_view *msg, void *arg);

TN_BEGIN_DECLS

/**
 * Create a framer.
 *
 * @param out    given (end with tn_framer_free()); NULL on failure.
 * @param sock   borrowed until tn_framer_free(); a stream. Nothing else should
 *               read it: the framer may hold bytes of the next message.
 * @param codec  copied.
 * @return 0; -EINVAL: the codec is not well made or the socket is no stream;
 *   -ENOMEM.
 * @suspends   no.
 * @thread     the socket's.
 * @see        tn_makefile(), for lines and bytes mixed.
 */
TN_API TN_USE int tn_framer_new(tn_framer **out, tn_sock *sock,
                                const tn_codec *codec);

/**
 * Release a framer and its buffer; the socket stays open.
 *
 * @param f  taken; NULL is harmless.
 * @suspends   no.
 * @thread     the socket's.
 * @see        tn_framer_rest(), for bytes that were read ahead.
 */
TN_API void tn_framer_free(tn_framer *f);

/**
 * Read the next message.
 *
 * @param f    borrowed.
 * @param msg  set if the result is 1, else empty. Borrowed until the next read
 *             or the framer's end; its bytes may be written to.
 * @return 1: a message, perhaps of no bytes; 0: the stream ended between two
 *   messages; or
 *   TN_ETRUNCATED  it ended inside one,
 *   -ETIME         out of time, nothing lost: call again to go on,
 *   TN_ETOOBIG     the message is larger than the codec's limit,
 *   -EBADMSG       what came is no message,
 *   -EAGAIN -ECANCELED -EBUSY -ENOMEM  nothing lost; as tn_recv(),
 *   or any other of tn_recv().
 *   After an end, TN_ETOOBIG, -EBADMSG or a broken connection every later read
 *   gives the same again: where a next message begins, nobody can know.
 *   Writing still works as far as the socket does.
 * @suspends   yes, if no whole message is there yet.
 * @thread     the socket's; one reader at a time.
 * @see        Python StreamReader.readexactly, readuntil.
 */
TN_API TN_USE int tn_framer_read(tn_framer *f, tn_view *msg);

/**
 * Write one message, with all that goes around it, in one send.
 *
 * @param f     borrowed.
 * @param data  borrowed until return; `len` bytes. May be what tn_framer_read()
 *              handed out.
 * @param len   bytes.
 * @return 0; TN_ETOOBIG, -EINVAL: nothing was sent, see tn_codec_envelope(); as
 *   tn_sendall(), whose deadline spans the whole message. A message half sent
 *   ends the sending: TN_EBROKEN. So give the socket a time-out other than 0.
 * @suspends   yes, if the kernel's buffer is full.
 * @thread     the socket's.
 * @see        tn_sendvall(); Python socket.sendall.
 */
TN_API TN_USE int tn_framer_write(tn_framer *f, const void *data, size_t len);

/**
 * Set how long a message may take from its first byte to its last.
 *
 * @param f     borrowed.
 * @param time  ns, more than 0; TN_FOREVER for no limit; 0 for the socket's
 *              time-out, which is the default. A single wait within the message
 *              is limited by the socket's time-out in any case; where that is
 *              0 nothing waits, and nothing is timed.
 * @suspends   no.
 * @thread     the socket's; a read under way keeps its old limit.
 * @see        tn_settimeout().
 */
TN_API void tn_framer_set_message_time(tn_framer *f, int64_t time);

/**
 * Look at the bytes that were received and not handed out.
 *
 * After TN_ETRUNCATED this is the piece that came; before another protocol
 * takes the socket over, it is what the framer has read of it already.
 *
 * @param f     borrowed.
 * @param rest  filled; borrowed until the next read or the framer's end.
 * @suspends   no.
 * @thread     the socket's.
 * @see        Python IncompleteReadError.partial.
 */
TN_API void tn_framer_rest(const tn_framer *f, tn_view *rest);

/**
 * Serve messages: tn_serve() with a framer for each connection.
 *
 * Each message is handed to `fn` in the task of its connection, one after the
 * other; `fn` answers with tn_framer_write(). A connection ends when the peer's
 * stream does, its answers being delivered, or at the first error of reading or
 * of `fn`. opts->idle limits the wait for a message to begin, and its whole
 * arrival once more.
 *
 * @param listener  borrowed; listening; a stream.
 * @param codec     borrowed until return.
 * @param fn        for each message; may wait.
 * @param arg       borrowed until return; handed to `fn`.
 * @param opts      borrowed; NULL for the defaults.
 * @return as tn_serve(); -EINVAL: the codec is not well made.
 * @suspends   yes.
 * @thread     as tn_serve().
 * @see        tn_serve(), whose handler sees the connection as a whole.
 */
TN_API int tn_serve_messages(tn_sock *listener, const tn_codec *codec,
                             tn_message_fn *fn, void *arg,
                             const tn_serve_opts *opts);

TN_END_DECLS

#endif
