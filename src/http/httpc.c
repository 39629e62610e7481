/*
 * httpc.c - a client, and a fetch from its request to the head of the answer:
 * one hop after another, a lost connection tried anew.
 */
#include <tenon/task.h>
#include <tenon/tls.h>

#include "http/httpc_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a client ---- */

static int64_t
or_usual(int64_t value, int64_t usual)
{
    return value > 0 ? value : usual;
}

static int
copy_text(char **out, const char *text)
{
    *out = strdup(text ? text : "");
    return *out ? 0 : -ENOMEM;
}

static void
take_numbers(tn_httpc *c, const tn_httpc_opts *o)
{
    c->connect_time = or_usual(o->connect_time, TN_HTTPC_CONNECT);
    c->tls_time = or_usual(o->tls_time, TN_HTTPC_TLS);
    c->head_time = or_usual(o->head_time, TN_HTTPC_HEAD);
    c->idle_time = or_usual(o->idle_time, TN_HTTPC_IDLE);
    c->total_time = o->total_time > 0 ? o->total_time : TN_FOREVER;
    c->pool_time = or_usual(o->pool_time, TN_HTTPC_POOL_TIME);
    c->max_head = o->max_head ? o->max_head : TN_HTTPC_HEAD_MAX;
    c->max_redirects = o->max_redirects ? o->max_redirects : TN_HTTPC_REDIRECTS;
    c->max_redirects = c->max_redirects < 0 ? 0 : c->max_redirects;
    c->pool_size = o->pool_size ? o->pool_size : TN_HTTPC_POOL;
    c->pool_size = c->pool_size < 0 ? 0 : c->pool_size;
    if (c->pool_size > TN_HTTPC_POOL_MAX) {
        c->pool_size = TN_HTTPC_POOL_MAX;
    }
    c->family = o->family;
    c->tls = o->tls;
    c->trace = o->trace;
    c->trace_arg = o->trace_arg;
}

static int
take_texts(tn_httpc *c, const tn_httpc_opts *o)
{
    char agent[64];
    int r;

    snprintf(agent, sizeof(agent), "tenon/%s", tn_version());
    r = copy_text(&c->agent, o->agent ? o->agent : agent);
    if (r == 0) {
        r = copy_text(&c->no_proxy, o->no_proxy);
    }
    if (r < 0) {
        return tn_fail(r, "make a client", NULL);
    }
    if (!tn__is_value((tn_str){c->agent, strlen(c->agent)})) {
        return tn_fail(-EINVAL, "the User-Agent", NULL);
    }
    r = tn__proxy_new(&c->proxy, o->proxy);
    if (r == 0) {
        r = tn__proxy_new(&c->tls_proxy,
                          o->tls_proxy ? o->tls_proxy : o->proxy);
    }
    return r;
}

int
tn_httpc_new(tn_httpc **out, const tn_httpc_opts *opts)
{
    static const tn_httpc_opts defaults;
    tn_httpc *c = calloc(1, sizeof(*c));
    int r = c ? 0 : tn_fail(-ENOMEM, "make a client", NULL);

    *out = NULL;
    opts = opts ? opts : &defaults;
    if (r == 0) {
        take_numbers(c, opts);
        c->idle = calloc((size_t)c->pool_size + 1, sizeof(c->idle[0]));
        r = c->idle ? take_texts(c, opts)
                    : tn_fail(-ENOMEM, "make a client", NULL);
    }
    if (r < 0) {
        tn_httpc_free(c);
        return r;
    }
    *out = c;
    return 0;
}

void
tn_httpc_free(tn_httpc *c)
{
    if (!c) {
        return;
    }
    while (c->idle_count > 0) {
        tn__conn_free(c->idle[--c->idle_count], false);
    }
    if (c->own_tls) {
        tn_tls_free(c->tls);
    }
    free(c->idle);
    free(c->proxy);
    free(c->tls_proxy);
    free(c->no_proxy);
    free(c->agent);
    free(c);
}

/* ---- one hop ---- */

