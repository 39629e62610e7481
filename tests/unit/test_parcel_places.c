/*
 * test_parcel_places.c - where it comes from and goes to: links and locks in
 * the way, streams, a descriptor, very many files.
 */
#include <tenon/err.h>

#include "parcel_kit.h"

#include <sys/file.h>

enum { SIZE = 20 * KIT_BLOCK + 1000 };

/* ---- in the way ---- */

static int
in_the_way(void *arg)
{
    struct kit k = {.path = kit_path("src", true),
                    .dir = kit_path("dst", true)};
    int fd;

    (void)arg;
    kit_path("outside", true);
    kit_path("src/sub", true);
    kit_write(kit_path("src/sub/a", false), 1000, 1);
    kit_write(kit_path("src/b", false), 1000, 2);
    kit_path("dst/src", true);
    CHECK(symlink("../../outside", kit_path("dst/src/sub", false)) == 0);
    fd = open(kit_path("dst/src/.b.tenon-part", false),
              O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EQ(flock(fd, LOCK_EX), 0);
    kit_run(&k);
    EQ(k.sent, -EIO);
    EQ(k.received, -EIO);
    EQ(k.send.failed, 3); /* the link, what is below it, the locked part */
    CHECK(!kit_is_there(kit_path("outside/a", false)));
    CHECK(!kit_is_there(kit_path("dst/src/b", false)));
    close(fd);
    EQ(unlink(kit_path("dst/src/sub", false)), 0);
    kit_run(&k);
    EQ(k.sent, 0);
    CHECK(kit_is_there(kit_path("dst/src/sub/a", false)));
    return 0;
}

TEST(links_and_locks_are_in_the_way)
{
    kit_main(in_the_way);
}

/* A part that another user has put there: he has it open, and would read what
   comes, and change it when it has its name. */
static int
laid_out(void *arg)
{
    struct kit k = {.path = kit_path("src", true),
                    .dir = kit_path("dst", true)};
    const char *part = kit_path("dst/src/.b.tenon-part", false);

    (void)arg;
    kit_write(kit_path("src/b", false), 1000, 2);
    kit_path("dst/src", true);
    kit_write(part, 1000, 3);
    EQ(chmod(part, 0666), 0);
    EQ(chown(part, 4711, (gid_t)-1), 0);
    kit_run(&k);
    EQ(k.received, -EIO);
    EQ(k.recv.failed, 1);
    CHECK(!kit_is_there(kit_path("dst/src/b", false)));
    /* Whose the folder is, could do all that anyway; and some file systems
       have one owner for all. */
    EQ(chown(kit_path("dst/src", false), 4711, (gid_t)-1), 0);
    kit_run(&k);
    EQ(k.received, 0);
    CHECK(kit_is_there(kit_path("dst/src/b", false)));
    return 0;
}

TEST(a_part_of_another_owner_is_a_trap)
{
    if (geteuid() != 0) {
        SKIP("needs root, to be somebody else");
    }
    kit_main(laid_out);
}

/* ---- streams ---- */

static int
feed(void *arg)
{
    int fd = *(int *)arg;
    tn_sock *sock;
    static char piece[100000];

    OK(tn_wrap(&sock, fd));
    memset(piece, 'x', sizeof(piece));
    for (int i = 0; i < 20; i++) {
        EQ(tn_sendall(sock, piece, sizeof(piece), NULL), sizeof(piece));
    }
    (void)tn_close(sock);
    close(fd);
    return 0;
}

static int
stream(void *arg)
{
    struct kit k = {.dir = kit_path("dst", true)};
    int ends[2];
    tn_group g;
    struct stat st;

    (void)arg;
    EQ(pipe2(ends, O_CLOEXEC), 0);
    OK(parcel_new(&k.parcel));
    OK(parcel_add_fd(k.parcel, ends[0], "stream"));
    tn_group_init(&g, 0);
    OK(tn_go(&g, feed, &ends[1]));
    kit_run(&k);
    OK(tn_group_wait(&g));
    EQ(k.sent, 0);
    EQ(k.received, 0);
    EQ(stat(kit_path("dst/stream", false), &st), 0);
    EQ(st.st_size, 2000000);
    kit_run(&k);
    EQ(k.sent, -ESTALE); /* what it gave is gone */
    parcel_free(k.parcel);
    close(ends[0]);
    return 0;
}

TEST(a_stream_has_no_size)
{
    kit_main(stream);
}

static int
out(void *arg)
{
    struct kit k = {.path = kit_path("src", true)};
    const char *all = kit_path("all", false);
    struct stat st;

    (void)arg;
    kit_write(kit_path("src/a", false), SIZE, 1);
    kit_write(kit_path("src/b", false), 5, 2);
    k.out = open(all, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    EQ(stat(all, &st), 0);
    EQ(st.st_size, SIZE + 5);
    close(k.out);
    return 0;
}

TEST(all_files_go_to_a_descriptor)
{
    kit_main(out);
}

/* ---- many ---- */

static int
many(void *arg)
{
    int folders = test_slow() ? 100 : 4, files = test_slow() ? 1000 : 300;
    struct kit k = {.path = kit_path("src", true),
                    .dir = kit_path("dst", true)};
    char path[600];
    int64_t began;

    (void)arg;
    for (int d = 0; d < folders; d++) {
        (void)snprintf(path, sizeof(path), "%s/%d", k.path, d);
        EQ(mkdir(path, 0777), 0);
        for (int i = 0; i < files; i++) {
            (void)snprintf(path, sizeof(path), "%s/%d/%d", k.path, d, i);
            int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

            EQ(write(fd, path, (size_t)i % 300), i % 300);
            close(fd);
        }
    }
    began = tn_now();
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    EQ(k.send.done, folders * files + folders + 1);
    LE(tn_now() - began, 100 * TN_SEC);
    kit_run(&k); /* and once more, when all of it is there */
    EQ(k.sent, 0);
    EQ(k.send.moved, 0);
    EQ(k.recv.failed, 0);
    return 0;
}

TEST_TIMEOUT(very_many_small_files, 200)
{
    kit_main(many);
}

/* ---- given up ---- */

static void
give_up(void *arg, const struct parcel_event *ev)
{
    struct kit *k = arg;

    /* The receiver has the first block; more is on its way. */
    if (ev->what == PARCEL_BEGIN) {
        tn_scope_cancel(k->cancel);
    }
}

static int
given_up(void *arg)
{
    struct kit k = {.path = kit_path("f", false),
                    .dir = kit_path("dst", true),
                    .recv_told = give_up,
                    .arg = &k};

    (void)arg;
    kit_write(k.path, 100 * KIT_BLOCK, 1);
    for (int i = 0; i < 2; i++) {
        kit_run(&k);
        EQ(k.sent, -ECANCELED);
        EQ(k.received, -ESHUTDOWN);
        STREQ(k.recv.reason, "the sender gave up");
        CHECK(!kit_is_there(kit_path("dst/f", false)));
        k.send_code = "123";
        k.recv_code = "123";
    }
    k.recv_told = NULL;
    kit_run(&k);
    EQ(k.sent, 0);
    GE(k.send.kept, KIT_BLOCK);
    return 0;
}

TEST(who_gives_up_says_so)
{
    kit_main(given_up);
}

/* ---- names that are taken among what is sent ---- */

static int
named_twice(void *arg)
{
    struct kit k = {.dir = kit_path("dst", true)};

    (void)arg;
    kit_path("one", true);
    kit_path("two", true);
    kit_write(kit_path("one/f", false), 10, 1);
    kit_write(kit_path("two/f", false), 10, 2);
    OK(parcel_new(&k.parcel));
    OK(parcel_add(k.parcel, kit_path("one/f", false)));
    ERR(parcel_add(k.parcel, kit_path("two/f", false)), -EEXIST);
    ERR(parcel_add(k.parcel, kit_path("two/none", false)), -ENOENT);
    ERR(parcel_add(k.parcel, "/dev/null"), -EINVAL);
    ERR(parcel_add(k.parcel, "/"), -EINVAL);
    ERR(parcel_add_fd(k.parcel, 0, "a/b"), -EINVAL);
    ERR(parcel_add_fd(k.parcel, 0, "f"), -EEXIST);
    OK(parcel_add(k.parcel, kit_path("two", false)));
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.recv.done, 3);
    CHECK(kit_is_there(kit_path("dst/two/f", false)));
    parcel_free(k.parcel);
    return 0;
}

TEST(what_is_named_has_one_name)
{
    kit_main(named_twice);
}

/* ---- between adding and sending ---- */

static int
changed_since(void *arg)
{
    struct kit k = {.dir = kit_path("dst", true)};
    int fd;

    (void)arg;
    kit_path("src", true);
    kit_write(kit_path("src/gone", false), SIZE, 1);
    kit_write(kit_path("src/grown", false), SIZE, 2);
    kit_write(kit_path("src/shrunk", false), SIZE, 3);
    kit_write(kit_path("src/link", false), SIZE, 4);
    kit_write(kit_path("src/good", false), SIZE, 5);
    OK(parcel_new(&k.parcel));
    OK(parcel_add(k.parcel, kit_path("src", false)));
    EQ(unlink(kit_path("src/gone", false)), 0);
    EQ(unlink(kit_path("src/link", false)), 0);
    EQ(symlink("/etc/passwd", kit_path("src/link", false)), 0);
    fd = open(kit_path("src/grown", false), O_WRONLY | O_APPEND | O_CLOEXEC);
    EQ(write(fd, "more", 4), 4);
    close(fd);
    EQ(truncate(kit_path("src/shrunk", false), KIT_BLOCK + 1), 0);
    kit_run(&k);
    EQ(k.sent, -EIO);
    EQ(k.received, -EIO);
    EQ(k.send.failed, 2);
    EQ(k.send.done, 4);
    CHECK(!kit_is_there(kit_path("dst/src/gone", false)));
    CHECK(!kit_is_there(kit_path("dst/src/link", false)));
    CHECK(!kit_is_there(kit_path("dst/src/.gone.tenon-part", false)));
    CHECK(kit_same(kit_path("src/grown", false),
                   kit_path("dst/src/grown", false)));
    CHECK(kit_same(kit_path("src/shrunk", false),
                   kit_path("dst/src/shrunk", false)));
    CHECK(
        kit_same(kit_path("src/good", false), kit_path("dst/src/good", false)));
    parcel_free(k.parcel);
    return 0;
}

TEST(what_changed_since_it_was_added)
{
    kit_main(changed_since);
}

/* ---- nothing ---- */

static int
nothing(void *arg)
{
    struct kit k = {.dir = kit_path("dst", true)};

    (void)arg;
    OK(parcel_new(&k.parcel));
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.received, 0);
    EQ(k.recv.done + k.recv.skipped + k.recv.failed, 0);
    parcel_free(k.parcel);
    k.parcel = NULL;
    k.path = kit_path("none", true);
    kit_run(&k);
    EQ(k.sent, 0);
    EQ(k.recv.done, 1);
    CHECK(kit_is_there(kit_path("dst/none", false)));
    return 0;
}

TEST(an_offer_of_nothing)
{
    kit_main(nothing);
}

/* ---- asked ahead ---- */

static int
ahead(void *arg)
{
    struct kit k = {.dir = kit_path("dst", true)};
    char path[600];

    (void)arg;
    kit_path("src", true);
    for (int turn = 0; turn < 2; turn++) {
        OK(parcel_new(&k.parcel));
        for (int i = 0; i < 200; i++) {
            (void)snprintf(path, sizeof(path), "%s/%d", kit_path("src", false),
                           i);
            if (turn == 0) {
                kit_write(path, i % 100 == 0 ? 0 : 100, (unsigned)i);
            }
            OK(parcel_add(k.parcel, path));
        }
        kit_run(&k);
        EQ(k.sent, 0);
        EQ(k.received, 0);
        EQ(k.recv.done, turn == 0 ? 200 : 0);
        EQ(k.recv.skipped, turn == 0 ? 0 : 200);
        parcel_free(k.parcel);
    }
    return 0;
}

TEST(an_empty_file_before_all_that_is_asked_for)
{
    kit_main(ahead);
}
