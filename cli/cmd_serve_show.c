/*
 * What `tenon serve` prints at its start: every address by which others reach
 * it, and one of them as a picture for the camera of a phone.
 */
#include <tenon/addr.h>
#include <tenon/err.h>

#include "cmd_serve_int.h"
#include "hub/lan.h"
#include "say.h"

#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_TEXT = 1024,
    QUIET = 2, /* modules around the code that stay white */
};

static bool
is_dark(const QRcode *code, int x, int y)
{
    int n = code->width;
    return x >= 0 && y >= 0 && x < n && y < n &&
           (code->data[y * n + x] & 1) != 0;
}

/* Two rows in one line of text, the upper half and the lower. In colours of
   its own, for not every scanner reads white on black. */
static void
draw(const QRcode *code)
{
    static const char *const halves[] = {" ", "\xe2\x96\x84", "\xe2\x96\x80",
                                         "\xe2\x96\x88"};
    bool colour = !getenv("NO_COLOR");
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        fputs(colour ? "  \x1b[30;107m" : "  ", stderr);
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            int pair = 2 * is_dark(code, x, y) + is_dark(code, x, y + 1);
            fputs(halves[colour ? pair : 3 - pair], stderr);
        }
        fputs(colour ? "\x1b[0m\n" : "\n", stderr);
    }
}

static void
show_code(const char *url)
{
    QRcode *code = QRcode_encodeString(url, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    if (code) {
        draw(code);
        QRcode_free(code);
    }
}

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
        show_code(url_of(url, &at[0], tls, path));
    }
}
