/*
 * phone_int.h - what the files of the receiver share.
 *
 *   phone.c          opening, announcing, ending
 *   phone_door.c     requests: info, register, prepare-upload, cancel
 *   phone_session.c  sessions: files that were agreed on, and their end
 *   phone_upload.c   one file that comes in
 */
#ifndef PARCEL_PHONE_INT_H
#define PARCEL_PHONE_INT_H

#include <tenon/httpd.h>
#include <tenon/task.h>

#include "hub/gate.h"
#include "hub/guard.h"
#include "phone_net.h"
#include "phone_self.h"

enum {
    PHONE_SECRET = 16,                /* bytes that nobody guesses */
    PHONE_KEY = 8 + 2 * PHONE_SECRET, /* letters of our tokens */
    PHONE_PIECE = 256 << 10,          /* bytes written at a time */
    PHONE_CONNECTIONS = 256,
    PHONE_BUSY = 64, /* requests at a time */
};

enum phone_state {
    PHONE_OPEN,   /* it is waited for */
    PHONE_COMING, /* it comes in */
    PHONE_HERE,   /* it is right and has its name, or is not needed */
    PHONE_LOST,   /* it came to nothing */
    PHONE_LEFT,   /* it was not taken */
};

/* A file of a session; its item has the same index. */
struct phone_file {
    const struct phone_offered *offered;
    enum phone_state state;
    unsigned char secret[PHONE_SECRET];
};

struct phone_upload;

struct phone_session {
    phone *phone;
    char id[2 * PHONE_SECRET + 1];
    tn_addr from;
    const char *who;
    bool asking, over;
    int why;         /* it is over */
    int64_t last;    /* when something came */
    unsigned active; /* those who use it; the last one releases it */
    struct phone_upload *uploads;
    struct phone_offer offer;
    uint32_t count; /* files whose names are good */
    uint32_t left;  /* of them, those that are waited for or come in */
    struct phone_file *files;
    struct parcel_item *items;
    bool *take;
    struct parcel_sum sum;
    struct parcel_result result;
    int64_t all_done, told_at;
};

struct phone {
    struct phone_opts opts; /* its texts are ours */
    struct phone_self self;
    tn_tls *tls;
    tn_sock *listener;
    struct phone_net net;
    struct guard guard;
    struct gate gate;    /* offers of each host */
    struct gate callers; /* announcements of each host */
    int desks, uploads, calls;
    tn_group *group; /* while it runs */
    struct phone_session *sessions[PHONE_SESSIONS];
    /* For phone_find(): told of who registers; may be NULL. */
    void (*seen)(void *arg, const tn_addr *from, const struct phone_info *info);
    void *seen_arg;
};

/* --- phone_door.c ----------------------------------------------------------*/

/** Answer requests until cancelled. As tn_httpd_serve(). Suspends. */
int phone_door(phone *p);

/* --- phone_session.c -------------------------------------------------------*/

/** Find a slot and begin one: the offer is taken. It is used by the caller:
    see phone_session_leave(). 0; -EBUSY; -ENOMEM; -EIO. */
int phone_session_new(phone *p, struct phone_offer *offer, const tn_addr *from,
                      struct phone_session **out);

/** The one that has this id and is open; NULL. */
struct phone_session *phone_session_find(phone *p, const char *id);

/** Whether a request comes from where the offer came. */
bool phone_session_is_from(const struct phone_session *s, const tn_addr *from);

/** Use it: it stays until the same number of leaves. */
void phone_session_enter(struct phone_session *s);
void phone_session_leave(struct phone_session *s);

/** The token of a file; `dst` has PHONE_KEY + 1 bytes. */
void phone_session_key(const struct phone_session *s, uint32_t file, char *dst);

/** Find the file that a token and an id belong to; -1: none. */
int64_t phone_session_file(const struct phone_session *s, const char *id,
                           const char *key);

/** Tell of the session: PAIRED, OFFER, ANSWER; or of a file that has no item
    (FAILED, `why`). */
void phone_session_tell(struct phone_session *s, enum parcel_what what, int err,
                        const char *why);

/** Tell that `more` bytes of a file came, `done` in all; 0: it begins. Not too
    often. */
void phone_session_moved(struct phone_session *s, uint32_t file, int64_t done,
                         int64_t more);

/** A file has its end. The session, too, if it was the last one. */
void phone_session_done(struct phone_session *s, uint32_t file,
                        enum parcel_what what, int err, const char *final);

/** It is over: uploads end, no request finds it any more. */
void phone_session_over(struct phone_session *s, int why);

/** End those in which nothing comes; `all`: every one. */
void phone_session_sweep(phone *p, bool all);

/* --- phone_upload.c --------------------------------------------------------*/

/** Take a file in: a handler's work. Suspends. */
int phone_upload(tn_exchange *x, struct phone_session *s, uint32_t file);

/** Cancel all of a session. */
void phone_upload_stop(struct phone_session *s);

/** See which files are there already and leave them out. 0; -ENOMEM; what the
    folder says. Suspends. */
int phone_upload_look(struct phone_session *s);

/** Bytes that are free; INT64_MAX if nobody knows. Suspends. */
int64_t phone_upload_room(const phone *p);

#endif
