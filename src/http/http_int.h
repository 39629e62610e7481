/*
 * http_int.h - what the parsers of heads, bodies and targets share.
 *
 * Each of them returns 0, or what is wrong: TN__HTTP_MORE if the bytes end too
 * early to tell, else the status that a server answers with.
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

/* What a scan may look at. By value: what is stored meanwhile cannot change
   it, so it stays in registers. */
struct tn__http_bytes {
    const char *begin, *end;
};

/* A head on its way through the parser. */
struct tn__http_head {
    const char *begin, *end; /* all bytes that there are */
    const char *at;          /* the next one to read */
    const char *why;         /* static text: what is wrong with it */
};

/* Note what is wrong, for tn_why(), and return the status. */
static inline int
tn__http_refuse(struct tn__http_head *h, int status, const char *why)
{
    h->why = why;
    return status;
}

/* ---- head.c ---- */

/* Text equals a word of ASCII, whatever the case of both. */
bool tn__http_same(tn_str text, const char *word, size_t len);

/* The same for a word of lower-case letters and "-" that the compiler knows,
   and text without control characters: a byte or-ed with 0x20 is a letter only
   if it was one, and "-" only if it was that or CR. */
static TN_INLINE bool
tn__http_is_word(tn_str text, const char *word, size_t len)
{
    const uint64_t spaces = UINT64_MAX / 255 * 0x20;
    uint64_t differ = 0;
    if (text.len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i += 8) {
        size_t n = len - i < 8 ? len - i : 8;
        uint64_t a = 0, b = 0;
        memcpy(&a, text.at + i, n);
        memcpy(&b, word + i, n);
        differ |= (a | spaces) ^ (b | spaces);
    }
    return differ == 0;
}

/* Field lines up to the empty line and behind it. */
int tn__http_fields(struct tn__http_head *h, tn_http_field *fields, int cap,
                    int *count);

/* Look only at what has come since `seen` bytes had been looked at. 0 if the
   head is whole now; `first` reads its first line. */
int tn__http_resume(struct tn__http_head *h, size_t seen,
                    int (*first)(struct tn__http_head *h));

/* "HTTP/1.1" at h->at. The major version need not be 1. */
int tn__http_version(struct tn__http_head *h, int *major, int *minor);

/* The line ends here: CR LF. */
int tn__http_line_end(struct tn__http_head *h);

/* ---- framing.c: what the fields say of the message ---- */

struct tn__http_frame {
    int hosts, lengths, codings;
    tn_str host;
    int64_t length; /* -1: none */
    bool chunked;
    bool close, keep_alive, upgrade;
    bool expect_continue, expect_other;
};

int tn__http_frame(struct tn__http_head *h, struct tn__http_frame *f,
                   const tn_http_field *fields, int count);

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
