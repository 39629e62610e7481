/*
 * ws_codec.c - frames of RFC 6455 into events, and messages into frames.
 *
 * wslay reads and writes the frames themselves; which of them may follow which,
 * and what they may say, is decided here. It never suspends: bytes are fed by
 * the caller, and a frame is encoded into memory.
 */
#include "http/ws_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- what wslay calls ---- */

static ssize_t
give_bytes(uint8_t *buf, size_t len, int flags, void *arg)
{
    struct tn__ws_codec *c = arg;
    size_t n = len < c->left ? len : c->left;

    (void)flags;
    if (n == 0) {
        return -1; /* wslay: none now */
    }
    memcpy(buf, c->at, n);
    c->at += n;
    c->left -= n;
    return (ssize_t)n;
}

static ssize_t
take_bytes(const uint8_t *data, size_t len, int flags, void *arg)
{
    struct tn__ws_codec *c = arg;

    (void)flags;
    if (!c->head_only || c->out_len == 0) {
        memcpy(c->out + c->out_len, data, len);
        c->out_len += len;
    }
    return (ssize_t)len;
}

/* RFC 6455 section 10.3: a page must not be able to foresee what a client
   writes, so these are random numbers for secrets. */
static int
give_mask(uint8_t *buf, size_t len, void *arg)
{
    (void)arg;
    return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -1;
}

/* ---- life ---- */

int
tn__ws_codec_init(struct tn__ws_codec *c, enum tn__ws_role role, size_t max)
{
    static const struct wslay_frame_callbacks calls = {
        .send_callback = take_bytes,
        .recv_callback = give_bytes,
        .genmask_callback = give_mask,
    };

    *c = (struct tn__ws_codec){.role = role, .max = max};
    return wslay_frame_context_init(&c->frames, &calls, c) == 0 ? 0 : -ENOMEM;
}

void
tn__ws_codec_fini(struct tn__ws_codec *c)
{
    wslay_frame_context_free(c->frames);
    free(c->buf);
}

void
tn__ws_feed(struct tn__ws_codec *c, const void *at, size_t n)
{
    c->at = at;
    c->left = n;
}

void
tn__ws_next(struct tn__ws_codec *c)
{
    if (!c->whole) {
        return; /* it is still coming */
    }
    c->whole = false;
    c->kind = 0;
    c->len = 0;
    if (c->cap > TN_WS_KEEP) {
        free(c->buf);
        c->buf = NULL;
        c->cap = 0;
    }
}

/* ---- receiving ---- */

bool
tn__ws_code_valid(int code)
{
    bool registered =
        (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);

    return registered || (code >= 3000 && code <= 4999);
}

static int
refuse(struct tn__ws_codec *c, int code, int err)
{
    c->code = code;
    return err;
}

static bool
is_control(uint8_t opcode)
{
    return wslay_is_ctrl_frame(opcode);
}

/* May a frame begin like this? RFC 6455 sections 5.1, 5.2, 5.4. */
static bool
may_begin(const struct tn__ws_codec *c, const struct wslay_frame_iocb *f)
{
    bool from_client = c->role == TN__WS_SERVER;

    if (f->rsv != 0 || (f->mask != 0) != from_client) {
        return false;
    }
    switch (f->opcode) {
    case WSLAY_CONTINUATION_FRAME:
        return c->kind != 0;
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
        return c->kind == 0;
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        return true;
    default:
        return false;
    }
}

static int
begin_frame(struct tn__ws_codec *c, const struct wslay_frame_iocb *f)
{
    if (!may_begin(c, f)) {
        return refuse(c, TN__WS_PROTOCOL, TN_EWS);
    }
    c->in_frame = true;
    c->opcode = f->opcode;
    c->rest = f->payload_length;
    if (is_control(f->opcode)) {
        c->control_len = 0;
        return 0;
    }
    if (f->opcode != WSLAY_CONTINUATION_FRAME) {
        c->kind = f->opcode;
        c->text = (struct tn__utf8){0};
        c->len = 0;
    }
    if (f->payload_length > c->max - c->len) {
        return refuse(c, TN__WS_TOO_BIG, TN_ETOOBIG);
    }
    return 0;
}

/* Room for n bytes more. Memory follows what has come, never what a length
   claims. */
