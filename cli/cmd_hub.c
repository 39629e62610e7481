/*
 * tenon hub [OPTION]... [DIR]
 *
 *     tenon hub                        a room at port 8000, for the LAN
 *     tenon hub -p 9000 --bind 127.0.0.1 --json
 *
 * Opens a room in which people talk with what they have: a browser, nc -u,
 * socat, a few lines of Python, tenon chat. What is said there is shown on
 * stdout, and kept; files can be shared.
 */
#include <tenon/err.h>
#include <tenon/task.h>

#include "cmd.h"
#include "cmd_hub_int.h"
#include "run.h"
#include "say.h"
#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const langs[] = {"zh", "en", NULL};

static const struct opt opts[] = {
    OPT_INT(struct hub_opts, port, "port", 'p', "PORT", 0, 65535, "-1",
            "The port, of UDP for tenon chat and plain members, of TCP for "
            "browsers; 8000 without it; 0 lets the system choose."),
    OPT_STRING(struct hub_opts, bind, "bind", 0, "ADDR", NULL,
               "Listen on this address only; 127.0.0.1 keeps the room on this "
               "machine."),
    OPT_STRING(struct hub_opts, name, "name", 0, "ROOM", "tenon",
               "What the page calls the room."),
    OPT_WORD(struct hub_opts, lang, "lang", 0, "LANG", langs, "zh",
             "In whose words members hear of joins and leaves."),
    OPT_FLAG(struct hub_opts, no_web, "no-web", 0,
             "No page and no files: members by UDP only."),
    OPT_FLAG(struct hub_opts, no_files, "no-files", 0, "Share no files."),
    OPT_FLAG(struct hub_opts, read_only, "read-only", 0,
             "Files can be fetched, but nobody adds any."),
    OPT_FLAG(struct hub_opts, no_phones, "no-phones", 0,
             "Take no files from phones (LocalSend)."),
    OPT_INT(struct hub_opts, phone_port, "phone-port", 0, "PORT", 0, 65535,
            "53317",
            "The TCP port for phones; 0 lets the system choose. The usual one "
            "is not opened where --bind keeps the room on this machine."),
    OPT_FLAG(struct hub_opts, no_history, "no-history", 0,
             "Keep nothing of what is said."),
    OPT_STRING(struct hub_opts, code_file, "code-file", 0, "FILE", NULL,
               "Who comes needs the code that is the first line of FILE."),
    OPT_FLAG(struct hub_opts, code, "code", 0,
             "Who comes needs a code, which is asked for on the terminal."),
    OPT_FLAG(struct hub_opts, plain, "plain", 0,
             "Let plain members in although there is a code, which they "
             "cannot give."),
    OPT_LIST(struct hub_opts, host, "host", 0, "NAME,...",
             "Names by which browsers may call the hub, beside addresses, "
             "localhost and this machine's own name. Again for more."),
    OPT_FLAG(struct hub_opts, use_tls, "tls", 0,
             "Browsers speak https; without --cert a certificate is made and "
             "its fingerprint printed."),
    OPT_SECURE_OWN(struct hub_opts),
    OPT_FLAG(struct hub_opts, hidden, "hidden", 0,
             "Do not tell the network of the room: tenon find does not show "
             "it."),
    OPT_FLAG(struct hub_opts, json, "json", 0,
             "Show each event as a JSON object on a line of its own."),
    OPT_FLAG(struct hub_opts, quiet, "quiet", 0,
             "Show neither the talk nor how to join."),
    OPT_READY_FD(struct hub_opts),
    OPT_VERBOSE(struct hub_opts),
    OPT_END,
};

static const char *const examples[] = {
    "tenon hub",
    "tenon hub ~/handouts --read-only",
    "tenon hub -p 9000 --bind 127.0.0.1",
    "tenon hub --lang en --json >talk.json",
    NULL,
};

/* --- what is told while it runs --------------------------------------------*/

