/*
 * cli/cmd_talk_int.h - the parts of `tenon talk`: input, output, one
 * conversation, many, and probing.
 */
#ifndef CLI_CMD_TALK_INT_H
#define CLI_CMD_TALK_INT_H

#include <tenon/addr.h>
#include <tenon/codec.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include "secure.h"

enum {
    TALK_BUF = 64 * 1024,     /* one read of stdin or the network */
    TALK_LINE_MAX = 16 << 20, /* a line that is sent as one message */
    TALK_GRAM_MAX = 65507,    /* UDP over IPv4: 65535 - 20 - 8 */
    TALK_CLIENTS = 256,       /* -k: at once; datagrams: remembered */
    TALK_CHAR_MAX = 4,        /* bytes of a character in UTF-8 */
};

#define TALK_SLOW (5 * TN_SEC) /* -k: who takes nothing for this long goes */
#define TALK_QUIET                                                             \
    (1 * TN_SEC)                /* datagrams have no end: after ours, silence
                                   of this length counts as the other's */
#define TALK_PROBE (3 * TN_SEC) /* -z: a port that says nothing is closed */

struct talk_opts {
    bool listen, many, udp, path, only4, only6, hex, raw, crlf, bare, numeric;
    bool no_input, zero, broadcast, half_close, verbose;
    int64_t wait;     /* -1: none */
    int64_t interval; /* 0: none */
    int64_t quit;     /* -1: none */
    int64_t gram;     /* bytes */
    int port;         /* -1: none */
    int ready_fd;
    const char *source;
    const char *frame;
    struct secure_opts secure;
};

/* The command; one for all conversations. */
struct talk {
    const struct talk_opts *o;
    tn_endpoint ep;
    int last_port;  /* -z: probe ep.port to this */
    tn_codec codec; /* if o->frame */
    tn_tls *tls;    /* of tls:// */
    tn_sock *in;    /* stdin; NULL: not read */
    tn_sock *out;   /* stdout */
    tn_sock *err;   /* stderr, for -x */
    bool in_tty, out_tty;
};

/** Put /dev/null in the place of a standard descriptor: were it only closed,
    the next one made would take its place. In cmd_talk_out.c. */
void talk_replace(int fd, int flags);

/* --- cmd_talk_in.c: what is to be sent ------------------------------------ */

struct talk_in {
    struct talk *t;
    uint8_t *buf;
    size_t at, len, cap; /* buf[at..len) was read and not handed out */
    bool ended;
    uint8_t *wire; /* -C: a piece with its ends of line replaced */
    uint8_t last;  /* -C: the byte before */
};

/** Prepare to read stdin; 0 or -ENOMEM. End with talk_in_fini(). */
int talk_in_init(struct talk_in *in, struct talk *t);

void talk_in_fini(struct talk_in *in);

/**
 * Read the next piece: what one read returned, or a line where lines matter.
 *
 * @return 1; 0 at the end of input; or negative, after tn_fail().
 */
int talk_in_next(struct talk_in *in, tn_view *piece);

/** Close stdin, so that who writes to it learns that nobody reads. */
void talk_in_close(struct talk *t);

/* --- cmd_talk_out.c: what came -------------------------------------------- */

/* One stream of text on its way to stdout. */
struct talk_out {
    struct talk *t;
    uint8_t tail[TALK_CHAR_MAX]; /* terminal: begin of a character */
    size_t tail_len;
    uint64_t received, sent;
};

/** Write what one receive returned; 0 or negative, after tn_fail(). */
int talk_out_put(struct talk_out *out, const uint8_t *data, size_t n);

/** Show what is sent if -x asks for it. */
int talk_out_sent(struct talk_out *out, const uint8_t *data, size_t n);

/** End stdout, so that its reader sees the end before this program's. */
void talk_out_close(struct talk *t);

/* --- cmd_talk_dump.c ------------------------------------------------------ */

/** Write a hex dump to stderr; `mark` is '<' for what came, '>' for what
    goes, `at` its offset in the stream. 0 or a negative code. */
int talk_dump(struct talk *t, char mark, const uint8_t *data, size_t n,
              uint64_t at);

/* --- cmd_talk_flow.c: one conversation ------------------------------------ */

struct talk_peer {
    tn_sock *sock;       /* borrowed */
    const tn_addr *to;   /* unconnected datagrams go there; NULL: connected */
    const tn_addr *only; /* datagrams from elsewhere are dropped; or NULL */
    bool endless;        /* datagrams, listening: silence is no end */
};

/** Pass both directions until both have ended; an exit code. */
int talk_flow(struct talk *t, const struct talk_peer *peer);

/* --- cmd_talk_many.c: -k -------------------------------------------------- */

int talk_many(struct talk *t, tn_sock *listener);

/* --- cmd_talk_scan.c: -z -------------------------------------------------- */

int talk_scan(struct talk *t);

/* --- cmd_talk_dial.c: how a socket is made -------------------------------- */

/** Connect as the options say; 0 or negative. */
int talk_dial(struct talk *t, tn_sock **out, int64_t timeout);

/** Tell whether datagrams go to everybody. */
bool talk_is_broadcast(const struct talk *t);

#endif
