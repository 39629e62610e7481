/*
 * One sender: it is given a try of the code, then the engine works, then it is
 * told how that ended.
 */
#include <tenon/err.h>
#include <tenon/seal.h>

#include "cmd_recv_int.h"
#include "say.h"
#include "where.h"

#include <inttypes.h>
#include <string.h>

/* --- seats -----------------------------------------------------------------*/

/* Whoever says nothing keeps nobody out: of those who have not paired, of an
   address or of all (NULL), the oldest goes. False: all have. */
static bool
make_room(struct recv *r, const tn_addr *peer)
{
    struct recv_session *oldest = NULL;
    for (int i = 0; i < RECV_SESSIONS; i++) {
        struct recv_session *s = &r->session[i];
        if (s->used && !s->paired && !s->ended && !s->stale &&
            (!peer || inbox_same_host(&s->peer, peer)) &&
            (!oldest || s->since < oldest->since)) {
            oldest = s;
        }
    }
    if (oldest) {
        oldest->stale = true;
        tn_scope_cancel(&oldest->scope);
    }
    return oldest != NULL;
}

struct recv_session *
inbox_seat(struct recv *r, const tn_addr *peer, bool clear)
{
    struct recv_session *s = NULL;
    int same = 0, used = 0;
    for (int i = 0; i < RECV_SESSIONS; i++) {
        const struct recv_session *t = &r->session[i];
        s = t->used ? s : &r->session[i];
        used += t->used && !t->stale;
        same += t->used && !t->stale && inbox_same_host(&t->peer, peer);
    }
    if (!s || r->over || (same >= RECV_OF_ONE && !make_room(r, peer))) {
        return NULL;
    }
    if (same < RECV_OF_ONE && used >= RECV_SESSIONS - 1) {
        (void)!make_room(r, NULL); /* the next one finds a seat, too */
    }
    memset(s, 0, sizeof(*s));
    s->used = true;
    s->since = tn_now();
    s->r = r;
    s->peer = *peer;
    (void)where_peer(peer, s->at, sizeof(s->at));
    s->report = (struct report){
        .json = r->o->json,
        .quiet = r->o->quiet,
        .verbose = r->o->verbose,
        .clear = clear,
        .session = r->o->once ? 0 : (int)++r->count,
        .peer = s->at,
    };
    return s;
}

/* --- codes -----------------------------------------------------------------*/

/* Who was about to try the code that is burnt has to come again: else as many
   as are connected could try it, and not one. */
static void
burn(struct recv *r)
{
    r->serial++;
    for (int i = 0; i < RECV_SESSIONS; i++) {
        struct recv_session *s = &r->session[i];
        if (s->used && !s->paired && !s->ended) {
            s->stale = true;
            tn_scope_cancel(&s->scope);
        }
    }
}

void
inbox_wrong_code(struct recv *r, const char *at)
{
    r->wrong++;
    burn(r);
    progress_clear(&r->progress);
    if (r->o->json) {
        report_json_begin("wrong");
        report_json_text("peer", at);
        report_json_number("count", r->wrong);
        report_json_end();
    }
    if (r->wrong >= RECV_WRONG) {
        say("%s gave a wrong code; that was the %dth, and no more are tried "
            "(somebody may be guessing)",
            at, RECV_WRONG);
        inbox_over(r, EXIT_REFUSED);
        return;
    }
    say("%s gave a wrong code (%d of %d)", at, r->wrong, RECV_WRONG);
    if (r->o->code_file) {
        r->closed = tn_now() + (RECV_BACK_OFF << (r->wrong - 1));
    } else {
        pairing_new(r->code);
        inbox_tell_code(r);
    }
}

static void
wrong_code(struct recv_session *s)
{
    /* One that is burnt was worth nothing any more. */
    if (s->serial == s->r->serial && !s->r->over) {
        inbox_wrong_code(s->r, s->at);
    }
}

/* Take the code of this moment, after the wait that a wrong one costs. */
static int
take_code(struct recv_session *s)
{
    struct recv *r = s->r;
    while (r->closed > tn_now()) {
        int err = tn_sleep(r->closed - tn_now());
        if (err < 0) {
            return err;
        }
    }
    s->serial = r->serial;
    memcpy(s->code, r->code, sizeof(s->code));
    return 0;
}

/* --- what the engine tells -------------------------------------------------*/

void
inbox_told(void *arg, const struct parcel_event *ev)
{
    struct recv_session *s = arg;
    struct recv *r = s->r;
    if (ev->what == PARCEL_PAIRED && !s->paired) {
        if (s->stale || s->serial != r->serial) {
            s->stale = true;
            tn_scope_cancel(&s->scope);
            return;
        }
        s->paired = true;
    }
    if (!r->shown && s->report.answered && ev->item) {
        r->shown = &s->report;
        report_show(&s->report, &r->progress);
    }
    report_told(&s->report, ev);
}

/* --- how it ended ----------------------------------------------------------*/

/* Whom we do not know could fill the screen. */
static void
say_stranger(struct recv_session *s, const char *what)
{
    static const struct bucket_rule rule = {TN_SEC, 10};
    struct recv *r = s->r;
    if (!r->o->quiet && !say_waits() &&
        bucket_take(&r->strangers, &rule, tn_now())) {
        progress_clear(&r->progress);
        say("%s: %s", s->at, what);
    }
}

