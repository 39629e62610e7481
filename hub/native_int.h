/*
 * hub/native_int.h - what the files of the native side share.
 *
 *   native.c       open, serve, close; the ring, of which it is the outlet
 *   native_hand.c  datagrams: cookies, shares, packets, new addresses
 *   native_seat.c  seats: made, found, given up; who is away, who is gone
 *   native_obey.c  what members say
 *   native_send.c  what members are sent
 *   native_past.c  what the ring has not any more: from the history
 *   native_wire.c  frames as bytes; native_seal.c  sealed ones
 *   native_talk.c  messages as bytes
 */
#ifndef HUB_NATIVE_INT_H
#define HUB_NATIVE_INT_H

#include <tenon/chan.h>

#include "cookie.h"
#include "gate.h"
#include "link.h"
#include "native.h"
#include "native_talk.h"

enum native_private_limit {
    /* Messages that are not queued of what all are told, so that there is room
       for answers. */
    NATIVE_SPARE = 2,
    /* Events that are read from the history at once, and how often that is
       tried when it cannot be read. */
    PAST_EVENTS = 128,
    PAST_TRIES = 3,
    /* Such pages that are kept for who is behind: some 100 KiB in all of talk
       as it is, 2.3 MiB of the longest kind. */
    PAST_PAGES = 8,
};

enum seat_state {
    SEAT_NEW,    /* it has not said who it is */
    SEAT_ENTERS, /* it has, and the room is about to answer */
    SEAT_HERE,   /* a member */
    SEAT_LOST,   /* a member, but the session is over: it shall come again */
    SEAT_ENDS,   /* not any more; what was queued is still sent */
};

/* A session. */
struct seat {
    uint64_t session; /* random, but its place is in the low bits */
    enum seat_state state;
    room_id who;      /* 0: nobody, or not yet */
    uint64_t author;  /* made of the key */
    int64_t since;    /* when it came into this state */
    int64_t vanished; /* when its port was found closed; 0: it was not */
    bool away;        /* the others were told */
    bool confirmed;   /* it has the keys: a packet came */
    bool tried;       /* its code counts as wrong until then */
    unsigned char nonce[WIRE_NONCE], share[WIRE_SHARE];
    struct wire_keys keys;
    struct udp_peer peer;
    /* Another address that it seems to have; what it may still be sent. */
    struct udp_peer other;
    uint64_t token; /* 0: there is none */
    size_t budget;
    /* What it is sent beside answers: people from `roster` on, then what is in
       the ring from `at` on; what stands before `live` happened before. */
    size_t roster;
    uint64_t at, live;
    uint64_t last;       /* event that it was told, or that is not for it */
    uint64_t welcomed;   /* events up to this one happened before */
    uint64_t talk_until; /* of those up to this one only talk is for it */
    bool past;           /* it is behind the ring: see native_past.c */
    struct link link;
};

/* A message for all members, or for two of them. */
struct told {
    struct blob *blob; /* NULL: there was no memory for it */
    uint64_t number;   /* of the event; 0: it is none */
    enum room_what what;
    room_id who, to;
};

/* What the history has between two events. */
struct past_page {
    uint64_t after, upto; /* all with after < number <= upto are here */
    uint64_t used;        /* when; see native.uses */
    int count;
    struct told item[PAST_EVENTS];
};

struct native {
    room *room;
    store *store; /* NULL: no history */
    door *door;
    struct native_opts opts;
    struct cookie_jar jar;
    struct gate gate;
    char epoch[STORE_EPOCH + 1];
    tn_chan *bell;   /* char; rings when there is something to send */
    tn_chan *work;   /* char; rings when somebody said something */
    tn_chan *late;   /* char; rings when somebody is behind the ring */
    int64_t wakes;   /* when the sender looks by itself */
    uint64_t latest; /* number of the latest event that was told */
    uint64_t floor;  /* all later events are in the ring */
    uint64_t end;    /* messages that ever were in the ring */
    struct told ring[NATIVE_RING];
    struct guest_person person[ROOM_MEMBERS]; /* who is here, as was told */
    struct seat *seat[NATIVE_SEATS];
    struct past_page *page[PAST_PAGES];
    uint64_t uses;        /* of pages, ever */
    size_t turn;          /* the seat that one was read for last */
    int misses;           /* how often in a row the history could not be read */
    int64_t missed;       /* when it was */
    struct talk_say said; /* of the clerk, who is one */
    unsigned char message[LINK_MESSAGE];
};

