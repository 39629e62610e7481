/*
 * A visit to a hub's room: coming, staying, leaving.
 */
#include "cmd_chat_room.h"

#include <tenon/err.h>

#include "run.h"
#include "say.h"
#include "secret.h"
#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    VISIT_TRIES = 3, /* of a code that is typed */
};

/* --- what the guest tells --------------------------------------------------*/

static int64_t
wall_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
on_event(void *arg, const struct room_event *ev, bool past)
{
    struct visit *v = arg;
    /* A pipe without JSON has nothing to tell what was from what is. */
    if (past && v->piped && !v->o->json) {
        return;
    }
    v->view.me = guest_id(v->guest);
    v->view.now = wall_clock();
    size_t n = event_write(v->line, ev, past, &v->view);
    if (n > 0) {
        visit_show(v, v->line, n);
    }
}

/* Write down what we saw, if that is news. Who was never in is nobody there. */
static void
remember_now(struct visit *v)
{
    uint64_t seen = guest_seen(v->guest, v->keep.epoch);
    if (v->inside && (seen != v->keep.seen || !v->kept)) {
        v->keep.seen = seen;
        v->kept = keep_save(&v->keep) == 0;
    }
}

/* We are in: for the first time, or again. */
static void
come_in(struct visit *v)
{
    const char *own = guest_name(v->guest);
    char token = 0;
    (void)snprintf(v->name, sizeof(v->name), "%s", own);
    v->view.me = guest_id(v->guest);
    visit_json(v, "{\"event\":\"state\",\"state\":\"in\"}");
    if (v->lost) {
        if (!v->o->json) {
            visit_tell(v, "* back in the room");
        }
    } else if (!v->inside && v->editor) {
        visit_tell(v,
                   "* in the room at %s as %s; /help tells what can be typed",
                   v->where, v->name);
    }
    if (guest_gap(v->guest) && (v->inside || v->keep.epoch[0])) {
        visit_json(v, "{\"event\":\"gap\"}");
        if (v->editor) {
            visit_tell(v, "* some of what you missed is not known any more");
        }
    }
    v->inside = true;
    v->lost = false;
    remember_now(v); /* who is killed comes back as the same one */
    (void)!tn_chan_try_send(v->in, &token);
}

static void
on_state(void *arg, enum guest_state state)
{
    struct visit *v = arg;
    if (state == GUEST_IN) {
        come_in(v);
    } else if (state == GUEST_LOST && !v->leaving) {
        v->lost = true;
        visit_json(v, "{\"event\":\"state\",\"state\":\"lost\"}");
        if (!v->o->json) {
            visit_tell(v, "* the hub does not answer; still trying");
        }
    }
    visit_prompt(v);
}

/* --- tasks -----------------------------------------------------------------*/

static int
member(void *arg)
{
    struct visit *v = arg;
    tn_task_name("member");
    v->result = guest_run(v->guest);
    /* Another task says it. */
    (void)snprintf(v->why, sizeof(v->why), "%s", tn_why());
    if (!v->leaving) { /* last words follow */
        editor_hide(v->editor);
    }
    tn_group_cancel(&v->group);
    return 0;
}

/* What we saw is written down now and then: a program may be killed. */
static int
remember(void *arg)
{
    struct visit *v = arg;
    tn_task_name("remember");
    while (tn_sleep(VISIT_KEEP) == 0) {
        remember_now(v);
    }
    return 0;
}

/* Wait for all that was said to arrive. A script has its own idea of how long
   that may take; a person sees that it takes long. Returns 1 if it took too
   long. */
static int
drain(struct visit *v)
{
    tn_scope limit;
    tn_deadline(&limit, v->piped ? v->o->wait : VISIT_PATIENCE);
    int err = guest_drain(v->guest);
    if (err == 0 && v->piped) {
        err = visit_drain_files(v);
    }
    return tn_scope_end(&limit) ? 1 : err;
}

/* The end of what is said: what is on its way shall arrive, and answers are
   welcome if it was not a person who typed. A person who leaves while the hub
   is away does not wait for it. */
