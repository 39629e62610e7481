/*
 * framer.c - messages out of a stream, by whatever pieces they come.
 *
 * The bytes live in buf[start..end): first in a small array within the framer,
 * so that an idle connection costs nothing more, then on the heap. Memory
 * follows what has arrived, never what a length claims.
 */
#include <tenon/frame.h>
#include <tenon/msg.h>
#include <tenon/task.h>

#include "frame/frame_int.h"
#include "sock/sock.h"

#include <stdlib.h>
#include <string.h>

struct tn_framer {
    tn_sock *sock;
    int64_t message_time; /* as set; 0: the socket's time-out */
    int64_t deadline;     /* of the message that has begun; 0: none yet */
    uint8_t *buf;         /* `small`, or on the heap */
    size_t cap, start, end;
    size_t seen; /* bytes from start searched for the delimiter */
    size_t most; /* what cap may grow to */
    int result;  /* of every read once `ended` */
    bool ended;
    bool busy; /* the last receive filled all its room */
    tn_codec codec;
    uint8_t small[TN_FRAMER_SMALL];
};

int
tn_framer_new(tn_framer **out, tn_sock *sock, const tn_codec *codec)
{
    *out = NULL;
    if (tn__codec_check(codec) < 0) {
        return tn_fail(-EINVAL, "new framer", "codec");
    }
    if (!sock->fd.is_stream && sock->fd.is_socket) {
        return tn_fail(-EINVAL, "new framer", "no stream");
    }
    tn_framer *f = malloc(sizeof(*f));
    if (f == NULL) {
        return tn_fail(-ENOMEM, "new framer", NULL);
    }
    memset(f, 0, offsetof(tn_framer, small));
    f->sock = sock;
    f->codec = *codec;
    f->buf = f->small;
    f->cap = sizeof(f->small);
    f->most = codec->max + TN_HEAD_MAX + TN_DELIM_MAX;
    if (f->most < TN_FRAMER_BUSY) {
        f->most = TN_FRAMER_BUSY;
    }
    *out = f;
    return 0;
}

/* Go back to the small buffer; only while no byte is held. */
static void
give_back(tn_framer *f)
{
    if (f->buf != f->small) {
        free(f->buf);
    }
    f->buf = f->small;
    f->cap = sizeof(f->small);
    f->start = f->end = 0;
    f->busy = false;
}

void
tn_framer_free(tn_framer *f)
{
    if (f != NULL) {
        give_back(f);
        free(f);
    }
}

void
tn_framer_set_message_time(tn_framer *f, int64_t time)
{
    f->message_time = time;
    f->deadline = 0;
}

void
tn_framer_rest(const tn_framer *f, tn_view *rest)
{
    rest->data = f->buf + f->start;
    rest->len = f->end - f->start;
}

/* ---- room ---- */

static void
move_to_front(tn_framer *f)
{
    memmove(f->buf, f->buf + f->start, f->end - f->start);
    f->end -= f->start;
    f->start = 0;
}

static int
grow(tn_framer *f)
{
    size_t cap = f->cap < TN_FRAMER_FIRST ? TN_FRAMER_FIRST : 2 * f->cap;
    cap = cap < f->most ? cap : f->most;
    uint8_t *buf = malloc(cap);
    if (buf == NULL) {
        return tn_fail(-ENOMEM, "read message", NULL);
    }
    size_t held = f->end - f->start;
    memcpy(buf, f->buf + f->start, held);
    if (f->buf != f->small) {
        free(f->buf);
    }
    f->buf = buf;
    f->cap = cap;
    f->start = 0;
    f->end = held;
    return 0;
}

/* Make room behind `end`. The buffer doubles when more than half of it is held
   and the rest used up; otherwise bytes move, after at least as many were
   handed out: linear work over all. */
static int
make_room(tn_framer *f)
{
    size_t held = f->end - f->start;
    if (held == 0) {
        f->start = f->end = 0;
    }
    size_t room = f->cap - f->end;
    bool full = room == 0 && held > f->start;
    bool small = f->busy && f->cap < TN_FRAMER_BUSY;
    if (f->cap < f->most && (full || small)) {
        return grow(f);
    }
    if (room == 0 || (room < f->cap / 2 && held <= f->start)) {
        move_to_front(f);
    }
    return 0;
}

/* ---- receiving, within a time ---- */

/* As tn_recv(), with a limit of our own: to change the socket's time-out would
   change it for who sends meanwhile. */
static ssize_t
receive(tn_framer *f, struct tn__limit *lim)
{
    size_t room = f->cap - f->end;
    if (room > TN_FRAMER_READ) {
        room = TN_FRAMER_READ;
    }
    struct tn__op op = {.kind = TN__RECV, .u.io = {f->buf + f->end, room, 0}};
    ssize_t n = tn__sock_enter(f->sock);
    if (n < 0) {
        return tn__sock_fail(f->sock, (int)n, "recv");
    }
    n = tn__sock_await(f->sock, &op, lim);
    if (n < 0) {
        tn__sock_fail(f->sock, (int)n, "recv");
    }
    tn__sock_leave(f->sock);
    f->busy = n == (ssize_t)room;
    return n;
}

