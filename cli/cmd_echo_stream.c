/*
 * tenon echo on one connection: receive, show, answer, until the peer ends.
 *
 * Bytes wait in one buffer until they are answered: all of them at once, or,
 * with --frame, each message that is whole. An answer has the length of what
 * it answers, so it is made in place and sent from there.
 */
#include <tenon/err.h>
#include <tenon/task.h>

#include "cmd_echo_int.h"
#include "codec.h"
#include "say.h"
#include "where.h"

#include <stdlib.h>
#include <string.h>

struct stream {
    struct echo *e;
    tn_sock *conn;
    unsigned long number;
    uint8_t *data; /* what is not answered yet */
    size_t len, cap;
    size_t whole; /* bytes of data that are whole messages */
    uint64_t at;  /* offset of data[0] in the stream */
    int64_t sent;
    bool ended; /* --close-after is used up */
};

/* --- room ----------------------------------------------------------------- */

/* The buffer grows with what arrives, up to the codec's limit. */
static int
make_room(struct stream *s)
{
    if (s->cap - s->len >= ECHO_BUF / 2) {
        return 0;
    }
    size_t cap = s->cap ? 2 * s->cap : ECHO_BUF;
    uint8_t *data = realloc(s->data, cap);
    if (!data) {
        return tn_fail(-ENOMEM, "echo", NULL);
    }
    s->data = data;
    s->cap = cap;
    return 0;
}

/* Forget the first bytes, which were answered. */
static void
forget(struct stream *s, size_t n)
{
    s->len -= n;
    s->at += n;
    s->whole -= n;
    memmove(s->data, s->data + n, s->len);
}

/* --- receiving ------------------------------------------------------------ */

static void
note_start(struct echo_seen *seen, size_t position)
{
    if (seen->start_count < ECHO_STARTS) {
        seen->starts[seen->start_count] = position;
    }
    seen->start_count++;
}

/* Find the messages that the bytes from `old` on complete or begin. */
static int
find_messages(struct stream *s, size_t old, struct echo_seen *seen)
{
    while (s->whole < s->len) {
        tn_view msg;
        size_t used;
        if (s->whole >= old) {
            note_start(seen, s->whole - old);
        }
        int r = tn_codec_decode(&s->e->codec, s->data + s->whole,
                                s->len - s->whole, &msg, &used);
        if (r < 0) {
            return tn_fail(r, "--frame", s->e->o->frame);
        }
        if (r == 0) {
            return 0;
        }
        s->whole += used;
    }
    return 0;
}

/* Take note of `n` bytes that arrived at the buffer's end. */
static int
arrived(struct stream *s, size_t n)
{
    size_t old = s->len;
    struct echo_seen seen = {.conn = s->number,
                             .at = s->at + old,
                             .data = s->data + old,
                             .n = n,
                             .framed = s->e->o->frame != NULL};
    int err = 0;
    s->len += n;
    if (seen.framed) {
        err = find_messages(s, old, &seen);
    } else {
        s->whole = s->len;
    }
    if (s->e->o->show) {
        char why[CODEC_WHY];
        if (err < 0) {
            seen.bad = codec_why_unread(&s->e->codec, s->data + s->whole,
                                        s->len - s->whole, why, sizeof(why));
        }
        int shown = echo_show(s->e, &seen);
        err = err ? err : shown;
    }
    return err;
}

/* One receive: 1, 0 at the end of the stream, or a negative code. */
static int
receive(struct stream *s)
{
    int err = make_room(s);
    if (err < 0) {
        return err;
    }
    size_t room = s->cap - s->len;
    ssize_t n = tn_recv(s->conn, s->data + s->len,
                        room < ECHO_BUF ? room : ECHO_BUF, 0);
    if (n <= 0) {
        return (int)n;
    }
    err = arrived(s, (size_t)n);
    return err < 0 ? err : 1;
}

/* Receive once, or for the time of --coalesce from the first byte on. */
static int
collect(struct stream *s)
{
    int r = receive(s);
    if (r <= 0 || s->e->o->coalesce == 0) {
        return r;
    }
    tn_scope scope;
    tn_deadline(&scope, s->e->o->coalesce);
    while (r > 0 && s->len < ECHO_BUF) {
        r = receive(s);
    }
    bool time_is_up = tn_scope_end(&scope);
    return r == -ETIME && time_is_up ? 1 : r;
}

/* --- answering ------------------------------------------------------------ */

