/*
 * tenon serve [OPTION]... [PATH]
 *
 *     tenon serve                      this folder, on port 8000, to look at
 *     tenon serve --writable --tls --auth people.txt -p 8443 /srv/share
 *
 * A web server for a folder or a file: ranges, compression, conditions,
 * archives, uploads that survive a broken connection.
 */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/task.h>
#include <tenon/tls.h>
#include <tenon/url.h>

#include "cmd.h"
#include "cmd_serve_int.h"
#include "names.h"
#include "run.h"
#include "say.h"
#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* After Ctrl-C: for what is being answered, and for the last of the log. */
#define SERVE_DRAIN    (5 * TN_SEC)
#define SERVE_FAREWELL (2 * TN_SEC)

struct serve {
    const struct serve_opts *o;
    const char *path;
    tn_endpoint ep;
    tn_sock *sock;
    tn_tls *tls;
    tn_share *share;
    struct serve_auth auth;
    struct guard guard;
    struct serve_log log;
    char *proxy_text;                       /* --proxy-to, cut into words */
    const char *proxies[SERVE_PROXIES + 1]; /* ends in NULL */
    char shown[3 * 256 + 1]; /* name of the one file, coded; or "" */
};

static const struct opt opts[] = {
    OPT_INT(struct serve_opts, port, "port", 'p', "PORT", 0, 65535, "-1",
            "The TCP port, 8000 without it; 0 lets the system choose."),
    OPT_STRING(struct serve_opts, bind, "bind", 0, "ADDR", NULL,
               "Listen on this address only; 127.0.0.1 keeps it on this "
               "machine."),
    OPT_FLAG(struct serve_opts, writable, "writable", 0,
             "Take files: PUT, forms, uploads in parts; and DELETE."),
    OPT_FLAG(struct serve_opts, keep, "keep", 0,
             "With --writable: nothing is deleted, and a name that is taken "
             "gets a number."),
    OPT_SIZE(struct serve_opts, max_upload, "max-upload", 0, "SIZE", 1,
             (int64_t)1 << 50, NULL,
             "The largest file that is taken; what the disk holds without."),
    OPT_LIST(struct serve_opts, host, "host", 0, "NAME,...",
             "Names by which the server may be called, beside addresses, "
             "localhost and this machine's own name; with TLS or a password "
             "it is any. Again for more."),
    OPT_FLAG(struct serve_opts, hidden, "hidden", 0,
             "Names that begin with a dot, too."),
    OPT_FLAG(struct serve_opts, no_listing, "no-listing", 0,
             "Show no folders, only their index.html."),
    OPT_FLAG(struct serve_opts, no_compress, "no-compress", 0,
             "Compress nothing on the way."),
    OPT_FLAG(struct serve_opts, attach, "attach", 0,
             "Files are to be saved: a browser runs nothing of them."),
    OPT_STRING(struct serve_opts, auth, "auth", 0, "FILE", NULL,
               "Let in whom this file names, USER:PASSWORD a line; others "
               "must not be able to read it."),
    OPT_STRING(struct serve_opts, tokens, "token-file", 0, "FILE", NULL,
               "Let in who sends one of this file's lines as Bearer token; "
               "others must not be able to read it."),
    OPT_FLAG(struct serve_opts, tls, "tls", 0,
             "Serve https://; without --cert a certificate is made and its "
             "fingerprint printed."),
    OPT_SECURE_SERVER(struct serve_opts),
    OPT_INT(struct serve_opts, max_clients, "max-clients", 0, "N", 1, 1000000,
            "4096",
            "Serve at most N connections; others are told to come "
            "back."),
    OPT_FLAG(struct serve_opts, trace, "trace", 0,
             "Answer TRACE with the request."),
    OPT_STRING(struct serve_opts, proxy, "proxy-to", 0, "HOST:PORT,...", NULL,
               "Connect clients through to these with CONNECT; *:443 is any "
               "host."),
    OPT_FLAG(struct serve_opts, echo, "echo", 0,
             "No folder: answer every request with its own body, to test "
             "clients and parsers."),
    OPT_FLAG(struct serve_opts, no_qr, "no-qr", 0,
             "Draw no QR code of the address."),
    OPT_FLAG(struct serve_opts, json, "json", 0,
             "Write the log as JSON, an object a line."),
    OPT_FLAG(struct serve_opts, quiet, "quiet", 0,
             "Write no log and no addresses."),
    OPT_READY_FD(struct serve_opts),
    OPT_FLAG(struct serve_opts, verbose, "verbose", 'v',
             "Log the referring page and the client's name, too."),
    OPT_END,
};

static const char *const examples[] = {
    "tenon serve",
    "tenon serve -p 9000 --bind 127.0.0.1 page.html",
    "tenon serve --writable --keep --max-upload 2G /srv/share",
    "tenon serve --tls --auth people.txt --json >access.log",
    NULL,
};

/* --- answering ------------------------------------------------------------ */

static int
on_request(tn_exchange *x, void *arg)
{
    const struct serve *s = arg;
    return tn_share_serve(x, s->share);
}

