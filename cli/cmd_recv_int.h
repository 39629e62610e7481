/*
 * cli/cmd_recv_int.h - what the files of `tenon recv` share.
 *
 *   cmd_recv.c       options, the order in which everything starts and ends
 *   cmd_recv_door.c  where it listens, how it is found, what it says of itself
 *   cmd_recv_one.c   one sender: its code, its session, how that ended
 *   cmd_recv_ask.c   whether an offer is taken, or which part of it
 *   cmd_recv_out.c   -o: bytes to stdout or to one file
 *   cmd_recv_phone.c one phone at a time, by the same rules
 */
#ifndef CLI_CMD_RECV_INT_H
#define CLI_CMD_RECV_INT_H

#include <tenon/addr.h>
#include <tenon/chan.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include "hub/beacon.h"
#include "hub/bucket.h"
#include "opt.h"
#include "pairing.h"
#include "parcel/phone.h"
#include "report.h"

enum {
    RECV_SESSIONS = 16, /* senders at a time; more wait to be accepted */
    RECV_OF_ONE = 8,    /* of one address */
    RECV_WRONG = 5,     /* wrong codes, then it ends */
    RECV_LIST = 10,     /* lines of an offer that are shown */
    RECV_PATH = 4096,   /* bytes of a path of ours */
    RECV_HOSTS = 4,     /* addresses of this machine to name */
};

/* With a code of one's own the n-th wrong one costs 2^(n-1) of these. */
#define RECV_BACK_OFF TN_SEC

/* A sender that comes again takes its own session over if nothing has come by
   the old one for so long. */
#define RECV_SILENT (2 * TN_SEC)

struct recv_opts {
    int port, phone_port, ready_fd;
    const char *bind, *code_file, *output, *as;
    bool no_phones, once, hidden, plain, insecure, yes;
    bool skip, rename, overwrite;
    bool json, quiet, verbose;
    int64_t max_size;
    struct opt_list only;
};

/* One sender, from its connection to its end. */
struct recv_session {
    struct recv *r;
    bool used;
    bool phone; /* no connection of ours, and no scope */
    bool paired, ended;
    bool accepted;   /* its offer */
    bool stale;      /* its code is one no more, or it has been replaced */
    bool refused;    /* by us, which has been told */
    bool turned;     /* away, as another one is being served */
    unsigned serial; /* of the code that it was given */
    int64_t since;   /* when it came */
    uint64_t mark;   /* of what it offers; 0: it has not yet */
    tn_scope scope;  /* around it, to end it; a phone has none */
    tn_addr peer;
    char at[TN_ADDR_TEXT];
    char code[PARCEL_CODE + 1];
    struct report report;
};

struct recv {
    const struct recv_opts *o;
    const char *dir;
    tn_endpoint ep;
    tn_sock *listener;
    tn_addr bound;
    beacon *beacon;
    phone *phone;                      /* NULL: none can come */
    struct recv_session *phone_seat;   /* of the one that is here; NULL */
    char phone_alias[PHONE_ALIAS + 1]; /* by which phones know us */
    tn_group group;
    tn_chan *asking; /* holds one thing while somebody is asked */
    char who[PAIRING_WHO];
    char code[PARCEL_CODE + 1];
    unsigned serial; /* of the code */
    int wrong;       /* codes */
    int64_t closed;  /* no code is tried before that moment */
    int out;         /* -o; -1: none */
    char path[RECV_PATH + 16], part[RECV_PATH + 32]; /* of -o FILE */
    int code_of_exit;
    bool over;
    unsigned count;       /* sessions so far */
    struct report *shown; /* whose progress it is; NULL: nobody's */
    struct progress progress;
    struct bucket strangers; /* lines about whom we do not know */
    struct recv_session session[RECV_SESSIONS];
};

/** Listen, and be found; an exit code, the complaint printed. */
int inbox_open_door(struct recv *r);

/** Be found until cancelled: a task, arg is the recv. */
int inbox_beacon(void *arg);

/** Tell how to send here. */
void inbox_announce(const struct recv *r);

/** Tell the code. */
void inbox_tell_code(const struct recv *r);

/** Take one sender: a tn_handler, arg is the recv. */
int inbox_one(tn_sock *conn, const tn_addr *peer, void *arg);

/* What inbox_one() does, for who comes by another door: a seat, the two
   functions that the parcel is given, with the seat as their arg,
   and the end. Who is not paired by our code sets `paired` itself. */

/** Take a seat (end with inbox_leave()); `clear`: what comes is not encrypted.
    NULL: none is free. */
struct recv_session *inbox_seat(struct recv *r, const tn_addr *peer,
                                bool clear);

/** Told by the parcel; arg is the session. */
void inbox_told(void *arg, const struct parcel_event *ev);

/** Asked by the parcel; arg is the session. Suspends. */
int inbox_ask(void *arg, const struct parcel_ask *ask);

/** It ended, well (0) or not (a code): tell how, and free the seat. */
void inbox_leave(struct recv_session *s, const struct parcel_result *result,
                 int err);

/** What is done about names that are taken. */
enum parcel_policy inbox_policy(const struct recv_opts *o);

/** Somebody at an address gave a wrong code: it is counted and burnt. */
void inbox_wrong_code(struct recv *r, const char *at);

/** Open the door for phones, if one can be; else say why, where that is of use.
    Suspends. */
void inbox_open_phone(struct recv *r);

/** Serve phones until cancelled: a task, arg is the recv. */
int inbox_phone(void *arg);

/** Tell whether two addresses are of one host. */
bool inbox_same_host(const tn_addr *one, const tn_addr *two);

/** It is over for the program: all sessions end. */
void inbox_over(struct recv *r, int code);

/** Open where -o leads; an exit code. */
int inbox_out_open(struct recv *r);

/** Give what came its name, if it is whole; an exit code. */
int inbox_out_close(struct recv *r, bool whole);

#endif
