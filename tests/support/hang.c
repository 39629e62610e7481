/*
 * hang.c - a disk that hangs, for a program that does not know of it.
 *
 * Preloaded, it has each write to a "history.db" wait while there is the FIFO
 * that TENON_HANG names, until somebody has opened and closed it for writing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

__attribute__((visibility("default"))) ssize_t
pwrite64(int fd, const void *data, size_t n, off64_t at);

static int
is_history(int fd)
{
    char link[64], path[512];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    if (len < 0) {
        return 0;
    }
    path[len] = '\0';
    return strstr(path, "history.db") != NULL;
}

ssize_t
pwrite64(int fd, const void *data, size_t n, off64_t at)
{
    const char *fifo = getenv("TENON_HANG");

    if (fifo != NULL && access(fifo, F_OK) == 0 && is_history(fd)) {
        char byte;
        int gate = open(fifo, O_RDONLY | O_CLOEXEC);

        while (gate >= 0 && read(gate, &byte, 1) > 0) {
        }
        if (gate >= 0) {
            (void)close(gate);
        }
    }
    return syscall(SYS_pwrite64, fd, data, n, at);
}
