/*
 * helper.c - what tests ask for besides assertions: a folder, a guard page, a
 * thread, a cleanup.
 */
#include "runner_int.h"
#include "test.h"

#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct test_thread {
    pthread_t id;
    void (*fn)(void *arg);
    void *arg;
};

static char dir_path[64];

static struct {
    void (*fn)(void *arg);
    void *arg;
} cleanups[8];

static size_t cleanup_count;

void
runner_dir_set(const char *base, int number)
{
    snprintf(dir_path, sizeof(dir_path), "%.48s/%d", base, number);
}

static int
remove_entry(const char *path, const struct stat *info, int kind,
             struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void
runner_dir_remove(void)
{
    if (access(dir_path, F_OK) == 0) {
        nftw(dir_path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    }
}

const char *
test_dir(void)
{
    if (access(dir_path, F_OK) != 0 && mkdir(dir_path, 0700) != 0) {
        FAIL("cannot make %s: %s", dir_path, strerror(errno));
    }
    return dir_path;
}

bool
test_slow(void)
{
    const char *slow = getenv("TENON_TEST_SLOW");

    return slow != NULL && slow[0] != '\0' && slow[0] != '0';
}

int
test_scale(void)
{
    const char *text = getenv("TENON_TEST_TIMEOUT_SCALE");
    long scale = text ? strtol(text, NULL, 10) : 1;

    return scale >= 1 && scale <= 1000 ? (int)scale : 1;
}

void
test_cleanup(void (*fn)(void *arg), void *arg)
{
    if (cleanup_count == sizeof(cleanups) / sizeof(cleanups[0])) {
        FAIL("more than %zu cleanups", cleanup_count);
    }
    cleanups[cleanup_count].fn = fn;
    cleanups[cleanup_count].arg = arg;
    cleanup_count++;
}

void
runner_cleanup(void)
{
    while (cleanup_count > 0) {
        cleanup_count--;
        cleanups[cleanup_count].fn(cleanups[cleanup_count].arg);
    }
}

static int
compare_ints(const void *a, const void *b)
{
    const int *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

int
runner_fds(char *text, size_t cap)
{
    static int fds[1 << 16];
    const int most = sizeof(fds) / sizeof(fds[0]);
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");

    text[0] = '\0';
    if (dir == NULL) {
        return -1;
    }
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        int fd = (int)strtol(e->d_name, NULL, 10);
        if (e->d_name[0] != '.' && fd != dirfd(dir) && count < most) {
            fds[count++] = fd;
        }
    }
    closedir(dir);
    qsort(fds, (size_t)count, sizeof(fds[0]), compare_ints);
    size_t used = 0;
    for (int i = 0; i < count && used + 12 < cap; i++) {
        used += (size_t)snprintf(text + used, cap - used, " %d", fds[i]);
    }
    return count;
}

static size_t
guard_pages(size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (n + page - 1) / page * page;
}

uint8_t *
guard_alloc(size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = guard_pages(n);
    uint8_t *base = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED || mprotect(base + size, page, PROT_NONE) != 0) {
        FAIL("no memory for %zu guarded bytes", n);
    }
    return base + size - n;
}

uint8_t *
guard_copy(const void *data, size_t n)
{
    uint8_t *copy = guard_alloc(n);

    if (n > 0) {
        memcpy(copy, data, n);
    }
    return copy;
}

void
guard_free(uint8_t *copy, size_t n)
{
    if (copy != NULL) {
        size_t size = guard_pages(n);
        munmap(copy + n - size, size + (size_t)sysconf(_SC_PAGESIZE));
    }
}

static void *
thread_main(void *arg)
{
    struct test_thread *thread = arg;

    thread->fn(thread->arg);
    return NULL;
}

struct test_thread *
test_thread_start(void (*fn)(void *arg), void *arg)
{
    struct test_thread *thread = calloc(1, sizeof(*thread));

    if (thread == NULL) {
        FAIL("no memory for a thread");
    }
    thread->fn = fn;
    thread->arg = arg;
    if (pthread_create(&thread->id, NULL, thread_main, thread) != 0) {
        FAIL("cannot start a thread");
    }
    return thread;
}

void
test_thread_join(struct test_thread *thread)
{
    pthread_join(thread->id, NULL);
    free(thread);
}
