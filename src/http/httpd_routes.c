/*
 * httpd_routes.c - who answers: the table, and what follows from it.
 */
#include "http/httpd_int.h"

#include <string.h>

/* In the order in which Allow names them; bit 0 is TN_HTTP_OTHER's. */
static const struct {
    enum tn_http_method method;
    const char *name;
} methods[] = {
    {TN_HTTP_GET, "GET"},         {TN_HTTP_HEAD, "HEAD"},
    {TN_HTTP_POST, "POST"},       {TN_HTTP_PUT, "PUT"},
    {TN_HTTP_DELETE, "DELETE"},   {TN_HTTP_PATCH, "PATCH"},
    {TN_HTTP_OPTIONS, "OPTIONS"}, {TN_HTTP_TRACE, "TRACE"},
    {TN_HTTP_CONNECT, "CONNECT"},
};

enum {
    METHODS = sizeof(methods) / sizeof(methods[0]),
    ALLOW_TEXT = 512,
};

#define BIT(method) (1u << (method))

/* What a route without methods takes. */
#define ANY                                                                    \
    (BIT(TN_HTTP_GET) | BIT(TN_HTTP_HEAD) | BIT(TN_HTTP_POST) |                \
     BIT(TN_HTTP_PUT) | BIT(TN_HTTP_DELETE) | BIT(TN_HTTP_PATCH) |             \
     BIT(TN_HTTP_OPTIONS) | BIT(TN_HTTP_OTHER))

/* ---- words ---- */

/* The next word of a list, or none. */
static tn_str
next_word(const char **list)
{
    const char *at = *list + strspn(*list, " ,");
    size_t n = strcspn(at, " ,");

    *list = at + n;
    return (tn_str){at, n};
}

static bool
is_word(tn_str word, const char *text, size_t n)
{
    return word.len == n && memcmp(word.at, text, n) == 0;
}

static unsigned
bit_of(tn_str word)
{
    for (size_t i = 0; i < METHODS; i++) {
        if (is_word(word, methods[i].name, strlen(methods[i].name))) {
            return BIT(methods[i].method);
        }
    }
    return BIT(TN_HTTP_OTHER);
}

/* GET brings HEAD with it. */
static unsigned
bits_of(const tn_httpd_route *route)
{
    const char *list = route->methods;
    unsigned bits = 0;
    tn_str word;

    if (!list) {
        return ANY;
    }
    for (word = next_word(&list); word.len > 0; word = next_word(&list)) {
        bits |= bit_of(word);
    }
    return bits & BIT(TN_HTTP_GET) ? bits | BIT(TN_HTTP_HEAD) : bits;
}

unsigned
tn__httpd_methods(const tn_httpd_route *routes)
{
    unsigned bits = 0;

    for (; routes->path; routes++) {
        bits |= bits_of(routes);
    }
    return bits;
}

/* ---- matching ---- */

static bool
takes_path(const tn_httpd_route *route, tn_str path)
{
    size_t n = strlen(route->path);

    if (n > path.len || route->path[0] == '*') {
        return route->path[0] == '*';
    }
    if (memcmp(route->path, path.at, n) != 0) {
        return false;
    }
    return n == path.len || (n > 1 && route->path[n - 1] == '/');
}

static bool
takes_method(const tn_httpd_route *route, const tn_http_request *req)
{
    const char *list = route->methods;
    tn_str word;

    if (!list) {
        return (ANY & BIT(req->method)) != 0;
    }
    for (word = next_word(&list); word.len > 0; word = next_word(&list)) {
        if (is_word(word, req->method_text.at, req->method_text.len) ||
            (req->method == TN_HTTP_HEAD && is_word(word, "GET", 3))) {
            return true;
        }
    }
    return false;
}

/* ---- what no handler answers ---- */

static char *
put_word(char *p, const char *text, const char *word, size_t n)
{
    if (n + 2 > (size_t)(text + ALLOW_TEXT - 1 - p)) {
        return p;
    }
    if (p != text) {
        p = tn__httpd_copy(p, ", ", 2);
    }
    return tn__httpd_copy(p, word, n);
}

