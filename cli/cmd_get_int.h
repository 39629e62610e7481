/*
 * cmd_get_int.h - what the files of `tenon get` share.
 *
 * A URL is a `struct one`; each try of it (cmd_get_run.c) asks, judges the
 * answer, and sends its body through a decoder (cmd_get_code.c) into a sink
 * (cmd_get_sink.c), which for a terminal has a view (cmd_get_view.c).
 */
#ifndef CLI_CMD_GET_INT_H
#define CLI_CMD_GET_INT_H

#include <tenon/httpc.h>
#include <tenon/tls.h>
#include <tenon/url.h>

#include "opt.h"
#include "progress.h"
#include "say.h"
#include "secure.h"

enum {
    EXIT_CLIENT = 4, /* HTTP 4xx */
    EXIT_SERVER = 5, /* HTTP 5xx */

    GET_URLS = 1024,          /* of one command line */
    GET_FIELDS = 96,          /* below what the library takes of an answer */
    GET_DATA_MAX = 64 << 20,  /* -d is kept in memory; more goes by -T */
    GET_FIELD_FILE = 1 << 16, /* a password's file */
    GET_HEADS_MAX = 1 << 20,  /* what -i shows of all hops together */
    GET_TEXT = 256,
    GET_PATH = 1024,      /* a file's name with its folders */
    GET_PIECE = 64 << 10, /* bytes of a body at once */
    GET_PIECES = 3 * OPT_LIST_MAX + 1,
};

struct get_opts {
    bool follow, fail, remote_name, header_name, head, silent, show_error,
        include;
    bool verbose, compressed, events, timing, only4, only6;
    const char *range, *output, *resume, *method, *upload, *user,
        *password_file;
    const char *proxy, *no_proxy, *agent, *referer;
    int64_t max_time, connect_time, max_size;
    int retry;
    struct opt_list header, data, binary, json, form;
    struct secure_opts secure;
};

/* A body made of pieces of memory and files, read as it goes out. */
struct feed_piece {
    char *text;
    size_t len;
    int fd; /* -1: text */
    bool pipe;
    int64_t size; /* of the file */
    const char *name;
};

struct feed {
    struct feed_piece at[GET_PIECES];
    int count, now;
    int64_t done;  /* of the piece */
    bool touched;  /* something of a pipe has gone */
    tn_sock *pipe; /* while one is read */
    int64_t sent;  /* of all pieces */
    struct progress *progress;
};

struct get {
    const struct get_opts *o;
    char **urls;
    int count;
    tn_tls *tls;
    tn_httpc *client;
    tn_sock *out; /* stdout */
    bool terminal, colour;
    const char *method; /* NULL: what the library takes */
    tn_http_field fields[GET_FIELDS];
    int field_count;
    bool ranged; /* the user asked for a range himself */
    /* Of -r: to -1 it is open, from -1 it is the last `last` bytes. */
    int64_t first, last;
    char range[64]; /* "bytes=0-99"; "" without -r */
    char *body;     /* of -d and --json */
    size_t body_len;
    struct feed *feed; /* of -F and -T */
    char type[GET_TEXT];
    char user[GET_TEXT], word[GET_TEXT];
    struct progress progress;
    char *heads; /* for -i */
    size_t heads_len;
    int code;
};

/* ---- cmd_get_ask.c: what the options say of the request ---- */

/** Fill fields, body and method; EXIT_DONE or another, the complaint made. */
int ask_make(struct get *g);
void ask_free(struct get *g);

/** The URL as the library wants it: with a scheme, name and password. Ours to
    free; NULL: the complaint was made. */
char *ask_url(const struct get *g, const char *text);

/* ---- cmd_get_curl.c ---- */

extern const struct opt_hint curl_hints[];

/* ---- cmd_get_secret.c ---- */

/** Find the password for --user. */
int secret_make(struct get *g);

/* ---- cmd_get_feed.c ---- */

int feed_upload(struct get *g, const char *path);
int feed_form(struct get *g);
void feed_free(struct feed *f);

/** Bytes in all; -1 if nobody knows. */
int64_t feed_length(const struct feed *f);
ssize_t feed_read(void *arg, void *buf, size_t cap);
int feed_rewind(void *arg);

/* ---- cmd_get_view.c: text from strangers on a terminal ---- */

struct view;
struct view *view_new(tn_sock *out, bool json, bool colour);
int view_write(struct view *v, const char *buf, size_t n);
int view_end(struct view *v); /* frees it, too */

