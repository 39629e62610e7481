#include "gate.h"

#include <string.h>

static const struct bucket_rule join_rule = {GATE_INTERVAL, GATE_BURST};

bool
gate_is_attached(struct gate *g, const tn_addr *from, int64_t now)
{
    if (lan_has(&g->lan, from)) {
        return true;
    }
    if (g->scanned != 0 && now - g->scanned < GATE_RESCAN) {
        return false;
    }
    g->scanned = now;
    return lan_scan(&g->lan) == 0 && lan_has(&g->lan, from);
}

/* The entry of a host, or the one that it may have. */
static struct gate_source *
find(struct gate *g, const struct in6_addr *ip, int port)
{
    struct gate_source *calmest = &g->source[0];

    for (size_t i = 0; i < GATE_SOURCES; i++) {
        struct gate_source *s = &g->source[i];

        if (s->port == port && memcmp(&s->ip, ip, sizeof(*ip)) == 0) {
            return s;
        }
        if (s->joins.full_at < calmest->joins.full_at) {
            calmest = s;
        }
    }
    memset(calmest, 0, sizeof(*calmest));
    calmest->ip = *ip;
    calmest->port = port;
    return calmest;
}

bool
gate_join(struct gate *g, const tn_addr *from, int64_t now)
{
    struct in6_addr ip;
    struct gate_source *s;

    if (!lan_ip(&ip, &from->u.sa)) {
        return false;
    }
    s = find(g, &ip, lan_is_loopback(&ip) ? tn_addr_port(from) : 0);
    return bucket_take(&s->joins, &join_rule, now);
}

bool
gate_same_host(const tn_addr *a, const tn_addr *b)
{
    struct in6_addr x, y;

    return lan_ip(&x, &a->u.sa) && lan_ip(&y, &b->u.sa) &&
           !lan_is_loopback(&x) && memcmp(&x, &y, sizeof(x)) == 0;
}
