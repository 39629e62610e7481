/*
 * tenon talk [OPTION]... ADDR
 *
 *     tenon talk example.org 80          a conversation, or a pipe
 *     tenon talk -l :9000 > file         wait for one instead
 *
 * netcat with two directions that cannot hold each other up.
 */
#include <tenon/dial.h>
#include <tenon/err.h>

#include "cmd.h"
#include "cmd_talk_int.h"
#include "codec.h"
#include "run.h"
#include "say.h"
#include "where.h"

#include <string.h>
#include <unistd.h>

#define T        struct talk_opts
#define WAIT_MAX (24 * 60 * TN_MIN)

static const struct opt opts[] = {
    OPT_FLAG(T, listen, "listen", 'l',
             "Wait for a peer instead of going to one; a port alone will do "
             "for ADDR."),
    OPT_FLAG(T, many, "keep", 'k',
             "With -l: serve many clients at once; input goes to all, what "
             "comes from any is printed."),
    OPT_FLAG(T, udp, "udp", 'u', "Datagrams instead of a stream."),
    OPT_FLAG(T, path, "unix", 'U', "ADDR is a path: a Unix socket."),
    OPT_FLAG(T, only4, "ipv4", '4', "IPv4 only."),
    OPT_FLAG(T, only6, "ipv6", '6', "IPv6 only."),
    OPT_FLAG(T, numeric, "numeric", 'n', "Look no names up."),
    OPT_STRING(T, source, "source", 's', "ADDR", NULL,
               "Connect from this address of ours."),
    OPT_INT(T, port, "port", 'p', "PORT", 0, 65535, "-1",
            "Connect from this port; with -l: listen on it."),
    OPT_TIME(T, wait, "wait", 'w', "T", TN_MS, WAIT_MAX, "-1",
             "Give up when connecting takes longer, or when nothing came or "
             "went for this long."),
    OPT_TIME(T, quit, "quit", 'q', "T", 0, WAIT_MAX, "-1",
             "End this long after the end of input."),
    OPT_TIME(T, interval, "interval", 'i', "T", 0, WAIT_MAX, NULL,
             "Send line by line with this time between, or probe ports so."),
    OPT_STRING(T, frame, "frame", 'f', "CODEC", NULL,
               "Speak messages: each line of input is sent as one, each that "
               "comes is printed as a line (line, u32be, i32ne, fixed:N, "
               "...)."),
    OPT_FLAG(T, bare, "bare", 'B',
             "Send each line without its newline, print each receive as a "
             "line: for peers that use none."),
    OPT_FLAG(T, crlf, "crlf", 'C', "Send CR LF where a line ends."),
    OPT_FLAG(T, hex, "hex", 'x',
             "Show on stderr in hexadecimal what each receive returned and "
             "each send took; on a terminal instead of the text."),
    OPT_FLAG(T, raw, "raw", 0,
             "Leave control characters in what is printed on a terminal."),
    OPT_FLAG(T, no_input, "no-input", 'd', "Do not read stdin."),
    OPT_FLAG(T, zero, "zero", 'z',
             "Only see whether the port, or each of LOW-HIGH, is open; print "
             "those that are."),
    OPT_FLAG(T, broadcast, "broadcast", 'b',
             "Datagrams may go to a broadcast address, and anybody may "
             "answer."),
    OPT_SIZE(T, gram, "datagram", 0, "N", 1, TALK_GRAM_MAX, "16k",
             "Put at most N bytes of input into a datagram."),
    OPT_FLAG(T, half_close, "half-close", 'N',
             "End the sending side at the end of input: always done, accepted "
             "for netcat's users."),
    OPT_SECURE_BOTH(T),
    OPT_READY_FD(T),
    OPT_VERBOSE(T),
    OPT_END,
};

static const char *const examples[] = {
    "tenon talk example.org 80",
    "tenon talk -l :9000 > file",
    "tenon talk --frame u32be --hex 127.0.0.1:8001",
    "tenon talk -lk unix:/tmp/room",
    "tenon talk --bare udp://127.0.0.1:8000",
    "tenon talk -z 127.0.0.1 8000-8010",
    "tenon talk tls://example.org:443",
    NULL,
};

/* --- what the words mean -------------------------------------------------- */

