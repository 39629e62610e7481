/*
 * A body that is read while it goes out: files, and text between them
 * (multipart/form-data, RFC 7578).
 */
#include <tenon/err.h>
#include <tenon/sock.h>

#include "cmd_get_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BOUNDARY = 32, /* hexadecimal digits: nobody's data holds them by chance */
};

/* ---- pieces ---- */

static struct feed_piece *
next_piece(struct feed *f)
{
    struct feed_piece *p = &f->at[f->count++];
    memset(p, 0, sizeof(*p));
    p->fd = -1;
    return p;
}

static int
add_text(struct feed *f, const char *a, const char *b, const char *c)
{
    struct feed_piece *p = next_piece(f);
    int n = asprintf(&p->text, "%s%s%s", a, b, c);
    if (n < 0) {
        p->text = NULL;
        say("out of memory");
        return EXIT_FAILED;
    }
    p->len = (size_t)n;
    return EXIT_DONE;
}

/* "-" is stdin. */
static int
add_file(struct feed *f, const char *path)
{
    struct feed_piece *p = next_piece(f);
    struct stat st;
    p->name = path;
    p->fd = strcmp(path, "-") == 0 ? STDIN_FILENO
                                   : open(path, O_RDONLY | O_CLOEXEC);
    if (p->fd < 0 || fstat(p->fd, &st) != 0) {
        say("%s: %s", path, tn_strerror(-errno));
        return EXIT_FAILED;
    }
    if (S_ISDIR(st.st_mode)) {
        say("%s: is a directory", path);
        return EXIT_FAILED;
    }
    p->pipe = !S_ISREG(st.st_mode);
    p->size = st.st_size;
    return EXIT_DONE;
}

void
feed_free(struct feed *f)
{
    for (int i = 0; f && i < f->count; i++) {
        free(f->at[i].text);
        if (f->at[i].fd > STDERR_FILENO) {
            (void)close(f->at[i].fd);
        }
    }
    if (f) {
        tn_close(f->pipe);
    }
    free(f);
}

int64_t
feed_length(const struct feed *f)
{
    int64_t sum = 0;
    for (int i = 0; i < f->count; i++) {
        if (f->at[i].pipe) {
            return -1;
        }
        sum += f->at[i].fd < 0 ? (int64_t)f->at[i].len : f->at[i].size;
    }
    return sum;
}

/* ---- reading ---- */

static ssize_t
read_pipe(struct feed *f, const struct feed_piece *p, void *buf, size_t cap)
{
    if (!f->pipe) {
        int err = tn_wrap(&f->pipe, p->fd);
        if (err < 0) {
            return err;
        }
    }
    f->touched = true;
    ssize_t n = tn_recv(f->pipe, buf, cap, 0);
    if (n == 0) {
        tn_close(f->pipe);
        f->pipe = NULL;
    }
    return n < 0 ? tn_fail((int)n, "read", p->name) : n;
}

static ssize_t
read_file(struct feed *f, const struct feed_piece *p, void *buf, size_t cap)
{
    int64_t left = p->size - f->done;
    if (left == 0) {
        return 0;
    }
    ssize_t n =
        pread(p->fd, buf, left < (int64_t)cap ? (size_t)left : cap, f->done);
    if (n < 0) {
        return tn_fail(-errno, "read", p->name);
    }
    return n > 0 ? n : tn_fail(TN_ETRUNCATED, "it became shorter:", p->name);
}

static ssize_t
read_piece(struct feed *f, void *buf, size_t cap)
{
    const struct feed_piece *p = &f->at[f->now];
    if (p->pipe) {
        return read_pipe(f, p, buf, cap);
    }
    if (p->fd >= 0) {
        return read_file(f, p, buf, cap);
    }
    size_t left = p->len - (size_t)f->done;
    left = left < cap ? left : cap;
    memcpy(buf, p->text + f->done, left);
    return (ssize_t)left;
}

ssize_t
feed_read(void *arg, void *buf, size_t cap)
{
    struct feed *f = arg;
    while (f->now < f->count) {
        ssize_t n = read_piece(f, buf, cap);
        if (n != 0) {
            f->done += n > 0 ? n : 0;
            f->sent += n > 0 ? n : 0;
            progress_at(f->progress, f->sent, feed_length(f));
            return n;
        }
        f->now++;
        f->done = 0;
    }
    return 0;
}

int
feed_rewind(void *arg)
{
    struct feed *f = arg;
    if (f->touched) {
        return tn_fail(-ESPIPE, "send the body once more: it came from",
                       "a pipe");
    }
    f->now = 0;
    f->done = f->sent = 0;
    return 0;
}

/* ---- -T ---- */

int
feed_upload(struct get *g, const char *path)
{
    g->feed = calloc(1, sizeof(*g->feed));
    if (!g->feed) {
        say("out of memory");
        return EXIT_FAILED;
    }
    g->feed->progress = &g->progress;
    return add_file(g->feed, path);
}

