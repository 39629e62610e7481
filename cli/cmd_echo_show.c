/*
 * The microscope's lines, one per receive:
 *
 *     #1 recv 11 bytes at 0 "hello world" begins +0 +5
 *
 * The number of the connection (or the sender's address), how much one receive
 * returned, from which offset of the stream, its first bytes, and with --frame
 * where in it messages began, and why the connection ends if one is bad.
 */
#include <tenon/err.h>

#include "cmd_echo_int.h"
#include "say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct line {
    char text[ECHO_LINE];
    size_t len;
};

static void put(struct line *l, const char *format, ...) TN_PRINTF(2, 3);

static void
put(struct line *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = sizeof(l->text) - l->len;
    int n = vsnprintf(l->text + l->len, room, format, args);
    va_end(args);
    if (n > 0) {
        l->len += (size_t)n < room ? (size_t)n : room - 1;
    }
}

/* As C writes a string; bytes above ASCII too, for a recv may cut UTF-8. */
static void
put_byte(struct line *l, uint8_t byte)
{
    static const char named[] = "\nn\rr\tt\"\"\\\\";
    for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
        if (byte == (uint8_t)named[i]) {
            put(l, "\\%c", named[i + 1]);
            return;
        }
    }
    put(l, byte >= ' ' && byte < 0x7f ? "%c" : "\\x%02x", byte);
}

static void
put_excerpt(struct line *l, const uint8_t *data, size_t n)
{
    put(l, " \"");
    for (size_t i = 0; i < n && i < ECHO_EXCERPT; i++) {
        put_byte(l, data[i]);
    }
    put(l, n > ECHO_EXCERPT ? "\"..." : "\"");
}

static void
put_starts(struct line *l, const struct echo_seen *seen)
{
    if (seen->start_count == 0) {
        put(l, " inside a message");
        return;
    }
    put(l, " begins");
    for (size_t i = 0; i < seen->start_count && i < ECHO_STARTS; i++) {
        put(l, " +%zu", seen->starts[i]);
    }
    if (seen->start_count > ECHO_STARTS) {
        put(l, " and %zu more", seen->start_count - ECHO_STARTS);
    }
}

int
echo_show(struct echo *e, const struct echo_seen *seen)
{
    struct line l = {.len = 0};
    if (seen->from) {
        put(&l, "%s recv %zu bytes", seen->from, seen->n);
    } else {
        put(&l, "#%lu recv %zu bytes at %" PRIu64, seen->conn, seen->n,
            seen->at);
    }
    put_excerpt(&l, seen->data, seen->n);
    if (seen->framed) {
        put_starts(&l, seen);
    }
    if (seen->bad) {
        put(&l, ": %s; the connection ends", seen->bad);
    }
    put(&l, "\n");
    l.text[l.len - 1] = '\n';
    ssize_t n = tn_sendall(e->out, l.text, l.len, NULL);
    if (n < 0 && n != -ECANCELED && e->code == EXIT_DONE) {
        e->code = say_failed(tn_fail((int)n, "write", "stdout"), NULL);
        tn_scope_cancel(&e->scope); /* a microscope nobody looks through */
    }
    return n < 0 ? (int)n : 0;
}
