/*
 * recv_offer.c - what the sender offers, what of it is wanted, what is there.
 */
#include "job.h"
#include "recv_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORTION = 500 };

static int
nonsense(void)
{
    return tn_fail(-EPROTO, "receive", "the sender makes no sense");
}

static int
take_page(struct recv *r, const struct frame *f)
{
    struct cut c = {.p = f->p, .left = f->n};

    if (f->n == 0) {
        return nonsense();
    }
    while (c.left > 0) {
        struct wire_item item;
        int err;

        if (!wire_get_item(&c, &item)) {
            return nonsense();
        }
        if (!path_is_good(item.path, item.path_len)) {
            return tn_fail(-EPROTO, "receive",
                           "the sender offers a path that leads astray");
        }
        err = list_add(&r->list, &item);
        if (err < 0) {
            return tn_fail(err, "receive", "the offer");
        }
    }
    return 0;
}

static int
offered(struct recv *r, const struct frame *f)
{
    struct cut c = {.p = f->p, .left = f->n};
    uint64_t files = cut_uint(&c, 4), folders = cut_uint(&c, 4);
    uint64_t bytes = cut_uint(&c, 8);

    list_sum(&r->list, false, &r->sum);
    if (c.bad || c.left > 0 || files != r->sum.files ||
        folders != r->sum.folders || bytes != (uint64_t)r->sum.bytes) {
        return nonsense();
    }
    return 0;
}

struct checking {
    const struct list *list;
    uint32_t bad;
};

static int
check(void *arg)
{
    struct checking *c = arg;

    return list_check(c->list, &c->bad);
}

static int
read_offer(struct recv *r)
{
    struct checking c = {.list = &r->list};
    struct frame f = {0};
    int err = 0;

    while (err == 0 && f.type != WIRE_OFFERED) {
        err = lane_get(&r->lane, &f);
        if (err < 0) {
            return err;
        }
        err = f.type == WIRE_OFFER     ? take_page(r, &f)
              : f.type == WIRE_OFFERED ? offered(r, &f)
                                       : nonsense();
    }
    if (err == 0) {
        err = job_run(check, &c);
    }
    return err == -EEXIST
               ? tn_fail(-EPROTO, "receive", "two items are in one place")
               : err;
}

static int
ask(struct recv *r)
{
    struct parcel_ask ask = {
        .who = r->who, .sum = &r->sum, .items = r->list.items};
    size_t n = r->list.count > 0 ? r->list.count : 1;

    r->take = malloc(n * sizeof(bool));
    if (!r->take) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        r->take[i] = true;
    }
    ask.take = r->take;
    if (r->opts->max_bytes > 0 && r->sum.bytes > r->opts->max_bytes) {
        return tn_fail(-EFBIG, "receive", "it is more than is taken here");
    }
    return r->opts->ask ? r->opts->ask(r->opts->arg, &ask) : 0;
}

/* ---- what is there ---- */

static void
prepare_file(struct recv *r, uint32_t i)
{
    const struct parcel_item *it = &r->list.items[i];
    struct list_note *note = &r->list.notes[i];
    char name[PARCEL_NAME + 1];
    struct stat st = {0};
    int kind = base_look(r, it, name, &st);

    if (kind < 0) {
        note->answer = WIRE_NO;
        note->mark = (uint32_t)-kind;
    } else if (kind == BASE_NONE || it->kind == PARCEL_STREAM) {
        note->answer = WIRE_TAKE;
    } else {
        note->answer = WIRE_COMPARE;
        r->there += (int64_t)st.st_blocks * 512;
    }
}

