/*
 * tenon talk: one conversation.
 *
 * Each direction is a task with a buffer of its own, and neither looks at the
 * other: up reads stdin and sends, down receives and writes stdout. The end of
 * one is passed on at once (up ends the sending side, down ends stdout), and
 * when both have ended the conversation has.
 *
 * What ends it before: a reset, a failing stdin or stdout, -w, -q. A send that
 * fails because the peer takes no more ends only up: what the peer still has
 * to say is heard.
 */
#include <tenon/err.h>
#include <tenon/frame.h>

#include "cmd_talk_int.h"
#include "codec.h"
#include "opt.h"
#include "say.h"
#include "where.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct flow {
    struct talk *t;
    const struct talk_peer *peer;
    tn_framer *framer; /* with --frame */
    struct talk_out out;
    tn_group group;
    int64_t moved_at; /* when bytes last passed */
    bool gram;
    bool up_done, down_done;
    int code; /* of the first failure */
};

/* --- ends ----------------------------------------------------------------- */

static void
end_all(struct flow *f, int code)
{
    if (f->code == EXIT_DONE) {
        f->code = code;
    }
    tn_group_cancel(&f->group);
}

/* Only the first failure is told: the others follow from it. */
static void
failed(struct flow *f, int err)
{
    if (f->code == EXIT_DONE && err != -ECANCELED) {
        f->code = say_failed(err, &f->t->ep);
    }
}

static void
check_done(struct flow *f)
{
    if (f->up_done && f->down_done) {
        tn_group_cancel(&f->group); /* the timers */
    }
}

static bool
peer_takes_no_more(const struct flow *f, int err)
{
    return !f->gram && (err == -EPIPE || err == -ECONNRESET);
}

/* --- up: stdin to the network --------------------------------------------- */

static int
send_message(struct flow *f, const tn_view *piece)
{
    char why[CODEC_WHY];
    int err = tn_framer_write(f->framer, piece->data, piece->len);
    if (err < 0 && f->code == EXIT_DONE &&
        codec_why_unsent(&f->t->codec, piece->data, piece->len, why,
                         sizeof(why))) {
        say("--frame %s: %s", f->t->o->frame, why);
        f->code = EXIT_FAILED;
    }
    return err;
}

static int
send_piece(struct flow *f, const tn_view *piece)
{
    const struct talk_peer *p = f->peer;
    int err = talk_out_sent(&f->out, piece->data, piece->len);
    if (err < 0) {
        return err;
    }
    if (f->framer) {
        return send_message(f, piece);
    }
    ssize_t n;
    if (p->to) {
        n = tn_sendto(p->sock, piece->data, piece->len, 0, p->to);
    } else if (f->gram) {
        n = tn_send(p->sock, piece->data, piece->len, 0);
    } else {
        n = tn_sendall(p->sock, piece->data, piece->len, NULL);
    }
    return n < 0 ? (int)n : 0;
}

static int
send_input(struct flow *f, struct talk_in *in)
{
    tn_view piece;
    int r;
    while ((r = talk_in_next(in, &piece)) > 0) {
        r = send_piece(f, &piece);
        f->moved_at = tn_now();
        if (r < 0) {
            failed(f, r);
            if (!peer_takes_no_more(f, r)) {
                return r;
            }
            talk_in_close(f->t);
            return 0;
        }
        if (f->t->o->interval && tn_sleep(f->t->o->interval) < 0) {
            return -ECANCELED;
        }
    }
    if (r < 0) {
        failed(f, r);
    } else if (!f->gram) {
        (void)tn_shutdown(f->peer->sock, SHUT_WR); /* a reset shows below */
    }
    return r;
}

/* After the end of input: -q waits that long, and datagrams, which have no
   end, until all is quiet. */
static void
linger(struct flow *f)
{
    const struct talk_opts *o = f->t->o;
    if (o->quit >= 0) {
        if (tn_sleep(o->quit) == 0) {
            end_all(f, EXIT_DONE);
        }
        return;
    }
    if (!f->gram || f->peer->endless || o->wait >= 0) {
        return;
    }
    for (;;) {
        int64_t left = f->moved_at + TALK_QUIET - tn_now();
        if (left <= 0) {
            end_all(f, EXIT_DONE);
            return;
        }
        if (tn_sleep(left) < 0) {
            return;
        }
    }
}

static int
up(void *arg)
{
    struct flow *f = arg;
    struct talk_in in;
    tn_task_name("up");
    int r = talk_in_init(&in, f->t);
    if (r < 0) {
        failed(f, r);
    } else {
        r = send_input(f, &in);
    }
    talk_in_fini(&in);
    if (r < 0) {
        tn_group_cancel(&f->group);
        return 0;
    }
    f->moved_at = tn_now();
    f->up_done = true;
    check_done(f);
    linger(f);
    return 0;
}

