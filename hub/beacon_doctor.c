#include "beacon_doctor.h"

#include <tenon/err.h>

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct list {
    const struct doctor_facts *f;
    struct doctor_finding *out;
    int count;
};

/* --- writing ---------------------------------------------------------------*/

static struct doctor_finding *add(struct list *l, const char *code,
                                  const char *interface, const char *format,
                                  ...) TN_PRINTF(4, 5);

/* A place for the sentence even where there is none any more: it is lost. */
static struct doctor_finding *
add(struct list *l, const char *code, const char *interface, const char *format,
    ...)
{
    int at = l->count < DOCTOR_FINDINGS ? l->count++ : DOCTOR_FINDINGS - 1;
    struct doctor_finding *d = &l->out[at];
    va_list args;

    memset(d, 0, sizeof(*d));
    d->code = code;
    snprintf(d->interface, sizeof(d->interface), "%s", interface);
    va_start(args, format);
    vsnprintf(d->text, sizeof(d->text), format, args);
    va_end(args);
    return d;
}

static void mend(struct doctor_finding *d, const char *format, ...)
    TN_PRINTF(2, 3);

static void
mend(struct doctor_finding *d, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(d->mend, sizeof(d->mend), format, args);
    va_end(args);
}

/* The firewall's own words for letting in what is sent to a port, or comes
   from it. */
static void
mend_wall(struct doctor_finding *d, const struct doctor_wall *w, int port,
          bool from)
{
    switch (w->kind) {
    case DOCTOR_UFW:
        if (from) {
            mend(d, "sudo ufw allow proto udp from any port %d", port);
        } else {
            mend(d, "sudo ufw allow %d/udp", port);
        }
        return;
    case DOCTOR_FIREWALLD:
        mend(d, "sudo firewall-cmd --add-%sport=%d/udp", from ? "source-" : "",
             port);
        return;
    case DOCTOR_NFT:
        mend(d, "sudo nft insert rule %s udp %cport %d accept",
             w->place[0] != '\0' ? w->place : "inet filter input",
             from ? 's' : 'd', port);
        return;
    case DOCTOR_NO_WALL:
    case DOCTOR_IPTABLES:
        break;
    }
    mend(d, "sudo iptables -I INPUT -p udp --%cport %d -j ACCEPT",
         from ? 's' : 'd', port);
}

int
doctor_prefix(const tn_addr *netmask)
{
    uint32_t mask = netmask->len > 0 && netmask->u.sa.sa_family == AF_INET
                        ? ntohl(netmask->u.in.sin_addr.s_addr)
                        : 0;
    int bits = 0;

    for (; (mask & 0x80000000) != 0; mask <<= 1) {
        bits++;
    }
    return bits;
}

/* --- one interface ---------------------------------------------------------*/

static bool
is_up(const struct doctor_if *i)
{
    return (i->flags & IFF_UP) != 0;
}

static bool
is_loopback(const struct doctor_if *i)
{
    return (i->flags & IFF_LOOPBACK) != 0;
}

static bool
has_address(const struct doctor_if *i)
{
    return i->addr.len > 0 || i->six;
}

/* One by which others could be met, were all well. */
static bool
is_usable(const struct doctor_if *i)
{
    return is_up(i) && !is_loopback(i) && has_address(i) &&
           (i->flags & IFF_RUNNING) != 0;
}

static int
count_usable(const struct doctor_facts *f)
{
    int count = 0;

    for (int i = 0; i < f->count; i++) {
        count += is_usable(&f->at[i]) ? 1 : 0;
    }
    return count;
}

static void
judge_address(struct list *l, const struct doctor_if *i)
{
    char text[TN_ADDR_TEXT];
    struct doctor_finding *d;

    if (!has_address(i)) {
        d = add(l, "no-address", i->name,
                "%s is up, but has no address: nobody gave it one", i->name);
        mend(d,
             "sudo dhclient %s   # or: sudo ip addr add 192.168.1.5/24 dev "
             "%s",
             i->name, i->name);
        return;
    }
    if (i->addr.len > 0 && (i->flags & IFF_BROADCAST) != 0 &&
        doctor_prefix(&i->netmask) >= 31) {
        tn_addr_host(&i->addr, text, sizeof(text));
        d = add(l, "narrow-mask", i->name,
                "%s has %s/%d, a network without room for others: answers "
                "from there are not believed",
                i->name, text, doctor_prefix(&i->netmask));
        mend(d, "sudo ip addr add %s/24 dev %s", text, i->name);
    }
}

