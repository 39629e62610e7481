/*
 * send.c - the sender's session: greeting, offer, answer, items, end.
 */
#include "job.h"
#include "send_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
send_tell(struct send *s, struct parcel_event *ev)
{
    ev->all_done = s->all_done + s->done;
    teller_tell(&s->teller, ev);
}

int
send_wait(struct send *s)
{
    char news;

    return tn_chan_recv(s->news, &news);
}

/* ---- before the items ---- */

static int
hello(struct send *s)
{
    const char *who = s->opts->who ? s->opts->who : "";
    struct parcel_event ev = {.what = PARCEL_PAIRED, .who = s->who};
    struct frame f;
    int err = lane_put(&s->lane, WIRE_HELLO, who, strnlen(who, PARCEL_WHO));

    if (err == 0) {
        err = lane_flush(&s->lane);
    }
    if (err == 0) {
        err = lane_get(&s->lane, &f);
    }
    if (err < 0) {
        return err;
    }
    if (f.type != WIRE_HELLO) {
        return tn_fail(-EPROTO, "send", "no receiver is there");
    }
    lane_clean(s->who, sizeof(s->who), (const char *)f.p, f.n);
    send_tell(s, &ev);
    return 0;
}

static int
offer_page(struct send *s, uint32_t *at)
{
    const struct list *l = &s->p->list;
    int err;
    uint8_t *room = lane_room(&s->lane, WIRE_PAGE, &err);
    struct pen p = {room};

    if (!room) {
        return err;
    }
    while (*at < l->count) {
        const struct parcel_item *it = &l->items[*at];
        struct wire_item item = {
            .kind = it->kind,
            .mode = it->mode,
            .size = it->size,
            .space = l->notes[*at].space,
            .mtime = it->mtime,
            .path = it->path,
            .path_len = strlen(it->path),
        };

        if ((size_t)(p.p - room) + WIRE_ITEM + item.path_len > WIRE_PAGE) {
            break;
        }
        wire_put_item(&p, &item);
        ++*at;
    }
    lane_commit(&s->lane, WIRE_OFFER, (size_t)(p.p - room));
    return 0;
}

static int
offer(struct send *s)
{
    struct parcel_sum sum;
    struct parcel_event ev = {.what = PARCEL_OFFER, .sum = &sum, .who = s->who};
    uint8_t bytes[16];
    struct pen p = {bytes};
    uint32_t at = 0;
    int err = 0;

    parcel_sum_of(s->p, &sum, NULL);
    s->window = lane_window(&sum);
    send_tell(s, &ev);
    while (at < s->p->list.count && err == 0) {
        err = offer_page(s, &at);
    }
    pen_uint(&p, sum.files, 4);
    pen_uint(&p, sum.folders, 4);
    pen_uint(&p, (uint64_t)sum.bytes, 8);
    if (err == 0) {
        err = lane_put(&s->lane, WIRE_OFFERED, bytes, sizeof(bytes));
    }
    return err < 0 ? err : lane_flush(&s->lane);
}

static bool
take_answers(struct list *l, uint32_t *at, const struct frame *f)
{
    for (size_t i = 0; i < f->n; i++) {
        for (int k = 0; k < 8 && *at < l->count; k += 2) {
            unsigned answer = f->p[i] >> k & 3;

            if (answer > WIRE_COMPARE) {
                return false;
            }
            l->notes[*at].answer = (uint8_t)answer;
            ++*at;
        }
    }
    return f->n > 0;
}

static int
answer(struct send *s)
{
    struct list *l = &s->p->list;
    struct parcel_sum sum;
    struct parcel_event ev = {.what = PARCEL_ANSWER, .sum = &sum};
    uint32_t at = 0;

    while (at < l->count) {
        struct frame f;
        int err = lane_get(&s->lane, &f);

        if (err < 0) {
            return err;
        }
        if (f.type != WIRE_ANSWER || !take_answers(l, &at, &f)) {
            return tn_fail(-EPROTO, "send", "the receiver makes no sense");
        }
    }
    list_sum(l, true, &sum);
    send_tell(s, &ev);
    return 0;
}

/* ---- the items ---- */

