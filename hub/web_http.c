#include <tenon/err.h>
#include <tenon/task.h>
#include <tenon/url.h>

#include "assets.h"
#include "dialect.h"
#include "web_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the page may do: only what is ours, and nothing in its text. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'";

/* Of the page. The share says both for what it sends, and two policies would
   forbid what either does: the look of its listing. */
static const char *const page_headers[][2] = {
    {"Content-Security-Policy", policy},
    {"X-Content-Type-Options", "nosniff"},
    {NULL, NULL},
};

static const char *const headers[][2] = {
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {NULL, NULL},
};

static int
put_headers(tn_exchange *x, const char *const list[][2])
{
    int err = 0;

    for (; (*list)[0] != NULL && err == 0; list++) {
        err = tn_httpd_field(x, (*list)[0], (*list)[1]);
    }
    return err;
}

static bool
is_path(const tn_http_request *req, const char *path)
{
    return req->path.len == strlen(path) &&
           memcmp(req->path.at, path, req->path.len) == 0;
}

static bool
is_below(const tn_http_request *req, const char *folder)
{
    size_t n = strlen(folder);

    return req->path.len >= n && memcmp(req->path.at, folder, n) == 0;
}

/* --- whom we answer --------------------------------------------------------*/

static bool
changes_something(const tn_http_request *req)
{
    return req->method != TN_HTTP_GET && req->method != TN_HTTP_HEAD &&
           req->method != TN_HTTP_OPTIONS;
}

/* What the code keeps from strangers: all that is not the page itself. */
static bool
is_secret(const tn_http_request *req)
{
    return is_path(req, "/ws") || is_below(req, "/files/");
}

/* 1 if it was answered. */
static int
turn_away(tn_exchange *x, int status, const char *why)
{
    int err = tn_httpd_error(x, status, why);

    return err < 0 ? err : 1;
}

int
web_gate(tn_exchange *x, void *arg)
{
    const struct web *w = arg;
    const tn_http_request *req = tn_httpd_request(x);
    const struct guard *g = w->opts.guard;
    int err = put_headers(x, headers);

    if (err == 0 && (w->share == NULL || !is_below(req, "/files/"))) {
        err = put_headers(x, page_headers);
    }
    if (err < 0) {
        return err;
    }
    if (!guard_host(g, req->authority)) {
        return turn_away(x, 421, "This hub does not go by that name.");
    }
    if ((changes_something(req) || is_path(req, "/ws")) &&
        !guard_origin(g, tn_httpd_value(x, "Origin"), req->authority)) {
        return turn_away(x, 403, "This comes from another page.");
    }
    if (is_secret(req) && !guard_may_enter(g, tn_httpd_value(x, "Cookie"))) {
        return turn_away(x, 401, "The room has a code.");
    }
    return 0;
}

void
web_log(const tn_httpd_entry *entry, void *arg)
{
    const struct web *w = arg;
    char what[128];

    snprintf(what, sizeof(what), "%.*s %.*s", (int)entry->method.len,
             entry->method.at != NULL ? entry->method.at : "",
             entry->target.len < 100 ? (int)entry->target.len : 100,
             entry->target.at != NULL ? entry->target.at : "");
    w->opts.log(w->opts.arg, entry->peer, what, entry->status);
}

/* --- the page --------------------------------------------------------------*/

/* Whether the browser has it already; its list of tags is short. */
static bool
has_tag(tn_exchange *x, const char *etag)
{
    tn_str tags = tn_httpd_value(x, "If-None-Match");

    return tags.at != NULL && tags.len >= strlen(etag) &&
           memmem(tags.at, tags.len, etag, strlen(etag)) != NULL;
}

static int
send_asset(tn_exchange *x, const struct web_asset *a)
{
    const tn_http_request *req = tn_httpd_request(x);
    bool packed =
        a->gzip != NULL && tn_http_has_token(req->fields, req->field_count,
                                             "Accept-Encoding", "gzip");
    int err = tn_httpd_field(x, "ETag", a->etag);

    /* Asked for each time: a hub that was replaced has a new page. */
    err = err == 0 ? tn_httpd_field(x, "Cache-Control", "no-cache") : err;
    err = err == 0 ? tn_httpd_field(x, "Vary", "Accept-Encoding") : err;
    if (err == 0 && has_tag(x, a->etag)) {
        return tn_httpd_reply(x, 304, NULL, NULL, 0);
    }
    if (err == 0 && packed) {
        err = tn_httpd_field(x, "Content-Encoding", "gzip");
    }
    if (err < 0) {
        return err;
    }
    return tn_httpd_reply(x, 200, a->type, packed ? a->gzip : a->data,
                          packed ? a->gzip_size : a->size);
}

static int
get_asset(tn_exchange *x, void *arg)
{
    const tn_http_request *req = tn_httpd_request(x);

    (void)arg;
    for (const struct web_asset *a = web_assets; a->path != NULL; a++) {
        if (is_path(req, a->path)) {
            return send_asset(x, a);
        }
    }
    return tn_httpd_error(x, 404, NULL);
}

/* --- /info and /enter ------------------------------------------------------*/

static int
reply_json(tn_exchange *x, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    int err = -ENOMEM;

    json_decref(object);
    if (text != NULL) {
        err = tn_httpd_field(x, "Cache-Control", "no-store");
        if (err == 0) {
            err =
                tn_httpd_reply(x, 200, "application/json", text, strlen(text));
        }
        free(text);
    }
    return err;
}

static int
get_info(tn_exchange *x, void *arg)
{
    const struct web *w = arg;
    bool in = guard_may_enter(w->opts.guard, tn_httpd_value(x, "Cookie"));

    return reply_json(x,
                      json_pack("{s:s,s:s,s:s,s:s,s:b}", "name", "tenon",
                                "version", tn_version(), "room", w->opts.name,
                                "epoch", w->epoch, "code", !in));
}

