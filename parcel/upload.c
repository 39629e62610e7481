/*
 * upload.c - a parcel into a folder on the web: who is there, and item by item.
 */
#include "upload.h"

#include <tenon/err.h>
#include <tenon/task.h>

#include "upload_int.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH = 8, /* of JSON; deeper is no answer to any question of ours */
};

#define BETWEEN (50 * TN_MS) /* two tellings of PARCEL_MOVED */

static tn_str
text_of(const char *s)
{
    return (tn_str){s, strlen(s)};
}

/* ---- one question ---- */

static const tn_http_field *
field_of(const tn_http_response *res, const char *name)
{
    for (int i = 0; i < res->field_count; i++) {
        const tn_http_field *f = &res->fields[i];
        if (f->name.len == strlen(name) &&
            strncasecmp(f->name.at, name, f->name.len) == 0) {
            return f;
        }
    }
    return NULL;
}

static int64_t
number_of(const tn_http_response *res, const char *name)
{
    char text[24];
    const tn_http_field *f = field_of(res, name);
    if (!f || f->value.len == 0 || f->value.len > 18) {
        return -1;
    }
    (void)snprintf(text, sizeof(text), "%.*s", (int)f->value.len, f->value.at);
    return strspn(text, "0123456789") == f->value.len ? strtoll(text, NULL, 10)
                                                      : -1;
}

static void
keep_answer(struct upload_answer *a, const tn_http_response *res)
{
    const tn_http_field *location = field_of(res, "Location");
    const tn_http_field *cookie = field_of(res, "Set-Cookie");
    a->status = res->status;
    a->offset = number_of(res, "Upload-Offset");
    a->length = number_of(res, "Content-Length");
    a->location[0] = a->cookie[0] = '\0';
    if (location && location->value.len < sizeof(a->location)) {
        (void)snprintf(a->location, sizeof(a->location), "%.*s",
                       (int)location->value.len, location->value.at);
    }
    if (cookie) {
        const char *end = memchr(cookie->value.at, ';', cookie->value.len);
        size_t n = end ? (size_t)(end - cookie->value.at) : cookie->value.len;
        (void)snprintf(a->cookie, sizeof(a->cookie), "%.*s",
                       n <= UPLOAD_COOKIE ? (int)n : 0, cookie->value.at);
    }
}

/* Read a body into `dst`, or drop it; more than fits is not read. */
static ssize_t
read_body(tn_fetch *f, char *dst, size_t cap)
{
    size_t at = 0;
    ssize_t n = 1;
    while (n > 0 && at < cap) {
        n = tn_httpc_read(f, dst + at, cap - at);
        at += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? n : (ssize_t)at;
}

int
upload_ask(struct upload *u, tn_httpc_request *req, const char *digest)
{
    char page[1024];
    tn_fetch *f;
    tn_http_field fields[UPLOAD_FIELDS];
    int n = 0;
    if (u->place->cookie[0]) {
        fields[n++] =
            (tn_http_field){text_of("Cookie"), text_of(u->place->cookie)};
    }
    if (u->name[0]) {
        fields[n++] = (tn_http_field){text_of("Tenon-Name"), text_of(u->name)};
    }
    if (digest) {
        fields[n++] = (tn_http_field){text_of("Repr-Digest"), text_of(digest)};
    }
    req->url = u->url;
    req->fields = fields;
    req->field_count = n;
    int err = tn_httpc_open(&f, u->client, req);
    if (err < 0) {
        return err;
    }
    keep_answer(&u->answer, tn_httpc_response(f));
    /* An error's page is short; a longer one costs the connection. */
    ssize_t r = read_body(f, page, sizeof(page));
    tn_httpc_close(f);
    return r < 0 && u->answer.status < 400 ? (int)r : 0;
}

int
upload_url(struct upload *u, const char *path, const char *behind)
{
    size_t n = strlen(u->place->base);
    memcpy(u->url, u->place->base, n);
    ssize_t r =
        tn_url_encode(u->url + n, sizeof(u->url) - n, text_of(path), "/");
    if (r < 0) {
        return -ENAMETOOLONG;
    }
    n += (size_t)r;
    int m = snprintf(u->url + n, sizeof(u->url) - n, "%s", behind);
    return m < 0 || (size_t)m >= sizeof(u->url) - n ? -ENAMETOOLONG : 0;
}

/* ---- who is there ---- */

/* No deeper than what the parser's recursion may cost. */
static bool
is_shallow(const char *s, size_t n)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n && depth <= DEPTH; i++) {
        if (quoted && s[i] == '\\') {
            i++;
        } else if (s[i] == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            depth += s[i] == '[' || s[i] == '{';
            depth -= s[i] == ']' || s[i] == '}';
        }
    }
    return depth <= DEPTH;
}