static void
judge_sending(struct list *l, const struct doctor_if *i)
{
    struct doctor_finding *d;

    if (i->asked || !has_address(i)) {
        return;
    }
    if (i->error == 0) {
        add(l, "no-broadcast", i->name,
            "%s knows neither broadcast nor multicast, and not who is at its "
            "other end: nobody can be asked there. Who is there can be called "
            "by address: tenon chat ADDRESS",
            i->name);
    } else if (i->error == -EPERM || i->error == -EACCES) {
        d = add(l, "may-not-send", i->name,
                "a firewall of this machine forbids to send UDP %d by %s",
                l->f->port, i->name);
        mend(d, "sudo iptables -I OUTPUT -p udp --dport %d -j ACCEPT",
             l->f->port);
    } else {
        add(l, "cannot-send", i->name, "no question can be sent by %s: %s",
            i->name, tn_strerror(i->error));
    }
}

static void
judge_echo(struct list *l, const struct doctor_if *i)
{
    if (!i->asked || i->echo || i->by_peer || l->f->port_error < 0) {
        return;
    }
    if (is_loopback(i)) {
        add(l, "no-echo", i->name,
            "a question does not come back on the loopback: this machine "
            "drops UDP %d that comes in",
            l->f->port);
    } else {
        add(l, "no-echo", i->name,
            "our own question does not come back on %s: this machine drops "
            "UDP %d that comes in there, so programs here are not found",
            i->name, l->f->port);
    }
    mend_wall(&l->out[l->count - 1], &l->f->wall, l->f->port, false);
}

/* The other side is heard, and does not hear us, or its answers get lost. */
static void
judge_one_way(struct list *l, const struct doctor_if *i)
{
    struct doctor_finding *d;

    if (!i->asked || i->answers > 0 || l->f->found > 0 ||
        i->announces + i->asked_by == 0) {
        return;
    }
    d = add(l, "one-way", i->name,
            i->announces > 0
                ? "others are heard on %s, but nobody answers: our questions "
                  "do not get there, or a firewall here drops answers, which "
                  "come from UDP port %d"
                : "others ask on %s, but nobody answers us: either there is "
                  "no hub, or a firewall drops what comes from UDP port %d",
            i->name, l->f->port);
    mend_wall(d, &l->f->wall, l->f->port, true);
}

static void
judge_interface(struct list *l, const struct doctor_if *i)
{
    if (!is_up(i) || (!is_loopback(i) && (i->flags & IFF_RUNNING) == 0)) {
        return;
    }
    judge_address(l, i);
    judge_sending(l, i);
    judge_echo(l, i);
    judge_one_way(l, i);
}

/* --- all of them -----------------------------------------------------------*/

static void
judge_loopback(struct list *l)
{
    for (int i = 0; i < l->f->count; i++) {
        if (is_loopback(&l->f->at[i]) && is_up(&l->f->at[i])) {
            return;
        }
    }
    mend(add(l, "no-loopback", "lo",
             "the loopback is down: not even programs of this machine find "
             "each other"),
         "sudo ip link set lo up");
}

/* Interfaces that are down matter where none is left. */
static void
judge_network(struct list *l)
{
    if (count_usable(l->f) > 0) {
        return;
    }
    add(l, "no-network", "",
        "this machine is on no network: no interface is up and has an "
        "address");
    for (int k = 0; k < l->f->count; k++) {
        const struct doctor_if *i = &l->f->at[k];
        if (is_loopback(i)) {
            continue;
        }
        if (!is_up(i)) {
            mend(add(l, "down", i->name, "%s is down", i->name),
                 "sudo ip link set %s up", i->name);
        } else if ((i->flags & IFF_RUNNING) == 0) {
            add(l, "no-carrier", i->name,
                "%s is up, but has no link: no cable, or no wireless network "
                "joined",
                i->name);
        }
    }
}

