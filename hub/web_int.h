/*
 * hub/web_int.h - what the files of the web side share.
 *
 *   web.c        open, serve, close; the ring, of which it is the outlet
 *   web_http.c   requests: the page, /info, /enter, /files/
 *   web_talk.c   a connection: what a browser says, what it is sent
 *   web_seat.c   members: who sits where, who is away, who is here
 *   web_past.c   what happened before, from the ring or the history
 *   web_json.c   events and messages to JSON and back
 */
#ifndef HUB_WEB_INT_H
#define HUB_WEB_INT_H

#include <tenon/chan.h>
#include <tenon/httpd.h>
#include <tenon/share.h>
#include <tenon/ws.h>

#include "gate.h"
#include "web.h"

#include <jansson.h>

/* Somebody who is in the room, as the events that were told have it. */
struct web_person {
    room_id id; /* 0: free */
    enum room_kind kind;
    char name[ROOM_NAME_MAX + 1];
};

/* A member of ours: a key, whose name stays for a while without connection. */
struct web_seat {
    room_id id; /* 0: free, or not yet let in */
    bool used;
    uint64_t author;    /* made of the key */
    uint64_t conn;      /* number of its connection; 0: away */
    int64_t away_since; /* ns */
    struct in6_addr ip; /* of its latest connection */
    char key[WEB_KEY_MAX + 1];
};

/* What a connection is about to do. */
enum web_state {
    WEB_NEW,      /* no hello yet */
    WEB_ENTERS,   /* between its hello and its welcome */
    WEB_IN,       /* it is sent what happens */
    WEB_REPLACED, /* its key came from another connection */
};

/* A connection; lives as long as its handler. */
struct web_conn {
    struct web *web;
    tn_ws *ws;
    tn_sock *sock;   /* below it; the exchange's */
    uint64_t number; /* of connections; never used again */
    enum web_state state;
    struct web_seat *seat; /* NULL: none, or another connection has it */
    uint64_t author;
    room_id id;
    uint64_t at; /* place in the ring: what was sent so far */
    struct bucket asks;
    struct in6_addr ip;
    tn_chan *bell; /* char; rings when there is something to send */
    const tn_addr *peer;
    struct web_conn *next, *prev;
    char line[WEB_LINE];
    char text[ROOM_TEXT_MAX + 1];
};

/* A file came or went: for the task that tells the room. */
struct web_news {
    room_id who;
    int64_t size;
    char path[WEB_PATH];
};

struct web {
    room *room;
    store *store;
    struct web_opts opts;
    tn_share *share;
    struct gate gate;
    tn_chan *desks; /* WEB_DESKS values, one for each "past" under way */
    tn_chan *news;  /* struct web_news */
    uint64_t conns; /* number of the latest connection */
    struct web_conn *first;
    char epoch[STORE_EPOCH + 1];
    uint64_t latest; /* number of the latest event that was told */
    uint64_t floor;  /* all later events are in the ring */
    uint64_t end;    /* events that ever were in the ring */
    struct web_seat seat[ROOM_MEMBERS];
    struct web_person person[ROOM_MEMBERS];
    struct room_event ring[WEB_RING];
};

/* --- web_json.c ------------------------------------------------------------*/

/* What a browser said. Texts are borrowed from `root`. */
struct web_message {
    json_t *root; /* end with json_decref() */
    const char *verb;
    const char *name, *key, *epoch, *ref, *text, *how, *to;
    size_t name_len, text_len, to_len;
    uint64_t since, before;
};

/** Tell whether JSON is nested no deeper than WEB_DEPTH. */
bool web_is_shallow(tn_str data);

/** Read a message; -EINVAL if it is none: not JSON, no object, too deep, no
    "do". Absent members are "" and 0. */
int web_parse(struct web_message *m, tn_str data);

/** The word for how a member is here: "web", "plain" or "native". */
const char *web_kind(enum room_kind kind);

/** Write an event as an element of "past", or with `is` as a message of its
    own; `author` is the reader's. Returns bytes; 0 if it cannot be written. */
size_t web_write_event(char *dst, size_t cap, const struct room_event *ev,
                       uint64_t author, bool is);

/** Send an object and release it; NULL is -ENOMEM. Suspends. */
int web_send(struct web_conn *c, json_t *object);

/** Send {"is":"refused"}; `ref` may be NULL. Suspends. */
int web_refuse(struct web_conn *c, const char *why, const char *text,
               const char *ref);

/* --- web_past.c ------------------------------------------------------------*/

/* Which events to send. */
struct web_span {
    uint64_t after, before; /* after < number < before */
    int limit;
};

/** Send a "past" message. Suspends. */
int web_send_past(struct web_conn *c, const struct web_span *span);

/* --- web_seat.c ------------------------------------------------------------*/

/**
 * Give a connection the seat of its key, or one to a new member. Suspends.
 *
 * @return 0; as room_admit(), dialect_name(); -EAGAIN too many from there;
 *   -ECONNRESET it was replaced meanwhile; -EBADMSG the key is none.
 */
int web_sit(struct web_conn *c, const struct web_message *m);

/**
 * Give a connection's member another name. Suspends.
 *
 * @return 0; 1 that is its name already; as room_rename(), dialect_name().
 */
int web_rename(struct web_conn *c, const struct web_message *m);

/** Tell whether an event is for a member's eyes. */
bool web_may_see(const struct room_event *ev, room_id reader);

/** The connection has ended: its seat is kept for a while. */
void web_rise(struct web_conn *c);

/** Let those go who are away for long, until cancelled: a task, arg is the
    web. */
int web_sweep(void *arg);

/** An event is told: note who is here. */
void web_note(struct web *w, const struct room_event *ev);

/** Write who else is here as an array; NULL without memory. */
json_t *web_people(const struct web *w, room_id but);

/** Find the member of a name whose latest connection is from there; 0. */
room_id web_member(const struct web *w, const char *name, const tn_addr *from);

/* --- web_talk.c ------------------------------------------------------------*/

/** Serve GET /ws. Suspends. */
int web_talk(tn_exchange *x, void *arg);

/** Ring everybody's bell: there is something to send. */
void web_ring_all(struct web *w);

/* --- web_http.c ------------------------------------------------------------*/

extern const tn_httpd_route web_routes[];

/** What every request has to pass: see tn_httpd_opts.gate. Suspends. */
int web_gate(tn_exchange *x, void *arg);

/** Tell of an answer: see tn_httpd_opts.log. */
void web_log(const tn_httpd_entry *entry, void *arg);

/** Tell the room of a file: a hook of share.h. */
void web_on_news(const tn_share_news *news, void *arg);

/** Tell the room of files that came, until cancelled: a task. */
int web_tell_news(void *arg);

/** List the shared files as an array; NULL without memory. Suspends. */
json_t *web_list_files(struct web *w);

#endif
