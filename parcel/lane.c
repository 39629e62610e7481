/*
 * lane.c - frames in and out.
 */
#include "lane.h"

#include <tenon/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a last word may take. */
#define LAST_WORD TN_SEC

enum { IN_CAP = LANE_IN + LANE_ROOM, OUT_CAP = LANE_GATHER + LANE_ROOM };

enum { WINDOW_LEAST = 256 << 10, WINDOW_MOST = 16 << 20, WINDOW_PART = 128 };

uint64_t
lane_window(const struct parcel_sum *sum)
{
    uint64_t part = (uint64_t)sum->bytes / WINDOW_PART;

    if (sum->is_unsized || part > WINDOW_MOST) {
        return WINDOW_MOST;
    }
    /* The block that goes over it is within the part, too. */
    return part > WINDOW_LEAST + PARCEL_BLOCK ? part - PARCEL_BLOCK
                                              : WINDOW_LEAST;
}

int
lane_init(struct lane *l, tn_sock *sock, char *reason)
{
    *l = (struct lane){.sock = sock, .reason = reason};
    l->in = malloc(IN_CAP);
    l->out = malloc(OUT_CAP);
    l->spoke = tn_now();
    l->heard = l->spoke;
    if (!l->in || !l->out) {
        lane_fini(l);
        return -ENOMEM;
    }
    return 0;
}

void
lane_fini(struct lane *l)
{
    free(l->in);
    free(l->out);
    l->in = NULL;
    l->out = NULL;
}

void
lane_clean(char *dst, size_t cap, const char *src, size_t n)
{
    (void)tn_text_clean(dst, cap, src, n);
}

/* ---- in ---- */

