/*
 * The half of a talk in plain text that shows what comes.
 */
#include <tenon/err.h>
#include <tenon/text.h>

#include "cmd_chat_plain.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

int
chat_failed(const struct chat *c, int err)
{
    editor_hide(c->editor);
    tn_addr peer;
    if (err != -ECONNREFUSED || tn_getpeername(c->sock, &peer) < 0) {
        return say_failed(err, &c->start->ep);
    }
    return chat_refused(&peer, c->heard);
}

/* --- one line --------------------------------------------------------------*/

static size_t
paint(struct chat *c, const struct dialect_line *l, const char *s, size_t n)
{
    if (l->name_len == 0) {
        return (size_t)snprintf(c->line, sizeof(c->line), "\033[2m%.*s\033[0m",
                                (int)n, s);
    }
    return (size_t)snprintf(c->line, sizeof(c->line), "\033[%dm%.*s\033[0m%.*s",
                            chat_colour_of(l->name, l->name_len),
                            (int)l->name_len, l->name, (int)(n - l->name_len),
                            s + l->name_len);
}

static size_t
write_json(struct chat *c, const struct dialect_line *l)
{
    static const char *const events[] = {"join", "say", "leave", "note", "bye"};
    size_t n = (size_t)snprintf(c->line, sizeof(c->line), "{\"event\":\"%s\"",
                                events[l->what]);
    if (l->name_len > 0) {
        n += (size_t)snprintf(c->line + n, sizeof(c->line) - n, ",\"name\":");
        json_quote(c->line + n, sizeof(c->line) - n, l->name, l->name_len);
        n += strlen(c->line + n);
    }
    if (l->what != ROOM_JOIN && l->what != ROOM_LEAVE) {
        n += (size_t)snprintf(c->line + n, sizeof(c->line) - n, ",\"text\":");
        json_quote(c->line + n, sizeof(c->line) - n - 2, l->text, l->text_len);
        n += strlen(c->line + n);
    }
    c->line[n++] = '}';
    return n;
}

/* The room does not let us in. Its reason may not have fitted. */
static void
refused(struct chat *c, const char *s, size_t n)
{
    editor_hide(c->editor);
    if (n > 2) {
        say("the room refused %s: %.*s", c->name, (int)(n - 2), s + 2);
    } else {
        say("the room refused %s (perhaps the name is taken; try -n %s2)",
            c->name, c->name);
    }
    c->code = EXIT_REFUSED;
}

/* Show a clean line. Returns 0, or a code that ends the talk. */
static int
show(struct chat *c, const char *s, size_t n)
{
    struct dialect_line l;
    dialect_parse(&l, s, n);
    if (l.what == ROOM_NOTE && l.refused) {
        refused(c, s, n);
        return -ECONNREFUSED;
    }
    c->heard = true;
    if (c->o->json) {
        n = write_json(c, &l);
    } else if (c->colour) {
        n = paint(c, &l, s, n);
    } else {
        memcpy(c->line, s, n);
    }
    c->line[n++] = '\n';
    if (c->editor) {
        editor_print(c->editor, c->line, n);
    } else if (c->out) {
        ssize_t r = tn_sendall(c->out, c->line, n, NULL);
        if (r < 0) {
            c->code = say_failed((int)r, NULL);
            return (int)r;
        }
    }
    return l.what == ROOM_BYE ? -ESHUTDOWN : 0;
}

/* --- what comes ------------------------------------------------------------*/

/* A datagram may hold several lines. */
static int
show_datagram(struct chat *c, size_t n)
{
    size_t at = 0;
    while (at < n) {
        const char *s = c->datagram + at;
        const char *lf = memchr(s, '\n', n - at);
        size_t len = lf ? (size_t)(lf - s) : n - at;
        size_t clean = tn_text_clean(c->clean, sizeof(c->clean), s, len);
        int err = clean > 0 ? show(c, c->clean, clean) : 0;
        if (err < 0) {
            return err;
        }
        at += len + 1;
    }
    return 0;
}

int
chat_receive(void *arg)
{
    struct chat *c = arg;
    int err = 0;
    tn_task_name("receive");
    while (err == 0) {
        ssize_t n = tn_recv(c->sock, c->datagram, sizeof(c->datagram), 0);
        if (n == -EMSGSIZE) {
            n = sizeof(c->datagram); /* its head is better than nothing */
        }
        if (n >= 0) {
            err = show_datagram(c, (size_t)n);
        } else if (n == -ECANCELED || n == -ETIME) {
            return (int)n;
        } else {
            c->code = chat_failed(c, (int)n);
            err = (int)n;
        }
    }
    tn_group_cancel(&c->group);
    return 0;
}
