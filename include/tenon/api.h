/*
 * tenon/api.h - what every other header of tenon needs: visibility and time.
 *
 * One unit for time: int64_t nanoseconds, written 2 * TN_SEC or 50 * TN_MS.
 * TN_FOREVER waits without limit, 0 does not wait at all.
 *
 * Next: err.h for what a call can return, sock.h for the socket verbs.
 */
#ifndef TENON_API_H
#define TENON_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__GNUC__)
#define TN_API               __attribute__((visibility("default")))
#define TN_USE               __attribute__((warn_unused_result))
#define TN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TN_API
#define TN_USE
#define TN_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
#define TN_BEGIN_DECLS extern "C" {
#define TN_END_DECLS   }
#else
#define TN_BEGIN_DECLS
#define TN_END_DECLS
#endif

#define TN_NS  ((int64_t)1)
#define TN_US  (1000 * TN_NS)
#define TN_MS  (1000 * TN_US)
#define TN_SEC (1000 * TN_MS)
#define TN_MIN (60 * TN_SEC)

/* A time-out that never comes. */
#define TN_FOREVER ((int64_t)-1)

#define TN_VERSION "0.1.0"

TN_BEGIN_DECLS

/**
 * Return the version of the library that runs, such as "0.1.0".
 *
 * @return a static string; compare with TN_VERSION, which is the header's.
 * @suspends   no.
 * @thread     any.
 * @see        Python socket has none; SemVer 2.0 names the parts.
 */
TN_API const char *tn_version(void);

TN_END_DECLS

#endif
