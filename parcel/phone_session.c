/*
 * phone_session.c - what was agreed on. A session is found by its number until
 * it is over, and released when the last one left it.
 */
#include <tenon/err.h>

#include "phone_int.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not more than so many moves are told. */
#define TOLD (TN_SEC / 20)

/* --- making ----------------------------------------------------------------*/

static int
add_file(struct phone_session *s, const struct phone_offered *o)
{
    struct phone_file *f = &s->files[s->count];

    f->offered = o;
    f->state = PHONE_LEFT;
    if (!phone_random(f->secret, sizeof(f->secret))) {
        return -EIO;
    }
    s->items[s->count] = (struct parcel_item){.kind = PARCEL_FILE,
                                              .index = s->count,
                                              .path = o->path,
                                              .size = o->size,
                                              .mtime = o->mtime,
                                              .mode = 0666};
    s->take[s->count] = true;
    s->sum.files++;
    s->sum.bytes += o->size;
    s->count++;
    return 0;
}

static int
fill(struct phone_session *s)
{
    unsigned char dice[PHONE_SECRET];
    int err = 0;

    s->files = calloc(s->offer.count, sizeof(*s->files));
    s->items = calloc(s->offer.count, sizeof(*s->items));
    s->take = calloc(s->offer.count, sizeof(*s->take));
    if (!s->files || !s->items || !s->take) {
        return -ENOMEM;
    }
    if (!phone_random(dice, sizeof(dice))) {
        return -EIO;
    }
    phone_hex(s->id, dice, sizeof(dice));
    for (uint32_t i = 0; i < s->offer.count && err == 0; i++) {
        if (s->offer.files[i].path) {
            err = add_file(s, &s->offer.files[i]);
        }
    }
    return err;
}

static void
release(struct phone_session *s)
{
    phone_offer_fini(&s->offer);
    free(s->files);
    free(s->items);
    free(s->take);
    free(s);
}

/* A place; one whose own host has forgotten it is one, too. */
static int
find_slot(phone *p, const tn_addr *from)
{
    int slot = 0;

    while (slot < p->opts.sessions && p->sessions[slot]) {
        slot++;
    }
    for (int i = 0; slot == p->opts.sessions && i < p->opts.sessions; i++) {
        struct phone_session *s = p->sessions[i];

        if (s && s->active == 0 && tn_now() - s->last > PHONE_SILENT &&
            phone_session_is_from(s, from)) {
            phone_session_over(s, -ETIME);
            slot = p->sessions[i] ? slot : i;
        }
    }
    return slot < p->opts.sessions ? slot : -EBUSY;
}

static int
fill_new(phone *p, struct phone_session *s, struct phone_offer *offer,
         const tn_addr *from)
{
    int err;

    s->phone = p;
    s->from = *from;
    s->offer = *offer;
    s->who = s->offer.from.alias;
    s->asking = true;
    s->active = 1;
    err = fill(s);
    if (err == 0 && p->opts.begun) {
        err = p->opts.begun(p->opts.arg, from);
    }
    if (err < 0) {
        s->offer = (struct phone_offer){0};
    } else {
        *offer = (struct phone_offer){0};
    }
    return err;
}

int
phone_session_new(phone *p, struct phone_offer *offer, const tn_addr *from,
                  struct phone_session **out)
{
    int slot = find_slot(p, from);
    struct phone_session *s = slot < 0 ? NULL : calloc(1, sizeof(*s));
    int err = slot < 0 ? slot : s ? fill_new(p, s, offer, from) : -ENOMEM;

    if (err < 0) {
        if (s) {
            release(s);
        }
        return err;
    }
    p->sessions[slot] = s;
    *out = s;
    return 0;
}

/* --- finding ---------------------------------------------------------------*/

static bool
is_same(const char *a, const char *b)
{
    size_t n = strlen(a);

    return strlen(b) == n && CRYPTO_memcmp(a, b, n) == 0;
}

struct phone_session *
phone_session_find(phone *p, const char *id)
{
    for (int i = 0; i < PHONE_SESSIONS; i++) {
        struct phone_session *s = p->sessions[i];

        if (s && !s->asking && is_same(s->id, id)) {
            return s;
        }
    }
    return NULL;
}

bool
phone_session_is_from(const struct phone_session *s, const tn_addr *from)
{
    struct in6_addr a, b;

    return lan_ip(&a, &s->from.u.sa) && lan_ip(&b, &from->u.sa) &&
           memcmp(&a, &b, sizeof(a)) == 0;
}

