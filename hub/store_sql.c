#include <tenon/err.h>

#include "store_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* The write-ahead log is cut to this after it was larger. */
    LOG_BYTES = 4 << 20,
    /* What goes when the file is too large: an eighth of the events. */
    SHARE = 8,
    /* "tnon": tells file(1), and us, whose database it is. */
    APPLICATION = 0x746e6f6e,
    /* An instruction with its numbers. */
    SQL_MAX = 256,
};

/* `latest` is NULL while a hub has the file: it has no orderly end then. */
static const char layout[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE hub(epoch TEXT NOT NULL, secret BLOB NOT NULL,"
    " latest INTEGER) STRICT;"
    "CREATE TABLE event(n INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " what INTEGER NOT NULL, kind INTEGER NOT NULL, author INTEGER NOT NULL,"
    " size INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,"
    " ref TEXT NOT NULL) STRICT;";

static int
code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our words are right, so its tables are not ours */
        return -EBADMSG;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return -EACCES;
    default:
        return -EIO;
    }
}

static int
exec(store *s, const char *sql)
{
    return code_of(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static int
prepare(store *s, sqlite3_stmt **out, const char *sql)
{
    return code_of(sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                      out, NULL));
}

/* The first number of the answer to a question. */
static int
ask(store *s, const char *sql, int64_t *answer)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

    *answer = 0;
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW) {
            *answer = sqlite3_column_int64(q, 0);
        }
    }
    sqlite3_finalize(q);
    return code_of(rc);
}

/* --- opening ---------------------------------------------------------------*/

/* SQLite would make the file readable for whoever the umask lets. */
static int
make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int err = 0;

    if (fd < 0) {
        return -errno;
    }
    if (fchmod(fd, 0600) < 0) {
        err = -errno;
    }
    (void)close(fd);
    return err;
}

static int
settings(store *s)
{
    char sql[SQL_MAX];
    int err;

    (void)sqlite3_busy_timeout(s->db, STORE_PATIENCE);
    (void)sqlite3_extended_result_codes(s->db, 1);
    /* One program at a time: a lock that the kernel takes away with it, and no
       memory shared through a file. */
    err = exec(s, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
                  "PRAGMA synchronous=NORMAL; PRAGMA trusted_schema=OFF;"
                  "PRAGMA cell_size_check=ON;");
    snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit=%d;", LOG_BYTES);
    if (err == 0) {
        err = exec(s, sql);
    }
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%d;", s->opts.max_pages);
    if (err == 0 && s->opts.max_pages > 0) {
        err = exec(s, sql);
    }
    return err;
}

/* A new file: its tables, its name, its secret. */
static int
create(store *s)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char random[STORE_SECRET + STORE_EPOCH];
    char sql[2 * SQL_MAX];
    char secret[2 * STORE_SECRET + 1] = "";
    int err;

    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        return -EIO;
    }
    for (size_t i = 0; i < STORE_EPOCH; i++) {
        s->epoch[i] = hex[random[STORE_SECRET + i] & 15];
    }
    for (size_t i = 0; i < STORE_SECRET; i++) {
        snprintf(secret + 2 * i, 3, "%02x", random[i]);
    }
    snprintf(sql, sizeof(sql),
             "INSERT INTO hub VALUES('%s', x'%s', 0);"
             "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;",
             s->epoch, secret, APPLICATION, STORE_VERSION);
    err = exec(s, layout);
    if (err == 0) {
        err = exec(s, sql);
    }
    if (err < 0) {
        (void)exec(s, "ROLLBACK;");
    }
    return err;
}

/* A file of an earlier version. What is in it is as it was; a hub of that
   version would not know all that comes into it now. */
static int
migrate(store *s)
{
    char sql[SQL_MAX];

    snprintf(sql, sizeof(sql), "PRAGMA user_version=%d;", STORE_VERSION);
    return exec(s, sql);
}

