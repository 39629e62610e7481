/*
 * The hub's two doors at one port: UDP for members, native and plain, TCP for
 * browsers. And who may come in.
 */
#include <tenon/err.h>
#include <tenon/sock.h>

#include "cmd_hub_int.h"
#include "names.h"
#include "say.h"
#include "secret.h"

#include <errno.h>
#include <string.h>

/* --- the code --------------------------------------------------------------*/

static int
take_code(struct hub *h)
{
    const char *from = h->o->code_file ? h->o->code_file : "the room code";
    ssize_t n = h->o->code_file
                    ? secret_of_file(from, h->code, sizeof(h->code))
                    : secret_ask("Room code: ", h->code, sizeof(h->code));
    if (n == -EINTR) {
        return EXIT_SIGNAL + 2;
    }
    if (n < 0 && !h->o->code_file) {
        return say_usage("--code: no terminal to ask for the code (--code-file "
                         "FILE reads it)");
    }
    if (n < 0) {
        say("%s: %s", from, tn_strerror((int)n));
        return EXIT_FAILED;
    }
    if (n == 0 || n > GUARD_CODE) {
        return say_usage("%s: a code has 1 to %d bytes", from, GUARD_CODE);
    }
    int err = guard_set_code(&h->guard, h->code,
                             h->store ? store_secret(h->store) : NULL);
    if (err < 0) {
        say("%s: %s", from, tn_strerror(err));
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int
hub_guard(struct hub *h)
{
    h->guard.tls = h->o->use_tls;
    int code = names_take(&h->guard, &h->o->host);
    if (code == EXIT_DONE && (h->o->code || h->o->code_file)) {
        code = take_code(h);
    }
    return code;
}

/* --- the ports -------------------------------------------------------------*/

static int
open_web_door(struct hub *h, int port)
{
    tn_endpoint ep = h->ep;
    const tn_listen_opts opts = {.tls = h->tls};
    ep.transport = h->tls ? TN_TLS : TN_TCP;
    ep.port = port;
    int err = tn_listen_endpoint(&h->listener, &ep, &opts);
    return err < 0 ? err : tn_getsockname(h->listener, &h->bound);
}

static int
open_udp_door(struct hub *h, int port)
{
    tn_endpoint ep = h->ep;
    ep.port = port;
    int err = door_open(&h->door, &ep);
    return err < 0 ? err : door_addr(h->door, &h->bound);
}

static int
try_port(const struct hub *h, tn_transport transport)
{
    tn_endpoint ep = h->ep;
    tn_sock *s;
    ep.transport = transport;
    int err = tn_listen_endpoint(&s, &ep, NULL);
    if (err == 0) {
        tn_close(s);
    }
    return err;
}

int
hub_try_doors(struct hub *h)
{
    if (h->ep.port == 0) {
        return EXIT_DONE;
    }
    int err = h->o->no_web ? 0 : try_port(h, TN_TCP);
    if (err == 0) {
        err = try_port(h, TN_UDP);
    }
    return err < 0 ? say_failed(err, &h->ep) : EXIT_DONE;
}

/* Both doors; the system's choice for the first may be taken at the other. */
static int
open_both(struct hub *h)
{
    int err = 0;
    for (int i = 0; i < HUB_PORT_TRIES; i++) {
        int port = h->ep.port;
        if (h->web) {
            err = open_web_door(h, port);
            if (err < 0) {
                return err;
            }
            port = tn_addr_port(&h->bound);
        }
        err = open_udp_door(h, port);
        if (err != -EADDRINUSE || !h->web || h->ep.port != 0) {
            return err;
        }
        tn_close(h->listener);
        h->listener = NULL;
    }
    return err;
}

/* A code would be worth little with a dialect beside it that knows none. */
static bool
takes_plain(const struct hub *h)
{
    return h->o->plain || !h->guard.has_code;
}

/* Text came to a room that takes none. */
static void
on_text(void *arg, const struct udp_peer *from, const char *buf, size_t n)
{
    (void)buf;
    (void)n;
    hub_on_dropped(arg, &from->addr, "plain text, which has no code");
}

/* Who speaks at the UDP port. Plain goes last: see room_attach(). */
static int
open_dialects(struct hub *h)
{
    const struct native_opts native_how = {.code = h->guard.has_code ? h->code
                                                                     : NULL,
                                           .folder = h->folder,
                                           .guard = &h->guard,
                                           .refs = h->refs,
                                           .dropped = hub_on_dropped,
                                           .arg = h};
    const struct plain_opts plain_how = {.lang = (enum dialect_lang)h->o->lang,
                                         .dropped = hub_on_dropped,
                                         .arg = h};
    const struct door_side deaf = {.datagram = on_text, .arg = h};
    door_plain(h->door, &deaf);
    int err = native_open(&h->native, h->room, h->store, h->door, &native_how);
    if (err == 0 && takes_plain(h)) {
        err = plain_open(&h->plain, h->room, h->door, &plain_how);
    }
    return err;
}

int
hub_doors(struct hub *h)
{
    int err = open_both(h);
    if (err == 0) {
        err = open_dialects(h);
    }
    return err < 0 ? say_failed(err, &h->ep) : EXIT_DONE;
}
