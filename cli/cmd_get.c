/*
 * tenon get [OPTION]... URL...
 *
 *     tenon get https://example.org/
 *     tenon get -O -C - --retry 5 http://example.org/film.mkv
 *
 * A web client with curl's habits: to stdout, redirects only with -L, a file
 * that is resumed. What is incomplete or contradicts itself is an error.
 */
#include <tenon/err.h>
#include <tenon/task.h>

#include "cmd.h"
#include "cmd_get_int.h"
#include "run.h"
#include "where.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct opt opts[] = {
    OPT_FLAG(struct get_opts, follow, "location", 'L', "Follow redirects."),
    OPT_STRING(struct get_opts, output, "output", 'o', "FILE", NULL,
               "Write to FILE: beside it, and under its name when it is "
               "whole. - is stdout."),
    OPT_FLAG(struct get_opts, remote_name, "remote-name", 'O',
             "Write to a file here, named as the URL ends. One that exists is "
             "not replaced."),
    OPT_FLAG(struct get_opts, header_name, "remote-header-name", 'J',
             "With -O: take the name that the server gives, if it is a plain "
             "one."),
    OPT_STRING(struct get_opts, resume, "continue-at", 'C', "-", NULL,
               "Go on where an earlier get of the file has stopped. Only - is "
               "taken: it finds out where."),
    OPT_STRING(struct get_opts, range, "range", 'r', "RANGE", NULL,
               "Get these bytes only: 0-99 are the first hundred, 100- all "
               "but them, -100 the last. An answer that is not just that is "
               "an error."),
    OPT_INT(struct get_opts, retry, "retry", 0, "N", 0, 1000, NULL,
            "Try N times more when that may help, after 1, 2, 4, ... seconds, "
            "or as Retry-After says."),
    OPT_FLAG(struct get_opts, fail, "fail", 'f',
             "Of an answer with status 4xx or 5xx write no body."),
    OPT_STRING(struct get_opts, method, "request", 'X', "METHOD", NULL,
               "Another method than GET, or POST with data."),
    OPT_FLAG(struct get_opts, head, "head", 'I',
             "Ask for the head only, and show it."),
    OPT_LIST(struct get_opts, header, "header", 'H', "FIELD",
             "Send a header field, \"Name: value\"; \"Name:\" leaves a usual "
             "one out. Again for more."),
    OPT_LIST(struct get_opts, data, "data", 'd', "DATA",
             "Send DATA as a form does, or @FILE without its line ends. Again "
             "for more, joined by &."),
    OPT_LIST(struct get_opts, binary, "data-binary", 0, "DATA",
             "Send DATA, or @FILE, as it is."),
    OPT_LIST(struct get_opts, json, "json", 0, "DATA",
             "Send DATA, or @FILE, as application/json, and ask for such an "
             "answer. One event a line is --events here."),
    OPT_LIST(struct get_opts, form, "form", 'F', "NAME=VALUE",
             "Send a form with files: NAME=@FILE, NAME=<FILE, each perhaps "
             "with ;type=T;filename=F behind. Again for more."),
    OPT_STRING(struct get_opts, upload, "upload-file", 'T', "FILE", NULL,
               "Send FILE by PUT; - is stdin. Behind a URL that ends in / its "
               "name is put."),
    OPT_STRING(struct get_opts, user, "user", 'u', "NAME", NULL,
               "Log in as NAME. The password is asked for on the terminal, or "
               "taken from --password-file or TENON_PASSWORD."),
    OPT_STRING(struct get_opts, password_file, "password-file", 0, "FILE", NULL,
               "The password is the first line of FILE."),
    OPT_STRING(struct get_opts, agent, "user-agent", 'A', "TEXT", NULL,
               "Say that we are TEXT."),
    OPT_STRING(struct get_opts, referer, "referer", 'e', "URL", NULL,
               "Say that we come from URL."),
    OPT_FLAG(struct get_opts, compressed, "compressed", 0,
             "Ask for a compressed answer (zstd, gzip) and unpack it."),
    OPT_STRING(struct get_opts, proxy, "proxy", 'x', "URL", NULL,
               "Go by this proxy: http://, socks5:// or socks5h://host:port; "
               "\"\" for none. Else http_proxy, https_proxy and all_proxy of "
               "the environment say."),
    OPT_STRING(struct get_opts, no_proxy, "noproxy", 0, "LIST", NULL,
               "Reach these hosts directly: names, domains, networks; * for "
               "all. Else no_proxy of the environment says."),
    OPT_TIME(struct get_opts, max_time, "max-time", 'm', "T", TN_MS,
             24 * 60 * TN_MIN, NULL, "Give up after T, all in all."),
    OPT_TIME(struct get_opts, connect_time, "connect-timeout", 0, "T", TN_MS,
             24 * 60 * TN_MIN, "30s", "Give up connecting after T."),
    OPT_SIZE(struct get_opts, max_size, "max-filesize", 0, "N", 1,
             (int64_t)1 << 50, NULL, "Take no more than N bytes."),
    OPT_FLAG(struct get_opts, include, "include", 'i',
             "Write the heads of the answers, too."),
    OPT_FLAG(struct get_opts, silent, "silent", 's',
             "No progress, no notes; errors only."),
    OPT_FLAG(struct get_opts, show_error, "show-error", 'S',
             "Nothing: errors are always told. For who is used to -sS."),
    OPT_FLAG(struct get_opts, timing, "timing", 0,
             "Tell on stderr how long each phase took."),
    OPT_FLAG(struct get_opts, events, "events", 0,
             "Print one event a line on stdout, as JSON; with -o or -O."),
    OPT_FLAG(struct get_opts, only4, "ipv4", '4', "IPv4 only."),
    OPT_FLAG(struct get_opts, only6, "ipv6", '6', "IPv6 only."),
    OPT_SECURE_CLIENT(struct get_opts),
    OPT_VERBOSE(struct get_opts),
    OPT_END,
};

