/*
 * test_parcel_session.c - a sender and a receiver, and what comes between them.
 */
#include <tenon/err.h>

#include "parcel_kit.h"

#include <sys/time.h>

enum { BLOCKS = 20, SIZE = BLOCKS * KIT_BLOCK + 1000, CUTS = 50 };

/* ---- whole ---- */

static int
folder(void *arg)
{
    struct kit k = {.path = kit_path("src", true),
                    .dir = kit_path("dst", true)};

    (void)arg;
    kit_path("src/a", true);
    kit_path("src/none", true);
    kit_write(kit_path("src/a/big", false), SIZE, 1);
    kit_write(kit_path("src/a/empty", false), 0, 2);
    kit_write(kit_path("src/a/block", false), KIT_BLOCK, 3);
    kit_write(kit_path("src/a/new\nline \xff\xfe", false), 17, 4);
    CHECK(symlink("/etc/passwd", kit_path("src/link", false)) == 0);
    EQ(chmod(kit_path("src/a/block", false), 0700), 0);
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    EQ(k.recv.done, 7);
    EQ(k.send.done, 7);
    EQ(k.send.moved, SIZE + KIT_BLOCK + 17);
    EQ(k.recv.moved, SIZE + KIT_BLOCK + 17);
    CHECK(kit_same(kit_path("src/a/big", false),
                   kit_path("dst/src/a/big", false)));
    CHECK(kit_same(kit_path("src/a/empty", false),
                   kit_path("dst/src/a/empty", false)));
    CHECK(kit_same(kit_path("src/a/block", false),
                   kit_path("dst/src/a/block", false)));
    CHECK(kit_same(kit_path("src/a/new\nline \xff\xfe", false),
                   kit_path("dst/src/a/new\nline \xff\xfe", false)));
    CHECK(kit_is_there(kit_path("dst/src/none", false)));
    CHECK(!kit_is_there(kit_path("dst/src/link", false)));
    CHECK(!kit_is_there(kit_path("dst/src/a/.big.tenon-part", false)));
    return 0;
}

TEST(a_folder_arrives_whole)
{
    struct stat a, b;

    kit_main(folder);
    EQ(stat(kit_path("src/a/block", false), &a), 0);
    EQ(stat(kit_path("dst/src/a/block", false), &b), 0);
    EQ(a.st_mtim.tv_sec, b.st_mtim.tv_sec);
    EQ(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
    EQ(b.st_mode & 0777, 0700);
    EQ(stat(kit_path("src/a", false), &a), 0);
    EQ(stat(kit_path("dst/src/a", false), &b), 0);
    EQ(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
}

static int
again(void *arg)
{
    struct kit k = {.path = kit_path("f", false), .dir = kit_path("dst", true)};
    struct stat before, after;

    (void)arg;
    kit_write(k.path, SIZE, 1);
    kit_run(&k);
    EQ(k.send.done, 1);
    EQ(stat(kit_path("dst/f", false), &before), 0);
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.send.moved, 0);
    EQ(k.send.kept, SIZE);
    EQ(k.send.skipped, 1);
    EQ(k.recv.skipped, 1);
    EQ(stat(kit_path("dst/f", false), &after), 0);
    EQ(before.st_ino, after.st_ino);
    /* Another time, the same bytes: still nothing to send. */
    EQ(utimes(k.path, (struct timeval[2]){{1, 0}, {1000000000, 0}}), 0);
    kit_run(&k);
    EQ(k.send.moved, 0);
    EQ(k.send.skipped, 1);
    return 0;
}

TEST(the_same_bytes_are_not_sent_again)
{
    kit_main(again);
}

static const struct test_param policies[] = {
    {.name = "rename", .value = {PARCEL_RENAME}},
    {.name = "skip", .value = {PARCEL_SKIP}},
    {.name = "overwrite", .value = {PARCEL_OVERWRITE}},
};
static enum parcel_policy policy;

static int
taken(void *arg)
{
    struct kit k = {.path = kit_path("f.txt", false),
                    .dir = kit_path("dst", true),
                    .policy = policy};
    const char *there = kit_path("dst/f.txt", false);
    const char *copy = kit_path("dst/f (1).txt", false);

    (void)arg;
    kit_write(k.path, SIZE, 1);
    kit_write(there, SIZE, 1);
    kit_write(kit_path("old", false), SIZE, 1);
    for (const char *p = there; p;
         p = p == there ? kit_path("old", false) : 0) {
        int fd = open(p, O_WRONLY | O_CLOEXEC);

        EQ(pwrite(fd, "changed", 7, 5 * KIT_BLOCK), 7);
        /* Written in one tick of the clock it would look like the same. */
        EQ(futimens(fd, (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}), 0);
        close(fd);
    }
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    if (policy == PARCEL_SKIP) {
        EQ(k.send.skipped, 1);
        CHECK(kit_same(there, kit_path("old", false)));
    } else if (policy == PARCEL_RENAME) {
        EQ(k.send.done, 1);
        CHECK(kit_same(there, kit_path("old", false)));
        CHECK(kit_same(copy, k.path));
    } else {
        EQ(k.send.moved, KIT_BLOCK); /* the rest was there */
        CHECK(kit_same(there, k.path));
    }
    EQ(kit_is_there(copy), policy == PARCEL_RENAME);
    /* Whoever did not hear that it went well tries again, and has no third. */
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.send.moved, 0);
    CHECK(!kit_is_there(kit_path("dst/f (2).txt", false)));
    return 0;
}

