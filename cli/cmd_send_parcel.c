/*
 * To tenon recv: connect, give the code, send; and once more if the connection
 * was lost, until it is done or too long has gone by.
 */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/seal.h>
#include <tenon/task.h>

#include "cmd_send_int.h"
#include "question.h"
#include "say.h"
#include "secret.h"
#include "where.h"

#include <stdio.h>
#include <string.h>

/* --- connecting ------------------------------------------------------------*/

static int
dial_found(const struct send *s, tn_sock **sock, const tn_dial_opts *how)
{
    const struct send_place *p = &s->place;
    int err = -EHOSTUNREACH;
    for (int i = 0; i < p->count && err < 0 && err != -ECANCELED; i++) {
        char host[TN_ADDR_TEXT];
        err = tn_create_connection(
            sock, tn_addr_host(&p->addr[i], host, sizeof(host)),
            tn_addr_port(&p->addr[i]), how);
    }
    return err;
}

static int
dial(struct send *s, tn_sock **sock)
{
    const tn_dial_opts how = {
        .timeout = SEND_DIAL,
        .family = where_family(s->o->only4, s->o->only6),
    };
    tn_addr peer;
    int err = s->place.count > 0 ? dial_found(s, sock, &how)
                                 : tn_dial_endpoint(sock, &s->place.ep, &how);
    if (err == 0 && tn_getpeername(*sock, &peer) == 0) {
        (void)where_peer(&peer, s->at, sizeof(s->at));
    }
    return err;
}

/* --- the code --------------------------------------------------------------*/

int
outbox_read_code(struct send *s)
{
    const char *path = s->o->code_file;
    ssize_t n = secret_of_file(path, s->room_code, sizeof(s->room_code));
    if (n < 0) {
        say("--code-file %s: %s", path, tn_strerror((int)n));
        return EXIT_FAILED;
    }
    if (n == 0) {
        return say_usage("--code-file %s: its first line is empty", path);
    }
    /* A hub's may be longer: whether this will do is seen when it is used. */
    s->has_code = pairing_read(s->code, s->room_code);
    return EXIT_DONE;
}

int
outbox_ask_code(struct send *s, const char *prompt)
{
    char typed[PAIRING_TYPED];
    ssize_t n = 0;
    progress_clear(&s->progress);
    bool on = s->progress.on;
    s->progress.on = false;
    do {
        n = question_ask(prompt, typed, sizeof(typed));
    } while (n == -EMSGSIZE || (n >= 0 && !pairing_read(s->code, typed)));
    s->progress.on = on;
    tn_wipe(typed, sizeof(typed));
    if (n == -ENXIO) {
        say("%s wants a code, and there is no terminal to ask for it "
            "(--code-file FILE reads it; - is stdin)",
            s->place.shown);
        return -EXIT_USAGE;
    }
    if (n < 0) {
        return -EXIT_FAILED;
    }
    s->has_code = true;
    s->asked++;
    return (int)n;
}

/* Ask when somebody answers there: whoever reads a code off another screen
   should not have done it for nothing. */
static int
get_code(struct send *s)
{
    char prompt[SEND_SHOWN + 32];
    tn_sock *sock = NULL;
    if (s->o->secure.insecure || s->has_code) {
        return EXIT_DONE;
    }
    if (s->o->code_file) {
        return say_usage("--code-file %s: its first line has to be a code of "
                         "1 to %d characters",
                         s->o->code_file, PARCEL_CODE);
    }
    int err = dial(s, &sock);
    if (err < 0) {
        return say_failed(err, &s->place.ep);
    }
    tn_close(sock);
    (void)snprintf(prompt, sizeof(prompt), "Code of %s: ", s->place.shown);
    int n = outbox_ask_code(s, prompt);
    return n < 0 ? -n : EXIT_DONE;
}

/* The code was another one. EXIT_DONE: there is a new one to try. */
static int
wrong_code(struct send *s)
{
    progress_clear(&s->progress);
    if (s->o->code_file || s->asked >= SEND_TRIES || !question_may()) {
        say("%s: that is not its code%s", s->place.shown,
            s->report.paired ? " any more (it was started anew)" : "");
        return EXIT_REFUSED;
    }
    say("that is not its code; it shows a new one now");
    int n = outbox_ask_code(s, "Code: ");
    return n < 0 ? -n : EXIT_DONE;
}

