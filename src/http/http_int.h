/*
 * http_int.h - what the parsers of heads, bodies and targets share.
 *
 * What is wrong is told by a status: TN__HTTP_MORE if the bytes end too early
 * to tell, else the one that a server answers with.
 */
#ifndef TENON_HTTP_HTTP_INT_H
#define TENON_HTTP_HTTP_INT_H

#include <tenon/http.h>
#include <tenon/url.h>

#include "base/base.h"

#include <string.h>

enum {
    TN__HTTP_MORE = -1,
    TN__HTTP_BAD = 400,
    TN__HTTP_TARGET_LONG = 414,
    TN__HTTP_TOO_MANY = 431,
    TN__HTTP_UNKNOWN = 501,
    TN__HTTP_VERSION = 505,
};

/* What a byte may be part of. */
enum tn__http_class {
    TN__TOKEN = 1,   /* RFC 9110 section 5.6.2 */
    TN__TEXT = 2,    /* a field value: tab, space, visible, 0x80 and above */
    TN__TARGET = 4,  /* a target, without a second look; see request.c */
    TN__HOST = 8,    /* RFC 3986 section 3.2.2, reg-name but "%" and "," */
    TN__HEX = 16,    /* a hexadecimal digit */
    TN__PLAIN = 32,  /* RFC 3986 section 2.3, unreserved */
    TN__ALNUM = 64,  /* a letter or a digit */
    TN__QTEXT = 128, /* inside of quotes: TN__TEXT but '"' and the backslash */
};

extern const uint8_t tn__http_classes[256];

static inline bool
tn__http_is(enum tn__http_class what, char c)
{
    return (tn__http_classes[(uint8_t)c] & what) != 0;
}

static inline bool
tn__http_is_space(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool
tn__http_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The value of a hexadecimal digit. */
static inline unsigned
tn__http_hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20) - 'a' + 10;
}

/* A head on its way through the parser. Who reads on returns the next byte to
   read, or NULL: more bytes are needed, or it is refused. */
struct tn__http_head {
    const char *begin, *end; /* all bytes that there are */
    int status;              /* behind a NULL: which of the two */
    const char *why;         /* static text: what is wrong with it */
};

/* ---- head.c ---- */

/* Note what is wrong, for tn_why(), and return the status. */
TN_APART int tn__http_refuse(struct tn__http_head *h, int status,
                             const char *why);

/* The same for who reads on; and that more bytes are needed. */
static inline const char *
tn__http_stop(struct tn__http_head *h, int status, const char *why)
{
    (void)tn__http_refuse(h, status, why);
    return NULL;
}

static inline const char *
tn__http_more(struct tn__http_head *h)
{
    return tn__http_stop(h, TN__HTTP_MORE, NULL);
}

/* Text equals a word of ASCII, whatever the case of both. */
bool tn__http_same(tn_str text, const char *word, size_t len);

/* The same for a word of lower-case letters and "-" that the compiler knows,
   four at least, and text without control characters: a byte or-ed with 0x20 is
   a letter only if it was one, and "-" only if it was that or CR. The last step
   looks at bytes again rather than at fewer. */
static TN_INLINE bool
tn__http_is_word(tn_str text, const char *word, size_t len)
{
    const uint64_t spaces = UINT64_MAX / 255 * 0x20;
    uint64_t differ = 0;
    if (text.len != len) {
        return false;
    }
    if (len < 8) {
        uint32_t a, b, c, d;
        memcpy(&a, text.at, 4);
        memcpy(&b, word, 4);
        memcpy(&c, text.at + len - 4, 4);
        memcpy(&d, word + len - 4, 4);
        return (((a ^ b) | (c ^ d)) & ~(uint32_t)spaces) == 0;
    }
    for (size_t i = 0; i < len; i += 8) {
        size_t at = len - i < 8 ? len - 8 : i;
        uint64_t a, b;
        memcpy(&a, text.at + at, 8);
        memcpy(&b, word + at, 8);
        differ |= a ^ b;
    }
    return (differ & ~spaces) == 0;
}

/* The indices of the fields that may frame a message or route it. */
struct tn__http_marks {
    int count;
    uint8_t at[TN_HTTP_FIELDS];
};

_Static_assert(TN_HTTP_FIELDS <= UINT8_MAX, "an index has to fit");

/* Field lines up to the empty line and behind it. With `marks` (may be NULL)
   `cap` is at most TN_HTTP_FIELDS. */
const char *tn__http_fields(struct tn__http_head *h, const char *at,
                            tn_http_field *fields, int cap, int *count,
                            struct tn__http_marks *marks);

typedef const char *tn__http_line_fn(struct tn__http_head *h, const char *at);

/* Look only at what has come since `seen` bytes had been looked at; `first`
   reads the first line of the head. 0 if it is whole now, else a status. */
int tn__http_resume(struct tn__http_head *h, size_t seen,
                    tn__http_line_fn *first);

/* "HTTP/1.1". The major version need not be 1. */
const char *tn__http_version(struct tn__http_head *h, const char *at,
                             int *major, int *minor);

/* The line ends here: CR LF. */
const char *tn__http_line_end(struct tn__http_head *h, const char *at);

/* ---- framing.c: what the fields say of the message ---- */

struct tn__http_frame {
    int hosts, lengths, codings;
    int host;       /* index of the last Host; 0 if there is none */
    int others;     /* how many fields that may have said anything else */
    int64_t length; /* -1: none */
    bool chunked;
    bool close, keep_alive, upgrade;
    bool expect_continue, expect_other;
};

/* By the first letter of a name: one bit for each length of those that matter.
   Others seldom look the same, and may. */
extern const uint32_t tn__frame_lengths[32];

/* Look at a field that is not Host. 0, or what is wrong. fields.h has the
   loop. */
int tn__frame_take(struct tn__http_head *h, struct tn__http_frame *f,
                   const tn_http_field *field);

/* ---- host.c ---- */

/* "host", "host:port", "[::1]:port" taken apart. */
struct tn__http_authority {
    tn_str host; /* with its brackets */
    int port;    /* -1: none, or nothing behind the colon */
};

/* 0 or -EINVAL. Bytes from `begin` to `text` are there, and are not looked at
   but in one step with it. */
int tn__http_authority(struct tn__http_authority *a, const char *begin,
                       tn_str text);

#endif
