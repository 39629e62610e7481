/*
 * test_parcel_faults.c - each call to the disk, and each request for memory,
 * fails at the Nth time, N = 1, 2, ... until nothing fails any more. No file
 * has a name that is not whole, and the next try mends everything.
 *
 * The linker hands the calls over: see meson.build.
 */
#include <tenon/err.h>

#include "parcel_kit.h"

#include <ftw.h>
#include <sys/file.h>
#include <time.h>

enum { SIZE = 3 * KIT_BLOCK + 50, MOST = 2000 };

static bool is_on;
static int which, left, fault;
static bool is_hit, is_for_good;

/* True if this call is the one that fails. */
static bool
hit(int call)
{
    if (!is_on || call != which) {
        return false;
    }
    if (left > 0 && --left > 0) {
        return false;
    }
    if (is_hit && !is_for_good) {
        return false;
    }
    is_hit = true;
    errno = fault;
    return true;
}

enum call {
    OPENAT,
    OPEN,
    PWRITE,
    PREAD,
    FTRUNCATE,
    RENAMEAT2,
    FSYNC,
    SYNCFS,
    MKDIRAT,
    FLOCK,
    FSTAT,
    FSTATAT,
    LSEEK,
    FALLOCATE,
    COPY,
    MALLOC,
    CALLOC,
    REALLOC,
};

#define WRAP(type, name, call, bad, params, args)                              \
    type __real_##name params;                                                 \
    type __wrap_##name params;                                                 \
    type __wrap_##name params                                                  \
    {                                                                          \
        return hit(call) ? (bad) : __real_##name args;                         \
    }

WRAP(int, openat64, OPENAT, -1, (int at, const char *p, int f, mode_t m),
     (at, p, f, m))
WRAP(int, open64, OPEN, -1, (const char *p, int f, mode_t m), (p, f, m))
WRAP(ssize_t, pwrite64, PWRITE, -1, (int fd, const void *b, size_t n, off_t o),
     (fd, b, n, o))
WRAP(ssize_t, pread64, PREAD, -1, (int fd, void *b, size_t n, off_t o),
     (fd, b, n, o))
WRAP(int, ftruncate64, FTRUNCATE, -1, (int fd, off_t n), (fd, n))
WRAP(int, renameat2, RENAMEAT2, -1,
     (int a, const char *p, int b, const char *q, unsigned f), (a, p, b, q, f))
WRAP(int, fsync, FSYNC, -1, (int fd), (fd))
WRAP(int, syncfs, SYNCFS, -1, (int fd), (fd))
WRAP(int, mkdirat, MKDIRAT, -1, (int at, const char *p, mode_t m), (at, p, m))
WRAP(int, flock, FLOCK, -1, (int fd, int how), (fd, how))
WRAP(int, fstat64, FSTAT, -1, (int fd, struct stat *st), (fd, st))
WRAP(int, fstatat64, FSTATAT, -1,
     (int at, const char *p, struct stat *st, int f), (at, p, st, f))
WRAP(off_t, lseek64, LSEEK, -1, (int fd, off_t o, int how), (fd, o, how))
WRAP(int, fallocate64, FALLOCATE, -1, (int fd, int m, off_t o, off_t n),
     (fd, m, o, n))
WRAP(ssize_t, copy_file_range, COPY, -1,
     (int a, off_t *x, int b, off_t *y, size_t n, unsigned f),
     (a, x, b, y, n, f))
WRAP(void *, malloc, MALLOC, NULL, (size_t n), (n))
WRAP(void *, calloc, CALLOC, NULL, (size_t n, size_t m), (n, m))
WRAP(void *, realloc, REALLOC, NULL, (void *p, size_t n), (p, n))

static const struct test_param calls[] = {
    {.name = "openat", .value = {OPENAT, EMFILE}},
    {.name = "openat_no_access", .value = {OPENAT, EACCES}},
    {.name = "open", .value = {OPEN, EMFILE}},
    {.name = "pwrite_full", .value = {PWRITE, ENOSPC}},
    {.name = "pwrite_quota", .value = {PWRITE, EDQUOT}},
    {.name = "pwrite_broken", .value = {PWRITE, EIO}},
    {.name = "pwrite_too_big", .value = {PWRITE, EFBIG}},
    {.name = "pwrite_full_for_good", .value = {PWRITE, ENOSPC, 1}},
    {.name = "pread", .value = {PREAD, EIO}},
    {.name = "ftruncate", .value = {FTRUNCATE, EIO}},
    {.name = "renameat2", .value = {RENAMEAT2, EROFS}},
    {.name = "renameat2_unknown", .value = {RENAMEAT2, EINVAL, 1}},
    {.name = "fsync", .value = {FSYNC, EIO}},
    {.name = "fsync_full", .value = {FSYNC, ENOSPC}},
    {.name = "syncfs", .value = {SYNCFS, EIO}},
    {.name = "mkdirat", .value = {MKDIRAT, ENOSPC}},
    {.name = "flock", .value = {FLOCK, ENOLCK}},
    {.name = "fstat", .value = {FSTAT, EIO}},
    {.name = "fstatat", .value = {FSTATAT, EIO}},
    {.name = "lseek", .value = {LSEEK, EINVAL}},
    {.name = "lseek_for_good", .value = {LSEEK, EINVAL, 1}},
    {.name = "fallocate", .value = {FALLOCATE, EOPNOTSUPP, 1}},
    {.name = "copy_file_range", .value = {COPY, EXDEV, 1}},
    {.name = "copy_file_range_full", .value = {COPY, ENOSPC}},
    {.name = "malloc", .value = {MALLOC, ENOMEM}},
    {.name = "calloc", .value = {CALLOC, ENOMEM}},
    {.name = "realloc", .value = {REALLOC, ENOMEM}},
};

