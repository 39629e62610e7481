#include <tenon/err.h>
#include <tenon/task.h>

#include "history_kit.h"
#include "hub/keeper.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TASK_TEST(what_is_appended_is_read)
{
    store *s = open_store();

    EQ(store_latest(s), 0);
    EQ(strlen(store_epoch(s)), STORE_EPOCH);
    append(s, 3, "hello");
    CHECK(!read_span(s, 0, UINT64_MAX, 10));
    EQ(found.count, 1);
    EQ(found.last.number, 3);
    EQ(found.last.time, 1700000000003);
    EQ(found.last.what, ROOM_SAY);
    EQ(found.last.kind, ROOM_WEB);
    EQ(found.last.author, UINT64_MAX - 7);
    EQ(found.last.size, 5);
    STREQ(found.last.name, "安");
    EQ(found.last.name_len, 3);
    STREQ(found.last.text, "hello");
    STREQ(found.last.ref, "r3");
    store_close(s, 3);
}

TASK_TEST(spans_yield_the_latest_first_and_say_if_there_are_older)
{
    store *s = open_store();

    append(s, 1, "a");
    append(s, 2, "b");
    append(s, 5, "c");
    append(s, 9, "d");
    CHECK(!read_span(s, 0, UINT64_MAX, 4));
    STREQ(found.text, "d c b a ");
    CHECK(read_span(s, 0, UINT64_MAX, 3));
    STREQ(found.text, "d c b ");
    CHECK(!read_span(s, 1, 9, 3));
    STREQ(found.text, "c b ");
    CHECK(read_span(s, 1, 9, 1));
    STREQ(found.text, "c ");
    CHECK(!read_span(s, 9, UINT64_MAX, 3));
    STREQ(found.text, "");
    CHECK(!read_span(s, 5, 6, 3));
    CHECK(!read_span(s, 7, 3, 3));
    CHECK(!read_span(s, UINT64_MAX, UINT64_MAX, 3));
    EQ(found.count, 0);
    found.stop = 2;
    CHECK(read_span(s, 0, UINT64_MAX, 4));
    STREQ(found.text, "d c ");
    store_close(s, 9);
}

TASK_TEST(what_is_for_one_alone_and_good_byes_are_left_out)
{
    static struct room_event evs[4];
    store *s = open_store();

    for (int i = 0; i < 4; i++) {
        evs[i] = event((uint64_t)i + 1, "b");
    }
    evs[0].what = ROOM_NOTE;
    evs[2].what = ROOM_BYE;
    evs[3].what = ROOM_MSG;
    OK(store_append(s, evs, 4, TN_MIN));
    CHECK(!read_span(s, 0, UINT64_MAX, 9));
    STREQ(found.text, "b ");
    store_close(s, 4);
}

TASK_TEST(it_goes_on_after_an_orderly_end)
{
    char epoch[STORE_EPOCH + 1];
    unsigned char secret[STORE_SECRET];
    store *s = open_store();

    memcpy(epoch, store_epoch(s), sizeof(epoch));
    memcpy(secret, store_secret(s), sizeof(secret));
    append(s, 4, "a");
    store_close(s, 6); /* two notes came after it */
    s = open_store();
    EQ(store_latest(s), 6);
    STREQ(store_epoch(s), epoch);
    MEMEQ(store_secret(s), secret, sizeof(secret));
    CHECK(!read_span(s, 0, UINT64_MAX, 9));
    STREQ(found.text, "a ");
    store_close(s, 6);
}

/* In a process that is killed: append 1 to 5, tell each, wait for the end. */
static int
doomed(void *arg)
{
    int fd = *(int *)arg;
    store *s = open_store();

    for (uint64_t n = 1; n <= 5; n++) {
        append(s, n, "x");
        EQ(write(fd, "x", 1), 1);
    }
    return tn_sleep(TN_FOREVER);
}

static void
after_the_kill(void)
{
    store *s = open_store();

    CHECK(!read_span(s, 0, UINT64_MAX, 9));
    EQ(found.count, 5);
    /* Nobody knows what else was told. */
    EQ(store_latest(s), 5 + STORE_LEAP);
    store_close(s, store_latest(s));
}

TEST(what_was_appended_survives_kill_9)
{
    int fds[2];
    char byte;
    pid_t child;

    (void)test_dir();
    OK(pipe2(fds, O_CLOEXEC));
    child = fork();
    if (child == 0) {
        _exit(tn_run(NULL, doomed, &fds[1]) < 0);
    }
    for (int i = 0; i < 5; i++) {
        EQ(read(fds[0], &byte, 1), 1);
    }
    OK(kill(child, SIGKILL));
    EQ(waitpid(child, NULL, 0), child);
    OK(close(fds[0]));
    OK(close(fds[1]));
    in_task(after_the_kill);
}

/* --- files that will not do ------------------------------------------------*/