TEST_EACH(a_name_that_is_taken, policies)
{
    policy = (enum parcel_policy)p->value[0];
    kit_main(taken);
}

/* ---- as the document shows it ---- */

static uint8_t tape[2][4096];
static size_t tape_len[2];

static int
taped(void *arg)
{
    struct kit k = {.path = kit_path("a.txt", false),
                    .dir = kit_path("dst", true),
                    .tape = {tape[0], tape[1]},
                    .tape_cap = sizeof(tape[0])};
    int fd = open(k.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    (void)arg;
    EQ(write(fd, "abc", 3), 3);
    EQ(fchmod(fd, 0644), 0);
    EQ(futimens(fd, (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}), 0);
    close(fd);
    kit_run(&k);
    EQ(k.sent, 0);
    memcpy(tape_len, k.tape_len, sizeof(tape_len));
    return 0;
}

/* docs/wire/transfer.md, "An example". */
TEST(the_bytes_are_those_of_the_document)
{
    static const char there[] =
        "\x01\0\0\0\x06sender"
        "\x02\0\0\0\x22\0\x01\xa4\0\0\0\0\0\0\0\x03"
        "\0\0\0\0\0\0\0\x03\0\0\0\0\x3b\x9a\xca\0\0\x05"
        "a.txt"
        "\x03\0\0\0\x10\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x03"
        "\x07\0\0\0\x16\0\0\0\0\x01\xa4\0\0\0\0\0\0\0\x03"
        "\0\0\0\0\x3b\x9a\xca\0"
        "\x08\0\0\0\x03"
        "abc"
        "\x0b\0\0\0\x19\0\0\0\0\0\0\0\0\x03"
        "\x06\xb0\x5a\xb6\x73\x3a\x61\x85\x78\xaf\x5f\x94\x89\x2f\x39\x50"
        "\x0c\0\0\0\0";
    static const char back[] = "\x01\0\0\0\x08receiver"
                               "\x04\0\0\0\x01\x01"
                               "\x0e\0\0\0\x0d\0\0\0\0\0\0\0\x05"
                               "a.txt"
                               "\x0f\0\0\0\x0c\0\0\0\x01\0\0\0\0\0\0\0\0";

    kit_main(taped);
    EQ(tape_len[0], 32 + sizeof(there) - 1);
    MEMEQ(tape[0], "\x89TNP\r\n\x1a\n\x01\x01\0\0\0\0\0\0", 16);
    MEMEQ(tape[0] + 32, there, sizeof(there) - 1);
    EQ(tape_len[1], 32 + sizeof(back) - 1);
    MEMEQ(tape[1], "\x89TNP\r\n\x1a\n\x01\x02\0\0\0\0\0\0", 16);
    MEMEQ(tape[1] + 32, back, sizeof(back) - 1);
}

/* ---- cut ---- */

static int
cut(void *arg)
{
    struct kit k = {.path = kit_path("f", false), .dir = kit_path("dst", true)};
    int64_t all;

    (void)arg;
    kit_write(k.path, SIZE, 1);
    kit_run(&k);
    all = k.carried;
    for (int i = 1; i < CUTS; i++) {
        int64_t first;

        EQ(unlink(kit_path("dst/f", false)), 0);
        k.cut = all * i / CUTS;
        kit_run(&k);
        CHECK(k.sent < 0 && k.received < 0);
        CHECK(!kit_is_there(kit_path("dst/f", false)));
        first = k.carried;
        k.cut = 0;
        kit_run(&k);
        EQ(k.sent, 0);
        EQ(k.received, 0);
        EQ(k.send.moved + k.send.kept, SIZE);
        /* What arrived as a whole block is not sent again. */
        GE(k.send.kept, first - 2 * KIT_BLOCK);
        CHECK(kit_same(k.path, kit_path("dst/f", false)));
        CHECK(!kit_is_there(kit_path("dst/.f.tenon-part", false)));
    }
    return 0;
}

TEST_TIMEOUT(a_cut_anywhere_goes_on_where_it_was, 60)
{
    kit_main(cut);
}

static int
cut_code(void *arg)
{
    struct kit k = {.path = kit_path("f", false),
                    .dir = kit_path("dst", true),
                    .send_code = "123456",
                    .recv_code = "123456"};
    int64_t all;

    (void)arg;
    kit_write(k.path, SIZE, 1);
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    all = k.carried;
    for (int i = 1; i < 10; i++) {
        EQ(unlink(kit_path("dst/f", false)), 0);
        k.cut = all * i / 10;
        kit_run(&k);
        CHECK(k.sent < 0 && k.received < 0);
        CHECK(!kit_is_there(kit_path("dst/f", false)));
        k.cut = 0;
        kit_run(&k);
        EQ(k.sent, 0);
        CHECK(kit_same(k.path, kit_path("dst/f", false)));
    }
    return 0;
}

TEST_TIMEOUT(a_cut_behind_a_code, 60)
{
    kit_main(cut_code);
}

static int
changed_between(void *arg)
{
    struct kit k = {.path = kit_path("f", false), .dir = kit_path("dst", true)};
    int fd;

    (void)arg;
    kit_write(k.path, SIZE, 1);
    k.cut = 15 * KIT_BLOCK;
    kit_run(&k);
    CHECK(k.sent < 0);
    fd = open(k.path, O_WRONLY | O_CLOEXEC);
    EQ(pwrite(fd, "changed", 7, 5 * KIT_BLOCK + 100), 7);
    EQ(ftruncate(fd, SIZE - KIT_BLOCK), 0);
    close(fd);
    k.cut = 0;
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    GE(k.send.kept, 12 * KIT_BLOCK);
    CHECK(kit_same(k.path, kit_path("dst/f", false)));
    return 0;
}

TEST(a_file_that_changed_between_two_tries)
{
    kit_main(changed_between);
}

/* ---- changes while it is sent ---- */

static const struct test_param changes[] = {
    {.name = "truncated", .value = {0}}, {.name = "written", .value = {1}},
    {.name = "grown", .value = {2}},     {.name = "mode", .value = {3}},
    {.name = "replaced", .value = {4}},  {.name = "removed", .value = {5}},
};
static int change;

/* At the first word about the big file, which is half-way at most. */
static void
disturb(void *arg, const struct parcel_event *ev)
{
    const char *path = kit_path("src/f", false);
    int fd;

    (void)arg;
    if (ev->what != PARCEL_BEGIN || strcmp(ev->item->path, "src/f") != 0) {
        return;
    }
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (change == 0) {
        EQ(ftruncate(fd, SIZE / 2), 0);
    } else if (change == 1) {
        EQ(pwrite(fd, "changed", 7, 19 * KIT_BLOCK), 7);
    } else if (change == 2) {
        EQ(pwrite(fd, "more", 4, SIZE), 4);
    } else if (change == 3) {
        EQ(fchmod(fd, 0600), 0);
    } else if (change == 4) {
        kit_write(kit_path("other", false), SIZE, 9);
        EQ(rename(kit_path("other", false), path), 0);
    } else {
        EQ(unlink(path), 0);
    }
    close(fd);
}

static int
disturbed(void *arg)
{
    struct kit k = {.path = kit_path("src", true),
                    .dir = kit_path("dst", true),
                    .send_told = disturb};

    (void)arg;
    kit_write(kit_path("src/f", false), SIZE, 1);
    kit_write(kit_path("src/other", false), 1000, 2);
    kit_write(kit_path("copy", false), SIZE, 1);
    kit_run(&k);
    CHECK(kit_same(kit_path("src/other", false),
                   kit_path("dst/src/other", false)));
    if (change >= 3) { /* what was opened is what is sent, whole */
        EQ(k.sent, 0);
        CHECK(kit_same(kit_path("copy", false), kit_path("dst/src/f", false)));
        return 0;
    }
    EQ(k.sent, -ESTALE);
    EQ(k.received, -EIO);
    EQ(k.send.failed, 1);
    EQ(k.recv.failed, 1);
    CHECK(!kit_is_there(kit_path("dst/src/f", false)));
    k.send_told = NULL;
    kit_run(&k);
    EQ(k.sent, 0);
    CHECK(kit_same(kit_path("src/f", false), kit_path("dst/src/f", false)));
    return 0;
}

TEST_EACH(a_file_that_changes_while_it_is_sent, changes)
{
    change = p->value[0];
    kit_main(disturbed);
}

/* ---- holes ---- */

static int
sparse(void *arg)
{
    struct kit k = {.path = kit_path("f", false), .dir = kit_path("dst", true)};
    const char *there = kit_path("dst/f", false);
    int64_t size = (INT64_C(100) << 30) + 12345;
    struct stat st;
    int fd = open(k.path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    char buf[8] = "";

    (void)arg;
    EQ(ftruncate(fd, size), 0);
    EQ(pwrite(fd, "middle", 6, INT64_C(70) << 30), 6);
    EQ(pwrite(fd, "end", 3, size - 3), 3);
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    LE(k.send.moved, 3 * KIT_BLOCK);
    EQ(stat(there, &st), 0);
    EQ(st.st_size, size);
    LE(st.st_blocks, 3 * KIT_BLOCK / 512);
    close(fd);
    fd = open(there, O_RDONLY | O_CLOEXEC);
    EQ(pread(fd, buf, 6, INT64_C(70) << 30), 6);
    STREQ(buf, "middle");
    close(fd);
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.send.skipped, 1);
    return 0;
}

TEST_TIMEOUT(a_hole_of_100_gb_takes_no_time, 20)
{
    kit_main(sparse);
}

/* A hole where the part, or the file that is overwritten, has something. */
static int
hole_over(void *arg)
{
    struct kit k = {.path = kit_path("f", false),
                    .dir = kit_path("dst", true),
                    .policy = PARCEL_OVERWRITE};
    int fd;

    (void)arg;
    for (int i = 0; i < 2; i++) {
        kit_write(k.path, SIZE, 1);
        k.cut = i == 0 ? 12 * KIT_BLOCK : 0;
        kit_run(&k);
        fd = open(k.path, O_RDWR | O_CLOEXEC);
        EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     2 * KIT_BLOCK, 4 * KIT_BLOCK),
           0);
        close(fd);
        k.cut = 0;
        kit_run(&k);
        EQ(k.sent, 0);
        EQ(k.received, 0);
        CHECK(kit_same(k.path, kit_path("dst/f", false)));
    }
    return 0;
}

