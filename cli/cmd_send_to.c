/*
 * Who TO is.
 *
 * A word that names a file is a file; one that is written as an address is an
 * address. Any other is a name, and the beacon is asked who bears it. A word
 * that could be both is not guessed at.
 */
#include <tenon/err.h>
#include <tenon/task.h>
#include <tenon/text.h>

#include "cmd_send_int.h"
#include "question.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum {
    LIST_LINE = 256,
};

/* --- words -----------------------------------------------------------------*/

static bool
is_url(const char *word)
{
    return strncasecmp(word, "http://", 7) == 0 ||
           strncasecmp(word, "https://", 8) == 0;
}

/* "10.0.0.7", "host:8001", "[::1]:8001", "tcp://host": no name is written so,
   and hardly any file. */
static bool
is_address(const char *word)
{
    tn_endpoint ep;
    tn_addr addr;
    if (is_url(word) || outbox_is_phone(word) || strstr(word, "://")) {
        return true;
    }
    if (strchr(word, '/') || tn_endpoint_parse(&ep, word, TN_TCP) < 0) {
        return false;
    }
    return ep.port >= 0 || tn_addr_ip(&addr, ep.host, 0) == 0;
}

static bool
is_file(const char *word)
{
    struct stat st;
    return lstat(word, &st) == 0 || strcmp(word, "-") == 0;
}

int
outbox_split(struct send *s)
{
    const char *last = s->files[s->count - 1];
    s->to = s->o->to;
    if (s->to) {
        return *s->to ? EXIT_DONE : say_usage("--to needs a place");
    }
    if (s->count == 1) {
        return !is_file(last) && is_address(last)
                   ? say_usage("%s: what shall be sent there? (tenon send "
                               "FILE... %s)",
                               last, last)
                   : EXIT_DONE;
    }
    bool address = is_address(last);
    if (is_file(last)) {
        return address ? say_usage("%s: a file is called so, and it is an "
                                   "address (./%s is the file, --to %s the "
                                   "address)",
                                   last, last, last)
                       : EXIT_DONE;
    }
    if (address || !strchr(last, '/')) {
        s->to = last;
        s->maybe = !address;
        s->count--;
    }
    return EXIT_DONE;
}

/* --- addresses -------------------------------------------------------------*/

static int
take_url(struct send_place *p, const char *url)
{
    tn_url parts;
    if (strlen(url) >= sizeof(p->url) ||
        tn_url_parse(&parts, (tn_str){url, strlen(url)}) < 0 ||
        parts.host.len == 0) {
        return say_usage("%s: not a URL", url);
    }
    if (parts.userinfo.at || parts.query.at) {
        return say_usage("%s: a place to send to has no %s", url,
                         parts.query.at ? "query" : "password in its URL");
    }
    p->kind = SEND_WEB;
    size_t n =
        parts.fragment.at ? (size_t)(parts.fragment.at - url) - 1 : strlen(url);
    (void)snprintf(p->url, sizeof(p->url), "%.*s", (int)n, url);
    (void)snprintf(p->shown, sizeof(p->shown), "%.*s", (int)n, url);
    return EXIT_DONE;
}

static int
take_address(struct send_place *p, const char *word)
{
    int err = tn_endpoint_parse(&p->ep, word, TN_TCP);
    if (err == -ERANGE || (err == 0 && p->ep.port == 0)) {
        return say_usage("%s: the port must be 1 to 65535", word);
    }
    if (err < 0) {
        return say_usage("%s: %s", word, tn_strerror(err));
    }
    if (p->ep.transport == TN_TLS) {
        return say_usage("%s: without tls:// it is encrypted, too, by the code",
                         word);
    }
    if (p->ep.transport != TN_TCP || !p->ep.host[0]) {
        return say_usage("%s: a receiver is at host:port", word);
    }
    p->ep.port = p->ep.port < 0 ? PARCEL_PORT : p->ep.port;
    p->kind = SEND_RECV;
    (void)snprintf(p->shown, sizeof(p->shown), "%s", word);
    return EXIT_DONE;
}

/* --- whom the beacon finds -------------------------------------------------*/

