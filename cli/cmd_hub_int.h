/*
 * cli/cmd_hub_int.h - what the files of `tenon hub` share.
 *
 *   cmd_hub.c        options, the order in which everything starts and ends
 *   cmd_hub_beacon.c how it is found
 *   cmd_hub_place.c  where files and history are
 *   cmd_hub_door.c   the code, the names, the ports
 *   cmd_hub_how.c    what is said at the start: how to join
 *   cmd_hub_phone.c  files from phones
 */
#ifndef CLI_CMD_HUB_INT_H
#define CLI_CMD_HUB_INT_H

#include <tenon/dial.h>

#include "hub/beacon.h"
#include "hub/bucket.h"
#include "hub/keeper.h"
#include "hub/native.h"
#include "hub/plain.h"
#include "hub/web.h"
#include "parcel/phone.h"
#include "screen.h"
#include "secure.h"

enum {
    HUB_PORT = 8000, /* without -p, and without one in --bind */
    HUB_HOSTS = 4,   /* addresses of this machine to name */
    /* Times that the system is asked for a port that is free for both doors. */
    HUB_PORT_TRIES = 16,
    /* Bytes of a path of ours. Longer ones there may be; nobody has them. */
    HUB_PATH = 1024,
    HUB_URL = 320, /* "https://NAME:PORT/files/" */
};

/* After Ctrl-C all this goes at most: what waits, and the good-bye. */
#define HUB_FAREWELL (2 * TN_SEC)

struct hub_opts {
    int port, phone_port, lang, ready_fd;
    const char *bind, *name, *code_file;
    struct opt_list host;
    bool json, quiet, verbose;
    bool no_web, no_files, no_history, no_phones, read_only;
    bool code, plain, use_tls, hidden;
    struct secure_opts secure;
};

struct hub {
    const struct hub_opts *o;
    const char *dir; /* to share; NULL: the hub's own */
    tn_endpoint ep;
    int failed; /* exit code of what ended the room; EXIT_DONE: nothing did */
    room *room;
    store *store;
    keeper *keeper;
    web *web;
    struct refs *refs;
    door *door;     /* the UDP port */
    native *native; /* who speaks the native dialect at it */
    plain *plain;   /* who speaks plain text; NULL: nobody may */
    beacon *beacon; /* NULL: it is not to be found */
    tn_tls *tls;
    tn_sock *listener; /* of the web; NULL: this door is closed */
    phone *phone;      /* NULL: this door is closed */
    char phone_alias[PHONE_ALIAS + 1]; /* by which phones know us */
    struct guard guard;
    struct screen screen;
    struct bucket complaints; /* lines about what was turned away */
    unsigned long untold;
    tn_addr bound;
    char name[WEB_ROOM_NAME + 1];
    char code[GUARD_CODE + 2];
    char folder[HUB_URL];   /* URL of the shared files */
    char files[HUB_PATH];   /* the shared folder; "": none */
    char history[HUB_PATH]; /* the history's file; "": none */
};

/** Find the places and make them; an exit code, the complaint printed. */
int hub_places(struct hub *h);

/** Read the room code and the names; an exit code. */
int hub_guard(struct hub *h);

/** See whether the doors' port is free, before anything else is opened that a
    hub which has it may hold; an exit code. */
int hub_try_doors(struct hub *h);

/** Open both doors at one port; an exit code. */
int hub_doors(struct hub *h);

/** Open the door for phones, where there are files to share; without it the
    room is open, too. Suspends. */
void hub_phones(struct hub *h);

/** Serve phones until cancelled: a task, arg is the hub. */
int hub_serve_phones(void *arg);

/** Tell whether one more line about what strangers did may be shown. */
bool hub_may_tell(struct hub *h);

/** Tell how to join. */
void hub_announce(struct hub *h);

/** Say where browsers find the files, before anybody asks. */
void hub_name_folder(struct hub *h);

/** Told of each datagram that was not heeded: see struct plain_opts. */
void hub_on_dropped(void *arg, const tn_addr *from, const char *why);

/** Have the room found; says so where that cannot be. */
void hub_open_beacon(struct hub *h);

/** Announce it and answer: a task, arg is the hub. */
int hub_run_beacon(void *arg);

#endif
