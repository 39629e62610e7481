/*
 * phone.c - to be there for phones: the listener, and announcements. Whoever
 * announces itself with a question gets our answer by HTTP, or by multicast if
 * that does not work.
 */
#include <tenon/dial.h>
#include <tenon/err.h>

#include "phone_int.h"

#include <stdlib.h>
#include <string.h>

/* How often we say that we are here when we come: a network loses some. */
static const int64_t steps[] = {100 * TN_MS, 500 * TN_MS, 2 * TN_SEC};

/* --- opening ---------------------------------------------------------------*/

static int
copy(const char **text)
{
    char *own = *text ? strdup(*text) : NULL;

    if (*text && !own) {
        *text = NULL;
        return -ENOMEM;
    }
    *text = own;
    return 0;
}

/* All of them, so that all are ours afterwards. */
static int
take_opts(phone *p, const struct phone_opts *opts)
{
    struct phone_opts *o = &p->opts;
    int err = 0;

    *o = *opts;
    err |= copy(&o->alias);
    err |= copy(&o->dir);
    err |= copy(&o->state);
    err |= copy(&o->pin);
    o->port = o->port == 0 ? PHONE_PORT : o->port == PHONE_ANY ? 0 : o->port;
    o->multicast = o->multicast == 0 ? PHONE_PORT : o->multicast;
    o->sessions = o->sessions == 0 ? PHONE_SESSIONS : o->sessions;
    if (err != 0) {
        return -ENOMEM;
    }
    return o->port < 0 || o->port > 65535 || o->sessions < 0 ||
                   o->sessions > PHONE_SESSIONS ||
                   (o->pin && (o->pin[0] == '\0' || strlen(o->pin) > PHONE_PIN))
               ? -EINVAL
               : 0;
}

static int
listen_on(phone *p)
{
    tn_endpoint ep = {.transport = p->tls ? TN_TLS : TN_TCP,
                      .port = p->opts.port};
    const tn_listen_opts how = {.tls = p->tls, .numeric = true};
    tn_addr bound;
    char host[TN_ADDR_TEXT];
    int err;

    if (p->opts.bind.len > 0) {
        (void)tn_addr_host(&p->opts.bind, host, sizeof(host));
        ep.host_len = (int)strlen(host);
        memcpy(ep.host, host, strlen(host) + 1);
    }
    err = tn_listen_endpoint(&p->listener, &ep, &how);
    if (err == 0) {
        err = tn_getsockname(p->listener, &bound);
    }
    if (err == 0) {
        p->self.info.port = tn_addr_port(&bound);
    }
    return err;
}

static int
open_all(phone *p)
{
    int err = phone_self_open(&p->self, &p->opts);

    if (err == 0 && p->opts.pin) {
        err = guard_set_code(&p->guard, p->opts.pin, NULL);
    }
    if (err == 0 && p->self.info.tls) {
        err = phone_self_tls(&p->self, TN_TLS_SERVER, &p->tls);
    }
    if (err == 0) {
        err = listen_on(p);
    }
    if (err == 0 && !p->opts.hidden) {
        /* Without it we are found by address only, which is better than not at
           all. */
        (void)phone_net_open(&p->net, p->opts.multicast, &p->opts.bind);
    }
    return err;
}

int
phone_open(phone **out, const struct phone_opts *opts)
{
    phone *p = calloc(1, sizeof(*p));
    int err = p ? take_opts(p, opts) : -ENOMEM;

    if (err == 0) {
        err = open_all(p);
    }
    if (err < 0) {
        phone_close(p);
        p = NULL;
    }
    *out = p;
    return err;
}

int
phone_addr(const phone *p, tn_addr *addr)
{
    return tn_getsockname(p->listener, addr);
}

const char *
phone_fingerprint(const phone *p)
{
    return p->self.info.fingerprint;
}

static void
forget(const char *text)
{
    free((void *)(uintptr_t)text);
}

void
phone_close(phone *p)
{
    if (!p) {
        return;
    }
    phone_net_close(&p->net);
    if (p->listener) {
        (void)tn_close(p->listener);
    }
    tn_tls_free(p->tls);
    phone_self_close(&p->self);
    forget(p->opts.alias);
    forget(p->opts.dir);
    forget(p->opts.state);
    forget(p->opts.pin);
    free(p);
}

