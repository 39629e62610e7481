#include <tenon/err.h>
#include <tenon/task.h>

#include "beacon_quest.h"

#include <stdlib.h>
#include <string.h>

/* The first questions follow each other so soon, if the wait is long enough;
   each later one takes twice the time. */
#define FIND_GAP (250 * TN_MS)

enum {
    FIND_QUESTIONS = 8, /* of one search, however long it may last */
    /* ms over which answers are spread: those of 300 then come at the rate of
       two or three a millisecond. */
    FIND_SPREAD = 120,
    /* The same where one answer is all that is wanted. */
    FIND_SPREAD_FIRST = 40,
};

/* One that has answered may have more addresses; its answers by other ways are
   as random as this one was, over FIND_SPREAD_FIRST. */
#define FIND_LINGER (50 * TN_MS)

struct finder {
    const struct beacon_ask *ask;
    struct beacon_quest quest;
    struct beacon_roster roster;
    tn_group group;
    const struct beacon_found *chosen; /* nobody else counts any more */
};

static int
linger(void *arg)
{
    struct finder *f = arg;
    int err = tn_sleep(FIND_LINGER);

    tn_group_cancel(&f->group);
    return err;
}

static bool
is_enough(const struct finder *f, const struct beacon_found *who)
{
    return f->ask->first &&
           (f->ask->is_it == NULL || f->ask->is_it(f->ask->arg, who));
}

static void
take(void *arg, const struct beacon_msg *m, const struct beacon_way *from)
{
    struct finder *f = arg;
    struct beacon_found *who;
    int64_t rtt = beacon_quest_judge(&f->quest, m, from);

    if (rtt < 0 || (f->chosen != NULL &&
                    memcmp(f->chosen->card.id, m->card.id, BEACON_ID) != 0)) {
        return;
    }
    enum beacon_news news =
        beacon_roster_add(&f->roster, &m->card, from, rtt, &who);
    if ((news == BEACON_NEW || news == BEACON_ADDRESS) &&
        f->ask->found != NULL) {
        f->ask->found(f->ask->arg, who);
    }
    if (news == BEACON_NEW && is_enough(f, who)) {
        f->chosen = who;
        if (tn_go(&f->group, linger, f) < 0) {
            tn_group_cancel(&f->group);
        }
    }
}

/* The first question decides whether there is a network at all. */
static int
ask_once(struct finder *f, int spread)
{
    int n = beacon_quest_ask(&f->quest, &f->roster, spread);

    return n == 0 && f->quest.number == 1 ? -ENETDOWN : n;
}

/* Ask until the time is up; whoever asks ends the others. */
static int
ask(void *arg)
{
    struct finder *f = arg;
    int64_t end = tn_now() + f->ask->wait;
    int64_t first = f->ask->wait / 4 < FIND_GAP ? f->ask->wait / 4 : FIND_GAP;
    int most = f->ask->first ? FIND_SPREAD_FIRST : FIND_SPREAD;
    int spread = (int)(first / 2 / TN_MS);
    int64_t gap = first;
    int err = 0;

    spread = spread < most ? spread : most;
    for (int i = 1; i <= FIND_QUESTIONS && err >= 0; i++, gap *= 2) {
        err = ask_once(f, spread);
        int64_t left = end - tn_now();
        bool last = i == FIND_QUESTIONS || left < gap + first / 2;
        if (err >= 0) {
            err = tn_sleep(last ? left : gap);
        }
        if (last) {
            break;
        }
    }
    tn_group_cancel(&f->group);
    return err < 0 ? err : 0;
}

/* All of the search, when the sockets are open. */
static int
search(struct finder *f)
{
    struct beacon_ear ears[] = {{f->quest.socks.four, take, f},
                                {f->quest.socks.six, take, f}};
    int err = 0;

    tn_group_init(&f->group, 0);
    for (size_t i = 0; i < sizeof(ears) / sizeof(ears[0]) && err == 0; i++) {
        err = tn_go(&f->group, beacon_listen, &ears[i]);
    }
    if (err == 0) {
        err = tn_go(&f->group, ask, f);
    }
    if (err < 0) {
        tn_group_cancel(&f->group);
    }
    int end = tn_group_wait(&f->group);
    return err < 0 ? err : end;
}

int
beacon_find(const struct beacon_ask *ask, struct beacon_found *out, int cap)
{
    struct finder *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return -ENOMEM;
    }
    f->ask = ask;
    f->quest.port = beacon_port(ask->port);
    f->quest.kinds = ask->kinds;
    f->roster = (struct beacon_roster){.at = out, .cap = cap};
    int err = beacon_quest_open(&f->quest);
    if (err == 0) {
        err = search(f);
    }
    beacon_quest_close(&f->quest);
    int count = f->roster.count;
    free(f);
    return err < 0 ? err : count;
}