/* ---- cmd_get_code.c: Content-Encoding ---- */

typedef int code_put(void *arg, const char *buf, size_t n);

struct code;

/** NULL: nobody knows that coding, or no memory. */
struct code *code_new(tn_str name);
int code_write(struct code *c, const char *buf, size_t n, code_put *put,
               void *arg);

/** 0 if the body ended where the coding did; TN_ECODING. */
int code_end(const struct code *c);
void code_free(struct code *c);

/* ---- cmd_get_sink.c: where a body goes ---- */

struct sink {
    struct get *g;
    char path[GET_PATH];      /* "" for stdout */
    char part[GET_PATH + 8];  /* the file beside it; "" for none */
    char note[GET_PATH + 16]; /* where the part's tag is kept */
    int fd;
    bool direct;   /* no regular file: written to as it is */
    bool keep_old; /* -O: an existing file is not replaced */
    bool opened;
    struct view *view;
    int64_t have;       /* bytes that are there, of earlier tries as well */
    char tag[GET_TEXT]; /* what tells whether they still fit: If-Range */
    int64_t whole;      /* how long all of it is; -1 */
};

/** Choose the file; EXIT_DONE or another, the complaint made. */
int sink_name(struct sink *s, const char *path, bool keep_old);

/** Look what an earlier run has left; with -C. */
void sink_resume(struct sink *s, const char *url);

/** Make ready to write; `at` is 0 or s->have. 0 or a code, after tn_fail(). */
int sink_start(struct sink *s, int64_t at, const char *url);
int sink_write(struct sink *s, const char *buf, size_t n); /* suspends */

/** It is whole: let it bear its name. */
int sink_done(struct sink *s);

/** It is not: keep what there is, and say so if `tell`. */
void sink_stop(struct sink *s, bool tell);

/* ---- cmd_get_name.c ---- */

/** A file's name from the end of a URL, or of Content-Disposition; false if
    there is none that would be safe. */
bool name_of_url(const char *url, char *buf, size_t cap);
bool name_of_field(tn_str disposition, char *buf, size_t cap);

/* ---- cmd_get_tell.c ---- */

void tell_trace(void *arg, enum tn_httpc_event what, tn_str text,
                tn_sock *sock);
void tell_timing(const tn_httpc_timing *t);

/** One event as a line of JSON on stdout; `more` is what stands behind the
    name, "\"bytes\":5". */
void tell_event(struct get *g, const char *name, const char *url,
                const char *more);

/* ---- cmd_get_judge.c: what an answer means for what is there ---- */

/* What to do with an answer. */
enum verdict {
    TAKE,    /* its body is the file, from the beginning */
    GO_ON,   /* its body is the rest of the file */
    ENOUGH,  /* everything is there already */
    ANEW,    /* what is there does not fit any more: ask for all of it */
    SHOW,    /* an error's page: not to be mixed with what is there */
    REFUSED, /* a contradiction */
};

/* A URL on its way. */
struct one {
    struct get *g;
    char *shown; /* as the user wrote it, without a password */
    char *url;   /* as the library gets it */
    struct sink sink;
    struct code *code;
    int64_t came;  /* bytes of this body */
    int64_t wait;  /* ns that the server asks to wait; -1 */
    int status;    /* of the last answer */
    bool again;    /* another try may help */
    bool last;     /* there will be no other */
    bool named;    /* the sink has its name */
    int64_t asked; /* the range asked for begins here; 0: no range */
    char range[64];
    char buf[GET_PIECE];
};

tn_str judge_value(const tn_http_response *res, const char *name);

/** Read Content-Range: what is not in it is -1; false if it is none. */
bool judge_range(tn_str text, int64_t *first, int64_t *last, int64_t *whole);

/** `why` is set for REFUSED. */
enum verdict judge(struct one *u, const tn_http_response *res,
                   const char **why);

/** Keep what the next try can say with If-Range. */
void judge_tag(struct one *u, const tn_http_response *res);

/** May it be another answer in a while? */
bool judge_may_pass(int status);

/** Retry-After in ns; -1. */
int64_t judge_retry_after(const tn_http_response *res);

/* ---- cmd_get_range.c: -r ---- */

/** Read -r; EXIT_DONE or EXIT_USAGE, the complaint made. */
int range_make(struct get *g);

/* ---- cmd_get_run.c ---- */

/** Get one URL; an exit code. */
int run_one(struct get *g, const char *url);

#endif
