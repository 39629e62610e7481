/*
 * fuzz_ws.c - a byte of choices, then what a peer of a WebSocket sends. All at
 * once and byte by byte give the same events; a message is within its limit,
 * text is text, and what was received comes out again when it is sent.
 */
#include <tenon/err.h>
#include <tenon/text.h>

#include "fuzz.h"
#include "http/ws_int.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 16, LIMIT = 1000 };

#define MUST(cond) ((cond) ? (void)0 : abort())

/* What happened so far, as one number. */
struct story {
    uint64_t sum;
    int end; /* 0, or the failure */
};

static void
add(struct story *s, const void *data, size_t n)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < n; i++) {
        s->sum = (s->sum ^ p[i]) * UINT64_C(0x100000001b3);
    }
}

/* Send the message the other way; it has to arrive as it was. */
static void
check_again(const struct tn__ws_codec *c)
{
    struct tn__ws_codec to, from;
    struct tn__ws_frame f = {c->kind, true, c->buf, c->len};
    uint8_t wire[TN__WS_HEAD + LIMIT];
    ssize_t n;

    if (tn__ws_codec_init(&from, TN__WS_CLIENT, LIMIT) < 0) {
        return;
    }
    MUST(tn__ws_codec_init(&to, TN__WS_SERVER, LIMIT) == 0);
    n = tn__ws_encode(&from, &f, wire);
    MUST(n > (ssize_t)c->len);
    tn__ws_feed(&to, wire, (size_t)n);
    MUST(tn__ws_decode(&to) == TN__WS_MESSAGE);
    MUST(to.left == 0 && to.len == c->len && to.kind == c->kind);
    MUST(c->len == 0 || memcmp(to.buf, c->buf, c->len) == 0);
    tn__ws_codec_fini(&from);
    tn__ws_codec_fini(&to);
}

static void
check_event(struct tn__ws_codec *c, struct story *s, int event)
{
    add(s, &event, sizeof(event));
    if (event == TN__WS_MESSAGE) {
        MUST(c->len <= LIMIT &&
             (c->kind == TN_WS_TEXT || c->kind == TN_WS_BINARY));
        MUST(c->kind == TN_WS_BINARY ||
             tn_text_valid((const char *)c->buf, c->len));
        add(s, c->buf, c->len);
        check_again(c);
        tn__ws_next(c);
    } else {
        MUST(c->control_len <= TN__WS_CONTROL);
        add(s, c->control, c->control_len);
    }
    if (event == TN__WS_CLOSE) {
        MUST(c->code == TN__WS_NO_CODE || tn__ws_code_valid(c->code));
        s->end = c->code;
    }
}

static void
feed(struct tn__ws_codec *c, struct story *s, const uint8_t *data, size_t n)
{
    int event = TN__WS_PONG;

    tn__ws_feed(c, data, n);
    while (s->end == 0 && event > 0) {
        event = tn__ws_decode(c);
        if (event < 0) {
            MUST(event == TN_EWS || event == TN_ETOOBIG);
            MUST(c->code == 1002 || c->code == 1007 || c->code == 1009);
            s->end = c->code;
        } else if (event > 0) {
            check_event(c, s, event);
        }
    }
    MUST(s->end != 0 || c->left == 0);
}

static bool
run(struct story *s, enum tn__ws_role role, const uint8_t *data, size_t size,
    size_t step)
{
    struct tn__ws_codec c;

    *s = (struct story){.sum = UINT64_C(0xcbf29ce484222325)};
    if (tn__ws_codec_init(&c, role, LIMIT) < 0) {
        return false;
    }
    for (size_t i = 0; i < size && s->end == 0; i += step) {
        feed(&c, s, data + i, size - i < step ? size - i : step);
    }
    tn__ws_codec_fini(&c);
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct story whole, bytes, odd;
    enum tn__ws_role role;

    if (size == 0 || size > MOST) {
        return 0;
    }
    role = data[0] & 1 ? TN__WS_CLIENT : TN__WS_SERVER;
    data++;
    size--;
    if (run(&whole, role, data, size, size > 0 ? size : 1) &&
        run(&bytes, role, data, size, 1) && run(&odd, role, data, size, 7)) {
        MUST(whole.sum == bytes.sum && whole.end == bytes.end);
        MUST(whole.sum == odd.sum && whole.end == odd.end);
    }
    return 0;
}
