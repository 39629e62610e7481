/*
 * What is typed: talk and commands, and what became of it.
 */
#include <tenon/err.h>
#include <tenon/text.h>

#include "cmd_chat_room.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

/* --- who is here -----------------------------------------------------------*/

const char *
visit_names(void *arg, int i)
{
    const struct visit *v = arg;
    return i < guest_count(v->guest) ? guest_at(v->guest, i)->name : NULL;
}

void
visit_complete(void *arg, const char *s, size_t n, struct editor_offer *o)
{
    line_complete(o, s, n, visit_names, arg);
}

static const char *
kind_of(const struct guest_person *p)
{
    return p->kind == ROOM_PLAIN ? "plain"
           : p->kind == ROOM_WEB ? "web"
                                 : "native";
}

/* A list that does not fit is cut, which is told. */
static void
who_json(struct visit *v)
{
    char name[JSON_GROWTH * ROOM_NAME_MAX + 3];
    size_t at = 0, most = sizeof(v->line) - 256 - sizeof(name);
    int i = 0;
    v->line[0] = '\0';
    for (; i < guest_count(v->guest) && at < most; i++) {
        const struct guest_person *p = guest_at(v->guest, i);
        at += (size_t)snprintf(
            v->line + at, sizeof(v->line) - at,
            "%s{\"name\":%s,\"kind\":\"%s\"%s%s}", i > 0 ? "," : "",
            json_quote(name, sizeof(name), p->name, strlen(p->name)),
            kind_of(p), p->away ? ",\"away\":true" : "",
            p->id == v->view.me ? ",\"you\":true" : "");
    }
    visit_json(v, "{\"event\":\"who\",\"count\":%d,\"people\":[%s]}",
               guest_count(v->guest), v->line);
}

/* We first, then the others, as they came. */
static const struct guest_person *
person(const struct visit *v, int i)
{
    int own = 0;
    while (own < guest_count(v->guest) &&
           guest_at(v->guest, own)->id != v->view.me) {
        own++;
    }
    if (own == guest_count(v->guest)) {
        return guest_at(v->guest, i);
    }
    return guest_at(v->guest, i == 0 ? own : i <= own ? i - 1 : i);
}

static void
who(struct visit *v)
{
    size_t at = 0, most = sizeof(v->line) - 256;
    int i = 0, count = guest_count(v->guest);
    if (v->o->json) {
        who_json(v);
        return;
    }
    v->line[0] = '\0';
    for (; i < count && at < most; i++) {
        const struct guest_person *p = person(v, i);
        const char *how = p->id == v->view.me     ? " (you)"
                          : p->away               ? " (away)"
                          : p->kind == ROOM_WEB   ? " (web)"
                          : p->kind == ROOM_PLAIN ? " (plain)"
                                                  : "";
        at += (size_t)snprintf(v->line + at, sizeof(v->line) - at, "%s%s%s",
                               i > 0 ? ", " : "", p->name, how);
    }
    visit_tell(v, "* %d here: %s%s", count, v->line, i < count ? ", ..." : "");
}

static void
help(struct visit *v)
{
    static const char *const lines[] = {
        "* /me TEXT         tell what you do: /me waves",
        "* /msg NAME TEXT   say something to NAME alone",
        "* /nick NAME       be called something else",
        "* /send FILE       put a file into the room's folder",
        "* /who             who is here",
        "* /quit, q         leave; so do Ctrl-D and Ctrl-C",
        "* //TEXT           say /TEXT; TAB completes names and commands",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        visit_tell(v, "%s", lines[i]);
    }
}

/* --- words and their fate --------------------------------------------------*/

static struct visit_word *
find_word(struct visit *v, uint64_t mark)
{
    struct visit_word *at_it = NULL;
    for (int i = 0; i < VISIT_WORDS; i++) {
        struct visit_word *w = &v->word[i];
        if (w->used && w->mark == mark) {
            return w;
        }
        at_it = w->used && w->mark == 0 ? w : at_it;
    }
    return at_it; /* it is delivered before guest_say() is back */
}

