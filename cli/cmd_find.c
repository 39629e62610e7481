/*
 * tenon find [OPTION]... [NAME]
 *
 *     tenon find                 who is here: hubs and receivers
 *     tenon find --watch --json  and who comes and goes
 *     tenon find --doctor        why nobody is found
 */
#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include "cmd.h"
#include "cmd_find_int.h"
#include "parcel/phone.h"
#include "run.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const kinds[] = {"all", "hub", "recv", "phone", NULL};

enum { KIND_ALL, KIND_HUB, KIND_RECV, KIND_PHONE };

static const struct opt opts[] = {
    OPT_WORD(struct find_opts, kind, "kind", 0, "KIND", kinds, "all",
             "Whom to look for: rooms, those who take files, or phones."),
    OPT_TIME(struct find_opts, wait, "wait", 'w', "TIME", 50 * TN_MS, TN_MIN,
             "1s", "How long to wait for answers."),
    OPT_FLAG(struct find_opts, watch, "watch", 0,
             "Go on, and tell who comes, changes and leaves."),
    OPT_FLAG(struct find_opts, doctor, "doctor", 0,
             "Look at every network and say what keeps answers away."),
    OPT_FLAG(struct find_opts, json, "json", 0,
             "A JSON object for each, on a line of its own."),
    OPT_END,
};

static const char *const examples[] = {
    "tenon find",
    "tenon find --kind recv --wait 3",
    "tenon find --kind phone --wait 4",
    "tenon find --watch --json",
    "tenon find --doctor",
    NULL,
};

struct find {
    const struct find_opts *o;
    const char *name; /* NULL: all */
    unsigned kinds;
    tn_sock *out;
    tn_chan *queue; /* of the watch: struct text */
    unsigned long lost;
    int phone_count;
    struct beacon_found found[BEACON_FOUND + PHONE_FOUND];
};

/* By the room's or owner's name, or the machine's; case does not matter. */
static bool
is_wanted(const struct find *f, const struct beacon_card *c)
{
    return !f->name || strcasecmp(f->name, c->name) == 0 ||
           strcasecmp(f->name, c->text) == 0;
}

/* --- once ------------------------------------------------------------------*/

static bool
is_it(void *arg, const struct beacon_found *found)
{
    return is_wanted(arg, &found->card);
}

/* Leave those out whose name is another. */
static int
choose(struct find *f, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (is_wanted(f, &f->found[i].card)) {
            f->found[count++] = f->found[i];
        }
    }
    return n < 0 ? n : count;
}

static int
show_all(struct find *f, int count)
{
    char line[FIND_LINE];
    int width = 0, code = EXIT_DONE;
    for (int i = 0; i < count; i++) {
        int w = find_width(&f->found[i]);
        width = w > width ? w : width;
    }
    for (int i = 0; i < count && code == EXIT_DONE; i++) {
        size_t n = f->o->json ? find_json(line, "found", &f->found[i])
                              : find_words(line, NULL, &f->found[i], width);
        code = find_out(f->out, line, n);
    }
    return code;
}

static int
nobody(const struct find *f)
{
    static const char *const whos[] = {[KIND_ALL] = "nobody",
                                       [KIND_HUB] = "no hub",
                                       [KIND_RECV] = "no receiver",
                                       [KIND_PHONE] = "no phone"};
    const char *who = whos[f->o->kind];
    if (f->name) {
        say("%s: %s of that name answered (tenon find --doctor looks for the "
            "reason)",
            f->name, who);
    } else {
        say("%s answered (tenon hub opens a room; tenon find --doctor looks "
            "for the reason)",
            who);
    }
    return EXIT_FAILED;
}

/* Behind the others: a task, arg is the search. */
static int
look_for_phones(void *arg)
{
    struct find *f = arg;
    int n = find_phones(f->found + BEACON_FOUND, PHONE_FOUND, f->o->wait,
                        f->o->kind == KIND_PHONE);
    f->phone_count = n > 0 ? n : 0;
    return 0;
}

static int
look_for_beacons(struct find *f)
{
    const struct beacon_ask ask = {.kinds = f->kinds,
                                   .wait = f->o->wait,
                                   .first = f->name != NULL,
                                   .is_it = is_it,
                                   .arg = f};
    return f->o->kind == KIND_PHONE
               ? 0
               : choose(f, beacon_find(&ask, f->found, BEACON_FOUND));
}

