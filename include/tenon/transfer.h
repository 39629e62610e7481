/*
 * tenon/transfer.h - the verbs that move bytes: recv and send with their kin.
 *
 * On a stream one recv is one read of what has come, which may be less or more
 * than one send: messages have no edges there (see frame.h). Comes with
 * sock.h.
 *
 * Errors:  negative codes of err.h.
 * Threads: as sock.h.
 * Next:    msg.h for vectors, ancillary data, descriptors and files.
 */
#ifndef TENON_TRANSFER_H
#define TENON_TRANSFER_H

#include <tenon/addr.h>
#include <tenon/api.h>

typedef struct tn_sock tn_sock;

TN_BEGIN_DECLS

/**
 * Receive at most `cap` bytes.
 *
 * On a stream one call is one read: it may return fewer bytes than were sent in
 * one tn_send(). On other types it is one message.
 *
 * @param sock   borrowed; connected, or bound.
 * @param buf    borrowed until return; at least `cap` bytes.
 * @param cap    bytes; 0 to SSIZE_MAX. 0 returns 0 at once on a stream.
 * @param flags  0 or MSG_PEEK, MSG_OOB, MSG_DONTWAIT, MSG_TRUNC, MSG_WAITALL
 *               (all of `cap`, less only at the end or the deadline).
 * @return bytes, or 0 when the peer ended the stream (or sent an empty
 *   message); -EMSGSIZE: the message was larger, `buf` holds its head and
 *   tn_why() the size (with MSG_TRUNC the size is returned); -ETIME, -EAGAIN,
 *   -ECANCELED, -EBADF, -EBUSY, -ECONNRESET, -ECONNREFUSED (datagram),
 *   -ENOTCONN. After any but -EMSGSIZE nothing was taken.
 * @suspends   yes.
 * @thread     the socket's.
 * @see        recv(2); RFC 9293 section 3.9.1; Python socket.recv.
 */
TN_API TN_USE ssize_t tn_recv(tn_sock *sock, void *buf, size_t cap, int flags);

/**
 * Receive exactly `n` bytes of a stream.
 *
 * @param sock  borrowed; a connected stream.
 * @param buf   borrowed until return; at least `n` bytes.
 * @param n     bytes; 0 to SSIZE_MAX.
 * @param got   how many bytes `buf` holds, also after a failure; may be NULL.
 * @return n; 0 if the stream ended before the first byte; TN_ETRUNCATED if it
 *   ended later; or as tn_recv(). The deadline spans the whole call. After
 *   -ETIME call again for the rest.
 * @suspends   yes.
 * @thread     the socket's.
 * @see        recv(2) MSG_WAITALL; Python asyncio's readexactly.
 */
TN_API TN_USE ssize_t tn_recvall(tn_sock *sock, void *buf, size_t n,
                                 size_t *got);

/**
 * Receive a message and the address it came from.
 *
 * @param sock   borrowed.
 * @param buf    borrowed until return; at least `cap` bytes.
 * @param cap    bytes; 0 to SSIZE_MAX.
 * @param flags  as tn_recv().
 * @param from   filled with the sender; len 0 if it has none; may be NULL.
 * @param full   set to the message's true size, which is above the return
 *               value if its tail was lost (by 1 where the kernel does not
 *               tell by how much: ICMP); may be NULL.
 * @return bytes in `buf`; as tn_recv(), but -EMSGSIZE only if `full` is NULL.
 * @suspends   yes.
 * @thread     the socket's.
 * @see        recvfrom(2); Python socket.recvfrom.
 */
TN_API TN_USE ssize_t tn_recvfrom(tn_sock *sock, void *buf, size_t cap,
                                  int flags, tn_addr *from, size_t *full);

/**
 * Send at most `n` bytes.
 *
 * @param sock   borrowed; connected.
 * @param buf    borrowed until return.
 * @param n      bytes; 0 to SSIZE_MAX.
 * @param flags  0 or MSG_OOB, MSG_DONTWAIT, MSG_MORE, MSG_CONFIRM.
 * @return bytes that the kernel took, 1 to `n` (0 if n is 0); -ETIME, -EAGAIN,
 *   -ECANCELED, -EBADF, -EPIPE, -ECONNRESET, -EMSGSIZE, -ENOBUFS, -ENOTCONN,
 *   -ECONNREFUSED; TN_EBROKEN after a tn_sendall() that failed half-way.
 * @suspends   yes, if the kernel's buffer is full.
 * @thread     the socket's.
 * @see        send(2); Python socket.send.
 */
TN_API TN_USE ssize_t tn_send(tn_sock *sock, const void *buf, size_t n,
                              int flags);

/**
 * Send all of `n` bytes; none are an empty message where there are messages.
 *
 * Other senders of the same loop wait, so that messages never mix. If it fails
 * after some bytes went out, the stream refuses further sends (TN_EBROKEN):
 * nobody could know where they belong.
 *
 * @param sock  borrowed; connected.
 * @param buf   borrowed until return.
 * @param n     bytes; 0 to SSIZE_MAX.
 * @param sent  how many went out, also after a failure; may be NULL. Who reads
 *              it may go on: tn_send_resume() lifts the refusal.
 * @return n; or as tn_send(). The deadline spans the whole call.
 * @suspends   yes, if the kernel's buffer is full.
 * @thread     the socket's.
 * @see        send(2); Python socket.sendall.
 */
TN_API TN_USE ssize_t tn_sendall(tn_sock *sock, const void *buf, size_t n,
                                 size_t *sent);

/**
 * Allow sends again after a tn_sendall() that failed half-way.
 *
 * @param sock  borrowed. The caller promises to go on with the unsent rest.
 * @suspends   no.
 * @thread     the socket's.
 * @see        Python socket.sendall, which leaves this to the caller.
 */
TN_API void tn_send_resume(tn_sock *sock);

/**
 * Send one message to an address.
 *
 * @param sock   borrowed.
 * @param buf    borrowed until return.
 * @param n      bytes; 0 to SSIZE_MAX.
 * @param flags  as tn_send().
 * @param to     borrowed; "<broadcast>" needs TN_BROADCAST set.
 * @return n; as tn_send(); -EACCES, -EDESTADDRREQ, -EISCONN, -ENETUNREACH.
 * @suspends   yes, if the kernel's buffer is full.
 * @thread     the socket's.
 * @see        sendto(2); Python socket.sendto.
 */
TN_API TN_USE ssize_t tn_sendto(tn_sock *sock, const void *buf, size_t n,
                                int flags, const tn_addr *to);

TN_END_DECLS

#endif
