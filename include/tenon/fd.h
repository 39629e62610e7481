/*
 * tenon/fd.h - a socket and its descriptor: what it is, and one made from the
 * other.
 *
 * For code that meets descriptors of others: pipes and terminals, sockets that
 * were inherited, calls that tenon does not have. Comes with sock.h.
 *
 * Errors:  negative codes of err.h.
 * Threads: as sock.h.
 * Next:    msg.h, which passes descriptors between processes.
 */
#ifndef TENON_FD_H
#define TENON_FD_H

#include <tenon/api.h>

typedef struct tn_sock tn_sock;

TN_BEGIN_DECLS

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
 * @return 0; -EMFILE, -ENOMEM; -EOPNOTSUPP in the simulator, and of a TLS
 *   socket, whose state cannot be in two.
 * @suspends   no.
 * @thread     the socket's.
 * @see        fcntl(2) F_DUPFD_CLOEXEC; Python socket.dup.
 */
TN_API TN_USE int tn_dup(tn_sock *sock, tn_sock **out);

/**
 * Take the descriptor out of a socket and end the socket.
 *
 * @param sock  taken on success; no call may be parked on it.
 * @return the descriptor, the caller's to close; -EBUSY; -EBADF; -EOPNOTSUPP of
 *   a TLS socket.
 * @suspends   no.
 * @thread     the socket's. The descriptor may go to any other.
 * @see        Python socket.detach.
 */
TN_API TN_USE int tn_detach(tn_sock *sock);

/**
 * Make a socket of a descriptor; family, type and protocol are asked of it.
 *
 * It becomes close-on-exec and keeps its mode; the time-out is TN_FOREVER.
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
