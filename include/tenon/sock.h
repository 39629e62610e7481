/*
 * tenon/sock.h - sockets with the verbs of Python's socket module.
 *
 * Who knows socket.recv knows tn_recv. In a plain thread a call blocks; in a
 * task (task.h) the same call parks the task and lets others run. Three calls
 * do for most programs: tn_dial() or tn_accept(), tn_recv(), tn_sendall().
 * Rarer verbs: msg.h (messages, descriptors, files), sockopt.h (options).
 *
 * Every descriptor is close-on-exec, no send raises a signal, an interrupted
 * call goes on with the time that is left, SO_ERROR is read after a connect.
 *
 * Errors:  negative codes of err.h. A call that fails changes no ownership.
 * Threads: a socket is used by one loop, or by plain threads: one reads, one
 *          writes. In a loop one task may read and any number may send; a
 *          second reader gets -EBUSY, senders queue.
 * Next:    frame.h cuts a stream into messages; serve.h is a whole server.
 */
#ifndef TENON_SOCK_H
#define TENON_SOCK_H

#include <tenon/addr.h>
#include <tenon/api.h>

typedef struct tn_sock tn_sock;

TN_BEGIN_DECLS

/**
 * Create a socket.
 *
 * @param out     given (end with tn_close()); NULL on failure.
 * @param family  AF_INET, AF_INET6, AF_UNIX, or any the kernel has.
 * @param type    SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW.
 * @param proto   0, or a protocol of that family.
 * @return 0; -EAFNOSUPPORT, -EPROTONOSUPPORT, -ESOCKTNOSUPPORT, -EINVAL: no
 *   such combination; -EPERM, -EACCES: raw sockets need CAP_NET_RAW; -EMFILE,
 *   -ENFILE, -ENOBUFS, -ENOMEM. tn_why() tells which.
 * @suspends   no.
 * @thread     any; the socket is the caller's.
 * @see        socket(2); Python socket.socket.
 */
TN_API TN_USE int tn_socket(tn_sock **out, int family, int type, int proto);

/**
 * Give a socket its own address.
 *
 * @param sock  borrowed; not bound yet.
 * @param addr  borrowed; port 0 lets the kernel choose.
 * @return 0; -EADDRINUSE (Unix: also where a file or directory of that name
 *   is), -EADDRNOTAVAIL, -EACCES, -EINVAL (bound already), -ENOENT, -ENOTDIR.
 * @suspends   no.
 * @thread     the socket's.
 * @see        bind(2); Python socket.bind.
 */
TN_API TN_USE int tn_bind(tn_sock *sock, const tn_addr *addr);

/**
 * Let peers connect.
 *
 * @param sock     borrowed; a bound stream or seqpacket socket.
 * @param backlog  connections that may wait for tn_accept(); < 0 means the
 *                 system's most; the system caps it (net.core.somaxconn).
 * @return 0; -EADDRINUSE, -EOPNOTSUPP, -EDESTADDRREQ, -EINVAL.
 * @suspends   no.
 * @thread     the socket's.
 * @see        listen(2); Python socket.listen.
 */
TN_API TN_USE int tn_listen(tn_sock *sock, int backlog);

/**
 * Take the next connection.
 *
 * The new socket blocks (its time-out is TN_FOREVER), whatever the listener's
 * is. Connections that died while they waited are skipped.
 *
 * @param sock  borrowed; listening.
 * @param out   given (end with tn_close()); NULL on failure.
 * @param peer  filled with the peer's address; may be NULL.
 * @return 0; -ETIME, -EAGAIN, -ECANCELED, -EBADF (closed meanwhile), -EBUSY
 *   (another task accepts), -EINVAL (not listening); -EMFILE, -ENFILE,
 *   -ENOMEM, -ENOBUFS: nothing was taken, pause before the next try.
 * @suspends   yes.
 * @thread     the socket's.
 * @see        accept4(2); Python socket.accept.
 */
TN_API TN_USE int tn_accept(tn_sock *sock, tn_sock **out, tn_addr *peer);

/**
 * Connect, or set the peer of a datagram socket.
 *
 * @param sock  borrowed.
 * @param addr  borrowed; family AF_UNSPEC undoes a datagram connect.
 * @return 0; -EINPROGRESS with time-out 0; -EISCONN; -EALREADY; -ETIME,
 *   -ECANCELED, -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, -ENETUNREACH,
 *   -EACCES, -EADDRNOTAVAIL, -ENOENT. After a failure a stream socket is only
 *   good for tn_close().
 * @suspends   yes.
 * @thread     the socket's.
 * @see        connect(2); Python socket.connect.
 */
TN_API TN_USE int tn_connect(tn_sock *sock, const tn_addr *addr);

