/*
 * request.c - the head of a request: its line, its target, its host.
 */
#include "http/fields.h"
#include "http/host.h"
#include "http/http_int.h"
#include "http/scan.h"

/* Nobody's method is longer; RFC 9112 section 3 wants 501 for one that is. */
enum { METHOD_MAX = 32 };

/* The first line as it stands there. */
struct line {
    enum tn_http_method method;
    tn_str method_text, target;
    size_t query; /* where "?" is in the target; its length if nowhere */
    int minor;
};

#define IS(text, word) (memcmp((text).at, word, sizeof(word) - 1) == 0)

static enum tn_http_method
method_of(tn_str text)
{
    switch (text.len) {
    case 3:
        return IS(text, "GET")   ? TN_HTTP_GET
               : IS(text, "PUT") ? TN_HTTP_PUT
                                 : TN_HTTP_OTHER;
    case 4:
        return IS(text, "POST")   ? TN_HTTP_POST
               : IS(text, "HEAD") ? TN_HTTP_HEAD
                                  : TN_HTTP_OTHER;
    case 5:
        return IS(text, "PATCH")   ? TN_HTTP_PATCH
               : IS(text, "TRACE") ? TN_HTTP_TRACE
                                   : TN_HTTP_OTHER;
    case 6:
        return IS(text, "DELETE") ? TN_HTTP_DELETE : TN_HTTP_OTHER;
    case 7:
        return IS(text, "OPTIONS")   ? TN_HTTP_OPTIONS
               : IS(text, "CONNECT") ? TN_HTTP_CONNECT
                                     : TN_HTTP_OTHER;
    default:
        return TN_HTTP_OTHER;
    }
}

/* The end of a method, where a space is. */
static const char *
end_of_method(struct tn__http_head *h, const char *at)
{
    const char *p = at;
    while (p < h->end && tn__http_is(TN__TOKEN, *p)) {
        if (p - at == METHOD_MAX) {
            return tn__http_stop(h, TN__HTTP_UNKNOWN, "a long method");
        }
        p++;
    }
    if (p == h->end) {
        return tn__http_more(h);
    }
    if (p == at || *p != ' ') {
        return tn__http_stop(h, TN__HTTP_BAD, "no method");
    }
    return p;
}

static TN_INLINE const char *
read_method(struct tn__http_head *h, const char *at, struct line *line)
{
    if (TN_LIKELY(h->end - at >= 4 && memcmp(at, "GET ", 4) == 0)) {
        line->method_text = (tn_str){at, 3};
        line->method = TN_HTTP_GET;
        return at + 4;
    }
    if (at < h->end && *at == '\r') {
        at = tn__http_line_end(h, at); /* the end of some earlier body */
    }
    const char *p = at != NULL ? end_of_method(h, at) : NULL;
    if (p == NULL) {
        return NULL;
    }
    line->method_text = (tn_str){at, (size_t)(p - at)};
    line->method = method_of(line->method_text);
    return p + 1;
}

/* Go over the byte at p, which a scan stopped at. RFC 3986 forbids more than is
   refused here: browsers send "[]^`{|}" as they are, and the backslash behind
   the "?". */
static const char *
pass_rare(struct tn__http_head *h, const char *at, const char *p, bool query)
{
    const char *end = h->end;
    if (p - at > TN_URL_MAX) {
        return tn__http_stop(h, TN__HTTP_TARGET_LONG, "a long target");
    }
    bool good = tn__http_is(TN__TARGET, *p) || (*p == '\\' && query);
    if (*p == '%') {
        good = (p + 1 == end || tn__http_is(TN__HEX, p[1])) &&
               (p + 2 >= end || tn__http_is(TN__HEX, p[2]));
    }
    if (!good) {
        return tn__http_stop(h, TN__HTTP_BAD,
                             "a target with a forbidden character");
    }
    return p + 1;
}

struct target_end {
    const char *end;   /* NULL: refused */
    const char *query; /* the "?"; NULL: none */
};

/* The end of a target that has more in it than the plain bytes before p. */
static struct target_end
end_of_target(struct tn__http_head *h, const char *at, const char *p)
{
    const char *query = NULL;
    while (p != NULL && p < h->end && *p != ' ') {
        if (*p == '?') {
            query = query != NULL ? query : p;
            p++;
        } else {
            p = pass_rare(h, at, p, query != NULL);
        }
        if (p != NULL) {
            p = tn__scan_steps(TN__TARGET, h->begin, p, h->end);
        }
    }
    return (struct target_end){p, query};
}

