#include "beacon_quest.h"

#include <tenon/err.h>
#include <tenon/task.h>

#include <net/if.h>
#include <string.h>

/* --- who was found ---------------------------------------------------------*/

struct beacon_found *
beacon_roster_find(const struct beacon_roster *r,
                   const unsigned char id[BEACON_ID])
{
    for (int i = 0; i < r->count; i++) {
        if (memcmp(r->at[i].card.id, id, BEACON_ID) == 0) {
            return &r->at[i];
        }
    }
    return NULL;
}

void
beacon_roster_drop(struct beacon_roster *r, struct beacon_found *f)
{
    size_t rest = (size_t)(r->at + r->count - (f + 1));

    memmove(f, f + 1, rest * sizeof(*f));
    r->count--;
}

/* False: it is there, or there is no room. */
static bool
add_address(struct beacon_found *f, const tn_addr *from)
{
    tn_addr a = *from;

    if (tn_addr_set_port(&a, f->card.port) < 0 || f->count == BEACON_ADDRS) {
        return false;
    }
    for (int i = 0; i < f->count; i++) {
        if (tn_addr_equal(&f->addr[i], &a)) {
            return false;
        }
    }
    f->addr[f->count++] = a;
    return true;
}

static bool
is_other(const struct beacon_card *a, const struct beacon_card *b)
{
    return a->members != b->members || a->flags != b->flags ||
           a->port != b->port || strcmp(a->name, b->name) != 0 ||
           strcmp(a->text, b->text) != 0;
}

static enum beacon_news
update(struct beacon_found *f, const struct beacon_card *card,
       const struct beacon_way *way, int64_t rtt)
{
    bool changed = is_other(&f->card, card);

    f->card = *card;
    f->rtt = f->rtt < 0 ? rtt : f->rtt;
    if (add_address(f, &way->to)) {
        return BEACON_ADDRESS;
    }
    return changed ? BEACON_CHANGED : BEACON_SAME;
}

enum beacon_news
beacon_roster_add(struct beacon_roster *r, const struct beacon_card *card,
                  const struct beacon_way *way, int64_t rtt,
                  struct beacon_found **who)
{
    struct beacon_found *f = beacon_roster_find(r, card->id);
    struct beacon_found *none;
    char name[IF_NAMESIZE] = "";

    who = who != NULL ? who : &none;
    *who = f;
    if (f != NULL) {
        return update(f, card, way, rtt);
    }
    if (r->count == r->cap) {
        return BEACON_FULL;
    }
    f = *who = &r->at[r->count++];
    memset(f, 0, sizeof(*f));
    f->card = *card;
    f->rtt = rtt;
    (void)if_indextoname(way->path.index, name);
    memcpy(f->interface, name, sizeof(f->interface));
    (void)add_address(f, &way->to);
    return BEACON_NEW;
}

/* --- asking ----------------------------------------------------------------*/

int
beacon_quest_open(struct beacon_quest *q)
{
    q->nonce = beacon_dice();
    return beacon_socks_open(&q->socks, 0);
}

void
beacon_quest_close(struct beacon_quest *q)
{
    beacon_socks_close(&q->socks);
}

/* The latest have the least chance of having been named before. */
static void
name_known(struct beacon_msg *m, const struct beacon_roster *r)
{
    int first = r->count > BEACON_MARKS ? r->count - BEACON_MARKS : 0;

    for (int i = first; i < r->count; i++) {
        memcpy(m->mark[m->count++], r->at[i].card.id, BEACON_MARK);
    }
}

size_t
beacon_quest_write(struct beacon_quest *q, const struct beacon_roster *r,
                   int spread, unsigned char buf[BEACON_DATAGRAM])
{
    struct beacon_msg m = {.type = BEACON_ASK,
                           .nonce = q->nonce,
                           .kinds = q->kinds,
                           .spread = spread};

    q->number = q->number % 255 + 1;
    q->sent[q->number % BEACON_NUMBERS] = tn_now();
    m.number = q->number;
    if (r != NULL) {
        name_known(&m, r);
    }
    return beacon_write(buf, &m);
}

int
beacon_quest_ask(struct beacon_quest *q, const struct beacon_roster *r,
                 int spread)
{
    static const tn_addr all;
    unsigned char buf[BEACON_DATAGRAM];
    int err = beacon_links_scan(&q->links, q->port, &all);

    if (err < 0) {
        return err;
    }
    size_t n = beacon_quest_write(q, r, spread, buf);
    return beacon_socks_spread(&q->socks, &q->links, buf, n);
}

int64_t
beacon_quest_judge(struct beacon_quest *q, const struct beacon_msg *m,
                   const struct beacon_way *from)
{
    int64_t now = tn_now();
    int age = (q->number - m->number + 255) % 255;

    if (m->type != BEACON_ANSWER || m->nonce != q->nonce ||
        age >= BEACON_NUMBERS - 1 ||
        (q->kinds != 0 && (q->kinds >> m->card.kind & 1) == 0)) {
        return -1;
    }
    int64_t sent = q->sent[m->number % BEACON_NUMBERS];
    if (sent == 0) {
        return -1;
    }
    if (!gate_is_attached(&q->gate, &from->to, now)) {
        q->strangers++;
        return -1;
    }
    int64_t rtt = now - sent - m->held * TN_US;
    return rtt > 0 ? rtt : 0;
}
