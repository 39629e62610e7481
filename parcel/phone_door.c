/*
 * phone_door.c - what other devices ask of us over HTTP.
 */
#include <tenon/err.h>
#include <tenon/text.h>
#include <tenon/url.h>

#include "job.h"
#include "phone_int.h"
#include "phone_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An answer without a body; the app looks at the status only. */
static int
plain(tn_exchange *x, int status)
{
    return tn_httpd_reply(x, status, NULL, "", 0);
}

static int
reply_json(tn_exchange *x, char *text)
{
    int err =
        text ? tn_httpd_reply(x, 200, "application/json", text, strlen(text))
             : -ENOMEM;

    free(text);
    return err;
}

/* No app sends an Origin: a page in some browser would like to write here. */
static int
gate(tn_exchange *x, void *arg)
{
    (void)arg;
    if (!tn_httpd_value(x, "Origin").at) {
        return 0;
    }
    return tn_httpd_error(x, 403, "not for web pages") < 0 ? -EIO : 1;
}

/* A parameter of the query; false: it is not there, or too long. */
static bool
param(tn_exchange *x, const char *name, char *dst, size_t cap)
{
    ssize_t n = tn_url_query(dst, cap, tn_httpd_request(x)->query, name);

    return n > 0 && memchr(dst, '\0', (size_t)n) == NULL;
}

/* --- who we are ------------------------------------------------------------*/

static int
on_info(tn_exchange *x, void *arg)
{
    const phone *p = arg;

    return reply_json(x, phone_info_write(&p->self.info, PHONE_SAY_WHERE));
}

/* Somebody introduces itself. What it says of its certificate is not believed
   where it has shown one. */
static int
on_register(tn_exchange *x, void *arg)
{
    phone *p = arg;
    struct phone_info info;
    tn_tls_info tls;
    char *text;
    ssize_t n = tn_httpd_read_all(x, &text, PHONE_SAID);
    int err =
        n < 0 ? (int)n : phone_info_read(&info, (tn_str){text, (size_t)n});

    if (n >= 0) {
        free(text);
    }
    if (err < 0) {
        return err;
    }
    if (p->tls && tn_tls_info_of(tn_httpd_sock(x), &tls) == 0 && tls.has_peer) {
        phone_hex(info.fingerprint, tls.fingerprint, sizeof(tls.fingerprint));
    }
    if (p->seen) {
        p->seen(p->seen_arg, tn_httpd_peer(x), &info);
    }
    return reply_json(x, phone_info_write(&p->self.info, PHONE_SAY_WHERE));
}

/* --- an offer --------------------------------------------------------------*/

static int
check_pin(phone *p, const tn_addr *from, const char *pin)
{
    char cookie[GUARD_COOKIE + 1];

    return p->opts.check
               ? p->opts.check(p->opts.arg, from, pin)
               : guard_try(&p->guard, from, (tn_str){pin, strlen(pin)},
                           tn_now(), cookie);
}

/* 0: the PIN is right, or none is asked for; else the status. */
static int
pin_status(phone *p, tn_exchange *x)
{
    char pin[PHONE_PIN + 1] = "";
    ssize_t n;
    int err;

    if (!p->opts.pin && !p->opts.check) {
        return 0;
    }
    n = tn_url_query(pin, sizeof(pin), tn_httpd_request(x)->query, "pin");
    if (n <= 0 && n != -ENAMETOOLONG) {
        return 401; /* that is how an app learns that it has to ask */
    }
    if (n < 0) {
        pin[0] = '\0'; /* too long to be right */
    }
    err = check_pin(p, tn_httpd_peer(x), pin);
    explicit_bzero(pin, sizeof(pin));
    return err == 0 ? 0 : err == -EAGAIN ? 429 : 401;
}

struct reading {
    tn_str text;
    struct phone_offer offer;
};

static int
read_offer(void *arg)
{
    struct reading *r = arg;

    return phone_offer_read(&r->offer, r->text);
}