/**
 * Do what tn_connect() does.
 *
 * Python's two differ only in raising; this one is here for its readers.
 *
 * @param sock  borrowed.
 * @param addr  borrowed.
 * @return as tn_connect().
 * @suspends   yes.
 * @thread     the socket's.
 * @see        Python socket.connect_ex.
 */
TN_API TN_USE int tn_connect_ex(tn_sock *sock, const tn_addr *addr);

/**
 * Receive at most `cap` bytes.
 *
 * On a stream one call is one read: it may return fewer bytes than were sent in
 * one tn_send(). On other types it is one message.
 *
 * @param sock   borrowed; connected, or bound.
 * @param buf    borrowed until return; at least `cap` bytes.
 * @param cap    bytes; 0 to SSIZE_MAX. 0 returns 0 at once on a stream.
 * @param flags  0 or MSG_PEEK, MSG_OOB, MSG_DONTWAIT, MSG_WAITALL, MSG_TRUNC.
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
 *               value if its tail was lost; may be NULL.
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
 * @param to     borrowed; "<broadcast>" needs tn_set_broadcast() before.
 * @return n; as tn_send(); -EACCES, -EDESTADDRREQ, -EISCONN, -ENETUNREACH.
 * @suspends   yes, if the kernel's buffer is full.
 * @thread     the socket's.
 * @see        sendto(2); Python socket.sendto.
 */
TN_API TN_USE ssize_t tn_sendto(tn_sock *sock, const void *buf, size_t n,
                                int flags, const tn_addr *to);

/**
 * End one or both directions of a connection.
 *
 * @param sock  borrowed; connected.
 * @param how   SHUT_RD, SHUT_WR (the peer reads end of stream), SHUT_RDWR.
 * @return 0; -ENOTCONN; -EINVAL.
 * @suspends   no.
 * @thread     the socket's.
 * @see        shutdown(2); Python socket.shutdown.
 */
TN_API int tn_shutdown(tn_sock *sock, int how);

/**
 * Close a socket; what was sent is still delivered.
 *
 * Parked calls on it return -EBADF first. Input that nobody read would make
 * the kernel reset a TCP stream and lose our last bytes: then the sending side
 * is ended, input dropped, and the peer awaited for at most TN_CLOSE_FLUSH.
 *
 * @param sock  taken; NULL is harmless.
 * @return 0; what close(2) said, the socket being gone nevertheless.
 * @suspends   yes, shielded, in that case or if calls are parked on it.
 * @thread     the socket's.
 * @see        close(2); RFC 9293 section 3.6; Python socket.close.
 */
TN_API int tn_close(tn_sock *sock);

/**
 * Close a socket at once and drop what was not delivered; TCP sends a reset.
 *
 * @param sock  taken; NULL is harmless.
 * @suspends   as tn_close(), only while calls are parked on it.
 * @thread     the socket's.
 * @see        socket(7) SO_LINGER; RFC 9293 section 3.10.5.
 */
TN_API void tn_abort(tn_sock *sock);

/**
 * Read a socket's own address.
 *
 * @param sock  borrowed.
 * @param addr  filled.
 * @return 0; -EBADF; -ENOBUFS.
 * @suspends   no.
 * @thread     any that may use the socket.
 * @see        getsockname(2); Python socket.getsockname.
 */
TN_API TN_USE int tn_getsockname(const tn_sock *sock, tn_addr *addr);

/**
 * Read the address of the peer.
 *
 * @param sock  borrowed.
 * @param addr  filled.
 * @return 0; -ENOTCONN; -EBADF; -ENOBUFS.
 * @suspends   no.
 * @thread     any that may use the socket.
 * @see        getpeername(2); Python socket.getpeername.
 */
TN_API TN_USE int tn_getpeername(const tn_sock *sock, tn_addr *addr);

/**
 * Set how long each later call may take as a whole.
 *
 * @param sock     borrowed.
 * @param timeout  ns; TN_FOREVER blocks, 0 makes calls return -EAGAIN instead
 *                 of waiting; other negative values count as TN_FOREVER.
 * @return 0; -EBADF.
 * @suspends   no.
 * @thread     the socket's; a call under way keeps its old limit.
 * @see        Python socket.settimeout.
 */
TN_API int tn_settimeout(tn_sock *sock, int64_t timeout);

/**
 * Read what tn_settimeout() set.
 *
 * @param sock  borrowed.
 * @return ns, 0, or TN_FOREVER.
 * @suspends   no.
 * @thread     the socket's.
 * @see        Python socket.gettimeout.
 */
TN_API int64_t tn_gettimeout(const tn_sock *sock);

