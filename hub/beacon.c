#include "beacon.h"

#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include "beacon_link.h"
#include "beacon_reply.h"
#include "gate.h"

#include <stdlib.h>
#include <string.h>

/* How often the networks are looked at; none of them tells that it came. */
#define BEACON_RESCAN (5 * TN_SEC)

struct beacon {
    struct beacon_card card;
    struct beacon_opts opts;
    int port;
    struct beacon_socks socks;
    struct beacon_links links;
    struct beacon_reply reply;
    struct beacon_cry cry;
    struct gate gate;
    int64_t scanned;
    bool grew;     /* there is a network that was not told of us */
    tn_chan *wake; /* of the clock: something is due sooner */
};

/* --- life ------------------------------------------------------------------*/

static bool
is_card(const struct beacon_card *c)
{
    return (c->kind == BEACON_HUB || c->kind == BEACON_RECV) && c->port > 0 &&
           c->port <= 65535 && memchr(c->name, '\0', sizeof(c->name)) != NULL &&
           memchr(c->text, '\0', sizeof(c->text)) != NULL;
}

/* Many forget; the program's run is as good an id as theirs. */
static void
make_id(struct beacon_card *c)
{
    static const unsigned char none[BEACON_ID];

    while (memcmp(c->id, none, BEACON_ID) == 0) {
        uint32_t dice[2] = {beacon_dice(), beacon_dice()};
        memcpy(c->id, dice, BEACON_ID);
    }
}

static int
open_all(struct beacon *b)
{
    int err = tn_chan_new(&b->wake, 1, 1);

    if (err == 0) {
        err = beacon_socks_open(&b->socks, b->port);
    }
    if (err == 0) {
        err = beacon_links_scan(&b->links, b->port, &b->opts.bound);
    }
    if (err == 0) {
        beacon_socks_join(&b->socks, &b->links);
    }
    return err;
}

int
beacon_open(beacon **out, const struct beacon_card *card,
            const struct beacon_opts *opts)
{
    struct beacon *b;

    *out = NULL;
    if (!is_card(card)) {
        return -EINVAL;
    }
    b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return -ENOMEM;
    }
    b->card = *card;
    b->opts = *opts;
    b->port = beacon_port(opts->port);
    make_id(&b->card);
    memcpy(b->reply.id, b->card.id, BEACON_ID);
    b->reply.kind = card->kind;
    int err = open_all(b);
    if (err < 0) {
        beacon_close(b);
        return err;
    }
    *out = b;
    return 0;
}

void
beacon_close(beacon *b)
{
    if (b != NULL) {
        beacon_socks_close(&b->socks);
        tn_chan_free(b->wake);
        free(b);
    }
}

/* --- speaking --------------------------------------------------------------*/

static size_t
write_card(struct beacon *b, unsigned char *buf, enum beacon_type type,
           const struct beacon_due *due)
{
    struct beacon_msg m = {.type = type};

    if (b->opts.refresh != NULL) {
        b->opts.refresh(b->opts.arg, &b->card);
    }
    m.card = b->card;
    memcpy(m.card.id, b->reply.id, BEACON_ID);
    if (due != NULL) {
        m.nonce = due->nonce;
        m.number = due->number;
        m.held = (uint32_t)((tn_now() - due->asked) / TN_US);
    }
    return beacon_write(buf, &m);
}

static void
shout(struct beacon *b, enum beacon_type type)
{
    unsigned char buf[BEACON_DATAGRAM];
    size_t n = write_card(b, buf, type, NULL);

    (void)beacon_socks_spread(&b->socks, &b->links, buf, n);
}

void
beacon_bye(beacon *b)
{
    tn_scope s;

    /* Said by one who is cancelled already, most of the time. */
    tn_shield(&s, TN_SEC);
    shout(b, BEACON_BYE);
    shout(b, BEACON_BYE);
    tn_scope_end(&s);
}

static void
answer(struct beacon *b, const struct beacon_due *due)
{
    unsigned char buf[BEACON_DATAGRAM];
    size_t n = write_card(b, buf, BEACON_ANSWER, due);

    /* One that does not go out is as good as one that gets lost. */
    (void)!beacon_socks_send(&b->socks, &due->way, buf, n);
}