static const char *
misfit(const struct talk *t)
{
    const struct talk_opts *o = t->o;
    if (o->many && !o->listen) {
        return "-k needs -l";
    }
    if (o->zero && o->listen) {
        return "-z does not go with -l";
    }
    if (o->listen && o->source) {
        return "-s does not go with -l: name the address itself";
    }
    if (o->frame && where_is_gram(&t->ep)) {
        return "--frame needs a stream: a datagram is a message already";
    }
    if (o->frame && (o->bare || o->crlf)) {
        return "--frame does not go with --bare or -C";
    }
    if (o->only4 && o->only6) {
        return "-4 does not go with -6";
    }
    return NULL;
}

/* -l -p PORT [HOST], as other netcats have it. */
static int
parse_listen_port(struct talk *t, int n, char **words)
{
    if (n > 1) {
        return say_usage("%s: one word too many beside -p", words[1]);
    }
    const struct talk_opts *o = t->o;
    struct where w = {.udp = o->udp,
                      .listen = true,
                      .only4 = o->only4,
                      .only6 = o->only6,
                      .numeric = o->numeric};
    char port[] = "0";
    char host[] = "";
    char *two[] = {n ? words[0] : host, port};
    int code = where_parse(&t->ep, &w, 2, two);
    t->ep.port = o->port;
    return code;
}

static int
parse_where(struct talk *t, int n, char **words)
{
    const struct talk_opts *o = t->o;
    struct where w = {.udp = o->udp,
                      .path = o->path,
                      .listen = o->listen,
                      .only4 = o->only4,
                      .only6 = o->only6,
                      .numeric = o->numeric};
    if (o->listen && o->port >= 0) {
        return parse_listen_port(t, n, words);
    }
    if (n == 0) {
        return say_usage("ADDR is missing (see tenon talk --help)");
    }
    int low;
    int high = -1;
    char first[] = "1";
    char *two[] = {words[0], first};
    bool range = o->zero && n == 2 && where_ports(words[1], &low, &high);
    if (range && low > high) {
        return say_usage("ports %s: the range is the wrong way round (write "
                         "%d-%d)",
                         words[1], high, low);
    }
    int code = where_parse(&t->ep, &w, n, range ? two : words);
    if (range) {
        t->ep.port = low;
    }
    t->last_port = high >= 0 ? high : t->ep.port;
    return code;
}

static int
check_source(const struct talk *t)
{
    tn_addr source, to;
    if (tn_addr_ip(&source, t->o->source, 0) < 0) {
        return say_usage("-s %s: not a numeric address", t->o->source);
    }
    if (t->ep.host_len > 0 && tn_addr_ip(&to, t->ep.host, 0) == 0 &&
        to.u.sa.sa_family != source.u.sa.sa_family) {
        return say_usage("-s %s: not of the same family as %s", t->o->source,
                         t->ep.host);
    }
    return EXIT_DONE;
}

