/*
 * share.c - a folder over HTTP: which method does what.
 */
#include <tenon/url.h>

#include "http/share_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- opening ---- */

/* "/files/" as it is compared: "files". */
static char *
trim_slashes(const char *prefix)
{
    size_t n = strlen(prefix);
    while (n > 0 && prefix[0] == '/') {
        prefix++;
        n--;
    }
    while (n > 0 && prefix[n - 1] == '/') {
        n--;
    }
    return strndup(prefix, n);
}

/* The folder, or the one that the file is in. A file is found by its real name
   from then on: where it was linked from does not matter. */
static int
open_root(tn_share *s, const char *path)
{
    struct stat st;
    char *real = realpath(path, NULL);
    if (!real) {
        return -errno;
    }
    const char *folder = real;
    int err = stat(real, &st) == 0 ? 0 : -errno;
    if (err == 0 && S_ISREG(st.st_mode)) {
        const char *slash = strrchr(path, '/');
        char *last = strrchr(real, '/');
        s->shown = strdup(slash ? slash + 1 : path);
        s->one = strdup(last + 1);
        err = s->shown && s->one ? 0 : -ENOMEM;
        *last = '\0';
        folder = real[0] ? real : "/";
    } else if (err == 0 && !S_ISDIR(st.st_mode)) {
        err = -ENOTSUP;
    }
    if (err == 0) {
        s->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        err = s->root < 0 ? -errno : 0;
    }
    free(real);
    return err;
}

/* Can it be read, and is openat2() there? */
static int
try_root(const tn_share *s)
{
    int fd = tn__share_open(s, s->one ? s->one : "", O_RDONLY | O_NONBLOCK);
    if (fd < 0) {
        return fd;
    }
    close(fd);
    return 0;
}

int
tn_share_new(tn_share **out, const char *path, const tn_share_opts *opts)
{
    tn_share *s = calloc(1, sizeof(*s));
    *out = NULL;
    if (!s) {
        return tn_fail(-ENOMEM, "share", path);
    }
    s->root = -1;
    if (opts) {
        s->opts = *opts;
    }
    if (s->opts.max_partial <= 0) {
        s->opts.max_partial = TN_SHARE_PARTIALS;
    }
    if (s->opts.keep_partial <= 0) {
        s->opts.keep_partial = TN_SHARE_KEEP;
    }
    if (s->opts.keep && s->opts.taken == TN_SHARE_REPLACE) {
        s->opts.taken = TN_SHARE_RENAME;
    }
    s->prefix = trim_slashes(s->opts.prefix ? s->opts.prefix : "/");
    s->prefix_len = s->prefix ? strlen(s->prefix) : 0;
    s->opts.prefix = NULL;
    int err = s->prefix ? open_root(s, path) : -ENOMEM;
    err = err == 0 ? try_root(s) : err;
    if (err == 0 && s->opts.writable && !s->one) {
        tn__keep_sweep(s, false);
    }
    if (err < 0) {
        tn_share_free(s);
        return tn_fail(err, "share", path);
    }
    *out = s;
    return 0;
}

void
tn_share_free(tn_share *share)
{
    if (!share) {
        return;
    }
    if (share->root >= 0) {
        /* Only if nothing waits in it, and not one that another made. */
        if (share->opts.writable) {
            tn__keep_sweep(share, true);
            (void)unlinkat(share->root, TN__PARTS, AT_REMOVEDIR);
        }
        close(share->root);
    }
    free(share->one);
    free(share->shown);
    free(share->prefix);
    free(share);
}

/* ---- answers that several need ---- */

int
tn__share_refuse(struct tn__call *c, int err)
{
    switch (err) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ELOOP:
    case -EXDEV: /* it lies outside */
        return tn_httpd_error(c->x, 404, NULL);
    case -EACCES:
    case -EPERM:
    case -EROFS:
    case -ETXTBSY:
        return tn_httpd_error(c->x, 403, NULL);
    case -ENOSPC:
    case -EDQUOT:
        return tn_httpd_error(c->x, 507, "The disk is full.");
    case -EFBIG:
    case TN_ETOOBIG:
        return tn_httpd_error(c->x, 413, "The file is larger than allowed.");
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
    case -EBUSY:
    case -EAGAIN:
        (void)tn_httpd_field(c->x, "Retry-After", "1");
        return tn_httpd_error(c->x, 503, "Too much is going on; try again.");
    case -ESTALE:
        return tn_httpd_error(c->x, 409, "Another connection goes on with it.");
    case -EIO:
        return tn_httpd_error(c->x, 500, "The disk failed.");
    default:
        return err;
    }
}