static void
judge_port(struct list *l)
{
    const struct doctor_facts *f = l->f;

    if (f->port_error == -EADDRINUSE) {
        struct doctor_finding *d =
            add(l, "port-taken", "",
                "%s has UDP port %d for itself: hubs and receivers of this "
                "machine cannot be found",
                f->holder[0] != '\0' ? f->holder : "another program", f->port);
        mend(d, "sudo ss -lunp 'sport = :%d'   # who it is; then end it",
             f->port);
    } else if (f->port_error < 0) {
        add(l, "port-failed", "", "UDP port %d cannot be used: %s", f->port,
            tn_strerror(f->port_error));
    }
}

static void
judge_stranger(struct list *l)
{
    const struct doctor_facts *f = l->f;
    char who[TN_ADDR_TEXT];

    if (!f->has_stranger) {
        return;
    }
    tn_addr_host(&f->stranger, who, sizeof(who));
    struct doctor_finding *d =
        add(l, "wrong-mask", f->stranger_by,
            "%s is heard on %s, but is not within its network: the mask is "
            "wrong here or there, so it is not believed",
            who, f->stranger_by[0] != '\0' ? f->stranger_by : "some network");
    for (int k = 0; k < f->count; k++) {
        const struct doctor_if *i = &f->at[k];
        char own[TN_ADDR_TEXT];
        if (strcmp(i->name, f->stranger_by) == 0 && i->addr.len > 0) {
            tn_addr_host(&i->addr, own, sizeof(own));
            mend(d, "sudo ip addr add %s/%d dev %s   # was /%d", own,
                 doctor_prefix(&i->netmask) > 24 ? 24 : 16, i->name,
                 doctor_prefix(&i->netmask));
        }
    }
}

static const char *
wall_name(enum doctor_wall_kind kind)
{
    switch (kind) {
    case DOCTOR_UFW:
        return "ufw";
    case DOCTOR_FIREWALLD:
        return "firewalld";
    case DOCTOR_NFT:
        return "nftables";
    case DOCTOR_NO_WALL:
    case DOCTOR_IPTABLES:
        break;
    }
    return "iptables";
}

static void
judge_wall(struct list *l)
{
    const struct doctor_wall *w = &l->f->wall;

    if (w->kind == DOCTOR_NO_WALL) {
        return;
    }
    if (w->drops != 0) {
        mend_wall(add(l, "rule-drops", "", "%s drops what we need: %s",
                      wall_name(w->kind), w->rule),
                  w, w->drops, false);
    }
    if (w->policy && !w->accepts) {
        mend_wall(add(l, "policy-drops", "",
                      "%s drops what it does not know, and knows nothing of "
                      "UDP port %d: who is here is not found by others",
                      wall_name(w->kind), l->f->port),
                  w, l->f->port, false);
    }
    if (w->policy && !w->answers && l->f->found == 0) {
        mend_wall(add(l, "answers-dropped", "",
                      "%s drops what it does not know, and answers come from "
                      "UDP port %d of machines that it did not see asked",
                      wall_name(w->kind), l->f->port),
                  w, l->f->port, true);
    }
    if (w->unread && l->f->found == 0) {
        mend(add(l, "wall-unread", "",
                 "there is a firewall (%s), whose rules only root may read",
                 wall_name(w->kind)),
             "sudo tenon find --doctor");
    }
}

static void
judge_route(struct list *l)
{
    const struct doctor_facts *f = l->f;

    if (f->tunnel && f->found == 0) {
        mend(add(l, "tunnel", f->route,
                 "all traffic goes by the tunnel %s: many such programs cut "
                 "the local network off while they run",
                 f->route),
             "sudo ip link set %s down   # for a test; or allow local "
             "networks in its settings",
             f->route);
    }
}

static void
judge_rest(struct list *l)
{
    if (l->count == 0 && l->f->found == 0) {
        add(l, "nobody", "",
            "nothing is wrong on this machine: either nobody is there (tenon "
            "hub opens a room; with --hidden or --bind 127.0.0.1 it is not "
            "found), or the reason is on the other machine (tenon find "
            "--doctor there), or between: a guest or school Wi-Fi often keeps "
            "its clients apart");
    }
}

int
doctor_judge(const struct doctor_facts *f, struct doctor_finding *out)
{
    struct list l = {f, out, 0};

    judge_loopback(&l);
    judge_network(&l);
    judge_port(&l);
    judge_wall(&l);
    for (int i = 0; i < f->count; i++) {
        judge_interface(&l, &f->at[i]);
    }
    judge_stranger(&l);
    judge_route(&l);
    judge_rest(&l);
    return l.count;
}
