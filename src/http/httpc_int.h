/*
 * httpc_int.h - what the files of the client share.
 *
 * A fetch goes through: target (where to), conn (pool, or dial with proxy and
 * TLS), send (head and body), head (the answer), body. httpc.c drives it and
 * follows redirects.
 */
#ifndef TENON_HTTP_HTTPC_INT_H
#define TENON_HTTP_HTTPC_INT_H

#include <tenon/httpc.h>
#include <tenon/url.h>

#include "base/base.h"

enum {
    TN__HOST_TEXT = 256,                /* a host's name: RFC 1035, and NUL */
    TN__PLACE_TEXT = TN__HOST_TEXT + 8, /* "[host]:port" */
    TN__BASIC_TEXT = 4 * (2 * TN_HTTPC_SECRET_MAX + 3) / 3 + 8, /* base64 */
};

/* Text that grows; a failure is kept until somebody looks. */
struct tn__text {
    char *at;
    size_t len, cap;
    int error;
};

enum tn__proxy_kind {
    TN__PROXY_HTTP,
    TN__PROXY_SOCKS5,
    TN__PROXY_SOCKS5H,
};

struct tn__proxy {
    enum tn__proxy_kind kind;
    int port;
    char host[TN__HOST_TEXT];
    char place[TN__PLACE_TEXT];         /* for messages and keys */
    char user[TN_HTTPC_SECRET_MAX + 1]; /* "" for none */
    char word[TN_HTTPC_SECRET_MAX + 1];
    char basic[TN__BASIC_TEXT]; /* both as Basic has them */
};

/* Where a request goes: a URL, taken apart and found good. */
struct tn__target {
    char *url; /* ours; ends in NUL */
    tn_url parts;
    bool secure;
    int port;
    char host[TN__HOST_TEXT];
    char place[TN__PLACE_TEXT];     /* with its port, for messages and keys */
    char authority[TN__PLACE_TEXT]; /* as Host has it: no usual port */
    const struct tn__proxy *proxy;  /* NULL: directly */
};

/* A connection with what came and was not used yet. */
struct tn__conn {
    tn_sock *sock;
    char key[3 * TN__PLACE_TEXT];
    int64_t since; /* when it went into the pool */
    bool reused;
    bool ended; /* the peer has, or it failed: nothing more will come */
    int error;  /* what ended it; 0: the end of the stream */
    size_t at, end, cap;
    char *buf; /* at to end */
};

struct tn_httpc {
    tn_tls *tls;
    bool own_tls;
    struct tn__proxy *proxy, *tls_proxy;
    char *no_proxy, *agent;
    int64_t connect_time, tls_time, head_time, idle_time, total_time;
    int64_t pool_time;
    size_t max_head;
    int max_redirects, pool_size, family;
    tn_httpc_trace *trace;
    void *trace_arg;
    int idle_count;
    struct tn__conn **idle; /* oldest first; pool_size of them */
};

/* A request while it is tried, hop by hop. */
struct tn__try {
    const tn_httpc_request *req;
    const char *method;
    bool body;       /* this hop has one */
    bool expect;     /* ask before */
    bool elsewhere;  /* this hop's origin is not the first one's */
    bool stranger;   /* nor may secrets go there */
    bool streamed;   /* the source was asked: rewind it before the next time */
    bool unfinished; /* the answer came before all of the body was sent */
    bool known;      /* the final head has been read already */
    int interim;     /* answers of the kind 100 so far */
    size_t seen;     /* bytes in which no end of the head was found */
    struct tn__text head;
    struct tn__target first;
    char basic[TN__BASIC_TEXT]; /* of the first URL */
};

struct tn_fetch {
    tn_httpc *c;
    struct tn__conn *conn; /* NULL once the body has ended */
    struct tn__target to;
    int64_t start, deadline; /* deadline TN_NEVER: none */
    tn_httpc_timing timing;
    char *head; /* a copy that stays */
    size_t head_len;
    tn_http_response res; /* points into it */
    enum tn_http_body body;
    bool keep; /* the connection may go on afterwards */
    bool done;
    int error; /* of the body, once it failed */
    int64_t left;
    tn_http_chunks chunks;
    bool inside;   /* the next byte is a chunk's data */
    bool trailing; /* the last chunk was read */
    char *trailer_text;
    tn_http_field *trailers;
    int trailer_count;
};

/* ---- httpc_text.c ---- */