bool
tn__share_is_scarce(int err)
{
    return err == -EMFILE || err == -ENFILE || err == -ENOMEM;
}

int
tn__share_location(struct tn__call *c, const char *path, bool slash,
                   tn_str query)
{
    const tn_share *s = c->share;
    size_t n = strlen(path);
    size_t cap = s->prefix_len + 3 * n + query.len + 5;
    char *text = malloc(cap);
    if (!text) {
        return -ENOMEM;
    }
    size_t at = (size_t)snprintf(text, cap, "/%s%s", s->prefix,
                                 s->prefix_len ? "/" : "");
    ssize_t r = tn_url_encode(text + at, cap - at, (tn_str){path, n}, "/");
    if (r >= 0) {
        at += (size_t)r;
        if (slash && text[at - 1] != '/') {
            text[at++] = '/';
        }
        (void)snprintf(text + at, cap - at, "%s%.*s", query.at ? "?" : "",
                       (int)query.len, query.at ? query.at : "");
        r = tn_httpd_field(c->x, "Location", text);
    }
    free(text);
    return (int)r;
}

bool
tn__share_has(const struct tn__call *c, const char *name)
{
    char value[8];
    return c->req->query.at &&
           tn_url_query(value, sizeof(value), c->req->query, name) != -ENOENT;
}

int
tn__share_number(const struct tn__call *c, const char *name, int64_t *value)
{
    char text[24];
    ssize_t n = tn_url_query(text, sizeof(text), c->req->query, name);
    if (n == -ENOENT) {
        return 0;
    }
    if (n <= 0 || n > 18 || strspn(text, "0123456789") != (size_t)n) {
        return -EINVAL;
    }
    *value = strtoll(text, NULL, 10);
    return 1;
}

/* ---- requests ---- */

/* Cut the share's prefix off a path that has been made plain. */
static bool
cut_prefix(const tn_share *s, char *path)
{
    size_t n = s->prefix_len;
    if (n == 0) {
        return true;
    }
    if (strncmp(path, s->prefix, n) != 0 || (path[n] && path[n] != '/')) {
        return false;
    }
    n += path[n] == '/';
    memmove(path, path + n, strlen(path + n) + 1);
    return true;
}

/* What the request is about. 0; a code for tn__share_refuse(). */
static int
find_path(struct tn__call *c)
{
    const tn_share *s = c->share;
    tn_str path = c->req->path;
    ssize_t n = tn_url_path(c->path, sizeof(c->path), path);
    if (n < 0) {
        return (int)n;
    }
    c->slash = path.len > 0 && path.at[path.len - 1] == '/';
    if (strlen(c->path) != (size_t)n || !cut_prefix(s, c->path) ||
        !tn__share_is_open(s, c->path)) {
        return -ENOENT;
    }
    if (!s->one) {
        return 0;
    }
    /* The folder stands for its only file. */
    if (c->path[0] && (c->slash || strcmp(c->path, s->shown) != 0)) {
        return -ENOENT;
    }
    c->slash = false;
    (void)snprintf(c->path, sizeof(c->path), "%s", s->one);
    return 0;
}

static const char *
allowed(const struct tn__call *c, bool folder)
{
    const tn_share *s = c->share;
    if (!s->opts.writable || s->one) {
        return "GET, HEAD, OPTIONS";
    }
    if (s->opts.keep) {
        return folder ? "GET, HEAD, OPTIONS, POST" : "GET, HEAD, OPTIONS, PUT";
    }
    return folder ? "GET, HEAD, OPTIONS, POST, DELETE"
                  : "GET, HEAD, OPTIONS, PUT, DELETE";
}

