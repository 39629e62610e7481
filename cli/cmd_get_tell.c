/*
 * What -v, -i, --timing and --events tell.
 */
#include <tenon/addr.h>
#include <tenon/err.h>
#include <tenon/sock.h>
#include <tenon/text.h>

#include "cmd_get_int.h"
#include "json.h"
#include "where.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    TELL_LINE = 2048, /* of a head; the rest is cut */
};

/* What nobody should read over a shoulder, or in a log. */
static bool
is_secret(const char *line, size_t n)
{
    static const char *const names[] = {
        "Authorization:", "Proxy-Authorization:", "Cookie:", "Set-Cookie:",
        NULL};
    for (int i = 0; names[i]; i++) {
        size_t len = strlen(names[i]);
        if (n > len && strncasecmp(line, names[i], len) == 0) {
            return true;
        }
    }
    return false;
}

static void
show_line(char mark, const char *at, size_t n)
{
    char clean[TELL_LINE];
    size_t shown = n;
    bool secret = is_secret(at, n);
    if (secret) {
        shown = (size_t)((const char *)memchr(at, ':', n) - at) + 1;
    }
    (void)tn_text_clean(clean, sizeof(clean), at, shown);
    (void)fprintf(stderr, "%c %s%s\n", mark, clean, secret ? " ***" : "");
}

static void
show_head(char mark, tn_str head)
{
    while (head.len > 0) {
        const char *end = memchr(head.at, '\n', head.len);
        size_t n = end ? (size_t)(end - head.at) + 1 : head.len;
        size_t line = n;
        while (line > 0 && strchr("\r\n", head.at[line - 1])) {
            line--;
        }
        show_line(mark, head.at, line);
        head.at += n;
        head.len -= n;
    }
}

/* For -i: shown when the answer is here, in front of its body. */
static void
keep_head(struct get *g, tn_str head)
{
    if (head.len > GET_HEADS_MAX - g->heads_len) {
        return;
    }
    char *more = realloc(g->heads, g->heads_len + head.len);
    if (!more) {
        return;
    }
    g->heads = more;
    memcpy(g->heads + g->heads_len, head.at, head.len);
    g->heads_len += head.len;
}

static void
show_peer(const char *what, tn_str place, tn_sock *sock)
{
    char text[TN_ADDR_TEXT];
    tn_addr peer;
    const char *addr = tn_getpeername(sock, &peer) < 0
                           ? "?"
                           : where_peer(&peer, text, sizeof(text));
    (void)fprintf(stderr, "* %s %.*s (%s)\n", what, (int)place.len, place.at,
                  addr);
}

void
tell_trace(void *arg, enum tn_httpc_event what, tn_str text, tn_sock *sock)
{
    struct get *g = arg;
    if (what == TN_HTTPC_GOT && (g->o->include || g->o->head)) {
        keep_head(g, text);
    }
    if (!g->o->verbose) {
        return;
    }
    progress_clear(&g->progress);
    switch (what) {
    case TN_HTTPC_CONNECTED:
        show_peer("connected to", text, sock);
        if (tn_tls_is_on(sock)) {
            secure_tell(sock);
        }
        break;
    case TN_HTTPC_REUSED:
        show_peer("still connected to", text, sock);
        break;
    case TN_HTTPC_SENT:
        show_head('>', text);
        break;
    case TN_HTTPC_GOT:
        show_head('<', text);
        break;
    }
}

static void
show_phase(const char *name, int64_t from, int64_t to)
{
    if (to >= 0) {
        from = from < 0 ? 0 : from;
        (void)fprintf(stderr, "  %-10s %10.3f ms  at %10.3f ms\n", name,
                      (double)(to - from) / TN_MS, (double)to / TN_MS);
    }
}

void
tell_timing(const tn_httpc_timing *t)
{
    int64_t ready = t->secured >= 0 ? t->secured : t->connected;
    (void)fprintf(stderr, "  phase            took          ended\n");
    show_phase("name", 0, t->resolved);
    show_phase("connect", t->resolved, t->connected);
    show_phase("tls", t->connected, t->secured);
    show_phase("request", ready, t->sent);
    show_phase("answer", t->sent, t->head);
    show_phase("body", t->head, t->total);
    (void)fprintf(stderr, "  %d redirect%s, %s connection\n", t->redirects,
                  t->redirects == 1 ? "" : "s", t->reused ? "a kept" : "a new");
}

void
tell_event(struct get *g, const char *name, const char *url, const char *more)
{
    size_t n = strlen(url);
    size_t cap = JSON_GROWTH * n + 3;
    char *quoted = malloc(cap);
    char *line = NULL;
    if (!g->o->events || !quoted) {
        free(quoted);
        return;
    }
    int len = asprintf(&line, "{\"event\":\"%s\",\"url\":%s%s%s}\n", name,
                       json_quote(quoted, cap, url, n), *more ? "," : "", more);
    if (len > 0 && tn_sendall(g->out, line, (size_t)len, NULL) < 0) {
        (void)len; /* whoever read them is gone; the work goes on */
    }
    if (len > 0) {
        free(line);
    }
    free(quoted);
}
