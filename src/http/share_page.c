/*
 * share_page.c - a listing for people and for programs.
 *
 * One page that needs nothing else: no script, no outside resource, columns
 * that sort by a link, readable in a terminal's browser. Every name is escaped.
 */
#include <tenon/url.h>

#include "http/share_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Writes until something fails; the first failure stays. */
struct page {
    struct tn__call *c;
    int err;
    char sort; /* 'n', 's', 't' */
    bool descending;
};

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1d2329;--soft:#66707a;--line:#e4e7ea;"
    "--back:#f6f7f8;--card:#fff;--link:#0b57b8;--hover:#f0f5fb;--mark:#c77d12}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e3e6e9;--soft:#98a2ac;"
    "--line:#2c3238;--back:#14171a;--card:#1b1f23;--link:#7db4f5;"
    "--hover:#232a31;--mark:#e0a44a}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--back);color:var(--ink);"
    "font:16px/1.45 system-ui,sans-serif}"
    "main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}"
    "h1{font-size:1.25rem;font-weight:600;margin:0 0 1rem;"
    "overflow-wrap:anywhere}"
    "h1 a{color:var(--link);text-decoration:none}"
    "h1 a:hover{text-decoration:underline}h1 span{color:var(--soft);"
    "font-weight:400;padding:0 .3em}"
    "table{width:100%;border-collapse:collapse;background:var(--card);"
    "border:1px solid var(--line);border-radius:10px;border-spacing:0;"
    "overflow:hidden;border-collapse:separate}"
    "th{font-size:.8rem;font-weight:500;text-align:left;color:var(--soft);"
    "padding:.55rem .9rem}"
    "th a{color:inherit;text-decoration:none}th a:hover{color:var(--ink)}"
    "td{border-top:1px solid var(--line);padding:0}"
    "td a{display:block;position:relative;padding:.55rem .9rem .55rem 2.6rem;"
    "color:var(--link);text-decoration:none;overflow-wrap:anywhere}"
    "td a::before{content:\"\";position:absolute;left:.95rem;top:.95rem}"
    "td.f a{font-weight:600}"
    "td.f a::before{width:1.05rem;height:.8rem;border-radius:.12rem;"
    "background:var(--mark);clip-path:polygon(0 0,40% 0,50% 18%,100% 18%,"
    "100% 100%,0 100%)}"
    "td.e a::before{width:.75rem;height:.95rem;left:1.1rem;top:.88rem;"
    "border:1.5px solid var(--soft);border-radius:.14rem}"
    "tr:hover td{background:var(--hover)}"
    "td.s,td.t{padding:.55rem .9rem;color:var(--soft);white-space:nowrap;"
    "font-variant-numeric:tabular-nums}"
    ".s{text-align:right}.t{width:11rem}.s{width:6.5rem}"
    "p{color:var(--soft);font-size:.875rem;margin:1rem .2rem}"
    "p a{color:var(--link)}"
    "form{background:var(--card);border:1px dashed var(--line);"
    "border-radius:10px;padding:.9rem;margin:0 0 1rem;display:flex;gap:.8rem;"
    "flex-wrap:wrap;align-items:center}"
    "input{font:inherit;color:var(--soft);flex:1 1 14rem;min-width:0}"
    "button,::file-selector-button{font:inherit;font-weight:600;border:0;"
    "border-radius:8px;padding:.5rem 1.1rem;background:var(--link);"
    "color:var(--card);cursor:pointer}"
    "::file-selector-button{background:var(--hover);color:var(--ink);"
    "margin-right:.8rem}"
    "a:focus-visible,button:focus-visible{outline:2px solid var(--link);"
    "outline-offset:-2px}"
    "@media(max-width:34rem){.t{display:none}main{padding:1rem .6rem 2rem}"
    ".s{width:5rem}td.s,th{padding:.7rem}td a{padding:.7rem .7rem .7rem "
    "2.4rem}td a::before{margin:.15rem 0 0 -.2rem}}";

/* ---- writing ---- */

static void
put_bytes(struct page *p, const char *s, size_t n)
{
    if (p->err == 0) {
        p->err = tn_httpd_write(p->c->x, s, n);
    }
}

static void
put(struct page *p, const char *s)
{
    put_bytes(p, s, strlen(s));
}

static void put_format(struct page *p, const char *format, ...) TN_PRINTF(2, 3);

