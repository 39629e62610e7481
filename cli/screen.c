#include "screen.h"

#include <tenon/err.h>
#include <tenon/task.h>

#include "json.h"
#include "run.h"
#include "say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
screen_open(struct screen *s)
{
    int err = tn_chan_new(&s->queue, sizeof(s->event), SCREEN_QUEUE);
    return err < 0 ? err : run_wrap(&s->out, STDOUT_FILENO);
}

void
screen_take(void *arg, const struct room_event *ev)
{
    struct screen *s = arg;
    if (room_is_public(ev->what) && s->out &&
        tn_chan_try_send(s->queue, ev) < 0) {
        s->lost++;
    }
}

static const char *
event_name(enum room_what what)
{
    switch (what) {
    case ROOM_JOIN:
        return "join";
    case ROOM_SAY:
        return "say";
    case ROOM_LEAVE:
        return "leave";
    case ROOM_NOTE:
        return "note";
    case ROOM_FILE:
        return "file";
    case ROOM_GONE:
        return "gone";
    case ROOM_ACT:
        return "act";
    case ROOM_NICK:
        return "nick";
    case ROOM_MSG:
        return "msg";
    case ROOM_BYE:
        break;
    }
    return "bye";
}

static size_t
write_json(struct screen *s)
{
    const struct room_event *ev = &s->event;
    char name[JSON_GROWTH * ROOM_NAME_MAX + 3];
    size_t n = (size_t)snprintf(
        s->line, sizeof(s->line), "{\"event\":\"%s\",\"number\":%llu",
        event_name(ev->what), (unsigned long long)ev->number);
    if (ev->name_len > 0) {
        n += (size_t)snprintf(
            s->line + n, sizeof(s->line) - n, ",\"name\":%s",
            json_quote(name, sizeof(name), ev->name, ev->name_len));
    }
    if (ev->what == ROOM_FILE) {
        n += (size_t)snprintf(s->line + n, sizeof(s->line) - n,
                              ",\"size\":%lld", (long long)ev->size);
    }
    if (ev->text_len > 0) {
        n += (size_t)snprintf(s->line + n, sizeof(s->line) - n, ",\"text\":");
        /* Room is kept for the end of the object and the line. */
        json_quote(s->line + n, sizeof(s->line) - n - 2, ev->text,
                   ev->text_len);
        n += strlen(s->line + n);
    }
    s->line[n++] = '}';
    return n;
}

static size_t
write_line(struct screen *s)
{
    bool nick = s->event.what == ROOM_NICK;
    return nick ? dialect_nick(s->line, sizeof(s->line) - 1, &s->event, s->lang)
                : dialect_write(s->line, sizeof(s->line) - 1, &s->event,
                                s->lang);
}

/* Write the event in s->event. */
static void
show(struct screen *s)
{
    size_t n = s->json ? write_json(s) : write_line(s);
    s->line[n++] = '\n';
    if (s->lost > 0 && !say_waits()) {
        say("stdout is slow: %lu lines were not shown", s->lost);
        s->lost = 0;
    }
    ssize_t r = s->out ? tn_sendall(s->out, s->line, n, NULL) : 0;
    if (r < 0 && r != -ECANCELED && r != -ETIME) {
        say("stdout: %s: the talk is not shown any more", tn_strerror((int)r));
        tn_close(s->out);
        s->out = NULL;
    }
}

int
screen_run(void *arg)
{
    struct screen *s = arg;
    tn_task_name("screen");
    for (;;) {
        int err = tn_chan_recv(s->queue, &s->event);
        if (err < 0) {
            return err;
        }
        show(s);
    }
}

void
screen_flush(struct screen *s)
{
    while (s->queue && tn_chan_try_recv(s->queue, &s->event) == 0) {
        show(s);
    }
}

void
screen_close(struct screen *s)
{
    tn_close(s->out);
    tn_chan_free(s->queue);
    s->out = NULL;
    s->queue = NULL;
}
