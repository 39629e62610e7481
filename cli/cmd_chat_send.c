/*
 * Files, sent to the folder of the hub while the talk goes on: as a browser
 * does it, in parts that go on where they were (docs/wire/web.md).
 */
#include <tenon/err.h>
#include <tenon/httpc.h>
#include <tenon/text.h>
#include <tenon/url.h>

#include "cmd_chat_room.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SEND_ID = 24,                      /* letters of an upload's name */
    SEND_PATH = 3 * NAME_MAX + 1,      /* a file's name, percent-coded */
    SEND_URL = 320 + SEND_PATH + 128,  /* with the folder and the query */
    SEND_COOKIE = 512,                 /* what proves that we know the code */
    SEND_NAME = 3 * ROOM_NAME_MAX + 1, /* ours, percent-coded */
    SEND_CODE = JSON_GROWTH * VISIT_CODE + 3, /* the room code as JSON */
    /* Answers in a row that may bring it no further, as the code and an offset
       do, before a pause. */
    SEND_IDLE = 3,
};

/* Nothing could be sent for so long: it is given up. */
#define SEND_PATIENCE (2 * TN_MIN)
#define SEND_FIRST    TN_SEC
#define SEND_LONGEST  (10 * TN_SEC)
/* How often the prompt tells how far it is. */
#define SEND_TELL (500 * TN_MS)

/* A file on its way. */
struct upload {
    struct visit_file *f;
    tn_httpc *client;
    int64_t told;  /* when the prompt was last written */
    int64_t moved; /* when something last got there */
    bool entered;  /* the code was given */
    int status;    /* of the latest answer */
    int64_t offset;
    char id[SEND_ID + 1];
    char url[SEND_URL];
    char cookie[SEND_COOKIE];
    char owner[SEND_NAME];
    char request[SEND_URL + 64];
    char code[SEND_CODE], body[SEND_CODE + 16];
    char why[128]; /* it was given up */
};

/* --- one request -----------------------------------------------------------*/

/* A tn_httpc_source: the rest of the file. */
static ssize_t
read_rest(void *arg, void *buf, size_t cap)
{
    struct upload *u = arg;
    struct visit_file *f = u->f;
    int64_t left = f->total - f->done;
    if (left == 0) {
        return 0;
    }
    ssize_t n =
        pread(f->fd, buf, left < (int64_t)cap ? (size_t)left : cap, f->done);
    if (n <= 0) {
        (void)snprintf(u->why, sizeof(u->why), "%s",
                       n < 0 ? tn_strerror(-errno) : "it became shorter");
        return -EIO;
    }
    f->done += n;
    if (tn_now() - u->told >= SEND_TELL) {
        u->told = tn_now();
        visit_prompt(f->visit);
    }
    return n;
}

static tn_str
text(const char *s)
{
    return (tn_str){s, strlen(s)};
}

/* The number in the answer's Upload-Offset; -1 if there is none. */
static int64_t
offset_of(const tn_http_response *res)
{
    char digits[24] = "";
    tn_str value =
        tn_http_value(res->fields, res->field_count, "Upload-Offset");
    if (!value.at || value.len == 0 || value.len >= sizeof(digits)) {
        return -1;
    }
    memcpy(digits, value.at, value.len);
    if (strspn(digits, "0123456789") != value.len) {
        return -1;
    }
    return strtoll(digits, NULL, 10);
}

/* Read the answer to its end, so that the connection may be used again. */
static int
finish(tn_fetch *fetch)
{
    char waste[512];
    ssize_t n;
    do {
        n = tn_httpc_read(fetch, waste, sizeof(waste));
    } while (n > 0);
    return (int)n;
}

/* Send a request about the upload; u->status and u->offset are set. */
static int
ask(struct upload *u, const char *method)
{
    struct visit_file *f = u->f;
    bool put = strcmp(method, "PUT") == 0;
    char *url = u->request;
    size_t cap = sizeof(u->request);
    const tn_http_field fields[] = {
        {text("Tenon-Name"), text(u->owner)},
        {text("Cookie"), text(u->cookie)},
    };
    int n = snprintf(url, cap, "%s?upload=%s", u->url, u->id);
    tn_httpc_request req = {.method = method,
                            .url = url,
                            .fields = fields,
                            .field_count = u->cookie[0] ? 2 : 1};
    tn_fetch *fetch;
    if (put) {
        (void)snprintf(url + n, cap - (size_t)n, "&offset=%lld&size=%lld",
                       (long long)u->offset, (long long)f->total);
        f->done = u->offset;
        req.source = read_rest;
        req.source_arg = u;
        req.length = f->total - u->offset;
        req.expect = true;
    }
    u->status = 0;
    int err = tn_httpc_open(&fetch, u->client, &req);
    if (err < 0) {
        return err;
    }
    const tn_http_response *res = tn_httpc_response(fetch);
    int64_t at = offset_of(res);
    u->status = res->status;
    if (at >= 0 && at <= f->total) {
        u->moved = at > u->offset ? tn_now() : u->moved;
        u->offset = at;
    }
    err = put ? finish(fetch) : 0;
    tn_httpc_close(fetch);
    return err;
}

