/*
 * tenon talk: what came goes to stdout, unchanged in a pipe or a file. On a
 * terminal control characters are taken out, lest the other side rule it.
 */
#include <tenon/err.h>
#include <tenon/text.h>

#include "cmd_talk_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
write_out(struct talk *t, const void *data, size_t n)
{
    ssize_t r = n > 0 ? tn_sendall(t->out, data, n, NULL) : 0;
    if (r < 0) {
        return r == -ECANCELED ? (int)r : tn_fail((int)r, "write", "stdout");
    }
    return 0;
}

/* How many bytes at the end begin a character that is not whole. */
static size_t
begun_character(const uint8_t *s, size_t n)
{
    for (size_t back = 1; back < TALK_CHAR_MAX && back <= n; back++) {
        uint8_t byte = s[n - back];
        if (byte < 0x80) {
            return 0;
        }
        if (byte >= 0xc0) {
            size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return size > back ? back : 0;
        }
    }
    return 0;
}

/* Clean each line; newlines themselves stay. Returns the bytes written. */
static size_t
clean_lines(char *dst, size_t cap, const char *src, size_t n)
{
    size_t at = 0;
    while (n > 0) {
        const char *nl = memchr(src, '\n', n);
        size_t len = nl ? (size_t)(nl - src) : n;
        at += tn_text_clean(dst + at, cap - at, src, len);
        if (nl) {
            dst[at++] = '\n';
            len++;
        }
        src += len;
        n -= len;
    }
    return at;
}

/* A character that two receives share is shown when it is whole. */
static int
put_clean(struct talk_out *out, const uint8_t *data, size_t n)
{
    size_t all = out->tail_len + n;
    size_t cap = 3 * all + 2;
    char *text = malloc(all + cap);
    if (!text) {
        return tn_fail(-ENOMEM, "write", "stdout");
    }
    char *clean = text + all;
    memcpy(text, out->tail, out->tail_len);
    memcpy(text + out->tail_len, data, n);
    size_t rest = begun_character((const uint8_t *)text, all);
    out->tail_len = rest;
    memcpy(out->tail, text + all - rest, rest);
    size_t len = clean_lines(clean, cap - 1, text, all - rest);
    bool line = out->t->o->bare || out->t->o->frame;
    if (line && rest == 0 && (len == 0 || clean[len - 1] != '\n')) {
        clean[len++] = '\n';
    }
    int err = write_out(out->t, clean, len);
    free(text);
    return err;
}

/* A message, or with --bare a receive, is a line. */
static int
put_line(struct talk_out *out, const uint8_t *data, size_t n)
{
    int err = write_out(out->t, data, n);
    bool has_end = n > 0 && data[n - 1] == '\n' && !out->t->o->frame;
    return err < 0 || has_end ? err : write_out(out->t, "\n", 1);
}

int
talk_out_put(struct talk_out *out, const uint8_t *data, size_t n)
{
    const struct talk_opts *o = out->t->o;
    int err = o->hex ? talk_dump(out->t, '<', data, n, out->received) : 0;
    out->received += n;
    if (err < 0) {
        return err;
    }
    if (out->t->out_tty && o->hex) {
        return 0; /* the dump says it all */
    }
    if (out->t->out_tty && !o->raw) {
        return put_clean(out, data, n);
    }
    return o->bare || o->frame ? put_line(out, data, n)
                               : write_out(out->t, data, n);
}

int
talk_out_sent(struct talk_out *out, const uint8_t *data, size_t n)
{
    int err = out->t->o->hex ? talk_dump(out->t, '>', data, n, out->sent) : 0;
    out->sent += n;
    return err;
}

void
talk_replace(int fd, int flags)
{
    int null = open("/dev/null", flags | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, fd);
        (void)close(null);
    }
}

void
talk_out_close(struct talk *t)
{
    if (!t->out_tty) {
        tn_close(t->out);
        t->out = NULL;
        talk_replace(STDOUT_FILENO, O_WRONLY);
    }
}
