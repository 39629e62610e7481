/*
 * To a phone, or whatever else speaks LocalSend: "localsend:NAME" as it calls
 * itself, or "localsend:ADDRESS". Whom it says yes to is up to its owner.
 */
#include <tenon/err.h>
#include <tenon/seal.h>
#include <tenon/task.h>
#include <tenon/text.h>

#include "cmd_send_int.h"
#include "phones.h"
#include "question.h"
#include "say.h"
#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char scheme[] = "localsend:";

enum { SCHEME = sizeof(scheme) - 1 };

bool
outbox_is_phone(const char *word)
{
    return strncasecmp(word, scheme, SCHEME) == 0;
}

static void
fill(const struct send *s, struct phone_opts *o, char state[PHONES_PATH],
     char alias[PHONE_ALIAS + 1])
{
    size_t n = tn_text_cut(s->who, strlen(s->who), PHONE_ALIAS);
    (void)snprintf(alias, PHONE_ALIAS + 1, "%.*s", (int)n, s->who);
    *o = (struct phone_opts){.alias = alias,
                             .state = phones_state(state, "send")};
}

/* --- finding ---------------------------------------------------------------*/

static const char *
name_of(const struct phone_device *d, char *buf, size_t cap)
{
    char text[TN_ADDR_TEXT];
    (void)snprintf(buf, cap, "%s (%s, %s)", d->alias[0] ? d->alias : "a phone",
                   d->kind, where_peer(&d->addr, text, sizeof(text)));
    return buf;
}

static int
take(struct send *s, const struct phone_device *d)
{
    s->place.kind = SEND_PHONE;
    s->place.device = *d;
    (void)name_of(d, s->place.shown, sizeof(s->place.shown));
    (void)where_peer(&d->addr, s->at, sizeof(s->at));
    if (!d->tls && !s->o->secure.insecure) {
        say("%s takes files in the clear only: everybody on the way could read "
            "and change them (--insecure, if that is meant)",
            s->place.shown);
        return EXIT_REFUSED;
    }
    if (s->o->verbose && d->tls) {
        say("%s: its certificate has the SHA-256 %s", s->place.shown,
            d->fingerprint);
    }
    return EXIT_DONE;
}

/* Which of several, by its number. */
static int
choose(struct send *s, const struct phone_device *found, int n)
{
    char line[SEND_SHOWN], answer[16];
    long number = 0;
    say(question_may() ? "several are here:"
                       : "several are here; localsend:NAME or "
                         "localsend:ADDRESS says which:");
    for (int i = 0; i < n; i++) {
        fprintf(stderr, "  %d  %s\n", i + 1,
                name_of(&found[i], line, sizeof(line)));
    }
    if (!question_may()) {
        return EXIT_USAGE;
    }
    (void)snprintf(line, sizeof(line), "To which? [1-%d] ", n);
    while (number < 1 || number > n) {
        ssize_t r = question_ask(line, answer, sizeof(answer));
        if (r < 0) {
            return EXIT_FAILED;
        }
        number = strtol(answer, NULL, 10);
    }
    return take(s, &found[number - 1]);
}

static int
find_name(struct send *s, const struct phone_opts *o, const char *name)
{
    struct phone_device *found = calloc(PHONE_FOUND, sizeof(*found));
    int kept = 0;
    int n = found ? phone_find(o, PHONES_LOOK, found, PHONE_FOUND) : -ENOMEM;
    for (int i = 0; i < n; i++) {
        if (*name == '\0' || strcasecmp(found[i].alias, name) == 0) {
            found[kept++] = found[i];
        }
    }
    int code = n < 0       ? say_failed(n, NULL)
               : kept == 1 ? take(s, &found[0])
               : kept > 1  ? choose(s, found, kept)
                           : EXIT_FAILED;
    if (n >= 0 && kept == 0) {
        say("no phone%s%s is found (LocalSend has to be open there; "
            "localsend:ADDRESS asks one that does not hear us)",
            *name ? " of the name " : "", name);
    }
    free(found);
    return code;
}

