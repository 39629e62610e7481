#include "guard.h"

#include <tenon/err.h>

#include "lan.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    HASH = 32,  /* bytes of SHA-256 */
    PROOF = 16, /* bytes of it that a cookie bears */
};

static const struct bucket_rule one_rule = {GUARD_INTERVAL, GUARD_TRIES};
static const struct bucket_rule all_rule = {GUARD_INTERVAL_ALL,
                                            GUARD_TRIES_ALL};

/* --- names -----------------------------------------------------------------*/

int
guard_add_host(struct guard *g, const char *name)
{
    size_t n = strlen(name);

    if (n > 0 && name[n - 1] == '.') {
        n--;
    }
    if (n < 1 || n > GUARD_HOST || memchr(name, ':', n) != NULL ||
        memchr(name, '/', n) != NULL) {
        return -EINVAL;
    }
    if (g->host_count == GUARD_HOSTS) {
        return -ENOBUFS;
    }
    memcpy(g->host[g->host_count], name, n);
    g->host[g->host_count++][n] = '\0';
    return 0;
}

int
guard_add_hosts(struct guard *g, const char *list)
{
    char name[GUARD_HOST + 2];

    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, ",");
        int err;

        if (n >= sizeof(name)) {
            return -EINVAL;
        }
        memcpy(name, at, n);
        name[n] = '\0';
        err = guard_add_host(g, name);
        if (err < 0) {
            return err;
        }
        at += n + (at[n] == ',' ? 1 : 0);
    }
    return 0;
}

void
guard_add_own_hosts(struct guard *g)
{
    char name[GUARD_HOST + 8];

    if (gethostname(name, GUARD_HOST) < 0) {
        return;
    }
    name[GUARD_HOST - 1] = '\0';
    (void)!guard_add_host(g, name);
    name[strcspn(name, ".")] = '\0';
    (void)!guard_add_host(g, name);
    memcpy(name + strlen(name), ".local", sizeof(".local"));
    (void)!guard_add_host(g, name);
}

/* Whether this is what may stand behind a host: nothing, or ":" and digits. */
static bool
is_port(const char *at, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
    }
    return n == 0 || at[0] == ':';
}

/* Bytes of the host, `skip` of them before its first one are a bracket; 0 if
   the brackets do not match. */
static size_t
host_len(tn_str authority, size_t *skip)
{
    const char *at = authority.at;
    size_t n = authority.len;
    const char *end;

    *skip = n > 0 && at[0] == '[' ? 1 : 0;
    end = n > 0 ? memchr(at, *skip > 0 ? ']' : ':', n) : NULL;
    if (end == NULL) {
        return *skip > 0 ? 0 : n;
    }
    return (size_t)(end - at) - *skip;
}

/* "host", "host:80", "[::1]:80": the host without brackets; false if it is
   none of these. */
static bool
take_host(char *dst, tn_str authority)
{
    size_t skip;
    size_t n = host_len(authority, &skip);
    size_t end = n + 2 * skip;

    if (n < 1 || n > GUARD_HOST ||
        !is_port(authority.at + end, authority.len - end)) {
        return false;
    }
    memcpy(dst, authority.at + skip, n);
    dst[n] = '\0';
    if (memchr(dst, '\0', n) != NULL) {
        return false;
    }
    if (skip == 0 && n > 1 && dst[n - 1] == '.') {
        dst[n - 1] = '\0';
    }
    return true;
}