struct look {
    const char *name; /* NULL: any receiver */
    int count;
    struct beacon_found found[BEACON_FOUND];
};

/* The address for a URL: one that needs no interface beside it. */
static const tn_addr *
plain_address(const struct beacon_found *f)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < f->count; i++) {
            const struct sockaddr_in6 *six = &f->addr[i].u.in6;
            if (f->addr[i].u.sa.sa_family == AF_INET ||
                (pass == 1 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))) {
                return &f->addr[i];
            }
        }
    }
    return &f->addr[0];
}

static void
put_url(const struct beacon_found *f, char *url, size_t cap)
{
    char text[TN_ADDR_TEXT];
    (void)snprintf(url, cap, "%s://%s/",
                   f->card.flags & BEACON_TLS ? "https" : "http",
                   tn_addr_format(plain_address(f), text, sizeof(text)));
}

static void
take_found(struct send_place *p, const struct beacon_found *f)
{
    if (f->card.kind == BEACON_HUB) {
        p->kind = SEND_WEB;
        put_url(f, p->url, sizeof(p->url));
        (void)snprintf(p->shown, sizeof(p->shown), "%s (%.*s)", f->card.name,
                       SEND_SHOWN / 2, p->url);
        return;
    }
    p->kind = SEND_RECV;
    p->count = f->count;
    memcpy(p->addr, f->addr, sizeof(p->addr));
    p->known = true;
    p->has_code = (f->card.flags & BEACON_CODE) != 0;
    (void)snprintf(p->shown, sizeof(p->shown), "%s", f->card.name);
}

/* "ann@laptop" is meant by "ann@laptop", "ann" and "laptop". */
static bool
bears(const struct beacon_card *card, const char *name)
{
    size_t n = strlen(name);
    const char *at = strchr(card->name, '@');
    return strcasecmp(card->name, name) == 0 ||
           strcasecmp(card->text, name) == 0 ||
           (at && (size_t)(at - card->name) == n &&
            strncasecmp(card->name, name, n) == 0);
}

static bool
takes_files(const struct beacon_card *card)
{
    unsigned hub = BEACON_FILES;
    return card->kind == BEACON_RECV ||
           (card->kind == BEACON_HUB && (card->flags & hub) == hub &&
            !(card->flags & BEACON_NO_WEB));
}

/* Keep those that are meant; receivers, if there are any of that name. */
static void
sort_out(struct look *l)
{
    int kept = 0;
    bool has_recv = false;
    for (int i = 0; i < l->count; i++) {
        const struct beacon_card *card = &l->found[i].card;
        if (l->found[i].count > 0 && takes_files(card) &&
            (!l->name || bears(card, l->name))) {
            has_recv = has_recv || card->kind == BEACON_RECV;
            l->found[kept++] = l->found[i];
        }
    }
    l->count = 0;
    for (int i = 0; i < kept; i++) {
        if (!has_recv || l->found[i].card.kind == BEACON_RECV) {
            l->found[l->count++] = l->found[i];
        }
    }
}

static int
put_one(char *buf, size_t cap, int number, const struct beacon_found *f)
{
    char text[TN_ADDR_TEXT];
    return snprintf(buf, cap, "  %d  %s at %s%s\n", number, f->card.name,
                    tn_addr_format(&f->addr[0], text, sizeof(text)),
                    f->card.kind == BEACON_HUB    ? ", a hub"
                    : f->card.flags & BEACON_CODE ? ""
                                                  : ", in the clear");
}

/* Which of several. */
static int
choose(struct send *s, const struct look *l)
{
    size_t cap = (size_t)(l->count + 1) * LIST_LINE;
    char *text = malloc(cap);
    char answer[16];
    long number = 0;
    int n = 0;
    if (!text) {
        say("out of memory");
        return EXIT_FAILED;
    }
    for (int i = 0; i < l->count; i++) {
        n += put_one(text + n, cap - (size_t)n, i + 1, &l->found[i]);
    }
    if (!question_may()) {
        say("several are here; --to NAME or --to ADDRESS says which:");
        fprintf(stderr, "%s", text);
        free(text);
        return EXIT_USAGE;
    }
    (void)snprintf(text + n, cap - (size_t)n, "To which? [1-%d] ", l->count);
    ssize_t r = 0;
    while (r >= 0 && (number < 1 || number > l->count)) {
        r = question_ask(text, answer, sizeof(answer));
        number = r > 0 ? strtol(answer, NULL, 10) : 0;
    }
    free(text);
    if (r < 0) {
        return EXIT_FAILED;
    }
    take_found(&s->place, &l->found[number - 1]);
    return EXIT_DONE;
}

