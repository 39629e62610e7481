/*
 * httpd_exchange.c - from a request's head to the end of its answer.
 */
#include "http/httpd_int.h"

#include <stdio.h>
#include <string.h>

/* ---- what a handler asks ---- */

const tn_http_request *
tn_httpd_request(const tn_exchange *x)
{
    return &x->req;
}

tn_str
tn_httpd_value(const tn_exchange *x, const char *name)
{
    return tn_http_value(x->req.fields, x->req.field_count, name);
}

const tn_addr *
tn_httpd_peer(const tn_exchange *x)
{
    return x->c->peer;
}

tn_sock *
tn_httpd_sock(const tn_exchange *x)
{
    return x->c->sock;
}

void
tn_httpd_user(tn_exchange *x, tn_str user)
{
    size_t n = tn_text_cut(user.at, user.len, sizeof(x->user) - 1);

    memcpy(x->user, user.at, n);
    x->user_len = n;
}

/* ---- the log ---- */

/* Of a head that was refused nothing is known. */
static TN_APART void
write_log(const tn_exchange *x, bool readable, int result)
{
    struct tn__httpd *server = x->c->server;
    tn_httpd_entry entry = {
        .peer = x->c->peer,
        .status = x->stage == TN__FRESH ? 0 : x->status,
        .sent = x->no_body ? 0 : x->written,
        .result = result,
    };

    if (readable) {
        entry.method = x->req.method_text;
        entry.target = x->req.target;
        entry.minor = x->req.minor;
        entry.referer = tn_httpd_value(x, "Referer");
        entry.agent = tn_httpd_value(x, "User-Agent");
        entry.taken = tn_now() - x->since;
    }
    if (x->user_len > 0) {
        entry.user = (tn_str){x->user, x->user_len};
    }
    server->o.log(&entry, server->arg);
}

/* ---- handlers that fail ---- */

static int
status_of(int result)
{
    switch (result) {
    case -ENOENT:
    case -ENOTDIR:
        return 404;
    case -EACCES:
    case -EPERM:
        return 403;
    case -EINVAL:
    case TN_EHTTP:
        return 400;
    case TN_ETOOBIG:
        return 413;
    case -ETIME:
        return 408;
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
    case -ENOBUFS:
        return 503;
    default:
        return 500;
    }
}

/* Answer 400 and such in so many words, none of them the peer's. */
static int
say_why(tn_exchange *x, int status, const char *why)
{
    char text[128];

    snprintf(text, sizeof(text), "%s: %s", tn_http_reason(status), why);
    return tn_httpd_error(x, status, text);
}

/* What is wrong with a body that was refused. */
static const char *
why_no_body(const tn_exchange *x)
{
    return x->body_error == TN_ETRUNCATED ? "the body ends too early"
           : x->body == TN__BODY_TRAILERS ? "a trailer is broken"
                                          : "a chunk is broken";
}

/* Say what went wrong, if nobody has been told anything else. */
static int
answer_failure(tn_exchange *x, int result)
{
    int status = status_of(result);

    if (result == TN_ETRUNCATED && x->body_error == result) {
        status = 400; /* the peer sent half a body, but may still listen */
    }
    if (x->gone || x->c->broken < 0) {
        return TN_EBROKEN;
    }
    tn__httpd_reset(x);
    x->close = x->close || status == 408 || x->body_error < 0;
    if (status == 503) {
        (void)tn__httpd_put(x, "Retry-After", TN_HTTPD_RETRY);
    }
    return status == 400 && x->body_error == result
               ? say_why(x, status, why_no_body(x))
               : tn_httpd_error(x, status, NULL);
}

/* ---- before the handler ---- */

static bool
needs_length(const tn_exchange *x)
{
    enum tn_http_method m = x->req.method;

    return x->c->server->o.need_length && x->req.body == TN_HTTP_NO_BODY &&
           (m == TN_HTTP_POST || m == TN_HTTP_PUT || m == TN_HTTP_PATCH);
}

/* What is refused without asking anybody; 0: nothing. */
static int
refusal(const tn_exchange *x)
{
    const tn_httpd_opts *o = &x->c->server->o;

    if (TN_UNLIKELY(o->max_busy > 0 && x->c->server->busy > o->max_busy)) {
        return 503;
    }
    if (TN_UNLIKELY(x->req.expect_unknown)) {
        return 417;
    }
    if (x->req.body != TN_HTTP_NO_BODY) {
        bool too_big = o->max_body >= 0 && x->req.length > o->max_body;

        return too_big ? 413 : 0;
    }
    return needs_length(x) ? 411 : 0;
}

static int
refuse(tn_exchange *x, int status)
{
    if (status == 503) {
        (void)tn__httpd_put(x, "Retry-After", TN_HTTPD_RETRY);
    }
    return tn_httpd_error(x, status, NULL);
}

/* ---- the exchange ---- */

/* Ask the gate, then the table. */
static int
handle(tn_exchange *x)
{
    struct tn__httpd *server = x->c->server;
    int r = refusal(x);

    if (TN_UNLIKELY(r > 0)) {
        return refuse(x, r);
    }
    if (server->o.gate) {
        r = server->o.gate(x, server->arg);
        if (r != 0) {
            return r;
        }
    }
    return tn__httpd_route(x);
}

/* Behind the handler: finish the answer and make the stream stand at the next
   request. 0, 1 or TN_EBROKEN. */
static int
settle(tn_exchange *x, int result)
{
    struct tn__hconn *c = x->c;
    int r;

    if (x->stage == TN__OVER) { /* it was upgraded */
        c->server->busy++;
        return c->broken < 0 ? TN_EBROKEN : 1;
    }
    r = result < 0 ? answer_failure(x, result) : 0;
    r = r < 0 ? r : tn__httpd_end(x);
    if (r < 0) {
        return TN_EBROKEN;
    }
    if (x->close) {
        return 1;
    }
    return x->body == TN__BODY_END ? 0 : tn__httpd_body_drop(x);
}

int
tn__httpd_answer(tn_exchange *x)
{
    struct tn__httpd *server = x->c->server;
    int result, r;

    x->no_body = x->req.method == TN_HTTP_HEAD;
    x->may_expect = x->req.expect_continue && x->body != TN__BODY_END;
    if (server->o.log) {
        x->since = tn_now();
    }
    result = handle(x);
    r = settle(x, result);
    if (server->o.log) {
        write_log(x, true, result < 0 ? result : r < 0 ? r : 0);
    }
    return r;
}

int
tn__httpd_refuse(tn_exchange *x, int status)
{
    int r;

    /* The parser may have left anything here. */
    x->req.method = TN_HTTP_OTHER;
    x->req.minor = 1;
    x->req.keep_alive = false;
    x->body = TN__BODY_END;
    r = status == x->req.status && (status == 400 || status == 501)
            ? say_why(x, status, x->req.why)
            : refuse(x, status);
    r = r < 0 ? r : tn__httpd_end(x);
    if (x->c->server->o.log) {
        write_log(x, false, r < 0 ? r : status == 408 ? -ETIME : TN_EHTTP);
    }
    return r < 0 ? TN_EBROKEN : 1;
}