TASK_TEST(the_file_is_for_its_owner_alone)
{
    struct stat st;
    store *s;

    umask(0);
    s = open_store();
    append(s, 1, "a");
    OK(stat(opts.path, &st));
    EQ(st.st_mode & 0777, 0600);
    store_close(s, 1);
}

TASK_TEST(one_at_a_time_has_it)
{
    store *s = open_store(), *other;

    ERR(store_open(&other, &opts), -EBUSY);
    CHECK(other == NULL);
    append(s, 1, "a");
    store_close(s, 1);
    OK(store_open(&other, &opts));
    store_close(other, 1);
}

static void
write_at(off_t where, const char *text)
{
    int fd = open(opts.path, O_WRONLY | O_CLOEXEC);

    OK(fd);
    EQ(pwrite(fd, text, strlen(text), where), (ssize_t)strlen(text));
    OK(close(fd));
}

TASK_TEST(what_is_no_database_is_refused)
{
    store *s = open_store();

    store_close(s, 0);
    OK(truncate(opts.path, 0));
    write_at(0, "Dear diary, this is not a database at all, but a text, and a "
                "longer one than the header of a database is, so read on: ...");
    ERR(store_open(&s, &opts), -EBADMSG);
    CHECK(strstr(tn_why(), "history.db") != NULL);
}

