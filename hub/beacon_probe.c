#include "beacon_probe.h"

#include <tenon/err.h>
#include <tenon/task.h>

#include "beacon_quest.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Questions, as some get lost. */
    PROBE_ROUNDS = 3,
    /* ms over which answers are spread. */
    PROBE_SPREAD = 120,
    /* Different ones that are counted. */
    PROBE_FOUND = 64,
};

struct probe {
    struct doctor_facts *f;
    int64_t wait;
    struct beacon_quest quest;
    struct beacon_socks shared;
    struct beacon_roster roster;
    struct beacon_found found[PROBE_FOUND];
};

/* --- the list --------------------------------------------------------------*/

static struct doctor_if *
find_if(struct doctor_facts *f, unsigned index)
{
    for (int i = 0; i < f->count; i++) {
        if (f->at[i].index == index) {
            return &f->at[i];
        }
    }
    return NULL;
}

/* The first address of IPv4 stands for the interface. */
static void
note(struct doctor_facts *f, const tn_interface *from)
{
    struct doctor_if *i = find_if(f, from->index);

    if (i == NULL && f->count == DOCTOR_IFS) {
        return;
    }
    if (i == NULL) {
        i = &f->at[f->count++];
        memcpy(i->name, from->name, sizeof(i->name));
        i->index = from->index;
        i->flags = from->flags;
    }
    if (from->addr.len == 0) {
        return;
    }
    if (from->addr.u.sa.sa_family == AF_INET6) {
        i->six = true;
    } else if (i->addr.len == 0) {
        i->addr = from->addr;
        i->netmask = from->netmask;
        i->broadcast = from->broadcast;
        i->peer = from->peer;
    }
}

static int
list_all(struct probe *p)
{
    static const tn_addr all;
    tn_interface *ifs = calloc(BEACON_IFS, sizeof(*ifs));
    int count = ifs != NULL ? tn_interfaces(ifs, BEACON_IFS) : -ENOMEM;

    for (int i = 0; i < count; i++) {
        note(p->f, &ifs[i]);
    }
    if (count >= 0) {
        beacon_links(&p->quest.links, ifs, count, p->f->port, &all);
    }
    free(ifs);
    return count < 0 ? count : 0;
}

/* What was plugged in a moment ago has its link only now. */
static void
look_again(struct doctor_facts *f)
{
    tn_interface *ifs = calloc(BEACON_IFS, sizeof(*ifs));
    int count = ifs != NULL ? tn_interfaces(ifs, BEACON_IFS) : 0;

    for (int i = 0; i < count; i++) {
        struct doctor_if *known = find_if(f, ifs[i].index);
        if (known != NULL) {
            known->flags = ifs[i].flags;
        }
    }
    free(ifs);
}

/* --- hearing ---------------------------------------------------------------*/

static void
note_stranger(struct probe *p, const struct beacon_way *from)
{
    const struct doctor_if *i = find_if(p->f, from->path.index);

    p->f->has_stranger = true;
    p->f->stranger = from->to;
    if (i != NULL) {
        memcpy(p->f->stranger_by, i->name, sizeof(i->name));
    }
}

static void
take(void *arg, const struct beacon_msg *m, const struct beacon_way *from)
{
    struct probe *p = arg;
    struct doctor_if *i = find_if(p->f, from->path.index);
    bool own = m->type == BEACON_ASK && m->nonce == p->quest.nonce;

    if (!gate_is_attached(&p->quest.gate, &from->to, tn_now())) {
        note_stranger(p, from);
    } else if (m->type == BEACON_ANSWER) {
        int64_t rtt = beacon_quest_judge(&p->quest, m, from);
        if (rtt >= 0) {
            (void)beacon_roster_add(&p->roster, &m->card, from, rtt, NULL);
            p->f->found = p->roster.count;
        }
        if (rtt >= 0 && i != NULL) {
            i->answers++;
        }
    } else if (i != NULL) {
        i->echo = i->echo || own;
        i->asked_by += m->type == BEACON_ASK && !own ? 1 : 0;
        i->announces += m->type == BEACON_ANNOUNCE ? 1 : 0;
    }
}

/* --- asking ----------------------------------------------------------------*/

static void
ask_by(struct probe *p, const struct beacon_link *link, const void *buf,
       size_t n)
{
    struct doctor_if *i = find_if(p->f, link->way.path.index);
    struct beacon_way way = link->way;

    if (i == NULL) {
        return;
    }
    int err = beacon_socks_send(&p->quest.socks, &way, buf, n);
    i->asked = i->asked || err == 0;
    if (i->asked || i->error != -EPERM) { /* which says the most */
        i->error = i->asked ? 0 : err;
    }
    i->by_peer = link->how == BEACON_PEER;
    i->by_group = link->how == BEACON_GROUP && i->addr.len > 0 &&
                  (i->flags & IFF_BROADCAST) == 0;
    if (link->how == BEACON_BROADCAST && !link->loopback) {
        /* Whose mask is another than ours hears this one all the same. */
        way.to.u.in.sin_addr.s_addr = htonl(INADDR_BROADCAST);
        (void)!beacon_socks_send(&p->quest.socks, &way, buf, n);
    }
}

static int
ask(void *arg)
{
    struct probe *p = arg;
    int err = 0;

    for (int round = 0; round < PROBE_ROUNDS && err == 0; round++) {
        unsigned char buf[BEACON_DATAGRAM];
        size_t n = beacon_quest_write(&p->quest, NULL, PROBE_SPREAD, buf);
        for (int i = 0; i < p->quest.links.count; i++) {
            ask_by(p, &p->quest.links.link[i], buf, n);
        }
        err = tn_sleep(p->wait / PROBE_ROUNDS);
    }
    return err < 0 ? err : -ECANCELED;
}

static int
run(struct probe *p)
{
    struct beacon_ear ears[] = {{p->shared.four, take, p},
                                {p->shared.six, take, p},
                                {p->quest.socks.four, take, p},
                                {p->quest.socks.six, take, p}};
    tn_group g;
    int err = 0;

    tn_group_init(&g, TN_KEEP_GOING);
    for (size_t i = 0; i < sizeof(ears) / sizeof(ears[0]) && err == 0; i++) {
        err = tn_go(&g, beacon_listen, &ears[i]);
    }
    if (err == 0) {
        err = ask(p);
    }
    tn_group_cancel(&g);
    int end = tn_group_wait(&g);
    return err < 0 && err != -ECANCELED ? err : end;
}

int
doctor_probe(struct doctor_facts *f, int port, int64_t wait)
{
    struct probe *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        return -ENOMEM;
    }
    memset(f, 0, sizeof(*f));
    f->port = beacon_port(port);
    p->f = f;
    p->wait = wait;
    p->quest.port = f->port;
    p->roster = (struct beacon_roster){.at = p->found, .cap = PROBE_FOUND};
    int err = list_all(p);
    if (err == 0) {
        f->port_error = beacon_socks_open(&p->shared, f->port);
        beacon_socks_join(&p->shared, &p->quest.links);
        err = beacon_quest_open(&p->quest);
    }
    if (err == 0) {
        err = run(p);
        look_again(f);
    }
    beacon_quest_close(&p->quest);
    beacon_socks_close(&p->shared);
    free(p);
    return err;
}
