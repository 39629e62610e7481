/*
 * httpd_int.h - what the files of the server share.
 *
 * A connection is a task. Its record lies on the task's stack and is small;
 * what an exchange needs comes from the server's spare blocks and goes back
 * there before the connection waits for the next request. As tasks take turns
 * only when they wait, a few blocks serve many connections, and stay in the
 * cache.
 */
#ifndef TENON_HTTP_HTTPD_INT_H
#define TENON_HTTP_HTTPD_INT_H

#include <tenon/httpd.h>
#include <tenon/msg.h>

#include "base/base.h"
#include "task/task.h"

#include <string.h>

/* Blocks of one size, kept for the next who wants one. */
struct tn__spare {
    void *free; /* the first; each begins with a pointer to the next */
    int count;
    size_t size;
};

void *tn__spare_get(struct tn__spare *s); /* NULL: no memory */
void tn__spare_put(struct tn__spare *s, void *block);
void tn__spare_fini(struct tn__spare *s);

struct tn__hconn;

struct tn__httpd {
    const tn_httpd_route *routes;
    void *arg;
    tn_httpd_opts o;
    int live; /* connections, those that are turned away included */
    int busy; /* exchanges */
    bool draining;
    struct tn__hconn *conns;
    struct tn__hconn *early; /* with answers that may be kept back */
    struct tn__op *sender;   /* the task that sends those, waiting */
    struct tn__spare ins, outs, exchanges;
    int64_t date_at; /* the second that `date` tells */
    char date[64];   /* "Date: ...\r\n" */
    size_t date_len;
    unsigned methods; /* bits of those that any route names */
};

struct tn__hconn {
    struct tn__httpd *server;
    tn_sock *sock;
    const tn_addr *peer;
    struct tn__hconn *prev, *next;
    tn_scope scope; /* cancelled when idle in a server that ends */
    bool idle;      /* waits for a request, or is no HTTP any more */
    bool last;      /* no further request */
    int broken;     /* a send failed: with this */
    char *in;       /* `small`, or on the heap */
    size_t in_cap, in_start, in_end;
    size_t seen; /* bytes from in_start without the end of a head */
    bool in_full;
    char *out; /* TN_HTTPD_OUT bytes; NULL while nothing is to be sent */
    size_t out_start, out_end;
    size_t whole; /* up to here lie whole answers to earlier requests */
    struct tn__hconn *early_next, **early_at;
    char small[TN_HTTPD_SMALL];
};

/* How far an answer is. */
enum tn__stage {
    TN__FRESH,   /* status and fields are collected */
    TN__HELD,    /* the head is written but for its framing */
    TN__LENGTH,  /* the body follows, of the length that was told */
    TN__CHUNKED, /* in chunks */
    TN__CLOSE,   /* up to the connection's end */
    TN__NOTHING, /* no body follows, whatever is written */
    TN__OVER,    /* all is written, or the connection is something else */
};

#define TN__NO_CHUNK SIZE_MAX

/* How far a request's body is. */
enum tn__body {
    TN__BODY_DATA,
    TN__BODY_TRAILERS,
    TN__BODY_END,
};

struct tn_exchange {
    struct tn__hconn *c;
    enum tn__stage stage;
    int status;
    bool no_body;     /* HEAD, or a status that has none */
    bool close;       /* this is the last exchange */
    bool may_expect;  /* "100 Continue" was asked for and not sent */
    bool gone;        /* a part of the answer has left */
    bool has_upgrade; /* the field is there: Connection has to name it */
    int64_t promised; /* tn_httpd_length(); -1: it was not called */
    int64_t written;  /* bytes of the body */
    size_t begin;     /* in c->out, if nothing is gone */
    size_t mark;      /* in c->out: where the framing will stand; then the
                         open chunk's beginning, or TN__NO_CHUNK */
    size_t fields_len, trailers_len; /* in `text`, one behind the other */
    enum tn__body body;
    int body_error;    /* of every further read */
    int64_t body_left; /* of a body with a length */
    int64_t body_got;
    int64_t pace_left; /* ns until TN_HTTPD_PACE bytes have to be here */
    size_t pace_got;
    size_t base; /* in c->in: the head ends here; before lies what is in use */
    tn_http_chunks chunks;
    tn_http_field *trailers;
    int trailer_count;
    int64_t since; /* when the head was there; only with a log */
    size_t user_len;
    char user[TN_HTTPD_USER];
    tn_http_request req;
    char text[TN_HTTPD_FIELDS];
};