static int
wind_up(struct visit *v)
{
    if (!v->piped && v->lost) {
        return 0;
    }
    int err = drain(v);
    if (err != 0) {
        return err;
    }
    if (v->piped) {
        return tn_sleep(v->o->quit);
    }
    visit_tell_files(v);
    return visit_drain_files(v);
}

/* Ctrl-C, or stdout is gone: we leave before we end. */
bool
visit_stop(void *arg)
{
    struct visit *v = arg;
    if (!v->typing) {
        return false;
    }
    v->stopped = true;
    tn_scope_cancel(&v->scope);
    return true;
}

/* Nothing is read before we are in: who is there, and where files go, is not
   known before, nor whether anybody hears us. */
static int
read_input(struct visit *v)
{
    char token;
    tn_deadline(&v->scope, TN_FOREVER);
    v->typing = true;
    int r = tn_chan_recv(v->in, &token);
    if (r == 0) {
        r = chat_input(&v->input);
    }
    if (r >= 0) {
        r = wind_up(v);
    }
    v->typing = false;
    (void)tn_scope_end(&v->scope);
    return r;
}

/* The hub may have let us in already, although we do not know it yet. */
static void
await_entry(struct visit *v)
{
    tn_scope limit;
    char token;
    tn_deadline(&limit, VISIT_ENTRY);
    if (!v->inside) {
        (void)!tn_chan_recv(v->in, &token);
    }
    (void)tn_scope_end(&limit);
}

static int
input(void *arg)
{
    struct visit *v = arg;
    tn_task_name("input");
    int r = read_input(v);
    bool cancelled = r == -ECANCELED || r == -ETIME;
    if (r < 0 && !cancelled && r != -ESHUTDOWN) {
        editor_hide(v->editor);
        v->code = say_failed(r, NULL);
    }
    if (!cancelled || v->stopped) {
        v->leaving = true;
        await_entry(v);
        guest_leave(v->guest);
    }
    tn_group_cancel(&v->group);
    return 0;
}

/* All the tasks of a visit, until it ends. */
static void
stay(struct visit *v)
{
    const struct {
        bool wanted;
        tn_task_fn *fn;
        void *arg;
    } tasks[] = {
        /* The first to run, so that no change is missed at the prompt. */
        {v->editor != NULL, chat_window, v->editor},
        {v->out != NULL, visit_print, v},
        {true, member, v},
        {true, remember, v},
        {true, input, v},
    };

    tn_group_init(&v->group, 0);
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        int err =
            tasks[i].wanted ? tn_go(&v->group, tasks[i].fn, tasks[i].arg) : 0;
        if (err < 0) {
            v->code = say_failed(err, NULL);
            tn_group_cancel(&v->group);
            break;
        }
    }
    (void)tn_group_wait(&v->group);
}

/* --- the end ---------------------------------------------------------------*/

/* Why we were not let in, or are out. */
static int
ended(struct visit *v)
{
    switch (v->result) {
    case 0:
    case -ECANCELED:
        return EXIT_DONE;
    case -ECONNREFUSED:
        return chat_refused(&v->place.addr[0], v->inside);
    case -EAGAIN:
        say("%s: too many came in at once; try again in a moment", v->where);
        return EXIT_REFUSED;
    case -ETIME:
        say("%s: no hub answers there (another kind of room? --plain)",
            v->where);
        return EXIT_TIMEOUT;
    case -EEXIST:
        say("%s: the name %s is in use there (try -n %s2)", v->where, v->name,
            v->name);
        return EXIT_REFUSED;
    case -EUSERS:
        say("%s: the room is full", v->where);
        return EXIT_REFUSED;
    case -EACCES:
        say("%s: %s", v->where,
            v->secret[0] ? "the room has another code, or none"
                         : "the room wants a code (--code-file FILE)");
        return EXIT_REFUSED;
    case -EINVAL:
    case -ENAMETOOLONG:
        say("%s: the hub does not take the name %s", v->where, v->name);
        return EXIT_REFUSED;
    case -EPROTO:
        say("%s: what answers there speaks no dialect of ours (a later "
            "version? another kind of room? --plain)",
            v->where);
        return EXIT_FAILED;
    default:
        say("%s", v->why);
        return EXIT_FAILED;
    }
}

