#include "beacon_watch.h"

#include <tenon/err.h>
#include <tenon/task.h>

#include "beacon_quest.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* The first questions: soon, because some get lost. */
    WATCH_EAGER = 3,
    /* ms over which answers are spread: there is time. */
    WATCH_SPREAD = 120,
};

/* Between the first questions. */
#define WATCH_GAP (400 * TN_MS)

struct watcher {
    const struct beacon_watch *w;
    struct beacon_quest quest;
    struct beacon_socks shared; /* at the port of announcements */
    struct beacon_roster roster;
    int64_t seen[BEACON_FOUND]; /* by place in the roster */
    struct beacon_found found[BEACON_FOUND];
};

static void
tell(struct watcher *w, enum beacon_event what, const struct beacon_found *f)
{
    w->w->event(w->w->arg, what, f);
}

/* --- hearing ---------------------------------------------------------------*/

static void
came(struct watcher *w, const struct beacon_msg *m,
     const struct beacon_way *from, int64_t rtt)
{
    struct beacon_found *f;
    enum beacon_news news =
        beacon_roster_add(&w->roster, &m->card, from, rtt, &f);

    if (f == NULL) {
        return;
    }
    w->seen[f - w->found] = tn_now();
    if (news == BEACON_NEW) {
        tell(w, BEACON_CAME, f);
    } else if (news == BEACON_CHANGED) {
        tell(w, BEACON_MOVED, f);
    }
}

static void
left(struct watcher *w, struct beacon_found *f, enum beacon_event what)
{
    size_t i = (size_t)(f - w->found);
    size_t rest = (size_t)w->roster.count - i - 1;
    struct beacon_found *copy = malloc(sizeof(*copy));

    if (copy != NULL) {
        *copy = *f;
    }
    memmove(w->seen + i, w->seen + i + 1, rest * sizeof(w->seen[0]));
    beacon_roster_drop(&w->roster, f);
    if (copy != NULL) {
        tell(w, what, copy);
    }
    free(copy);
}

/* Without a signature everybody can say anybody's good-bye; that one is told
   from a network of ours is all that can be asked for. */
static void
take(void *arg, const struct beacon_msg *m, const struct beacon_way *from)
{
    struct watcher *w = arg;
    unsigned kinds = w->w->kinds;

    if (m->type == BEACON_ANSWER) {
        int64_t rtt = beacon_quest_judge(&w->quest, m, from);
        if (rtt >= 0) {
            came(w, m, from, rtt);
        }
        return;
    }
    if (m->type == BEACON_ASK ||
        (kinds != 0 && (kinds >> m->card.kind & 1) == 0) ||
        !gate_is_attached(&w->quest.gate, &from->to, tn_now())) {
        return;
    }
    struct beacon_found *f = beacon_roster_find(&w->roster, m->card.id);
    if (m->type == BEACON_ANNOUNCE) {
        came(w, m, from, -1);
    } else if (f != NULL) {
        left(w, f, BEACON_LEFT);
    }
}

/* --- asking ----------------------------------------------------------------*/

static void
forget(struct watcher *w, int64_t now)
{
    for (int i = w->roster.count - 1; i >= 0; i--) {
        if (now - w->seen[i] >= BEACON_WATCH_LOST) {
            left(w, &w->found[i], BEACON_LOST);
        }
    }
}

static int
ask(void *arg)
{
    struct watcher *w = arg;

    for (int i = 0;; i++) {
        /* Later nobody is named: whoever is still here shall say so. */
        bool eager = i < WATCH_EAGER;
        int n = beacon_quest_ask(&w->quest, eager ? &w->roster : NULL,
                                 WATCH_SPREAD);
        if (n <= 0 && i == 0) {
            return n < 0 ? n : -ENETDOWN;
        }
        beacon_socks_join(&w->shared, &w->quest.links);
        int err = tn_sleep(eager ? WATCH_GAP : BEACON_WATCH_EVERY);
        if (err < 0) {
            return err;
        }
        forget(w, tn_now());
    }
}

static int
run(struct watcher *w)
{
    struct beacon_ear ears[] = {{w->shared.four, take, w},
                                {w->shared.six, take, w},
                                {w->quest.socks.four, take, w},
                                {w->quest.socks.six, take, w}};
    tn_group g;
    int err = 0;

    tn_group_init(&g, 0);
    for (size_t i = 0; i < sizeof(ears) / sizeof(ears[0]) && err == 0; i++) {
        err = tn_go(&g, beacon_listen, &ears[i]);
    }
    if (err == 0) {
        err = tn_go(&g, ask, w);
    }
    if (err < 0) {
        tn_group_cancel(&g);
    }
    int end = tn_group_wait(&g);
    return err < 0 ? err : end;
}

/* The groups first: who announces between them and the question is heard. */
static int
open_all(struct watcher *w)
{
    static const tn_addr all;
    int err = beacon_socks_open(&w->shared, w->quest.port);

    if (err == 0) {
        err = beacon_links_scan(&w->quest.links, w->quest.port, &all);
    }
    if (err == 0) {
        beacon_socks_join(&w->shared, &w->quest.links);
        err = beacon_quest_open(&w->quest);
    }
    return err;
}

int
beacon_watch(const struct beacon_watch *w)
{
    struct watcher *x = calloc(1, sizeof(*x));

    if (x == NULL) {
        return -ENOMEM;
    }
    x->w = w;
    x->quest.port = beacon_port(w->port);
    x->quest.kinds = w->kinds;
    x->roster = (struct beacon_roster){.at = x->found, .cap = BEACON_FOUND};
    int err = open_all(x);
    if (err == 0) {
        err = run(x);
    }
    beacon_quest_close(&x->quest);
    beacon_socks_close(&x->shared);
    free(x);
    return err;
}