static int
make_room(struct tn__ws_codec *c, size_t n)
{
    size_t cap = c->cap > 0 ? c->cap : TN_WS_FIRST;
    uint8_t *buf;

    while (cap - c->len < n) {
        cap *= 2;
    }
    if (cap == c->cap) {
        return 0;
    }
    buf = realloc(c->buf, cap);
    if (!buf) {
        return refuse(c, TN__WS_INTERNAL, -ENOMEM);
    }
    c->buf = buf;
    c->cap = cap;
    return 0;
}

/* A piece of a frame. Text is refused at the first byte that cannot be. */
static int
take_piece(struct tn__ws_codec *c, const struct wslay_frame_iocb *f)
{
    int r;

    c->rest -= f->data_length;
    if (f->data_length == 0) {
        return 0;
    }
    if (is_control(c->opcode)) {
        memcpy(c->control + c->control_len, f->data, f->data_length);
        c->control_len += f->data_length;
        return 0;
    }
    if (c->kind == TN_WS_TEXT &&
        !tn__utf8_feed(&c->text, f->data, f->data_length)) {
        return refuse(c, TN__WS_NOT_TEXT, TN_EWS);
    }
    r = make_room(c, f->data_length);
    if (r == 0) {
        memcpy(c->buf + c->len, f->data, f->data_length);
        c->len += f->data_length;
    }
    return r;
}

/* RFC 6455 section 5.5.1: nothing, or a code and a reason. */
static int
end_close(struct tn__ws_codec *c)
{
    struct tn__utf8 text = {0};

    if (c->control_len == 0) {
        c->code = TN__WS_NO_CODE;
        return TN__WS_CLOSE;
    }
    c->code = c->control_len > 1 ? c->control[0] << 8 | c->control[1] : 0;
    if (!tn__ws_code_valid(c->code)) {
        return refuse(c, TN__WS_PROTOCOL, TN_EWS);
    }
    if (!tn__utf8_feed(&text, c->control + 2, c->control_len - 2) ||
        text.left > 0) {
        return refuse(c, TN__WS_NOT_TEXT, TN_EWS);
    }
    return TN__WS_CLOSE;
}

static int
end_frame(struct tn__ws_codec *c, bool fin)
{
    c->in_frame = false;
    switch (c->opcode) {
    case WSLAY_CONNECTION_CLOSE:
        return end_close(c);
    case WSLAY_PING:
        return TN__WS_PING;
    case WSLAY_PONG:
        return TN__WS_PONG;
    default:
        break;
    }
    if (!fin) {
        return TN__WS_MORE;
    }
    if (c->kind == TN_WS_TEXT && c->text.left > 0) {
        return refuse(c, TN__WS_NOT_TEXT, TN_EWS);
    }
    c->whole = true;
    return TN__WS_MESSAGE;
}

int
tn__ws_decode(struct tn__ws_codec *c)
{
    struct wslay_frame_iocb f;
    int event = TN__WS_MORE;

    while (event == TN__WS_MORE) {
        ssize_t n = wslay_frame_recv(c->frames, &f);
        if (n == WSLAY_ERR_WANT_READ && c->left > 0) {
            continue; /* a head in two pieces: wslay looks once at a time */
        }
        if (n == WSLAY_ERR_WANT_READ) {
            return TN__WS_MORE;
        }
        if (n < 0) {
            return refuse(c, TN__WS_PROTOCOL, TN_EWS);
        }
        event = c->in_frame ? 0 : begin_frame(c, &f);
        if (event == 0) {
            event = take_piece(c, &f);
        }
        if (event == 0 && c->rest == 0) {
            event = end_frame(c, f.fin != 0);
        }
    }
    return event;
}

/* ---- sending ---- */

ssize_t
tn__ws_encode(struct tn__ws_codec *c, const struct tn__ws_frame *f,
              uint8_t *out)
{
    struct wslay_frame_iocb frame = {
        .fin = f->fin,
        .opcode = f->opcode,
        .mask = c->role == TN__WS_CLIENT,
        .payload_length = f->len,
        .data = f->data,
        .data_length = f->len,
    };

    c->out = out;
    c->out_len = 0;
    c->head_only = c->role == TN__WS_SERVER;
    /* take_bytes() takes everything: what can fail is the mask. */
    return wslay_frame_send(c->frames, &frame) == (ssize_t)f->len
               ? (ssize_t)c->out_len
               : -EIO;
}