/* --- once more -------------------------------------------------------------*/

bool
outbox_wait(struct send *s)
{
    int64_t now = tn_now();
    if (s->lost == 0 || s->report.all_done > s->reached) {
        s->lost = now;
        s->reached = s->report.all_done;
        s->wait = SEND_AGAIN_MIN;
    }
    int64_t left = s->lost + s->o->retry_for - now;
    if (left <= 0) {
        return false;
    }
    report_lost(&s->report, &s->result, s->wait);
    int64_t wait = s->wait < left ? s->wait : left;
    s->wait = 2 * s->wait < SEND_AGAIN_MAX ? 2 * s->wait : SEND_AGAIN_MAX;
    return tn_sleep(wait) == 0;
}

static int
say_refused(const struct send *s, int err)
{
    const char *who = s->report.who[0] ? s->report.who : s->place.shown;
    if (err == -EACCES) {
        say("%s did not take it%s%s", who, s->result.reason[0] ? ": " : "",
            s->result.reason);
    } else if (s->o->secure.insecure) {
        say("%s wants a code (so without --insecure)", who);
    } else {
        say("%s takes files without a code only (--insecure, if that is "
            "meant)",
            who);
    }
    return EXIT_REFUSED;
}

static int
say_why(const struct send *s, int err)
{
    char sum[REPORT_SUM];
    switch (err) {
    case -EACCES:
    case -EPROTONOSUPPORT:
        return say_refused(s, err);
    case -EPROTO:
        say("%s: no tenon recv answers there", s->at);
        return EXIT_FAILED;
    case -ESTALE:
        say("%s (the same again sends it as it is now)", tn_why());
        return EXIT_FAILED;
    case -EFBIG:
        say("%s takes less than that: %s", s->place.shown,
            report_sum(&s->report.offered, sum));
        return EXIT_REFUSED;
    default:
        break;
    }
    if (report_is_partial(err, &s->result)) {
        return EXIT_FAILED;
    }
    if (report_is_left(err)) {
        say("%s was ended (the same again goes on)", s->place.shown);
        return EXIT_REFUSED;
    }
    if (s->result.reason[0]) { /* it is the receiver's trouble, not ours */
        say("%s: %s", s->place.shown, s->result.reason);
        return EXIT_FAILED;
    }
    return say_failed(err, &s->place.ep);
}

/* --- sending ---------------------------------------------------------------*/

static int
one_try(struct send *s)
{
    const struct parcel_send_opts how = {
        .code = s->o->secure.insecure ? NULL : s->code,
        .who = s->who,
        .told = report_told,
        .arg = &s->report,
    };
    tn_sock *sock = NULL;
    memset(&s->result, 0, sizeof(s->result));
    int err = dial(s, &sock);
    if (err == 0) {
        err = parcel_send(sock, s->parcel, &how, &s->result);
    }
    tn_close(sock);
    return err;
}

/* 0: done; 1: once more; an exit code, negative. */
static int
judge(struct send *s, int err)
{
    if (err == 0) {
        return 0;
    }
    if (err == TN_ECERT && !s->o->secure.insecure) {
        int code = wrong_code(s);
        return code == EXIT_DONE ? 1 : -code;
    }
    if (!report_is_lost(err) || !s->report.paired) {
        return -say_why(s, err);
    }
    if (s->report.streams) {
        int code = say_failed(err, NULL);
        say("what comes by a pipe cannot be sent again");
        return -code;
    }
    if (outbox_wait(s)) {
        return 1;
    }
    int code = err == -ETIME ? EXIT_TIMEOUT : EXIT_FAILED;
    if (tn_checkpoint() == 0) {
        say("%s; no connection for too long (the same again goes on)",
            tn_why());
    }
    return -code;
}

int
outbox_to_recv(struct send *s)
{
    int code = EXIT_DONE;
    if (s->place.known && !s->place.has_code && !s->o->secure.insecure) {
        return say_refused(s, -EPROTONOSUPPORT);
    }
    code = get_code(s);
    int r = 1;
    int err = 0;
    while (code == EXIT_DONE && r == 1) {
        err = one_try(s);
        r = judge(s, err);
        code = r < 0 ? -r : EXIT_DONE;
    }
    if (s->report.paired) {
        report_end(&s->report, &s->result, err, code);
    }
    return code;
}
