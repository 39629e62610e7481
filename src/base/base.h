/*
 * base.h - what every layer stands on: assertions, clock, random numbers, the
 * record behind tn_why().
 */
#ifndef TENON_BASE_BASE_H
#define TENON_BASE_BASE_H

#include <tenon/addr.h>
#include <tenon/api.h>
#include <tenon/err.h>

#include "base/limits.h"

/* A mistake of the programmer, never of a peer: say where and abort. */
#ifdef NDEBUG
#define TN_ASSERT(cond) ((void)sizeof(cond))
#else
#define TN_ASSERT(cond)                                                        \
    ((cond) ? (void)0 : tn__assert_failed(#cond, __FILE__, __LINE__))
#endif

#define TN_LIKELY(x)   __builtin_expect(!!(x), 1)
#define TN_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Bring the cache line at `offset` from p in; p may point anywhere. To gcc 12 a
   function that does nothing else is one without effect, whose calls it drops:
   declare it TN_INLINE. */
#define TN_PREFETCH(p, offset) __builtin_prefetch((const char *)(p) + (offset))
#define TN_INLINE              inline __attribute__((always_inline))

/* Kept out of its caller, which parks: its frame would hold this function's
   buffers all the while. */
#define TN_APART __attribute__((noinline, cold))

/* What one line of the cache holds, on all machines that matter. */
#define TN_LINE 64

/* No deadline: later than every clock. */
#define TN_NEVER INT64_MAX

_Noreturn void tn__assert_failed(const char *cond, const char *file, int line);

/* ---- clock ---- */

int64_t tn__clock_now(void);

/* now + timeout without overflow; negative timeouts give TN_NEVER. */
static inline int64_t
tn__deadline(int64_t now, int64_t timeout)
{
    if (timeout < 0 || timeout > TN_NEVER - now) {
        return TN_NEVER;
    }
    return now + timeout;
}

/* ---- random numbers (not for secrets) ---- */

struct tn__rng {
    uint64_t state;
};

uint64_t tn__rng_next(struct tn__rng *rng);

/* 0 to bound - 1; bound > 0. */
uint32_t tn__rng_below(struct tn__rng *rng, uint32_t bound);

/* true `permille` times in 1000. */
bool tn__rng_chance(struct tn__rng *rng, int permille);

/* ---- why the last call failed ---- */

/* Kept small: one lives in each task. Formatted only when somebody asks. */
struct tn__why {
    int err;        /* 0: no failure yet */
    int type;       /* SOCK_STREAM, ... for "tcp"; TN__WHY_TEXT: `text` is in
                       use; TN__WHY_WHOLE: `whole` is */
    const char *op; /* static text: "connect" */

    union {
        tn_addr addr; /* len 0: none */

        struct {
            char what[64];
            char with[128];
        } text;

        char whole[TN_WHY_TEXT];
    } u;
};

#define TN__WHY_TEXT  (-1)
#define TN__WHY_WHOLE (-2)

/* The record of the running task; the scheduler points it elsewhere when it
   switches. NULL means the thread's own. */
extern _Thread_local struct tn__why *tn__why_here;

/* Take over the story that a task which is ending, and failed with err, leaves
   behind: for whoever waited for it. NULL: the thread's own record. */
void tn__why_inherit(struct tn__why *heir, const struct tn__why *from, int err);

/* Record that `op` on `addr` (may be NULL) failed and return err. -EAGAIN is
   returned without being recorded. */
int tn__fail(int err, const char *op, int type, const tn_addr *addr);

/* Record a whole sentence, of which TN_WHY_TEXT bytes are kept. */
int tn__fail_text(int err, const char *sentence);

#endif
