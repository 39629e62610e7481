/*
 * cli/cmd_chat_room.h - what the files of a visit to a hub's room share.
 *
 *   cmd_chat_room.c   coming, staying, leaving
 *   cmd_chat_do.c     what is typed: talk and commands, and what became of it
 *   cmd_chat_line.c   a line as it is meant (pure)
 *   cmd_chat_event.c  an event as it is shown (pure)
 *   cmd_chat_out.c    where it is shown
 *   cmd_chat_keep.c   who we are and what we saw, from visit to visit
 *   cmd_chat_send.c   files, over HTTP
 *   cmd_chat_find.c   which hub is meant if nobody says it
 */
#ifndef CLI_CMD_CHAT_ROOM_H
#define CLI_CMD_CHAT_ROOM_H

#include <tenon/chan.h>

#include "cmd_chat_int.h"
#include "hub/guest.h"

#include <limits.h>

enum visit_limit {
    /* Words of which we do not know yet what becomes of them: those on their
       way, and the one that waits for room. */
    VISIT_WORDS = GUEST_WINDOW + 1,
    /* Bytes of a line on the screen: JSON of the longest text. */
    VISIT_LINE = JSON_GROWTH * ROOM_TEXT_MAX + 2048,
    /* Bytes that wait for a slow reader of stdout: more than all that a hub
       tells of the past at once. What does not fit is counted and left out. */
    VISIT_OUT = 4 << 20,
    /* Bytes of a room code. */
    VISIT_CODE = GUEST_CODE,
    /* Bytes of the path of what is kept. */
    KEEP_PATH = 1024,
    /* Files on their way at once; who sends more waits for one to arrive. */
    VISIT_FILES = 4,
};

/* Leaving may take this long although we are cancelled. */
#define VISIT_FAREWELL (2 * TN_SEC)
/* Who leaves waits so long for what he said to arrive. */
#define VISIT_PATIENCE (5 * TN_SEC)
/* Who leaves before it is in waits so long for the answer. */
#define VISIT_ENTRY (500 * TN_MS)
/* Words that took so long to be delivered are told when they are. */
#define VISIT_SLOW (3 * TN_SEC)
/* How often what we saw is written down. */
#define VISIT_KEEP (10 * TN_SEC)

/* --- cmd_chat_find.c -------------------------------------------------------*/

/* Where a hub was found: all its addresses. */
struct chat_place {
    int count; /* 0: it was not looked for, or not found */
    tn_addr addr[GUEST_ADDRS];
};

/** Look for a hub, and have one chosen if there are several: an exit code, the
    complaint printed. Suspends. */
int chat_find(const struct chat_start *s, struct chat_place *p);

/** Tell whether a hub is on this machine, by one of its addresses. */
bool chat_is_own(const struct chat_place *p);

/* --- cmd_chat_line.c -------------------------------------------------------*/

enum line_what {
    LINE_NOTHING,
    LINE_SAY,   /* `text` to all */
    LINE_ACT,   /* "/me": `text` to all */
    LINE_MSG,   /* `text` to `to` */
    LINE_NICK,  /* be called `text` */
    LINE_SEND,  /* the file `text` */
    LINE_WHO,   /* who is here */
    LINE_HELP,  /* what can be typed */
    LINE_QUIT,  /* leave */
    LINE_WRONG, /* `wrong` says what is not right */
};

/* A line as it is meant. */
struct line {
    enum line_what what;
    const char *text; /* not ended by NUL */
    size_t len;
    char to[ROOM_NAME_MAX + 1];
    char wrong[160];
};

/* The names in the room, one after the other; NULL behind the last. */
typedef const char *line_names(void *arg, int i);

/**
 * Understand a line.
 *
 * @param l      filled; points into `s`.
 * @param s      borrowed; `n` bytes, cleaned.
 * @param n      bytes.
 * @param names  who is here: a name may have blanks in it.
 * @param arg    for it.
 */
void line_read(struct line *l, const char *s, size_t n, line_names *names,
               void *arg);

/** Offer what the word at the end of a line may become: commands, names, and
    files behind "/send". */
void line_complete(struct editor_offer *o, const char *s, size_t n,
                   line_names *names, void *arg);

/** Write the path that is meant: "~/" is the home of the user. False if it does
    not fit. */
bool line_path(char *dst, size_t cap, const char *s, size_t n);

/** Tell whether a text names somebody: as a word, ASCII letters of either
    case being the same. */
bool line_mentions(const char *text, size_t n, const char *name);

/* --- cmd_chat_event.c ------------------------------------------------------*/

/* How events are shown, and to whom. */
struct event_view {
    bool json, colour, bell;
    enum dialect_lang lang;
    room_id me;
    const char *name; /* ours */
    int64_t now;      /* ms since 1970: what is of another day bears it */
};

/**
 * Write an event as a line with its newline.
 *
 * @param dst   VISIT_LINE bytes.
 * @param ev    borrowed.
 * @param past  it happened before we came.
 * @param view  borrowed.
 * @return bytes; 0: it is not shown.
 */
size_t event_write(char *dst, const struct room_event *ev, bool past,
                   const struct event_view *view);

/* --- cmd_chat_keep.c -------------------------------------------------------*/

