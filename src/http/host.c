/*
 * host.c - hosts and ports as targets, Host fields and URLs write them.
 */
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

/* Behind the colon: nothing, or up to 65535. -EINVAL else. */
static int
read_port(tn_str text, int *port)
{
    int value = 0;
    *port = -1;
    if (text.len > 5) {
        return -EINVAL;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!tn__http_is_digit(text.at[i])) {
            return -EINVAL;
        }
        value = 10 * value + (text.at[i] - '0');
    }
    if (text.len > 0) {
        *port = value;
    }
    return value <= 65535 ? 0 : -EINVAL;
}

/* Where the name ends that `text` begins with. NULL: a broken percent sign. */
static const char *
end_of_name(const char *begin, tn_str text)
{
    const char *end = text.at + text.len;
    const char *p = tn__scan(TN__HOST, begin, text.at, end);
    while (p < end && *p == '%') {
        if (end - p < 3 || !tn__http_is(TN__HEX, p[1]) ||
            !tn__http_is(TN__HEX, p[2])) {
            return NULL;
        }
        p = tn__scan(TN__HOST, begin, p + 3, end);
    }
    return p > text.at ? p : NULL;
}

/* The same for an address in brackets. */
static const char *
end_of_literal(tn_str text)
{
    const char *p = memchr(text.at, ']', text.len);
    if (p == NULL) {
        return NULL;
    }
    tn_str host = {text.at, (size_t)(p + 1 - text.at)};
    return is_literal(host) ? p + 1 : NULL;
}

int
tn__http_authority(struct tn__http_authority *a, const char *begin, tn_str text)
{
    bool literal = text.len > 0 && text.at[0] == '[';
    const char *p = literal ? end_of_literal(text) : end_of_name(begin, text);
    if (p == NULL) {
        return -EINVAL;
    }
    a->port = -1;
    a->host = (tn_str){text.at, (size_t)(p - text.at)};
    tn_str rest = {p, text.len - a->host.len};
    if (rest.len == 0) {
        return 0;
    }
    if (*p != ':') {
        return -EINVAL;
    }
    return read_port((tn_str){p + 1, rest.len - 1}, &a->port);
}
