#include "phones.h"

#include <tenon/text.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
state_home(char dst[PHONES_PATH])
{
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int n = -1;
    if (xdg && xdg[0] == '/') {
        n = snprintf(dst, PHONES_PATH, "%s/tenon", xdg);
    } else if (home && home[0] == '/') {
        n = snprintf(dst, PHONES_PATH, "%s/.local/state/tenon", home);
    }
    return n > 0 && n < PHONES_PATH;
}

/* Make a folder and those above it, for their owner alone. */
static bool
make_folder(char *path)
{
    size_t n = strlen(path);
    for (size_t i = 1; i <= n; i++) {
        char end = path[i];
        if (end != '/' && end != '\0') {
            continue;
        }
        path[i] = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        path[i] = end;
        if (!made) {
            return false;
        }
    }
    return true;
}

const char *
phones_state(char dst[PHONES_PATH], const char *what)
{
    size_t n;
    if (!state_home(dst) || !make_folder(dst)) {
        return NULL;
    }
    n = strlen(dst);
    int more = snprintf(dst + n, PHONES_PATH - n, "/localsend-%s", what);
    return more > 0 && (size_t)more < PHONES_PATH - n ? dst : NULL;
}

const char *
phones_host(char *dst, size_t cap)
{
    char name[256] = "";
    if (gethostname(name, sizeof(name) - 1) < 0 || name[0] == '\0') {
        (void)snprintf(name, sizeof(name), "tenon");
    }
    name[strcspn(name, ".")] = '\0';
    (void)tn_text_clean(dst, cap, name, strlen(name));
    return dst;
}
