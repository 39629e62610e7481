/*
 * head.c - what the heads of requests and answers have in common: lines,
 * versions, fields.
 */
#include "http/http_int.h"
#include "http/scan.h"

#include <limits.h>

bool
tn__http_same(tn_str text, const char *word, size_t len)
{
    if (text.len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char a = text.at[i];
        char low = (char)(a | 0x20);
        bool letter = low >= 'a' && low <= 'z';
        if (a != word[i] && !(letter && low == (word[i] | 0x20))) {
            return false;
        }
    }
    return true;
}

int
tn__http_line_end(struct tn__http_head *h)
{
    const char *p = h->at;
    if (p == h->end) {
        return TN__HTTP_MORE;
    }
    if (*p != '\r') {
        const char *why = *p == '\n'                  ? "LF without CR"
                          : tn__http_is(TN__TEXT, *p) ? "a line has no CR LF"
                                                      : "a control character";
        return tn__http_refuse(h, TN__HTTP_BAD, why);
    }
    if (p + 1 == h->end) {
        return TN__HTTP_MORE;
    }
    if (p[1] != '\n') {
        return tn__http_refuse(h, TN__HTTP_BAD, "CR without LF");
    }
    h->at = p + 2;
    return 0;
}

int
tn__http_version(struct tn__http_head *h, int *major, int *minor)
{
    static const char form[] = "HTTP/0.0";
    size_t have = (size_t)(h->end - h->at);
    size_t len = sizeof(form) - 1;
    for (size_t i = 0; i < len && i < have; i++) {
        bool good =
            form[i] == '0' ? tn__http_is_digit(h->at[i]) : h->at[i] == form[i];
        if (!good) {
            return tn__http_refuse(h, TN__HTTP_BAD, "no version");
        }
    }
    if (have < len) {
        return TN__HTTP_MORE;
    }
    *major = h->at[5] - '0';
    *minor = h->at[7] - '0';
    h->at += len;
    return 0;
}

/* *p is no end of a line that begins at `line`. Returns true if it may stand in
   a line nevertheless, else *status tells. */
static TN_APART bool
is_no_stop(struct tn__http_head *h, const char *line, const char *p,
           int *status)
{
    h->at = p;
    if (p < h->end && (p < line || tn__http_is(TN__TEXT, *p))) {
        return true; /* LF of the line before, first in its block; or rare */
    }
    *status = tn__http_line_end(h);
    return false;
}

/* A name with rare characters in it. Returns its end; NULL if it is none. */
static TN_APART const char *
end_of_name(struct tn__http_head *h, const char *name, const char *p)
{
    p = tn__scan(TN__TOKEN, h->begin, p, h->end);
    return p > name && *p == ':' ? p : NULL;
}

