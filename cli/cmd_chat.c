/*
 * tenon chat [OPTION]... [ADDR]
 *
 *     tenon chat                       the room on this machine
 *     tenon chat -n ann 192.168.1.5
 *     echo "build done" | tenon chat -n builder 192.168.1.5
 *
 * Joins a room that tenon hub opened, or any other that speaks the same plain
 * text: the name first, then "name:text", "name:q" to leave.
 */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/file.h>
#include <tenon/loop.h>
#include <tenon/text.h>

#include "cmd.h"
#include "cmd_chat_int.h"
#include "run.h"
#include "say.h"
#include "where.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CHAT_PORT = 8000, /* the hub's default */
    /* Lines at once, a few fewer than the hub hears: none is ever dropped. */
    CHAT_BURST = ROOM_BURST - 5,
};

/* Saying good-bye may take this long although we are cancelled. */
#define CHAT_FAREWELL TN_SEC

static const struct opt opts[] = {
    OPT_STRING(struct chat_opts, name, "name", 'n', "NAME", NULL,
               "What to be called in the room; by default your login name."),
    OPT_TIME(struct chat_opts, quit, "quit", 'q', "T", 0, TN_MIN * 60 * 24,
             "500ms",
             "When input comes from a pipe or a file: stay this long after "
             "its end, for answers."),
    OPT_FLAG(struct chat_opts, json, "json", 0,
             "Show each event as a JSON object on a line of its own."),
    OPT_FLAG(struct chat_opts, only4, "ipv4", '4', "IPv4 only."),
    OPT_FLAG(struct chat_opts, only6, "ipv6", '6', "IPv6 only."),
    OPT_END,
};

static const char *const examples[] = {
    "tenon chat -n ann 192.168.1.5",
    "tenon chat --json -n logger 192.168.1.5:8000",
    "echo 'build done' | tenon chat -n builder 192.168.1.5",
    NULL,
};

/* --- what is said ----------------------------------------------------------*/

/* Send NAME:TEXT. */
static int
send_line(struct chat *c, const char *text, size_t n)
{
    char line[DIALECT_DATAGRAM + 1];
    int len = snprintf(line, sizeof(line), "%s:%.*s", c->name, (int)n, text);
    ssize_t r = tn_send(c->sock, line, (size_t)len, 0);
    return r < 0 ? (int)r : 0;
}

/* Say a text, in as many lines as it takes, no faster than a room hears. */
static int
say_text(struct chat *c, const char *text, size_t n)
{
    static const struct bucket_rule rule = {ROOM_INTERVAL, CHAT_BURST};
    /* With the name, and the newline that some members get behind it. */
    size_t fits = DIALECT_DATAGRAM - strlen(c->name) - 2;
    while (n > 0) {
        size_t part = tn_text_cut(text, n, fits);
        if (n - part == 1) {
            part = tn_text_cut(text, n, fits - 4); /* a rest of "q" leaves */
        }
        int err = tn_sleep(bucket_wait(&c->pace, &rule, tn_now()));
        if (err == 0) {
            (void)bucket_take(&c->pace, &rule, tn_now());
            err = send_line(c, text, part);
        }
        if (err < 0) {
            return err;
        }
        text += part;
        n -= part;
    }
    return 0;
}

/* A line of input of at most CHAT_INPUT bytes, or a part of a longer one, of
   which only the first `begins` it. Returns 0; 1 if it means to leave; or a
   code. */
static int
take_line(struct chat *c, const char *line, size_t n, bool begins)
{
    size_t len = tn_text_clean(c->said, sizeof(c->said), line, n);
    bool q = strcmp(c->said, "q") == 0;
    if (begins && (q || strcmp(c->said, "/quit") == 0)) {
        return 1;
    }
    if (q) { /* the rest of a line: alone it would leave */
        len = (size_t)snprintf(c->said, sizeof(c->said), " q");
    }
    return say_text(c, c->said, len);
}