static const char *const examples[] = {
    "tenon get http://localhost:8000/",
    "tenon get -L -O -C - --retry 5 https://example.org/film.mkv",
    "tenon get --json '{\"name\":\"Ann\"}' http://localhost:8000/people",
    "tenon get -F photo=@face.jpg -F name=Ann http://localhost:8000/form",
    NULL,
};

/* ---- what goes together ---- */

static int
count_bodies(const struct get_opts *o)
{
    return (o->data.count + o->binary.count > 0) + (o->json.count > 0) +
           (o->form.count > 0) + (o->upload != NULL);
}

static int
check_bodies(const struct get_opts *o)
{
    int kinds = count_bodies(o);
    if (kinds > 1) {
        return say_usage("only one of -d, --json, -F and -T");
    }
    if (kinds > 0 && o->head) {
        return say_usage("-I asks for a head: it sends no data");
    }
    return EXIT_DONE;
}

/* What is resumed is a file, as it is. */
static int
check_resume(const struct get_opts *o, bool file)
{
    if (strcmp(o->resume, "-") != 0) {
        return say_usage("-C %s: only - is taken", o->resume);
    }
    if (!file) {
        return say_usage("-C needs -o FILE or -O");
    }
    if (o->compressed || o->include || o->head || o->method) {
        return say_usage("-C does not go with --compressed, -i, -I or -X");
    }
    if (count_bodies(o) > 0) {
        return say_usage("-C does not go with data to send");
    }
    return EXIT_DONE;
}

static int
check_files(const struct get_opts *o, int n)
{
    bool named = o->output && strcmp(o->output, "-") != 0;
    bool file = named || o->remote_name;
    if (o->output && o->remote_name) {
        return say_usage("-o or -O, not both");
    }
    if (o->header_name && (!o->remote_name || o->resume)) {
        return say_usage("-J goes with -O, and not with -C");
    }
    if (o->events && !file) {
        return say_usage("--events needs -o FILE or -O: stdout is theirs");
    }
    if (n > 1 && named) {
        return say_usage("-o is for one URL (-O names each)");
    }
    return o->resume ? check_resume(o, file) : EXIT_DONE;
}

static int
check(const struct get_opts *o, int n)
{
    int code = check_files(o, n);
    if (code == EXIT_DONE && o->range && (o->resume || o->compressed)) {
        code = say_usage("-r does not go with %s",
                         o->resume ? "-C" : "--compressed");
    }
    if (code == EXIT_DONE) {
        code = check_bodies(o);
    }
    if (code == EXIT_DONE && o->only4 && o->only6) {
        code = say_usage("-4 or -6, not both");
    }
    if (code == EXIT_DONE && o->method && !*o->method) {
        code = say_usage("-X needs the name of a method");
    }
    return code == EXIT_DONE ? secure_check(&o->secure, true, false) : code;
}

