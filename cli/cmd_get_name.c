/*
 * A file's name that somebody else has chosen: one that stays in this folder
 * and hides nothing.
 */
#include <tenon/text.h>

#include "cmd_get_int.h"

#include <string.h>
#include <strings.h>

/* No folder, no hidden file, no option, nothing a terminal would not show. */
static bool
is_safe(const char *name)
{
    char clean[3 * GET_TEXT + 1];
    size_t n = strlen(name);
    if (n == 0 || n >= GET_TEXT || name[0] == '.' || name[0] == '-' ||
        strpbrk(name, "/\\")) {
        return false;
    }
    (void)tn_text_clean(clean, sizeof(clean), name, n);
    return strcmp(clean, name) == 0;
}

bool
name_of_url(const char *url, char *buf, size_t cap)
{
    tn_url parts;
    if (tn_url_parse(&parts, (tn_str){url, strlen(url)}) < 0) {
        return false;
    }
    size_t n = parts.path.len;
    while (n > 0 && parts.path.at[n - 1] != '/') {
        n--;
    }
    tn_str last = {parts.path.at + n, parts.path.len - n};
    ssize_t len = last.len > 0 ? tn_url_decode(buf, cap, last, false) : -1;
    return len > 0 && strlen(buf) == (size_t)len && is_safe(buf);
}

/* The value of a parameter, quoted or not, in place: RFC 6266 section 4.1. */
static tn_str
parameter(tn_str field, const char *name)
{
    size_t len = strlen(name);
    bool quoted = false;
    for (size_t i = 0; i + len < field.len; i++) {
        const char *at = field.at + i;
        if (*at == '"' && (i == 0 || at[-1] != '\\')) {
            quoted = !quoted;
        }
        if (quoted || i == 0 || !strchr("; \t", at[-1]) ||
            strncasecmp(at, name, len) != 0 || at[len] != '=') {
            continue;
        }
        tn_str rest = {at + len + 1, field.len - i - len - 1};
        if (rest.len > 0 && rest.at[0] == '"') {
            const char *end = memchr(rest.at + 1, '"', rest.len - 1);
            return end ? (tn_str){rest.at + 1, (size_t)(end - rest.at) - 1}
                       : (tn_str){NULL, 0};
        }
        size_t n = 0;
        while (n < rest.len && !strchr("; \t", rest.at[n])) {
            n++;
        }
        return (tn_str){rest.at, n};
    }
    return (tn_str){NULL, 0};
}

bool
name_of_field(tn_str disposition, char *buf, size_t cap)
{
    tn_str name = parameter(disposition, "filename*");
    ssize_t len;
    if (name.len > 7 && strncasecmp(name.at, "UTF-8''", 7) == 0) {
        len =
            tn_url_decode(buf, cap, (tn_str){name.at + 7, name.len - 7}, false);
        return len > 0 && strlen(buf) == (size_t)len && is_safe(buf);
    }
    name = parameter(disposition, "filename");
    if (!name.at || name.len == 0 || name.len >= cap) {
        return false;
    }
    memcpy(buf, name.at, name.len);
    buf[name.len] = '\0';
    return strlen(buf) == name.len && is_safe(buf);
}
