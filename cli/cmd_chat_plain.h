/*
 * cli/cmd_chat_plain.h - what the two halves of a talk in plain text share:
 * cmd_chat_plain.c, which sends, and cmd_chat_show.c, which shows.
 */
#ifndef CLI_CMD_CHAT_PLAIN_H
#define CLI_CMD_CHAT_PLAIN_H

#include "cmd_chat_int.h"

enum {
    /* A datagram of the room is at most 1,000 bytes; other rooms of the same
       dialect send a little more. */
    CHAT_DATAGRAM = 4096,
    /* What cleaning, colours or JSON may make of it. */
    CHAT_LINE = JSON_GROWTH * CHAT_DATAGRAM + 256,
};

struct chat {
    const struct chat_opts *o;
    const struct chat_start *start;
    const char *name;
    tn_sock *sock;
    tn_sock *out;   /* stdout, if there is no editor */
    editor *editor; /* NULL: plain lines */
    bool colour;
    bool heard; /* something came: the room is there */
    struct bucket pace;
    tn_group group;
    int code; /* the exit code, if it is not EXIT_DONE */
    struct chat_input input;
    char said[3 * CHAT_INPUT + 1];
    char datagram[CHAT_DATAGRAM];
    char clean[3 * CHAT_DATAGRAM + 1];
    char line[CHAT_LINE];
};

/** Show what comes until cancelled, or the room closes: a task. */
int chat_receive(void *arg);

/** Say what went wrong with the room's socket; returns the exit code. */
int chat_failed(const struct chat *c, int err);

#endif