/* Up to the space behind it. */
static TN_INLINE const char *
read_target(struct tn__http_head *h, const char *at, struct line *line)
{
    const char *p = tn__scan_near(TN__TARGET, h->begin, at, h->end);
    const char *query = NULL;
    if (p < h->end && *p != ' ') {
        struct target_end found = end_of_target(h, at, p);
        p = found.end;
        query = found.query;
    }
    if (p == NULL) {
        return NULL;
    }
    if (p - at > TN_URL_MAX) {
        return tn__http_stop(h, TN__HTTP_TARGET_LONG, "a long target");
    }
    if (p == h->end) {
        return tn__http_more(h);
    }
    if (p == at) {
        return tn__http_stop(h, TN__HTTP_BAD, "no target");
    }
    line->target = (tn_str){at, (size_t)(p - at)};
    line->query = (size_t)((query != NULL ? query : p) - at);
    return p + 1;
}

/* A version, and the end of the line, of which there are fewer bytes or others
   than nearly always. */
static const char *
read_rare_version(struct tn__http_head *h, const char *at, int *minor)
{
    int major = 1;
    const char *p = tn__http_version(h, at, &major, minor);
    if (p != NULL) {
        p = tn__http_line_end(h, p);
    }
    if (p != NULL && major != 1) {
        return tn__http_stop(h, TN__HTTP_VERSION, "not HTTP/1");
    }
    return p;
}

static TN_INLINE const char *
read_version(struct tn__http_head *h, const char *at, struct line *line)
{
    if (TN_LIKELY(h->end - at >= 10 && memcmp(at, "HTTP/1.1\r\n", 10) == 0)) {
        line->minor = 1;
        return at + 10;
    }
    int minor = 0;
    const char *p = read_rare_version(h, at, &minor);
    line->minor = minor;
    return p;
}

static TN_INLINE const char *
read_line(struct tn__http_head *h, const char *at, struct line *line)
{
    const char *p = read_method(h, at, line);
    if (p != NULL) {
        p = read_target(h, p, line);
    }
    return p != NULL ? read_version(h, p, line) : NULL;
}

static const char *
check_line(struct tn__http_head *h, const char *at)
{
    struct line line;
    return read_line(h, at, &line);
}

/* ---- the target, RFC 9112 section 3.2 ---- */

/* Length of "http://" or "https://" at the beginning; 0 if neither. */
static size_t
scheme_len(tn_str target)
{
    for (size_t len = 7; len <= 8 && len <= target.len; len++) {
        if (tn__http_same((tn_str){target.at, len},
                          len == 7 ? "http://" : "https://", len)) {
            return len;
        }
    }
    return 0;
}

/* "http://host/path?query". Without a path it is "/", or "*" for OPTIONS (RFC
   9112 section 3.2.4). */
static int
take_absolute(struct tn__http_head *h, tn_http_request *req,
              const struct line *line)
{
    tn_str target = line->target;
    size_t start = scheme_len(target);
    size_t end = start;
    if (start == 0) {
        return tn__http_refuse(h, TN__HTTP_BAD, "a target of no known form");
    }
    while (end < line->query && target.at[end] != '/') {
        end++;
    }
    req->form = TN_HTTP_ABSOLUTE;
    req->authority = (tn_str){target.at + start, end - start};
    req->path = (tn_str){target.at + end, line->query - end};
    if (req->path.len == 0) {
        bool all = req->method == TN_HTTP_OPTIONS && req->query.at == NULL;
        req->path = (tn_str){all ? "*" : "/", 1};
    }
    return 0;
}

static int
take_target(struct tn__http_head *h, tn_http_request *req,
            const struct line *line)
{
    tn_str target = line->target;
    size_t query = line->query;
    req->target = target;
    req->path = (tn_str){target.at, query};
    req->query = (tn_str){NULL, 0};
    req->authority = (tn_str){NULL, 0};
    if (query < target.len) {
        req->query = (tn_str){target.at + query + 1, target.len - query - 1};
    }
    if (req->method == TN_HTTP_CONNECT) {
        req->form = TN_HTTP_AUTHORITY;
        req->authority = target;
        req->path = (tn_str){"", 0};
        return 0;
    }
    if (target.at[0] == '/') {
        req->form = TN_HTTP_ORIGIN;
        return 0;
    }
    if (target.at[0] == '*' && target.len == 1 &&
        req->method == TN_HTTP_OPTIONS) {
        req->form = TN_HTTP_ASTERISK;
        return 0;
    }
    return take_absolute(h, req, line);
}

/* ---- the host ---- */

/* RFC 9112 section 3.2.2 has the target overrule Host. Where the two speak of
   different hosts, somebody before us may have looked at the other one: 400.
   A port that the target does not need may be missing in one of them. */
static bool
is_same_host(const tn_http_request *req,
             const struct tn__http_authority *target,
             const struct tn__http_authority *host)
{
    int port = -1;
    if (req->form == TN_HTTP_ABSOLUTE) {
        port = scheme_len(req->target) == 7 ? 80 : 443;
    } else if (host->port < 0) {
        port = target->port;
    }
    return tn__http_same(target->host, host->host.at, host->host.len) &&
           (target->port < 0 ? port : target->port) ==
               (host->port < 0 ? port : host->port);
}

