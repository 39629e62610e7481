/*
 * tenon echo [OPTION]... ADDR
 *
 *     tenon echo :8001                           upper-case, as in the course
 *     tenon echo --show --frame u32be --chunk 3 :8001
 *
 * A server to test clients with, and a microscope for sticky packets: it
 * splits, delays and glues its answers, and shows what each receive returned.
 */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/serve.h>

#include "cmd.h"
#include "cmd_echo_int.h"
#include "codec.h"
#include "run.h"
#include "say.h"
#include "where.h"

#include <string.h>
#include <unistd.h>

static const char *const modes[] = {"upper",   "echo",    "discard",
                                    "chargen", "daytime", NULL};

static const struct opt opts[] = {
    OPT_WORD(struct echo_opts, mode, "mode", 'm', "MODE", modes, "upper",
             "What to answer: the same in upper case, the same, nothing, "
             "endless characters (RFC 864), or the time (RFC 867)."),
    OPT_FLAG(struct echo_opts, udp, "udp", 'u', "Datagrams instead of TCP."),
    OPT_FLAG(struct echo_opts, path, "unix", 'U', "ADDR is a path."),
    OPT_FLAG(struct echo_opts, only4, "ipv4", '4', "IPv4 only."),
    OPT_FLAG(struct echo_opts, only6, "ipv6", '6', "IPv6 only."),
    OPT_INT(struct echo_opts, chunk, "chunk", 0, "N", 1, ECHO_CHUNK_MAX, NULL,
            "Send answers in pieces of N bytes."),
    OPT_TIME(struct echo_opts, delay, "delay", 0, "T", 0, TN_MIN, NULL,
             "Wait before each piece."),
    OPT_TIME(struct echo_opts, coalesce, "coalesce", 0, "T", 0, TN_MIN, NULL,
             "Collect what arrives for this long, then answer it as one."),
    OPT_INT(struct echo_opts, drop, "drop", 0, "P", 0, 100, NULL,
            "Lose this many per cent of the datagrams."),
    OPT_INT(struct echo_opts, seed, "seed", 0, "N", 0, INT32_MAX, "1",
            "What --drop draws from: the same seed loses the same ones."),
    OPT_FLAG(struct echo_opts, rst, "rst", 0, "End connections with a reset."),
    OPT_SIZE(struct echo_opts, close_after, "close-after", 0, "N", 0,
             (int64_t)1 << 40, "-1",
             "End a connection after N bytes of answers."),
    OPT_FLAG(struct echo_opts, show, "show", 0,
             "Print a line for each receive: connection, bytes, and where "
             "messages began."),
    OPT_STRING(struct echo_opts, frame, "frame", 'f', "CODEC", NULL,
               "Cut the stream into messages and answer each: line, u32be, "
               "i32ne, fixed:N, ..."),
    OPT_TIME(struct echo_opts, wait, "wait", 'w', "T", TN_MS, 24 * 60 * TN_MIN,
             "5m", "End a connection that is silent for this long."),
    OPT_INT(struct echo_opts, max, "max", 0, "N", 1, 1000000, "4096",
            "Serve at most N connections at once."),
    OPT_SECURE_SERVER(struct echo_opts),
    OPT_READY_FD(struct echo_opts),
    OPT_VERBOSE(struct echo_opts),
    OPT_END,
};

static const char *const examples[] = {
    "tenon echo :8001",
    "tenon echo --show --frame u32be --chunk 3 --delay 100ms :8001",
    "tenon echo -u --mode echo --drop 20 --seed 7 :7007",
    "tenon echo --coalesce 200ms --show 127.0.0.1:8001",
    "tenon echo --mode echo tls://127.0.0.1:8443",
    NULL,
};

/* The option that datagrams, or a stream, cannot have; NULL if all fit. */
static const char *
misfit(const struct echo_opts *o, bool gram)
{
    if (!gram) {
        return o->drop ? "--drop" : NULL;
    }
    if (o->frame) {
        return "--frame";
    }
    if (o->coalesce) {
        return "--coalesce";
    }
    if (o->rst) {
        return "--rst";
    }
    return o->close_after >= 0 ? "--close-after" : NULL;
}