bool
guard_host(const struct guard *g, tn_str authority)
{
    char host[GUARD_HOST + 1];
    tn_addr numeric;

    if (!take_host(host, authority)) {
        return false;
    }
    if (strcasecmp(host, "localhost") == 0 ||
        tn_addr_ip(&numeric, host, 0) == 0) {
        return true;
    }
    for (int i = 0; i < g->host_count; i++) {
        if (strcasecmp(host, g->host[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool
guard_origin(const struct guard *g, tn_str origin, tn_str authority)
{
    const char *scheme = g->tls ? "https://" : "http://";
    size_t n = strlen(scheme);

    if (origin.at == NULL) {
        return true;
    }
    return origin.len == n + authority.len &&
           strncasecmp(origin.at, scheme, n) == 0 &&
           strncasecmp(origin.at + n, authority.at, authority.len) == 0;
}

/* --- the code --------------------------------------------------------------*/

static bool
hash(unsigned char out[HASH], const void *data, size_t n)
{
    return EVP_Digest(data, n, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool
fill_random(void *dst, size_t n)
{
    return getrandom(dst, n, 0) == (ssize_t)n;
}

int
guard_set_code(struct guard *g, const char *code, const unsigned char *secret)
{
    size_t n = strlen(code);

    if (n < 1 || n > GUARD_CODE) {
        return -EINVAL;
    }
    if (!hash(g->code, code, n)) {
        return -EIO;
    }
    if (secret != NULL) {
        memcpy(g->secret, secret, GUARD_SECRET);
    } else if (!fill_random(g->secret, GUARD_SECRET)) {
        return -EIO;
    }
    g->has_code = true;
    return 0;
}

static void
write_hex(char *dst, const unsigned char *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(dst + 2 * i, 3, "%02x", src[i]);
    }
}

/* What proves the first half of a cookie: another code, another proof. */
static bool
prove(const struct guard *g, char *dst, const char *half)
{
    unsigned char data[GUARD_COOKIE / 2 + HASH], out[HASH];
    unsigned int n = 0;

    memcpy(data, half, GUARD_COOKIE / 2);
    memcpy(data + GUARD_COOKIE / 2, g->code, HASH);
    if (HMAC(EVP_sha256(), g->secret, GUARD_SECRET, data, sizeof(data), out,
             &n) == NULL) {
        return false;
    }
    write_hex(dst, out, PROOF);
    return true;
}

static bool
is_good(const struct guard *g, const char *cookie)
{
    char proof[GUARD_COOKIE / 2 + 1];

    return prove(g, proof, cookie) &&
           CRYPTO_memcmp(proof, cookie + GUARD_COOKIE / 2, GUARD_COOKIE / 2) ==
               0;
}

bool
guard_may_enter(const struct guard *g, tn_str cookies)
{
    static const char name[] = GUARD_COOKIE_NAME "=";
    size_t name_len = sizeof(name) - 1;
    const char *at = cookies.at;
    size_t left = cookies.at != NULL ? cookies.len : 0;

    if (!g->has_code) {
        return true;
    }
    while (left > 0) {
        const char *semi = memchr(at, ';', left);
        size_t n = semi != NULL ? (size_t)(semi - at) : left;

        if (n == name_len + GUARD_COOKIE && memcmp(at, name, name_len) == 0 &&
            is_good(g, at + name_len)) {
            return true;
        }
        n += semi != NULL ? 1 : 0;
        at += n;
        left -= n;
        while (left > 0 && *at == ' ') {
            at++;
            left--;
        }
    }
    return false;
}

/* The wrong codes of an address; its entry, or the calmest one. */
static struct guard_source *
find(struct guard *g, const tn_addr *from)
{
    struct guard_source *calmest = &g->source[0];
    struct in6_addr ip;

    memset(&ip, 0, sizeof(ip));
    (void)lan_ip(&ip, &from->u.sa);
    for (size_t i = 0; i < GUARD_SOURCES; i++) {
        struct guard_source *s = &g->source[i];

        if (memcmp(s->ip, &ip, sizeof(s->ip)) == 0) {
            return s;
        }
        if (s->wrong.full_at < calmest->wrong.full_at) {
            calmest = s;
        }
    }
    memset(calmest, 0, sizeof(*calmest));
    memcpy(calmest->ip, &ip, sizeof(calmest->ip));
    return calmest;
}

static int
make_cookie(struct guard *g, char *cookie)
{
    unsigned char half[GUARD_COOKIE / 4];

    if (!fill_random(half, sizeof(half))) {
        return -EIO;
    }
    write_hex(cookie, half, sizeof(half));
    return prove(g, cookie + GUARD_COOKIE / 2, cookie) ? 0 : -EIO;
}

/* Whether there were too many wrong ones, from there or from everywhere. */
static bool
is_barred(const struct guard *g, const struct guard_source *s, int64_t now)
{
    return bucket_wait(&s->wrong, &one_rule, now) > 0 ||
           bucket_wait(&g->wrong, &all_rule, now) > 0;
}

bool
guard_begin(struct guard *g, const tn_addr *from, int64_t now)
{
    struct guard_source *s = find(g, from);

    return !is_barred(g, s, now) && bucket_take(&s->wrong, &one_rule, now) &&
           bucket_take(&g->wrong, &all_rule, now);
}

void
guard_right(struct guard *g, const tn_addr *from)
{
    bucket_give(&find(g, from)->wrong, &one_rule);
    bucket_give(&g->wrong, &all_rule);
}

int
guard_try(struct guard *g, const tn_addr *from, tn_str code, int64_t now,
          char *cookie)
{
    struct guard_source *s = find(g, from);
    unsigned char tried[HASH];

    cookie[0] = '\0';
    if (is_barred(g, s, now)) {
        return -EAGAIN;
    }
    if (!hash(tried, code.at, code.len)) {
        return -EIO;
    }
    if (!g->has_code || CRYPTO_memcmp(tried, g->code, HASH) != 0) {
        (void)bucket_take(&s->wrong, &one_rule, now);
        (void)bucket_take(&g->wrong, &all_rule, now);
        return -EACCES;
    }
    return make_cookie(g, cookie);
}