static int
on_echo(tn_exchange *x, void *arg)
{
    char *body;
    (void)arg;
    ssize_t n = tn_httpd_read_all(x, &body, SERVE_ECHO);
    if (n < 0) {
        return (int)n;
    }
    int r = tn_httpd_reply(x, 200, "application/octet-stream", body, (size_t)n);
    free(body);
    return r;
}

static int
turn_away(tn_exchange *x, int status, const char *why)
{
    int r = tn_httpd_error(x, status, why);
    return r < 0 ? r : 1;
}

/* A page elsewhere may have its own name point here (DNS rebinding): see Host.
   Under that name nobody has a password or a certificate. To --echo and a
   tunnel Host is not our name; without one it is no browser. 1: answered. */
static int
refuse_name(tn_exchange *x, const struct serve *s)
{
    const tn_http_request *req = tn_httpd_request(x);
    bool known = s->tls || s->auth.user_count > 0 || s->auth.token_count > 0;
    if (known || s->o->echo || req->method == TN_HTTP_CONNECT ||
        !req->authority.at || guard_host(&s->guard, req->authority)) {
        return 0;
    }
    return turn_away(x, 421,
                     "This server does not go by that name (--host NAME).");
}

/* Nor must another site's page make a visitor's browser change anything here by
   our address: Origin tells. 1: answered. */
static int
refuse_foreign(tn_exchange *x, const struct serve *s)
{
    tn_str origin = tn_httpd_value(x, "Origin");
    tn_str site = tn_httpd_value(x, "Sec-Fetch-Site");
    tn_str host = tn_httpd_request(x)->authority;
    if ((site.len == 10 && memcmp(site.at, "cross-site", 10) == 0) ||
        !guard_origin(&s->guard, origin, host)) {
        return turn_away(x, 403, "Another site's page sent this.");
    }
    return 0;
}

static int
on_gate(tn_exchange *x, void *arg)
{
    const struct serve *s = arg;
    enum tn_http_method method = tn_httpd_request(x)->method;
    bool changes = method == TN_HTTP_PUT || method == TN_HTTP_POST ||
                   method == TN_HTTP_DELETE;
    int r = refuse_name(x, s);
    if (r == 0 && changes && !s->o->echo) {
        r = refuse_foreign(x, s);
    }
    return r != 0 ? r : serve_auth_gate(x, &s->auth);
}

static void
on_log(const tn_httpd_entry *entry, void *arg)
{
    struct serve *s = arg;
    if (!s->o->quiet) {
        serve_log_take(&s->log, entry);
    }
}

/* --- running -------------------------------------------------------------- */

/* SIGHUP: the certificate was renewed. */
static void
on_hangup(void *arg)
{
    const struct serve *s = arg;
    if (!s->tls || !s->o->secure.cert) {
        return;
    }
    int err = tn_tls_reload(s->tls);
    say("%s: %s", s->o->secure.cert, err < 0 ? tn_why() : "read again");
}

static int
ready(struct serve *s)
{
    tn_addr bound;
    char text[TN_ADDR_TEXT];
    int err = tn_getsockname(s->sock, &bound);
    if (err < 0) {
        return say_failed(err, &s->ep);
    }
    if (!s->o->quiet) {
        bool qr = !s->o->no_qr && !s->o->echo && isatty(STDERR_FILENO);
        say("serving %s%s; Ctrl-C ends it",
            s->o->echo ? "what is sent" : s->path,
            s->o->writable ? ", writable" : "");
        serve_show(&bound, s->tls != NULL, s->shown, qr);
    }
    return run_ready(s->o->ready_fd,
                     tn_addr_format(&bound, text, sizeof(text)));
}

static int
answer(struct serve *s)
{
    const tn_httpd_route routes[] = {
        {NULL, "*", s->o->echo ? on_echo : on_request},
        {NULL, NULL, NULL},
    };
    const tn_httpd_opts how = {
        .max_connections = s->o->max_clients,
        .max_body = s->o->echo ? SERVE_ECHO : -1, /* the share has its own */
        .drain_time = SERVE_DRAIN,
        .trace = s->o->trace,
        .tunnels = s->proxies[0] ? s->proxies : NULL,
        .server = "tenon",
        .gate = on_gate,
        .log = on_log,
    };
    return tn_httpd_serve(s->sock, routes, s, &how);
}

static int
serve(struct serve *s)
{
    tn_group g;
    tn_scope shield;
    tn_group_init(&g, 0);
    int err = s->log.out ? tn_go(&g, serve_log_run, &s->log) : 0;
    if (err == 0) {
        err = answer(s);
    }
    int code = err == -ECANCELED ? EXIT_DONE : say_failed(err, &s->ep);
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    tn_shield(&shield, SERVE_FAREWELL);
    serve_log_flush(&s->log);
    (void)tn_scope_end(&shield);
    return code;
}

