/*
 * cli/cmd_echo_int.h - the parts of `tenon echo`: one connection's stream, the
 * datagram loop, what is shown, and the answers' contents.
 */
#ifndef CLI_CMD_ECHO_INT_H
#define CLI_CMD_ECHO_INT_H

#include <tenon/addr.h>
#include <tenon/codec.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include "secure.h"

/* Order of the words in cmd_echo.c. */
enum echo_mode {
    ECHO_UPPER,
    ECHO_ECHO,
    ECHO_DISCARD,
    ECHO_CHARGEN,
    ECHO_DAYTIME,
};

enum {
    ECHO_BUF = 64 * 1024,   /* one receive; coalesced bytes at most */
    ECHO_GRAM_MAX = 65536,  /* larger than any datagram */
    ECHO_CHUNK_MAX = 65536, /* --chunk at most */
    ECHO_EXCERPT = 40,      /* bytes of a receive that --show prints */
    ECHO_STARTS = 8,        /* message beginnings that --show lists */
    ECHO_LINE = 512,        /* a line of --show */
    ECHO_SAFE_PORT = 1024,  /* datagrams from ports below come from other
                                   servers: answering could go on for ever */
    ECHO_CHARGEN_LINE = 74, /* RFC 864: 72 characters, CR, LF */
    ECHO_CHARGEN_BLOCK = 95 * ECHO_CHARGEN_LINE, /* then it repeats */
};

struct echo_opts {
    int mode;
    int chunk;
    int64_t delay;
    int64_t coalesce;
    int drop;
    int seed;
    int64_t close_after; /* bytes; -1 never */
    int64_t wait;
    int max;
    int ready_fd;
    bool udp, path, only4, only6, rst, show, verbose;
    const char *frame;
    struct secure_opts secure;
};

/* The server; one for all connections. */
struct echo {
    const struct echo_opts *o;
    tn_endpoint ep;
    tn_codec codec; /* if o->frame */
    tn_tls *tls;    /* of tls:// */
    tn_sock *out;   /* stdout, for --show */
    tn_sock *sock;  /* listening or bound */
    uint64_t random;
    unsigned long count; /* connections so far */
    tn_scope scope;      /* around the serving, to end it */
    int code;            /* why it was ended; 0: it was not */
};

/* --- cmd_echo_stream.c: the handler of one connection --------------------- */

int echo_stream(tn_sock *conn, const tn_addr *peer, void *arg);

/* --- cmd_echo_gram.c ------------------------------------------------------ */

/* Answer datagrams until cancelled; an exit code. */
int echo_grams(struct echo *e);

/* --- cmd_echo_show.c ------------------------------------------------------ */

/* What one receive brought. */
struct echo_seen {
    unsigned long conn; /* number of the connection */
    uint64_t at;        /* offset in the stream */
    const uint8_t *data;
    size_t n;
    const char *from; /* datagrams: the sender; else NULL */
    bool framed;
    size_t starts[ECHO_STARTS]; /* where messages begin, from `data` */
    size_t start_count;         /* of all, also those not listed */
    const char *bad;            /* why the last of them is none; or NULL */
};

/* Print one line on stdout; a negative code if that failed. */
int echo_show(struct echo *e, const struct echo_seen *seen);

/* --- cmd_echo_text.c: what is answered ------------------------------------ */

void echo_upper(uint8_t *data, size_t n);

/* Fill in the characters of RFC 864 from position `at` of their stream. */
void echo_chargen(uint8_t *data, size_t n, uint64_t at);

/* Write the line of RFC 867; returns its length. */
size_t echo_daytime(char *buf, size_t cap);

/* Send in pieces as --chunk and --delay say; datagrams go to `to`. */
int echo_send(struct echo *e, tn_sock *sock, const uint8_t *data, size_t n,
              const tn_addr *to);

#endif
