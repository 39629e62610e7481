/*
 * cli/cmd_serve_int.h - the parts of `tenon serve`: who may come in, what is
 * written about it, and what is shown at the start.
 */
#ifndef CLI_CMD_SERVE_INT_H
#define CLI_CMD_SERVE_INT_H

#include <tenon/chan.h>
#include <tenon/httpd.h>
#include <tenon/share.h>

#include "hub/guard.h"
#include "secure.h"

enum {
    SERVE_PORT = 8000,       /* without -p, and without one in --bind */
    SERVE_HOSTS = 8,         /* addresses of this machine to name */
    SERVE_PROXIES = 64,      /* words of --proxy-to */
    SERVE_USERS = 1000,      /* lines of --auth and of --token-file */
    SERVE_SECRET = 256,      /* bytes of a user and password, or a token */
    SERVE_LOG = 256 * 1024,  /* bytes of log that wait for stdout */
    SERVE_LINE = 4096,       /* a line of the log; long parts are cut */
    SERVE_ECHO = 1024 * 1024 /* bytes of a body that --echo sends back */
};

struct serve_opts {
    int port, ready_fd, max_clients;
    int64_t max_upload;
    const char *bind, *auth, *tokens, *proxy;
    struct opt_list host;
    bool writable, keep, hidden, no_listing, no_compress, attach, trace, echo;
    bool tls, no_qr, quiet, json, verbose;
    struct secure_opts secure;
};

/* --- cmd_serve_auth.c: who may come in ------------------------------------ */

struct serve_secret {
    char text[SERVE_SECRET]; /* "user:password", or a token; NUL behind it */
};

struct serve_auth {
    struct serve_secret *users, *tokens; /* NULL: none */
    int user_count, token_count;
};

/* Read the two files; either may be NULL. An exit code, the complaint
   printed. */
int serve_auth_read(struct serve_auth *a, const char *users,
                    const char *tokens);
void serve_auth_free(struct serve_auth *a);

/* As tn_httpd_opts.gate. */
int serve_auth_gate(tn_exchange *x, const struct serve_auth *a);

/* --- cmd_serve_log.c: what happened, on stdout ---------------------------- */

/* A line while it is made; its end is lost if it gets too long. */
struct serve_line {
    size_t len;
    char text[SERVE_LINE];
};

struct serve_log {
    bool json, combined;
    tn_sock *out;  /* NULL: stdout failed, nothing is written any more */
    tn_chan *wake; /* one byte: there is something */
    char *text;    /* SERVE_LOG bytes */
    char *going;   /* as many; what is being written */
    size_t len;
    unsigned long lost;
    struct serve_line line;
    int64_t said_at; /* seconds; what `when` says */
    char when[64];
};

/* Begin; json and combined are set. 0 or a code. */
int serve_log_open(struct serve_log *l);

/* Take an entry. Never suspends. */
void serve_log_take(struct serve_log *l, const tn_httpd_entry *entry);

/* Write what comes, until cancelled: a task, arg is the log. */
int serve_log_run(void *arg);

/* Write what waits. Suspends. */
void serve_log_flush(struct serve_log *l);

/* End; a zeroed log is harmless. */
void serve_log_close(struct serve_log *l);

/* --- cmd_serve_show.c: where we are, for people --------------------------- */

/* Print the URLs by which `bound` is reached, and the first one as a QR code.
   `path`: behind the slash, "" for none. */
void serve_show(const tn_addr *bound, bool tls, const char *path, bool qr);

#endif
