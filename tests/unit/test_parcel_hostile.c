/*
 * test_parcel_hostile.c - a good session with something broken in it, from
 * either side: whatever comes, only what was sent gets a name, nothing leaves
 * the folder, and it ends.
 */
#include <tenon/err.h>

#include "parcel/lane.h"
#include "parcel_kit.h"

#include <ftw.h>
#include <stdio.h>

enum {
    SIZE = 2 * KIT_BLOCK + 100,
    TAPE = 8 * KIT_BLOCK,
    SEEDS = 400,
};

static uint8_t tape[2][TAPE], copy[TAPE];
static size_t tape_len[2];
static uint32_t state;

static uint32_t
any(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)state * below) >> 32);
}

/* ---- the good session, kept on a tape ---- */

/* Something to compare, something new, something nested. */
static void
prepare(void)
{
    kit_path("src", true);
    kit_path("src/sub", true);
    kit_write(kit_path("src/a", false), SIZE, 1);
    kit_write(kit_path("src/sub/b", false), 300, 2);
    kit_write(kit_path("src/c", false), KIT_BLOCK, 3);
}

static void
place_old(void)
{
    kit_path("dst", true);
    kit_path("dst/src", true);
    kit_write(kit_path("dst/src/a", false), SIZE, 1);
    kit_write(kit_path("dst/src/.c.tenon-part", false), KIT_BLOCK, 4);
}

static int
one_removed(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void
clean(void)
{
    (void)nftw(kit_path("dst", false), one_removed, 16, FTW_DEPTH | FTW_PHYS);
}

static int
record(void *arg)
{
    struct kit k = {.path = kit_path("src", false),
                    .dir = kit_path("dst", false),
                    .tape = {tape[0], tape[1]},
                    .tape_cap = TAPE};

    (void)arg;
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    EQ(k.recv.skipped, 1);
    EQ(k.recv.done, 4);
    tape_len[0] = k.tape_len[0];
    tape_len[1] = k.tape_len[1];
    return 0;
}

/* ---- what is broken ---- */

static size_t
frame_at(const uint8_t *t, size_t len, uint32_t number)
{
    size_t at = 32; /* behind the greeting */

    while (number-- > 0 && at + 5 <= len) {
        size_t n = (size_t)t[at + 1] << 24 | (size_t)t[at + 2] << 16 |
                   (size_t)t[at + 3] << 8 | t[at + 4];

        at += 5 + n;
    }
    return at < len ? at : 32;
}

static size_t
broken(int side)
{
    size_t len = tape_len[side], at;

    memcpy(copy, tape[side], len);
    for (uint32_t i = 1 + any(3); i > 0; i--) {
        at = frame_at(copy, len, any(40));
        switch (any(6)) {
        case 0: /* a bit anywhere */
            copy[any((uint32_t)len)] ^= (uint8_t)(1u << any(8));
            break;
        case 1: /* the type of a frame */
            copy[at] = (uint8_t)any(20);
            break;
        case 2: /* its length */
            copy[at + 1 + any(4)] = (uint8_t)any(256);
            break;
        case 3: /* what is in it */
            at += 5 + any(30);
            if (at < len) {
                copy[at] = (uint8_t)any(256);
            }
            break;
        case 4: /* it is not there */
            memmove(copy + 32, copy + at, len - at);
            len -= at - 32;
            break;
        default: /* the end */
            len = at + any((uint32_t)(len - at));
        }
        if (len < 40) {
            return len;
        }
    }
    return len;
}

struct player {
    tn_sock *sock;
    size_t len;
};

static int
play(void *arg)
{
    struct player *p = arg;

    (void)!tn_sendall(p->sock, copy, p->len, NULL);
    (void)tn_shutdown(p->sock, SHUT_WR);
    return 0;
}

static int
drain(void *arg)
{
    static char buf[64 << 10];
    struct player *p = arg;

    while (tn_recv(p->sock, buf, sizeof(buf), 0) > 0) {
    }
    return 0;
}

/* ---- what must be so afterwards ---- */

static bool
is_part(const char *name)
{
    size_t n = strlen(name), m = strlen(".tenon-part");

    return n > m && strcmp(name + n - m, ".tenon-part") == 0;
}

static int
one_looked_at(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    CHECK(kind == FTW_F || kind == FTW_D || kind == FTW_DP);
    if (kind == FTW_F && !is_part(path + at->base)) {
        CHECK(kit_same(path, kit_path("src/a", false)) ||
              kit_same(path, kit_path("src/sub/b", false)) ||
              kit_same(path, kit_path("src/c", false)));
    }
    return 0;
}

static int entries;

static int
one_counted(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)path;
    (void)st;
    (void)kind;
    entries += at->level == 1;
    return 0;
}

/* In the test's folder there is the source and the target, nothing else. */
static void
look(void)
{
    (void)nftw(kit_path("dst", false), one_looked_at, 16, FTW_PHYS);
    entries = 0;
    (void)nftw(test_dir(), one_counted, 16, FTW_PHYS);
    EQ(entries, 2);
}

/* ---- the two sides ---- */

static int
hostile_sender(void *arg)
{
    int seeds = SEEDS * (test_slow() ? 50 : 1) / (test_scale() > 1 ? 4 : 1);

    (void)arg;
    for (int seed = 0; seed < seeds; seed++) {
        struct kit k = {.dir = kit_path("dst", false)};
        struct player p;
        tn_group g;

        state = (uint32_t)seed * 2654435761u;
        clean();
        place_old();
        OK(tn_socketpair(&k.wire[2], AF_UNIX, SOCK_STREAM, 0));
        p.sock = k.wire[2];
        p.len = broken(0);
        tn_group_init(&g, 0);
        OK(tn_go(&g, play, &p));
        OK(tn_go(&g, drain, &p));
        OK(tn_go(&g, kit_receive, &k));
        OK(tn_group_wait(&g));
        (void)tn_close(k.wire[2]);
        look();
    }
    return 0;
}

