/*
 * What `tenon serve` prints at its start: every address by which others reach
 * it, and one of them as a picture for the camera of a phone.
 */
#include <tenon/addr.h>
#include <tenon/err.h>

#include "cmd_serve_int.h"
#include "hub/lan.h"
#include "qr.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

enum {
    URL_TEXT = 1024,
};

static const char *
url_of(char *url, const tn_addr *at, bool tls, const char *path)
{
    char text[TN_ADDR_TEXT];
    (void)snprintf(url, URL_TEXT, "%s://%s/%s", tls ? "https" : "http",
                   tn_addr_format(at, text, sizeof(text)), path);
    return url;
}

/* The addresses to tell: of all interfaces, or the one it is bound to. */
static int
find_hosts(const tn_addr *bound, tn_addr *at)
{
    struct lan lan;
    struct in6_addr ip;
    static const struct in6_addr any4 = {
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}};
    bool all = lan_ip(&ip, &bound->u.sa) &&
               (memcmp(&ip, &in6addr_any, sizeof(ip)) == 0 ||
                memcmp(&ip, &any4, sizeof(ip)) == 0);
    if (!all) {
        at[0] = *bound;
        return 1;
    }
    int count = 0;
    memset(&lan, 0, sizeof(lan));
    if (lan_scan(&lan) == 0) {
        count = lan_hosts(&lan, tn_addr_port(bound), at, SERVE_HOSTS - 1);
    }
    if (tn_addr_ip(&at[count], "127.0.0.1", tn_addr_port(bound)) == 0) {
        count++; /* the last: only for this machine */
    }
    return count;
}

void
serve_show(const tn_addr *bound, bool tls, const char *path, bool qr)
{
    tn_addr at[SERVE_HOSTS];
    char url[URL_TEXT];
    int count = find_hosts(bound, at);
    for (int i = 0; i < count; i++) {
        fprintf(stderr, "  %s\n", url_of(url, &at[i], tls, path));
    }
    if (qr && count > 0) {
        qr_show(url_of(url, &at[0], tls, path));
    }
}
