/*
 * hub/room.h - who is in the room and what happens there, in one order.
 *
 * The room knows no socket and no clock. It has members, known by an id and a
 * unique name, and outlets: each way to reach members (plain UDP, the web) and
 * each onlooker (the host's screen) is one. What happens becomes an event with
 * a number, and every outlet is handed every event, in the order of numbers;
 * it passes them on to its own members in its own dialect. A journal, if there
 * is one, gets each event first and hands it on when it is safe.
 *
 * Everything is called from tasks of one loop. An outlet may suspend: it is
 * called last, when the room's state is whole again, so a member known before
 * a call into the room may be gone after it. Keep ids, not pointers.
 *
 * Limits are in enum room_limit, each with its reason.
 */
#ifndef HUB_ROOM_H
#define HUB_ROOM_H

#include <tenon/api.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum room_limit {
    /* Characters of a name: what still fits beside a line of talk. */
    ROOM_NAME_CHARS = 32,
    /* Its bytes: 21 Chinese characters, or 32 of two bytes. */
    ROOM_NAME_MAX = 64,
    /* Bytes of one message; a longer one is cut, with a mark. It is small
       enough for an event to travel through a channel (4,096). */
    ROOM_TEXT_MAX = 2000,
    /* Members at once. One message costs a send for each of them, about a
       microsecond; a thousand is a lecture hall and a millisecond. */
    ROOM_MEMBERS = 1024,
    /* Ways to reach members: plain, web and native; the screen; the marks of
       what was said (refs.h). */
    ROOM_OUTLETS = 5,
    /* Letters and digits of a browser's own mark for what it says. */
    ROOM_REF_MAX = 32,
    /* Messages a member may send at once before it is slowed: more lines than
       people paste, fewer than fill a screen. */
    ROOM_BURST = 30,
    /* New names at once: somebody who cannot decide. */
    ROOM_NICKS = 5,
};

/* After a burst a member may say five lines a second: nobody types faster. */
#define ROOM_INTERVAL (200 * TN_MS)

/* A member may have ROOM_NICKS new names at once, then one in so long: each is
   told to all. */
#define ROOM_NICK_INTERVAL (10 * TN_SEC)

/* A plain member cannot be asked whether it still listens, and a firewall may
   swallow the ICMP message that would tell. A lecture lasts two hours; who was
   silent for so long is taken for gone. */
#define ROOM_IDLE (120 * TN_MIN)

/* A member: serial number and place, never used again. 0 is nobody. */
typedef uint64_t room_id;

/* How a member is reached; the outlet of that kind looks after it. */
enum room_kind {
    ROOM_PLAIN,  /* UDP, the course's dialect */
    ROOM_WEB,    /* a browser */
    ROOM_NATIVE, /* UDP, the native dialect */
};

/* Histories have these numbers: new ones are added at the end. */
enum room_what {
    ROOM_JOIN,  /* `who` came in */
    ROOM_SAY,   /* `who` says `text` */
    ROOM_LEAVE, /* `who` is gone */
    ROOM_NOTE,  /* the room tells `to` something; see enum room_note */
    ROOM_BYE,   /* the room closes */
    ROOM_FILE,  /* `who`, or nobody knows who, shared the file `text` */
    ROOM_GONE,  /* the file `text` was taken away */
    ROOM_ACT,   /* `who` does `text`: "/me waves" */
    ROOM_NICK,  /* `who`, called `name` till now, is called `text` */
    ROOM_MSG,   /* `who` says `text` to `to`, called `whom`, and to nobody else:
                   for the eyes of these two, and never kept */
};

enum room_note {
    ROOM_SLOWED,  /* some lines of `to` were dropped: too many at once */
    ROOM_EXPIRED, /* `to` was silent for ROOM_IDLE and is taken for gone */
    ROOM_CLAIMED, /* somebody else asked for the name of `to` */
};

