/*
 * tenon talk -lk: many clients. What comes from any of them goes to stdout,
 * each line of stdin to all. Input is read once there is somebody to hear it.
 *
 * A client that has ended its input is let go, one that takes nothing for
 * TALK_SLOW too: it would hold up the others. Datagrams have no clients, so
 * the last TALK_CLIENTS addresses that something came from stand for them.
 */
#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/frame.h>
#include <tenon/serve.h>

#include "cmd_talk_int.h"
#include "codec.h"
#include "run.h"
#include "say.h"
#include "where.h"

#include <stdlib.h>
#include <string.h>

struct client {
    unsigned long id; /* 0: free */
    tn_sock *sock;    /* NULL for datagrams */
    tn_addr addr;
};

struct many {
    struct talk *t;
    tn_sock *listener;
    tn_group group;
    tn_chan *first; /* gets a byte when the first client is there */
    struct client clients[TALK_CLIENTS];
    unsigned long count; /* clients so far: their ids */
    struct talk_out out; /* datagrams, and what is sent */
    bool input_ended;
    int code;
};

static void
give_up(struct many *m, int err)
{
    if (m->code == EXIT_DONE && err != -ECANCELED) {
        m->code = say_failed(err, &m->t->ep);
    }
    tn_group_cancel(&m->group);
}

/* --- who is there --------------------------------------------------------- */

static struct client *
find_free(struct many *m)
{
    struct client *oldest = &m->clients[0];
    for (int i = 0; i < TALK_CLIENTS; i++) {
        if (m->clients[i].id < oldest->id) {
            oldest = &m->clients[i];
        }
    }
    return oldest; /* a free one has id 0 */
}

static struct client *
enter(struct many *m, tn_sock *sock, const tn_addr *addr)
{
    char text[TN_ADDR_TEXT];
    char byte = 0;
    struct client *c = find_free(m);
    c->id = ++m->count;
    c->sock = sock;
    c->addr = *addr;
    int err = tn_chan_try_send(m->first, &byte);
    if (err < 0 && err != -EAGAIN && err != -EPIPE) { /* full: told before */
        give_up(m, err);
    }
    if (m->t->o->verbose) {
        say("%s is here", where_peer(addr, text, sizeof(text)));
    }
    return c;
}

static void
leave(struct many *m, struct client *c)
{
    char text[TN_ADDR_TEXT];
    if (m->t->o->verbose) {
        say("%s has left", where_peer(&c->addr, text, sizeof(text)));
    }
    c->id = 0;
    c->sock = NULL;
}

/* --- from stdin to all ---------------------------------------------------- */

/* Send to one; false if he is not to be waited for again. */
static bool
send_to(struct many *m, const struct client *c, const tn_view *piece)
{
    tn_scope scope;
    tn_sock *sock = c->sock;
    tn_addr to = c->addr; /* `c` may be another's when the send returns */
    tn_deadline(&scope, TALK_SLOW);
    ssize_t n = sock ? tn_sendall(sock, piece->data, piece->len, NULL)
                     : tn_sendto(m->listener, piece->data, piece->len, 0, &to);
    bool slow = tn_scope_end(&scope);
    if (slow) {
        char text[TN_ADDR_TEXT];
        say("%s takes nothing and is let go",
            where_peer(&to, text, sizeof(text)));
    }
    return n >= 0 || !sock;
}

static void
send_to_all(struct many *m, const tn_view *piece)
{
    for (int i = 0; i < TALK_CLIENTS; i++) {
        unsigned long id = m->clients[i].id;
        if (id == 0 || send_to(m, &m->clients[i], piece)) {
            continue;
        }
        if (m->clients[i].id == id) { /* still there: wake its reader */
            (void)tn_shutdown(m->clients[i].sock, SHUT_RDWR);
        }
    }
}

/* With --frame what goes around a message is made once for all. */
static int
wrap_message(struct many *m, tn_view *piece, uint8_t **wire)
{
    char why[CODEC_WHY];
    size_t cap = piece->len + TN_HEAD_MAX + TN_DELIM_MAX;
    *wire = malloc(cap);
    if (!*wire) {
        return tn_fail(-ENOMEM, "send", NULL);
    }
    ssize_t n =
        tn_codec_encode(&m->t->codec, *wire, cap, piece->data, piece->len);
    if (n >= 0) {
        piece->data = *wire;
        piece->len = (size_t)n;
        return 0;
    }
    if (m->code == EXIT_DONE &&
        codec_why_unsent(&m->t->codec, piece->data, piece->len, why,
                         sizeof(why))) {
        say("--frame %s: %s", m->t->o->frame, why);
        m->code = EXIT_FAILED;
    }
    return (int)n;
}

