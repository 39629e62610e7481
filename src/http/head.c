/*
 * head.c - what the heads of requests and answers have in common: lines,
 * versions, fields.
 */
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

int
tn__http_line_end(struct tn__http_head *h)
{
    const char *p = h->at;
    if (p == h->end) {
        return TN__HTTP_MORE;
    }
    if (*p != '\r') {
        return tn__http_refuse(h, TN__HTTP_BAD, "a line has no CR LF");
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

/* One line "name: value". */
static TN_INLINE int
read_field(struct tn__http_head *h, tn_http_field *field)
{
    const char *end = h->end;
    const char *name = h->at;
    const char *p = tn__scan(TN__NAME, h->begin, name, end);
    while (TN_UNLIKELY(p < end && *p != ':' && tn__http_is(TN__TOKEN, *p))) {
        p = tn__scan(TN__NAME, h->begin, p + 1, end);
    }
    if (TN_UNLIKELY(p == end)) {
        return TN__HTTP_MORE;
    }
    if (TN_UNLIKELY(*p != ':' || p == name)) {
        return tn__http_refuse(h, TN__HTTP_BAD, "a field without a name");
    }
    field->name = (tn_str){name, (size_t)(p - name)};
    p++;
    while (p < end && tn__http_is_space(*p)) {
        p++;
    }
    const char *value = p;
    p = tn__scan(TN__TEXT, h->begin, p, end);
    h->at = p;
    while (p > value && tn__http_is_space(p[-1])) {
        p--;
    }
    field->value = (tn_str){value, (size_t)(p - value)};
    return tn__http_line_end(h);
}

int
tn__http_fields(struct tn__http_head *h, tn_http_field *fields, int cap,
                int *count)
{
    int k = 0;
    int status = 0;
    *count = 0;
    while (h->at < h->end && *h->at != '\r') {
        if (TN_UNLIKELY(k == cap)) {
            return tn__http_refuse(h, TN__HTTP_TOO_MANY, "too many fields");
        }
        status = read_field(h, &fields[k]);
        if (TN_UNLIKELY(status != 0)) {
            return status;
        }
        k++;
    }
    *count = k;
    return tn__http_line_end(h);
}

/* Check the whole lines of [from, last), the first line of all among them. */
static int
check_lines(struct tn__http_head *h, const char *from, const char *last,
            int (*first)(struct tn__http_head *h))
{
    struct tn__http_head lines = {h->begin, last, from, NULL};
    int status = from == h->begin ? first(&lines) : 0;
    while (status == 0 && lines.at < last) {
        tn_http_field field;
        if (*lines.at == '\r') {
            return tn__http_line_end(&lines); /* the head is whole */
        }
        status = read_field(&lines, &field);
    }
    h->why = lines.why;
    return status != 0 ? status : TN__HTTP_MORE;
}

/* A line is read when its end is there, and all of them once more when the
   last is: no byte is looked at more than four times, however they arrive. */
int
tn__http_resume(struct tn__http_head *h, size_t seen,
                int (*first)(struct tn__http_head *h))
{
    const char *p = h->begin + seen - 1; /* perhaps a CR */
    const char *last = NULL;
    while ((p = tn__scan(TN__TEXT, h->begin, p, h->end)) < h->end) {
        bool ends = *p == '\n' && p > h->begin && p[-1] == '\r';
        bool more = *p == '\r' && (p + 1 == h->end || p[1] == '\n');
        if (!ends && !more) {
            return tn__http_refuse(h, TN__HTTP_BAD, "a control character");
        }
        p++;
        last = ends ? p : last;
    }
    if (last == NULL) {
        return TN__HTTP_MORE;
    }
    const char *from = h->begin + seen;
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
        if (tn__http_same(fields[i].name, name, len)) {
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
