#include "editor.h"

#include <tenon/err.h>
#include <tenon/msg.h>
#include <tenon/text.h>

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum {
    EDITOR_HISTORY = 200, /* lines that can be called back */
    EDITOR_KEYS = 256,    /* bytes taken from the terminal at a time */
    EDITOR_COLUMNS = 80,  /* where the terminal does not say */
};

struct editor {
    EditLine *el;
    History *history;
    bool reading; /* a line is on the screen */
    bool hidden;  /* and none shall come there any more */
    int err;      /* why no key came */
    size_t key_at, key_count;
    char keys[EDITOR_KEYS];
    mbstate_t state; /* of a character whose bytes come one by one */
    char prompt[EDITOR_PROMPT];
    editor_complete *complete; /* NULL: TAB is a character */
    void *complete_arg;
    struct editor_offer offer;
};

static char *
give_prompt(EditLine *el)
{
    editor *e = NULL;
    el_get(el, EL_CLIENTDATA, &e);
    return e->prompt;
}

/* More bytes from the terminal: 1, 0 at its end, or a code. */
static int
fill_keys(editor *e)
{
    int err = tn_wait_fd(STDIN_FILENO, POLLIN, TN_FOREVER);
    if (err < 0) {
        return err;
    }
    ssize_t n = read(STDIN_FILENO, e->keys, sizeof(e->keys));
    if (n < 0) {
        return -errno;
    }
    e->key_at = 0;
    e->key_count = (size_t)n;
    return n > 0;
}

static void on_tab(editor *e);

/* libedit wants a character: it is given one when its last byte is here. */
static int
give_key(EditLine *el, wchar_t *c)
{
    editor *e = NULL;
    el_get(el, EL_CLIENTDATA, &e);
    for (;;) {
        if (e->key_at == e->key_count) {
            e->err = fill_keys(e);
            if (e->err <= 0) {
                return e->err < 0 ? -1 : 0;
            }
        }
        size_t used = mbrtowc(c, &e->keys[e->key_at++], 1, &e->state);
        if (used == 1 && *c == L'\t' && e->complete) {
            on_tab(e);
        } else if (used == (size_t)-1) {
            memset(&e->state, 0, sizeof(e->state));
        } else if (used != (size_t)-2) {
            return 1;
        }
    }
}

/* Characters of more than one byte need a locale that knows them. */
static void
choose_locale(void)
{
    if (!setlocale(LC_CTYPE, "") ||
        strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
}

static bool
can_edit(void)
{
    const char *term = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
           strcmp(term, "dumb") != 0;
}

static int
prepare(editor *e)
{
    HistEvent ev;
    e->el = el_init("tenon", stdin, stdout, stderr);
    e->history = history_init();
    if (!e->el || !e->history) {
        return -ENOMEM;
    }
    history(e->history, &ev, H_SETSIZE, EDITOR_HISTORY);
    history(e->history, &ev, H_SETUNIQUE, 1);
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_PROMPT, give_prompt);
    el_set(e->el, EL_GETCFN, give_key);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_HIST, history, e->history);
    return 0;
}

int
editor_open(editor **out, const char *prompt)
{
    *out = NULL;
    if (!can_edit()) {
        return -ENOTTY;
    }
    editor *e = calloc(1, sizeof(*e));
    if (!e) {
        return -ENOMEM;
    }
    choose_locale();
    (void)snprintf(e->prompt, sizeof(e->prompt), "%s", prompt);
    int err = prepare(e);
    if (err < 0) {
        editor_close(e);
        return err;
    }
    *out = e;
    return 0;
}

int
editor_read(editor *e, const char **line, size_t *n)
{
    HistEvent ev;
    int count = 0;
    if (e->hidden) {
        return -ECANCELED;
    }
    e->err = 0;
    /* Before the prompt: keys typed after it must not be echoed. */
    el_set(e->el, EL_PREP_TERM, 1);
    e->reading = true;
    *line = el_gets(e->el, &count);
    e->reading = false;
    if (e->hidden) {
        return -ECANCELED;
    }
    if (!*line || count <= 0) {
        putchar('\n');
        (void)fflush(stdout);
        return e->err < 0 && e->err != -EIO ? e->err : 0;
    }
    *n = strcspn(*line, "\r\n");
    if (*n > 0) {
        history(e->history, &ev, H_ENTER, *line);
    }
    return 1;
}

static int
columns(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return EDITOR_COLUMNS;
    }
    return size.ws_col;
}

/* Where the cursor goes when a character of this width is written. */
static void
advance(int *row, int *column, int width, int limit)
{
    if (*column + width > limit) {
        ++*row;
        *column = 0;
    }
    *column += width;
    if (*column == limit) {
        ++*row;
        *column = 0;
    }
}

/* How many rows the cursor is below the prompt's. */
static int
cursor_row(editor *e)
{
    const LineInfoW *line = el_wline(e->el);
    int limit = columns();
    int row = 0, column = 0;
    mbstate_t state;
    memset(&state, 0, sizeof(state));
    const char *end = e->prompt + strlen(e->prompt);
    for (const char *s = e->prompt; s < end;) {
        wchar_t c;
        size_t n = mbrtowc(&c, s, (size_t)(end - s), &state);
        if (n == 0 || n > (size_t)(end - s)) {
            break;
        }
        advance(&row, &column, wcwidth(c) > 0 ? wcwidth(c) : 0, limit);
        s += n;
    }
    for (const wchar_t *c = line->buffer; c < line->cursor; c++) {
        advance(&row, &column, wcwidth(*c) > 0 ? wcwidth(*c) : 0, limit);
    }
    return row;
}