/* --- native.c --------------------------------------------------------------*/

/** Have the sender look. */
void native_ring(struct native *n);

/** Tell all members something that is no event. */
void native_tell(struct native *n, const void *message, size_t len);

/** Tell somebody why a datagram was not heeded. */
void native_drop(const struct native *n, const tn_addr *from, const char *why);

/** A message of the ring; NULL: the ring has gone on. */
const struct told *native_told(const struct native *n, uint64_t at);

/* --- native_hand.c ---------------------------------------------------------*/

/** A datagram came: see udp_datagram. Does not wait but for the socket. */
void native_on_datagram(void *arg, const struct udp_peer *from, const char *buf,
                        size_t len);

/* --- native_seat.c ---------------------------------------------------------*/

/** Find a session; NULL. */
struct seat *seat_find(const struct native *n, uint64_t session);

/** Find the session of a question, so that the same gets the same answer. */
struct seat *seat_of_nonce(const struct native *n, const unsigned char *nonce,
                           const tn_addr *from);

/** Find the session of an address that has not said anything yet. */
struct seat *seat_of_stranger(const struct native *n, const tn_addr *from);

/** Find who is here with this key and name, but for `me`. */
struct seat *seat_of_author(const struct native *n, const struct seat *me,
                            const char *name);

/** Make a seat; 0; -ENOMEM; -EUSERS; -EAGAIN too many from there. */
TN_USE int seat_new(struct native *n, struct seat **out,
                    const struct udp_peer *from, int64_t now);

/** Let it say no more; it stays for NATIVE_LINGER. */
void seat_end(struct seat *s, int64_t now);

/** End its session, but not its membership: overtaken by the ring, it has to
    come again, and is told then that something is missing. */
void seat_lose(struct seat *s);

/** Release it. Its member, if there is one, is the caller's matter. */
void seat_free(struct native *n, struct seat *s);

/** Its other side was heard: it is not away. */
void seat_heard(struct native *n, struct seat *s);

/** A port was found closed: see udp_gone. */
void native_on_gone(void *arg, const tn_addr *addr);

/** Look after silent ones until cancelled: a task, arg is the native. */
int seat_sweep(void *arg);

/* --- native_obey.c ---------------------------------------------------------*/

/** Do what members say until cancelled: a task, arg is the native. */
int native_clerk(void *arg);

/** Queue a message for a seat alone. There is room: see native_send.c. */
void native_answer(struct native *n, struct seat *s, const void *message,
                   size_t len);

/** Tell it that it is in, and have it told who is here: at first, and when it
    was overtaken. Events up to `latest` happened before. */
void native_welcome(struct native *n, struct seat *s, uint64_t latest,
                    bool gap);

/* --- native_send.c ---------------------------------------------------------*/

/** Send until cancelled: a task, arg is the native. */
int native_pump(void *arg);

/** Have it begin where its last visit ended; whether something is missing. */
bool native_place(struct native *n, struct seat *s,
                  const struct talk_join *join);

/** Tell whether who comes for the first time is told of such. */
bool native_is_talk(enum room_what what);

/** The place in the ring before `end` of what comes after an event. */
uint64_t native_after(const struct native *n, uint64_t end, uint64_t since);

/** Tell whether all seats have all that was told. */
bool native_is_idle(const struct native *n);

/* --- native_past.c ---------------------------------------------------------*/

/** It is behind the ring: have it told from the history. False if there is
    none. */
bool past_begin(struct native *n, struct seat *s);

/** Queue what is read for it; back at the ring, it is not past any more. */
void past_fill(struct native *n, struct seat *s);

/** Read what is wanted until cancelled: a task, arg is the native. */
int past_reader(void *arg);

/** Release what was read. */
void past_close(struct native *n);

#endif