/* What the file says of itself; -EBADMSG if it is none of ours. */
static int
check_layout(store *s)
{
    int64_t version = 0, application = 0, tables = 0;
    int err = ask(s, "PRAGMA user_version;", &version);

    if (err == 0) {
        err = ask(s, "PRAGMA application_id;", &application);
    }
    if (err == 0) {
        err = ask(s, "SELECT count(*) FROM sqlite_schema;", &tables);
    }
    if (err == 0 && version == 0 && application == 0 && tables == 0) {
        return create(s);
    }
    if (err == 0 && application != APPLICATION) {
        return -EBADMSG;
    }
    if (err == 0 && version > STORE_VERSION) {
        return -EPROTO;
    }
    return err == 0 && version < STORE_VERSION ? migrate(s) : err;
}

/* After an end that was not in order the file is looked through: a machine
   that lost its power may have left it damaged. */
static int
check_pages(store *s)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1);", -1, &q, NULL);
    int err;

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(q);
    }
    err = code_of(rc);
    if (err == 0) {
        const char *word = (const char *)sqlite3_column_text(q, 0);

        err = word != NULL && strcmp(word, "ok") == 0 ? 0 : -EBADMSG;
    }
    sqlite3_finalize(q);
    return err;
}

/* Take what goes with the history out of a row of the table hub. */
static int
take_identity(store *s, sqlite3_stmt *q, bool *in_order, int64_t *latest)
{
    const char *epoch = (const char *)sqlite3_column_text(q, 0);
    const void *secret = sqlite3_column_blob(q, 1);

    if (epoch == NULL || strlen(epoch) != STORE_EPOCH || secret == NULL ||
        sqlite3_column_bytes(q, 1) != STORE_SECRET) {
        return -EBADMSG;
    }
    memcpy(s->epoch, epoch, STORE_EPOCH);
    memcpy(s->secret, secret, STORE_SECRET);
    *in_order = sqlite3_column_type(q, 2) != SQLITE_NULL;
    *latest = sqlite3_column_int64(q, 2);
    return 0;
}

static int
read_identity(store *s, bool *in_order, int64_t *latest)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT epoch, secret, latest FROM hub;",
                                -1, &q, NULL);
    int err;

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(q);
    }
    err = code_of(rc);
    if (err == 0) {
        err =
            rc == SQLITE_ROW ? take_identity(s, q, in_order, latest) : -EBADMSG;
    }
    sqlite3_finalize(q);
    return err;
}

/* Find the number to go on behind, and begin a use of the file. */
static int
begin(store *s)
{
    bool in_order = false;
    int64_t last = 0, kept = 0;
    int err = read_identity(s, &in_order, &last);

    if (err == 0 && !in_order) {
        err = check_pages(s);
    }
    if (err == 0) {
        err = ask(s, "SELECT max(n) FROM event;", &kept);
    }
    if (err == 0) {
        err = exec(s, "UPDATE hub SET latest=NULL;");
    }
    if (err == 0) {
        s->latest = (uint64_t)(kept > last ? kept : last);
        s->latest += in_order ? 0 : STORE_LEAP;
    }
    return err;
}

static int
prepare_all(store *s)
{
    int err = prepare(s, &s->insert,
                      "INSERT INTO event(n, time, what, kind, author, size,"
                      " name, text, ref) VALUES(?,?,?,?,?,?,?,?,?);");

    if (err == 0) {
        err = prepare(s, &s->select,
                      "SELECT n, time, what, kind, author, size, name, text,"
                      " ref FROM event WHERE n > ?1 AND n < ?2"
                      " ORDER BY n DESC LIMIT ?3;");
    }
    if (err == 0) {
        err = prepare(s, &s->forth,
                      "SELECT n, time, what, kind, author, size, name, text,"
                      " ref FROM event WHERE n > ?1 AND n < ?2"
                      " ORDER BY n LIMIT ?3;");
    }
    if (err == 0) {
        err = prepare(s, &s->older,
                      "SELECT 1 FROM event WHERE n > ?1 AND n < ?2 LIMIT 1;");
    }
    return err;
}