/* What strangers send could fill the screen: so many lines, then a count. Nor
   may a screen that is full already hold the room up. */
bool
hub_may_tell(struct hub *h)
{
    static const struct bucket_rule rule = {TN_SEC, 10};
    if (!h->o->verbose) {
        return false;
    }
    if (say_waits() || !bucket_take(&h->complaints, &rule, tn_now())) {
        h->untold++;
        return false;
    }
    if (h->untold > 0) {
        say("and %lu lines like these", h->untold);
        h->untold = 0;
    }
    return true;
}

void
hub_on_dropped(void *arg, const tn_addr *from, const char *why)
{
    char text[TN_ADDR_TEXT];
    if (hub_may_tell(arg)) {
        say("%s: %s", where_peer(from, text, sizeof(text)), why);
    }
}

static void
on_answer(void *arg, const tn_addr *peer, const char *what, int status)
{
    char text[TN_ADDR_TEXT], clean[512];
    if (hub_may_tell(arg)) {
        (void)tn_text_clean(clean, sizeof(clean), what, strlen(what));
        say("%s: %s: %d", where_peer(peer, text, sizeof(text)), clean, status);
    }
}

static room_id
find_member(void *arg, const char *name, const tn_addr *from)
{
    const struct hub *h = arg;
    return h->native ? native_member(h->native, name, from) : 0;
}

static void
on_trouble(void *arg, const struct keeper_trouble *t)
{
    const struct hub *h = arg;
    switch (t->news) {
    case KEEPER_FAILS:
        say("%s: %s: what is said now is not kept", h->history,
            tn_strerror(t->err));
        break;
    case KEEPER_WORKS:
        say("%s: what is said is kept again; %lu events are missing",
            h->history, t->lost);
        break;
    case KEEPER_HANGS:
        say("history: the disk does not answer; what is said now may be lost "
            "when the hub ends");
        break;
    case KEEPER_DROPS:
        say("history: the disk does not answer; the oldest of what is not "
            "written is dropped from it");
        break;
    case KEEPER_ANSWERS:
        say("history: the disk answers again; %lu events are missing", t->lost);
        break;
    case KEEPER_ENDS:
        say("history: the disk does not answer; the last %lu events may be "
            "missing",
            t->lost);
        break;
    }
}

static int64_t
wall_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- opening ---------------------------------------------------------------*/

/* Why there is no history, and what one can do about it. */
static int
no_history(struct hub *h, int err)
{
    switch (err) {
    case -EBUSY: /* two rooms share a folder: better one without a past */
        say("%s: another hub has this history; nothing is kept here",
            h->history);
        return EXIT_DONE;
    case -EBADMSG:
        say("%s: damaged, or no history (move it away, or --no-history)",
            h->history);
        break;
    case -EPROTO:
        say("%s: a later version of tenon made this history (--no-history "
            "does without)",
            h->history);
        break;
    default:
        return say_failed(err, NULL);
    }
    return EXIT_FAILED;
}

static int
open_history(struct hub *h)
{
    const struct store_opts how = {.path = h->history};
    if (!h->history[0]) {
        return EXIT_DONE;
    }
    int err = store_open(&h->store, &how);
    if (err < 0) {
        return no_history(h, err);
    }
    room_resume(h->room, store_latest(h->store));
    const struct keeper_disk disk = keeper_disk_of(h->store);
    err = keeper_new(&h->keeper, h->room, &disk, on_trouble, h);
    return err < 0 ? say_failed(tn_fail(err, "open the history", NULL), NULL)
                   : EXIT_DONE;
}

/* The screen first, because it never suspends: see room_attach(). */
static int
open_room(struct hub *h)
{
    int err = room_new(&h->room);
    if (err < 0) {
        return say_failed(tn_fail(err, "open the room", NULL), NULL);
    }
    room_clock(h->room, wall_clock);
    if (!h->o->quiet) {
        err = screen_open(&h->screen);
    }
    if (err == 0 && !h->o->quiet) {
        err = room_attach(h->room, screen_take, &h->screen);
    }
    return err < 0 ? say_failed(err, NULL) : open_history(h);
}