void
phone_session_key(const struct phone_session *s, uint32_t file, char *dst)
{
    (void)snprintf(dst, 9, "%08lx", (unsigned long)file);
    phone_hex(dst + 8, s->files[file].secret, PHONE_SECRET);
}

int64_t
phone_session_file(const struct phone_session *s, const char *id,
                   const char *key)
{
    char number[9], right[PHONE_KEY + 1];
    unsigned long file;

    if (strlen(key) != PHONE_KEY) {
        return -1;
    }
    memcpy(number, key, 8);
    number[8] = '\0';
    file = strtoul(number, NULL, 16);
    if (file >= s->count || s->files[file].state == PHONE_LEFT) {
        return -1;
    }
    phone_session_key(s, (uint32_t)file, right);
    return is_same(right, key) && strcmp(s->files[file].offered->id, id) == 0
               ? (int64_t)file
               : -1;
}

/* --- telling ---------------------------------------------------------------*/

static void
tell(struct phone_session *s, const struct parcel_event *ev)
{
    const struct phone_opts *o = &s->phone->opts;

    if (o->told) {
        o->told(o->arg, ev);
    }
}

void
phone_session_tell(struct phone_session *s, enum parcel_what what, int err,
                   const char *why)
{
    const struct parcel_event ev = {
        .what = what, .sum = &s->sum, .err = err, .final = why, .who = s->who};

    tell(s, &ev);
}

void
phone_session_moved(struct phone_session *s, uint32_t file, int64_t done,
                    int64_t more)
{
    const struct parcel_event ev = {.what =
                                        done == 0 ? PARCEL_BEGIN : PARCEL_MOVED,
                                    .item = &s->items[file],
                                    .done = done,
                                    .all_done = s->all_done + more,
                                    .who = s->who};

    s->all_done += more;
    s->result.moved += more;
    s->last = tn_now();
    if (done > 0 && s->last - s->told_at < TOLD) {
        return;
    }
    s->told_at = s->last;
    tell(s, &ev);
}

void
phone_session_done(struct phone_session *s, uint32_t file,
                   enum parcel_what what, int err, const char *final)
{
    struct phone_file *f = &s->files[file];
    const struct parcel_event ev = {
        .what = what,
        .item = &s->items[file],
        .done = what == PARCEL_DONE ? s->items[file].size : 0,
        .all_done = s->all_done,
        .err = err,
        .final = final,
        .who = s->who};

    f->state = what == PARCEL_FAILED ? PHONE_LOST : PHONE_HERE;
    s->result.done += what == PARCEL_DONE;
    s->result.skipped += what == PARCEL_SKIPPED;
    s->result.failed += what == PARCEL_FAILED;
    s->last = tn_now();
    s->left--;
    tell(s, &ev);
    if (s->left == 0) {
        phone_session_over(s, s->result.failed > 0 ? -EIO : 0);
    }
}

/* --- ending ----------------------------------------------------------------*/

void
phone_session_enter(struct phone_session *s)
{
    s->active++;
}

/* Those that nobody will bring any more. */
static void
give_up(struct phone_session *s)
{
    for (uint32_t i = 0; i < s->count && s->left > 0; i++) {
        if (s->files[i].state == PHONE_OPEN) {
            phone_session_done(s, i, PARCEL_FAILED,
                               s->why < 0 ? s->why : -ECANCELED,
                               "it was not sent");
        }
    }
}

void
phone_session_leave(struct phone_session *s)
{
    const struct phone_opts *o = &s->phone->opts;

    if (--s->active > 0 || !s->over) {
        return;
    }
    give_up(s);
    if (o->ended) {
        o->ended(o->arg, s->who, s->why, &s->result);
    }
    release(s);
}

void
phone_session_over(struct phone_session *s, int why)
{
    phone *p = s->phone;

    if (s->over) {
        return;
    }
    s->over = true;
    s->why = why;
    for (int i = 0; i < PHONE_SESSIONS; i++) {
        p->sessions[i] = p->sessions[i] == s ? NULL : p->sessions[i];
    }
    phone_session_enter(s);
    phone_upload_stop(s);
    phone_session_leave(s);
}

void
phone_session_sweep(phone *p, bool all)
{
    for (int i = 0; i < PHONE_SESSIONS; i++) {
        struct phone_session *s = p->sessions[i];

        if (s && (all || (s->active == 0 && tn_now() - s->last > PHONE_IDLE))) {
            phone_session_over(s, all ? -ECANCELED : -ETIME);
        }
    }
}
