/*
 * recv.c - the receiver's session.
 */
#include "recv_int.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    ACK_PART = 4,   /* of the window: said when so much came */
    KEPT_FREE = 24, /* descriptors that are for others */
};

void
recv_tell(struct recv *r, enum parcel_what what, const struct parcel_item *item,
          int err, const char *final)
{
    struct parcel_event ev = {.what = what,
                              .item = item,
                              .done = r->in.is_open ? r->in.pos : item->size,
                              .all_done = r->all_done,
                              .err = err,
                              .final = final};

    teller_tell(&r->teller, &ev);
}

static void
count(struct recv *r, uint32_t item, enum parcel_what what)
{
    uint8_t *state = &r->list.notes[item].state;

    if (what == PARCEL_DONE) {
        *state = LIST_DONE;
        r->result->done++;
    } else if (what == PARCEL_SKIPPED) {
        *state = LIST_SKIPPED;
        r->result->skipped++;
    } else {
        *state = LIST_FAILED;
        r->result->failed++;
    }
}

int
recv_done(struct recv *r, uint32_t item, enum parcel_what what, int err,
          const char *text)
{
    size_t most = what == PARCEL_FAILED ? PARCEL_REASON : PARCEL_PATH;
    struct wire_done d = {.item = item,
                          .what = what,
                          .err = err,
                          .text = text,
                          .text_len = strnlen(text, most)};
    int lost;
    uint8_t *room;
    struct pen p;

    count(r, item, what);
    recv_tell(r, what, &r->list.items[item], err, text[0] ? text : NULL);
    room = lane_room(&r->lane, 8 + d.text_len, &lost);
    if (!room) {
        return lost;
    }
    p.p = room;
    wire_put_done(&p, &d);
    lane_commit(&r->lane, WIRE_DONE, (size_t)(p.p - room));
    return 0;
}

/* ---- the session ---- */

static int
hello(struct recv *r)
{
    const char *who = r->opts->who ? r->opts->who : "";
    struct parcel_event ev = {.what = PARCEL_PAIRED, .who = r->who};
    struct frame f;
    int err = lane_put(&r->lane, WIRE_HELLO, who, strnlen(who, PARCEL_WHO));

    if (err == 0) {
        err = lane_flush(&r->lane);
    }
    if (err == 0) {
        err = lane_get(&r->lane, &f);
    }
    if (err < 0) {
        return err;
    }
    if (f.type != WIRE_HELLO) {
        return tn_fail(-EPROTO, "receive", "no sender is there");
    }
    lane_clean(r->who, sizeof(r->who), (const char *)f.p, f.n);
    teller_tell(&r->teller, &ev);
    return 0;
}

static int
acknowledge(struct recv *r)
{
    uint8_t bytes[8];
    struct pen p = {bytes};

    if (r->lane.got - r->acked < r->window / ACK_PART) {
        return 0;
    }
    r->acked = r->lane.got;
    pen_uint(&p, r->acked, 8);
    return lane_put(&r->lane, WIRE_ACK, bytes, sizeof(bytes));
}

/* The next frame; while nothing comes, files that are whole get their names. */
static int
next(struct recv *r, struct frame *f)
{
    int err;

    if (!lane_is_here(&r->lane)) {
        err = lane_flush(&r->lane);
        if (err < 0) {
            return err;
        }
        if (r->ready_n > 0) {
            tn_scope limit;

            tn_deadline(&limit, RECV_READY_TIME);
            err = lane_get(&r->lane, f);
            if (!tn_scope_end(&limit) || err != -ETIME) {
                return err;
            }
            err = ready_flush(r);
            if (err == 0) {
                err = lane_flush(&r->lane);
            }
            if (err < 0) {
                return err;
            }
        }
    }
    return lane_get(&r->lane, f);
}

static int
take(struct recv *r, const struct frame *f)
{
    struct wire_ask a;

    switch (f->type) {
    case WIRE_ASK:
        return wire_get_ask(f->p, f->n, &a) && !r->out ? base_asked(r, &a)
                                                       : -EPROTO;
    case WIRE_BEGIN:
    case WIRE_DATA:
    case WIRE_HOLE:
    case WIRE_SAME:
    case WIRE_END:
        return recv_item_frame(r, f);
    case WIRE_FIN:
        r->is_final = !r->in.is_open;
        return r->is_final ? 0 : -EPROTO;
    default:
        return tn_fail(-EPROTO, "receive", "the sender makes no sense");
    }
}

/* What was taken and never came. */
static int
settle(struct recv *r)
{
    int err = 0;

    for (uint32_t i = 0; i < r->list.count && err == 0; i++) {
        if (r->list.notes[i].state == LIST_OPEN) {
            err = recv_done(r, i, PARCEL_FAILED, -ECANCELED,
                            "the sender did not send it");
        }
    }
    return err;
}

static int
say_final(struct recv *r)
{
    uint8_t bytes[12];
    struct pen p = {bytes};
    int err;

    pen_uint(&p, r->result->done, 4);
    pen_uint(&p, r->result->skipped, 4);
    pen_uint(&p, r->result->failed, 4);
    err = lane_put(&r->lane, WIRE_FINAL, bytes, sizeof(bytes));
    return err < 0 ? err : lane_flush(&r->lane);
}

