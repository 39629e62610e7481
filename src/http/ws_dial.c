/*
 * ws_dial.c - the client's side of the opening handshake, RFC 6455 section 4.1.
 */
#include <tenon/httpc.h>

#include "http/ws_int.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { FIELDS = 6 };

static int
make_key(char key[TN__WS_KEY])
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return tn_fail(-EIO, "open WebSocket", "random numbers");
    }
    EVP_EncodeBlock((unsigned char *)key, bytes, sizeof(bytes));
    return 0;
}

static tn_str
str(const char *s)
{
    return (tn_str){s, strlen(s)};
}

static int
fill_fields(tn_http_field *fields, const char *key, const tn_ws_opts *o)
{
    int n = 0;

    fields[n++] = (tn_http_field){str("Connection"), str("Upgrade")};
    fields[n++] = (tn_http_field){str("Upgrade"), str("websocket")};
    fields[n++] = (tn_http_field){str("Sec-WebSocket-Version"), str("13")};
    fields[n++] = (tn_http_field){str("Sec-WebSocket-Key"), str(key)};
    if (o->protocol) {
        fields[n++] =
            (tn_http_field){str("Sec-WebSocket-Protocol"), str(o->protocol)};
    }
    if (o->origin) {
        fields[n++] = (tn_http_field){str("Origin"), str(o->origin)};
    }
    return n;
}

/* A field that is there once and says just this. */
static bool
says(const tn_http_response *res, const char *name, const char *value)
{
    int i = tn_http_find(res->fields, res->field_count, name, 0);
    tn_str v;

    if (i < 0 || tn_http_find(res->fields, res->field_count, name, i + 1) > 0) {
        return false;
    }
    v = res->fields[i].value;
    return v.len == strlen(value) && memcmp(v.at, value, v.len) == 0;
}

/* RFC 6455 section 4.1, "validate the server's response". As in browsers a
   subprotocol that was asked for and not agreed to is a refusal. */
static const char *
what_is_wrong(const tn_http_response *res, const char *key, const tn_ws_opts *o)
{
    char accept[TN__WS_ACCEPT];
    bool agreed = tn_http_find(res->fields, res->field_count,
                               "Sec-WebSocket-Protocol", 0) >= 0;

    if (!tn_http_has_token(res->fields, res->field_count, "Upgrade",
                           "websocket") ||
        !tn_http_has_token(res->fields, res->field_count, "Connection",
                           "Upgrade")) {
        return "the answer names no WebSocket";
    }
    if (tn__ws_accept_of(accept, str(key)) < 0 ||
        !says(res, "Sec-WebSocket-Accept", accept)) {
        return "the answer does not fit the key";
    }
    if (tn_http_find(res->fields, res->field_count, "Sec-WebSocket-Extensions",
                     0) >= 0) {
        return "the server uses an extension";
    }
    if (agreed != (o->protocol != NULL) ||
        (agreed && !says(res, "Sec-WebSocket-Protocol", o->protocol))) {
        return "no agreement on the subprotocol";
    }
    return NULL;
}

static int
check_response(tn_fetch *f, const char *key, const tn_ws_opts *o)
{
    const tn_http_response *res = tn_httpc_response(f);
    const char *wrong;
    char text[64];

    if (res->status != 101) {
        snprintf(text, sizeof(text), "the server answered %d", res->status);
        return tn_fail(TN_EWS, "open WebSocket", text);
    }
    wrong = what_is_wrong(res, key, o);
    return wrong ? tn_fail(TN_EWS, "open WebSocket", wrong) : 0;
}

/* The connection leaves the fetch, and the client that made it. */
static int
take(tn_ws **out, tn_fetch *f, const tn_ws_opts *o)
{
    tn_sock *sock;
    tn_str early;
    int r = tn_httpc_take(f, &sock, &early);

    if (r == 0) {
        r = tn__ws_new(out, sock, TN__WS_CLIENT, early, o);
        if (r < 0) {
            tn_abort(sock);
        }
    }
    return r;
}

static int
shake_hands(tn_ws **out, tn_httpc *c, const char *url, const tn_ws_opts *o)
{
    tn_http_field fields[FIELDS];
    char key[TN__WS_KEY];
    tn_fetch *f = NULL;
    int r = make_key(key);

    if (r == 0) {
        r = tn_httpc_open(&f, c,
                          &(tn_httpc_request){
                              .url = url,
                              .fields = fields,
                              .field_count = fill_fields(fields, key, o),
                              .upgrade = true,
                          });
    }
    if (r == 0) {
        r = check_response(f, key, o);
    }
    if (r == 0) {
        r = take(out, f, o);
    }
    tn_httpc_close(f);
    return r;
}

static bool
is_websocket(const char *url)
{
    return strncasecmp(url, "ws://", 5) == 0 ||
           strncasecmp(url, "wss://", 6) == 0;
}

int
tn_ws_dial(tn_ws **out, const char *url, const tn_ws_opts *opts)
{
    tn_ws_opts o = opts ? *opts : (tn_ws_opts){0};
    tn_httpc_opts client = {
        .tls = o.tls,
        .proxy = o.proxy,
        .total_time = o.connect_time != 0 ? o.connect_time : TN_WS_CONNECT_TIME,
        .pool_size = -1,
        .max_redirects = -1, /* browsers follow none either */
    };
    tn_httpc *c;
    int r;

    *out = NULL;
    if (!is_websocket(url)) {
        return tn_fail(-EINVAL, "open WebSocket", url);
    }
    r = tn_httpc_new(&c, &client);
    if (r == 0) {
        r = shake_hands(out, c, url, &o);
        tn_httpc_free(c);
    }
    return r;
}
