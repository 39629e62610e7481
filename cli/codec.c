#include "codec.h"

#include <tenon/err.h>

#include "say.h"

#include <stdio.h>
#include <string.h>

enum {
    CODEC_TEXT = 256, /* more than any text of a codec */
    BYTE_BITS = 8,
};

/* To see what a message claims that is above the codec's own limit. */
#define CODEC_ANY ((size_t)1 << 40)

/* --- the option ----------------------------------------------------------- */

/* What the argument of a kind must be; NULL: the kind has none. */
static const char *
argument_of(const char *text)
{
    if (strncmp(text, "delim:", strlen("delim:")) == 0) {
        return "1 to 8 bytes in hexadecimal, such as 0d0a";
    }
    if (strncmp(text, "fixed:", strlen("fixed:")) == 0) {
        return "a size of 1 byte or more, such as 16 or 4k";
    }
    return NULL;
}

/* The shortest beginning, up to a comma, that is wrong already. */
static size_t
wrong_part(const char *text, size_t *begin)
{
    char part[CODEC_TEXT];
    tn_codec c;
    size_t n = strcspn(text, ",");
    *begin = 0;
    for (;;) {
        if (n >= sizeof(part)) {
            return n;
        }
        memcpy(part, text, n);
        part[n] = '\0';
        if (tn_codec_parse(&c, part) < 0 || text[n] == '\0') {
            return n;
        }
        *begin = n + 1;
        n += 1 + strcspn(text + n + 1, ",");
    }
}

int
codec_option(tn_codec *c, const char *text, const char *page)
{
    size_t begin;
    if (tn_codec_parse(c, text) == 0) {
        return EXIT_DONE;
    }
    size_t end = wrong_part(text, &begin);
    const char *argument = argument_of(text);
    if (begin > 0) {
        return say_usage("--frame %s: \"%.*s\" does not fit there (see man %s)",
                         text, (int)(end - begin), text + begin, page);
    }
    if (argument) {
        return say_usage("--frame %s: %.6s needs %s", text, text, argument);
    }
    return say_usage("--frame %s: no such codec (see man %s)", text, page);
}

/* --- messages ------------------------------------------------------------- */

const char *
codec_why_unsent(const tn_codec *c, const void *data, size_t n, char *buf,
                 size_t cap)
{
    tn_envelope env;
    int err = tn_codec_envelope(c, data, n, &env);
    if (err == 0) {
        return NULL;
    }
    if (err == TN_ETOOBIG && n > c->max) {
        (void)snprintf(buf, cap, "the line has %zu bytes, the limit is %zu", n,
                       c->max);
    } else if (err == TN_ETOOBIG) {
        (void)snprintf(buf, cap,
                       "the line has %zu bytes, more than a length of %d bits "
                       "can say",
                       n, BYTE_BITS * c->width);
    } else if (c->keep) {
        (void)snprintf(buf, cap,
                       "the line is not one whole message, which "
                       "keep asks for");
    } else if (c->kind == TN_CODEC_FIXED) {
        (void)snprintf(buf, cap, "the line has %zu bytes, not %zu", n, c->size);
    } else if (c->kind == TN_CODEC_DELIMITER) {
        (void)snprintf(buf, cap, "the line contains the delimiter");
    } else {
        (void)snprintf(buf, cap, "a line of %zu bytes: %s", n,
                       tn_strerror(err));
    }
    return buf;
}

const char *
codec_why_unread(const tn_codec *c, const void *data, size_t n, char *buf,
                 size_t cap)
{
    tn_codec any = *c;
    tn_view msg;
    size_t used = 0;
    int err = tn_codec_decode(c, data, n, &msg, &used);
    if (err >= 0) {
        return NULL;
    }
    if (err != TN_ETOOBIG) {
        (void)snprintf(buf, cap, "%s", tn_strerror(err));
        return buf;
    }
    any.max = CODEC_ANY;
    bool known = c->kind != TN_CODEC_DELIMITER &&
                 tn_codec_decode(&any, data, n, &msg, &used) >= 0;
    if (known) {
        (void)snprintf(buf, cap,
                       "a message of %zu bytes on the wire, the limit is %zu",
                       used, c->max);
    } else {
        (void)snprintf(buf, cap, "a message above the limit of %zu bytes",
                       c->max);
    }
    return buf;
}
