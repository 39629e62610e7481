/*
 * addr.c - addresses and their text.
 */
#include <tenon/addr.h>

#include "base/base.h"
#include "sock/addr_int.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
port_ok(int port)
{
    return port >= 0 && port <= 65535;
}

static void
set_v4(tn_addr *a, struct in_addr ip, int port)
{
    memset(a, 0, sizeof(*a));
    a->len = sizeof(a->u.in);
    a->u.in.sin_family = AF_INET;
    a->u.in.sin_addr = ip;
    a->u.in.sin_port = htons((uint16_t)port);
}

/* "fe80::1%eth0" or "%2": 0 if there is no scope, -ENODEV if it is unknown. */
static int
parse_scope(const char *text, uint32_t *scope)
{
    char *end;
    unsigned long n;

    *scope = if_nametoindex(text);
    if (*scope != 0) {
        return 0;
    }
    n = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || n == 0 || n > UINT32_MAX) {
        return -ENODEV;
    }
    *scope = (uint32_t)n;
    return 0;
}

static int
set_v6(tn_addr *a, const char *ip, int port)
{
    char host[INET6_ADDRSTRLEN];
    const char *percent = strchr(ip, '%');
    size_t n = percent ? (size_t)(percent - ip) : strlen(ip);
    struct in6_addr in6;
    uint32_t scope = 0;

    if (n >= sizeof(host)) {
        return TN_EADDRESS;
    }
    memcpy(host, ip, n);
    host[n] = '\0';
    if (inet_pton(AF_INET6, host, &in6) != 1) {
        return TN_EADDRESS;
    }
    if (percent && parse_scope(percent + 1, &scope) < 0) {
        return -ENODEV;
    }
    memset(a, 0, sizeof(*a));
    a->len = sizeof(a->u.in6);
    a->u.in6.sin6_family = AF_INET6;
    a->u.in6.sin6_addr = in6;
    a->u.in6.sin6_port = htons((uint16_t)port);
    a->u.in6.sin6_scope_id = scope;
    return 0;
}

int
tn__addr_number(tn_addr *a, const char *ip, int port)
{
    struct in_addr in = {INADDR_ANY};
    int r = 0;

    if (strcmp(ip, "<broadcast>") == 0) {
        in.s_addr = INADDR_BROADCAST;
        set_v4(a, in, port);
    } else if (ip[0] == '\0' || inet_pton(AF_INET, ip, &in) == 1) {
        set_v4(a, in, port);
    } else {
        r = set_v6(a, ip, port);
    }
    return r;
}

int
tn_addr_ip(tn_addr *a, const char *ip, int port)
{
    int r;

    if (!port_ok(port)) {
        return tn_fail(-ERANGE, "port", NULL);
    }
    r = tn__addr_number(a, ip, port);
    return r < 0 ? tn_fail(r, "address", ip) : 0;
}

int
tn_addr_unix(tn_addr *a, const char *path, size_t n)
{
    bool abstract = n > 0 && (path[0] == '@' || path[0] == '\0');
    size_t most = sizeof(a->u.un.sun_path) - !abstract;

    if (n > most) {
        char text[64]; /* the path may not end in NUL */

        snprintf(text, sizeof(text), "%.*s", (int)sizeof(text) - 1, path);
        return tn_fail(-ENAMETOOLONG, "unix address", text);
    }
    memset(a, 0, sizeof(*a));
    a->u.un.sun_family = AF_UNIX;
    memcpy(a->u.un.sun_path, path, n);
    if (abstract) {
        a->u.un.sun_path[0] = '\0';
    }
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (n > 0 && !abstract) {
        a->len++; /* the NUL counts for a path */
    }
    return 0;
}

/* ---- text ---- */

