/*
 * The keeper on a disk that hangs, in the simulator: its patience takes no
 * time. The disk is the test's; test_room_hang.c has the real one.
 */
#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include "hub/keeper.h"
#include "test.h"

#include <stdio.h>

enum { NUMBERS = 2000 };

/* What is appended is noted; it may hang before that, or in it. */
static struct {
    bool stuck;     /* nothing is answered */
    bool begins;    /* what is appended then is begun, and written later */
    int late;       /* what that comes to */
    int pending[2]; /* the span of numbers that is under way */
    int written[NUMBERS], count, calls;
} disk;

static void
note(int first, int last)
{
    for (int n = first; n <= last; n++) {
        GE(NUMBERS, disk.count + 1);
        disk.written[disk.count++] = n;
    }
}

static int
append(void *arg, const struct room_event *evs, int n, int64_t patience)
{
    (void)arg;
    disk.calls++;
    if (disk.stuck) {
        tn_scope s;

        tn_shield(&s, patience);
        (void)tn_sleep(TN_FOREVER);
        (void)tn_scope_end(&s);
        if (disk.begins && disk.pending[0] == 0) {
            disk.pending[0] = (int)evs[0].number;
            disk.pending[1] = (int)evs[n - 1].number;
            return -EINPROGRESS;
        }
        return -EAGAIN;
    }
    for (int i = 0; i < n; i++) {
        note((int)evs[i].number, (int)evs[i].number);
    }
    return 0;
}

static bool
hangs(void *arg, int *late)
{
    (void)arg;
    *late = 0;
    if (disk.stuck) {
        return disk.pending[0] != 0;
    }
    if (disk.pending[0] != 0 && disk.late == 0) {
        note(disk.pending[0], disk.pending[1]);
    }
    *late = disk.pending[0] != 0 ? disk.late : 0;
    disk.pending[0] = 0;
    return false;
}

/* What was handed on, and told. */
static struct {
    uint64_t latest;
    int64_t at; /* when the latest was handed on */
    int told[KEEPER_ENDS + 1];
    unsigned long lost;
} seen;

static void
outlet(void *arg, const struct room_event *ev)
{
    (void)arg;
    EQ(ev->number, seen.latest + 1);
    seen.latest = ev->number;
    seen.at = tn_now();
}

static void
told(void *arg, const struct keeper_trouble *t)
{
    (void)arg;
    seen.told[t->news]++;
    seen.lost = t->lost;
}

static struct {
    room *room;
    keeper *keeper;
    room_id ann;
} t;

static void (*body)(void);

static int
root(void *arg)
{
    const struct keeper_disk how = {append, hangs, NULL};
    tn_group g;

    (void)arg;
    OK(room_new(&t.room));
    OK(room_attach(t.room, outlet, NULL));
    OK(keeper_new(&t.keeper, t.room, &how, told, NULL));
    tn_group_init(&g, 0);
    OK(tn_go(&g, keeper_run, t.keeper));
    OK(room_join(t.room, ROOM_PLAIN, "ann", 3, 0, &t.ann));
    body();
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    while (keeper_flush(t.keeper)) {
    }
    keeper_end(t.keeper);
    keeper_free(t.keeper);
    room_free(t.room);
    return 0;
}

#define SIM_TEST(id)                                                           \
    static void in_##id(void);                                                 \
    TEST(id)                                                                   \
    {                                                                          \
        const tn_opts opts = {.backend = "sim"};                               \
        body = in_##id;                                                        \
        OK(tn_run(&opts, root, NULL));                                         \
    }                                                                          \
    static void in_##id(void)

static int64_t moment; /* of the room's: nobody talks too fast */

static void
say(int count)
{
    for (int i = 0; i < count; i++) {
        moment += TN_SEC;
        OK(room_say(t.room, t.ann, "x", 1, moment));
    }
}

static void
await(uint64_t number)
{
    while (seen.latest < number) {
        OK(tn_sleep(TN_MS));
    }
}

/* Each once, and in their order; `first` to `last`. */
static void
written(int first, int last)
{
    EQ(disk.count, last - first + 1);
    for (int i = 0; i < disk.count; i++) {
        EQ(disk.written[i], first + i);
    }
}