TEST(a_hole_goes_over_what_was_there)
{
    kit_main(hole_over);
}

/* ---- who says no ---- */

static int
refuse_all(void *arg, const struct parcel_ask *ask)
{
    (void)arg;
    STREQ(ask->who, "sender");
    EQ(ask->sum->files, 3);
    return -EACCES;
}

static int
refuse_some(void *arg, const struct parcel_ask *ask)
{
    (void)arg;
    for (uint32_t i = 0; i < ask->sum->files + ask->sum->folders; i++) {
        ask->take[i] = strcmp(ask->items[i].path, "src/b") != 0;
    }
    return 0;
}

static int
refused(void *arg)
{
    struct kit k = {.path = kit_path("src", true),
                    .dir = kit_path("dst", true),
                    .ask = refuse_all};

    (void)arg;
    kit_write(kit_path("src/a", false), 1000, 1);
    kit_write(kit_path("src/b", false), 1000, 2);
    kit_write(kit_path("src/c", false), 1000, 3);
    kit_run(&k);
    EQ(k.sent, -EACCES);
    EQ(k.received, -EACCES);
    STREQ(k.send.reason, "the receiver refused it");
    CHECK(!kit_is_there(kit_path("dst/src", false)));
    k.ask = refuse_some;
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    EQ(k.send.skipped, 1);
    CHECK(kit_is_there(kit_path("dst/src/a", false)));
    CHECK(!kit_is_there(kit_path("dst/src/b", false)));
    k.max_bytes = 2999;
    kit_run(&k);
    EQ(k.sent, -EFBIG);
    EQ(k.received, -EFBIG);
    return 0;
}

