/*
 * What an answer means for what is there already: resumed, whole, or none of
 * it any more.
 */
#include <tenon/err.h>

#include "cmd_get_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

tn_str
judge_value(const tn_http_response *res, const char *name)
{
    return tn_http_value(res->fields, res->field_count, name);
}

/* "bytes 5-9/10", "bytes 5-9/\*", "bytes *\/10"; RFC 9110 section 14.4. */
bool
judge_range(tn_str text, int64_t *first, int64_t *last, int64_t *whole)
{
    char buf[96];
    char total[32];
    int end = 0;
    if (!text.at || text.len >= sizeof(buf)) {
        return false;
    }
    memcpy(buf, text.at, text.len);
    buf[text.len] = '\0';
    *first = *last = *whole = -1;
    if (sscanf(buf, "bytes */%18" SCNd64 "%n", whole, &end) == 1 &&
        (size_t)end == text.len) {
        return *whole >= 0;
    }
    if (sscanf(buf, "bytes %18" SCNd64 "-%18" SCNd64 "/%20s%n", first, last,
               total, &end) != 3 ||
        (size_t)end != text.len || *first < 0 || *last < *first) {
        return false;
    }
    if (strcmp(total, "*") == 0) {
        return true;
    }
    if (strspn(total, "0123456789") != strlen(total) || strlen(total) > 18) {
        return false;
    }
    *whole = strtoll(total, NULL, 10);
    return *last < *whole;
}

/* What the next try can say with If-Range: a strong ETag, else the date. */
void
judge_tag(struct one *u, const tn_http_response *res)
{
    tn_str tag = judge_value(res, "ETag");
    if (!tag.at || tag.len < 2 || tag.at[0] != '"') {
        tag = judge_value(res, "Last-Modified");
    }
    if (tag.at && tag.len < sizeof(u->sink.tag)) {
        (void)snprintf(u->sink.tag, sizeof(u->sink.tag), "%.*s", (int)tag.len,
                       tag.at);
    } else {
        u->sink.tag[0] = '\0';
    }
}

static enum verdict
judge_part(struct one *u, const tn_http_response *res, const char **why)
{
    int64_t first, last, whole;
    tn_str tag = judge_value(res, "ETag");
    if (!judge_range(judge_value(res, "Content-Range"), &first, &last,
                     &whole) ||
        first < 0) {
        *why = "206 without a good Content-Range";
        return REFUSED;
    }
    if (first != u->asked ||
        (res->body == TN_HTTP_LENGTH && res->length != last - first + 1)) {
        *why = "206 with another range than asked for";
        return REFUSED;
    }
    if (whole >= 0 && last != whole - 1) {
        *why = "206 with less than asked for";
        return REFUSED;
    }
    /* Another file than the one we have the beginning of. */
    if (u->sink.tag[0] == '"' && tag.at &&
        (tag.len != strlen(u->sink.tag) ||
         memcmp(tag.at, u->sink.tag, tag.len) != 0)) {
        return ANEW;
    }
    u->sink.whole = whole >= 0 ? whole : last + 1;
    return GO_ON;
}

/* Is what came what was asked for, as far as the file is that long? */
static bool
is_asked(const struct get *g, int64_t first, int64_t last, int64_t whole)
{
    if (g->first >= 0) {
        bool end = whole >= 0 && last == whole - 1;
        return first == g->first && (g->last >= 0 ? last <= g->last : true) &&
               (last == g->last || end || whole < 0);
    }
    if (whole < 0) {
        return last - first + 1 <= g->last;
    }
    return last == whole - 1 &&
           first == (whole > g->last ? whole - g->last : 0);
}

/* Does the answer to -r hold what was asked for? */
static bool
is_range(struct one *u, const tn_http_response *res, const char **why)
{
    const struct get_opts *o = u->g->o;
    int64_t first, last, whole;
    if (res->status == 200 && !o->head && !o->method) {
        *why = "all of it, not the range that was asked for";
        return false;
    }
    if (res->status != 206) {
        return true; /* an error, or what another method means */
    }
    if (!judge_range(judge_value(res, "Content-Range"), &first, &last,
                     &whole) ||
        first < 0) {
        *why = "206 without a good Content-Range";
        return false;
    }
    if (!is_asked(u->g, first, last, whole) ||
        (res->body == TN_HTTP_LENGTH && res->length != last - first + 1)) {
        *why = "206 with another range than asked for";
        return false;
    }
    u->sink.whole = last - first + 1;
    return true;
}

/* 416: either all of it is there already, or it became shorter. */
static enum verdict
judge_beyond(const struct one *u, const tn_http_response *res)
{
    int64_t first, last, whole;
    bool known =
        judge_range(judge_value(res, "Content-Range"), &first, &last, &whole);
    return known && whole == u->asked ? ENOUGH : ANEW;
}

enum verdict
judge(struct one *u, const tn_http_response *res, const char **why)
{
    bool range = u->asked > 0;
    if (u->g->range[0]) {
        return is_range(u, res, why) ? TAKE : REFUSED;
    }
    if (res->status == 206) {
        if (!range && !u->g->ranged) {
            *why = "206 that nobody asked for";
            return REFUSED;
        }
        return range ? judge_part(u, res, why) : TAKE;
    }
    if (res->status == 416 && range) {
        return judge_beyond(u, res);
    }
    if (res->status >= 400) {
        return range ? SHOW : TAKE;
    }
    if (range && res->status >= 300) {
        return SHOW; /* a redirect that is not followed is no file */
    }
    u->sink.whole = res->body == TN_HTTP_LENGTH ? res->length : -1;
    return TAKE;
}

/* RFC 9110 section 10.2.3: seconds, or a date. */
int64_t
judge_retry_after(const tn_http_response *res)
{
    tn_str text = judge_value(res, "Retry-After");
    int64_t when = 0;
    size_t i = 0;
    if (!text.at || text.len == 0) {
        return -1;
    }
    while (i < text.len && i < 9 && text.at[i] >= '0' && text.at[i] <= '9') {
        when = when * 10 + (text.at[i++] - '0');
    }
    if (i > 0) {
        return when * TN_SEC;
    }
    if (tn_http_parse_date(text, &when) < 0) {
        return -1;
    }
    when -= time(NULL);
    return when > 0 ? when * TN_SEC : 0;
}

bool
judge_may_pass(int status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 ||
           status == 503 || status == 504;
}