/* Although we are cancelled: write down what we saw, show what came last. */
static void
part(struct visit *v)
{
    tn_scope s;
    tn_shield(&s, VISIT_FAREWELL);
    remember_now(v);
    visit_give_up(v);
    visit_flush(v);
    tn_scope_end(&s);
}

/* --- the start -------------------------------------------------------------*/

static enum dialect_lang
language(const struct chat_opts *o)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    if (o->lang != CHAT_LANG_AUTO) {
        return o->lang == CHAT_LANG_ZH ? DIALECT_ZH : DIALECT_EN;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value && *value) {
            return strncmp(value, "zh", 2) == 0 ? DIALECT_ZH : DIALECT_EN;
        }
    }
    return DIALECT_EN;
}

/* A terminal gets the editor and colours, anything else plain lines. */
static int
open_screen(struct visit *v)
{
    char prompt[ROOM_NAME_MAX + 4];
    (void)snprintf(prompt, sizeof(prompt), "%s> ", v->name);
    bool plain = v->o->json || v->start->pipe;
    int err = plain ? -ENOTTY : editor_open(&v->editor, prompt);
    if (err == 0) {
        editor_on_tab(v->editor, visit_complete, v);
        v->input.editor = v->editor;
        return 0;
    }
    err = err == -ENOTTY ? run_wrap(&v->out, STDOUT_FILENO) : err;
    return err == 0 ? tn_chan_new(&v->bell, 1, 1) : err;
}

static int
make_queues(struct visit *v)
{
    char token = 0;
    int err = tn_chan_new(&v->in, sizeof(token), 1);
    if (err == 0) {
        err = tn_chan_new(&v->places, sizeof(token), VISIT_FILES);
    }
    for (int i = 0; i < VISIT_FILES && err == 0; i++) {
        err = tn_chan_try_send(v->places, &token);
    }
    return err;
}

/* Where the hub is: all its addresses. */
static int
find_hub(struct visit *v)
{
    struct chat_place *p = &v->place;
    if (p->count == 0) {
        int n = tn_endpoint_resolve(&v->start->ep,
                                    where_family(v->o->only4, v->o->only6), 0,
                                    p->addr, GUEST_ADDRS);
        if (n < 0) {
            return n;
        }
        p->count = n;
    }
    where_peer(&p->addr[0], v->where, sizeof(v->where));
    return 0;
}

/* What a room is called by what we keep of it. One of this machine answers by
   the loopback or by another address, as it happens; it is the same room. */
static void
name_room(const struct visit *v, char text[TN_ADDR_TEXT])
{
    const tn_addr *first = &v->place.addr[0];
    tn_addr own;
    bool is_own = chat_is_own(&v->place) &&
                  tn_addr_ip(&own, "127.0.0.1", tn_addr_port(first)) == 0;
    (void)tn_addr_format(is_own ? &own : first, text, TN_ADDR_TEXT);
}

static int
open_guest(struct visit *v)
{
    char room_text[TN_ADDR_TEXT];
    struct guest_opts how = {.name = v->start->name,
                             .code = v->secret[0] ? v->secret : NULL,
                             .event = on_event,
                             .fate = visit_fate,
                             .state = on_state,
                             .arg = v};
    int err = find_hub(v);
    if (err < 0) {
        return err;
    }
    name_room(v, room_text);
    err = keep_open(&v->keep, room_text, v->start->name);
    if (err < 0) {
        return tn_fail(err, "make a key", NULL);
    }
    memcpy(how.key, v->keep.key, sizeof(how.key));
    memcpy(how.epoch, v->keep.epoch, sizeof(how.epoch));
    how.since = v->keep.seen;
    err = guest_open(&v->guest, v->place.addr, v->place.count, &how);
    return err == -EINVAL || err == -ENOMEM
               ? tn_fail(err, "join the room", v->where)
               : err;
}

