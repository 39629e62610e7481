/*
 * -o: the bytes of what comes to stdout, or to one file, which bears its name
 * when all of it is there.
 */
#include <tenon/err.h>

#include "cmd_recv_int.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
failed(const char *path)
{
    say("-o %s: %s", path, tn_strerror(-errno));
    return EXIT_FAILED;
}

/* Beside it; mode as if it had been made by its name. */
static int
open_beside(struct recv *r)
{
    (void)snprintf(r->part, sizeof(r->part), "%s.XXXXXX", r->path);
    r->out = mkostemp(r->part, O_CLOEXEC);
    if (r->out < 0) {
        r->part[0] = '\0';
        return failed(r->path);
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    (void)fchmod(r->out, 0666 & ~mask);
    return EXIT_DONE;
}

int
inbox_out_open(struct recv *r)
{
    const char *path = r->o->output;
    struct stat st;
    r->out = -1;
    if (!path) {
        return EXIT_DONE;
    }
    if (strcmp(path, "-") == 0) {
        r->out = STDOUT_FILENO;
        return EXIT_DONE;
    }
    if (!*path || strlen(path) >= RECV_PATH) {
        return say_usage("-o %.32s: no name for a file", path);
    }
    (void)snprintf(r->path, sizeof(r->path), "%s", path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        r->out = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return r->out < 0 ? failed(path) : EXIT_DONE;
    }
    return open_beside(r);
}

int
inbox_out_close(struct recv *r, bool whole)
{
    int code = EXIT_DONE;
    if (r->out > STDERR_FILENO) {
        if (whole && r->part[0] && fsync(r->out) < 0) {
            code = failed(r->path);
        }
        if (close(r->out) < 0 && code == EXIT_DONE) {
            code = failed(r->path);
        }
    }
    if (r->part[0] && whole && code == EXIT_DONE) {
        if (rename(r->part, r->path) < 0) {
            code = failed(r->path);
        }
    }
    if (r->part[0] && (!whole || code != EXIT_DONE)) {
        (void)unlink(r->part);
    }
    r->out = -1;
    return code;
}