/* Wait for a message to begin. The heap buffer is kept for a while, because
   the next message is likely to be like the last, and then given back. */
static ssize_t
receive_first(tn_framer *f)
{
    struct tn__limit lim = {.timeout = tn_gettimeout(f->sock)};
    if (f->buf == f->small) {
        return receive(f, &lim);
    }
    bool split = lim.timeout < 0 || lim.timeout > TN_FRAMER_LINGER;
    struct tn__limit linger = {.timeout = TN_FRAMER_LINGER};
    ssize_t n = receive(f, split ? &linger : &lim);
    if (n != -ETIME && n != -EAGAIN) {
        return n;
    }
    give_back(f);
    if (!split) {
        return n;
    }
    if (lim.timeout > 0) {
        lim.timeout -= TN_FRAMER_LINGER;
    }
    return receive(f, &lim);
}

/* Wait for more of a message that has begun. Its time runs from here, when we
   first wait for it, so that what the caller did meanwhile does not count. */
static ssize_t
receive_rest(tn_framer *f)
{
    struct tn__limit lim = {.timeout = tn_gettimeout(f->sock)};
    int64_t whole = f->message_time != 0 ? f->message_time : lim.timeout;
    if (lim.timeout == 0 || (lim.timeout < 0 && whole < 0)) {
        return receive(f, &lim);
    }
    int64_t now = tn_now();
    if (f->deadline == 0) {
        f->deadline = tn__deadline(now, whole);
    }
    int64_t wait = tn__limit_deadline(&lim, now);
    lim.deadline = wait < f->deadline ? wait : f->deadline;
    lim.timeout = 1; /* any: the deadline is set */
    ssize_t n = receive(f, &lim);
    if (n == -ETIME) {
        f->deadline = 0; /* who asks again wants to wait again */
    }
    return n;
}

/* ---- reading and writing ---- */

/* From here on every read gives `result`. */
static int
end_with(tn_framer *f, int result)
{
    f->ended = true;
    f->result = result;
    return result;
}

static int
end_of_stream(tn_framer *f)
{
    if (f->end == f->start) {
        return end_with(f, 0);
    }
    return end_with(f, tn_fail(TN_ETRUNCATED, "read message", NULL));
}

/* These leave the stream where it was; after others the next receive could
   report a clean end that was none. */
static bool
may_go_on(ssize_t err)
{
    return err == -ETIME || err == -EAGAIN || err == -ECANCELED ||
           err == -EBUSY || err == -EINTR || err == -ENOMEM ||
           err == -ENOBUFS || err == TN_EWRONGLOOP;
}

/* 1: bytes came; else what the read has to return. */
static int
fill(tn_framer *f)
{
    int err = make_room(f);
    if (err < 0) {
        return err;
    }
    ssize_t n = f->end > f->start ? receive_rest(f) : receive_first(f);
    if (n > 0) {
        f->end += (size_t)n;
        return 1;
    }
    if (n == 0) {
        return end_of_stream(f);
    }
    return may_go_on(n) ? (int)n : end_with(f, (int)n);
}

int
tn_framer_read(tn_framer *f, tn_view *msg)
{
    *msg = (tn_view){NULL, 0};
    while (!f->ended) {
        if (f->end > f->start) {
            size_t used;
            int r = tn__codec_cut(&f->codec, f->buf + f->start,
                                  f->end - f->start, &f->seen, msg, &used);
            if (r > 0) {
                f->start += used;
                f->seen = 0;
                f->deadline = 0;
                return 1;
            }
            if (r < 0) {
                return end_with(f, tn_fail(r, "read message", NULL));
            }
        }
        int r = fill(f);
        if (r <= 0) {
            return r;
        }
    }
    return f->result;
}

int
tn_framer_write(tn_framer *f, const void *data, size_t len)
{
    tn_envelope env;
    int err = tn_codec_envelope(&f->codec, data, len, &env);
    if (err < 0) {
        return tn_fail(err, "write message", NULL);
    }
    struct iovec iov[3];
    int count = 0;
    if (env.head_len > 0) {
        iov[count++] = (struct iovec){env.head, env.head_len};
    }
    if (len > 0) {
        /* An iovec has no const; nothing is written to it. */
        iov[count++] = (struct iovec){(void *)(uintptr_t)data, len};
    }
    if (env.tail_len > 0) {
        iov[count++] = (struct iovec){env.tail, env.tail_len};
    }
    ssize_t n = tn_sendvall(f->sock, iov, count, NULL);
    return n < 0 ? (int)n : 0;
}