static int
items(struct send *s)
{
    const struct list *l = &s->p->list;
    int err = send_ask(s);

    for (uint32_t i = 0; i < l->count && err == 0; i++) {
        if (l->notes[i].answer != WIRE_NO && l->notes[i].state == LIST_OPEN &&
            l->items[i].kind != PARCEL_FOLDER) {
            err = send_item(s, i);
        }
    }
    if (err == 0) {
        s->is_fin = true;
        err = lane_put(&s->lane, WIRE_FIN, NULL, 0);
    }
    if (err == 0) {
        err = lane_flush(&s->lane);
    }
    while (err == 0 && !s->is_final) {
        err = send_wait(s);
    }
    return err;
}

static int
body(void *arg)
{
    struct send *s = arg;
    int err = hello(s);

    if (err == 0) {
        err = offer(s);
    }
    if (err == 0) {
        err = answer(s);
    }
    if (err == 0) {
        err = tn_go(&s->group, send_reader, s);
    }
    if (err == 0) {
        err = items(s);
    }
    if (err < 0 && s->err == 0) {
        s->err = err;
    }
    tn_group_cancel(&s->group); /* who only stands by */
    return err;
}

/* ---- around it ---- */

static void
reset(parcel *p)
{
    for (uint32_t i = 0; i < p->list.count; i++) {
        p->list.notes[i].answer = WIRE_NO;
        p->list.notes[i].state = LIST_OPEN;
    }
}

static int
session(struct send *s)
{
    int err;

    tn_group_init(&s->group, 0);
    err = tn_go(&s->group, body, s);
    if (err == 0) {
        err = tn_go(&s->group, lane_pulse, &s->lane);
    }
    if (err == 0 && s->opts->told) {
        err = tn_go(&s->group, teller_run, &s->teller);
    }
    if (err < 0) {
        s->err = err;
        tn_group_cancel(&s->group);
    }
    err = tn_group_wait(&s->group);
    teller_flush(&s->teller);
    if (s->is_final) {
        return 0;
    }
    return err < 0 && (s->err == 0 || s->err == -ECANCELED) ? err : s->err;
}

/* The receiver ended it while we wrote: why, it has said before. */
static int
last_word(struct send *s, int err)
{
    struct frame f;
    tn_scope limit;

    if (err != -EPIPE && err != -ECONNRESET) {
        return err;
    }
    tn_deadline(&limit, TN_SEC);
    while (s->lane.bye == 0 && lane_get(&s->lane, &f) > 0) {
    }
    (void)tn_scope_end(&limit);
    return s->lane.bye < 0 ? s->lane.bye : err;
}

static int
verdict(const struct send *s, int err)
{
    if (err < 0) {
        return err;
    }
    if (s->is_stale) {
        return tn_fail(-ESTALE, "send", "something changed meanwhile");
    }
    return s->result->failed > 0 ? tn_fail(-EIO, "send", "some items failed")
                                 : 0;
}

static int
run(struct send *s, tn_sock *sock)
{
    int64_t timeout = tn_gettimeout(sock);
    int err = greet(sock, WIRE_SENDER, s->opts->code);

    if (err < 0) {
        return err;
    }
    (void)tn_settimeout(sock, PARCEL_SILENCE);
    err = last_word(s, session(s));
    if (err < 0 && s->lane.bye == 0) {
        lane_bye(&s->lane, err,
                 err == -ECANCELED ? "the sender gave up" : tn_strerror(err));
    }
    (void)tn_settimeout(sock, timeout);
    return verdict(s, err);
}

int
parcel_send(tn_sock *sock, parcel *p, const struct parcel_send_opts *opts,
            struct parcel_result *result)
{
    struct send *s = calloc(1, sizeof(*s));
    int err;

    *result = (struct parcel_result){0};
    if (!s) {
        return -ENOMEM;
    }
    s->p = p;
    s->opts = opts;
    s->result = result;
    reset(p);
    err = tn_chan_new(&s->news, 1, 1);
    if (err == 0) {
        err = teller_init(&s->teller, opts->told, opts->arg);
    }
    if (err == 0) {
        err = lane_init(&s->lane, sock, result->reason);
    }
    if (err == 0) {
        err = run(s, sock);
    }
    send_forget(s);
    tn_chan_free(s->news);
    teller_fini(&s->teller);
    lane_fini(&s->lane);
    free(s);
    return err;
}
