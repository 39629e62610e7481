/*
 * hub/web.h - the room for browsers: its page, its WebSocket, its files.
 *
 * An outlet of the room (room.h) and a web server, as docs/wire/web.md has it.
 * What happened lately is kept in a ring; each browser has a place in it and a
 * task that sends from there on. So a slow one holds nobody up and needs no
 * queue: one that the ring has overtaken is closed, and gets what it missed
 * from the history when it comes back.
 *
 * A member is who has a key, not who has a connection: a browser that is back
 * within WEB_GRACE was never away.
 */
#ifndef HUB_WEB_H
#define HUB_WEB_H

#include <tenon/sock.h>

#include "guard.h"
#include "refs.h"
#include "room.h"
#include "store.h"

enum web_limit {
    /* Events kept in memory; how far a browser may be behind. */
    WEB_RING = 512,
    /* Events of one "past": what a welcome brings, what "more" does. */
    WEB_PAST = 500,
    WEB_MORE = 100,
    /* Bytes of one "past", about: 500 lines of the longest kind would be four
       times that. */
    WEB_PAST_BYTES = 512 << 10,
    /* "past" messages that are made or sent at a time, for their memory. */
    WEB_DESKS = 16,
    /* Bytes of what a browser sends. */
    WEB_MESSAGE = 16 << 10,
    /* Objects within objects of it: ours have one level. */
    WEB_DEPTH = 4,
    /* Bytes of the JSON of one event: a text twice as long, escaped. */
    WEB_LINE = 2 * ROOM_TEXT_MAX + 1024,
    /* Letters of a browser's key. */
    WEB_KEY_MIN = 16,
    WEB_KEY_MAX = 64,
    /* Connections of one host that is not this one. */
    WEB_PER_HOST = 64,
    /* Questions (hello, more) at once; then one in WEB_ASK_INTERVAL. */
    WEB_ASK_BURST = 20,
    /* Files that a welcome lists; the rest is in "/files/?json". */
    WEB_FILES = 1000,
    /* News of files that wait to be told. */
    WEB_NEWS = 64,
    /* Bytes of a shared file's path; the file system's limit. */
    WEB_PATH = 1024,
    /* Bytes of what is posted to "/enter". */
    WEB_POST = 1024,
    /* Bytes of the room's name: a heading. */
    WEB_ROOM_NAME = 200,
};

/* Who is away for so long is taken for gone: a page that is loaded again, a
   phone that changes its network. */
#define WEB_GRACE (10 * TN_SEC)
/* How often we look for them. */
#define WEB_SWEEP (1 * TN_SEC)
/* How often a browser hears that we are here. */
#define WEB_ALIVE (15 * TN_SEC)
/* How long somebody may take to choose a name. */
#define WEB_HELLO (5 * TN_MIN)
/* How long a browser may take for one message. */
#define WEB_SEND (10 * TN_SEC)
/* How long it may take to answer our closing: then it is cut off. */
#define WEB_LINGER       (500 * TN_MS)
#define WEB_ASK_INTERVAL (200 * TN_MS)

/* How a connection is closed, beside the codes of RFC 6455. */
enum web_close {
    WEB_CLOSE_AWAY = 1001,  /* the hub ends */
    WEB_CLOSE_RULES = 1008, /* it does not speak as web.md has it */
    WEB_CLOSE_TAKEN = 4000, /* the same key came from another connection */
    WEB_CLOSE_SLOW = 4001,  /* it was overtaken; it may come again */
};

struct web_opts {
    const char *name;    /* the room's; borrowed until web_close() */
    const char *files;   /* the shared folder; borrowed until return; NULL */
    bool read_only;      /* nobody can share anything */
    struct guard *guard; /* borrowed until web_close() */
    struct refs *refs;   /* likewise */
    /* Find a member by its name who is no browser, and comes from the host of
       that address; 0. May be NULL; must not wait. */
    room_id (*member)(void *arg, const char *name, const tn_addr *from);
    /* Told of each answer, "GET /" and 200; may be NULL; must not wait. */
    void (*log)(void *arg, const tn_addr *peer, const char *what, int status);
    void *arg;
};

typedef struct web web;

/**
 * Become an outlet of the room and prepare to serve.
 *
 * @param out   given (end with web_close()); NULL on failure.
 * @param r     borrowed until web_close().
 * @param s     borrowed until web_close(); NULL: no history.
 * @param opts  copied; see there.
 * @return 0; -ENOMEM; as tn_share_new(), room_attach().
 * @suspends   yes, a task only.
 */
TN_USE int web_open(web **out, room *r, store *s, const struct web_opts *opts);

/**
 * Serve until cancelled; browsers are told good-bye then.
 *
 * @param w         borrowed.
 * @param listener  borrowed; listening, with or without TLS.
 * @return -ECANCELED, -ETIME; what broke the listener.
 */
int web_serve(web *w, tn_sock *listener);

/**
 * Tell the room of a file that came into the shared folder by another way.
 *
 * @param w     borrowed.
 * @param path  borrowed; below the folder; it is cleaned.
 * @param size  bytes.
 */
void web_tell_file(web *w, const char *path, int64_t size);

/**
 * End.
 *
 * @param w  taken; web_serve() has returned; NULL is harmless.
 */
void web_close(web *w);

#endif