struct room_event {
    uint64_t number; /* 1, 2, 3 ...: the order in which all see them */
    int64_t time;    /* ms since 1970; 0 without room_clock() */
    enum room_what what;
    enum room_note note; /* for ROOM_NOTE */
    enum room_kind kind; /* of `who` */
    room_id who;     /* whom it is about; a plain member does not get its own */
    room_id to;      /* for NOTE and MSG: the only other one who gets it */
    uint64_t author; /* who it is beyond this visit; 0: nobody can tell */
    int64_t size;    /* for ROOM_FILE: bytes */
    const char *folder; /* for ROOM_FILE: see room_folder(); may be NULL */
    size_t name_len, text_len;
    char ref[ROOM_REF_MAX + 1];   /* for SAY, ACT, MSG: see room_words */
    char whom[ROOM_NAME_MAX + 1]; /* for ROOM_MSG: the name of `to` */
    char name[ROOM_NAME_MAX + 1]; /* of `who`, or of `to` in a note */
    char text[ROOM_TEXT_MAX + 1]; /* all but JOIN, LEAVE; ends in NUL */
};

/* Who wants to come in. */
struct room_guest {
    enum room_kind kind;
    uint64_t author;  /* for the events about it; 0: nobody can tell */
    const char *name; /* borrowed; cleaned already */
    size_t len;       /* 1 to ROOM_NAME_MAX */
};

/* What somebody says. */
struct room_words {
    const char *text; /* borrowed; cleaned already */
    size_t len;       /* cut at ROOM_TEXT_MAX */
    const char *ref;  /* its author's own mark; ROOM_REF_MAX at most; NULL */
    bool act;         /* it is done, not said: ROOM_ACT */
    room_id to;       /* for this member alone: ROOM_MSG; 0: for all */
};

/* An outlet, or the journal. The event is borrowed until return; it may
   suspend. */
typedef void room_outlet(void *arg, const struct room_event *ev);

typedef struct room room;

/**
 * Create an empty room.
 *
 * @param out  given (end with room_free()); NULL on failure.
 * @return 0; -ENOMEM.
 */
TN_USE int room_new(room **out);

/**
 * Release a room. Nobody is told; see room_close().
 *
 * @param r  taken; NULL is harmless.
 */
void room_free(room *r);

/**
 * Have every event from now on handed to a function.
 *
 * One that suspends goes last: while it does, another task may have the next
 * event handed out, and those behind it would see that one first.
 *
 * @param r       borrowed.
 * @param outlet  called for each event, in the order of numbers.
 * @param arg     borrowed for the room's life.
 * @return 0; -ENOBUFS if there are ROOM_OUTLETS already.
 */
TN_USE int room_attach(room *r, room_outlet *outlet, void *arg);

/**
 * Have every event handed to a journal first, and to no outlet.
 *
 * The journal keeps the event and then hands it on with room_release(), each
 * one and in their order. So nobody has seen what is not kept.
 *
 * @param r        borrowed.
 * @param journal  called for each event, in the order of numbers; NULL: none.
 * @param arg      borrowed for the room's life.
 */
void room_journal(room *r, room_outlet *journal, void *arg);

/**
 * Hand an event to the outlets; for the journal.
 *
 * @param r   borrowed.
 * @param ev  borrowed until return; as the journal got it.
 */
void room_release(room *r, const struct room_event *ev);

/**
 * Go on with the numbers of an earlier time.
 *
 * @param r       borrowed; nothing has happened yet.
 * @param latest  the number of the event before.
 */
void room_resume(room *r, uint64_t latest);

/**
 * Have events bear the time.
 *
 * @param r      borrowed.
 * @param clock  returns ms since 1970; must not suspend; NULL: none.
 */
void room_clock(room *r, int64_t (*clock)(void));

/**
 * Say where shared files are found, for those who have to be told.
 *
 * @param r    borrowed.
 * @param url  borrowed for the room's life; ends in "/"; NULL: nowhere.
 */
void room_folder(room *r, const char *url);

/**
 * Let somebody in; the others are told.
 *
 * Names are compared without regard to the case of ASCII letters. Who has a
 * name keeps it: he is told that somebody asked for it (at most once in ten
 * seconds), which also finds out whether he is still there.
 *
 * @param r     borrowed.
 * @param kind  how the member is reached.
 * @param name  borrowed; cleaned already; `n` bytes.
 * @param n     1 to ROOM_NAME_MAX.
 * @param now   ns.
 * @param id    the member's; set before anybody is told.
 * @return 0; -EEXIST the name is in use; -EUSERS the room is full;
 *   -ESHUTDOWN it is closed; -EINVAL for `n`.
 */
TN_USE int room_join(room *r, enum room_kind kind, const char *name, size_t n,
                     int64_t now, room_id *id);

