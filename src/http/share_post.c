/*
 * share_post.c - files from a form, as a browser sends them.
 *
 * Each is written aside while it comes and bears its name as soon as it is
 * whole; a form that breaks off leaves those before.
 */
#include "http/share_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct post {
    struct tn__call *c;
    struct tn__form form;
    struct tn__upload u;
    bool is_open; /* u is */
    int folder;
    int made;     /* files so far */
    size_t have;  /* bytes in the buffer that were not looked at */
    char *buf;    /* TN_SHARE_PIECE */
    char *report; /* a line for each file; NULL before the first */
};

enum { ANSWERED = 1 };

static int
refuse(struct post *p, int status, const char *why)
{
    int r = tn_httpd_error(p->c->x, status, why);
    return r < 0 ? r : ANSWERED;
}

static int
refuse_code(struct post *p, int err)
{
    int r = tn__share_refuse(p->c, err);
    return r < 0 ? r : ANSWERED;
}

/* A file begins. What has no name, because nothing was chosen, is no file. */
static int
begin(struct post *p)
{
    if (!p->form.is_file || !p->form.file[0]) {
        return 0;
    }
    if (!tn__share_name_fits(p->c->share, p->form.file)) {
        return refuse(p, 403, "A file may not be called so.");
    }
    int r = tn__part_open(&p->u, p->c->share, NULL);
    if (r < 0) {
        return refuse_code(p, r);
    }
    p->u.folder = p->folder;
    p->is_open = true;
    return 0;
}

static int
append(struct post *p, tn_str data)
{
    int64_t max = p->c->share->opts.max_upload;
    if (!p->is_open) {
        return 0;
    }
    int r = max > 0 && p->u.size + (int64_t)data.len > max
                ? -EFBIG
                : tn__part_write(&p->u, data.at, data.len);
    return r < 0 ? refuse_code(p, r) : 0;
}

static int
add_report(struct post *p, const char *name)
{
    char *more;
    if (asprintf(&more, "%s%s\n", p->report ? p->report : "", name) < 0) {
        return -ENOMEM;
    }
    free(p->report);
    p->report = more;
    return 0;
}

static int
end(struct post *p)
{
    struct tn__goal goal = {.taken = p->c->share->opts.taken};
    if (!p->is_open) {
        return 0;
    }
    (void)snprintf(goal.name, sizeof(goal.name), "%s", p->form.file);
    int r = tn__part_finish(&p->u, &goal);
    int64_t size = p->u.size;
    p->is_open = false;
    tn__part_close(&p->u, false);
    if (r == -EEXIST) {
        return refuse(p, 409, "The name is taken.");
    }
    if (r < 0) {
        return refuse_code(p, r);
    }
    p->made++;
    tn__share_tell(p->c, p->c->path, goal.name, size);
    return add_report(p, goal.name);
}

/* Deal with what is in the buffer. 0: more is needed; 1: answered. */
static int
digest(struct post *p, bool *done)
{
    size_t at = 0;
    int r = 0;
    int event;
    do {
        size_t used;
        tn_str data;
        event =
            tn__form_step(&p->form, p->buf + at, p->have - at, &used, &data);
        at += used;
        if (event == TN__FORM_PART) {
            r = begin(p);
        } else if (event == TN__FORM_DATA) {
            r = append(p, data);
        } else if (event == TN__FORM_DONE) {
            r = end(p);
        } else if (event < 0) {
            r = event == TN_ETOOBIG
                    ? refuse(p, 413, "The form has too much in it.")
                    : refuse(p, 400, "The form is broken.");
        }
    } while (r == 0 && event != TN__FORM_MORE && event != TN__FORM_END);
    memmove(p->buf, p->buf + at, p->have - at);
    p->have -= at;
    *done = event == TN__FORM_END;
    return r;
}

static int
receive(struct post *p)
{
    bool done = false;
    for (;;) {
        ssize_t n =
            tn_httpd_read(p->c->x, p->buf + p->have, TN_SHARE_PIECE - p->have);
        if (n < 0) {
            return refuse_code(p, (int)n);
        }
        if (n == 0) {
            return done ? 0 : refuse(p, 400, "The form has no end.");
        }
        p->have += (size_t)n;
        int r = 0;
        if (done) {
            p->have = 0; /* behind the end nothing counts */
        } else {
            r = digest(p, &done);
        }
        r = r == 0 ? tn_checkpoint() : r;
        if (r != 0) {
            return r;
        }
    }
}

/* A browser is shown the folder again; others get the names. */
static int
answer(struct post *p)
{
    const tn_http_request *req = p->c->req;
    if (p->made == 0) {
        return tn_httpd_error(p->c->x, 400, "There is no file in the form.");
    }
    int r = tn__share_location(p->c, p->c->path, true, (tn_str){NULL, 0});
    if (r < 0) {
        return r;
    }
    int page = tn__accept_type(req->fields, req->field_count, "text/html");
    int text = tn__accept_type(req->fields, req->field_count, "text/plain");
    if (page > text) {
        return tn_httpd_reply(p->c->x, 303, NULL, "", 0);
    }
    return tn_httpd_reply(p->c->x, 201, "text/plain; charset=utf-8", p->report,
                          strlen(p->report));
}

int
tn__share_post(struct tn__call *c)
{
    struct post *p = calloc(1, sizeof(*p));
    if (!p) {
        return -ENOMEM;
    }
    p->c = c;
    int r;
    if (tn__form_init(&p->form, tn_httpd_value(c->x, "Content-Type")) < 0) {
        r = tn_httpd_error(c->x, 415, "Send files as multipart/form-data.");
        free(p);
        return r;
    }
    p->folder = tn__share_open(c->share, c->path, O_RDONLY | O_DIRECTORY);
    p->buf = malloc(TN_SHARE_PIECE);
    if (p->folder < 0) {
        r = refuse_code(p, p->folder);
    } else {
        r = !p->buf ? -ENOMEM : tn__share_room(p->folder, c->req->length);
        r = r == -ENOSPC ? refuse_code(p, r) : r;
        r = r == 0 ? receive(p) : r;
        r = r == 0 ? answer(p) : r;
    }
    if (p->is_open) {
        tn__part_close(&p->u, false);
    }
    if (p->folder >= 0) {
        close(p->folder);
    }
    free(p->report);
    free(p->buf);
    free(p);
    return r < 0 ? r : 0;
}