static int
open_refs(struct hub *h)
{
    int err = refs_open(&h->refs, h->room, h->store);
    return err < 0 ? say_failed(err, NULL) : EXIT_DONE;
}

static int
open_web(struct hub *h)
{
    if (h->o->no_web) {
        return EXIT_DONE;
    }
    (void)tn_text_clean(
        h->name, sizeof(h->name), h->o->name,
        tn_text_cut(h->o->name, strlen(h->o->name), WEB_ROOM_NAME));
    if (h->o->use_tls) {
        int code = secure_web_server(&h->tls, &h->o->secure, &h->ep);
        if (code != EXIT_DONE) {
            return code;
        }
    }
    const struct web_opts how = {.name = h->name,
                                 .files = h->files[0] ? h->files : NULL,
                                 .read_only = h->o->read_only,
                                 .guard = &h->guard,
                                 .refs = h->refs,
                                 .member = find_member,
                                 .log = h->o->verbose ? on_answer : NULL,
                                 .arg = h};
    int err = web_open(&h->web, h->room, h->store, &how);
    return err < 0 ? say_failed(err, NULL) : EXIT_DONE;
}

/* Everything that is needed before somebody may come. */
static int
open_all(struct hub *h)
{
    int code = hub_try_doors(h);
    if (code == EXIT_DONE) {
        code = open_room(h);
    }
    if (code == EXIT_DONE) {
        code = hub_guard(h);
    }
    if (code == EXIT_DONE) {
        code = open_refs(h);
    }
    if (code == EXIT_DONE) {
        code = open_web(h);
    }
    if (code == EXIT_DONE) {
        code = hub_doors(h);
    }
    if (code == EXIT_DONE) {
        hub_phones(h);
    }
    return code;
}

/* Say that the room is open, to people and to scripts. */
static int
ready(struct hub *h)
{
    char text[TN_ADDR_TEXT];
    hub_name_folder(h);
    if (!h->o->quiet) {
        hub_announce(h);
    }
    return run_ready(h->o->ready_fd,
                     tn_addr_format(&h->bound, text, sizeof(text)));
}

/* --- running ---------------------------------------------------------------*/

/* The task in which something failed tells why. */
static int
ended(struct hub *h, int err)
{
    if (err != -ECANCELED && h->failed == EXIT_DONE) {
        h->failed = say_failed(err, &h->ep);
    }
    return err;
}

static int
serve_door(void *arg)
{
    struct hub *h = arg;
    return ended(h, door_serve(h->door));
}

static int
serve_native(void *arg)
{
    struct hub *h = arg;
    return ended(h, native_serve(h->native));
}

static int
serve_plain(void *arg)
{
    struct hub *h = arg;
    return ended(h, plain_serve(h->plain));
}

static int
serve_web(void *arg)
{
    struct hub *h = arg;
    return ended(h, web_serve(h->web, h->listener));
}

static void
flush(struct hub *h)
{
    while (h->keeper && keeper_flush(h->keeper)) {
        if (h->plain) {
            plain_flush(h->plain);
        }
    }
    if (h->plain) {
        plain_flush(h->plain);
    }
}

/* Keep, send and show what waits, then the good-bye, although we are
   cancelled. */
static void
farewell(struct hub *h)
{
    tn_scope s;
    tn_shield(&s, HUB_FAREWELL);
    if (h->beacon) {
        beacon_bye(h->beacon);
    }
    flush(h);
    room_close(h->room);
    flush(h);
    if (h->keeper) {
        keeper_end(h->keeper);
    }
    native_flush(h->native);
    screen_flush(&h->screen);
    tn_scope_end(&s);
}