static int
items(struct recv *r)
{
    int err = 0;

    while (err >= 0 && !r->is_final) {
        struct frame f;

        err = next(r, &f);
        if (err > 0) {
            err = take(r, &f);
        }
        if (err == 0) {
            err = acknowledge(r);
        }
    }
    if (err == 0) {
        err = ready_flush(r);
    }
    if (err == 0) {
        err = settle(r);
    }
    if (err == 0 && !r->out) {
        err = ready_folders(r);
    }
    return err < 0 ? err : say_final(r);
}

static int
body(void *arg)
{
    struct recv *r = arg;
    int err = hello(r);

    if (err == 0) {
        err = recv_offer(r);
    }
    if (err == 0) {
        err = items(r);
    }
    if (err < 0) {
        r->err = err;
    }
    tn_group_cancel(&r->group); /* who only stands by */
    return err;
}

int
recv_run(struct recv *r, tn_task_fn *work, bool is_plain)
{
    int err;

    tn_group_init(&r->group, 0);
    err = tn_go(&r->group, work, r);
    if (err == 0 && !is_plain) {
        err = tn_go(&r->group, lane_pulse, &r->lane);
    }
    if (err == 0 && r->opts->told) {
        err = tn_go(&r->group, teller_run, &r->teller);
    }
    if (err < 0) {
        r->err = err;
        tn_group_cancel(&r->group);
    }
    err = tn_group_wait(&r->group);
    teller_flush(&r->teller);
    return err < 0 && (r->err == 0 || r->err == -ECANCELED) ? err : r->err;
}

/* What is whole gets its name, also when the connection is gone: nobody has to
   send it again. */
static void
keep_whole(struct recv *r)
{
    tn_scope shield;

    recv_item_stop(r);
    base_forget(r);
    tn_shield(&shield, 10 * TN_SEC);
    (void)!ready_flush(r);
    (void)tn_scope_end(&shield);
    ready_stop(r);
}

static int
run(struct recv *r, tn_sock *sock)
{
    int64_t timeout = tn_gettimeout(sock);
    int err = greet(sock, WIRE_RECEIVER, r->opts->code);

    if (err < 0) {
        return err;
    }
    (void)tn_settimeout(sock, PARCEL_SILENCE);
    err = recv_run(r, body, false);
    if (err < 0 && r->lane.bye == 0) {
        const char *why = r->why[0]           ? r->why
                          : err == -ECANCELED ? "the receiver gave up"
                          : err == -EACCES    ? "the receiver refused it"
                                              : tn_strerror(err);

        lane_bye(&r->lane, err, why);
    }
    keep_whole(r);
    (void)tn_settimeout(sock, timeout);
    if (err == 0 && r->result->failed > 0) {
        err = tn_fail(-EIO, "receive", "some items failed");
    }
    return err;
}

static int
open_target(struct recv *r)
{
    int err;

    r->disk.root = -1;
    r->disk.last = -1;
    if (r->opts->out >= 0) {
        return tn_wrap(&r->out, r->opts->out);
    }
    err = disk_open(&r->disk, r->opts->dir);
    return err < 0 ? tn_fail(err, "open", r->opts->dir) : 0;
}

/* A quarter of the descriptors, less what others need, for what is compared;
   half for what waits for its name. */
static void
share_descriptors(struct recv *r)
{
    struct rlimit limit;
    unsigned n = UINT_MAX;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < n) {
        n = limit.rlim_cur > KEPT_FREE ? (unsigned)limit.rlim_cur - KEPT_FREE
                                       : 0;
    }
    r->bases_most = n / 4 < 1 ? 1 : n / 4 < WIRE_ASKS ? n / 4 : WIRE_ASKS;
    r->ready_most = n / 2 < 1 ? 1 : n / 2 < RECV_READY ? n / 2 : RECV_READY;
}

int
recv_new(struct recv **out, tn_sock *sock, const struct parcel_recv_opts *opts,
         struct parcel_result *result)
{
    struct recv *r = calloc(1, sizeof(*r));
    int err;

    *out = r;
    *result = (struct parcel_result){0};
    if (!r) {
        return -ENOMEM;
    }
    r->opts = opts;
    r->result = result;
    r->in.part = -1;
    share_descriptors(r);
    err = open_target(r);
    if (err == 0) {
        err = teller_init(&r->teller, opts->told, opts->arg);
    }
    return err < 0 ? err : lane_init(&r->lane, sock, result->reason);
}

void
recv_free(struct recv *r)
{
    if (!r) {
        return;
    }
    (void)tn_close(r->out);
    disk_close(&r->disk);
    lane_fini(&r->lane);
    teller_fini(&r->teller);
    list_fini(&r->list);
    free(r->take);
    free(r->block);
    free(r);
}

int
parcel_receive(tn_sock *sock, const struct parcel_recv_opts *opts,
               struct parcel_result *result)
{
    struct recv *r;
    int err = recv_new(&r, sock, opts, result);

    if (err == 0) {
        err = run(r, sock);
    }
    recv_free(r);
    return err;
}