static int
read_terminal(struct chat *c)
{
    int r = 0;
    while (r == 0) {
        const char *line;
        size_t n = 0;
        bool begins = true;
        r = editor_read(c->editor, &line, &n);
        if (r <= 0) {
            return r;
        }
        do {
            size_t part = tn_text_cut(line, n, CHAT_INPUT);
            r = take_line(c, line, part, begins);
            line += part;
            n -= part;
            begins = false;
        } while (r == 0 && n > 0);
    }
    return r;
}

/* Bytes at the end of a part of a line that begin a character and do not end
   it: they belong to the next part. */
static size_t
unfinished(const char *s, size_t n)
{
    for (size_t k = 1; k <= 3 && k <= n; k++) {
        unsigned char b = (unsigned char)s[n - k];
        if (b >= 0xC0) {
            size_t need = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
            return need > k ? k : 0;
        }
        if (b < 0x80) {
            break;
        }
    }
    return 0;
}

static int
read_lines(struct chat *c, tn_file *in)
{
    size_t left = 0;
    bool begins = true;
    int r = 0;
    while (r == 0) {
        ssize_t n =
            tn_file_readline(in, c->typed + left, sizeof(c->typed) - left);
        if (n < 0 && n != -ECANCELED) {
            return tn_fail((int)n, "read", "stdin");
        }
        if (n <= 0) {
            r = n == 0 && left > 0 ? take_line(c, c->typed, left, begins)
                                   : (int)n;
            break;
        }
        size_t all = left + (size_t)n;
        left = unfinished(c->typed, all);
        r = take_line(c, c->typed, all - left, begins);
        begins = c->typed[all - 1] == '\n';
        memmove(c->typed, c->typed + all - left, left);
    }
    /* Answers are welcome, if it was not a person who typed. */
    return r != 0 || isatty(STDIN_FILENO) ? r : tn_sleep(c->o->quit);
}

static int
read_plain(struct chat *c)
{
    tn_sock *sock;
    tn_file *in = NULL;
    int r = run_wrap(&sock, STDIN_FILENO);
    if (r < 0) {
        return r;
    }
    r = tn_makefile(&in, sock, TN_READ);
    if (r == 0) {
        r = read_lines(c, in);
    }
    (void)tn_file_close(in);
    (void)tn_close(sock);
    return r;
}

/* --- tasks -----------------------------------------------------------------*/

static int
input(void *arg)
{
    struct chat *c = arg;
    tn_task_name("input");
    int r = c->editor ? read_terminal(c) : read_plain(c);
    if (r < 0 && r != -ECANCELED && r != -ETIME) {
        c->code = chat_failed(c, r);
    }
    tn_group_cancel(&c->group);
    return 0;
}

/* The window changes its size; the program is stopped and goes on. */
static int
window(void *arg)
{
    static const int wanted[] = {SIGWINCH, SIGCONT};
    struct chat *c = arg;
    tn_signals *signals;
    tn_task_name("window");
    int signo =
        tn_signals_open(&signals, wanted, sizeof(wanted) / sizeof(wanted[0]));
    if (signo < 0) {
        return 0; /* one can talk without it */
    }
    while ((signo = tn_signals_wait(signals)) > 0) {
        if (signo == SIGWINCH) {
            editor_resize(c->editor);
        } else {
            editor_resume(c->editor);
        }
    }
    tn_signals_close(signals);
    return 0;
}

/* We leave, unless the room left us. */
static void
farewell(struct chat *c)
{
    tn_scope s;
    tn_shield(&s, CHAT_FAREWELL);
    (void)send_line(c, "q", 1);
    tn_scope_end(&s);
}

