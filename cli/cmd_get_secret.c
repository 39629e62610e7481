/*
 * The password for --user, from anywhere but the command line, where every
 * user of the machine could read it.
 */
#include <tenon/err.h>

#include "cmd_get_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum {
    CTRL_C = 3,
};

/* The first line of it. */
static int
take_line(struct get *g, int fd, const char *path)
{
    static const char ends[] = {'\n', CTRL_C, '\0'};
    size_t n = 0;
    ssize_t r = 1;
    while (r > 0 && n < sizeof(g->word) - 1 && !strpbrk(g->word, ends)) {
        r = read(fd, g->word + n, sizeof(g->word) - 1 - n);
        n += r > 0 ? (size_t)r : 0;
        g->word[n] = '\0';
    }
    if (r < 0) {
        say("%s: %s", path, tn_strerror(-errno));
        return EXIT_FAILED;
    }
    if (strchr(g->word, CTRL_C)) {
        return EXIT_SIGNAL + 2;
    }
    g->word[strcspn(g->word, "\r\n")] = '\0';
    return EXIT_DONE;
}

/* The terminal sends no signal meanwhile, so that it is never left silent. */
static int
ask(struct get *g, int fd)
{
    struct termios old;
    if (tcgetattr(fd, &old) != 0) {
        say("/dev/tty: %s", tn_strerror(-errno));
        return EXIT_FAILED;
    }
    struct termios quiet = old;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    quiet.c_cc[VEOL] = CTRL_C;
    (void)tcsetattr(fd, TCSAFLUSH, &quiet);
    (void)dprintf(fd, "Password for %s: ", g->user);
    int code = take_line(g, fd, "/dev/tty");
    (void)tcsetattr(fd, TCSAFLUSH, &old);
    (void)dprintf(fd, "\n");
    return code;
}

static int
from_file(struct get *g, const char *path)
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO
                                    : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        say("%s: %s", path, tn_strerror(-errno));
        return EXIT_FAILED;
    }
    int code = take_line(g, fd, path);
    if (fd > STDERR_FILENO) {
        (void)close(fd);
    }
    return code;
}

static int
find_word(struct get *g)
{
    const char *given = getenv("TENON_PASSWORD");
    if (g->o->password_file) {
        return from_file(g, g->o->password_file);
    }
    if (given && strlen(given) < sizeof(g->word)) {
        (void)snprintf(g->word, sizeof(g->word), "%s", given);
        return EXIT_DONE;
    }
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return say_usage("--user: there is no terminal to ask for the password "
                         "(use --password-file or TENON_PASSWORD)");
    }
    int code = ask(g, fd);
    (void)close(fd);
    return code;
}

int
secret_make(struct get *g)
{
    const char *user = g->o->user;
    if (!user) {
        return g->o->password_file
                   ? say_usage("--password-file goes with --user")
                   : EXIT_DONE;
    }
    if (strchr(user, ':')) {
        return say_usage("--user takes a name only: others can read the "
                         "command line (the password is asked for, or comes "
                         "from --password-file or TENON_PASSWORD)");
    }
    if (!*user || strlen(user) >= sizeof(g->user)) {
        return say_usage("--user: must be 1 to %d letters", GET_TEXT - 1);
    }
    (void)snprintf(g->user, sizeof(g->user), "%s", user);
    return find_word(g);
}