/* Give the hub the room code, as a browser does. */
static int
enter(struct upload *u)
{
    const struct visit *v = u->f->visit;
    static const char files[] = "files/";
    const char *folder = guest_folder(v->guest); /* it may be another now */
    size_t n = strlen(folder), tail = sizeof(files) - 1;
    const tn_http_field type = {text("Content-Type"), text("application/json")};
    if (n < tail || strcmp(folder + n - tail, files) != 0) {
        return -EINVAL;
    }
    (void)snprintf(u->request, sizeof(u->request), "%.*senter", (int)(n - tail),
                   folder);
    (void)snprintf(
        u->body, sizeof(u->body), "{\"code\":%s}",
        json_quote(u->code, sizeof(u->code), v->secret, strlen(v->secret)));
    const tn_httpc_request req = {.url = u->request,
                                  .fields = &type,
                                  .field_count = 1,
                                  .body = u->body,
                                  .length = (int64_t)strlen(u->body)};
    tn_fetch *fetch;
    u->entered = true;
    int err = tn_httpc_open(&fetch, u->client, &req);
    explicit_bzero(u->body, sizeof(u->body));
    explicit_bzero(u->code, sizeof(u->code));
    if (err < 0) {
        return err;
    }
    const tn_http_response *res = tn_httpc_response(fetch);
    tn_str given = tn_http_value(res->fields, res->field_count, "Set-Cookie");
    const char *more = given.at ? memchr(given.at, ';', given.len) : NULL;
    n = more ? (size_t)(more - given.at) : given.len;
    if (res->status == 204 && given.at && n < sizeof(u->cookie)) {
        memcpy(u->cookie, given.at, n);
        u->cookie[n] = '\0';
    }
    err = finish(fetch);
    tn_httpc_close(fetch);
    return err;
}

/* --- all of a file ---------------------------------------------------------*/

/* Why the hub does not take it; NULL: that may pass. */
static const char *
refusal(int status)
{
    switch (status) {
    case 401:
        return "the hub wants the room code";
    case 403:
        return "the hub takes no files, or not by this name";
    case 404:
        return "the hub has no folder";
    case 413:
        return "too large for the hub";
    case 414:
        return "its name is too long";
    case 507:
        return "no room on the hub's disk";
    default:
        return NULL;
    }
}

/* One step. Returns 1 when the file is there, 0 to go on, or a code; -EPERM:
   the hub does not want it. */
static int
step(struct upload *u, bool *unsure)
{
    if (u->f->visit->lost) { /* nor would the hub know whose it is */
        *unsure = true;
        return -EAGAIN;
    }
    int err = *unsure ? ask(u, "HEAD") : ask(u, "PUT");
    if (err < 0) {
        *unsure = true;
        return u->why[0] ? -EPERM : err;
    }
    if (u->status == 401 && !u->entered && u->f->visit->secret[0]) {
        return enter(u);
    }
    if (u->status == 201) {
        return 1;
    }
    if (*unsure && (u->status == 200 || u->status == 204)) {
        *unsure = false;
        return 0;
    }
    if (u->status == 202 || u->status == 409) {
        return 0;
    }
    const char *why = refusal(u->status);
    if (why) {
        (void)snprintf(u->why, sizeof(u->why), "%s", why);
        return -EPERM;
    }
    *unsure = true;
    return -EAGAIN;
}

static const char *
reason(int r)
{
    if (r == TN_ECERT) {
        return "the certificate of the hub's page is not trusted; see --pin";
    }
    return r < 0 ? tn_strerror(r) : "it does not get on";
}

/* Send it, through whatever breaks in between. */
static int
carry(struct upload *u)
{
    int64_t wait = SEND_FIRST;
    bool unsure = false;
    int idle = 0;
    u->moved = tn_now();
    for (;;) {
        int64_t at = u->offset;
        int r = step(u, &unsure);
        if (r == 1 || r == -EPERM || r == -ECANCELED) {
            return r;
        }
        idle = r == 0 && u->offset == at ? idle + 1 : 0;
        if (r == 0 && idle <= SEND_IDLE &&
            tn_now() - u->moved < SEND_PATIENCE) {
            wait = SEND_FIRST;
            continue;
        }
        /* A peer that cannot be believed is no break that passes. */
        bool hopeless = r == TN_ECERT || r == -EINVAL;
        if (hopeless || tn_now() - u->moved >= SEND_PATIENCE) {
            (void)snprintf(u->why, sizeof(u->why), "%s", reason(r));
            return -EPERM;
        }
        r = tn_sleep(wait);
        if (r < 0) {
            return r;
        }
        wait = 2 * wait < SEND_LONGEST ? 2 * wait : SEND_LONGEST;
    }
}

