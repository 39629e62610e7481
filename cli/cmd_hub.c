/*
 * tenon hub [OPTION]...
 *
 *     tenon hub                        a room on UDP port 8000, for the LAN
 *     tenon hub -p 9000 --bind 127.0.0.1 --json
 *
 * Opens a room in which people talk with what they have: nc -u, socat, a few
 * lines of Python, tenon chat. What is said there is shown on stdout.
 */
#include <tenon/err.h>
#include <tenon/task.h>

#include "cmd.h"
#include "hub/bucket.h"
#include "hub/plain.h"
#include "run.h"
#include "say.h"
#include "screen.h"
#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HUB_HOSTS = 4, /* addresses of this machine to name */
};

/* After Ctrl-C all this goes at most: what waits, and the good-bye. */
#define HUB_FAREWELL (2 * TN_SEC)

struct hub_opts {
    int port, lang, ready_fd;
    const char *bind;
    bool json, quiet, verbose;
};

struct hub {
    const struct hub_opts *o;
    tn_endpoint ep;
    room *room;
    plain *plain;
    struct screen screen;
    struct bucket complaints; /* lines about dropped datagrams */
    unsigned long untold;
};

static const char *const langs[] = {"zh", "en", NULL};

static const struct opt opts[] = {
    OPT_INT(struct hub_opts, port, "port", 'p', "PORT", 0, 65535, "8000",
            "The UDP port; 0 lets the system choose."),
    OPT_STRING(struct hub_opts, bind, "bind", 0, "ADDR", NULL,
               "Listen on this address only; 127.0.0.1 keeps the room on this "
               "machine."),
    OPT_WORD(struct hub_opts, lang, "lang", 0, "LANG", langs, "zh",
             "In whose words members hear of joins and leaves."),
    OPT_FLAG(struct hub_opts, json, "json", 0,
             "Show each event as a JSON object on a line of its own."),
    OPT_FLAG(struct hub_opts, quiet, "quiet", 0,
             "Show neither the talk nor how to join."),
    OPT_READY_FD(struct hub_opts),
    OPT_VERBOSE(struct hub_opts),
    OPT_END,
};

static const char *const examples[] = {
    "tenon hub",
    "tenon hub -p 9000 --bind 127.0.0.1",
    "tenon hub --lang en --json >talk.json",
    NULL,
};

/* What strangers send could fill the screen: so many lines, then a count. Nor
   may a screen that is full already hold the room up. */
static void
on_dropped(void *arg, const tn_addr *from, const char *why)
{
    static const struct bucket_rule rule = {TN_SEC, 10};
    struct hub *h = arg;
    char text[TN_ADDR_TEXT];
    if (!h->o->verbose) {
        return;
    }
    if (say_waits() || !bucket_take(&h->complaints, &rule, tn_now())) {
        h->untold++;
        return;
    }
    say("%s: %s", where_peer(from, text, sizeof(text)), why);
    if (h->untold > 0) {
        say("and %lu like it", h->untold);
        h->untold = 0;
    }
}

/* --- how to join -----------------------------------------------------------*/

static void
tell_how(const tn_addr *at)
{
    char text[TN_ADDR_TEXT], host[TN_ADDR_TEXT];
    int port = tn_addr_port(at);
    tn_addr_format(at, text, sizeof(text));
    tn_addr_host(at, host, sizeof(host));
    fprintf(stderr,
            "  tenon chat %s\n"
            "  nc -u %s %d\n"
            "  socat - UDP:%s\n"
            "  Python: s = socket.socket(socket.%s, socket.SOCK_DGRAM)\n"
            "          s.sendto(b'NAME', ('%s', %d))\n"
            "In nc and socat the first line is your name; q leaves.\n",
            text, host, port, text,
            at->u.sa.sa_family == AF_INET6 ? "AF_INET6" : "AF_INET", host,
            port);
}

