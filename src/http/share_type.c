/*
 * share_type.c - which media type a file's name stands for.
 *
 * The system's table, read once, and behind it a few types of our own, for
 * systems without one, or where it says something that browsers do not take.
 */
#include <tenon/share.h>

#include "http/share_pure.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct row {
    char *suffix;
    char *type;
};

static struct {
    pthread_once_t once;
    struct row *rows; /* sorted */
    size_t count, cap;
} table = {.once = PTHREAD_ONCE_INIT};

/* These win: what a page is made of has to be right everywhere. */
static const struct {
    const char *suffix, *type;
} own[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"xhtml", "application/xhtml+xml"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"xml", "text/xml; charset=utf-8"},
    {"svg", "image/svg+xml"},
    {"txt", "text/plain; charset=utf-8"},
    {"log", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"c", "text/plain; charset=utf-8"},
    {"h", "text/plain; charset=utf-8"},
    {"py", "text/plain; charset=utf-8"},
    {"sh", "text/plain; charset=utf-8"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/vnd.microsoft.icon"},
    {"pdf", "application/pdf"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"zst", "application/zstd"},
    {"tar", "application/x-tar"},
    {"wasm", "application/wasm"},
    {"woff2", "font/woff2"},
    {"woff", "font/woff"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"opus", "audio/ogg"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
};

static int
by_suffix(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;
    return strcasecmp(x->suffix, y->suffix);
}

static void
add(const char *suffix, const char *type)
{
    bool text = strncmp(type, "text/", 5) == 0;
    size_t len = strlen(type) + sizeof("; charset=utf-8");
    if (table.count == table.cap) {
        size_t cap = table.cap ? 2 * table.cap : 1024;
        struct row *more = cap <= TN_SHARE_TYPES
                               ? realloc(table.rows, cap * sizeof(*more))
                               : NULL;
        if (!more) {
            return; /* what is not known goes as plain bytes */
        }
        table.rows = more;
        table.cap = cap;
    }
    struct row row = {strdup(suffix), malloc(len)};
    if (!row.suffix || !row.type) {
        free(row.suffix);
        free(row.type);
        return;
    }
    (void)snprintf(row.type, len, "%s%s", type, text ? "; charset=utf-8" : "");
    table.rows[table.count++] = row;
}

/* "type suffix suffix ..." */
static void
read_line(char *line)
{
    char *rest = NULL;
    const char *type = strtok_r(line, " \t\r\n", &rest);
    const char *suffix;
    if (!type || type[0] == '#' || !strchr(type, '/')) {
        return;
    }
    while ((suffix = strtok_r(NULL, " \t\r\n", &rest)) != NULL) {
        add(suffix, type);
    }
}

static void
read_table(void)
{
    char line[1024];
    FILE *file = fopen("/etc/mime.types", "re");
    if (!file) {
        return;
    }
    while (fgets(line, sizeof(line), file)) {
        read_line(line);
    }
    (void)fclose(file);
    if (table.count > 0) {
        qsort(table.rows, table.count, sizeof(struct row), by_suffix);
    }
}

const char *
tn_share_type(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash ? slash : name, '.');
    if (!dot || !dot[1]) {
        return "application/octet-stream";
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcasecmp(dot + 1, own[i].suffix) == 0) {
            return own[i].type;
        }
    }
    (void)pthread_once(&table.once, read_table);
    struct row key = {(char *)(uintptr_t)(dot + 1), NULL};
    const struct row *row = table.count == 0
                                ? NULL
                                : bsearch(&key, table.rows, table.count,
                                          sizeof(struct row), by_suffix);
    return row ? row->type : "application/octet-stream";
}