/* ---- httpd.c ---- */

/* "Date: ...\r\n" of this second. */
void tn__httpd_date(struct tn__httpd *server);

/* ---- httpd_conn.c: one connection ---- */

int tn__httpd_conn(tn_sock *sock, const tn_addr *peer, void *arg);

/* Receive behind in_end: bytes, 0 at the end, a code. */
ssize_t tn__httpd_fill(struct tn__hconn *c, int64_t timeout); /* suspends */

/* Exchange the input buffer for one of `cap` bytes that begins with what was
   not used yet; keep: the old one is not given back. */
int tn__httpd_move(struct tn__hconn *c, size_t cap, bool keep);
void tn__httpd_drop_in(struct tn__httpd *server, char *in, size_t cap);

/* ---- httpd_early.c ---- */

/* A handler is about to run, and c->out holds earlier answers: they shall leave
   if it waits. */
void tn__httpd_early(struct tn__hconn *c);

/* They are being sent. */
void tn__httpd_early_end(struct tn__hconn *c);

/* The task that sends them; its argument is the server. */
int tn__httpd_send_early(void *arg); /* suspends */

/* ---- httpd_exchange.c: from a head to its answer ---- */

/* Answer the request in x. 0: and go on; 1: and close; TN_EBROKEN. */
int tn__httpd_answer(tn_exchange *x); /* suspends */

/* Answer a head that was refused with `status`. */
int tn__httpd_refuse(tn_exchange *x, int status); /* suspends */

/* ---- httpd_routes.c ---- */

/* The methods of all routes. */
unsigned tn__httpd_methods(const tn_httpd_route *routes);

/* Find who answers, or answer. As a handler. */
int tn__httpd_route(tn_exchange *x); /* suspends */

/* ---- httpd_body.c ---- */

void tn__httpd_body_init(tn_exchange *x);

/* More is left of the body than will be dropped. */
bool tn__httpd_body_is_long(const tn_exchange *x);

/* Drop what is left of the body: 0; 1 if it is too much, or did not come. */
int tn__httpd_body_drop(tn_exchange *x); /* suspends */

/* ---- httpd_head.c ---- */

/* Add a field whose name and value need no look. */
int tn__httpd_put(tn_exchange *x, const char *name, const char *value);

/* Write the head up to its framing, leaving `room` bytes in c->out for what
   follows; status and fields are settled then. */
int tn__httpd_head(tn_exchange *x, size_t room); /* suspends */

/* Write the framing: the body is of `length` bytes, or -1, chunked or up to the
   end. */
void tn__httpd_seal(tn_exchange *x, int64_t length);

/* Take back an answer of which nothing has left. */
void tn__httpd_reset(tn_exchange *x);

/* ---- httpd_out.c ---- */

/* Have room for `n` bytes in c->out, sending what is in it if need be. */
int tn__httpd_room(struct tn__hconn *c, size_t n); /* suspends */

/* Send what c->out holds, up to `end`. */
int tn__httpd_push(struct tn__hconn *c, size_t end); /* suspends */

/* Send all of it, an answer that is held back included. */
int tn__httpd_send(struct tn__hconn *c); /* suspends */

/* End the answer: 0; TN_EBROKEN if it cannot be whole any more. */
int tn__httpd_end(tn_exchange *x); /* suspends */

/* ---- httpd_tunnel.c ---- */

/* CONNECT: as a handler. */
int tn__httpd_tunnel(tn_exchange *x); /* suspends */

/* Write n in decimal; returns the byte behind it. */
char *tn__httpd_number(char *dst, uint64_t n);

static inline char *
tn__httpd_copy(char *dst, const void *src, size_t n)
{
    memcpy(dst, src, n);
    return dst + n;
}

#endif
