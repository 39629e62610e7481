/*
 * share_digest.c - the fields that carry a hash, RFC 9530: dictionaries of
 * RFC 9651, of which SHA-256 is the algorithm that everybody has.
 */
#include "http/share_pure.h"

#include <stdio.h>
#include <string.h>

enum {
    HASH = 32,
    BASE64 = 44, /* digits of a hash, with its one "=" */
};

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The member "sha-256" of a dictionary; the last one counts. */
static bool
find_member(tn_str value, tn_str *found)
{
    tn_str item;
    bool any = false;
    while (tn__list_next(&value, &item)) {
        const char *equals = memchr(item.at, '=', item.len);
        size_t n = equals ? (size_t)(equals - item.at) : item.len;
        if (n == 7 && memcmp(item.at, "sha-256", 7) == 0) {
            any = true;
            *found = equals ? (tn_str){equals + 1, item.len - n - 1}
                            : (tn_str){"", 0};
        }
    }
    return any;
}

int
tn__digest_find(tn_str value, unsigned char sha256[32])
{
    tn_str text;
    uint32_t bits = 0;
    size_t n = 0;
    if (!value.at || !find_member(value, &text)) {
        return 0;
    }
    /* ":", the digits, ":", and perhaps parameters. */
    if (text.len < BASE64 + 2 || text.at[0] != ':' ||
        text.at[BASE64 + 1] != ':' || text.at[BASE64] != '=' ||
        (text.len > BASE64 + 2 && text.at[BASE64 + 2] != ';')) {
        return -EINVAL;
    }
    for (int i = 1; i < BASE64; i++) {
        const char *digit = memchr(digits, text.at[i], sizeof(digits) - 1);
        if (!digit) {
            return -EINVAL;
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        if (i % 4 != 1 && n < HASH) {
            sha256[n++] = (unsigned char)(bits >> (6 - 2 * ((i - 1) % 4)));
        }
    }
    return 1;
}

void
tn__digest_text(char dst[TN_SHARE_DIGEST], const unsigned char sha256[32])
{
    char text[BASE64 + 1];
    for (int i = 0; i < BASE64; i++) {
        /* The six bits from 6 * i on; behind the end there are zeros. */
        int byte = i * 6 / 8;
        unsigned pair = (unsigned)(byte < HASH ? sha256[byte] : 0) << 8 |
                        (byte + 1 < HASH ? sha256[byte + 1] : 0);
        text[i] = digits[pair >> (10 - i * 6 % 8) & 63];
    }
    text[BASE64 - 1] = '=';
    text[BASE64] = '\0';
    (void)snprintf(dst, TN_SHARE_DIGEST, "sha-256=:%s:", text);
}

bool
tn__digest_wanted(tn_str value)
{
    tn_str weight;
    return value.at && find_member(value, &weight) &&
           (weight.len == 0 || weight.at[0] != '0');
}