/* Send what --close-after still allows; sets `ended` if that is used up. */
static int
send_limited(struct stream *s, const uint8_t *data, size_t n)
{
    int64_t limit = s->e->o->close_after;
    if (limit >= 0 && (int64_t)n >= limit - s->sent) {
        n = (size_t)(limit - s->sent);
        s->ended = true;
    }
    int err = echo_send(s->e, s->conn, data, n, NULL);
    s->sent += (int64_t)n;
    return err;
}

/* Make the answer to the first message in place; returns its length. */
static size_t
answer_message(struct stream *s, size_t offset)
{
    tn_view msg;
    size_t used;
    if (tn_codec_decode(&s->e->codec, s->data + offset, s->whole - offset, &msg,
                        &used) != 1) {
        return 0; /* find_messages() saw it whole: it cannot be */
    }
    if (s->e->o->mode == ECHO_UPPER) {
        echo_upper(msg.data, msg.len);
    }
    return used;
}

/* One send per message; glued ones leave in one. */
static int
answer_messages(struct stream *s)
{
    bool glue = s->e->o->coalesce > 0;
    size_t n;
    for (size_t at = 0; at < s->whole && !s->ended; at += n) {
        n = answer_message(s, at);
        int err = n == 0 ? -EBADMSG
                  : glue ? 0
                         : send_limited(s, s->data + at, n);
        if (err < 0) {
            return err;
        }
    }
    return glue ? send_limited(s, s->data, s->whole) : 0;
}

static int
answer(struct stream *s)
{
    int err = 0;
    if (s->e->o->mode == ECHO_UPPER && !s->e->o->frame) {
        echo_upper(s->data, s->whole);
    }
    if (s->e->o->mode != ECHO_DISCARD) {
        err = s->e->o->frame ? answer_messages(s)
                             : send_limited(s, s->data, s->whole);
    }
    forget(s, s->whole);
    return err;
}

static int
talk_back(struct stream *s)
{
    int r = 1;
    while (r > 0 && !s->ended) {
        r = collect(s);
        if (s->whole > 0 && r != -ECANCELED) { /* also before what is bad */
            int err = answer(s);
            r = r >= 0 && err < 0 ? err : r;
        }
    }
    if (r == 0 && s->len > 0) {
        return tn_fail(TN_ETRUNCATED, "--frame", s->e->o->frame);
    }
    return r < 0 ? r : 0;
}

/* --- the modes that do not listen ----------------------------------------- */

/* RFC 864: what the peer says is thrown away; its end is not ours. */
static int
swallow(void *arg)
{
    struct stream *s = arg;
    int r = 1;
    while (r > 0) {
        r = receive(s);
        forget(s, s->len);
    }
    return r;
}

static int
generate(struct stream *s)
{
    tn_group group;
    uint8_t *block = malloc(ECHO_CHARGEN_BLOCK);
    if (!block) {
        return tn_fail(-ENOMEM, "chargen", NULL);
    }
    echo_chargen(block, ECHO_CHARGEN_BLOCK, 0);
    tn_group_init(&group, 0);
    int err = tn_go(&group, swallow, s);
    while (err == 0 && !s->ended) {
        err = send_limited(s, block, ECHO_CHARGEN_BLOCK);
    }
    tn_group_cancel(&group);
    (void)tn_group_wait(&group);
    free(block);
    return err;
}

static int
tell_time(struct stream *s)
{
    char text[ECHO_LINE];
    size_t n = echo_daytime(text, sizeof(text));
    return send_limited(s, (const uint8_t *)text, n);
}

/* --- one connection ------------------------------------------------------- */

/* tn_serve() closes the connection decently. A connect to nowhere ends it
   before, with a reset: connect(2) AF_UNSPEC. */
static int
reset(tn_sock *conn)
{
    tn_addr nowhere = {.len = sizeof(struct sockaddr),
                       .u.sa.sa_family = AF_UNSPEC};
    return tn_connect(conn, &nowhere);
}

int
echo_stream(tn_sock *conn, const tn_addr *peer, void *arg)
{
    struct echo *e = arg;
    struct stream s = {.e = e, .conn = conn, .number = ++e->count};
    char text[TN_ADDR_TEXT];
    int err;
    tn_task_name("connection");
    if (e->o->verbose) {
        say("#%lu is %s", s.number, where_peer(peer, text, sizeof(text)));
    }
    if (e->o->mode == ECHO_CHARGEN) {
        err = generate(&s);
    } else if (e->o->mode == ECHO_DAYTIME) {
        err = tell_time(&s);
    } else {
        err = talk_back(&s);
    }
    int gone = e->o->rst ? reset(conn) : 0;
    free(s.data);
    return err < 0 ? err : gone;
}
