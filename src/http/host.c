/*
 * host.c - hosts and ports as targets, Host fields and URLs write them.
 */
#include "http/http_int.h"

#include <arpa/inet.h>
#include <string.h>

bool
tn__http_coded(tn_str text, enum tn__http_class what)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != '%') {
            if (!tn__http_is(what, text.at[i])) {
                return false;
            }
            continue;
        }
        if (text.len - i < 3 || !tn__http_is(TN__HEX, text.at[i + 1]) ||
            !tn__http_is(TN__HEX, text.at[i + 2])) {
            return false;
        }
        i += 2;
    }
    return true;
}

/* "[::1]" with its brackets. No zone: it means something on one machine only
   (RFC 6874), and no "v1." of a future that did not come. */
static bool
is_literal(tn_str host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    if (host.len < 4 || host.len - 2 >= sizeof(text) ||
        host.at[host.len - 1] != ']' ||
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

int
tn__http_authority(struct tn__http_authority *a, tn_str text)
{
    size_t len = 0;
    bool literal = text.len > 0 && text.at[0] == '[';
    while (len < text.len && text.at[len] != (literal ? ']' : ':')) {
        len++;
    }
    len += literal && len < text.len;
    a->host = (tn_str){text.at, len};
    a->port = -1;
    bool good = literal ? is_literal(a->host)
                        : len > 0 && tn__http_coded(a->host, TN__HOST);
    if (!good) {
        return -EINVAL;
    }
    if (len == text.len) {
        return 0;
    }
    if (text.at[len] != ':') {
        return -EINVAL;
    }
    return read_port((tn_str){text.at + len + 1, text.len - len - 1}, &a->port);
}