/* Take the line that is being typed off the screen. */
static void
wipe(editor *e)
{
    int row = cursor_row(e);
    if (row > 0) {
        printf("\033[%dA", row);
    }
    printf("\r\033[J");
}

void
editor_print(editor *e, const char *text, size_t n)
{
    if (e->reading) {
        wipe(e);
    }
    (void)fwrite(text, 1, n, stdout);
    (void)fflush(stdout);
    if (e->reading) {
        el_set(e->el, EL_REFRESH);
    }
}

void
editor_prompt(editor *e, const char *prompt)
{
    if (strcmp(e->prompt, prompt) == 0) {
        return;
    }
    if (e->reading) {
        wipe(e);
    }
    (void)snprintf(e->prompt, sizeof(e->prompt), "%s", prompt);
    if (e->reading) {
        el_set(e->el, EL_REFRESH);
    }
}

/* --- TAB -------------------------------------------------------------------*/

static int
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* How many bytes two texts begin with alike. */
static size_t
alike(const char *a, const char *b, size_t max)
{
    size_t n = 0;
    while (n < max && a[n] && b[n] && lower(a[n]) == lower(b[n])) {
        n++;
    }
    return n;
}

void
editor_begin(struct editor_offer *o, const char *typed, size_t n)
{
    o->typed = typed;
    o->typed_len = n;
    o->count = 0;
    o->open = false;
    o->common[0] = o->list[0] = '\0';
}

void
editor_add(struct editor_offer *o, const char *word)
{
    size_t n = strlen(word), at = strlen(o->list);
    if (n >= sizeof(o->common) || n < o->typed_len ||
        alike(word, o->typed, o->typed_len) < o->typed_len) {
        return;
    }
    if (o->count++ == 0) {
        memcpy(o->common, word, n + 1);
    } else {
        size_t same = alike(o->common, word, sizeof(o->common));
        o->common[tn_text_cut(o->common, strlen(o->common), same)] = '\0';
    }
    if (at + n + sizeof("  ...") < sizeof(o->list)) {
        (void)snprintf(o->list + at, sizeof(o->list) - at, "%s%s",
                       at > 0 ? "  " : "", word);
    } else if (at > 0 && o->list[at - 1] != '.') {
        (void)snprintf(o->list + at, sizeof(o->list) - at, "  ...");
    }
}

/* How many characters a text has: libedit deletes by them. */
static int
characters(const char *s, size_t n)
{
    int count = 0;
    for (size_t i = 0; i < n; i++) {
        count += ((unsigned char)s[i] & 0xC0) != 0x80;
    }
    return count;
}

static void
beep(void)
{
    putchar('\a');
    (void)fflush(stdout);
}

/* TAB was pressed. It is no command of libedit's own table, whose names libedit
   never frees. */
static void
on_tab(editor *e)
{
    const LineInfo *line = el_line(e->el);
    struct editor_offer *o = &e->offer;
    size_t n = (size_t)(line->cursor - line->buffer);
    editor_begin(o, line->cursor, 0);
    e->complete(e->complete_arg, line->buffer, n, o);
    if (o->count == 0) {
        beep();
        return;
    }
    if (o->count > 1 && strlen(o->common) == o->typed_len) {
        size_t all = strlen(o->list);
        o->list[all] = '\n'; /* in the place of its NUL */
        editor_print(e, o->list, all + 1);
        return;
    }
    size_t len = strlen(o->common);
    if (o->count == 1 && !o->open && len + 1 < EDITOR_WORD) {
        memcpy(o->common + len, " ", 2);
    }
    wipe(e);
    el_deletestr(e->el, characters(o->typed, o->typed_len));
    if (el_insertstr(e->el, o->common) < 0) {
        beep(); /* the line is as long as it may be */
    }
    el_set(e->el, EL_REFRESH);
}

void
editor_on_tab(editor *e, editor_complete *fn, void *arg)
{
    e->complete = fn;
    e->complete_arg = arg;
}

void
editor_hide(editor *e)
{
    if (!e) {
        return;
    }
    if (e->reading) {
        wipe(e);
        (void)fflush(stdout);
    }
    e->reading = false;
    e->hidden = true;
}

void
editor_resize(editor *e)
{
    /* libedit forgets where the cursor is when it learns of the new size. */
    if (e->reading) {
        wipe(e);
    }
    el_resize(e->el);
    if (e->reading) {
        el_set(e->el, EL_REFRESH);
    }
}

void
editor_resume(editor *e)
{
    if (e->reading) {
        el_set(e->el, EL_PREP_TERM, 0);
        el_set(e->el, EL_PREP_TERM, 1);
        /* The row is the shell's, or has our prompt already: something came
           before the signal did. */
        printf("\r\033[J");
        el_set(e->el, EL_REFRESH);
    }
}

void
editor_close(editor *e)
{
    if (!e) {
        return;
    }
    if (e->el) {
        el_end(e->el);
    }
    if (e->history) {
        history_end(e->history);
    }
    free(e);
}