static int
serve(struct hub *h)
{
    const struct {
        bool wanted;
        tn_task_fn *fn;
        void *arg;
    } tasks[] = {
        {h->screen.out != NULL, screen_run, &h->screen},
        {h->keeper != NULL, keeper_run, h->keeper},
        {true, serve_door, h},
        {true, serve_native, h},
        {h->plain != NULL, serve_plain, h},
        {h->web != NULL, serve_web, h},
        {h->phone != NULL, hub_serve_phones, h},
        {h->beacon != NULL, hub_run_beacon, h},
    };

    tn_group g;
    tn_group_init(&g, 0);
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        int err = tasks[i].wanted ? tn_go(&g, tasks[i].fn, tasks[i].arg) : 0;
        if (err < 0) {
            h->failed = say_failed(err, NULL);
            tn_group_cancel(&g);
            break;
        }
    }
    (void)tn_group_wait(&g);
    farewell(h);
    return h->failed;
}

/* The root of the command's tasks. */
static int
run(void *arg)
{
    struct hub *h = arg;
    int code = open_all(h);
    if (code == EXIT_DONE) {
        hub_open_beacon(h);
        code = ready(h);
    }
    if (code == EXIT_DONE) {
        code = serve(h);
    }
    screen_close(&h->screen);
    beacon_close(h->beacon);
    phone_close(h->phone);
    plain_close(h->plain);
    native_close(h->native);
    door_close(h->door);
    tn_close(h->listener);
    web_close(h->web);
    refs_close(h->refs);
    keeper_free(h->keeper);
    store_close(h->store, h->room ? room_latest(h->room) : 0);
    room_free(h->room);
    secure_free(h->tls);
    return code;
}

/* What has no sense without the page; NULL: nothing of that is asked for. */
static const char *
needs_web(const struct hub *h)
{
    const struct hub_opts *o = h->o;
    return h->dir              ? "a folder to share"
           : o->use_tls        ? "--tls"
           : o->host.count > 0 ? "--host"
           : o->read_only      ? "--read-only"
                               : NULL;
}

static int
check(const struct hub *h)
{
    const struct hub_opts *o = h->o;
    if (o->no_web && needs_web(h)) {
        return say_usage("--no-web does not go with %s", needs_web(h));
    }
    if (o->no_files && (h->dir || o->read_only)) {
        return say_usage("--no-files does not go with %s",
                         h->dir ? "a folder to share" : "--read-only");
    }
    if (o->code && o->code_file) {
        return say_usage("--code does not go with --code-file");
    }
    if (o->plain && !o->code && !o->code_file) {
        return say_usage("--plain goes with a room code; without one plain "
                         "members come in anyway");
    }
    return secure_check(&o->secure, o->use_tls, true);
}

static int
cmd_hub(const void *opts_filled, int n, char **words)
{
    struct hub *h = calloc(1, sizeof(*h));
    if (!h) {
        say("out of memory");
        return EXIT_FAILED;
    }
    h->o = opts_filled;
    h->dir = n > 0 ? words[0] : NULL;
    h->screen.json = h->o->json;
    h->screen.lang = (enum dialect_lang)h->o->lang;
    int code = check(h);
    if (code == EXIT_DONE) {
        code = where_bind(&h->ep, TN_UDP, h->o->bind, h->o->port, HUB_PORT);
    }
    if (code == EXIT_DONE) {
        code = hub_places(h);
    }
    if (code == EXIT_DONE) {
        code = run_task(run, h, RUN_SERVER);
    }
    explicit_bzero(h->code, sizeof(h->code));
    free(h);
    return code;
}

const struct command command_hub = {
    .name = "hub",
    .summary = "Open a room for everybody on the network to talk in",
    .operands = "[DIR]",
    .min_operands = 0,
    .max_operands = 1,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct hub_opts),
    .run = cmd_hub,
};