static int
check(struct talk *t, int n, char **words)
{
    int code = parse_where(t, n, words);
    if (code != EXIT_DONE) {
        return code;
    }
    const char *wrong = misfit(t);
    if (wrong) {
        return say_usage("%s", wrong);
    }
    if (t->o->source && !where_is_unix(&t->ep)) {
        code = check_source(t);
    }
    if (code == EXIT_DONE) {
        code = secure_check(&t->o->secure, t->ep.transport == TN_TLS,
                            t->o->listen);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    return t->o->frame ? codec_option(&t->codec, t->o->frame, "tenon-talk")
                       : EXIT_DONE;
}

/* --- client --------------------------------------------------------------- */

static int
talk_to(struct talk *t)
{
    char text[sizeof(t->ep.host) + TN_ADDR_TEXT];
    tn_sock *sock;
    tn_addr to;
    int err = talk_dial(t, &sock, t->o->wait);
    struct talk_peer peer = {.sock = sock};
    if (err == 0 && talk_is_broadcast(t)) {
        err = tn_endpoint_resolve(&t->ep, AF_INET, 0, &to, 1);
        peer.to = &to;
    }
    if (err < 0) {
        tn_close(sock);
        return say_failed(err, &t->ep);
    }
    if (t->o->verbose) {
        say("connected to %s", tn_endpoint_format(&t->ep, text, sizeof(text)));
        secure_tell(sock);
    }
    int code = talk_flow(t, &peer);
    if (code == EXIT_DONE) {
        tn_close(sock);
    } else {
        tn_abort(sock); /* the peer shall not take it for a good end */
    }
    return code;
}

/* --- server --------------------------------------------------------------- */

static int
talk_stream(struct talk *t, tn_sock **listener)
{
    char text[TN_ADDR_TEXT];
    tn_sock *sock;
    tn_addr from;
    int err = tn_accept(*listener, &sock, &from);
    if (err < 0) {
        return say_failed(err, &t->ep);
    }
    tn_close(*listener); /* others shall be refused, not left to wait */
    *listener = NULL;
    if (t->o->verbose) {
        say("%s is here", where_peer(&from, text, sizeof(text)));
    }
    struct talk_peer peer = {.sock = sock};
    int code = talk_flow(t, &peer);
    if (code == EXIT_DONE) {
        tn_close(sock);
    } else {
        tn_abort(sock);
    }
    return code;
}

/* The sender of the first datagram is the peer; others are not heard. */
static int
talk_grams(struct talk *t, tn_sock *sock)
{
    char text[TN_ADDR_TEXT];
    char byte;
    tn_addr from;
    size_t full;
    ssize_t n = tn_recvfrom(sock, &byte, 1, MSG_PEEK, &from, &full);
    int err = n < 0 ? (int)n : 0;
    struct talk_peer peer = {.sock = sock, .endless = true};
    if (err == 0 && from.len > sizeof(sa_family_t)) {
        err = tn_connect(sock, &from);
        peer.only = &from;
    }
    if (err < 0) {
        return say_failed(err, &t->ep);
    }
    if (t->o->verbose) {
        say("%s is here", where_peer(&from, text, sizeof(text)));
    }
    return talk_flow(t, &peer);
}

static int
serve(struct talk *t, tn_sock **listener)
{
    char text[WHERE_TEXT];
    const char *at = where_bound(&t->ep, *listener, text, sizeof(text));
    if (t->o->verbose) {
        say("listening on %s", at);
    }
    int code = run_ready(t->o->ready_fd, at);
    if (code != EXIT_DONE) {
        return code;
    }
    if (t->o->many) {
        return talk_many(t, *listener);
    }
    return where_is_gram(&t->ep) ? talk_grams(t, *listener)
                                 : talk_stream(t, listener);
}

static int
talk_from(struct talk *t)
{
    const struct talk_opts *o = t->o;
    tn_listen_opts how = {.family = where_family(o->only4, o->only6),
                          .v6only = o->only6,
                          .numeric = o->numeric,
                          .replace = true,
                          .tls = t->tls};
    tn_sock *listener;
    int err = tn_listen_endpoint(&listener, &t->ep, &how);
    if (err < 0) {
        return say_failed(err, &t->ep);
    }
    int code = serve(t, &listener);
    tn_close(listener);
    where_remove(&t->ep);
    return code;
}

/* --- the whole ------------------------------------------------------------ */

/* The root of the command's tasks. */
static int
run(void *arg)
{
    struct talk *t = arg;
    int code = EXIT_FAILED;
    int err = t->o->no_input ? 0 : run_wrap(&t->in, STDIN_FILENO);
    err = err < 0 ? err : run_wrap(&t->out, STDOUT_FILENO);
    err = err < 0 ? err : run_wrap(&t->err, STDERR_FILENO);
    if (err < 0) {
        code = say_failed(err, NULL);
    } else if (t->o->zero) {
        code = talk_scan(t);
    } else {
        code = t->o->listen ? talk_from(t) : talk_to(t);
    }
    tn_close(t->in);
    tn_close(t->out);
    tn_close(t->err);
    return code;
}

static int
cmd_talk(const void *opts_filled, int n, char **words)
{
    struct talk t;
    memset(&t, 0, sizeof(t));
    t.o = opts_filled;
    t.in_tty = !t.o->no_input && isatty(STDIN_FILENO);
    t.out_tty = isatty(STDOUT_FILENO);
    int code = check(&t, n, words);
    if (code == EXIT_DONE && t.ep.transport == TN_TLS) {
        code = t.o->listen ? secure_server(&t.tls, &t.o->secure, &t.ep)
                           : secure_client(&t.tls, &t.o->secure);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    code = run_task(run, &t, t.o->many ? RUN_SERVER : RUN_ONCE);
    secure_free(t.tls);
    return code;
}

const struct command command_talk = {
    .name = "talk",
    .summary = "Talk, or pipe bytes and messages, over TCP, TLS, UDP and Unix "
               "sockets",
    .operands = "ADDR\nHOST PORT",
    .min_operands = 0,
    .max_operands = 2,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct talk_opts),
    .run = cmd_talk,
};
