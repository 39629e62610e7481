#include "door.h"

#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include "native_wire.h"

#include <stdlib.h>

struct door {
    struct door_side plain, native;
    tn_chan *turn; /* char: whose turn it is to send */
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
    char token = 0;
    int err;

    *out = NULL;
    if (d == NULL || tn_chan_new(&d->turn, 1, 1) < 0) {
        free(d);
        return tn_fail(-ENOMEM, "open the room", NULL);
    }
    (void)!tn_chan_try_send(d->turn, &token);
    d->udp.datagram = on_datagram;
    d->udp.gone = on_gone;
    d->udp.arg = d;
    err = udp_open(&d->udp, at);
    if (err < 0) {
        door_close(d);
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

/* A socket has one sender at a time; where the kernel has no room for more the
   others wait for theirs. */
int
door_send(door *d, const void *buf, size_t n, const struct udp_peer *to)
{
    char token;
    int err = tn_chan_try_recv(d->turn, &token);

    if (err == -EAGAIN) {
        err = tn_chan_recv(d->turn, &token);
    }
    if (err == 0) {
        err = udp_send(&d->udp, buf, n, to);
        (void)!tn_chan_try_send(d->turn, &token);
    }
    return err;
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
        tn_chan_free(d->turn);
        free(d);
    }
}
