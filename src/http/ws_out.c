/*
 * ws_out.c - sending: one message after the other, and the library's own
 * frames between theirs.
 *
 * Who sends holds the turn. What the library owes, an answer to a ping, a ping,
 * a close frame, is only noted; whoever holds the turn sends it as soon as a
 * frame is over, so that tn_ws_recv() never waits for a sender of ours, and two
 * peers that both only write cannot lock each other up. Of pings that came
 * meanwhile the latest is answered (RFC 6455 section 5.5.3): nothing grows.
 */
#include <tenon/msg.h>
#include <tenon/sock.h>
#include <tenon/text.h>

#include "http/ws_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- limits ---- */

void
tn__ws_limit_begin(tn_ws *ws, struct tn__ws_limit *l, int64_t timeout)
{
    l->task = tn_loop_self() != NULL;
    if (l->task) {
        tn_deadline(&l->scope, timeout);
    } else {
        ws->until = tn__deadline(tn_now(), timeout);
    }
}

bool
tn__ws_limit_end(tn_ws *ws, struct tn__ws_limit *l, ssize_t r)
{
    if (l->task) {
        return tn_scope_end(&l->scope) && r == -ETIME;
    }
    ws->until = TN_NEVER;
    return r == -ETIME;
}

/* A plain thread has no scopes: the socket's time-out is set before each call
   to what is left. */
static void
limit_call(tn_ws *ws)
{
    int64_t left = TN_FOREVER;

    if (tn_loop_self() == NULL) {
        if (ws->until != TN_NEVER) {
            left = ws->until - tn_now();
            left = left > 0 ? left : 1;
        }
        tn_settimeout(ws->sock, left);
    }
}

/* ---- the turn ---- */

/* A plain thread is alone with its WebSocket. */
static int
take_turn(tn_ws *ws)
{
    char token;

    return tn_loop_self() ? tn_chan_recv(ws->turn, &token) : 0;
}

static bool
try_turn(tn_ws *ws)
{
    char token;

    return !tn_loop_self() || tn_chan_try_recv(ws->turn, &token) == 0;
}

static void
give_turn(tn_ws *ws)
{
    char token = 0;

    if (tn_loop_self()) {
        int r = tn_chan_try_send(ws->turn, &token);
        TN_ASSERT(r == 0);
        (void)r;
    }
}

/* ---- the library's own frames; with the turn held ---- */

/* The stream is as it was: the caller ran out of time or patience. */
static bool
may_go_on(ssize_t r)
{
    return r == -ETIME || r == -ECANCELED || r == -EINTR || r == -EAGAIN;
}

static int
put_own_frame(tn_ws *ws, uint8_t opcode, const uint8_t *data, size_t len)
{
    struct tn__ws_frame f = {opcode, true, data, len};
    ssize_t n = tn__ws_encode(&ws->codec, &f, ws->own);

    if (n < 0) {
        return (int)n;
    }
    ws->own_len = (size_t)n;
    ws->own_sent = 0;
    if (ws->codec.role == TN__WS_SERVER) {
        memcpy(ws->own + ws->own_len, data, len);
        ws->own_len += len;
    }
    return 1;
}

/* Encode the next frame that is owed. 1; 0: none is. */
static int
next_own_frame(tn_ws *ws)
{
    if (ws->owes_close) {
        ws->owes_close = ws->owes_pong = false;
        return put_own_frame(ws, WSLAY_CONNECTION_CLOSE, ws->close,
                             ws->close_len);
    }
    if (ws->closing) {
        return 0; /* nothing follows a close frame */
    }
    if (ws->owes_pong) {
        ws->owes_pong = false;
        return put_own_frame(ws, WSLAY_PONG, ws->pong, ws->pong_len);
    }
    if (ws->ping == TN__WS_OWES_PING) {
        ws->ping = TN__WS_PINGED;
        ws->pinged_at = tn_now();
        return put_own_frame(ws, WSLAY_PING, (const uint8_t *)"", 0);
    }
    return 0;
}