/* Both ways at the same time. */
static int
look(struct find *f)
{
    bool phones = f->o->kind == KIND_ALL || f->o->kind == KIND_PHONE;
    tn_group g;
    tn_group_init(&g, TN_KEEP_GOING);
    int err = phones ? tn_go(&g, look_for_phones, f) : 0;
    int n = err < 0 ? err : look_for_beacons(f);
    if (n < 0 || (n > 0 && f->name)) {
        tn_group_cancel(&g);
    }
    err = tn_group_wait(&g);
    if (n < 0 || err < 0) {
        return n < 0 ? n : err;
    }
    memmove(f->found + n, f->found + BEACON_FOUND,
            (size_t)f->phone_count * sizeof(f->found[0]));
    return choose(f, n + f->phone_count);
}

static int
once(struct find *f)
{
    int n = look(f);
    if (n == -ENETDOWN) {
        say("there is no network to ask on (tenon find --doctor tells more)");
        return EXIT_FAILED;
    }
    if (n < 0) {
        return say_failed(n, NULL);
    }
    return n > 0 ? show_all(f, n) : nobody(f);
}

/* --- the watch -------------------------------------------------------------*/

struct text {
    size_t n;
    char line[FIND_LINE];
};

static void
on_event(void *arg, enum beacon_event what, const struct beacon_found *found)
{
    static const char *const words[] = {
        [BEACON_CAME] = "came",
        [BEACON_MOVED] = "changed",
        [BEACON_LEFT] = "left",
        [BEACON_LOST] = "lost",
    };
    struct find *f = arg;
    struct text t;
    if (!is_wanted(f, &found->card)) {
        return;
    }
    t.n = f->o->json ? find_json(t.line, words[what], found)
                     : find_words(t.line, words[what], found, 21);
    if (tn_chan_try_send(f->queue, &t) < 0) {
        f->lost++;
    }
}

static int
write_lines(void *arg)
{
    struct find *f = arg;
    for (;;) {
        struct text t;
        int err = tn_chan_recv(f->queue, &t);
        if (err < 0) {
            return err;
        }
        if (f->lost > 0) {
            say("stdout is slow: %lu lines were left out", f->lost);
            f->lost = 0;
        }
        if (find_out(f->out, t.line, t.n) != EXIT_DONE) {
            return -EPIPE;
        }
    }
}

static int
watch_all(void *arg)
{
    struct find *f = arg;
    const struct beacon_watch w = {
        .kinds = f->kinds, .event = on_event, .arg = f};
    int err = beacon_watch(&w);
    if (err == -EADDRINUSE) {
        say("UDP port %d: a program has it for itself (tenon find --doctor "
            "names it)",
            BEACON_PORT);
    } else if (err == -ENETDOWN) {
        say("there is no network to watch");
    } else if (err != -ECANCELED) {
        (void)say_failed(err, NULL);
    }
    return err;
}

static int
watch(struct find *f)
{
    int err = tn_chan_new(&f->queue, sizeof(struct text), FIND_QUEUE);
    tn_group g;
    if (err < 0) {
        return say_failed(err, NULL);
    }
    tn_group_init(&g, 0);
    err = tn_go(&g, write_lines, f);
    if (err == 0) {
        err = tn_go(&g, watch_all, f);
    }
    if (err < 0) {
        tn_group_cancel(&g);
    }
    int end = tn_group_wait(&g);
    tn_chan_free(f->queue);
    return err < 0 || end < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* --- the command -----------------------------------------------------------*/

static int
run(void *arg)
{
    struct find *f = arg;
    int err = run_wrap(&f->out, 1);
    if (err < 0) {
        return say_failed(err, NULL);
    }
    int code = f->o->doctor  ? find_doctor(f->out, f->o)
               : f->o->watch ? watch(f)
                             : once(f);
    tn_close(f->out);
    return code;
}

static int
cmd_find(const void *opts_filled, int n, char **words)
{
    const struct find_opts *o = opts_filled;
    if (o->doctor && (o->watch || n > 0)) {
        return say_usage("--doctor does not go with %s",
                         o->watch ? "--watch" : "a name");
    }
    if (o->watch && o->kind == KIND_PHONE) {
        return say_usage("--watch does not go with phones: they do not say "
                         "good-bye");
    }
    struct find *f = calloc(1, sizeof(*f));
    if (!f) {
        say("out of memory");
        return EXIT_FAILED;
    }
    f->o = o;
    f->name = n > 0 ? words[0] : NULL;
    f->kinds = o->kind == 0 ? 0 : 1u << o->kind;
    int code = run_task(run, f, o->watch ? RUN_SERVER : RUN_ONCE);
    free(f);
    return code;
}

const struct command command_find = {
    .name = "find",
    .summary = "Tell who is here: rooms, receivers and phones",
    .operands = "[NAME]",
    .min_operands = 0,
    .max_operands = 1,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct find_opts),
    .run = cmd_find,
};
