/*
 * cli/screen.h - the hub's own view of the room: its events on stdout.
 *
 * An outlet of the room that never holds it up: a reader of stdout that is
 * slow, or stopped with Ctrl-S, misses lines; the people in the room do not.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <tenon/chan.h>
#include <tenon/sock.h>

#include "hub/dialect.h"

enum {
    /* Events that wait to be written: what a burst of one member makes, twice.
       More are counted and left out. */
    SCREEN_QUEUE = 64,
    /* A line; JSON may double what is said, quotes being escaped. */
    SCREEN_LINE = 3 * ROOM_TEXT_MAX,
};

struct screen {
    bool json;
    enum dialect_lang lang;
    tn_chan *queue; /* struct room_event */
    tn_sock *out;   /* NULL: stdout failed, nothing is shown any more */
    unsigned long lost;
    struct room_event event;
    char line[SCREEN_LINE];
};

/** Begin; json and lang are set. 0 or a code. */
int screen_open(struct screen *s);

/** Take an event: a room_outlet, arg is the screen. Never suspends. */
void screen_take(void *arg, const struct room_event *ev);

/** Write what comes, until cancelled: a task, arg is the screen. */
int screen_run(void *arg);

/** Write what waits. Suspends. */
void screen_flush(struct screen *s);

/** End; a zeroed screen is harmless. */
void screen_close(struct screen *s);

#endif