/* --- down: the network to stdout ------------------------------------------ */

/* The framer knows that a message is bad; how, its bytes tell. */
static int
receive_message(struct flow *f, tn_view *msg)
{
    char why[CODEC_WHY];
    tn_view rest;
    int r = tn_framer_read(f->framer, msg);
    if (r >= 0 || f->code != EXIT_DONE) {
        return r;
    }
    tn_framer_rest(f->framer, &rest);
    if (rest.len > 0 &&
        codec_why_unread(&f->t->codec, rest.data, rest.len, why, sizeof(why))) {
        say("--frame %s: %s", f->t->o->frame, why);
        f->code = EXIT_FAILED;
    }
    return r;
}

/* What one receive returns: 1, 0 at the end, or negative. */
static int
receive_piece(struct flow *f, uint8_t *buf, tn_view *piece)
{
    if (f->framer) {
        return receive_message(f, piece);
    }
    for (;;) {
        tn_addr from;
        const tn_addr *only = f->peer->only;
        size_t full;
        ssize_t n =
            only ? tn_recvfrom(f->peer->sock, buf, TALK_BUF, 0, &from, &full)
                 : tn_recv(f->peer->sock, buf, TALK_BUF, 0);
        if (n < 0) {
            return (int)n;
        }
        piece->data = buf;
        piece->len = (size_t)n;
        if (!only || tn_addr_equal(&from, only)) {
            return f->gram || n > 0;
        }
    }
}

static int
print_all(struct flow *f, uint8_t *buf)
{
    tn_view piece;
    int r;
    while ((r = receive_piece(f, buf, &piece)) > 0) {
        f->moved_at = tn_now();
        r = talk_out_put(&f->out, piece.data, piece.len);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

static int
down(void *arg)
{
    struct flow *f = arg;
    uint8_t *buf = malloc(TALK_BUF);
    tn_task_name("down");
    int r = buf ? print_all(f, buf) : tn_fail(-ENOMEM, "receive", NULL);
    free(buf);
    if (r < 0) {
        failed(f, r);
        tn_group_cancel(&f->group);
        return 0;
    }
    f->down_done = true;
    if (!f->up_done && (f->t->in_tty || f->t->o->verbose)) {
        say("the other side has ended%s",
            f->t->in_tty ? "; Ctrl-D ends this one" : "");
    }
    talk_out_close(f->t);
    check_done(f);
    return 0;
}

/* --- -w ------------------------------------------------------------------- */

static int
watch(void *arg)
{
    struct flow *f = arg;
    char text[OPT_VALUE_TEXT];
    int64_t limit = f->t->o->wait;
    tn_task_name("watch");
    for (;;) {
        int64_t left = f->moved_at + limit - tn_now();
        if (left <= 0) {
            break;
        }
        if (tn_sleep(left) < 0) {
            return 0;
        }
    }
    if (f->gram && f->up_done) {
        end_all(f, EXIT_DONE); /* the only end that datagrams have */
        return 0;
    }
    say("nothing came or went for %s (-w)",
        opt_format(OPT_IS_DURATION, limit, text, sizeof(text)));
    end_all(f, EXIT_TIMEOUT);
    return 0;
}

/* --- the whole ------------------------------------------------------------ */

static int
start(struct flow *f)
{
    int err = tn_go(&f->group, down, f);
    if (err == 0 && f->t->in) {
        err = tn_go(&f->group, up, f);
    }
    if (err == 0 && f->t->o->wait >= 0) {
        err = tn_go(&f->group, watch, f);
    }
    return err;
}

int
talk_flow(struct talk *t, const struct talk_peer *peer)
{
    struct flow f = {.t = t, .peer = peer, .out = {.t = t}};
    int err = 0;
    f.gram = where_is_gram(&t->ep);
    f.moved_at = tn_now();
    f.up_done = t->in == NULL;
    if (t->o->frame) {
        err = tn_framer_new(&f.framer, peer->sock, &t->codec);
    }
    if (err < 0) {
        return say_failed(err, &t->ep);
    }
    tn_group_init(&f.group, 0);
    err = start(&f);
    if (err < 0) {
        failed(&f, err);
        tn_group_cancel(&f.group);
    }
    (void)tn_group_wait(&f.group);
    tn_framer_free(f.framer);
    if (t->o->verbose) {
        say("sent %" PRIu64 " bytes, received %" PRIu64, f.out.sent,
            f.out.received);
    }
    return f.code;
}
