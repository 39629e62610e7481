/*
 * httpc_head.c - the answer's head; the interim ones before it.
 */
#include <tenon/task.h>

#include "http/httpc_int.h"

#include <stdlib.h>
#include <string.h>

/* The buffer goes on to hold the body: the head's views need a copy that
   stays. */
static int
keep_head(tn_fetch *f, size_t n)
{
    struct tn__conn *conn = f->conn;
    char *copy = malloc(n);

    if (!copy) {
        return tn_fail(-ENOMEM, "read the answer of", f->to.place);
    }
    memcpy(copy, conn->buf + conn->at, n);
    conn->at += n;
    free(f->head);
    f->head = copy;
    f->head_len = n;
    return tn_http_parse_response(&f->res, copy, n, 0) > 0 ? 0 : TN_EHTTP;
}

static int
broken(tn_fetch *f, const char *what)
{
    return tn_fail(TN_EHTTP, what, f->to.place);
}

/* Take an interim answer off the buffer. */
static int
take_interim(tn_fetch *f, struct tn__try *t, size_t n, bool *proceed)
{
    struct tn__conn *conn = f->conn;

    tn__trace(f->c, TN_HTTPC_GOT, conn->buf + conn->at, n, conn->sock);
    conn->at += n;
    t->seen = 0;
    *proceed = *proceed || f->res.status == 100;
    return ++t->interim > TN_HTTPC_INTERIM
               ? broken(f, "too many interim answers of")
               : 0;
}

int
tn__head_look(tn_fetch *f, struct tn__try *t, bool *proceed)
{
    struct tn__conn *conn = f->conn;
    int r = 0;

    while (r == 0) {
        size_t n = conn->end - conn->at;
        ssize_t head =
            n > t->seen ? tn_http_parse_response(&f->res, conn->buf + conn->at,
                                                 n, t->seen)
                        : 0;

        if (head < 0) {
            return (int)head; /* the parser has said why */
        }
        if (head == 0) {
            t->seen = n;
            return 0;
        }
        if (f->res.status == 101 && !t->req->upgrade) {
            return broken(f, "a change of protocol nobody asked for of");
        }
        if (f->res.status >= 200 || f->res.status == 101) {
            r = keep_head(f, (size_t)head);
            return r < 0 ? r : 1;
        }
        r = take_interim(f, t, (size_t)head, proceed);
    }
    return r;
}

/* The stream ended before the head did. */
static int
cut(tn_fetch *f, ssize_t r)
{
    bool any = f->conn->at < f->conn->end;

    if (r == -ETIME) {
        return tn_fail(-ETIME, "wait for the answer of", f->to.place);
    }
    if (r == TN_EHTTP) {
        return broken(f, "too large a head of");
    }
    if (r == 0 || r == TN_ECUT) {
        return tn_fail(TN_ETRUNCATED, any ? "the head of" : "no answer of",
                       f->to.place);
    }
    return (int)r;
}

int
tn__head_read(tn_fetch *f, struct tn__try *t)
{
    int64_t until = tn__deadline(tn_now(), f->c->head_time);
    bool proceed = false;

    for (;;) {
        int r = t->known ? 1 : tn__head_look(f, t, &proceed);
        ssize_t n;

        if (r != 0) {
            if (r > 0) {
                tn__trace(f->c, TN_HTTPC_GOT, f->head, f->head_len,
                          f->conn->sock);
            }
            return r < 0 ? r : 0;
        }
        n = tn__conn_fill(f, until);
        if (n <= 0) {
            return cut(f, n);
        }
    }
}
