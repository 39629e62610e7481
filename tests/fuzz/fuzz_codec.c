/*
 * fuzz_codec.c - a codec's name up to a newline, then what its peer sends. All
 * at once and byte by byte give the same messages, and a message that was cut
 * off can be written again to the same bytes or better.
 */
#include <tenon/codec.h>
#include <tenon/err.h>

#include "frame/frame_int.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { NAME = 64, MOST = 1 << 16 };

#define MUST(cond) ((cond) ? (void)0 : abort())

/* Byte by byte, as the framer does it: the same result at the same place. */
static void
check_pieces(const tn_codec *c, uint8_t *p, size_t n, int want, size_t used)
{
    size_t seen = 0;
    for (size_t k = 1; k <= n; k++) {
        tn_view msg;
        size_t need = 0;
        int r = tn__codec_cut(c, p, k, &seen, &msg, &need);
        if (r != 0) {
            MUST(r == want);
            MUST(r < 0 || (need == used && k == used));
            return;
        }
        MUST(need > k);
    }
    MUST(want == 0);
}

static void
check_again(const tn_codec *c, const tn_view *msg)
{
    static uint8_t wire[MOST + 2 * TN_HEAD_MAX];
    tn_view copy;
    size_t used;
    ssize_t n = tn_codec_encode(c, wire, sizeof(wire), msg->data, msg->len);
    if (n < 0) {
        return; /* a length that the codec cannot write, with an adjust */
    }
    MUST(tn_codec_decode(c, wire, (size_t)n, &copy, &used) == 1);
    MUST(used == (size_t)n && copy.len == msg->len);
    MUST(copy.len == 0 || memcmp(copy.data, msg->data, copy.len) == 0);
}

static void
run(const tn_codec *c, uint8_t *p, size_t n)
{
    for (;;) {
        tn_view msg = {NULL, 0};
        size_t used = 0;
        int r = tn_codec_decode(c, p, n, &msg, &used);
        if (n < 300) {
            check_pieces(c, p, n, r, used);
        }
        if (r != 1) {
            MUST(r == TN_ETOOBIG || r == -EBADMSG || (r == 0 && used > n));
            return;
        }
        MUST(used >= 1 && used <= n && msg.len <= used);
        MUST(msg.data >= p && msg.data + msg.len <= p + used);
        MUST(c->keep || msg.len <= c->max);
        check_again(c, &msg);
        p += used;
        n -= used;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    char name[NAME];
    tn_codec c;
    if (end == NULL || end - data >= NAME || size > MOST) {
        return 0;
    }
    memcpy(name, data, (size_t)(end - data));
    name[end - data] = '\0';
    if (tn_codec_parse(&c, name) < 0) {
        return 0;
    }
    size_t n = size - (size_t)(end + 1 - data);
    uint8_t *copy = malloc(n > 0 ? n : 1); /* exact, for ASan to see beyond */
    if (copy != NULL) {
        memcpy(copy, end + 1, n);
        run(&c, copy, n);
        free(copy);
    }
    return 0;
}
