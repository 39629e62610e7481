/*
 * The room is told of on the network, unless it is for this machine only or
 * shall be hidden: hub/beacon.h. A hub that cannot be found is still a hub.
 */
#include <tenon/err.h>
#include <tenon/text.h>

#include "cmd_hub_int.h"
#include "hub/lan.h"
#include "say.h"

#include <string.h>
#include <unistd.h>

static bool
is_for_this_machine(const struct hub *h)
{
    struct in6_addr ip;
    return lan_ip(&ip, &h->bound.u.sa) && lan_is_loopback(&ip);
}

static void
count_members(void *arg, struct beacon_card *card)
{
    struct hub *h = arg;
    card->members = room_count(h->room);
}

static unsigned
flags(const struct hub *h)
{
    return (h->guard.has_code ? BEACON_CODE : 0u) | (h->tls ? BEACON_TLS : 0u) |
           (h->web && h->files[0] && !h->o->read_only ? BEACON_FILES : 0u) |
           (h->web ? 0u : BEACON_NO_WEB);
}

static void
fill_card(const struct hub *h, struct beacon_card *card)
{
    char host[256] = "";
    *card = (struct beacon_card){
        .kind = BEACON_HUB, .flags = flags(h), .port = tn_addr_port(&h->bound)};
    (void)tn_text_clean(
        card->name, sizeof(card->name), h->o->name,
        tn_text_cut(h->o->name, strlen(h->o->name), BEACON_NAME));
    if (gethostname(host, sizeof(host) - 1) == 0) {
        (void)tn_text_clean(card->text, sizeof(card->text), host,
                            tn_text_cut(host, strlen(host), BEACON_TEXT));
    }
}

static void
cannot(int err)
{
    say("the room cannot be found by asking: %s%s", tn_strerror(err),
        err == -EADDRINUSE ? " (a program has UDP port 8001 for itself; tenon "
                             "find --doctor names it)"
                           : "");
}

void
hub_open_beacon(struct hub *h)
{
    const struct beacon_opts how = {
        .refresh = count_members, .arg = h, .bound = h->bound};
    struct beacon_card card;
    if (h->o->hidden || is_for_this_machine(h)) {
        return;
    }
    fill_card(h, &card);
    int err = beacon_open(&h->beacon, &card, &how);
    if (err < 0) {
        cannot(err);
    }
}

int
hub_run_beacon(void *arg)
{
    struct hub *h = arg;
    int err = beacon_run(h->beacon);
    if (err < 0 && err != -ECANCELED && err != -ETIME) {
        cannot(err);
    }
    return 0;
}
