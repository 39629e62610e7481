/*
 * Where a visit to a room is shown.
 *
 * On a terminal the editor prints above the line that is being typed. Else
 * lines wait for whoever reads stdout, and the room is not held up by him.
 */
#include <tenon/err.h>
#include <tenon/text.h>

#include "cmd_chat_room.h"
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUT_FIRST = 8 << 10, /* bytes of the queue at first */
};

/* --- a stdout that is no editor's ------------------------------------------*/

/* Make room for `n` bytes more. */
static bool
make_room(struct visit *v, size_t n)
{
    size_t wanted = v->room > 0 ? v->room : OUT_FIRST;
    while (wanted < v->queued + n) {
        wanted *= 2;
    }
    if (wanted > VISIT_OUT) {
        return false;
    }
    if (wanted > v->room) {
        char *more = realloc(v->queue, wanted);
        if (!more) {
            return false;
        }
        v->queue = more;
        v->room = wanted;
    }
    return true;
}

static void
enqueue(struct visit *v, const char *line, size_t n)
{
    char ring = 0;
    if (!v->bell || !make_room(v, n)) {
        v->left_out++;
        return;
    }
    memcpy(v->queue + v->queued, line, n);
    v->queued += n;
    (void)!tn_chan_try_send(v->bell, &ring);
}

/* Write what waits; more may come meanwhile. */
static int
drain(struct visit *v)
{
    int err = 0;
    while (v->queued > 0 && err == 0) {
        char *text = v->queue;
        size_t n = v->queued;
        v->queue = NULL;
        v->queued = v->room = 0;
        ssize_t r = tn_sendall(v->out, text, n, NULL);
        err = r < 0 ? (int)r : 0;
        free(text);
        if (v->left_out > 0 && err == 0) {
            say("stdout is slow: %lu lines were not shown", v->left_out);
            v->left_out = 0;
        }
    }
    return err;
}

/* Nobody can read what happens here any more. */
static void
lose_stdout(struct visit *v, int err)
{
    if (v->code == EXIT_DONE && err != -ECANCELED && err != -ETIME) {
        v->code = say_failed(err, NULL);
    }
}

int
visit_print(void *arg)
{
    struct visit *v = arg;
    char ring;
    tn_task_name("print");
    int err = 0;
    while (err == 0) {
        err = tn_chan_recv(v->bell, &ring);
        if (err < 0) {
            return 0;
        }
        err = drain(v);
    }
    lose_stdout(v, err);
    if (!visit_stop(v)) {
        tn_group_cancel(&v->group);
    }
    return 0;
}

void
visit_flush(struct visit *v)
{
    int err = v->out ? drain(v) : 0;
    if (err < 0) {
        lose_stdout(v, err);
    }
}

/* --- for both --------------------------------------------------------------*/

void
visit_show(struct visit *v, const char *line, size_t n)
{
    if (v->editor) {
        editor_print(v->editor, line, n);
    } else {
        enqueue(v, line, n);
    }
}

void
visit_tell(struct visit *v, const char *format, ...)
{
    const char *end = v->view.colour ? "\033[0m\n" : "\n";
    size_t most = sizeof(v->told) - 8;
    int n = snprintf(v->told, most, "%s", v->view.colour ? "\033[1m" : "");
    va_list args;
    va_start(args, format);
    n += vsnprintf(v->told + n, most - (size_t)n, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= most) {
        return;
    }
    if (v->editor) {
        n += snprintf(v->told + n, sizeof(v->told) - (size_t)n, "%s", end);
        editor_print(v->editor, v->told, (size_t)n);
    } else {
        say("%s", v->told + (v->view.colour ? 4 : 0));
    }
}

void
visit_json(struct visit *v, const char *format, ...)
{
    va_list args;
    if (!v->o->json) {
        return;
    }
    va_start(args, format);
    int n = vsnprintf(v->told, sizeof(v->told) - 1, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof(v->told) - 1) {
        v->told[n] = '\n';
        visit_show(v, v->told, (size_t)n + 1);
    }
}

/* How far the files are: "42% notes.pdf". */
static size_t
put_files(const struct visit *v, char *dst, size_t cap)
{
    size_t n = 0;
    for (int i = 0; i < VISIT_FILES; i++) {
        const struct visit_file *f = &v->file[i];
        if (f->used && n < cap) {
            int part = f->total > 0 ? (int)(100 * f->done / f->total) : 0;
            size_t name = tn_text_cut(f->name, strlen(f->name), 24);
            n += (size_t)snprintf(dst + n, cap - n, " [%d%% %.*s]", part,
                                  (int)name, f->name);
        }
    }
    return n < cap ? n : cap - 1;
}

/* "ann> "; "ann…> " while words are on their way; "ann?> " while the hub does
   not answer. */
void
visit_prompt(struct visit *v)
{
    char files[EDITOR_PROMPT / 2] = "", prompt[EDITOR_PROMPT];
    bool busy = false;
    if (!v->editor) {
        return;
    }
    for (int i = 0; i < VISIT_WORDS; i++) {
        busy = busy || v->word[i].used;
    }
    (void)put_files(v, files, sizeof(files));
    (void)snprintf(prompt, sizeof(prompt), "%s%s%s> ", v->view.name, files,
                   v->lost ? "?"
                   : busy  ? "…"
                           : "");
    editor_prompt(v->editor, prompt);
}