/* Read what is offered, a few at a time: it is large in memory. */
static int
take_offer(phone *p, tn_exchange *x, struct phone_offer *offer)
{
    struct reading r = {0};
    char *text;
    ssize_t n;
    int err;

    if (p->desks >= PHONE_DESKS) {
        return -EAGAIN;
    }
    p->desks++;
    n = tn_httpd_read_all(x, &text, PHONE_JSON);
    err = n < 0 ? (int)n : 0;
    if (err == 0) {
        r.text = (tn_str){text, (size_t)n};
        err = job_run(read_offer, &r);
        free(text);
    }
    p->desks--;
    *offer = r.offer;
    return err;
}

/* Count what is taken. */
static void
sum_up(struct phone_session *s)
{
    memset(&s->sum, 0, sizeof(s->sum));
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->take[i]) {
            s->sum.files++;
            s->sum.bytes += s->items[i].size;
        }
    }
}

/* Names that nobody has to take. */
static void
tell_bad_names(struct phone_session *s)
{
    for (uint32_t i = 0; i < s->offer.count; i++) {
        if (!s->offer.files[i].path) {
            s->result.failed++;
            phone_session_tell(s, PARCEL_FAILED, -EINVAL,
                               s->offer.files[i].name);
        }
    }
}

/* 0; -EACCES; -EFBIG, -ENOSPC: it is too much. */
static int
decide(struct phone_session *s)
{
    const phone *p = s->phone;
    const struct parcel_ask ask = {
        .who = s->who, .sum = &s->sum, .items = s->items, .take = s->take};
    int err = phone_upload_look(s);

    phone_session_tell(s, PARCEL_PAIRED, 0, NULL);
    phone_session_tell(s, PARCEL_OFFER, 0, NULL);
    tell_bad_names(s);
    if (err == 0 && s->count == 0) {
        err = -EINVAL;
    }
    if (err == 0 && p->opts.max_bytes > 0 && s->sum.bytes > p->opts.max_bytes) {
        err = -EFBIG;
    }
    if (err == 0 && s->sum.bytes > phone_upload_room(p)) {
        err = -ENOSPC;
    }
    return err == 0 && p->opts.ask ? p->opts.ask(p->opts.arg, &ask) : err;
}

/* What was taken may come now; how many files that is. */
static uint32_t
begin(struct phone_session *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        s->files[i].state = s->take[i] ? PHONE_OPEN : PHONE_LEFT;
        s->left += s->take[i];
    }
    sum_up(s);
    s->result.skipped += s->count - s->left;
    s->asking = false;
    s->last = tn_now();
    phone_session_tell(s, PARCEL_ANSWER, 0, NULL);
    return s->left;
}

/* The session's number and the tokens; NULL: no memory. Numbers and tokens are
   hex, ids are text of their JSON. */
static char *
answer_of(const struct phone_session *s)
{
    char key[PHONE_KEY + 1];
    json_t *root = json_object(), *files = json_object();
    int err = phone_json_set(root, "sessionId", json_string(s->id));

    for (uint32_t i = 0; i < s->count; i++) {
        if (s->files[i].state == PHONE_OPEN) {
            phone_session_key(s, i, key);
            err |= phone_json_set(files, s->files[i].offered->id,
                                  json_string(key));
        }
    }
    err |= phone_json_set(root, "files", files);
    return phone_json_text(root, err);
}

static int
refuse(tn_exchange *x, struct phone_session *s, int err)
{
    static const struct {
        int err, status;
        const char *why;
    } ways[] = {
        {-EACCES, 403, "refused"},
        {-EINVAL, 400, "no file has a name that can be taken"},
        {-EFBIG, 413, "more than is taken here"},
        {-ENOSPC, 507, "more than the disk holds"},
    };

    (void)tn_fail(err, "take what a phone offers", NULL);
    phone_session_over(s, err);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (ways[i].err == err) {
            return tn_httpd_error(x, ways[i].status, ways[i].why);
        }
    }
    return err;
}

