#include <tenon/err.h>
#include <tenon/pake.h>
#include <tenon/task.h>

#include "native_int.h"

#include <string.h>

#define PURPOSE "tenon chat 1"

static void
reply(struct native *n, const struct udp_peer *to,
      const struct wire_frame *frame)
{
    unsigned char buf[WIRE_DATAGRAM];

    (void)door_send(n->door, buf, wire_write(buf, frame), to);
}

static void
refuse(struct native *n, const struct udp_peer *to, const unsigned char *nonce,
       enum wire_why why)
{
    const struct wire_frame no = {
        .type = WIRE_REFUSE_FRAME, .nonce = nonce, .why = why};

    native_drop(n, &to->addr, "not let in");
    reply(n, to, &no);
}

/* --- the first question: nothing is kept -----------------------------------*/

static void
on_hello(struct native *n, const struct udp_peer *from,
         const struct wire_frame *f)
{
    unsigned char cookie[WIRE_COOKIE];
    const struct wire_frame answer = {.type = WIRE_COOKIE_FRAME,
                                      .nonce = f->nonce,
                                      .cookie = cookie,
                                      .flags =
                                          n->opts.code != NULL ? WIRE_CODE : 0};

    if (cookie_make(&n->jar, cookie, &from->addr, f->nonce, tn_now())) {
        reply(n, from, &answer);
    }
}

/* --- the second one: the address is proven ---------------------------------*/

/* Agree on keys. What both sides have that is new each time is the nonce and
   what proves the cookie. */
static int
make_keys(struct seat *s, const char *code, const struct wire_frame *f)
{
    unsigned char both[TN_PAKE_SHARE], key[TN_PAKE_KEY];
    tn_pake *pake;
    int err;

    memcpy(both, f->nonce, WIRE_NONCE);
    memcpy(both + WIRE_NONCE, f->cookie + WIRE_COOKIE - WIRE_NONCE, WIRE_NONCE);
    err = tn_pake_new(&pake, TN_PAKE_SECOND, code, strlen(code), PURPOSE, both);
    if (err < 0) {
        return err;
    }
    memcpy(s->share, tn_pake_share(pake), WIRE_SHARE);
    err = tn_pake_finish(pake, f->share, key);
    if (err == 0) {
        wire_keys_init(&s->keys, key, true);
    }
    tn_pake_free(pake);
    tn_wipe(key, sizeof(key));
    return err;
}

/* Give who asks a session; 0; why not. Of a code that is not proven before the
   first packet nothing is learned; so one for which no packet comes is not
   counted in the end, and the place of the one is the next one's. */
static int
enter(struct native *n, struct seat **out, const struct udp_peer *from,
      const struct wire_frame *f)
{
    int64_t now = tn_now();
    struct seat *s;
    int err = seat_new(n, &s, from, now);

    *out = NULL;
    if (err < 0) {
        return err;
    }
    memcpy(s->nonce, f->nonce, WIRE_NONCE);
    if (n->opts.code != NULL) {
        s->tried = guard_begin(n->opts.guard, &from->addr, now);
        err = s->tried ? make_keys(s, n->opts.code, f) : -EAGAIN;
    }
    if (err < 0) {
        seat_free(n, s);
        return err;
    }
    *out = s;
    return 0;
}

static void
on_enter(struct native *n, const struct udp_peer *from,
         const struct wire_frame *f)
{
    struct seat *s = seat_of_nonce(n, f->nonce, &from->addr);
    struct wire_frame answer = {.type = WIRE_ANSWER_FRAME, .nonce = f->nonce};
    int err = 0;

    if (!cookie_is_good(&n->jar, f->cookie, &from->addr, f->nonce, tn_now())) {
        native_drop(n, &from->addr, "a cookie that is not ours");
        return;
    }
    if (s == NULL) {
        seat_free(n, seat_of_stranger(n, &from->addr));
        err = enter(n, &s, from, f);
    }
    if (err < 0) {
        refuse(n, from, f->nonce, err == -EBADMSG ? WIRE_RULES : wire_why(err));
        return;
    }
    answer.session = s->session;
    answer.share = s->share;
    reply(n, from, &answer);
}

/* --- packets ---------------------------------------------------------------*/

/* A packet came from elsewhere: it may have another address now, or somebody
   sends what he heard. Who is there has to prove that he gets what is sent
   there; till then no more goes there than came. */
