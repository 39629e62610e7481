/*
 * Where the hub's things are. The history does not lie in the shared folder,
 * where it would be served one day, but with the user's own data: by the
 * folder's name and place, so that the same folder has the same history; for
 * the hub's own folder by the port, as the room on port 8000 is the same room
 * tomorrow.
 */
#include <tenon/err.h>

#include "cmd_hub_int.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* Bytes of a shared folder's name that its history's folder bears. */
    NAME_LEN = 64,
};

/* Write a path, two parts of it and what is between them; false if it is too
   long. */
static bool
join(char dst[HUB_PATH], const char *a, const char *between, const char *b)
{
    int n = snprintf(dst, HUB_PATH, "%s%s%s", a, between, b);
    return n >= 0 && n < HUB_PATH;
}

/* $XDG_DATA_HOME/tenon/hub, where that is set and absolute as it has to be. */
static bool
data_home(char dst[HUB_PATH])
{
    const char *xdg = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (xdg && xdg[0] == '/') {
        return join(dst, xdg, "/", "tenon/hub");
    }
    return home && home[0] == '/' &&
           join(dst, home, "/", ".local/share/tenon/hub");
}

/* Make a folder and those above it, for their owner alone. */
static int
make_folder(const char *path)
{
    char part[HUB_PATH];
    size_t n = strlen(path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        part[i] = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST) {
            int err = -errno;
            say("%s: %s (XDG_DATA_HOME names another place)", part,
                tn_strerror(err));
            return EXIT_FAILED;
        }
        part[i] = path[i];
    }
    return EXIT_DONE;
}

/* Who else can write in the history's folder can put a history there, or take
   ours. A link that they made leads to a folder of theirs. */
static int
check_own(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        say("%s: %s", path, tn_strerror(-errno));
        return EXIT_FAILED;
    }
    const char *why = !S_ISDIR(st.st_mode)      ? "not a folder"
                      : st.st_uid != geteuid()  ? "somebody else's"
                      : (st.st_mode & 022) != 0 ? "others can write there"
                                                : NULL;
    if (why) {
        say("%s: %s (XDG_DATA_HOME names another place)", path, why);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

/* Tells folders of one name apart (FNV-1a, 64 bits). */
static unsigned long long
fingerprint(const char *path)
{
    unsigned long long hash = 0xcbf29ce484222325;
    for (const char *p = path; *p; p++) {
        hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
    }
    return hash;
}

static int
too_long(void)
{
    say("the path of the hub's folder is too long");
    return EXIT_FAILED;
}

/* The folder that was named. */
static int
take_folder(struct hub *h)
{
    struct stat st;
    char *path = realpath(h->dir, NULL);
    if (!path || stat(path, &st) < 0) {
        int err = -errno;
        free(path);
        say("%s: %s", h->dir, tn_strerror(err));
        return EXIT_FAILED;
    }
    bool fits = join(h->files, path, "", "");
    free(path);
    if (!fits) {
        return too_long();
    }
    if (!S_ISDIR(st.st_mode)) {
        return say_usage("%s: not a folder", h->dir);
    }
    return EXIT_DONE;
}

static int
place_files(struct hub *h, const char *home)
{
    if (h->dir) {
        return take_folder(h);
    }
    if (h->o->no_files || h->o->no_web) {
        return EXIT_DONE;
    }
    return join(h->files, home, "/", "files") ? make_folder(h->files)
                                              : too_long();
}

static int
place_history(struct hub *h, const char *home)
{
    char folder[HUB_PATH], name[NAME_LEN + 32];
    if (h->dir) {
        const char *slash = strrchr(h->files, '/');
        snprintf(name, sizeof(name), "%.*s-%016llx", NAME_LEN,
                 slash ? slash + 1 : "", fingerprint(h->files));
    } else {
        snprintf(name, sizeof(name), "port-%d", h->ep.port);
    }
    if (!join(folder, home, "/", name) ||
        !join(h->history, folder, "/", "history.db")) {
        return too_long();
    }
    int code = make_folder(folder);
    code = code == EXIT_DONE ? check_own(home) : code;
    return code == EXIT_DONE ? check_own(folder) : code;
}

int
hub_places(struct hub *h)
{
    bool own_files = !h->dir && !h->o->no_files && !h->o->no_web;
    char home[HUB_PATH] = "";
    if ((own_files || !h->o->no_history) && !data_home(home)) {
        say("neither XDG_DATA_HOME nor HOME names a place for the room "
            "(--no-history --no-files needs none)");
        return EXIT_FAILED;
    }
    int code = place_files(h, home);
    if (code == EXIT_DONE && !h->o->no_history) {
        code = place_history(h, home);
    }
    return code;
}
