/*
 * test_native_sim.c - the promise of the native dialect, kept on a network that
 * loses a fifth of all datagrams, doubles and reorders them, while the hub is
 * killed and started again, a member changes its address and one falls silent:
 * everybody sees every event exactly once, and all in the same order.
 */
#include "hub/guest_int.h"
#include "native_kit.h"

#include <stdlib.h>

enum {
    GUESTS = 20,
    WORDS = 12,
    SEEN = 8192,
    /* What happens in a busy room, far more than the ring holds. */
    FLOODS = 2,
    FLOOD = NATIVE_RING + NATIVE_RING / 2,
    PORT = 9000,
};

/* Somebody, and what he saw and said. */
struct one {
    int number;
    guest *guest;
    int result;
    int ins, losts;
    bool silent; /* he falls silent at some time */
    int seen;
    uint64_t live; /* the first event that happened while he was there */
    uint64_t event[SEEN];
    int said, settled, delivered, slowed, unknown;
    uint64_t mark[WORDS];
    uint64_t fate_number[WORDS];
    enum guest_fate fate[WORDS];
};

static struct world {
    uint64_t seed;
    struct store store;
    struct kit_hub hub;
    int count;
    bool hub_is_up;
    bool done; /* all that shall happen has happened */
    bool busy; /* more happens than the ring holds */
    bool full; /* all of that has */
    struct one one[GUESTS];
} w;

