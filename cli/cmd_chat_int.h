/*
 * cli/cmd_chat_int.h - what the two halves of tenon chat share: cmd_chat.c,
 * which sends, and cmd_chat_show.c, which shows.
 */
#ifndef CLI_CMD_CHAT_INT_H
#define CLI_CMD_CHAT_INT_H

#include <tenon/sock.h>
#include <tenon/task.h>

#include "editor.h"
#include "hub/bucket.h"
#include "hub/dialect.h"
#include "json.h"

enum {
    CHAT_INPUT = 4096, /* bytes of a line of input; a longer one is two */
    /* A datagram of the room is at most 1,000 bytes; other rooms of the same
       dialect send a little more. */
    CHAT_DATAGRAM = 4096,
    /* What cleaning, colours or JSON may make of it. */
    CHAT_LINE = JSON_GROWTH * CHAT_DATAGRAM + 256,
};

struct chat_opts {
    const char *name;
    int64_t quit;
    bool json, only4, only6;
};

struct chat {
    const struct chat_opts *o;
    tn_endpoint ep;
    tn_sock *sock;
    tn_sock *out;   /* stdout, if there is no editor */
    editor *editor; /* NULL: plain lines */
    bool colour;
    bool heard; /* something came: the room is there */
    struct bucket pace;
    tn_group group;
    int code; /* the exit code, if it is not EXIT_DONE */
    char name[ROOM_NAME_MAX + 1];
    char typed[CHAT_INPUT], said[3 * CHAT_INPUT + 1];
    char datagram[CHAT_DATAGRAM];
    char clean[3 * CHAT_DATAGRAM + 1];
    char line[CHAT_LINE];
};

/** Show what comes until cancelled, or the room closes: a task. */
int chat_receive(void *arg);

/** Say what went wrong with the room's socket; returns the exit code. */
int chat_failed(const struct chat *c, int err);

#endif