static int
check_frame(struct echo *e)
{
    const struct echo_opts *o = e->o;
    if (o->mode == ECHO_CHARGEN || o->mode == ECHO_DAYTIME) {
        return say_usage("--frame goes with --mode upper, echo or discard");
    }
    return codec_option(&e->codec, o->frame, "tenon-echo");
}

static int
check(struct echo *e, int n, char **words)
{
    const struct echo_opts *o = e->o;
    struct where w = {.udp = o->udp,
                      .path = o->path,
                      .listen = true,
                      .only4 = o->only4,
                      .only6 = o->only6};
    int code = where_parse(&e->ep, &w, n, words);
    if (code != EXIT_DONE) {
        return code;
    }
    bool gram = where_is_gram(&e->ep);
    const char *wrong = misfit(o, gram);
    if (wrong) {
        return say_usage(gram ? "%s needs a stream, not datagrams"
                              : "%s needs datagrams (-u): a stream loses "
                                "nothing",
                         wrong);
    }
    if (o->rst && where_is_unix(&e->ep)) {
        return say_usage("--rst needs TCP: Unix sockets have no reset");
    }
    code = secure_check(&o->secure, e->ep.transport == TN_TLS, true);
    if (code != EXIT_DONE) {
        return code;
    }
    return o->frame ? check_frame(e) : EXIT_DONE;
}

static int
listening(struct echo *e)
{
    char text[WHERE_TEXT];
    const char *at = where_bound(&e->ep, e->sock, text, sizeof(text));
    say("%s server on %s", modes[e->o->mode], at);
    return run_ready(e->o->ready_fd, at);
}

static void
on_end(const tn_addr *peer, int result, void *arg)
{
    const struct echo *e = arg;
    char text[TN_ADDR_TEXT];
    if (!e->o->verbose) {
        return;
    }
    if (result == TN_ETLS || result == TN_ECERT) {
        say("%s", tn_why()); /* the reason, behind the peer's address */
    } else {
        say("%s: %s", where_peer(peer, text, sizeof(text)),
            result < 0 ? tn_strerror(result) : "ended");
    }
}

static int
serve(struct echo *e)
{
    tn_serve_opts how = {
        .max_connections = e->o->max, .idle = e->o->wait, .on_end = on_end};
    int code;
    tn_deadline(&e->scope, TN_FOREVER);
    if (where_is_gram(&e->ep)) {
        code = echo_grams(e);
    } else {
        code = say_failed(tn_serve(e->sock, echo_stream, e, &how), &e->ep);
    }
    (void)tn_scope_end(&e->scope);
    return e->code != EXIT_DONE ? e->code : code;
}

/* The root of the command's tasks. */
static int
run(void *arg)
{
    struct echo *e = arg;
    tn_listen_opts how = {.family = where_family(e->o->only4, e->o->only6),
                          .v6only = e->o->only6,
                          .replace = true,
                          .tls = e->tls};
    int err = tn_listen_endpoint(&e->sock, &e->ep, &how);
    if (err < 0) {
        return say_failed(err, &e->ep);
    }
    int code = EXIT_FAILED;
    err = e->o->show ? run_wrap(&e->out, STDOUT_FILENO) : 0;
    if (err < 0) {
        code = say_failed(err, NULL);
    } else if (listening(e) == EXIT_DONE) {
        code = serve(e);
    }
    tn_close(e->out);
    tn_close(e->sock);
    where_remove(&e->ep);
    return code;
}

static int
cmd_echo(const void *opts_filled, int n, char **words)
{
    struct echo e;
    memset(&e, 0, sizeof(e));
    e.o = opts_filled;
    e.random = (uint64_t)e.o->seed;
    int code = check(&e, n, words);
    if (code == EXIT_DONE && e.ep.transport == TN_TLS) {
        code = secure_server(&e.tls, &e.o->secure, &e.ep);
    }
    if (code == EXIT_DONE) {
        code = run_task(run, &e, RUN_SERVER);
    }
    secure_free(e.tls);
    return code;
}

const struct command command_echo = {
    .name = "echo",
    .summary = "Serve upper case, echo, discard, chargen or daytime, and show "
               "how packets stick",
    .operands = "ADDR\nHOST PORT",
    .min_operands = 1,
    .max_operands = 2,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct echo_opts),
    .run = cmd_echo,
};
