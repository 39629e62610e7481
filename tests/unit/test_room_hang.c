/*
 * The history on a disk that hangs: SQLite's own writes wait for a byte in a
 * pipe, so nothing here is a matter of time.
 */
#include <tenon/err.h>
#include <tenon/file.h>
#include <tenon/loop.h>
#include <tenon/task.h>

#include "hub/keeper.h"
#include "test.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

/* Each write takes a byte from the gate while it is shut. */
static int gate[2], arrived[2];
static atomic_bool shut;

static void
wait_at_gate(void)
{
    char byte = 0;

    if (atomic_load(&shut)) {
        EQ(write(arrived[1], "x", 1), 1);
        EQ(read(gate[0], &byte, 1), 1);
    }
}

static ssize_t
slow_pwrite(int fd, const void *data, size_t n, off_t at)
{
    wait_at_gate();
    return pwrite(fd, data, n, at);
}

static ssize_t
slow_pread(int fd, void *data, size_t n, off_t at)
{
    wait_at_gate();
    return pread(fd, data, n, at);
}

static void
build_gate(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    CHECK(vfs != NULL && vfs->iVersion >= 3);
    EQ(vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)slow_pwrite),
       SQLITE_OK);
    EQ(vfs->xSetSystemCall(vfs, "pread", (sqlite3_syscall_ptr)slow_pread),
       SQLITE_OK);
    (void)vfs->xSetSystemCall(vfs, "pwrite64",
                              (sqlite3_syscall_ptr)slow_pwrite);
    (void)vfs->xSetSystemCall(vfs, "pread64", (sqlite3_syscall_ptr)slow_pread);
    OK(pipe2(gate, O_CLOEXEC));
    OK(pipe2(arrived, O_CLOEXEC));
}

static void
drop_gate(void)
{
    for (int i = 0; i < 2; i++) {
        OK(close(gate[i]));
        OK(close(arrived[i]));
    }
}

/* Let everything pass from now on. */
static void
open_gate(void)
{
    atomic_store(&shut, false);
    EQ(write(gate[1], "xxxxxxxx", 8), 8);
}

/* Descriptors that are open. */
static int
descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

/* A worker that was left closes the file when it comes to its end. */
static void
await_descriptors(int n)
{
    while (descriptors() > n) {
        OK(tn_sleep(TN_MS));
    }
}

static void (*body)(void);

static int
root(void *arg)
{
    (void)arg;
    body();
    return 0;
}

#define TASK_TEST(id)                                                          \
    static void in_##id(void);                                                 \
    TEST(id)                                                                   \
    {                                                                          \
        build_gate();                                                          \
        body = in_##id;                                                        \
        OK(tn_run(NULL, root, NULL));                                          \
        drop_gate();                                                           \
    }                                                                          \
    static void in_##id(void)

static store *
open_store(void)
{
    static char path[300];
    const struct store_opts opts = {.path = path};
    store *s;

    snprintf(path, sizeof(path), "%s/history.db", test_dir());
    OK(store_open(&s, &opts));
    return s;
}

static struct room_event
event(uint64_t number)
{
    struct room_event ev = {.number = number, .what = ROOM_SAY};

    ev.name_len = (size_t)snprintf(ev.name, sizeof(ev.name), "ann");
    ev.text_len = (size_t)snprintf(ev.text, sizeof(ev.text), "x");
    return ev;
}

/* How many descriptors are open without a history. */
static int
warm_up(void)
{
    store_close(open_store(), 0);
    return descriptors();
}

static int
append(store *s, uint64_t number, int64_t patience)
{
    static struct room_event ev;

    ev = event(number);
    return store_append(s, &ev, 1, patience);
}

/* Append what hangs when it is begun: a busy machine may take its time. */
static void
append_stuck(store *s, uint64_t number)
{
    int err;

    do {
        err = append(s, number, 20 * TN_MS);
    } while (err == -EAGAIN);
    EQ(err, -EINPROGRESS);
}

static int
count(void *arg, const struct room_event *ev)
{
    (void)ev;
    ++*(int *)arg;
    return 0;
}

/* How many there are; -1: the read was left. */
static int
how_many(store *s)
{
    struct store_span span = {.before = UINT64_MAX, .limit = 1000};
    int result, err;

    span.row = count;
    span.arg = calloc(1, sizeof(int));
    span.drop = free;
    CHECK(span.arg != NULL);
    err = store_read(s, &span);
    if (err == -EINPROGRESS) {
        return -1;
    }
    result = err < 0 ? err : *(int *)span.arg;
    free(span.arg);
    return result;
}

static void
settle(store *s, int wanted)
{
    int late = 0;

    while (store_hangs(s, &late)) {
        OK(tn_sleep(TN_MS));
    }
    EQ(late, wanted);
}

