#include "pairing.h"

#include <tenon/err.h>
#include <tenon/seal.h>
#include <tenon/text.h>

#include "say.h"
#include "secret.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CODES = 1000000, /* ten to the power of PAIRING_DIGITS */
    HOST_NAME = 65,  /* gethostname(2) */
};

void
pairing_new(char code[PARCEL_CODE + 1])
{
    (void)snprintf(code, PARCEL_CODE + 1, "%0*u", PAIRING_DIGITS,
                   (unsigned)tn_secret_below(CODES));
}

const char *
pairing_show(const char *code, char buf[PAIRING_SHOWN])
{
    size_t n = strlen(code);
    size_t half = n == PAIRING_DIGITS ? n / 2 : n;
    (void)snprintf(buf, PAIRING_SHOWN, "%.*s%s%s", (int)half, code,
                   half < n ? "-" : "", code + half);
    return buf;
}

bool
pairing_read(char code[PARCEL_CODE + 1], const char *text)
{
    size_t n = 0;
    for (; *text && n <= PARCEL_CODE; text++) {
        if (!strchr("- \t", *text)) {
            code[n++] = *text;
        }
    }
    if (n == 0 || n > PARCEL_CODE) {
        code[0] = '\0';
        return false;
    }
    code[n] = '\0';
    return true;
}

int
pairing_of_file(char code[PARCEL_CODE + 1], const char *path)
{
    char line[PAIRING_TYPED];
    ssize_t n = secret_of_file(path, line, sizeof(line));
    int code_of_exit = EXIT_DONE;
    if (n < 0) {
        say("--code-file %s: %s", path, tn_strerror((int)n));
        code_of_exit = EXIT_FAILED;
    } else if (!pairing_read(code, line)) {
        code_of_exit =
            say_usage("--code-file %s: its first line has to be a code of 1 "
                      "to %d characters",
                      path, PARCEL_CODE);
    }
    tn_wipe(line, sizeof(line));
    return code_of_exit;
}

const char *
pairing_login(void)
{
    static const char *const names[] = {"USER", "LOGNAME"};
    for (int i = 0; i < 2; i++) {
        const char *name = getenv(names[i]);
        if (name && *name) {
            return name;
        }
    }
    const struct passwd *user = getpwuid(getuid());
    return user && *user->pw_name ? user->pw_name : NULL;
}

void
pairing_who(char who[PAIRING_WHO], const char *given)
{
    char text[2 * PARCEL_WHO];
    char host[HOST_NAME] = "";
    const char *user = pairing_login();
    if (gethostname(host, sizeof(host) - 1) != 0) {
        host[0] = '\0';
    }
    if (given) {
        (void)snprintf(text, sizeof(text), "%s", given);
    } else {
        (void)snprintf(text, sizeof(text), "%s%s%s", user ? user : "",
                       user && host[0] ? "@" : "", host);
    }
    size_t n = tn_text_clean(who, PAIRING_WHO, text, strlen(text));
    who[tn_text_cut(who, n, PARCEL_WHO)] = '\0';
}
