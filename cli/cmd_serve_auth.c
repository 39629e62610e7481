/*
 * Who may come in: names with passwords (Basic, RFC 7617), tokens (Bearer,
 * RFC 6750). They come from files that nobody else can read, never from the
 * command line, which everybody can.
 */
#include <tenon/task.h>

#include "cmd_serve_int.h"
#include "say.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* A wrong secret costs this much: guessing gets slow, the server does not. */
#define SERVE_WRONG (250 * TN_MS)

/* --- the files ------------------------------------------------------------ */

static int
refuse_file(FILE *file, const char *path, const char *why)
{
    if (file) {
        (void)fclose(file);
    }
    return say_usage("%s: %s", path, why);
}

static void
cut_line(char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
}

/* One secret a line; empty ones and those after "#" do not count. */
static int
read_secrets(struct serve_secret **out, int *count, const char *path,
             bool users)
{
    char line[SERVE_SECRET + 2];
    struct stat st;
    *count = 0;
    FILE *file = fopen(path, "re");
    if (!file) {
        say("%s: %s", path, tn_strerror(-errno));
        return EXIT_FAILED;
    }
    if (fstat(fileno(file), &st) != 0 || (st.st_mode & 077) != 0) {
        return refuse_file(file, path,
                           "others can read it; chmod 600 it first");
    }
    *out = calloc(SERVE_USERS, sizeof(**out));
    while (*out && fgets(line, sizeof(line), file)) {
        if (!strchr(line, '\n') && !feof(file)) {
            return refuse_file(file, path, "a line is too long");
        }
        cut_line(line);
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        if (*count == SERVE_USERS) {
            return refuse_file(file, path, "more than 1,000 lines");
        }
        if (users && (!strchr(line, ':') || line[0] == ':')) {
            return refuse_file(file, path, "a line is not USER:PASSWORD");
        }
        memcpy((*out)[(*count)++].text, line, strlen(line) + 1);
    }
    OPENSSL_cleanse(line, sizeof(line));
    (void)fclose(file);
    return *count > 0 ? EXIT_DONE : say_usage("%s: nobody is in it", path);
}

int
serve_auth_read(struct serve_auth *a, const char *users, const char *tokens)
{
    int code = EXIT_DONE;
    if (users) {
        code = read_secrets(&a->users, &a->user_count, users, true);
    }
    if (code == EXIT_DONE && tokens) {
        code = read_secrets(&a->tokens, &a->token_count, tokens, false);
    }
    return code;
}

static void
forget(struct serve_secret *secrets)
{
    if (secrets) {
        OPENSSL_cleanse(secrets, SERVE_USERS * sizeof(*secrets));
        free(secrets);
    }
}

void
serve_auth_free(struct serve_auth *a)
{
    forget(a->users);
    forget(a->tokens);
    memset(a, 0, sizeof(*a));
}

/* --- a request ------------------------------------------------------------ */

/* All are compared, and all of each: the time tells nothing about them. */
static bool
is_among(const struct serve_secret *secrets, int count,
         const struct serve_secret *tried)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        found |= CRYPTO_memcmp(secrets[i].text, tried->text,
                               sizeof(tried->text)) == 0;
    }
    return found != 0;
}

/* What is behind "Basic" or "Bearer"; absent if it is another scheme. */
static tn_str
credentials(tn_str value, const char *scheme)
{
    size_t n = strlen(scheme);
    if (value.len <= n || strncasecmp(value.at, scheme, n) != 0 ||
        value.at[n] != ' ') {
        return (tn_str){NULL, 0};
    }
    while (n < value.len && value.at[n] == ' ') {
        n++;
    }
    return (tn_str){value.at + n, value.len - n};
}

/* Undo the Base64 of "user:password". */
static bool
read_basic(struct serve_secret *tried, tn_str coded)
{
    unsigned char plain[SERVE_SECRET + 4];
    memset(tried, 0, sizeof(*tried));
    if (coded.len == 0 || coded.len % 4 != 0 ||
        coded.len / 4 * 3 > sizeof(plain)) {
        return false;
    }
    int n =
        EVP_DecodeBlock(plain, (const unsigned char *)coded.at, (int)coded.len);
    for (size_t i = coded.len; n > 0 && coded.at[i - 1] == '='; i--) {
        n--; /* it counts the padding */
    }
    if (n <= 0 || n >= SERVE_SECRET || memchr(plain, 0, (size_t)n) ||
        !memchr(plain, ':', (size_t)n)) {
        return false;
    }
    memcpy(tried->text, plain, (size_t)n);
    return true;
}

static bool
try_user(tn_exchange *x, const struct serve_auth *a, tn_str value)
{
    struct serve_secret tried;
    tn_str coded = credentials(value, "Basic");
    if (!a->users || !coded.at || !read_basic(&tried, coded) ||
        !is_among(a->users, a->user_count, &tried)) {
        return false;
    }
    tn_httpd_user(x, (tn_str){tried.text, strcspn(tried.text, ":")});
    return true;
}

static bool
try_token(tn_exchange *x, const struct serve_auth *a, tn_str value)
{
    struct serve_secret tried;
    tn_str token = credentials(value, "Bearer");
    memset(&tried, 0, sizeof(tried));
    if (!a->tokens || !token.at || token.len >= sizeof(tried.text)) {
        return false;
    }
    memcpy(tried.text, token.at, token.len);
    if (!is_among(a->tokens, a->token_count, &tried)) {
        return false;
    }
    tn_httpd_user(x, (tn_str){"token", 5});
    return true;
}

int
serve_auth_gate(tn_exchange *x, const struct serve_auth *a)
{
    tn_str value = tn_httpd_value(x, "Authorization");
    if (!a->users && !a->tokens) {
        return 0;
    }
    if (value.at && (try_user(x, a, value) || try_token(x, a, value))) {
        return 0;
    }
    int r = value.at ? tn_sleep(SERVE_WRONG) : 0;
    if (a->users) {
        (void)tn_httpd_field(x, "WWW-Authenticate",
                             "Basic realm=\"tenon\", charset=\"UTF-8\"");
    }
    if (a->tokens) {
        (void)tn_httpd_field(x, "WWW-Authenticate",
                             value.at ? "Bearer realm=\"tenon\", "
                                        "error=\"invalid_token\""
                                      : "Bearer realm=\"tenon\"");
    }
    r = r < 0 ? r : tn_httpd_error(x, 401, NULL);
    return r < 0 ? r : 1;
}
