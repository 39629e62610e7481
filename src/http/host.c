/*
 * host.c - hosts and ports as targets, Host fields and URLs write them.
 */
#include "http/host.h"

#include "http/http_int.h"
#include "http/scan.h"

#include <arpa/inet.h>
#include <string.h>

/* "[::1]" with its brackets. No zone: it means something on one machine only
   (RFC 6874), and no "v1." of a future that did not come. */
static bool
is_literal(tn_str host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    if (host.len < 4 || host.len - 2 >= sizeof(text) ||
        memchr(host.at, '\0', host.len) != NULL) {
        return false;
    }
    memcpy(text, host.at + 1, host.len - 2);
    text[host.len - 2] = '\0';
    return inet_pton(AF_INET6, text, &addr) == 1;
}

const char *
tn__host_rare_end(const char *begin, tn_str text, const char *p)
{
    const char *end = text.at + text.len;
    if (p == text.at && *p == '[') {
        p = memchr(p, ']', text.len);
        return p != NULL && is_literal((tn_str){text.at, p + 1 - text.at})
                   ? p + 1
                   : NULL;
    }
    p = tn__scan(TN__HOST, begin, p, end);
    while (p < end && *p == '%') {
        if (end - p < 3 || !tn__http_is(TN__HEX, p[1]) ||
            !tn__http_is(TN__HEX, p[2])) {
            return NULL;
        }
        p = tn__scan(TN__HOST, begin, p + 3, end);
    }
    return p;
}

int
tn__http_authority(struct tn__http_authority *a, const char *begin, tn_str text)
{
    return tn__host_read(a, begin, text, text.at + text.len);
}
