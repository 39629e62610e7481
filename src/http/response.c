/*
 * response.c - the head of an answer.
 */
#include "http/fields.h"
#include "http/http_int.h"
#include "http/scan.h"

static bool
is_status(const char *p)
{
    return p[0] >= '1' && p[0] <= '5' && tn__http_is_digit(p[1]) &&
           tn__http_is_digit(p[2]);
}

/* "HTTP/1.1 200 OK": the space behind the code has to be there even if there
   is no reason (RFC 9112 section 4). */
static const char *
read_line(struct tn__http_head *h, const char *at, tn_http_response *res)
{
    int major = 0;
    const char *p = tn__http_version(h, at, &major, &res->minor);
    if (p == NULL) {
        return NULL;
    }
    if (major != 1) {
        return tn__http_stop(h, TN__HTTP_VERSION, "not HTTP/1");
    }
    if (h->end - p < 5) {
        return tn__http_more(h);
    }
    if (p[0] != ' ' || !is_status(p + 1) || p[4] != ' ') {
        return tn__http_stop(h, TN__HTTP_BAD, "no status");
    }
    const char *end = tn__scan(TN__TEXT, h->begin, p + 5, h->end);
    res->status = 100 * (p[1] - '0') + 10 * (p[2] - '0') + (p[3] - '0');
    res->reason = (tn_str){p + 5, (size_t)(end - p - 5)};
    return tn__http_line_end(h, end);
}

static const char *
check_line(struct tn__http_head *h, const char *at)
{
    tn_http_response res;
    return read_line(h, at, &res);
}

/* RFC 9112 section 6.3. */
static int
take_frame(struct tn__http_head *h, tn_http_response *res,
           const struct tn__http_frame *f)
{
    bool never = res->status < 200 || res->status == 204;
    if (f->codings > 0 && (res->minor == 0 || never)) {
        return tn__http_refuse(h, TN__HTTP_BAD,
                               "Transfer-Encoding where none may be");
    }
    if (never && f->length > 0) {
        return tn__http_refuse(h, TN__HTTP_BAD,
                               "a length where no body may be");
    }
    res->length = -1;
    if (never || res->status == 304) {
        res->body = TN_HTTP_NO_BODY;
    } else if (f->chunked) {
        res->body = TN_HTTP_CHUNKED;
    } else if (f->lengths > 0) {
        res->body = TN_HTTP_LENGTH;
        res->length = f->length;
    } else {
        res->body = TN_HTTP_UNTIL_CLOSE;
    }
    res->keep_alive = !f->close && (res->minor > 0 || f->keep_alive) &&
                      res->body != TN_HTTP_UNTIL_CLOSE;
    return 0;
}

static const char *
read_response(struct tn__http_head *h, tn_http_response *res)
{
    struct tn__http_marks marks;
    struct tn__http_frame frame;
    const char *p = read_line(h, h->begin, res);
    if (p != NULL) {
        p = tn__http_fields(h, p, res->fields, TN_HTTP_FIELDS,
                            &res->field_count, &marks);
    }
    if (p == NULL) {
        return NULL;
    }
    res->minor = res->minor > 0;
    int status = tn__frame_read(h, &frame, res->fields, &marks);
    if (status == 0) {
        status = take_frame(h, res, &frame);
    }
    return status == 0 ? p : NULL;
}

ssize_t
tn_http_parse_response(tn_http_response *res, const char *buf, size_t n,
                       size_t seen)
{
    struct tn__http_head h = {buf, buf + n, 0, NULL};
    const char *end = NULL;
    int status = 0;
    if (seen > 0) {
        status =
            seen < n ? tn__http_resume(&h, seen, check_line) : TN__HTTP_MORE;
    }
    if (status == 0) {
        end = read_response(&h, res);
        status = h.status;
    }
    if (status == TN__HTTP_MORE) {
        return 0;
    }
    return end != NULL ? end - buf : tn_fail(TN_EHTTP, "read answer:", h.why);
}
