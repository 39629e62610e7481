/*
 * ws.c - receiving, silence, and the end of a WebSocket.
 */
#include <tenon/sock.h>
#include <tenon/sockopt.h>

#include "http/ws_int.h"
#include "task/task.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static int64_t
or_default(int64_t time, int64_t otherwise)
{
    return time != 0 ? time : otherwise;
}

/* What came behind the handshake is kept until it is used up. */
static int
keep_early(tn_ws *ws, tn_str early)
{
    if (early.len == 0) {
        return 0;
    }
    ws->early = malloc(early.len);
    if (!ws->early) {
        return -ENOMEM;
    }
    memcpy(ws->early, early.at, early.len);
    tn__ws_feed(&ws->codec, ws->early, early.len);
    return 0;
}

static void
release(tn_ws *ws)
{
    if (ws->turn) {
        tn_chan_free(ws->turn);
    }
    tn__ws_codec_fini(&ws->codec);
    free(ws->early);
    free(ws);
}

int
tn__ws_new(tn_ws **out, tn_sock *sock, enum tn__ws_role role, tn_str early,
           const tn_ws_opts *opts)
{
    tn_ws_opts o = opts ? *opts : (tn_ws_opts){0};
    tn_ws *ws = calloc(1, sizeof(*ws));
    char token = 0;
    int r;

    *out = NULL;
    if (!ws) {
        return tn_fail(-ENOMEM, "new WebSocket", NULL);
    }
    ws->sock = sock;
    ws->owned = role == TN__WS_CLIENT;
    ws->ping_time = or_default(o.ping_time, TN_WS_PING_TIME);
    ws->send_time = or_default(o.send_time, TN_WS_SEND_TIME);
    ws->message_time = or_default(o.message_time, TN_WS_MESSAGE_TIME);
    ws->end.code = TN__WS_LOST;
    ws->until = TN_NEVER;
    ws->heard = tn_now();
    r = tn__ws_codec_init(&ws->codec, role,
                          o.max_message > 0 ? o.max_message : TN_WS_MESSAGE);
    if (r == 0) {
        r = tn_chan_new(&ws->turn, sizeof(token), 1);
    }
    if (r == 0) {
        r = keep_early(ws, early);
    }
    if (r < 0) {
        release(ws);
        return tn_fail(r, "new WebSocket", NULL);
    }
    r = tn_chan_try_send(ws->turn, &token);
    TN_ASSERT(r == 0);
    tn_settimeout(sock, TN_FOREVER);
    if (tn_set(sock, TN_NODELAY, 1) < 0) {
        /* Not TCP: nothing holds small frames back there. */
    }
    *out = ws;
    return 0;
}

/* ---- waiting for bytes ---- */

/* From here on tn_ws_recv() returns this. */
static int
end_with(tn_ws *ws, int result)
{
    ws->ended = true;
    ws->result = result;
    if (result < 0) {
        tn_fail(result, "receive WebSocket message", NULL);
    }
    return result;
}

/* The stream is as it was: the caller may come back. */
static bool
may_go_on(ssize_t r)
{
    return r == -ETIME || r == -ECANCELED || r == -EINTR || r == -EAGAIN ||
           r == -EBUSY || r == -ENOBUFS || r == -ENOMEM;
}

/* Read, at most until `due`. -EAGAIN: it is due and nothing has come. */
static ssize_t
read_until(tn_ws *ws, int64_t due)
{
    struct tn__ws_limit l;
    int64_t left = due == TN_NEVER ? TN_FOREVER : due - tn_now();
    ssize_t n;

    if (left <= 0 && left != TN_FOREVER) {
        tn_settimeout(ws->sock, TN_FOREVER);
        return tn_recv(ws->sock, ws->chunk, sizeof(ws->chunk), MSG_DONTWAIT);
    }
    tn__ws_limit_begin(ws, &l, left);
    if (!l.task) {
        tn_settimeout(ws->sock, left);
    }
    n = tn_recv(ws->sock, ws->chunk, sizeof(ws->chunk), 0);
    return tn__ws_limit_end(ws, &l, n) && left != TN_FOREVER ? -EAGAIN : n;
}