static size_t
head_size(const uint8_t *p)
{
    return (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
}

bool
lane_is_here(const struct lane *l)
{
    size_t have = l->have - l->at;

    return have >= WIRE_HEAD && have - WIRE_HEAD >= head_size(l->in + l->at);
}

/* Until `need` bytes are there. Little is read ahead, so that a block lands
   where it stays. */
static int
fill(struct lane *l, size_t need)
{
    if (l->at == l->have) {
        l->at = 0;
        l->have = 0;
    } else if (l->at > 0 && l->at + need > LANE_IN) {
        memmove(l->in, l->in + l->at, l->have - l->at);
        l->have -= l->at;
        l->at = 0;
    }
    while (l->have - l->at < need) {
        size_t want = need - (l->have - l->at);
        ssize_t n;

        if (need == WIRE_HEAD && l->have < LANE_IN) {
            want = LANE_IN - l->have;
        }
        n = tn_recv(l->sock, l->in + l->have, want, 0);
        if (n <= 0) {
            return n < 0 ? (int)n
                         : tn_fail(-ECONNRESET, "receive", "the peer left");
        }
        l->have += (size_t)n;
        l->heard = tn_now();
    }
    return 0;
}

static int
heard_bye(struct lane *l, const struct frame *f)
{
    struct wire_bye b;

    if (!wire_get_bye(f->p, f->n, &b)) {
        return -EPROTO;
    }
    lane_clean(l->reason, PARCEL_REASON + 1, b.why, b.why_len);
    l->bye = b.err == 0 || b.err == -ECANCELED ? -ESHUTDOWN : b.err;
    /* Most reasons are what the code says anyway. */
    return strcmp(l->reason, tn_strerror(l->bye)) == 0 || !l->reason[0]
               ? tn_fail(l->bye, "the peer", NULL)
               : tn_fail(l->bye, "the peer says:", l->reason);
}

int
lane_get(struct lane *l, struct frame *f)
{
    for (;;) {
        int r = fill(l, WIRE_HEAD);
        uint8_t *p;

        if (r < 0) {
            return r;
        }
        p = l->in + l->at;
        f->type = p[0];
        f->n = head_size(p);
        if (wire_most(f->type) == 0 || f->n > wire_most(f->type)) {
            return tn_fail(-EPROTO, "receive", "no frame of a transfer");
        }
        r = fill(l, WIRE_HEAD + f->n);
        if (r < 0) {
            return r;
        }
        f->p = l->in + l->at + WIRE_HEAD;
        l->at += WIRE_HEAD + f->n;
        if (f->type == WIRE_BYE) {
            return heard_bye(l, f);
        }
        if (f->type != WIRE_KEEP) {
            l->got += WIRE_HEAD + f->n;
            return 1;
        }
    }
}

/* ---- out ---- */

/* A peer that waits for its disk, and says so, is not to be given up. */
static bool
is_patient(struct lane *l)
{
    if (tn_now() - l->heard >= PARCEL_SILENCE || tn_checkpoint() < 0) {
        return false;
    }
    tn_send_resume(l->sock);
    return true;
}

int
lane_flush(struct lane *l)
{
    l->spoke = tn_now();
    while (l->gone < l->used) {
        size_t sent = 0;
        ssize_t r =
            tn_sendall(l->sock, l->out + l->gone, l->used - l->gone, &sent);

        l->gone += sent;
        l->spoke = tn_now();
        if (r < 0 && (r != -ETIME || !is_patient(l))) {
            return (int)r;
        }
    }
    l->used = 0;
    l->gone = 0;
    return 0;
}

/* What a flush that was given up did not send; nothing, if it sent nothing. */
static int
finish_flush(struct lane *l)
{
    ssize_t r = 0;

    if (l->gone > 0 && l->gone < l->used) {
        tn_send_resume(l->sock);
        r = tn_sendall(l->sock, l->out + l->gone, l->used - l->gone, NULL);
    }
    l->used = 0;
    l->gone = 0;
    return r < 0 ? (int)r : 0;
}

uint8_t *
lane_room(struct lane *l, size_t n, int *err)
{
    *err = 0;
    if (l->used > LANE_GATHER || l->used + WIRE_HEAD + n > OUT_CAP) {
        *err = lane_flush(l);
    }
    return *err < 0 ? NULL : l->out + l->used + WIRE_HEAD;
}

void
lane_commit(struct lane *l, unsigned type, size_t n)
{
    struct pen p = {l->out + l->used};

    pen_uint(&p, type, 1);
    pen_uint(&p, n, 4);
    l->used += WIRE_HEAD + n;
    l->put += WIRE_HEAD + n;
}

int
lane_put(struct lane *l, unsigned type, const void *src, size_t n)
{
    int err;
    uint8_t *room = lane_room(l, n, &err);

    if (!room) {
        return err;
    }
    if (n > 0) {
        memcpy(room, src, n);
    }
    lane_commit(l, type, n);
    return 0;
}

void
lane_bye(struct lane *l, int err, const char *why)
{
    size_t n = strnlen(why, PARCEL_REASON);
    uint8_t frame[WIRE_HEAD + 1 + PARCEL_REASON];
    struct pen p = {frame};
    tn_scope shield;

    pen_uint(&p, WIRE_BYE, 1);
    pen_uint(&p, 1 + n, 4);
    pen_uint(&p, wire_code(err), 1);
    pen_bytes(&p, why, n);
    tn_shield(&shield, LAST_WORD);
    if (finish_flush(l) == 0) {
        (void)!tn_sendall(l->sock, frame, (size_t)(p.p - frame), NULL);
    }
    (void)tn_scope_end(&shield);
}

int
lane_pulse(void *arg)
{
    static const uint8_t keep[WIRE_HEAD] = {WIRE_KEEP};
    struct lane *l = arg;

    tn_task_name("parcel pulse");
    for (;;) {
        int64_t quiet = tn_now() - l->spoke;
        int r;

        if (quiet >= LANE_PULSE) {
            ssize_t n = tn_sendall(l->sock, keep, sizeof(keep), NULL);

            if (n < 0) {
                return (int)n;
            }
            l->spoke = tn_now();
            continue;
        }
        r = tn_sleep(LANE_PULSE - quiet);
        if (r < 0) {
            return r;
        }
    }
}