static void
put_format(struct page *p, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put_bytes(p, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* A name as text of a page: cleaned, and nothing in it is markup. */
static void
put_text(struct page *p, const char *name, size_t n)
{
    char clean[3 * TN_SHARE_NAME + 1];
    n = n < TN_SHARE_NAME ? n : TN_SHARE_NAME;
    (void)tn_text_clean(clean, sizeof(clean), name, n);
    for (const char *s = clean; *s;) {
        static const struct {
            char c;
            const char *code;
        } table[] = {{'&', "&amp;"},
                     {'<', "&lt;"},
                     {'>', "&gt;"},
                     {'"', "&quot;"},
                     {'\'', "&#39;"}};

        size_t plain = strcspn(s, "&<>\"'");
        put_bytes(p, s, plain);
        s += plain;
        for (size_t i = 0; *s && i < sizeof(table) / sizeof(table[0]); i++) {
            if (*s == table[i].c) {
                put(p, table[i].code);
            }
        }
        s += *s != '\0';
    }
}

static void
put_code(struct page *p, const char *name, size_t n)
{
    char coded[3 * TN_SHARE_NAME + 1];
    ssize_t len = tn_url_encode(coded, sizeof(coded), (tn_str){name, n}, "");
    if (len > 0) {
        put_bytes(p, coded, (size_t)len);
    }
}

/* "1.4 MB", three digits at least of what there is. */
static void
put_size(struct page *p, int64_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)size;
    int unit = 0;
    while (value >= 999.5 && unit < 5) {
        value /= 1000;
        unit++;
    }
    bool whole = unit == 0 || value >= 99.95;
    put_format(p, "%.*f&nbsp;%s", whole ? 0 : 1, value, units[unit]);
}

static void
put_time(struct page *p, int64_t when)
{
    struct tm tm;
    char text[32];
    time_t t = (time_t)when;
    if (localtime_r(&t, &tm) &&
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm) > 0) {
        put(p, text);
    }
}

/* ---- the page ---- */

static _Thread_local const struct page *sorting;

static int
by_choice(const void *a, const void *b)
{
    const struct tn__entry *x = a;
    const struct tn__entry *y = b;
    if (x->is_folder != y->is_folder) {
        return x->is_folder ? -1 : 1;
    }
    int order = 0;
    if (sorting->sort == 's') {
        order = x->size < y->size ? -1 : x->size > y->size;
    } else if (sorting->sort == 't') {
        order = x->modified < y->modified ? -1 : x->modified > y->modified;
    } else {
        order = tn__name_compare(x->name, y->name);
    }
    if (order == 0) { /* equals keep the order of names */
        return tn__name_compare(x->name, y->name);
    }
    return sorting->descending ? -order : order;
}

/* "?sort=-size" */
static void
read_sort(struct page *p, struct tn__list *l)
{
    char text[8];
    p->sort = 'n';
    if (!p->c->req->query.at ||
        tn_url_query(text, sizeof(text), p->c->req->query, "sort") <= 0) {
        return;
    }
    p->descending = text[0] == '-';
    const char *word = text + p->descending;
    p->sort = strcmp(word, "size") == 0   ? 's'
              : strcmp(word, "time") == 0 ? 't'
                                          : 'n';
    if (l->count > 1 && (p->sort != 'n' || p->descending)) {
        sorting = p;
        qsort(l->entries, l->count, sizeof(l->entries[0]), by_choice);
        sorting = NULL;
    }
}

static void
put_column(struct page *p, const char *class, const char *word,
           const char *title)
{
    bool mine = p->sort == word[0];
    /* First the new and the large. */
    bool down = mine ? !p->descending : word[0] != 'n';
    put_format(p, "<th class=%s><a href=\"?sort=%s%s\">%s%s</a></th>", class,
               down ? "-" : "", word, title,
               !mine           ? ""
               : p->descending ? " \xe2\x86\x93"
                               : " \xe2\x86\x91");
}

/* Where we are: each folder above is a link. */
static void
put_trail(struct page *p)
{
    const char *path = p->c->path;
    int depth = path[0] ? 1 : 0;
    for (const char *s = path; *s; s++) {
        depth += *s == '/';
    }
    put(p, "<h1><a href=\"");
    put(p, depth == 0 ? "./" : "");
    for (int i = 0; i < depth; i++) {
        put(p, "../");
    }
    put(p, "\">Files</a>");
    while (depth > 0) {
        size_t n = strcspn(path, "/");
        put(p, "<span>/</span><a href=\"");
        put(p, depth == 1 ? "./" : "");
        for (int i = 1; i < depth; i++) {
            put(p, "../");
        }
        put(p, "\">");
        put_text(p, path, n);
        put(p, "</a>");
        path += n + (path[n] == '/');
        depth--;
    }
    put(p, "</h1>\n");
}