/* {"name":"tenon","room":...,"code":...} */
static void
take_info(struct upload_place *place, const char *text, size_t n)
{
    json_t *root = is_shallow(text, n) ? json_loadb(text, n, 0, NULL) : NULL;
    const char *name = json_string_value(json_object_get(root, "name"));
    const char *room = json_string_value(json_object_get(root, "room"));
    const json_t *code = json_object_get(root, "code");
    if (!name || strcmp(name, "tenon") != 0) {
        place->hub[0] = '\0';
    } else {
        place->has_code = json_is_true(code);
        room = room ? room : "";
        (void)tn_text_clean(place->room, sizeof(place->room), room,
                            strlen(room));
    }
    json_decref(root);
}

static int
ask_info(struct upload_place *place, tn_httpc *client, const char *url)
{
    tn_fetch *f;
    const tn_httpc_request req = {.url = url};
    char *text = malloc(UPLOAD_INFO);
    if (!text) {
        return -ENOMEM;
    }
    int err = tn_httpc_open(&f, client, &req);
    if (err == 0) {
        int status = tn_httpc_response(f)->status;
        ssize_t n = read_body(f, text, UPLOAD_INFO);
        tn_httpc_close(f);
        if (status == 200 && n > 0) {
            take_info(place, text, (size_t)n);
        } else {
            place->hub[0] = '\0';
        }
        err = n < 0 ? (int)n : 0;
    }
    free(text);
    return err;
}

int
upload_knock(struct upload_place *place, tn_httpc *client, const char *url)
{
    char *info = NULL;
    tn_url parts;
    memset(place, 0, sizeof(*place));
    size_t n = strlen(url);
    if (n + sizeof("/files/") > sizeof(place->base)) {
        return tn_fail(-ENAMETOOLONG, "send to", url);
    }
    if (tn_url_parse(&parts, text_of(url)) < 0 || parts.host.len == 0) {
        return tn_fail(-EINVAL, "send to", url);
    }
    size_t path = parts.path.len > 0 ? (size_t)(parts.path.at - url) : n;
    (void)snprintf(place->hub, sizeof(place->hub), "%.*s", (int)path, url);
    (void)snprintf(place->base, sizeof(place->base), "%s%s", url,
                   n > path && url[n - 1] == '/' ? "" : "/");
    int err = asprintf(&info, "%s/info", place->hub) < 0 ? -ENOMEM : 0;
    if (err < 0) {
        return err;
    }
    err = ask_info(place, client, info);
    free(info);
    if (err == 0 && place->hub[0] && n <= path + 1) {
        (void)snprintf(place->base, sizeof(place->base), "%.*s/files/",
                       (int)path, url);
    }
    return err;
}

int
upload_enter(struct upload_place *place, tn_httpc *client, const char *code)
{
    struct upload *u = calloc(1, sizeof(*u));
    json_t *body = json_pack("{s:s}", "code", code);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    int err = u && text ? 0 : -ENOMEM;
    if (err == 0) {
        tn_httpc_request req = {
            .body = text, .length = (int64_t)strlen(text), .method = "POST"};
        u->place = place;
        u->client = client;
        (void)snprintf(u->url, sizeof(u->url), "%.*s/enter",
                       UPLOAD_URL - (int)sizeof("/enter"), place->hub);
        place->cookie[0] = '\0';
        err = upload_ask(u, &req, NULL);
    }
    if (err == 0) {
        switch (u->answer.status) {
        case 204:
            place->has_code = false;
            memcpy(place->cookie, u->answer.cookie, sizeof(place->cookie));
            break;
        case 403:
            err = -EACCES;
            break;
        case 429:
            err = -EAGAIN;
            break;
        default:
            err = tn_fail(-EPROTO, "enter", place->hub);
            break;
        }
    }
    free(text);
    json_decref(body);
    free(u);
    return err;
}

void
upload_fini(struct upload_place *place)
{
    free(place->done);
    place->done = NULL;
}

/* ---- telling ---- */

void
upload_tell(struct upload *u, enum parcel_what what,
            const struct parcel_item *it, int64_t done, const char *final)
{
    int64_t now = tn_now();
    const struct parcel_event ev = {
        .what = what,
        .item = it,
        .done = done,
        .all_done = u->all_done + (what == PARCEL_DONE ? 0 : done),
        .final = final,
    };
    if (what == PARCEL_MOVED && now - u->told < BETWEEN) {
        return;
    }
    u->told = now;
    if (u->opts->told) {
        u->opts->told(u->opts->arg, &ev);
    }
}

static void
tell_all(struct upload *u, enum parcel_what what, const struct parcel_sum *sum)
{
    const struct parcel_event ev = {
        .what = what,
        .sum = sum,
        .all_done = u->all_done,
        .who = what == PARCEL_PAIRED ? u->place->room : NULL,
    };
    if (u->opts->told) {
        u->opts->told(u->opts->arg, &ev);
    }
}