/**
 * Let a guest in; else as room_join().
 *
 * @param r      borrowed.
 * @param guest  borrowed until return.
 * @param now    ns.
 * @param id     the member's; set before anybody is told.
 * @return as room_join().
 */
TN_USE int room_admit(room *r, const struct room_guest *guest, int64_t now,
                      room_id *id);

/**
 * Say something; the others get it.
 *
 * @param r     borrowed.
 * @param id    who says it.
 * @param text  borrowed; cleaned already; `n` bytes.
 * @param n     bytes; cut at ROOM_TEXT_MAX.
 * @param now   ns.
 * @return 0; -EAGAIN too many at once: dropped, and told to the member at the
 *   first time; -ENOENT no such member.
 */
int room_say(room *r, room_id id, const char *text, size_t n, int64_t now);

/**
 * Say something that bears its author's mark, or in another way, or to one
 * member alone; else as room_say().
 *
 * @param r      borrowed.
 * @param id     who says it.
 * @param words  borrowed until return.
 * @param now    ns.
 * @return as room_say(); -ESRCH there is no member `to`: nothing was said.
 */
int room_utter(room *r, room_id id, const struct room_words *words,
               int64_t now);

/**
 * Tell how long it takes until a member may say something.
 *
 * @param r    borrowed.
 * @param id   any.
 * @param now  ns.
 * @return ns; 0: it may, or there is no such member.
 */
int64_t room_wait(const room *r, room_id id, int64_t now);

/**
 * Give a member another name; the others are told.
 *
 * The name is compared as in room_join(); one's own in other letters is free.
 *
 * @param r     borrowed.
 * @param id    whose.
 * @param name  borrowed; cleaned already; `n` bytes.
 * @param n     1 to ROOM_NAME_MAX.
 * @param now   ns.
 * @return 0, also if that is the name already, of which nobody is told;
 *   -EEXIST the name is in use; -EAGAIN too often; -ENOENT no such member;
 *   -EINVAL for `n`.
 */
int room_rename(room *r, room_id id, const char *name, size_t n, int64_t now);

/**
 * Tell whether events of a kind are for all eyes. Others are never kept, nor
 * shown on the screen of the host.
 *
 * @param what  any.
 * @return true if so.
 */
bool room_is_public(enum room_what what);

/**
 * Tell everybody that a file came, or went.
 *
 * @param r     borrowed.
 * @param id    who shared it; 0 if nobody knows.
 * @param path  borrowed; below the shared folder, cleaned; ends in NUL; cut at
 *              ROOM_TEXT_MAX.
 * @param size  bytes; -1: it is gone.
 * @return 0; -ESHUTDOWN the room is closed.
 */
int room_file(room *r, room_id id, const char *path, int64_t size);

/**
 * Take a member out; the others are told.
 *
 * @param r   borrowed.
 * @param id  any; one that is gone already is harmless.
 */
void room_leave(room *r, room_id id);

/**
 * Tell whether a member is there.
 *
 * @param r   borrowed.
 * @param id  any.
 * @return true if so.
 */
bool room_has(const room *r, room_id id);

/**
 * Return the name of a member.
 *
 * @param r   borrowed.
 * @param id  any.
 * @return borrowed until the next call that may suspend; NULL if it is gone.
 */
const char *room_name(const room *r, room_id id);

/**
 * Find a member by its name, compared as in room_join().
 *
 * @param r     borrowed.
 * @param name  borrowed; `n` bytes.
 * @param n     any.
 * @return its id; 0 if nobody is called so.
 */
room_id room_find(const room *r, const char *name, size_t n);

/**
 * Count the members.
 *
 * @param r  borrowed.
 * @return 0 to ROOM_MEMBERS.
 */
int room_count(const room *r);

/**
 * Return the number of the latest event.
 *
 * @param r  borrowed.
 * @return 0 if nothing happened yet.
 */
uint64_t room_latest(const room *r);

/**
 * Take out who has been silent for ROOM_IDLE, after telling him.
 *
 * @param r    borrowed.
 * @param now  ns.
 * @return how many.
 */
int room_sweep(room *r, int64_t now);

/**
 * Say good-bye to all. Nobody comes in or is heard after that.
 *
 * @param r  borrowed.
 */
void room_close(room *r);

#endif
