/*
 * http_show.c - what a head says, in one line of words.
 */
#include "http_show.h"

#include <stdarg.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void
add(char *dst, const char *format, ...)
{
    size_t n = strlen(dst);
    va_list args;
    va_start(args, format);
    vsnprintf(dst + n, SHOW_MAX - n, format, args);
    va_end(args);
}

/* A part, with "_" for spaces and hexadecimal for what is not ASCII, so that
   it is one word; nothing if it is absent. */
static void
add_part(char *dst, const char *name, tn_str part)
{
    if (part.at == NULL) {
        return;
    }
    add(dst, " %s=", name);
    size_t n = strlen(dst);
    for (size_t i = 0; i < part.len && n + 8 < SHOW_MAX; i++) {
        uint8_t c = (uint8_t)part.at[i];
        if (c > ' ' && c < 0x7f) {
            dst[n++] = (char)c;
        } else if (c == ' ') {
            dst[n++] = '_';
        } else {
            n += (size_t)snprintf(dst + n, SHOW_MAX - n, "<%02x>", c);
        }
    }
    dst[n] = '\0';
}

static void
add_fields(char *dst, const tn_http_field *fields, int count)
{
    add(dst, " fields=%d", count);
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "[%.*s]", (int)fields[i].name.len,
                 fields[i].name.at);
        add_part(dst, name, fields[i].value);
    }
}

static void
add_body(char *dst, enum tn_http_body body, int64_t length)
{
    static const char *const names[] = {"none", "length", "chunked", "close"};
    add(dst, " body=%s", names[body]);
    if (body == TN_HTTP_LENGTH) {
        add(dst, ":%lld", (long long)length);
    } else if (length != -1) {
        add(dst, ":wrong");
    }
}

/* "more" and "refused"; true if there is nothing else to say. */
static bool
add_outcome(char *dst, ssize_t rc)
{
    dst[0] = '\0';
    add(dst, rc == 0 ? "more" : rc == TN_EHTTP ? "refused" : "ok");
    if (rc > 0) {
        add(dst, " head=%zd", rc);
    } else if (rc < 0 && rc != TN_EHTTP) {
        add(dst, " error=%zd", rc);
    }
    return rc <= 0;
}

char *
show_request(char *dst, const tn_http_request *req, ssize_t rc)
{
    static const char *const forms[] = {"origin", "absolute", "authority",
                                        "asterisk"};
    static const char *const methods[] = {
        "OTHER",  "GET",     "HEAD",  "POST",    "PUT",
        "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"};
    if (add_outcome(dst, rc)) {
        if (rc < 0) {
            add(dst, " %d", req->status);
        }
        return dst;
    }
    add(dst, " %s %s 1.%d", methods[req->method], forms[req->form], req->minor);
    add_part(dst, "method", req->method_text);
    add_part(dst, "target", req->target);
    add_part(dst, "authority", req->authority);
    add_part(dst, "path", req->path);
    add_part(dst, "query", req->query);
    add_body(dst, req->body, req->length);
    add(dst, "%s%s%s%s", req->keep_alive ? " keep" : " last",
        req->expect_continue ? " continue" : "",
        req->expect_unknown ? " unknown" : "", req->upgrade ? " upgrade" : "");
    add_fields(dst, req->fields, req->field_count);
    return dst;
}

char *
show_response(char *dst, const tn_http_response *res, ssize_t rc)
{
    if (add_outcome(dst, rc)) {
        return dst;
    }
    add(dst, " %d 1.%d", res->status, res->minor);
    add_part(dst, "reason", res->reason);
    add_body(dst, res->body, res->length);
    add(dst, "%s", res->keep_alive ? " keep" : " last");
    add_fields(dst, res->fields, res->field_count);
    return dst;
}

char *
show_trailers(char *dst, const tn_http_field *fields, int count, ssize_t rc)
{
    if (!add_outcome(dst, rc)) {
        add_fields(dst, fields, count);
    }
    return dst;
}
