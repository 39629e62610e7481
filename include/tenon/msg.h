/*
 * tenon/msg.h - messages with all their parts: vectors, ancillary data, files.
 *
 * For the cases that tn_recv() and tn_sendall() leave out: scatter and gather,
 * control messages, passing descriptors, sending a file without copying it.
 *
 * Errors:  as tn_recv() and tn_send() of sock.h, and what stands here.
 * Threads: as sock.h.
 * Next:    recvmsg(2), cmsg(3).
 */
#ifndef TENON_MSG_H
#define TENON_MSG_H

#include <tenon/sock.h>

#include <sys/uio.h>

/* One message, to be sent or received; a plain struct, zero what is unused. */
typedef struct tn_msg {
    struct iovec *iov;  /* borrowed; where the bytes are or shall go */
    size_t iov_count;   /* 0 to 1024 */
    tn_addr addr;       /* sender, or receiver if len > 0 */
    void *control;      /* borrowed; aligned as cmsg(3) wants it; may be NULL */
    size_t control_len; /* bytes to send; received: room before, bytes after */
    size_t full;        /* received: true size; above the result if cut */
    int flags;          /* received: MSG_TRUNC, MSG_CTRUNC, MSG_EOR, MSG_OOB,
                          MSG_ERRQUEUE */
} tn_msg;

TN_BEGIN_DECLS

/**
 * Receive a message into a vector, with ancillary data.
 *
 * @param sock   borrowed.
 * @param msg    borrowed until return; iov and control say where things go.
 *               Descriptors received are close-on-exec and the caller's.
 * @param flags  as tn_recv(), and MSG_ERRQUEUE.
 * @return bytes stored; a cut message is told in msg->flags and msg->full;
 *   else as tn_recv().
 * @suspends   yes.
 * @thread     the socket's.
 * @see        recvmsg(2); Python socket.recvmsg, recvmsg_into.
 */
TN_API TN_USE ssize_t tn_recvmsg(tn_sock *sock, tn_msg *msg, int flags);

/**
 * Send a message from a vector, with ancillary data.
 *
 * @param sock   borrowed.
 * @param msg    borrowed until return.
 * @param flags  as tn_send().
 * @return bytes sent, on a stream perhaps not all; as tn_send(), tn_sendto().
 * @suspends   yes, if the kernel's buffer is full.
 * @thread     the socket's.
 * @see        sendmsg(2); Python socket.sendmsg.
 */
TN_API TN_USE ssize_t tn_sendmsg(tn_sock *sock, const tn_msg *msg, int flags);

/**
 * Send all bytes of a vector, as tn_sendall() does with one buffer.
 *
 * @param sock   borrowed.
 * @param iov    borrowed until return; not changed.
 * @param count  0 to 16 (TN_IOV_MAX).
 * @param sent   how many bytes went out, also after a failure; may be NULL.
 * @return the sum of the lengths; -EINVAL for `count`; as tn_sendall().
 * @suspends   yes, if the kernel's buffer is full.
 * @thread     the socket's.
 * @see        writev(2); Python socket.sendmsg.
 */
TN_API TN_USE ssize_t tn_sendvall(tn_sock *sock, const struct iovec *iov,
                                  int count, size_t *sent);

/**
 * Send a part of a file without bringing it into the program.
 *
 * @param sock    borrowed; a connected stream.
 * @param fd      borrowed; a regular file.
 * @param offset  bytes from its beginning, >= 0; its own position stays.
 * @param count   bytes; 0 means up to the file's end.
 * @param sent    how many bytes went out, also after a failure; may be NULL.
 * @return bytes sent; fewer than `count` if the file ends before; -EINVAL (no
 *   regular file, no stream); else as tn_sendall().
 * @suspends   yes, if the kernel's buffer is full. Reading the file may block
 *             the thread.
 * @thread     the socket's.
 * @see        sendfile(2); Python socket.sendfile.
 */
TN_API TN_USE ssize_t tn_sendfile(tn_sock *sock, int fd, int64_t offset,
                                  size_t count, size_t *sent);

/**
 * Send descriptors along with some bytes.
 *
 * @param sock   borrowed; Unix.
 * @param buf    borrowed until return; on a stream at least one byte.
 * @param n      bytes.
 * @param fds    borrowed; the peer gets copies.
 * @param count  1 to 253.
 * @return bytes sent; -EINVAL; -EBADF; -ETOOMANYREFS; as tn_send().
 * @suspends   yes, if the kernel's buffer is full.
 * @thread     the socket's.
 * @see        unix(7) SCM_RIGHTS; Python socket.send_fds.
 */
TN_API TN_USE ssize_t tn_send_fds(tn_sock *sock, const void *buf, size_t n,
                                  const int *fds, int count);

/**
 * Receive bytes and the descriptors that came along.
 *
 * @param sock   borrowed; Unix.
 * @param buf    borrowed until return; at least `cap` bytes.
 * @param cap    bytes, at least 1.
 * @param fds    room for *count; those received are close-on-exec and the
 *               caller's to close.
 * @param count  in: 1 to 253; out: how many came. Those without room are
 *               closed, and -EMSGSIZE tells it: the bytes were taken then.
 * @return bytes; 0 at the end of a stream; as tn_recv().
 * @suspends   yes.
 * @thread     the socket's.
 * @see        unix(7) SCM_RIGHTS; Python socket.recv_fds.
 */
TN_API TN_USE ssize_t tn_recv_fds(tn_sock *sock, void *buf, size_t cap,
                                  int *fds, int *count);

/**
 * Wait until a foreign descriptor is ready.
 *
 * @param fd       borrowed; must stay open until return.
 * @param events   POLLIN, POLLOUT, POLLPRI, POLLRDHUP.
 * @param timeout  ns; 0 asks only; TN_FOREVER.
 * @return the events that hold, with POLLERR, POLLHUP; 0 if the time-out was 0
 *   and none holds; -ETIME; -ECANCELED; -EBADF.
 * @suspends   yes.
 * @thread     any.
 * @see        poll(2); Python select.poll.
 */
TN_API TN_USE int tn_wait_fd(int fd, int events, int64_t timeout);

TN_END_DECLS

#endif
