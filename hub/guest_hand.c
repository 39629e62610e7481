#include <tenon/err.h>
#include <tenon/seal.h>
#include <tenon/task.h>

#include "guest_int.h"

#include <string.h>

#define PURPOSE "tenon chat 1"

static const struct bucket_rule doubt_rule = {GUEST_DOUBT, GUEST_DOUBTS};

/* --- looking for the hub ---------------------------------------------------*/

void
guest_seek(guest *g, int64_t now)
{
    if (g->phase >= PHASE_JOIN) {
        link_fini(&g->link);
        memset(&g->keys, 0, sizeof(g->keys));
    }
    tn_pake_free(g->pake);
    g->pake = NULL;
    g->session = 0;
    g->proven = false;
    g->phase = PHASE_HELLO;
    g->ask_at = now + bucket_wait(&g->doubt, &doubt_rule, now);
    g->ask_wait = GUEST_ASK;
    g->asks = 0;
    tn_secret(g->nonce, sizeof(g->nonce));
    guest_rewind(g);
}

/* The session is over. */
static void
lose(guest *g, int64_t now)
{
    guest_seek(g, now);
    if (g->ever_in) {
        guest_tell_state(g, GUEST_LOST);
    }
}

/* Send from the socket of the right family. */
static void
send_to(guest *g, const void *buf, size_t n, const struct udp_peer *to)
{
    for (int i = 0; i < g->sock_count; i++) {
        struct guest_sock *s = g->sock[i];

        if (s->family == to->addr.u.sa.sa_family) {
            (void)udp_send(&s->udp, buf, n, to);
            return;
        }
    }
}

static void
ask(guest *g)
{
    unsigned char buf[WIRE_DATAGRAM];
    struct wire_frame f = {.nonce = g->nonce};

    if (g->phase == PHASE_HELLO) {
        f.type = WIRE_HELLO_FRAME;
        for (int i = 0; i < g->addr_count; i++) {
            struct udp_peer to = {.addr = g->addr[i]};

            send_to(g, buf, wire_write(buf, &f), &to);
        }
        return;
    }
    f.type = WIRE_ENTER_FRAME;
    f.cookie = g->cookie;
    f.share = g->pake != NULL ? tn_pake_share(g->pake) : NULL;
    send_to(g, buf, wire_write(buf, &f), &g->hub);
}

/* Ask, or ask again, less often each time. */
static void
ask_when_due(guest *g, int64_t now)
{
    if (now < g->ask_at) {
        return;
    }
    if (g->phase == PHASE_ENTER && ++g->asks > GUEST_ASKS) {
        guest_seek(g, now);
    }
    g->ask_at = now + g->ask_wait;
    g->ask_wait =
        2 * g->ask_wait < GUEST_ASK_MAX ? 2 * g->ask_wait : GUEST_ASK_MAX;
    ask(g);
}

/* --- what the hub answers --------------------------------------------------*/

/* Prepare to agree on keys: see native_hand.c. */
static int
begin_pake(guest *g)
{
    unsigned char both[TN_PAKE_SHARE];

    memcpy(both, g->nonce, WIRE_NONCE);
    memcpy(both + WIRE_NONCE, g->cookie + WIRE_COOKIE - WIRE_NONCE, WIRE_NONCE);
    return tn_pake_new(&g->pake, TN_PAKE_FIRST, g->code, strlen(g->code),
                       PURPOSE, both);
}

static void
on_cookie(guest *g, const struct udp_peer *from, const struct wire_frame *f)
{
    bool wants_code = (f->flags & WIRE_CODE) != 0;
    int err;

    if (g->phase != PHASE_HELLO) {
        return;
    }
    /* A code that is not asked for: whoever answers may not know it. */
    if (wants_code != (g->code[0] != '\0')) {
        guest_finish(g, -EACCES);
        return;
    }
    memcpy(g->cookie, f->cookie, WIRE_COOKIE);
    err = wants_code ? begin_pake(g) : 0;
    if (err < 0) {
        guest_finish(g, err);
        return;
    }
    g->hub.addr = from->addr;
    g->phase = PHASE_ENTER;
    g->ask_at = 0;
    g->ask_wait = GUEST_ASK;
}

