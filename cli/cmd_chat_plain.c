/*
 * The half of a talk in plain text that sends: the name first, then
 * "name:text", "name:q" to leave.
 */
#include "cmd_chat_plain.h"

#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/text.h>

#include "run.h"
#include "say.h"
#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* Lines at once, a few fewer than the hub hears: none is ever dropped. */
    CHAT_BURST = ROOM_BURST - 5,
};

/* Saying good-bye may take this long although we are cancelled. */
#define CHAT_FAREWELL TN_SEC

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
take_line(void *arg, const char *line, size_t n, bool begins)
{
    struct chat *c = arg;
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

/* --- tasks -----------------------------------------------------------------*/

static int
input(void *arg)
{
    struct chat *c = arg;
    tn_task_name("input");
    int r = chat_input(&c->input);
    /* Answers are welcome, if it was not a person who typed. */
    if (r == 0 && !c->editor && !isatty(STDIN_FILENO)) {
        r = tn_sleep(c->o->quit);
    }
    if (r < 0 && r != -ECANCELED && r != -ETIME) {
        c->code = chat_failed(c, r);
    }
    tn_group_cancel(&c->group);
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
    int err = c->editor ? tn_go(&c->group, chat_window, c->editor) : 0;
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
    c->colour = chat_colour(c->o);
    (void)snprintf(prompt, sizeof(prompt), "%s> ", c->name);
    int err = c->o->json || c->start->pipe ? -ENOTTY
                                           : editor_open(&c->editor, prompt);
    c->input.editor = c->editor;
    return err == -ENOTTY ? run_wrap(&c->out, STDOUT_FILENO) : err;
}

/* Go there and talk. */
static int
converse(struct chat *c)
{
    const tn_dial_opts how = {.family = where_family(c->o->only4, c->o->only6)};
    int err = tn_dial_endpoint(&c->sock, &c->start->ep, &how);
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

int
chat_plain(void *arg)
{
    const struct chat_start *start = arg;
    struct chat *c = calloc(1, sizeof(*c));
    if (!c) {
        say("out of memory");
        return EXIT_FAILED;
    }
    c->start = start;
    c->o = start->o;
    c->name = start->name;
    c->input.line = take_line;
    c->input.arg = c;
    int code = converse(c);
    free(c);
    return code;
}