static void
announce(struct hub *h, const tn_addr *bound)
{
    tn_addr at[HUB_HOSTS];
    char text[TN_ADDR_TEXT];
    int count = plain_hosts(h->plain, at, HUB_HOSTS);
    if (count == 0) {
        /* No network: a parsed constant cannot fail. */
        (void)!tn_addr_ip(&at[0], "127.0.0.1", tn_addr_port(bound));
        count = 1;
    }
    say("the room is open on UDP port %d; Ctrl-C closes it. To join:",
        tn_addr_port(bound));
    tell_how(&at[0]);
    for (int i = 1; i < count; i++) {
        fprintf(stderr, "%s%s%s", i == 1 ? "Other addresses of it: " : "",
                tn_addr_format(&at[i], text, sizeof(text)),
                i + 1 < count ? ", " : "\n");
    }
}

/* --- running ---------------------------------------------------------------*/

static int
open_room(struct hub *h)
{
    const struct plain_opts how = {
        .lang = (enum dialect_lang)h->o->lang, .dropped = on_dropped, .arg = h};
    int err = room_new(&h->room);
    if (err < 0) {
        return tn_fail(err, "open the room", NULL);
    }
    /* The screen first, because it never suspends: see room_attach(). */
    if (!h->o->quiet) {
        err = screen_open(&h->screen);
    }
    if (err == 0 && !h->o->quiet) {
        err = room_attach(h->room, screen_take, &h->screen);
    }
    return err < 0 ? err : plain_open(&h->plain, h->room, &h->ep, &how);
}

/* Say that the room is open, to people and to scripts. */
static int
ready(struct hub *h)
{
    tn_addr bound;
    char text[TN_ADDR_TEXT];
    int err = plain_addr(h->plain, &bound);
    if (err < 0) {
        return say_failed(err, &h->ep);
    }
    if (!h->o->quiet) {
        announce(h, &bound);
    }
    return run_ready(h->o->ready_fd,
                     tn_addr_format(&bound, text, sizeof(text)));
}

/* Send and show what waits, then the good-bye, although we are cancelled. */
static void
farewell(struct hub *h)
{
    tn_scope s;
    tn_shield(&s, HUB_FAREWELL);
    plain_flush(h->plain);
    room_close(h->room);
    plain_flush(h->plain);
    screen_flush(&h->screen);
    tn_scope_end(&s);
}

static int
serve(struct hub *h)
{
    tn_group g;
    tn_group_init(&g, 0);
    int err = h->screen.out ? tn_go(&g, screen_run, &h->screen) : 0;
    if (err == 0) {
        err = plain_serve(h->plain);
    }
    /* Before the good-bye, whose own failures would be told instead. */
    int code = err == -ECANCELED ? EXIT_DONE : say_failed(err, &h->ep);
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    farewell(h);
    return code;
}

/* The root of the command's tasks. */
static int
run(void *arg)
{
    struct hub *h = arg;
    int err = open_room(h);
    int code = err < 0 ? say_failed(err, &h->ep) : ready(h);
    if (code == EXIT_DONE) {
        code = serve(h);
    }
    screen_close(&h->screen);
    plain_close(h->plain);
    room_free(h->room);
    return code;
}

static int
where_to_bind(struct hub *h)
{
    int err = 0;
    h->ep.transport = TN_UDP;
    h->ep.port = h->o->port;
    if (h->o->bind) {
        err = tn_endpoint_parse(&h->ep, h->o->bind, TN_UDP);
    }
    if (err < 0 || h->ep.transport != TN_UDP) {
        return say_usage("--bind %s: not an address of this machine",
                         h->o->bind);
    }
    if (h->ep.port < 0) {
        h->ep.port = h->o->port;
    }
    return EXIT_DONE;
}

static int
cmd_hub(const void *opts_filled, int n, char **words)
{
    struct hub *h = calloc(1, sizeof(*h));
    (void)n;
    (void)words;
    if (!h) {
        say("out of memory");
        return EXIT_FAILED;
    }
    h->o = opts_filled;
    h->screen.json = h->o->json;
    h->screen.lang = (enum dialect_lang)h->o->lang;
    int code = where_to_bind(h);
    if (code == EXIT_DONE) {
        code = run_task(run, h, RUN_SERVER);
    }
    free(h);
    return code;
}

const struct command command_hub = {
    .name = "hub",
    .summary = "Open a room for everybody on the network to talk in",
    .operands = "",
    .min_operands = 0,
    .max_operands = 0,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct hub_opts),
    .run = cmd_hub,
};