static void
release(struct visit *v)
{
    run_on_stop(NULL, NULL);
    guest_free(v->guest);
    editor_close(v->editor);
    (void)tn_close(v->out);
    tn_chan_free(v->bell);
    tn_chan_free(v->in);
    tn_chan_free(v->places);
    keep_close(&v->keep);
    explicit_bzero(v->secret, sizeof(v->secret));
    secure_free(v->tls);
    free(v->queue);
    free(v);
}

/* One visit. Returns the exit code; `*again`: only the code was wrong. */
static int
visit_once(struct visit *v, bool *again)
{
    const struct secure_opts *s = &v->o->secure;
    if (s->ca || s->pin || s->insecure) {
        int code = secure_client(&v->tls, s);
        if (code != EXIT_DONE) {
            *again = false;
            return code;
        }
    }
    int err = open_guest(v);
    if (err == 0) {
        err = make_queues(v);
    }
    if (err == 0) {
        err = open_screen(v);
    }
    if (err < 0) {
        *again = false;
        return say_failed(err, &v->start->ep);
    }
    stay(v);
    part(v);
    editor_hide(v->editor);
    if (v->result == -EACCES && *again) {
        return EXIT_REFUSED;
    }
    *again = false;
    int code = ended(v);
    return code != EXIT_DONE ? code : v->code;
}

/* The room code from its file, or from the terminal. */
static int
read_secret(const struct chat_opts *o, char secret[VISIT_CODE + 1], bool asked)
{
    const char *from = o->code_file ? o->code_file : "the room code";
    ssize_t n = asked ? secret_ask("Room code: ", secret, VISIT_CODE + 1)
                      : secret_of_file(from, secret, VISIT_CODE + 1);
    if (n == -EINTR) {
        return EXIT_SIGNAL + 2;
    }
    if (n <= 0) {
        say("%s: %s", from, n < 0 ? tn_strerror((int)n) : "it is empty");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static struct visit *
new_visit(const struct chat_start *start, const struct chat_place *place,
          const char *secret)
{
    struct visit *v = calloc(1, sizeof(*v));
    if (!v) {
        say("out of memory");
        return NULL;
    }
    v->start = start;
    v->o = start->o;
    v->place = *place;
    v->keep.lock = -1;
    v->piped = start->pipe || !isatty(STDIN_FILENO);
    v->view = (struct event_view){.json = v->o->json,
                                  .colour = chat_colour(v->o),
                                  .bell = v->o->bell,
                                  .lang = language(v->o),
                                  .name = v->name};
    run_on_stop(visit_stop, v);
    v->input.line = visit_line;
    v->input.arg = v;
    (void)snprintf(v->name, sizeof(v->name), "%s", start->name);
    (void)snprintf(v->secret, sizeof(v->secret), "%s", secret);
    return v;
}

int
chat_visit(void *arg)
{
    const struct chat_start *start = arg;
    const struct chat_opts *o = start->o;
    char secret[VISIT_CODE + 1] = "";
    /* A code that nobody gave is asked for when it turns out to be needed. */
    bool person = !o->code_file && !start->pipe && isatty(STDIN_FILENO);
    struct chat_place place = {.count = 0};
    int code = start->found ? chat_find(start, &place) : EXIT_DONE;
    if (code == EXIT_DONE && o->code_file) {
        code = read_secret(o, secret, false);
    }
    for (int i = 0; code == EXIT_DONE && i <= VISIT_TRIES; i++) {
        bool again = person && i < VISIT_TRIES;
        struct visit *v = new_visit(start, &place, secret);
        if (!v) {
            code = EXIT_FAILED;
            break;
        }
        code = visit_once(v, &again);
        release(v);
        if (!again) {
            break;
        }
        if (i > 0) {
            say("that is not the room code");
        }
        code = read_secret(o, secret, true);
    }
    explicit_bzero(secret, sizeof(secret));
    return code;
}
