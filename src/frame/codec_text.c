/*
 * codec_text.c - codecs by name: "line", "u32be,max=64k", "delim:0d0a".
 */
#include <tenon/codec.h>

#include "frame/frame_int.h"

#include <string.h>

/* A part of the text, up to a comma or the end. */
struct word {
    const char *s;
    size_t n;
};

static bool
is(struct word w, const char *name)
{
    return w.n == strlen(name) && memcmp(w.s, name, w.n) == 0;
}

/* If the word begins with `prefix`, cut it off. */
static bool
skip(struct word *w, const char *prefix)
{
    size_t n = strlen(prefix);
    if (w->n < n || memcmp(w->s, prefix, n) != 0) {
        return false;
    }
    w->s += n;
    w->n -= n;
    return true;
}

static bool
number(struct word w, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < w.n && w.s[i] >= '0' && w.s[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(w.s[i] - '0');
        if (digit > most || value > (most - digit) / 10) {
            return false;
        }
        value = 10 * value + digit;
    }
    *out = value;
    return i > 0 && i == w.n;
}

/* A number of bytes: 4096, 64k, 1M, 2G. */
static bool
bytes(struct word w, size_t *out)
{
    static const char units[] = "kMG";
    const char *unit = w.n > 1 ? strchr(units, w.s[w.n - 1]) : NULL;
    int shift = 0;
    if (unit != NULL && *unit != '\0') {
        shift = 10 * (int)(unit - units + 1);
        w.n--;
    }
    uint64_t value;
    if (!number(w, TN_MESSAGE_MAX >> shift, &value)) {
        return false;
    }
    *out = (size_t)(value << shift);
    return true;
}

static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    int value = at != NULL ? (int)(at - digits) : -1;
    return value < 16 ? value : value - 6;
}

static int
parse_delim(tn_codec *c, struct word w)
{
    uint8_t delim[TN_DELIM_MAX];
    if (w.n % 2 != 0 || w.n > 2 * TN_DELIM_MAX) {
        return -EINVAL;
    }
    for (size_t i = 0; i < w.n; i += 2) {
        int high = hex_digit(w.s[i]), low = hex_digit(w.s[i + 1]);
        if (high < 0 || low < 0) {
            return -EINVAL;
        }
        delim[i / 2] = (uint8_t)(high << 4 | low);
    }
    return tn_codec_delimiter(c, delim, w.n / 2, TN_MESSAGE_DEFAULT);
}

/* u8, i16be, u32le, i64ne: sign, bits and order of a length. */
static int
parse_length(tn_codec *c, struct word w)
{
    static const struct {
        const char *bits;
        int width;
    } widths[] = {{"8", 1}, {"16", 2}, {"32", 4}, {"64", 8}};

    bool is_signed = skip(&w, "i");
    if (!is_signed && !skip(&w, "u")) {
        return -EINVAL;
    }
    int width = 0;
    for (size_t i = 0; i < 4 && width == 0; i++) {
        width = skip(&w, widths[i].bits) ? widths[i].width : 0;
    }
    bool big = is(w, "be"), little = is(w, "le"), native = is(w, "ne");
    if (width == 1 ? w.n != 0 : !big && !little && !native) {
        return -EINVAL;
    }
    tn_order order = big ? TN_BIG : little ? TN_LITTLE : TN_NATIVE;
    int err = tn_codec_length(c, width, order, TN_MESSAGE_DEFAULT);
    c->is_signed = is_signed;
    return err;
}

static int
parse_kind(tn_codec *c, struct word w)
{
    if (is(w, "line")) {
        return tn_codec_delimiter(c, "\n", 1, TN_MESSAGE_DEFAULT);
    }
    if (is(w, "crlf")) {
        return tn_codec_delimiter(c, "\r\n", 2, TN_MESSAGE_DEFAULT);
    }
    if (is(w, "nul")) {
        return tn_codec_delimiter(c, "", 1, TN_MESSAGE_DEFAULT);
    }
    if (is(w, "varint")) {
        return tn_codec_varint(c, TN_MESSAGE_DEFAULT);
    }
    if (is(w, "netstring")) {
        return tn_codec_netstring(c, TN_MESSAGE_DEFAULT);
    }
    if (skip(&w, "delim:")) {
        return parse_delim(c, w);
    }
    if (skip(&w, "fixed:")) {
        size_t size;
        return bytes(w, &size) ? tn_codec_fixed(c, size) : -EINVAL;
    }
    return parse_length(c, w);
}

static int
parse_adjust(tn_codec *c, struct word w)
{
    bool minus = skip(&w, "-");
    uint64_t value;
    if (!number(w, INT64_MAX - TN_HEAD_MAX, &value)) {
        return -EINVAL;
    }
    c->adjust = minus ? -(int64_t)value : (int64_t)value;
    return 0;
}

static int
parse_option(tn_codec *c, struct word w)
{
    bool length = c->kind == TN_CODEC_LENGTH;
    if (is(w, "keep")) {
        c->keep = true;
        return 0;
    }
    if (skip(&w, "max=")) {
        return c->kind != TN_CODEC_FIXED && bytes(w, &c->max) ? 0 : -EINVAL;
    }
    if (length && is(w, "self")) {
        c->includes_itself = true;
        return 0;
    }
    if (length && skip(&w, "offset=")) {
        uint64_t value;
        bool good = number(w, TN_HEAD_MAX - 8, &value);
        c->offset = (uint8_t)(good ? value : 0);
        return good ? 0 : -EINVAL;
    }
    if (length && skip(&w, "adjust=")) {
        return parse_adjust(c, w);
    }
    return -EINVAL;
}

int
tn_codec_parse(tn_codec *c, const char *text)
{
    tn_codec made;
    struct word w = {text, strcspn(text, ",")};
    int err = parse_kind(&made, w);
    while (err == 0 && w.s[w.n] == ',') {
        w.s += w.n + 1;
        w.n = strcspn(w.s, ",");
        err = parse_option(&made, w);
    }
    if (err < 0 || tn__codec_check(&made) < 0) {
        return tn_fail(-EINVAL, "frame codec", text);
    }
    *c = made;
    return 0;
}
