/*
 * tenon/err.h - what a call returns when it fails.
 *
 * Every function returns >= 0 for success and a negative tn_err for failure.
 * Errors of the system keep their value: -ECONNREFUSED, -EPIPE, -EAGAIN. What
 * no errno can say has a name below. errno itself is neither set nor read: it
 * belongs to a thread, and many tasks share one.
 *
 *   -EAGAIN     the call would wait and was told not to (BlockingIOError)
 *   -ETIME      our own deadline passed (TimeoutError)
 *   -ETIMEDOUT  TCP gave the connection up (TimeoutError in Python too)
 *   -ECANCELED  the calling task was cancelled
 *
 * Threads: all functions here may be called from any thread.
 * Next:    sock.h; tn_why() for the sentence a person wants to read.
 */
#ifndef TENON_ERR_H
#define TENON_ERR_H

#include <tenon/api.h>

#include <errno.h>

/* name, value, text: the only list of tenon's own codes. */
#define TN_ERR_TABLE(X)                                                        \
    X(TN_ETRUNCATED, -4097, "the stream ended inside a message")               \
    X(TN_ETOOBIG, -4098, "the message is larger than the limit")               \
    X(TN_EBROKEN, -4099, "an earlier send failed half-way on this stream")     \
    X(TN_ENONAME, -4100, "no such host")                                       \
    X(TN_ETRYNAME, -4101, "the name server gave no answer; try again")         \
    X(TN_ERESOLVE, -4102, "the name could not be looked up")                   \
    X(TN_EADDRESS, -4103, "not an address")                                    \
    X(TN_EWRONGLOOP, -4104, "the socket is in use by another loop")            \
    X(TN_EFORMAT, -4105, "not a format string of pack")                        \
    X(TN_ERANGE, -4106, "the value does not fit its format")                   \
    X(TN_ETLS, -4107, "the TLS handshake failed")                              \
    X(TN_ECERT, -4108, "the certificate is not to be trusted")                 \
    X(TN_ECUT, -4109, "the TLS stream was cut off without its end mark")       \
    X(TN_EHTTP, -4110, "this is not valid HTTP")                               \
    X(TN_EREDIRECT, -4111, "too many redirects")                               \
    X(TN_EPROXY, -4112, "the proxy refused")                                   \
    X(TN_EWS, -4113, "this is not the WebSocket protocol")                     \
    X(TN_ECODING, -4114, "the content coding is damaged or unknown")

typedef enum tn_err {
    TN_OK = 0,

#define TN_ERR_ENUM(name, value, text) name = value,
    TN_ERR_TABLE(TN_ERR_ENUM)
#undef TN_ERR_ENUM
} tn_err;

TN_BEGIN_DECLS

/**
 * Say in a few lower-case words what an error code means.
 *
 * @param err  a negative code as any function of tenon returned it.
 * @return text of static life without full stop: "connection refused".
 *   For 0 or more "success"; for a code nobody knows "unknown error".
 * @suspends   no.
 * @thread     any.
 * @see        strerror(3); Python os.strerror.
 */
TN_API const char *tn_strerror(int err);

/**
 * Name an error code as a program writes it.
 *
 * @param err  a negative code as any function of tenon returned it.
 * @return text of static life: "ECONNREFUSED", "TN_ETRUNCATED"; "?" if unknown.
 * @suspends   no.
 * @thread     any.
 * @see        strerrorname_np(3); Python errno.errorcode.
 */
TN_API const char *tn_err_name(int err);

/**
 * Tell what the caller's last failed call tried and why it failed.
 *
 * "connect tcp [::1]:9000: connection refused": operation, kind, peer, reason.
 * Kept for each task (each thread outside of tasks) until its next failure;
 * -EAGAIN is not recorded, being no failure.
 *
 * @return text borrowed until the next tn_why() on this thread; never NULL;
 *   "no failure" if there was none.
 * @suspends   no.
 * @thread     any; speaks of the calling task or thread only.
 * @see        Go's net.OpError; Python str(OSError).
 */
TN_API const char *tn_why(void);

/**
 * Replace the record that tn_why() reads, for layers above the library.
 *
 * @param err   the code that the caller is about to return; < 0.
 * @param what  what was tried, "open share"; borrowed; at most 63 bytes kept.
 * @param with  with which thing, may be NULL; borrowed; 127 bytes kept.
 * @return `err`, so that a function can end with `return tn_fail(...)`.
 * @suspends   no.
 * @thread     any.
 * @see        Go's fmt.Errorf; tn_why().
 */
TN_API int tn_fail(int err, const char *what, const char *with);

TN_END_DECLS

#endif