/* A Unix name may hold any byte. */
static void
format_unix(const tn_addr *a, char *buf, size_t cap)
{
    size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t n = a->len > head ? a->len - head : 0;
    const char *name = a->u.un.sun_path;
    size_t at = 0;

    if (n > 0 && name[0] != '\0') {
        n = strnlen(name, n);
    }
    for (size_t i = 0; i < n && at + 5 < cap; i++) {
        unsigned char c = (unsigned char)name[i];

        if (i == 0 && c == '\0') {
            buf[at++] = '@';
        } else if (c < ' ' || c == 127) {
            at += (size_t)snprintf(buf + at, cap - at, "\\x%02x", c);
        } else {
            buf[at++] = (char)c;
        }
    }
    buf[at] = '\0';
}

static void
format_v6(const tn_addr *a, char *buf, size_t cap)
{
    char ip[INET6_ADDRSTRLEN] = "";
    char ifname[IF_NAMESIZE];
    uint32_t scope = a->u.in6.sin6_scope_id;

    inet_ntop(AF_INET6, &a->u.in6.sin6_addr, ip, sizeof(ip));
    if (scope == 0) {
        snprintf(buf, cap, "%s", ip);
    } else if (if_indextoname(scope, ifname)) {
        snprintf(buf, cap, "%s%%%s", ip, ifname);
    } else {
        snprintf(buf, cap, "%s%%%u", ip, scope);
    }
}

const char *
tn_addr_host(const tn_addr *a, char *buf, size_t cap)
{
    if (cap == 0) {
        return buf;
    }
    buf[0] = '\0';
    if (a->len == 0) {
        return buf;
    }
    if (a->u.sa.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->u.in.sin_addr, buf, (socklen_t)cap);
    } else if (a->u.sa.sa_family == AF_INET6) {
        format_v6(a, buf, cap);
    } else if (a->u.sa.sa_family == AF_UNIX) {
        format_unix(a, buf, cap);
    }
    return buf;
}

const char *
tn_addr_format(const tn_addr *a, char *buf, size_t cap)
{
    char host[TN_ADDR_TEXT];
    int family = a->len ? a->u.sa.sa_family : AF_UNSPEC;

    tn_addr_host(a, host, sizeof(host));
    if (family == AF_INET) {
        snprintf(buf, cap, "%s:%d", host, tn_addr_port(a));
    } else if (family == AF_INET6) {
        snprintf(buf, cap, "[%s]:%d", host, tn_addr_port(a));
    } else if (family == AF_UNIX) {
        snprintf(buf, cap, "unix:%s", host);
    } else {
        snprintf(buf, cap, family == AF_UNSPEC ? "nowhere" : "family %d",
                 family);
    }
    return buf;
}

int
tn_addr_port(const tn_addr *a)
{
    if (a->len == 0) {
        return 0;
    }
    if (a->u.sa.sa_family == AF_INET) {
        return ntohs(a->u.in.sin_port);
    }
    return a->u.sa.sa_family == AF_INET6 ? ntohs(a->u.in6.sin6_port) : 0;
}

int
tn_addr_set_port(tn_addr *a, int port)
{
    if (!port_ok(port)) {
        return -ERANGE;
    }
    if (a->u.sa.sa_family == AF_INET) {
        a->u.in.sin_port = htons((uint16_t)port);
    } else if (a->u.sa.sa_family == AF_INET6) {
        a->u.in6.sin6_port = htons((uint16_t)port);
    } else {
        return -EAFNOSUPPORT;
    }
    return 0;
}

bool
tn_addr_equal(const tn_addr *a, const tn_addr *b)
{
    if (a->len != b->len) {
        return false;
    }
    if (a->len == 0) {
        return true;
    }
    if (a->u.sa.sa_family != b->u.sa.sa_family) {
        return false;
    }
    switch (a->u.sa.sa_family) {
    case AF_INET:
        return a->u.in.sin_port == b->u.in.sin_port &&
               a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
    case AF_INET6:
        return a->u.in6.sin6_port == b->u.in6.sin6_port &&
               a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id &&
               memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, 16) == 0;
    default:
        return memcmp(&a->u, &b->u, a->len) == 0;
    }
}