/* Who we are in a room, and what we saw there. */
struct keep {
    char path[KEEP_PATH]; /* "": nowhere to keep it */
    int lock;             /* -1: another program is this member */
    uint64_t seen;
    char epoch[GUEST_EPOCH + 1];
    unsigned char key[GUEST_KEY];
};

/**
 * Read who we are in a room, or make it up.
 *
 * @param k     filled (end with keep_close()).
 * @param hub   borrowed; the room's address as text; of a room of this machine
 *              one and the same, by whichever it was found.
 * @param name  borrowed; ours.
 * @return 0; -EIO: no random numbers. What cannot be read is made anew.
 */
int keep_open(struct keep *k, const char *hub, const char *name);

/** Write down what we saw; 0 or a code: it is not kept. */
int keep_save(struct keep *k);

/** End; a zeroed one is harmless. */
void keep_close(struct keep *k);

/* --- cmd_chat_out.c --------------------------------------------------------*/

struct visit;

/** Show a line that ends in a newline. Never suspends. */
void visit_show(struct visit *v, const char *line, size_t n);

/** Show words for people: above the line being typed, or on stderr. */
void visit_tell(struct visit *v, const char *format, ...) TN_PRINTF(2, 3);

/** Show a JSON object that is given with its braces, if JSON is wanted. */
void visit_json(struct visit *v, const char *format, ...) TN_PRINTF(2, 3);

/** Write what is to be shown on a stdout that is no editor's, until cancelled:
    a task, arg is the visit. */
int visit_print(void *arg);

/** Write what is left. Suspends. */
void visit_flush(struct visit *v);

/** Have the prompt say how things are. */
void visit_prompt(struct visit *v);

/* --- the visit -------------------------------------------------------------*/

/* Words whose fate is not known yet. */
struct visit_word {
    bool used;
    uint64_t mark;        /* 0: guest_say() is at it */
    unsigned long number; /* what JSON calls it: 1, 2, 3 */
    enum guest_how how;
    int64_t since;
    size_t len;
    char to[ROOM_NAME_MAX + 1];
    char text[ROOM_TEXT_MAX + 1];
};

/* A file on its way. */
struct visit_file {
    struct visit *visit;
    bool used;
    int fd;
    int64_t done, total;
    char path[PATH_MAX];
    char name[NAME_MAX + 1]; /* cleaned */
};

struct visit {
    const struct chat_start *start;
    const struct chat_opts *o;
    char where[TN_ADDR_TEXT]; /* the hub */
    struct chat_place place;
    tn_scope scope; /* around what is typed, while `typing` */
    bool typing, stopped;
    tn_tls *tls; /* for files; NULL: as the system trusts */
    guest *guest;
    editor *editor;
    tn_sock *out; /* stdout, if there is no editor */
    tn_group group;
    tn_chan *in;   /* char: we are in */
    tn_chan *bell; /* there is something to print */
    char *queue;   /* VISIT_OUT bytes at most */
    size_t queued, room;
    unsigned long left_out;
    struct keep keep;
    struct event_view view; /* its name is `name` */
    char name[ROOM_NAME_MAX + 1];
    bool piped;  /* what is said comes from no person */
    bool inside; /* we have been in */
    bool lost;   /* the hub does not answer */
    bool leaving;
    bool kept;     /* what we saw is written down */
    int code;      /* the exit code, if it is not EXIT_DONE */
    int result;    /* of guest_run() */
    char why[256]; /* and tn_why() of its task */
    struct chat_input input;
    enum line_what going; /* how a line that is longer than one part began */
    char to[ROOM_NAME_MAX + 1];
    char said[3 * CHAT_INPUT + 1];
    char secret[VISIT_CODE + 1];
    unsigned long words; /* that were said */
    struct visit_word word[VISIT_WORDS];
    struct visit_file file[VISIT_FILES];
    tn_chan *places; /* VISIT_FILES values: for files */
    char line[VISIT_LINE], told[VISIT_LINE];
};

/** Begin to leave; false if there is nothing to leave. arg is the visit. */
bool visit_stop(void *arg);

/* --- cmd_chat_do.c ---------------------------------------------------------*/

/** Take a line of input, or a part of one: see struct chat_input; arg is the
    visit. Suspends. */
int visit_line(void *arg, const char *s, size_t n, bool begins);

/** What became of words: see guest_opts; arg is the visit. */
void visit_fate(void *arg, uint64_t mark, enum guest_fate fate,
                uint64_t number);

/** Nothing more becomes of what is still on its way. */
void visit_give_up(struct visit *v);

/** The names in the room: a line_names; arg is the visit. */
const char *visit_names(void *arg, int i);

/** Offer what a line may become; arg is the visit. */
void visit_complete(void *arg, const char *s, size_t n, struct editor_offer *o);

/* --- cmd_chat_send.c -------------------------------------------------------*/

/** Send a file in a task of its own. Suspends while VISIT_FILES are on their
    way. 0 or a code: the end of the visit. */
int visit_send(struct visit *v, const char *path);

/** Tell a person that leaving waits for files, if it does. */
void visit_tell_files(struct visit *v);

/** Wait for the files that are on their way. Suspends. */
int visit_drain_files(struct visit *v);

#endif