/* Fail, with what is needed to see it again. */
#define MUST(cond)                                                             \
    ((cond)                                                                    \
         ? (void)0                                                             \
         : FAIL("seed %llu: %s is false", (unsigned long long)w.seed, #cond))

/* --- what guests are told --------------------------------------------------*/

static void
on_event(void *arg, const struct room_event *ev, bool past)
{
    struct one *o = arg;

    if (!past && o->live == 0) {
        o->live = ev->number;
    }
    MUST(o->seen < SEEN);
    MUST(o->seen == 0 || ev->number > o->event[o->seen - 1]);
    if (store_keeps(ev->what)) {
        o->event[o->seen++] = ev->number;
    }
}

static void
on_fate(void *arg, uint64_t mark, enum guest_fate fate, uint64_t number)
{
    struct one *o = arg;

    for (int i = 0; i < o->said; i++) {
        if (o->mark[i] == mark) {
            o->mark[i] = 0; /* once */
            o->fate[i] = fate;
            o->fate_number[i] = number;
            o->settled++;
            o->delivered += fate == GUEST_DELIVERED;
            o->slowed += fate == GUEST_SLOWED;
            o->unknown += fate == GUEST_UNKNOWN;
            return;
        }
    }
    MUST(!"the fate of words that were not said");
}

static void
on_state(void *arg, enum guest_state state)
{
    struct one *o = arg;

    o->ins += state == GUEST_IN;
    o->losts += state == GUEST_LOST;
}

/* --- guests ----------------------------------------------------------------*/

/* Come in; who has no luck tries again, as a person would. */
static int
run_guest(void *arg)
{
    struct one *o = arg;
    tn_addr at = kit_addr(PORT);
    char name[32];
    struct guest_opts how = {.name = name,
                             .code = w.hub.code,
                             .event = on_event,
                             .fate = on_fate,
                             .state = on_state,
                             .arg = o};

    snprintf(name, sizeof(name), "guest %d", o->number);
    memset(how.key, o->number + 1, sizeof(how.key));
    do {
        guest_free(o->guest);
        OK(guest_open(&o->guest, &at, 1, &how));
        o->result = guest_run(o->guest);
    } while ((o->result == -ETIME || o->result == -EAGAIN) && o->ins == 0);
    if (o->result != -ECANCELED) {
        FAIL("seed %llu: guest %d: %s", (unsigned long long)w.seed, o->number,
             tn_why());
    }
    return 0;
}

static void
write_words(char *dst, size_t cap, const struct one *o, int i)
{
    int n = snprintf(dst, cap, "%d says %d", o->number, i);

    /* Now and then more than a datagram holds. */
    if (i % 5 == 4) {
        memset(dst + n, 'x', cap - 1 - (size_t)n);
        dst[cap - 1] = '\0';
    }
}

static void
talk(struct one *o)
{
    char text[ROOM_TEXT_MAX + 1];

    for (int i = 0; i < WORDS; i++) {
        struct guest_words words = {.text = text};

        if (o->silent && i == WORDS / 2) {
            break;
        }
        OK(tn_sleep(kit_below(1500 * TN_MS)));
        write_words(text, sizeof(text), o, i);
        words.len = strlen(text);
        words.how = i % 3 == 2 ? GUEST_ACT : GUEST_SAY;
        o->said++;
        OK(guest_say(o->guest, &words, &o->mark[i]));
    }
    while (o->silent && o->ins < 2) { /* it shall be missed by the second hub */
        OK(tn_sleep(100 * TN_MS));
    }
}

static int
visit(void *arg)
{
    struct one *o = arg;
    tn_group g;

    OK(tn_sleep(kit_below(500 * TN_MS)));
    tn_group_init(&g, TN_KEEP_GOING);
    OK(tn_go(&g, run_guest, o));
    while (o->ins == 0) {
        OK(tn_sleep(50 * TN_MS));
    }
    talk(o);
    while (!w.done && !o->silent) {
        OK(tn_sleep(100 * TN_MS));
    }
    OK(tn_sleep(o->number == 0 ? 30 * TN_SEC : 0)); /* it may be moving */
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    return 0;
}

/* --- an address that changes -----------------------------------------------*/

static int
move(void *arg)
{
    struct one *o = arg;

    while (!w.done) {
        OK(tn_sleep(TN_SEC + kit_below(20 * TN_SEC)));
        if (o->ins > 0 && !w.done) {
            kit_move(&o->guest->sock[0]->udp);
        }
    }
    return 0;
}

/* --- a busy room -----------------------------------------------------------*/

/* Files come faster than anybody can be told. */
static int
flood(void *arg)
{
    char path[32];

    (void)arg;
    w.full = false;
    for (int i = 0; i < FLOODS; i++) {
        for (int k = 0; k < FLOOD; k++) {
            snprintf(path, sizeof(path), "%d/%d", i, k);
            OK(room_file(w.hub.room, 0, path, k));
            if (tn_checkpoint() < 0) {
                return 0;
            }
        }
        if (tn_sleep(kit_below(5 * TN_SEC)) < 0) {
            return 0;
        }
    }
    w.full = true;
    return 0;
}

/* Somebody pulls the plug for a while. */
static int
unplug(void *arg)
{
    struct one *o = arg;

    while (!w.done) {
        OK(tn_sleep(kit_below(20 * TN_SEC)));
        if (o->ins > 0 && !w.done) {
            kit_cut = &o->guest->sock[0]->udp;
            OK(tn_sleep(kit_below(30 * TN_SEC)));
            kit_cut = NULL;
            OK(tn_sleep(20 * TN_SEC));
        }
    }
    return 0;
}

/* --- the hub ---------------------------------------------------------------*/

static bool
is_settled(void)
{
    for (int i = 0; i < w.count; i++) {
        const struct one *o = &w.one[i];

        if (!o->silent &&
            (o->settled < WORDS || o->seen == 0 ||
             o->event[o->seen - 1] != w.store.ev[w.store.count - 1].number)) {
            return false;
        }
    }
    return true;
}

static bool
are_in(void)
{
    for (int i = 0; i < w.count; i++) {
        if (w.one[i].ins == 0) {
            return false;
        }
    }
    return true;
}

static bool
has_left(int number)
{
    char name[32];

    snprintf(name, sizeof(name), "guest %d", number);
    for (int i = 0; i < w.store.count; i++) {
        if (w.store.ev[i].what == ROOM_LEAVE &&
            strcmp(w.store.ev[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void
check_people(void)
{
    EQ(room_count(w.hub.room), w.count - 1);
    for (int i = 0; i < w.count; i++) {
        const struct one *o = &w.one[i];

        if (!o->silent) {
            MUST(guest_count(o->guest) == w.count - 1);
            MUST(guest_id(o->guest) != 0);
        }
    }
}

static int
run_hub(void *arg)
{
    int64_t end;
    tn_group g;

    (void)arg;
    kit_hub_open(&w.hub);
    tn_group_init(&g, 0);
    kit_hub_go(&w.hub, &g);
    while (!are_in()) {
        OK(tn_sleep(100 * TN_MS));
    }
    if (w.busy) {
        OK(tn_go(&g, flood, NULL));
    }
    OK(tn_sleep(kit_below(5 * TN_SEC)));
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    kit_hub_close(&w.hub);
    OK(tn_sleep(kit_below(20 * TN_SEC)));

    kit_hub_open(&w.hub);
    tn_group_init(&g, 0);
    kit_hub_go(&w.hub, &g);
    if (w.busy) {
        OK(tn_go(&g, flood, NULL));
    }
    end = tn_now() + 5 * TN_MIN;
    while (!(is_settled() && w.full && has_left(w.count - 1))) {
        OK(tn_sleep(500 * TN_MS));
        MUST(tn_now() < end);
    }
    check_people();
    w.done = true;
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    kit_hub_close(&w.hub);
    return 0;
}

/* --- what must hold --------------------------------------------------------*/

/* All that happened since he came, and nothing else; before that, the latest
   few of what was said. */
static void
check_seen(const struct one *o)
{
    int at = 0, i = 0;

    MUST(o->silent || o->live > 0);
    if (o->live == 0) { /* he fell silent at once */
        return;
    }
    while (at < w.store.count && w.store.ev[at].number < o->live) {
        at++;
    }
    while (i < o->seen && o->event[i] < o->live) {
        i++;
    }
    for (; i < o->seen; i++) {
        MUST(at < w.store.count);
        MUST(w.store.ev[at++].number == o->event[i]);
    }
    MUST(o->silent || at == w.store.count);
}

static void
check_said(const struct one *o)
{
    char text[ROOM_TEXT_MAX + 1];

    for (int i = 0; i < o->said; i++) {
        uint64_t number = 0;

        write_words(text, sizeof(text), o, i);
        for (int k = 0; k < w.store.count; k++) {
            if (strcmp(w.store.ev[k].text, text) == 0) {
                MUST(number == 0);
                number = w.store.ev[k].number;
            }
        }
        MUST(o->mark[i] == 0);
        MUST(o->fate[i] != GUEST_DELIVERED || number == o->fate_number[i]);
        MUST(o->fate[i] != GUEST_SLOWED || number == 0);
    }
    MUST(o->silent || (o->unknown == 0 && o->delivered == WORDS));
    MUST(o->silent || (o->ins >= 2 && o->losts >= 1));
}

static int
live(void *arg)
{
    tn_group g;

    (void)arg;
    tn_group_init(&g, 0);
    OK(tn_go(&g, run_hub, NULL));
    OK(tn_go(&g, move, &w.one[0]));
    if (w.busy) {
        OK(tn_go(&g, unplug, &w.one[1]));
    }
    for (int i = 0; i < w.count; i++) {
        OK(tn_go(&g, visit, &w.one[i]));
    }
    EQ(tn_group_wait(&g), 0);
    for (int i = 0; i < w.count; i++) {
        check_seen(&w.one[i]);
        check_said(&w.one[i]);
        guest_free(w.one[i].guest);
    }
    return 0;
}

static void
run_world(uint64_t seed, bool busy)
{
    const tn_sim_opts sim = {
        .seed = seed, .loss = 200, .dup = 50, .max_delay = 100 * TN_MS};
    const tn_opts o = {.backend = "sim", .sim = &sim};

    memset(&w, 0, sizeof(w));
    w.seed = kit_seed = seed;
    w.busy = busy;
    w.full = true;
    kit_cut = NULL;
    w.count = busy ? 4 : 5 + (int)kit_below(GUESTS - 5 + 1);
    w.hub.store = &w.store;
    w.hub.port = PORT;
    w.hub.code = seed % 4 == 3 ? "482 913" : NULL;
    snprintf(w.store.epoch, sizeof(w.store.epoch), "%016llx",
             (unsigned long long)seed);
    for (int i = 0; i < w.count; i++) {
        w.one[i].number = i;
    }
    w.one[w.count - 1].silent = true;
    EQ(tn_run(&o, live, NULL), 0);
    free(w.store.ev);
}

/* Many worlds, or the one that is asked for. */
static void
run_worlds(bool busy)
{
    const char *one = getenv("TENON_SEED");
    uint64_t worlds = test_slow() ? 5000 : test_scale() > 1 ? 60 : 300;

    if (one != NULL) {
        run_world(strtoull(one, NULL, 10), busy);
        return;
    }
    for (uint64_t seed = 1; seed <= worlds; seed++) {
        run_world(seed, busy);
    }
}

TEST_TIMEOUT(everybody_sees_everything_once_and_in_order, 1200)
{
    run_worlds(false);
}

TEST_TIMEOUT(so_does_who_is_far_behind_in_a_busy_room, 1200)
{
    run_worlds(true);
}