/* Send what is owed. A frame that was cut short goes on where it was. */
static int
send_own(tn_ws *ws)
{
    int more = 1;

    while (more > 0 && !ws->broken) {
        size_t sent = 0;
        ssize_t r = 0;
        if (ws->own_sent < ws->own_len) {
            limit_call(ws);
            r = tn_sendall(ws->sock, ws->own + ws->own_sent,
                           ws->own_len - ws->own_sent, &sent);
            ws->own_sent += sent;
        }
        if (r < 0) {
            tn_send_resume(ws->sock);
            ws->broken = !may_go_on(r);
            return (int)r;
        }
        more = next_own_frame(ws);
    }
    return more;
}

void
tn__ws_owe_close(tn_ws *ws, int code, const char *reason)
{
    size_t len = reason ? strlen(reason) : 0;

    if (ws->closing) {
        return;
    }
    ws->closing = ws->owes_close = true;
    ws->close_len = 0;
    if (code != TN__WS_NO_CODE) {
        ws->close[0] = (uint8_t)(code >> 8);
        ws->close[1] = (uint8_t)(code & 0xff);
        memcpy(ws->close + 2, reason ? reason : "", len);
        ws->close_len = (uint8_t)(2 + len);
    }
}

/* With the turn held: send, and give it up. */
static int
settle_now(tn_ws *ws)
{
    struct tn__ws_limit l;
    int r;

    tn__ws_limit_begin(ws, &l, ws->send_time);
    r = send_own(ws);
    if (tn__ws_limit_end(ws, &l, r)) {
        r = -ETIMEDOUT;
    }
    give_turn(ws);
    return r;
}

static bool
owes(const tn_ws *ws)
{
    return ws->own_sent < ws->own_len || ws->owes_pong || ws->owes_close ||
           ws->ping == TN__WS_OWES_PING;
}

int
tn__ws_settle(tn_ws *ws)
{
    return owes(ws) && try_turn(ws) ? settle_now(ws) : 0;
}

int
tn__ws_settle_all(tn_ws *ws, int64_t timeout)
{
    struct tn__ws_limit l;
    int r;

    tn__ws_limit_begin(ws, &l, timeout);
    r = take_turn(ws);
    if (r == 0) {
        r = send_own(ws);
        give_turn(ws);
    }
    tn__ws_limit_end(ws, &l, r);
    return r;
}

/* ---- messages ---- */

/* May a message begin, or go on? */
static int
may_send(const tn_ws *ws)
{
    if (ws->closing || ws->ended) {
        return -EPIPE;
    }
    return ws->broken || ws->cut ? TN_EBROKEN : 0;
}

/* One frame, in as few sends as it takes. */
static int
put_frame(tn_ws *ws, const struct tn__ws_frame *f, uint8_t *buf)
{
    bool masked = ws->codec.role == TN__WS_CLIENT;
    ssize_t n = tn__ws_encode(&ws->codec, f, buf);
    struct iovec iov[2];
    size_t sent = 0;
    ssize_t r;

    if (n < 0) {
        ws->broken = true;
        return (int)n;
    }
    limit_call(ws);
    if (masked || f->len <= TN_WS_SMALL) {
        if (!masked) {
            memcpy(buf + n, f->data, f->len);
            n += (ssize_t)f->len;
        }
        r = tn_sendall(ws->sock, buf, (size_t)n, &sent);
    } else {
        iov[0] = (struct iovec){buf, (size_t)n};
        iov[1] = (struct iovec){(void *)(uintptr_t)f->data, f->len};
        r = tn_sendvall(ws->sock, iov, 2, &sent);
    }
    ws->broken = ws->broken || (r < 0 && (sent > 0 || !may_go_on(r)));
    return r < 0 ? (int)r : 0;
}