/* ---- the client ---- */

/* http_proxy only in lower case, as CGI programs have HTTP_PROXY from the
   request's "Proxy:"; the others in both. */
static const char *
environment(const char *lower, const char *upper)
{
    const char *text = getenv(lower);
    return text || !upper ? text : getenv(upper);
}

static void
choose_proxy(const struct get_opts *o, tn_httpc_opts *how)
{
    const char *all = environment("all_proxy", "ALL_PROXY");
    how->no_proxy =
        o->no_proxy ? o->no_proxy : environment("no_proxy", "NO_PROXY");
    if (o->proxy) {
        how->proxy = o->proxy;
        return;
    }
    how->proxy = environment("http_proxy", NULL);
    how->tls_proxy = environment("https_proxy", "HTTPS_PROXY");
    how->proxy = how->proxy ? how->proxy : all;
    how->tls_proxy = how->tls_proxy ? how->tls_proxy : all ? all : "";
}

static int
make_client(struct get *g)
{
    const struct get_opts *o = g->o;
    tn_httpc_opts how = {.agent = o->agent,
                         .connect_time = o->connect_time,
                         .total_time = o->max_time,
                         .max_redirects = o->follow ? 0 : -1,
                         .family = where_family(o->only4, o->only6),
                         .trace = tell_trace,
                         .trace_arg = g};
    int code = secure_client(&g->tls, &o->secure);
    if (code != EXIT_DONE) {
        return code;
    }
    how.tls = g->tls;
    choose_proxy(o, &how);
    int err = tn_httpc_new(&g->client, &how);
    if (err == -EINVAL) {
        return say_usage("%s", tn_why());
    }
    return err < 0 ? say_failed(err, NULL) : EXIT_DONE;
}

/* ---- the work ---- */

static int
get_all(void *arg)
{
    struct get *g = arg;
    tn_group group;
    int err = run_wrap(&g->out, STDOUT_FILENO);
    if (err < 0) {
        return say_failed(err, NULL);
    }
    int code = make_client(g);
    tn_group_init(&group, 0);
    if (code == EXIT_DONE && tn_go(&group, progress_run, &g->progress) < 0) {
        code = EXIT_FAILED;
    }
    /* Without a client nothing can be asked, and it has been told why. */
    for (int i = 0; i < g->count && g->client && code != EXIT_USAGE; i++) {
        int one = run_one(g, g->urls[i]);
        code = code == EXIT_DONE ? one : code;
        if (tn_checkpoint() < 0) {
            break;
        }
        if (g->feed && i + 1 < g->count && feed_rewind(g->feed) < 0) {
            code = say_failed(-ESPIPE, NULL);
            break;
        }
    }
    tn_group_cancel(&group);
    (void)tn_group_wait(&group);
    tn_httpc_free(g->client);
    secure_free(g->tls);
    tn_close(g->out);
    return code;
}

static int
cmd_get(const void *opts_filled, int n, char **words)
{
    struct get *g = calloc(1, sizeof(*g));
    if (!g) {
        say("out of memory");
        return EXIT_FAILED;
    }
    g->o = opts_filled;
    g->urls = words;
    g->count = n;
    g->terminal = isatty(STDOUT_FILENO) != 0;
    g->colour = g->terminal && !getenv("NO_COLOR");
    int code = check(g->o, n);
    if (code == EXIT_DONE) {
        code = secret_make(g);
    }
    if (code == EXIT_DONE) {
        code = ask_make(g);
    }
    if (code == EXIT_DONE) {
        code = run_task(get_all, g, RUN_ONCE);
    }
    ask_free(g);
    explicit_bzero(g->word, sizeof(g->word));
    free(g);
    return code;
}

const struct command command_get = {
    .name = "get",
    .summary = "Get what a URL names, or send something there",
    .operands = "URL...",
    .min_operands = 1,
    .max_operands = GET_URLS,
    .examples = examples,
    .opts = opts,
    .hints = curl_hints,
    .size = sizeof(struct get_opts),
    .run = cmd_get,
};
