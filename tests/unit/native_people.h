/*
 * native_people.h - people in a hub's room on a network that is good, and what
 * each of them was told: what test_native.c and test_native_strangers.c share.
 */
#ifndef TENON_TESTS_NATIVE_PEOPLE_H
#define TENON_TESTS_NATIVE_PEOPLE_H

#include "native_kit.h"

#include <stdlib.h>
#include <sys/socket.h>

enum {
    PORT = 9000,
    LOG = 8192,
};

/* --- people ----------------------------------------------------------------*/

struct person {
    guest *guest;
    tn_group group;
    bool over;
    int result, ins, losts, past;
    uint64_t fates[4];
    char log[LOG]; /* what it was told: "ann+ ann:hi " */
};

static const char *const signs[] = {
    [ROOM_JOIN] = "+", [ROOM_SAY] = ":",   [ROOM_LEAVE] = "-",
    [ROOM_NOTE] = "!", [ROOM_BYE] = "bye", [ROOM_FILE] = "@",
    [ROOM_GONE] = "#", [ROOM_ACT] = "*",   [ROOM_NICK] = "=",
    [ROOM_MSG] = "~",
};

static inline void
on_event(void *arg, const struct room_event *ev, bool past)
{
    struct person *p = arg;
    size_t n = strlen(p->log);

    p->past += past;
    if (n < LOG - 100) {
        snprintf(p->log + n, LOG - n, "%s%s%s ", ev->name, signs[ev->what],
                 ev->text_len > 40 ? "long" : ev->text);
    }
}

static inline void
on_fate(void *arg, uint64_t mark, enum guest_fate fate, uint64_t number)
{
    struct person *p = arg;

    NE(mark, 0);
    EQ(fate == GUEST_DELIVERED, number != 0);
    p->fates[fate]++;
}

static inline void
on_state(void *arg, enum guest_state state)
{
    struct person *p = arg;

    p->ins += state == GUEST_IN;
    p->losts += state == GUEST_LOST;
}

static inline int
stay(void *arg)
{
    struct person *p = arg;

    p->result = guest_run(p->guest);
    p->over = true;
    return 0;
}

static inline struct guest_opts
opts_of(struct person *p, const char *name)
{
    struct guest_opts how = {.name = name,
                             .event = on_event,
                             .fate = on_fate,
                             .state = on_state,
                             .arg = p};

    snprintf((char *)how.key, sizeof(how.key), "%s", name);
    return how;
}

static inline void
go(struct person *p, const struct guest_opts *how, int port)
{
    tn_addr at = kit_addr(port);

    OK(guest_open(&p->guest, &at, 1, how));
    tn_group_init(&p->group, TN_KEEP_GOING);
    OK(tn_go(&p->group, stay, p));
}

static inline void
await_in(struct person *p)
{
    int ins = p->ins;

    for (int i = 0; i < 1000 && p->ins == ins && !p->over; i++) {
        OK(tn_sleep(20 * TN_MS));
    }
}

static inline void
enter(struct person *p, const char *name)
{
    struct guest_opts how = opts_of(p, name);

    memset(p, 0, sizeof(*p));
    go(p, &how, PORT);
    await_in(p);
    EQ(p->ins, 1);
}

static inline void
end(struct person *p)
{
    tn_group_cancel(&p->group);
    (void)tn_group_wait(&p->group);
    guest_free(p->guest);
    p->guest = NULL;
}

static inline uint64_t
say(struct person *p, enum guest_how how, const char *text, const char *to)
{
    const struct guest_words words = {
        .how = how, .text = text, .len = strlen(text), .to = to};
    uint64_t mark;

    OK(guest_say(p->guest, &words, &mark));
    OK(guest_drain(p->guest));
    return mark;
}

/* Long enough for all that was said to arrive. */
static inline void
settle(void)
{
    OK(tn_sleep(500 * TN_MS));
}

/* --- a hub of one's own ----------------------------------------------------*/

static struct kit_hub hub;
static struct store history;
static tn_group hub_group;

static inline void
hub_open(void)
{
    kit_hub_open(&hub);
    tn_group_init(&hub_group, 0);
    kit_hub_go(&hub, &hub_group);
}

static inline void
hub_kill(void)
{
    tn_group_cancel(&hub_group);
    (void)tn_group_wait(&hub_group);
    kit_hub_close(&hub);
}

static void (*body)(void);

static inline int
root(void *arg)
{
    (void)arg;
    hub_open();
    body();
    hub_kill();
    free(history.ev);
    return 0;
}

static inline void
in_sim(void (*fn)(void), const char *code, bool keeps)
{
    const tn_sim_opts sim = {.seed = 7, .max_delay = TN_MS};
    const tn_opts o = {.backend = "sim", .sim = &sim};

    body = fn;
    kit_seed = 7;
    memset(&hub, 0, sizeof(hub));
    hub.port = kit_hub_port = PORT;
    hub.code = code;
    hub.store = keeps ? &history : NULL;
    memset(&history, 0, sizeof(history));
    snprintf(history.epoch, sizeof(history.epoch), "0123456789abcdef");
    EQ(tn_run(&o, root, NULL), 0);
}

#define SIM_TEST(id, code, keeps)                                              \
    static void in_##id(void);                                                 \
    TEST(id)                                                                   \
    {                                                                          \
        in_sim(in_##id, code, keeps);                                          \
    }                                                                          \
    static void in_##id(void)

#endif
