/*
 * share_folder.c - a folder as the answer: its index.html, a listing, an
 * archive; or where its real address is.
 */
#include "http/share_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Relative links of a page need the slash. Made from the plain names: a path
   that began with two slashes would lead to another host. */
static int
redirect(struct tn__call *c)
{
    int r = tn__share_location(c, c->path, true, c->req->query);
    return r < 0 ? r : tn_httpd_error(c->x, 301, NULL);
}

/* 1: answered. 0: there is no index.html. */
static int
try_index(struct tn__call *c)
{
    struct stat st;
    size_t n = strlen(c->path);
    if (n + sizeof("/index.html") > sizeof(c->path)) {
        return 0;
    }
    memcpy(c->path + n, n ? "/index.html" : "index.html",
           sizeof("/index.html") - (n == 0));
    int fd = tn__share_open_read(c->share, c->path, &st);
    if (fd >= 0 && S_ISREG(st.st_mode)) {
        int r = tn__share_file(c, fd, &st);
        close(fd);
        return r < 0 ? r : 1;
    }
    if (fd >= 0) {
        close(fd);
    }
    c->path[n] = '\0';
    if (tn__share_is_scarce(fd)) {
        int r = tn__share_refuse(c, fd);
        return r < 0 ? r : 1;
    }
    return 0;
}

/* Was JSON asked for, or liked better than a page? */
static bool
wants_json(const struct tn__call *c)
{
    const tn_http_field *fields = c->req->fields;
    int count = c->req->field_count;
    return tn__share_has(c, "json") ||
           tn__accept_type(fields, count, "application/json") >
               tn__accept_type(fields, count, "text/html");
}

int
tn__share_folder(struct tn__call *c, int fd)
{
    const tn_share *s = c->share;
    struct tn__list l;
    if (!c->slash) {
        return redirect(c);
    }
    bool listing = wants_json(c);
    bool archive = tn__share_has(c, "tar");
    int r = listing || archive || s->opts.attach ? 0 : try_index(c);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (archive) {
        return s->opts.no_tar || s->opts.no_listing
                   ? tn_httpd_error(c->x, 403, "Archives are switched off.")
                   : tn__share_archive(c);
    }
    if (s->opts.no_listing) {
        return tn_httpd_error(c->x, 403, "Listings are switched off.");
    }
    r = tn__list_read(&l, s, fd, c->path);
    if (r == TN_ETOOBIG) {
        return tn_httpd_error(c->x, 500, "The folder has too many names.");
    }
    if (r < 0) {
        return tn__share_refuse(c, r);
    }
    (void)tn_httpd_field(c->x, "Vary", "Accept");
    (void)tn_httpd_field(c->x, "Cache-Control", "no-cache");
    r = listing ? tn__share_json(c, &l) : tn__share_page(c, &l);
    tn__list_free(&l);
    return r;
}
