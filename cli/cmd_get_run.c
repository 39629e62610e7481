/*
 * One URL: ask, judge the answer, take the body; and once more if that may
 * help, with what is there already.
 */
#include <tenon/err.h>
#include <tenon/task.h>

#include "cmd_get_int.h"
#include "json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    RETRY_MOST = 300, /* seconds: who asks for more gets no second try */
    RETRY_STEPS = 6,  /* doublings of the first second */
};

static tn_str
text_of(const char *s)
{
    return (tn_str){s, strlen(s)};
}

/* ---- asking ---- */

static bool
is_our_own_fault(int err)
{
    switch (err) {
    case -ECANCELED:
    case -EINVAL:
    case -ENOMEM:
    case -ENOSPC:
    case -ESPIPE:
    case -ENOTSUP:
    case -ENOENT:
    case -EACCES:
    case TN_ECERT:
    case TN_EREDIRECT:
        return true;
    default:
        return false;
    }
}

static const char *
hint(const struct one *u, int err)
{
    const char *text = u->g->o->proxy ? " (of the proxy, too)" : "";
    switch (err) {
    case -ECONNREFUSED:
        return u->g->o->proxy ? text : " (nothing is listening there)";
    case TN_ENONAME:
        return " (is it spelled right?)";
    case TN_ECERT:
        return " (--ca trusts another authority, --pin one certificate)";
    case TN_ETLS:
        return " (is it https at all?)";
    case TN_EREDIRECT:
        return " (they go in circles)";
    case -ENOSPC:
        return u->sink.path[0] ? " (-C - goes on when there is room)" : "";
    case TN_ETRUNCATED:
        return u->came == 0 ? " (is it https?)" : "";
    default:
        return "";
    }
}

/* Say why and how far it got; an exit code. */
static int
failed(struct one *u, int err)
{
    char more[JSON_GROWTH * GET_TEXT + 16];
    char quoted[JSON_GROWTH * GET_TEXT + 3];
    const char *why = tn_why();
    u->again = !is_our_own_fault(err);
    if (err == -ECANCELED) {
        return EXIT_FAILED;
    }
    progress_clear(&u->g->progress);
    if (u->came > 0) {
        char size[PROGRESS_SIZE];
        say("%s%s (after %s)", why, hint(u, err), progress_size(u->came, size));
    } else {
        say("%s%s", why, hint(u, err));
    }
    (void)snprintf(
        more, sizeof(more), "\"error\":%s",
        json_quote(quoted, sizeof(quoted), why, strnlen(why, GET_TEXT)));
    tell_event(u->g, "failed", u->shown, more);
    return err == -ETIME || err == -ETIMEDOUT ? EXIT_TIMEOUT : EXIT_FAILED;
}

static int
refuse(struct one *u, const char *what)
{
    return failed(u, tn_fail(TN_EHTTP, u->shown, what));
}

static int
open_fetch(struct one *u, tn_fetch **f)
{
    struct get *g = u->g;
    tn_http_field fields[GET_FIELDS + 2];
    tn_httpc_request req = {.url = u->url,
                            .method = g->method,
                            .fields = fields,
                            .field_count = g->field_count,
                            .length = (int64_t)g->body_len,
                            .body = g->body_len > 0 ? g->body : NULL};
    memcpy(fields, g->fields, (size_t)g->field_count * sizeof(fields[0]));
    u->asked = g->ranged ? 0 : u->sink.have;
    if (u->asked > 0) {
        (void)snprintf(u->range, sizeof(u->range), "bytes=%" PRId64 "-",
                       u->asked);
        fields[req.field_count++] =
            (tn_http_field){text_of("Range"), text_of(u->range)};
    }
    if (u->asked > 0 && u->sink.tag[0]) {
        fields[req.field_count++] =
            (tn_http_field){text_of("If-Range"), text_of(u->sink.tag)};
    }
    if (g->feed) {
        req.source = feed_read;
        req.rewind = feed_rewind;
        req.source_arg = g->feed;
        req.length = feed_length(g->feed);
    }
    /* curl's measure: above it a refusal should cost no transfer. */
    req.expect = req.length < 0 || req.length > 1 << 20;
    g->heads_len = 0;
    return tn_httpc_open(f, g->client, &req);
}

