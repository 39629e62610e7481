/*
 * parcel/parcel.h - files from one machine to another, whole or not at all
 * (docs/wire/transfer.md).
 *
 * Two sides of one connected stream. A code that both know pairs them (CPace)
 * and everything behind that is encrypted (TLS 1.3); without a code it goes in
 * the clear, which has to be called insecure. The sender offers, the receiver
 * takes all, a part or nothing. Data moves in blocks; each has a hash, and the
 * hashes make a tree. What arrives is written aside in the target's folder and
 * renamed when its tree is the sender's. A transfer that broke goes on where
 * the blocks of both sides are no longer the same.
 *
 * Receiving: parcel_receive() on an accepted socket. Sending: parcel_new(),
 * parcel_add() each path, then parcel_send() on a connected socket, and again
 * on a new one if the connection was lost. All of it is called in a task; who
 * cancels it lets the peer know.
 */
#ifndef PARCEL_PARCEL_H
#define PARCEL_PARCEL_H

#include <tenon/api.h>
#include <tenon/sock.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum parcel_limit {
    PARCEL_PORT = 8001,       /* TCP, unless said otherwise */
    PARCEL_BLOCK = 256 << 10, /* bytes that one hash is of */
    PARCEL_ITEMS = 1000000,   /* files and folders of one offer */
    PARCEL_PATH = 4095,       /* bytes of a path within an offer */
    PARCEL_NAME = 255,        /* bytes of one component of it */
    PARCEL_DEPTH = 128,       /* components */
    PARCEL_WHO = 64,          /* bytes of what a sender calls itself */
    PARCEL_REASON = 200,      /* bytes of why a peer said no */
    PARCEL_CODE = 64,         /* bytes of a code, written without blanks */
};

/* Of the handshake, and of a peer that says nothing while it should. */
#define PARCEL_GREETING (10 * TN_SEC)
#define PARCEL_SILENCE  (2 * TN_MIN)

enum parcel_kind {
    PARCEL_FILE,
    PARCEL_FOLDER,
    PARCEL_STREAM, /* of unknown size: stdin */
};

/* One thing that is offered. */
struct parcel_item {
    enum parcel_kind kind;
    uint32_t index;   /* 0, 1, 2 ... */
    const char *path; /* below the receiver's folder; any bytes but NUL; '/'
                          between components, none of them empty, "." or ".."
                          ; ends in NUL; borrowed until the next suspension */
    int64_t size;     /* bytes; -1: not known */
    int64_t mtime;    /* ns since 1970 */
    unsigned mode;    /* permission bits, 0777 at most */
};

/* All of it. */
struct parcel_sum {
    uint32_t files, folders;
    int64_t bytes;   /* of the files whose size is known */
    bool is_unsized; /* there is a stream among them */
};

/* What happens, for progress and reports. */
enum parcel_what {
    PARCEL_PAIRED, /* the code was right; or there is none */
    PARCEL_OFFER,  /* sender: it is made; receiver: it is here; see sum */
    PARCEL_ANSWER, /* the receiver has accepted; see sum */
    PARCEL_BEGIN,  /* item: its data begins at `done` (resumed if > 0) */
    PARCEL_MOVED,  /* item: `done` bytes are there; not more than 20 a second */
    PARCEL_DONE,   /* item: it is right, and has its name: `final` */
    PARCEL_SKIPPED, /* item: not taken, `err` 0; or the same is there already */
    PARCEL_FAILED,  /* item: `err`, `final` says why; the others go on */
};

struct parcel_event {
    enum parcel_what what;
    const struct parcel_item *item; /* NULL for PAIRED, OFFER, ANSWER */
    const struct parcel_sum *sum;   /* for OFFER, ANSWER */
    int64_t done;                   /* bytes of the item */
    int64_t all_done; /* bytes of all, those that need not move included */
    int err;
    const char *final; /* the path it got; why it failed; else NULL. Of the
                          peer's it is cleaned, the receiver's own is not */
    const char *who;   /* PAIRED, OFFER: what the peer calls itself, cleaned */
};

/* Must not suspend. */
typedef void parcel_told(void *arg, const struct parcel_event *ev);

/* How it went; zeroed at the start of each session. */
struct parcel_result {
    uint32_t done, skipped, failed; /* items */
    int64_t moved; /* bytes of data that went over the network */
    int64_t kept;  /* bytes that need not: they were there; holes are in
                      neither */
    char reason[PARCEL_REASON + 1]; /* the peer's, cleaned; "" if none */
};

/* --- the sender ------------------------------------------------------------*/

/* What is to be sent. */
typedef struct parcel parcel;

/**
 * Begin a parcel.
 *
 * @param out  given (end with parcel_free()); NULL on failure.
 * @return 0; -ENOMEM.
 */
TN_USE int parcel_new(parcel **out);

/**
 * Add a file, or a folder and all that is in it.
 *
 * Symbolic links within a folder are left out and counted, but a link that was
 * named is followed; sockets, pipes and devices are left out.
 *
 * @param p     borrowed.
 * @param path  borrowed until return; offered under its last component.
 * @return 0; -ENOENT, -EACCES, ... the path; -EEXIST two things of one name;
 *   -E2BIG PARCEL_ITEMS; -ENAMETOOLONG; -ENOMEM; -ECANCELED. tn_why() names
 *   the path. Suspends: it walks in a worker.
 */
