/*
 * ws_int.h - what a WebSocket is: its codec, and who may send.
 *
 * ws_codec.c turns bytes into events and frames into bytes, and knows no
 * socket. ws_out.c sends: messages one after the other, and between their
 * frames what the library itself has to say. ws.c receives and ends.
 */
#ifndef TENON_HTTP_WS_INT_H
#define TENON_HTTP_WS_INT_H

#include <tenon/chan.h>
#include <tenon/loop.h>
#include <tenon/task.h>
#include <tenon/ws.h>

#include "base/base.h"
#include "base/utf8.h"

#include <wslay/wslay.h>

enum tn__ws_role {
    TN__WS_SERVER,
    TN__WS_CLIENT,
};

enum tn__ws_code {
    TN__WS_NORMAL = 1000,
    TN__WS_GOING = 1001,
    TN__WS_PROTOCOL = 1002,
    TN__WS_NO_CODE = 1005, /* the frame had none; never sent */
    TN__WS_LOST = 1006,    /* no frame came; never sent */
    TN__WS_NOT_TEXT = 1007,
    TN__WS_POLICY = 1008,
    TN__WS_TOO_BIG = 1009,
    TN__WS_INTERNAL = 1011,
};

enum {
    TN__WS_HEAD = 14,     /* the longest head of a frame, with its mask */
    TN__WS_CONTROL = 125, /* RFC 6455 section 5.5 */
    TN__WS_ACCEPT = 29,   /* base64 of SHA-1, with its NUL */
    TN__WS_KEY = 25,      /* base64 of 16 bytes, with its NUL */
};

/* What tn__ws_decode() found. */
enum tn__ws_event {
    TN__WS_MORE, /* nothing yet: more bytes are needed */
    TN__WS_MESSAGE,
    TN__WS_PING,
    TN__WS_PONG,
    TN__WS_CLOSE,
};

struct tn__ws_codec {
    wslay_frame_context_ptr frames;
    enum tn__ws_role role;
    size_t max;        /* bytes of a message */
    const uint8_t *at; /* what came and was not looked at; caller's memory */
    size_t left;
    uint8_t *out; /* where the frame goes that is being encoded */
    size_t out_len;
    bool head_only;

    /* The frame that is being received. */
    bool in_frame;
    uint8_t opcode;
    uint64_t rest; /* bytes of it that are still to come */

    /* The message it belongs to. */
    uint8_t kind; /* enum tn_ws_kind; 0: there is none */
    bool whole;   /* and all of it is here */
    struct tn__utf8 text;
    uint8_t *buf;
    size_t len, cap;

    uint8_t control[TN__WS_CONTROL];
    size_t control_len;
    int code; /* what to close with after a failure, or what the peer said */
};

struct tn__ws_frame {
    uint8_t opcode;
    bool fin;
    const uint8_t *data;
    size_t len;
};

struct tn_ws {
    tn_sock *sock;
    bool owned; /* the socket is ours to close */
    int64_t ping_time, send_time, message_time;
    struct tn__ws_codec codec;
    uint8_t *early; /* bytes that came with the handshake; freed when used */

    /* Receiving. */
    bool receiving;
    bool ended; /* nothing more comes; `result` for every tn_ws_recv() */
    int result;
    tn_ws_end end;
    bool heard_close; /* the peer's close frame has come */
    int64_t heard;    /* when the last bytes came */
    bool begun;       /* a part of a message or a frame is here */
    int64_t since;    /* when it was begun; but no time counts ... */
    int64_t away;     /* ... from here until somebody receives again */
    uint8_t chunk[TN_WS_CHUNK];

    /* Sending. The turn is a channel with one token: whoever holds it sends,
       the others queue. NULL in a plain thread, which is alone. */
    tn_chan *turn;
    bool broken;      /* inside a frame: nothing can be sent any more */
    bool cut;         /* inside a message: only a close frame can */
    bool closing;     /* a close frame is owed or was sent */
    int64_t until;    /* when the send under way has to be over */
    uint8_t pong_len; /* what is owed to the peer: the latest ping's answer */
    bool owes_pong, owes_close;

    enum { TN__WS_QUIET, TN__WS_OWES_PING, TN__WS_PINGED } ping;

    int64_t pinged_at;
    uint8_t pong[TN__WS_CONTROL], close[TN__WS_CONTROL];
    uint8_t close_len;
    uint8_t own[TN__WS_HEAD + TN__WS_CONTROL]; /* a control frame on its way */
    size_t own_len, own_sent;
};

/* ---- ws_codec.c: no sockets, nothing suspends ---- */

/* 0 or -ENOMEM. */
int tn__ws_codec_init(struct tn__ws_codec *c, enum tn__ws_role role,
                      size_t max);
void tn__ws_codec_fini(struct tn__ws_codec *c);

/* Look at the next bytes; they stay the caller's until they are used up
   (c->left). Only when the last have been. */
void tn__ws_feed(struct tn__ws_codec *c, const void *at, size_t n);

/* An event; or, with c->code set, TN_EWS, TN_ETOOBIG, -ENOMEM. A message is in
   c->buf, what a control frame carries in c->control. */
int tn__ws_decode(struct tn__ws_codec *c);

/* Forget the message, if it was whole and has been handed out. */
void tn__ws_next(struct tn__ws_codec *c);

/* Write a frame to `out`: TN__WS_HEAD + f->len bytes of room. Of a server's
   frame only its head, because the payload stays as it is. Bytes, or -EIO: the
   system gives no random numbers. */
ssize_t tn__ws_encode(struct tn__ws_codec *c, const struct tn__ws_frame *f,
                      uint8_t *out);

/* May this code stand in a close frame? RFC 6455 section 7.4, and those that
   IANA has registered since. */
bool tn__ws_code_valid(int code);

/* ---- ws_out.c ---- */

/* What one call may take: a scope in a task, a time-out in a thread. */
struct tn__ws_limit {
    tn_scope scope;
    bool task;
};

void tn__ws_limit_begin(tn_ws *ws, struct tn__ws_limit *l, int64_t timeout);

/* Did this limit end the call that returned r? */
bool tn__ws_limit_end(tn_ws *ws, struct tn__ws_limit *l, ssize_t r);

/* Owe the peer a close frame; the first one counts. */
void tn__ws_owe_close(tn_ws *ws, int code, const char *reason);

/* Send what is owed, unless somebody is sending: then he will. 0 or a code;
   -ETIMEDOUT: the peer takes nothing. */
int tn__ws_settle(tn_ws *ws); /* suspends */

/* The same, and wait until it is out. */
int tn__ws_settle_all(tn_ws *ws, int64_t timeout); /* suspends */

/* ---- the handshake ---- */

/* The answer to a key: base64 of a hash. 0 or -ENOMEM. */
int tn__ws_accept_of(char dst[TN__WS_ACCEPT], tn_str key);

/* Does one of the lists of that name hold just this word? Case matters. */
bool tn__ws_offers(const tn_http_field *fields, int count, const char *name,
                   const char *word);

/* Make a WebSocket of a connection. On failure `sock` stays the caller's. */
int tn__ws_new(tn_ws **out, tn_sock *sock, enum tn__ws_role role, tn_str early,
               const tn_ws_opts *opts);

#endif