/* ---- taking ---- */

static int
put(void *arg, const char *buf, size_t n)
{
    struct one *u = arg;
    int64_t most = u->g->o->max_size;
    if (most > 0 && u->sink.have + (int64_t)n > most) {
        return tn_fail(-EFBIG, "more than --max-filesize of", u->shown);
    }
    return sink_write(&u->sink, buf, n);
}

static int
start_code(struct one *u, const tn_http_response *res)
{
    tn_str coding = judge_value(res, "Content-Encoding");
    if (!u->g->o->compressed || !coding.at || coding.len == 0 ||
        (coding.len == 8 && strncasecmp(coding.at, "identity", 8) == 0)) {
        return 0;
    }
    u->code = code_new(coding);
    return u->code ? 0 : tn_fail(TN_ECODING, "Content-Encoding of", u->shown);
}

static bool
is_json(const tn_http_response *res)
{
    tn_str type = judge_value(res, "Content-Type");
    size_t n = 0;
    while (n < type.len && type.at[n] != ';' && type.at[n] != ' ') {
        n++;
    }
    return (n == 16 && strncasecmp(type.at, "application/json", 16) == 0) ||
           (n > 5 && strncasecmp(type.at + n - 5, "+json", 5) == 0);
}

static int
start_view(struct one *u, const tn_http_response *res)
{
    struct get *g = u->g;
    if (u->sink.path[0] || !g->terminal || u->sink.view) {
        return 0;
    }
    g->progress.on = false;
    progress_clear(&g->progress);
    u->sink.view = view_new(g->out, is_json(res), g->colour);
    return u->sink.view ? 0 : tn_fail(-ENOMEM, "show", u->shown);
}

/* The heads of -i, in front of the body; on a terminal they are cleaned, but
   the body's view has to begin afresh. */
static int
put_heads(struct one *u)
{
    struct get *g = u->g;
    int err = 0;
    if (g->heads_len == 0 || u->sink.path[0]) {
        return g->heads_len > 0 ? sink_write(&u->sink, g->heads, g->heads_len)
                                : 0;
    }
    if (g->terminal) {
        struct view *v = view_new(g->out, false, false);
        err = v ? view_write(v, g->heads, g->heads_len) : -ENOMEM;
        int end = v ? view_end(v) : 0;
        return err < 0 ? err : end;
    }
    ssize_t n = tn_sendall(g->out, g->heads, g->heads_len, NULL);
    return n < 0 ? (int)n : 0;
}

static int
take_body(struct one *u, tn_fetch *f)
{
    struct progress *p = &u->g->progress;
    int64_t before = u->sink.have;
    ssize_t n;
    p->samples = 0; /* what went out before has a pace of its own */
    while ((n = tn_httpc_read(f, u->buf, sizeof(u->buf))) > 0) {
        u->came += n;
        int err = u->code ? code_write(u->code, u->buf, (size_t)n, put, u)
                          : put(u, u->buf, (size_t)n);
        if (err < 0) {
            return err;
        }
        progress_at(p, before + u->came, u->sink.whole);
    }
    if (n < 0) {
        return (int)n;
    }
    return u->code ? code_end(u->code) : 0;
}

static int
take(struct one *u, tn_fetch *f, enum verdict verdict)
{
    const tn_http_response *res = tn_httpc_response(f);
    int64_t at = verdict == GO_ON ? u->asked : 0;
    int err;
    if (verdict == TAKE) {
        judge_tag(u, res);
    }
    err = sink_start(&u->sink, at, u->shown);
    if (err == 0) {
        err = start_code(u, res);
    }
    if (err == 0) {
        err = start_view(u, res);
    }
    if (err == 0) {
        err = put_heads(u);
    }
    if (err == 0) {
        err = take_body(u, f);
    }
    code_free(u->code);
    u->code = NULL;
    if (err == 0 && verdict == GO_ON && u->sink.have != u->sink.whole) {
        err = tn_fail(TN_ETRUNCATED, "the rest of", u->shown);
    }
    return err;
}

/* ---- one try ---- */

