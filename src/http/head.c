/*
 * head.c - what the heads of requests and answers have in common: lines,
 * versions, fields.
 */
#include "http/fields.h"
#include "http/http_int.h"
#include "http/scan.h"

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

#ifdef TN__SCAN_VECTORS
const char *
tn__scan_far(enum tn__http_class what, const char *begin, const char *p,
             const char *end)
{
    switch ((int)what) {
    case TN__TARGET:
        return tn__scan_steps(TN__TARGET, begin, p, end);
    case TN__HOST:
        return tn__scan_steps(TN__HOST, begin, p, end);
    default:
        return tn__scan_steps(TN__TOKEN, begin, p, end);
    }
}
#endif

int
tn__http_refuse(struct tn__http_head *h, int status, const char *why)
{
    h->status = status;
    h->why = why;
    return status;
}

const char *
tn__http_line_end(struct tn__http_head *h, const char *at)
{
    if (at == h->end) {
        return tn__http_more(h);
    }
    if (*at != '\r') {
        const char *why = *at == '\n'                  ? "LF without CR"
                          : tn__http_is(TN__TEXT, *at) ? "a line has no CR LF"
                                                       : "a control character";
        return tn__http_stop(h, TN__HTTP_BAD, why);
    }
    if (at + 1 == h->end) {
        return tn__http_more(h);
    }
    if (at[1] != '\n') {
        return tn__http_stop(h, TN__HTTP_BAD, "CR without LF");
    }
    return at + 2;
}

const char *
tn__http_version(struct tn__http_head *h, const char *at, int *major,
                 int *minor)
{
    static const char form[] = "HTTP/0.0";
    size_t have = (size_t)(h->end - at);
    size_t len = sizeof(form) - 1;
    for (size_t i = 0; i < len && i < have; i++) {
        bool good =
            form[i] == '0' ? tn__http_is_digit(at[i]) : at[i] == form[i];
        if (!good) {
            return tn__http_stop(h, TN__HTTP_BAD, "no version");
        }
    }
    if (have < len) {
        return tn__http_more(h);
    }
    *major = at[5] - '0';
    *minor = at[7] - '0';
    return at + len;
}

/* ---- fields ---- */

bool
tn__fields_no_stop(struct tn__http_head *h, const char *line, const char *p)
{
    if (p < h->end && (p < line || tn__http_is(TN__TEXT, *p))) {
        return true; /* LF of the line before, first in its block; or rare */
    }
    return tn__http_line_end(h, p) != NULL;
}

const char *
tn__fields_name(struct tn__http_head *h, const char *line, const char *p)
{
    p = tn__scan(TN__TOKEN, h->begin, p, h->end);
    if (p > line && *p == ':') {
        return p;
    }
    const char *why = "a field without a name";
    if (*line == ' ' || *line == '\t') {
        why = "a line begins with a space";
    }
    const char *rest = p;
    while (rest < h->end && (*rest == ' ' || *rest == '\t')) {
        rest++;
    }
    if (p > line && rest < h->end && *rest == ':') {
        why = "space before the colon of a field";
    }
    return tn__http_stop(h, TN__HTTP_BAD, why);
}

const char *
tn__http_fields(struct tn__http_head *h, const char *at, tn_http_field *fields,
                int cap, int *count, struct tn__http_marks *marks)
{
    *count = 0;
    return at == h->end ? tn__http_more(h)
                        : tn__fields_read(h, at, fields, cap, count, marks);
}

/* ---- heads in pieces ---- */

/* Check the whole lines of [from, last), the first line of all among them. 0 if
   an empty line ends them. */
static int
check_lines(struct tn__http_head *h, const char *from, const char *last,
            tn__http_line_fn *first)
{
    struct tn__http_head lines = {h->begin, last, 0, NULL};
    const char *at = from == h->begin ? first(&lines, from) : from;
    int count = 0;
    if (at != NULL) {
        at = at == last ? tn__http_more(&lines)
                        : tn__fields_read(&lines, at, NULL, 0, &count, NULL);
    }
    h->status = lines.status;
    h->why = lines.why;
    return lines.status;
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
tn__http_resume(struct tn__http_head *h, size_t seen, tn__http_line_fn *first)
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