int
store_sql_open(store *s, void *arg)
{
    int err = make_private(s->path);

    (void)arg;
    if (err == 0) {
        err = code_of(sqlite3_open_v2(
            s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX,
            NULL));
    }
    if (err == 0) {
        err = settings(s);
    }
    if (err == 0) {
        err = check_layout(s);
    }
    if (err == 0) {
        err = begin(s);
    }
    if (err == 0) {
        err = prepare_all(s);
    }
    if (err < 0) {
        (void)store_sql_close(s, NULL);
    }
    return err;
}

int
store_sql_close(store *s, void *arg)
{
    const uint64_t *latest = arg;
    char sql[SQL_MAX];
    int err = 0;

    sqlite3_finalize(s->insert);
    sqlite3_finalize(s->select);
    sqlite3_finalize(s->forth);
    sqlite3_finalize(s->older);
    if (latest != NULL) {
        snprintf(sql, sizeof(sql), "UPDATE hub SET latest=%lld;",
                 (long long)*latest);
        err = exec(s, sql);
    }
    (void)sqlite3_close(s->db);
    s->db = NULL;
    s->insert = s->select = s->forth = s->older = NULL;
    return err;
}

/* --- writing ---------------------------------------------------------------*/

static int
bind_text(sqlite3_stmt *q, int at, const char *text, size_t n)
{
    return sqlite3_bind_text(q, at, text, (int)n, SQLITE_STATIC);
}

static int
insert(store *s, const struct room_event *ev)
{
    sqlite3_stmt *q = s->insert;
    int rc;

    /* Binding fails for lack of memory only, which the step would meet too;
       all are bound anew, and what is not is NULL, which no column takes. */
    (void)sqlite3_clear_bindings(q);
    (void)sqlite3_bind_int64(q, 1, (int64_t)ev->number);
    (void)sqlite3_bind_int64(q, 2, ev->time);
    (void)sqlite3_bind_int64(q, 3, ev->what);
    (void)sqlite3_bind_int64(q, 4, ev->kind);
    (void)sqlite3_bind_int64(q, 5, (int64_t)ev->author);
    (void)sqlite3_bind_int64(q, 6, ev->size);
    (void)bind_text(q, 7, ev->name, ev->name_len);
    (void)bind_text(q, 8, ev->text, ev->text_len);
    (void)bind_text(q, 9, ev->ref, strlen(ev->ref));
    rc = sqlite3_step(q);
    (void)sqlite3_reset(q);
    return code_of(rc);
}

/* Whether the file holds more than it should. */
static bool
is_large(store *s)
{
    int64_t pages = 0, spare = 0, size = 0;

    (void)ask(s, "PRAGMA page_count;", &pages);
    (void)ask(s, "PRAGMA freelist_count;", &spare);
    (void)ask(s, "PRAGMA page_size;", &size);
    return (pages - spare) * size > s->opts.max_bytes;
}

static void
delete_until(store *s, int64_t number)
{
    char sql[SQL_MAX];

    snprintf(sql, sizeof(sql), "DELETE FROM event WHERE n <= %lld;",
             (long long)number);
    (void)exec(s, sql);
}

/* Delete what is too old. A failure is no harm: it is tried again. */
static void
prune(store *s)
{
    int64_t first = 0, last = 0;

    (void)ask(s, "SELECT max(n) FROM event;", &last);
    delete_until(s, last - s->opts.max_events);
    for (int round = 0; round < SHARE && is_large(s); round++) {
        (void)ask(s, "SELECT min(n) FROM event;", &first);
        delete_until(s, first + (last - first) / SHARE);
    }
}

