/*
 * tenon talk: pieces of standard input, as they are to be sent.
 *
 * Without options a piece is what one read returned: nothing is held back. A
 * line is a piece where one message is made of each (--frame, --bare) or time
 * passes between them (-i).
 */
#include <tenon/err.h>

#include "cmd_talk_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
by_line(const struct talk_opts *o)
{
    return o->frame || o->bare || o->interval > 0;
}

static size_t
piece_max(const struct talk *t)
{
    return tn_transport_type(t->ep.transport) == SOCK_DGRAM ? (size_t)t->o->gram
                                                            : TALK_BUF;
}

int
talk_in_init(struct talk_in *in, struct talk *t)
{
    memset(in, 0, sizeof(*in));
    in->t = t;
    in->cap = TALK_BUF;
    in->buf = malloc(in->cap);
    return in->buf ? 0 : tn_fail(-ENOMEM, "read", "stdin");
}

void
talk_in_fini(struct talk_in *in)
{
    free(in->buf);
    free(in->wire);
}

void
talk_in_close(struct talk *t)
{
    if (!t->in_tty) {
        tn_close(t->in);
        t->in = NULL;
        talk_replace(STDIN_FILENO, O_RDONLY);
    }
}

/* Read more behind what is there; 1, 0 at the end, or negative. */
static int
fill(struct talk_in *in, size_t most)
{
    size_t room = in->cap - in->len;
    ssize_t n =
        tn_recv(in->t->in, in->buf + in->len, room < most ? room : most, 0);
    if (n < 0) {
        return n == -ECANCELED ? (int)n : tn_fail((int)n, "read", "stdin");
    }
    in->len += (size_t)n;
    in->ended = n == 0;
    return n > 0;
}

static int
next_chunk(struct talk_in *in, tn_view *piece)
{
    in->len = 0;
    int r = fill(in, piece_max(in->t));
    piece->data = in->buf;
    piece->len = in->len;
    return r;
}

/* --- lines ---------------------------------------------------------------- */

/* Make room behind the begin of a line, which is moved to the front. */
static int
make_room(struct talk_in *in)
{
    memmove(in->buf, in->buf + in->at, in->len - in->at);
    in->len -= in->at;
    in->at = 0;
    if (in->len < in->cap) {
        return 0;
    }
    if (in->cap >= TALK_LINE_MAX) {
        return tn_fail(TN_ETOOBIG, "read", "a line of stdin");
    }
    uint8_t *buf = realloc(in->buf, 2 * in->cap);
    if (!buf) {
        return tn_fail(-ENOMEM, "read", "a line of stdin");
    }
    in->buf = buf;
    in->cap *= 2;
    return 0;
}

/* The line at `at`, which ends before `end`; `newline` is 1 if it has one. */
static void
take_line(struct talk_in *in, tn_view *piece, size_t end, size_t newline)
{
    const struct talk_opts *o = in->t->o;
    bool strip = o->frame || o->bare;
    piece->data = in->buf + in->at;
    piece->len = end - in->at + (strip ? 0 : newline);
    in->at = end + newline;
}

static int
next_line(struct talk_in *in, tn_view *piece)
{
    size_t seen = in->at;
    for (;;) {
        uint8_t *nl = memchr(in->buf + seen, '\n', in->len - seen);
        if (nl) {
            take_line(in, piece, (size_t)(nl - in->buf), 1);
            return 1;
        }
        if (in->ended) {
            bool rest = in->at < in->len;
            take_line(in, piece, in->len, 0);
            return rest;
        }
        size_t searched = in->len - in->at;
        int r = make_room(in);
        r = r < 0 ? r : fill(in, TALK_BUF);
        if (r < 0) {
            return r;
        }
        seen = in->at + searched;
    }
}

/* --- ends of line --------------------------------------------------------- */

/* Put CR before each LF that has none. */
static int
to_crlf(struct talk_in *in, tn_view *piece)
{
    size_t n = 0;
    free(in->wire);
    in->wire = malloc(2 * piece->len + 1);
    if (!in->wire) {
        return tn_fail(-ENOMEM, "read", "stdin");
    }
    for (size_t i = 0; i < piece->len; i++) {
        if (piece->data[i] == '\n' && in->last != '\r') {
            in->wire[n++] = '\r';
        }
        in->last = piece->data[i];
        in->wire[n++] = in->last;
    }
    piece->data = in->wire;
    piece->len = n;
    return 1;
}

int
talk_in_next(struct talk_in *in, tn_view *piece)
{
    int r = by_line(in->t->o) ? next_line(in, piece) : next_chunk(in, piece);
    return r > 0 && in->t->o->crlf ? to_crlf(in, piece) : r;
}
