/*
 * Files from a phone, by the same rules as from tenon send: the code is the
 * PIN, a wrong one counts, the same person is asked. One at a time, for the
 * question and the progress are about one.
 */
#include <tenon/err.h>
#include <tenon/seal.h>
#include <tenon/text.h>

#include "cmd_recv_int.h"
#include "hub/lan.h"
#include "phones.h"
#include "say.h"
#include "where.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- what the phone's side asks and tells ----------------------------------*/

/* A code is written with dashes, or without. */
static int
on_check(void *arg, const tn_addr *from, const char *pin)
{
    struct recv *r = arg;
    char code[PARCEL_CODE + 1] = "", at[TN_ADDR_TEXT];
    if (r->over || r->closed > tn_now()) {
        return -EAGAIN;
    }
    bool right = pairing_read(code, pin) && strlen(code) == strlen(r->code) &&
                 tn_same(code, r->code, strlen(code));
    tn_wipe(code, sizeof(code));
    if (!right) {
        inbox_wrong_code(r, where_peer(from, at, sizeof(at)));
    }
    return right ? 0 : -EACCES;
}

static int
on_begun(void *arg, const tn_addr *from)
{
    struct recv *r = arg;
    struct recv_session *s = inbox_seat(r, from, false);
    if (!s) {
        return -EBUSY;
    }
    s->phone = true;
    s->paired = true; /* its PIN was right */
    s->report.paired = true;
    r->phone_seat = s;
    return 0;
}

static void
on_told(void *arg, const struct parcel_event *ev)
{
    struct recv *r = arg;
    char name[REPORT_NAME + 1];
    if (!r->phone_seat) {
        return;
    }
    if (ev->what == PARCEL_FAILED && !ev->item) {
        progress_clear(&r->progress);
        say("%s: not a name that is taken: %s", ev->who,
            report_path(ev->final, name));
        return;
    }
    inbox_told(r->phone_seat, ev);
}

static int
on_ask(void *arg, const struct parcel_ask *ask)
{
    struct recv *r = arg;
    return r->phone_seat ? inbox_ask(r->phone_seat, ask) : -EACCES;
}

static void
on_ended(void *arg, const char *who, int err,
         const struct parcel_result *result)
{
    struct recv *r = arg;
    struct recv_session *s = r->phone_seat;
    (void)who;
    if (s) {
        r->phone_seat = NULL;
        inbox_leave(s, result, err);
    }
}

/* --- the door --------------------------------------------------------------*/

/* Bytes of no file, a form without names, another machine: not for a phone. */
static bool
is_wanted(const struct recv *r)
{
    struct in6_addr ip;
    const struct recv_opts *o = r->o;
    if (o->no_phones || o->plain || r->out >= 0) {
        return false;
    }
    return o->phone_port != PHONE_PORT ||
           !(lan_ip(&ip, &r->bound.u.sa) && lan_is_loopback(&ip));
}

static void
no_phones(const struct recv *r, int err)
{
    if (r->o->quiet) {
        return;
    }
    if (err == -EADDRINUSE) {
        say("port %d is taken, by LocalSend itself perhaps: no phone can send "
            "here (--phone-port names another one)",
            r->o->phone_port);
    } else {
        say("%s: no phone can send here",
            tn_why()[0] != '\0' ? tn_why() : tn_strerror(err));
    }
}

void
inbox_open_phone(struct recv *r)
{
    char state[PHONES_PATH];
    struct phone_opts o = {
        .dir = r->dir,
        .port = r->o->phone_port == 0 ? PHONE_ANY : r->o->phone_port,
        .sessions = 1,
        .hidden = r->o->hidden,
        .check = r->o->insecure ? NULL : on_check,
        .policy = inbox_policy(r->o),
        .max_bytes = r->o->max_size,
        .begun = on_begun,
        .ask = on_ask,
        .told = on_told,
        .ended = on_ended,
        .arg = r,
    };
    if (!is_wanted(r)) {
        return;
    }
    if (!r->o->insecure && strlen(r->code) > PHONE_PIN) {
        say("the code is longer than a phone's PIN (%d): no phone can send "
            "here",
            PHONE_PIN);
        return;
    }
    (void)snprintf(r->phone_alias, sizeof(r->phone_alias), "%.*s",
                   (int)tn_text_cut(r->who, strlen(r->who), PHONE_ALIAS),
                   r->who);
    if (r->o->bind && r->ep.host_len > 0) {
        o.bind = r->bound;
        (void)!tn_addr_set_port(&o.bind, 0);
    }
    o.alias = r->phone_alias;
    o.state = phones_state(state, "recv");
    int err = phone_open(&r->phone, &o);
    if (err < 0) {
        no_phones(r, err);
    }
}

int
inbox_phone(void *arg)
{
    struct recv *r = arg;
    int err = phone_run(r->phone);
    if (err < 0 && err != -ECANCELED && err != -ETIME) {
        no_phones(r, err);
    }
    return 0; /* files come from elsewhere all the same */
}