int
store_sql_append(store *s, void *arg)
{
    const struct store_batch *batch = arg;
    int err = exec(s, "BEGIN IMMEDIATE;");

    for (int i = 0; i < batch->n && err == 0; i++) {
        if (store_keeps(batch->evs[i].what)) {
            err = insert(s, &batch->evs[i]);
        }
    }
    if (err == 0) {
        err = exec(s, "COMMIT;");
    }
    if (err < 0) {
        (void)exec(s, "ROLLBACK;");
        return err;
    }
    s->appended += batch->n;
    if (s->appended >= STORE_PRUNE) {
        s->appended = 0;
        prune(s);
    }
    return 0;
}

/* --- reading ---------------------------------------------------------------*/

/* A text of a row; cut, should somebody else have written it. */
static size_t
take_text(char *dst, size_t max, sqlite3_stmt *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q, column);
    size_t n = text != NULL ? (size_t)sqlite3_column_bytes(q, column) : 0;

    n = n < max ? n : max;
    memcpy(dst, n > 0 ? (const char *)text : "", n);
    dst[n] = '\0';
    return n;
}

/* Whether a row is one of ours: its kinds are looked up in tables, and nobody's
   private talk is in a history. */
static bool
is_row(sqlite3_stmt *q)
{
    int what = sqlite3_column_int(q, 2), kind = sqlite3_column_int(q, 3);

    return what >= ROOM_JOIN && what <= ROOM_MSG &&
           store_keeps((enum room_what)what) && kind >= ROOM_PLAIN &&
           kind <= ROOM_NATIVE;
}

static void
take_event(struct room_event *ev, sqlite3_stmt *q)
{
    memset(ev, 0, offsetof(struct room_event, ref));
    ev->number = (uint64_t)sqlite3_column_int64(q, 0);
    ev->time = sqlite3_column_int64(q, 1);
    ev->what = (enum room_what)sqlite3_column_int(q, 2);
    ev->kind = (enum room_kind)sqlite3_column_int(q, 3);
    ev->author = (uint64_t)sqlite3_column_int64(q, 4);
    ev->size = sqlite3_column_int64(q, 5);
    ev->whom[0] = '\0';
    ev->name_len = take_text(ev->name, ROOM_NAME_MAX, q, 6);
    ev->text_len = take_text(ev->text, ROOM_TEXT_MAX, q, 7);
    (void)take_text(ev->ref, ROOM_REF_MAX, q, 8);
}

static void
bind_span(sqlite3_stmt *q, uint64_t after, uint64_t before)
{
    uint64_t most = INT64_MAX;

    (void)sqlite3_bind_int64(q, 1, (int64_t)(after < most ? after : most));
    (void)sqlite3_bind_int64(q, 2, (int64_t)(before < most ? before : most));
}

/* Whether there is anything in a span. */
static int
has_any(store *s, uint64_t after, uint64_t before, bool *any)
{
    int rc;

    bind_span(s->older, after, before);
    rc = sqlite3_step(s->older);
    (void)sqlite3_reset(s->older);
    *any = rc == SQLITE_ROW;
    return code_of(rc);
}

int
store_sql_read(store *s, void *arg)
{
    struct store_span *span = arg;
    sqlite3_stmt *q = span->first ? s->forth : s->select;
    uint64_t after = span->after, before = span->before;
    struct room_event ev;
    int rc;

    bind_span(q, after, before);
    (void)sqlite3_bind_int(q, 3, span->limit);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        ev.number = (uint64_t)sqlite3_column_int64(q, 0);
        if (is_row(q)) {
            take_event(&ev, q);
            if (span->row(span->arg, &ev) != 0) {
                rc = SQLITE_DONE;
                break;
            }
        }
        after = span->first ? ev.number : after;
        before = span->first ? before : ev.number;
    }
    (void)sqlite3_reset(q);
    return rc == SQLITE_DONE ? has_any(s, after, before, &span->more)
                             : code_of(rc);
}
