#include <tenon/err.h>

#include "web_int.h"

#include <stdlib.h>
#include <string.h>

/* Events as JSON, the latest first, as they are found. */
struct pile {
    uint64_t author; /* of the browser that will read them */
    room_id reader;
    size_t bytes;
    int count;
    char *item[WEB_PAST];
    char line[WEB_LINE];
};

/* A store_row: runs on a worker thread, and touches the pile only. */
static int
pile_up(void *arg, const struct room_event *ev)
{
    struct pile *p = arg;
    size_t n = 0;

    if (web_may_see(ev, p->reader)) {
        n = web_write_event(p->line, WEB_LINE, ev, p->author, false);
    }
    if (n == 0) { /* or what somebody else wrote into our history */
        return 0;
    }
    if (p->bytes + n > WEB_PAST_BYTES || p->count == WEB_PAST) {
        return 1;
    }
    p->item[p->count] = strndup(p->line, n);
    if (p->item[p->count] == NULL) {
        return 1;
    }
    p->count++;
    p->bytes += n + 1;
    return 0;
}

static void
pile_free(void *arg)
{
    struct pile *p = arg;

    for (int i = 0; p != NULL && i < p->count; i++) {
        free(p->item[i]);
    }
    free(p);
}

static struct pile *
pile_new(const struct web_conn *c)
{
    struct pile *p = calloc(1, sizeof(*p));

    if (p != NULL) {
        p->author = c->author;
        p->reader = c->id;
    }
    return p;
}

/* Find events in the ring; true if no more of them have room. */
static bool
search_ring(const struct web *w, const struct web_span *span, struct pile *p)
{
    uint64_t first = w->end > WEB_RING ? w->end - WEB_RING : 0;

    for (uint64_t i = w->end; i > first; i--) {
        const struct room_event *ev = &w->ring[(i - 1) % WEB_RING];

        if (ev->number >= span->before) {
            continue;
        }
        if (ev->number <= span->after) {
            return false;
        }
        if (p->count == span->limit || pile_up(p, ev) != 0) {
            return true;
        }
    }
    return false;
}

/* Find the events of a span: what is in the ring there, for the history may
   not have it yet, and what came before in the history. If that hangs, it
   keeps the pile; then the ring is all there is. */
static int
search(const struct web_conn *c, const struct web_span *span, struct pile **p,
       bool *more)
{
    const struct web *w = c->web;
    struct store_span in_store = {.after = span->after,
                                  .before = span->before,
                                  .row = pile_up,
                                  .arg = *p,
                                  .drop = pile_free};
    int err;

    *more = search_ring(w, span, *p);
    if (*more || w->store == NULL || span->after >= w->floor) {
        return 0;
    }
    if (in_store.before > w->floor + 1) {
        in_store.before = w->floor + 1;
    }
    in_store.limit = span->limit - (*p)->count;
    err = store_read(w->store, &in_store);
    *more = in_store.more;
    if (err == -EINPROGRESS) {
        *p = pile_new(c);
        err = *p != NULL ? 0 : -ENOMEM;
        *more = *p != NULL && search_ring(w, span, *p);
    }
    return err;
}

/* The message: the pile turned round. */
static char *
write_past(const struct pile *p, bool more, size_t *len)
{
    static const char head[] = "{\"is\":\"past\",\"events\":[";
    const char *tail = more ? "],\"more\":true}" : "],\"more\":false}";
    size_t tail_len = strlen(tail);
    char *text = malloc(sizeof(head) + p->bytes + tail_len);
    size_t at = sizeof(head) - 1;

    if (text == NULL) {
        return NULL;
    }
    memcpy(text, head, at);
    for (int i = p->count - 1; i >= 0; i--) {
        size_t n = strlen(p->item[i]);

        memcpy(text + at, p->item[i], n);
        at += n;
        if (i > 0) {
            text[at++] = ',';
        }
    }
    memcpy(text + at, tail, tail_len + 1);
    *len = at + tail_len;
    return text;
}

static int
send_span(struct web_conn *c, const struct web_span *span)
{
    struct pile *p = pile_new(c);
    char *text = NULL;
    size_t len = 0;
    bool more = false;
    int err = p != NULL ? search(c, span, &p, &more) : -ENOMEM;

    /* A history that cannot be read is a room without one. */
    if (p != NULL && err != -ENOMEM) {
        text = write_past(p, more, &len);
    }
    pile_free(p);
    err = text != NULL ? tn_ws_send(c->ws, TN_WS_TEXT, text, len) : -ENOMEM;
    free(text);
    return err;
}

int
web_send_past(struct web_conn *c, const struct web_span *span)
{
    char token = 0;
    int err = tn_chan_recv(c->web->desks, &token);

    if (err == 0) {
        err = send_span(c, span);
        (void)!tn_chan_try_send(c->web->desks, &token);
    }
    return err;
}
