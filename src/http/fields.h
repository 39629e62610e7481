/*
 * fields.h - the lines between the first one of a head and the empty one, and
 * what they say of the message.
 *
 * In a header, as requests are to have them without a call: a short head takes
 * less time than the calls did.
 */
#ifndef TENON_HTTP_FIELDS_H
#define TENON_HTTP_FIELDS_H

#include "http/http_int.h"
#include "http/scan.h"

/* No line ends at p, as no CR LF is there. Returns true if what is there may
   stand in the line that begins at `line` nevertheless. */
TN_APART bool tn__fields_no_stop(struct tn__http_head *h, const char *line,
                                 const char *p);

/* The end of a name with rare characters in it; NULL if it is none. */
TN_APART const char *tn__fields_name(struct tn__http_head *h, const char *line,
                                     const char *p);

/* The colon of the line that begins at `line`, in which there is a CR. */
static TN_INLINE const char *
tn__fields_colon(struct tn__http_head *h, const char *line)
{
    const char *p = tn__scan_near(TN__TOKEN, h->begin, line, h->end);
    return TN_LIKELY(*p == ':' && p > line) ? p : tn__fields_name(h, line, p);
}

/* Whether framing.c may want to see a field. */
static TN_INLINE bool
tn__fields_is_marked(tn_str name)
{
    uint32_t lengths = tn__frame_lengths[name.at[0] & 31];
    return (lengths >> (name.len & 31) & 1) != 0;
}

/* What is between p, behind the colon, and the end of a line, where a CR is;
   without the white space around it, which nearly always is one space. */
static TN_INLINE tn_str
tn__fields_value(const char *p, const char *end)
{
    p += *p == ' ';
    /* Below 0x21 there are but space and tab among what is allowed. */
    while (TN_UNLIKELY((uint8_t)*p <= ' ') && p < end) {
        p++;
    }
    while (TN_UNLIKELY((uint8_t)end[-1] <= ' ') && end > p) {
        end--;
    }
    return (tn_str){p, (size_t)(end - p)};
}

/* Lines up to the empty one and behind it. Without `fields` they are but
   checked. */
static TN_INLINE const char *
tn__fields_read(struct tn__http_head *h, const char *line,
                tn_http_field *fields, int cap, int *count,
                struct tn__http_marks *marks)
{
    const char *const last = h->end - 1; /* no CR LF begins there */
    tn_http_field *field = fields;
    struct tn__stops stops;
    int marked = 0;
    *count = 0;
    tn__stops_init(&stops, h->begin, line, h->end);
    for (;;) {
        const char *p = tn__stops_next(&stops);
        if (TN_UNLIKELY(p >= last || memcmp(p, "\r\n", 2) != 0)) {
            if (!tn__fields_no_stop(h, line, p)) {
                return NULL;
            }
            tn__stops_pass(&stops, 1);
            continue;
        }
        if (TN_UNLIKELY(p == line)) {
            break;
        }
        if (fields != NULL && TN_UNLIKELY(field == fields + cap)) {
            return tn__http_stop(h, TN__HTTP_TOO_MANY, "too many fields");
        }
        const char *colon = tn__fields_colon(h, line);
        if (colon == NULL) {
            return NULL;
        }
        if (fields != NULL) {
            const tn_str name = {line, (size_t)(colon - line)};
            field->name = name;
            field->value = tn__fields_value(colon + 1, p);
            if (tn__fields_is_marked(name) && marks != NULL) {
                marks->at[marked++] = (uint8_t)(field - fields);
            }
            field++;
        }
        line = p + 2;
        tn__stops_pass(&stops, 2);
    }
    if (fields != NULL) {
        *count = (int)(field - fields);
    }
    if (marks != NULL) {
        marks->count = marked;
    }
    return line + 2;
}

/* ---- what the fields say of the message ---- */

/* Look at the marked ones. 0, or what is wrong. */
static TN_INLINE int
tn__frame_read(struct tn__http_head *h, struct tn__http_frame *f,
               const tn_http_field *fields, const struct tn__http_marks *marks)
{
    int hosts = 0, host = 0;
    *f = (struct tn__http_frame){.length = -1};
    for (int i = 0; i < marks->count; i++) {
        int k = marks->at[i];
        if (tn__http_is_word(fields[k].name, "host", 4)) {
            hosts++;
            host = k;
            continue;
        }
        int status = tn__frame_take(h, f, &fields[k]);
        if (status != 0) {
            return status;
        }
    }
    f->hosts = hosts;
    f->host = host;
    f->others = marks->count - hosts;
    if (f->codings > 0 && f->lengths > 0) {
        return tn__http_refuse(h, TN__HTTP_BAD,
                               "both Content-Length and Transfer-Encoding");
    }
    return 0;
}

#endif
