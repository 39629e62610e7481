/*
 * What the doctor saw on each network, and what follows from it.
 */
#include <tenon/addr.h>
#include <tenon/err.h>
#include <tenon/sock.h>
#include <tenon/text.h>

#include "cmd_find_int.h"
#include "hub/beacon_host.h"
#include "hub/beacon_probe.h"
#include "say.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report {
    tn_sock *out;
    bool json;
    struct doctor_facts facts;
    struct doctor_finding finding[DOCTOR_FINDINGS];
    int count;
    char line[FIND_LINE];
};

static const char *
address(const struct doctor_if *i, char *buf, size_t cap)
{
    char host[TN_ADDR_TEXT];
    if (i->addr.len == 0) {
        return i->six ? "IPv6 only" : "no address";
    }
    snprintf(buf, cap, "%s/%d", tn_addr_host(&i->addr, host, sizeof(host)),
             doctor_prefix(&i->netmask));
    return buf;
}

static const char *
state(const struct doctor_if *i)
{
    if ((i->flags & IFF_UP) == 0) {
        return "down";
    }
    if ((i->flags & (IFF_RUNNING | IFF_LOOPBACK)) == 0) {
        return "no link";
    }
    if (!i->asked) {
        return i->error < 0 ? "cannot be asked" : "nobody to ask";
    }
    return i->by_peer ? "other end asked"
           : i->echo  ? "asked, heard ourselves"
                      : "asked, did not hear ourselves";
}

/* --- words -----------------------------------------------------------------*/

static size_t
interface_words(struct report *r, const struct doctor_if *i)
{
    char text[TN_ADDR_TEXT + 8];
    int n =
        snprintf(r->line, sizeof(r->line), "%-10s %-18s %s, %d answer%s%s\n",
                 i->name, address(i, text, sizeof(text)), state(i), i->answers,
                 i->answers == 1 ? "" : "s",
                 i->by_group ? " (no broadcast; by multicast)" : "");
    return (size_t)n;
}

static size_t
finding_words(struct report *r, const struct doctor_finding *d)
{
    int n =
        snprintf(r->line, sizeof(r->line), "! %s\n%s%s%s", d->text,
                 d->mend[0] ? "      " : "", d->mend, d->mend[0] ? "\n" : "");
    return (size_t)n;
}

/* Names of programs and interfaces are anybody's choice. */
static void
clean(char *text, size_t cap)
{
    char copy[DOCTOR_TEXT];
    size_t n = strnlen(text, sizeof(copy) - 1);
    memcpy(copy, text, n);
    (void)tn_text_clean(text, cap, copy, n);
}

/* --- JSON ------------------------------------------------------------------*/

static const char *
yes(bool value)
{
    return value ? "true" : "false";
}

static size_t
interface_json(struct report *r, const struct doctor_if *i)
{
    char name[JSON_GROWTH * TN_IF_NAME + 3], text[TN_ADDR_TEXT + 8];
    int n = snprintf(
        r->line, sizeof(r->line),
        "{\"event\":\"interface\",\"name\":%s,\"address\":\"%s\",\"up\":%s,"
        "\"running\":%s,\"broadcast\":%s,\"multicast\":%s,\"asked\":%s,"
        "\"echo\":%s,\"answers\":%d,\"announcements\":%d,\"questions\":%d}\n",
        json_quote(name, sizeof(name), i->name, strlen(i->name)),
        i->addr.len > 0 ? address(i, text, sizeof(text)) : "",
        yes((i->flags & IFF_UP) != 0), yes((i->flags & IFF_RUNNING) != 0),
        yes((i->flags & IFF_BROADCAST) != 0),
        yes((i->flags & IFF_MULTICAST) != 0), yes(i->asked), yes(i->echo),
        i->answers, i->announces, i->asked_by);
    return (size_t)n;
}

static size_t
finding_json(struct report *r, const struct doctor_finding *d)
{
    char name[JSON_GROWTH * TN_IF_NAME + 3];
    /* Cleaned text has nothing that grows more than twice. */
    char text[2 * DOCTOR_TEXT + 3], mend[2 * DOCTOR_TEXT + 3];
    int n = snprintf(
        r->line, sizeof(r->line),
        "{\"event\":\"finding\",\"code\":\"%s\",\"interface\":%s,\"text\":%s,"
        "\"mend\":%s}\n",
        d->code,
        json_quote(name, sizeof(name), d->interface, strlen(d->interface)),
        json_quote(text, sizeof(text), d->text, strlen(d->text)),
        json_quote(mend, sizeof(mend), d->mend, strlen(d->mend)));
    return (size_t)n;
}

static size_t
end_json(struct report *r)
{
    return (size_t)snprintf(r->line, sizeof(r->line),
                            "{\"event\":\"end\",\"found\":%d,\"findings\":%d}"
                            "\n",
                            r->facts.found, r->count);
}

static size_t
end_words(struct report *r)
{
    return (size_t)snprintf(
        r->line, sizeof(r->line), "%d found%s\n", r->facts.found,
        r->count == 0 ? "; nothing is wrong on this machine" : "");
}

/* --- the report ------------------------------------------------------------*/

static int
print(struct report *r)
{
    int code = EXIT_DONE;
    for (int i = 0; i < r->facts.count && code == EXIT_DONE; i++) {
        const struct doctor_if *at = &r->facts.at[i];
        code =
            find_out(r->out, r->line,
                     r->json ? interface_json(r, at) : interface_words(r, at));
    }
    for (int i = 0; i < r->count && code == EXIT_DONE; i++) {
        const struct doctor_finding *d = &r->finding[i];
        code = find_out(r->out, r->line,
                        r->json ? finding_json(r, d) : finding_words(r, d));
    }
    if (code == EXIT_DONE) {
        code = find_out(r->out, r->line, r->json ? end_json(r) : end_words(r));
    }
    return code;
}

int
find_doctor(tn_sock *out, const struct find_opts *o)
{
    struct report *r = calloc(1, sizeof(*r));
    if (!r) {
        say("out of memory");
        return EXIT_FAILED;
    }
    r->out = out;
    r->json = o->json;
    int err = doctor_probe(&r->facts, 0, o->wait);
    if (err < 0) {
        free(r);
        return say_failed(err, NULL);
    }
    doctor_host(&r->facts);
    r->count = doctor_judge(&r->facts, r->finding);
    for (int i = 0; i < r->count; i++) {
        clean(r->finding[i].text, sizeof(r->finding[i].text));
        clean(r->finding[i].mend, sizeof(r->finding[i].mend));
    }
    int code = print(r);
    if (code == EXIT_DONE && r->facts.found == 0) {
        code = EXIT_FAILED;
    }
    free(r);
    return code;
}