static int
talk(struct chat *c)
{
    tn_group_init(&c->group, 0);
    /* The first to run, so that no change is missed once there is a prompt. */
    int err = c->editor ? tn_go(&c->group, window, c) : 0;
    if (err == 0) {
        err = tn_go(&c->group, chat_receive, c);
    }
    if (err == 0) {
        err = tn_go(&c->group, input, c);
    }
    if (err < 0) {
        c->code = say_failed(err, NULL);
        tn_group_cancel(&c->group);
    }
    (void)tn_group_wait(&c->group);
    farewell(c);
    return c->code;
}

/* --- start -----------------------------------------------------------------*/

/* A terminal gets the editor and colours, anything else plain lines. */
static int
open_screen(struct chat *c)
{
    char prompt[ROOM_NAME_MAX + 4];
    bool colour = isatty(STDOUT_FILENO) && !c->o->json;
    const char *never = getenv("NO_COLOR");
    c->colour = colour && !(never && *never);
    (void)snprintf(prompt, sizeof(prompt), "%s> ", c->name);
    int err = c->o->json ? -ENOTTY : editor_open(&c->editor, prompt);
    return err == -ENOTTY ? run_wrap(&c->out, STDOUT_FILENO) : err;
}

/* The root of the command's tasks. */
static int
run(void *arg)
{
    struct chat *c = arg;
    const tn_dial_opts how = {.family = where_family(c->o->only4, c->o->only6)};
    int err = tn_dial_endpoint(&c->sock, &c->ep, &how);
    if (err == 0) {
        err = (int)tn_send(c->sock, c->name, strlen(c->name), 0);
    }
    if (err >= 0) {
        err = open_screen(c);
    }
    int code = err < 0 ? chat_failed(c, err) : talk(c);
    editor_close(c->editor);
    (void)tn_close(c->out);
    (void)tn_close(c->sock);
    return code;
}

static int
choose_name(struct chat *c)
{
    const char *name = c->o->name;
    for (int i = 0; !name && i < 2; i++) {
        name = getenv(i == 0 ? "USER" : "LOGNAME");
    }
    if (!name) {
        return say_usage("who are you? (give a name with -n)");
    }
    if (dialect_name(c->name, name, strlen(name)) < 0 ||
        strcmp(c->name, "q") == 0) {
        return say_usage("-n %s: a name has 1 to %d characters, no colon, and "
                         "is not q",
                         name, ROOM_NAME_CHARS);
    }
    return EXIT_DONE;
}

static int
choose_room(struct chat *c, int n, char **words)
{
    const struct where w = {
        .udp = true, .only4 = c->o->only4, .only6 = c->o->only6};
    c->ep = (tn_endpoint){.transport = TN_UDP, .port = CHAT_PORT};
    if (n == 0) {
        (void)snprintf(c->ep.host, sizeof(c->ep.host), "127.0.0.1");
        c->ep.host_len = (int)strlen(c->ep.host);
        return EXIT_DONE;
    }
    if (n == 1 && tn_endpoint_parse(&c->ep, words[0], TN_UDP) == 0) {
        if (c->ep.transport != TN_UDP) {
            return say_usage("%s: a room is at a UDP address", words[0]);
        }
        if (c->ep.port < 0) {
            c->ep.port = CHAT_PORT;
            return where_check(&c->ep, &w);
        }
    }
    return where_parse(&c->ep, &w, n, words);
}

static int
cmd_chat(const void *opts_filled, int n, char **words)
{
    struct chat *c = calloc(1, sizeof(*c));
    if (!c) {
        say("out of memory");
        return EXIT_FAILED;
    }
    c->o = opts_filled;
    int code = choose_room(c, n, words);
    if (code == EXIT_DONE) {
        code = choose_name(c);
    }
    if (code == EXIT_DONE) {
        code = run_task(run, c, RUN_ONCE);
    }
    free(c);
    return code;
}

const struct command command_chat = {
    .name = "chat",
    .summary = "Talk in a room from a terminal, or from a script",
    .operands = "[ADDR]\nHOST PORT",
    .min_operands = 0,
    .max_operands = 2,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct chat_opts),
    .run = cmd_chat,
};
