/*
 * ws_accept.c - the server's side of the opening handshake, RFC 6455 section
 * 4.2.
 */
#include "http/ws_int.h"

#include <openssl/evp.h>
#include <string.h>

/* What is wrong with a request: the status to answer it with, and why. */
struct verdict {
    int status; /* 0: nothing is */
    const char *why;
};

/* The value of a field that is there exactly once. */
static tn_str
only_value(const tn_http_request *req, const char *name)
{
    int i = tn_http_find(req->fields, req->field_count, name, 0);

    if (i < 0 || tn_http_find(req->fields, req->field_count, name, i + 1) > 0) {
        return (tn_str){NULL, 0};
    }
    return req->fields[i].value;
}

/* Base64 of 16 bytes. */
static bool
is_key(tn_str key)
{
    unsigned char bytes[TN__WS_KEY];

    if (key.len != TN__WS_KEY - 1 || memcmp(key.at + 22, "==", 2) != 0 ||
        memchr(key.at, '=', key.len) != key.at + 22) {
        return false;
    }
    return EVP_DecodeBlock(bytes, (const unsigned char *)key.at,
                           (int)key.len) == 18;
}

static struct verdict
judge(const tn_http_request *req)
{
    tn_str version = only_value(req, "Sec-WebSocket-Version");

    if (req->method != TN_HTTP_GET || req->minor < 1) {
        return (struct verdict){400, "A WebSocket begins with GET."};
    }
    if (!req->upgrade || !tn_http_has_token(req->fields, req->field_count,
                                            "Upgrade", "websocket")) {
        return (struct verdict){426, "Here is a WebSocket."};
    }
    if (version.len != 2 || memcmp(version.at, "13", 2) != 0) {
        return (struct verdict){426, "This is no version of WebSocket."};
    }
    if (!is_key(only_value(req, "Sec-WebSocket-Key"))) {
        return (struct verdict){400, "This is no Sec-WebSocket-Key."};
    }
    return (struct verdict){0, NULL};
}

static int
refuse(tn_exchange *x, struct verdict v)
{
    int r = 0;

    if (v.status == 426) {
        r = tn_httpd_field(x, "Upgrade", "websocket");
        if (r == 0) {
            r = tn_httpd_field(x, "Sec-WebSocket-Version", "13");
        }
    }
    if (r == 0) {
        r = tn_httpd_error(x, v.status, v.why);
    }
    return r < 0 ? r : tn_fail(TN_EWS, "accept WebSocket", v.why);
}

static int
agree(tn_exchange *x, const tn_http_request *req, const tn_ws_opts *opts)
{
    char accept[TN__WS_ACCEPT];
    int r = tn__ws_accept_of(accept, only_value(req, "Sec-WebSocket-Key"));

    if (r == 0) {
        r = tn_httpd_field(x, "Upgrade", "websocket");
    }
    if (r == 0) {
        r = tn_httpd_field(x, "Sec-WebSocket-Accept", accept);
    }
    if (r == 0 && opts && opts->protocol &&
        tn__ws_offers(req->fields, req->field_count, "Sec-WebSocket-Protocol",
                      opts->protocol)) {
        r = tn_httpd_field(x, "Sec-WebSocket-Protocol", opts->protocol);
    }
    return r;
}

int
tn_ws_accept(tn_ws **out, tn_exchange *x, const tn_ws_opts *opts)
{
    const tn_http_request *req = tn_httpd_request(x);
    struct verdict v = judge(req);
    tn_sock *sock;
    tn_str early;
    int r;

    *out = NULL;
    if (v.status != 0) {
        return refuse(x, v);
    }
    r = agree(x, req, opts);
    if (r == 0) {
        r = tn_httpd_upgrade(x, 101, &sock, &early);
    }
    return r < 0 ? r : tn__ws_new(out, sock, TN__WS_SERVER, early, opts);
}
