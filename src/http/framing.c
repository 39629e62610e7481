/*
 * framing.c - what the fields of a head say of its message: where the body
 * ends, what becomes of the connection (RFC 9112 sections 6 and 9).
 */
#include "http/http_int.h"

#include <string.h>

/* ---- lists, RFC 9110 section 5.6.1 ---- */

/* Take the next member off a list; false at its end. Commas within quotes do
   not part members. */
static bool
next_member(tn_str *list, tn_str *member)
{
    const char *p = list->at;
    const char *end = list->at + list->len;
    bool quoted = false;
    while (p < end && (*p == ',' || tn__http_is_space(*p))) {
        p++;
    }
    member->at = p;
    for (; p < end && (quoted || *p != ','); p++) {
        if (*p == '"') {
            quoted = !quoted;
        } else if (*p == '\\' && quoted && end - p > 1) {
            p++;
        }
    }
    list->at = p;
    list->len = (size_t)(end - p);
    while (p > member->at && tn__http_is_space(p[-1])) {
        p--;
    }
    member->len = (size_t)(p - member->at);
    return member->len > 0;
}

/* The word of a member, without its parameters. */
static tn_str
word_of(tn_str member)
{
    size_t len = 0;
    while (len < member.len && member.at[len] != ';' &&
           !tn__http_is_space(member.at[len])) {
        len++;
    }
    return (tn_str){member.at, len};
}

bool
tn_http_has_token(const tn_http_field *fields, int count, const char *name,
                  const char *token)
{
    size_t len = strlen(token);
    tn_str member;
    for (int i = tn_http_find(fields, count, name, 0); i >= 0;
         i = tn_http_find(fields, count, name, i + 1)) {
        tn_str list = fields[i].value;
        while (next_member(&list, &member)) {
            if (tn__http_same(word_of(member), token, len)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- single fields ---- */

#define IS(text, word) tn__http_is_word(text, word, sizeof(word) - 1)

/* 1*DIGIT and nothing else: no sign, no space, no list. -1 if it is not. */
static int64_t
read_length(tn_str value)
{
    int64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        int digit = value.at[i] - '0';
        if (digit < 0 || digit > 9 || length > (INT64_MAX - digit) / 10) {
            return -1;
        }
        length = 10 * length + digit;
    }
    return value.len > 0 ? length : -1;
}

static int
take_length(struct tn__http_head *h, struct tn__http_frame *f, tn_str value)
{
    int64_t length = read_length(value);
    if (length < 0) {
        return tn__http_refuse(h, TN__HTTP_BAD, "Content-Length is no number");
    }
    if (f->lengths++ > 0 && length != f->length) {
        return tn__http_refuse(h, TN__HTTP_BAD, "two lengths that differ");
    }
    f->length = length;
    return 0;
}

/* The one coding that ends by itself is "chunked", and it has to be the last.
   RFC 9112 section 6.3: without it nobody knows where the body ends, 400; with
   others before it, 501. But what somebody else may take for "chunked" alone,
   with commas around it or behind a coding that was given up, is 400. */
static int
take_coding(struct tn__http_head *h, struct tn__http_frame *f, tn_str value)
{
    if (f->codings++ > 0) {
        return tn__http_refuse(h, TN__HTTP_BAD, "two Transfer-Encodings");
    }
    if (IS(value, "chunked")) {
        f->chunked = true;
        return 0;
    }
    tn_str member = {NULL, 0};
    tn_str last = {NULL, 0};
    bool early = false;
    int members = 0;
    for (tn_str list = value; next_member(&list, &member); last = member) {
        tn_str word = word_of(member);
        early = early || IS(word_of(last), "chunked") || IS(word, "identity");
        members++;
        for (size_t i = 0; i < word.len; i++) {
            if (!tn__http_is(TN__TOKEN, word.at[i])) {
                return tn__http_refuse(h, TN__HTTP_BAD,
                                       "Transfer-Encoding is no list");
            }
        }
    }
    if (early || members < 2 || !IS(last, "chunked")) {
        return tn__http_refuse(h, TN__HTTP_BAD,
                               "Transfer-Encoding does not end in chunked");
    }
    return tn__http_refuse(h, TN__HTTP_UNKNOWN, "an unknown transfer coding");
}

/* A field that frames or routes is for every recipient: whoever names it here
   wants a proxy to drop it. */
static int
take_connection(struct tn__http_head *h, struct tn__http_frame *f, tn_str value)
{
    tn_str member;
    if (IS(value, "keep-alive")) {
        f->keep_alive = true;
        return 0;
    }
    while (next_member(&value, &member)) {
        if (IS(member, "close")) {
            f->close = true;
        } else if (IS(member, "keep-alive")) {
            f->keep_alive = true;
        } else if (IS(member, "upgrade")) {
            f->upgrade = true;
        } else if (IS(member, "host") || IS(member, "content-length") ||
                   IS(member, "transfer-encoding")) {
            return tn__http_refuse(h, TN__HTTP_BAD,
                                   "Connection names a field that frames");
        }
    }
    return 0;
}

static void
take_expect(struct tn__http_frame *f, tn_str value)
{
    tn_str member;
    while (next_member(&value, &member)) {
        if (tn__http_same(member, "100-continue", 12)) {
            f->expect_continue = true;
        } else {
            f->expect_other = true;
        }
    }
}

const uint32_t tn__frame_lengths[32] = {
    ['c' & 31] = 1u << 10 | 1u << 14, /* Connection, Content-Length */
    ['e' & 31] = 1u << 6,             /* Expect */
    ['h' & 31] = 1u << 4,             /* Host */
    ['t' & 31] = 1u << 17,            /* Transfer-Encoding */
};

int
tn__frame_take(struct tn__http_head *h, struct tn__http_frame *f,
               const tn_http_field *field)
{
    const tn_str name = field->name;
    switch (name.len) {
    case 6:
        if (IS(name, "expect")) {
            take_expect(f, field->value);
        }
        return 0;
    case 10:
        return IS(name, "connection") ? take_connection(h, f, field->value) : 0;
    case 14:
        return IS(name, "content-length") ? take_length(h, f, field->value) : 0;
    case 17:
        return IS(name, "transfer-encoding") ? take_coding(h, f, field->value)
                                             : 0;
    default:
        return 0;
    }
}
