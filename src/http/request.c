/*
 * request.c - the head of a request: its line, its target, its host.
 */
#include "http/http_int.h"
#include "http/scan.h"

/* Nobody's method is longer; RFC 9112 section 3 wants 501 for one that is. */
enum { METHOD_MAX = 32 };

/* The first line as it stands there. */
struct line {
    tn_str method, target;
    size_t query; /* where "?" is in the target; its length if nowhere */
    int minor;
};

static int
read_method(struct tn__http_head *h, tn_str *method)
{
    const char *start = h->at;
    const char *p = start;
    while (p < h->end && tn__http_is(TN__TOKEN, *p)) {
        if (p - start == METHOD_MAX) {
            return tn__http_refuse(h, TN__HTTP_UNKNOWN, "a long method");
        }
        p++;
    }
    if (p == h->end) {
        return TN__HTTP_MORE;
    }
    if (p == start || *p != ' ') {
        return tn__http_refuse(h, TN__HTTP_BAD, "no method");
    }
    *method = (tn_str){start, (size_t)(p - start)};
    h->at = p + 1;
    return 0;
}

/* Go over one byte that tn__scan() stopped at; false if it cannot be part of a
   target. RFC 3986 forbids more than is refused here: browsers send "[]^`{|}"
   as they are, and the backslash behind the "?". */
static bool
is_in_target(const char *p, const char *end, bool query)
{
    if (*p == '%') {
        return (p + 1 == end || tn__http_is(TN__HEX, p[1])) &&
               (p + 2 >= end || tn__http_is(TN__HEX, p[2]));
    }
    return *p == '?' || (*p == '\\' && query);
}

/* Up to the space behind it. */
static int
read_target(struct tn__http_head *h, struct line *line)
{
    const char *start = h->at;
    const char *query = NULL;
    const char *p = tn__scan(TN__TARGET, h->begin, start, h->end);
    while (p < h->end && *p != ' ' && p - start <= TN_URL_MAX) {
        if (!is_in_target(p, h->end, query != NULL)) {
            return tn__http_refuse(h, TN__HTTP_BAD,
                                   "a target with a forbidden character");
        }
        if (*p == '?' && query == NULL) {
            query = p;
        }
        p = tn__scan(TN__TARGET, h->begin, p + 1, h->end);
    }
    if (p - start > TN_URL_MAX) {
        return tn__http_refuse(h, TN__HTTP_TARGET_LONG, "a long target");
    }
    if (p == h->end) {
        return TN__HTTP_MORE;
    }
    if (p == start) {
        return tn__http_refuse(h, TN__HTTP_BAD, "no target");
    }
    line->target = (tn_str){start, (size_t)(p - start)};
    line->query = (size_t)((query != NULL ? query : p) - start);
    h->at = p + 1;
    return 0;
}

/* The version, and the end of the line. */
static int
read_version(struct tn__http_head *h, int *minor)
{
    int major = 1;
    if (TN_LIKELY(h->end - h->at >= 10 &&
                  memcmp(h->at, "HTTP/1.1\r\n", 10) == 0)) {
        *minor = 1;
        h->at += 10;
        return 0;
    }
    int status = tn__http_version(h, &major, minor);
    if (status == 0) {
        status = tn__http_line_end(h);
    }
    if (status == 0 && major != 1) {
        return tn__http_refuse(h, TN__HTTP_VERSION, "not HTTP/1");
    }
    return status;
}

static int
read_line(struct tn__http_head *h, struct line *line)
{
    if (h->at < h->end && *h->at == '\r') {
        int status = tn__http_line_end(h); /* the end of some earlier body */
        if (status != 0) {
            return status;
        }
    }
    int status = read_method(h, &line->method);
    if (status == 0) {
        status = read_target(h, line);
    }
    return status != 0 ? status : read_version(h, &line->minor);
}

static int
check_line(struct tn__http_head *h)
{
    struct line line;
    return read_line(h, &line);
}

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
    struct tn__http_authority target, host;
    if (f->hosts > 1 || (f->hosts == 0 && req->minor > 0)) {
        return tn__http_refuse(h, TN__HTTP_BAD,
                               f->hosts == 0 ? "no Host" : "two Hosts");
    }
    if (f->hosts == 1 && tn__http_authority(&host, h->begin, f->host) < 0) {
        return tn__http_refuse(h, TN__HTTP_BAD, "Host is none");
    }
    if (req->authority.at == NULL) {
        req->authority = f->host;
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
    if (f->codings > 0 && req->minor == 0) {
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
    req->keep_alive = !f->close && (req->minor > 0 || f->keep_alive);
    req->upgrade = f->upgrade && req->minor > 0;
    req->expect_continue =
        f->expect_continue && req->minor > 0 && req->body != TN_HTTP_NO_BODY;
    req->expect_unknown = f->expect_other && req->minor > 0;
    return 0;
}

static int
read_request(struct tn__http_head *h, tn_http_request *req)
{
    struct line line;
    struct tn__http_frame frame;
    int status = read_line(h, &line);
    if (status != 0) {
        return status;
    }
    req->method_text = line.method;
    req->method = method_of(line.method);
    req->minor = line.minor > 0;
    status = take_target(h, req, &line);
    if (status == 0) {
        status =
            tn__http_fields(h, req->fields, TN_HTTP_FIELDS, &req->field_count);
    }
    if (status == 0) {
        status = tn__http_frame(h, &frame, req->fields, req->field_count);
    }
    if (status == 0) {
        status = take_host(h, req, &frame);
    }
    if (status == 0) {
        status = take_frame(h, req, &frame);
    }
    return status;
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
        status = check_line(h); /* once, that nobody waits for its end */
        status = status == 0 ? TN__HTTP_MORE : status;
    }
    return status;
}

ssize_t
tn_http_parse_request(tn_http_request *req, const char *buf, size_t n,
                      size_t seen)
{
    struct tn__http_head part = {buf, buf + n, buf, NULL};
    struct tn__http_head h = part;
    int early = seen == 0 ? 0 : resume(&part, seen);
    if (early == TN__HTTP_MORE) {
        return 0;
    }
    /* Of several things that are wrong the first one is told, however the
       bytes were cut: so a part that is refused is read from its beginning. */
    int status = read_request(&h, req);
    if (status == TN__HTTP_MORE && early != 0) {
        status = early;
        h.why = part.why;
    }
    if (status == TN__HTTP_MORE) {
        return 0;
    }
    req->status = status;
    req->why = h.why;
    return status == 0 ? h.at - buf : tn_fail(TN_EHTTP, "read request:", h.why);
}
