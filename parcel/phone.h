/*
 * parcel/phone.h - LocalSend, protocol version 2: files to and from phones
 * (docs/wire/localsend.md).
 *
 * A device is found by multicast on 224.0.0.167:53317, or asked at its address;
 * it speaks HTTP or HTTPS with a certificate it made itself, known by its
 * SHA-256.
 */
#ifndef PARCEL_PHONE_H
#define PARCEL_PHONE_H

#include <tenon/addr.h>
#include <tenon/api.h>

#include "parcel.h"

enum phone_limit {
    PHONE_PORT = 53317,     /* UDP and TCP */
    PHONE_FILES = 10000,    /* of one session */
    PHONE_SESSIONS = 8,     /* at a time */
    PHONE_JSON = 4 << 20,   /* bytes of a request's JSON */
    PHONE_ALIAS = 64,       /* bytes of a device's name */
    PHONE_FINGERPRINT = 64, /* letters */
    PHONE_PIN = 32,         /* letters of a PIN */
    PHONE_FOUND = 64,       /* devices found by one question */
    PHONE_UPLOADS = 16,     /* files that come in at a time */
    PHONE_DESKS = 4,        /* offers that are read at a time */
    PHONE_SENDS = 3,        /* files that go out at a time */
    PHONE_CALLS = 4,        /* answers to announcements at a time */
    PHONE_ANY = -1,         /* a port of the system's choice */
};

/* A session in which nothing comes for so long is over. */
#define PHONE_IDLE (2 * TN_MIN)
/* If the same host comes again and there is no place, this is enough. */
#define PHONE_SILENT (5 * TN_SEC)
/* How long the owner of a device that we send to may think about it. */
#define PHONE_THINK (5 * TN_MIN)
/* How often we look for networks that have come up. */
#define PHONE_RESCAN (15 * TN_SEC)
/* How long our own call may take, to register or to cancel. */
#define PHONE_CALL (3 * TN_SEC)
/* What is sent is hashed before, unless that took too long: bytes of all. */
#define PHONE_HASHED ((int64_t)1 << 30)

struct phone_opts {
    const char *alias; /* what we are called */
    const char *dir;   /* where files go; it is there */
    const char *state; /* a folder of ours, 0700, made if it is not there, for
                          certificate and key; NULL: new ones each time */
    const char *pin;   /* NULL: none is asked for */
    int port;          /* 0: PHONE_PORT; PHONE_ANY; it is announced */
    int multicast;     /* port of announcements; 0: PHONE_PORT */
    int sessions;      /* at a time; 0: PHONE_SESSIONS */
    tn_addr bind;      /* len 0: all; else listens and announces there only */
    bool clear;        /* plain HTTP instead of HTTPS */
    bool hidden;       /* no announcements: it is found by its address only */
    /* Looks at a PIN instead of `pin`: 0; -EACCES it is another one; -EAGAIN
       it is not looked at, too many were wrong. May be NULL. */
    int (*check)(void *arg, const tn_addr *from, const char *pin);
    enum parcel_policy policy;
    int64_t max_bytes; /* of a session; 0: as much as the disk holds */
    /* Somebody offers something, whose `told`, `ask` and `ended` follow; 0, or
       -EBUSY: not now. May be NULL. */
    int (*begun)(void *arg, const tn_addr *from);
    /* As in struct parcel_recv_opts. */
    int (*ask)(void *arg, const struct parcel_ask *ask);
    /* As in struct parcel_recv_opts; `who` is always set; `final` of what is
       done is its path below `dir`; FAILED without an item is a name that is
       not taken, which is `final`. */
    parcel_told *told;
    /* A session is over: 0; -EIO some files failed; -EACCES, -EFBIG, -ENOSPC,
       -EINVAL it was refused; -ECANCELED its sender, or we, ended it; -ETIME
       nothing came. May be NULL. */
    void (*ended)(void *arg, const char *who, int err,
                  const struct parcel_result *result);
    void *arg;
};

typedef struct phone phone;

/**
 * Prepare to receive.
 *
 * @param out   given (end with phone_close()); NULL on failure.
 * @param opts  copied, its texts too.
 * @return 0; -EADDRINUSE the port is taken, by the LocalSend app itself for
 *   one; -ENOMEM; -EINVAL; as tn_listen_endpoint(), tn_tls_self_signed().
 *   Suspends.
 */
TN_USE int phone_open(phone **out, const struct phone_opts *opts);

/** Announce and serve until cancelled: a task, arg is the phone. Suspends. */
int phone_run(void *arg);

/** Read where it listens; 0 or a code. */
TN_USE int phone_addr(const phone *p, tn_addr *addr);

/** What its certificate is known by; borrowed until phone_close(). */
const char *phone_fingerprint(const phone *p);

/** End; phone_run() has returned; NULL is harmless. */
void phone_close(phone *p);

/* A device that was found. */
struct phone_device {
    tn_addr addr; /* with its port */
    bool tls;
    bool tenon;                              /* one of our own kind */
    char alias[PHONE_ALIAS + 1];             /* cleaned */
    char kind[16];                           /* "mobile", "desktop" ... */
    char fingerprint[PHONE_FINGERPRINT + 1]; /* of its certificate */
};

/**
 * Find devices by multicast, on every interface.
 *
 * @param opts  borrowed; alias, state, multicast are used.
 * @param wait  ns.
 * @param out   room for `cap`.
 * @param cap   1 to PHONE_FOUND.
 * @return how many; -ENETDOWN; -ENOMEM; -ECANCELED. Suspends.
 */
TN_USE int phone_find(const struct phone_opts *opts, int64_t wait,
                      struct phone_device *out, int cap);

/**
 * Ask who is at an address.
 *
 * @param opts    borrowed; alias, state are used.
 * @param addr    borrowed; port 0 is PHONE_PORT.
 * @param device  filled.
 * @return 0; -EPROTO no LocalSend there; as tn_dial(). Suspends.
 */
TN_USE int phone_at(const struct phone_opts *opts, const tn_addr *addr,
                    struct phone_device *device);

/**
 * Send a parcel to a device. Folders become names with "/" in them; a stream
 * of unknown size cannot be sent (-ESPIPE).
 *
 * @param opts    borrowed; alias, state, pin are used; told and arg too.
 * @param device  borrowed; of phone_find() or phone_at(). With TLS its
 *                certificate must have the fingerprint.
 * @param p       borrowed.
 * @param result  filled.
 * @return 0; -EACCES it said no; -EKEYREJECTED it wants a PIN, or another one;
 *   -EBUSY it has another session; -EIO some files failed; TN_ECERT another
 *   certificate; as tn_dial(). Suspends.
 */
TN_USE int phone_send(const struct phone_opts *opts,
                      const struct phone_device *device, parcel *p,
                      struct parcel_result *result);

#endif