/* Is it a folder? 1; 0: another thing, or nothing; a code if that cannot be
   told now. */
static int
is_folder(const struct tn__call *c)
{
    struct stat st;
    int fd = tn__share_open(c->share, c->path, O_PATH);
    if (fd < 0) {
        return tn__share_is_scarce(fd) ? fd : 0;
    }
    int yes = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    close(fd);
    return yes;
}

/* 0; or a code, and nothing was answered. */
static int
say_allowed(struct tn__call *c)
{
    int r = is_folder(c);
    return r < 0 ? r : tn_httpd_field(c->x, "Allow", allowed(c, r > 0));
}

static int
refuse_method(struct tn__call *c)
{
    int r = say_allowed(c);
    return r < 0 ? tn__share_refuse(c, r) : tn_httpd_error(c->x, 405, NULL);
}

static int
post(struct tn__call *c)
{
    int r = is_folder(c);
    if (r < 0) {
        return tn__share_refuse(c, r);
    }
    return r > 0 ? tn__share_post(c) : refuse_method(c);
}

static int
get(struct tn__call *c)
{
    struct stat st;
    if (c->head && tn__share_has(c, "upload")) {
        return tn__share_asked(c);
    }
    int fd = tn__share_open_read(c->share, c->path, &st);
    if (fd < 0) {
        return tn__share_refuse(c, fd);
    }
    int r;
    if (S_ISDIR(st.st_mode)) {
        r = tn__share_folder(c, fd);
    } else if (c->slash) {
        r = tn__share_refuse(c, -ENOTDIR);
    } else {
        r = tn__share_file(c, fd, &st);
    }
    close(fd);
    return r;
}

static int
options(struct tn__call *c)
{
    int r = say_allowed(c);
    return r < 0 ? tn__share_refuse(c, r)
                 : tn_httpd_reply(c->x, 204, NULL, "", 0);
}

/* MKCOL (RFC 4918 section 9.3). */
static int
other(struct tn__call *c, bool writable)
{
    if (!tn__str_is(c->req->method_text, "MKCOL")) {
        return tn_httpd_error(c->x, 501, NULL);
    }
    return writable ? tn__share_make(c) : refuse_method(c);
}

static int
dispatch(struct tn__call *c)
{
    bool writable = c->share->opts.writable && !c->share->one;
    switch (c->req->method) {
    case TN_HTTP_GET:
    case TN_HTTP_HEAD:
        return get(c);
    case TN_HTTP_OPTIONS:
        return options(c);
    case TN_HTTP_PUT:
        return writable ? tn__share_put(c) : refuse_method(c);
    case TN_HTTP_POST:
        return writable ? post(c) : refuse_method(c);
    case TN_HTTP_DELETE:
        return writable && !c->share->opts.keep ? tn__share_delete(c)
                                                : refuse_method(c);
    case TN_HTTP_OTHER:
        return other(c, writable);
    case TN_HTTP_TRACE:
    case TN_HTTP_CONNECT:
    case TN_HTTP_PATCH:
        break;
    }
    return refuse_method(c);
}

int
tn_share_serve(tn_exchange *x, tn_share *share)
{
    struct tn__call *c = calloc(1, sizeof(*c)); /* too large for a stack */
    if (!c) {
        return tn_fail(-ENOMEM, "serve", NULL);
    }
    c->x = x;
    c->share = share;
    c->req = tn_httpd_request(x);
    c->head = c->req->method == TN_HTTP_HEAD;
    c->reads = c->head || c->req->method == TN_HTTP_GET;
    (void)tn_httpd_field(x, "X-Content-Type-Options", "nosniff");
    int r;
    if (c->req->form == TN_HTTP_ASTERISK) {
        (void)tn_httpd_field(x, "Allow", allowed(c, true));
        r = tn_httpd_reply(x, 204, NULL, "", 0);
    } else {
        r = find_path(c);
        if (r == -EINVAL) {
            r = tn_httpd_error(x, 400, "The path is not a good one.");
        } else {
            r = r < 0 ? tn__share_refuse(c, r) : dispatch(c);
        }
    }
    free(c);
    return r;
}