static int
finish_pake(guest *g, const unsigned char *share)
{
    unsigned char key[TN_PAKE_KEY];
    int err = tn_pake_finish(g->pake, share, key);

    if (err == 0) {
        wire_keys_init(&g->keys, key, false);
    }
    tn_wipe(key, sizeof(key));
    tn_pake_free(g->pake);
    g->pake = NULL;
    return err;
}

static void
on_answer(guest *g, const struct wire_frame *f)
{
    struct talk_join join = {.since = g->seen};
    int64_t now = tn_now();

    if (g->phase != PHASE_ENTER) {
        return;
    }
    /* Our first packet tells whoever answers whether he guessed the code. */
    if (g->pake != NULL && (!bucket_take(&g->doubt, &doubt_rule, now) ||
                            finish_pake(g, f->share) < 0)) {
        guest_seek(g, now);
        return;
    }
    link_init(&g->link, now, LINK_OF_GUEST);
    g->session = f->session;
    g->phase = PHASE_JOIN;
    g->pinged = now;
    memcpy(join.key, g->opts.key, GUEST_KEY);
    memcpy(join.epoch, g->epoch, sizeof(join.epoch));
    memcpy(join.name, g->name, sizeof(join.name));
    (void)guest_send(g, talk_put_join(g->message, &join));
}

static void
on_refuse(guest *g, const struct wire_frame *f)
{
    int64_t now = tn_now();

    if (g->phase == PHASE_IN) {
        return; /* late: it was about a question before */
    }
    if (f->why == WIRE_SLOWED && g->phase <= PHASE_ENTER) {
        g->refused = true;
        guest_seek(g, now);
        /* Not all who are waiting at the same moment. */
        g->ask_at = now + GUEST_CALM / 2 + GUEST_CALM / 256 * g->nonce[0];
    } else if (f->why != WIRE_FINE && f->why != WIRE_SLOWED) {
        guest_finish(g, wire_err(f->why));
    }
}

static void
on_packet(guest *g, const struct udp_peer *from, const struct wire_frame *f)
{
    unsigned char payload[WIRE_DATAGRAM];
    ssize_t len;
    int err;

    if (g->phase < PHASE_JOIN || f->session != g->session ||
        !tn_addr_equal(&from->addr, &g->hub.addr)) {
        return;
    }
    len = wire_unseal(&g->keys, payload, f);
    if (len >= 0) {
        if (g->keys.sealed && !g->proven) {
            bucket_give(&g->doubt, &doubt_rule); /* he knows it */
        }
        g->proven = true;
        err = link_read(&g->link, f->number, payload, (size_t)len, tn_now());
        if (err == 0) {
            guest_obey(g);
        }
    }
}

/* Which of the hub's addresses this is; -1: none. */
static int
find_addr(const guest *g, const tn_addr *from)
{
    int i = g->addr_count - 1;

    while (i >= 0 && !tn_addr_equal(&g->addr[i], from)) {
        i--;
    }
    return i;
}

/* An answer to a question of ours. */
static void
on_reply(guest *g, const struct udp_peer *from, const struct wire_frame *f)
{
    if (f->nonce == NULL || memcmp(f->nonce, g->nonce, WIRE_NONCE) != 0) {
        return;
    }
    if (f->type == WIRE_COOKIE_FRAME) {
        on_cookie(g, from, f);
    } else if (f->type == WIRE_ANSWER_FRAME) {
        on_answer(g, f);
    } else if (f->type == WIRE_REFUSE_FRAME) {
        on_refuse(g, f);
    }
}

void
guest_on_datagram(void *arg, const struct udp_peer *from, const char *buf,
                  size_t n)
{
    guest *g = ((struct guest_sock *)arg)->guest;
    struct wire_frame f;
    int err;

    if (g->over || find_addr(g, &from->addr) < 0) {
        return;
    }
    err = wire_parse(&f, buf, n);
    if (err < 0) {
        g->odd = true;
    } else if (f.type == WIRE_PACKET_FRAME) {
        on_packet(g, from, &f);
    } else if (f.type == WIRE_RESET_FRAME) {
        if (g->session != 0 && f.session == g->session) {
            lose(g, tn_now());
        }
    } else {
        on_reply(g, from, &f);
    }
    guest_ring(g);
}