/* A message as one frame, or several if it is long. With the turn held. */
static int
put_message(tn_ws *ws, struct tn__ws_frame *f, size_t n, uint8_t *buf)
{
    bool begun = false;

    do {
        int r = send_own(ws);
        if (r == 0) {
            r = may_send(ws);
        }
        if (r == 0) {
            f->len = n < TN_WS_FRAME ? n : TN_WS_FRAME;
            f->fin = f->len == n;
            r = put_frame(ws, f, buf);
        }
        if (r < 0) {
            ws->cut = ws->cut || begun;
            return r;
        }
        begun = true;
        f->opcode = WSLAY_CONTINUATION_FRAME;
        f->data += f->len;
        n -= f->len;
    } while (!f->fin);
    return 0;
}

static int
send_message(tn_ws *ws, struct tn__ws_frame *f, size_t n, uint8_t *buf)
{
    struct tn__ws_limit l;
    int r = take_turn(ws);

    if (r < 0) {
        return r;
    }
    tn__ws_limit_begin(ws, &l, ws->send_time);
    r = put_message(ws, f, n, buf);
    if (r == 0 && owes(ws)) {
        (void)send_own(ws); /* of no concern to who sent the message */
    }
    tn__ws_limit_end(ws, &l, r);
    give_turn(ws);
    return r;
}

/* What may be sent at all. */
static int
check_message(enum tn_ws_kind kind, const void *data, size_t n)
{
    if (kind != TN_WS_TEXT && kind != TN_WS_BINARY) {
        return tn_fail(-EINVAL, "send WebSocket message", "kind");
    }
    if (kind == TN_WS_TEXT && !tn_text_valid(data, n)) {
        return tn_fail(-EILSEQ, "send WebSocket message", "no UTF-8");
    }
    return 0;
}

/* A client needs room for what it has masked. */
static size_t
room_for(const tn_ws *ws, size_t n)
{
    size_t frame = n < TN_WS_FRAME ? n : TN_WS_FRAME;

    return ws->codec.role == TN__WS_CLIENT ? TN__WS_HEAD + frame : 0;
}

int
tn_ws_send(tn_ws *ws, enum tn_ws_kind kind, const void *data, size_t n)
{
    uint8_t small[TN__WS_HEAD + TN_WS_SMALL], *buf = small;
    struct tn__ws_frame f = {
        .opcode = (uint8_t)kind,
        .data = n > 0 ? data : small,
    };
    int r = check_message(kind, data, n);

    if (r < 0) {
        return r;
    }
    r = may_send(ws);
    if (r == 0 && room_for(ws, n) > sizeof(small)) {
        buf = malloc(room_for(ws, n));
        r = buf ? 0 : -ENOMEM;
    }
    if (r == 0) {
        r = send_message(ws, &f, n, buf);
    }
    if (buf != small) {
        free(buf);
    }
    if (r == -EPIPE || r == TN_EBROKEN || r == -ENOMEM) {
        tn_fail(r, "send WebSocket message", NULL);
    }
    return r;
}

/* ---- closing ---- */

/* What a program may say of itself; the rest is for the library, and for
   servers of other kinds. */
static bool
may_say(int code)
{
    return code == 1000 || code == 1001 || code == 1003 || code == 1008 ||
           code == 1011 || (code >= 3000 && code <= 4999);
}

int
tn_ws_close(tn_ws *ws, int code, const char *reason)
{
    size_t len = reason ? strlen(reason) : 0;
    struct tn__ws_limit l;
    int r;

    if (!may_say(code) || len > TN_WS_REASON || !tn_text_valid(reason, len)) {
        return tn_fail(-EINVAL, "close WebSocket", NULL);
    }
    r = take_turn(ws); /* behind the messages that were sent before */
    if (r < 0) {
        return r;
    }
    if (ws->closing || ws->ended || ws->broken) {
        give_turn(ws);
        return tn_fail(-EPIPE, "close WebSocket", NULL);
    }
    tn__ws_owe_close(ws, code, reason);
    tn__ws_limit_begin(ws, &l, ws->send_time);
    r = send_own(ws);
    tn__ws_limit_end(ws, &l, r);
    give_turn(ws);
    return r;
}