static struct visit_word *
free_word(struct visit *v)
{
    for (int i = 0; i < VISIT_WORDS; i++) {
        if (!v->word[i].used) {
            memset(&v->word[i], 0, sizeof(v->word[i]));
            return &v->word[i];
        }
    }
    return NULL;
}

/* Say that words were not delivered, and why. */
static void
undelivered(struct visit *v, struct visit_word *w, const char *why, int code)
{
    w->used = false;
    if (v->o->json) {
        json_quote(v->line, sizeof(v->line), w->text, w->len);
        visit_json(v,
                   "{\"event\":\"undelivered\",\"mark\":%lu,\"why\":\"%s\","
                   "\"text\":%s}",
                   w->number, why, v->line);
    } else if (w->to[0] && code == EXIT_REFUSED) {
        visit_tell(v, "not delivered: %s (nobody is called %s)", w->text,
                   w->to);
    } else {
        visit_tell(v, "not delivered: %s (%s)", w->text, why);
    }
    if (v->piped && v->code == EXIT_DONE) {
        v->code = code;
    }
}

static void
delivered(struct visit *v, struct visit_word *w, uint64_t number)
{
    w->used = false;
    visit_json(v, "{\"event\":\"delivered\",\"mark\":%lu,\"number\":%llu}",
               w->number, (unsigned long long)number);
    if (v->editor && tn_now() - w->since >= VISIT_SLOW) {
        visit_tell(v, "delivered: %s", w->text);
    }
}

void
visit_fate(void *arg, uint64_t mark, enum guest_fate fate, uint64_t number)
{
    struct visit *v = arg;
    struct visit_word *w = find_word(v, mark);
    if (!w) {
        return;
    }
    w->mark = mark;
    switch (fate) {
    case GUEST_DELIVERED:
        delivered(v, w, number);
        break;
    case GUEST_SLOWED:
        undelivered(v, w, "too much at once", EXIT_TIMEOUT);
        break;
    case GUEST_NOBODY:
        undelivered(v, w, "nobody is called so", EXIT_REFUSED);
        break;
    case GUEST_UNKNOWN:
        undelivered(v, w, "no answer", EXIT_TIMEOUT);
        break;
    }
    visit_prompt(v);
}

void
visit_give_up(struct visit *v)
{
    for (int i = 0; i < VISIT_WORDS; i++) {
        if (v->word[i].used) {
            undelivered(v, &v->word[i], "no answer", EXIT_TIMEOUT);
        }
    }
}

/* Say a part of a line of at most ROOM_TEXT_MAX bytes. */
static int
say_part(struct visit *v, enum guest_how how, const char *text, size_t n)
{
    struct visit_word *w = free_word(v);
    if (!w) {
        return -EAGAIN; /* not as long as a guest keeps its promises */
    }
    w->used = true;
    w->number = ++v->words;
    w->how = how;
    w->since = tn_now();
    w->len = n;
    memcpy(w->text, text, n);
    w->text[n] = '\0';
    if (how == GUEST_MSG) {
        memcpy(w->to, v->to, sizeof(w->to));
    }
    const struct guest_words words = {
        .how = how, .text = w->text, .len = n, .to = w->to[0] ? w->to : NULL};
    visit_prompt(v);
    uint64_t mark = 0;
    int err = guest_say(v->guest, &words, &mark);
    if (err < 0) { /* it was not taken; visit_give_up() tells it */
        return err;
    }
    if (w->used && w->mark == 0) {
        w->mark = mark;
    }
    json_quote(v->line, sizeof(v->line), text, n);
    visit_json(v, "{\"event\":\"sent\",\"mark\":%lu,\"text\":%s}", w->number,
               v->line);
    return 0;
}

