/*
 * host.h - the common form of what host.c reads, without a call.
 */
#ifndef TENON_HTTP_HOST_H
#define TENON_HTTP_HOST_H

#include "http/http_int.h"
#include "http/scan.h"

/* Where a host ends that has more in it than letters, digits, "-" and ".", of
   which the first other one is at p. NULL if it is none. */
const char *tn__host_rare_end(const char *begin, tn_str text, const char *p);

/* The port in [p, end). -1 if nothing is there, -2 if something else is. */
static TN_INLINE int
tn__host_port(const char *p, const char *end)
{
    int port = 0;
    if (p == end || end - p > 5) {
        return p == end ? -1 : -2;
    }
    for (; p < end; p++) {
        unsigned digit = (unsigned)(uint8_t)*p - '0';
        if (digit > 9) {
            return -2;
        }
        port = 10 * port + (int)digit;
    }
    return port <= 65535 ? port : -2;
}

/* tn__http_authority(); the bytes of [begin, end), with `text` among them, may
   be looked at. */
static TN_INLINE int
tn__host_read(struct tn__http_authority *a, const char *begin, tn_str text,
              const char *end)
{
    const char *stop = text.at + text.len;
    const char *p = tn__scan_near(TN__HOST, begin, text.at, end);
    if (p >= stop) {
        p = stop;
    } else if (TN_UNLIKELY(*p != ':')) {
        p = tn__host_rare_end(begin, text, p);
    }
    if (p == NULL || p == text.at || (p < stop && *p != ':')) {
        return -EINVAL;
    }
    a->host = (tn_str){text.at, (size_t)(p - text.at)};
    a->port = p < stop ? tn__host_port(p + 1, stop) : -1;
    return a->port >= -1 ? 0 : -EINVAL;
}

#endif
