#include <tenon/err.h>
#include <tenon/task.h>

#include "guest_int.h"

#include <string.h>

static const struct bucket_rule talk_rule = {ROOM_INTERVAL, GUEST_BURST};

uint64_t
guest_mark(guest *g)
{
    return (uint64_t)g->visit << 32 | ++g->marks;
}

bool
guest_is_quiet(const guest *g)
{
    for (size_t i = 0; i < GUEST_WINDOW; i++) {
        if (g->pending[i].used) {
            return false;
        }
    }
    return true;
}

/* A place is free again. */
static void
release(guest *g, struct guest_pending *p)
{
    char token = 0;

    p->used = false;
    (void)!tn_chan_try_send(g->slots, &token);
    (void)!tn_chan_try_send(g->quiet, &token);
}

void
guest_settle(guest *g, uint64_t mark, enum guest_fate fate, uint64_t number)
{
    for (size_t i = 0; i < GUEST_WINDOW; i++) {
        struct guest_pending *p = &g->pending[i];

        if (p->used && p->say.mark == mark) {
            release(g, p);
            if (g->opts.fate != NULL) {
                g->opts.fate(g->opts.arg, mark, fate, number);
            }
            return;
        }
    }
}

void
guest_slowed(guest *g, uint64_t mark)
{
    for (size_t i = 0; i < GUEST_WINDOW; i++) {
        struct guest_pending *p = &g->pending[i];

        if (p->used && p->say.mark == mark && ++p->slowed <= GUEST_TRIES) {
            p->sent = false;
            g->calm = tn_now() + GUEST_CALM;
            return;
        }
    }
    guest_settle(g, mark, GUEST_SLOWED, 0);
}

void
guest_give_up(guest *g, int64_t now, bool all)
{
    for (size_t i = 0; i < GUEST_WINDOW; i++) {
        const struct guest_pending *p = &g->pending[i];

        if (p->used && (all || now - p->since >= GUEST_GIVE_UP)) {
            guest_settle(g, p->say.mark, GUEST_UNKNOWN, 0);
        }
    }
}

void
guest_rewind(guest *g)
{
    for (size_t i = 0; i < GUEST_WINDOW; i++) {
        g->pending[i].sent = false;
    }
    g->nick_sent = g->leave_sent = false;
}

/* What was said first of what is not on its way. */
static struct guest_pending *
find_next(const guest *g)
{
    const struct guest_pending *next = NULL;

    for (size_t i = 0; i < GUEST_WINDOW; i++) {
        const struct guest_pending *p = &g->pending[i];

        if (p->used && !p->sent &&
            (next == NULL || p->say.mark < next->say.mark)) {
            next = p;
        }
    }
    return (struct guest_pending *)(uintptr_t)next;
}

bool
guest_send(guest *g, size_t len)
{
    struct blob *b = blob_new(g->message, len);
    bool done = b != NULL && link_queue(&g->link, b) == 0;

    blob_drop(b);
    return done;
}

void
guest_submit(guest *g, int64_t now)
{
    struct guest_pending *p;

    while (now >= g->calm && link_room(&g->link) > 0 &&
           (p = find_next(g)) != NULL &&
           bucket_take(&g->talk, &talk_rule, now)) {
        p->sent = guest_send(g, talk_put_say(g->message, &p->say));
    }
    if (g->nick.mark != 0 && !g->nick_sent) {
        g->nick_sent = guest_send(g, talk_put_nick(g->message, &g->nick));
    }
    if (g->leaving != 0 && !g->leave_sent && find_next(g) == NULL) {
        g->leave_sent = guest_send(g, talk_put_leave(g->message));
    }
}

int64_t
guest_submit_wake(const guest *g, int64_t now)
{
    int64_t wake = now + bucket_wait(&g->talk, &talk_rule, now);

    if (find_next(g) == NULL) {
        return INT64_MAX;
    }
    return wake > g->calm ? wake : g->calm;
}

/* --- for its owner ---------------------------------------------------------*/

static bool
is_fit(const struct guest_words *w)
{
    if (w->len < 1 || w->len > ROOM_TEXT_MAX || w->how > GUEST_MSG) {
        return false;
    }
    return w->how == GUEST_MSG ? w->to != NULL && strlen(w->to) <= ROOM_NAME_MAX
                               : w->to == NULL;
}

static struct guest_pending *
find_free(guest *g)
{
    for (size_t i = 0; i < GUEST_WINDOW; i++) {
        if (!g->pending[i].used) {
            return &g->pending[i];
        }
    }
    return NULL;
}

int
guest_say(guest *g, const struct guest_words *words, uint64_t *mark)
{
    struct guest_pending *p;
    char token;
    int err;

    if (!is_fit(words)) {
        return -EINVAL;
    }
    err = tn_chan_recv(g->slots, &token);
    if (err < 0) {
        return err == -EPIPE ? -ESHUTDOWN : err;
    }
    p = find_free(g);
    if (p == NULL || g->over || g->leaving != 0) {
        return -ESHUTDOWN;
    }
    memset(p, 0, sizeof(*p));
    p->used = true;
    p->since = tn_now();
    p->say.mark = *mark = guest_mark(g);
    p->say.how = words->how;
    p->say.len = words->len;
    memcpy(p->say.text, words->text, words->len);
    if (words->to != NULL) {
        memcpy(p->say.to, words->to, strlen(words->to) + 1);
    }
    guest_ring(g);
    return 0;
}

int
guest_drain(guest *g)
{
    while (!guest_is_quiet(g)) {
        char token;
        int err = tn_chan_recv(g->quiet, &token);

        if (err < 0) {
            return err == -EPIPE ? 0 : err;
        }
    }
    return 0;
}

/* Wait for the answer to a new name. */
static int
await_name(guest *g)
{
    char token;
    int err = 0;

    while (err == 0 && g->nick.mark != 0) {
        err = tn_chan_recv(g->named, &token);
    }
    g->nick.mark = 0;
    return err == 0 ? g->nick_err : err == -EPIPE ? -ESHUTDOWN : err;
}

int
guest_nick(guest *g, const char *name)
{
    size_t n = strlen(name);
    tn_scope limit;
    int err;

    if (g->over) {
        return -ESHUTDOWN;
    }
    if (n < 1 || n > ROOM_NAME_MAX) {
        return n < 1 ? -EINVAL : -ENAMETOOLONG;
    }
    if (g->nick.mark != 0) {
        return -EAGAIN;
    }
    g->nick.mark = guest_mark(g);
    g->nick.len = n;
    memcpy(g->nick.text, name, n + 1);
    g->nick_sent = false;
    guest_ring(g);
    tn_deadline(&limit, GUEST_NICK_WAIT);
    err = await_name(g);
    (void)tn_scope_end(&limit);
    return err;
}