static int
open_all(struct serve *s)
{
    const struct serve_opts *o = s->o;
    const tn_share_opts share = {
        .writable = o->writable,
        .keep = o->keep,
        .hidden = o->hidden,
        .no_listing = o->no_listing,
        .no_compress = o->no_compress,
        .attach = o->attach,
        .max_upload = o->max_upload,
    };
    int err = o->echo ? 0 : tn_share_new(&s->share, s->path, &share);
    if (err == 0 && !o->quiet) {
        err = serve_log_open(&s->log);
    }
    if (err < 0) {
        return err;
    }
    tn_listen_opts how = {.tls = s->tls};
    return tn_listen_endpoint(&s->sock, &s->ep, &how);
}

/* The root of the command's tasks. */
static int
run(void *arg)
{
    struct serve *s = arg;
    int err = open_all(s);
    int code = err < 0 ? say_failed(err, &s->ep) : ready(s);
    if (code == EXIT_DONE) {
        code = serve(s);
    }
    tn_close(s->sock);
    serve_log_close(&s->log);
    tn_share_free(s->share);
    return code;
}

/* --- options -------------------------------------------------------------- */

static int
where_to_bind(struct serve *s)
{
    int code = where_bind(&s->ep, TN_TCP, s->o->bind, s->o->port, SERVE_PORT);
    s->ep.transport = s->o->tls ? TN_TLS : TN_TCP;
    return code;
}

static int
read_proxies(struct serve *s)
{
    char *rest = NULL;
    int count = 0;
    if (!s->o->proxy) {
        return EXIT_DONE;
    }
    s->proxy_text = strdup(s->o->proxy);
    if (!s->proxy_text) {
        say("out of memory");
        return EXIT_FAILED;
    }
    for (char *word = strtok_r(s->proxy_text, ", ", &rest); word;
         word = strtok_r(NULL, ", ", &rest)) {
        tn_endpoint ep;
        if (count == SERVE_PROXIES || !strrchr(word, ':') ||
            (word[0] != '*' && tn_endpoint_parse(&ep, word, TN_TCP) < 0)) {
            return say_usage("--proxy-to %s: not HOST:PORT", word);
        }
        s->proxies[count++] = word;
    }
    return count > 0 ? EXIT_DONE : say_usage("--proxy-to names no place");
}

/* Behind the slash of the URL that is printed: the name of a single file. */
static void
find_shown(struct serve *s)
{
    struct stat st;
    const char *slash = strrchr(s->path, '/');
    const char *name = slash ? slash + 1 : s->path;
    if (stat(s->path, &st) != 0 || !S_ISREG(st.st_mode) ||
        tn_url_encode(s->shown, sizeof(s->shown), (tn_str){name, strlen(name)},
                      "") < 0) {
        s->shown[0] = '\0';
    }
}

/* What has no sense without --writable; NULL: nothing of that is asked for. */
static const char *
needs_writable(const struct serve_opts *o)
{
    return o->keep ? "--keep" : o->max_upload > 0 ? "--max-upload" : NULL;
}

static int
check_echo(const struct serve *s)
{
    const struct serve_opts *o = s->o;
    if (o->echo && s->path) {
        return say_usage("--echo serves no folder: %s", s->path);
    }
    if (o->echo && (o->writable || o->hidden || o->no_listing || o->attach)) {
        return say_usage("--echo serves no folder");
    }
    return EXIT_DONE;
}

static int
check(struct serve *s)
{
    const struct serve_opts *o = s->o;
    int code = check_echo(s);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!o->writable && needs_writable(o)) {
        return say_usage("%s goes with --writable", needs_writable(o));
    }
    code = secure_check(&o->secure, o->tls, true);
    s->guard.tls = o->tls;
    code = code == EXIT_DONE ? names_take(&s->guard, &o->host) : code;
    code = code == EXIT_DONE ? where_to_bind(s) : code;
    code = code == EXIT_DONE ? read_proxies(s) : code;
    code = code == EXIT_DONE ? serve_auth_read(&s->auth, o->auth, o->tokens)
                             : code;
    if (code == EXIT_DONE && o->tls) {
        code = secure_web_server(&s->tls, &o->secure, &s->ep);
    }
    return code;
}

/* A connection is a descriptor, and a thousand the usual limit. */
static void
raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int
cmd_serve(const void *opts_filled, int n, char **words)
{
    struct serve *s = calloc(1, sizeof(*s));
    if (!s) {
        say("out of memory");
        return EXIT_FAILED;
    }
    s->o = opts_filled;
    s->path = n > 0 ? words[0] : NULL;
    s->log.json = s->o->json;
    s->log.combined = s->o->verbose;
    raise_limit();
    int code = check(s);
    if (code == EXIT_DONE && !s->o->echo) {
        s->path = s->path ? s->path : ".";
        find_shown(s);
    }
    if (code == EXIT_DONE) {
        run_on_hangup(on_hangup, s);
        code = run_task(run, s, RUN_SERVER);
    }
    serve_auth_free(&s->auth);
    secure_free(s->tls);
    free(s->proxy_text);
    free(s);
    return code;
}

const struct command command_serve = {
    .name = "serve",
    .summary = "Serve a folder or a file to browsers, and take files from them",
    .operands = "[PATH]",
    .min_operands = 0,
    .max_operands = 1,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct serve_opts),
    .run = cmd_serve,
};
