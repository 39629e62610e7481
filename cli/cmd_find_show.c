/*
 * One who was found, as words and as JSON.
 */
#include <tenon/addr.h>
#include <tenon/err.h>
#include <tenon/sock.h>

#include "cmd_find_int.h"
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct line {
    char *at;
    size_t n;
};

static void put(struct line *l, const char *format, ...) TN_PRINTF(2, 3);

static void
put(struct line *l, const char *format, ...)
{
    va_list args;
    size_t room = FIND_LINE - 1 - l->n; /* one is for the newline */
    va_start(args, format);
    int n = vsnprintf(l->at + l->n, room, format, args);
    va_end(args);
    if (n > 0) {
        l->n += (size_t)n < room ? (size_t)n : room - 1;
    }
}

const char *
find_kind(const struct beacon_card *c)
{
    return c->kind == BEACON_HUB        ? "hub"
           : c->kind == BEACON_RECV     ? "recv"
           : c->kind == (int)FIND_PHONE ? "phone"
                                        : "?";
}

/* IPv4 is what people type; the loopback is of use on this machine only, an
   address of IPv6 with a scope as well. */
static int
liking(const tn_addr *a)
{
    if (a->u.sa.sa_family == AF_INET) {
        return ntohl(a->u.in.sin_addr.s_addr) >> 24 == 127 ? 2 : 3;
    }
    return a->u.in6.sin6_scope_id == 0 ? 1 : 0;
}

const tn_addr *
find_best(const struct beacon_found *f)
{
    const tn_addr *best = &f->addr[0];
    for (int i = 1; i < f->count; i++) {
        if (liking(&f->addr[i]) > liking(best)) {
            best = &f->addr[i];
        }
    }
    return best;
}

int
find_width(const struct beacon_found *f)
{
    char text[TN_ADDR_TEXT];
    return (int)strlen(tn_addr_format(find_best(f), text, sizeof(text)));
}

/* --- words -----------------------------------------------------------------*/

static void
put_flags(struct line *l, const struct beacon_card *c)
{
    static const struct {
        unsigned flag;
        const char *words;
    } rows[] = {
        {BEACON_CODE, "wants a code"},     {BEACON_TLS, "https"},
        {BEACON_ONCE, "takes one parcel"}, {BEACON_FILES, "takes files"},
        {BEACON_NO_WEB, "without a page"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((c->flags & rows[i].flag) != 0) {
            put(l, ", %s", rows[i].words);
        }
    }
}

static void
put_others(struct line *l, const struct beacon_found *f)
{
    char text[TN_ADDR_TEXT];
    const char *between = "; also ";
    for (int i = 0; i < f->count; i++) {
        if (&f->addr[i] != find_best(f)) {
            put(l, "%s%s", between,
                tn_addr_format(&f->addr[i], text, sizeof(text)));
            between = ", ";
        }
    }
}

size_t
find_words(char *line, const char *event, const struct beacon_found *f,
           int width)
{
    const struct beacon_card *c = &f->card;
    struct line l = {line, 0};
    char text[TN_ADDR_TEXT];
    if (event) {
        put(&l, "%-7s ", event);
    }
    put(&l, "%-4s  %-*s  ", find_kind(c), width,
        tn_addr_format(find_best(f), text, sizeof(text)));
    if (f->rtt >= 0) {
        put(&l, "%5.1f ms  ", (double)f->rtt / TN_MS);
    } else {
        put(&l, "          ");
    }
    put(&l, "%s", c->name[0] ? c->name : "(no name)");
    if (c->text[0]) {
        put(&l, " on %s", c->text);
    }
    if (c->kind == BEACON_HUB) {
        put(&l, ", %d member%s", c->members, c->members == 1 ? "" : "s");
    }
    put_flags(&l, c);
    if (f->interface[0]) {
        put(&l, ", by %s", f->interface);
    }
    put_others(&l, f);
    line[l.n++] = '\n';
    return l.n;
}

/* --- JSON ------------------------------------------------------------------*/

static void
put_string(struct line *l, const char *name, const char *text)
{
    char coded[JSON_GROWTH * BEACON_TEXT + 3];
    put(l, ",\"%s\":%s", name,
        json_quote(coded, sizeof(coded), text, strlen(text)));
}

static void
put_bool(struct line *l, const char *name, bool value)
{
    put(l, ",\"%s\":%s", name, value ? "true" : "false");
}

static void
put_id(struct line *l, const struct beacon_card *c)
{
    put(l, ",\"id\":\"");
    for (int i = 0; i < BEACON_ID; i++) {
        put(l, "%02x", c->id[i]);
    }
    put(l, "\"");
}

static void
put_addresses(struct line *l, const struct beacon_found *f)
{
    char text[TN_ADDR_TEXT];
    const tn_addr *best = find_best(f);
    put(l, ",\"addresses\":[\"%s\"", tn_addr_format(best, text, sizeof(text)));
    for (int i = 0; i < f->count; i++) {
        if (&f->addr[i] != best) {
            put(l, ",\"%s\"", tn_addr_format(&f->addr[i], text, sizeof(text)));
        }
    }
    put(l, "]");
}

size_t
find_json(char *line, const char *event, const struct beacon_found *f)
{
    const struct beacon_card *c = &f->card;
    struct line l = {line, 0};
    put(&l, "{\"event\":\"%s\",\"kind\":\"%s\"", event, find_kind(c));
    put_string(&l, "name", c->name);
    put_string(&l, "host", c->text);
    put_id(&l, c);
    put(&l, ",\"port\":%d,\"members\":%d", c->port, c->members);
    put_bool(&l, "code", (c->flags & BEACON_CODE) != 0);
    put_bool(&l, "tls", (c->flags & BEACON_TLS) != 0);
    put_bool(&l, "once", (c->flags & BEACON_ONCE) != 0);
    put_bool(&l, "files", (c->flags & BEACON_FILES) != 0);
    put_bool(&l, "web",
             c->kind == BEACON_HUB && (c->flags & BEACON_NO_WEB) == 0);
    put_addresses(&l, f);
    put_string(&l, "interface", f->interface);
    if (f->rtt >= 0) {
        put(&l, ",\"rtt\":%.6f", (double)f->rtt / TN_SEC);
    }
    put(&l, "}");
    line[l.n++] = '\n';
    return l.n;
}

int
find_out(tn_sock *out, const char *line, size_t n)
{
    ssize_t r = tn_sendall(out, line, n, NULL);
    return r < 0 ? say_failed((int)r, NULL) : EXIT_DONE;
}