TEST_TIMEOUT(a_sender_that_makes_no_sense, 60)
{
    prepare();
    place_old();
    kit_main(record);
    kit_main(hostile_sender);
}

static int
hostile_receiver(void *arg)
{
    int seeds = SEEDS * (test_slow() ? 50 : 1) / (test_scale() > 1 ? 4 : 1);

    (void)arg;
    for (int seed = 0; seed < seeds; seed++) {
        struct kit k = {.path = kit_path("src", false)};
        struct player p;
        tn_group g;

        state = (uint32_t)seed * 2654435761u;
        OK(tn_socketpair(&k.wire[0], AF_UNIX, SOCK_STREAM, 0));
        p.sock = k.wire[1];
        p.len = broken(1);
        tn_group_init(&g, 0);
        OK(tn_go(&g, play, &p));
        OK(tn_go(&g, drain, &p));
        OK(tn_go(&g, kit_send, &k));
        OK(tn_group_wait(&g));
        (void)tn_close(k.wire[1]);
    }
    look();
    return 0;
}

TEST_TIMEOUT(a_receiver_that_makes_no_sense, 60)
{
    prepare();
    place_old();
    kit_main(record);
    kit_main(hostile_receiver);
}

/* ---- time ---- */

static int
slow_ask(void *arg, const struct parcel_ask *ask)
{
    (void)arg;
    (void)ask;
    return tn_sleep(30 * TN_MIN);
}

static int
patient(void *arg)
{
    struct kit k = {.path = kit_path("src", false),
                    .dir = kit_path("dst", false),
                    .ask = slow_ask};

    (void)arg;
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    return 0;
}

static int
silent(void *arg)
{
    struct kit k = {.dir = kit_path("dst", false)};
    int64_t began = tn_now();
    tn_sock *pair[2];

    (void)arg;
    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    k.wire[3] = pair[0];
    (void)kit_receive(&k);
    EQ(k.received, -ETIME);
    LE(tn_now() - began, PARCEL_GREETING + TN_SEC);
    (void)tn_close(pair[1]);
    /* A greeting, and nothing behind it. */
    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    k.wire[3] = pair[0];
    began = tn_now();
    EQ(tn_sendall(pair[1], tape[0], 32, NULL), 32);
    (void)kit_receive(&k);
    EQ(k.received, -ETIME);
    LE(tn_now() - began, PARCEL_SILENCE + TN_SEC + PARCEL_GREETING);
    (void)tn_close(pair[1]);
    return 0;
}

TEST(a_person_may_think_and_a_peer_may_not_be_silent)
{
    tn_opts opts = {.backend = "sim"};

    prepare();
    place_old();
    kit_main(record);
    clean();
    place_old();
    EQ(tn_run(&opts, patient, NULL), 0);
    EQ(tn_run(&opts, silent, NULL), 0);
}

/* ---- a disk that takes its time ---- */

enum { FRAMES = 40 };

struct ends {
    struct lane a, b;
    tn_group group;
};

static int
listen_only(void *arg)
{
    struct ends *e = arg;
    struct frame f;

    return lane_get(&e->a, &f) < 0 ? 0 : -EPROTO;
}

static int
take_late(void *arg)
{
    struct ends *e = arg;
    struct frame f;

    if (tn_sleep(15 * TN_MIN) < 0) {
        return 0; /* the other one gave us up */
    }
    for (int i = 0; i < FRAMES; i++) {
        EQ(lane_get(&e->b, &f), 1);
        EQ(f.n, KIT_BLOCK);
    }
    tn_group_cancel(&e->group);
    return 0;
}

static int
busy_disk(void *arg)
{
    static struct ends e;
    static uint8_t block[KIT_BLOCK];
    static char reason[PARCEL_REASON + 1];
    bool speaks = *(bool *)arg;
    tn_sock *pair[2];
    int64_t began = tn_now();
    int err = 0;

    OK(tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_settimeout(pair[0], PARCEL_SILENCE));
    OK(tn_settimeout(pair[1], PARCEL_SILENCE));
    OK(lane_init(&e.a, pair[0], reason));
    OK(lane_init(&e.b, pair[1], reason));
    tn_group_init(&e.group, 0);
    OK(tn_go(&e.group, listen_only, &e));
    OK(tn_go(&e.group, take_late, &e));
    if (speaks) {
        OK(tn_go(&e.group, lane_pulse, &e.b));
    }
    for (int i = 0; i < FRAMES && err == 0; i++) {
        err = lane_put(&e.a, WIRE_DATA, block, sizeof(block));
        err = err < 0 ? err : lane_flush(&e.a);
    }
    EQ(err, speaks ? 0 : -ETIME);
    if (!speaks) {
        LE(tn_now() - began, 2 * PARCEL_SILENCE);
        tn_group_cancel(&e.group);
    }
    (void)tn_group_wait(&e.group);
    lane_fini(&e.a);
    lane_fini(&e.b);
    (void)tn_close(pair[0]);
    (void)tn_close(pair[1]);
    return 0;
}

TEST(a_peer_that_waits_for_its_disk_is_waited_for)
{
    tn_opts opts = {.backend = "sim"};
    bool speaks = true;

    EQ(tn_run(&opts, busy_disk, &speaks), 0);
    speaks = false;
    EQ(tn_run(&opts, busy_disk, &speaks), 0);
}