static int
nobody(const struct look *l, bool hubs, const struct beacon_found *hub)
{
    char url[TN_ADDR_TEXT + 16];
    if (l->name) {
        return EXIT_FAILED; /* it may be a host's name */
    }
    say("nobody is found who receives (tenon recv does, there; tenon find "
        "--doctor says what is in the way)");
    if (hubs) {
        put_url(hub, url, sizeof(url));
        say("a hub is here: tenon send FILE... %s", url);
    }
    return EXIT_FAILED;
}

/* Without a name a hub is not taken, only told of. */
static int
pick(struct send *s, struct look *l)
{
    struct beacon_found hub = {.count = 0};
    sort_out(l);
    bool hubs = l->count > 0 && l->found[0].card.kind == BEACON_HUB;
    if (!l->name && hubs) {
        hub = l->found[0];
        l->count = 0;
    }
    if (l->count == 0) {
        return nobody(l, hubs, &hub);
    }
    if (l->count > 1) {
        return choose(s, l);
    }
    take_found(&s->place, &l->found[0]);
    return EXIT_DONE;
}

/* A beacon_ask's: nobody else is waited for. A part of a name may be that of
   several, and a hub is taken only if no receiver has its name. */
static bool
is_it(void *arg, const struct beacon_found *found)
{
    const struct look *l = arg;
    return found->card.kind == BEACON_RECV &&
           strcasecmp(found->card.name, l->name) == 0;
}

/* In the clear nobody is taken because of having been the first. */
static int
look_for(struct send *s, const char *name)
{
    struct look *l = calloc(1, sizeof(*l));
    const struct beacon_ask ask = {.wait = SEND_LOOK,
                                   .first = name && !s->o->secure.insecure,
                                   .is_it = is_it,
                                   .arg = l};
    if (!l) {
        say("out of memory");
        return EXIT_FAILED;
    }
    l->name = name;
    int n = beacon_find(&ask, l->found, BEACON_FOUND);
    l->count = n > 0 ? n : 0;
    int code = n == -ECANCELED ? EXIT_FAILED : EXIT_DONE;
    if (n < 0 && code == EXIT_DONE && !name) {
        code = say_failed(n, NULL);
    }
    if (code == EXIT_DONE) {
        code = pick(s, l);
    }
    free(l);
    return code;
}

/* A name: somebody here, or a host of the name service's. */
static int
find_name(struct send *s)
{
    tn_addr addr;
    int code = EXIT_FAILED;
    if (!strchr(s->to, '.') && strcasecmp(s->to, "localhost") != 0) {
        code = look_for(s, s->to);
    }
    if (code != EXIT_FAILED || tn_checkpoint() < 0) {
        return code;
    }
    code = take_address(&s->place, s->to);
    if (code != EXIT_DONE) {
        return code;
    }
    int err = tn_endpoint_resolve(&s->place.ep, AF_UNSPEC, 0, &addr, 1);
    if (err >= 0 || err == -ECANCELED) {
        return err < 0 ? EXIT_FAILED : EXIT_DONE;
    }
    if (!s->maybe) {
        say("%s (and nobody of that name is found here)", tn_why());
    } else {
        say("%s: no such file, and nobody of that name is found (tenon find "
            "tells who is here)",
            s->to);
    }
    return err == -ETIME ? EXIT_TIMEOUT : EXIT_FAILED;
}

int
outbox_find(struct send *s)
{
    if (!s->to) {
        return look_for(s, NULL);
    }
    if (outbox_is_phone(s->to)) {
        return outbox_find_phone(s);
    }
    if (is_url(s->to)) {
        return take_url(&s->place, s->to);
    }
    return is_address(s->to) ? take_address(&s->place, s->to) : find_name(s);
}