/* Before the first answer this says that nobody is there, if it is so at all
   addresses; later it is a hint that the hub was ended. */
void
guest_on_gone(void *arg, const tn_addr *addr)
{
    guest *g = ((struct guest_sock *)arg)->guest;
    int i = find_addr(g, addr);

    if (i < 0) {
        return;
    }
    g->closed |= 1U << i;
    if (!g->ever_in && g->closed == (1U << g->addr_count) - 1) {
        guest_finish(g, -ECONNREFUSED);
    } else if (g->phase >= PHASE_JOIN && tn_addr_equal(addr, &g->hub.addr)) {
        lose(g, tn_now());
        g->ask_at += GUEST_ASK;
    }
    guest_ring(g);
}

/* --- time ------------------------------------------------------------------*/

/* Before we were in: how long it may take. */
static void
check_patience(guest *g, int64_t now)
{
    if (!g->ever_in && now - g->started >= GUEST_PATIENCE) {
        guest_finish(g, g->refused ? -EAGAIN : g->odd ? -EPROTO : -ETIME);
    }
}

static void
check_silence(guest *g, int64_t now)
{
    int64_t silent = now - g->link.heard;

    if (silent >= (g->phase == PHASE_IN ? GUEST_SILENCE : GUEST_BEGIN)) {
        lose(g, now);
    } else if ((silent >= GUEST_PING || link_asks(&g->link)) &&
               now - g->pinged >= GUEST_PING_AGAIN) {
        g->pinged = now;
        link_ping(&g->link);
    }
}

/* The good-bye was heard, or is not going to be. */
static void
check_leaving(guest *g, int64_t now)
{
    if (g->leaving != 0 &&
        (g->phase != PHASE_IN || now - g->leaving >= GUEST_GOODBYE ||
         (g->leave_sent && link_is_idle(&g->link)))) {
        guest_finish(g, 0);
    }
}

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t
guest_wake(const guest *g)
{
    int64_t now = tn_now();
    int64_t wake = g->ever_in ? INT64_MAX : g->started + GUEST_PATIENCE;

    if (g->phase <= PHASE_ENTER) {
        wake = sooner(wake, g->ask_at);
    } else {
        int64_t ping = link_asks(&g->link) ? 0 : g->link.heard + GUEST_PING;
        int64_t again = g->pinged + GUEST_PING_AGAIN;

        wake = sooner(wake, link_wake(&g->link));
        wake = sooner(wake, ping > again ? ping : again);
        wake = sooner(wake, g->phase == PHASE_IN ? guest_submit_wake(g, now)
                                                 : g->link.heard + GUEST_BEGIN);
    }
    if (!guest_is_quiet(g)) {
        wake = sooner(wake, now + TN_SEC); /* to give up */
    }
    return g->leaving != 0 ? sooner(wake, g->leaving + GUEST_GOODBYE) : wake;
}

/* Send what the link has at a moment. */
static void
flush(guest *g, int64_t when)
{
    unsigned char buf[WIRE_DATAGRAM];
    uint64_t number;
    size_t len;

    while (g->phase >= PHASE_JOIN &&
           (len = link_write(&g->link, buf + WIRE_HEAD, WIRE_PAYLOAD, when,
                             &number)) > 0) {
        len = wire_seal(&g->keys, buf, len, g->session, number);
        send_to(g, buf, len, &g->hub);
    }
}

void
guest_step(guest *g)
{
    int64_t now = tn_now();

    check_patience(g, now);
    check_leaving(g, now);
    guest_give_up(g, now, false);
    if (g->over) { /* the hub shall know that we know why */
        flush(g, now + LINK_ACK_DELAY);
        return;
    }
    if (g->phase >= PHASE_JOIN) {
        check_silence(g, now);
    }
    if (g->phase <= PHASE_ENTER) {
        ask_when_due(g, now);
    }
    if (g->phase == PHASE_IN) {
        guest_submit(g, now);
    }
    flush(g, now);
}
