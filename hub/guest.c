#include "guest.h"

#include <tenon/err.h>
#include <tenon/seal.h>
#include <tenon/task.h>

#include "guest_int.h"

#include <stdlib.h>
#include <string.h>

void
guest_ring(guest *g)
{
    char ring = 0;

    (void)!tn_chan_try_send(g->bell, &ring);
}

void
guest_tell_state(guest *g, enum guest_state state)
{
    if (g->state != state) {
        g->state = state;
        if (g->opts.state != NULL) {
            g->opts.state(g->opts.arg, state);
        }
    }
}

void
guest_finish(guest *g, int result)
{
    if (!g->over) {
        g->over = true;
        g->result = result;
        guest_ring(g);
    }
}

/* --- tasks -----------------------------------------------------------------*/

static int
hear(void *arg)
{
    struct guest_sock *s = arg;
    int err;

    tn_task_name("guest listen");
    err = udp_serve(&s->udp);
    if (err != -ECANCELED && err != -ETIME) {
        guest_finish(s->guest, err);
    }
    return err;
}

/* Wait for the bell, or until a moment. */
static int
wait_bell(guest *g)
{
    int64_t wake = guest_wake(g);
    int64_t left = wake - tn_now();
    tn_scope limit;
    char ring;
    bool late;
    int err;

    if (wake == INT64_MAX) {
        return tn_chan_recv(g->bell, &ring);
    }
    tn_deadline(&limit, left > 0 ? left : 0);
    err = tn_chan_recv(g->bell, &ring);
    late = tn_scope_end(&limit);
    return late ? 0 : err;
}

static int
pump(void *arg)
{
    guest *g = arg;

    tn_task_name("guest");
    for (;;) {
        int err;

        guest_step(g);
        if (g->over) {
            return -ECANCELED;
        }
        err = wait_bell(g);
        if (err < 0) {
            return err;
        }
    }
}

static int
run_tasks(guest *g)
{
    tn_group group;
    int err = 0;

    tn_group_init(&group, 0);
    for (int i = 0; i < g->sock_count && err == 0; i++) {
        err = tn_go(&group, hear, g->sock[i]);
    }
    if (err == 0) {
        err = pump(g);
    }
    tn_group_cancel(&group);
    (void)tn_group_wait(&group);
    return err;
}

int
guest_run(void *arg)
{
    guest *g = arg;
    char where[TN_ADDR_TEXT];
    int err;

    g->runs = true;
    g->started = tn_now();
    guest_seek(g, g->started);
    err = run_tasks(g);
    if (g->over) {
        err = g->result;
    }
    g->over = true;
    guest_give_up(g, tn_now(), true);
    tn_chan_close(g->slots);
    tn_chan_close(g->quiet);
    tn_chan_close(g->named);
    return err < 0 && err != -ECANCELED
               ? tn_fail(err, "join the room",
                         tn_addr_format(&g->addr[0], where, sizeof(where)))
               : err;
}

/* --- life ------------------------------------------------------------------*/

/* A socket for a family, if there is none yet. */
static int
open_sock(guest *g, int family)
{
    tn_endpoint at = {.transport = TN_UDP};
    const char *any = family == AF_INET6 ? "::" : "0.0.0.0";
    struct guest_sock *s;

    for (int i = 0; i < g->sock_count; i++) {
        if (g->sock[i]->family == family) {
            return 0;
        }
    }
    if (family != AF_INET && family != AF_INET6) {
        return -EINVAL;
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return -ENOMEM;
    }
    s->guest = g;
    s->family = family;
    s->udp.datagram = guest_on_datagram;
    s->udp.gone = guest_on_gone;
    s->udp.arg = s;
    at.host_len = (int)strlen(any);
    memcpy(at.host, any, strlen(any) + 1);
    g->sock[g->sock_count++] = s;
    return udp_open(&s->udp, &at);
}