SIM_TEST(events_are_handed_on_though_the_disk_hangs)
{
    int64_t begun;

    await(1);
    disk.stuck = disk.begins = true;
    begun = tn_now();
    say(1);
    await(2);
    GE(seen.at - begun, KEEPER_PATIENCE);
    LE(seen.at - begun, KEEPER_PATIENCE + 100 * TN_MS);
    EQ(seen.told[KEEPER_HANGS], 1);

    /* From then on nobody waits. */
    begun = tn_now();
    say(3 * KEEPER_BATCH);
    await(2 + 3 * KEEPER_BATCH);
    LE(seen.at - begun, 300 * TN_MS);
    EQ(seen.told[KEEPER_HANGS], 1);
    written(1, 1);

    disk.stuck = false;
    OK(tn_sleep(2 * KEEPER_CALM));
    EQ(seen.told[KEEPER_ANSWERS], 1);
    EQ(seen.lost, 0);
    written(1, 2 + 3 * KEEPER_BATCH);
    say(2); /* and from here on what is seen is kept */
    await(4 + 3 * KEEPER_BATCH);
    written(1, 4 + 3 * KEEPER_BATCH);
    EQ(seen.told[KEEPER_ENDS], 0);
}

SIM_TEST(what_was_not_begun_is_written_once)
{
    await(1);
    disk.stuck = true;
    say(KEEPER_BATCH);
    await(1 + KEEPER_BATCH);
    disk.stuck = false;
    OK(tn_sleep(2 * KEEPER_CALM));
    written(1, 1 + KEEPER_BATCH);
    EQ(seen.told[KEEPER_ANSWERS], 1);
}

SIM_TEST(a_disk_that_comes_and_goes_is_told_once)
{
    await(1);
    for (int i = 0; i < 20; i++) {
        disk.stuck = disk.begins = true;
        say(1);
        OK(tn_sleep(KEEPER_PATIENCE + TN_SEC));
        disk.stuck = false;
        OK(tn_sleep(KEEPER_CALM / 2));
    }
    EQ(seen.told[KEEPER_HANGS], 1);
    EQ(seen.told[KEEPER_ANSWERS], 0);
    OK(tn_sleep(KEEPER_CALM));
    EQ(seen.told[KEEPER_ANSWERS], 1);
    written(1, 21);
}

SIM_TEST(the_oldest_unwritten_is_dropped_from_the_history_alone)
{
    const int all = KEEPER_UNWRITTEN + 100;

    await(1);
    disk.stuck = disk.begins = true;
    say(1);
    await(2);
    say(all);
    await(2 + (uint64_t)all); /* the room had each */
    EQ(seen.told[KEEPER_DROPS], 1);
    disk.stuck = false;
    OK(tn_sleep(3 * KEEPER_CALM));
    EQ(seen.told[KEEPER_ANSWERS], 1);
    EQ(seen.lost, 100);
    EQ(disk.count, 2 + KEEPER_UNWRITTEN);
    for (int i = 0; i < KEEPER_UNWRITTEN; i++) {
        EQ(disk.written[2 + i], 103 + i);
    }
}

SIM_TEST(what_hung_and_failed_is_told)
{
    await(1);
    disk.stuck = disk.begins = true;
    say(1);
    await(2);
    disk.late = -EIO;
    disk.stuck = false;
    OK(tn_sleep(2 * KEEPER_CALM));
    EQ(seen.told[KEEPER_FAILS], 1);
    EQ(seen.told[KEEPER_ANSWERS], 1);
    say(1);
    await(3);
    EQ(seen.told[KEEPER_WORKS], 1);
    EQ(seen.lost, 1);
    EQ(disk.count, 2);
}

/* The end on a disk that hangs: bounded, and what is lost is told. */
static void
in_end(void)
{
    await(1);
    disk.stuck = disk.begins = true;
    say(1);
    await(2);
    say(5);
    await(7);
}

TEST(the_end_is_bounded_though_the_disk_hangs)
{
    const tn_opts opts = {.backend = "sim"};

    body = in_end;
    OK(tn_run(&opts, root, NULL));
    EQ(seen.told[KEEPER_ENDS], 1);
    EQ(seen.lost, 6);
    written(1, 1);
}

/* It comes back in time for the end. */
static void
in_good_end(void)
{
    in_end();
    disk.stuck = false;
}

TEST(the_end_writes_what_is_left)
{
    const tn_opts opts = {.backend = "sim"};

    body = in_good_end;
    OK(tn_run(&opts, root, NULL));
    EQ(seen.told[KEEPER_ENDS], 0);
    EQ(disk.count, 7);
}