static int
status_code(struct one *u, const tn_http_response *res)
{
    if (res->status < 400) {
        return EXIT_DONE;
    }
    u->wait = judge_retry_after(res);
    u->again = judge_may_pass(res->status);
    if (!u->g->o->silent) {
        progress_clear(&u->g->progress);
        say("%s: %d %s", u->shown, res->status, tn_http_reason(res->status));
    }
    return res->status < 500 ? EXIT_CLIENT : EXIT_SERVER;
}

static void
answered(struct one *u, tn_fetch *f)
{
    const tn_http_response *res = tn_httpc_response(f);
    char more[64];
    u->status = res->status;
    (void)snprintf(more, sizeof(more), "\"status\":%d,\"length\":%" PRId64,
                   res->status,
                   res->body == TN_HTTP_LENGTH ? res->length : (int64_t)-1);
    tell_event(u->g, "answer", u->shown, more);
}

/* -J: the server's name for it; the URL's if that is none. */
static int
name_it(struct one *u, const tn_http_response *res)
{
    const struct get_opts *o = u->g->o;
    char name[GET_TEXT];
    if (u->named || !o->remote_name) {
        return EXIT_DONE;
    }
    u->named = true;
    if ((o->header_name &&
         name_of_field(judge_value(res, "Content-Disposition"), name,
                       sizeof(name))) ||
        name_of_url(u->url, name, sizeof(name))) {
        return sink_name(&u->sink, name, true);
    }
    return say_usage("%s: no good name for a file in it (use -o FILE)",
                     u->shown);
}

static int
deal(struct one *u, tn_fetch *f, bool *anew)
{
    const tn_http_response *res = tn_httpc_response(f);
    const char *why = NULL;
    enum verdict verdict = judge(u, res, &why);
    int code = EXIT_DONE;
    int err = 0;
    switch (verdict) {
    case ANEW:
        *anew = true;
        u->sink.tag[0] = '\0';
        return EXIT_DONE;
    case REFUSED:
        code = refuse(u, why);
        u->again = false;
        return code;
    case SHOW:
        code = status_code(u, res);
        return code != EXIT_DONE ? code : refuse(u, "no file, a redirect");
    case ENOUGH: /* all that is left is to give it its name */
        err = sink_start(&u->sink, u->asked, u->shown);
        return err < 0 ? failed(u, err) : EXIT_DONE;
    case TAKE:
    case GO_ON:
        break;
    }
    /* Nobody wants the page that says "later" in front of what came then. */
    if (res->status >= 400 &&
        (u->g->o->fail || (!u->last && judge_may_pass(res->status)))) {
        return status_code(u, res);
    }
    code = name_it(u, res);
    if (code != EXIT_DONE) {
        return code;
    }
    err = take(u, f, verdict);
    return err < 0 ? failed(u, err) : status_code(u, res);
}

static int
try_once(struct one *u)
{
    tn_httpc_timing timing;
    tn_fetch *f;
    bool anew = false;
    int code;
    do {
        bool before = anew;
        u->came = 0;
        u->again = false;
        u->wait = -1;
        if (anew) {
            u->sink.have = 0;
            anew = false;
        }
        int err = open_fetch(u, &f);
        if (err < 0) {
            return failed(u, err);
        }
        answered(u, f);
        code = deal(u, f, &anew);
        tn_httpc_timing_of(f, &timing);
        tn_httpc_close(f);
        anew = anew && !before;
    } while (anew);
    if (u->g->o->timing) {
        progress_clear(&u->g->progress);
        tell_timing(&timing);
    }
    return code;
}

/* ---- tries ---- */

/* How long before the next one, -1 for no more. An error's page that was
   written cannot be taken back from stdout. */
static int64_t
pause_before(const struct one *u, int tries)
{
    int64_t backoff = TN_SEC << (tries < RETRY_STEPS ? tries : RETRY_STEPS);
    if (!u->again || tries >= u->g->o->retry || u->wait > RETRY_MOST * TN_SEC ||
        (u->g->feed && u->g->feed->touched)) {
        return -1;
    }
    return u->wait > backoff ? u->wait : backoff;
}

/* What is there fits the next try only if the server can tell that it does;
   else a file begins anew, and on stdout it is over. */