/* The methods of the routes for this path, those of all for NULL. */
static int
put_allow(tn_exchange *x, const tn_str *path)
{
    const struct tn__httpd *server = x->c->server;
    unsigned bits = BIT(TN_HTTP_OPTIONS);
    char text[ALLOW_TEXT];
    char *p = text;

    for (const tn_httpd_route *r = server->routes; r->path; r++) {
        bits |= !path || takes_path(r, *path) ? bits_of(r) : 0;
    }
    bits |= server->o.trace ? BIT(TN_HTTP_TRACE) : 0;
    bits |= server->o.tunnels && !path ? BIT(TN_HTTP_CONNECT) : 0;
    for (size_t i = 0; i < METHODS; i++) {
        if (bits & BIT(methods[i].method)) {
            p = put_word(p, text, methods[i].name, strlen(methods[i].name));
        }
    }
    for (const tn_httpd_route *r = server->routes; r->path; r++) {
        const char *list = !path || takes_path(r, *path) ? r->methods : NULL;
        tn_str word = list ? next_word(&list) : (tn_str){NULL, 0};

        for (; word.len > 0; word = next_word(&list)) {
            if (bit_of(word) == BIT(TN_HTTP_OTHER)) {
                p = put_word(p, text, word.at, word.len);
            }
        }
    }
    *p = '\0';
    return tn__httpd_put(x, "Allow", text);
}

/* Not for the eyes of whoever may have made the client say TRACE. */
static bool
is_secret(tn_str name)
{
    static const char *const secret[] = {
        "Authorization",
        "Cookie",
        "Proxy-Authorization",
    };

    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
        if (name.len == strlen(secret[i]) &&
            strncasecmp(name.at, secret[i], name.len) == 0) {
            return true;
        }
    }
    return false;
}

static int
write_str(tn_exchange *x, tn_str s, const char *behind)
{
    int r = tn_httpd_write(x, s.at, s.len);

    return r < 0 ? r : tn_httpd_write(x, behind, strlen(behind));
}

/* The request as it came, RFC 9110 section 9.3.8. */
static int
trace(tn_exchange *x)
{
    const tn_http_request *req = &x->req;
    int r;

    if (req->body != TN_HTTP_NO_BODY) {
        return tn_httpd_error(x, 400, NULL);
    }
    r = tn__httpd_put(x, "Content-Type", "message/http");
    r = r < 0 ? r : write_str(x, req->method_text, " ");
    r = r < 0 ? r : write_str(x, req->target, " ");
    r = r < 0 ? r
              : write_str(x, (tn_str){"HTTP/1.", 7},
                          req->minor ? "1\r\n" : "0\r\n");
    for (int i = 0; r == 0 && i < req->field_count; i++) {
        if (!is_secret(req->fields[i].name)) {
            r = write_str(x, req->fields[i].name, ": ");
            r = r < 0 ? r : write_str(x, req->fields[i].value, "\r\n");
        }
    }
    return r < 0 ? r : tn_httpd_write(x, "\r\n", 2);
}

static int
not_allowed(tn_exchange *x, const tn_str *path)
{
    int r = put_allow(x, path);

    return r < 0 ? r : tn_httpd_error(x, 405, NULL);
}

static int
options(tn_exchange *x, const tn_str *path)
{
    int r = put_allow(x, path);

    return r < 0 ? r : tn_httpd_reply(x, 204, NULL, NULL, 0);
}

/* Does any route know this method? */
static bool
is_known(const tn_exchange *x)
{
    const tn_httpd_route *r = x->c->server->routes;

    for (; r->path; r++) {
        if (r->methods && takes_method(r, &x->req)) {
            return true;
        }
    }
    return x->req.method != TN_HTTP_OTHER;
}

/* ---- routing ---- */

/* No route takes the request; some may take its path. */
static TN_APART int
answer_unrouted(tn_exchange *x, bool has_path)
{
    const tn_http_request *req = &x->req;

    if (!is_known(x)) {
        return tn_httpd_error(x, 501, NULL);
    }
    if (req->method == TN_HTTP_CONNECT) {
        return x->c->server->o.tunnels ? tn__httpd_tunnel(x)
                                       : not_allowed(x, NULL);
    }
    if (req->method == TN_HTTP_OPTIONS && req->form == TN_HTTP_ASTERISK) {
        return options(x, NULL);
    }
    if (req->method == TN_HTTP_TRACE) {
        return x->c->server->o.trace ? trace(x) : not_allowed(x, &req->path);
    }
    if (!has_path) {
        return tn_httpd_error(x, 404, NULL);
    }
    return req->method == TN_HTTP_OPTIONS ? options(x, &req->path)
                                          : not_allowed(x, &req->path);
}

int
tn__httpd_route(tn_exchange *x)
{
    const struct tn__httpd *server = x->c->server;
    bool has_path = false;

    for (const tn_httpd_route *r = server->routes; r->path; r++) {
        if (takes_path(r, x->req.path)) {
            has_path = true;
            if (takes_method(r, &x->req)) {
                return r->handler(x, server->arg);
            }
        }
    }
    return answer_unrouted(x, has_path);
}
