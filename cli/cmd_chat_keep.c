/*
 * Who we are in a room, and what we saw there, from visit to visit: a file for
 * each room and name in $XDG_STATE_HOME/tenon/chat, for nobody but its owner.
 */
#include <tenon/err.h>

#include "cmd_chat_room.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEEP_FILE = 512, /* bytes of such a file */
    /* Such files: years of rooms, and a quarter of a megabyte. The one that
       was not touched for the longest time makes room. */
    KEEP_ROOMS = 512,
    KEEP_NAME = 16,               /* letters of its name */
    KEEP_FOLDER = KEEP_PATH - 32, /* bytes of the folder's */
    /* Times that something is tried again which another program has, or took
       away meanwhile. */
    KEEP_TRIES = 8,
};

static const char first_line[] = "tenon chat 1\n";

/* --- where -----------------------------------------------------------------*/

/* Make a folder and those above it, from `at` on. */
static bool
make_folders(char *path, size_t at)
{
    for (char *s = path + at; *s; s++) {
        if (*s == '/') {
            *s = '\0';
            bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
            *s = '/';
            if (!made) {
                return false;
            }
        }
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* The folder; false if nothing says where it may be, or it cannot be made. */
static bool
find_folder(char *dst, size_t cap)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    bool own = state && state[0] == '/';
    if (!own && !(home && home[0] == '/')) {
        return false;
    }
    int n = snprintf(dst, cap, "%s%s/tenon/chat", own ? state : home,
                     own ? "" : "/.local/state");
    /* Anybody may make the files of another's folder, and so be him. */
    struct stat st;
    return n > 0 && (size_t)n < cap && make_folders(dst, 1) &&
           lstat(dst, &st) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

/* FNV-1a: names and addresses hold what file names may not. */
static uint64_t
fingerprint(const char *hub, const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (const char *s = hub; *s; s++) {
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    }
    h = (h ^ '\n') * 1099511628211u;
    for (const char *s = name; *s; s++) {
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    }
    return h;
}

/* Whether the file that is open is still the one of that name. */
static bool
is_there(int fd, const char *path)
{
    struct stat own, now;
    return fstat(fd, &own) == 0 && lstat(path, &now) == 0 &&
           own.st_ino == now.st_ino && own.st_dev == now.st_dev;
}

/* Only one program at a time is this member: a second one would throw the
   first one out. The lock is beside the file, which is replaced. */
static int
take_lock(const char *path)
{
    char lock[KEEP_PATH + 8];
    (void)snprintf(lock, sizeof(lock), "%s.lock", path);
    for (int i = 0; i < KEEP_TRIES; i++) {
        int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
            is_there(fd, lock)) {
            return fd;
        }
        bool gone = fd >= 0 && !is_there(fd, lock);
        if (fd >= 0) {
            (void)close(fd);
        }
        if (!gone) { /* another program has it, or it cannot be made */
            break;
        }
    }
    return -1;
}

/* Take the lock away, for which it has to be ours. */
static void
drop_lock(const char *path, int fd)
{
    char lock[KEEP_PATH + 8];
    (void)snprintf(lock, sizeof(lock), "%s.lock", path);
    (void)unlink(lock);
    (void)close(fd);
}

/* --- how many --------------------------------------------------------------*/

static bool
is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

/* Whether it is such a file; when it was touched last. */
static bool
read_time(DIR *d, const char *name, struct timespec *when)
{
    struct stat st;
    if (strlen(name) != KEEP_NAME ||
        strspn(name, "0123456789abcdef") != KEEP_NAME ||
        fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    *when = st.st_mtim;
    return true;
}

/* Count the files, and find the one that was touched next after a moment. */
static int
find_oldest(const char *folder, struct timespec *after,
            char name[KEEP_NAME + 1])
{
    DIR *d = opendir(folder);
    const struct dirent *e;
    struct timespec when, oldest = *after;
    int count = 0;
    name[0] = '\0';
    while (d && (e = readdir(d)) != NULL) {
        if (!read_time(d, e->d_name, &when)) {
            continue;
        }
        count++;
        if (is_before(*after, when) && (!name[0] || is_before(when, oldest))) {
            memcpy(name, e->d_name, KEEP_NAME + 1);
            oldest = when;
        }
    }
    if (d) {
        (void)closedir(d);
    }
    *after = oldest;
    return count;
}

/* Forget a member, unless a program is just that one. */
static void
forget(const char *folder, const char *name)
{
    char path[KEEP_PATH];
    int n = snprintf(path, sizeof(path), "%.*s/%s", KEEP_FOLDER, folder, name);
    int lock = take_lock(path);
    if (lock >= 0) {
        (void)unlink(path);
        memcpy(path + n, ".new", sizeof(".new"));
        (void)unlink(path);
        path[n] = '\0';
        drop_lock(path, lock);
    }
}

/* Make room for one file more; those of programs that run stay. Not inlined:
   its paths would double the frame of who calls it. */
__attribute__((noinline)) static void
prune(const char *file)
{
    struct timespec after = {.tv_sec = -1};
    char name[KEEP_NAME + 1], folder[KEEP_PATH];
    (void)snprintf(folder, sizeof(folder), "%.*s",
                   (int)(strlen(file) - KEEP_NAME - 1), file);
    for (int i = 0; i < KEEP_TRIES; i++) {
        if (find_oldest(folder, &after, name) < KEEP_ROOMS || !name[0]) {
            return;
        }
        forget(folder, name);
    }
}

/* --- reading ---------------------------------------------------------------*/

static int
digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* Read `n` bytes in hexadecimal; behind them a newline. */
static const char *
read_hex(const char *s, unsigned char *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = digit(s[0]), low = high < 0 ? -1 : digit(s[1]);
        if (low < 0) {
            return NULL;
        }
        dst[i] = (unsigned char)(high * 16 + low);
        s += 2;
    }
    return *s == '\n' ? s + 1 : NULL;
}

/* "key HEX", "epoch HEX" or nothing, "seen N": a line each. */
static bool
read_lines(struct keep *k, const char *s)
{
    unsigned char epoch[GUEST_EPOCH / 2];
    size_t head = sizeof(first_line) - 1;
    if (strncmp(s, first_line, head) != 0 ||
        strncmp(s + head, "key ", 4) != 0) {
        return false;
    }
    s = read_hex(s + head + 4, k->key, GUEST_KEY);
    if (!s || strncmp(s, "epoch ", 6) != 0) {
        return false;
    }
    s += 6;
    if (*s == '\n') {
        k->epoch[0] = '\0';
        return true;
    }
    const char *seen = read_hex(s, epoch, sizeof(epoch));
    if (!seen || strncmp(seen, "seen ", 5) != 0) {
        return false;
    }
    memcpy(k->epoch, s, GUEST_EPOCH);
    k->epoch[GUEST_EPOCH] = '\0';
    k->seen = strtoull(seen + 5, NULL, 10);
    return true;
}

static bool
read_file(struct keep *k)
{
    char text[KEEP_FILE];
    int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    return read_lines(k, text);
}

/* --- use -------------------------------------------------------------------*/

int
keep_open(struct keep *k, const char *hub, const char *name)
{
    char folder[KEEP_FOLDER];
    memset(k, 0, sizeof(*k));
    k->lock = -1;
    if (find_folder(folder, sizeof(folder))) {
        (void)snprintf(k->path, sizeof(k->path), "%s/%016llx", folder,
                       (unsigned long long)fingerprint(hub, name));
        k->lock = take_lock(k->path);
        if (k->lock < 0) {
            k->path[0] = '\0';
        }
    }
    if (k->path[0] && read_file(k)) {
        return 0;
    }
    k->epoch[0] = '\0';
    k->seen = 0;
    if (getrandom(k->key, sizeof(k->key), 0) != sizeof(k->key)) {
        return -EIO;
    }
    return 0;
}

static bool
write_all(const char *path, const char *text, size_t n)
{
    int fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return false;
    }
    bool good = fchmod(fd, 0600) == 0 && write(fd, text, n) == (ssize_t)n;
    good = close(fd) == 0 && good;
    if (!good) {
        (void)unlink(path);
    }
    return good;
}

int
keep_save(struct keep *k)
{
    char text[KEEP_FILE], fresh[KEEP_PATH + 8];
    if (!k->path[0]) {
        return 0;
    }
    if (access(k->path, F_OK) != 0) {
        prune(k->path);
    }
    int n = snprintf(text, sizeof(text), "%skey ", first_line);
    for (size_t i = 0; i < sizeof(k->key); i++) {
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", k->key[i]);
    }
    n += snprintf(text + n, sizeof(text) - (size_t)n, "\nepoch %s\n", k->epoch);
    if (k->epoch[0]) {
        n += snprintf(text + n, sizeof(text) - (size_t)n, "seen %llu\n",
                      (unsigned long long)k->seen);
    }
    (void)snprintf(fresh, sizeof(fresh), "%s.new", k->path);
    return write_all(fresh, text, (size_t)n) && rename(fresh, k->path) == 0
               ? 0
               : -EIO;
}

void
keep_close(struct keep *k)
{
    if (k->path[0] && access(k->path, F_OK) != 0) {
        drop_lock(k->path, k->lock); /* nothing is kept: nor is this */
    } else if (k->path[0]) {
        (void)close(k->lock);
    }
    k->lock = -1;
    k->path[0] = '\0';
}
