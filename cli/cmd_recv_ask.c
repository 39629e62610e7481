/*
 * Whether an offer is taken, and which part of it: what --only says, then the
 * person at the terminal.
 */
#include <tenon/err.h>
#include <tenon/text.h>

#include "cmd_recv_int.h"
#include "question.h"
#include "say.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIST_TEXT = 512 + (RECV_LIST + 2) * (REPORT_NAME + 64),
    ANSWER = 16,
};

static uint32_t
count_of(const struct parcel_ask *ask)
{
    return ask->sum->files + ask->sum->folders;
}

/* Whether a path lies in a folder of the same offer. */
static bool
is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* --- --only ----------------------------------------------------------------*/

/* A pattern fits a path, or the last component of it, or a folder above. */
static bool
fits(const char *pattern, char *path)
{
    char *end = path;
    bool found = false;
    while (!found && end) {
        end = strchr(end + 1, '/');
        if (end) {
            *end = '\0';
        }
        const char *slash = strrchr(path, '/');
        found = fnmatch(pattern, path, FNM_PATHNAME) == 0 ||
                fnmatch(pattern, slash ? slash + 1 : path, FNM_PATHNAME) == 0;
        if (end) {
            *end = '/';
        }
    }
    return found;
}

/* Not in a task's frame: a path is long. Nothing here suspends. */
static bool
is_wanted(const struct recv_opts *o, const char *path)
{
    static char copy[PARCEL_PATH + 1];
    bool found = false;
    (void)snprintf(copy, sizeof(copy), "%s", path);
    for (int i = 0; i < o->only.count && !found; i++) {
        found = fits(o->only.at[i], copy);
    }
    return found;
}

/* A folder is taken, too, if something in it is: its items stand behind it. */
static void
take_folders(const struct parcel_ask *ask)
{
    uint32_t open[PARCEL_DEPTH];
    uint32_t depth = 0;
    for (uint32_t i = 0; i < count_of(ask); i++) {
        const struct parcel_item *it = &ask->items[i];
        while (depth > 0 &&
               !is_below(it->path, ask->items[open[depth - 1]].path)) {
            depth--;
        }
        for (uint32_t k = 0; ask->take[i] && k < depth; k++) {
            ask->take[open[k]] = true;
        }
        if (it->kind == PARCEL_FOLDER && depth < PARCEL_DEPTH) {
            open[depth++] = i;
        }
    }
}

static void
choose_by_pattern(const struct recv_opts *o, const struct parcel_ask *ask)
{
    if (o->only.count == 0) {
        return;
    }
    for (uint32_t i = 0; i < count_of(ask); i++) {
        ask->take[i] = ask->take[i] && is_wanted(o, ask->items[i].path);
    }
    take_folders(ask);
}

/* What is taken as it stands. */
static void
add_up(const struct parcel_ask *ask, struct parcel_sum *sum)
{
    memset(sum, 0, sizeof(*sum));
    for (uint32_t i = 0; i < count_of(ask); i++) {
        const struct parcel_item *it = &ask->items[i];
        if (!ask->take[i]) {
            continue;
        }
        if (it->kind == PARCEL_FOLDER) {
            sum->folders++;
        } else {
            sum->files++;
            if (it->size > 0 &&
                __builtin_add_overflow(sum->bytes, it->size, &sum->bytes)) {
                sum->bytes = INT64_MAX;
            }
            sum->is_unsized = sum->is_unsized || it->size < 0;
        }
    }
}

/* --- the question ----------------------------------------------------------*/

/* "  photos/a.jpg, 1.2M\n" */
static int
put_item(char *buf, size_t cap, const struct parcel_item *it)
{
    char name[REPORT_NAME + 1], size[PROGRESS_SIZE];
    report_path(it->path, name);
    if (it->kind == PARCEL_FOLDER) {
        return snprintf(buf, cap, "  %s/\n", name);
    }
    return snprintf(buf, cap, "  %s%s%s\n", name, it->size < 0 ? "" : ", ",
                    it->size < 0 ? "" : progress_size(it->size, size));
}