static int
send_input(struct many *m, struct talk_in *in)
{
    tn_view piece;
    int r;
    while ((r = talk_in_next(in, &piece)) > 0) {
        uint8_t *wire = NULL;
        r = talk_out_sent(&m->out, piece.data, piece.len);
        if (r == 0 && m->t->o->frame) {
            r = wrap_message(m, &piece, &wire);
        }
        if (r == 0) {
            send_to_all(m, &piece);
            r = m->t->o->interval ? tn_sleep(m->t->o->interval) : 0;
        }
        free(wire);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

static void
end_input(struct many *m)
{
    m->input_ended = true;
    for (int i = 0; i < TALK_CLIENTS; i++) {
        if (m->clients[i].id && m->clients[i].sock) {
            (void)tn_shutdown(m->clients[i].sock, SHUT_WR);
        }
    }
}

static int
up(void *arg)
{
    struct many *m = arg;
    struct talk_in in;
    char byte;
    tn_task_name("up");
    if (tn_chan_recv(m->first, &byte) < 0) {
        return 0;
    }
    int r = talk_in_init(&in, m->t);
    r = r < 0 ? r : send_input(m, &in);
    talk_in_fini(&in);
    if (r < 0) {
        give_up(m, r);
    } else {
        end_input(m);
    }
    return 0;
}

/* --- from a client to stdout ---------------------------------------------- */

static int
print_messages(struct many *m, tn_sock *conn, struct talk_out *out)
{
    tn_framer *framer;
    tn_view msg;
    int r = tn_framer_new(&framer, conn, &m->t->codec);
    while (r >= 0 && (r = tn_framer_read(framer, &msg)) > 0) {
        if ((r = talk_out_put(out, msg.data, msg.len)) < 0) {
            give_up(m, r);
        }
    }
    tn_framer_free(framer);
    return r;
}

static int
print_bytes(struct many *m, tn_sock *conn, struct talk_out *out)
{
    uint8_t *buf = malloc(TALK_BUF);
    ssize_t n = buf ? 1 : tn_fail(-ENOMEM, "receive", NULL);
    while (n > 0 && (n = tn_recv(conn, buf, TALK_BUF, 0)) > 0) {
        int err = talk_out_put(out, buf, (size_t)n);
        if (err < 0) {
            give_up(m, err);
            n = err;
        }
    }
    free(buf);
    return (int)n;
}

static int
client(tn_sock *conn, const tn_addr *peer, void *arg)
{
    struct many *m = arg;
    struct talk_out out = {.t = m->t};
    tn_task_name("client");
    struct client *c = enter(m, conn, peer);
    if (m->input_ended) {
        (void)tn_shutdown(conn, SHUT_WR);
    }
    int r = m->t->o->frame ? print_messages(m, conn, &out)
                           : print_bytes(m, conn, &out);
    if (r < 0 && r != -ECANCELED && m->code == EXIT_DONE) {
        (void)say_failed(r, &m->t->ep); /* his failure, not the program's */
    }
    leave(m, c);
    return r;
}

static int
serve(void *arg)
{
    struct many *m = arg;
    const struct talk_opts *o = m->t->o;
    tn_serve_opts how = {.max_connections = TALK_CLIENTS,
                         .idle = o->wait >= 0 ? o->wait : TN_FOREVER};
    tn_task_name("serve");
    give_up(m, tn_serve(m->listener, client, m, &how));
    return 0;
}

/* --- datagrams ------------------------------------------------------------ */

static void
remember(struct many *m, const tn_addr *from)
{
    for (int i = 0; i < TALK_CLIENTS; i++) {
        if (m->clients[i].id && tn_addr_equal(&m->clients[i].addr, from)) {
            return;
        }
    }
    if (from->len > 0) {
        (void)enter(m, NULL, from);
    }
}

static int
receive(void *arg)
{
    struct many *m = arg;
    uint8_t *buf = malloc(TALK_BUF);
    int r = buf ? 0 : tn_fail(-ENOMEM, "receive", NULL);
    tn_task_name("receive");
    while (r >= 0) {
        tn_addr from;
        size_t full;
        ssize_t n = tn_recvfrom(m->listener, buf, TALK_BUF, 0, &from, &full);
        if (n < 0) {
            r = (int)n;
            break;
        }
        remember(m, &from);
        r = talk_out_put(&m->out, buf, (size_t)n);
    }
    free(buf);
    give_up(m, r);
    return 0;
}

/* --- the whole ------------------------------------------------------------ */

static int
run_tasks(struct many *m)
{
    tn_task_fn *listen_task = where_is_gram(&m->t->ep) ? receive : serve;
    tn_group_init(&m->group, 0);
    int err = tn_go(&m->group, listen_task, m);
    if (err == 0 && m->t->in) {
        err = tn_go(&m->group, up, m);
    }
    if (err < 0) {
        give_up(m, err);
    }
    (void)tn_group_wait(&m->group);
    return m->code;
}

int
talk_many(struct talk *t, tn_sock *listener)
{
    struct many *m = calloc(1, sizeof(*m));
    if (!m) {
        say("out of memory");
        return EXIT_FAILED;
    }
    m->t = t;
    m->listener = listener;
    m->out.t = t;
    int err = tn_chan_new(&m->first, 1, 1);
    int code = err < 0 ? say_failed(err, NULL) : run_tasks(m);
    tn_chan_free(m->first);
    free(m);
    return code;
}
