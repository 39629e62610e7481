#include "question.h"

#include <tenon/msg.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* In the background reading would stop the program. */
static int
open_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0 && tcgetpgrp(fd) != getpgrp()) {
        (void)close(fd);
        fd = -1;
    }
    return fd < 0 ? -ENXIO : fd;
}

bool
question_may(void)
{
    int fd = open_terminal();
    if (fd < 0) {
        return false;
    }
    (void)close(fd);
    return true;
}

static void
show(int fd, const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t r = write(fd, text, n);
        if (r <= 0) {
            return;
        }
        text += r;
        n -= (size_t)r;
    }
}

static ssize_t
take(const char *line, size_t n, char *dst, size_t cap)
{
    while (n > 0 && strchr(" \t\r\n", line[n - 1])) {
        n--;
    }
    while (n > 0 && strchr(" \t", line[0])) {
        line++;
        n--;
    }
    if (n >= cap || n == QUESTION_LINE || memchr(line, '\0', n)) {
        return -EMSGSIZE;
    }
    memcpy(dst, line, n);
    dst[n] = '\0';
    return (ssize_t)n;
}

ssize_t
question_ask(const char *prompt, char *dst, size_t cap)
{
    char line[QUESTION_LINE];
    int fd = open_terminal();
    dst[0] = '\0';
    if (fd < 0) {
        return fd;
    }
    (void)tcflush(fd, TCIFLUSH);
    show(fd, prompt);
    ssize_t n = tn_wait_fd(fd, POLLIN, TN_FOREVER);
    if (n >= 0) {
        n = read(fd, line, sizeof(line));
        n = n < 0    ? -errno
            : n == 0 ? -ENODATA
                     : take(line, (size_t)n, dst, cap);
    }
    if (n == -ECANCELED || n == -ETIME || n == -ENODATA) {
        show(fd, "\n");
    }
    (void)close(fd);
    memset(line, 0, sizeof(line));
    return n;
}