/* What is wrong with a line that begins with no name and a colon. */
static TN_APART const char *
why_no_field(struct tn__http_head *h, const char *line)
{
    const char *p = tn__scan(TN__TOKEN, h->begin, line, h->end);
    if (p == line) {
        return *p == ' ' || *p == '\t' ? "a line begins with a space"
                                       : "a field without a name";
    }
    while (p < h->end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    return p < h->end && *p == ':' ? "space before the colon of a field"
                                   : "a field without a name";
}

/* The line [p, end), which has a CR behind it. */
static TN_INLINE bool
read_field(struct tn__http_head *h, struct tn__http_bytes bytes,
           tn_http_field *field, const char *line, const char *end)
{
    const char *p = tn__scan_steps(TN__TOKEN, bytes.begin, line, bytes.end);
    if (TN_UNLIKELY(*p != ':' || p == line)) {
        p = end_of_name(h, line, p);
        if (p == NULL) {
            return false;
        }
    }
    field->name = (tn_str){line, (size_t)(p - line)};
    /* Below 0x21 there are but space and tab among what is allowed. */
    p++;
    while (p < end && (uint8_t)*p <= ' ') {
        p++;
    }
    while (end > p && (uint8_t)end[-1] <= ' ') {
        end--;
    }
    field->value = (tn_str){p, (size_t)(end - p)};
    return true;
}

/* Lines up to the empty one and behind it; without `keep` all of them go into
   fields[0]. */
static TN_INLINE int
read_fields(struct tn__http_head *h, tn_http_field *fields, bool keep, int cap,
            int *count)
{
    struct tn__http_bytes bytes = {h->begin, h->end};
    const char *line = h->at;
    struct tn__stops stops;
    int status = 0;
    int k = 0;
    *count = 0;
    tn__stops_init(&stops, bytes.begin, line, bytes.end);
    for (;;) {
        const char *p = tn__stops_next(&stops);
        if (TN_UNLIKELY(bytes.end - p < 2 || memcmp(p, "\r\n", 2) != 0)) {
            if (!is_no_stop(h, line, p, &status)) {
                return status;
            }
            tn__stops_pass(&stops, 1);
            continue;
        }
        if (TN_UNLIKELY(p == line)) {
            break;
        }
        if (TN_UNLIKELY(k == cap)) {
            return tn__http_refuse(h, TN__HTTP_TOO_MANY, "too many fields");
        }
        if (TN_UNLIKELY(
                !read_field(h, bytes, fields + (keep ? k : 0), line, p))) {
            return tn__http_refuse(h, TN__HTTP_BAD, why_no_field(h, line));
        }
        k++;
        line = p + 2;
        tn__stops_pass(&stops, 2);
    }
    h->at = line + 2;
    *count = k;
    return 0;
}

int
tn__http_fields(struct tn__http_head *h, tn_http_field *fields, int cap,
                int *count)
{
    return read_fields(h, fields, true, cap, count);
}

/* Check the whole lines of [from, last), the first line of all among them. 0 if
   an empty line ends them. */
static int
check_lines(struct tn__http_head *h, const char *from, const char *last,
            int (*first)(struct tn__http_head *h))
{
    struct tn__http_head lines = {h->begin, last, from, NULL};
    tn_http_field field;
    int count = 0;
    int status = from == h->begin ? first(&lines) : 0;
    if (status == 0) {
        status = lines.at == last
                     ? TN__HTTP_MORE
                     : read_fields(&lines, &field, false, INT_MAX, &count);
    }
    h->why = lines.why;
    return status;
}

/* Look for ends of lines from p on, as far as the head goes. Returns what is
   behind the last one; `from` if there is none, NULL for what no line has. */
static const char *
find_lines(const struct tn__http_head *h, const char *from)
{
    const char *last = from;
    const char *p = from - 1; /* perhaps a CR */
    while ((p = tn__scan(TN__TEXT, h->begin, p, h->end)) < h->end) {
        bool ends = *p == '\n' && p > h->begin && p[-1] == '\r';
        bool begins = *p == '\r' && (p + 1 == h->end || p[1] == '\n');
        if (!ends && !begins) {
            return NULL;
        }
        p++;
        if (ends) {
            last = p;
        }
        if (ends && p - h->begin > 2 && p[-3] == '\n') {
            break; /* an empty line: what follows is the body */
        }
    }
    return last;
}

/* A line is read when its end is there, and all of them once more when the
   last is: no byte is looked at more than four times, however they arrive. */
int
tn__http_resume(struct tn__http_head *h, size_t seen,
                int (*first)(struct tn__http_head *h))
{
    const char *from = h->begin + seen;
    const char *last = find_lines(h, from);
    if (last == NULL) {
        return tn__http_refuse(h, TN__HTTP_BAD, "a control character");
    }
    if (last <= from) {
        return TN__HTTP_MORE;
    }
    while (from > h->begin && from[-1] != '\n') {
        from--;
    }
    if (from == h->begin + 2 && *h->begin == '\r') {
        from = h->begin; /* an empty line belongs to the first */
    }
    return check_lines(h, from, last, first);
}

int
tn_http_find(const tn_http_field *fields, int count, const char *name, int from)
{
    size_t len = strlen(name);
    for (int i = from < 0 ? 0 : from; i < count; i++) {
        if (fields[i].name.len == len &&
            tn__http_same(fields[i].name, name, len)) {
            return i;
        }
    }
    return -1;
}

tn_str
tn_http_value(const tn_http_field *fields, int count, const char *name)
{
    int i = tn_http_find(fields, count, name, 0);
    return i < 0 ? (tn_str){NULL, 0} : fields[i].value;
}