static int
reply_cookie(tn_exchange *x, const struct guard *g, const char *cookie)
{
    char value[sizeof(GUARD_COOKIE_NAME) + GUARD_COOKIE + 64];
    int err;

    snprintf(value, sizeof(value),
             GUARD_COOKIE_NAME "=%s; Path=/; HttpOnly; SameSite=Strict%s",
             cookie, g->tls ? "; Secure" : "");
    err = tn_httpd_field(x, "Set-Cookie", value);
    return err == 0 ? tn_httpd_reply(x, 204, NULL, NULL, 0) : err;
}

static int
try_code(tn_exchange *x, struct guard *g, const char *body, size_t n)
{
    json_t *root = json_loadb(body, n, 0, NULL);
    const json_t *code = json_object_get(root, "code");
    char cookie[GUARD_COOKIE + 1] = "";
    int err = -EINVAL;

    if (json_is_string(code)) {
        tn_str given = {json_string_value(code), json_string_length(code)};

        err = guard_try(g, tn_httpd_peer(x), given, tn_now(), cookie);
    }
    json_decref(root);
    if (err == -EACCES) {
        return tn_httpd_error(x, 403, "This is not the code.");
    }
    if (err == -EAGAIN) {
        err = tn_httpd_field(x, "Retry-After", "10");
        return err < 0 ? err
                       : tn_httpd_error(x, 429, "Too many codes were wrong.");
    }
    return err < 0 ? err : reply_cookie(x, g, cookie);
}

static int
post_enter(tn_exchange *x, void *arg)
{
    const struct web *w = arg;
    struct guard *g = w->opts.guard;
    char *body = NULL;
    ssize_t n;
    int err;

    if (!g->has_code) {
        return tn_httpd_reply(x, 204, NULL, NULL, 0);
    }
    n = tn_httpd_read_all(x, &body, WEB_POST);
    if (n < 0) {
        return (int)n;
    }
    err = web_is_shallow((tn_str){body, (size_t)n})
              ? try_code(x, g, body, (size_t)n)
              : -EINVAL;
    free(body);
    return err;
}

/* --- files -----------------------------------------------------------------*/

static int
serve_files(tn_exchange *x, void *arg)
{
    const struct web *w = arg;

    if (w->share == NULL ||
        (w->opts.read_only && changes_something(tn_httpd_request(x)))) {
        bool look = !changes_something(tn_httpd_request(x));

        return look ? tn_httpd_error(x, 404, "No files are shared here.")
                    : tn_httpd_error(x, 403, "Nothing may be shared here.");
    }
    return tn_share_serve(x, w->share);
}

/* Who shares a file: a member of that name who is at the same host. */
static room_id
author_of(const struct web *w, const tn_share_news *news)
{
    tn_str given = tn_httpd_value(news->x, "Tenon-Name");
    char wanted[3 * DIALECT_WANTED + 1], name[ROOM_NAME_MAX + 1];
    room_id who;
    ssize_t n;

    if (given.at == NULL || given.len >= sizeof(wanted)) {
        return 0;
    }
    n = tn_url_decode(wanted, sizeof(wanted), given, false);
    if (n <= 0 || dialect_name(name, wanted, (size_t)n) < 0) {
        return 0;
    }
    who = web_member(w, name, news->peer);
    return who == 0 && w->opts.member != NULL
               ? w->opts.member(w->opts.arg, name, news->peer)
               : who;
}

void
web_on_news(const tn_share_news *news, void *arg)
{
    struct web *w = arg;
    struct web_news item = {.size = news->size, .who = author_of(w, news)};

    (void)tn_text_clean(item.path, sizeof(item.path), news->name,
                        strlen(news->name));
    /* A file that is not told of is in the list all the same. */
    (void)!tn_chan_try_send(w->news, &item);
}

void
web_tell_file(web *w, const char *path, int64_t size)
{
    struct web_news item = {.size = size};

    (void)tn_text_clean(item.path, sizeof(item.path), path, strlen(path));
    (void)!tn_chan_try_send(w->news, &item);
}

int
web_tell_news(void *arg)
{
    struct web *w = arg;

    tn_task_name("web news");
    for (;;) {
        struct web_news item;
        int err = tn_chan_recv(w->news, &item);

        if (err < 0) {
            return err;
        }
        (void)room_file(w->room, item.who, item.path, item.size);
    }
}

static int
add_file(const tn_share_entry *e, void *arg)
{
    char clean[3 * 255 + 1];
    json_t *files = arg;
    json_t *file;

    (void)tn_text_clean(clean, sizeof(clean), e->name, strlen(e->name));
    if (e->is_folder || strcmp(clean, e->name) != 0) {
        return 0; /* a name that misleads is in the listing only */
    }
    file = json_pack("{s:s,s:I,s:I}", "name", e->name, "size",
                     (json_int_t)e->size, "time", (json_int_t)e->modified);
    if (file != NULL) {
        (void)json_array_append_new(files, file);
    }
    return json_array_size(files) == WEB_FILES;
}

json_t *
web_list_files(struct web *w)
{
    json_t *files = json_array();

    if (files != NULL && w->share != NULL) {
        /* A folder that cannot be read has no files. */
        (void)!tn_share_list(w->share, "", add_file, files);
    }
    return files;
}

/* --- the table -------------------------------------------------------------*/

const tn_httpd_route web_routes[] = {
    {"GET", "/info", get_info}, {"POST", "/enter", post_enter},
    {"GET", "/ws", web_talk},   {NULL, "/files/", serve_files},
    {"GET", "*", get_asset},    {NULL, NULL, NULL},
};