/* PARCEL_SKIP: what has the name stays, unless it is the same. */
static bool
is_skipped(struct recv *r, uint32_t i)
{
    const struct parcel_item *it = &r->list.items[i];
    const char *name;
    struct stat st;
    int folder;

    if (r->opts->policy != PARCEL_SKIP || it->kind == PARCEL_FOLDER) {
        return false;
    }
    folder = disk_folder(&r->disk, it->path, &name, false);
    return folder >= 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
prepare_folder(struct recv *r, uint32_t i)
{
    struct list_note *note = &r->list.notes[i];
    int made = disk_mkdir(&r->disk, r->list.items[i].path);

    note->answer = made < 0 ? WIRE_NO : WIRE_TAKE;
    note->mark = (uint32_t)(made < 0 ? -made : made);
    r->made = r->made || made > 0;
}

struct preparing {
    struct recv *r;
    uint32_t at;
};

/* In a worker. */
static int
prepare_portion(void *arg)
{
    struct preparing *p = arg;
    struct recv *r = p->r;

    for (int k = 0; k < PORTION && p->at < r->list.count; k++, p->at++) {
        uint32_t i = p->at;

        if (!r->take[i] || is_skipped(r, i)) {
            r->list.notes[i].answer = WIRE_NO;
        } else if (r->list.items[i].kind == PARCEL_FOLDER) {
            prepare_folder(r, i);
        } else {
            prepare_file(r, i);
        }
    }
    return 0;
}

static int
check_room(struct recv *r)
{
    int64_t need = 0, has = disk_free(&r->disk);

    for (uint32_t i = 0; i < r->list.count; i++) {
        if (r->list.notes[i].answer != WIRE_NO &&
            __builtin_add_overflow(need, r->list.notes[i].space, &need)) {
            need = INT64_MAX;
        }
    }
    if (need - r->there <= has) {
        return 0;
    }
    (void)snprintf(
        r->why, sizeof(r->why), "%lld MB are needed, %lld MB are free",
        (long long)((need - r->there) / 1000000), (long long)(has / 1000000));
    return tn_fail(-ENOSPC, "receive", r->why);
}

static int
prepare(struct recv *r)
{
    struct preparing p = {.r = r};
    int err = 0;

    if (r->out) {
        for (uint32_t i = 0; i < r->list.count; i++) {
            r->list.notes[i].answer =
                r->take[i] && r->list.items[i].kind != PARCEL_FOLDER ? WIRE_TAKE
                                                                     : WIRE_NO;
        }
        return 0;
    }
    while (err == 0 && p.at < r->list.count) {
        err = job_run(prepare_portion, &p);
        if (err == 0) {
            err = tn_checkpoint();
        }
    }
    return err < 0 ? err : check_room(r);
}

/* ---- the answer ---- */

static int
put_answers(struct recv *r)
{
    uint32_t at = 0;

    while (at < r->list.count) {
        uint32_t left = r->list.count - at;
        uint32_t count = left < 4 * WIRE_PAGE ? left : 4 * WIRE_PAGE;
        size_t n = (count + 3) / 4;
        int err;
        uint8_t *room = lane_room(&r->lane, n, &err);

        if (!room) {
            return err;
        }
        memset(room, 0, n);
        for (uint32_t i = 0; i < count; i++) {
            room[i / 4] |=
                (uint8_t)(r->list.notes[at + i].answer << 2 * (i % 4));
        }
        lane_commit(&r->lane, WIRE_ANSWER, n);
        at += count;
    }
    return lane_flush(&r->lane);
}

/* What needs no data has its end here. */
static int
settle(struct recv *r)
{
    int err = 0;

    for (uint32_t i = 0; i < r->list.count && err == 0; i++) {
        const struct list_note *note = &r->list.notes[i];
        const struct parcel_item *it = &r->list.items[i];

        if (note->answer != WIRE_NO && it->kind == PARCEL_FOLDER) {
            err = recv_done(r, i, PARCEL_DONE, 0, it->path);
        } else if (note->answer == WIRE_NO && note->mark != 0) {
            err = recv_done(r, i, PARCEL_FAILED, -(int)note->mark,
                            tn_strerror(-(int)note->mark));
        } else if (note->answer == WIRE_NO) {
            err = recv_done(r, i, PARCEL_SKIPPED, 0, "");
        }
    }
    return err < 0 ? err : lane_flush(&r->lane);
}

int
recv_offer(struct recv *r)
{
    struct parcel_sum taken;
    struct parcel_event ev = {
        .what = PARCEL_OFFER, .sum = &r->sum, .who = r->who};
    int err = read_offer(r);

    if (err < 0) {
        return err;
    }
    r->window = lane_window(&r->sum);
    teller_tell(&r->teller, &ev);
    err = ask(r);
    if (err == 0) {
        err = prepare(r);
    }
    if (err == 0) {
        err = put_answers(r);
    }
    if (err < 0) {
        return err;
    }
    list_sum(&r->list, true, &taken);
    ev.what = PARCEL_ANSWER;
    ev.sum = &taken;
    teller_tell(&r->teller, &ev);
    return settle(r);
}