int
upload_failed(struct upload *u, const struct parcel_item *it, int err,
              const char *why)
{
    const struct parcel_event ev = {
        .what = PARCEL_FAILED,
        .item = it,
        .all_done = u->all_done,
        .err = err,
        .final = why,
    };
    u->result->failed++;
    if (u->opts->told) {
        u->opts->told(u->opts->arg, &ev);
    }
    return 0;
}

/* "/files/a%20(2).txt" is "a (2).txt" of the base "http://host/files/". */
static const char *
name_of(const struct upload *u, char *buf, size_t cap)
{
    tn_url base;
    const char *location = u->answer.location;
    if (tn_url_parse(&base, text_of(u->place->base)) < 0 ||
        strncmp(location, base.path.at, base.path.len) != 0) {
        return NULL;
    }
    ssize_t n =
        tn_url_decode(buf, cap, text_of(location + base.path.len), false);
    return n > 0 && strlen(buf) == (size_t)n ? buf : NULL;
}

void
upload_done(struct upload *u, const struct parcel_item *it, int64_t size)
{
    char *name = malloc(UPLOAD_URL);
    const char *final = name ? name_of(u, name, UPLOAD_URL) : NULL;
    u->place->done[it->index] = true;
    u->result->done++;
    u->files += it->kind != PARCEL_FOLDER;
    u->all_done += size;
    upload_tell(u, PARCEL_DONE, it, size, final ? final : it->path);
    free(name);
}

int
upload_judge(struct upload *u, const struct parcel_item *it)
{
    switch (u->answer.status) {
    case 401:
        return -EKEYREJECTED;
    case 403:
    case 405:
        u->denied++;
        return upload_failed(u, it, -EACCES, "it may not be put there");
    case 404:
        return upload_failed(u, it, -ENOENT,
                             "names like this are not taken there");
    case 413:
        return upload_failed(u, it, -EFBIG, "larger than is taken there");
    case 414:
        return upload_failed(u, it, -ENAMETOOLONG,
                             "the name is too long for there");
    case 507:
        return tn_fail(-ENOSPC, "send to", u->place->base);
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return tn_fail(-EAGAIN, "send to", u->place->base);
    default: {
        char why[64];
        (void)snprintf(why, sizeof(why), "it was answered with status %d",
                       u->answer.status);
        return upload_failed(u, it, -EPROTO, why);
    }
    }
}

/* ---- item by item ---- */

/* A folder that is there already is as good. */
static int
make_folder(struct upload *u, const struct parcel_item *it)
{
    tn_httpc_request req = {.method = "MKCOL"};
    int err = upload_url(u, it->path, "/");
    err = err == 0 ? upload_ask(u, &req, NULL) : err;
    if (err == -ENAMETOOLONG) {
        return upload_failed(u, it, err, "the path is too long");
    }
    if (err < 0) {
        return err;
    }
    if (u->answer.status == 201 || u->answer.status == 405) {
        u->answer.location[0] = '\0';
        upload_done(u, it, 0);
        return 0;
    }
    return upload_judge(u, it);
}

static int
send_item(struct upload *u, const struct parcel_item *it)
{
    switch (it->kind) {
    case PARCEL_FOLDER:
        return make_folder(u, it);
    case PARCEL_STREAM:
        return upload_stream(u, it);
    case PARCEL_FILE:
        break;
    }
    return upload_file(u, it);
}

static int
send_items(struct upload *u)
{
    const struct list *l = &u->p->list;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct parcel_item *it = &l->items[i];
        if (u->place->done[i]) {
            u->result->done++;
            u->result->kept += it->size > 0 ? it->size : 0;
            u->all_done += it->size > 0 ? it->size : 0;
            continue;
        }
        int err = send_item(u, it);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int
verdict(const struct upload *u, int err)
{
    if (err < 0 || u->result->failed == 0) {
        return err;
    }
    bool nothing = u->files == 0 && u->denied == u->result->failed;
    return nothing ? tn_fail(-EACCES, "send to", u->place->base)
                   : tn_fail(-EIO, "send to", u->place->base);
}

int
upload_send(struct upload_place *place, tn_httpc *client, const parcel *p,
            const struct upload_opts *opts, struct parcel_result *result)
{
    struct parcel_sum sum;
    struct upload *u = calloc(1, sizeof(*u));
    memset(result, 0, sizeof(*result));
    parcel_sum_of(p, &sum, NULL);
    if (u && !place->done) {
        place->done = calloc((size_t)p->list.count + 1, sizeof(bool));
    }
    if (!u || !place->done) {
        free(u);
        return tn_fail(-ENOMEM, "send to", place->base);
    }
    u->place = place;
    u->client = client;
    u->p = p;
    u->opts = opts;
    u->result = result;
    if (opts->who) {
        (void)!tn_url_encode(u->name, sizeof(u->name), text_of(opts->who), "");
    }
    tell_all(u, PARCEL_PAIRED, NULL);
    tell_all(u, PARCEL_OFFER, &sum);
    tell_all(u, PARCEL_ANSWER, &sum);
    int err = verdict(u, send_items(u));
    free(u);
    return err;
}
