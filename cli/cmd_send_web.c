/*
 * To a hub, or into a folder on the web that may be written.
 */
#include <tenon/err.h>
#include <tenon/httpc.h>
#include <tenon/task.h>

#include "cmd_send_int.h"
#include "parcel/upload.h"
#include "question.h"
#include "say.h"
#include "where.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The hub reads a file once more before it says that all is right. */
#define WEB_ANSWER (5 * TN_MIN)

struct web_way {
    struct send *s;
    tn_tls *tls;
    tn_httpc *client;
    struct upload_place place;
};

static int
open_client(struct web_way *w)
{
    const struct send_opts *o = w->s->o;
    tn_httpc_opts how = {
        .connect_time = SEND_DIAL,
        .head_time = WEB_ANSWER,
        .max_redirects = -1,
        .family = where_family(o->only4, o->only6),
    };
    int code = secure_client(&w->tls, &o->secure);
    if (code != EXIT_DONE) {
        return code;
    }
    how.tls = w->tls;
    int err = tn_httpc_new(&w->client, &how);
    return err < 0 ? say_failed(err, NULL) : EXIT_DONE;
}

/* --- the room's code -------------------------------------------------------*/

/* An exit code; EXIT_DONE: there is one to try. */
static int
ask_room_code(struct web_way *w)
{
    struct send *s = w->s;
    if (s->o->code_file && s->asked++ == 0) {
        return EXIT_DONE;
    }
    if (s->o->code_file || s->asked >= SEND_TRIES) {
        say("%s: that is not the room's code", s->place.shown);
        return EXIT_REFUSED;
    }
    progress_clear(&s->progress);
    ssize_t n = question_ask("Room code: ", s->room_code, sizeof(s->room_code));
    s->asked++;
    if (n == -ENXIO) {
        say("%s wants a code, and there is no terminal to ask for it "
            "(--code-file FILE reads it; - is stdin)",
            s->place.shown);
        return EXIT_USAGE;
    }
    return n < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int
enter(struct web_way *w)
{
    int code = EXIT_DONE;
    int err = w->place.has_code ? -EACCES : 0;
    while (err == -EACCES && code == EXIT_DONE) {
        if (w->s->asked > 0 && !w->s->o->code_file) {
            say("that is not the room's code");
        }
        code = ask_room_code(w);
        if (code == EXIT_DONE) {
            err = upload_enter(&w->place, w->client, w->s->room_code);
        }
    }
    if (code != EXIT_DONE) {
        return code;
    }
    if (err == -EAGAIN) {
        say("%s: too many codes were wrong; try later", w->s->place.shown);
        return EXIT_REFUSED;
    }
    return err < 0 ? say_failed(err, NULL) : EXIT_DONE;
}

/* --- sending ---------------------------------------------------------------*/

static int
say_why(const struct send *s, int err)
{
    static const tn_endpoint tls = {.transport = TN_TLS};
    switch (err) {
    case -EACCES:
        say("%s takes no files%s%s", s->place.shown,
            s->result.reason[0] ? ": " : "", s->result.reason);
        return EXIT_REFUSED;
    case -EIO: /* each of them was told */
        return EXIT_FAILED;
    case -ENOSPC:
        say("%s: its disk is full (the same again goes on when there is room)",
            s->place.shown);
        return EXIT_FAILED;
    case -EPROTO:
        say("%s: no hub, and no folder that takes files (tenon serve "
            "--writable offers one)",
            s->place.shown);
        return EXIT_FAILED;
    default:
        return say_failed(err, &tls);
    }
}

/* 0: done; 1: once more; an exit code, negative. */
static int
judge(struct web_way *w, int err)
{
    struct send *s = w->s;
    if (err == -EKEYREJECTED) {
        w->place.has_code = true;
        int code = enter(w);
        return code == EXIT_DONE ? 1 : -code;
    }
    if (!report_is_lost(err) || !s->report.answered || s->report.streams) {
        return err == 0 ? 0 : -say_why(s, err);
    }
    if (outbox_wait(s)) {
        return 1;
    }
    return tn_checkpoint() == 0 ? -say_why(s, err) : -EXIT_FAILED;
}

static int
send_all(struct web_way *w)
{
    struct send *s = w->s;
    const struct upload_opts how = {
        .who = s->who, .told = report_told, .arg = &s->report};
    int r = 1;
    int err = 0;
    while (r == 1) {
        memset(&s->result, 0, sizeof(s->result));
        err = upload_send(&w->place, w->client, s->parcel, &how, &s->result);
        r = judge(w, err);
    }
    if (s->report.paired) {
        report_end(&s->report, &s->result, err, r < 0 ? -r : EXIT_DONE);
    }
    return r < 0 ? -r : EXIT_DONE;
}

int
outbox_to_web(struct send *s)
{
    struct web_way *w = calloc(1, sizeof(*w));
    if (!w) {
        say("out of memory");
        return EXIT_FAILED;
    }
    w->s = s;
    s->report.clear = strncasecmp(s->place.url, "https:", 6) != 0;
    s->report.peer = s->place.url;
    int code = open_client(w);
    if (code == EXIT_DONE) {
        int err = upload_knock(&w->place, w->client, s->place.url);
        code = err < 0 ? say_why(s, err) : EXIT_DONE;
    }
    if (code == EXIT_DONE) {
        code = enter(w);
    }
    if (code == EXIT_DONE) {
        code = send_all(w);
    }
    upload_fini(&w->place);
    tn_httpc_free(w->client);
    secure_free(w->tls);
    free(w);
    return code;
}
