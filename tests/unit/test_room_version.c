#include <tenon/err.h>

#include "history_kit.h"

#include <sqlite3.h>

TASK_TEST(acts_and_new_names_are_kept)
{
    static struct room_event evs[2];
    store *s = open_store();

    for (int i = 0; i < 2; i++) {
        evs[i] = event((uint64_t)i + 1, i == 0 ? "waves" : "anna");
        evs[i].what = i == 0 ? ROOM_ACT : ROOM_NICK;
        evs[i].kind = ROOM_NATIVE;
    }
    OK(store_append(s, evs, 2, TN_MIN));
    CHECK(!read_span(s, 1, UINT64_MAX, 9));
    EQ(found.last.what, ROOM_NICK);
    EQ(found.last.kind, ROOM_NATIVE);
    STREQ(found.last.name, "安");
    STREQ(found.last.text, "anna");
    STREQ(found.last.whom, "");
    CHECK(!read_span(s, 0, 2, 9));
    EQ(found.last.what, ROOM_ACT);
    store_close(s, 2);
}

/* The number of the file's version; 0 if it cannot be asked. */
static int
version_of(const char *path, const char *set)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    int version = 0;

    EQ(sqlite3_open(path, &db), SQLITE_OK);
    EQ(sqlite3_exec(db, set, NULL, NULL, NULL), SQLITE_OK);
    EQ(sqlite3_prepare_v2(db, "PRAGMA user_version;", -1, &q, NULL), SQLITE_OK);
    if (sqlite3_step(q) == SQLITE_ROW) {
        version = sqlite3_column_int(q, 0);
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
    return version;
}

/* As the first version of the program wrote it, byte for byte in SQL. */
static const char first_version[] =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE hub(epoch TEXT NOT NULL, secret BLOB NOT NULL,"
    " latest INTEGER) STRICT;"
    "CREATE TABLE event(n INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " what INTEGER NOT NULL, kind INTEGER NOT NULL, author INTEGER NOT NULL,"
    " size INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,"
    " ref TEXT NOT NULL) STRICT;"
    "INSERT INTO hub VALUES('0123456789abcdef',"
    " x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 9);"
    "INSERT INTO event VALUES(7, 1700000000007, 1, 1, 5, 0, 'ann', 'old', '');"
    "PRAGMA application_id=1953394542; PRAGMA user_version=1;";

TASK_TEST(a_history_of_the_first_version_is_read_and_goes_on)
{
    char path[300];
    store *s;

    snprintf(path, sizeof(path), "%s/history.db", test_dir());
    EQ(version_of(path, first_version), 1);
    s = open_store();
    EQ(store_latest(s), 9);
    STREQ(store_epoch(s), "0123456789abcdef");
    EQ(store_secret(s)[31], 0x1f);
    CHECK(!read_span(s, 0, UINT64_MAX, 9));
    STREQ(found.text, "old ");
    EQ(found.last.what, ROOM_SAY);
    append(s, 10, "new");
    store_close(s, 10);
    /* An earlier program would not know what is in it now. */
    EQ(version_of(path, ""), STORE_VERSION);
    s = open_store();
    CHECK(!read_span(s, 0, UINT64_MAX, 9));
    STREQ(found.text, "new old ");
    store_close(s, 10);
}