static int
find_address(struct send *s, const struct phone_opts *o, tn_endpoint *ep)
{
    struct phone_device device;
    tn_addr addr;
    ep->port = ep->port < 0 ? PHONE_PORT : ep->port;
    int err = tn_endpoint_resolve(ep, where_family(s->o->only4, s->o->only6), 0,
                                  &addr, 1);
    if (err >= 0) {
        err = phone_at(o, &addr, &device);
    }
    if (err == -EPROTO) {
        say("%s: no LocalSend answers there", s->to + SCHEME);
        return EXIT_FAILED;
    }
    return err < 0 ? say_failed(err, ep) : take(s, &device);
}

/* "192.168.1.7", "host:53317", "[::1]:53317"; else it is a name. */
static bool
is_address(const char *word, tn_endpoint *ep)
{
    tn_addr addr;
    return tn_endpoint_parse(ep, word, TN_TCP) == 0 &&
           ep->transport == TN_TCP && ep->host[0] != '\0' && ep->port != 0 &&
           (ep->port > 0 || tn_addr_ip(&addr, ep->host, 0) == 0);
}

int
outbox_find_phone(struct send *s)
{
    char state[PHONES_PATH], alias[PHONE_ALIAS + 1];
    const char *name = s->to + SCHEME;
    struct phone_opts o;
    tn_endpoint ep;
    fill(s, &o, state, alias);
    return is_address(name, &ep) ? find_address(s, &o, &ep)
                                 : find_name(s, &o, name);
}

/* --- sending ---------------------------------------------------------------*/

static int
say_why(const struct send *s, int err)
{
    const char *who = s->place.shown, *reason = s->result.reason;
    switch (err) {
    case -EACCES:
        say("%s did not take it", who);
        return EXIT_REFUSED;
    case -EBUSY:
        say("%s is busy with somebody else, or was asked too often; try again "
            "later",
            who);
        return EXIT_REFUSED;
    case -EFBIG:
    case -ENOSPC:
        say("%s takes less than that%s%s", who, reason[0] ? ": " : "", reason);
        return EXIT_REFUSED;
    case -ESPIPE:
        say("a phone wants to know the size first: what comes by a pipe cannot "
            "be sent there");
        return EXIT_USAGE;
    case -E2BIG:
        say("a phone takes %d files at a time", PHONE_FILES);
        return EXIT_FAILED;
    case TN_ECERT:
        say("%s: another certificate than a moment ago: somebody is between "
            "us",
            who);
        return EXIT_FAILED;
    case -EPROTO:
        say("%s: it does not speak LocalSend as we do%s%s", who,
            reason[0] ? ": " : "", reason);
        return EXIT_FAILED;
    case -EIO: /* each of them was told */
        return EXIT_FAILED;
    default:
        return say_failed(err, NULL);
    }
}

/* The PIN of --code-file as it was written, or as it is typed. */
static int
get_pin(struct send *s, const char **pin)
{
    if (s->o->code_file) {
        say("%s: that is not its PIN", s->place.shown);
        return EXIT_REFUSED;
    }
    if (s->asked >= SEND_TRIES) {
        return EXIT_REFUSED;
    }
    int n = outbox_ask_code(s, *pin ? "That is not its PIN. PIN: " : "PIN: ");
    *pin = s->code;
    return n < 0 ? -n : EXIT_DONE;
}

int
outbox_to_phone(struct send *s)
{
    char state[PHONES_PATH], alias[PHONE_ALIAS + 1];
    int code = EXIT_DONE, err;
    struct phone_opts o;
    fill(s, &o, state, alias);
    o.told = report_told;
    o.arg = &s->report;
    o.pin = s->o->code_file ? s->room_code : NULL;
    s->report.clear = !s->place.device.tls;
    do {
        if (!s->o->quiet && !s->o->json) {
            say("asking %s", s->place.shown);
        }
        err = phone_send(&o, &s->place.device, s->parcel, &s->result);
        progress_clear(&s->progress);
        code = err == -EKEYREJECTED ? get_pin(s, &o.pin)
               : err < 0            ? say_why(s, err)
                                    : EXIT_DONE;
    } while (err == -EKEYREJECTED && code == EXIT_DONE);
    if (s->report.answered) {
        report_end(&s->report, &s->result, err, code);
    }
    return code;
}