static int
make_queues(guest *g)
{
    char token = 0;
    int err = tn_chan_new(&g->bell, 1, 1);

    if (err == 0) {
        err = tn_chan_new(&g->quiet, 1, 1);
    }
    if (err == 0) {
        err = tn_chan_new(&g->named, 1, 1);
    }
    if (err == 0) {
        err = tn_chan_new(&g->slots, 1, GUEST_WINDOW);
    }
    for (int i = 0; i < GUEST_WINDOW && err == 0; i++) {
        err = tn_chan_try_send(g->slots, &token);
    }
    return err;
}

static bool
is_fit(const tn_addr *addrs, int count, const struct guest_opts *opts)
{
    size_t name = strlen(opts->name);

    if (count < 1 || count > GUEST_ADDRS || name < 1 || name > ROOM_NAME_MAX) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (tn_addr_port(&addrs[i]) <= 0) {
            return false;
        }
    }
    return opts->code == NULL ||
           (opts->code[0] != '\0' && strlen(opts->code) <= GUEST_CODE);
}

/* Keep what the options say, and nothing that is only borrowed. */
static void
take_opts(guest *g, const tn_addr *addrs, int count,
          const struct guest_opts *opts)
{
    g->opts = *opts;
    g->addr_count = count;
    memcpy(g->addr, addrs, (size_t)count * sizeof(*addrs));
    memcpy(g->name, opts->name, strlen(opts->name) + 1);
    if (opts->code != NULL) {
        memcpy(g->code, opts->code, strlen(opts->code) + 1);
    }
    g->opts.name = g->name;
    g->opts.code = g->code;
    g->seen = opts->epoch[0] != '\0' ? opts->since : 0;
    memcpy(g->epoch, opts->epoch, sizeof(g->epoch));
    tn_secret(&g->visit, sizeof(g->visit));
    g->visit |= 1;
}

int
guest_open(guest **out, const tn_addr *addrs, int count,
           const struct guest_opts *opts)
{
    guest *g;
    int err;

    *out = NULL;
    if (!is_fit(addrs, count, opts)) {
        return -EINVAL;
    }
    g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return -ENOMEM;
    }
    take_opts(g, addrs, count, opts);
    err = make_queues(g);
    for (int i = 0; i < count && err == 0; i++) {
        err = open_sock(g, addrs[i].u.sa.sa_family);
    }
    if (err < 0) {
        guest_free(g);
        return err;
    }
    *out = g;
    return 0;
}

void
guest_leave(guest *g)
{
    tn_scope shield;
    char token;

    if (!g->runs || g->over) {
        g->leaving = 1;
        return;
    }
    g->leaving = tn_now();
    guest_ring(g);
    tn_shield(&shield, GUEST_GOODBYE);
    while (!g->over && tn_chan_recv(g->quiet, &token) == 0) {
        /* Something was answered; the end closes it. */
    }
    (void)tn_scope_end(&shield);
}

void
guest_free(guest *g)
{
    if (g == NULL) {
        return;
    }
    for (int i = 0; i < g->sock_count; i++) {
        udp_close(&g->sock[i]->udp);
        free(g->sock[i]);
    }
    if (g->phase >= PHASE_JOIN) {
        link_fini(&g->link);
    }
    tn_pake_free(g->pake);
    tn_chan_free(g->bell);
    tn_chan_free(g->slots);
    tn_chan_free(g->quiet);
    tn_chan_free(g->named);
    tn_wipe(g, sizeof(*g));
    free(g);
}

/* --- looking ---------------------------------------------------------------*/

room_id
guest_id(const guest *g)
{
    return g->id;
}

const char *
guest_name(const guest *g)
{
    return g->name;
}

int
guest_count(const guest *g)
{
    return g->count;
}

const struct guest_person *
guest_at(const guest *g, int i)
{
    return &g->person[i];
}

uint64_t
guest_seen(const guest *g, char epoch[GUEST_EPOCH + 1])
{
    memcpy(epoch, g->epoch, sizeof(g->epoch));
    return g->seen;
}

bool
guest_gap(const guest *g)
{
    return g->gap;
}

int64_t
guest_rtt(const guest *g)
{
    return g->phase >= PHASE_JOIN ? g->link.srtt : 0;
}

const char *
guest_folder(const guest *g)
{
    return g->folder;
}