static int
negotiate(tn_exchange *x, struct phone_session *s)
{
    int err = decide(s);

    if (err < 0) {
        return refuse(x, s, err);
    }
    if (begin(s) == 0) {
        phone_session_over(s, 0);
        return plain(x, 204);
    }
    err = reply_json(x, answer_of(s));
    if (err < 0) {
        phone_session_over(s, err);
    }
    return err;
}

static int
on_prepare(tn_exchange *x, void *arg)
{
    phone *p = arg;
    struct phone_session *s;
    struct phone_offer offer;
    int status = !p->opts.dir ? 403 : 0; /* we only look who is there */
    int err;

    if (status == 0 && !gate_join(&p->gate, tn_httpd_peer(x), tn_now())) {
        status = 429;
    }
    if (status == 0) {
        status = pin_status(p, x);
    }
    if (status != 0) {
        return tn_httpd_error(x, status,
                              status == 401 ? "the PIN is needed" : NULL);
    }
    err = take_offer(p, x, &offer);
    if (err == -EAGAIN) {
        return tn_httpd_error(x, 429, NULL);
    }
    if (err == -E2BIG) {
        return tn_httpd_error(x, 413, "too many files");
    }
    if (err == 0) {
        err = phone_session_new(p, &offer, tn_httpd_peer(x), &s);
        phone_offer_fini(&offer);
        if (err == -EBUSY) {
            return tn_httpd_error(x, 409, "others are sending");
        }
    }
    if (err < 0) {
        return err;
    }
    err = negotiate(x, s);
    phone_session_leave(s);
    return err;
}

/* --- what was agreed on ----------------------------------------------------*/

/* The session that a request names. 0; the status. */
static int
session_of(phone *p, tn_exchange *x, struct phone_session **out)
{
    char id[PHONE_ID + 1];

    if (!param(x, "sessionId", id, sizeof(id))) {
        return 400;
    }
    *out = phone_session_find(p, id);
    return *out && phone_session_is_from(*out, tn_httpd_peer(x)) ? 0 : 403;
}

static int
on_upload(tn_exchange *x, void *arg)
{
    phone *p = arg;
    char id[PHONE_ID + 1], key[PHONE_TOKEN + 1];
    struct phone_session *s;
    int64_t file;
    int status = session_of(p, x, &s);

    if (status == 0 && (!param(x, "fileId", id, sizeof(id)) ||
                        !param(x, "token", key, sizeof(key)))) {
        status = 400;
    }
    if (status != 0) {
        return tn_httpd_error(x, status, NULL);
    }
    file = phone_session_file(s, id, key);
    if (file < 0) {
        return tn_httpd_error(x, 403, "the token is wrong");
    }
    if (s->files[file].state != PHONE_OPEN &&
        s->files[file].state != PHONE_LOST) {
        return tn_httpd_error(x, 409, "it is here, or on its way");
    }
    if (p->uploads >= PHONE_UPLOADS) {
        return tn_httpd_error(x, 429, NULL);
    }
    return phone_upload(x, s, (uint32_t)file);
}

static int
on_cancel(tn_exchange *x, void *arg)
{
    struct phone_session *s;
    int status = session_of(arg, x, &s);

    if (status != 0) {
        return tn_httpd_error(x, status, NULL);
    }
    phone_session_over(s, -ECANCELED);
    return plain(x, 200);
}

int
phone_door(phone *p)
{
    static const tn_httpd_route routes[] = {
        {"GET", "/api/localsend/v2/info", on_info},
        {"POST", "/api/localsend/v2/register", on_register},
        {"POST", "/api/localsend/v2/prepare-upload", on_prepare},
        {"POST", "/api/localsend/v2/upload", on_upload},
        {"POST", "/api/localsend/v2/cancel", on_cancel},
        {0},
    };
    const tn_httpd_opts opts = {.max_connections = PHONE_CONNECTIONS,
                                .max_busy = PHONE_BUSY,
                                .max_body = -1, /* bounded one by one */
                                .drain_time = TN_SEC,
                                .gate = gate};

    return tn_httpd_serve(p->listener, routes, p, &opts);
}
