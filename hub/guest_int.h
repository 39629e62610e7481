/*
 * hub/guest_int.h - what the files of a guest share.
 *
 *   guest.c        what its owner calls; the tasks
 *   guest_hand.c   finding the hub: cookies, shares, packets
 *   guest_obey.c   what the hub says: events, people, fates
 *   guest_words.c  what is said: numbered, paced, said again
 */
#ifndef HUB_GUEST_INT_H
#define HUB_GUEST_INT_H

#include <tenon/chan.h>
#include <tenon/pake.h>

#include "bucket.h"
#include "guest.h"
#include "link.h"
#include "native_talk.h"
#include "udp.h"

enum guest_private_limit {
    /* Lines said at once. Fewer than the room takes: the network may bring
       together what was apart. */
    GUEST_BURST = ROOM_BURST * 2 / 3,
    /* Questions with one cookie; then it may be too old. */
    GUEST_ASKS = 5,
    /* How often words are said again that were too much at once. */
    GUEST_TRIES = 8,
    /* Sockets: one for each family of the addresses. */
    GUEST_SOCKS = 2,
};

/* How long an answer is waited for: at first, and doubled up to the last. */
#define GUEST_ASK     (250 * TN_MS)
#define GUEST_ASK_MAX (1 * TN_SEC)
/* After "too many at once". */
#define GUEST_CALM (1 * TN_SEC)
/* Nothing was heard: ask whether somebody is there, this often. */
#define GUEST_PING       (4 * TN_SEC)
#define GUEST_PING_AGAIN (1 * TN_SEC)
/* Nothing was heard of a session that is about to begin: begin anew. */
#define GUEST_BEGIN (3 * TN_SEC)
/* Words without answer for so long are given up. */
#define GUEST_GIVE_UP (60 * TN_SEC)
/* How long the good-bye is sent again, and a new name is waited for. */
#define GUEST_GOODBYE   (1 * TN_SEC)
#define GUEST_NICK_WAIT (10 * TN_SEC)

enum guest_phase {
    PHASE_HELLO, /* where is the hub? */
    PHASE_ENTER, /* it has answered; its cookie is on its way back */
    PHASE_JOIN,  /* there is a session; who we are is on its way */
    PHASE_IN,    /* a member */
};

/* Words on their way. */
struct guest_pending {
    bool used;
    bool sent;  /* in the session that is now */
    int slowed; /* how often it was too much */
    int64_t since;
    struct talk_say say;
};

struct guest_sock {
    struct guest *guest;
    int family;
    struct udp udp;
};

struct guest {
    struct guest_opts opts;
    char code[GUEST_CODE + 1];
    char name[ROOM_NAME_MAX + 1];
    int addr_count;
    tn_addr addr[GUEST_ADDRS];
    int sock_count;
    struct guest_sock *sock[GUEST_SOCKS];
    tn_chan *bell;  /* char: there is something to send */
    tn_chan *slots; /* char: a token for each place in `pending` */
    tn_chan *quiet; /* char: something was answered; closed at the end */
    tn_chan *named; /* char: so was a new name; closed at the end */
    bool runs, over;
    int result;

    /* Finding the hub. */
    enum guest_phase phase;
    enum guest_state state;
    bool ever_in;      /* it was a member once */
    bool odd, refused; /* somebody answered, but not a hub; but not now */
    unsigned closed;   /* bit i: nobody listens at address i */
    int64_t started, ask_at, ask_wait;
    int asks;
    unsigned char nonce[WIRE_NONCE], cookie[WIRE_COOKIE];
    tn_pake *pake;
    struct udp_peer hub; /* since PHASE_ENTER */

    /* The session. */
    uint64_t session;
    struct wire_keys keys;
    bool proven;         /* the hub has them, too */
    struct bucket doubt; /* of hubs that did not prove it */
    struct link link;
    int64_t pinged;

    /* What is known of the room. */
    room_id id;
    uint64_t seen, past; /* events handed over; those up to `past` are */
    bool gap;
    char epoch[GUEST_EPOCH + 1];
    char folder[TALK_FOLDER + 1];
    int count;
    struct guest_person person[ROOM_MEMBERS];

    /* What is said. */
    uint32_t visit, marks; /* halves of a mark */
    struct bucket talk;
    int64_t calm; /* nothing is said before */
    struct guest_pending pending[GUEST_WINDOW];
    struct talk_say nick; /* mark 0: none is asked for */
    bool nick_sent;
    int nick_err;
    int64_t leaving; /* since when; 0: not */
    bool leave_sent;

    unsigned char message[LINK_MESSAGE];
    struct room_event event;
};

/* --- guest.c ---------------------------------------------------------------*/

/** End the visit with this result. */
void guest_finish(guest *g, int result);

/** Have the sender look. */
void guest_ring(guest *g);

/** Tell where we are, if that is news. */
void guest_tell_state(guest *g, enum guest_state state);

/* --- guest_hand.c ----------------------------------------------------------*/

/** Begin to look for the hub. */
void guest_seek(guest *g, int64_t now);

/** Do what is due: questions, pings, packets. Suspends. */
void guest_step(guest *g);

/** When guest_step() has something to do by itself. */
int64_t guest_wake(const guest *g);

/** A datagram came: see udp_datagram. */
void guest_on_datagram(void *arg, const struct udp_peer *from, const char *buf,
                       size_t n);

/** A port was found closed: see udp_gone. */
void guest_on_gone(void *arg, const tn_addr *addr);

/* --- guest_obey.c ----------------------------------------------------------*/

/** Do what the messages say that came. */
void guest_obey(guest *g);

/* --- guest_words.c ---------------------------------------------------------*/

/** A new mark. */
uint64_t guest_mark(guest *g);

/** Tell what became of words, if they are ours and on their way. */
void guest_settle(guest *g, uint64_t mark, enum guest_fate fate,
                  uint64_t number);

/** They were too much at once: say them again after a pause, or tell it. */
void guest_slowed(guest *g, uint64_t mark);

/** Queue what may go out. */
void guest_submit(guest *g, int64_t now);

/** When guest_submit() has something to do by itself. */
int64_t guest_submit_wake(const guest *g, int64_t now);

/** The session is over: all is to be said again. */
void guest_rewind(guest *g);

/** Give up what waits for too long, or with `all` everything. */
void guest_give_up(guest *g, int64_t now, bool all);

/** Tell whether nothing is on its way. */
bool guest_is_quiet(const guest *g);

/** Send a message through the link; false if there is no room. */
bool guest_send(guest *g, size_t len);

#endif