static int
say_text(struct visit *v, enum guest_how how, const char *text, size_t n)
{
    int err = 0;
    while (n > 0 && err == 0) {
        size_t part = tn_text_cut(text, n, ROOM_TEXT_MAX);
        err = say_part(v, how, text, part);
        text += part;
        n -= part;
    }
    return err;
}

/* --- commands --------------------------------------------------------------*/

/* What is not done is no reason to leave; a script hears of it. */
static int
wrong(struct visit *v, const char *why, int code)
{
    visit_tell(v, "%s", why);
    if (v->piped && v->code == EXIT_DONE) {
        v->code = code;
    }
    return 0;
}

static int
nick(struct visit *v, const char *text, size_t n)
{
    char name[ROOM_NAME_MAX + 1], why[160];
    if (dialect_name(name, text, n) < 0 || strcmp(name, "q") == 0) {
        (void)snprintf(why, sizeof(why),
                       "a name has 1 to %d characters, no colon, and is not q",
                       ROOM_NAME_CHARS);
        return wrong(v, why, EXIT_USAGE);
    }
    int err = guest_nick(v->guest, name);
    switch (err) {
    case 0:
        (void)snprintf(v->name, sizeof(v->name), "%s", name);
        visit_prompt(v);
        return 0;
    case -EEXIST:
        (void)snprintf(why, sizeof(why), "the name %s is in use", name);
        return wrong(v, why, EXIT_REFUSED);
    case -EAGAIN:
        return wrong(v, "too many new names; wait a little", EXIT_REFUSED);
    case -EINVAL:
    case -ENAMETOOLONG:
        return wrong(v, "the hub does not take this name", EXIT_REFUSED);
    case -ETIME:
        return wrong(v, "the hub did not answer; the name is as it was",
                     EXIT_TIMEOUT);
    default:
        return err;
    }
}

static int
send_file(struct visit *v, const char *text, size_t n)
{
    char path[1024];
    if (!line_path(path, sizeof(path), text, n)) {
        return wrong(v, "the path of the file is too long", EXIT_USAGE);
    }
    return visit_send(v, path);
}

/* Do what a line means; 1 to leave. */
static int
obey(struct visit *v, const struct line *l)
{
    switch (l->what) {
    case LINE_SAY:
        return say_text(v, GUEST_SAY, l->text, l->len);
    case LINE_ACT:
        return say_text(v, GUEST_ACT, l->text, l->len);
    case LINE_MSG:
        memcpy(v->to, l->to, sizeof(v->to));
        return say_text(v, GUEST_MSG, l->text, l->len);
    case LINE_NICK:
        return nick(v, l->text, l->len);
    case LINE_SEND:
        return send_file(v, l->text, l->len);
    case LINE_WHO:
        who(v);
        return 0;
    case LINE_HELP:
        help(v);
        return 0;
    case LINE_WRONG:
        return wrong(v, l->wrong, EXIT_USAGE);
    case LINE_QUIT:
        return 1;
    case LINE_NOTHING:
        break;
    }
    return 0;
}

/* What follows in a line that is longer than one part: more of the same. */
static int
go_on(struct visit *v, size_t n)
{
    switch (v->going) {
    case LINE_SAY:
        return say_text(v, GUEST_SAY, v->said, n);
    case LINE_ACT:
        return say_text(v, GUEST_ACT, v->said, n);
    case LINE_MSG:
        return say_text(v, GUEST_MSG, v->said, n);
    case LINE_NOTHING:
    case LINE_NICK:
    case LINE_SEND:
    case LINE_WHO:
    case LINE_HELP:
    case LINE_QUIT:
    case LINE_WRONG:
        break;
    }
    return 0;
}

int
visit_line(void *arg, const char *s, size_t n, bool begins)
{
    struct visit *v = arg;
    struct line l;
    size_t len = tn_text_clean(v->said, sizeof(v->said), s, n);
    if (!begins) {
        return go_on(v, len);
    }
    line_read(&l, v->said, len, visit_names, v);
    v->going = l.what;
    return obey(v, &l);
}
