/*
 * hub/guest.h - somebody's side of the room: a native member (the native
 * dialect, docs/wire/chat.md).
 *
 * It finds its way into the room, stays there through lost datagrams, a new
 * address and a hub that was started again, and hands over every event once
 * and in the order of the hub's numbers. What is said goes out numbered and is
 * sent again until the hub has it; when it gives up, that is told too.
 *
 *     guest_open(&g, addrs, count, &opts);
 *     tn_go(&group, guest_run, g);            and from another task
 *     guest_say(g, &words, &mark);            then opts.fate() tells about mark
 *
 * Everything is called from tasks of one loop. No function of the options may
 * suspend, or call guest_free().
 */
#ifndef HUB_GUEST_H
#define HUB_GUEST_H

#include <tenon/addr.h>

#include "room.h"

enum guest_limit {
    /* Addresses of a hub to try. */
    GUEST_ADDRS = 8,
    /* Messages on their way at once; guest_say() waits beyond. */
    GUEST_WINDOW = 32,
    /* Bytes of a room code. */
    GUEST_CODE = 128,
    /* Bytes of a key: who one is beyond a visit. */
    GUEST_KEY = 16,
    /* Letters of a history's name, as STORE_EPOCH. */
    GUEST_EPOCH = 16,
    /* Hubs in a row that may fail to prove that they know the code; each could
       have been a guess of it. After that one in GUEST_DOUBT. */
    GUEST_DOUBTS = 5,
};

#define GUEST_DOUBT (10 * TN_SEC)

/* How long the first answer may take; then -ETIME. */
#define GUEST_PATIENCE (8 * TN_SEC)

/* Nothing heard for so long: the hub is taken for gone, and looked for. */
#define GUEST_SILENCE (15 * TN_SEC)

enum guest_state {
    GUEST_SEEKING, /* no answer yet */
    GUEST_IN,      /* a member; said again after each GUEST_LOST */
    GUEST_LOST,    /* the hub does not answer; looking for it goes on */
};

enum guest_fate {
    GUEST_DELIVERED, /* the hub has it; it is event `number` */
    GUEST_SLOWED,    /* the hub dropped it each time: too much at once */
    GUEST_NOBODY,    /* GUEST_MSG: there is no such member */
    GUEST_UNKNOWN,   /* no answer came; it may or may not have been said */
};

/* What is said, and how. */
enum guest_how {
    GUEST_SAY, /* to all */
    GUEST_ACT, /* "/me": to all, as something done */
    GUEST_MSG, /* to `to` alone */
};

struct guest_words {
    enum guest_how how;
    const char *text; /* borrowed; cleaned; 1 to ROOM_TEXT_MAX bytes */
    size_t len;
    const char *to; /* GUEST_MSG: a name, ends in NUL; else NULL */
};

struct guest_opts {
    const char *name; /* borrowed until return; cleaned, as dialect_name() */
    const char *code; /* borrowed until return; the room code; NULL: none */
    /* Who we are beyond this visit: random, kept by the caller. */
    unsigned char key[GUEST_KEY];
    /* What we saw last, of which history: events behind it come first. An
       empty epoch: the latest few of what was said come. */
    uint64_t since;
    char epoch[GUEST_EPOCH + 1];
    /* An event, in order, each once, our own among them: `who` is guest_id().
       `past`: it happened before we came. */
    void (*event)(void *arg, const struct room_event *ev, bool past);
    /* What became of words that guest_say() took. */
    void (*fate)(void *arg, uint64_t mark, enum guest_fate fate,
                 uint64_t number);
    /* Where we are; each change. */
    void (*state)(void *arg, enum guest_state state);
    void *arg;
};

/* Somebody in the room. */
struct guest_person {
    room_id id;
    enum room_kind kind;
    bool away; /* native: silent for a while, not yet gone */
    char name[ROOM_NAME_MAX + 1];
};

typedef struct guest guest;

/**
 * Prepare to enter a room.
 *
 * @param out    given (end with guest_free()); NULL on failure.
 * @param addrs  borrowed until return; where the hub may be, all of one
 *               machine; the first to answer is it.
 * @param count  1 to GUEST_ADDRS.
 * @param opts   copied; see there.
 * @return 0; -EINVAL; -ENOMEM; as tn_socket().
 */
TN_USE int guest_open(guest **out, const tn_addr *addrs, int count,
                      const struct guest_opts *opts);

/**
 * Enter, and stay until cancelled: a task, arg is the guest.
 *
 * @return -ECANCELED; 0 after guest_leave(), or when the room closes for good;
 *   -ETIME no answer came in GUEST_PATIENCE; -EEXIST the name is in use;
 *   -EUSERS the room is full; -EACCES it wants a code, or another one,
 *   or none;
 *   -EPROTO whoever answers is no hub, or a later one; -EINVAL, -ENAMETOOLONG
 *   the hub does not like the name; -ECONNREFUSED nobody listens there (only
 *   before the first answer); -EAGAIN too many came in at once, and still do;
 *   what broke the socket. Suspends.
 */
int guest_run(void *arg);

/**
 * Say something.
 *
 * @param g      borrowed.
 * @param words  borrowed until return.
 * @param mark   set: what opts.fate() will call it; never 0.
 * @return 0; -EINVAL; -ECANCELED; -ETIME; -ESHUTDOWN the visit is over.
 *   Suspends while GUEST_WINDOW messages are on their way, or the room would
 *   drop it for coming too fast.
 */
TN_USE int guest_say(guest *g, const struct guest_words *words, uint64_t *mark);

/**
 * Be called something else. The others are told by a ROOM_NICK event.
 *
 * @param g     borrowed.
 * @param name  borrowed until return; cleaned; ends in NUL.
 * @return 0 it is so; -EEXIST in use; -EINVAL, -ENAMETOOLONG; -ETIME; -EAGAIN
 *   too often; -ECANCELED; -ESHUTDOWN. Suspends.
 */
TN_USE int guest_nick(guest *g, const char *name);

/**
 * Wait until nothing that was said is on its way any more.
 *
 * @param g  borrowed.
 * @return 0; -ECANCELED; -ETIME. Suspends.
 */
int guest_drain(guest *g);

/**
 * Leave, and wait a moment for the hub to hear it. guest_run() returns 0.
 *
 * @param g  borrowed. Suspends.
 */
void guest_leave(guest *g);

/** Our own id; 0 before GUEST_IN. */
room_id guest_id(const guest *g);

/** Our own name; borrowed until the next call that may suspend. */
const char *guest_name(const guest *g);

/** How many are in the room, we among them. */
int guest_count(const guest *g);

/** One of them; 0 <= i < guest_count(). Borrowed as guest_name(). */
const struct guest_person *guest_at(const guest *g, int i);

/** The history's name and the last event of it that was handed over; for
    guest_opts of a later visit. */
uint64_t guest_seen(const guest *g, char epoch[GUEST_EPOCH + 1]);

/** Whether some of what happened right after what we had seen is not known any
    more: true from the event on that was handed over first in this visit. */
bool guest_gap(const guest *g);

/** The round trip as it is measured, ns; 0: not yet. */
int64_t guest_rtt(const guest *g);

/** Where the hub serves its files, "http://.../files/"; "" if it has none. */
const char *guest_folder(const guest *g);

/** End; guest_run() has returned; NULL is harmless. */
void guest_free(guest *g);

#endif
