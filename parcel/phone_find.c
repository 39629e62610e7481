/*
 * phone_find.c - who is there: we announce ourselves with a question, and those
 * who hear it register with us by HTTP, or answer by multicast.
 */
#include <tenon/err.h>

#include "phone_int.h"

#include <string.h>

struct finding {
    struct phone_device *out;
    int count, cap;
};

static bool
is_same(const struct phone_device *a, const struct phone_device *b)
{
    return a->fingerprint[0] != '\0'
               ? phone_is_same(a->fingerprint, b->fingerprint)
               : tn_addr_equal(&a->addr, &b->addr);
}

static void
on_seen(void *arg, const tn_addr *from, const struct phone_info *info)
{
    struct finding *f = arg;
    struct phone_device device;

    phone_device_of(&device, from, info);
    for (int i = 0; i < f->count; i++) {
        if (is_same(&device, &f->out[i])) {
            return;
        }
    }
    if (f->count < f->cap) {
        f->out[f->count++] = device;
    }
}

static int
look(phone *p, int64_t wait)
{
    tn_group g;
    int err;

    tn_group_init(&g, 0);
    err = tn_go(&g, phone_run, p);
    if (err == 0) {
        err = tn_sleep(wait);
    }
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    return err;
}

int
phone_find(const struct phone_opts *opts, int64_t wait,
           struct phone_device *out, int cap)
{
    struct finding f = {.out = out, .cap = cap};
    const struct phone_opts how = {.alias = opts->alias,
                                   .state = opts->state,
                                   .port = PHONE_ANY,
                                   .multicast = opts->multicast,
                                   .bind = opts->bind,
                                   .clear = opts->clear};
    phone *p;
    int err = phone_open(&p, &how);

    if (err < 0) {
        return err;
    }
    p->seen = on_seen;
    p->seen_arg = &f;
    err = p->net.count > 0 ? look(p, wait) : -ENETDOWN;
    phone_close(p);
    return err < 0 ? err : f.count;
}

/* --- by address ------------------------------------------------------------*/

/* What a plain HTTP server answers to TLS, seen from our side. */
static bool
may_be_clear(int err)
{
    return err == TN_ETLS || err == TN_ECUT || err == -ECONNRESET ||
           err == TN_ETRUNCATED;
}

static int
ask(const struct phone_self *self, const tn_addr *at, bool tls,
    struct phone_device *device)
{
    struct phone_info heard;
    int err;

    memset(device, 0, sizeof(*device));
    device->addr = *at;
    device->tls = tls;
    err = phone_register(self, device, &heard);
    if (err == 0 && !tls && heard.says_tls && heard.tls) {
        /* It speaks HTTPS elsewhere; somebody stands between us. */
        return -EPROTO;
    }
    if (err == 0) {
        heard.port = tn_addr_port(at);
        heard.says_tls = true;
        heard.tls = tls;
        phone_device_of(device, at, &heard);
    }
    return err;
}

int
phone_at(const struct phone_opts *opts, const tn_addr *addr,
         struct phone_device *device)
{
    struct phone_self self;
    tn_addr at = *addr;
    int err = phone_self_open(&self, opts);

    if (err < 0) {
        return err;
    }
    if (tn_addr_port(&at) == 0) {
        err = tn_addr_set_port(&at, PHONE_PORT);
    }
    if (err == 0) {
        err = ask(&self, &at, true, device);
        if (may_be_clear(err)) {
            err = ask(&self, &at, false, device);
        }
    }
    phone_self_close(&self);
    return err;
}