static int
take_host(struct tn__http_head *h, tn_http_request *req,
          const struct tn__http_frame *f)
{
    struct tn__http_authority target, host = {{NULL, 0}, -1};
    tn_str text = {NULL, 0};
    if (f->hosts > 1 || (f->hosts == 0 && req->minor > 0)) {
        return tn__http_refuse(h, TN__HTTP_BAD,
                               f->hosts == 0 ? "no Host" : "two Hosts");
    }
    if (f->hosts == 1) {
        text = req->fields[f->host].value;
        if (tn__host_read(&host, h->begin, text, h->end) < 0) {
            return tn__http_refuse(h, TN__HTTP_BAD, "Host is none");
        }
    }
    if (req->form == TN_HTTP_ORIGIN || req->form == TN_HTTP_ASTERISK) {
        req->authority = text;
        return 0;
    }
    if (tn__http_authority(&target, h->begin, req->authority) < 0 ||
        (req->form == TN_HTTP_AUTHORITY && target.port <= 0)) {
        return tn__http_refuse(h, TN__HTTP_BAD, "a target without a host");
    }
    if (f->hosts == 1 && !is_same_host(req, &target, &host)) {
        return tn__http_refuse(h, TN__HTTP_BAD, "Host is not the target's");
    }
    return 0;
}

/* ---- all of it ---- */

static int
take_frame(struct tn__http_head *h, tn_http_request *req,
           const struct tn__http_frame *f)
{
    const bool is_new = req->minor > 0;
    if (f->others == 0) { /* as nearly always */
        req->body = TN_HTTP_NO_BODY;
        req->length = -1;
        req->keep_alive = is_new;
        req->upgrade = req->expect_continue = req->expect_unknown = false;
        return 0;
    }
    if (f->codings > 0 && !is_new) {
        return tn__http_refuse(h, TN__HTTP_BAD,
                               "Transfer-Encoding in HTTP/1.0");
    }
    if (f->lengths > 1) {
        return tn__http_refuse(h, TN__HTTP_BAD, "two Content-Lengths");
    }
    req->body = f->chunked       ? TN_HTTP_CHUNKED
                : f->lengths > 0 ? TN_HTTP_LENGTH
                                 : TN_HTTP_NO_BODY;
    req->length = f->length;
    req->keep_alive = (is_new | f->keep_alive) & !f->close;
    req->upgrade = f->upgrade & is_new;
    req->expect_continue =
        f->expect_continue & is_new & (req->body != TN_HTTP_NO_BODY);
    req->expect_unknown = f->expect_other & is_new;
    return 0;
}

static TN_INLINE const char *
read_request(struct tn__http_head *h, tn_http_request *req)
{
    struct line line;
    struct tn__http_marks marks;
    struct tn__http_frame frame;
    const char *p = read_line(h, h->begin, &line);
    if (p == NULL) {
        return NULL;
    }
    req->method_text = line.method_text;
    req->method = line.method;
    req->minor = line.minor > 0;
    if (take_target(h, req, &line) != 0) {
        return NULL;
    }
    p = tn__fields_read(h, p, req->fields, TN_HTTP_FIELDS, &req->field_count,
                        &marks);
    if (p == NULL || tn__frame_read(h, &frame, req->fields, &marks) != 0 ||
        take_host(h, req, &frame) != 0 || take_frame(h, req, &frame) != 0) {
        return NULL;
    }
    return p;
}

/* What came behind `seen` bytes. 0 if the head is whole. */
static int
resume(struct tn__http_head *h, size_t seen)
{
    /* A line that is longer than this has too long a target. */
    const size_t most = METHOD_MAX + 1 + TN_URL_MAX + 1;
    size_t n = (size_t)(h->end - h->begin);
    int status =
        seen < n ? tn__http_resume(h, seen, check_line) : TN__HTTP_MORE;
    if (status == TN__HTTP_MORE && seen <= most && n > most) {
        /* Once, that nobody waits for its end. */
        status = check_line(h, h->begin) != NULL ? TN__HTTP_MORE : h->status;
    }
    return status;
}

ssize_t
tn_http_parse_request(tn_http_request *req, const char *buf, size_t n,
                      size_t seen)
{
    struct tn__http_head h = {buf, buf + n, 0, NULL};
    struct tn__http_head early;
    early.status = 0;
    if (TN_UNLIKELY(seen > 0)) {
        early = h;
        if (resume(&early, seen) == TN__HTTP_MORE) {
            return 0;
        }
    }
    /* Of several things that are wrong the first one is told, however the
       bytes were cut: so a part that is refused is read from its beginning. */
    const char *end = read_request(&h, req);
    if (TN_LIKELY(end != NULL)) {
        req->status = 0;
        req->why = NULL;
        return end - buf;
    }
    if (h.status == TN__HTTP_MORE && early.status != 0) {
        h = early;
    }
    if (h.status == TN__HTTP_MORE) {
        return 0;
    }
    req->status = h.status;
    req->why = h.why;
    return tn_fail(TN_EHTTP, "read request:", h.why);
}