/* --- announcing ------------------------------------------------------------*/

static void
announce(const phone *p, bool question)
{
    struct phone_info info = p->self.info;
    char *text;

    info.announce = question;
    text = phone_info_write(&info, PHONE_SAY_WHERE | PHONE_SAY_ANNOUNCE);
    if (text) {
        (void)phone_net_spread(&p->net, text);
    }
    free(text);
}

/* Say it a few times now, and whenever a network has come up. */
static int
herald(void *arg)
{
    phone *p = arg;
    int err = 0;

    tn_task_name("phone herald");
    for (;;) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && err == 0;
             i++) {
            err = tn_sleep(steps[i]);
            if (err == 0) {
                announce(p, true);
            }
        }
        do {
            err = err == 0 ? tn_sleep(PHONE_RESCAN) : err;
        } while (err == 0 && phone_net_scan(&p->net) == 0);
        if (err < 0) {
            return err;
        }
    }
}

/* --- answering -------------------------------------------------------------*/

struct call {
    phone *phone;
    struct phone_device to;
};

static int
answer(void *arg)
{
    struct call *c = arg;
    phone *p = c->phone;
    struct phone_info heard;

    tn_task_name("phone call");
    if (phone_register(&p->self, &c->to, &heard) < 0) {
        announce(p, false);
    }
    p->calls--;
    free(c);
    return 0;
}

/* Who asks from where we are attached is called back; an address from far away
   in a datagram could be anybody's. */
static void
heed(phone *p, const tn_addr *from, const struct phone_info *info)
{
    struct call *c;
    int64_t now = tn_now();

    if (!info->announce || !gate_is_attached(&p->callers, from, now) ||
        !gate_join(&p->callers, from, now) || p->calls >= PHONE_CALLS) {
        return;
    }
    c = calloc(1, sizeof(*c));
    if (!c) {
        return;
    }
    c->phone = p;
    phone_device_of(&c->to, from, info);
    p->calls++;
    if (tn_go(p->group, answer, c) < 0) {
        p->calls--;
        free(c);
    }
}

static int
listen_for(void *arg)
{
    phone *p = arg;
    char *buf = malloc(PHONE_GRAM);
    ssize_t n = buf ? 0 : -ENOMEM;

    tn_task_name("phone ear");
    while (n >= 0) {
        struct phone_info info;
        tn_addr from;

        n = phone_net_recv(&p->net, buf, PHONE_GRAM, &from);
        if (n > 0 && phone_info_read(&info, (tn_str){buf, (size_t)n}) == 0 &&
            !phone_is_same(info.fingerprint, p->self.info.fingerprint)) {
            if (p->seen) {
                p->seen(p->seen_arg, &from, &info);
            }
            heed(p, &from, &info);
        }
    }
    free(buf);
    /* Without ears we can still be called by our address. */
    return n == -EIO ? 0 : (int)n;
}

/* --- running ---------------------------------------------------------------*/

static int
serve(void *arg)
{
    tn_task_name("phone door");
    return phone_door(arg);
}

static int
sweep(void *arg)
{
    int err;

    tn_task_name("phone sweep");
    while ((err = tn_sleep(PHONE_IDLE / 8)) == 0) {
        phone_session_sweep(arg, false);
    }
    return err;
}

int
phone_run(void *arg)
{
    phone *p = arg;
    tn_group g;
    int err;

    tn_group_init(&g, 0);
    p->group = &g;
    err = tn_go(&g, serve, p);
    if (err == 0) {
        err = tn_go(&g, sweep, p);
    }
    if (err == 0 && p->net.sock) {
        err = tn_go(&g, herald, p);
    }
    if (err == 0 && p->net.sock) {
        err = tn_go(&g, listen_for, p);
    }
    if (err < 0) {
        tn_group_cancel(&g);
    }
    int ended = tn_group_wait(&g);
    p->group = NULL;
    phone_session_sweep(p, true);
    return err < 0 ? err : ended;
}