static bool
prepare_again(struct one *u)
{
    const struct get *g = u->g;
    bool fits = u->sink.tag[0] && !g->o->compressed && !g->o->include &&
                !g->method && !g->body && !g->feed && !g->ranged;
    if (u->sink.have > 0 && !fits) {
        if (!u->sink.path[0] || u->sink.direct) {
            return false;
        }
        u->sink.have = 0;
    }
    return !g->feed || feed_rewind(g->feed) == 0;
}

static int
try_all(struct one *u)
{
    int retry = u->g->o->retry;
    u->last = retry == 0;
    int code = try_once(u);
    int64_t pause;
    for (int tries = 0;
         code != EXIT_DONE && (pause = pause_before(u, tries)) >= 0 &&
         prepare_again(u);
         tries++) {
        if (!u->g->o->silent) {
            say("try %d of %d in %d s", tries + 2, retry + 1,
                (int)(pause / TN_SEC));
        }
        if (tn_sleep(pause) < 0) {
            break;
        }
        u->last = tries + 1 == retry;
        code = try_once(u);
    }
    return code;
}

/* The URL without a name and a password, for messages and files. */
static int
make_shown(struct one *u, const char *text)
{
    const char *start = strstr(text, "://");
    start = start ? start + 3 : text;
    size_t n = strcspn(start, "/?#");
    const char *at = memrchr(start, '@', n);
    const char *rest = at ? at + 1 : start;
    if (asprintf(&u->shown, "%.*s%s", (int)(start - text), text, rest) < 0) {
        u->shown = NULL;
        say("out of memory");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int
prepare(struct one *u, const char *text)
{
    const struct get_opts *o = u->g->o;
    char name[GET_TEXT];
    int code = EXIT_DONE;
    u->sink.g = u->g;
    u->sink.fd = -1;
    u->sink.whole = -1;
    u->url = ask_url(u->g, text);
    if (!u->url) {
        return EXIT_USAGE;
    }
    code = make_shown(u, text);
    if (code != EXIT_DONE) {
        return code;
    }
    if (o->output && strcmp(o->output, "-") != 0) {
        code = sink_name(&u->sink, o->output, false);
    } else if (o->remote_name && !o->header_name) {
        u->named = true;
        code = name_of_url(u->url, name, sizeof(name))
                   ? sink_name(&u->sink, name, true)
                   : say_usage("%s: no good name for a file in it (use -o "
                               "FILE)",
                               u->shown);
    }
    if (code == EXIT_DONE && o->resume) {
        sink_resume(&u->sink, u->shown);
    }
    return code;
}

/* Give what was got its name, or say what is left of it. */
static int
finish(struct one *u, int code)
{
    bool whole =
        code == EXIT_DONE || ((code == EXIT_CLIENT || code == EXIT_SERVER) &&
                              !u->g->o->fail && u->asked == 0);
    char more[64];
    if (!whole) {
        u->g->progress.on = false;
        progress_clear(&u->g->progress);
        sink_stop(&u->sink, code != EXIT_USAGE && !u->g->o->silent);
        return code;
    }
    (void)snprintf(more, sizeof(more), "\"bytes\":%" PRId64, u->sink.have);
    int err = sink_done(&u->sink);
    if (err < 0) {
        sink_stop(&u->sink, true);
        return failed(u, err);
    }
    progress_end(&u->g->progress);
    tell_event(u->g, "done", u->shown, more);
    return code;
}

/* Of what comes, unless the terminal shows that itself; and of what goes. */
static void
start_progress(struct one *u)
{
    struct get *g = u->g;
    bool seen = g->feed || u->sink.path[0] || g->o->remote_name || !g->terminal;
    progress_start(&g->progress, u->sink.path[0] ? u->sink.path : u->shown,
                   seen && !g->o->silent && !g->o->verbose);
}

int
run_one(struct get *g, const char *url)
{
    struct one *u = calloc(1, sizeof(*u));
    if (!u) {
        say("out of memory");
        return EXIT_FAILED;
    }
    u->g = g;
    int code = prepare(u, url);
    if (code == EXIT_DONE) {
        start_progress(u);
        code = finish(u, try_all(u));
        progress_end(&g->progress);
    }
    free(u->url);
    free(u->shown);
    free(u);
    return code;
}