static void
end_of_stranger(struct recv_session *s, int err)
{
    if (err == TN_ECERT) {
        wrong_code(s);
    } else if (err == -EPROTONOSUPPORT && s->r->o->insecure) {
        say_stranger(s, "wants to be asked for a code, and here is none "
                        "(--insecure there, too, or nowhere)");
    } else if (err == -EPROTONOSUPPORT) {
        say_stranger(s, "wants to send without a code (--insecure there), "
                        "which is not taken here");
    } else if (s->r->o->verbose) {
        say_stranger(s, err == -EPROTO ? "is no sender" : tn_why());
    }
}

static int
exit_code(int err)
{
    if (err == -EACCES || err == -EFBIG) {
        return EXIT_REFUSED;
    }
    if (err == -ETIME || err == -ETIMEDOUT) {
        return EXIT_TIMEOUT;
    }
    return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* Neither a stream, nor the plain form, nor a phone says where to go on. */
static bool
keeps_parts(const struct recv_session *s)
{
    return s->r->out < 0 && !s->r->o->plain && !s->phone;
}

static void
say_end(const struct recv_session *s, const struct parcel_result *result,
        int err)
{
    const char *who = s->report.who[0] ? s->report.who : s->at;
    char sum[REPORT_SUM];
    if (err == -EACCES && s->refused) {
        return; /* it was told when it happened */
    }
    if (err == -EACCES) {
        say("%s gave up%s%s", who, result->reason[0] ? ": " : "",
            result->reason);
    } else if (err == -EFBIG) {
        say("refused %s of %s: --max-size allows less",
            report_sum(&s->report.offered, sum), who);
    } else if (report_is_lost(err) || report_is_left(err)) {
        say("%s: %s%s", who, report_is_left(err) ? "was ended" : tn_why(),
            keeps_parts(s) ? "; what came is kept for when it comes again"
                           : "");
    } else if (err < 0 && !report_is_partial(err, result)) {
        say("%s: %s%s", who, tn_why(),
            err == -ENOSPC ? " (the same again goes on when there is room)"
                           : "");
    }
}

static void
end_of_session(struct recv_session *s, const struct parcel_result *result,
               int err)
{
    struct recv *r = s->r;
    int code = exit_code(err);
    bool again = (report_is_lost(err) || report_is_left(err)) && r->out < 0;
    if (r->over || err == -ECANCELED) {
        return;
    }
    report_end(&s->report, result, err, code);
    if (!r->o->json || err != 0) {
        say_end(s, result, err);
    }
    if (r->o->once && !again && !s->turned) {
        inbox_over(r, code);
    }
}

/* --- the session -----------------------------------------------------------*/

void
inbox_over(struct recv *r, int code)
{
    if (!r->over) {
        r->over = true;
        r->code_of_exit = code;
        tn_group_cancel(&r->group);
    }
}

enum parcel_policy
inbox_policy(const struct recv_opts *o)
{
    return o->skip        ? PARCEL_SKIP
           : o->overwrite ? PARCEL_OVERWRITE
                          : PARCEL_RENAME;
}

static int
work(struct recv_session *s, tn_sock *conn, struct parcel_result *result)
{
    struct recv *r = s->r;
    const struct parcel_recv_opts how = {
        .code = r->o->insecure || r->o->plain ? NULL : s->code,
        .who = r->who,
        .dir = r->dir,
        .out = r->out,
        .policy = inbox_policy(r->o),
        .max_bytes = r->o->max_size,
        .ask = inbox_ask,
        .told = inbox_told,
        .arg = s,
    };
    int err = how.code ? take_code(s) : 0;
    if (err < 0) {
        return err;
    }
    return r->o->plain ? parcel_receive_plain(conn, &how, result)
                       : parcel_receive(conn, &how, result);
}

void
inbox_leave(struct recv_session *s, const struct parcel_result *result, int err)
{
    struct recv *r = s->r;
    s->ended = true;
    if (s->paired && !s->stale) {
        end_of_session(s, result, err);
    } else if (!s->stale && err != -ECANCELED) {
        end_of_stranger(s, err);
    }
    if (r->shown == &s->report) {
        progress_clear(&r->progress);
        r->progress.on = false;
        r->shown = NULL;
    }
    tn_wipe(s->code, sizeof(s->code));
    s->used = false;
}

int
inbox_one(tn_sock *conn, const tn_addr *peer, void *arg)
{
    struct recv *r = arg;
    struct parcel_result result;
    bool clear = r->o->insecure || r->o->plain;
    struct recv_session *s = inbox_seat(r, peer, clear);
    tn_task_name("sender");
    if (!s) {
        return -EBUSY;
    }
    memset(&result, 0, sizeof(result));
    s->paired = r->o->plain; /* there is nothing to be guessed */
    s->report.paired = s->paired;
    tn_deadline(&s->scope, TN_FOREVER);
    int err = work(s, conn, &result);
    (void)tn_scope_end(&s->scope);
    inbox_leave(s, &result, err);
    return err;
}