/* ---- -F ---- */

struct form {
    const char *boundary;
    char name[GET_TEXT];
    char value[GET_PATH];
    char type[GET_TEXT];
    char file[GET_TEXT]; /* "" if it is no file */
};

/* What would end the quotes or the line goes coded, as browsers do it (WHATWG
   HTML, "multipart form data"). */
static bool
quote(char *dst, size_t cap, const char *src, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const char *code = src[i] == '"'    ? "%22"
                           : src[i] == '\r' ? "%0D"
                           : src[i] == '\n' ? "%0A"
                                            : NULL;
        size_t len = code ? 3 : 1;
        if (at + len >= cap) {
            return false;
        }
        memcpy(dst + at, code ? code : src + i, len);
        at += len;
    }
    dst[at] = '\0';
    return true;
}

/* ";type=text/plain", ";filename=x" behind a file's name. */
static bool
take_modifiers(struct form *form)
{
    char *semicolon;
    while ((semicolon = strrchr(form->value, ';')) != NULL) {
        const char *word = semicolon + 1;
        if (strncmp(word, "type=", 5) == 0 && strlen(word) < GET_TEXT) {
            (void)snprintf(form->type, sizeof(form->type), "%s", word + 5);
        } else if (strncmp(word, "filename=", 9) == 0) {
            if (!quote(form->file, sizeof(form->file), word + 9,
                       strlen(word + 9))) {
                return false;
            }
        } else {
            break; /* part of the name */
        }
        *semicolon = '\0';
    }
    return !strpbrk(form->type, "\r\n");
}

static bool
split_form(struct form *form, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || strlen(equals + 1) >= GET_PATH ||
        !quote(form->name, sizeof(form->name), text, (size_t)(equals - text))) {
        return false;
    }
    (void)snprintf(form->value, sizeof(form->value), "%s", equals + 1);
    if (form->value[0] != '@' && form->value[0] != '<') {
        return true;
    }
    const char *slash = strrchr(form->value, '/');
    bool sent_as_file = form->value[0] == '@';
    if (!take_modifiers(form)) {
        return false;
    }
    slash = strrchr(form->value, '/');
    slash = slash ? slash + 1 : form->value + 1;
    if (!sent_as_file) {
        form->file[0] = '\0';
    } else if (!form->file[0] &&
               !quote(form->file, sizeof(form->file), slash, strlen(slash))) {
        return false;
    }
    if (sent_as_file && !form->type[0]) {
        (void)snprintf(form->type, sizeof(form->type),
                       "application/octet-stream");
    }
    return true;
}

static int
add_form(struct feed *f, const struct form *form)
{
    char head[4 * GET_TEXT];
    bool file = form->file[0] != '\0';
    bool type = form->type[0] != '\0';
    (void)snprintf(head, sizeof(head),
                   "\r\nContent-Disposition: form-data; name=\"%s\"%s%s%s%s%s"
                   "\r\n\r\n",
                   form->name, file ? "; filename=\"" : "", form->file,
                   file ? "\"" : "", type ? "\r\nContent-Type: " : "",
                   form->type);
    int code = add_text(f, "--", form->boundary, head);
    if (code == EXIT_DONE) {
        code = form->value[0] == '@' || form->value[0] == '<'
                   ? add_file(f, form->value + 1)
                   : add_text(f, form->value, "", "");
    }
    return code == EXIT_DONE ? add_text(f, "\r\n", "", "") : code;
}

int
feed_form(struct get *g)
{
    char boundary[BOUNDARY + 1];
    uint8_t random[BOUNDARY / 2];
    int code = EXIT_DONE;
    g->feed = calloc(1, sizeof(*g->feed));
    struct form *form = calloc(1, sizeof(*form));
    if (!g->feed || !form || getrandom(random, sizeof(random), 0) < 0) {
        free(form);
        say("out of memory");
        return EXIT_FAILED;
    }
    g->feed->progress = &g->progress;
    for (int i = 0; i < BOUNDARY / 2; i++) {
        (void)snprintf(boundary + 2 * i, 3, "%02x", random[i]);
    }
    for (int i = 0; i < g->o->form.count && code == EXIT_DONE; i++) {
        memset(form, 0, sizeof(*form));
        form->boundary = boundary;
        if (split_form(form, g->o->form.at[i])) {
            code = add_form(g->feed, form);
        } else {
            code = say_usage("-F %s: must be NAME=VALUE or NAME=@FILE",
                             g->o->form.at[i]);
        }
    }
    free(form);
    (void)snprintf(g->type, sizeof(g->type), "multipart/form-data; boundary=%s",
                   boundary);
    return code == EXIT_DONE ? add_text(g->feed, "--", boundary, "--\r\n")
                             : code;
}
