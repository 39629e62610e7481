/*
 * tenon/text.h - text from strangers, made safe to show.
 *
 * Errors:  none.
 * Threads: any.
 * Next:    addr.h for the text of addresses.
 */
#ifndef TENON_TEXT_H
#define TENON_TEXT_H

#include <tenon/api.h>

/* Text that lives elsewhere, as long as their owner says; no NUL at the end.
   Absent and empty differ where a header says so: absent has a NULL `at`. */
typedef struct tn_str {
    const char *at;
    size_t len;
} tn_str;

TN_BEGIN_DECLS

/**
 * Copy text without what could harm a terminal or mislead a reader.
 *
 * Dropped: C0 and C1 control characters (but tab, which becomes a space), DEL,
 * bidirectional overrides and isolates, line and paragraph separators. Bytes
 * that are no UTF-8 become U+FFFD. Never cuts a character.
 *
 * @param dst  `cap` bytes; ends in NUL if cap > 0. Not `src` itself.
 * @param cap  bytes; 3 * n + 1 holds everything.
 * @param src  borrowed; `n` bytes.
 * @param n    bytes.
 * @return bytes written without the NUL.
 * @suspends   no.
 * @thread     any.
 * @see        Unicode UAX 9 section 2; RFC 3629.
 */
TN_API size_t tn_text_clean(char *dst, size_t cap, const char *src, size_t n);

/**
 * Find where to cut UTF-8 text so that no character is split.
 *
 * @param s    borrowed; `n` bytes.
 * @param n    bytes.
 * @param max  the most to keep, in bytes.
 * @return bytes to keep: n if n <= max, else at most max.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 3629 section 3.
 */
TN_API size_t tn_text_cut(const char *s, size_t n, size_t max);

/**
 * Tell whether bytes are well-formed UTF-8.
 *
 * @param s  borrowed; `n` bytes.
 * @param n  bytes.
 * @return true if so; overlong forms and surrogates are not.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 3629 section 4.
 */
TN_API TN_USE bool tn_text_valid(const char *s, size_t n);

TN_END_DECLS

#endif