/* The sweep's clock. */
static time_t later;
time_t __real_time(time_t *t);
time_t __wrap_time(time_t *t);

time_t
__wrap_time(time_t *t)
{
    return __real_time(t) + later;
}

/* ---- what is sent, and what is there ---- */

static int
one_removed(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void
prepare(void)
{
    int fd;

    kit_path("src", true);
    kit_path("src/sub", true);
    kit_write(kit_path("src/a", false), SIZE, 1);
    kit_write(kit_path("src/sub/b", false), 300, 2);
    kit_write(kit_path("src/c", false), SIZE, 3);
    kit_write(kit_path("src/d", false), SIZE, 5);
    fd = open(kit_path("src/d", false), O_RDWR | O_CLOEXEC);
    EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, KIT_BLOCK,
                 KIT_BLOCK),
       0);
    close(fd);
    kit_path("parts", true);
    /* One that differs at its end and is no part; one part. */
    kit_write(kit_path("parts/c", false), SIZE, 3);
    fd = open(kit_path("parts/c", false), O_RDWR | O_CLOEXEC);
    EQ(pwrite(fd, "x", 1, SIZE - 1), 1);
    close(fd);
}

static void
place_old(void)
{
    const char *old = kit_path("dst/src/c", false);
    int fd;

    (void)nftw(kit_path("dst", false), one_removed, 16, FTW_DEPTH | FTW_PHYS);
    kit_path("dst", true);
    kit_path("dst/src", true);
    kit_write(old, SIZE, 3);
    fd = open(old, O_RDWR | O_CLOEXEC);
    EQ(pwrite(fd, "x", 1, SIZE - 1), 1);
    close(fd);
    kit_write(kit_path("dst/src/.d.tenon-part", false), 2 * KIT_BLOCK, 5);
}

static bool
is_one_of(const char *path)
{
    return kit_same(path, kit_path("src/a", false)) ||
           kit_same(path, kit_path("src/sub/b", false)) ||
           kit_same(path, kit_path("src/c", false)) ||
           kit_same(path, kit_path("src/d", false)) ||
           kit_same(path, kit_path("parts/c", false));
}

static int
one_looked_at(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    if (kind == FTW_F && path[at->base] != '.') {
        CHECK(is_one_of(path));
    }
    return 0;
}

static int
run_one(void *arg)
{
    struct kit *k = arg;
    struct kit fresh = {.path = kit_path("src", false),
                        .dir = kit_path("dst", false)};

    *k = fresh;
    kit_run(k);
    return 0;
}

/* The kit's own asserts are not to be met by a fault: only the two calls. */
static int
failing(const struct test_param *p)
{
    for (int n = 1; n <= MOST; n++) {
        struct kit k, after;

        place_old();
        kit_fault = &is_on;
        which = p->value[0];
        fault = p->value[1];
        is_for_good = p->value[2] != 0;
        left = n;
        is_hit = false;
        EQ(tn_run(NULL, run_one, &k), 0);
        is_on = false;
        kit_fault = NULL;
        (void)nftw(kit_path("dst", false), one_looked_at, 16, FTW_PHYS);
        EQ(tn_run(NULL, run_one, &after), 0);
        EQ(after.sent, 0);
        EQ(after.received, 0);
        CHECK(kit_same(kit_path("src/a", false), kit_path("dst/src/a", false)));
        CHECK(kit_same(kit_path("src/sub/b", false),
                       kit_path("dst/src/sub/b", false)));
        CHECK(kit_same(kit_path("src/d", false), kit_path("dst/src/d", false)));
        CHECK(kit_same(kit_path("src/c", false),
                       kit_path("dst/src/c (1)", false)));
        if (!is_hit) {
            EQ(k.sent, 0);
            EQ(k.received, 0);
            return n;
        }
    }
    FAIL("it never stops failing");
    return 0;
}

TEST_EACH_TIMEOUT(the_disk_fails, calls, 100)
{
    prepare();
    NE(failing(p), 1); /* it was called at all */
}

static int
swept(void *arg)
{
    const char *old = kit_path("dst/sub/.a.tenon-part", false);
    const char *locked = kit_path("dst/.b.tenon-part", false);
    int fd;

    (void)arg;
    kit_path("dst", true);
    kit_path("dst/sub", true);
    kit_write(old, 10, 1);
    kit_write(locked, 10, 2);
    kit_write(kit_path("dst/c.tenon-part", false), 10, 3);
    EQ(parcel_sweep(kit_path("dst", false)), 0);
    fd = open(locked, O_RDONLY | O_CLOEXEC);
    EQ(flock(fd, LOCK_EX), 0);
    later = 8 * 24 * 3600;
    EQ(parcel_sweep(kit_path("dst", false)), 1);
    CHECK(!kit_is_there(old));
    CHECK(kit_is_there(locked));
    CHECK(kit_is_there(kit_path("dst/c.tenon-part", false)));
    close(fd);
    EQ(parcel_sweep(kit_path("dst", false)), 1);
    CHECK(!kit_is_there(locked));
    ERR(parcel_sweep(kit_path("none", false)), -ENOENT);
    return 0;
}

TEST(old_parts_are_swept_away)
{
    kit_main(swept);
}