TASK_TEST(an_append_that_hangs_is_left_and_counts_once)
{
    store *s = open_store();
    int late;

    OK(append(s, 1, TN_MIN));
    atomic_store(&shut, true);
    append_stuck(s, 2);
    CHECK(store_hangs(s, &late));
    ERR(append(s, 3, 10 * TN_MS), -EAGAIN); /* not tried, nor will be */
    EQ(how_many(s), -EAGAIN);               /* at once */
    open_gate();
    settle(s, 0);
    EQ(how_many(s), 2);
    OK(append(s, 3, TN_MIN));
    EQ(how_many(s), 3);
    store_close(s, 3);
    s = open_store();
    EQ(store_latest(s), 3);
    EQ(how_many(s), 3);
    store_close(s, 3);
}

TASK_TEST(the_next_append_waits_for_the_one_that_hangs)
{
    store *s = open_store();

    atomic_store(&shut, true);
    append_stuck(s, 1);
    open_gate();
    OK(append(s, 2, TN_MIN));
    EQ(how_many(s), 2);
    store_close(s, 2);
}

/* Closed while a write hangs: the write owns what it needs, and ends after the
   store is gone. */
TASK_TEST(it_is_closed_while_a_write_hangs)
{
    int before = warm_up();
    store *s = open_store();
    char byte;

    OK(append(s, 1, TN_MIN));
    atomic_store(&shut, true);
    append_stuck(s, 2);
    EQ(read(arrived[0], &byte, 1), 1);
    store_close(s, 2); /* gives up after STORE_FAREWELL */
    open_gate();
    await_descriptors(before);
    s = open_store();
    EQ(how_many(s), 2);
    EQ(store_latest(s), 2 + STORE_LEAP); /* that end was not in order */
    store_close(s, 2);
}

/* The loop, too, is gone when the write ends. */
static void
leave_it(void)
{
    store *s = open_store();

    atomic_store(&shut, true);
    append_stuck(s, 1);
    store_close(s, 1);
}

static void
look_again(void)
{
    store *s = open_store();

    EQ(how_many(s), 1);
    store_close(s, 1);
}

TEST(it_ends_while_a_write_hangs)
{
    int before;

    build_gate();
    before = descriptors();
    body = leave_it;
    OK(tn_run(NULL, root, NULL));
    open_gate();
    await_descriptors(before);
    body = look_again;
    OK(tn_run(NULL, root, NULL));
    drop_gate();
}

static int
open_it(void *arg)
{
    static char path[300];
    const struct store_opts opts = {.path = path};
    store *s;

    (void)arg;
    snprintf(path, sizeof(path), "%s/history.db", test_dir());
    ERR(store_open(&s, &opts), -ECANCELED);
    return 0;
}

TASK_TEST(opening_can_be_cancelled_while_the_disk_hangs)
{
    int before = warm_up();
    tn_group g;
    store *s;
    char byte;

    atomic_store(&shut, true);
    tn_group_init(&g, 0);
    OK(tn_go(&g, open_it, NULL));
    OK(tn_checkpoint());
    EQ(read(arrived[0], &byte, 1), 1); /* a worker is at it */
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    open_gate();
    await_descriptors(before);
    s = open_store();
    EQ(how_many(s), 0);
    store_close(s, 0);
}

/* --- with the keeper -------------------------------------------------------*/

static int handed_on, told[KEEPER_ENDS + 1];

static void
outlet(void *arg, const struct room_event *ev)
{
    (void)arg;
    (void)ev;
    handed_on++;
}

static void
tell(void *arg, const struct keeper_trouble *t)
{
    (void)arg;
    told[t->news]++;
}

/* The hub ends while the disk hangs: the room had all, the disk has what it was
   given. */
TASK_TEST(a_room_ends_on_a_disk_that_hangs)
{
    int before = warm_up();
    store *s = open_store();
    struct keeper_disk disk = keeper_disk_of(s);
    room_id ann;
    keeper *k;
    room *r;

    OK(room_new(&r));
    OK(room_attach(r, outlet, NULL));
    OK(keeper_new(&k, r, &disk, tell, NULL));
    OK(room_join(r, ROOM_PLAIN, "ann", 3, 0, &ann));
    CHECK(keeper_flush(k));
    atomic_store(&shut, true);
    OK(room_say(r, ann, "one", 3, 0));
    CHECK(keeper_flush(k)); /* waits for KEEPER_PATIENCE */
    OK(room_say(r, ann, "two", 3, 0));
    CHECK(keeper_flush(k));
    EQ(handed_on, 3);
    keeper_end(k);
    EQ(told[KEEPER_HANGS], 1);
    EQ(told[KEEPER_ENDS], 1);
    keeper_free(k);
    room_free(r);
    store_close(s, 3);
    open_gate();
    await_descriptors(before);
    s = open_store();
    EQ(how_many(s), 2);
    store_close(s, 3);
}
