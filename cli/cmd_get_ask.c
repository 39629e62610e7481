/*
 * What the options say of the request: its fields and its body.
 */
#include <tenon/err.h>

#include "cmd_get_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- fields ---- */

static tn_str
text_of(const char *s)
{
    return (tn_str){s, strlen(s)};
}

static int
add_field(struct get *g, tn_str name, tn_str value)
{
    if (g->field_count == GET_FIELDS) {
        return say_usage("too many header fields");
    }
    g->fields[g->field_count++] = (tn_http_field){name, value};
    return EXIT_DONE;
}

static int
add_usual(struct get *g, const char *name, const char *value)
{
    if (tn_http_find(g->fields, g->field_count, name, 0) >= 0) {
        return EXIT_DONE;
    }
    return add_field(g, text_of(name), text_of(value));
}

/* "Name: value"; "Name:" takes a usual one out, "Name;" is an empty one, as
   curl has it. */
static int
add_header(struct get *g, const char *text)
{
    size_t n = strcspn(text, ":;");
    const char *value = text + n + (text[n] != '\0');
    tn_str found = {NULL, 0};
    if (n == 0 || !text[n] || (text[n] == ';' && *value)) {
        return say_usage("-H %s: must be NAME: VALUE", text);
    }
    if (strpbrk(text, "\r\n")) {
        return say_usage("-H: a header field is one line");
    }
    value += strspn(value, " \t");
    size_t len = strlen(value);
    while (len > 0 && strchr(" \t", value[len - 1])) {
        len--;
    }
    if (len > 0 || text[n] == ';') {
        found = (tn_str){value, len};
    }
    return add_field(g, (tn_str){text, n}, found);
}

/* ---- -d, --data-binary, --json ---- */

static int
append(struct get *g, const char *at, size_t n)
{
    if (n > GET_DATA_MAX - g->body_len) {
        return say_usage("the data are larger than 64M: use -T FILE");
    }
    char *more = realloc(g->body, g->body_len + n + 1);
    if (!more) {
        say("out of memory");
        return EXIT_FAILED;
    }
    g->body = more;
    memcpy(g->body + g->body_len, at, n);
    g->body_len += n;
    return EXIT_DONE;
}

/* curl's -d @FILE leaves line ends out; --data-binary does not. */
static int
append_lines(struct get *g, const char *at, size_t n, bool plain)
{
    if (plain) {
        return append(g, at, n);
    }
    int code = EXIT_DONE;
    while (n > 0 && code == EXIT_DONE) {
        size_t len = 0;
        while (len < n && at[len] != '\r' && at[len] != '\n') {
            len++;
        }
        code = append(g, at, len);
        len += len < n;
        at += len;
        n -= len;
    }
    return code;
}

static int
append_file(struct get *g, const char *path, bool plain)
{
    char buf[2048];
    int code = EXIT_DONE;
    ssize_t n = 1;
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO
                                    : open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && n > 0 && code == EXIT_DONE) {
        n = read(fd, buf, sizeof(buf));
        if (n > 0) {
            code = append_lines(g, buf, (size_t)n, plain);
        }
    }
    if (fd < 0 || n < 0) {
        say("%s: %s", path, tn_strerror(-errno));
        code = EXIT_FAILED;
    }
    if (fd > STDERR_FILENO) {
        (void)close(fd);
    }
    return code;
}

static int
append_data(struct get *g, const struct opt_list *list, bool plain,
            const char *between)
{
    int code = EXIT_DONE;
    for (int i = 0; i < list->count && code == EXIT_DONE; i++) {
        const char *text = list->at[i];
        if (g->body) {
            code = append(g, between, strlen(between));
        }
        if (code == EXIT_DONE) {
            code = text[0] == '@' ? append_file(g, text + 1, plain)
                                  : append(g, text, strlen(text));
        }
    }
    return code;
}

static int
make_data(struct get *g)
{
    const struct get_opts *o = g->o;
    int code = append_data(g, &o->data, false, "&");
    if (code == EXIT_DONE) {
        code = append_data(g, &o->binary, true, "&");
    }
    if (code == EXIT_DONE) {
        code = append_data(g, &o->json, true, "");
    }
    if (code != EXIT_DONE) {
        return code;
    }
    if (o->json.count == 0) {
        return add_usual(g, "Content-Type",
                         "application/x-www-form-urlencoded");
    }
    code = add_usual(g, "Content-Type", "application/json");
    return code == EXIT_DONE ? add_usual(g, "Accept", "application/json")
                             : code;
}

