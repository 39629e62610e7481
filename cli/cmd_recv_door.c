/*
 * Where tenon recv listens, how it is found, and what it says of itself.
 */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/seal.h>

#include "cmd_recv_int.h"
#include "hub/lan.h"
#include "say.h"
#include "where.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool
is_loopback(const tn_addr *addr)
{
    struct in6_addr ip;
    return lan_ip(&ip, &addr->u.sa) && lan_is_loopback(&ip);
}

/* Somebody who is found and speaks another language would only disappoint. */
static bool
wants_to_be_found(const struct recv *r)
{
    return !r->o->hidden && !r->o->plain && !is_loopback(&r->bound);
}

static int
open_beacon(struct recv *r)
{
    struct beacon_card card = {
        .kind = BEACON_RECV,
        .flags = (r->o->insecure ? 0U : BEACON_CODE) |
                 (r->o->once ? BEACON_ONCE : 0U),
        .port = tn_addr_port(&r->bound),
    };
    const struct beacon_opts how = {0};
    tn_secret(card.id, sizeof(card.id));
    (void)snprintf(card.name, sizeof(card.name), "%.*s", BEACON_NAME, r->who);
    if (gethostname(card.text, sizeof(card.text) - 1) != 0) {
        card.text[0] = '\0';
    }
    return beacon_open(&r->beacon, &card, &how);
}

int
inbox_open_door(struct recv *r)
{
    int err = tn_listen_endpoint(&r->listener, &r->ep, NULL);
    if (err == 0) {
        err = tn_getsockname(r->listener, &r->bound);
    }
    if (err < 0) {
        int code = say_failed(err, &r->ep);
        if (err == -EADDRINUSE && r->ep.port == PARCEL_PORT) {
            say("-p 0 takes any port that is free");
        }
        return code;
    }
    if (wants_to_be_found(r) && open_beacon(r) < 0) {
        say("%s: nobody finds this by itself", tn_why());
    }
    return EXIT_DONE;
}

int
inbox_beacon(void *arg)
{
    struct recv *r = arg;
    int err = beacon_run(r->beacon);
    if (err < 0 && err != -ECANCELED && err != -ETIME) {
        say("%s: nobody finds this by itself any more", tn_why());
    }
    return 0; /* files come all the same */
}

/* "192.168.1.5", and ":9000" only if it is not the usual port. */
static const char *
put_address(const tn_addr *at, char *buf, size_t cap)
{
    return tn_addr_port(at) == PARCEL_PORT && at->u.sa.sa_family == AF_INET
               ? tn_addr_host(at, buf, cap)
               : tn_addr_format(at, buf, cap);
}

void
inbox_tell_code(const struct recv *r)
{
    char shown[PAIRING_SHOWN];
    if (r->o->insecure || r->o->plain || r->o->code_file) {
        return;
    }
    if (r->o->json) {
        report_json_begin("code");
        report_json_text("code", pairing_show(r->code, shown));
        report_json_end();
    } else {
        say("the code is %s", pairing_show(r->code, shown));
    }
    tn_wipe(shown, sizeof(shown));
}

static void
tell_how(const struct recv *r)
{
    tn_addr at[RECV_HOSTS];
    char text[TN_ADDR_TEXT];
    const char *how = r->o->insecure ? "--insecure " : "";
    int count = lan_reach(&r->bound, at, RECV_HOSTS);
    say("ready on port %d; Ctrl-C ends it. To send something here:",
        tn_addr_port(&r->bound));
    if (count == 0) {
        fprintf(stderr, "  tenon send %sFILE... 127.0.0.1:%d\n", how,
                tn_addr_port(&r->bound));
    }
    for (int i = 0; i < count; i++) {
        fprintf(stderr, "  tenon send %sFILE... %s\n", how,
                put_address(&at[i], text, sizeof(text)));
    }
    if (r->phone) {
        (void)!phone_addr(r->phone, &at[0]);
        fprintf(stderr, "Phones: the LocalSend app finds \"%s\" (port %d)%s\n",
                r->phone_alias, tn_addr_port(&at[0]),
                r->o->insecure ? "" : "; its PIN is the code");
    }
}

void
inbox_announce(const struct recv *r)
{
    char text[TN_ADDR_TEXT];
    const struct recv_opts *o = r->o;
    tn_addr at;
    if (o->json) {
        report_json_begin("ready");
        report_json_text("address",
                         tn_addr_format(&r->bound, text, sizeof(text)));
        report_json_flag("found", r->beacon != NULL);
        if (r->phone && phone_addr(r->phone, &at) == 0) {
            report_json_number("phone_port", tn_addr_port(&at));
        }
        report_json_end();
    } else if (!o->quiet && o->plain) {
        say("ready on port %d for the plain form; Ctrl-C ends it",
            tn_addr_port(&r->bound));
    } else if (!o->quiet) {
        tell_how(r);
    }
    if (o->insecure || o->plain) {
        say("without a code: what comes is not encrypted, and anybody may "
            "send it");
    }
    inbox_tell_code(r);
}
