/*
 * What the hub says when it is open: how to join, by every door.
 */
#include <tenon/addr.h>
#include <tenon/err.h>
#include <tenon/url.h>

#include "cmd_hub_int.h"
#include "hub/lan.h"
#include "qr.h"
#include "say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* This machine's addresses, as others may call them; at least one. */
static int
list_hosts(const struct hub *h, tn_addr at[HUB_HOSTS])
{
    int count = lan_reach(&h->bound, at, HUB_HOSTS);
    if (count == 0) {
        /* No network: a parsed constant cannot fail. */
        (void)!tn_addr_ip(&at[0], "127.0.0.1", tn_addr_port(&h->bound));
        count = 1;
    }
    return count;
}

static const char *
scheme(const struct hub *h)
{
    return h->tls ? "https" : "http";
}

static void
tell_native(const tn_addr *at)
{
    char text[TN_ADDR_TEXT];
    fprintf(stderr, "  tenon chat %s\n",
            tn_addr_format(at, text, sizeof(text)));
}

static void
tell_plain(const tn_addr *at)
{
    char text[TN_ADDR_TEXT], host[TN_ADDR_TEXT];
    int port = tn_addr_port(at);
    tn_addr_format(at, text, sizeof(text));
    tn_addr_host(at, host, sizeof(host));
    fprintf(stderr,
            "  nc -u %s %d\n"
            "  socat - UDP:%s\n"
            "  Python: s = socket.socket(socket.%s, socket.SOCK_DGRAM)\n"
            "          s.sendto(b'NAME', ('%s', %d))\n"
            "In nc and socat the first line is your name; q leaves.\n",
            host, port, text,
            at->u.sa.sa_family == AF_INET6 ? "AF_INET6" : "AF_INET", host,
            port);
}

/* What is kept and shared, and what is not. */
static void
tell_places(const struct hub *h)
{
    if (h->web && h->files[0]) {
        fprintf(stderr, "Files: %s%s\n", h->files,
                h->o->read_only ? " (to read only)" : "");
    }
    if (h->phone) {
        tn_addr at;
        int port = phone_addr(h->phone, &at) == 0 ? tn_addr_port(&at) : 0;
        fprintf(stderr, "Phones: the LocalSend app finds \"%s\" (port %d)%s\n",
                h->phone_alias, port,
                h->guard.has_code ? "; its PIN is the room's code" : "");
    }
    if (h->store) {
        fprintf(stderr, "What is said is kept in %s\n", h->history);
    }
    if (h->guard.has_code && !h->plain) {
        fprintf(stderr, "The room has a code, so plain text (nc -u) is not let "
                        "in; --plain does.\n");
    } else if (h->guard.has_code) {
        fprintf(stderr, "The code does not keep plain text (nc -u) out.\n");
    }
}

/* The address for a phone's camera; the code behind it is for the page, which
   sends it where it belongs. */
static void
draw_url(const struct hub *h, const char *url)
{
    char text[HUB_URL + 3 * GUARD_CODE + 8], code[3 * GUARD_CODE + 1];
    tn_str secret = {h->code, strlen(h->code)};
    if (!isatty(STDERR_FILENO) ||
        tn_url_encode(code, sizeof(code), secret, "") < 0) {
        return;
    }
    snprintf(text, sizeof(text), "%s%s%s", url,
             h->guard.has_code ? "#code=" : "", code);
    qr_show(text);
    explicit_bzero(text, sizeof(text));
    explicit_bzero(code, sizeof(code));
}

static const char *
url_of(const struct hub *h, const tn_addr *at, char url[HUB_URL])
{
    char text[TN_ADDR_TEXT];
    snprintf(url, HUB_URL, "%s://%s/", scheme(h),
             tn_addr_format(at, text, sizeof(text)));
    return url;
}

static void
tell_urls(const struct hub *h, const tn_addr *at, int count)
{
    char url[HUB_URL];
    for (int i = 0; i < count; i++) {
        fprintf(stderr, "  %s\n", url_of(h, &at[i], url));
    }
    draw_url(h, url_of(h, &at[0], url));
}

static void
tell_others(const tn_addr *at, int count)
{
    char text[TN_ADDR_TEXT];
    for (int i = 1; i < count; i++) {
        fprintf(stderr, "%s%s%s", i == 1 ? "Other addresses of it: " : "",
                tn_addr_format(&at[i], text, sizeof(text)),
                i + 1 < count ? ", " : "\n");
    }
}

void
hub_announce(struct hub *h)
{
    tn_addr at[HUB_HOSTS];
    int count = list_hosts(h, at);
    say("the room is open on port %d; Ctrl-C closes it. To join:",
        tn_addr_port(&h->bound));
    if (h->web) {
        tell_urls(h, at, count);
    }
    tell_native(&at[0]);
    if (h->plain) {
        tell_plain(&at[0]);
    }
    if (!h->web) {
        tell_others(at, count);
    }
    tell_places(h);
}

void
hub_name_folder(struct hub *h)
{
    tn_addr at[HUB_HOSTS];
    char text[TN_ADDR_TEXT];
    if (!h->web || !h->files[0]) {
        return;
    }
    (void)list_hosts(h, at);
    snprintf(h->folder, sizeof(h->folder), "%s://%s/files/", scheme(h),
             tn_addr_format(&at[0], text, sizeof(text)));
    room_folder(h->room, h->folder);
}