TEST(all_or_some_of_it_is_refused)
{
    kit_main(refused);
}

static int
codes(void *arg)
{
    struct kit k = {.path = kit_path("f", false),
                    .dir = kit_path("dst", true),
                    .send_code = "right",
                    .recv_code = "wrong"};

    (void)arg;
    kit_write(k.path, 1000, 1);
    kit_run(&k);
    EQ(k.sent, TN_ECERT);
    EQ(k.received, TN_ECERT);
    k.recv_code = NULL;
    kit_run(&k);
    EQ(k.sent, -EPROTONOSUPPORT);
    EQ(k.received, -EPROTONOSUPPORT);
    k.recv_code = "right";
    k.send_code = NULL;
    kit_run(&k);
    EQ(k.sent, -EPROTONOSUPPORT);
    EQ(k.received, -EPROTONOSUPPORT);
    CHECK(!kit_is_there(kit_path("dst/f", false)));
    k.send_code = "right";
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    return 0;
}

TEST(a_code_has_to_be_the_same)
{
    kit_main(codes);
}

/* Somebody on the way changes one bit of the greeting or of a share. */
static int
changed_on_the_way(void *arg)
{
    struct kit k = {.path = kit_path("f", false),
                    .dir = kit_path("dst", true),
                    .send_code = "right",
                    .recv_code = "right"};

    (void)arg;
    kit_write(k.path, 1000, 1);
    for (k.flip = 1; k.flip <= 32 + 32; k.flip++) {
        kit_run(&k);
        if (k.flip ==
            12) { /* the flag itself: it looks as if there were none */
            EQ(k.received, -EPROTONOSUPPORT);
        } else if (k.flip > 12 && k.flip <= 32) {
            EQ(k.received, TN_ECERT);
            EQ(k.sent, TN_ECERT);
        }
        CHECK(k.received < 0);
        CHECK(k.sent < 0);
    }
    CHECK(!kit_is_there(kit_path("dst/f", false)));
    return 0;
}

TEST(nobody_on_the_way_takes_the_code_away)
{
    kit_main(changed_on_the_way);
}
