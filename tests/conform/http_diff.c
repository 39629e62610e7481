/*
 * http_diff.c - what tenon and http_parser make of requests, for
 * test_http_diff.py: each line of the input is one in hexadecimal; a line of
 * JSON for each comes back.
 *
 * {"tenon": V, "http_parser": V} with V = {"outcome": "ok", "more" or why it is
 * refused, "method", "target": in hexadecimal, "body": "none", "chunked" or a
 * length, "fields": [[name, value], ...] in hexadecimal}.
 */
#include <tenon/http.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#ifdef WITH_HTTP_PARSER
#include <http_parser.h>
#endif

enum { INPUT_MAX = 65536 };

static tn_http_request request;

static size_t
unhex(const char *hex, char *out)
{
    size_t n = 0;
    unsigned byte = 0;
    while (n < INPUT_MAX && sscanf(hex + 2 * n, "%2x", &byte) == 1) {
        out[n++] = (char)byte;
    }
    return n;
}

static void
print_hex(tn_str text)
{
    putchar('"');
    for (size_t i = 0; i < text.len; i++) {
        printf("%02x", (uint8_t)text.at[i]);
    }
    putchar('"');
}

static void
print_start(const char *outcome, tn_str method, tn_str target)
{
    printf("{\"outcome\": \"%s\", \"method\": ", outcome);
    print_hex(method);
    printf(", \"target\": ");
    print_hex(target);
}

/* One of the three: see the top. */
static void
print_body(bool chunked, int64_t length)
{
    if (chunked) {
        printf(", \"body\": \"chunked\"");
    } else if (length < 0) {
        printf(", \"body\": \"none\"");
    } else {
        printf(", \"body\": %" PRId64, length);
    }
}

static void
show_tenon(const char *buf, size_t n)
{
    ssize_t rc = tn_http_parse_request(&request, buf, n, 0);
    if (rc <= 0) {
        print_start(rc == 0 ? "more" : tn_why(), (tn_str){"", 0},
                    (tn_str){"", 0});
        putchar('}');
        return;
    }
    print_start("ok", request.method_text, request.target);
    print_body(request.body == TN_HTTP_CHUNKED, request.length);
    printf(", \"fields\": [");
    for (int i = 0; i < request.field_count; i++) {
        printf(i == 0 ? "[" : ", [");
        print_hex(request.fields[i].name);
        printf(", ");
        print_hex(request.fields[i].value);
        putchar(']');
    }
    printf("]}");
}

#ifdef WITH_HTTP_PARSER

struct seen {
    char target[INPUT_MAX];
    size_t len;
    bool whole;
};

static int
on_url(http_parser *parser, const char *at, size_t len)
{
    struct seen *seen = parser->data;
    memcpy(seen->target + seen->len, at, len);
    seen->len += len;
    return 0;
}

static int
on_headers_complete(http_parser *parser)
{
    struct seen *seen = parser->data;
    seen->whole = true;
    http_parser_pause(parser, 1);
    return 0;
}

static void
show_http_parser(const char *buf, size_t n)
{
    static struct seen seen;
    http_parser_settings settings;
    http_parser parser;
    memset(&seen, 0, sizeof(seen));
    http_parser_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_headers_complete = on_headers_complete;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &seen;
    http_parser_execute(&parser, &settings, buf, n);
    enum http_errno error = HTTP_PARSER_ERRNO(&parser);
    if (!seen.whole) {
        print_start(error == HPE_OK ? "more" : http_errno_name(error),
                    (tn_str){"", 0}, (tn_str){"", 0});
        putchar('}');
        return;
    }
    const char *method = http_method_str((enum http_method)parser.method);
    print_start("ok", (tn_str){method, strlen(method)},
                (tn_str){seen.target, seen.len});
    bool length = (parser.flags & F_CONTENTLENGTH) != 0;
    print_body((parser.flags & F_CHUNKED) != 0,
               length ? (int64_t)parser.content_length : -1);
    putchar('}');
}

#else

static void
show_http_parser(const char *buf, size_t n)
{
    (void)buf;
    (void)n;
    printf("null");
}

#endif

int
main(void)
{
    static char line[2 * INPUT_MAX + 2], input[INPUT_MAX];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        size_t n = unhex(line, input);
        printf("{\"tenon\": ");
        show_tenon(input, n);
        printf(", \"http_parser\": ");
        show_http_parser(input, n);
        printf("}\n");
    }
    return 0;
}