static void
put_offer(char *buf, size_t cap, const struct recv_session *s,
          const struct parcel_ask *ask, const struct parcel_sum *sum)
{
    char text[REPORT_SUM];
    uint32_t shown = 0, rest = 0;
    int n = snprintf(
        buf, cap, "%s%s%s%s%s wants to send %s:\n", s->report.who,
        s->report.who[0] ? " (" : "", s->at, s->report.who[0] ? ")" : "",
        s->report.clear ? ", in the clear," : "", report_sum(sum, text));
    for (uint32_t i = 0; i < count_of(ask); i++) {
        if (ask->take[i] && shown < RECV_LIST) {
            n += put_item(buf + n, cap - (size_t)n, &ask->items[i]);
            shown++;
        } else if (ask->take[i]) {
            rest++;
        }
    }
    if (rest > 0) {
        n += snprintf(buf + n, cap - (size_t)n, "  ... and %" PRIu32 " more\n",
                      rest);
    }
    (void)snprintf(buf + n, cap - (size_t)n, "Take %s? [Y/n/some] ",
                   shown + rest > 1 ? "them" : "it");
}

/* The letter that was answered; `usual` for an empty line; 0 if nobody can be
   asked any more, or a code. */
static int
ask_letter(const char *prompt, const char *letters, char usual)
{
    char answer[ANSWER];
    for (;;) {
        ssize_t n = question_ask(prompt, answer, sizeof(answer));
        if (n == -EMSGSIZE) {
            n = 1;
            answer[0] = '?';
        }
        if (n < 0) {
            return (int)n;
        }
        int c = n > 0 ? answer[0] | 0x20 : usual;
        if (strchr(letters, c)) {
            return c;
        }
    }
}

/* Item by item; the answer for a folder holds for all that is in it, unless it
   is "some". 0 or a code. */
static int
ask_items(const struct parcel_ask *ask)
{
    char prompt[REPORT_NAME + 96];
    const char *folder = NULL; /* that has been answered for */
    int letter = 0;
    for (uint32_t i = 0; i < count_of(ask); i++) {
        const struct parcel_item *it = &ask->items[i];
        bool is_folder = it->kind == PARCEL_FOLDER;
        bool decided = letter == 'a' || letter == 'd' ||
                       (folder && is_below(it->path, folder));
        if (!ask->take[i]) {
            continue;
        }
        if (!decided) {
            (void)put_item(prompt, sizeof(prompt), it);
            prompt[strcspn(prompt, "\n")] = '\0';
            size_t n = strlen(prompt);
            (void)snprintf(prompt + n, sizeof(prompt) - n,
                           "? [Y/n/%sall/done] ", is_folder ? "some/" : "");
            letter = ask_letter(prompt, is_folder ? "ynsad" : "ynad", 'y');
            folder = is_folder && letter != 's' ? it->path : NULL;
        }
        if (letter < 0) {
            return letter;
        }
        ask->take[i] = letter == 'y' || letter == 'a' || letter == 's';
    }
    take_folders(ask);
    return 0;
}

static int
ask_person(struct recv_session *s, const struct parcel_ask *ask,
           const struct parcel_sum *sum)
{
    char *text = malloc(LIST_TEXT);
    if (!text) {
        return -ENOMEM;
    }
    put_offer(text, LIST_TEXT, s, ask, sum);
    bool on = s->r->progress.on;
    progress_clear(&s->r->progress);
    s->r->progress.on = false;
    int letter = ask_letter(text, "yns", 'y');
    if (letter == 's') {
        letter = ask_items(ask);
    } else if (letter == 'n') {
        letter = -EACCES;
    }
    s->r->progress.on = on;
    free(text);
    return letter < 0 ? letter : 0;
}

/* One question at a time. */
static int
ask_in_turn(struct recv_session *s, const struct parcel_ask *ask,
            const struct parcel_sum *sum)
{
    char turn = 1;
    int err = tn_chan_send(s->r->asking, &turn);
    if (err == 0) {
        err = ask_person(s, ask, sum);
        (void)!tn_chan_try_recv(s->r->asking, &turn);
    }
    return err;
}

/* --- both ------------------------------------------------------------------*/

static int
refuse(struct recv_session *s, const struct parcel_ask *ask, const char *why)
{
    char sum[REPORT_SUM];
    progress_clear(&s->r->progress);
    s->refused = true;
    say("refused %s of %s%s%s", report_sum(ask->sum, sum),
        s->report.who[0] ? s->report.who : s->at, why[0] ? ": " : "", why);
    return -EACCES;
}