static void
alter(const char *sql)
{
    sqlite3 *db;

    EQ(sqlite3_open(opts.path, &db), SQLITE_OK);
    EQ(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    EQ(sqlite3_close(db), SQLITE_OK);
}

TASK_TEST(a_later_version_and_a_strangers_are_refused)
{
    store *s = open_store();

    store_close(s, 0);
    alter("PRAGMA user_version=3;");
    ERR(store_open(&s, &opts), -EPROTO);
    alter("PRAGMA user_version=1; PRAGMA application_id=7;");
    ERR(store_open(&s, &opts), -EBADMSG);
    alter("PRAGMA user_version=1; PRAGMA application_id=0x746e6f6e;"
          "DROP TABLE event;");
    ERR(store_open(&s, &opts), -EBADMSG);
}

TASK_TEST(rows_that_are_none_of_ours_are_passed_over)
{
    store *s = open_store();

    for (uint64_t n = 1; n <= 6; n++) {
        append(s, n, (char[]){(char)('a' + n - 1), '\0'});
    }
    store_close(s, 6);
    alter("UPDATE event SET what=99 WHERE n=2;"
          "UPDATE event SET kind=-7 WHERE n=3;"
          "UPDATE event SET kind=4294967296 + 3 WHERE n=4;"
          "UPDATE event SET what=9 WHERE n=5;"); /* ROOM_MSG */
    s = open_store();
    CHECK(!read_span(s, 0, UINT64_MAX, 9));
    STREQ(found.text, "f a ");
    store_close(s, 6);
}

TASK_TEST(damage_is_found_after_an_end_that_was_not_in_order)
{
    store *s = open_store();
    char text[1000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (uint64_t n = 1; n <= 40; n++) {
        append(s, n, text);
    }
    store_close(s, 40);
    alter("UPDATE hub SET latest=NULL; PRAGMA wal_checkpoint(TRUNCATE);");
    for (off_t at = 4096 * 4; at < 4096 * 8; at += 7) {
        write_at(at, "damage");
    }
    ERR(store_open(&s, &opts), -EBADMSG);
}

TASK_TEST(a_folder_that_cannot_be_written_is_an_error)
{
    char path[300];
    struct store_opts where = {.path = path};
    store *s;

    snprintf(path, sizeof(path), "%s/none/history.db", test_dir());
    ERR(store_open(&s, &where), -ENOENT);
    snprintf(path, sizeof(path), "/proc/history.db");
    CHECK(store_open(&s, &where) < 0);
    CHECK(s == NULL);
    store_close(NULL, 0);
}

/* --- limits ----------------------------------------------------------------*/

TASK_TEST(the_oldest_make_room_by_count)
{
    store *s;

    opts.max_events = 100;
    s = open_store();
    for (uint64_t n = 1; n <= 2 * STORE_PRUNE; n++) {
        append(s, n, "a");
    }
    CHECK(!read_span(s, 0, UINT64_MAX, 1000));
    EQ(found.count, 100);
    EQ(found.last.number, 2 * STORE_PRUNE - 99);
    store_close(s, 2 * STORE_PRUNE);
}

TASK_TEST(the_oldest_make_room_by_size)
{
    static struct room_event evs[STORE_PRUNE];
    struct stat st;
    store *s;

    opts.max_bytes = 512 << 10;
    s = open_store();
    for (uint64_t n = 1; n <= 20 * STORE_PRUNE; n++) {
        struct room_event *ev = &evs[(n - 1) % STORE_PRUNE];

        *ev = event(n, "");
        memset(ev->text, 'x', 1000);
        ev->text_len = 1000;
        if (n % STORE_PRUNE == 0) {
            OK(store_append(s, evs, STORE_PRUNE, TN_MIN));
        }
    }
    store_close(s, 20 * STORE_PRUNE);
    OK(stat(opts.path, &st));
    /* Five megabytes were written. */
    LE(st.st_size, 1536 << 10);
    s = open_store();
    (void)read_span(s, 0, UINT64_MAX, 1);
    EQ(found.last.number, 20 * STORE_PRUNE);
    store_close(s, 20 * STORE_PRUNE);
}

/* --- the keeper ------------------------------------------------------------*/

/* What an outlet saw, and what the history had by then. */
struct seen {
    store *store;
    char text[8192];
    int told, told_again;
    unsigned long lost;
    bool unkept;
};

static struct seen seen;

static void
outlet(void *arg, const struct room_event *ev)
{
    struct seen *w = arg;
    size_t at = strlen(w->text);

    snprintf(w->text + at, sizeof(w->text) - at, "%s ",
             ev->what == ROOM_SAY ? ev->text : ev->name);
    if (w->store != NULL) {
        (void)read_span(w->store, 0, UINT64_MAX, 1);
        if (found.last.number < ev->number) {
            w->unkept = true;
        }
    }
}

static void
trouble(void *arg, const struct keeper_trouble *t)
{
    struct seen *w = arg;

    if (t->news == KEEPER_FAILS) {
        EQ(t->err, -ENOSPC);
        w->told++;
    } else {
        EQ(t->news, KEEPER_WORKS);
        w->told_again++;
        w->lost = t->lost;
    }
}

static keeper *
new_keeper(room *r, store *s, struct seen *w)
{
    const struct keeper_disk disk = keeper_disk_of(s);
    keeper *k;

    OK(keeper_new(&k, r, &disk, w != NULL ? trouble : NULL, w));
    return k;
}

static int
flush(keeper *k)
{
    int n = 0;

    while (keeper_flush(k)) {
        n++;
    }
    return n;
}

static room_id
enter(room *r)
{
    room_id id;

    OK(room_join(r, ROOM_PLAIN, "ann", 3, 0, &id));
    return id;
}

TASK_TEST(nobody_sees_what_is_not_kept)
{
    tn_group g;
    keeper *k;
    room *r;
    room_id ann;

    seen.store = open_store();
    OK(room_new(&r));
    OK(room_attach(r, outlet, &seen));
    k = new_keeper(r, seen.store, &seen);
    tn_group_init(&g, 0);
    OK(tn_go(&g, keeper_run, k));
    ann = enter(r);
    for (int i = 0; i < 3 * KEEPER_QUEUE; i++) {
        OK(room_say(r, ann, "x", 1, i * TN_SEC));
    }
    for (int i = 0; i < 1000 && strlen(seen.text) < 2 + 6 * KEEPER_QUEUE; i++) {
        OK(tn_sleep(TN_MS));
    }
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    (void)flush(k);
    EQ(strlen(seen.text), strlen("ann ") + 2 * 3 * KEEPER_QUEUE);
    CHECK(!seen.unkept);
    EQ(seen.told, 0);
    keeper_free(k);
    room_free(r);
    store_close(seen.store, 0);
}

TASK_TEST(what_waits_at_the_end_is_flushed_in_order)
{
    keeper *k;
    room *r;
    room_id ann;
    store *s = open_store();

    OK(room_new(&r));
    OK(room_attach(r, outlet, &seen));
    k = new_keeper(r, s, NULL);
    ann = enter(r);
    OK(room_say(r, ann, "one", 3, 0));
    OK(room_say(r, ann, "two", 3, 0));
    room_leave(r, ann);
    STREQ(seen.text, "");
    EQ(flush(k), 4);
    STREQ(seen.text, "ann one two ann ");
    CHECK(!read_span(s, 0, UINT64_MAX, 9));
    EQ(found.count, 4);
    keeper_free(k);
    room_free(r);
    store_close(s, 4);
}

TASK_TEST(the_room_goes_on_when_the_disk_is_full)
{
    char text[ROOM_TEXT_MAX];
    keeper *k;
    room *r;
    room_id ann;
    store *s;

    memset(text, 'x', sizeof(text));
    opts.max_pages = 12;
    s = open_store();
    OK(room_new(&r));
    OK(room_attach(r, outlet, &seen));
    k = new_keeper(r, s, &seen);
    ann = enter(r);
    for (int i = 0; i < 40; i++) {
        seen.text[0] = '\0';
        OK(room_say(r, ann, text, sizeof(text), i * TN_SEC));
        GE(flush(k), 1);
        GE(strlen(seen.text), sizeof(text));
    }
    room_close(r); /* which no history has, so it tells nothing of the disk */
    EQ(flush(k), 1);
    EQ(seen.told, 1);
    EQ(seen.told_again, 0);
    keeper_free(k);
    room_free(r);
    store_close(s, 42);
    s = open_store();
    EQ(store_latest(s), 42);
    (void)read_span(s, 0, UINT64_MAX, 1000);
    GE(found.count, 5);
    LE(found.count, 30);
    store_close(s, 42);
}
