/*
 * cli/cmd_chat_int.h - what the files of tenon chat share.
 *
 *   cmd_chat.c        options, the name, the place; what kind of room
 *   cmd_chat_input.c  lines that are typed, or come from a pipe
 *   cmd_chat_plain.c  a room of plain text: what is said
 *   cmd_chat_show.c   and what comes
 *   cmd_chat_room.c   a hub's room, by the native dialect; see cmd_chat_room.h
 */
#ifndef CLI_CMD_CHAT_INT_H
#define CLI_CMD_CHAT_INT_H

#include <tenon/sock.h>
#include <tenon/task.h>

#include "editor.h"
#include "hub/bucket.h"
#include "hub/dialect.h"
#include "json.h"
#include "secure.h"

enum {
    CHAT_INPUT = 4096, /* bytes of a line of input; a longer one is two */
    CHAT_PORT = 8000,  /* the hub's default */
};

enum chat_lang {
    CHAT_LANG_AUTO, /* as the locale */
    CHAT_LANG_ZH,
    CHAT_LANG_EN,
};

struct chat_opts {
    struct secure_opts secure; /* of the hub's page, for files */
    const char *name;
    const char *code_file;
    int64_t quit, wait;
    int lang; /* of enum chat_lang */
    bool plain, json, bell, only4, only6;
};

/* Who goes where. */
struct chat_start {
    const struct chat_opts *o;
    tn_endpoint ep;
    bool found; /* nobody named the place: a beacon may know a better one */
    bool pipe;  /* "-": what is said comes from a pipe, whatever stdin is */
    char name[ROOM_NAME_MAX + 1];
};

/** Talk in a room of plain text: a command_fn, arg is a struct chat_start. */
int chat_plain(void *arg);

/** Talk in a hub's room: a command_fn, arg is a struct chat_start. */
int chat_visit(void *arg);

/** Say that an address refused us; returns the exit code. `gone`: it was there
    before. */
int chat_refused(const tn_addr *peer, bool gone);

/** Whether colours are wanted on stdout. */
bool chat_colour(const struct chat_opts *o);

/* --- input -----------------------------------------------------------------*/

/* Where lines come from, and who takes them. */
struct chat_input {
    editor *editor; /* NULL: plain lines from stdin */
    /* A line of at most CHAT_INPUT bytes, or a part of a longer one, of which
       only the first `begins` it. Returns 0; 1 to end; or a code. */
    int (*line)(void *arg, const char *text, size_t n, bool begins);
    void *arg;
    char typed[CHAT_INPUT];
};

/** Read lines until the end: 0; 1 if a line meant it; a code. Suspends. */
int chat_input(struct chat_input *in);

/** Follow the window's size, and a stop of the program: a task, arg is the
    editor. */
int chat_window(void *arg);

/* --- lines -----------------------------------------------------------------*/

/** The colour of a name, everywhere the same: a number of "\033[%dm". */
int chat_colour_of(const char *name, size_t n);

#endif