/* What is offered, in a number. */
static uint64_t
mark_of(const struct parcel_ask *ask)
{
    uint64_t mark = 0xcbf29ce484222325; /* FNV-1a */
    for (uint32_t i = 0; i < count_of(ask); i++) {
        const struct parcel_item *it = &ask->items[i];
        const char *parts[] = {it->path, (const char *)&it->size,
                               (const char *)&it->mtime};
        size_t sizes[] = {strlen(it->path), sizeof(it->size),
                          sizeof(it->mtime)};
        for (int k = 0; k < 3; k++) {
            for (size_t n = 0; n < sizes[k]; n++) {
                mark = (mark ^ (unsigned char)parts[k][n]) * 0x100000001b3;
            }
        }
    }
    return mark;
}

bool
inbox_same_host(const tn_addr *one, const tn_addr *two)
{
    tn_addr a = *one, b = *two;
    (void)!tn_addr_set_port(&a, 0);
    (void)!tn_addr_set_port(&b, 0);
    return tn_addr_equal(&a, &b);
}

/* Another session to which the same was offered by the same. */
static struct recv_session *
find_twin(struct recv_session *s)
{
    for (int i = 0; i < RECV_SESSIONS; i++) {
        struct recv_session *t = &s->r->session[i];
        if (t != s && t->used && !t->phone && t->mark == s->mark &&
            inbox_same_host(&t->peer, &s->peer) &&
            strcmp(t->report.who, s->report.who) == 0) {
            return t;
        }
    }
    return NULL;
}

/* A sender whose connection died without a word comes again: the old one, if it
   is silent, makes room, for both would write the same files. */
static int
take_over(struct recv_session *s, const struct parcel_ask *ask)
{
    struct recv_session *t;
    int64_t until = tn_now() + 2 * RECV_SILENT;
    int err = 0;
    s->mark = ask->sum->is_unsized ? 0 : mark_of(ask);
    while (err == 0 && s->mark && tn_now() < until && (t = find_twin(s))) {
        if (tn_now() - t->report.heard > RECV_SILENT) {
            t->stale = true;
            tn_scope_cancel(&t->scope);
        }
        err = tn_sleep(RECV_SILENT / 20);
    }
    return err;
}

/* --once is one parcel, and -o one stream of bytes. */
static bool
is_busy(const struct recv_session *s)
{
    for (int i = 0; i < RECV_SESSIONS && s->r->o->once; i++) {
        const struct recv_session *t = &s->r->session[i];
        if (t != s && t->used && t->accepted && !t->ended) {
            return true;
        }
    }
    return false;
}

static int
turn_away(struct recv_session *s, const struct parcel_ask *ask)
{
    s->turned = true;
    return refuse(s, ask, "another parcel is coming");
}

/* What is decided for who cannot be asked. 1: go on and ask. */
static int
decide(struct recv_session *s, const struct parcel_ask *ask,
       const struct parcel_sum *sum)
{
    char text[REPORT_SUM];
    const struct recv *r = s->r;
    if (s->stale || r->over) {
        return -EACCES;
    }
    if (is_busy(s)) {
        return turn_away(s, ask);
    }
    if (sum->files + sum->folders == 0 && count_of(ask) > 0) {
        return refuse(s, ask, "nothing of it fits --only");
    }
    if (!r->o->yes) {
        return question_may() ? 1
                              : refuse(s, ask,
                                       "there is no terminal to ask on (-y "
                                       "takes all)");
    }
    if (!r->o->quiet && !r->o->json) {
        progress_clear(&s->r->progress);
        say("%s sends %s", s->report.who[0] ? s->report.who : s->at,
            report_sum(sum, text));
    }
    return 0;
}

int
inbox_ask(void *arg, const struct parcel_ask *ask)
{
    struct recv_session *s = arg;
    struct parcel_sum sum;
    if (ask->who && ask->who[0]) {
        (void)tn_text_clean(s->report.who, sizeof(s->report.who), ask->who,
                            strlen(ask->who));
    }
    choose_by_pattern(s->r->o, ask);
    add_up(ask, &sum);
    int err = take_over(s, ask);
    err = err == 0 ? decide(s, ask, &sum) : err;
    if (err == 1) {
        err = ask_in_turn(s, ask, &sum);
        if (err == -ENODATA || err == -ENXIO) {
            return refuse(s, ask, "nobody answered");
        }
        if (err == -EACCES) {
            return refuse(s, ask, "");
        }
    }
    if (err == 0 && is_busy(s)) {
        return turn_away(s, ask);
    }
    s->accepted = err == 0 && !s->stale && !s->r->over;
    return err == 0 && !s->accepted ? -EACCES : err;
}