static void
put_entry(struct page *p, const struct tn__entry *e)
{
    size_t n = strlen(e->name);
    const char *slash = e->is_folder ? "/" : "";
    put_format(p, "<tr><td class=%s><a href=\"", e->is_folder ? "f" : "e");
    put_code(p, e->name, n);
    put_format(p, "%s\">", slash);
    put_text(p, e->name, n);
    put_format(p, "%s</a></td><td class=s>", slash);
    if (!e->is_folder) {
        put_size(p, e->size);
    }
    put(p, "</td><td class=t>");
    put_time(p, e->modified);
    put(p, "</td></tr>\n");
}

static void
put_head(struct page *p)
{
    const char *path = p->c->path;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    put(p, "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
           "<meta name=viewport content=\"width=device-width\">\n<title>");
    put_text(p, name[0] ? name : "Files", strlen(name[0] ? name : "Files"));
    put(p, "</title>\n<style>");
    put(p, style);
    put(p, "</style>\n</head>\n<body>\n<main>\n");
}

static void
put_table(struct page *p, const struct tn__list *l)
{
    put(p, "<table>\n<tr>");
    put_column(p, "n", "name", "Name");
    put_column(p, "s", "size", "Size");
    put_column(p, "t", "time", "Changed");
    put(p, "</tr>\n");
    if (p->c->path[0]) {
        put(p, "<tr><td class=f><a href=\"../\">..</a></td><td class=s></td>"
               "<td class=t></td></tr>\n");
    }
    for (size_t i = 0; i < l->count; i++) {
        put_entry(p, &l->entries[i]);
    }
    put(p, "</table>\n");
}

static void
put_sum(struct page *p, const struct tn__list *l)
{
    size_t folders = 0;
    int64_t bytes = 0;
    for (size_t i = 0; i < l->count; i++) {
        folders += l->entries[i].is_folder;
        bytes += l->entries[i].size;
    }
    size_t files = l->count - folders;
    put_format(p, "<p>%zu %s", files, files == 1 ? "file" : "files");
    if (files > 0) {
        put(p, ", ");
        put_size(p, bytes);
    }
    if (folders > 0) {
        put_format(p, "; %zu %s", folders, folders == 1 ? "folder" : "folders");
    }
    if (!p->c->share->opts.no_tar && l->count > 0) {
        put(p, ". <a href=\"?tar\" download>All of it as one file</a>");
    }
    put(p, "</p>\n");
}

int
tn__share_page(struct tn__call *c, struct tn__list *l)
{
    struct page p = {.c = c};
    /* A name that got through would still do nothing. */
    int r = tn_httpd_field(c->x, "Content-Security-Policy",
                           "default-src 'none'; style-src 'unsafe-inline'; "
                           "form-action 'self'; frame-ancestors 'self'; "
                           "base-uri 'none'");
    r = r < 0
            ? r
            : tn_httpd_field(c->x, "Content-Type", "text/html; charset=utf-8");
    if (r < 0) {
        return r;
    }
    read_sort(&p, l);
    put_head(&p);
    put_trail(&p);
    if (c->share->opts.writable) {
        put(&p, "<form method=post enctype=\"multipart/form-data\">"
                "<input type=file name=file multiple required "
                "aria-label=\"Files to add\">"
                "<button>Add to this folder</button></form>\n");
    }
    put_table(&p, l);
    put_sum(&p, l);
    put(&p, "</main>\n</body>\n</html>\n");
    return p.err;
}

/* ---- JSON ---- */

/* A string of JSON, RFC 8259 section 7; what is no UTF-8 becomes U+FFFD. */
static void
put_json(struct page *p, const char *name)
{
    char clean[3 * TN_SHARE_NAME + 1];
    (void)tn_text_clean(clean, sizeof(clean), name,
                        strnlen(name, TN_SHARE_NAME));
    put(p, "\"");
    for (const char *s = clean; *s;) {
        size_t plain = strcspn(s, "\"\\");
        put_bytes(p, s, plain);
        s += plain;
        if (*s) {
            put_format(p, "\\%c", *s++);
        }
    }
    put(p, "\"");
}

int
tn__share_json(struct tn__call *c, struct tn__list *l)
{
    struct page p = {.c = c};
    int r = tn_httpd_field(c->x, "Content-Type", "application/json");
    if (r < 0) {
        return r;
    }
    read_sort(&p, l);
    put(&p, "{\"entries\":[");
    for (size_t i = 0; i < l->count; i++) {
        const struct tn__entry *e = &l->entries[i];
        put(&p, i > 0 ? ",\n{\"name\":" : "\n{\"name\":");
        put_json(&p, e->name);
        put(&p, ",\"href\":\"");
        put_code(&p, e->name, strlen(e->name));
        put_format(
            &p, "%s\",\"folder\":%s,\"size\":%" PRId64 ",\"time\":%" PRId64 "}",
            e->is_folder ? "/" : "", e->is_folder ? "true" : "false", e->size,
            e->modified);
    }
    put(&p, "\n]}\n");
    return p.err;
}