/* ---- all of it ---- */

static int
make_body(struct get *g)
{
    const struct get_opts *o = g->o;
    int code = EXIT_DONE;
    if (o->data.count + o->binary.count + o->json.count > 0) {
        code = make_data(g);
        g->method = g->body_len > 0 ? NULL : "POST";
    } else if (o->form.count > 0) {
        code = feed_form(g);
        if (code == EXIT_DONE) {
            code = add_usual(g, "Content-Type", g->type);
        }
    } else if (o->upload) {
        code = feed_upload(g, o->upload);
        g->method = "PUT";
    }
    if (o->head) {
        g->method = "HEAD";
    }
    if (o->method) {
        g->method = o->method;
    }
    return code;
}

int
ask_make(struct get *g)
{
    const struct get_opts *o = g->o;
    int code = EXIT_DONE;
    for (int i = 0; i < o->header.count && code == EXIT_DONE; i++) {
        code = add_header(g, o->header.at[i]);
    }
    if (code == EXIT_DONE && o->referer) {
        code = add_usual(g, "Referer", o->referer);
    }
    if (code == EXIT_DONE && o->compressed) {
        code = add_usual(g, "Accept-Encoding", "zstd, gzip");
    }
    if (code == EXIT_DONE && o->range) {
        code = range_make(g);
    }
    if (code == EXIT_DONE && g->range[0]) {
        code = add_usual(g, "Range", g->range);
    }
    g->ranged = tn_http_find(g->fields, g->field_count, "Range", 0) >= 0;
    return code == EXIT_DONE ? make_body(g) : code;
}

void
ask_free(struct get *g)
{
    free(g->body);
    feed_free(g->feed);
    free(g->heads);
}

/* ---- the URL ---- */

/* A name from a file or a URL, coded; at most what 255 bytes become. */
static const char *
coded(const char *text, char *buf, size_t cap)
{
    ssize_t n = tn_url_encode(buf, cap, text_of(text), "");
    return n < 0 ? "" : buf;
}

/* curl takes "example.org/x" for http, and an upload to a folder gets the
   file's name. */
static char *
whole_url(const struct get *g, const char *text)
{
    char name[3 * GET_TEXT + 1] = "";
    const char *file = g->o->upload;
    char *url = NULL;
    if (file && strcmp(file, "-") != 0 && *text &&
        text[strlen(text) - 1] == '/') {
        const char *slash = strrchr(file, '/');
        coded(slash ? slash + 1 : file, name, sizeof(name));
    }
    int n = asprintf(&url, "%s%s%s", strstr(text, "://") ? "" : "http://", text,
                     name);
    return n < 0 ? NULL : url;
}

static bool
is_web(tn_str scheme)
{
    return (scheme.len == 4 && strncasecmp(scheme.at, "http", 4) == 0) ||
           (scheme.len == 5 && strncasecmp(scheme.at, "https", 5) == 0);
}

/* What is wrong with it, as far as a look at it tells. */
static const char *
not_a_url(const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c <= ' ' || (unsigned char)*c > '~') {
            return "not a URL (a space or a letter beyond ASCII is written as "
                   "%20)";
        }
    }
    return "not a URL (write http://host:port/path; ports go up to 65535)";
}

char *
ask_url(const struct get *g, const char *text)
{
    char user[3 * GET_TEXT + 1];
    char word[3 * GET_TEXT + 1];
    char *url = whole_url(g, text);
    tn_url parts;
    int err = url ? tn_url_parse(&parts, text_of(url)) : -ENOMEM;
    if (err == 0 && !is_web(parts.scheme)) {
        say("%s: only http:// and https:// can be got", text);
        free(url);
        return NULL;
    }
    if (err < 0) {
        say("%s: %s", text,
            err == -EINVAL ? not_a_url(text) : tn_strerror(err));
        free(url);
        return NULL;
    }
    if (!g->user[0] || parts.userinfo.len > 0) {
        return url;
    }
    char *secret = NULL;
    int n =
        asprintf(&secret, "%.*s://%s:%s@%s", (int)parts.scheme.len,
                 parts.scheme.at, coded(g->user, user, sizeof(user)),
                 coded(g->word, word, sizeof(word)), strstr(url, "://") + 3);
    free(url);
    if (n < 0) {
        say("out of memory");
    }
    return n < 0 ? NULL : secret;
}
