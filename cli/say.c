#include "say.h"

#include <tenon/err.h>

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SAY_LINE = 1024,        /* longer lines are cut */
    SAY_UNREAD = 16 << 10,  /* bytes in a pipe that nobody seems to read */
    SAY_LOOK = 100,         /* ms between two looks for a signal */
    FIRST_FREE_PORT = 1024, /* below, bind needs a privilege: ip(7) */
};

static const char *command_name;

void
say_as(const char *command)
{
    command_name = command;
}

static void say_line(const char *format, va_list args) TN_PRINTF(1, 0);

/* One write per line, so that lines of several programs do not mix. */
static void
say_line(const char *format, va_list args)
{
    char line[SAY_LINE];
    int n = command_name
                ? snprintf(line, sizeof(line), "tenon %s: ", command_name)
                : snprintf(line, sizeof(line), "tenon: ");
    size_t at = n < 0 ? 0 : (size_t)n;
    n = vsnprintf(line + at, sizeof(line) - at - 1, format, args);
    at += n < 0 ? 0 : (size_t)n;
    if (at > sizeof(line) - 2) {
        at = sizeof(line) - 2;
    }
    line[at] = '\n';
    (void)fflush(stdout);
    (void)fwrite(line, 1, at + 1, stderr);
}

void
say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_line(format, args);
    va_end(args);
}

bool
say_waits(void)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 0;
}

bool
say_data_waits(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    struct stat st;
    int unread = 0;
    if (poll(&p, 1, 0) == 0) {
        return true;
    }
    return fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode) &&
           ioctl(STDOUT_FILENO, FIONREAD, &unread) == 0 && unread > SAY_UNREAD;
}

/* Until stdout takes more. False: a signal waits for us to end. */
static bool
wait_for_reader(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    sigset_t waiting;
    while (poll(&p, 1, SAY_LOOK) == 0) {
        if (sigpending(&waiting) == 0 && (sigismember(&waiting, SIGINT) == 1 ||
                                          sigismember(&waiting, SIGTERM) == 1 ||
                                          sigismember(&waiting, SIGHUP) == 1)) {
            return false;
        }
    }
    return true;
}

void
say_data(const char *text, size_t n)
{
    static bool ending;
    (void)fflush(stdout);
    while (n > 0 && !ending) {
        if (!wait_for_reader()) {
            ending = true;
            return;
        }
        ssize_t r = write(STDOUT_FILENO, text, n < PIPE_BUF ? n : PIPE_BUF);
        if (r < 0) {
            return;
        }
        text += r;
        n -= (size_t)r;
    }
}

int
say_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_line(format, args);
    va_end(args);
    return EXIT_USAGE;
}

static bool
is_ip(const tn_endpoint *ep)
{
    return ep && (ep->transport == TN_TCP || ep->transport == TN_UDP ||
                  ep->transport == TN_TLS);
}

/* What stands where a Unix socket should be. */
static const char *
hint_path(const tn_endpoint *ep, const char *otherwise)
{
    struct stat st;
    if (ep->host[0] == '@' || stat(ep->host, &st) != 0) {
        return otherwise;
    }
    if (S_ISDIR(st.st_mode)) {
        return " (that is a directory)";
    }
    return S_ISSOCK(st.st_mode) ? otherwise : " (that is no socket)";
}

static const char *
hint(int err, const tn_endpoint *ep)
{
    bool path = ep && !is_ip(ep);
    switch (-err) {
    case ECONNREFUSED:
        return path ? hint_path(ep, " (nothing is listening there)")
                    : " (nothing is listening there)";
    case EADDRINUSE:
        return path ? hint_path(ep, " (another program listens there)")
                    : " (another program has this port)";
    case EACCES:
        if (is_ip(ep) && ep->port > 0 && ep->port < FIRST_FREE_PORT) {
            return " (ports below 1024 need root)";
        }
        return "";
    case EMFILE:
        return " (see ulimit -n)";
    case -TN_ECERT:
        return ep ? " (--ca FILE trusts another authority, --pin SHA256 just "
                    "this peer, --insecure anybody)"
                  : "";
    default:
        return "";
    }
}

int
say_failed(int err, const tn_endpoint *ep)
{
    const char *why = tn_why();
    const char *colon = strrchr(why, ':');
    if (err == -EBADF && colon) { /* of stdin or stdout: no socket at all */
        say("%.*s: it is not open", (int)(colon - why), why);
    } else if (err != -ECANCELED) {
        say("%s%s", why, hint(err, ep));
    }
    return err == -ETIME || err == -ETIMEDOUT ? EXIT_TIMEOUT : EXIT_FAILED;
}