/**
 * Choose between waiting without limit and not waiting.
 *
 * @param sock  borrowed.
 * @param on    true is tn_settimeout(TN_FOREVER), false tn_settimeout(0).
 * @return 0; -EBADF.
 * @suspends   no.
 * @thread     the socket's.
 * @see        Python socket.setblocking.
 */
TN_API int tn_setblocking(tn_sock *sock, bool on);

/**
 * Tell whether calls may wait.
 *
 * @param sock  borrowed.
 * @return false only if the time-out is 0.
 * @suspends   no.
 * @thread     the socket's.
 * @see        Python socket.getblocking.
 */
TN_API bool tn_getblocking(const tn_sock *sock);

/**
 * Return the descriptor, for calls that tenon does not have.
 *
 * @param sock  borrowed; keeps the descriptor: do not close or read it.
 * @return >= 0; -EBADF in the simulator, which has none.
 * @suspends   no.
 * @thread     any that may use the socket.
 * @see        Python socket.fileno.
 */
TN_API int tn_fileno(const tn_sock *sock);

/**
 * Return the family that the socket was made with.
 *
 * @param sock  borrowed.
 * @return AF_INET, AF_INET6, AF_UNIX, ...; 0 for a descriptor that is no
 *   socket.
 * @suspends   no.
 * @thread     any that may use the socket.
 * @see        socket(7) SO_DOMAIN; Python socket.family.
 */
TN_API int tn_family(const tn_sock *sock);

/**
 * Return the type that the socket was made with.
 *
 * @param sock  borrowed.
 * @return SOCK_STREAM, SOCK_DGRAM, ...; 0 for a descriptor that is no socket.
 * @suspends   no.
 * @thread     any that may use the socket.
 * @see        socket(7) SO_TYPE; Python socket.type.
 */
TN_API int tn_type(const tn_sock *sock);

/**
 * Return the protocol that the socket was made with.
 *
 * @param sock  borrowed.
 * @return IPPROTO_TCP, ..., 0.
 * @suspends   no.
 * @thread     any that may use the socket.
 * @see        socket(7) SO_PROTOCOL; Python socket.proto.
 */
TN_API int tn_proto(const tn_sock *sock);

/**
 * Create two sockets that are connected to each other.
 *
 * @param out     two sockets given (end each with tn_close()); NULL on failure.
 * @param family  AF_UNIX.
 * @param type    SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET.
 * @param proto   0.
 * @return 0; as tn_socket(); -EOPNOTSUPP.
 * @suspends   no.
 * @thread     any; the sockets are the caller's.
 * @see        socketpair(2); Python socket.socketpair.
 */
TN_API TN_USE int tn_socketpair(tn_sock *out[2], int family, int type,
                                int proto);

/**
 * Create a second socket for the same kernel socket.
 *
 * @param sock  borrowed.
 * @param out   given (end with tn_close()); NULL on failure. Its time-out is
 *              a copy.
 * @return 0; -EMFILE, -ENOMEM; -EOPNOTSUPP in the simulator.
 * @suspends   no.
 * @thread     the socket's.
 * @see        fcntl(2) F_DUPFD_CLOEXEC; Python socket.dup.
 */
TN_API TN_USE int tn_dup(tn_sock *sock, tn_sock **out);

/**
 * Take the descriptor out of a socket and end the socket.
 *
 * @param sock  taken on success; no call may be parked on it.
 * @return the descriptor, the caller's to close; -EBUSY; -EBADF.
 * @suspends   no.
 * @thread     the socket's. The descriptor may go to any other.
 * @see        Python socket.detach.
 */
TN_API TN_USE int tn_detach(tn_sock *sock);

/**
 * Make a socket of a descriptor; family, type and protocol are asked of it.
 *
 * @param out  given (end with tn_close()); NULL on failure.
 * @param fd   taken on success; a socket.
 * @return 0; -EBADF, -ENOTSOCK, -ENOMEM.
 * @suspends   no.
 * @thread     any; the socket is the caller's.
 * @see        Python socket.socket(fileno=fd).
 */
TN_API TN_USE int tn_fromfd(tn_sock **out, int fd);

/**
 * Make a tn_sock of any descriptor: pipe, terminal, file.
 *
 * tn_recv() reads it and tn_send() writes it. The flags of the descriptor stay
 * as they are, because its description may be shared with other programs.
 *
 * @param out  given (end with tn_close()); NULL on failure.
 * @param fd   borrowed: stays open after tn_close().
 * @return 0; -EBADF; -ENOMEM.
 * @suspends   no.
 * @thread     any; a write to a pipe without reader raises SIGPIPE unless the
 *             program ignores it.
 * @see        read(2), write(2); Python os.fdopen.
 */
TN_API TN_USE int tn_wrap(tn_sock **out, int fd);

TN_END_DECLS

#endif