TN_USE int parcel_add(parcel *p, const char *path);

/**
 * Add what a descriptor gives until its end.
 *
 * @param p     borrowed.
 * @param fd    borrowed until parcel_free(); readable. It can be sent once: a
 *              transfer that broke cannot go on.
 * @param name  borrowed until return; what the file shall be called.
 * @return 0; -EINVAL; -EEXIST; -ENOMEM.
 */
TN_USE int parcel_add_fd(parcel *p, int fd, const char *name);

/** What is in it; `left_out` counts links and devices; it may be NULL. */
void parcel_sum_of(const parcel *p, struct parcel_sum *sum, uint32_t *left_out);

/** End; NULL is harmless. */
void parcel_free(parcel *p);

struct parcel_send_opts {
    const char *code;  /* borrowed until return; NULL: in the clear */
    const char *who;   /* what we call ourselves; NULL: nothing */
    parcel_told *told; /* may be NULL */
    void *arg;
};

/**
 * Send a parcel.
 *
 * @param sock    borrowed; connected. Only good for tn_close() afterwards.
 * @param p       borrowed.
 * @param opts    borrowed until return.
 * @param result  filled, also on failure.
 * @return 0 all that the receiver wanted is there and right; TN_ECERT the code
 *   is another one; -EACCES the receiver said no; -EIO some items failed, see
 *   result; -EPROTO whoever answers is no receiver; -EPROTONOSUPPORT it wants
 *   a code and there is none, or the other way round; -ESTALE something
 *   changed while it was sent; -ECANCELED we were cancelled. What ended it over
 *   there, the peer's own words being in result->reason: -ESHUTDOWN it was
 *   ended by hand; -EFBIG it takes less; -ENOSPC, -EDQUOT, -EROFS, -EIO,
 *   -ENOMEM, ... it cannot write. Else the connection was lost: try again on a
 *   new one. Suspends.
 */
TN_USE int parcel_send(tn_sock *sock, parcel *p,
                       const struct parcel_send_opts *opts,
                       struct parcel_result *result);

/* --- the receiver ----------------------------------------------------------*/

/* What happens to a file whose name is there. The same bytes are never sent
   nor written again. */
enum parcel_policy {
    PARCEL_RENAME,    /* "a (1).txt" */
    PARCEL_SKIP,      /* it is not taken */
    PARCEL_OVERWRITE, /* replaced, when the new one is right */
};

/* What is asked of the receiver's owner. */
struct parcel_ask {
    const char *who; /* what the sender calls itself, cleaned */
    const struct parcel_sum *sum;
    const struct parcel_item *items; /* all of them, sum->files + folders */
    bool *take; /* one for each item, all true: false refuses it */
};

struct parcel_recv_opts {
    const char *code; /* borrowed until return; NULL: in the clear */
    const char *who;  /* what we call ourselves; NULL: nothing */
    const char *dir;  /* borrowed until return; where to; it is there */
    int out;          /* a descriptor that gets the bytes of all files instead;
                         -1: none */
    enum parcel_policy policy;
    int64_t max_bytes; /* of an offer; 0: as much as the disk holds */
    /* Asked once; returns 0 to take what `take` says, -EACCES to refuse it
       all; may suspend; NULL: all is taken. */
    int (*ask)(void *arg, const struct parcel_ask *ask);
    parcel_told *told; /* may be NULL */
    void *arg;
};

/**
 * Receive a parcel.
 *
 * @param sock    borrowed; accepted. Only good for tn_close() afterwards.
 * @param opts    borrowed until return.
 * @param result  filled, also on failure.
 * @return 0 all that was taken is there and right; TN_ECERT the sender had
 *   another code; -EACCES we, or the sender, said no; -EIO some items failed;
 *   -EFBIG it is more than opts->max_bytes; -ENOSPC, -EROFS, ... nothing more
 *   can be written: what is there stays for a resume; -EPROTO the peer is no
 *   sender; -EPROTONOSUPPORT see parcel_send(); -ECANCELED we were cancelled;
 *   -ESHUTDOWN the sender was ended by hand; else the connection was lost.
 *   Where the sender ended it, result->reason has its words. Suspends.
 */
TN_USE int parcel_receive(tn_sock *sock, const struct parcel_recv_opts *opts,
                          struct parcel_result *result);

/* --- the course's homework -------------------------------------------------*/

/**
 * Receive one file in its simplest form: the length of the name, the name, the
 * length of the data, the data (docs/wire/transfer.md, "plain").
 *
 * @param sock    borrowed; accepted.
 * @param opts    borrowed until return; code and who are not used.
 * @param result  filled.
 * @return as parcel_receive(). Suspends.
 */
TN_USE int parcel_receive_plain(tn_sock *sock,
                                const struct parcel_recv_opts *opts,
                                struct parcel_result *result);

/**
 * Clean up a folder: parts that nobody came back for in a week.
 *
 * @param dir  borrowed until return.
 * @return how many were removed; -ENOENT, ... Suspends.
 */
TN_USE int parcel_sweep(const char *dir);

#endif
