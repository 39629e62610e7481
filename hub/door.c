#include "door.h"

#include <tenon/err.h>
#include <tenon/task.h>

#include "native_wire.h"

#include <stdlib.h>

struct door {
    struct door_side plain, native;
    struct udp udp;
};

static void
on_datagram(void *arg, const struct udp_peer *from, const char *buf, size_t n)
{
    const door *d = arg;
    const struct door_side *side =
        d->native.datagram != NULL && wire_is_native(buf, n) ? &d->native
                                                             : &d->plain;

    if (side->datagram != NULL) {
        side->datagram(side->arg, from, buf, n);
    }
}

static void
on_gone(void *arg, const tn_addr *addr)
{
    const door *d = arg;

    if (d->plain.gone != NULL) {
        d->plain.gone(d->plain.arg, addr);
    }
    if (d->native.gone != NULL) {
        d->native.gone(d->native.arg, addr);
    }
}

int
door_open(door **out, const tn_endpoint *at)
{
    door *d = calloc(1, sizeof(*d));
    int err;

    *out = NULL;
    if (d == NULL) {
        return tn_fail(-ENOMEM, "open the room", NULL);
    }
    d->udp.datagram = on_datagram;
    d->udp.gone = on_gone;
    d->udp.arg = d;
    err = udp_open(&d->udp, at);
    if (err < 0) {
        free(d);
        return err;
    }
    *out = d;
    return 0;
}

int
door_addr(const door *d, tn_addr *addr)
{
    return tn_getsockname(d->udp.sock, addr);
}

void
door_plain(door *d, const struct door_side *side)
{
    d->plain = *side;
}

void
door_native(door *d, const struct door_side *side)
{
    d->native = *side;
}

int
door_send(door *d, const void *buf, size_t n, const struct udp_peer *to)
{
    return udp_send(&d->udp, buf, n, to);
}

int
door_serve(void *arg)
{
    door *d = arg;

    tn_task_name("door");
    return udp_serve(&d->udp);
}

void
door_close(door *d)
{
    if (d != NULL) {
        udp_close(&d->udp);
        free(d);
    }
}
