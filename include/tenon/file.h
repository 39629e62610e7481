/*
 * tenon/file.h - a buffered reader and writer on a socket: makefile.
 *
 *     tn_file *f;
 *     tn_makefile(&f, sock, TN_READ | TN_WRITE);
 *     while ((n = tn_file_readline(f, line, sizeof(line))) > 0) ...
 *
 * Reading and writing have a buffer each (TN_FILE_BUF, 8 KiB). The socket is
 * borrowed: closing the file flushes it and leaves the socket open.
 *
 * Errors:  as tn_recv() and tn_sendall().
 * Threads: as the socket; but one task writes: while it waits in a flush, what
 *          would flush as well gets -EBUSY.
 * Next:    frame.h, where a message may be more than a line.
 */
#ifndef TENON_FILE_H
#define TENON_FILE_H

#include <tenon/sock.h>

#include <stdio.h>

typedef struct tn_file tn_file;

enum {
    TN_READ = 1 << 0,
    TN_WRITE = 1 << 1,
};

TN_BEGIN_DECLS

/**
 * Put a buffered file on a socket.
 *
 * @param out   given (end with tn_file_close()); NULL on failure.
 * @param sock  borrowed until tn_file_close().
 * @param mode  TN_READ, TN_WRITE or both.
 * @return 0; -EINVAL; -ENOMEM.
 * @suspends   no.
 * @thread     the socket's.
 * @see        Python socket.makefile.
 */
TN_API TN_USE int tn_makefile(tn_file **out, tn_sock *sock, unsigned mode);

/**
 * Read a line with its newline.
 *
 * @param f    borrowed; readable.
 * @param buf  `cap` bytes; ends in NUL.
 * @param cap  bytes, at least 2 (else -EINVAL). A longer line comes in parts,
 *             of which only the last ends in a newline.
 * @return bytes without the NUL, the newline included; a last line may lack
 *   it; 0 at the end of the stream; as tn_recv(), nothing being lost.
 * @suspends   yes.
 * @thread     the socket's.
 * @see        Python's readline.
 */
TN_API TN_USE ssize_t tn_file_readline(tn_file *f, char *buf, size_t cap);

/**
 * Read `n` bytes, fewer only at the end of the stream.
 *
 * @param f    borrowed; readable.
 * @param buf  `n` bytes.
 * @param n    bytes.
 * @param got  how many `buf` holds, also after a failure; may be NULL.
 * @return bytes; 0 at the end; as tn_recv(). After a failure the bytes in
 *   `buf` count as read.
 * @suspends   yes.
 * @thread     the socket's.
 * @see        Python's read(n).
 */
TN_API TN_USE ssize_t tn_file_read(tn_file *f, void *buf, size_t n,
                                   size_t *got);

/**
 * Write `n` bytes to the buffer, sending what does not fit.
 *
 * @param f    borrowed; writable.
 * @param buf  borrowed until return.
 * @param n    bytes.
 * @return n; as tn_sendall().
 * @suspends   yes, if it has to send.
 * @thread     the socket's.
 * @see        Python's write.
 */
TN_API TN_USE ssize_t tn_file_write(tn_file *f, const void *buf, size_t n);

/**
 * Send what the buffer holds.
 *
 * @param f  borrowed; writable.
 * @return 0; as tn_sendall(); what was not sent stays in the buffer.
 * @suspends   yes.
 * @thread     the socket's.
 * @see        Python's flush.
 */
TN_API TN_USE int tn_file_flush(tn_file *f);

/**
 * Flush and release the file; the socket stays open.
 *
 * @param f  taken; NULL is harmless.
 * @return 0; what the flush returned, the file being gone nevertheless.
 * @suspends   yes, if there is something to send.
 * @thread     the socket's.
 * @see        Python's close.
 */
TN_API int tn_file_close(tn_file *f);

/**
 * Make a FILE of a socket, for fprintf(), getline() and their family.
 *
 * @param out   given (end with fclose(), which leaves the socket open); NULL
 *              on failure.
 * @param sock  borrowed until fclose().
 * @param mode  "r", "w" or "r+", as fopen().
 * @return 0; -EINVAL; -ENOMEM. Errors of its calls set ferror(); tn_why()
 *   tells the reason.
 * @suspends   no; its reads and writes do. One task at a time: the C library
 *             holds a lock of the thread while it waits.
 * @thread     the socket's.
 * @see        fopencookie(3); Python socket.makefile.
 */
TN_API TN_USE int tn_makefile_stdio(FILE **out, tn_sock *sock,
                                    const char *mode);

TN_END_DECLS

#endif
