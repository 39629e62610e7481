/*
 * tenon/url.h - URLs taken apart, percent coding, queries.
 *
 * Pure: results point into what was parsed.
 *
 * Errors:  -EINVAL, -ENAMETOOLONG.
 * Threads: any.
 * Next:    httpc.h.
 */
#ifndef TENON_URL_H
#define TENON_URL_H

#include <tenon/api.h>
#include <tenon/err.h>
#include <tenon/text.h>

enum {
    TN_URL_MAX = 8192, /* bytes of a URL */
};

/* The parts of "http://user:word@host:80/path?query#part"; absent ones have a
   NULL `at`. */
typedef struct tn_url {
    tn_str scheme;   /* "http"; any case */
    tn_str userinfo; /* "user:word", still coded */
    tn_str host;     /* without the brackets of "[::1]" */
    int port;        /* 1 to 65535; -1 if the URL names none */
    tn_str path;     /* perhaps empty */
    tn_str query;    /* behind "?" */
    tn_str fragment; /* behind "#" */
} tn_url;

TN_BEGIN_DECLS

/**
 * Take an absolute URL apart.
 *
 * As strict as tn_http_parse_request() with targets: what RFC 3986 forbids is
 * refused, but "[]^`{|}", which browsers leave as they are, and the backslash
 * behind "?".
 *
 * @param url   filled; points into `text`.
 * @param text  borrowed as long as `url` is used.
 * @return 0; -EINVAL: no scheme, no host where "//" promises one, a port that
 *   is none, a space, a control character, a byte above ASCII, a broken percent
 *   sign;
 *   -ENAMETOOLONG: above TN_URL_MAX.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 3986; Python urllib.parse.urlsplit.
 */
TN_API TN_USE int tn_url_parse(tn_url *url, tn_str text);

/**
 * Find what a reference means on a page: dots removed, the rest inherited.
 *
 * @param dst   `cap` bytes; ends in NUL.
 * @param cap   bytes; base.len + ref.len + 2 always suffice.
 * @param base  borrowed; the page's absolute URL.
 * @param ref   borrowed; absolute or relative, as in Location.
 * @return bytes without the NUL; -EINVAL: as tn_url_parse(), and a path that
 *   would become a host; -ENAMETOOLONG.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 3986 section 5; Python urllib.parse.urljoin.
 */
TN_API TN_USE ssize_t tn_url_join(char *dst, size_t cap, tn_str base,
                                  tn_str ref);

/**
 * Undo percent coding.
 *
 * @param dst   `cap` bytes; ends in NUL; may be the same memory as `src.at`.
 * @param cap   bytes; src.len + 1 always suffice.
 * @param src   borrowed.
 * @param plus  "+" means a space, as in queries.
 * @return bytes without the NUL, which may be among them; -EINVAL: a percent
 *   sign without two hex digits; -ENAMETOOLONG.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 3986 section 2.1; Python urllib.parse.unquote.
 */
TN_API TN_USE ssize_t tn_url_decode(char *dst, size_t cap, tn_str src,
                                    bool plus);

/**
 * Percent-code bytes; letters, digits, "-._~" and those in `keep` stay.
 *
 * @param dst   `cap` bytes; ends in NUL.
 * @param cap   bytes; 3 * src.len + 1 always suffice.
 * @param src   borrowed.
 * @param keep  borrowed; "/" for a path, "" for a part of it.
 * @return bytes without the NUL; -ENAMETOOLONG.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 3986 section 2.1; Python urllib.parse.quote.
 */
TN_API TN_USE ssize_t tn_url_encode(char *dst, size_t cap, tn_str src,
                                    const char *keep);

/**
 * Make a request's path into names that stay below a folder.
 *
 * Decoded; "." and empty names dropped, ".." steps back. No leading slash, no
 * slash at the end: "" is the folder itself. A backslash is a letter, as in any
 * name here; what follows symlinks has to look itself where they lead.
 *
 * @param dst   `cap` bytes; ends in NUL.
 * @param cap   bytes; path.len + 1 always suffice.
 * @param path  borrowed; begins with "/".
 * @return bytes without the NUL; -EINVAL: a bad percent sign, a NUL, a coded
 *   slash, a ".." above the top; -ENAMETOOLONG.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 3986 section 5.2.4; openat2(2) RESOLVE_BENEATH.
 */
TN_API TN_USE ssize_t tn_url_path(char *dst, size_t cap, tn_str path);

/**
 * Find a parameter of a query and decode it.
 *
 * @param dst    `cap` bytes; ends in NUL.
 * @param cap    bytes.
 * @param query  borrowed; "a=1&b=2"; may be absent.
 * @param name   borrowed; as it is written in the query, decoded.
 * @return bytes of its value, 0 if it has none; -ENOENT; -EINVAL;
 *   -ENAMETOOLONG.
 * @suspends   no.
 * @thread     any.
 * @see        Python urllib.parse.parse_qs.
 */
TN_API TN_USE ssize_t tn_url_query(char *dst, size_t cap, tn_str query,
                                   const char *name);

TN_END_DECLS

#endif