static int64_t
silence_ends(const tn_ws *ws)
{
    int64_t from = ws->ping == TN__WS_PINGED ? ws->pinged_at : ws->heard;

    return ws->ping_time < 0 ? TN_NEVER : tn__deadline(from, ws->ping_time);
}

/* When what has begun to come must be here. */
static int64_t
message_ends(tn_ws *ws)
{
    const struct tn__ws_codec *c = &ws->codec;
    bool inside = c->in_frame || (c->kind != 0 && !c->whole);

    if (inside && !ws->begun) {
        ws->since = tn_now();
    }
    ws->begun = inside;
    return !inside || ws->message_time < 0
               ? TN_NEVER
               : tn__deadline(ws->since, ws->message_time);
}

/* Send what is owed before more is read: a peer that asks and asks, and does
   not read the answers, is held back. An answer that cannot be sent is no
   reason not to read what came before the end. 0, or what tn_ws_recv() has to
   return. */
static int
settle(tn_ws *ws)
{
    int r = tn__ws_settle(ws);

    return r == -ETIMEDOUT ? end_with(ws, r) : may_go_on(r) ? r : 0;
}

/* The peer has been silent for long: ask, and the second time give up. A ping
   that still waits behind a message is not held against it; that message has a
   limit of its own. */
static int
ask_or_give_up(tn_ws *ws)
{
    if (ws->ping == TN__WS_PINGED) {
        return end_with(ws, -ETIMEDOUT);
    }
    if (ws->ping == TN__WS_OWES_PING) {
        ws->heard = tn_now();
    }
    ws->ping = TN__WS_OWES_PING;
    return settle(ws);
}

/* Both close frames are through, or there will be none: a server ends TCP
   first, so that the client's port is free again (RFC 6455 section 7.1.1). */
static void
end_stream(tn_ws *ws)
{
    if (ws->codec.role == TN__WS_SERVER) {
        tn_shutdown(ws->sock, SHUT_WR);
    }
}

/* The peer broke a rule: tell it, and listen no more (section 7.1.7). */
static int
fail(tn_ws *ws, int result)
{
    tn__ws_owe_close(ws, ws->codec.code, NULL);
    ws->ended = true;
    ws->result = result;
    (void)tn__ws_settle_all(ws, TN_WS_CLOSE_TIME);
    end_stream(ws);
    return end_with(ws, result);
}

/* 1: bytes came; else what tn_ws_recv() has to return. */
static int
fill(tn_ws *ws)
{
    int64_t whole = message_ends(ws);
    ssize_t n = -EAGAIN;
    int r = 0;

    free(ws->early);
    ws->early = NULL;
    while (n == -EAGAIN && r == 0) {
        int64_t silence = silence_ends(ws);

        n = read_until(ws, whole < silence ? whole : silence);
        if (n == -EAGAIN && whole <= silence) {
            ws->codec.code = TN__WS_POLICY;
            r = fail(ws, -ETIMEDOUT);
        } else if (n == -EAGAIN) {
            r = ask_or_give_up(ws);
        }
    }
    if (r < 0) {
        return r;
    }
    if (n > 0) {
        ws->heard = tn_now();
        ws->ping = TN__WS_QUIET;
        tn__ws_feed(&ws->codec, ws->chunk, (size_t)n);
        return 1;
    }
    if (n == 0 || n == TN_ECUT) { /* the end is a close frame, not that */
        return end_with(ws, TN_ETRUNCATED);
    }
    return may_go_on(n) ? (int)n : end_with(ws, (int)n);
}

/* ---- what came ---- */

static int
take_close(tn_ws *ws)
{
    const struct tn__ws_codec *c = &ws->codec;
    size_t len = c->control_len > 2 ? c->control_len - 2 : 0;

    ws->heard_close = true;
    ws->end.code = c->code;
    memcpy(ws->end.reason, c->control + 2, len);
    ws->end.reason[len] = '\0';
    tn__ws_owe_close(ws, c->code, NULL);
    ws->ended = true;
    ws->result = 0;
    (void)tn__ws_settle_all(ws, TN_WS_CLOSE_TIME);
    end_stream(ws);
    return 0;
}

static void
take_ping(tn_ws *ws)
{
    memcpy(ws->pong, ws->codec.control, ws->codec.control_len);
    ws->pong_len = (uint8_t)ws->codec.control_len;
    ws->owes_pong = true;
}