void tn__text_put(struct tn__text *t, const char *at, size_t n);
void tn__text_puts(struct tn__text *t, const char *s);
void tn__text_fini(struct tn__text *t);

/* "user:word" in base64; the parts percent-coded as a URL has them. -EINVAL. */
int tn__basic(char dst[TN__BASIC_TEXT], tn_str userinfo);

/* Is it what a method or a field's name may be? (RFC 9110 section 5.6.2) */
bool tn__is_token(const char *s, size_t n);

/* Is it what a field's value may be, and no more than one line? */
bool tn__is_value(tn_str s);

bool tn__same_word(tn_str s, const char *word); /* in any case */

/* ---- httpc_target.c ---- */

/* Take a URL, which is copied. -EINVAL, -ENAMETOOLONG, -ENOMEM. */
int tn__target_init(struct tn__target *t, tn_httpc *c, tn_str url);
void tn__target_fini(struct tn__target *t);
bool tn__target_same_origin(const struct tn__target *a,
                            const struct tn__target *b);

/* Where Location leads from here: 0, -EINVAL, ... `next` is then ours. */
int tn__target_follow(struct tn__target *next, tn_httpc *c,
                      const struct tn__target *from, tn_str location);

/* ---- httpc_proxy.c ---- */

/* NULL or "" is no proxy. 0, -EINVAL, -ENOMEM. */
int tn__proxy_new(struct tn__proxy **out, const char *url);

/* Is the host one of the list, "localhost,.example.org,10.0.0.0/8"? */
bool tn__no_proxy(const char *list, const char *host);

/* Have the proxy at the other end connect to the target. */
int tn__proxy_connect(tn_fetch *f, int64_t until); /* suspends */
int tn__socks_connect(tn_fetch *f, int64_t until); /* suspends */

/* ---- httpc_conn.c ---- */

/* One from the pool if there is one and `fresh` is not set; else a new one. */
int tn__conn_get(tn_fetch *f, bool fresh); /* suspends */

/* Give it back to the pool, or end it if it is of no use to anybody. */
void tn__conn_put(tn_fetch *f); /* suspends */

/* End it at once; f has none any more. */
void tn__conn_drop(tn_fetch *f);

void tn__conn_free(struct tn__conn *conn, bool abort);

/* Make room for more; TN_EHTTP when the buffer holds `most` bytes. */
int tn__conn_room(struct tn__conn *conn, size_t most);

/* Receive into the buffer until `until`. Bytes; 0 at the end; a code. */
ssize_t tn__conn_fill(tn_fetch *f, int64_t until); /* suspends */

/* Receive what is there, without waiting. Same; -EAGAIN. */
ssize_t tn__conn_poll(tn_fetch *f);

/* Set the socket's time-out so that it ends at `until`, or with the fetch. 0 or
   -ETIME. */
int tn__conn_until(tn_fetch *f, int64_t until);

/* Send all of it until `until`, as one goes. 0 or a code. */
int tn__conn_send(tn_fetch *f, const void *buf, size_t n,
                  int64_t until); /* suspends */

/* ---- httpc_send.c ---- */

/* Check what the caller gave. 0 or -EINVAL. */
int tn__send_check(const tn_httpc_request *req);

/* Send head and body; stops when the answer is there before. 0 or a code. */
int tn__send(tn_fetch *f, struct tn__try *t); /* suspends */

/* ---- httpc_head.c ---- */

/* Look at what the buffer holds, interim answers skipped: 1 the final head is
   whole, 0 more is needed, TN_EHTTP. *proceed is set when 100 was seen. */
int tn__head_look(tn_fetch *f, struct tn__try *t, bool *proceed);

/* Read the answer's head. 0 or a code. */
int tn__head_read(tn_fetch *f, struct tn__try *t); /* suspends */

/* ---- httpc_body.c ---- */

/* Make ready to read the body. `bare`: the method has answers without. */
void tn__body_start(tn_fetch *f, bool bare); /* suspends */

/* Read and forget it, if it is short and comes soon. */
void tn__body_skip(tn_fetch *f); /* suspends */

/* ---- for all ---- */

static inline void
tn__trace(const tn_httpc *c, enum tn_httpc_event what, const char *at, size_t n,
          tn_sock *sock)
{
    if (c->trace) {
        c->trace(c->trace_arg, what, (tn_str){at, n}, sock);
    }
}

#endif
