/*
 * ws_key.c - what both sides of the opening handshake compute and compare.
 */
#include "http/ws_int.h"

#include <openssl/evp.h>
#include <string.h>

/* RFC 6455 section 1.3: shows that the server understood the request. */
#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

int
tn__ws_accept_of(char dst[TN__WS_ACCEPT], tn_str key)
{
    unsigned char text[TN__WS_KEY - 1 + sizeof(WS_GUID) - 1];
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    TN_ASSERT(key.len == TN__WS_KEY - 1);
    memcpy(text, key.at, key.len);
    memcpy(text + key.len, WS_GUID, sizeof(WS_GUID) - 1);
    if (EVP_Digest(text, sizeof(text), hash, &n, EVP_sha1(), NULL) != 1) {
        return -ENOMEM;
    }
    EVP_EncodeBlock((unsigned char *)dst, hash, (int)n);
    return 0;
}

/* Take the next word off a list: RFC 9110 section 5.6.1. */
static tn_str
next_word(tn_str *list)
{
    const char *comma = memchr(list->at, ',', list->len);
    tn_str word = {list->at, comma ? (size_t)(comma - list->at) : list->len};
    size_t used = word.len + (comma ? 1 : 0);

    list->at += used;
    list->len -= used;
    while (word.len > 0 && (*word.at == ' ' || *word.at == '\t')) {
        word.at++;
        word.len--;
    }
    while (word.len > 0 &&
           (word.at[word.len - 1] == ' ' || word.at[word.len - 1] == '\t')) {
        word.len--;
    }
    return word;
}

bool
tn__ws_offers(const tn_http_field *fields, int count, const char *name,
              const char *word)
{
    int i = -1;

    while ((i = tn_http_find(fields, count, name, i + 1)) >= 0) {
        tn_str list = fields[i].value;
        while (list.len > 0) {
            tn_str w = next_word(&list);
            if (w.len == strlen(word) && memcmp(w.at, word, w.len) == 0) {
                return true;
            }
        }
    }
    return false;
}
