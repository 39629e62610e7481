/*
 * tenon talk -x: what came and what went, in hexadecimal, a block for each
 * receive and each send:
 *
 *     < 5 bytes at 0
 *     00000000  68 65 6c 6c 6f                                    |hello|
 */
#include <tenon/err.h>

#include "cmd_talk_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    DUMP_BYTES = 16, /* in a line */
    DUMP_HEAD = 64,  /* characters of the head line at most */
    DUMP_LINE = 96,  /* of the others: 16 of offset, 3 a byte, 20 */
};

static size_t
dump_line(char *dst, const uint8_t *data, size_t n, uint64_t at)
{
    int len = snprintf(dst, DUMP_LINE, "%08" PRIx64 " ", at);
    size_t p = len < 0 ? 0 : (size_t)len;
    for (size_t i = 0; i < DUMP_BYTES; i++) {
        len = i < n ? snprintf(dst + p, DUMP_LINE - p, "%s%02x",
                               i == DUMP_BYTES / 2 ? "  " : " ", data[i])
                    : snprintf(dst + p, DUMP_LINE - p, "%s  ",
                               i == DUMP_BYTES / 2 ? "  " : " ");
        p += len < 0 ? 0 : (size_t)len;
    }
    dst[p++] = ' ';
    dst[p++] = ' ';
    dst[p++] = '|';
    for (size_t i = 0; i < n; i++) {
        dst[p++] = data[i] >= ' ' && data[i] < 0x7f ? (char)data[i] : '.';
    }
    dst[p++] = '|';
    dst[p++] = '\n';
    return p;
}

/* In one write, lest the two directions mix. */
int
talk_dump(struct talk *t, char mark, const uint8_t *data, size_t n, uint64_t at)
{
    size_t lines = n / DUMP_BYTES + 1;
    char *text = malloc(DUMP_HEAD + lines * DUMP_LINE);
    if (!text) {
        return tn_fail(-ENOMEM, "write", "stderr");
    }
    int head =
        snprintf(text, DUMP_HEAD, "%c %zu bytes at %" PRIu64 "\n", mark, n, at);
    size_t len = head < 0 ? 0 : (size_t)head;
    for (size_t i = 0; i < n; i += DUMP_BYTES) {
        size_t left = n - i < DUMP_BYTES ? n - i : DUMP_BYTES;
        len += dump_line(text + len, data + i, left, at + i);
    }
    ssize_t r = tn_sendall(t->err, text, len, NULL);
    free(text);
    return r < 0 ? (int)r : 0;
}