/* 1: a message is in the codec; else what tn_ws_recv() has to return. */
static int
next_message(tn_ws *ws)
{
    int r = settle(ws); /* the last call may have been cut short in it */

    while (r >= 0) {
        int event = tn__ws_decode(&ws->codec);
        switch (event) {
        case TN__WS_MESSAGE:
            return 1;
        case TN__WS_MORE:
            r = fill(ws);
            break;
        case TN__WS_PING:
            ws->begun = ws->begun && ws->codec.kind != 0;
            take_ping(ws);
            r = settle(ws);
            break;
        case TN__WS_PONG:
            ws->begun = ws->begun && ws->codec.kind != 0;
            break;
        case TN__WS_CLOSE:
            return take_close(ws);
        default:
            return fail(ws, event);
        }
    }
    return r;
}

int
tn_ws_recv(tn_ws *ws, enum tn_ws_kind *kind, tn_str *data)
{
    struct tn__ws_codec *c = &ws->codec;
    int r;

    *kind = TN_WS_BINARY;
    *data = (tn_str){"", 0};
    if (ws->receiving) {
        return tn_fail(-EBUSY, "receive WebSocket message", NULL);
    }
    if (ws->ended) {
        return ws->result;
    }
    ws->receiving = true;
    ws->since += tn_now() - ws->away;
    tn__ws_next(c);
    r = next_message(ws);
    ws->receiving = false;
    ws->away = tn_now();
    ws->begun = ws->begun && r != 1;
    if (r == 1) {
        *kind = c->kind == TN_WS_TEXT ? TN_WS_TEXT : TN_WS_BINARY;
        *data = (tn_str){c->len > 0 ? (const char *)c->buf : "", c->len};
    }
    return r;
}

void
tn_ws_ended(const tn_ws *ws, tn_ws_end *end)
{
    *end = ws->end;
}

/* ---- the end ---- */

/* Read on until the peer has closed: its close frame if that is still to come,
   and of a server the end of the stream. Messages are dropped. */
static bool
await_end(tn_ws *ws, int64_t until)
{
    bool want_frame = !ws->ended;
    size_t dropped = 0;
    ssize_t n = 1;

    while (n > 0 && dropped < TN_CLOSE_DRAIN) {
        int event = TN__WS_MORE;
        while (want_frame && (event = tn__ws_decode(&ws->codec)) > 0) {
            tn__ws_next(&ws->codec);
            want_frame = event != TN__WS_CLOSE;
        }
        want_frame = want_frame && event >= 0;
        if (!want_frame && ws->codec.role == TN__WS_SERVER) {
            return true;
        }
        n = read_until(ws, until);
        if (n > 0) {
            dropped += (size_t)n;
            tn__ws_feed(&ws->codec, ws->chunk, (size_t)n);
        }
    }
    return n == 0 || n == TN_ECUT;
}

static bool
say_good_bye(tn_ws *ws, int code)
{
    int64_t until = tn__deadline(tn_now(), TN_WS_CLOSE_TIME);
    bool gone = ws->ended && !ws->closing; /* no frame was, or will be */

    if (gone || ws->broken) {
        return false;
    }
    tn__ws_owe_close(ws, code, NULL);
    if (tn__ws_settle_all(ws, TN_WS_CLOSE_TIME) < 0) {
        return false;
    }
    return await_end(ws, until);
}

void
tn_ws_free(tn_ws *ws)
{
    bool task = tn_loop_self() != NULL;
    bool going = task && tn__check(tn__self) == -ECANCELED;
    tn_scope shield;
    bool good;

    if (!ws) {
        return;
    }
    TN_ASSERT(!ws->receiving && "nobody may be inside a call");
    if (task) {
        tn_shield(&shield, TN_WS_CLOSE_TIME);
    }
    good = say_good_bye(ws, going ? TN__WS_GOING : TN__WS_NORMAL);
    end_stream(ws);
    if (ws->owned && good) {
        tn_close(ws->sock);
    } else if (ws->owned) {
        tn_abort(ws->sock);
    }
    if (task) {
        tn_scope_end(&shield);
    }
    release(ws);
}