/* RFC 9110 section 9.2.2: what may be done twice, and can be. */
static bool
is_repeatable(const struct tn__try *t)
{
    static const char *const again[] = {"GET",     "HEAD",  "PUT", "DELETE",
                                        "OPTIONS", "TRACE", NULL};

    if (t->streamed && !t->req->rewind) {
        return false;
    }
    for (int i = 0; again[i]; i++) {
        if (strcmp(t->method, again[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int
rewind_body(struct tn__try *t)
{
    if (!t->streamed) {
        return 0;
    }
    t->streamed = false;
    return t->req->rewind(t->req->source_arg);
}

/* A server may close an idle connection in the moment in which we use it. */
static bool
was_stale(const tn_fetch *f, const struct tn__try *t, int r)
{
    const struct tn__conn *conn = f->conn;

    return conn->reused && t->interim == 0 && conn->at == conn->end &&
           (r == TN_ETRUNCATED || r == -ECONNRESET || r == -EPIPE ||
            r == TN_ECUT);
}

static int
send_and_wait(tn_fetch *f, struct tn__try *t)
{
    int r = tn__send(f, t);

    return r < 0 ? r : tn__head_read(f, t);
}

static int
do_hop(tn_fetch *f, struct tn__try *t)
{
    int r = tn__conn_get(f, false);

    if (r == 0) {
        r = send_and_wait(f, t);
        if (r < 0 && was_stale(f, t, r) && is_repeatable(t)) {
            tn__conn_drop(f);
            r = rewind_body(t);
            if (r == 0) {
                r = tn__conn_get(f, true);
            }
            if (r == 0) {
                r = send_and_wait(f, t);
            }
        }
    }
    if (r < 0 && f->conn) {
        tn__conn_drop(f);
    }
    if (r == 0) {
        f->timing.head = tn_now() - f->start;
        f->keep = f->res.keep_alive && !t->unfinished;
        tn__body_start(f, strcmp(t->method, "HEAD") == 0);
    }
    return r;
}

/* ---- redirects, RFC 9110 section 15.4 ---- */

static bool
is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* POST becomes GET where all clients do so, and 303 means just that. */
static bool
becomes_get(const struct tn__try *t, int status)
{
    bool post = strcmp(t->method, "POST") == 0;

    if (status == 303) {
        return strcmp(t->method, "HEAD") != 0 && strcmp(t->method, "GET") != 0;
    }
    return (status == 301 || status == 302) && post && !t->req->keep_method;
}

/* Does the answer lead elsewhere, and can we go there? */
static bool
leads_on(const tn_fetch *f, const struct tn__try *t)
{
    const tn_http_response *res = &f->res;

    if (f->c->max_redirects == 0 || !is_redirect(res->status) ||
        tn_http_find(res->fields, res->field_count, "Location", 0) < 0) {
        return false;
    }
    return becomes_get(t, res->status) || !t->streamed || t->req->rewind;
}

/* Who is it that the next request goes to? */
static void
look_around(const tn_fetch *f, struct tn__try *t)
{
    bool downgrade = t->first.secure && !f->to.secure;

    t->elsewhere = !tn__target_same_origin(&f->to, &t->first);
    t->stranger = t->elsewhere && (!t->req->trust_redirects || downgrade);
}

static int
go_on(tn_fetch *f, struct tn__try *t)
{
    const tn_http_response *res = &f->res;
    tn_str location = tn_http_value(res->fields, res->field_count, "Location");
    struct tn__target next;
    int r;

    if (++f->timing.redirects > f->c->max_redirects) {
        return tn_fail(TN_EREDIRECT, "follow", f->to.place);
    }
    if (tn_http_find(
            res->fields, res->field_count, "Location",
            tn_http_find(res->fields, res->field_count, "Location", 0) + 1) >=
        0) {
        return tn_fail(TN_EHTTP, "two redirects in one answer of", f->to.place);
    }
    r = tn__target_follow(&next, f->c, &f->to, location);
    if (r == -EINVAL || r == -ENAMETOOLONG) {
        return tn_fail(TN_EHTTP, "a broken redirect of", f->to.place);
    }
    if (r < 0) {
        return r;
    }
    if (becomes_get(t, res->status)) {
        t->method = "GET";
        t->body = false;
    }
    tn__body_skip(f);
    tn__target_fini(&f->to);
    f->to = next;
    look_around(f, t);
    return t->body ? rewind_body(t) : 0;
}

/* ---- a fetch ---- */

static int
start(tn_fetch *f, struct tn__try *t)
{
    const tn_httpc_request *req = t->req;
    tn_str url = {req->url, strlen(req->url)};
    int r = tn__send_check(req);

    if (r == 0) {
        r = tn__target_init(&f->to, f->c, url);
    }
    if (r == 0) {
        r = tn__target_init(&t->first, f->c, url);
    }
    if (r == 0 && f->to.parts.userinfo.len > 0) {
        r = tn__basic(t->basic, f->to.parts.userinfo);
        r = r < 0 ? tn_fail(-EINVAL, "the URL's name and password of",
                            f->to.place)
                  : 0;
    }
    t->body = req->source || (req->body && req->length > 0);
    t->method = req->method ? req->method : t->body ? "POST" : "GET";
    t->expect = req->expect;
    return r;
}

/* RFC 9110 section 15.5.18: without the expectation, then. */
static bool
wants_no_expectation(const tn_fetch *f, const struct tn__try *t)
{
    return f->res.status == 417 && t->body && t->expect &&
           (!t->streamed || t->req->rewind);
}

static int
fetch(tn_fetch *f, struct tn__try *t)
{
    int r = start(f, t);

    while (r == 0) {
        r = do_hop(f, t);
        if (r == 0 && wants_no_expectation(f, t)) {
            t->expect = false;
            tn__body_skip(f);
            r = rewind_body(t);
        } else if (r == 0 && leads_on(f, t)) {
            r = go_on(f, t);
        } else {
            break;
        }
        f->done = false;
        f->error = 0;
    }
    return r;
}

int
tn_httpc_open(tn_fetch **out, tn_httpc *c, const tn_httpc_request *req)
{
    struct tn__try *t = calloc(1, sizeof(*t));
    tn_fetch *f = calloc(1, sizeof(*f));
    int r = t && f ? 0 : tn_fail(-ENOMEM, "open", req->url);

    *out = NULL;
    if (r == 0) {
        f->c = c;
        f->start = tn_now();
        f->deadline = tn__deadline(f->start, c->total_time);
        f->timing.sent = f->timing.head = f->timing.total = -1;
        t->req = req;
        r = fetch(f, t);
        tn__text_fini(&t->head);
        tn__target_fini(&t->first);
    }
    free(t);
    if (r < 0) {
        tn_httpc_close(f);
        return r;
    }
    *out = f;
    return 0;
}

void
tn_httpc_close(tn_fetch *f)
{
    if (!f) {
        return;
    }
    if (f->conn) {
        tn__conn_drop(f);
    }
    tn__target_fini(&f->to);
    free(f->head);
    free(f->trailer_text);
    free(f->trailers);
    free(f);
}

int
tn_httpc_take(tn_fetch *f, tn_sock **sock, tn_str *early)
{
    struct tn__conn *conn = f->conn;

    *sock = NULL;
    *early = (tn_str){NULL, 0};
    if (f->res.status != 101 || !conn || !conn->sock) {
        return tn_fail(-EINVAL, "take the connection to", f->to.place);
    }
    *sock = conn->sock;
    conn->sock = NULL;
    tn_settimeout(*sock, TN_FOREVER);
    if (conn->at < conn->end) {
        *early = (tn_str){conn->buf + conn->at, conn->end - conn->at};
    }
    return 0;
}

/* ---- looking at it ---- */

const tn_http_response *
tn_httpc_response(const tn_fetch *f)
{
    return &f->res;
}

tn_str
tn_httpc_head(const tn_fetch *f)
{
    return (tn_str){f->head, f->head_len};
}

const char *
tn_httpc_url(const tn_fetch *f)
{
    return f->to.url;
}

tn_sock *
tn_httpc_sock(const tn_fetch *f)
{
    return f->conn ? f->conn->sock : NULL;
}

const tn_http_field *
tn_httpc_trailers(const tn_fetch *f, int *count)
{
    *count = f->trailer_count;
    return f->trailer_count > 0 ? f->trailers : NULL;
}

void
tn_httpc_timing_of(const tn_fetch *f, tn_httpc_timing *timing)
{
    *timing = f->timing;
}
