/*
 * Files from phones: they land in the shared folder, as if a browser had put
 * them there, and the room hears of them. A room code is the PIN. That a phone
 * cannot come in is no reason to keep the room shut.
 */
#include <tenon/err.h>
#include <tenon/text.h>

#include "cmd_hub_int.h"
#include "hub/lan.h"
#include "phones.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void
on_told(void *arg, const struct parcel_event *ev)
{
    struct hub *h = arg;
    if (ev->what == PARCEL_DONE) {
        web_tell_file(h->web, ev->final, ev->item->size);
    } else if (ev->what == PARCEL_FAILED && hub_may_tell(h)) {
        char clean[512];
        const char *path = ev->item ? ev->item->path : "a file";
        (void)tn_text_clean(clean, sizeof(clean), path, strlen(path));
        say("%s (a phone): %s: %s", ev->who, clean,
            ev->item ? ev->final : "a name that is not taken");
    }
}

/* Somebody else's port is no fault of ours, unless it was named. */
static void
no_phones(const struct hub *h, int err)
{
    if (h->o->quiet) {
        return;
    }
    if (err == -EADDRINUSE) {
        say("port %d is taken, by LocalSend itself perhaps; the room is open, "
            "but not for phones (--phone-port names another one)",
            h->o->phone_port);
    } else {
        say("%s; the room is open, but not for phones",
            tn_why()[0] != '\0' ? tn_why() : tn_strerror(err));
    }
}

/* Where there is a phone, and something to share with it. */
static bool
is_wanted(const struct hub *h)
{
    struct in6_addr ip;
    const struct hub_opts *o = h->o;
    if (o->no_phones || !h->web || !h->files[0] || o->read_only) {
        return false;
    }
    return o->phone_port != PHONE_PORT ||
           !(lan_ip(&ip, &h->bound.u.sa) && lan_is_loopback(&ip));
}

/* Where --bind said, the same; else everywhere. */
static void
where(const struct hub *h, tn_addr *bind)
{
    if (h->o->bind && h->ep.host_len > 0) {
        *bind = h->bound;
        (void)!tn_addr_set_port(bind, 0);
    }
}

void
hub_phones(struct hub *h)
{
    char state[PHONES_PATH], host[64], what[32], alias[512];
    struct phone_opts o = {.dir = h->files,
                           .hidden = h->o->hidden,
                           .policy = PARCEL_RENAME,
                           .told = on_told,
                           .arg = h};
    if (!is_wanted(h)) {
        return;
    }
    if (strlen(h->code) > PHONE_PIN) {
        say("the room's code is longer than a phone's PIN (%d); the room is "
            "open, but not for phones",
            PHONE_PIN);
        return;
    }
    (void)snprintf(what, sizeof(what), "hub-%d", h->o->phone_port);
    (void)snprintf(alias, sizeof(alias), "%s on %s", h->name,
                   phones_host(host, sizeof(host)));
    alias[tn_text_cut(alias, strlen(alias), PHONE_ALIAS)] = '\0';
    (void)snprintf(h->phone_alias, sizeof(h->phone_alias), "%s", alias);
    where(h, &o.bind);
    o.alias = h->phone_alias;
    o.state = phones_state(state, what);
    o.pin = h->guard.has_code ? h->code : NULL;
    o.port = h->o->phone_port == 0 ? PHONE_ANY : h->o->phone_port;
    int err = phone_open(&h->phone, &o);
    if (err < 0) {
        no_phones(h, err);
    }
}

int
hub_serve_phones(void *arg)
{
    struct hub *h = arg;
    (void)!parcel_sweep(h->files); /* what it cannot remove, stays */
    int err = phone_run(h->phone);
    if (err != -ECANCELED && err != -ETIME) {
        no_phones(h, err);
        return 0;
    }
    return err;
}