static void
challenge(struct native *n, struct seat *s, const struct udp_peer *from,
          size_t len)
{
    unsigned char buf[WIRE_DATAGRAM];
    struct wire_out o;
    size_t size;

    if (s->token == 0 || !tn_addr_equal(&s->other.addr, &from->addr)) {
        s->other = *from;
        s->budget = 0;
        tn_secret(&s->token, sizeof(s->token));
        s->token |= 1;
    }
    s->budget += len;
    wire_out_init(&o, buf + WIRE_HEAD, WIRE_PAYLOAD);
    wire_put(&o, LINK_CHALLENGE, 1);
    wire_put(&o, s->token, 8);
    size = wire_seal(&s->keys, buf, (size_t)(o.at - buf) - WIRE_HEAD,
                     s->session, link_number(&s->link));
    if (size <= s->budget) {
        s->budget -= size;
        (void)door_send(n->door, buf, size, from);
    }
}

/* Judge where a packet came from that is good. */
static void
judge_address(struct native *n, struct seat *s, const struct udp_peer *from,
              size_t len, bool newest)
{
    bool proven = s->link.proven && s->link.proof == s->token &&
                  s->token != 0 && tn_addr_equal(&s->other.addr, &from->addr);

    s->link.proven = false;
    if (proven) {
        s->peer = *from;
        s->token = 0;
        link_hurry(&s->link);
    } else if (tn_addr_equal(&s->peer.addr, &from->addr)) {
        s->peer.local = from->local;
    } else if (newest) {
        challenge(n, s, from, len);
    }
}

static void
wake_tasks(struct native *n, const struct seat *s, int64_t now)
{
    char ring = 0;
    int64_t wake = link_wake(&s->link);

    if (link_has_message(&s->link)) {
        (void)!tn_chan_try_send(n->work, &ring);
    }
    if (wake <= now || wake < n->wakes || s->at < n->end || s->past ||
        s->roster < ROOM_MEMBERS) {
        native_ring(n);
    }
}

/* A packet that does not open: the first one shows that the code is another,
   a later one is somebody else's. */
static void
on_bad_seal(struct native *n, struct seat *s, const struct udp_peer *from)
{
    uint64_t session = s->session;

    if (!s->confirmed) {
        s->tried = false; /* and stays counted */
        refuse(n, from, s->nonce, WIRE_WRONG);
        seat_free(n, seat_find(n, session));
    } else {
        native_drop(n, &from->addr, "a packet that is not sealed right");
    }
}

/* The other side can do what only who knows the code can. */
static void
confirm(struct native *n, struct seat *s, const struct udp_peer *from)
{
    if (s->tried) {
        guard_right(n->opts.guard, &from->addr);
    }
    s->tried = false;
    s->confirmed = true;
}

static void
on_packet(struct native *n, const struct udp_peer *from,
          const struct wire_frame *f)
{
    unsigned char payload[WIRE_DATAGRAM];
    struct seat *s = seat_find(n, f->session);
    int64_t now = tn_now();
    bool newest;
    ssize_t len;
    int err;

    if (s == NULL) {
        const struct wire_frame unknown = {.type = WIRE_RESET_FRAME,
                                           .session = f->session};

        reply(n, from, &unknown);
        return;
    }
    /* Till then it is known by the address that the cookie proved: neither can
       somebody else end it, nor has he REFUSE sent to whom he names. */
    if (!s->confirmed && !tn_addr_equal(&s->peer.addr, &from->addr)) {
        native_drop(n, &from->addr, "a first packet from elsewhere");
        return;
    }
    len = wire_unseal(&s->keys, payload, f);
    if (len < 0) {
        on_bad_seal(n, s, from);
        return;
    }
    confirm(n, s, from);
    newest = f->number > s->link.newest;
    err = link_read(&s->link, f->number, payload, (size_t)len, now);
    if (err == -EBADMSG) {
        native_drop(n, &from->addr, "a packet that is not understood");
        return;
    }
    if (err == 0) {
        seat_heard(n, s);
        judge_address(n, s, from, WIRE_HEAD + f->body_len, newest);
        s = seat_find(n, f->session); /* that may have waited for the socket */
    }
    if (s != NULL) {
        wake_tasks(n, s, now);
    }
}

void
native_on_datagram(void *arg, const struct udp_peer *from, const char *buf,
                   size_t len)
{
    struct native *n = arg;
    struct wire_frame f;
    int err = wire_parse(&f, buf, len);

    if (err == -EPROTO && f.type == WIRE_HELLO_FRAME && f.nonce != NULL &&
        len >= WIRE_HELLO) {
        refuse(n, from, f.nonce, WIRE_LATER);
    } else if (err < 0) {
        native_drop(n, &from->addr, "a frame that is not understood");
    } else if (f.type == WIRE_HELLO_FRAME) {
        on_hello(n, from, &f);
    } else if (f.type == WIRE_ENTER_FRAME) {
        on_enter(n, from, &f);
    } else if (f.type == WIRE_PACKET_FRAME) {
        on_packet(n, from, &f);
    }
}
