/*
 * Who we are in a room, and what we saw there, from visit to visit: a file for
 * each room and name in $XDG_STATE_HOME/tenon/chat, for nobody but its owner.
 */
#include <tenon/err.h>

#include "cmd_chat_room.h"

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

/* Only one program at a time is this member: a second one would throw the
   first one out. The lock is beside the file, which is replaced. */
static int
take_lock(const char *path)
{
    char lock[KEEP_PATH + 8];
    (void)snprintf(lock, sizeof(lock), "%s.lock", path);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
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
    char folder[KEEP_PATH - 32];
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
    return close(fd) == 0 && good;
}

int
keep_save(struct keep *k)
{
    char text[KEEP_FILE], fresh[KEEP_PATH + 8];
    if (!k->path[0]) {
        return 0;
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
    if (!write_all(fresh, text, (size_t)n) || rename(fresh, k->path) != 0) {
        return -errno;
    }
    return 0;
}

void
keep_close(struct keep *k)
{
    if (k->path[0] && k->lock >= 0) {
        (void)close(k->lock);
    }
    k->lock = -1;
    k->path[0] = '\0';
}
