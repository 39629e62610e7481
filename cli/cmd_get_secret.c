/*
 * The password for --user.
 */
#include <tenon/err.h>

#include "cmd_get_int.h"
#include "secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
from_file(struct get *g, const char *path)
{
    ssize_t n = secret_of_file(path, g->word, sizeof(g->word));
    if (n < 0) {
        say("%s: %s", path, tn_strerror((int)n));
    }
    return n < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int
from_terminal(struct get *g)
{
    char prompt[GET_TEXT + 32];
    (void)snprintf(prompt, sizeof(prompt), "Password for %s: ", g->user);
    ssize_t n = secret_ask(prompt, g->word, sizeof(g->word));
    if (n == -EINTR) {
        return EXIT_SIGNAL + 2;
    }
    if (n == -ENXIO) {
        return say_usage("--user: there is no terminal to ask for the password "
                         "(use --password-file or TENON_PASSWORD)");
    }
    if (n < 0) {
        say("/dev/tty: %s", tn_strerror((int)n));
    }
    return n < 0 ? EXIT_FAILED : EXIT_DONE;
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
    return from_terminal(g);
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
