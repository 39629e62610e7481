/*
 * cli/secret.c - read a secret.
 */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum {
    CTRL_C = 3,
};

/* The first line of it. */
static ssize_t
take_line(int fd, char *dst, size_t cap)
{
    static const char ends[] = {'\n', CTRL_C, '\0'};
    size_t n = 0;
    ssize_t r = 1;
    dst[0] = '\0';
    while (r > 0 && n < cap - 1 && !strpbrk(dst, ends)) {
        r = read(fd, dst + n, cap - 1 - n);
        n += r > 0 ? (size_t)r : 0;
        dst[n] = '\0';
    }
    if (r < 0) {
        return -errno;
    }
    if (strchr(dst, CTRL_C)) {
        return -EINTR;
    }
    dst[strcspn(dst, "\r\n")] = '\0';
    return (ssize_t)strlen(dst);
}

/* The terminal sends no signal meanwhile, so that it is never left silent. */
ssize_t
secret_ask(const char *prompt, char *dst, size_t cap)
{
    struct termios old, quiet;
    ssize_t n = -ENXIO;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return n;
    }
    if (tcgetattr(fd, &old) == 0) {
        quiet = old;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
        quiet.c_cc[VEOL] = CTRL_C;
        (void)tcsetattr(fd, TCSAFLUSH, &quiet);
        (void)dprintf(fd, "%s", prompt);
        n = take_line(fd, dst, cap);
        (void)tcsetattr(fd, TCSAFLUSH, &old);
        (void)dprintf(fd, "\n");
    }
    (void)close(fd);
    return n;
}

ssize_t
secret_of_file(const char *path, char *dst, size_t cap)
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO
                                    : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = take_line(fd, dst, cap);
    if (fd > STDERR_FILENO) {
        (void)close(fd);
    }
    return n;
}