/* --- hearing ---------------------------------------------------------------*/

/* Who is bound to one address is found on its network only, and answers from
   it. False: the question came by another. */
static bool
choose_source(const struct beacon *b, struct beacon_way *way)
{
    if (beacon_is_wildcard(&b->opts.bound)) {
        return !beacon_is_other_family(&b->opts.bound, &way->to);
    }
    for (int i = 0; i < b->links.count; i++) {
        const struct beacon_way *w = &b->links.link[i].way;
        if (w->path.index == way->path.index &&
            w->to.u.sa.sa_family == way->to.u.sa.sa_family) {
            way->path.local = w->path.local;
            return true;
        }
    }
    return false;
}

static void
take(void *arg, const struct beacon_msg *m, const struct beacon_way *from)
{
    struct beacon *b = arg;
    struct beacon_way way = *from;
    int64_t now = tn_now();
    char nudge = 0;

    if (m->type != BEACON_ASK || !gate_is_attached(&b->gate, &way.to, now) ||
        !choose_source(b, &way)) {
        return;
    }
    if (beacon_hear(&b->reply, m, &way, now, beacon_dice()) == BEACON_TAKEN) {
        /* A full channel holds a nudge already. */
        (void)!tn_chan_try_send(b->wake, &nudge);
    }
}

/* --- the clock -------------------------------------------------------------*/

/* A network that came is told of us. */
static void
rescan(struct beacon *b, int64_t now)
{
    struct beacon_links *links = malloc(sizeof(*links));

    b->scanned = now;
    if (links != NULL &&
        beacon_links_scan(links, b->port, &b->opts.bound) == 0) {
        b->grew = b->grew || beacon_links_grew(&b->links, links);
        b->links = *links;
        beacon_socks_join(&b->socks, &b->links);
        if (b->grew && beacon_cry_begin(&b->cry, now, beacon_dice())) {
            b->grew = false;
        }
    }
    free(links);
}

static void
do_what_is_due(struct beacon *b)
{
    struct beacon_due due;
    int64_t now = tn_now();

    if (now - b->scanned >= BEACON_RESCAN) {
        rescan(b, now);
    }
    if (beacon_cry_due(&b->cry, now, beacon_dice())) {
        shout(b, BEACON_ANNOUNCE);
    }
    while (beacon_take_due(&b->reply, now, &due)) {
        answer(b, &due);
    }
}

static int64_t
next_time(const struct beacon *b)
{
    int64_t next = b->scanned + BEACON_RESCAN;
    int64_t cry = beacon_cry_next(&b->cry);
    int64_t due = beacon_next_due(&b->reply);

    next = cry < next ? cry : next;
    return due < next ? due : next;
}

static int
keep_time(void *arg)
{
    struct beacon *b = arg;

    for (;;) {
        tn_scope s;
        char nudge;
        do_what_is_due(b);
        int64_t wait = next_time(b) - tn_now();
        tn_deadline(&s, wait > 0 ? wait : 0);
        int err = tn_chan_recv(b->wake, &nudge);
        if (!tn_scope_end(&s) && err < 0) {
            return err;
        }
    }
}

int
beacon_run(void *arg)
{
    struct beacon *b = arg;
    struct beacon_ear ears[] = {{b->socks.four, take, b},
                                {b->socks.six, take, b}};
    tn_group g;
    int err;

    tn_task_name("beacon");
    b->scanned = tn_now();
    (void)beacon_cry_begin(&b->cry, b->scanned, beacon_dice());
    tn_group_init(&g, 0);
    err = tn_go(&g, keep_time, b);
    for (size_t i = 0; i < sizeof(ears) / sizeof(ears[0]) && err == 0; i++) {
        err = tn_go(&g, beacon_listen, &ears[i]);
    }
    if (err < 0) {
        tn_group_cancel(&g);
    }
    int end = tn_group_wait(&g);
    return err < 0 ? err : end;
}