static int
prepare(struct upload *u)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    unsigned char random[SEND_ID];
    char name[SEND_PATH];
    const struct visit *v = u->f->visit;
    const char *slash = strrchr(u->f->path, '/');
    const tn_httpc_opts how = {
        .tls = v->tls, .max_redirects = -1, .no_proxy = "*"};
    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        return -EIO;
    }
    for (int i = 0; i < SEND_ID; i++) {
        u->id[i] = letters[random[i] & 31];
    }
    ssize_t n = tn_url_encode(name, sizeof(name),
                              text(slash ? slash + 1 : u->f->path), "");
    if (n < 0) {
        return (int)n;
    }
    (void)snprintf(u->url, sizeof(u->url), "%s%s", guest_folder(v->guest),
                   name);
    n = tn_url_encode(u->owner, sizeof(u->owner), text(v->name), "");
    return n < 0 ? (int)n : tn_httpc_new(&u->client, &how);
}

static void
tell(struct upload *u, int r)
{
    struct visit *v = u->f->visit;
    bool cut = r == -ECANCELED || r == -ETIME;
    const char *why = u->why[0] ? u->why : cut ? "we left" : tn_strerror(r);
    json_quote(v->line, sizeof(v->line), u->f->name, strlen(u->f->name));
    if (r == 1) {
        visit_json(v, "{\"event\":\"shared\",\"file\":%s}", v->line);
        return;
    }
    visit_json(v, "{\"event\":\"unshared\",\"file\":%s,\"why\":\"%s\"}",
               v->line, why);
    visit_tell(v, "not sent: %s (%s)", u->f->name, why);
    if (v->piped && v->code == EXIT_DONE) {
        v->code = EXIT_FAILED;
    }
}

static int
send_task(void *arg)
{
    struct visit_file *f = arg;
    struct visit *v = f->visit;
    char token = 0;
    tn_task_name("send");
    struct upload *u = calloc(1, sizeof(*u));
    int r = -ENOMEM;
    if (u) {
        u->f = f;
        r = prepare(u);
        r = r < 0 ? r : carry(u);
        tell(u, r);
        tn_httpc_free(u->client);
    }
    free(u);
    (void)close(f->fd);
    f->used = false;
    visit_prompt(v);
    (void)!tn_chan_try_send(v->places, &token);
    return 0;
}

/* --- /send -----------------------------------------------------------------*/

/* A file that is no file is told, and no reason to leave. */
static int
complain(struct visit *v, const char *path, const char *why)
{
    visit_tell(v, "%s: %s", path, why);
    if (v->piped && v->code == EXIT_DONE) {
        v->code = EXIT_FAILED;
    }
    return 0;
}

static struct visit_file *
free_place(struct visit *v)
{
    int i = 0;
    while (v->file[i].used) {
        i++;
    }
    return &v->file[i]; /* there is one: a token was had for it */
}

/* Open it: a descriptor, or a code. */
static int
open_file(const char *path, int64_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    int err = fstat(fd, &st) != 0    ? -errno
              : S_ISDIR(st.st_mode)  ? -EISDIR
              : !S_ISREG(st.st_mode) ? -EINVAL
                                     : 0;
    if (err < 0) {
        (void)close(fd);
        return err;
    }
    *size = st.st_size;
    return fd;
}

int
visit_send(struct visit *v, const char *path)
{
    int64_t size = 0;
    char token = 0;
    if (!guest_folder(v->guest)[0]) {
        return complain(v, path,
                        v->inside ? "the hub takes no files"
                                  : "not in the room yet");
    }
    int err = tn_chan_recv(v->places, &token);
    if (err < 0) {
        return err;
    }
    int fd = open_file(path, &size);
    if (fd < 0) {
        (void)!tn_chan_try_send(v->places, &token);
        return complain(v, path,
                        fd == -EINVAL ? "not a file" : tn_strerror(fd));
    }
    struct visit_file *f = free_place(v);
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    *f = (struct visit_file){.visit = v, .used = true, .fd = fd, .total = size};
    (void)snprintf(f->path, sizeof(f->path), "%s", path);
    (void)tn_text_clean(f->name, sizeof(f->name), name, strlen(name));
    err = tn_go(&v->group, send_task, f);
    if (err < 0) {
        f->used = false;
        (void)close(fd);
        return err;
    }
    visit_prompt(v);
    return 0;
}

void
visit_tell_files(struct visit *v)
{
    bool busy = false;
    for (int i = 0; i < VISIT_FILES; i++) {
        busy = busy || v->file[i].used;
    }
    if (busy && v->editor) {
        visit_tell(v,
                   "* files are on their way; Ctrl-C does not wait for them");
    }
}

int
visit_drain_files(struct visit *v)
{
    char token = 0;
    int err = 0, had = 0;
    while (err == 0 && had < VISIT_FILES) {
        err = tn_chan_recv(v->places, &token);
        had += err == 0;
    }
    while (had-- > 0) {
        (void)!tn_chan_try_send(v->places, &token);
    }
    return err;
}
