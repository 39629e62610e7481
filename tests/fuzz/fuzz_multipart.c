/*
 * fuzz_multipart.c - any bytes as a form: however they are cut, the same parts
 * come out, and nothing is read outside of them.
 *
 * The first line is the Content-Type, the rest the body.
 */
#include "fuzz.h"
#include "http/share_pure.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 16 };

#define MUST(cond) ((cond) ? (void)0 : abort())

/* What came out, in a form that can be compared. */
struct found {
    int last;        /* the event that ended it */
    uint64_t events; /* all others, hashed, and the bytes of the data */
    size_t bytes;
};

static void
mix(struct found *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        o->events = (o->events ^ (uint8_t)s[i]) * UINT64_C(1099511628211);
    }
}

static void
note(struct found *o, const struct tn__form *f, int event, tn_str data)
{
    if (event == TN__FORM_DATA) {
        MUST(data.len > 0);
        mix(o, data.at, data.len);
        o->bytes += data.len;
        return;
    }
    if (event == TN__FORM_PART) {
        MUST(strlen(f->name) <= TN_SHARE_FIELD);
        MUST(strlen(f->file) <= TN_SHARE_NAME && !strchr(f->file, '/') &&
             !strchr(f->file, '\\'));
        mix(o, "part", 4);
        mix(o, f->name, strlen(f->name));
        mix(o, f->is_file ? "file" : "text", 4);
        mix(o, f->file, strlen(f->file));
    }
    if (event == TN__FORM_DONE) {
        mix(o, "done", 4);
    }
}

/* Give what is unused and `step` bytes more, in memory of just that size. */
static struct found
feed(const struct tn__form *begin, const char *s, size_t n, size_t step)
{
    struct tn__form *f = malloc(sizeof(*f));
    struct found o = {TN__FORM_MORE, UINT64_C(14695981039346656037), 0};
    size_t from = 0;
    size_t to = 0;
    MUST(f != NULL);
    *f = *begin;
    while (to < n && o.last == TN__FORM_MORE) {
        to = n - to < step ? n : to + step;
        char *copy = malloc(to - from);
        MUST(copy != NULL);
        memcpy(copy, s + from, to - from);
        size_t at = 0;
        do {
            size_t used;
            tn_str data;
            o.last = tn__form_step(f, copy + at, to - from - at, &used, &data);
            MUST(used <= to - from - at);
            at += used;
            note(&o, f, o.last, data);
        } while (o.last > TN__FORM_MORE && o.last != TN__FORM_END);
        free(copy);
        from += at;
    }
    free(f);
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, 1000};
    struct tn__form f;
    const char *s = (const char *)data;
    const char *end = size > 0 && size <= MOST ? memchr(s, '\n', size) : NULL;
    if (end == NULL || tn__form_init(&f, (tn_str){s, (size_t)(end - s)}) < 0) {
        return 0;
    }
    s = end + 1;
    size -= (size_t)(s - (const char *)data);
    struct found whole = feed(&f, s, size, size > 0 ? size : 1);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct found o = feed(&f, s, size, steps[i]);
        MUST(o.last == whole.last && o.events == whole.events &&
             o.bytes == whole.bytes);
    }
    return 0;
}
