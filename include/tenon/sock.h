/*
 * tenon/sock.h - sockets with the verbs of Python's socket module.
 *
 * Who knows socket.recv knows tn_recv. In a plain thread a call blocks; in a
 * task (task.h) the same call parks the task and lets others run. Three calls
 * do for most programs: tn_dial() or tn_accept(), tn_recv(), tn_sendall().
 * transfer.h and fd.h come with this header. Rarer verbs: msg.h (messages,
 * descriptors, files), sockopt.h (options).
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
#include <tenon/err.h>
#include <tenon/fd.h>
#include <tenon/transfer.h>

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
 * is ended, input dropped, and the peer awaited for at most TN_CLOSE_FLUSH. Not
 * so where somebody else may hold the connection too: after tn_dup(),
 * tn_fileno(), tn_fromfd() or a fork.
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

TN_END_DECLS

#endif
